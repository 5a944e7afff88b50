//! The parts of `lsm-tree` that its documentation hides, and that we use: its releases may change
//! them without a word, so that its version is pinned. Where one is gone or does something else,
//! this says which.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lsm_tree::table::block::decoder::ParsedItem;
use lsm_tree::table::block::{BlockType, Header};
use lsm_tree::table::{Block, DataBlock, IndexBlock, Writer};
use lsm_tree::{
    AbstractTree, CompressionType, Config, InternalValue, SequenceNumberCounter, ValueType,
};

#[test]
fn the_hidden_parts_of_the_engine_do_what_we_need() {
    let folder = tempfile::tempdir().unwrap();
    let (numbers, visible) = (SequenceNumberCounter::new(1), SequenceNumberCounter::default());
    let tree = Config::new(folder.path(), numbers.clone(), visible).open().unwrap();

    // `active_memtable`, `Memtable::insert` and `Memtable::get`.
    let memtable = tree.active_memtable();
    memtable.insert(InternalValue::from_components("b", "2", 5, ValueType::Value));
    memtable.insert(InternalValue::from_components("a", "1", 4, ValueType::Value));
    memtable.insert(InternalValue::new_weak_tombstone("c", 6));
    assert_eq!(memtable.get(b"b", u64::MAX).unwrap().key.seqno, 5);
    assert!(memtable.get(b"b", 5).is_none(), "numbers are bounds");

    // `rotate_memtable`, `get_flush_lock`, `flush`, `l0_run_count`, `current_version`.
    assert!(Arc::ptr_eq(&tree.rotate_memtable().unwrap(), &memtable));
    assert!(tree.rotate_memtable().is_none(), "an empty one is not sealed");
    tree.flush(&tree.get_flush_lock(), 0).unwrap();
    assert_eq!(tree.l0_run_count(), 1);
    assert_eq!(tree.get_highest_persisted_seqno(), Some(6));
    let version = tree.current_version();
    let table = version.iter_tables().next().unwrap();
    assert_eq!(
        (&**table.metadata.key_range.min(), &**table.metadata.key_range.max()),
        (&b"a"[..], &b"c"[..])
    );

    // `get_internal_entry`, which hides what was removed.
    assert_eq!(tree.get_internal_entry(b"b", u64::MAX).unwrap().unwrap().key.seqno, 5);
    assert!(tree.get_internal_entry(b"c", u64::MAX).unwrap().is_none());

    // A table file: rows first, each block with a header, sections by a table of contents.
    let bytes = std::fs::read(folder.path().join("tables").join(table.id().to_string())).unwrap();
    let block = Block::from_reader(&mut &bytes[..], CompressionType::None).unwrap();
    assert_eq!(block.header.block_type, BlockType::Data);
    let end = Header::serialized_len() + block.data.len();
    let block = DataBlock::new(block);
    let rows: Vec<_> = block.iter().map(|item| item.materialize(block.as_slice())).collect();
    let keys: Vec<_> = rows.iter().map(|row| (&*row.key.user_key, row.key.seqno)).collect();
    assert_eq!(keys, [(&b"a"[..], 4), (b"b", 5), (b"c", 6)]);
    let index = Block::from_reader(&mut &bytes[end..], CompressionType::None).unwrap();
    let index = IndexBlock::new(index);
    let item = index.iter().next().unwrap().materialize(index.as_slice());
    assert_eq!((*item.offset(), item.size() as usize, &**item.end_key()), (0, end, &b"c"[..]));

    // `table::Writer` writes the same form.
    let copy = folder.path().join("copy");
    let mut writer = Writer::new(copy.clone(), table.id(), 0).unwrap();
    rows.into_iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap();
    assert_eq!(std::fs::read(copy).unwrap()[..end], bytes[..end]);
}

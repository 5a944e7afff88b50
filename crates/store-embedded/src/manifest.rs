//! The list of a tree's tables, checked before the engine reads it.
//!
//! The engine keeps it in a file `v<number>`, and the number and the checksum of that file in
//! `current`. It does not compare the two when it opens a tree, and removes every table that the
//! list does not have: a list that was damaged would cost tables that are sound. So we compare.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use crate::OpenError;

/// The file that says which list is valid.
pub(crate) const MARKER_FILE: &str = "current";

/// The folder of a tree's tables.
pub(crate) const TABLES_FOLDER: &str = "tables";

/// The number of the list (8 bytes), its XXH3 (16), and the kind of checksum (1): little-endian.
const MARKER_BYTES: usize = 25;

/// The tables of a tree, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) tables: Vec<u64>,
}

/// Where the file of a table is.
pub(crate) fn table_path(tree: &Path, table: u64) -> PathBuf {
    tree.join(TABLES_FOLDER).join(table.to_string())
}

/// Reads the list of the tree in that folder; none where there is no tree yet.
///
/// # Errors
/// Where the list or what names it is not as it was written, by file.
pub(crate) fn read(tree: &Path) -> Result<Option<Manifest>, OpenError> {
    let marker = tree.join(MARKER_FILE);
    let bytes = match fs::read(&marker) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(&marker)(error)),
    };
    let Ok(bytes) = <[u8; MARKER_BYTES]>::try_from(bytes) else {
        return Err(OpenError::corrupt(&marker, "it does not have 25 bytes"));
    };
    let (number, rest) = bytes.split_first_chunk().expect("it has 25 bytes");
    let sum = u128::from_le_bytes(*rest.first_chunk().expect("it has 25 bytes"));
    let list = tree.join(format!("v{}", u64::from_le_bytes(*number)));
    let contents = match fs::read(&list) {
        Ok(contents) => contents,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let reason = format!("it names {}, which is not there", list.display());
            return Err(OpenError::corrupt(&marker, reason));
        }
        Err(error) => return Err(OpenError::io(&list)(error)),
    };
    if xxh3_128(&contents) != sum {
        let reason = "its checksum is not the one in the file 'current' beside it";
        return Err(OpenError::corrupt(&list, reason));
    }
    let tables = tables(&list, &contents);
    tables
        .map(|tables| Some(Manifest { tables }))
        .ok_or_else(|| OpenError::corrupt(&list, "it is not a list of tables"))
}

fn tables(list: &Path, contents: &[u8]) -> Option<Vec<u64>> {
    let archive = sfa::Reader::new(list).ok()?;
    let section = archive.toc().section(b"tables")?;
    let begin = usize::try_from(section.pos()).ok()?;
    let end = begin.checked_add(usize::try_from(section.len()).ok()?)?;
    let mut rest = contents.get(begin..end)?;
    let mut tables = Vec::new();
    for _level in 0..take::<1>(&mut rest)?[0] {
        for _run in 0..take::<1>(&mut rest)?[0] {
            for _table in 0..u32::from_le_bytes(take(&mut rest)?) {
                tables.push(u64::from_le_bytes(take(&mut rest)?));
                // Kind of checksum, checksum, and an offset of its numbers that we do not use.
                take::<25>(&mut rest)?;
            }
        }
    }
    Some(tables)
}

fn take<const LENGTH: usize>(rest: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    rest.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

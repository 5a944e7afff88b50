//! A table file, read block by block, so that a damaged block costs the rows in it and no others.
//!
//! The engine reads a table by way of its table of contents, its metadata, its index and its
//! filter. All of these follow from the rows: where one of them is damaged, nothing is lost. Where
//! a block of rows is damaged, the index says between which keys the lost ones lie.

use std::fs;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lsm_tree::table::block::decoder::ParsedItem;
use lsm_tree::table::block::{BlockType, Header};
use lsm_tree::table::{Block, DataBlock, IndexBlock};
use lsm_tree::{CompressionType, InternalValue, Slice};

/// What was found in a table file.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    /// What is damaged, by the order of the bytes.
    pub(crate) flaws: Vec<Flaw>,
    /// Where rows are lost.
    pub(crate) lost: Vec<LostKeys>,
    /// The greatest number of a row, of those that are lost too.
    pub(crate) newest: u64,
    /// How many rows can be read.
    pub(crate) rows: u64,
}

/// A damaged part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) byte: u64,
    pub(crate) what: &'static str,
}

/// Keys between which there were rows that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostKeys {
    /// The last key before them; none where they are the first ones.
    pub(crate) after: Option<Slice>,
    /// The first of them, where they are the first ones of the table.
    pub(crate) from: Slice,
    /// The last of them.
    pub(crate) to: Slice,
    pub(crate) byte: u64,
}

/// Why a table cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    /// The system does not give its bytes.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Both rows and what says where rows are, are damaged.
    #[error("{what} at byte {byte} is damaged, and so is what says which rows are in it")]
    Hopeless { byte: u64, what: &'static str },
}

/// Reads the table, and gives each row that can be read to `each`, in the order of the file.
///
/// # Errors
/// Where too much is damaged for knowing what is lost.
pub(crate) fn inspect(
    path: &Path,
    mut each: impl FnMut(InternalValue),
) -> Result<Inspection, InspectError> {
    let bytes = fs::read(path)?;
    // The engine asserts much of what it decodes.
    catch_unwind(AssertUnwindSafe(|| File::read(path, &bytes).inspect(&mut each)))
        .unwrap_or(Err(InspectError::Hopeless { byte: 0, what: "the table" }))
}

/// A table file, in memory.
struct File<'a> {
    bytes: &'a [u8],
    /// Where its sections are, where that can be read.
    sections: Option<sfa::Reader>,
}

/// A block of rows: where it is, and its last key, where an index says so.
struct Place {
    range: Range<usize>,
    last: Option<Slice>,
}

impl<'a> File<'a> {
    fn read(path: &Path, bytes: &'a [u8]) -> File<'a> {
        File { bytes, sections: sfa::Reader::new(path).ok() }
    }

    /// A section of it, as far as it is within the file.
    fn section(&self, name: &[u8]) -> Option<Range<usize>> {
        let section = self.sections.as_ref()?.toc().section(name)?;
        let begin = usize::try_from(section.pos()).ok()?;
        let end = begin.checked_add(usize::try_from(section.len()).ok()?)?;
        (end <= self.bytes.len()).then_some(begin..end)
    }

    /// The blocks of a section; where the first damaged one is, if there is one.
    fn blocks(&self, section: Range<usize>, kind: BlockType) -> Result<Vec<Block>, Flaw> {
        let mut blocks = Vec::new();
        let mut at = section.start;
        while at < section.end {
            let flaw = Flaw { byte: at as u64, what: name(kind) };
            let block = block(&self.bytes[at..section.end], kind).ok_or(flaw)?;
            at += bytes_of(&block);
            blocks.push(block);
        }
        Ok(blocks)
    }

    fn inspect(&self, each: &mut impl FnMut(InternalValue)) -> Result<Inspection, InspectError> {
        let mut inspection = Inspection::default();
        let metadata = self.metadata(&mut inspection.flaws);
        let index = self.places(&mut inspection.flaws);
        for (section, kind) in
            [(b"filter_tli".as_slice(), BlockType::Index), (b"filter", BlockType::Filter)]
        {
            let range = self.section(section).unwrap_or_default();
            inspection.flaws.extend(self.blocks(range, kind).err());
        }
        match (&index, &metadata) {
            (Some(places), Some(metadata)) => {
                inspection.read_places(self.bytes, places, metadata, each);
            }
            // Every block says how long it is, so that all of them are found if all are sound.
            (None, _) | (_, None) => inspection.read_all(self, each)?,
        }
        if let Some((newest, _)) = metadata {
            inspection.newest = inspection.newest.max(newest);
        }
        inspection.flaws.sort_by_key(|flaw| flaw.byte);
        Ok(inspection)
    }

    /// The greatest number of a row, and the first key.
    fn metadata(&self, flaws: &mut Vec<Flaw>) -> Option<(u64, Slice)> {
        let Some(section) = self.section(b"meta") else {
            let byte = self.bytes.len().saturating_sub(1) as u64;
            flaws.push(Flaw { byte, what: "the table of contents" });
            return None;
        };
        let byte = section.start as u64;
        let blocks = self.blocks(section, BlockType::Meta);
        let read = |blocks: Vec<Block>| {
            let block = DataBlock::new(blocks.into_iter().next()?);
            let newest = block.point_read(b"seqno#max", u64::MAX)?.value;
            let first = block.point_read(b"key#min", u64::MAX)?.value;
            Some((u64::from_le_bytes((*newest).try_into().ok()?), first))
        };
        let metadata = blocks.ok().and_then(read);
        if metadata.is_none() {
            flaws.push(Flaw { byte, what: name(BlockType::Meta) });
        }
        metadata
    }

    /// Where the blocks of rows are, by the index.
    fn places(&self, flaws: &mut Vec<Flaw>) -> Option<Vec<Place>> {
        let top = self.section(b"tli")?;
        let partitions = self.section(b"index").unwrap_or_default();
        let read = || {
            let top = self.blocks(top, BlockType::Index)?;
            let partitions = self.blocks(partitions, BlockType::Index)?;
            Ok(if partitions.is_empty() { top } else { partitions })
        };
        let blocks = read().map_err(|flaw| flaws.push(flaw)).ok()?;
        let mut places = Vec::new();
        for block in blocks.into_iter().map(IndexBlock::new) {
            for item in block.iter() {
                let handle = item.materialize(block.as_slice());
                let begin = usize::try_from(*handle.offset()).ok()?;
                let range = begin..begin.checked_add(usize::try_from(handle.size()).ok()?)?;
                let last = Some(handle.end_key().clone());
                (range.end <= self.bytes.len()).then(|| places.push(Place { range, last }))?;
            }
        }
        Some(places)
    }
}

impl Inspection {
    /// Reads the blocks of rows where the index says that they are.
    fn read_places(
        &mut self,
        bytes: &[u8],
        places: &[Place],
        (_, first): &(u64, Slice),
        each: &mut impl FnMut(InternalValue),
    ) {
        let mut after: Option<Slice> = None;
        for place in places {
            match block(&bytes[place.range.clone()], BlockType::Data) {
                Some(block) => self.read_rows(block, each),
                None => {
                    let byte = place.range.start as u64;
                    self.flaws.push(Flaw { byte, what: name(BlockType::Data) });
                    let to = place.last.clone().unwrap_or_else(|| first.clone());
                    let (after, from) = (after.clone(), first.clone());
                    self.lost.push(LostKeys { after, from, to, byte });
                }
            }
            after = place.last.clone();
        }
    }

    /// Reads the blocks of rows one after the other.
    fn read_all(
        &mut self,
        file: &File<'_>,
        each: &mut impl FnMut(InternalValue),
    ) -> Result<(), InspectError> {
        let section = file.section(b"data");
        let end = section.as_ref().map_or(file.bytes.len(), |section| section.end);
        let mut at = 0;
        while at < end {
            let kinds = [BlockType::Data, BlockType::Index, BlockType::Filter, BlockType::Meta];
            let found = kinds.into_iter().find_map(|kind| block(&file.bytes[at..end], kind));
            match found {
                Some(block) if block.header.block_type == BlockType::Data => {
                    at += bytes_of(&block);
                    self.read_rows(block, each);
                }
                // What comes after the rows; where they end is not known by other means.
                Some(_) if section.is_none() && at > 0 => break,
                Some(_) | None => {
                    let what = name(BlockType::Data);
                    return Err(InspectError::Hopeless { byte: at as u64, what });
                }
            }
        }
        Ok(())
    }

    fn read_rows(&mut self, block: Block, each: &mut impl FnMut(InternalValue)) {
        let block = DataBlock::new(block);
        for item in block.iter() {
            let row = item.materialize(block.as_slice());
            self.newest = self.newest.max(row.key.seqno);
            self.rows += 1;
            each(row);
        }
    }
}

/// The block that the bytes begin with, if it is sound and of that kind.
fn block(mut bytes: &[u8], kind: BlockType) -> Option<Block> {
    let block = Block::from_reader(&mut bytes, CompressionType::None).ok()?;
    (block.header.block_type == kind).then_some(block)
}

/// How long a block is in the file.
fn bytes_of(block: &Block) -> usize {
    Header::serialized_len() + block.data.len()
}

fn name(kind: BlockType) -> &'static str {
    match kind {
        BlockType::Data => "a block of rows",
        BlockType::Index => "a block of the index",
        BlockType::Filter => "a block of the filter",
        BlockType::Meta => "the block of metadata",
    }
}

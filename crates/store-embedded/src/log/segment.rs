//! The form of the log's files.
//!
//! A segment begins with a header block, which is durable before the segment has its name:
//!
//! | bytes | |
//! | --- | --- |
//! | 4 | `SWLS` |
//! | 4 | the version of this form, 1 |
//! | 8 | the salt, as in the name |
//! | 8 | the segment's own place in the log, as in the name |
//! | 8 | the floor: the least place that was still needed when the segment was made |
//! | 8 | how long the file was then: what lies beyond a record before that may be of its last use |
//! | 8 | XXH3 of the block, with zeros here and the salt as the seed |
//! | 4048 | zeros |
//!
//! Then come records:
//!
//! | bytes | |
//! | --- | --- |
//! | 4 | `SWL1` |
//! | 4 | length of the rows |
//! | 8 | the record's place in the log: one more than that of what is before it |
//! | 8 | the batch's number in the trees |
//! | 8 | XXH3 of the rows, with the XXH3 of all before it as the seed, and that with the salt |
//! | | rows: table (1), kind (1), lengths of key (2) and value (4), key, value |
//!
//! Numbers are little-endian. Segments of format 2 have no header block, and no place of their own.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use lsm_tree::Slice;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::changes::{Value, Write};
use crate::database::Table;

/// How long a header block is: records share no block of a disk with it.
pub(crate) const HEADER_BYTES: usize = 4096;

const SEGMENT_MAGIC: [u8; 4] = *b"SWLS";
const SEGMENT_FORM: u32 = 1;
const SEGMENT_SUM: std::ops::Range<usize> = 40..48;

const RECORD_MAGIC: [u8; 4] = *b"SWL1";
const RECORD_HEADER_BYTES: usize = 32;
const ROW_HEADER_BYTES: usize = 8;

/// A file of the log, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// Its place; that of its first record in format 2.
    pub(crate) first: u64,
    salt: u64,
}

/// What a header block says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) floor: u64,
    /// How long the file was when it was made.
    pub(crate) used_bytes: u64,
}

/// What is read of a record.
pub(crate) struct Batch<'a> {
    /// Its number in the trees.
    pub(crate) number: u64,
    rows: &'a [u8],
}

impl Segment {
    /// One with a salt that nobody knows.
    pub(crate) fn new(first: u64) -> Segment {
        Segment { first, salt: RandomState::new().hash_one(first) }
    }

    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:020}-{:016x}.log", self.first, self.salt))
    }

    pub(crate) fn parse(name: &str) -> Option<Segment> {
        let (first, salt) = name.strip_suffix(".log")?.split_once('-')?;
        Some(Segment { first: first.parse().ok()?, salt: u64::from_str_radix(salt, 16).ok()? })
    }

    /// Its header block.
    pub(crate) fn header(&self, header: Header) -> Vec<u8> {
        let mut block = Vec::with_capacity(HEADER_BYTES);
        block.extend_from_slice(&SEGMENT_MAGIC);
        block.extend_from_slice(&SEGMENT_FORM.to_le_bytes());
        for number in [self.salt, self.first, header.floor, header.used_bytes] {
            block.extend_from_slice(&number.to_le_bytes());
        }
        block.resize(HEADER_BYTES, 0);
        let sum = xxh3_64_with_seed(&block, self.salt);
        block[SEGMENT_SUM].copy_from_slice(&sum.to_le_bytes());
        block
    }

    /// Reads its header block, where that is as it was written.
    pub(crate) fn read_header(&self, bytes: &[u8]) -> Option<Header> {
        let block: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let number =
            |at: usize| u64::from_le_bytes(*block[at..].first_chunk().expect("it is in the block"));
        let header = Header { floor: number(24), used_bytes: number(32) };
        (*block == *self.header(header)).then_some(header)
    }

    /// Writes a record to the end of the buffer.
    pub(crate) fn write_record(
        &self,
        buffer: &mut Vec<u8>,
        place: u64,
        number: u64,
        rows: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let begin = buffer.len();
        buffer.resize(begin + RECORD_HEADER_BYTES, 0);
        rows(buffer)?;
        let record = &mut buffer[begin..];
        let length = u32::try_from(record.len() - RECORD_HEADER_BYTES)
            .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "a batch of more than 4 GiB"))?;
        record[..4].copy_from_slice(&RECORD_MAGIC);
        record[4..8].copy_from_slice(&length.to_le_bytes());
        record[8..16].copy_from_slice(&place.to_le_bytes());
        record[16..24].copy_from_slice(&number.to_le_bytes());
        let (header, rows) = record.split_at_mut(RECORD_HEADER_BYTES);
        let sum = self.sum(&header[..24], rows);
        header[24..].copy_from_slice(&sum.to_le_bytes());
        Ok(())
    }

    fn sum(&self, header: &[u8], rows: &[u8]) -> u64 {
        xxh3_64_with_seed(rows, xxh3_64_with_seed(header, self.salt))
    }

    /// The record at that byte: its place, its batch, and the byte after it.
    fn record<'a>(&self, bytes: &'a [u8], at: usize) -> Option<(u64, Batch<'a>, usize)> {
        let header: &[u8; RECORD_HEADER_BYTES] = bytes.get(at..)?.first_chunk()?;
        let number = |at: usize| {
            u64::from_le_bytes(*header[at..].first_chunk().expect("it is within the header"))
        };
        let length = number(0) >> 32;
        let begin = at + RECORD_HEADER_BYTES;
        let end = begin.checked_add(usize::try_from(length).ok()?)?;
        let rows = bytes.get(begin..end)?;
        let is_whole = header[..4] == RECORD_MAGIC && number(24) == self.sum(&header[..24], rows);
        is_whole.then(|| (number(8), Batch { number: number(16), rows }, end))
    }

    /// Whether there are records at that byte or after it.
    pub(crate) fn goes_on(&self, bytes: &[u8], end: usize) -> bool {
        let mut candidates = memchr::memmem::find_iter(&bytes[end..], &RECORD_MAGIC);
        candidates.any(|at| self.record(bytes, end + at).is_some())
    }

    /// How many bytes there are of a record that begins there, has that place and is not whole.
    pub(crate) fn torn_bytes(bytes: &[u8], end: usize, place: u64) -> Option<usize> {
        let rest = &bytes[end..];
        let begins = rest.starts_with(&RECORD_MAGIC) && rest.get(8..16)? == place.to_le_bytes();
        let length = u32::from_le_bytes(*rest.get(4..8)?.first_chunk()?);
        begins.then_some(rest.len().min(RECORD_HEADER_BYTES.saturating_add(length as usize)))
    }
}

/// The records of a segment, up to the first thing that is none.
pub(crate) struct Records<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) bytes: &'a [u8],
    /// Where the next one begins.
    pub(crate) at: usize,
    /// Its place.
    pub(crate) next: u64,
    /// The number of the last one.
    pub(crate) number: u64,
}

impl<'a> Iterator for Records<'a> {
    type Item = Batch<'a>;

    fn next(&mut self) -> Option<Batch<'a>> {
        let (place, batch, end) = self.segment.record(self.bytes, self.at)?;
        if place != self.next || batch.number < self.number {
            return None;
        }
        (self.at, self.next, self.number) = (end, place + 1, batch.number);
        Some(batch)
    }
}

impl Batch<'_> {
    /// Its rows as they are in the log.
    pub(crate) fn rows(&self) -> &[u8] {
        self.rows
    }

    /// Its rows. Fails where they are not in our form, although their sum is right.
    pub(crate) fn writes(&self) -> io::Result<Vec<Write>> {
        let mut rest = self.rows;
        let mut writes = Vec::new();
        while !rest.is_empty() {
            let row = read_row(&mut rest);
            writes.push(row.ok_or_else(|| {
                io::Error::new(ErrorKind::InvalidData, "a row of the log is not in our form")
            })?);
        }
        Ok(writes)
    }
}

pub(crate) fn write_row(buffer: &mut Vec<u8>, write: &Write) -> io::Result<()> {
    let too_long = |_| io::Error::new(ErrorKind::InvalidInput, "a row is too long");
    let (kind, value) = match &write.value {
        Value::Put(value) => (0, value.as_ref()),
        Value::Remove => (1, [].as_slice()),
        Value::RemoveOnce => (2, [].as_slice()),
    };
    buffer.extend_from_slice(&[write.table as u8, kind]);
    buffer.extend_from_slice(&u16::try_from(write.key.len()).map_err(too_long)?.to_le_bytes());
    buffer.extend_from_slice(&u32::try_from(value.len()).map_err(too_long)?.to_le_bytes());
    buffer.extend_from_slice(&write.key);
    buffer.extend_from_slice(value);
    Ok(())
}

fn read_row(rest: &mut &[u8]) -> Option<Write> {
    let (header, after) = rest.split_first_chunk::<ROW_HEADER_BYTES>()?;
    let [table, kind, key @ .., a, b, c, d] = *header;
    let (key, after) = after.split_at_checked(usize::from(u16::from_le_bytes(key)))?;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    let table = *Table::ALL.get(usize::from(table))?;
    let value = match kind {
        0 => Value::Put(Slice::from(value)),
        1 => Value::Remove,
        2 => Value::RemoveOnce,
        _ => return None,
    };
    Some(Write { table, key: Slice::from(key), value })
}

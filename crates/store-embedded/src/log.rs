//! The log: every batch is written here and synced before it is answered, and read again at opening
//! until the trees have written out what is in it.
//!
//! Files `<first>-<salt>.log`, called segments, of which only the last is written to. A record has
//! the form
//!
//! | bytes | |
//! | --- | --- |
//! | 4 | `SWL1` |
//! | 4 | length of the rows |
//! | 8 | the record's place in the log: one more than that of the record before it |
//! | 8 | the batch's number in the trees |
//! | 8 | XXH3 of the rows, with the XXH3 of all before it as the seed, and that with the salt |
//! | | rows: table (1), kind (1), lengths of key (2) and value (4), key, value |
//!
//! Numbers are little-endian. A segment whose rows are written out becomes the next one, under a
//! new salt, so that a sync need not make a file longer; what is left in it of its last use is no
//! record under the new salt, nor can anybody who does not know the salt put one into a payload.
//!
//! A record that the end of the process or of the power cut short is the last one, and is dropped.
//! One that is broken with others after it is refused: commits that were answered would be gone
//! without a word.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lsm_tree::Slice;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::OpenError;
use crate::changes::{Value, Write};
use crate::database::Table;

const MAGIC: [u8; 4] = *b"SWL1";
const HEADER_BYTES: usize = 32;
const ROW_HEADER_BYTES: usize = 8;

/// The name of a segment that waits to be used again.
const SPARE: &str = "spare";

/// The log, open at its end.
pub(crate) struct Log {
    folder: PathBuf,
    segment: Segment,
    file: File,
    /// Where the next record goes.
    offset: u64,
    /// Its place.
    next: u64,
    /// Segments before this one, and how much is in them.
    full: Vec<PathBuf>,
    full_bytes: u64,
    /// The record in the making.
    buffer: Vec<u8>,
}

/// What is read of a log.
pub(crate) struct Batch<'a> {
    /// Its number in the trees.
    pub(crate) number: u64,
    rows: &'a [u8],
}

impl Log {
    /// Gives what is in the log to `apply`, and goes on in a segment of its own.
    ///
    /// # Errors
    /// Where a record is broken and others follow it.
    pub(crate) fn open(
        folder: &Path,
        mut apply: impl FnMut(Batch<'_>) -> io::Result<()>,
    ) -> Result<Log, OpenError> {
        fs::create_dir_all(folder).map_err(OpenError::io(folder))?;
        let mut next: Option<u64> = None;
        let mut before: Option<(PathBuf, usize)> = None;
        let (mut full, mut full_bytes) = (Vec::new(), 0);
        for segment in segments(folder)? {
            let path = segment.path(folder);
            let bytes = fs::read(&path).map_err(OpenError::io(&path))?;
            let mut records = Records { segment: &segment, bytes: &bytes, at: 0 };
            let mut last = None;
            for (place, batch) in &mut records {
                last = Some(place);
                apply(batch).map_err(OpenError::io(&path))?;
            }
            let end = records.at;
            if segment.goes_on(&bytes, end) {
                return Err(follows(&path, end));
            }
            let Some(last) = last else {
                // Begun, and not written to: or its first record was cut short.
                remove(folder, &path).map_err(OpenError::io(&path))?;
                continue;
            };
            if next.is_some_and(|expected| expected != segment.first) {
                let (path, at) = before.unwrap_or((path, 0));
                return Err(follows(&path, at));
            }
            next = Some(last + 1);
            full_bytes += end as u64;
            full.push(path.clone());
            before = Some((path, end));
        }
        let next = next.unwrap_or(0);
        let (segment, file) = Segment::begin(folder, next).map_err(OpenError::io(folder))?;
        let folder = folder.to_owned();
        Ok(Log { folder, segment, file, offset: 0, next, full, full_bytes, buffer: Vec::new() })
    }

    /// Writes a batch; it is on the disk when this returns. After an error, nothing may be
    /// appended.
    pub(crate) fn append(&mut self, number: u64, writes: &[Write]) -> io::Result<()> {
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.resize(HEADER_BYTES, 0);
        for write in writes {
            write_row(buffer, write)?;
        }
        let length = u32::try_from(buffer.len() - HEADER_BYTES)
            .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "a batch of more than 4 GiB"))?;
        buffer[..4].copy_from_slice(&MAGIC);
        buffer[4..8].copy_from_slice(&length.to_le_bytes());
        buffer[8..16].copy_from_slice(&self.next.to_le_bytes());
        buffer[16..24].copy_from_slice(&number.to_le_bytes());
        let (header, rows) = buffer.split_at_mut(HEADER_BYTES);
        let sum = self.segment.sum(&header[..24], rows);
        header[24..].copy_from_slice(&sum.to_le_bytes());
        self.file.write_all_at(buffer, self.offset)?;
        self.file.sync_data()?;
        self.offset += buffer.len() as u64;
        self.next += 1;
        // A large one is not kept for the small ones to come.
        buffer.shrink_to(1 << 20);
        Ok(())
    }

    /// How much is in it.
    pub(crate) fn bytes(&self) -> u64 {
        self.full_bytes + self.offset
    }

    /// Goes on in another segment. Returns those that are full: they can be let go of when all in
    /// them is written out.
    pub(crate) fn turn(&mut self) -> io::Result<Vec<PathBuf>> {
        let (segment, file) = Segment::begin(&self.folder, self.next)?;
        let before = std::mem::replace(&mut self.segment, segment);
        self.file = file;
        self.offset = 0;
        self.full_bytes = 0;
        self.full.push(before.path(&self.folder));
        Ok(std::mem::take(&mut self.full))
    }
}

/// Lets go of segments, the oldest first, of which one is kept to be used again.
pub(crate) fn free(folder: &Path, segments: &[PathBuf]) -> io::Result<()> {
    let spare = folder.join(SPARE);
    for segment in segments {
        if spare.exists() {
            remove(folder, segment)?;
        } else {
            fs::rename(segment, &spare)?;
            sync_folder(folder)?;
        }
    }
    Ok(())
}

/// Removes a file, for good before another one after it is: nothing may be missing in between.
fn remove(folder: &Path, file: &Path) -> io::Result<()> {
    fs::remove_file(file)?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// After everything was written out: removes it all, so that the next opening reads nothing.
pub(crate) fn clear(folder: &Path) -> Result<(), OpenError> {
    let mut paths: Vec<_> =
        segments(folder)?.into_iter().map(|segment| segment.path(folder)).collect();
    let spare = folder.join(SPARE);
    if spare.exists() {
        paths.push(spare);
    }
    paths.iter().try_for_each(|path| remove(folder, path).map_err(OpenError::io(path)))
}

/// Whether anything is in it.
pub(crate) fn holds_batches(folder: &Path) -> Result<bool, OpenError> {
    for segment in segments(folder)? {
        let path = segment.path(folder);
        let bytes = fs::read(&path).map_err(OpenError::io(&path))?;
        if (Records { segment: &segment, bytes: &bytes, at: 0 }).next().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// After a write or a sync that failed: cuts off all batches from that number on, which were not
/// answered, though they may be there. Takes no room on the disk.
pub(crate) fn repair(folder: &Path, unanswered: u64) -> Result<(), OpenError> {
    for segment in segments(folder)? {
        let path = segment.path(folder);
        let bytes = fs::read(&path).map_err(OpenError::io(&path))?;
        let mut records = Records { segment: &segment, bytes: &bytes, at: 0 };
        let mut end = 0;
        while let Some((_, batch)) = records.next()
            && batch.number < unanswered
        {
            end = records.at;
        }
        let cut = || {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(end as u64)?;
            file.sync_all()
        };
        cut().map_err(OpenError::io(&path))?;
    }
    Ok(())
}

fn follows(path: &Path, at: usize) -> OpenError {
    OpenError::corrupt(path, format!("a batch at byte {at} is broken, and others follow it"))
}

/// A file of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    /// The place of its first record.
    first: u64,
    salt: u64,
}

impl Segment {
    /// Makes one, of the spare where there is one.
    fn begin(folder: &Path, first: u64) -> io::Result<(Segment, File)> {
        let segment = Segment { first, salt: RandomState::new().hash_one(first) };
        let path = segment.path(folder);
        match fs::rename(folder.join(SPARE), &path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => drop(File::create_new(&path)?),
            Err(error) => return Err(error),
        }
        let file = OpenOptions::new().write(true).open(&path)?;
        sync_folder(folder)?;
        Ok((segment, file))
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:020}-{:016x}.log", self.first, self.salt))
    }

    fn parse(name: &str) -> Option<Segment> {
        let (first, salt) = name.strip_suffix(".log")?.split_once('-')?;
        Some(Segment { first: first.parse().ok()?, salt: u64::from_str_radix(salt, 16).ok()? })
    }

    fn sum(&self, header: &[u8], rows: &[u8]) -> u64 {
        xxh3_64_with_seed(rows, xxh3_64_with_seed(header, self.salt))
    }

    /// The record at that byte: its place, its batch, and the byte after it.
    fn record<'a>(&self, bytes: &'a [u8], at: usize) -> Option<(u64, Batch<'a>, usize)> {
        let header: &[u8; HEADER_BYTES] = bytes.get(at..)?.first_chunk()?;
        let number = |at: usize| {
            u64::from_le_bytes(*header[at..].first_chunk().expect("it is within the header"))
        };
        let length = number(0) >> 32;
        let begin = at + HEADER_BYTES;
        let end = begin.checked_add(usize::try_from(length).ok()?)?;
        let rows = bytes.get(begin..end)?;
        let is_whole = header[..4] == MAGIC && number(24) == self.sum(&header[..24], rows);
        is_whole.then(|| (number(8), Batch { number: number(16), rows }, end))
    }

    /// Whether there are records after that byte, at which there is none.
    fn goes_on(&self, bytes: &[u8], end: usize) -> bool {
        let mut candidates = memchr::memmem::find_iter(&bytes[end..], &MAGIC);
        candidates.any(|at| self.record(bytes, end + at).is_some())
    }
}

/// The records from the first byte on, up to the first thing that is none.
struct Records<'a> {
    segment: &'a Segment,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, Batch<'a>);

    fn next(&mut self) -> Option<(u64, Batch<'a>)> {
        let (place, batch, end) = self.segment.record(self.bytes, self.at)?;
        self.at = end;
        Some((place, batch))
    }
}

/// The segments, oldest first.
fn segments(folder: &Path) -> Result<Vec<Segment>, OpenError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(OpenError::io(folder)(error)),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let name = entry.map_err(OpenError::io(folder))?.file_name();
        segments.extend(name.to_str().and_then(Segment::parse));
    }
    segments.sort();
    Ok(segments)
}

fn write_row(buffer: &mut Vec<u8>, write: &Write) -> io::Result<()> {
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

impl Batch<'_> {
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

//! Looks after the engine's journals: files `<number>.jnl`, in which every batch is written before
//! it is applied, and which are read again at opening.
//!
//! The engine cuts a journal at the first thing that it cannot read, whatever comes after. That is
//! right for a batch that the end of a process or of the power cut short, which is always the last
//! one, and wrong for anything else: commits that were answered would be gone without a word. So
//! journals are read here first. A batch that is cut short at the end is cut off, one that is
//! broken before others is refused.
//!
//! Known of the form (version 3 of the engine's): a batch is a start (1, count, number), items (2,
//! type, compression, table, lengths, key, value) or clearings (4, table), and an end (3, XXH3 of
//! what is between, `FJL` 3). Numbers are little-endian. The files are made longer than what is in
//! them, with zeros.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::OpenError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: &[u8] = b"FJL\x03";

/// Refuses journals that are broken elsewhere than at the end, and cuts off what is broken there.
pub(crate) fn check(database: &Path) -> Result<(), OpenError> {
    let mut broken: Option<(PathBuf, usize)> = None;
    for path in journals(database)? {
        let bytes = read(&path).map_err(OpenError::io(&path))?;
        let end = batches(&bytes).last().map_or(0, |batch| batch.end);
        let rest = &bytes[end..];
        let is_whole = rest.iter().all(|byte| *byte == 0);
        let goes_on = !is_whole && (1..rest.len()).any(|at| batch(rest, at).is_some());
        let follows = broken.is_some() && end > 0;
        if goes_on || follows {
            let (place, end) = broken.unwrap_or((path, end));
            let reason = format!("a batch at byte {end} is broken, and others follow it");
            return Err(OpenError::corrupt(&place, reason));
        }
        if !is_whole {
            broken.get_or_insert((path, end));
        }
    }
    match broken {
        Some((path, end)) => cut(&path, end).map_err(OpenError::io(&path)),
        None => Ok(()),
    }
}

/// Whether anything was ever committed.
pub(crate) fn holds_batches(database: &Path) -> Result<bool, OpenError> {
    for path in journals(database)? {
        let bytes = read(&path).map_err(OpenError::io(&path))?;
        if batches(&bytes).next().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// After a write or a sync that failed: cuts off all batches from that number on, which were not
/// answered, and writes the others once more, since the system may have dropped what it could not
/// write and still show it. Takes no room on the disk.
pub(crate) fn repair(database: &Path, unanswered: u64) -> Result<(), OpenError> {
    for path in journals(database)? {
        let bytes = read(&path).map_err(OpenError::io(&path))?;
        let answered = batches(&bytes).take_while(|batch| batch.number < unanswered);
        let end = answered.last().map_or(0, |batch| batch.end);
        cut(&path, end)
            .and_then(|()| rewrite(&path, &bytes[..end]))
            .map_err(OpenError::io(&path))?;
    }
    Ok(())
}

/// After everything was written to tables: empties the journals, so that the next opening does not
/// read them. The engine takes an empty journal for one whose first batch was cut short.
pub(crate) fn clear(database: &Path) -> Result<(), OpenError> {
    journals(database)?.iter().try_for_each(|path| cut(path, 0).map_err(OpenError::io(path)))
}

/// The journals, oldest first.
fn journals(database: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut journals = Vec::new();
    let entries = match fs::read_dir(database) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(OpenError::io(database)(error)),
    };
    for entry in entries {
        let path = entry.map_err(OpenError::io(database))?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (true, Some(number)) = (is_journal, number) {
            journals.push((number, path));
        }
    }
    journals.sort();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// A journal, without the part behind what was written, which takes no room on the disk.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = written_bytes(&file)?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn written_bytes(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    Ok(metadata.len().min(metadata.blocks().saturating_mul(512)))
}

#[cfg(not(unix))]
fn written_bytes(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

fn cut(path: &Path, end: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end as u64)?;
    file.sync_all()
}

fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batch {
    number: u64,
    /// The byte after it.
    end: usize,
}

/// The batches from the first byte on, up to the first thing that is none.
fn batches(bytes: &[u8]) -> impl Iterator<Item = Batch> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = batch(bytes, at)?;
        at = found.end;
        Some(found)
    })
}

fn batch(bytes: &[u8], at: usize) -> Option<Batch> {
    let mut source = Source { bytes, at };
    if source.array::<1>()? != [START] {
        return None;
    }
    let count = u32::from_le_bytes(source.array()?);
    let number = u64::from_le_bytes(source.array()?);
    let begin = source.at;
    for _ in 0..count {
        source.item()?;
    }
    let content = &bytes[begin..source.at];
    let is_end = source.array::<1>()? == [END];
    let sum = u64::from_le_bytes(source.array()?);
    let is_whole = source.array::<4>()? == MAGIC && sum == xxh3_64(content);
    (is_end && is_whole).then_some(Batch { number, end: source.at })
}

struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Source<'_> {
    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let array = self.bytes.get(self.at..)?.first_chunk()?;
        self.at += LENGTH;
        Some(*array)
    }

    fn item(&mut self) -> Option<()> {
        match self.array::<1>()? {
            [ITEM] => {
                let [_value_type, _compression] = self.array()?;
                let _table: [u8; 8] = self.array()?;
                let key = u16::from_le_bytes(self.array()?);
                let _value: [u8; 4] = self.array()?;
                let stored = u32::from_le_bytes(self.array()?);
                self.skip(usize::from(key).checked_add(usize::try_from(stored).ok()?)?)
            }
            [CLEAR] => self.skip(8),
            _ => None,
        }
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.at = self.at.checked_add(length).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }
}

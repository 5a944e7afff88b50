//! Looks after the engine's journals: files `<number>.jnl`, in which every batch is written before
//! it is applied, and which are read again at opening.
//!
//! The engine cuts a journal at the first thing that it cannot read, whatever comes after. That is
//! right for a batch that the end of a process or of the power cut short, which is always the last
//! one, and wrong for anything else: commits that were answered would be gone without a word. So
//! journals are read here first, and one with a broken batch before others is refused.
//!
//! Known of the form (version 3 of the engine's): a batch is a start (1, count, number), items (2,
//! type, compression, table, lengths, key, value) or clearings (4, table), and an end (3, XXH3 of
//! what is between, `FJL` 3). Numbers are little-endian. The files are made longer than what is in
//! them, with zeros.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::OpenError;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const MAGIC: &[u8] = b"FJL\x03";

/// A journal is read in stretches of this length.
const STRETCH_BYTES: u64 = 1 << 20;

/// A batch that was cut short, with nothing after it.
#[derive(Debug)]
pub(crate) struct Torn {
    path: PathBuf,
    /// The first byte of it.
    begin: usize,
}

impl Torn {
    /// Cuts it off. The engine does so itself for most of them, and refuses those of which all
    /// parts are there but not all of their bytes.
    pub(crate) fn cut_off(&self) -> Result<(), OpenError> {
        cut(&self.path, self.begin).map_err(OpenError::io(&self.path))
    }
}

/// Refuses journals that are broken elsewhere than at the end, and tells what is broken there.
pub(crate) fn check(database: &Path) -> Result<Option<Torn>, OpenError> {
    let mut torn: Option<Torn> = None;
    for path in journals(database)? {
        let Journal { bytes, end } = Journal::read(&path).map_err(OpenError::io(&path))?;
        let rest = &bytes[end..];
        let is_whole = is_zero(rest);
        let goes_on = !is_whole && (1..rest.len()).any(|at| batch(rest, at).is_some());
        let follows = torn.is_some() && end > 0;
        if goes_on || follows {
            let Torn { path, begin } = torn.unwrap_or(Torn { path, begin: end });
            let reason = format!("a batch at byte {begin} is broken, and others follow it");
            return Err(OpenError::corrupt(&path, reason));
        }
        if !is_whole {
            torn.get_or_insert(Torn { path, begin: end });
        }
    }
    Ok(torn)
}

/// Whether anything was ever committed.
pub(crate) fn holds_batches(database: &Path) -> Result<bool, OpenError> {
    for path in journals(database)? {
        let journal = Journal::read(&path).map_err(OpenError::io(&path))?;
        if journal.end > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// After a write or a sync that failed: cuts off all whole batches from that number on, which were
/// not answered, and writes the rest once more, since the system may have dropped what it could
/// not write and still show it. Takes no room on the disk.
pub(crate) fn repair(database: &Path, unanswered: u64) -> Result<(), OpenError> {
    for path in journals(database)? {
        let Journal { mut bytes, end } = Journal::read(&path).map_err(OpenError::io(&path))?;
        let mut begin = 0;
        for Batch { number, end } in batches(&bytes) {
            if number >= unanswered {
                break;
            }
            begin = end;
        }
        let mut repaired = Ok(());
        if begin < end {
            bytes.truncate(begin);
            repaired = cut(&path, begin);
        }
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        repaired.and_then(|()| rewrite(&path, &bytes[..written])).map_err(OpenError::io(&path))?;
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

/// A journal as far as it is written.
struct Journal {
    bytes: Vec<u8>,
    /// The byte after the last whole batch.
    end: usize,
}

impl Journal {
    fn read(path: &Path) -> io::Result<Journal> {
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        // Up to where nothing was written yet, so as not to read all of the zeros.
        loop {
            let begin = bytes.len();
            let count = Read::by_ref(&mut file).take(STRETCH_BYTES).read_to_end(&mut bytes)?;
            if count == 0 || is_zero(&bytes[begin..]) {
                break;
            }
        }
        let mut end = end(&bytes);
        if !is_zero(&bytes[end..]) {
            // Broken; or the zeros are part of a batch.
            file.read_to_end(&mut bytes)?;
            end = self::end(&bytes);
        }
        Ok(Journal { bytes, end })
    }
}

fn end(bytes: &[u8]) -> usize {
    batches(bytes).last().map_or(0, |batch| batch.end)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn cut(path: &Path, end: usize) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end as u64)?;
    file.sync_all()
}

fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
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

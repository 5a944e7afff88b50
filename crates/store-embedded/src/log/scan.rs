//! Reading a log: changes nothing on the disk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::segment::{Batch, HEADER_BYTES, Header, Records, Segment};
use crate::database::LOG_FOLDER;
use crate::disk::{Disk, Opening};
use crate::{OpenError, folder};

/// Which segments a folder may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// With header blocks.
    Now,
    /// As of format 2, without them, too.
    Before,
}

/// What is wrong with a log, if anything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is.
    Sound,
    /// Its last record is not whole: it was being written when the process or the machine stopped,
    /// and was not answered. It is dropped. A last record that was damaged later looks the same.
    Torn {
        /// The last segment.
        file: PathBuf,
        /// Where that record begins.
        byte: u64,
        /// How much there is of it.
        bytes: u64,
    },
    /// Something in it is not what was written, or is gone. The store refuses to open.
    Damaged {
        /// The segment, or the folder where a segment is missing.
        file: PathBuf,
        /// Where in the segment.
        byte: u64,
        /// What is wrong.
        reason: String,
    },
}

/// What is in a log.
#[derive(Debug)]
pub struct LogScan {
    pub(super) folder: PathBuf,
    /// What is needed, oldest first.
    pub(super) segments: Vec<Scanned>,
    /// Below the floor.
    pub(super) stale: Vec<PathBuf>,
    /// The place of what is written next.
    pub(super) next: u64,
    verdict: Verdict,
}

/// A segment that is needed.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) segment: Segment,
    pub(super) path: PathBuf,
    bytes: Vec<u8>,
    header: Option<Header>,
    /// The byte after its last record.
    pub(super) end: usize,
}

/// Reads the log of a data folder, and says what is wrong with it. Changes nothing; a store that
/// has the folder open may change it meanwhile.
///
/// # Errors
/// Where a file cannot be read.
pub fn scan_log(disk: &dyn Disk, data_folder: &Path) -> Result<LogScan, OpenError> {
    let form = match folder::format(disk, data_folder)? {
        Some(format) if format < folder::FORMAT => Form::Before,
        Some(_) | None => Form::Now,
    };
    scan(disk, &data_folder.join(folder::DATABASE_FOLDER).join(LOG_FOLDER), form)
}

impl LogScan {
    /// What is wrong, if anything is.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The segments that are needed, oldest first, and how many bytes of each are in use.
    pub fn segments(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.segments.iter().map(|it| (it.path.as_path(), it.end as u64))
    }

    /// How many batches are in it.
    pub fn batches(&self) -> u64 {
        self.records().count() as u64
    }

    /// The batches, oldest first. Those of a log that is damaged are all before the damage.
    pub(crate) fn records(&self) -> impl Iterator<Item = Batch<'_>> {
        self.segments.iter().flat_map(Scanned::records)
    }

    /// Whether there is no log, rather than an empty one.
    pub(crate) fn is_missing(&self) -> bool {
        self.segments.is_empty() && self.stale.is_empty() && self.verdict == Verdict::Sound
    }

    /// Refuses what is damaged.
    pub(crate) fn sound(self) -> Result<LogScan, OpenError> {
        match &self.verdict {
            Verdict::Damaged { file, byte: _, reason } => Err(OpenError::corrupt(file, reason)),
            Verdict::Sound | Verdict::Torn { .. } => Ok(self),
        }
    }

    /// What there is of a last record that is not whole.
    pub(super) fn torn(&self) -> Option<&[u8]> {
        let (Verdict::Torn { bytes, .. }, Some(last)) = (&self.verdict, self.segments.last())
        else {
            return None;
        };
        last.bytes[last.end..].get(..usize::try_from(*bytes).ok()?)
    }
}

impl Scanned {
    fn read(disk: &dyn Disk, folder: &Path, segment: Segment) -> Result<Scanned, OpenError> {
        let path = segment.path(folder);
        let read = || disk.open(&path, Opening::Read)?.read_to(u64::MAX);
        let bytes = read().map_err(OpenError::io(&path))?;
        let header = segment.read_header(&bytes);
        Ok(Scanned { segment, path, bytes, header, end: 0 })
    }

    fn all_records(&self) -> Records<'_> {
        let first = self.segment.first;
        let (at, next) = match self.header {
            Some(_) => (HEADER_BYTES, first + 1),
            None => (0, first),
        };
        Records { segment: &self.segment, bytes: &self.bytes, at, next, number: 0 }
    }

    fn records(&self) -> impl Iterator<Item = Batch<'_>> {
        let records = self.all_records();
        Records { bytes: &self.bytes[..self.end], ..records }
    }

    /// Whether it is as of format 2.
    fn has_old_form(&self) -> bool {
        // What has neither is damaged, where it is not of format 2 and was never written to.
        self.header.is_none() && !self.bytes.starts_with(b"SWLS")
    }
}

/// Reads the segments of a folder.
pub(crate) fn scan(disk: &dyn Disk, folder: &Path, form: Form) -> Result<LogScan, OpenError> {
    let names = match disk.list(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(OpenError::io(folder)(error)),
    };
    let mut files: Vec<_> = names.iter().filter_map(|name| Segment::parse(name)).collect();
    files.sort();
    let (segments, stale) = (Vec::new(), Vec::new());
    let (next, verdict) = (0, Verdict::Sound);
    let mut scan = LogScan { folder: folder.to_owned(), segments, stale, next, verdict };
    let Some(last) = files.pop() else { return Ok(scan) };
    let last = Scanned::read(disk, folder, last)?;
    let floor = match last.header {
        Some(header) => header.floor,
        None if form == Form::Before && last.has_old_form() => 0,
        None => {
            scan.verdict = damaged_header(&last);
            return Ok(scan);
        }
    };
    let (stale, needed): (Vec<_>, Vec<_>) = files.into_iter().partition(|it| it.first < floor);
    scan.stale = stale.iter().map(|it| it.path(folder)).collect();
    let oldest = needed.first().map_or(last.segment.first, |it| it.first);
    // Segments of format 2 do not say what is needed.
    scan.next = if last.header.is_some() { floor } else { oldest };
    for segment in needed {
        let segment = Scanned::read(disk, folder, segment)?;
        if !scan.take(segment, form, false) {
            return Ok(scan);
        }
    }
    scan.take(last, form, true);
    Ok(scan)
}

impl LogScan {
    /// Takes up the next segment. Returns whether to go on.
    fn take(&mut self, mut scanned: Scanned, form: Form, is_last: bool) -> bool {
        let first = scanned.segment.first;
        let is_old = form == Form::Before && scanned.has_old_form();
        if first != self.next {
            self.verdict = self.gap(first);
            return false;
        }
        if scanned.header.is_none() && !is_old {
            self.verdict = damaged_header(&scanned);
            return false;
        }
        let mut records = scanned.all_records();
        records.by_ref().for_each(drop);
        let (end, next) = (records.at, records.next);
        (scanned.end, self.next) = (end, next);
        let goes_on = scanned.segment.goes_on(&scanned.bytes, end);
        if goes_on {
            let reason = format!("a batch at byte {end} is broken, and others follow it");
            self.verdict =
                Verdict::Damaged { file: scanned.path.clone(), byte: end as u64, reason };
        } else if is_last && let Some(bytes) = scanned.torn_bytes(next) {
            let (byte, bytes) = (end as u64, bytes as u64);
            self.verdict = Verdict::Torn { file: scanned.path.clone(), byte, bytes };
        }
        self.segments.push(scanned);
        !goes_on
    }

    /// The next segment has another place than what comes after the last one.
    fn gap(&self, found: u64) -> Verdict {
        let expected = self.next;
        let (file, byte, place) = match self.segments.last() {
            Some(before) => {
                (&before.path, before.end as u64, format!("from byte {} on", before.end))
            }
            None => (&self.folder, 0, "at the beginning of the log".to_owned()),
        };
        let reason = match found > expected {
            true => format!("what has the places {expected} to {} is missing, {place}", found - 1),
            false => format!("{place}, what comes next has the place {found}, not {expected}"),
        };
        Verdict::Damaged { file: file.clone(), byte, reason }
    }
}

impl Scanned {
    /// How much there is after the last record of one that is not whole.
    fn torn_bytes(&self, place: u64) -> Option<usize> {
        let rest = &self.bytes[self.end..];
        Segment::torn_bytes(&self.bytes, self.end, place).or_else(|| {
            // Where the file was never used before, nothing else can be there.
            let is_new = self.header.is_some_and(|header| header.used_bytes <= self.end as u64);
            let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
            (is_new && zeros < rest.len()).then_some(rest.len() - zeros)
        })
    }
}

fn damaged_header(scanned: &Scanned) -> Verdict {
    let reason = "its header block, from byte 0 on, is not what was written".to_owned();
    Verdict::Damaged { file: scanned.path.clone(), byte: 0, reason }
}

//! The log: every batch is written here and synced before it is answered, and read again at opening
//! until the trees have written out what is in it.
//!
//! Files `<place>-<salt>.log`, called segments, of which only the last is written to; their form is
//! in `segment.rs`. What is in the log has places without gaps, and each segment says which is the
//! least that was still needed when it was made, so that whatever is missing or damaged is noticed.
//!
//! Opening reads first, and changes nothing (`scan.rs`); then comes the verdict; then what is still
//! needed is written to a new segment and synced, so that nothing is believed that only a cache
//! has. A segment gets its name when what is in it so far is durable.
//!
//! A segment whose rows are written out is used again under a new salt when a later segment has
//! said so: a sync need not make a file longer then. What is left in it of its last use is no
//! record under the new salt, nor can anybody who does not know the salt put one into a payload.

mod scan;
mod segment;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use self::scan::{Form, scan};
pub use self::scan::{LogScan, Verdict, scan_log};
pub(crate) use self::segment::Batch;
use self::segment::{HEADER_BYTES, Header, Records, Segment, write_row};
use crate::OpenError;
use crate::changes::Write;
use crate::disk::{Disk, DiskFile, Opening, is_full, make_folders_durable, replace};

/// The name of a segment that waits to be used again.
const SPARE: &str = "spare";

/// The name of a segment in the making.
const DRAFT: &str = "draft";

/// The name of what was dropped last.
pub(crate) const TORN: &str = "torn";

/// So much is written at once when what is needed is written again.
const CHUNK_BYTES: usize = 1 << 20;

/// Where the log is, and what is needed of it.
#[derive(Debug)]
pub(crate) struct LogFolder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// The least place that is not written out to tables.
    needed_from: AtomicU64,
    /// A segment that is longer is cut before it is used again.
    spare_bytes_max: u64,
}

/// The log, open at its end.
#[derive(Debug)]
pub(crate) struct Log {
    folder: Arc<LogFolder>,
    /// Nothing where there was no room for one at opening.
    active: Option<Active>,
    /// Segments before that one, oldest first.
    full: Vec<Full>,
    /// How much is in those that are not written out.
    full_bytes: u64,
    /// The place of what is written next.
    next: u64,
    /// The record in the making.
    buffer: Vec<u8>,
}

/// The segment that is written to.
#[derive(Debug)]
struct Active {
    segment: Segment,
    file: Box<dyn DiskFile>,
    /// Where the next record goes.
    offset: u64,
    /// What is there may be a part of a record that was refused, or all of it.
    has_refused: bool,
}

#[derive(Debug)]
struct Full {
    first: u64,
    path: PathBuf,
}

/// What can be let go of once what was written before a [`Log::turn`] is in tables.
#[derive(Clone, Debug)]
pub(crate) struct Turned {
    /// Segments that the new one does not need.
    obsolete: Vec<PathBuf>,
    /// The place of the new one.
    first: u64,
}

impl Log {
    /// Gives what is in a log that is not damaged to `replay`, writes what that says is needed to a
    /// new segment, and goes on there. Where there is no room for it, nothing can be appended.
    ///
    /// # Errors
    /// Where `replay` fails, or the disk.
    pub(crate) fn open(
        folder: &Arc<LogFolder>,
        scan: &LogScan,
        mut replay: impl FnMut(&Batch<'_>) -> io::Result<bool>,
    ) -> Result<Log, OpenError> {
        let failed = |error| OpenError::io(&folder.path)(error);
        if scan.is_missing() {
            // That of the database, and its own.
            make_folders_durable(&*folder.disk, &folder.path, 2).map_err(failed)?;
        }
        let mut needed = Vec::new();
        for batch in scan.records() {
            if replay(&batch).map_err(failed)? {
                needed.push(batch);
            }
        }
        tell_torn(folder, scan);
        // Makes room. A crash may have left a file with two names: what has one of these must not be
        // written to, since it may be a segment too.
        let unused = [SPARE, DRAFT].map(|name| folder.path.join(name));
        folder.remove(&[&unused, scan.stale.as_slice()].concat()).map_err(failed)?;
        let next = scan.next;
        folder.needed_from.store(next, Ordering::Release);
        let old =
            scan.segments.iter().map(|it| Full { first: it.segment.first, path: it.path.clone() });
        let buffer = Vec::new();
        let mut log = Log {
            folder: folder.clone(),
            active: None,
            full: Vec::new(),
            full_bytes: 0,
            next,
            buffer,
        };
        match folder.begin(next, next, &needed) {
            Ok((active, next)) => {
                (log.active, log.next) = (Some(active), next);
                let obsolete = old.map(|it| it.path).collect();
                folder.free(&Turned { obsolete, first: scan.next }).map_err(failed)?;
            }
            Err(error) if is_full(&error) => {
                tracing::warn!(%error, "there is no room to write the log again");
                log.full.extend(old);
                log.full_bytes = scan.segments.iter().map(|it| it.end as u64).sum();
                let oldest = log.full.first().map_or(next, |it| it.first);
                folder.needed_from.store(oldest, Ordering::Release);
                log.sync_old().map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(log)
    }

    /// The least that can be done for what only a cache may have, where there is no room.
    fn sync_old(&self) -> io::Result<()> {
        let disk = &self.folder.disk;
        self.full.iter().try_for_each(|it| disk.open(&it.path, Opening::Write)?.sync())?;
        disk.sync_folder(&self.folder.path)
    }

    /// Writes a batch; it is on the disk when this returns. After an error, nothing may be
    /// appended: see [`Log::cut`].
    pub(crate) fn append(&mut self, number: u64, writes: &[Write]) -> io::Result<()> {
        let Some(active) = &mut self.active else {
            return Err(io::Error::new(ErrorKind::StorageFull, "No space was left for the log"));
        };
        let buffer = &mut self.buffer;
        buffer.clear();
        active.segment.write_record(buffer, self.next, number, |buffer| {
            writes.iter().try_for_each(|write| write_row(buffer, write))
        })?;
        assert!(!active.has_refused, "nothing is appended after an error");
        active.has_refused = true;
        active.file.write_at(buffer, active.offset)?;
        active.file.sync()?;
        active.has_refused = false;
        active.offset += buffer.len() as u64;
        self.next += 1;
        // A large one is not kept for the small ones to come.
        buffer.shrink_to(1 << 20);
        Ok(())
    }

    /// After an append that failed for want of room: cuts off what is there of its record, and
    /// nothing else. Takes no room.
    ///
    /// # Errors
    /// Where the disk fails, or what is before it is not what was written.
    pub(crate) fn cut(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|active| active.has_refused) else {
            return Ok(());
        };
        let bytes = active.file.read_to(active.offset)?;
        let (segment, next) = (&active.segment, active.segment.first + 1);
        let mut records = Records { segment, bytes: &bytes, at: HEADER_BYTES, next, number: 0 };
        records.by_ref().for_each(drop);
        if segment.read_header(&bytes).is_none() || records.at as u64 != active.offset {
            let (path, at) = (segment.path(&self.folder.path), records.at);
            let reason = format!("{}: a batch at byte {at} is broken", path.display());
            return Err(io::Error::new(ErrorKind::InvalidData, reason));
        }
        active.file.set_bytes(active.offset)?;
        active.file.sync()?;
        active.has_refused = false;
        Ok(())
    }

    /// Whether all of it is in the form of today.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.active.is_some()
    }

    /// How much is in it that may not be in tables.
    pub(crate) fn bytes(&self) -> u64 {
        self.full_bytes + self.active.as_ref().map_or(0, |active| active.offset)
    }

    /// Goes on in another segment. The floor of that one moves with what was written out so far.
    pub(crate) fn turn(&mut self) -> io::Result<Turned> {
        let floor = self.folder.needed_from.load(Ordering::Acquire);
        self.go_on(floor)
    }

    /// After everything was written out: goes on in another segment, which needs no other, so that
    /// the next opening reads none.
    pub(crate) fn conclude(&mut self) -> io::Result<()> {
        // The new one is as short as can be.
        self.folder.remove(&[self.folder.path.join(SPARE)])?;
        let turned = self.go_on(self.next)?;
        self.folder.remove(&turned.obsolete)
    }

    fn go_on(&mut self, floor: u64) -> io::Result<Turned> {
        let (active, next) = self.folder.begin(self.next, floor, &[])?;
        self.next = next;
        self.full_bytes = 0;
        let first = active.segment.first;
        if let Some(before) = self.active.replace(active) {
            let path = before.segment.path(&self.folder.path);
            self.full.push(Full { first: before.segment.first, path });
        }
        let obsolete = self.full.extract_if(.., |it| it.first < floor).map(|it| it.path).collect();
        Ok(Turned { obsolete, first })
    }
}

impl LogFolder {
    pub(crate) fn new(disk: Arc<dyn Disk>, path: &Path, spare_bytes_max: u64) -> Arc<LogFolder> {
        let needed_from = AtomicU64::new(0);
        Arc::new(LogFolder { disk, path: path.to_owned(), needed_from, spare_bytes_max })
    }

    /// Makes a segment with these batches, all with new places, and gives it its name when they
    /// are durable. Returns the place after them.
    fn begin(&self, first: u64, floor: u64, batches: &[Batch<'_>]) -> io::Result<(Active, u64)> {
        let draft = self.path.join(DRAFT);
        match self.disk.rename(&self.path.join(SPARE), &draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let segment = Segment::new(first);
        let file = self.disk.open(&draft, Opening::Write)?;
        let header = Header { floor, used_bytes: file.bytes()? };
        let mut buffer = segment.header(header);
        let (mut offset, mut next) = (0, first + 1);
        for batch in batches {
            segment.write_record(&mut buffer, next, batch.number, |buffer| {
                buffer.extend_from_slice(batch.rows());
                Ok(())
            })?;
            next += 1;
            if buffer.len() >= CHUNK_BYTES {
                file.write_at(&buffer, offset)?;
                offset += buffer.len() as u64;
                buffer.clear();
            }
        }
        if let Some(last) = batches.last() {
            // An empty one, so that damage to the one before it does not look like a torn end.
            segment.write_record(&mut buffer, next, last.number, |_| Ok(()))?;
            next += 1;
        }
        file.write_at(&buffer, offset)?;
        offset += buffer.len() as u64;
        file.sync()?;
        self.disk.rename(&draft, &segment.path(&self.path))?;
        self.disk.sync_folder(&self.path)?;
        Ok((Active { segment, file, offset, has_refused: false }, next))
    }

    /// What was written before that turn is in tables: lets go of the segments that nothing needs,
    /// of which one is kept to be used again.
    pub(crate) fn free(&self, turned: &Turned) -> io::Result<()> {
        self.needed_from.store(turned.first, Ordering::Release);
        if turned.obsolete.is_empty() {
            return Ok(());
        }
        let mut has_spare = self.disk.list(&self.path)?.iter().any(|name| name == SPARE);
        for segment in &turned.obsolete {
            if has_spare {
                self.disk.unlink(segment)?;
            } else {
                self.keep_as_spare(segment)?;
                has_spare = true;
            }
        }
        self.disk.sync_folder(&self.path)
    }

    /// Removes files, where they are there.
    fn remove(&self, files: &[PathBuf]) -> io::Result<()> {
        for file in files {
            match self.disk.unlink(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.disk.sync_folder(&self.path)
    }

    fn keep_as_spare(&self, segment: &Path) -> io::Result<()> {
        let file = self.disk.open(segment, Opening::Write)?;
        if file.bytes()? > self.spare_bytes_max {
            file.set_bytes(self.spare_bytes_max)?;
        }
        self.disk.rename(segment, &self.path.join(SPARE))
    }
}

/// Says what is dropped of a log, and keeps it beside the log, where that is possible.
fn tell_torn(folder: &LogFolder, scan: &LogScan) {
    let (Verdict::Torn { file, byte, bytes }, Some(torn)) = (scan.verdict(), scan.torn()) else {
        return;
    };
    let kept = folder.path.join(TORN);
    let is_kept = replace(&*folder.disk, &kept, torn).is_ok();
    tracing::warn!(
        file = %file.display(), byte, bytes, kept = is_kept.then(|| kept.display().to_string()),
        "the last batch of the log is not whole, was not answered, and is dropped"
    );
}

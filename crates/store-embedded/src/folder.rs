//! The data folder: who holds it, and which format it has.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::alarm::Alarm;
use crate::database::{Database, Place};
use crate::disk::{self, Disk, Opening, RealDisk};
use crate::log::Form;
use crate::{OpenError, Options};

/// The format that is written. Format 2 is read, and becomes this one; format 1 was never released.
pub(crate) const FORMAT: u32 = 3;
const FORMAT_MIN: u32 = 2;

const LOCK_FILE: &str = "LOCK";
const VERSION_FILE: &str = "VERSION";
const PROBE_FILE: &str = "PROBE";
pub(crate) const DATABASE_FOLDER: &str = "database";

/// The first line of the version file.
const TITLE: &str = "Stairwell data folder";

/// A version file is shorter, in bytes.
const VERSION_BYTES_MAX: u64 = 4096;

/// As much room as there must be before commits are accepted again: what is in the log is written
/// out to tables soon after.
const PROBE_BYTES: usize = 8 << 20;

/// A data folder that nobody else uses for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataFolder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    format: AtomicU32,
    is_new: bool,
    /// Locked; the system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl DataFolder {
    /// Takes the folder, and makes it where it is not there. The lock is on the file system of the
    /// machine, whatever the disk.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<DataFolder, OpenError> {
        disk::create_folders(&*disk, path).map_err(OpenError::io(path))?;
        // A no-op where that is the same disk.
        fs::create_dir_all(path).map_err(OpenError::io(path))?;
        let lock = lock(path)?;
        let format = AtomicU32::new(FORMAT);
        let mut folder =
            DataFolder { disk, path: path.to_owned(), format, is_new: false, _lock: lock };
        folder.check_version()?;
        Ok(folder)
    }

    /// Whether nothing was in it when it was opened.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Takes from others on the machine that they may go into the folder. Tells it where the folder
    /// was there before.
    pub(crate) fn make_private(&self, was_there: bool) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            const OWNER: u32 = 0o700;
            let folder = self.path.display();
            let mode = fs::metadata(&self.path).map(|about| about.permissions().mode() & 0o777);
            if mode.is_ok_and(|mode| mode & !OWNER == 0) {
                return;
            }
            match fs::set_permissions(&self.path, fs::Permissions::from_mode(OWNER)) {
                Ok(()) if was_there => {
                    tracing::warn!(%folder, "others could read the data folder, which is 0700 now");
                }
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%folder, %error, "others can read the data folder");
                }
            }
        }
        #[cfg(not(unix))]
        let _ = was_there;
    }

    /// Takes a folder that is there.
    pub(crate) fn open_existing(path: &Path) -> Result<DataFolder, OpenError> {
        let version = path.join(VERSION_FILE);
        fs::metadata(&version).map_err(OpenError::io(&version))?;
        DataFolder::open(Arc::new(RealDisk), path)
    }

    /// Where the engine keeps its files.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FOLDER)
    }

    /// Opens what is in it, which has the format of today then.
    pub(crate) fn open_database(
        &self,
        options: &Options,
        alarm: &Alarm,
    ) -> Result<Database, OpenError> {
        let database = Database::open(&self.place(self.database()), options, alarm)?;
        if database.has_new_log() {
            self.upgrade()?;
        }
        Ok(database)
    }

    /// A database of the format of this folder.
    pub(crate) fn place(&self, path: PathBuf) -> Place {
        Place { disk: self.disk.clone(), path, form: self.form() }
    }

    /// How its log may look.
    fn form(&self) -> Form {
        match self.format.load(Ordering::Relaxed) {
            FORMAT => Form::Now,
            _ => Form::Before,
        }
    }

    /// Writes down that all in it has the format of today.
    fn upgrade(&self) -> Result<(), OpenError> {
        if self.form() == Form::Before {
            self.write_version()?;
            self.format.store(FORMAT, Ordering::Relaxed);
            tracing::info!(format = FORMAT, "the data folder has the format of this version now");
        }
        Ok(())
    }

    /// Whether there is room to write, tried by writing.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.path.join(PROBE_FILE);
        let written = self.disk.open(&path, Opening::Write).and_then(|file| {
            // Not zeros, which some file systems do not store.
            file.write_at(&vec![0x5A; PROBE_BYTES], 0)?;
            file.sync()
        });
        let removed = self.disk.unlink(&path);
        written.and(removed)
    }

    fn check_version(&mut self) -> Result<(), OpenError> {
        let path = self.path.clone();
        match format(&*self.disk, &path)? {
            Some(found) if found > FORMAT => {
                Err(OpenError::NewerVersion { path, found, supported: FORMAT })
            }
            Some(found) if found < FORMAT_MIN => Err(OpenError::Unreleased { path, found }),
            // Cached only, perhaps: an attempt to make the folder may have failed in the middle.
            Some(FORMAT) if !self.database().exists() => self.begin(),
            Some(found) => {
                self.format.store(found, Ordering::Relaxed);
                Ok(())
            }
            None if self.database().exists() => {
                let version = path.join(VERSION_FILE);
                Err(OpenError::corrupt(&version, "missing, although there is data"))
            }
            None => self.begin(),
        }
    }

    fn begin(&mut self) -> Result<(), OpenError> {
        self.is_new = true;
        self.write_version()
    }

    fn write_version(&self) -> Result<(), OpenError> {
        let all = usize::MAX;
        let made = disk::make_folders_durable(&*self.disk, &self.path, all);
        made.map_err(OpenError::io(&self.path))?;
        let path = self.path.join(VERSION_FILE);
        let text = version_text(FORMAT);
        disk::replace(&*self.disk, &path, text.as_bytes()).map_err(OpenError::io(&path))
    }
}

/// The format of a data folder, where it says one.
pub(crate) fn format(disk: &dyn Disk, folder: &Path) -> Result<Option<u32>, OpenError> {
    let path = folder.join(VERSION_FILE);
    match disk.open(&path, Opening::Read).and_then(|file| file.read_to(VERSION_BYTES_MAX)) {
        Ok(bytes) => {
            let found = str::from_utf8(&bytes).ok().and_then(parse_version);
            found.map(Some).ok_or_else(|| OpenError::corrupt(&path, "not a version file"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenError::io(&path)(error)),
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(OpenError::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Empty in the moment between its locking and its writing.
            if file.read_to_string(&mut holder).is_err() || holder.is_empty() {
                holder = "another process".to_owned();
            }
            let holder = holder.trim().to_owned();
            return Err(OpenError::Locked { path: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(OpenError::io(&path)(error)),
    }
    // For the message above alone: a full disk must not keep anybody from opening the folder.
    let _ = file.set_len(0).and_then(|()| file.write_all(holder().as_bytes()));
    Ok(file)
}

/// Such as `stairwell (process 4711)`.
fn holder() -> String {
    let program = std::env::current_exe().ok();
    let name = program.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    format!("{} (process {})\n", name.unwrap_or("a process"), std::process::id())
}

fn version_text(format: u32) -> String {
    let body = format!("{TITLE}\nformat {format}\n");
    format!("{body}sum {}\n", sum(&body))
}

fn parse_version(text: &str) -> Option<u32> {
    let (body, last) = text.split_at_checked(text.find("sum ")?)?;
    let format = body.strip_prefix(TITLE)?.trim().strip_prefix("format ")?.parse().ok()?;
    (last.strip_prefix("sum ")?.trim_end() == sum(body)).then_some(format)
}

/// Sixteen digits: enough against accidents, and nothing else is meant.
fn sum(body: &str) -> String {
    Sha256::digest(body).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_file_says_its_format_or_nothing() {
        let check = |text: &str, expected: Option<u32>| assert_eq!(parse_version(text), expected);
        check(&version_text(1), Some(1));
        check(&version_text(37), Some(37));
        check(&version_text(1).replace("format 1", "format 2"), None);
        check(&version_text(1).replace(TITLE, "Another folder"), None);
        check("", None);
        check("Stairwell data folder\nformat 1\n", None);
        check("sum ", None);
    }
}

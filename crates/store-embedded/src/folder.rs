//! The data folder: who holds it, and which format it has.

use std::cmp::Ordering;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::OpenError;

/// The format that is written, and the only one that is read: format 1 was never released.
const FORMAT: u32 = 2;

const LOCK_FILE: &str = "LOCK";
const VERSION_FILE: &str = "VERSION";
const PROBE_FILE: &str = "PROBE";
const DATABASE_FOLDER: &str = "database";

/// The first line of the version file.
const TITLE: &str = "Stairwell data folder";

/// As much room as there must be before commits are accepted again: what is in the log is written
/// out to tables soon after.
const PROBE_BYTES: usize = 8 << 20;

/// A data folder that nobody else uses for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Locked; the system unlocks it when the process ends, however it ends.
    _lock: File,
}

impl DataFolder {
    /// Takes the folder, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> Result<DataFolder, OpenError> {
        fs::create_dir_all(path).map_err(OpenError::io(path))?;
        let lock = lock(path)?;
        let folder = DataFolder { path: path.to_owned(), _lock: lock };
        folder.check_version()?;
        Ok(folder)
    }

    /// Takes a folder that is there.
    pub(crate) fn open_existing(path: &Path) -> Result<DataFolder, OpenError> {
        let version = path.join(VERSION_FILE);
        fs::metadata(&version).map_err(OpenError::io(&version))?;
        DataFolder::open(path)
    }

    /// Where the engine keeps its files.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FOLDER)
    }

    /// Whether there is room to write, tried by writing.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.path.join(PROBE_FILE);
        let written = File::create(&path).and_then(|mut file| {
            // Not zeros, which some file systems do not store.
            file.write_all(&vec![0x5A; PROBE_BYTES])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&path);
        written.and(removed)
    }

    fn check_version(&self) -> Result<(), OpenError> {
        let path = self.path.join(VERSION_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let found = parse_version(&text)
                    .ok_or_else(|| OpenError::corrupt(&path, "not a version file"))?;
                let path = self.path.clone();
                match found.cmp(&FORMAT) {
                    Ordering::Less => Err(OpenError::Unreleased { path, found }),
                    Ordering::Equal => Ok(()),
                    Ordering::Greater => {
                        Err(OpenError::NewerVersion { path, found, supported: FORMAT })
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if self.database().exists() {
                    return Err(OpenError::corrupt(&path, "missing, although there is data"));
                }
                self.write_version(&path)
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Err(OpenError::corrupt(&path, "not a version file"))
            }
            Err(error) => Err(OpenError::io(&path)(error)),
        }
    }

    /// Under another name first, so that the file is whole or absent.
    fn write_version(&self, path: &Path) -> Result<(), OpenError> {
        let draft = path.with_extension("draft");
        let write = || {
            let mut file = File::create(&draft)?;
            file.write_all(version_text(FORMAT).as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(OpenError::io(path))
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

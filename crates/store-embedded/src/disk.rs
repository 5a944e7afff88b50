//! The disk, as the log and the data folder use it: a few calls, so that a disk in memory can stand
//! in for the real one and do what real ones do when they fail.
//!
//! The trees of tables do not go through it: `lsm-tree` opens its own files.

mod real;
pub mod simulated;

use std::fmt;
use std::io;
use std::path::Path;

pub use real::RealDisk;

/// A disk. Every call can fail, and nothing but a sync makes anything durable.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it is not there and is not to be made, or cannot be opened.
    fn open(&self, path: &Path, opening: Opening) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of the file that has it.
    ///
    /// # Errors
    /// Where the file is not there, or the disk fails.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the name of a file.
    ///
    /// # Errors
    /// Where the file is not there, or the disk fails.
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder in one that is there. Nothing is done where it is there.
    ///
    /// # Errors
    /// Where its parent is not there, or the disk fails.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable: those that are there, and that others are not.
    ///
    /// # Errors
    /// Where the disk fails: then nobody knows which of them are durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, in no order.
    ///
    /// # Errors
    /// Where it is not there, or the disk fails.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
}

/// An open file.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// How long it is, in bytes.
    ///
    /// # Errors
    /// Where the disk fails.
    fn bytes(&self) -> io::Result<u64>;

    /// What is in it, up to that byte or to its end.
    ///
    /// # Errors
    /// Where the disk fails.
    fn read_to(&self, end: u64) -> io::Result<Vec<u8>>;

    /// Writes there, all of it, and makes the file longer where needed.
    ///
    /// # Errors
    /// Where the disk fails or is full: then any part of it may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes what is in it and its length durable.
    ///
    /// # Errors
    /// Where the disk fails: then nobody knows what is durable, and a second sync that succeeds
    /// does not say so either.
    fn sync(&self) -> io::Result<()>;

    /// Cuts it, or fills it up with zeros.
    ///
    /// # Errors
    /// Where the disk fails.
    fn set_bytes(&self, bytes: u64) -> io::Result<()>;
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// To be read.
    Read,
    /// To be read and written. It is made where it is not there.
    Write,
}

/// Whether an error says that the disk, or what its user may use of it, is full. Nothing is wrong
/// with the disk then.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes a folder, and those above it that are missing, and their names durable.
pub(crate) fn create_folders(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.list(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return disk.create_folder(path),
    };
    create_folders(disk, parent)?;
    disk.create_folder(path)?;
    disk.sync_folder(parent)
}

/// The same, with the names of this folder and of those above it made durable once more, `levels`
/// of them: an attempt before may have failed after it made them.
pub(crate) fn make_folders_durable(disk: &dyn Disk, path: &Path, levels: usize) -> io::Result<()> {
    create_folders(disk, path)?;
    let above = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    for folder in above.take(levels) {
        match disk.sync_folder(folder) {
            // Far above, there may be folders that are not ours to open; we made none in them.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Puts a file in place, whole: under another name first.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let file = disk.open(&draft, Opening::Write)?;
    file.set_bytes(0)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&draft, path)?;
    disk.sync_folder(path.parent().expect("a file is in a folder"))
}

//! What can go wrong, and how the engine's errors become ours.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use store::StoreError;

/// Why a data folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works in it.
    #[error(
        "{} is in use by {holder}: stop that process, or use another folder",
        path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Its name and its process id.
        holder: String,
    },
    /// A newer version of this program made it.
    #[error(
        "{} has format {found}, and this version of Stairwell reads formats up to {supported}: \
         use the version that wrote it, or a newer one",
        path.display()
    )]
    NewerVersion {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that can be read.
        supported: u32,
    },
    /// A version of this program from before its first release made it.
    #[error(
        "{} has format {found}, of a version from before the first release, which this version of \
         Stairwell does not read: use an empty folder, or the version that wrote it",
        path.display()
    )]
    Unreleased {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Something in it is not what was written.
    #[error("{} is corrupt: {reason}", place.display())]
    Corrupt {
        /// The file, or the folder where the file is not known.
        place: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It cannot be read or written.
    #[error("{}: {source}{}", place.display(), advice(source))]
    Io {
        /// The file or folder.
        place: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(place: &Path) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io { place: place.to_owned(), source }
    }

    pub(crate) fn corrupt(place: &Path, reason: impl Into<String>) -> OpenError {
        OpenError::Corrupt { place: place.to_owned(), reason: reason.into() }
    }

    pub(crate) fn engine(place: &Path, error: lsm_tree::Error) -> OpenError {
        let place = place.to_owned();
        match error {
            lsm_tree::Error::Io(source) if !is_damage(&source) => OpenError::Io { place, source },
            other => OpenError::Corrupt { place, reason: describe(&other) },
        }
    }
}

/// What to do about it, where that is known.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ": make room on its disk, and start again"
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            ": Stairwell must be able to write to its data folder; change that, or use another \
             folder"
        }
        _ => "",
    }
}

/// A failed read or write, and what was read or written.
pub(crate) fn store_error(what: impl std::fmt::Display, error: &lsm_tree::Error) -> StoreError {
    let reason = format!("{what}: {}", describe(error));
    match is_damaged(error) {
        true => StoreError::Corrupt(reason),
        false => StoreError::Refused(reason),
    }
}

/// Whether what the engine read is not what was written.
pub(crate) fn is_damaged(error: &lsm_tree::Error) -> bool {
    match error {
        lsm_tree::Error::Io(error) => is_damage(error),
        _ => true,
    }
}

/// Whether a file has other contents than it should, rather than that it cannot be read.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData)
}

pub(crate) fn describe(error: &lsm_tree::Error) -> String {
    match error {
        lsm_tree::Error::Io(error) => error.to_string(),
        lsm_tree::Error::ChecksumMismatch { .. } => "a block's checksum does not match".to_owned(),
        other => format!("{other:?}"),
    }
}

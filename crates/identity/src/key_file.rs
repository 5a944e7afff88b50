//! The file that holds the key which seals secrets: one line, `stairwell-key-1` and 32 bytes in
//! base64. It is made at the first start, and never changed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use store::{Store, StoreError};

use crate::SealingKey;
use crate::identities::random_bytes;
use crate::sealing::{KEY_BYTES, sealed_by};

/// What the line begins with; the number is that of the form.
const TITLE: &str = "stairwell-key-1";

/// Why there is no key for a store.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("the key file {} cannot be used: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What is there is no key.
    #[error("{} is no key file, which has one line: {TITLE} and 32 bytes in base64", .0.display())]
    Malformed(PathBuf),
    /// Secrets are sealed, and the file is not there.
    #[error("the secrets are sealed by a key file, and {} is not there", .0.display())]
    Missing(PathBuf),
    /// Secrets are sealed by another key.
    #[error(
        "the secrets are sealed by the key {expected}, and {} holds the key {found}",
        path.display()
    )]
    Other {
        /// Which file.
        path: PathBuf,
        /// The id of its key.
        found: String,
        /// The id of the key that sealed the secrets.
        expected: String,
    },
    /// Not the fault of the file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SealingKey {
    /// The key in that file, which is made where it is not there and nothing is sealed in the store
    /// yet.
    ///
    /// # Errors
    /// Where the file cannot be read or made, or does not hold the key that sealed the secrets of
    /// the store.
    pub async fn of_file(path: &Path, store: &dyn Store) -> Result<SealingKey, KeyFileError> {
        let expected = sealed_by(store).await?;
        let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
        let key = match fs::read_to_string(path) {
            Ok(text) => {
                tell_readers(path);
                parse(&text).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))?
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            Err(_) if expected.is_some() => return Err(KeyFileError::Missing(path.to_owned())),
            Err(_) => make(path).map_err(failed)?,
        };
        let key = SealingKey::new(&key);
        match expected {
            Some(expected) if expected != key.id() => {
                let found = key.id().to_owned();
                Err(KeyFileError::Other { path: path.to_owned(), found, expected })
            }
            Some(_) | None => Ok(key),
        }
    }
}

fn parse(text: &str) -> Option<[u8; KEY_BYTES]> {
    let key = text.trim().strip_prefix(TITLE)?.trim();
    STANDARD.decode(key).ok()?.try_into().ok()
}

/// Makes the file, durable when this returns, for its user alone.
fn make(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let key = random_bytes::<KEY_BYTES>();
    let mut options = OpenOptions::new();
    // Whoever makes one at the same moment is not overwritten.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{TITLE} {}\n", STANDARD.encode(key)).as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    tracing::info!(file = %path.display(), "a key file was made, which seals secrets");
    Ok(key)
}

/// Tells that others on the machine can read the file.
fn tell_readers(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map(|about| about.permissions().mode() & 0o777);
        if let Some(mode) = mode.ok().filter(|mode| mode & 0o077 != 0) {
            let mode = format!("{mode:04o}");
            tracing::warn!(file = %path.display(), mode, "others can read the key file");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_has_one_line() {
        let key = STANDARD.encode([7; KEY_BYTES]);
        assert_eq!(parse(&format!("{TITLE} {key}\n")), Some([7; KEY_BYTES]));
        assert_eq!(parse(&format!("{TITLE} {key}")), Some([7; KEY_BYTES]));
        let short = STANDARD.encode([7; KEY_BYTES - 1]);
        for wrong in ["", TITLE, &key, &format!("{TITLE} {short}"), &format!("{TITLE} {key} {key}")]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

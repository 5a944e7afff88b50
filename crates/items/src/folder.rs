//! Objects that are files: a folder per bucket, a file per key.
//!
//! Promises: no key and no bucket leads out of the folder, but by a link that somebody put into it;
//! a file that is written appears at once and whole, and is on the disk when that is said.
//!
//! Does not: keep versions, or know who owns a bucket.

use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::objects::BucketAddress;
use crate::{Body, ListedObject, ObjectAddress, ObjectWriter, Objects, ObjectsError, OpenObject};

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 128 * 1024;
/// How many files a page of a listing holds. A page costs reading whole folders.
const PAGE_FILES: usize = 50_000;
/// Where files are while they are written; no bucket has that name.
const WRITING: &str = ".writing";

/// A folder of buckets.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// How many files were begun.
    begun: AtomicU64,
}

impl Folder {
    /// The folder at that path, which holds a folder for each bucket.
    pub fn new(root: impl Into<PathBuf>) -> Folder {
        Folder { root: root.into(), begun: AtomicU64::new(0) }
    }

    async fn bucket(&self, bucket: &BucketAddress) -> Result<PathBuf, ObjectsError> {
        if bucket.expected_owner.is_some() {
            let message = "'ExpectedBucketOwner' is not supported for folders";
            return Err(ObjectsError::Unsupported(message.to_owned()));
        }
        let name = &*bucket.name;
        let path = self.root.join(name);
        let is_name = !name.starts_with('.') && is_file_name(name);
        let is_folder =
            is_name && tokio::fs::metadata(&path).await.is_ok_and(|metadata| metadata.is_dir());
        match is_folder {
            true => Ok(path),
            false => Err(ObjectsError::refused(
                "NoSuchBucket",
                404,
                "The specified bucket does not exist",
            )),
        }
    }

    async fn path(&self, object: &ObjectAddress) -> Result<PathBuf, ObjectsError> {
        if object.version.is_some() {
            let message = "'VersionId' is not supported for folders";
            return Err(ObjectsError::Unsupported(message.to_owned()));
        }
        let mut path = self.bucket(&object.bucket).await?;
        for part in object.key.split('/') {
            if !is_file_name(part) {
                let message = format!("The key '{}' names no file", object.key);
                return Err(ObjectsError::Unsupported(message));
            }
            path.push(part);
        }
        Ok(path)
    }
}

/// Whether the text names something within a folder, and not the folder itself or another one.
fn is_file_name(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', '\0'])
}

#[async_trait]
impl Objects for Folder {
    async fn open(
        &self,
        object: &ObjectAddress,
        from: u64,
        length: Option<u64>,
        tag: Option<&str>,
    ) -> Result<OpenObject, ObjectsError> {
        let path = self.path(object).await?;
        let opened = open(&path, from).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                ObjectsError::refused("NoSuchKey", 404, "The specified key does not exist.")
            }
            _ => broken(&error),
        })?;
        let (file, size, found) = opened;
        if tag.is_some_and(|tag| *tag != *found) {
            return Err(ObjectsError::Changed(object.key.clone()));
        }
        let left = length.unwrap_or(u64::MAX).min(size.saturating_sub(from));
        Ok(OpenObject { size, tag: found, body: Box::new(FileBody { file, left }) })
    }

    async fn list(
        &self,
        bucket: &BucketAddress,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, ObjectsError> {
        let root = self.bucket(bucket).await?;
        let walk = Walk { root, prefix: prefix.to_owned(), after: after.map(str::to_owned) };
        let page = tokio::task::spawn_blocking(move || walk.page(PAGE_FILES)).await;
        page.map_err(|error| ObjectsError::Unavailable(error.to_string()))?
            .map_err(|error| broken(&error))
    }

    async fn create(&self, object: &ObjectAddress) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        let path = self.path(object).await?;
        let writing = self.root.join(WRITING);
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let temporary = writing.join(format!("{}-{number}", std::process::id()));
        let create = async {
            tokio::fs::create_dir_all(&writing).await?;
            File::create(&temporary).await
        };
        let file = create.await.map_err(|error| broken(&error))?;
        Ok(Box::new(FileWriter { file, temporary: Temporary(temporary), path }))
    }
}

async fn open(path: &Path, from: u64) -> io::Result<(File, u64, Arc<str>)> {
    let mut file = File::open(path).await?;
    let metadata = file.metadata().await?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    file.seek(SeekFrom::Start(from)).await?;
    Ok((file, metadata.len(), tag(&metadata)))
}

/// Changes when the file does: when that was, and how long it is.
fn tag(metadata: &std::fs::Metadata) -> Arc<str> {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = modified.map_or(0, |time| time.as_nanos());
    format!("\"{nanoseconds:x}-{:x}\"", metadata.len()).into()
}

fn broken(error: &io::Error) -> ObjectsError {
    match error.kind() {
        ErrorKind::PermissionDenied => ObjectsError::refused("AccessDenied", 403, "Access Denied"),
        _ => ObjectsError::Unavailable(error.to_string()),
    }
}

struct FileBody {
    file: File,
    left: u64,
}

#[async_trait]
impl Body for FileBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectsError> {
        let length = usize::try_from(self.left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        if length == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; length];
        let read = self.file.read(&mut chunk).await.map_err(|error| broken(&error))?;
        chunk.truncate(read);
        self.left -= read as u64;
        Ok((read > 0).then(|| chunk.into()))
    }
}

/// A file that vanishes unless it was moved.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // Where it was moved there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

struct FileWriter {
    file: File,
    temporary: Temporary,
    path: PathBuf,
}

#[async_trait]
impl ObjectWriter for FileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError> {
        self.file.write_all(&bytes).await.map_err(|error| broken(&error))
    }

    async fn finish(mut self: Box<Self>) -> Result<(), ObjectsError> {
        let finish = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            let folder = self.path.parent().expect("the file is in the folder of its bucket");
            tokio::fs::create_dir_all(folder).await?;
            tokio::fs::rename(&self.temporary.0, &self.path).await?;
            File::open(folder).await?.sync_all().await
        };
        finish.await.map_err(|error| broken(&error))
    }
}

/// A walk through the files of a bucket, in the order of the bytes of their keys.
struct Walk {
    root: PathBuf,
    prefix: String,
    after: Option<String>,
}

impl Walk {
    fn page(&self, files_max: usize) -> io::Result<Vec<ListedObject>> {
        let mut page = Vec::new();
        let folder = self.prefix.rfind('/').map_or("", |slash| &self.prefix[..=slash]);
        if !folder
            .trim_end_matches('/')
            .split('/')
            .all(|part| folder.is_empty() || is_file_name(part))
        {
            return Ok(page);
        }
        // What is still to be looked at, the next at the end: folders end in a slash.
        let mut waiting = vec![folder.to_owned()];
        while let Some(key) = waiting.pop() {
            if key.is_empty() || key.ends_with('/') {
                waiting.extend(self.within(&key)?);
                continue;
            }
            let metadata = match std::fs::metadata(self.root.join(&key)) {
                Ok(metadata) => metadata,
                // It has gone meanwhile, or leads nowhere.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            page.push(listed(&key, &metadata));
            if page.len() == files_max {
                break;
            }
        }
        Ok(page)
    }

    /// The keys of what is in a folder and part of the listing, last first.
    fn within(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let message = format!("the name of the file {name:?} is not UTF-8");
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            };
            let kind = entry.file_type()?;
            let is_folder = kind.is_dir()
                || (kind.is_symlink()
                    && std::fs::metadata(entry.path()).is_ok_and(|to| to.is_dir()));
            let key = format!("{folder}{name}{}", if is_folder { "/" } else { "" });
            if self.has(&key, is_folder) {
                keys.push(key);
            }
        }
        keys.sort_unstable_by(|one, other| other.cmp(one));
        Ok(keys)
    }

    fn has(&self, key: &str, is_folder: bool) -> bool {
        let begins = key.starts_with(&self.prefix) || (is_folder && self.prefix.starts_with(key));
        let follows = self
            .after
            .as_deref()
            .is_none_or(|after| key > after || (is_folder && after.starts_with(key)));
        begins && follows
    }
}

fn listed(key: &str, metadata: &std::fs::Metadata) -> ListedObject {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    ListedObject {
        key: key.into(),
        tag: tag(metadata),
        last_modified: modified.map_or(0, |time| time.as_secs().cast_signed()),
        size: metadata.len(),
        storage_class: "STANDARD".into(),
    }
}

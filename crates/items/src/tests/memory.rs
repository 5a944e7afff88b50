//! Objects in memory, and connections that break.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::objects::BucketAddress;
use crate::{
    Body, ListedObject, ObjectAddress, ObjectWriter, Objects, ObjectsError, OpenObject, Patience,
};

/// Little, for services that are not well in tests.
pub(crate) const PATIENCE: Patience =
    Patience { attempts: 4, first_delay: Duration::from_millis(1) };

/// A bucket in memory: its name is `bucket`.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) objects: Arc<Mutex<BTreeMap<String, (u64, Bytes)>>>,
    /// How much comes at once.
    pub(crate) chunk_bytes: usize,
    /// A connection breaks after so many chunks.
    pub(crate) chunks_max: Option<usize>,
    /// How many connections have broken.
    pub(crate) broken: Arc<AtomicUsize>,
    /// How many keys a page holds.
    pub(crate) page_keys: usize,
}

impl Memory {
    pub(crate) fn with(objects: &[(&str, &[u8])]) -> Memory {
        let memory = Memory { chunk_bytes: 5, page_keys: 2, ..Memory::default() };
        for (key, bytes) in objects {
            memory.put(key, bytes);
        }
        memory
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let mut objects = self.objects.lock();
        let revision = objects.get(key).map_or(0, |(revision, _)| revision + 1);
        objects.insert(key.to_owned(), (revision, Bytes::copy_from_slice(bytes)));
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let objects = self.objects.lock();
        objects.get(key).map(|(_, bytes)| String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn check(bucket: &BucketAddress) -> Result<(), ObjectsError> {
    match &*bucket.name {
        "bucket" => Ok(()),
        _ => Err(ObjectsError::refused("NoSuchBucket", 404, "The specified bucket does not exist")),
    }
}

#[async_trait]
impl Objects for Memory {
    async fn open(
        &self,
        object: &ObjectAddress,
        from: u64,
        length: Option<u64>,
        tag: Option<&str>,
    ) -> Result<OpenObject, ObjectsError> {
        check(&object.bucket)?;
        let objects = self.objects.lock();
        let (revision, bytes) = objects.get(&*object.key).ok_or_else(|| {
            ObjectsError::refused("NoSuchKey", 404, "The specified key does not exist.")
        })?;
        if tag.is_some_and(|tag| tag != revision.to_string()) {
            return Err(ObjectsError::Changed(object.key.clone()));
        }
        let from = usize::try_from(from).unwrap().min(bytes.len());
        let until = length
            .map_or(bytes.len(), |length| bytes.len().min(from + usize::try_from(length).unwrap()));
        Ok(OpenObject {
            size: bytes.len() as u64,
            tag: revision.to_string().into(),
            body: Box::new(MemoryBody {
                bytes: bytes.slice(from..until),
                chunk_bytes: self.chunk_bytes.max(1),
                chunks_left: self.chunks_max,
                broken: self.broken.clone(),
            }),
        })
    }

    async fn list(
        &self,
        bucket: &BucketAddress,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, ObjectsError> {
        check(bucket)?;
        let objects = self.objects.lock();
        let listed = objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after))
            .map(|(key, (revision, bytes))| ListedObject {
                key: key.as_str().into(),
                tag: format!("\"{revision}\"").into(),
                last_modified: 1_789_180_622,
                size: bytes.len() as u64,
                storage_class: "STANDARD".into(),
            });
        Ok(listed.take(self.page_keys).collect())
    }

    async fn create(&self, object: &ObjectAddress) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        check(&object.bucket)?;
        let (objects, key) = (self.objects.clone(), object.key.to_string());
        Ok(Box::new(MemoryWriter { objects, key, bytes: Vec::new() }))
    }
}

struct MemoryBody {
    bytes: Bytes,
    chunk_bytes: usize,
    chunks_left: Option<usize>,
    broken: Arc<AtomicUsize>,
}

#[async_trait]
impl Body for MemoryBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectsError> {
        match &mut self.chunks_left {
            Some(0) => {
                self.broken.fetch_add(1, Ordering::Relaxed);
                return Err(ObjectsError::Unavailable("the connection broke".to_owned()));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        let length = self.chunk_bytes.min(self.bytes.len());
        Ok((length > 0).then(|| self.bytes.split_to(length)))
    }
}

struct MemoryWriter {
    objects: Arc<Mutex<BTreeMap<String, (u64, Bytes)>>>,
    key: String,
    bytes: Vec<u8>,
}

#[async_trait]
impl ObjectWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), ObjectsError> {
        self.objects.lock().insert(self.key, (0, self.bytes.into()));
        Ok(())
    }
}

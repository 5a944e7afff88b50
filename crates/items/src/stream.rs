//! The bytes of an object from front to back, whatever happens to the connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::failure::ReadError;
use crate::{Body, ObjectAddress, Objects, ObjectsError};

/// How long to go on where a service is not there, or breaks off.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often to try at most without any progress.
    pub attempts: u32,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub first_delay: Duration,
}

/// The longest wait before an attempt.
const DELAY_MAX: Duration = Duration::from_secs(5);

impl Default for Patience {
    /// About a quarter of a minute.
    fn default() -> Patience {
        Patience { attempts: 9, first_delay: Duration::from_millis(100) }
    }
}

impl Patience {
    /// Waits after so many attempts that failed, unless that is enough of them.
    ///
    /// # Errors
    /// The error, where it will not pass.
    pub(crate) async fn after(&self, failed: u32, error: ObjectsError) -> Result<(), ObjectsError> {
        if failed >= self.attempts || !matches!(error, ObjectsError::Unavailable(_)) {
            return Err(error);
        }
        tracing::debug!(failed, %error, "a request for an object is repeated");
        let delay = self.first_delay * (1 << (failed - 1).min(16));
        tokio::time::sleep(delay.min(DELAY_MAX)).await;
        Ok(())
    }
}

/// Where objects come from, and how to ask for them.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) patience: Patience,
}

/// An object that is read from front to back.
pub(crate) struct Stream {
    origin: Origin,
    object: ObjectAddress,
    /// Of the whole object.
    size: u64,
    tag: Arc<str>,
    /// Where the next chunk begins.
    offset: u64,
    body: Option<Box<dyn Body>>,
}

impl Stream {
    /// Opens an object from that byte on; with a tag, only where it still has that one.
    pub(crate) async fn open(
        origin: &Origin,
        object: &ObjectAddress,
        offset: u64,
        tag: Option<&str>,
    ) -> Result<Stream, ReadError> {
        let mut failed = 0;
        loop {
            match origin.objects.open(object, offset, None, tag).await {
                Ok(opened) => {
                    return Ok(Stream {
                        origin: origin.clone(),
                        object: object.clone(),
                        size: opened.size,
                        tag: opened.tag,
                        offset,
                        body: Some(opened.body),
                    });
                }
                Err(error) => {
                    failed += 1;
                    origin.patience.after(failed, error).await?;
                }
            }
        }
    }

    /// What the object has for a tag.
    pub(crate) fn tag(&self) -> &Arc<str> {
        &self.tag
    }

    /// The next bytes; none at the end of the object.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        let mut failed = 0;
        loop {
            match self.attempt().await {
                Ok(chunk) => return Ok(chunk),
                Err(error) => {
                    self.body = None;
                    failed += 1;
                    self.origin.patience.after(failed, error).await?;
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, ObjectsError> {
        if self.offset >= self.size {
            return Ok(None);
        }
        let body = match &mut self.body {
            Some(body) => body,
            None => {
                let (objects, tag) = (&self.origin.objects, Some(&*self.tag));
                let opened = objects.open(&self.object, self.offset, None, tag).await?;
                self.body.insert(opened.body)
            }
        };
        loop {
            match body.chunk().await? {
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => {
                    self.offset += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                None => {
                    let message = format!(
                        "The object '{}' ended after {} of {} bytes",
                        self.object.key, self.offset, self.size
                    );
                    return Err(ObjectsError::Unavailable(message));
                }
            }
        }
    }
}

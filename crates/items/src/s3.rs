//! Objects of S3, or of what speaks as S3 does.

use std::sync::Arc;

use async_trait::async_trait;
use aws::{CallError, ObjectBody, ObjectPart, ObjectReference, S3};
use bytes::Bytes;
use json::Value;

use crate::objects::BucketAddress;
use crate::{
    Body, ListedObject, ObjectAddress, ObjectWriter, Objects, ObjectsError, OpenObject, Patience,
    Refusal,
};

/// How large a part of an upload is; all but the last must have 5 MiB.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Objects of S3.
#[derive(Clone, Debug)]
pub struct S3Objects {
    s3: S3,
    patience: Patience,
}

impl S3Objects {
    /// With the endpoints and the credentials of a client. What is written is sent again where S3
    /// is not well.
    pub fn new(s3: S3, patience: Patience) -> S3Objects {
        S3Objects { s3, patience }
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn open(
        &self,
        object: &ObjectAddress,
        from: u64,
        length: Option<u64>,
        tag: Option<&str>,
    ) -> Result<OpenObject, ObjectsError> {
        let part = ObjectPart { from, length, etag: tag };
        match self.s3.get_part(reference(object), part).await {
            Ok(body) => {
                let (Some(size), Some(tag)) = (body.size, body.etag.clone()) else {
                    let message = "The service says neither how long the object is nor its tag";
                    return Err(ObjectsError::Unsupported(message.to_owned()));
                };
                if from > 0 && body.length == Some(size) {
                    let message = "The service gives whole objects only, and no parts";
                    return Err(ObjectsError::Unsupported(message.to_owned()));
                }
                Ok(OpenObject { size, tag: tag.into(), body: Box::new(S3Body(Some(body))) })
            }
            // There is nothing from there on.
            Err(CallError::Refused(refusal)) if refusal.status == 416 => {
                let tag = tag.unwrap_or_default().into();
                Ok(OpenObject { size: from, tag, body: Box::new(S3Body(None)) })
            }
            Err(CallError::Refused(refusal)) if refusal.status == 412 => {
                Err(ObjectsError::Changed(object.key.clone()))
            }
            Err(error) => Err(objects_error(error)),
        }
    }

    async fn list(
        &self,
        bucket: &BucketAddress,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, ObjectsError> {
        let objects = in_bucket(bucket, prefix);
        let page = self.s3.list_after(objects, after).await.map_err(objects_error)?;
        page.objects.iter().map(listed).collect()
    }

    async fn create(&self, object: &ObjectAddress) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        Ok(Box::new(S3Writer {
            objects: self.clone(),
            object: object.clone(),
            upload: None,
            buffer: Vec::new(),
        }))
    }
}

fn reference(object: &ObjectAddress) -> ObjectReference<'_> {
    ObjectReference { version: object.version.as_deref(), ..in_bucket(&object.bucket, &object.key) }
}

fn in_bucket<'a>(bucket: &'a BucketAddress, key: &'a str) -> ObjectReference<'a> {
    ObjectReference {
        bucket: &bucket.name,
        key,
        version: None,
        expected_owner: bucket.expected_owner.as_deref(),
        account: &bucket.account,
        region: &bucket.region,
        role: None,
    }
}

/// An object as an answer of ListObjectsV2 has it.
fn listed(object: &Value) -> Result<ListedObject, ObjectsError> {
    let missing = |name: &str| {
        ObjectsError::Unsupported(format!("The service lists an object without '{name}'"))
    };
    let text = |name: &str| {
        object.get(name).and_then(Value::as_str).map(Arc::from).ok_or_else(|| missing(name))
    };
    let modified: Arc<str> = text("LastModified")?;
    let modified: jiff::Timestamp = modified.parse().map_err(|_| missing("LastModified"))?;
    Ok(ListedObject {
        key: text("Key")?,
        tag: text("ETag")?,
        last_modified: modified.as_second(),
        size: object
            .get("Size")
            .and_then(Value::as_i64)
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| missing("Size"))?,
        storage_class: text("StorageClass").unwrap_or_else(|_| "STANDARD".into()),
    })
}

fn objects_error(error: CallError) -> ObjectsError {
    match error {
        CallError::Refused(refusal) if refusal.status >= 500 || refusal.status == 429 => {
            ObjectsError::Unavailable(refusal.to_string())
        }
        CallError::Refused(refusal) => ObjectsError::Refused(Box::new(Refusal {
            code: refusal.code,
            message: refusal.message,
            status: refusal.status,
            request_id: refusal.request_id.unwrap_or_else(|| "null".to_owned()),
            extended_request_id: refusal.extended_request_id.unwrap_or_else(|| "null".to_owned()),
        })),
        error @ CallError::Client(_) => ObjectsError::Unavailable(error.to_string()),
        error @ (CallError::Unfit(_)
        | CallError::TooLong(_)
        | CallError::Credentials(_)
        | CallError::Nowhere(_)
        | CallError::Unsupported(_)) => ObjectsError::Unsupported(error.to_string()),
    }
}

/// Nothing, or what comes.
struct S3Body(Option<ObjectBody>);

#[async_trait]
impl Body for S3Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectsError> {
        match &mut self.0 {
            Some(body) => body.next().await.map_err(objects_error),
            None => Ok(None),
        }
    }
}

/// Writes an object: at once where it is small, else in parts.
struct S3Writer {
    objects: S3Objects,
    object: ObjectAddress,
    upload: Option<Upload>,
    buffer: Vec<u8>,
}

struct Upload {
    id: String,
    /// The tags of the parts that were written.
    etags: Vec<String>,
}

impl S3Writer {
    fn content_type(&self) -> &'static str {
        match self.object.key.ends_with(".jsonl") {
            true => "application/jsonl",
            false => "application/json",
        }
    }

    /// Writes what the buffer holds up to the end of a character as a part.
    async fn write_part(&mut self) -> Result<(), ObjectsError> {
        let length = match std::str::from_utf8(&self.buffer) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.buffer.split_off(length);
        let part = text(std::mem::replace(&mut self.buffer, rest))?;
        let (s3, object) = (&self.objects.s3, reference(&self.object));
        let patience = self.objects.patience;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let content_type = self.content_type();
                let id = patiently(patience, || s3.create_upload(object, content_type)).await?;
                self.upload.insert(Upload { id, etags: Vec::new() })
            }
        };
        let number = u16::try_from(upload.etags.len() + 1)
            .map_err(|_| ObjectsError::Unsupported("The object has too many parts".to_owned()))?;
        let write = || s3.upload_part(object, &upload.id, number, &part);
        let etag = patiently(patience, write).await?;
        upload.etags.push(etag);
        Ok(())
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ObjectsError> {
    String::from_utf8(bytes)
        .map_err(|_| ObjectsError::Unsupported("What is written is not UTF-8".to_owned()))
}

/// Asks again where S3 is not well.
async fn patiently<T, F: Future<Output = Result<T, CallError>>>(
    patience: Patience,
    ask: impl Fn() -> F,
) -> Result<T, ObjectsError> {
    let mut failed = 0;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                failed += 1;
                patience.after(failed, objects_error(error)).await?;
            }
        }
    }
}

#[async_trait]
impl ObjectWriter for S3Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError> {
        self.buffer.extend_from_slice(&bytes);
        match self.buffer.len() >= PART_BYTES {
            true => self.write_part().await,
            false => Ok(()),
        }
    }

    async fn finish(mut self: Box<Self>) -> Result<(), ObjectsError> {
        if self.upload.is_some() && !self.buffer.is_empty() {
            self.write_part().await?;
        }
        let (s3, object) = (&self.objects.s3, reference(&self.object));
        let patience = self.objects.patience;
        let finished = match &self.upload {
            Some(Upload { id, etags }) => {
                patiently(patience, || s3.complete_upload(object, id, etags)).await
            }
            None => {
                let text = text(std::mem::take(&mut self.buffer))?;
                let content_type = self.content_type();
                patiently(patience, || s3.put(object, content_type, &text)).await.map(drop)
            }
        };
        if finished.is_ok() {
            self.upload = None;
        }
        finished
    }
}

impl Drop for S3Writer {
    /// Gives an upload up that was not finished, where there is still time for it.
    fn drop(&mut self) {
        let (Some(upload), Ok(runtime)) =
            (self.upload.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (s3, object) = (self.objects.s3.clone(), self.object.clone());
        runtime.spawn(async move {
            if let Err(error) = s3.abort_upload(reference(&object), &upload.id).await {
                tracing::debug!(%error, key = %object.key, "an upload was not given up");
            }
        });
    }
}

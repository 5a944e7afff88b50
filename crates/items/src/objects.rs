//! Where objects are: the seam to S3 and to folders.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

/// What holds objects.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Opens an object from that byte on. With a tag, only where the object still has that one.
    /// With a length, the body ends after so many bytes at the latest.
    ///
    /// # Errors
    /// [`ObjectsError::Changed`] where it has another tag.
    async fn open(
        &self,
        object: &ObjectAddress,
        from: u64,
        length: Option<u64>,
        tag: Option<&str>,
    ) -> Result<OpenObject, ObjectsError>;

    /// The first objects, up to 1,000, whose keys begin with the prefix and come after that key, in
    /// the order of the bytes of their keys; none only at the end.
    ///
    /// # Errors
    /// Where the bucket cannot be listed.
    async fn list(
        &self,
        bucket: &BucketAddress,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, ObjectsError>;

    /// Begins to write an object, which appears, or replaces what was there, when the writer is
    /// finished. A writer that is dropped leaves what was there.
    ///
    /// # Errors
    /// Where nothing can be written there.
    async fn create(&self, object: &ObjectAddress) -> Result<Box<dyn ObjectWriter>, ObjectsError>;
}

/// What an object holds, piece by piece.
#[async_trait]
pub trait Body: Send {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// Where the connection broke.
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectsError>;
}

/// Writes an object, piece by piece.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Adds bytes to its end.
    ///
    /// # Errors
    /// Where they could not be written; the object does not appear.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectsError>;

    /// Makes the object appear.
    ///
    /// # Errors
    /// Where it does not.
    async fn finish(self: Box<Self>) -> Result<(), ObjectsError>;
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketAddress {
    /// Its name.
    pub name: Arc<str>,
    /// The account of the execution that names it.
    pub account: Arc<str>,
    /// The region of the execution that names it.
    pub region: Arc<str>,
    /// `ExpectedBucketOwner`: the account that must own it.
    pub expected_owner: Option<Arc<str>>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectAddress {
    /// Where it is.
    pub bucket: BucketAddress,
    /// Its key.
    pub key: Arc<str>,
    /// `VersionId`
    pub version: Option<Arc<str>>,
}

/// An object that is open for reading.
pub struct OpenObject {
    /// How long the whole object is, in bytes.
    pub size: u64,
    /// Changes when the object changes: its `ETag`.
    pub tag: Arc<str>,
    /// What it holds, from the byte that was asked for.
    pub body: Box<dyn Body>,
}

/// An object, as a listing tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: Arc<str>,
    /// Its `ETag`, with the quotes that belong to it.
    pub tag: Arc<str>,
    /// When it last changed, in seconds since 1970.
    pub last_modified: i64,
    /// In bytes.
    pub size: u64,
    /// Such as `STANDARD`.
    pub storage_class: Arc<str>,
}

/// Why nothing can be read, listed or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The service refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// No connection, or none that lasted, or the service is not well: it may pass.
    #[error("{0}")]
    Unavailable(String),
    /// The object is not what it was.
    #[error("The object '{0}' changed while it was read")]
    Changed(Arc<str>),
    /// What Stairwell cannot do.
    #[error("{0}")]
    Unsupported(String),
}

/// What a service answered instead of what was asked for; printed as AWS's SDK for Java prints it.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{message} (Service: Amazon S3; Status Code: {status}; Error Code: {code}; \
     Request ID: {request_id}; S3 Extended Request ID: {extended_request_id}; Proxy: null)"
)]
pub struct Refusal {
    /// Such as `NoSuchKey`.
    pub code: String,
    /// Such as `The specified key does not exist.`
    pub message: String,
    /// The status of the HTTP answer.
    pub status: u16,
    /// The request, in the service's words.
    pub request_id: String,
    /// The same, longer.
    pub extended_request_id: String,
}

impl ObjectsError {
    /// A refusal of something that has no requests.
    pub(crate) fn refused(code: &str, status: u16, message: &str) -> ObjectsError {
        ObjectsError::Refused(Box::new(Refusal {
            code: code.to_owned(),
            message: message.to_owned(),
            status,
            request_id: "null".to_owned(),
            extended_request_id: "null".to_owned(),
        }))
    }
}

impl ObjectAddress {
    /// Another object of the same bucket.
    pub(crate) fn neighbour(&self, key: &str) -> ObjectAddress {
        ObjectAddress { bucket: self.bucket.clone(), key: key.into(), version: None }
    }

    /// As `$$.Map.Item.Source` has it.
    pub(crate) fn source(&self) -> Arc<str> {
        format!("S3://{}/{}", self.bucket.name, self.key).into()
    }
}

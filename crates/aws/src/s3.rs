//! Objects of S3, read piece by piece, written whole, and listed page by page.
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use json::{Object, Value};
use service_model::Service;

use crate::call::Assume;
use crate::http::{HttpBody, read};
use crate::{Answer, Call, CallError, Client, HttpAnswer, Names};

/// How long an answer, or the next piece of a body, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an answer without an object in it may be: a page of a listing has 1,000 keys of up to
/// 1,024 bytes, and what is said of them.
const ANSWER_BYTES_MAX: usize = 8 * 1_048_576;

/// What reads and writes objects.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
}

/// Which objects are meant, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct ObjectReference<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key; for a listing, what keys begin with.
    pub key: &'a str,
    /// `VersionId`; the latest version where there is none.
    pub version: Option<&'a str>,
    /// The account that the bucket must belong to, where one is named.
    pub expected_owner: Option<&'a str>,
    /// The account of the execution.
    pub account: &'a str,
    /// The region of the execution.
    pub region: &'a str,
    /// The role that asks; none for the process's own credentials.
    pub role: Option<&'a Assume<'a>>,
}

/// Which part of an object is meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct ObjectPart<'a> {
    /// Its first byte.
    pub from: u64,
    /// How many bytes; all to the end where there is none.
    pub length: Option<u64>,
    /// Only where the object still has this entity tag.
    pub etag: Option<&'a str>,
}

/// An object that is being read.
#[derive(Debug)]
pub struct ObjectBody {
    /// The length in bytes of what comes, where S3 says it.
    pub length: Option<u64>,
    /// The length in bytes of the whole object, where S3 says it.
    pub size: Option<u64>,
    /// Its entity tag, quotes included, where S3 says it.
    pub etag: Option<String>,
    body: HttpBody,
}

/// A page of a listing, in the order of the keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The members of `Contents`, as S3 names them: `Key`, `Size`, `ETag`, `LastModified`, ….
    pub objects: Vec<Value>,
    /// What to give for the next page; none at the end.
    pub next: Option<String>,
}

/// Why there is no object, or no list of them. S3's refusals are [`CallError::Refused`].
pub type S3Error = CallError;

impl S3 {
    /// Reads and writes with this client's endpoints and credentials.
    pub fn new(client: Client) -> S3 {
        S3 { client }
    }

    /// Begins to read an object.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer.
    pub async fn get(&self, object: ObjectReference<'_>) -> Result<ObjectBody, S3Error> {
        self.get_part(object, ObjectPart::default()).await
    }

    /// Begins to read a part of an object.
    ///
    /// # Errors
    /// Where S3 refuses, with status 412 where the object has another tag and 416 where it has no
    /// such part, or there is no answer.
    pub async fn get_part(
        &self,
        object: ObjectReference<'_>,
        part: ObjectPart<'_>,
    ) -> Result<ObjectBody, S3Error> {
        let mut parameters = object.parameters("Key");
        match (part.from, part.length) {
            (0, None) => {}
            (from, None) => parameters.insert("Range", format!("bytes={from}-")),
            (from, Some(length)) => {
                let last = from + length.saturating_sub(1);
                parameters.insert("Range", format!("bytes={from}-{last}"));
            }
        }
        if let Some(etag) = part.etag {
            parameters.insert("IfMatch", etag);
        }
        if let Some(version) = object.version {
            parameters.insert("VersionId", version);
        }
        let parameters = Value::from(parameters);
        let call = object.call("getObject", &parameters);
        let opened = tokio::time::timeout(PATIENCE, self.client.open(call)).await;
        let late = || CallError::Client("Read timed out".to_owned());
        let response = opened.map_err(|_| late())??;
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            let body = tokio::time::timeout(PATIENCE, read(body, ANSWER_BYTES_MAX)).await;
            let body = body.map_err(|_| late())?;
            let body = body.map_err(|error| CallError::Client(error.to_string()))?;
            let answer = HttpAnswer { status: parts.status, headers: parts.headers, body };
            return Err(self.client.refusal_of(service(), &answer));
        }
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let length = header("content-length").and_then(|length| length.parse().ok());
        let of_whole = |range: &str| range.rsplit('/').next().and_then(|size| size.parse().ok());
        Ok(ObjectBody {
            length,
            size: match parts.status {
                StatusCode::PARTIAL_CONTENT => header("content-range").and_then(of_whole),
                _ => length,
            },
            etag: header("etag").map(str::to_owned),
            body: HttpBody::new(body, PATIENCE),
        })
    }

    /// Writes an object, or overwrites it.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer. The object may have been written nevertheless where
    /// the answer was lost.
    pub async fn put(
        &self,
        object: ObjectReference<'_>,
        content_type: &str,
        text: &str,
    ) -> Result<Answer, S3Error> {
        let mut parameters = object.parameters("Key");
        parameters.insert("ContentType", content_type);
        parameters.insert("Body", text);
        let parameters = Value::from(parameters);
        self.client.call(object.call("putObject", &parameters)).await
    }

    /// Lists the objects whose keys begin with `objects.key`: at most a thousand of them, from
    /// where the page before ended. `at_most` asks for fewer.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer.
    pub async fn list(
        &self,
        objects: ObjectReference<'_>,
        after: Option<&str>,
        at_most: Option<u16>,
    ) -> Result<Listed, S3Error> {
        let mut parameters = objects.parameters("Prefix");
        if let Some(after) = after {
            parameters.insert("ContinuationToken", after);
        }
        if let Some(at_most) = at_most {
            parameters.insert("MaxKeys", i64::from(at_most));
        }
        self.listed(objects, parameters).await
    }

    /// Lists the objects whose keys begin with `objects.key` and come after that key: at most a
    /// thousand of them.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer.
    pub async fn list_after(
        &self,
        objects: ObjectReference<'_>,
        key: Option<&str>,
    ) -> Result<Listed, S3Error> {
        let mut parameters = objects.parameters("Prefix");
        if let Some(key) = key {
            parameters.insert("StartAfter", key);
        }
        self.listed(objects, parameters).await
    }

    async fn listed(
        &self,
        objects: ObjectReference<'_>,
        parameters: Object,
    ) -> Result<Listed, S3Error> {
        let parameters = Value::from(parameters);
        let answer = self.client.call(objects.call("listObjectsV2", &parameters)).await?;
        let found = answer.result.get("Contents").and_then(Value::as_array);
        let next = answer.result.get("NextContinuationToken").and_then(Value::as_str);
        Ok(Listed { objects: found.unwrap_or_default().to_vec(), next: next.map(str::to_owned) })
    }

    /// Begins to write an object in parts, and gives the id of the upload.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer.
    pub async fn create_upload(
        &self,
        object: ObjectReference<'_>,
        content_type: &str,
    ) -> Result<String, S3Error> {
        let mut parameters = object.parameters("Key");
        parameters.insert("ContentType", content_type);
        let parameters = Value::from(parameters);
        let answer = self.client.call(object.call("createMultipartUpload", &parameters)).await?;
        text(&answer, "UploadId")
    }

    /// Writes a part, counted from 1, of an upload, and gives its entity tag. All but the last part
    /// have 5 MiB at least.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer. A part can be written again.
    pub async fn upload_part(
        &self,
        object: ObjectReference<'_>,
        upload: &str,
        number: u16,
        part: &str,
    ) -> Result<String, S3Error> {
        let mut parameters = object.parameters("Key");
        parameters.insert("UploadId", upload);
        parameters.insert("PartNumber", i64::from(number));
        parameters.insert("Body", part);
        let parameters = Value::from(parameters);
        let answer = self.client.call(object.call("uploadPart", &parameters)).await?;
        text(&answer, "ETag")
    }

    /// Makes an object of an upload, by the entity tags of its parts.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer.
    pub async fn complete_upload(
        &self,
        object: ObjectReference<'_>,
        upload: &str,
        etags: &[String],
    ) -> Result<(), S3Error> {
        let part = |(number, etag): (i64, &String)| {
            let mut part = Object::new();
            part.insert("ETag", etag.as_str());
            part.insert("PartNumber", number);
            Value::from(part)
        };
        let mut parts = Object::new();
        parts.insert("Parts", (1..).zip(etags).map(part).collect::<Vec<Value>>());
        let mut parameters = object.parameters("Key");
        parameters.insert("UploadId", upload);
        parameters.insert("MultipartUpload", parts);
        let parameters = Value::from(parameters);
        self.client.call(object.call("completeMultipartUpload", &parameters)).await.map(drop)
    }

    /// Gives an upload up; its parts are gone.
    ///
    /// # Errors
    /// Where S3 refuses, or there is no answer.
    pub async fn abort_upload(
        &self,
        object: ObjectReference<'_>,
        upload: &str,
    ) -> Result<(), S3Error> {
        let mut parameters = object.parameters("Key");
        parameters.insert("UploadId", upload);
        let parameters = Value::from(parameters);
        self.client.call(object.call("abortMultipartUpload", &parameters)).await.map(drop)
    }
}

fn text(answer: &Answer, name: &str) -> Result<String, S3Error> {
    let found = answer.result.get(name).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| CallError::Client(format!("the answer of S3 has no {name}")))
}

impl ObjectBody {
    /// The next piece; none at the end of the object.
    ///
    /// # Errors
    /// Where it does not come in time, or the connection breaks before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, S3Error> {
        self.body.next().await.map_err(|error| CallError::Client(error.to_string()))
    }
}

impl<'a> ObjectReference<'a> {
    fn parameters(&self, key: &str) -> Object {
        let mut parameters = Object::new();
        parameters.insert("Bucket", self.bucket);
        parameters.insert(key, self.key);
        if let Some(owner) = self.expected_owner {
            parameters.insert("ExpectedBucketOwner", owner);
        }
        parameters
    }

    fn call(&self, action: &str, parameters: &'a Value) -> Call<'a> {
        let operation = service().operation(action).expect("S3 has the operation");
        Call {
            service: service(),
            operation,
            parameters,
            account: self.account,
            region: self.region,
            role: self.role,
            names: Names::Model,
            idempotency_token: "",
            patience: PATIENCE,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }
}

fn service() -> &'static Service {
    service_model::service("s3").expect("there is a model of S3")
}

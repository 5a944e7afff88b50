//! Objects of S3, read piece by piece, written whole, and listed page by page.
//! See <https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>.

use std::time::Duration;

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
    /// The region of the execution.
    pub region: &'a str,
    /// The role that asks; none for the process's own credentials.
    pub role: Option<&'a Assume<'a>>,
}

/// An object that is being read.
#[derive(Debug)]
pub struct ObjectBody {
    /// Its length in bytes, where S3 says it.
    pub length: Option<u64>,
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
        let mut parameters = object.parameters("Key");
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
        Ok(ObjectBody {
            length: header("content-length").and_then(|length| length.parse().ok()),
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
        let parameters = Value::from(parameters);
        let answer = self.client.call(objects.call("listObjectsV2", &parameters)).await?;
        let found = answer.result.get("Contents").and_then(Value::as_array);
        let next = answer.result.get("NextContinuationToken").and_then(Value::as_str);
        Ok(Listed { objects: found.unwrap_or_default().to_vec(), next: next.map(str::to_owned) })
    }
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

//! Objects that name other objects.

use std::sync::Arc;

use json::Value;

use crate::ObjectAddress;
use crate::content::Content;
use crate::csv::Headers;
use crate::failure::{MANIFEST_BYTES_MAX, ReadError};
use crate::stream::Origin;

/// What a manifest names.
pub(crate) struct Manifest {
    /// The manifest's own tag.
    pub(crate) tag: String,
    pub(crate) objects: Vec<ObjectAddress>,
}

/// The `manifest.json` of an S3 inventory: its files, and the columns that they have.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>.
pub(crate) async fn inventory(
    origin: &Origin,
    manifest: &ObjectAddress,
    tag: Option<&str>,
) -> Result<(Manifest, Arc<Headers>), ReadError> {
    let (tag, text) = whole(origin, manifest, tag).await?;
    let document = json::parse(&text).map_err(|error| bad(&error.to_string()))?;
    let format = document.get("fileFormat").and_then(Value::as_str);
    match format {
        Some("CSV") => {}
        Some(other) => {
            return Err(bad(&format!("inventories in the format '{other}' are not supported")));
        }
        None => return Err(bad("it has no 'fileFormat'")),
    }
    let schema = document
        .get("fileSchema")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("it has no 'fileSchema'"))?;
    let headers = Headers::new(schema.split(',').map(|name| Arc::from(name.trim())).collect())?;
    let files =
        document.get("files").and_then(Value::as_array).ok_or_else(|| bad("it has no 'files'"))?;
    let address = |file: &Value| match file.get("key").and_then(Value::as_str) {
        Some(key) => Ok(manifest.neighbour(key)),
        None => Err(bad("one of its 'files' has no 'key'")),
    };
    let objects = files.iter().map(address).collect::<Result<_, _>>()?;
    Ok((Manifest { tag, objects }, Arc::new(headers)))
}

/// The manifest that Athena writes for UNLOAD: a line with the address of each file.
/// See <https://docs.aws.amazon.com/athena/latest/ug/unload.html>.
pub(crate) async fn athena(
    origin: &Origin,
    manifest: &ObjectAddress,
    tag: Option<&str>,
) -> Result<Manifest, ReadError> {
    let (tag, text) = whole(origin, manifest, tag).await?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let address = |line: &str| {
        let (bucket, key) = line
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| bad(&format!("'{line}' is not the address of an object")))?;
        let mut object = manifest.neighbour(key);
        object.bucket.name = bucket.into();
        Ok(object)
    };
    let objects = lines.map(address).collect::<Result<_, ReadError>>()?;
    Ok(Manifest { tag, objects })
}

/// The whole text of an object that is not large.
async fn whole(
    origin: &Origin,
    object: &ObjectAddress,
    tag: Option<&str>,
) -> Result<(String, String), ReadError> {
    let mut content = Content::open(origin, object, tag).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = content.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(bad(&format!("it is longer than {MANIFEST_BYTES_MAX} bytes")));
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8"))?;
    Ok((content.tag().to_owned(), text))
}

fn bad(reason: &str) -> ReadError {
    ReadError::Manifest(reason.to_owned())
}

//! Where the objects of Map Runs are: what `ItemReader` reads and `ResultWriter` writes.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use aws::{Client, S3};
use items::{Folder, MapData, Objects, Patience, S3Objects};
use runtime::MapRunDataHandle;

const VARIABLE: &str = "AWS_ENDPOINT_URL_S3";

/// Where objects are.
#[derive(Clone, Debug)]
pub(crate) enum ObjectsAt {
    /// In a folder with a folder for each bucket.
    Folder(PathBuf),
    /// At what this client calls as S3.
    Service(Client),
}

impl ObjectsAt {
    /// The folder that is given, or that the variable of the AWS SDKs names; else S3.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub(crate) fn find(given: Option<&str>, aws: &Client) -> anyhow::Result<ObjectsAt> {
        let found = match given {
            Some(given) => folder(given).context("--s3-endpoint")?,
            None => folder(&env::var(VARIABLE).unwrap_or_default()).context(VARIABLE)?,
        };
        Ok(found.map_or_else(|| ObjectsAt::Service(aws.clone()), ObjectsAt::Folder))
    }

    /// What reads and writes there.
    pub(crate) fn map_run_data(&self) -> MapRunDataHandle {
        let patience = Patience::default();
        let objects: Arc<dyn Objects> = match self {
            ObjectsAt::Folder(folder) => Arc::new(Folder::new(folder)),
            ObjectsAt::Service(aws) => Arc::new(S3Objects::new(S3::new(aws.clone()), patience)),
        };
        MapRunDataHandle(Arc::new(MapData::new(objects, patience)))
    }
}

/// Whether the URL is that of a folder.
pub(crate) fn is_folder(url: &str) -> bool {
    url.starts_with("file:")
}

/// The folder of a URL such as `file:///srv/objects`, which is taken as it is written.
fn folder(url: &str) -> anyhow::Result<Option<PathBuf>> {
    let Some(path) = url.strip_prefix("file:") else { return Ok(None) };
    let path = path.strip_prefix("//").unwrap_or(path);
    ensure!(path.starts_with('/'), "'{url}' is not a URL such as file:///srv/objects");
    let path = PathBuf::from(path);
    ensure!(path.is_dir(), "there is no folder {}", path.display());
    Ok(Some(path))
}

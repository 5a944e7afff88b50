//! Where the objects of Map Runs are: what `ItemReader` reads and `ResultWriter` writes.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use aws::{Client, CredentialChain, Endpoint, Endpoints, Environment, HttpClient, S3, Settings};
use items::{Folder, MapData, Objects, Patience, S3Objects};
use runtime::MapRunDataHandle;

const VARIABLE: &str = "AWS_ENDPOINT_URL_S3";

/// Where objects are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ObjectsAt {
    /// In a folder with a folder for each bucket.
    Folder(PathBuf),
    /// At what speaks as S3 does.
    Service(Endpoints),
}

impl ObjectsAt {
    /// The place that is given, else that of the variables of the AWS SDKs, else S3 of AWS.
    ///
    /// # Errors
    /// Where it is neither a URL that can be called nor that of a folder.
    pub(crate) fn find(given: Option<&str>) -> anyhow::Result<ObjectsAt> {
        if let Some(given) = given
            && let Some(folder) = folder(given).context("--s3-endpoint")?
        {
            return Ok(ObjectsAt::Folder(folder));
        }
        let variable = env::var(VARIABLE).unwrap_or_default();
        if given.is_none()
            && let Some(folder) = folder(&variable).context(VARIABLE)?
        {
            return Ok(ObjectsAt::Folder(folder));
        }
        let is_url = |(name, value): &(String, String)| name != VARIABLE || !is_file(value);
        let endpoints = Endpoints::of(variables().filter(is_url))?;
        Ok(ObjectsAt::Service(match given {
            Some(given) => endpoints.with("S3", Endpoint::parse(given).context("--s3-endpoint")?),
            None => endpoints,
        }))
    }

    /// What reads and writes there.
    pub(crate) fn map_run_data(&self) -> MapRunDataHandle {
        let patience = Patience::default();
        let objects: Arc<dyn Objects> = match self {
            ObjectsAt::Folder(folder) => Arc::new(Folder::new(folder)),
            ObjectsAt::Service(endpoints) => {
                let environment = Environment::of(variables());
                let http = HttpClient::new(None);
                let credentials = CredentialChain::new(environment, http.clone());
                let endpoints = endpoints.clone();
                let client = Client::new(Settings { endpoints, credentials, http });
                Arc::new(S3Objects::new(S3::new(client), patience))
            }
        };
        MapRunDataHandle(Arc::new(MapData::new(objects, patience)))
    }
}

/// The environment variables that are text.
fn variables() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn is_file(url: &str) -> bool {
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

//! What the runtime sees of this crate.

use std::sync::Arc;

use asl::{CsvHeaders, InputType, ManifestType, ReaderAction, ReaderConfig, ReaderTransformation};
use async_trait::async_trait;
use engine::Failure;
use json::Document;
use runtime::{Access, ItemReader, MapRunData, OpenItems, ResultSource, WriteResults};

use crate::allowed::Allowed;
use crate::csv::Headers;
use crate::failure::ReadError;
use crate::listing::{Listing, ListingReader};
use crate::parameters::Parameters;
use crate::position::{ObjectAt, Position};
use crate::reader::{Format, ObjectList, ObjectsReader};
use crate::stream::Origin;
use crate::text::TextFormat;
use crate::{Objects, Patience, manifest, writer};

const OBJECT_PARAMETERS: &[&str] = &["Bucket", "Key", "VersionId", "ExpectedBucketOwner"];
const LISTING_PARAMETERS: &[&str] = &["Bucket", "Prefix", "StartAfter", "ExpectedBucketOwner"];

/// What reads the items of Map Runs from objects, and writes their results to objects.
#[derive(Clone)]
pub struct MapData {
    origin: Origin,
}

impl MapData {
    /// With objects that are there.
    pub fn new(objects: Arc<dyn Objects>, patience: Patience) -> MapData {
        MapData { origin: Origin { objects, patience } }
    }

    /// The same objects, as far as somebody may touch them.
    fn allowed(&self, access: &Access) -> MapData {
        let Origin { objects, patience } = self.origin.clone();
        MapData::new(Arc::new(Allowed { objects, access: access.clone() }), patience)
    }

    async fn reader(&self, request: OpenItems) -> Result<Box<dyn ItemReader>, ReadError> {
        let position = request.position.as_ref().map(Position::read).transpose()?;
        match request.action {
            ReaderAction::GetObject => self.object(&request, position).await,
            ReaderAction::ListObjectsV2 => self.listing(&request, position).await,
        }
    }

    async fn object(
        &self,
        request: &OpenItems,
        position: Option<Position>,
    ) -> Result<Box<dyn ItemReader>, ReadError> {
        let (parameters, scope) = (&request.parameters, &request.scope);
        let object = Parameters::read(parameters, OBJECT_PARAMETERS, scope)?.object()?;
        let tag = position.as_ref().and_then(|position| position.manifest.as_deref());
        let (origin, config) = (self.origin.clone(), &request.config);
        let (format, objects, manifest) = match manifest_type(config) {
            None => (format(config)?, vec![object], None),
            Some(ManifestType::AthenaData) => {
                let manifest = manifest::athena(&origin, &object, tag).await?;
                (format(config)?, manifest.objects, Some(manifest.tag))
            }
            Some(ManifestType::S3Inventory) => {
                let (manifest, schema) = manifest::inventory(&origin, &object, tag).await?;
                let headers = match &config.csv_headers {
                    Some(headers) => given(headers)?,
                    None => Some(schema),
                };
                let format = TextFormat::Csv { delimiter: config.csv_delimiter, headers };
                (Format::Text(format), manifest.objects, Some(manifest.tag))
            }
        };
        let list = ObjectList::Given { objects, next: 0 };
        let reader = ObjectsReader::open(origin, format, list, manifest, position).await?;
        Ok(Box::new(reader))
    }

    async fn listing(
        &self,
        request: &OpenItems,
        position: Option<Position>,
    ) -> Result<Box<dyn ItemReader>, ReadError> {
        let parameters = Parameters::read(&request.parameters, LISTING_PARAMETERS, &request.scope)?;
        let after = match position.as_ref().map(|position| &position.object) {
            Some(ObjectAt::After(key) | ObjectAt::Key(key)) => Some(key.clone()),
            _ => parameters.get("StartAfter").map(|key| key.to_string()),
        };
        let prefix = parameters.get("Prefix").unwrap_or_default();
        let origin = self.origin.clone();
        let mut listing = Listing::new(origin.clone(), parameters.bucket()?, prefix, after);
        match request.config.transformation {
            ReaderTransformation::None => {
                listing.look_ahead().await?;
                Ok(Box::new(ListingReader::new(listing)))
            }
            ReaderTransformation::LoadAndFlatten => {
                let (format, list) = (format(&request.config)?, ObjectList::Listed(listing));
                let reader = ObjectsReader::open(origin, format, list, None, position).await?;
                Ok(Box::new(reader))
            }
        }
    }
}

/// The manifest that the object is, where it is one.
fn manifest_type(config: &ReaderConfig) -> Option<ManifestType> {
    match (config.manifest_type, config.input_type) {
        (None, Some(InputType::Manifest)) => Some(ManifestType::S3Inventory),
        (manifest_type, _) => manifest_type,
    }
}

/// The headers, where they are not in the first record.
fn given(headers: &CsvHeaders) -> Result<Option<Arc<Headers>>, ReadError> {
    match headers {
        CsvHeaders::Given(names) => Ok(Some(Arc::new(Headers::new(names.clone())?))),
        CsvHeaders::FirstRow => Ok(None),
    }
}

/// How the objects with the items are read.
fn format(config: &ReaderConfig) -> Result<Format, ReadError> {
    let text = match config.input_type {
        Some(InputType::Csv) => {
            let headers = given(config.csv_headers.as_ref().unwrap_or(&CsvHeaders::FirstRow))?;
            TextFormat::Csv { delimiter: config.csv_delimiter, headers }
        }
        Some(InputType::Json) => TextFormat::Json { pointer: config.items_pointer.clone() },
        Some(InputType::Jsonl) => TextFormat::JsonLines,
        Some(InputType::Parquet) => return Ok(Format::Parquet),
        Some(InputType::Manifest) | None => {
            let message = "The field 'InputType' does not say how the objects are to be read.";
            return Err(ReadError::Unsupported(message));
        }
    };
    Ok(Format::Text(text))
}

#[async_trait]
impl MapRunData for MapData {
    async fn open(&self, request: OpenItems) -> Result<Box<dyn ItemReader>, Failure> {
        let allowed = self.allowed(&request.access);
        allowed.reader(request).await.map_err(ReadError::into_failure)
    }

    async fn write(
        &self,
        request: WriteResults,
        results: &mut dyn ResultSource,
    ) -> Result<Document, Failure> {
        let MapData { origin } = self.allowed(&request.access);
        let written = writer::write(&origin, request, results).await;
        written.map_err(writer::WriteError::into_failure)
    }
}

//! The results of a Map Run: files with a row for each child execution, or the result of the state.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{OutputType, ResultTransformation, WriterConfig};
use bytes::Bytes;
use engine::{Failure, Status};
use json::{Document, Object, Value};
use runtime::{ChildResult, OperationalError, ResultSource, WriteResults};

use crate::failure::ReadError;
use crate::parameters::Parameters;
use crate::stream::Origin;
use crate::{ObjectAddress, ObjectWriter, ObjectsError};

const PARAMETERS: &[&str] = &["Bucket", "Prefix", "ExpectedBucketOwner"];
/// The largest file of results: AWS's limit.
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// How much is handed to an object at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// The largest result of a state: AWS's limit.
const RESULT_BYTES_MAX: usize = 262_144;

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Parameters(#[from] ReadError),
    #[error("The results cannot be read: {0}")]
    Source(#[from] OperationalError),
    #[error("The outputs exceed the largest result of a state")]
    TooLarge(Arc<str>),
}

impl WriteError {
    /// The failure of the Map Run.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            WriteError::TooLarge(map_run_arn) => Failure::data_limit_exceeded(&map_run_arn),
            error => Failure::new("States.ResultWriterFailed", error.to_string()),
        }
    }
}

/// Writes all results, and gives the result of the Map state.
pub(crate) async fn write(
    origin: &Origin,
    request: WriteResults,
    results: &mut dyn ResultSource,
) -> Result<Document, WriteError> {
    match &request.target {
        Some(target) => {
            let parameters = Parameters::read(target, PARAMETERS, &request.scope)?;
            Files::new(origin, &request, &parameters)?.write(results).await
        }
        None => gather(&request, results).await,
    }
}

/// The results as the result of the state, in the order of the items.
async fn gather(
    request: &WriteResults,
    results: &mut dyn ResultSource,
) -> Result<Document, WriteError> {
    let transformation = request.config.transformation.unwrap_or(ResultTransformation::Compact);
    let mut rows: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut length = 2;
    loop {
        let page = results.next().await?;
        if page.is_empty() {
            break;
        }
        for result in &page {
            let texts = rows_of(result, transformation);
            length += texts.iter().map(|text| text.len() + 1).sum::<usize>();
            if length > RESULT_BYTES_MAX + 1 {
                return Err(WriteError::TooLarge(request.map_run_arn.clone()));
            }
            rows.insert(result.index, texts);
        }
    }
    let rows: Vec<String> = rows.into_values().flatten().collect();
    Ok(Document::from_trusted_text(&format!("[{}]", rows.join(","))))
}

/// Which files a result goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Failed,
    Pending,
    Succeeded,
}

impl Outcome {
    const ALL: [Outcome; 3] = [Outcome::Failed, Outcome::Pending, Outcome::Succeeded];

    fn of(result: &ChildResult) -> Outcome {
        match result.status {
            Some(Status::Succeeded) => Outcome::Succeeded,
            Some(Status::Failed | Status::TimedOut | Status::Aborted) => Outcome::Failed,
            Some(Status::Running) | None => Outcome::Pending,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Outcome::Failed => "FAILED",
            Outcome::Pending => "PENDING",
            Outcome::Succeeded => "SUCCEEDED",
        }
    }
}

/// The files of a Map Run.
struct Files<'a> {
    origin: &'a Origin,
    config: WriterConfig,
    map_run_arn: Arc<str>,
    /// With that, the manifest's key.
    manifest: ObjectAddress,
    /// What all keys begin with.
    prefix: String,
    series: [Series; 3],
}

/// The files for one outcome.
#[derive(Default)]
struct Series {
    open: Option<OpenFile>,
    /// The key and the size of those that are complete.
    complete: Vec<(String, u64)>,
}

struct OpenFile {
    key: String,
    writer: Box<dyn ObjectWriter>,
    /// What was not handed over yet.
    buffer: Vec<u8>,
    size: u64,
}

impl<'a> Files<'a> {
    fn new(
        origin: &'a Origin,
        request: &WriteResults,
        parameters: &Parameters,
    ) -> Result<Files<'a>, WriteError> {
        let id = request.map_run_arn.rsplit(':').next().unwrap_or_default();
        let prefix = match parameters.get("Prefix").as_deref() {
            None | Some("") => format!("{id}/"),
            Some(prefix) => format!("{}/{id}/", prefix.strip_suffix('/').unwrap_or(prefix)),
        };
        let key = format!("{prefix}manifest.json").into();
        Ok(Files {
            origin,
            config: request.config,
            map_run_arn: request.map_run_arn.clone(),
            manifest: ObjectAddress { bucket: parameters.bucket()?, key, version: None },
            prefix,
            series: Default::default(),
        })
    }

    async fn write(mut self, results: &mut dyn ResultSource) -> Result<Document, WriteError> {
        loop {
            let page = results.next().await?;
            if page.is_empty() {
                break;
            }
            for result in &page {
                self.add(result).await?;
            }
        }
        for outcome in Outcome::ALL {
            self.close(outcome).await?;
        }
        let result = Document::from(self.result());
        self.write_manifest().await?;
        Ok(result)
    }

    async fn add(&mut self, result: &ChildResult) -> Result<(), WriteError> {
        let transformation = self.config.transformation.unwrap_or(ResultTransformation::None);
        for row in rows_of(result, transformation) {
            self.add_row(Outcome::of(result), &row).await?;
        }
        Ok(())
    }

    async fn add_row(&mut self, outcome: Outcome, row: &str) -> Result<(), WriteError> {
        let series = &self.series[outcome as usize];
        let size = series.open.as_ref().map_or(0, |file| file.size);
        if size > 0 && size + row.len() as u64 + 2 > FILE_BYTES_MAX {
            self.close(outcome).await?;
        }
        let series = &mut self.series[outcome as usize];
        let file = match &mut series.open {
            Some(file) => file,
            None => {
                let extension = match self.config.output_type {
                    OutputType::Json => "json",
                    OutputType::Jsonl => "jsonl",
                };
                let number = series.complete.len();
                let key = format!("{}{}_{number}.{extension}", self.prefix, outcome.name());
                let writer = self.origin.objects.create(&self.manifest.neighbour(&key)).await?;
                series.open.insert(OpenFile { key, writer, buffer: Vec::new(), size: 0 })
            }
        };
        let lead = match (self.config.output_type, file.size) {
            (OutputType::Json, 0) => "[",
            (OutputType::Json, _) => ",",
            (OutputType::Jsonl, 0) => "",
            (OutputType::Jsonl, _) => "\n",
        };
        file.add(lead).await?;
        file.add(row).await
    }

    async fn close(&mut self, outcome: Outcome) -> Result<(), WriteError> {
        let series = &mut self.series[outcome as usize];
        let Some(mut file) = series.open.take() else { return Ok(()) };
        let end = match self.config.output_type {
            OutputType::Json => "]",
            OutputType::Jsonl => "\n",
        };
        file.add(end).await?;
        file.writer.write(Bytes::from(file.buffer)).await?;
        file.writer.finish().await?;
        series.complete.push((file.key, file.size));
        Ok(())
    }

    /// The last file: where it is, all others are.
    async fn write_manifest(self) -> Result<(), WriteError> {
        let mut files = Object::new();
        for outcome in Outcome::ALL {
            let complete = self.series[outcome as usize].complete.iter().map(|(key, size)| {
                let mut file = Object::new();
                file.insert("Key", key.as_str());
                file.insert("Size", size.cast_signed());
                Value::from(file)
            });
            files.insert(outcome.name(), complete.collect::<Vec<Value>>());
        }
        let mut manifest = Object::new();
        manifest.insert("DestinationBucket", self.manifest.bucket.name.clone());
        manifest.insert("MapRunArn", self.map_run_arn.clone());
        manifest.insert("ResultFiles", files);
        let mut writer = self.origin.objects.create(&self.manifest).await?;
        writer.write(Bytes::from(Value::from(manifest).to_text())).await?;
        Ok(writer.finish().await?)
    }

    /// The result of the Map state.
    fn result(&self) -> Value {
        let mut details = Object::new();
        details.insert("Bucket", self.manifest.bucket.name.clone());
        details.insert("Key", self.manifest.key.clone());
        let mut result = Object::new();
        result.insert("MapRunArn", self.map_run_arn.clone());
        result.insert("ResultWriterDetails", details);
        Value::from(result)
    }
}

impl OpenFile {
    async fn add(&mut self, text: &str) -> Result<(), WriteError> {
        self.buffer.extend_from_slice(text.as_bytes());
        self.size += text.len() as u64;
        if self.buffer.len() >= PIECE_BYTES {
            let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
            self.writer.write(Bytes::from(piece)).await?;
        }
        Ok(())
    }
}

/// The rows of a result. One that did not succeed is always described as with `NONE`.
fn rows_of(result: &ChildResult, transformation: ResultTransformation) -> Vec<String> {
    match (transformation, &result.output, result.status) {
        (ResultTransformation::Compact, Some(output), Some(Status::Succeeded)) => {
            vec![one_line(output)]
        }
        (ResultTransformation::Flatten, Some(output), Some(Status::Succeeded)) => {
            match output.value().as_array() {
                Some(items) => items.iter().map(Value::to_text).collect(),
                None => vec![one_line(output)],
            }
        }
        _ => vec![result.described().to_text()],
    }
}

/// The text of a document without ends of lines between its tokens.
fn one_line(document: &Document) -> String {
    match document.text().contains(['\n', '\r']) {
        true => document.value().to_text(),
        false => document.text().to_owned(),
    }
}

//! A Map state in DISTRIBUTED mode: what its program holds besides that of an inline one.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>.

use std::sync::Arc;

use crate::{Amount, Payload, WorkflowType};

/// What a Map state has in DISTRIBUTED mode.
#[derive(Debug)]
pub struct Distributed {
    /// `ExecutionType` of `ProcessorConfig`, Standard where it is not given: the type of the child
    /// executions.
    pub execution_type: WorkflowType,
    /// `Label`: up to 40 characters, which stand in the ARNs of the Map Run and its children.
    pub label: Option<Arc<str>>,
    /// `ItemReader`; the items come from the input of the state where there is none.
    pub item_reader: Option<ItemReader>,
    /// `ItemBatcher`; each item has a child execution of its own where there is none.
    pub item_batcher: Option<ItemBatcher>,
    /// `ResultWriter`; the outputs are the result of the state where there is none.
    pub result_writer: Option<ResultWriter>,
}

/// `ItemReader`: where the items are.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>.
#[derive(Debug)]
pub struct ItemReader {
    /// What `Resource` names.
    pub action: ReaderAction,
    /// `Parameters` or `Arguments`: gives `Bucket`, `Key`, `Prefix`, …
    pub parameters: Option<Payload>,
    /// `ReaderConfig`, all but `MaxItems`.
    pub config: ReaderConfig,
    /// `MaxItems` or `MaxItemsPath` of `ReaderConfig`; 0 for no limit.
    pub max_items: Option<Amount>,
}

/// The `Resource` of an `ItemReader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderAction {
    /// `arn:aws:states:::s3:getObject`
    GetObject,
    /// `arn:aws:states:::s3:listObjectsV2`
    ListObjectsV2,
}

/// `ReaderConfig`: how the items are read. It holds no expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReaderConfig {
    /// `InputType`; always there with [`ReaderAction::GetObject`].
    pub input_type: Option<InputType>,
    /// `CSVHeaderLocation` and `CSVHeaders`; always there with [`InputType::Csv`].
    pub csv_headers: Option<CsvHeaders>,
    /// `CSVDelimiter`
    pub csv_delimiter: CsvDelimiter,
    /// `ManifestType`; with [`InputType::Manifest`], an S3 inventory where it is not given.
    pub manifest_type: Option<ManifestType>,
    /// `Transformation`
    pub transformation: ReaderTransformation,
    /// `ItemsPointer`: a JSON pointer (RFC 6901) to the items in a JSON file, as it was written.
    pub items_pointer: Option<Arc<str>>,
}

/// `InputType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InputType {
    Csv,
    Json,
    Jsonl,
    Parquet,
    Manifest,
}

/// `CSVHeaderLocation` and `CSVHeaders`
#[derive(Clone, Debug, PartialEq)]
pub enum CsvHeaders {
    /// `FIRST_ROW`
    FirstRow,
    /// `GIVEN`
    Given(Vec<Arc<str>>),
}

/// `CSVDelimiter`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CsvDelimiter {
    #[default]
    Comma,
    Pipe,
    Semicolon,
    Space,
    Tab,
}

/// `ManifestType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ManifestType {
    AthenaData,
    S3Inventory,
}

/// `Transformation` of `ReaderConfig`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReaderTransformation {
    /// `NONE`: the items are what is listed.
    #[default]
    None,
    /// `LOAD_AND_FLATTEN`: the items are those in the objects that are listed.
    LoadAndFlatten,
}

/// `ItemBatcher`: how many items a child execution gets; one of both limits is there at least.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html>.
#[derive(Debug)]
pub struct ItemBatcher {
    /// `MaxItemsPerBatch` or `MaxItemsPerBatchPath`
    pub max_items: Option<Amount>,
    /// `MaxInputBytesPerBatch` or `MaxInputBytesPerBatchPath`
    pub max_input_bytes: Option<Amount>,
    /// `BatchInput`
    pub batch_input: Option<Payload>,
}

/// `ResultWriter`: where the results of the child executions go, and in which form.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html>.
#[derive(Debug)]
pub struct ResultWriter {
    /// `Resource`, which is `arn:aws:states:::s3:putObject`. Without it the results, transformed,
    /// are the result of the state.
    pub target: Option<WriterTarget>,
    /// `WriterConfig`
    pub config: WriterConfig,
    /// Whether it says nothing: then the Map state fails.
    pub is_empty: bool,
}

/// Where a `ResultWriter` writes to.
#[derive(Debug)]
pub struct WriterTarget {
    /// `Parameters` or `Arguments`: gives `Bucket` and `Prefix`.
    pub parameters: Option<Payload>,
}

/// `WriterConfig`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterConfig {
    /// `Transformation`; where it is not given it is `NONE` with a target, and `COMPACT` without.
    pub transformation: Option<ResultTransformation>,
    /// `OutputType`
    pub output_type: OutputType,
}

/// `Transformation` of `WriterConfig`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultTransformation {
    /// `NONE`: the outputs and what describes their executions.
    None,
    /// `COMPACT`: the outputs.
    Compact,
    /// `FLATTEN`: the outputs; of one that is an array, its items.
    Flatten,
}

/// `OutputType`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum OutputType {
    #[default]
    Json,
    Jsonl,
}

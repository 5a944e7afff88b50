//! What a Map state has in DISTRIBUTED mode and not inline.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html>.

use std::sync::Arc;

use json::Value;

use crate::expressions::{Offers, amount_in, payload};
use crate::fields::{
    Fields, ITEM_BATCHER, ITEM_READER, READER_CONFIG, RESULT_WRITER, WRITER_CONFIG,
};
use crate::language::QueryLanguage;
use crate::place::Place;
use crate::state::StateReader;
use crate::{
    CsvDelimiter, CsvHeaders, Distributed, InputType, ItemBatcher, ItemReader, ManifestType,
    OutputType, ReaderAction, ReaderConfig, ReaderTransformation, ResultTransformation,
    ResultWriter, WorkflowType, WriterConfig, WriterTarget,
};

/// In characters.
const LABEL_LENGTH_MAX: usize = 40;
/// What a label cannot hold besides white space and control characters.
const NOT_IN_LABELS: &str = "?*<>{}[]\"#%\\^|~`$&,;:/";
/// The fields that only a Map state in DISTRIBUTED mode has.
const FIELDS: [&str; 4] = ["ItemReader", "ItemBatcher", "ResultWriter", "Label"];

/// What a Map state in DISTRIBUTED mode has; its children are of that type.
pub(crate) fn compile(
    state: &mut StateReader<'_, '_>,
    execution_type: WorkflowType,
) -> Distributed {
    Distributed {
        execution_type,
        label: label(state),
        item_reader: item_reader(state),
        item_batcher: item_batcher(state),
        result_writer: result_writer(state),
    }
}

/// Refuses what an inline Map state does not have.
pub(crate) fn refuse_fields(state: &mut StateReader<'_, '_>) {
    for name in FIELDS {
        if let Some((_, place)) = state.fields.located(name) {
            let message = format_args!(
                "The field '{name}' is only supported for a Map state in 'DISTRIBUTED' mode"
            );
            state.findings.error(&place, message);
        }
    }
}

fn label(state: &mut StateReader<'_, '_>) -> Option<Arc<str>> {
    let (value, place) = state.fields.located("Label")?;
    let label = value.as_str()?;
    let is_refused = |character: char| {
        character.is_whitespace() || character.is_control() || NOT_IN_LABELS.contains(character)
    };
    if label.is_empty() {
        state.findings.error(&place, "Label cannot be empty");
    } else if label.chars().count() > LABEL_LENGTH_MAX {
        let message = format_args!("Label cannot exceed {LABEL_LENGTH_MAX} characters");
        state.findings.error(&place, message);
    } else if label.contains(is_refused) {
        state.findings.error(&place, "Label contains invalid characters");
    }
    Some(label.into())
}

/// The fields of an object within the state, and its parameters.
fn part<'a>(
    state: &mut StateReader<'_, 'a>,
    name: &'static str,
    table: crate::fields::Table,
) -> Option<Fields<'a>> {
    let (value, place) = state.fields.located(name)?;
    let object = value.as_object()?;
    Some(Fields::check(object, table, state.language, place, state.findings))
}

fn within<'a>(
    state: &mut StateReader<'_, 'a>,
    fields: &Fields<'a>,
    name: &'static str,
    table: crate::fields::Table,
) -> Option<Fields<'a>> {
    let (value, place) = fields.located(name)?;
    let object = value.as_object()?;
    Some(Fields::check(object, table, state.language, place, state.findings))
}

/// Refuses a resource without the field that says which bucket is meant.
fn require_parameters<'a>(state: &mut StateReader<'_, 'a>, fields: &Fields<'a>) {
    let name = match state.language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    };
    if !fields.has(name) {
        let message = format_args!("These fields are required: [{name}]");
        state.findings.error(fields.place(), message).help(format_args!("add {name}"));
    }
}

/// `Parameters`, or `Arguments`, which hold texts alone.
fn parameters<'a>(state: &mut StateReader<'_, 'a>, fields: &Fields<'a>) -> Option<crate::Payload> {
    let field = fields.located("Parameters").or_else(|| fields.located("Arguments"));
    if let Some((Value::Object(given), place)) = &field {
        for (name, value) in given.iter() {
            if value.as_str().is_none() {
                state.findings.error(&place.member(name), "Expected value of type [STRING]");
            }
        }
    }
    payload(state, field, Offers::Nothing)
}

fn item_reader(state: &mut StateReader<'_, '_>) -> Option<ItemReader> {
    let fields = part(state, "ItemReader", ITEM_READER)?;
    let action = match resource_action(&fields) {
        Some(("getObject", _)) => Some(ReaderAction::GetObject),
        Some(("listObjectsV2", _)) => Some(ReaderAction::ListObjectsV2),
        Some((_, place)) => {
            state.findings.error(&place, "The resource is not supported by the field 'ItemReader'");
            None
        }
        None => None,
    };
    let config = within(state, &fields, "ReaderConfig", READER_CONFIG);
    let max_items = config.as_ref().and_then(|config| {
        config.one_of(&["MaxItems", "MaxItemsPath"], false, state.findings);
        amount_in(state, config, "MaxItems", "MaxItemsPath")
    });
    let action = action.unwrap_or(ReaderAction::GetObject);
    let place = config.as_ref().map_or(fields.place(), Fields::place).clone();
    let config = config.map(|config| reader_config(state, &config)).unwrap_or_default();
    if fields.has("Resource")
        && let Some(message) = reader_mismatch(action, &config)
    {
        state.findings.error(&place, message);
    }
    Some(ItemReader { action, parameters: parameters(state, &fields), config, max_items })
}

/// What of a `ReaderConfig` does not fit the resource, or the rest of it.
fn reader_mismatch(action: ReaderAction, config: &ReaderConfig) -> Option<&'static str> {
    use InputType::{Csv, Json, Jsonl, Manifest, Parquet};
    let flattens = config.transformation == ReaderTransformation::LoadAndFlatten;
    let pointed = config.items_pointer.is_some();
    match (action, config.manifest_type, config.input_type) {
        (ReaderAction::GetObject, None, None) => Some(
            "The field 'InputType' of the field 'ReaderConfig' is required for the resource \
             's3:getObject'",
        ),
        (ReaderAction::GetObject, _, _) if flattens => Some(
            "The value 'LOAD_AND_FLATTEN' of the field 'Transformation' is only supported for the \
             resource 's3:listObjectsV2'",
        ),
        (ReaderAction::GetObject, Some(ManifestType::AthenaData), None | Some(Json | Manifest)) => {
            Some(
                "The value 'ATHENA_DATA' of the field 'ManifestType' requires the field \
                 'InputType' to be one of [CSV, JSONL, PARQUET]",
            )
        }
        (
            ReaderAction::GetObject,
            Some(ManifestType::S3Inventory),
            Some(Json | Jsonl | Parquet),
        ) => Some(
            "The value 'S3_INVENTORY' of the field 'ManifestType' does not support the field \
             'InputType' but with the values [CSV, MANIFEST]",
        ),
        (ReaderAction::ListObjectsV2, Some(_), _) => {
            Some("The field 'ManifestType' is not supported for the resource 's3:listObjectsV2'")
        }
        (ReaderAction::ListObjectsV2, None, None | Some(Manifest)) if flattens => Some(
            "The value 'LOAD_AND_FLATTEN' of the field 'Transformation' requires the field \
             'InputType' to be one of [CSV, JSON, JSONL, PARQUET]",
        ),
        (_, _, None | Some(Csv | Jsonl | Manifest | Parquet)) if pointed => {
            Some("The field 'ItemsPointer' is only supported where the field 'InputType' is 'JSON'")
        }
        _ => None,
    }
}

fn reader_config<'a>(state: &mut StateReader<'_, 'a>, fields: &Fields<'a>) -> ReaderConfig {
    let input_type = fields.text("InputType").map(|text| match text {
        "CSV" => InputType::Csv,
        "JSONL" => InputType::Jsonl,
        "PARQUET" => InputType::Parquet,
        "MANIFEST" => InputType::Manifest,
        _ => InputType::Json,
    });
    let csv_headers = csv_headers(state, fields);
    if input_type == Some(InputType::Csv) && !fields.has("CSVHeaderLocation") {
        let message = "These fields are required: [CSVHeaderLocation]";
        state.findings.error(fields.place(), message);
    }
    ReaderConfig {
        input_type,
        csv_headers,
        csv_delimiter: match fields.text("CSVDelimiter") {
            Some("PIPE") => CsvDelimiter::Pipe,
            Some("SEMICOLON") => CsvDelimiter::Semicolon,
            Some("SPACE") => CsvDelimiter::Space,
            Some("TAB") => CsvDelimiter::Tab,
            _ => CsvDelimiter::Comma,
        },
        manifest_type: fields.text("ManifestType").map(|text| match text {
            "ATHENA_DATA" => ManifestType::AthenaData,
            _ => ManifestType::S3Inventory,
        }),
        transformation: match fields.text("Transformation") {
            Some("LOAD_AND_FLATTEN") => ReaderTransformation::LoadAndFlatten,
            _ => ReaderTransformation::None,
        },
        items_pointer: fields.text("ItemsPointer").map(Arc::from),
    }
}

fn csv_headers<'a>(state: &mut StateReader<'_, 'a>, fields: &Fields<'a>) -> Option<CsvHeaders> {
    let location = fields.text("CSVHeaderLocation")?;
    let headers = fields.items("CSVHeaders");
    if location != "GIVEN" {
        return Some(CsvHeaders::FirstRow);
    }
    if headers.is_empty() && fields.get("CSVHeaders").is_none() {
        state.findings.error(fields.place(), "These fields are required: [CSVHeaders]");
    }
    let text = |(value, place): (&'a Value, Place<'a>)| {
        if value.as_str().is_none() {
            state.findings.error(&place, "Expected value of type [STRING]");
        }
        Arc::from(value.as_str().unwrap_or_default())
    };
    Some(CsvHeaders::Given(headers.into_iter().map(text).collect()))
}

fn item_batcher(state: &mut StateReader<'_, '_>) -> Option<ItemBatcher> {
    const ITEMS: &[&str] = &["MaxItemsPerBatch", "MaxItemsPerBatchPath"];
    const BYTES: &[&str] = &["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"];
    let fields = part(state, "ItemBatcher", ITEM_BATCHER)?;
    for names in [ITEMS, BYTES] {
        fields.one_of(names, false, state.findings);
    }
    if !ITEMS.iter().chain(BYTES).any(|name| fields.has(name)) {
        let message = "At least one of these fields is required: [MaxItemsPerBatch, \
                       MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]";
        state.findings.error(fields.place(), message);
    }
    Some(ItemBatcher {
        max_items: amount_in(state, &fields, ITEMS[0], ITEMS[1]),
        max_input_bytes: amount_in(state, &fields, BYTES[0], BYTES[1]),
        batch_input: payload(state, fields.located("BatchInput"), Offers::Nothing),
    })
}

fn result_writer(state: &mut StateReader<'_, '_>) -> Option<ResultWriter> {
    let fields = part(state, "ResultWriter", RESULT_WRITER)?;
    // AWS saves one that is empty, and fails when it is to be used.
    let is_empty = !fields.has("Resource") && !fields.has("WriterConfig");
    let target = match resource_action(&fields) {
        Some(("putObject", _)) => {
            require_parameters(state, &fields);
            Some(WriterTarget { parameters: parameters(state, &fields) })
        }
        Some((_, place)) => {
            let message = "The resource is not supported by the field 'ResultWriter'";
            state.findings.error(&place, message);
            None
        }
        None => None,
    };
    let config = within(state, &fields, "WriterConfig", WRITER_CONFIG);
    let text = |name| config.as_ref().and_then(|config| config.text(name));
    let config = WriterConfig {
        transformation: match text("Transformation") {
            Some("NONE") => Some(ResultTransformation::None),
            Some("COMPACT") => Some(ResultTransformation::Compact),
            Some("FLATTEN") => Some(ResultTransformation::Flatten),
            _ => None,
        },
        output_type: match text("OutputType") {
            Some("JSONL") => OutputType::Jsonl,
            _ => OutputType::Json,
        },
    };
    if target.is_none() && !fields.has("Resource") && config.output_type == OutputType::Jsonl {
        let message = "The value 'JSONL' of the field 'OutputType' is not supported by this \
                       version of Stairwell without the field 'Resource'";
        state.findings.error(fields.place(), message);
    }
    Some(ResultWriter { target, config, is_empty })
}

/// The action of `Resource`, an integration with S3.
fn resource_action<'a>(fields: &Fields<'a>) -> Option<(&'a str, Place<'a>)> {
    let (value, place) = fields.located("Resource")?;
    let text = value.as_str()?;
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let action = match parts.as_slice() {
        ["arn", _, "states", "", "", resource] => resource.strip_prefix("s3:"),
        _ => None,
    };
    Some((action.unwrap_or_default(), place))
}

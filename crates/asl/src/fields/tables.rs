//! The tables. The order within a table is the order in which AWS lists missing fields.

use super::{Field, Shape, Table};
use crate::StateType;

const SECONDS_MAX: i64 = crate::SECONDS_MAX as i64;
const ATTEMPTS_MAX: i64 = 99_999_999;
/// The size of the largest input of an execution.
const BATCH_BYTES_MAX: i64 = 262_144;
/// A year and a day.
const MAX_DELAY_SECONDS_MAX: i64 = 31_622_400;

const fn field(name: &'static str, shape: Shape) -> Field {
    Field::new(name, shape)
}

const fn path(name: &'static str) -> Field {
    field(name, Shape::Text).in_json_path()
}

const fn integer(name: &'static str, minimum: i64, maximum: i64) -> Field {
    field(name, Shape::Integer { minimum, maximum })
}

/// The whole definition.
pub(crate) const MACHINE: Table = &[
    REGION,
    &[
        field("Version", Shape::OneOf(&["1.0"])),
        // Zero is accepted by AWS here, though not in a Task.
        integer("TimeoutSeconds", 0, SECONDS_MAX),
        field("QueryLanguage", Shape::OneOf(&["JSONPath", "JSONata"])),
    ],
];

/// One of the `Branches`.
pub(crate) const BRANCH: Table = &[REGION];

/// `ItemProcessor` and `Iterator`.
pub(crate) const PROCESSOR: Table = &[REGION, &[field("ProcessorConfig", Shape::Members)]];

const REGION: &[Field] = &[
    field("States", Shape::FilledMembers).required(),
    field("StartAt", Shape::Text).required(),
    field("Comment", Shape::Text),
];

/// `ProcessorConfig`
pub(crate) const PROCESSOR_CONFIG: Table = &[&[
    field("Mode", Shape::OneOf(&["INLINE", "DISTRIBUTED"])),
    field("ExecutionType", Shape::OneOf(&["STANDARD", "EXPRESS"])),
]];

/// `ItemReader`
pub(crate) const ITEM_READER: Table = &[&[
    field("Resource", Shape::Text).required(),
    field("Parameters", Shape::Members).in_json_path(),
    field("Arguments", Shape::Any).in_jsonata(),
    field("ReaderConfig", Shape::Members),
]];

/// `ReaderConfig`
pub(crate) const READER_CONFIG: Table = &[&[
    field("InputType", Shape::OneOf(&["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"])),
    field("CSVHeaderLocation", Shape::OneOf(&["FIRST_ROW", "GIVEN"])),
    field("CSVHeaders", Shape::List),
    field("CSVDelimiter", Shape::OneOf(&["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"])),
    field("ManifestType", Shape::OneOf(&["ATHENA_DATA", "S3_INVENTORY"])),
    field("Transformation", Shape::OneOf(&["NONE", "LOAD_AND_FLATTEN"])),
    field("ItemsPointer", Shape::Text),
    integer("MaxItems", 0, i64::MAX).or_expression(),
    path("MaxItemsPath"),
]];

/// `ItemBatcher`
pub(crate) const ITEM_BATCHER: Table = &[&[
    integer("MaxItemsPerBatch", 1, i64::MAX).or_expression(),
    path("MaxItemsPerBatchPath"),
    integer("MaxInputBytesPerBatch", 1, BATCH_BYTES_MAX).or_expression(),
    path("MaxInputBytesPerBatchPath"),
    field("BatchInput", Shape::Any),
]];

/// `ResultWriter`
pub(crate) const RESULT_WRITER: Table = &[&[
    field("Resource", Shape::Text),
    field("Parameters", Shape::Members).in_json_path(),
    field("Arguments", Shape::Any).in_jsonata(),
    field("WriterConfig", Shape::Members),
]];

/// `WriterConfig`
pub(crate) const WRITER_CONFIG: Table = &[&[
    field("Transformation", Shape::OneOf(&["NONE", "COMPACT", "FLATTEN"])),
    field("OutputType", Shape::OneOf(&["JSON", "JSONL"])).required(),
]];

/// One entry of `Retry`.
pub(crate) const RETRIER: Table = &[&[
    field("ErrorEquals", Shape::FilledList).required(),
    // AWS documents positive integers, and accepts zero.
    integer("IntervalSeconds", 0, SECONDS_MAX),
    integer("MaxAttempts", 0, ATTEMPTS_MAX),
    field("BackoffRate", Shape::Float { minimum: 1.0, maximum: f64::MAX }),
    integer("MaxDelaySeconds", 1, MAX_DELAY_SECONDS_MAX),
    field("JitterStrategy", Shape::OneOf(&["NONE", "FULL"])),
    field("Comment", Shape::Text),
]];

/// One entry of `Catch`.
pub(crate) const CATCHER: Table = &[&[
    field("ErrorEquals", Shape::FilledList).required(),
    field("Next", Shape::Text).required(),
    field("ResultPath", Shape::TextOrNull).in_json_path(),
    field("Output", Shape::Any).in_jsonata(),
    field("Assign", Shape::Members),
    field("Comment", Shape::Text),
]];

/// One of the `Choices`.
pub(crate) const CHOICE_RULE: Table = &[
    &[
        field("Next", Shape::Text).required(),
        field("Assign", Shape::Members),
        field("Output", Shape::Any).in_jsonata(),
        field("Condition", Shape::Boolean).in_jsonata().or_expression(),
    ],
    CONDITION,
    OPERATORS,
];

/// A rule within `And`, `Or` or `Not`.
pub(crate) const CHOICE_RULE_NESTED: Table = &[CONDITION, OPERATORS];

const CONDITION: &[Field] = &[
    field("And", Shape::FilledList).in_json_path(),
    field("Or", Shape::FilledList).in_json_path(),
    field("Not", Shape::Members).in_json_path(),
    path("Variable"),
    field("Comment", Shape::Text),
];

/// The operators of Choice rules.
pub(crate) const OPERATORS: &[Field] = &[
    field("StringEquals", Shape::Text).in_json_path(),
    path("StringEqualsPath"),
    field("StringLessThan", Shape::Text).in_json_path(),
    path("StringLessThanPath"),
    field("StringGreaterThan", Shape::Text).in_json_path(),
    path("StringGreaterThanPath"),
    field("StringLessThanEquals", Shape::Text).in_json_path(),
    path("StringLessThanEqualsPath"),
    field("StringGreaterThanEquals", Shape::Text).in_json_path(),
    path("StringGreaterThanEqualsPath"),
    field("StringMatches", Shape::Text).in_json_path(),
    field("NumericEquals", Shape::Number).in_json_path(),
    path("NumericEqualsPath"),
    field("NumericLessThan", Shape::Number).in_json_path(),
    path("NumericLessThanPath"),
    field("NumericGreaterThan", Shape::Number).in_json_path(),
    path("NumericGreaterThanPath"),
    field("NumericLessThanEquals", Shape::Number).in_json_path(),
    path("NumericLessThanEqualsPath"),
    field("NumericGreaterThanEquals", Shape::Number).in_json_path(),
    path("NumericGreaterThanEqualsPath"),
    field("BooleanEquals", Shape::Boolean).in_json_path(),
    path("BooleanEqualsPath"),
    field("TimestampEquals", Shape::Timestamp).in_json_path(),
    path("TimestampEqualsPath"),
    field("TimestampLessThan", Shape::Timestamp).in_json_path(),
    path("TimestampLessThanPath"),
    field("TimestampGreaterThan", Shape::Timestamp).in_json_path(),
    path("TimestampGreaterThanPath"),
    field("TimestampLessThanEquals", Shape::Timestamp).in_json_path(),
    path("TimestampLessThanEqualsPath"),
    field("TimestampGreaterThanEquals", Shape::Timestamp).in_json_path(),
    path("TimestampGreaterThanEqualsPath"),
    field("IsNull", Shape::Boolean).in_json_path(),
    field("IsPresent", Shape::Boolean).in_json_path(),
    field("IsNumeric", Shape::Boolean).in_json_path(),
    field("IsString", Shape::Boolean).in_json_path(),
    field("IsBoolean", Shape::Boolean).in_json_path(),
    field("IsTimestamp", Shape::Boolean).in_json_path(),
];

/// The fields of a state.
pub(crate) fn of_state(state_type: StateType) -> Table {
    match state_type {
        StateType::Pass => PASS,
        StateType::Task => TASK,
        StateType::Choice => CHOICE,
        StateType::Wait => WAIT,
        StateType::Succeed => SUCCEED,
        StateType::Fail => FAIL,
        StateType::Parallel => PARALLEL,
        StateType::Map => MAP,
    }
}

const PASS: Table = &[
    COMMON,
    FILTERS,
    TRANSITION,
    ASSIGN,
    &[
        field("Parameters", Shape::Any).in_json_path(),
        field("Result", Shape::Any).in_json_path(),
        field("ResultPath", Shape::TextOrNull).in_json_path(),
    ],
];

const TASK: Table = &[
    COMMON,
    FILTERS,
    TRANSITION,
    ASSIGN,
    RESULT,
    ERRORS,
    &[
        field("Resource", Shape::Text).required(),
        field("Parameters", Shape::Any).in_json_path(),
        field("Arguments", Shape::Any).in_jsonata(),
        field("Credentials", Shape::Members),
        integer("TimeoutSeconds", 1, SECONDS_MAX).or_expression(),
        path("TimeoutSecondsPath"),
        integer("HeartbeatSeconds", 1, SECONDS_MAX).or_expression(),
        path("HeartbeatSecondsPath"),
    ],
];

const CHOICE: Table = &[
    COMMON,
    FILTERS,
    ASSIGN,
    &[field("Choices", Shape::FilledList).required(), field("Default", Shape::Text)],
];

const WAIT: Table = &[
    COMMON,
    FILTERS,
    TRANSITION,
    ASSIGN,
    &[
        integer("Seconds", 0, SECONDS_MAX).or_expression(),
        path("SecondsPath"),
        field("Timestamp", Shape::Timestamp).or_expression(),
        path("TimestampPath"),
    ],
];

const SUCCEED: Table = &[COMMON, FILTERS];

const FAIL: Table = &[
    COMMON,
    &[
        field("Error", Shape::Text),
        path("ErrorPath"),
        field("Cause", Shape::Text),
        path("CausePath"),
    ],
];

const PARALLEL: Table = &[
    COMMON,
    FILTERS,
    TRANSITION,
    ASSIGN,
    RESULT,
    ERRORS,
    &[
        field("Branches", Shape::FilledList).required(),
        field("Parameters", Shape::Any).in_json_path(),
        field("Arguments", Shape::Any).in_jsonata(),
    ],
];

const MAP: Table = &[
    COMMON,
    FILTERS,
    TRANSITION,
    ASSIGN,
    RESULT,
    ERRORS,
    &[
        field("ItemProcessor", Shape::Members),
        field("Iterator", Shape::Members),
        path("ItemsPath"),
        // An object in DISTRIBUTED mode alone: see `states::map`.
        field("Items", Shape::ListOrMembers).in_jsonata().or_expression(),
        field("ItemSelector", Shape::Any),
        field("Parameters", Shape::Any).in_json_path(),
        integer("MaxConcurrency", 0, i64::MAX).or_expression(),
        path("MaxConcurrencyPath"),
        field("ItemReader", Shape::Members),
        field("ItemBatcher", Shape::Members),
        field("ResultWriter", Shape::Members),
        field("Label", Shape::Text),
        integer("ToleratedFailureCount", 0, i64::MAX).or_expression(),
        path("ToleratedFailureCountPath"),
        field("ToleratedFailurePercentage", Shape::Float { minimum: 0.0, maximum: 100.0 })
            .or_expression(),
        path("ToleratedFailurePercentagePath"),
    ],
];

const COMMON: &[Field] = &[
    field("Type", Shape::Text).required(),
    field("Comment", Shape::Text),
    field("QueryLanguage", Shape::OneOf(&["JSONPath", "JSONata"])),
];

const FILTERS: &[Field] = &[
    field("InputPath", Shape::TextOrNull).in_json_path(),
    field("OutputPath", Shape::TextOrNull).in_json_path(),
    field("Output", Shape::Any).in_jsonata(),
];

const TRANSITION: &[Field] = &[field("Next", Shape::Text), field("End", Shape::Boolean)];

const ASSIGN: &[Field] = &[field("Assign", Shape::Members)];

const RESULT: &[Field] = &[
    field("ResultSelector", Shape::Any).in_json_path(),
    field("ResultPath", Shape::TextOrNull).in_json_path(),
];

const ERRORS: &[Field] = &[field("Retry", Shape::List), field("Catch", Shape::List)];

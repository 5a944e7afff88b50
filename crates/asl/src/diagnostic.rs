//! What the analysis of a definition finds.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition runs, and probably not as its author thinks.
    Warning,
}

/// AWS's diagnostic codes, and one of our own.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// There is no definition.
    MissingDescription,
    /// A field is missing, unknown, of the wrong type or not allowed here.
    SchemaValidationFailed,
    /// A `Resource` that is not there.
    InvalidResource,
    /// No way leads to an end.
    MissingEndState,
    /// A name that two states bear.
    DuplicateStateName,
    /// A state name that is too long or empty.
    InvalidStateName,
    /// A transition to a state that is not there, or a state that nothing leads to.
    MissingTransitionTarget,
    /// A Map label that two states bear.
    DuplicateLabelName,
    /// A Map label that is not allowed.
    InvalidLabelName,
    /// States within states beyond the limit.
    TooDeeplyNested,
    /// A text `{% … %}` that is no JSONata.
    InvalidJsonataExpression,
    /// JSONata that reads what is not there where it stands.
    UnsupportedJsonataExpression,
    /// In a template, a value that looks like a path or an intrinsic function call, under a name
    /// that does not end in `.$`.
    NoDollar,
    /// A value that looks like a path, of a field whose name does not end in `Path`.
    NoPath,
    /// A Pass state's `Result` that holds what looks like a path.
    PassResultIsStatic,
    /// A variable that is read where no state can have assigned it. AWS does not look for it.
    UndefinedVariable,
    /// An endpoint without TLS, which AWS does not take and does not look for.
    PlainEndpoint,
}

impl Code {
    /// As AWS writes it: `SCHEMA_VALIDATION_FAILED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Code::MissingDescription => "MISSING_DESCRIPTION",
            Code::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Code::InvalidResource => "INVALID_RESOURCE",
            Code::MissingEndState => "MISSING_END_STATE",
            Code::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Code::InvalidStateName => "INVALID_STATE_NAME",
            Code::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Code::DuplicateLabelName => "DUPLICATE_LABEL_NAME",
            Code::InvalidLabelName => "INVALID_LABEL_NAME",
            Code::TooDeeplyNested => "TOO_DEEPLY_NESTED",
            Code::InvalidJsonataExpression => "INVALID_JSONATA_EXPRESSION",
            Code::UnsupportedJsonataExpression => "UNSUPPORTED_JSONATA_EXPRESSION",
            Code::NoDollar => "NO_DOLLAR",
            Code::NoPath => "NO_PATH",
            Code::PassResultIsStatic => "PASS_RESULT_IS_STATIC",
            Code::UndefinedVariable => "UNDEFINED_VARIABLE",
            Code::PlainEndpoint => "PLAIN_ENDPOINT",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// AWS's code.
    pub code: Code,
    /// AWS's words where they are known, without the place.
    pub message: String,
    /// How to mend it, in our words; empty where the message says so already. The API of AWS has
    /// no place for it.
    pub help: String,
    /// Where: `/` for the whole, else such as `/States/Ask/Choices[1]/Next`. Line and column in
    /// brackets where the definition is not JSON; empty where AWS names no place.
    pub pointer: String,
}

/// What AWS says of a definition that it refuses, after `Invalid State Machine Definition: `: all
/// errors, and no warnings, as `'<code>: <message> at <pointer>, <code>: …'`, quotes included.
pub fn diagnostics_message(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors: Vec<String> = errors.map(Diagnostic::to_string).collect();
    format!("'{}'", errors.join(", "))
}

impl fmt::Display for Diagnostic {
    /// `<code>: <message> at <pointer>`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where AWS has no place it prints the null of its own language.
        let pointer = if self.pointer.is_empty() { "null" } else { &self.pointer };
        write!(formatter, "{}: {} at {pointer}", self.code.as_str(), self.message)
    }
}

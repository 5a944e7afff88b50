//! The audit: who changed what, one line of JSON for each call that changes something or was to,
//! whatever came of it. What is in a request beside the names of things is never written.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use parking_lot::Mutex;
use store::Scope;

use crate::error::ApiError;
use crate::write::JsonWriter;

/// Where the lines go.
#[derive(Default)]
pub struct Audit {
    out: Option<Mutex<Box<dyn Write + Send>>>,
}

/// Somebody calls. What is none is not known, or not known yet.
pub(crate) struct Attempt<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    /// The ARN of who calls.
    pub(crate) caller: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) resource: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    Done,
    /// With the code of the error, and its message.
    Refused(&'static str, &'a str),
}

impl<'a> From<&'a Result<Vec<u8>, ApiError>> for Outcome<'a> {
    fn from(result: &'a Result<Vec<u8>, ApiError>) -> Outcome<'a> {
        match result {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::Refused(error.code.name(), &error.message),
        }
    }
}

/// The errors whose messages tell who may not do what, and nothing else of the request.
const DENIALS: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

impl<'a> Attempt<'a> {
    /// Somebody calls that operation.
    pub(crate) fn new(service: &'a str, operation: &'a str) -> Attempt<'a> {
        Attempt { service, operation, caller: None, scope: None, resource: None }
    }
}

impl Audit {
    /// Lines on standard output.
    pub fn to_standard_output() -> Audit {
        Audit { out: Some(Mutex::new(Box::new(io::stdout()))) }
    }

    /// Lines at the end of a file.
    pub fn to_file(file: File) -> Audit {
        Audit { out: Some(Mutex::new(Box::new(file))) }
    }

    /// Whether calls of the operation are written: where anything is, and it changes something.
    pub(crate) fn records(&self, operation: &str) -> bool {
        self.out.is_some() && changes(operation)
    }

    /// Writes a line, where the operation changes something.
    pub(crate) fn write(&self, attempt: &Attempt<'_>, outcome: Outcome<'_>) {
        let Attempt { service, operation, caller, scope, resource } = attempt;
        let Some(out) = self.out.as_ref().filter(|_| changes(operation)) else { return };
        let mut line = JsonWriter::object();
        line.text("time", &jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        line.optional_text("caller", caller.as_deref());
        line.optional_text("account", scope.as_ref().map(|scope| &*scope.account));
        line.optional_text("region", scope.as_ref().map(|scope| &*scope.region));
        line.text("action", &format!("{service}:{operation}"));
        line.optional_text("resource", resource.as_deref());
        match outcome {
            Outcome::Done => line.text("outcome", "done"),
            Outcome::Refused(code, message) => {
                line.text("outcome", code);
                line.optional_text("reason", DENIALS.contains(&code).then_some(message));
            }
        }
        let mut line = line.finish();
        line.push(b'\n');
        let mut out = out.lock();
        if let Err(error) = out.write_all(&line).and_then(|()| out.flush()) {
            tracing::error!(%error, "the audit could not be written");
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Audit").field("is_written", &self.out.is_some()).finish()
    }
}

/// Whether the operation changes anything.
fn changes(operation: &str) -> bool {
    const READS: [&str; 6] = ["Get", "List", "Describe", "Validate", "Test", "Simulate"];
    !READS.iter().any(|verb| operation.starts_with(verb)) || operation == "GetActivityTask"
}

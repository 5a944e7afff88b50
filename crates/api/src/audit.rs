//! The audit: who changed what, one line of JSON for each call that changes something. What is in
//! a request beside the names of things is never written.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use identity::Caller;
use parking_lot::Mutex;
use store::Scope;

use crate::write::JsonWriter;

/// Where the lines go.
#[derive(Default)]
pub struct Audit {
    out: Option<Mutex<Box<dyn Write + Send>>>,
}

/// Somebody calls.
pub(crate) struct Attempt<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) scope: &'a Scope,
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) resource: Option<&'a str>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Allowed,
    /// With the code of the error.
    Refused(&'static str),
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

    /// Writes a line, where the operation changes something.
    pub(crate) fn write(&self, attempt: &Attempt<'_>, outcome: Outcome) {
        let Some(out) = &self.out else { return };
        let Attempt { caller, scope, service, operation, resource } = attempt;
        if !changes(operation) {
            return;
        }
        let mut line = JsonWriter::object();
        line.text("time", &jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        line.text("caller", &caller.arn());
        line.text("account", &scope.account);
        line.text("region", &scope.region);
        line.text("action", &format!("{service}:{operation}"));
        if let Some(resource) = resource {
            line.text("resource", resource);
        }
        match outcome {
            Outcome::Allowed => line.text("outcome", "done"),
            Outcome::Refused(code) => line.text("outcome", code),
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

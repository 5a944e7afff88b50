//! The audit: who changed what, from where, and what came of it.
//!
//! Promises: the record of a change is on disk before the change is begun, and a change whose
//! record cannot be written is refused. A second record says what came of it. What is in a request
//! beside the names of things is never written.
//!
//! Does not: keep the records; files are rotated by others (see [`Audit::reopen`]). What is decided
//! here and why is in `docs/decisions/0027-the-audit-is-written-before-the-effect.md`.

mod strangers;
mod writer;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hyper::header::USER_AGENT;
use hyper::http::request::Parts;
use identity::{Actor, Caller};
use permissions::Needed;
use runtime::{AuditedCall, CallAudit, CallAuditHandle};
use signature::CredentialScope;
use store::Scope;

use crate::callers::Unauthenticated;
use crate::client_certificate::ClientCertificate;
use crate::error::{ApiError, ErrorCode};
use crate::facts::Peer;
use crate::request_id::RequestId;
use crate::write::JsonWriter;
use writer::Writer;

/// Where the records go, and which calls have them.
#[derive(Clone, Default)]
pub struct Audit {
    writer: Option<Arc<Writer>>,
    with_reads: bool,
}

impl Audit {
    /// Lines on standard output.
    pub fn to_standard_output() -> Audit {
        Audit { writer: Some(Arc::new(Writer::to_standard_output())), with_reads: false }
    }

    /// Lines at the end of a file, which is made where it is not there.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn to_file(path: PathBuf) -> io::Result<Audit> {
        Ok(Audit { writer: Some(Arc::new(Writer::to_file(path)?)), with_reads: false })
    }

    /// The same, with a record for each call that only reads as well.
    #[must_use]
    pub fn with_reads(self, with_reads: bool) -> Audit {
        Audit { with_reads, ..self }
    }

    /// Opens the file anew, since the one that was open may have been renamed. Lines that were sent
    /// before go to the old file.
    pub fn reopen(&self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
    }

    /// For a runtime, which tells what executions do by themselves; none where nothing is written.
    pub fn of_calls(&self) -> Option<CallAuditHandle> {
        self.is_on().then(|| CallAuditHandle(Arc::new(self.clone())))
    }

    /// Whether records can be written, so that changes are not refused for want of them.
    pub(crate) async fn can_write(&self) -> bool {
        match &self.writer {
            Some(writer) => writer.can_write().await,
            None => true,
        }
    }

    /// Whether anything is written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.writer.is_some()
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Audit");
        shown.field("is_on", &self.is_on()).field("with_reads", &self.with_reads).finish()
    }
}

#[async_trait]
impl CallAudit for Audit {
    async fn begin(&self, call: &AuditedCall<'_>) -> bool {
        let mut attempt = Attempt::of_call(self, call);
        let is_begun = attempt.begin().await.is_ok();
        attempt.is_begun = false;
        is_begun
    }

    async fn end(&self, call: &AuditedCall<'_>, refusal: Option<(&'static str, &str)>) {
        let outcome = refusal.map_or(Outcome::Done, |(code, why)| Outcome::Refused(code, why));
        Attempt::of_call(self, call).end(outcome).await;
    }
}

/// The record of a change could not be written, so that the change was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unwritten;

impl Unwritten {
    pub(crate) const MESSAGE: &str =
        "The audit cannot be written, so nothing is changed until it can be.";
}

impl From<Unwritten> for ApiError {
    fn from(_: Unwritten) -> ApiError {
        ApiError::new(ErrorCode::ServiceUnavailable, Unwritten::MESSAGE)
    }
}

/// What came of a call.
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

/// How it was proved who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// It was not: whoever reaches the port is trusted.
    None,
    Signature,
    /// The certificate of the connection, without a signature.
    Certificate,
    /// A task acts with the role of its execution.
    Task,
}

impl Proof {
    fn name(self) -> &'static str {
        match self {
            Proof::None => "none",
            Proof::Signature => "signature",
            Proof::Certificate => "certificate",
            Proof::Task => "task",
        }
    }
}

/// A call that is audited, from its arrival to its answer.
///
/// One that is dropped between [`Attempt::begin`] and [`Attempt::end`] (the client hung up) gets a
/// record that says so.
pub(crate) struct Attempt<'a> {
    /// None where the audit is off.
    writer: Option<&'a Writer>,
    /// Whether calls of this operation have records, whatever comes of them.
    is_recorded: bool,
    /// Whether it changes anything.
    is_change: bool,
    service: &'a str,
    operation: &'a str,
    about: About,
    /// The record of the change is written, that of the outcome is not.
    is_begun: bool,
    /// The signature was not that of anybody who is known.
    is_unproven: bool,
}

/// What is known of a call. Texts of strangers are cut to these lengths, in bytes.
#[derive(Default)]
struct About {
    request_id: String,
    caller: Option<(String, Option<Proof>)>,
    access_key: Option<String>,
    /// The subject of the certificate that the client showed.
    certificate: Option<Arc<str>>,
    scope: Option<Scope>,
    peer: Option<IpAddr>,
    user_agent: Option<String>,
    execution: Option<String>,
    resource: Option<String>,
    permissions: Vec<(String, String)>,
}

const ACCESS_KEY_BYTES_MAX: usize = 128;
const USER_AGENT_BYTES_MAX: usize = 512;

fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

impl<'a> Attempt<'a> {
    /// Somebody calls that operation over HTTP.
    pub(crate) fn of_request(
        audit: &'a Audit,
        service: &'a str,
        operation: &'a str,
        parts: &Parts,
    ) -> Attempt<'a> {
        let mut attempt = Attempt::new(audit, service, operation);
        if attempt.writer.is_some() {
            let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
            attempt.about = About {
                request_id: RequestId::of(parts).to_string(),
                access_key: CredentialScope::of(parts)
                    .map(|scope| cut(&scope.access_key, ACCESS_KEY_BYTES_MAX)),
                certificate: parts
                    .extensions
                    .get::<ClientCertificate>()
                    .map(|shown| shown.subject.clone()),
                peer: parts.extensions.get::<Peer>().map(|peer| peer.address.to_canonical()),
                user_agent: agent.map(|agent| cut(agent, USER_AGENT_BYTES_MAX)),
                ..About::default()
            };
        }
        attempt
    }

    /// A task calls that operation of Step Functions.
    pub(crate) fn of_task(
        audit: &'a Audit,
        operation: &'a str,
        actor: &Actor<'_>,
        scope: &Scope,
        request_id: &str,
    ) -> Attempt<'a> {
        let mut attempt = Attempt::new(audit, "states", operation);
        if attempt.writer.is_some() {
            attempt.about = About {
                request_id: request_id.to_owned(),
                caller: Some((actor.session_arn(), Some(Proof::Task))),
                scope: Some(scope.clone()),
                execution: Some(actor.execution_arn.to_owned()),
                ..About::default()
            };
        }
        attempt
    }

    /// An execution does that by itself.
    fn of_call(audit: &'a Audit, call: &AuditedCall<'a>) -> Attempt<'a> {
        let AuditedCall { actor, scope, operation, resource, request_id } = call;
        let mut attempt = Attempt::of_task(audit, operation, actor, scope, request_id);
        attempt.is_on(*resource);
        attempt
    }

    fn new(audit: &'a Audit, service: &'a str, operation: &'a str) -> Attempt<'a> {
        let is_change = changes(operation);
        Attempt {
            writer: audit.writer.as_deref(),
            is_recorded: audit.is_on() && (is_change || audit.with_reads),
            is_change,
            service,
            operation,
            about: About::default(),
            is_begun: false,
            is_unproven: false,
        }
    }

    /// Whether this call gets a record, so that it is worth to find out what belongs into it.
    pub(crate) fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// It is known who calls, and in which account and region.
    pub(crate) fn is_by(&mut self, caller: &Caller, scope: &Scope) {
        if self.writer.is_some() {
            let proof = match caller {
                Caller::Trusted { .. } => Proof::None,
                _ if self.about.access_key.is_none() => Proof::Certificate,
                Caller::Root { .. } | Caller::User(_) | Caller::Session { .. } => Proof::Signature,
            };
            self.about.caller = Some((caller.arn(), Some(proof)));
            self.about.scope = Some(scope.clone());
        }
    }

    /// It is not known who calls. A signature that is wrong or of nobody who is known is told of
    /// reads too.
    pub(crate) fn is_refused_by(&mut self, why: &Unauthenticated) {
        self.is_unproven = match why {
            Unauthenticated::Signature(_) => true,
            Unauthenticated::Store(_) => false,
        };
    }

    /// What is decided upon: the permissions that the call needs, that for the operation first.
    pub(crate) fn needs(&mut self, needed: &[Needed]) {
        self.about.resource = needed.first().and_then(|needed| needed.resource.clone());
        let others = needed.iter().skip(1);
        self.about.permissions = others
            .map(|it| (it.action.to_owned(), it.resource.clone().unwrap_or_else(|| "*".to_owned())))
            .collect();
    }

    /// What is decided upon.
    pub(crate) fn is_on(&mut self, resource: impl Into<String>) {
        self.about.resource = Some(resource.into());
    }

    /// The change begins: nothing of it was done so far. For calls that only read, nothing.
    ///
    /// # Errors
    /// Where that cannot be written: then it must not begin.
    pub(crate) async fn begin(&mut self) -> Result<(), Unwritten> {
        let Some(writer) = self.writer.filter(|_| self.is_recorded && self.is_change) else {
            return Ok(());
        };
        // Before it is awaited, since the client may hang up while it is written.
        self.is_begun = true;
        writer.write_durably(self.line("intent", None)).await
    }

    /// The call is over. What cannot be written any more is told in the log.
    pub(crate) async fn end(mut self, outcome: Outcome<'_>) {
        let Some(writer) = self.writer else { return };
        if !self.is_recorded && !self.is_unproven {
            return;
        }
        let line = self.line("outcome", Some(outcome));
        self.is_begun = false;
        // What was let in is always told; strangers could fill the disk.
        let stranger = self.about.peer.filter(|_| self.about.caller.is_none());
        writer.write(line, stranger).await;
    }

    fn line(&self, record: &str, outcome: Option<Outcome<'_>>) -> Vec<u8> {
        let About { request_id, caller, access_key, scope, peer, .. } = &self.about;
        let mut line = begin_line(record);
        line.text("requestId", request_id);
        if let Some((caller, proof)) = caller {
            line.text("caller", caller);
            line.optional_text("proof", proof.map(Proof::name));
        }
        line.optional_text("accessKeyId", access_key.as_deref());
        line.optional_text("certificate", self.about.certificate.as_deref());
        line.optional_text("account", scope.as_ref().map(|scope| &*scope.account));
        line.optional_text("region", scope.as_ref().map(|scope| &*scope.region));
        line.optional_text("execution", self.about.execution.as_deref());
        line.optional_text("peer", peer.map(|peer| peer.to_string()).as_deref());
        line.optional_text("userAgent", self.about.user_agent.as_deref());
        line.text("action", &format!("{}:{}", self.service, self.operation));
        line.optional_text("resource", self.about.resource.as_deref());
        if !self.about.permissions.is_empty() {
            line.array("permissions", |line| {
                for (action, resource) in &self.about.permissions {
                    line.item(|line| {
                        line.text("action", action);
                        line.text("resource", resource);
                    });
                }
            });
        }
        match outcome {
            None => {}
            Some(Outcome::Done) => line.text("outcome", "done"),
            Some(Outcome::Refused(code, message)) => {
                line.text("outcome", code);
                line.optional_text("reason", DENIALS.contains(&code).then_some(message));
            }
        }
        end_line(line)
    }
}

impl Drop for Attempt<'_> {
    /// The client hung up, or Stairwell made a mistake: it is not known how far the change went.
    fn drop(&mut self) {
        if let Some(writer) = self.writer.filter(|_| self.is_begun) {
            let unknown = match std::thread::panicking() {
                true => Outcome::Refused("InternalFailure", ""),
                false => Outcome::Refused("ConnectionClosed", ""),
            };
            writer.write_later(self.line("outcome", Some(unknown)));
        }
    }
}

fn begin_line(record: &str) -> JsonWriter {
    let mut line = JsonWriter::object();
    line.text("record", record);
    line.text("time", &jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    line
}

fn end_line(line: JsonWriter) -> Vec<u8> {
    let mut line = line.finish();
    line.push(b'\n');
    line
}

/// Whether the operation changes anything. `TestState` calls services, and `GetActivityTask` takes
/// a task.
fn changes(operation: &str) -> bool {
    const READS: [&str; 7] = ["Get", "List", "Describe", "Validate", "Check", "Draw", "Search"];
    operation == "GetActivityTask" || !READS.iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Operation;

    #[test]
    fn all_but_these_change_something() {
        let reads: Vec<&str> =
            Operation::all().iter().map(|it| it.name).filter(|name| !changes(name)).collect();
        assert_eq!(
            reads,
            [
                "DescribeActivity",
                "DescribeExecution",
                "DescribeMapRun",
                "DescribeStateMachine",
                "DescribeStateMachineAlias",
                "DescribeStateMachineForExecution",
                "GetExecutionHistory",
                "ListActivities",
                "ListExecutions",
                "ListMapRuns",
                "ListStateMachineAliases",
                "ListStateMachineVersions",
                "ListStateMachines",
                "ListTagsForResource",
                "ValidateStateMachineDefinition",
            ]
        );
    }
}

//! Execution logs: the events of executions, as their state machines' `loggingConfiguration` asks
//! for them, on their way to where they are kept.
//!
//! Promises: an event is logged after its commit, at most once; a destination that is slow or away
//! slows no execution down; what finds no room, or cannot be delivered, is counted and told.
//!
//! Does not: know the form of a line (whoever opens the runtime says it), or make up for a crash:
//! as with AWS, delivery is best effort.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>.

mod cloudwatch;
mod writer;

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use asl::StateType;
use engine::{EventKind, Execution, HistoryEvent, Record};
use parking_lot::Mutex;
use serde_json::Value;
use store::{ExecutionHeader, Scope};
use tokio::sync::{mpsc, oneshot};

use crate::arn::Arn;
use crate::releases::version_number;
use crate::shell::Shell;
use crate::{Configurations, StateMachineError};

/// How many bytes of lines wait for their delivery at a time; what comes on top is dropped.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// How long a shutdown waits for the delivery of what is left.
const CLOSING: Duration = Duration::from_secs(5);
/// How often it is told that events were dropped, at most.
const TELLING: Duration = Duration::from_secs(60);

/// Where execution logs go, and in which form.
#[derive(Debug)]
pub struct ExecutionLogs {
    /// Where they go.
    pub destination: LogDestination,
    /// Makes the line of an event.
    pub line: fn(&LoggedEvent<'_>) -> String,
}

/// Where execution logs go.
pub enum LogDestination {
    /// A line for each event, such as to standard output or to a file.
    Writer(Box<dyn Write + Send + Sync>),
    /// The log groups that state machines name, in the CloudWatch Logs that the integration
    /// `aws-sdk:cloudwatchlogs` calls.
    CloudWatchLogs,
}

impl fmt::Debug for LogDestination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            LogDestination::Writer(_) => "Writer",
            LogDestination::CloudWatchLogs => "CloudWatchLogs",
        })
    }
}

/// An event that is to be logged.
#[derive(Clone, Copy, Debug)]
pub struct LoggedEvent<'a> {
    /// `execution_arn`
    pub execution_arn: &'a str,
    /// The event.
    pub event: &'a HistoryEvent,
    /// `redrive_count`
    pub redrive_count: u64,
    /// `includeExecutionData`
    pub include_execution_data: bool,
}

/// A line on its way.
struct Line {
    scope: Scope,
    /// The ARN of the log group.
    group: Arc<str>,
    /// The name of the state machine.
    machine: Arc<str>,
    /// When the event was, in milliseconds since 1970.
    milliseconds: i64,
    text: String,
}

/// `level`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    All,
    Error,
    Fatal,
}

impl Level {
    /// Whether an event is logged.
    fn shows(self, kind: &EventKind) -> bool {
        use EventKind as Kind;
        let is_fatal = matches!(
            kind,
            Kind::ExecutionAborted(_) | Kind::ExecutionFailed(_) | Kind::ExecutionTimedOut(_)
        );
        match self {
            Level::All => true,
            Level::Fatal => is_fatal,
            Level::Error => {
                is_fatal
                    || matches!(
                        kind,
                        Kind::StateEntered { state_type: StateType::Fail, .. }
                            | Kind::TaskFailed { .. }
                            | Kind::TaskTimedOut { .. }
                            | Kind::TaskSubmitFailed { .. }
                            | Kind::TaskStateAborted
                            | Kind::ActivityFailed(_)
                            | Kind::ActivityTimedOut(_)
                            | Kind::LambdaFunctionFailed(_)
                            | Kind::LambdaFunctionTimedOut(_)
                            | Kind::ParallelStateFailed
                            | Kind::ParallelStateAborted
                            | Kind::MapStateFailed
                            | Kind::MapStateAborted
                            | Kind::MapIterationFailed { .. }
                            | Kind::MapIterationAborted { .. }
                            | Kind::MapRunFailed(_)
                            | Kind::MapRunAborted
                            | Kind::WaitStateAborted
                            | Kind::EvaluationFailed { .. }
                    )
            }
        }
    }
}

/// What of an execution is logged, and where to.
#[derive(Clone, Debug)]
pub(crate) struct LogPolicy {
    level: Level,
    include_execution_data: bool,
    group: Arc<str>,
}

impl LogPolicy {
    /// What a configuration asks for; none where it is `OFF`.
    pub(crate) fn of(configurations: &Configurations) -> Option<LogPolicy> {
        let logging = configurations.logging.as_ref()?;
        let level = match logging["level"].as_str() {
            Some("ALL") => Level::All,
            Some("ERROR") => Level::Error,
            Some("FATAL") => Level::Fatal,
            _ => return None,
        };
        let include_execution_data = logging["includeExecutionData"] == Value::Bool(true);
        let group = &logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"];
        let group = group.as_str().unwrap_or_default().into();
        Some(LogPolicy { level, include_execution_data, group })
    }
}

/// The way to the destination.
pub(crate) struct Logs {
    line: fn(&LoggedEvent<'_>) -> String,
    lines: mpsc::UnboundedSender<Line>,
    counts: Arc<Counts>,
    /// Ends when all is delivered that was there when the sender was dropped.
    delivered: Mutex<Option<oneshot::Receiver<()>>>,
    closing: Mutex<Option<oneshot::Sender<()>>>,
    is_cloudwatch: bool,
}

/// What is under way, and what was lost.
#[derive(Default)]
struct Counts {
    queued_bytes: AtomicUsize,
    dropped: AtomicU64,
    told: Mutex<Option<std::time::Instant>>,
}

impl Counts {
    /// The lines are delivered, or lost.
    fn done(&self, lines: &[Line]) {
        let bytes = lines.iter().map(|line| line.text.len()).sum();
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn drop_events(&self, events: u64, reason: &dyn fmt::Display) {
        let dropped = self.dropped.fetch_add(events, Ordering::Relaxed) + events;
        let mut told = self.told.lock();
        if told.is_none_or(|told| told.elapsed() >= TELLING) {
            *told = Some(std::time::Instant::now());
            tracing::warn!(dropped, %reason, "events of execution logs were dropped so far");
        }
    }
}

impl Logs {
    /// Opens the way; the delivery runs until [`Logs::close`].
    pub(crate) fn open(shell: &Arc<Shell>, logs: ExecutionLogs) -> Logs {
        let (sender, receiver) = mpsc::unbounded_channel();
        let counts = Arc::new(Counts::default());
        let (done, delivered) = oneshot::channel();
        let (close, closing) = oneshot::channel();
        let is_cloudwatch = matches!(logs.destination, LogDestination::CloudWatchLogs);
        match logs.destination {
            LogDestination::Writer(writer) => {
                writer::deliver(writer, receiver, closing, counts.clone(), done);
            }
            LogDestination::CloudWatchLogs => {
                let shell = Arc::downgrade(shell);
                let counts = counts.clone();
                tokio::spawn(async move {
                    cloudwatch::deliver(shell, receiver, closing, &counts).await;
                    // A shutdown that does not wait any more does not want to know.
                    let _ = done.send(());
                });
            }
        }
        Logs {
            line: logs.line,
            lines: sender,
            counts,
            delivered: Mutex::new(Some(delivered)),
            closing: Mutex::new(Some(close)),
            is_cloudwatch,
        }
    }

    /// The lines of the events that the policy shows.
    fn lines(
        &self,
        policy: &LogPolicy,
        scope: &Scope,
        execution: &Execution,
        records: &[Record],
    ) -> Vec<Line> {
        let shown = records.iter().filter_map(|record| match record {
            Record::Event(event) => policy.level.shows(&event.kind).then_some(event),
            Record::Note(_) => None,
        });
        let line = |event: &HistoryEvent| Line {
            scope: scope.clone(),
            group: policy.group.clone(),
            machine: execution.parameters.state_machine_name.clone(),
            milliseconds: event.timestamp.0,
            text: (self.line)(&LoggedEvent {
                execution_arn: &execution.parameters.arn,
                event,
                redrive_count: execution.redrives.count,
                include_execution_data: policy.include_execution_data,
            }),
        };
        shown.map(line).collect()
    }

    fn send(&self, lines: Vec<Line>) {
        let mut dropped = 0;
        for line in lines {
            let bytes = line.text.len();
            let queued = self.counts.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
            if queued + bytes > QUEUE_BYTES_MAX || self.lines.send(line).is_err() {
                self.counts.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                dropped += 1;
            }
        }
        if dropped > 0 {
            self.counts.drop_events(dropped, &"the destination is slow");
        }
    }

    /// Waits for the delivery of what was sent, for a while.
    pub(crate) async fn close(&self) {
        drop(self.closing.lock().take());
        let delivered = self.delivered.lock().take();
        if let Some(delivered) = delivered
            && tokio::time::timeout(CLOSING, delivered).await.is_err()
        {
            let bytes = self.counts.queued_bytes.load(Ordering::Relaxed);
            tracing::warn!(bytes, "execution logs were not delivered before the end");
        }
    }
}

/// Lines that are logged once the commit of their events has succeeded.
#[derive(Default)]
pub(crate) struct Unsent(Vec<Line>);

impl Shell {
    /// Opens the way to the destination, where there is one.
    pub(crate) fn open_logs(self: &Arc<Self>, logs: Option<ExecutionLogs>) {
        if let Some(logs) = logs {
            // It is opened once, with the runtime.
            let _ = self.logs.set(Logs::open(self, logs));
        }
    }

    /// Whether execution logs go to CloudWatch Logs.
    fn logs_to_cloudwatch(&self) -> bool {
        self.logs.get().is_some_and(|logs| logs.is_cloudwatch)
    }

    /// Refuses a configuration whose log group is not there.
    pub(crate) async fn check_log_destination(
        self: &Arc<Self>,
        scope: &Scope,
        configurations: &Configurations,
    ) -> Result<(), StateMachineError> {
        let Some(policy) = LogPolicy::of(configurations) else { return Ok(()) };
        if !self.logs_to_cloudwatch() {
            return Ok(());
        }
        let refused = |reason: String| StateMachineError::InvalidLogging(reason);
        match self.log_group_exists(scope, &policy.group).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused("Log Destination not found.".to_owned())),
            Err(failure) => {
                let cause = failure.cause.as_deref().unwrap_or_default();
                Err(refused(format!("Log Destination could not be looked up: {cause}")))
            }
        }
    }

    /// The lines of some records.
    pub(crate) fn log_lines(
        &self,
        policy: Option<&LogPolicy>,
        scope: &Scope,
        execution: &Execution,
        records: &[Record],
    ) -> Unsent {
        match (self.logs.get(), policy) {
            (Some(logs), Some(policy)) => Unsent(logs.lines(policy, scope, execution, records)),
            (None, _) | (_, None) => Unsent::default(),
        }
    }

    /// Logs what [`Shell::log_lines`] gave.
    pub(crate) fn send_log_lines(&self, lines: Unsent) {
        if let Some(logs) = self.logs.get()
            && !lines.0.is_empty()
        {
            logs.send(lines.0);
        }
    }

    /// What of the children of a Map Run is logged, whose labelled machine that is: as of the
    /// execution that runs them.
    pub(crate) fn child_log_policy(&self, labelled_arn: &str) -> Option<LogPolicy> {
        self.logs.get()?;
        let known = self.remembered_machine(without_label(labelled_arn))?;
        LogPolicy::of(&known.machine.configurations)
    }

    /// What of a Standard execution is logged now: as its machine says, or the version that it was
    /// started by.
    pub(crate) async fn log_policy(&self, header: &ExecutionHeader) -> Option<LogPolicy> {
        self.logs.get()?;
        let arn = Arn::state_machine(without_label(&header.state_machine_arn)).ok()?;
        // Where the store is away, the commit that is to come fails as well.
        let known = self.machine(&header.scope, &arn).await.ok().flatten()?;
        let version = header.state_machine_version_arn.as_deref();
        let number = version.and_then(|arn| version_number(arn.rsplit(':').next()?));
        match number.and_then(|number| known.releases.version(number)) {
            Some(version) => LogPolicy::of(&version.machine(&known.machine).configurations),
            None => LogPolicy::of(&known.machine.configurations),
        }
    }
}

/// The ARN of the state machine in `…:stateMachine:<name>/<label>`.
fn without_label(arn: &str) -> &str {
    arn.split_once('/').map_or(arn, |(arn, _label)| arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Failure;

    #[test]
    fn levels_show_what_aws_shows() {
        let failure = || Failure::named("E");
        let entered = |state_type| EventKind::StateEntered {
            state_type,
            name: "S".into(),
            input: json::Document::from_trusted_text("{}"),
            state: asl::StateIndex(0),
            until: None,
        };
        for (kind, all, error, fatal) in [
            (entered(StateType::Pass), true, false, false),
            (entered(StateType::Fail), true, true, false),
            (EventKind::ActivityFailed(failure()), true, true, false),
            (EventKind::MapStateSucceeded, true, false, false),
            (EventKind::ExecutionFailed(failure()), true, true, true),
            (EventKind::ExecutionAborted(failure()), true, true, true),
        ] {
            let shown = [Level::All, Level::Error, Level::Fatal].map(|level| level.shows(&kind));
            assert_eq!(shown, [all, error, fatal], "{kind:?}");
        }
    }

    #[test]
    fn a_configuration_that_is_off_asks_for_nothing() {
        let group = "arn:aws:logs:us-east-1:111111111111:log-group:g:*";
        let destinations = serde_json::json!([{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]);
        let policy = |level: &str| {
            let logging = serde_json::json!({
                "level": level, "includeExecutionData": true, "destinations": destinations
            });
            LogPolicy::of(&Configurations { logging: Some(logging), ..Configurations::default() })
        };
        assert!(policy("OFF").is_none());
        assert!(LogPolicy::of(&Configurations::default()).is_none());
        let policy = policy("ERROR").expect("it is on");
        assert_eq!((policy.level, &*policy.group), (Level::Error, group));
        assert!(policy.include_execution_data);
    }
}

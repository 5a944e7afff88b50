//! A runtime on a store in memory, in paused time. Each life of it has a tokio runtime of its own,
//! so that a crash is its sudden end.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use asl::WorkflowType;
use engine::{EventKind, HistoryEvent, Status, Timestamp};
use stairwell_runtime::{
    ActivityTask, Clock, Configurations, CreateActivity, CreateStateMachine, ExecutionDescription,
    GetActivityTask, GetExecutionHistory, Runtime, RuntimeConfig, SendTaskFailure, SendTaskSuccess,
    StartError, StartExecution, StopExecution, TaskError,
};
use store::{MemoryStore, Scope, Store};

/// When the first life begins.
pub(crate) const BEGIN: Timestamp = Timestamp(1_700_000_000_000);

/// A runtime that is alive.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) scope: Scope,
}

/// What outlives the runtimes: the store, and time.
pub(crate) struct Lives {
    pub(crate) store: Arc<MemoryStore>,
    now: Timestamp,
    lives: u8,
    configure: Vec<fn(&mut RuntimeConfig)>,
    /// How far the wall clock is set ahead of the running one, in milliseconds, where a test does.
    set_by: Option<Arc<AtomicI64>>,
}

impl Lives {
    pub(crate) fn new() -> Lives {
        Lives::with(|_| {})
    }

    pub(crate) fn with(configure: fn(&mut RuntimeConfig)) -> Lives {
        Lives {
            store: Arc::new(MemoryStore::new()),
            now: BEGIN,
            lives: 0,
            configure: vec![configure],
            set_by: None,
        }
    }

    /// The same, configured so, too.
    pub(crate) fn and(mut self, configure: fn(&mut RuntimeConfig)) -> Lives {
        self.configure.push(configure);
        self
    }

    /// With a wall clock that can be set.
    pub(crate) fn with_wall_clock(configure: fn(&mut RuntimeConfig)) -> (Lives, Arc<AtomicI64>) {
        let set_by = Arc::new(AtomicI64::new(0));
        (Lives { set_by: Some(set_by.clone()), ..Lives::with(configure) }, set_by)
    }

    /// Where the running clock is.
    pub(crate) fn running(&self) -> Timestamp {
        self.now
    }

    /// One life, on the store itself. It ends where the function does, whatever is under way.
    pub(crate) fn live<T>(&mut self, life: impl AsyncFnOnce(World) -> T) -> T {
        let store = self.store.clone();
        self.live_on(store, life)
    }

    /// One life, on a store that wraps this one.
    pub(crate) fn live_on<T>(
        &mut self,
        store: Arc<dyn Store>,
        life: impl AsyncFnOnce(World) -> T,
    ) -> T {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        self.lives += 1;
        self.store.restart();
        let (now, answer) = tokio.block_on(async {
            let clock = match &self.set_by {
                Some(set_by) => Clock::tokio_of(self.now, set_by.clone(), &*store).await.unwrap(),
                None => Clock::tokio(self.now),
            };
            let mut config = RuntimeConfig::new(clock, [self.lives; 32]);
            self.configure.iter().for_each(|configure| configure(&mut config));
            let runtime = Runtime::open(store, config);
            let scope = scope("111111111111", "us-east-1");
            let began = tokio::time::Instant::now();
            let answer = life(World { runtime: runtime.clone(), scope }).await;
            let passed = i64::try_from(began.elapsed().as_millis()).unwrap();
            (Timestamp(self.now.0 + passed), answer)
        });
        self.now = now;
        answer
    }

    /// Lets time pass while nothing is alive.
    pub(crate) fn sleep(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }
}

pub(crate) fn scope(account: &str, region: &str) -> Scope {
    Scope { account: account.into(), region: region.into() }
}

/// Runs a test in one life.
pub(crate) fn alive<T>(life: impl AsyncFnOnce(World) -> T) -> T {
    Lives::new().live(life)
}

pub(crate) const ROLE: &str = "arn:aws:iam::111111111111:role/role";

impl World {
    /// Creates a Standard state machine of that one state; returns its ARN.
    pub(crate) async fn machine(&self, name: &str, definition: &str) -> String {
        self.machine_of_type(name, definition, WorkflowType::Standard).await
    }

    pub(crate) async fn machine_of_type(
        &self,
        name: &str,
        definition: &str,
        workflow_type: WorkflowType,
    ) -> String {
        let configurations = Configurations::default();
        let request =
            CreateStateMachine { name, definition, role_arn: ROLE, workflow_type, configurations };
        let created = self.runtime.create_state_machine(&self.scope, request).await;
        created.unwrap_or_else(|error| panic!("{error}")).arn.to_string()
    }

    pub(crate) async fn start(
        &self,
        machine: &str,
        name: &str,
        input: &str,
    ) -> Result<String, StartError> {
        let request = StartExecution {
            state_machine_arn: machine,
            name: Some(name),
            input: Some(input),
            trace_header: None,
        };
        let started = self.runtime.start_execution(&self.scope, request).await;
        started.map(|started| started.execution_arn.to_string())
    }

    pub(crate) async fn describe(&self, arn: &str) -> ExecutionDescription {
        self.runtime.describe_execution(&self.scope, arn).await.unwrap()
    }

    /// Waits for the end of an execution, and says how it ended.
    pub(crate) async fn end(&self, arn: &str) -> String {
        let mut pause = Duration::from_millis(1);
        for _ in 0..100 {
            let description = self.describe(arn).await;
            if description.header.status != Status::Running {
                return ending(&description);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        panic!("{arn} does not end:\n{}", self.history(arn).await);
    }

    /// Starts an execution and waits for its end.
    pub(crate) async fn run(&self, machine: &str, name: &str, input: &str) -> String {
        let arn = self.start(machine, name, input).await.unwrap();
        self.end(&arn).await
    }

    pub(crate) async fn stop(&self, arn: &str) -> Timestamp {
        let request =
            StopExecution { execution_arn: arn, error: Some("Stopped"), cause: Some("by hand") };
        self.runtime.stop_execution(&self.scope, request).await.unwrap()
    }

    pub(crate) async fn events(&self, arn: &str) -> Vec<HistoryEvent> {
        let mut events = Vec::new();
        let mut from = None;
        loop {
            let request =
                GetExecutionHistory { execution_arn: arn, from, limit: 100, reverse: false };
            let get = async || self.runtime.get_execution_history(&self.scope, request).await;
            let page = persist(get).await.unwrap();
            events.extend(page.events);
            from = page.next;
            if from.is_none() {
                return events;
            }
        }
    }

    /// The history, a line per event: id, previous id, seconds since the start, and what happened.
    pub(crate) async fn history(&self, arn: &str) -> String {
        let events = self.events(arn).await;
        let start = events[0].timestamp;
        let mut text = String::new();
        for HistoryEvent { id, previous, timestamp, kind, .. } in &events {
            let seconds = (timestamp.0 - start.0) as f64 / 1_000.0;
            writeln!(text, "{}<-{} {seconds}s {}", id.0, previous.0, told(kind)).unwrap();
        }
        text
    }

    pub(crate) async fn activity(&self, name: &str) -> String {
        let request = CreateActivity { name, encryption: None };
        let activity = self.runtime.create_activity(&self.scope, request).await.unwrap();
        activity.arn.to_string()
    }

    pub(crate) async fn poll(&self, activity_arn: &str) -> Option<ActivityTask> {
        let wait = Duration::from_secs(60);
        let request = GetActivityTask { activity_arn, worker_name: Some("worker"), wait };
        self.runtime.get_activity_task(&self.scope, request).await.unwrap()
    }

    pub(crate) async fn succeed(&self, task_token: &str, output: &str) -> Result<(), TaskError> {
        let request = SendTaskSuccess { task_token, output };
        self.runtime.send_task_success(&self.scope, request).await
    }

    pub(crate) async fn fail(
        &self,
        task_token: &str,
        error: &str,
        cause: &str,
    ) -> Result<(), TaskError> {
        let request = SendTaskFailure { task_token, error: Some(error), cause: Some(cause) };
        self.runtime.send_task_failure(&self.scope, request).await
    }

    pub(crate) async fn heartbeat(&self, task_token: &str) -> Result<(), TaskError> {
        self.runtime.send_task_heartbeat(&self.scope, task_token).await
    }

    /// Seconds since the beginning of time.
    pub(crate) fn seconds(&self) -> f64 {
        (self.runtime.now().0 - BEGIN.0) as f64 / 1_000.0
    }
}

/// Tries until the answer is not that the runtime could not.
pub(crate) async fn persist<T, E: std::fmt::Display>(
    call: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        match call().await {
            Err(error) if could_not(&error.to_string()) => sleep(1).await,
            answer => return answer,
        }
    }
}

/// Whether that is the message of a store that refused, or does not know.
fn could_not(message: &str) -> bool {
    message.contains("the store is not available") || message.contains("the store failed")
}

pub(crate) async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// The ARN of an execution in the usual scope.
pub(crate) fn execution_arn(machine: &str, name: &str) -> String {
    format!("arn:aws:states:us-east-1:111111111111:execution:{machine}:{name}")
}

pub(crate) fn machine_arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:111111111111:stateMachine:{name}")
}

/// `SUCCEEDED {"a":1}` or `FAILED Error: cause`.
pub(crate) fn ending(description: &ExecutionDescription) -> String {
    let ExecutionDescription { header, output, failure, .. } = description;
    let status = match header.status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    };
    let output = output.iter().map(|output| format!(" {}", output.text()));
    let failure = failure.iter().flat_map(|failure| [&failure.error, &failure.cause]);
    let failure = failure.flatten().map(|text| format!(" {text}"));
    [status.to_owned()].into_iter().chain(output).chain(failure).collect::<String>()
}

/// What happened, in short.
pub(crate) fn told(kind: &EventKind) -> String {
    let debug = format!("{kind:?}");
    let name = debug.split([' ', '(']).next().unwrap_or_default().to_owned();
    match kind {
        EventKind::StateEntered { name: state, input, .. } => {
            format!("{name} {state} {}", masked(input.text()))
        }
        EventKind::StateExited { name: state, .. } => format!("{name} {state}"),
        EventKind::ExecutionSucceeded { output }
        | EventKind::TaskSucceeded { output, .. }
        | EventKind::TaskSubmitted { output, .. }
        | EventKind::ActivitySucceeded { output } => format!("{name} {}", masked(output.text())),
        EventKind::ExecutionFailed(failure)
        | EventKind::ExecutionAborted(failure)
        | EventKind::ExecutionTimedOut(failure)
        | EventKind::TaskFailed { failure, .. }
        | EventKind::TaskTimedOut { failure, .. }
        | EventKind::ActivityFailed(failure)
        | EventKind::ActivityTimedOut(failure) => {
            let texts = [&failure.error, &failure.cause].into_iter().flatten();
            texts.fold(name, |all, text| format!("{all} {}", masked(text)))
        }
        _ => name,
    }
}

/// The text without what differs from run to run (UUIDs, dates in milliseconds, task tokens) and
/// without what is the same everywhere.
pub(crate) fn masked(text: &str) -> String {
    const SDK: &str = r#""SdkHttpMetadata":{"AllHttpHeaders":{"x-amzn-RequestId":["?"]},"HttpHeaders":{"x-amzn-RequestId":"?"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"?"}"#;
    let text = masked_words(text).replace(SDK, r#""Sdk":…"#);
    text.replace("arn:aws:states:us-east-1:111111111111:", "")
}

fn masked_words(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest
            .find(|character: char| !character.is_ascii_hexdigit() && character != '-')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_date = word.len() == 13 && word.starts_with("17");
        match word.len() {
            36 | 88 => masked.push('?'),
            _ if is_date => masked.push('?'),
            _ => masked.push_str(word),
        }
        let next = after.chars().next().map_or(0, char::len_utf8);
        masked.push_str(&after[..next]);
        rest = &after[next..];
    }
    masked
}

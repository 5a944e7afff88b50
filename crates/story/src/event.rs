//! Events of a history, reduced to what a story is made of.

use json::Value;

/// How many characters of a cause a summary has.
const CAUSE_SHOWN: usize = 120;

/// An event.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// From 1, without gaps.
    pub id: u64,
    /// `previousEventId`; 0 for none.
    pub previous: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// `ExecutionStarted`, with the length of the input in bytes.
    Started {
        /// The execution that the input names as the one that started this one.
        by: Option<String>,
        /// Bytes of the input.
        input: usize,
    },
    /// `ExecutionSucceeded`, …
    Ended(Outcome, Payload),
    /// `ExecutionRedriven`
    Redriven,
    /// `TaskStateEntered`, …
    Entered {
        /// The state.
        name: String,
        /// Its `Type`.
        state_type: String,
        /// Bytes of the input.
        input: usize,
    },
    /// `TaskStateExited`, …
    Exited {
        /// The state.
        name: String,
        /// Bytes of the output.
        output: usize,
    },
    /// `TaskScheduled`, `ActivityScheduled`, `LambdaFunctionScheduled`
    Scheduled {
        /// Which of these.
        kind: WorkKind,
        /// `resourceType`, empty where the event has none.
        service: String,
        /// `resource`
        resource: String,
        /// Bytes of the parameters or the input.
        parameters: usize,
        /// `timeoutInSeconds`
        timeout: Option<i64>,
        /// `heartbeatInSeconds`
        heartbeat: Option<i64>,
    },
    /// `TaskStarted`, `ActivityStarted`, `LambdaFunctionStarted`
    WorkStarted {
        /// `workerName`
        worker: Option<String>,
    },
    /// `TaskSubmitted`
    Submitted(Payload),
    /// The end of an attempt of a Task state.
    WorkEnded(Outcome, Payload),
    /// `ParallelStateStarted`, `MapStateStarted`
    Opened {
        /// `Parallel` or `Map`.
        state_type: &'static str,
        /// How many iterations.
        length: u64,
    },
    /// `ParallelStateFailed`, `MapStateSucceeded`, …
    Closed {
        /// `Parallel` or `Map`.
        state_type: &'static str,
        /// How.
        outcome: Outcome,
    },
    /// `TaskStateAborted`, `WaitStateAborted`
    Cut {
        /// `Task` or `Wait`.
        state_type: &'static str,
    },
    /// `MapIterationStarted`
    IterationStarted {
        /// The Map state.
        name: String,
        /// From 0.
        index: u64,
    },
    /// `MapIterationSucceeded`, …
    IterationEnded {
        /// The Map state.
        name: String,
        /// From 0.
        index: u64,
        /// How.
        outcome: Outcome,
    },
    /// `MapRunStarted`, `MapRunRedriven`
    MapRunStarted {
        /// `mapRunArn`
        arn: String,
    },
    /// `MapRunSucceeded`, …
    MapRunEnded(Outcome, Payload),
    /// `EvaluationFailed`, in the state of that name.
    EvaluationFailed(String, Payload),
    /// An event that says nothing of a step.
    Other,
}

/// Which kind of work a Task state asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// A service integration.
    Service,
    /// An activity.
    Activity,
    /// A Lambda function, by its ARN.
    Function,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Succeeded,
    /// With an error.
    Failed,
    /// Out of time.
    TimedOut,
    /// Something else ended it.
    Aborted,
}

/// What came of work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// Bytes of the output.
    pub output: usize,
    /// The name of the error.
    pub error: Option<String>,
    /// Its cause.
    pub cause: Option<String>,
    /// The ARN of the execution that a nested start is about, read from the output or the cause.
    pub child: Option<String>,
}

impl Event {
    /// An event of GetExecutionHistory, as the wire has it or with the names of Task states
    /// (`PreviousEventId`); none for what is no event.
    pub fn read(event: &Value) -> Option<Event> {
        let kind = member(event, "type")?.as_str()?;
        let id = u64::try_from(member(event, "id")?.as_i64()?).ok()?;
        let previous = member(event, "previousEventId").and_then(Value::as_i64).unwrap_or(0);
        let previous = u64::try_from(previous).unwrap_or(0);
        let at = member(event, "timestamp").map_or(0, milliseconds);
        Some(Event { id, previous, at, what: happening(kind, &Details(details(event))) })
    }
}

impl Event {
    /// What it is about, in a line: a state, a resource, an error and the beginning of its cause;
    /// empty where there is nothing to say.
    pub fn summary(&self) -> String {
        let told = |payload: &Payload| {
            let error = payload.error.clone().unwrap_or_default();
            let Some(cause) = &payload.cause else { return error };
            let shown: String = cause.chars().take(CAUSE_SHOWN).collect();
            let more = if shown.len() < cause.len() { "…" } else { "" };
            format!("{error}: {shown}{more}")
        };
        match &self.what {
            Happening::Entered { name, .. } | Happening::Exited { name, .. } => name.clone(),
            Happening::Scheduled { resource, .. } => resource.clone(),
            Happening::WorkStarted { worker } => worker.clone().unwrap_or_default(),
            Happening::Submitted(payload) => payload.child.clone().unwrap_or_default(),
            Happening::MapRunStarted { arn } => arn.clone(),
            Happening::IterationStarted { name, index }
            | Happening::IterationEnded { name, index, .. } => format!("{name}[{index}]"),
            Happening::Ended(_, payload)
            | Happening::WorkEnded(_, payload)
            | Happening::MapRunEnded(_, payload)
            | Happening::EvaluationFailed(_, payload) => told(payload),
            Happening::Started { .. }
            | Happening::Redriven
            | Happening::Opened { .. }
            | Happening::Closed { .. }
            | Happening::Cut { .. }
            | Happening::Other => String::new(),
        }
    }
}

/// A member, whose name begins with a small letter or a capital one.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).or_else(|| {
        let (first, rest) = name.split_at_checked(1)?;
        value.get(&format!("{}{rest}", first.to_ascii_uppercase()))
    })
}

fn details(event: &Value) -> Option<&Value> {
    let members = event.as_object()?.iter();
    members.filter(|(name, _)| name.ends_with("EventDetails")).map(|(_, value)| value).next()
}

/// Seconds since 1970, or a text as RFC 3339 has it.
fn milliseconds(time: &Value) -> i64 {
    match (time.as_str(), time.as_f64()) {
        (Some(text), _) => text.parse::<jiff::Timestamp>().map_or(0, |it| it.as_millisecond()),
        // Seconds of any year that a clock shows fit.
        (None, Some(seconds)) => (seconds * 1_000.0).round() as i64,
        (None, None) => 0,
    }
}

struct Details<'a>(Option<&'a Value>);

impl Details<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        member(self.0?, name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        member(self.0?, name)?.as_i64()
    }

    fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    fn bytes(&self, name: &str) -> usize {
        self.text(name).map_or(0, str::len)
    }

    fn index(&self, name: &str) -> u64 {
        self.number(name).and_then(|it| u64::try_from(it).ok()).unwrap_or(0)
    }

    fn payload(&self) -> Payload {
        let child = self.text("output").or_else(|| self.text("cause")).and_then(child_arn);
        Payload {
            output: self.bytes("output"),
            error: self.text("error").map(str::to_owned),
            cause: self.text("cause").map(str::to_owned),
            child: child.filter(|_| self.text("resourceType") == Some("states")),
        }
    }
}

/// The execution that an answer of StartExecution, or the description of an execution, is about.
fn child_arn(text: &str) -> Option<String> {
    if !text.contains("ExecutionArn") && !text.contains("executionArn") {
        return None;
    }
    let value = json::parse(text).ok()?;
    Some(member(&value, "executionArn")?.as_str()?.to_owned())
}

/// The name in the input by which AWS's console links a nested execution to what started it.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-nested-workflows.html>.
fn starter(input: Option<&str>) -> Option<String> {
    const NAME: &str = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID";
    let input = input.filter(|input| input.contains(NAME))?;
    Some(json::parse(input).ok()?.get(NAME)?.as_str()?.to_owned())
}

fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "Succeeded" => Some(Outcome::Succeeded),
        "Failed" => Some(Outcome::Failed),
        "TimedOut" => Some(Outcome::TimedOut),
        "Aborted" => Some(Outcome::Aborted),
        _ => None,
    }
}

fn happening(kind: &str, details: &Details<'_>) -> Happening {
    if let Some(state_type) = kind.strip_suffix("StateEntered") {
        let (name, state_type) = (details.owned("name"), state_type.to_owned());
        return Happening::Entered { name, state_type, input: details.bytes("input") };
    }
    if kind.ends_with("StateExited") {
        let (name, output) = (details.owned("name"), details.bytes("output"));
        return Happening::Exited { name, output };
    }
    for state_type in ["Parallel", "Map"] {
        let word = kind.strip_prefix(state_type).and_then(|rest| rest.strip_prefix("State"));
        match word.map(|word| (word, outcome(word))) {
            Some(("Started", _)) => {
                return Happening::Opened { state_type, length: details.index("length") };
            }
            Some((_, Some(outcome))) => return Happening::Closed { state_type, outcome },
            _ => {}
        }
    }
    match kind {
        "ExecutionStarted" => {
            let by = starter(details.text("input"));
            Happening::Started { by, input: details.bytes("input") }
        }
        "ExecutionRedriven" => Happening::Redriven,
        "TaskStateAborted" => Happening::Cut { state_type: "Task" },
        "WaitStateAborted" => Happening::Cut { state_type: "Wait" },
        "MapRunStarted" | "MapRunRedriven" => {
            Happening::MapRunStarted { arn: details.owned("mapRunArn") }
        }
        "EvaluationFailed" => {
            Happening::EvaluationFailed(details.owned("state"), details.payload())
        }
        "TaskSubmitted" => Happening::Submitted(details.payload()),
        _ => ended(kind, details).or_else(|| work(kind, details)).unwrap_or(Happening::Other),
    }
}

/// The end of an execution, an iteration or a Map Run.
fn ended(kind: &str, details: &Details<'_>) -> Option<Happening> {
    if let Some(outcome) = kind.strip_prefix("Execution").and_then(outcome) {
        return Some(Happening::Ended(outcome, details.payload()));
    }
    if let Some(outcome) = kind.strip_prefix("MapRun").and_then(outcome) {
        return Some(Happening::MapRunEnded(outcome, details.payload()));
    }
    let (name, index) = (details.owned("name"), details.index("index"));
    match kind.strip_prefix("MapIteration")? {
        "Started" => Some(Happening::IterationStarted { name, index }),
        word => Some(Happening::IterationEnded { name, index, outcome: outcome(word)? }),
    }
}

fn work(kind: &str, details: &Details<'_>) -> Option<Happening> {
    let kinds = [
        ("Task", WorkKind::Service),
        ("Activity", WorkKind::Activity),
        ("LambdaFunction", WorkKind::Function),
    ];
    let (prefix, work_kind) = kinds.into_iter().find(|(prefix, _)| kind.starts_with(prefix))?;
    match kind.strip_prefix(prefix)? {
        "Scheduled" => Some(Happening::Scheduled {
            kind: work_kind,
            service: details.owned("resourceType"),
            resource: details.owned("resource"),
            parameters: details.bytes("parameters") + details.bytes("input"),
            timeout: details.number("timeoutInSeconds"),
            heartbeat: details.number("heartbeatInSeconds"),
        }),
        "Started" => {
            let worker = details.text("workerName").map(str::to_owned);
            Some(Happening::WorkStarted { worker })
        }
        "Succeeded" => Some(Happening::WorkEnded(Outcome::Succeeded, details.payload())),
        "TimedOut" => Some(Happening::WorkEnded(Outcome::TimedOut, details.payload())),
        // `TaskSubmitFailed`, `LambdaFunctionStartFailed`, `ActivityScheduleFailed` …
        word if word.ends_with("Failed") => {
            Some(Happening::WorkEnded(Outcome::Failed, details.payload()))
        }
        _ => None,
    }
}

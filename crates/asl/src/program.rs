//! A definition, compiled: names resolved to indexes, expressions parsed.
//!
//! States are numbered in document order, depth first: a state comes before the states of its
//! branches or of its item processor, and these before the state that follows it in the text.
//! Stored executions hold these numbers, so the rule is part of the stored form:
//! [`Program::numbering`] tells whether two programs have the same numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use json::Value;
use jsonpath::{Expression, Path, ReferencePath};

use crate::Distributed;

/// The two workflow types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkflowType {
    /// Durable, up to a year.
    Standard,
    /// At least once, up to five minutes.
    Express,
}

/// The number of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateIndex(pub u32);

/// The number of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionIndex(pub u32);

impl RegionIndex {
    /// The top level of the definition.
    pub const ROOT: RegionIndex = RegionIndex(0);
}

/// A compiled definition.
#[derive(Debug)]
pub struct Program {
    /// `TimeoutSeconds` of the machine.
    pub timeout_seconds: Option<u64>,
    /// The root, the branches and the item processors; the root is the first.
    pub regions: Vec<Region>,
    /// Every state of every region.
    pub states: Vec<State>,
    pub(crate) variable_references: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    pub(crate) may_be_long: bool,
}

impl Program {
    /// The workflow variables that each state reads, by the name of the state; without the states
    /// that read none. What is assigned does not count.
    pub fn variable_references(&self) -> &BTreeMap<Arc<str>, Vec<Arc<str>>> {
        &self.variable_references
    }

    /// Whether the work of one of its expressions may grow faster than the size of what it reads:
    /// it may take much longer than a state does, and is not to be evaluated where others wait.
    pub fn may_be_long(&self) -> bool {
        self.may_be_long
    }

    /// A checksum over the numbers of all states and regions: equal for two programs of the same
    /// definition where stored executions mean the same by them. Part of the stored form.
    pub fn numbering(&self) -> u64 {
        let mut sum = Checksum::new();
        sum.number(self.regions.len());
        for region in &self.regions {
            sum.number(region.start.0 as usize);
            sum.number(region.owner.map_or(0, |owner| owner.0 as usize + 1));
        }
        for state in &self.states {
            sum.number(state.region.0 as usize);
            sum.number(state.name.len());
            sum.bytes(state.name.as_bytes());
        }
        sum.0
    }

    /// The ARNs of the activities that tasks are for, one for each such state.
    pub fn activities(&self) -> impl Iterator<Item = &Arc<str>> {
        self.states.iter().filter_map(|state| match &state.kind {
            StateKind::Task(Task { resource: Resource::Activity(arn), .. }) => Some(arn),
            _ => None,
        })
    }

    /// The state of that number.
    pub fn state(&self, index: StateIndex) -> &State {
        &self.states[index.0 as usize]
    }

    /// The region of that number.
    pub fn region(&self, index: RegionIndex) -> &Region {
        &self.regions[index.0 as usize]
    }
}

/// FNV-1a, of 64 bits: against mistakes, not against malice.
/// See <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
struct Checksum(u64);

impl Checksum {
    fn new() -> Checksum {
        Checksum(0xCBF2_9CE4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3);
        }
    }

    fn number(&mut self, number: usize) {
        self.bytes(&(number as u64).to_le_bytes());
    }
}

/// One `States` map: the root, a branch, or an item processor.
#[derive(Debug)]
pub struct Region {
    /// `StartAt`
    pub start: StateIndex,
    /// The Parallel or Map state that holds it; none for the root.
    pub owner: Option<StateIndex>,
}

/// A state.
#[derive(Debug)]
pub struct State {
    /// Its name, unique in the program.
    pub name: Arc<str>,
    /// Where it stands.
    pub region: RegionIndex,
    /// How its input and output are made.
    pub data: DataFlow,
    /// `Assign`: an object of variables. Of a Choice state, what `Default` assigns.
    pub assign: Option<Payload>,
    /// `Retry`; empty for the types that have none.
    pub retry: Vec<Retrier>,
    /// `Catch`; empty for the types that have none.
    pub catch: Vec<Catcher>,
    /// What it does.
    pub kind: StateKind,
}

/// How the input and output of a state are made.
#[derive(Debug)]
pub enum DataFlow {
    /// With paths and payload templates.
    JsonPath(Box<JsonPathFlow>),
    /// With JSONata.
    Jsonata(JsonataFlow),
}

/// Input and output processing with JSONata.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html>.
#[derive(Debug, Default)]
pub struct JsonataFlow {
    /// `Arguments`; the input where it is not given.
    pub arguments: Option<jsonata::Template>,
    /// `Output`; the result where it is not given, or the input of a state that has none. Of a
    /// Choice state, what `Default` gives.
    pub output: Option<jsonata::Template>,
}

/// A payload template, in the query language of its state.
#[derive(Debug)]
pub enum Payload {
    /// With members whose names end in `.$`.
    JsonPath(jsonpath::Template),
    /// With texts `{% … %}`.
    Jsonata(jsonata::Template),
}

/// Input and output processing with paths.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html>.
#[derive(Debug)]
pub struct JsonPathFlow {
    /// `InputPath`
    pub input_path: Select,
    /// `Parameters`, or a Map state's `ItemSelector` when it is written under the old name:
    /// never set on a Map state, see [`Map::item_selector`].
    pub parameters: Option<jsonpath::Template>,
    /// `ResultSelector`
    pub result_selector: Option<jsonpath::Template>,
    /// `ResultPath`
    pub result_path: ResultPath,
    /// `OutputPath`
    pub output_path: Select,
}

/// `InputPath` and `OutputPath`.
#[derive(Debug)]
pub enum Select {
    /// Not given, or `$`.
    Whole,
    /// `null`: an empty object.
    Nothing,
    /// A path.
    At(Path),
}

/// `ResultPath`.
#[derive(Debug)]
pub enum ResultPath {
    /// Not given, or `$`: the result is the output.
    Whole,
    /// `null`: the result is dropped.
    Discard,
    /// A place in the raw input.
    At(ReferencePath),
}

/// Where a state leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// `Next`
    Next(StateIndex),
    /// `End: true`
    End,
}

/// The eight types of state, as history events name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum StateType {
    Pass,
    Task,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl StateType {
    /// As `Type` has it.
    pub fn name(self) -> &'static str {
        match self {
            StateType::Pass => "Pass",
            StateType::Task => "Task",
            StateType::Choice => "Choice",
            StateType::Wait => "Wait",
            StateType::Succeed => "Succeed",
            StateType::Fail => "Fail",
            StateType::Parallel => "Parallel",
            StateType::Map => "Map",
        }
    }
}

/// What a state does.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum StateKind {
    Pass(Pass),
    Task(Task),
    Choice(Choice),
    Wait(Wait),
    Succeed,
    Fail(Fail),
    Parallel(Branches),
    Map(Map),
}

impl StateKind {
    /// Its type.
    pub fn state_type(&self) -> StateType {
        match self {
            StateKind::Pass(_) => StateType::Pass,
            StateKind::Task(_) => StateType::Task,
            StateKind::Choice(_) => StateType::Choice,
            StateKind::Wait(_) => StateType::Wait,
            StateKind::Succeed => StateType::Succeed,
            StateKind::Fail(_) => StateType::Fail,
            StateKind::Parallel(_) => StateType::Parallel,
            StateKind::Map(_) => StateType::Map,
        }
    }

    /// Whether it may have `Retry` and `Catch`.
    pub fn can_retry(&self) -> bool {
        matches!(self, StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_))
    }
}

/// A Pass state.
#[derive(Debug)]
pub struct Pass {
    /// `Result`, a literal.
    pub result: Option<Value>,
    /// Where it leads.
    pub transition: Transition,
}

/// A Task state.
#[derive(Debug)]
pub struct Task {
    /// `Resource`
    pub resource: Resource,
    /// The partition of its ARN: `aws`, `aws-cn`, ….
    pub partition: Arc<str>,
    /// `Credentials`: an object with a `RoleArn`.
    pub credentials: Option<Payload>,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`
    pub timeout_seconds: Option<Amount>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`
    pub heartbeat_seconds: Option<Amount>,
    /// Where it leads.
    pub transition: Transition,
}

/// What a Task calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// `arn:aws:states:<region>:<account>:activity:<name>`
    Activity(Arc<str>),
    /// `arn:aws:states:::states:startExecution[.…]`
    StartExecution(IntegrationPattern),
    /// `arn:aws:lambda:<region>:<account>:function:<name>[:<version or alias>]`
    Lambda(Arc<str>),
    /// `arn:aws:states:::<service>:<action>[.…]`, one of [`crate::integrations`] other than
    /// `states:startExecution`.
    Service {
        /// `lambda`, `aws-sdk:sfn`, …
        service: &'static str,
        /// `invoke`
        action: &'static str,
        /// How the task waits.
        pattern: IntegrationPattern,
    },
}

/// The service integration patterns.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntegrationPattern {
    /// No suffix: goes on with the answer of the call.
    RequestResponse,
    /// `.sync`: waits for the job; `Input` and `Output` of a nested execution are JSON texts.
    Sync,
    /// `.sync:2`: waits for the job; `Input` and `Output` of a nested execution are JSON values.
    Sync2,
    /// `.waitForTaskToken`: waits until the token comes back.
    WaitForTaskToken,
}

impl IntegrationPattern {
    /// As it ends a resource: `.sync:2`; empty for request and response.
    pub fn suffix(self) -> &'static str {
        match self {
            IntegrationPattern::RequestResponse => "",
            IntegrationPattern::Sync => ".sync",
            IntegrationPattern::Sync2 => ".sync:2",
            IntegrationPattern::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

impl Resource {
    /// How AWS names what is called where a result is too large: the service, or the whole ARN
    /// where the resource is one.
    pub fn service(&self) -> &str {
        match self {
            Resource::Activity(arn) | Resource::Lambda(arn) => arn,
            Resource::StartExecution(_) => "states",
            Resource::Service { service, .. } => service,
        }
    }

    /// Whether the parameters of a task of it see its token. Those of an activity and of a function
    /// by its ARN do not.
    pub fn shows_token(&self) -> bool {
        match self {
            Resource::Activity(_) | Resource::Lambda(_) => false,
            Resource::StartExecution(_) | Resource::Service { .. } => true,
        }
    }

    /// Whether a task of it goes on waiting after its call was answered, be it for its token or for
    /// the end of what it started.
    pub fn goes_on_waiting(&self) -> bool {
        match self {
            Resource::Activity(_) | Resource::Lambda(_) => false,
            Resource::StartExecution(pattern) | Resource::Service { pattern, .. } => {
                *pattern != IntegrationPattern::RequestResponse
            }
        }
    }
}

/// The longest time that a field can name, in seconds.
pub const SECONDS_MAX: u64 = 99_999_999;

/// A number of seconds or items: a literal, or what gives one.
#[derive(Debug)]
pub enum Amount {
    /// As in `TimeoutSeconds`.
    Literal(u64),
    /// As in `TimeoutSecondsPath`.
    Path(Path),
    /// A JSONata expression in place of the literal.
    Jsonata(jsonata::Template),
}

/// A Choice state.
#[derive(Debug)]
pub struct Choice {
    /// `Choices`, in order.
    pub rules: Vec<ChoiceRule>,
    /// `Default`
    pub default: Option<StateIndex>,
}

/// One of the `Choices`.
#[derive(Debug)]
pub struct ChoiceRule {
    /// When it matches.
    pub condition: Condition,
    /// Where it leads.
    pub next: StateIndex,
    /// `Assign`, in place of the state's.
    pub assign: Option<Payload>,
    /// `Output`, in place of the state's; never in JSONPath.
    pub output: Option<jsonata::Template>,
}

/// The condition of a rule.
#[derive(Debug)]
pub enum Condition {
    /// `Condition`: an expression, or a literal.
    Jsonata(jsonata::Template),
    /// All of them; evaluated left to right up to the first that is false.
    And(Vec<Condition>),
    /// Any of them; evaluated left to right up to the first that is true.
    Or(Vec<Condition>),
    /// The contrary.
    Not(Box<Condition>),
    /// `Variable` and an operator.
    Test {
        /// `Variable`
        variable: Path,
        /// The operator and its operand.
        comparison: Comparison,
    },
}

/// A Choice operator with its operand.
#[derive(Debug)]
pub enum Comparison {
    /// `StringEquals`, `StringLessThanPath`, …
    String(Order, Operand<Arc<str>>),
    /// `NumericEquals`, `NumericLessThanPath`, …
    Numeric(Order, Operand<json::Number>),
    /// `TimestampEquals`, `TimestampLessThanPath`, …: the instant in nanoseconds since 1970.
    Timestamp(Order, Operand<i128>),
    /// `BooleanEquals`, `BooleanEqualsPath`
    Boolean(Operand<bool>),
    /// `StringMatches`: the literal parts between the asterisks.
    Matches(Vec<Arc<str>>),
    /// `IsNull`
    IsNull(bool),
    /// `IsPresent`
    IsPresent(bool),
    /// `IsNumeric`
    IsNumeric(bool),
    /// `IsString`
    IsString(bool),
    /// `IsBoolean`
    IsBoolean(bool),
    /// `IsTimestamp`
    IsTimestamp(bool),
}

/// What a value is compared with.
#[derive(Debug)]
pub enum Operand<T> {
    /// As in `StringEquals`.
    Literal(T),
    /// As in `StringEqualsPath`.
    Path(Path),
}

/// How two values must stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Order {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

/// A Wait state.
#[derive(Debug)]
pub struct Wait {
    /// How long, or until when.
    pub until: WaitFor,
    /// Where it leads.
    pub transition: Transition,
}

/// How long a Wait state waits.
#[derive(Debug)]
pub enum WaitFor {
    /// `Seconds`
    Seconds(u64),
    /// `SecondsPath`
    SecondsPath(Path),
    /// `Timestamp`: nanoseconds since 1970.
    Timestamp(i128),
    /// `TimestampPath`
    TimestampPath(Path),
    /// `Seconds`, an expression.
    SecondsJsonata(jsonata::Template),
    /// `Timestamp`, an expression.
    TimestampJsonata(jsonata::Template),
}

/// A Fail state.
#[derive(Debug)]
pub struct Fail {
    /// `Error` or `ErrorPath`
    pub error: Option<FailField>,
    /// `Cause` or `CausePath`
    pub cause: Option<FailField>,
}

/// `Error` and `Cause` of a Fail state.
#[derive(Debug)]
pub enum FailField {
    /// As in `Error`.
    Literal(Arc<str>),
    /// As in `ErrorPath`: a path or an intrinsic function call.
    Expression(Expression),
    /// A JSONata expression in place of the literal.
    Jsonata(jsonata::Template),
}

/// A Parallel state.
#[derive(Debug)]
pub struct Branches {
    /// `Branches`, in order.
    pub regions: Vec<RegionIndex>,
    /// Where it leads.
    pub transition: Transition,
}

/// A Map state.
#[derive(Debug)]
pub struct Map {
    /// What it runs over.
    pub items: Items,
    /// `ItemSelector`, or `Parameters`, its old name.
    pub item_selector: Option<Payload>,
    /// `ItemProcessor`, or `Iterator`, its old name.
    pub processor: RegionIndex,
    /// `MaxConcurrency` or `MaxConcurrencyPath`; 0 for no limit.
    pub max_concurrency: Amount,
    /// `ToleratedFailureCount` or `ToleratedFailureCountPath`, which AWS accepts of an inline Map
    /// state, too, and does not look at there.
    pub tolerated_failure_count: Option<Amount>,
    /// `ToleratedFailurePercentage` or `ToleratedFailurePercentagePath`; the same.
    pub tolerated_failure_percentage: Option<Percentage>,
    /// Of a Map state in DISTRIBUTED mode; its processor is what its child executions run.
    pub distributed: Option<Box<Distributed>>,
    /// Where it leads.
    pub transition: Transition,
}

/// A number between 0 and 100: a literal, or what gives one.
#[derive(Debug)]
pub enum Percentage {
    /// As in `ToleratedFailurePercentage`.
    Literal(f64),
    /// As in `ToleratedFailurePercentagePath`.
    Path(Path),
    /// A JSONata expression in place of the literal.
    Jsonata(jsonata::Template),
}

/// What a Map state runs over.
#[derive(Debug)]
pub enum Items {
    /// Its effective input.
    Input,
    /// `ItemsPath`
    Path(Path),
    /// `Items`
    Jsonata(jsonata::Template),
}

/// The names that a retrier or catcher matches.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorNames(pub Vec<Arc<str>>);

/// One entry of `Retry`.
#[derive(Debug)]
pub struct Retrier {
    /// `ErrorEquals`
    pub errors: ErrorNames,
    /// `IntervalSeconds`, 1 where it is not given.
    pub interval_seconds: u64,
    /// `MaxAttempts`, 3 where it is not given.
    pub max_attempts: u64,
    /// `BackoffRate`, 2.0 where it is not given.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`
    pub max_delay_seconds: Option<u64>,
    /// `JitterStrategy`
    pub jitter: JitterStrategy,
}

/// How the delay before a retry is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JitterStrategy {
    /// Not at all.
    None,
    /// Uniform between nothing and the computed delay.
    Full,
}

/// One entry of `Catch`.
#[derive(Debug)]
pub struct Catcher {
    /// `ErrorEquals`
    pub errors: ErrorNames,
    /// Where the error output goes in the raw input.
    pub result_path: ResultPath,
    /// `Assign`
    pub assign: Option<Payload>,
    /// `Output`, the error output where it is not given; never in JSONPath.
    pub output: Option<jsonata::Template>,
    /// Where it leads.
    pub next: StateIndex,
}

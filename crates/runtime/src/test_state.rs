//! TestState: one state, tried on its own. Nothing of it is kept.
//!
//! `check` says what may be asked for, `context` what a context object may hold; here the state is
//! driven, with calls of services as executions make them.

mod check;
mod context;

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{Diagnostic, Program, StateIndex};
use engine::{
    Effect, Input, Inspection, Limits, StartParameters, StateTrial, StepEnv, TaskId, TrialOutcome,
    TrialParameters,
};
use json::Document;
use store::Scope;
use tokio::sync::{mpsc, oneshot};

use crate::arn::ArnPrefix;
use crate::clock::Now;
use crate::integration::{CallHandle, CallTrace, HttpExchange};
use crate::permission::Acting;
use crate::shell::Shell;
use crate::{OperationalError, Runtime};

use self::check::Checked;

/// How long a test may take: AWS's quota.
const TEST_SECONDS_MAX: u64 = 300;

/// TestState.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html>.
#[derive(Clone, Debug, Default)]
pub struct TestState<'a> {
    /// `definition`: of a state, or of a machine where there is a `state_name`.
    pub definition: &'a str,
    /// `stateName`
    pub state_name: Option<&'a str>,
    /// `roleArn`
    pub role_arn: Option<&'a str>,
    /// `input`: JSON text; `{}` where it is none. Its size is the caller's to check.
    pub input: Option<&'a str>,
    /// `variables`: the text of a JSON object.
    pub variables: Option<&'a str>,
    /// `context`: the text of a JSON object.
    pub context: Option<&'a str>,
    /// `inspectionLevel`: whether it is `TRACE`.
    pub is_traced: bool,
    /// `revealSecrets`
    pub reveal_secrets: bool,
    /// `mock`
    pub mock: Option<MockInput<'a>>,
    /// `stateConfiguration.retrierRetryCount`
    pub retrier_retry_count: Option<u32>,
    /// `stateConfiguration.errorCausedByState`
    pub error_caused_by_state: Option<&'a str>,
    /// `stateConfiguration.mapIterationFailureCount`
    pub map_iteration_failure_count: Option<u64>,
    /// `stateConfiguration.mapItemReaderData`
    pub map_item_reader_data: Option<&'a str>,
}

/// `mock`
#[derive(Clone, Debug, Default)]
pub struct MockInput<'a> {
    /// `result`: JSON text.
    pub result: Option<&'a str>,
    /// `errorOutput`: `error` and `cause`.
    pub error_output: Option<(Option<&'a str>, Option<&'a str>)>,
    /// `fieldValidationMode`
    pub field_validation_mode: FieldValidationMode,
}

/// `fieldValidationMode`: how closely a mocked result must follow the model of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidationMode {
    /// All required fields are there, and all fields are what they must be.
    #[default]
    Strict,
    /// The fields that are there are what they must be.
    Present,
    /// Not at all.
    None,
}

/// A state that was tested.
#[derive(Debug)]
pub struct TestedState {
    /// The machine that the state was tested in.
    pub program: Arc<Program>,
    /// The state.
    pub state: StateIndex,
    /// `input`
    pub input: Document,
    /// How the test ended.
    pub outcome: TrialOutcome,
    /// What the state worked out on its way.
    pub inspection: Inspection,
    /// What it sent and got over HTTP, where that was to be traced.
    pub exchange: HttpExchange,
}

/// Why a state was not tested. The texts are AWS's messages, where AWS's are known.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TestStateError {
    /// `InvalidDefinition`: the errors, at least one.
    #[error("Invalid State Machine Definition: '{}'", crate::state_machines::joined(.0))]
    InvalidDefinition(Vec<Diagnostic>),
    /// `InvalidDefinition`: a state that cannot be tested so.
    #[error("{0}")]
    NotTestable(String),
    /// `InvalidExecutionInput`: what is wrong with the text.
    #[error("Invalid State Machine Execution Input: '{0}'")]
    InvalidInput(String),
    /// `ValidationException`: the message.
    #[error("{0}")]
    Invalid(String),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl Runtime {
    /// TestState. Answers when the state has ended, after five minutes at the latest.
    ///
    /// # Errors
    /// See [`TestStateError`].
    pub async fn test_state(
        &self,
        scope: &Scope,
        request: TestState<'_>,
    ) -> Result<TestedState, TestStateError> {
        self.shell.check_open()?;
        let Checked { program, state, input, variables, context, mock } = check::check(&request)?;
        let parameters = TrialParameters {
            start: self.shell.test_start(scope, request.role_arn, input.clone()),
            state,
            variables,
            context,
            retries: request.retrier_retry_count.unwrap_or(0),
            mock,
        };
        let (sender, receiver) = oneshot::channel();
        let shell = self.shell.clone();
        let trace = Arc::new(CallTrace::new(request.reveal_secrets));
        let traced = request.is_traced.then(|| trace.clone());
        let test = shell.run_test(scope.clone(), program.clone(), parameters, traced, sender);
        self.shell.spawn(test);
        // It is broken off by a shutdown, and by nothing else.
        let (outcome, inspection) = receiver.await.map_err(|_| match self.shell.is_closing() {
            true => OperationalError::ShuttingDown,
            false => OperationalError::Quarantined,
        })?;
        Ok(TestedState { program, state, input, outcome, inspection, exchange: trace.exchange() })
    }
}

impl Shell {
    /// The execution that the state believes to be in: an Express execution of a machine of its
    /// own, as AWS shows it.
    fn test_start(&self, scope: &Scope, role: Option<&str>, input: Document) -> StartParameters {
        let (machine, name) = (self.random.uuid(), self.random.uuid());
        let prefix = ArnPrefix(scope);
        StartParameters {
            id: self.new_execution_id(self.now(), None),
            arn: prefix.tested(&machine, &name),
            name: name.into(),
            state_machine_arn: prefix.state_machine(&machine),
            state_machine_name: machine.into(),
            role_arn: role.unwrap_or_default().into(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input,
        }
    }

    async fn run_test(
        self: Arc<Self>,
        scope: Scope,
        program: Arc<Program>,
        parameters: TrialParameters,
        trace: Option<Arc<CallTrace>>,
        waits: oneshot::Sender<(TrialOutcome, Inspection)>,
    ) {
        let acting = Acting {
            scope,
            role_arn: parameters.start.role_arn.clone(),
            execution_arn: parameters.start.arn.clone(),
            trace_header: None,
        };
        let limits = Limits {
            execution_seconds_max: TEST_SECONDS_MAX,
            history_events_max: u64::MAX,
            ..self.config.limits.clone()
        };
        let (sender, mut inputs) = mpsc::unbounded_channel();
        let mut calls: BTreeMap<TaskId, CallHandle> = BTreeMap::new();
        let begun = {
            let (program, limits) = (program.clone(), limits.clone());
            let (instant, mut random) = (self.instant(), self.random.fork());
            let begin = move || {
                let Now { shown: now, timers: timer_now } = instant;
                let (random, limits) = (&mut random, &limits);
                let absent_activities = &[];
                let mut env = StepEnv { now, timer_now, random, limits, absent_activities };
                StateTrial::begin(&program, parameters, &mut env)
            };
            self.compute.run(begin).await
        };
        let Some((mut trial, mut effects)) = begun else {
            return tracing::error!("a step of a test of a state panicked");
        };
        let outcome = loop {
            if let Some(outcome) = trial.outcome(&program) {
                break outcome;
            }
            for effect in effects.drain(..) {
                if let Effect::CallService { task, request } = effect {
                    let mut call = self.service_call(&acting, Some(task), request);
                    call.http_trace = trace.clone();
                    calls.insert(task, self.call_express(task, call, &sender));
                } else {
                    self.perform_express(&acting, effect, &sender);
                }
            }
            let due = trial.next_due().unwrap_or_default();
            let input = tokio::select! {
                biased;
                Some(input) = inputs.recv() => input,
                () = self.config.clock.sleep_until(due) => Input::Tick,
                () = self.closing() => return,
            };
            let (program, limits) = (program.clone(), limits.clone());
            let (instant, mut random) = (self.instant(), self.random.fork());
            let go_on = move || {
                let Now { shown: now, timers: timer_now } = instant;
                let (random, limits) = (&mut random, &limits);
                let absent_activities = &[];
                let mut env = StepEnv { now, timer_now, random, limits, absent_activities };
                let effects = trial.go_on(&program, input, &mut env);
                (trial, effects)
            };
            let Some(stepped) = self.compute.run(go_on).await else {
                return tracing::error!("a step of a test of a state panicked");
            };
            (trial, effects) = stepped;
        };
        // Who does not wait any more does not want to know.
        let _ = waits.send((outcome, trial.inspection().clone()));
    }
}

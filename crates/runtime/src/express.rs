//! Express executions: in memory only, for five minutes at most, and never in the store.
//!
//! Does not: keep a history or a result. Whoever started one learns that it was started; what
//! becomes of it stands in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::Program;
use engine::{
    Effect, Execution, ExecutionId, Failure, Input, Limits, StartParameters, Status, StepEnv,
    TaskId,
};
use json::Document;
use store::Scope;
use tokio::sync::{mpsc, oneshot};

use crate::arn::ArnPrefix;
use crate::integration::CallHandle;
use crate::shell::Shell;
use crate::{ServiceCall, StartError, StartedExecution, StateMachine};

/// How long an Express execution may run: AWS's quota.
const EXPRESS_SECONDS_MAX: u64 = 300;

impl Shell {
    /// Starts an Express execution. The same name may come again: each start is another execution.
    pub(crate) fn start_express(
        self: &Arc<Self>,
        scope: &Scope,
        machine: &StateMachine,
        program: Arc<Program>,
        name: Arc<str>,
        input: Document,
    ) -> Result<StartedExecution, StartError> {
        let now = self.now();
        let arn = ArnPrefix(scope).express(&machine.name, &name, &self.random.uuid());
        let parameters = StartParameters {
            id: ExecutionId::new(now, &mut self.random.fork()),
            arn: arn.clone(),
            name,
            state_machine_arn: machine.arn.clone(),
            state_machine_name: machine.name.clone(),
            role_arn: machine.role_arn.clone(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input,
        };
        let limits = self.express_limits();
        let (execution, step) = self.engine_start(&program, parameters, now, &limits)?;
        tracing::debug!(%arn, "started");
        if execution.status == Status::Running {
            let scope = scope.clone();
            self.spawn(self.clone().run_express(scope, program, execution, step.effects));
        } else {
            log_end(&execution);
        }
        Ok(StartedExecution { execution_arn: arn, start_date: now })
    }

    fn express_limits(&self) -> Limits {
        Limits {
            execution_seconds_max: EXPRESS_SECONDS_MAX,
            // AWS counts the events of Standard executions alone.
            history_events_max: u64::MAX,
            ..self.config.limits.clone()
        }
    }

    async fn run_express(
        self: Arc<Self>,
        scope: Scope,
        program: Arc<Program>,
        mut execution: Execution,
        mut effects: Vec<Effect>,
    ) {
        let limits = self.express_limits();
        let (sender, mut inputs) = mpsc::unbounded_channel();
        let mut calls: BTreeMap<TaskId, CallHandle> = BTreeMap::new();
        while execution.status == Status::Running {
            calls.retain(|task, _| execution.task(*task).is_some());
            for effect in effects.drain(..) {
                if let Effect::CallService { task, request } = effect {
                    let call = self.service_call(&scope, &execution.parameters.arn, request);
                    calls.insert(task, self.call_express(task, call, &sender));
                } else {
                    self.perform_express(&scope, effect, &sender);
                }
            }
            let due = execution.next_due().unwrap_or(execution.start);
            let input = if execution.is_runnable() {
                tokio::task::yield_now().await;
                Input::Tick
            } else {
                tokio::select! {
                    Some(input) = inputs.recv() => input,
                    () = self.config.clock.sleep_until(due) => Input::Tick,
                    () = self.closing() => return,
                }
            };
            let mut random = self.random.fork();
            let now = self.now().max(execution.start);
            let mut env = StepEnv { now, random: &mut random, limits: &limits };
            effects = engine::step(&program, &mut execution, input, &mut env).effects;
        }
        log_end(&execution);
    }

    /// Begins a call, which goes on as long as the handle is there.
    fn call_express(
        self: &Arc<Self>,
        task: TaskId,
        call: ServiceCall,
        inputs: &mpsc::UnboundedSender<Input>,
    ) -> CallHandle {
        let (handle, broken_off) = oneshot::channel();
        let (shell, inputs) = (self.clone(), inputs.clone());
        self.spawn(async move {
            if let Some(input) = shell.answer(task, call, broken_off).await {
                // An execution that has ended meanwhile needs no answer.
                let _ = inputs.send(input);
            }
        });
        handle
    }

    fn perform_express(
        self: &Arc<Self>,
        scope: &Scope,
        effect: Effect,
        inputs: &mpsc::UnboundedSender<Input>,
    ) {
        let inputs = inputs.clone();
        match effect {
            Effect::StartChild { task, child } => {
                let (shell, scope) = (self.clone(), scope.clone());
                self.spawn(async move {
                    if let Some(input) = shell.start_nested(&scope, None, task, &child).await {
                        // An execution that has ended meanwhile needs no answer.
                        let _ = inputs.send(input);
                    }
                });
            }
            // The analysis of definitions refuses the patterns that lead here.
            Effect::OfferActivity { task, .. } | Effect::AwaitChild { task, .. } => {
                let cause = "An Express execution does not wait for activities or executions";
                let outcome = Err(Failure::new("States.Runtime", cause));
                let _ = inputs.send(Input::TaskFinished { task, outcome });
            }
            Effect::CallService { .. } | Effect::StopChild { .. } => {}
        }
    }
}

fn log_end(execution: &Execution) {
    tracing::debug!(arn = %execution.parameters.arn, status = ?execution.status, "ended");
}

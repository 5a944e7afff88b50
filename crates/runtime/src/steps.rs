//! Steps of an execution that nobody else can reach meanwhile: its first, and those of Express
//! executions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use asl::{Program, RegionIndex};
use engine::{
    Effect, Execution, Failure, Input, Limits, Mocks, Record, StartParameters, Step, StepEnv,
};
use rand_chacha::ChaCha8Rng;

use crate::clock::Now;
use crate::compute::LongWork;
use crate::shell::Shell;

/// What a step begins with.
pub(crate) enum Begin {
    /// A start, under a test case where there is one.
    Start(Box<StartParameters>, Option<Mocks>),
    /// The start of a child of a Map Run, which runs that item processor.
    StartMapChild(Box<StartParameters>, RegionIndex, Option<Mocks>),
    /// What arrives at an execution in memory that is there. A mistake of ours in the step fails
    /// this execution, and nothing else.
    Input(Box<Execution>, Input),
}

/// A step as the runtime takes it: as many of the engine's as its budget allows.
pub(crate) struct Steps {
    program: Arc<Program>,
    begin: Option<Begin>,
    /// Whether the execution fails where a step of it panics.
    fails_by_panic: bool,
    execution: Option<Box<Execution>>,
    now: Now,
    random: ChaCha8Rng,
    limits: Limits,
    /// Activities that the program names and that are not there.
    absent: Vec<Arc<str>>,
    work: u64,
    records: Vec<Record>,
    effects: Vec<Effect>,
}

/// What such a step gives.
pub(crate) struct Stepped {
    pub(crate) execution: Box<Execution>,
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
}

impl Shell {
    /// Takes a step; none where it panicked.
    pub(crate) async fn step(
        &self,
        program: &Arc<Program>,
        begin: Begin,
        now: Now,
        (limits, absent): (&Limits, Vec<Arc<str>>),
    ) -> Option<Stepped> {
        let steps = Steps {
            program: program.clone(),
            begin: Some(begin),
            fails_by_panic: false,
            execution: None,
            now,
            random: self.random.fork(),
            limits: limits.clone(),
            absent,
            work: 0,
            records: Vec::new(),
            effects: Vec::new(),
        };
        let Steps { execution, records, mut effects, .. } = self.compute.work(steps).await?;
        let execution = execution.expect("the step has begun it");
        effects.retain(|effect| effect.is_wanted(&execution));
        Some(Stepped { execution, records, effects })
    }
}

impl LongWork for Steps {
    fn may_be_long(&self) -> bool {
        self.program.may_be_long()
    }

    fn go_on(&mut self, work_max: u64) -> bool {
        let budget = self.limits.work_per_step;
        loop {
            let is_runnable = self.execution.as_ref().is_some_and(|it| it.is_runnable());
            if self.begin.is_none() && (!is_runnable || self.work >= budget) {
                return true;
            }
            if self.work >= work_max {
                return false;
            }
            let limits =
                Limits { work_per_step: budget.min(work_max) - self.work, ..self.limits.clone() };
            self.step(&limits);
        }
    }
}

impl Steps {
    fn step(&mut self, limits: &Limits) {
        let Now { shown: now, timers: timer_now } = self.now;
        let (program, random) = (&self.program, &mut self.random);
        let absent_activities = self.absent.as_slice();
        let mut env = StepEnv { now, timer_now, random, limits, absent_activities };
        let (execution, step) = match (self.begin.take(), self.execution.take()) {
            (Some(Begin::Start(parameters, mocks)), _) => {
                let (execution, step) = engine::start_mocked(program, *parameters, mocks, &mut env);
                (Box::new(execution), step)
            }
            (Some(Begin::StartMapChild(parameters, processor, mocks)), _) => {
                let (execution, step) =
                    engine::start_map_child(program, *parameters, processor, mocks, &mut env);
                (Box::new(execution), step)
            }
            (Some(Begin::Input(mut execution, input)), _) => {
                self.fails_by_panic = true;
                let step = step_or_fail(program, &mut execution, input, &mut env);
                (execution, step)
            }
            (None, Some(mut execution)) => {
                let step = match self.fails_by_panic {
                    true => step_or_fail(program, &mut execution, Input::Tick, &mut env),
                    false => engine::step(program, &mut execution, Input::Tick, &mut env),
                };
                (execution, step)
            }
            (None, None) => unreachable!("it begins with something"),
        };
        self.execution = Some(execution);
        self.work += step.work;
        self.records.extend(step.records);
        self.effects.extend(step.effects);
    }
}

/// A step that fails the execution where it panics.
fn step_or_fail(
    program: &Program,
    execution: &mut Execution,
    input: Input,
    env: &mut StepEnv<'_>,
) -> Step {
    let (last, now) = ((execution.last_event, execution.last_timestamp), env.now);
    let step = AssertUnwindSafe(|| engine::step(program, execution, input, env));
    catch_unwind(step).unwrap_or_else(|_| {
        tracing::error!(arn = %execution.parameters.arn, "a step of it panicked: it failed");
        let failure = Failure::new("States.Runtime", "Stairwell made a mistake");
        let records = vec![execution.fail_after_panic(last, failure, now)];
        Step { records, ..Step::default() }
    })
}

//! Deciding what the messages of one round lead to. Pure, but for the chance that it is given.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::{Activity, Effect, Execution, Input, Limits, Record, Status, StepEnv, Timestamp};
use rand_chacha::ChaCha8Rng;
use store::{Commit, Expected};

use crate::clock::Now;
use crate::compute::LongWork;
use crate::drive::commit;
use crate::live::{Answer, Ask, Held, Message, Report};
use crate::{ActivityTask, RedriveStatus, child};

/// What the messages of one round lead to.
pub(crate) struct Round {
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Effect>,
    /// One for each message that was taken; the others are for the next round.
    pub(crate) answers: Vec<Answer>,
    /// Whether there is to be a commit even without records, for the agenda's sake.
    moves_heartbeat: bool,
    /// Whether what the last commit meant to others may not have been seen to.
    pub(crate) recovers: bool,
    status_before: Status,
    /// Whether the execution ended in this round, for the first time or again.
    pub(crate) ends: bool,
    /// On the scale of timers.
    pub(crate) timer_now: Timestamp,
}

/// A round in the making: all messages that its budget allows, and what the execution then does by
/// itself.
pub(crate) struct Deciding {
    pub(crate) held: Box<Held>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) round: Round,
    /// Whether its state machine is gone.
    is_doomed: bool,
    /// Whether anything was taken: each round takes something.
    has_begun: bool,
    work: u64,
    limits: Limits,
    random: ChaCha8Rng,
    now: Now,
    absent: Vec<Arc<str>>,
}

impl Deciding {
    pub(crate) fn new(
        held: Box<Held>,
        messages: VecDeque<Message>,
        is_doomed: bool,
        now: Now,
        (limits, absent, random): (&Limits, Vec<Arc<str>>, ChaCha8Rng),
    ) -> Deciding {
        let round = Round {
            records: Vec::new(),
            effects: Vec::new(),
            answers: Vec::with_capacity(messages.len()),
            moves_heartbeat: false,
            recovers: false,
            status_before: held.header.status,
            ends: false,
            timer_now: now.timers,
        };
        let limits = limits.clone();
        Deciding {
            held,
            messages,
            round,
            is_doomed,
            has_begun: false,
            work: 0,
            limits,
            random,
            now,
            absent,
        }
    }

    /// What the execution takes next; none where it has all.
    fn next_input(&mut self) -> Option<Input> {
        if self.is_doomed && !self.has_begun {
            return Some(Input::Stopped(engine::Failure::default()));
        }
        while let Some(message) = self.messages.get(self.round.answers.len()) {
            let execution = &self.held.execution;
            let now = execution.not_before_last_event(self.now.shown);
            let (input, answer) =
                input_of(&message.ask, execution, self.is_doomed, &self.limits, now);
            self.round.moves_heartbeat |= matches!(input, Some(Input::Heartbeat { .. }));
            self.round.recovers |= matches!(message.ask, Ask::Recover);
            self.round.answers.push(answer);
            if input.is_some() {
                return input;
            }
        }
        let was_asked_nothing = self.messages.is_empty() && !self.has_begun;
        (was_asked_nothing || self.held.execution.is_runnable()).then_some(Input::Tick)
    }

    fn take(&mut self, input: Input, work_per_step: u64) {
        let limits = Limits { work_per_step, ..self.limits.clone() };
        let Now { shown: now, timers: timer_now } = self.now;
        let (random, absent_activities) = (&mut self.random, self.absent.as_slice());
        let mut env = StepEnv { now, timer_now, random, limits: &limits, absent_activities };
        let Held { program, execution, .. } = &mut *self.held;
        let step = engine::step(program, execution, input, &mut env);
        self.work += step.work;
        // A redrive may fail again at once.
        self.round.ends |= !step.records.is_empty() && execution.stop.is_some();
        self.round.records.extend(step.records);
        self.round.effects.extend(step.effects);
    }
}

impl LongWork for Deciding {
    fn may_be_long(&self) -> bool {
        self.held.program.may_be_long()
    }

    fn go_on(&mut self, work_max: u64) -> bool {
        let budget = self.limits.work_per_step;
        loop {
            if self.has_begun && self.work >= budget {
                break;
            }
            if self.has_begun && self.work >= work_max {
                return false;
            }
            let Some(input) = self.next_input() else { break };
            self.has_begun = true;
            self.take(input, budget.min(work_max).saturating_sub(self.work));
        }
        // What was asked for and given up again in one round need not be performed.
        let execution = &self.held.execution;
        self.round.effects.retain(|effect| effect.is_wanted(execution));
        true
    }
}

impl Round {
    /// The commit of this round, if there is anything to write.
    pub(crate) fn commit(&mut self, held: &mut Held) -> Option<Commit> {
        if self.records.is_empty() && !self.moves_heartbeat {
            return None;
        }
        let expected = Expected::At(held.header.revision);
        let records = std::mem::take(&mut self.records);
        Some(commit(held, expected, Some(self.status_before), records, self.timer_now))
    }
}

/// What a message is to the execution, and its answer once that is committed.
fn input_of(
    ask: &Ask,
    execution: &Execution,
    is_doomed: bool,
    limits: &Limits,
    now: Timestamp,
) -> (Option<Input>, Answer) {
    match ask {
        Ask::Recover => (Some(Input::Tick), Answer::Done),
        Ask::Input(input) => (Some(input.clone()), Answer::Done),
        Ask::ChildEnded { task, child } => {
            let awaited = execution.task(*task).and_then(|state| match &state.activity {
                Activity::Child(own) if own.child_arn.as_ref() == Some(&child.header.arn) => {
                    Some(own.request.pattern)
                }
                Activity::Child(_) | Activity::Worker { .. } | Activity::Service(_) => None,
            });
            let input = awaited.map(|pattern| {
                let outcome = child::outcome(child, pattern);
                Input::TaskFinished { task: *task, outcome }
            });
            (input, Answer::Done)
        }
        Ask::Stop(failure) => match execution.stop {
            Some(stop) => (None, Answer::Stopped(stop)),
            None => (Some(Input::Stopped(failure.clone())), Answer::Stopped(now)),
        },
        // Whoever redrove it wants it to run, whatever became of the task that awaited it.
        Ask::StopChild(_) if execution.redrives.count > 0 => (None, Answer::Done),
        Ask::StopChild(failure) => {
            let input = execution.stop.is_none().then(|| Input::Stopped(failure.clone()));
            (input, Answer::Done)
        }
        Ask::Redrive(client_token) => {
            let token = client_token.as_deref();
            if let Some(date) = token.and_then(|token| execution.redrives.answered(token, now)) {
                return (None, Answer::Redriven(Ok(date)));
            }
            match RedriveStatus::of_execution(execution, is_doomed, limits, now) {
                RedriveStatus::Redrivable | RedriveStatus::RedrivableByMapRun => {
                    let client_token = client_token.clone();
                    (Some(Input::Redriven { client_token }), Answer::Redriven(Ok(now)))
                }
                RedriveStatus::NotRedrivable(why) => (None, Answer::Redriven(Err(why))),
            }
        }
        Ask::TakeTask { task, worker_name } => {
            let offered = execution.task(*task).and_then(|state| match &state.activity {
                Activity::Worker { input, started: false, .. } => {
                    let token = state.token.clone()?;
                    Some(ActivityTask { token, input: input.clone() })
                }
                Activity::Worker { .. } | Activity::Child(_) | Activity::Service(_) => None,
            });
            let worker_name = worker_name.clone();
            let input =
                offered.is_some().then_some(Input::ActivityStarted { task: *task, worker_name });
            (input, Answer::Task(offered))
        }
        Ask::Report { token, report } => {
            let waited_for = execution.task_by_token(token).and_then(|_| token.task());
            let Some((_, task)) = waited_for else {
                return (None, Answer::Reported(false));
            };
            let input = match report {
                Report::Finished(outcome) => Input::TaskFinished { task, outcome: outcome.clone() },
                Report::Heartbeat => Input::Heartbeat { task },
            };
            (Some(input), Answer::Reported(true))
        }
    }
}

//! Driving an execution: take what waits for it, step, commit once, perform effects, answer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use engine::{
    Activity, Effect, Execution, ExecutionId, Failure, Input, Limits, Record, Status, StepEnv,
    Timestamp,
};
use store::{Agenda, Commit, ExecutionHeader, Expected, Revision, StoreError, encoding};

use crate::live::{Answer, Ask, Held, Message, Pushed, Report, Undone};
use crate::shell::{Backoff, Shell};
use crate::{ActivityTask, OperationalError, RedriveStatus, child};

/// A checkpoint is not worth its bytes below this size of records.
const CHECKPOINT_BYTES_MIN: usize = 4_096;

/// What the messages of one round lead to.
struct Round {
    records: Vec<Record>,
    effects: Vec<Effect>,
    /// One per message.
    answers: Vec<Answer>,
    /// Whether there is to be a commit even without records, for the agenda's sake.
    moves_heartbeat: bool,
    /// Whether what the last commit meant to others may not have been seen to.
    recovers: bool,
    status_before: Status,
    /// Whether the execution ended in this round, for the first time or again.
    ends: bool,
    /// On the scale of timers.
    timer_now: Timestamp,
}

/// Why a round came to nothing.
enum Setback {
    /// The store is away; the messages that are to be kept.
    Away(StoreError, Vec<Message>),
    /// Nothing more can be done for this execution.
    Broken,
}

impl Shell {
    /// Sees to it that the message reaches the execution.
    pub(crate) fn deliver(self: &Arc<Self>, id: ExecutionId, message: Message) {
        self.deliver_all(id, VecDeque::from([message]));
    }

    /// As [`Shell::deliver`], of messages that lead to one commit where nothing comes between.
    pub(crate) fn deliver_all(self: &Arc<Self>, id: ExecutionId, messages: VecDeque<Message>) {
        if self.is_closing() {
            return refuse_all(messages, &OperationalError::ShuttingDown);
        }
        match self.live.push(id, messages) {
            Pushed::Queued => {}
            Pushed::Drive(held) => self.spawn(self.clone().drive(id, held)),
            Pushed::Refused(messages) => refuse_all(messages, &OperationalError::Quarantined),
        }
    }

    /// Drives the execution until it can only wait. Whoever calls it has made it a driven one.
    pub(crate) async fn drive(self: Arc<Self>, id: ExecutionId, mut held: Option<Box<Held>>) {
        let _driving = Driving { shell: &self, id };
        let mut backoff = Backoff::default();
        while let Some(messages) = self.live.next(id, &mut held) {
            match self.round(id, &mut held, messages).await {
                Ok(()) => backoff.reset(),
                Err(Setback::Away(error, kept)) => {
                    held = None;
                    self.live.put_back(id, kept);
                    if !backoff.pause(&self, &error).await {
                        // What is not done now is done after the next start.
                        refuse_all(self.live.abandon(id), &OperationalError::ShuttingDown);
                        break;
                    }
                }
                Err(Setback::Broken) => break,
            }
        }
    }

    /// One round: all messages, one commit.
    async fn round(
        self: &Arc<Self>,
        id: ExecutionId,
        held: &mut Option<Box<Held>>,
        messages: VecDeque<Message>,
    ) -> Result<(), Setback> {
        loop {
            let current = match held {
                Some(current) => current,
                None => match self.load(id).await {
                    Ok(Some(loaded)) => held.insert(Box::new(loaded)),
                    Ok(None) => {
                        messages.into_iter().for_each(|it| it.answer(Err(Undone::Absent)));
                        return Ok(());
                    }
                    Err(error) => return Err(self.setback(id, error, messages)),
                },
            };
            let is_doomed = self.machine_is_gone(&current.header).await;
            let (scope, program) = (&current.header.scope, current.program.clone());
            let absent = match self.absent_activities(scope, &program).await {
                Ok(absent) => absent,
                Err(error) => return Err(self.setback(id, error, messages)),
            };
            let decide = || self.decide(current, &messages, is_doomed, &absent);
            let decide = AssertUnwindSafe(decide);
            let Ok(mut round) = catch_unwind(decide) else {
                self.quarantine(id, messages, "a step panicked");
                return Err(Setback::Broken);
            };
            let policy = self.log_policy(&current.header).await;
            let scope = &current.header.scope;
            let lines = self.log_lines(policy.as_ref(), scope, &current.execution, &round.records);
            if let Some(commit) = round.commit(current) {
                match self.commit(commit).await {
                    Ok(()) => {}
                    Err(StoreError::Conflict) => {
                        *held = None;
                        continue;
                    }
                    Err(error) => return Err(self.setback(id, error, messages)),
                }
            }
            self.send_log_lines(lines);
            for (message, answer) in messages.into_iter().zip(round.answers) {
                message.answer(Ok(answer));
            }
            let ends = current.header.stop.is_some() && (round.ends || round.recovers);
            if round.recovers {
                // What is asked twice is done once: see `effects`.
                round.effects.extend(current.execution.pending_effects());
            }
            self.committed(current, ends, round.effects).await;
            return Ok(());
        }
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Held>, StoreError> {
        let Some(loaded) = self.store.load(id).await? else {
            return Ok(None);
        };
        let header = &loaded.header;
        let standard = asl::WorkflowType::Standard;
        let program = self.program(&header.scope, header.definition, standard).await?;
        Ok(Some(Held::loaded(loaded, program)))
    }

    /// Steps through the messages. Pure, but for chance.
    fn decide(
        &self,
        held: &mut Held,
        messages: &VecDeque<Message>,
        is_doomed: bool,
        absent_activities: &[Arc<str>],
    ) -> Round {
        let instant = self.instant();
        let now = held.execution.not_before_last_event(instant.shown);
        let mut round = Round {
            records: Vec::new(),
            effects: Vec::new(),
            answers: Vec::with_capacity(messages.len()),
            moves_heartbeat: false,
            recovers: false,
            status_before: held.header.status,
            ends: false,
            timer_now: instant.timers,
        };
        let limits = &self.config.limits;
        let mut random = self.random.fork();
        let mut step = |execution: &mut Execution, input| {
            let mut env = StepEnv {
                now: instant.shown,
                timer_now: instant.timers,
                random: &mut random,
                limits,
                absent_activities,
            };
            engine::step(&held.program, execution, input, &mut env)
        };
        let mut take = |round: &mut Round, execution: &mut Execution, input| {
            let step = step(execution, input);
            // A redrive may fail again at once.
            round.ends |= !step.records.is_empty() && execution.stop.is_some();
            round.records.extend(step.records);
            round.effects.extend(step.effects);
        };
        if is_doomed {
            take(&mut round, &mut held.execution, Input::Stopped(Failure::default()));
        }
        for message in messages {
            let (input, answer) = input_of(&message.ask, &held.execution, is_doomed, limits, now);
            round.moves_heartbeat |= matches!(input, Some(Input::Heartbeat { .. }));
            round.recovers |= matches!(message.ask, Ask::Recover);
            if let Some(input) = input {
                take(&mut round, &mut held.execution, input);
            }
            round.answers.push(answer);
        }
        if messages.is_empty() {
            take(&mut round, &mut held.execution, Input::Tick);
        }
        round
    }

    /// What follows a commit; `ends` where it was the last one.
    pub(crate) async fn committed(
        self: &Arc<Self>,
        held: &mut Held,
        ends: bool,
        effects: Vec<Effect>,
    ) {
        self.timers.ring(held.execution.next_due());
        self.calls.break_off(&held.execution);
        self.offers.withdraw_gone(&held.execution);
        if ends {
            self.ended(held).await;
        }
        self.perform(held, effects).await;
    }

    /// What to do about a store that failed.
    fn setback(
        self: &Arc<Self>,
        id: ExecutionId,
        error: StoreError,
        messages: VecDeque<Message>,
    ) -> Setback {
        if let StoreError::Corrupt(place) = &error {
            self.quarantine(id, messages, place);
            return Setback::Broken;
        }
        let (waiting, mut kept): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| message.reply.is_some());
        for message in waiting {
            message.refuse(error.clone().into());
        }
        // The commit may have been written although its reply was lost.
        if !kept.iter().any(|message| matches!(message.ask, Ask::Recover)) {
            kept.push(Message::recover());
        }
        Setback::Away(error, kept)
    }

    fn quarantine(&self, id: ExecutionId, messages: VecDeque<Message>, reason: &str) {
        tracing::error!(execution = %id, reason, "the execution is quarantined");
        self.offers.withdraw(id, |_| true);
        refuse_all(messages, &OperationalError::Quarantined);
        refuse_all(self.live.quarantine(id), &OperationalError::Quarantined);
        self.map_runs.child_quarantined(id);
    }
}

/// Quarantines the execution where its driver panics outside of a step.
struct Driving<'a> {
    shell: &'a Shell,
    id: ExecutionId,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shell.quarantine(self.id, VecDeque::new(), "its driver panicked");
        }
    }
}

fn refuse_all(messages: VecDeque<Message>, error: &OperationalError) {
    for message in messages {
        message.refuse(error.clone());
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

impl Round {
    /// The commit of this round, if there is anything to write.
    fn commit(&mut self, held: &mut Held) -> Option<Commit> {
        if self.records.is_empty() && !self.moves_heartbeat {
            return None;
        }
        let expected = Expected::At(held.header.revision);
        let records = std::mem::take(&mut self.records);
        Some(commit(held, expected, Some(self.status_before), records, self.timer_now))
    }
}

/// The commit that brings the store to where the execution is now.
pub(crate) fn commit(
    held: &mut Held,
    expected: Expected,
    previous_status: Option<Status>,
    records: Vec<Record>,
    timer_now: Timestamp,
) -> Commit {
    let execution = &held.execution;
    let ExecutionHeader { status, stop, last_event, revision, redrive_count, redrive_date, .. } =
        &mut held.header;
    *status = execution.status;
    *stop = execution.stop;
    *last_event = execution.last_event;
    *redrive_count = execution.redrives.count;
    *redrive_date = execution.redrives.date;
    *revision = Revision(revision.0 + u32::from(!records.is_empty()));
    let agenda = agenda(execution, timer_now);
    let checkpoint = checkpoint(held, &records);
    let (header, resource) = (held.header.clone(), None);
    Commit { expected, header, previous_status, records, agenda, checkpoint, resource }
}

/// What comes next for the execution.
fn agenda(execution: &Execution, timer_now: Timestamp) -> Option<Agenda> {
    let has_effects = !execution.pending_effects().is_empty();
    if execution.status != Status::Running {
        return has_effects.then(|| Agenda { has_effects, ..Agenda::default() });
    }
    let due = if execution.is_runnable() { Some(timer_now) } else { execution.next_due() };
    Some(Agenda { due, has_effects, heartbeats: execution.heartbeat_deadlines().collect() })
}

/// The whole execution, where its records since the last checkpoint outweigh it.
fn checkpoint(held: &mut Held, records: &[Record]) -> Option<Vec<u8>> {
    if held.execution.status != Status::Running || records.is_empty() {
        return None;
    }
    held.record_bytes += encoding::encode_records(records).len();
    if held.record_bytes < held.state_bytes.max(CHECKPOINT_BYTES_MIN) {
        return None;
    }
    let state = encoding::encode_execution(&held.execution);
    held.state_bytes = state.len();
    if held.record_bytes < state.len() {
        return None;
    }
    held.record_bytes = 0;
    Some(state)
}

//! Driving an execution: take what waits for it, step, commit once, perform effects, answer.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::{Effect, Execution, ExecutionId, Record, Status, Timestamp};
use store::{Agenda, Commit, ExecutionHeader, Expected, Revision, StoreError, encoding};
use tokio::sync::OwnedSemaphorePermit;

use crate::OperationalError;
use crate::budget::Reserved;
use crate::decide::{Deciding, Round};
use crate::live::{Answer, Ask, Held, Message, Pushed, Undone};
use crate::shell::{Backoff, Shell};

/// A checkpoint is not worth its bytes below this size of records.
const CHECKPOINT_BYTES_MIN: usize = 4_096;

/// What a driver holds besides its execution.
pub(crate) struct Hold {
    /// Of the timers that woke it. A driver that has any stops after each round, and leaves what is
    /// left to the next timer, so that all that are due have their turn.
    permits: Vec<OwnedSemaphorePermit>,
    reserved: Reserved,
}

/// Why a round came to nothing.
enum Setback {
    /// The store is away; the messages that are to be kept.
    Away(StoreError, Vec<Message>),
    /// Nothing more can be done for this execution.
    Broken,
    /// Another node drives it, or will; the messages.
    Elsewhere(VecDeque<Message>),
}

impl Shell {
    /// Sees to it that the message reaches the execution.
    pub(crate) fn deliver(self: &Arc<Self>, id: ExecutionId, message: Message) {
        self.deliver_all(id, VecDeque::from([message]));
    }

    /// As [`Shell::deliver`], of messages that lead to one commit where nothing comes between.
    pub(crate) fn deliver_all(self: &Arc<Self>, id: ExecutionId, mut messages: VecDeque<Message>) {
        if self.is_closing() {
            return refuse_all(messages, &OperationalError::ShuttingDown);
        }
        let count = |message: &mut Message| message.count(&self.budget);
        messages.iter_mut().for_each(count);
        if self.store.is_here(id) {
            self.push(id, messages);
        } else {
            self.spawn(self.clone().route(id, messages, None));
        }
    }

    /// Gives messages to the driver of an execution whose home is held here.
    pub(crate) fn push(self: &Arc<Self>, id: ExecutionId, messages: VecDeque<Message>) {
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
        if held.take_if(|held| !self.is_still_held(held)).is_some() {
            // If it can go on, it is due, and the node that holds its home is given it.
            self.timers.ring(Some(self.instant().timers));
        }
        let mut hold = Hold { permits: Vec::new(), reserved: self.budget.take(0) };
        while let Some(messages) = self.live.next(id, &mut held, hold.permits.is_empty()) {
            match self.round(id, &mut held, messages, &mut hold).await {
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
                Err(Setback::Elsewhere(mut messages)) => {
                    messages.extend(self.live.abandon(id));
                    self.spawn(self.clone().route(id, messages, Some(StoreError::Elsewhere)));
                    break;
                }
            }
        }
    }

    /// Whether what is in memory of an execution is as the store has it: whether its home has not
    /// been lost since it was read.
    pub(crate) fn is_still_held(&self, held: &Held) -> bool {
        held.tenure.is_some() && self.store.tenure(held.header.id) == held.tenure
    }

    /// Leaves what follows a commit to the next round, which reads the execution anew: nothing is
    /// done outside, and nothing awaited, for an execution whose home may have been lost. To be
    /// called by its driver.
    pub(crate) fn follow_later(&self, id: ExecutionId) {
        self.live.put_back(id, vec![Message::recover()]);
    }

    /// One round: all messages that its budget allows, one commit.
    async fn round(
        self: &Arc<Self>,
        id: ExecutionId,
        held: &mut Option<Box<Held>>,
        mut messages: VecDeque<Message>,
        hold: &mut Hold,
    ) -> Result<(), Setback> {
        hold.permits.extend(messages.iter_mut().filter_map(|message| message.permit.take()));
        loop {
            let current = match held.take() {
                Some(current) => current,
                None => match self.load(id).await {
                    Ok(Some(loaded)) => Box::new(loaded),
                    Ok(None) => {
                        messages.into_iter().for_each(|it| it.answer(Err(Undone::Absent)));
                        return Ok(());
                    }
                    Err(error) => return Err(self.setback(id, error, messages)),
                },
            };
            hold.reserved.resize(current.weight());
            let is_doomed = self.machine_is_gone(&current.header).await;
            let (scope, program) = (&current.header.scope, current.program.clone());
            let absent = match self.absent_activities(scope, &program).await {
                Ok(absent) => absent,
                Err(error) => return Err(self.setback(id, error, messages)),
            };
            let facts = (&self.config.limits, absent, self.random.fork());
            let deciding = Deciding::new(current, messages, is_doomed, self.instant(), facts);
            let Some(decided) = self.compute.work(deciding).await else {
                // What was asked is lost with the step, which those who asked are told.
                self.quarantine(id, VecDeque::new(), "a step panicked");
                return Err(Setback::Broken);
            };
            let Deciding { held: mut current, messages: asked, mut round, .. } = decided;
            let policy = self.log_policy(&current.header).await;
            let scope = &current.header.scope;
            let lines = self.log_lines(policy.as_ref(), scope, &current.execution, &round.records);
            if let Some(commit) = round.commit(&mut current) {
                match self.commit(commit).await {
                    Ok(()) => {}
                    Err(StoreError::Conflict) => {
                        messages = asked;
                        continue;
                    }
                    Err(StoreError::Elsewhere) => return Err(Setback::Elsewhere(asked)),
                    Err(error) => return Err(self.setback(id, error, asked)),
                }
            } else if !self.is_still_held(&current) {
                // Without a commit, only the home says that the answers are true.
                return Err(Setback::Elsewhere(asked));
            }
            self.send_log_lines(lines);
            self.answer_all(id, asked, std::mem::take(&mut round.answers));
            if self.is_still_held(&current) {
                self.after_round(held.insert(current), round, hold).await;
            } else {
                self.follow_later(id);
            }
            return Ok(());
        }
    }

    /// Answers the messages that were taken, and keeps the others for the next round.
    fn answer_all(&self, id: ExecutionId, mut asked: VecDeque<Message>, answers: Vec<Answer>) {
        let later = asked.split_off(answers.len());
        for (message, answer) in asked.into_iter().zip(answers) {
            message.answer(Ok(answer));
        }
        self.live.put_back(id, later.into());
    }

    async fn after_round(self: &Arc<Self>, held: &mut Held, mut round: Round, hold: &mut Hold) {
        let ends = held.header.stop.is_some() && (round.ends || round.recovers);
        if round.recovers {
            // What is asked twice is done once: see `effects`.
            round.effects.extend(held.execution.pending_effects());
        }
        if held.header.stop.is_some() {
            // It may wait for others to stop, while timers go on.
            hold.permits.clear();
        } else if !hold.permits.is_empty() && held.execution.is_runnable() {
            self.timers.ring(Some(round.timer_now));
        }
        self.committed(held, ends, round.effects).await;
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Held>, StoreError> {
        let tenure = self.store.tenure(id);
        let Some(loaded) = self.store.load(id).await? else {
            return Ok(None);
        };
        let header = &loaded.header;
        let standard = asl::WorkflowType::Standard;
        let program = self.program(&header.scope, header.definition, standard).await?;
        Ok(Some(Held::loaded(loaded, program, tenure)))
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

pub(crate) fn refuse_all(messages: VecDeque<Message>, error: &OperationalError) {
    for message in messages {
        message.refuse(error.clone());
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
    let has_effects = execution.has_pending_effects();
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

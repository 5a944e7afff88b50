//! Which executions are being driven, what waits for them, and which stay in memory meanwhile.
//!
//! Promises: an execution is driven by at most one task at a time; an input that was taken in is
//! driven; an execution that waits costs nothing beyond its place in a bounded cache.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use asl::Program;
use engine::{Execution, ExecutionId, Failure, Input, TaskId, TaskToken, Timestamp};
use parking_lot::Mutex;
use store::cluster::Tenure;
use store::{Cache, ExecutionHeader, Loaded};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::budget::{Budget, Reserved};
use crate::{ActivityTask, ExecutionDescription, OperationalError};

/// How many locks the live executions are spread over.
const SHARDS: usize = 16;

/// What an execution takes besides its payloads, about.
const HELD_BYTES: usize = 2_048;

/// What a message takes besides its payload, about.
const MESSAGE_BYTES: usize = 256;

/// What arrives at an execution.
pub(crate) struct Message {
    pub(crate) ask: Ask,
    /// Who waits for the answer. A message that nobody waits for is kept until it is done, however
    /// long the store is away.
    pub(crate) reply: Option<oneshot::Sender<Reply>>,
    /// Of a message that a timer sent: what it has taken, for as long as the execution is driven.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// What it takes of the memory, until it is done.
    reserved: Option<Reserved>,
}

/// What is asked of an execution.
pub(crate) enum Ask {
    /// A commit failed that may have been written: look at what is there, and perform its effects.
    Recover,
    /// Time has passed, or an effect is answered.
    Input(Input),
    /// A nested execution has ended.
    ChildEnded { task: TaskId, child: Arc<ExecutionDescription> },
    /// StopExecution.
    Stop(Failure),
    /// The end of the execution that a task of another one awaited, and awaits no more.
    StopChild(Failure),
    /// RedriveExecution, with its `clientToken`.
    Redrive(Option<Arc<str>>),
    /// A worker is there for an activity's task.
    TakeTask { task: TaskId, worker_name: Option<Arc<str>> },
    /// A worker says something about the task of that token.
    Report { token: TaskToken, report: Report },
}

impl Ask {
    fn payload_bytes(&self) -> usize {
        match self {
            Ask::Input(Input::TaskSubmitted { output, .. }) => output.len_bytes(),
            Ask::Input(
                Input::TaskFinished { outcome, .. } | Input::MapRunFinished { outcome, .. },
            ) => outcome.as_ref().map_or(0, |output| output.len_bytes()),
            Ask::ChildEnded { child, .. } => {
                child.output.as_ref().map_or(0, |output| output.len_bytes())
            }
            _ => 0,
        }
    }
}

/// What a worker says.
pub(crate) enum Report {
    Finished(Result<json::Document, Failure>),
    Heartbeat,
}

/// What an execution answers, after its commit.
pub(crate) enum Answer {
    /// There is nothing to say.
    Done,
    /// When it stopped.
    Stopped(Timestamp),
    /// When it was redriven, or why it cannot be.
    Redriven(Result<Timestamp, &'static str>),
    /// The task, unless somebody else has it or it is gone.
    Task(Option<ActivityTask>),
    /// Whether the token's task is waited for.
    Reported(bool),
}

pub(crate) type Reply = Result<Answer, Undone>;

/// Why an execution does not answer.
#[derive(Debug)]
pub(crate) enum Undone {
    /// There is no such execution.
    Absent,
    Operational(OperationalError),
}

impl Message {
    pub(crate) fn new(ask: Ask, reply: Option<oneshot::Sender<Reply>>) -> Message {
        Message { ask, reply, permit: None, reserved: None }
    }

    pub(crate) fn recover() -> Message {
        Message::new(Ask::Recover, None)
    }

    pub(crate) fn input(input: Input) -> Message {
        Message::new(Ask::Input(input), None)
    }

    pub(crate) fn child_ended(task: TaskId, child: Arc<ExecutionDescription>) -> Message {
        Message::new(Ask::ChildEnded { task, child }, None)
    }

    /// Counts its memory while it waits. That of a message whose answer is waited for is counted
    /// with the request.
    pub(crate) fn count(&mut self, budget: &Arc<Budget>) {
        if self.reply.is_none() && self.reserved.is_none() {
            self.reserved = Some(budget.take(MESSAGE_BYTES + self.ask.payload_bytes()));
        }
    }

    pub(crate) fn answer(self, reply: Reply) {
        if let Some(waiting) = self.reply {
            // Who does not wait any more does not want to know.
            let _ = waiting.send(reply);
        }
    }

    pub(crate) fn refuse(self, error: OperationalError) {
        self.answer(Err(Undone::Operational(error)));
    }
}

/// An execution in memory: as its last commit left it, except while its driver is between a step
/// and the commit.
pub(crate) struct Held {
    pub(crate) header: ExecutionHeader,
    pub(crate) execution: Execution,
    pub(crate) program: Arc<Program>,
    /// Bytes of records since the last checkpoint.
    pub(crate) record_bytes: usize,
    /// Bytes of the whole execution, when it was last encoded.
    pub(crate) state_bytes: usize,
    /// Under which it was read: another node may have moved it on since that was lost.
    pub(crate) tenure: Option<Tenure>,
}

impl Held {
    pub(crate) fn loaded(loaded: Loaded, program: Arc<Program>, tenure: Option<Tenure>) -> Held {
        let Loaded { header, execution, record_bytes, checkpoint_bytes: state_bytes } = loaded;
        Held { header, execution, program, record_bytes, state_bytes, tenure }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        HELD_BYTES + self.state_bytes + self.record_bytes
    }
}

/// The live executions.
pub(crate) struct Live {
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    /// What waits for the executions that are driven now.
    driven: HashMap<ExecutionId, VecDeque<Message>>,
    /// Executions that wait, as many as there is room for.
    parked: Cache<ExecutionId, Box<Held>>,
    /// Executions that met a mistake in Stairwell, or cannot be read: no message reaches them.
    quarantined: HashSet<ExecutionId>,
}

/// What became of a message that was pushed.
pub(crate) enum Pushed {
    /// The driver will find it.
    Queued,
    /// The execution was not driven: the caller is to start its driver, with what is in memory.
    Drive(Option<Box<Held>>),
    /// It is quarantined.
    Refused(VecDeque<Message>),
}

impl Live {
    /// Keeps so many executions that wait, and so many bytes of them.
    pub(crate) fn new(parked_max: usize, parked_bytes_max: usize) -> Live {
        let shard = || Shard {
            driven: HashMap::new(),
            parked: Cache::new(parked_max / SHARDS, parked_bytes_max / SHARDS),
            quarantined: HashSet::new(),
        };
        Live { shards: std::array::from_fn(|_| Mutex::new(shard())) }
    }

    fn shard(&self, id: ExecutionId) -> &Mutex<Shard> {
        // The last byte is random.
        &self.shards[usize::from(id.0[15]) % SHARDS]
    }

    pub(crate) fn push(&self, id: ExecutionId, messages: VecDeque<Message>) -> Pushed {
        let mut shard = self.shard(id).lock();
        if let Some(inbox) = shard.driven.get_mut(&id) {
            inbox.extend(messages);
            return Pushed::Queued;
        }
        if shard.quarantined.contains(&id) {
            return Pushed::Refused(messages);
        }
        let held = shard.parked.remove(&id);
        shard.driven.insert(id, messages);
        Pushed::Drive(held)
    }

    /// Makes an execution that nobody knows yet a driven one, so that inputs wait for its driver.
    pub(crate) fn begin(&self, id: ExecutionId) {
        self.shard(id).lock().driven.insert(id, VecDeque::new());
    }

    /// The messages for the driver; none, for good, where there are none and the execution can only
    /// wait, or the driver does not go on with what is left. Then the execution is parked.
    pub(crate) fn next(
        &self,
        id: ExecutionId,
        held: &mut Option<Box<Held>>,
        goes_on: bool,
    ) -> Option<VecDeque<Message>> {
        let mut shard = self.shard(id).lock();
        let inbox = shard.driven.get_mut(&id)?;
        let is_runnable = || held.as_ref().is_some_and(|held| held.execution.is_runnable());
        if !inbox.is_empty() || goes_on && is_runnable() {
            return Some(std::mem::take(inbox));
        }
        shard.driven.remove(&id);
        if let Some(held) = held.take().filter(|held| held.header.stop.is_none()) {
            let weight = held.weight();
            shard.parked.insert(id, held, weight);
        }
        None
    }

    /// Whether it takes no more messages.
    pub(crate) fn is_quarantined(&self, id: ExecutionId) -> bool {
        self.shard(id).lock().quarantined.contains(&id)
    }

    /// Puts messages back, before those that came meanwhile.
    pub(crate) fn put_back(&self, id: ExecutionId, messages: Vec<Message>) {
        if let Some(inbox) = self.shard(id).lock().driven.get_mut(&id) {
            for message in messages.into_iter().rev() {
                inbox.push_front(message);
            }
        }
    }

    /// Keeps a new execution in memory, unless somebody got hold of it since its commit.
    pub(crate) fn park(&self, id: ExecutionId, held: Box<Held>) {
        let mut shard = self.shard(id).lock();
        if !shard.driven.contains_key(&id) && !shard.parked.contains(&id) {
            let weight = held.weight();
            shard.parked.insert(id, held, weight);
        }
    }

    /// Drops those that wait and of which that is so. Those that are driven find out by themselves.
    pub(crate) fn forget(&self, is_gone: impl Fn(ExecutionId) -> bool) {
        for shard in &self.shards {
            shard.lock().parked.retain(|id| !is_gone(*id));
        }
    }

    /// Ends the driving of an execution. Returns what waited for it.
    pub(crate) fn abandon(&self, id: ExecutionId) -> VecDeque<Message> {
        self.shard(id).lock().driven.remove(&id).unwrap_or_default()
    }

    /// As [`Live::abandon`], and takes no more messages for it.
    pub(crate) fn quarantine(&self, id: ExecutionId) -> VecDeque<Message> {
        let mut shard = self.shard(id).lock();
        shard.quarantined.insert(id);
        shard.driven.remove(&id).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(last_event: u64) -> Box<Held> {
        let definition = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
        let program = asl::compile(definition, asl::WorkflowType::Standard).program.unwrap();
        let id = ExecutionId([1; 16]);
        let text = || Arc::<str>::from("");
        let execution = Execution::new(engine::StartParameters {
            id,
            arn: text(),
            name: text(),
            state_machine_arn: text(),
            state_machine_name: text(),
            role_arn: text(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            input: json::Document::from_trusted_text("{}"),
        });
        let header = ExecutionHeader {
            id,
            scope: store::Scope { account: text(), region: text() },
            arn: text(),
            name: text(),
            machine: store::MachineId([0; 16]),
            state_machine_arn: text(),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            definition: store::DefinitionId([0; 16]),
            role_arn: text(),
            status: engine::Status::Running,
            start: Timestamp(0),
            stop: None,
            trace_header: None,
            started_by: None,
            parent: None,
            last_event: engine::EventId(last_event),
            redrive_count: 0,
            redrive_date: None,
            revision: store::Revision(1),
        };
        let loaded = Loaded { header, execution, record_bytes: 0, checkpoint_bytes: 0 };
        Box::new(Held::loaded(loaded, Arc::new(program), Some(Tenure(0))))
    }

    fn pushed(live: &Live) -> Option<u64> {
        match live.push(ExecutionId([1; 16]), [Message::recover()].into()) {
            Pushed::Drive(held) => held.map(|held| held.header.last_event.0),
            Pushed::Queued => panic!("queued"),
            Pushed::Refused(_) => panic!("refused"),
        }
    }

    #[test]
    fn an_execution_is_driven_by_one_and_parked_by_the_last() {
        let (live, id) = (Live::new(100, 1 << 20), ExecutionId([1; 16]));
        assert_eq!(pushed(&live), None);
        assert!(matches!(live.push(id, [Message::recover()].into()), Pushed::Queued));
        let mut mine = Some(held(7));
        assert_eq!(live.next(id, &mut mine, true).map(|messages| messages.len()), Some(2));
        // What came late, from the start, is older than what the driver has.
        live.park(id, held(2));
        assert!(live.next(id, &mut mine, true).is_none());
        live.park(id, held(2));
        assert_eq!(pushed(&live), Some(7));
    }

    #[test]
    fn what_has_ended_is_not_parked() {
        let (live, id) = (Live::new(100, 1 << 20), ExecutionId([1; 16]));
        assert_eq!(pushed(&live), None);
        let mut mine = Some(held(7));
        live.next(id, &mut mine, true).expect("a message");
        live.park(id, held(2));
        mine.as_mut().expect("held").header.stop = Some(Timestamp(1));
        assert!(live.next(id, &mut mine, true).is_none());
        assert_eq!(pushed(&live), None);
    }

    #[test]
    fn messages_that_are_put_back_come_first() {
        let (live, id) = (Live::new(100, 1 << 20), ExecutionId([1; 16]));
        assert_eq!(pushed(&live), None);
        let first = live.next(id, &mut None, true).expect("a message");
        live.push(id, [Message::input(Input::Tick)].into());
        live.put_back(id, first.into());
        let asks = live.next(id, &mut None, true).expect("two messages");
        assert!(matches!(asks[0].ask, Ask::Recover) && matches!(asks[1].ask, Ask::Input(_)));
    }

    #[test]
    fn what_is_quarantined_takes_no_messages() {
        let (live, id) = (Live::new(100, 1 << 20), ExecutionId([1; 16]));
        assert_eq!(pushed(&live), None);
        assert_eq!(live.quarantine(id).len(), 1);
        assert!(matches!(live.push(id, [Message::recover()].into()), Pushed::Refused(_)));
        assert!(live.next(id, &mut None, true).is_none());
    }
}

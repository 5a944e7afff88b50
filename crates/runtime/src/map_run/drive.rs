//! The driver of a Map Run: takes children, starts them, counts their ends, writes, and ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use asl::{Distributed, StateKind};
use engine::{
    Effect, Execution, ExecutionId, Failure, Input, MapRunRequest, Position, Status, TaskId,
    Timestamp,
};
use json::Document;
use store::cluster::Tenure;
use store::{
    ExecutionHeader, MapRunCounts, MapRunMark, MapRunOutcomes, MapRunRecord, MapRunStatus,
    StoreError,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::children::{
    Family, Names, RunningChild, Started, cut_outcome, distributed, express_outcome,
    standard_outcome,
};
use super::feed::{Child, Feed, Source};
use super::patience::{HeldHome, insist};
use super::progress::Progress;
use super::results::{StoredResults, gathered};
use super::{ChildEnd, Driving, MapRunName, Word};
use crate::child::Refusal;
use crate::express::{EXPRESS_BYTES, ExpressRun};
use crate::live::{Held, Message};
use crate::permission::Acting;
use crate::shell::Shell;
use crate::{Access, OpenItems, Permission, ReaderPosition, WriteResults};

/// Children that are started together.
const STARTED_TOGETHER: u64 = 64;

/// Groups of children that are being started at a time.
const GROUPS_MAX: usize = 16;

/// Ends of children that wait to be written: at this number they are.
const UNWRITTEN_MAX: usize = 1_000;
/// The same, in bytes of their inputs and outputs.
const UNWRITTEN_BYTES_MAX: usize = 1 << 20;

/// How long an end waits at most.
const UNWRITTEN_TIME: Duration = Duration::from_millis(250);

/// Why a driver stops early.
pub(super) enum Halt {
    /// The runtime closes: the run goes on after the next start.
    Closing,
    /// Nobody waits for the run any more.
    Stopped(Option<oneshot::Sender<()>>),
    /// The run has failed.
    Failed(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt::Failed(failure)
    }
}

/// A child that runs, of an Express run.
type ExpressEnd = (Child, Timestamp, Option<Execution>);

pub(super) struct Driver {
    shell: Arc<Shell>,
    driving: Driving,
    name: MapRunName,
    family: Arc<Family>,
    parent: ExecutionHeader,
    task: TaskId,
    /// Under which the home of the parent was held then.
    tenure: Option<Tenure>,
    /// The parent, as it was when it asked for the run.
    execution: Execution,
    request: MapRunRequest,
    inbox: mpsc::UnboundedReceiver<Word>,
    record: MapRunRecord,
    version: u64,
    /// Whether the run was there before this driver: it may have children that this one has not
    /// come to yet.
    is_resumed: bool,
    progress: Progress,
    /// The number of the next row of outcomes.
    row: u64,
    /// Where to begin to read.
    mark: Option<MapRunMark>,
    starts: JoinSet<Vec<Started>>,
    express: JoinSet<ExpressEnd>,
    /// What Express children that run were given, for when they are cut off.
    express_running: HashMap<u64, (Child, Timestamp)>,
    standard: HashMap<ExecutionId, RunningChild>,
    /// Ends of children that were told before their start was.
    early: HashMap<ExecutionId, ChildEnd>,
    /// Children that are being started, and their items.
    starting: (u64, u64),
    running_items: u64,
}

impl Driver {
    pub(super) fn new(
        driving: Driving,
        held: &Held,
        task: TaskId,
        request: &MapRunRequest,
        name: &MapRunName,
        inbox: mpsc::UnboundedReceiver<Word>,
    ) -> Driver {
        let shell = driving.shell.clone();
        let header = &held.header;
        let distributed = distributed(held, task);
        let is_express =
            distributed.is_some_and(|it| it.execution_type == asl::WorkflowType::Express);
        let frame = held.execution.frames.get(&task.frame);
        let redrive_count =
            frame.and_then(|frame| frame.map_run()).map_or(0, |run| run.redrive_count);
        let names = Names::of(&header.scope, name, is_express);
        let family = Family {
            state_machine_arn: names.state_machine_arn(),
            names,
            parent: header.id,
            definition: header.definition,
            role_arn: header.role_arn.clone(),
            program: held.program.clone(),
            processor: request.processor,
            mocks: held.execution.mocked.as_ref().map(|mocked| mocked.mocks.clone()),
            redrive_count,
        };
        let record = MapRunRecord {
            arn: request.arn.clone(),
            execution_arn: header.arn.clone(),
            execution: header.id,
            definition: header.definition,
            is_express,
            is_batched: distributed.is_some_and(|it| it.item_batcher.is_some()),
            status: MapRunStatus::Running,
            start: shell.now(),
            stop: None,
            max_concurrency: request.max_concurrency,
            tolerated_failure_count: request.tolerated_failure_count,
            tolerated_failure_percentage: request.tolerated_failure_percentage,
            item_counts: MapRunCounts::default(),
            execution_counts: MapRunCounts::default(),
            redrive_count: 0,
            redrive_date: None,
            result: None,
            failure: None,
        };
        let has_writer = distributed.is_some_and(|it| it.result_writer.is_some());
        let output_bytes_max = (!has_writer).then_some(shell.config.limits.payload_bytes_max);
        Driver {
            shell,
            driving,
            name: name.clone(),
            family: Arc::new(family),
            parent: header.clone(),
            task,
            tenure: held.tenure,
            execution: held.execution.clone(),
            request: request.clone(),
            inbox,
            record,
            version: 0,
            is_resumed: false,
            progress: Progress::new(output_bytes_max),
            row: 0,
            mark: None,
            starts: JoinSet::new(),
            express: JoinSet::new(),
            express_running: HashMap::new(),
            standard: HashMap::new(),
            early: HashMap::new(),
            starting: (0, 0),
            running_items: 0,
        }
    }

    /// Drives the run to its end, and tells the parent.
    pub(super) async fn drive(mut self) {
        let halt = match self.begin().await {
            Ok(false) => return self.tell_parent(),
            Ok(true) => match self.check_role().await {
                Ok(()) => self.run().await,
                Err(halt) => Err(halt),
            },
            Err(halt) => Err(halt),
        };
        let (outcome, stopped) = match halt {
            Ok(()) => (Ok(()), None),
            Err(Halt::Closing) => return,
            Err(Halt::Failed(failure)) => (Err(Some(failure)), None),
            Err(Halt::Stopped(reply)) => (Err(None), reply),
        };
        match self.end(outcome).await {
            Ok(()) => {
                self.tell_parent();
                if let Some(stopped) = stopped {
                    // Who does not wait any more does not want to know.
                    let _ = stopped.send(());
                }
            }
            // What is not done now is done after the next start.
            Err(Halt::Closing | Halt::Stopped(_)) => {}
            Err(Halt::Failed(failure)) => {
                tracing::error!(arn = %self.record.arn, ?failure, "a Map Run could not be ended");
            }
        }
    }

    /// Makes the run known, or reads how far it is. Says whether there is anything left to do.
    async fn begin(&mut self) -> Result<bool, Halt> {
        let scope = self.family.names.scope.clone();
        let name = self.name.clone();
        let (execution, started) = (self.parent.id, self.task.scheduled);
        let shell = self.shell.clone();
        insist(&shell, || shell.list_map_run(&scope, &name, execution, started)).await?;
        let record = self.record.clone();
        let made = insist(&shell, || async {
            match shell.write_map_run(&scope, &name, None, &record).await {
                Ok(version) => Ok((record.clone(), version, false)),
                Err(StoreError::Conflict) => match shell.read_map_run(&scope, &name).await? {
                    Some((record, version)) => Ok((record, version, true)),
                    None => Err(StoreError::Corrupt(format!("{} is gone", record.arn))),
                },
                Err(error) => Err(error),
            }
        });
        (self.record, self.version, self.is_resumed) = made.await?;
        let redrive_count = self.family.redrive_count;
        if self.record.redrive_count < redrive_count
            && self.record.status != MapRunStatus::Succeeded
        {
            self.record.redrive_count = redrive_count;
            self.record.redrive_date = Some(self.shell.now());
            self.record.status = MapRunStatus::Running;
            (self.record.stop, self.record.failure) = (None, None);
            self.write_record().await?;
        }
        if self.record.status != MapRunStatus::Running {
            return Ok(false);
        }
        let mut after = None;
        loop {
            let run = self.name.run;
            let rows = insist(&shell, || shell.map_run_outcomes(&scope, run, after)).await?;
            let Some((last, rows)) = rows else { break };
            after = Some(last);
            self.row = last + 1;
            for row in rows {
                if row.redrive_count == self.record.redrive_count {
                    self.mark = row.mark.clone().or(self.mark.take());
                }
                self.progress.recall(row, self.record.redrive_count);
            }
        }
        Ok(true)
    }

    /// What a write must find.
    fn held(&self) -> HeldHome {
        HeldHome { parent: self.parent.id, tenure: self.tenure }
    }

    /// What the role of the parent allows.
    fn access(&self) -> Access {
        Access::new(self.shell.clone(), Acting::from(&self.parent))
    }

    /// Checks that the role may start executions of its own state machine, and redrive the children
    /// of a run that is redriven.
    /// See <https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html>.
    async fn check_role(&self) -> Result<(), Halt> {
        let machine = self.parent.state_machine_arn.split('/').next().unwrap_or_default();
        let mut needed = vec![Permission::new("states:StartExecution", Some(machine.to_owned()))];
        if self.record.redrive_count > 0 && !self.record.is_express {
            let children = self.family.names.child_arn("*");
            let resource = Some(children.to_string());
            needed.push(Permission::new("states:RedriveExecution", resource));
        }
        let access = self.access();
        for permission in needed {
            let checked = tokio::select! {
                biased;
                checked = access.check(&permission) => checked,
                () = self.shell.closing() => return Err(Halt::Closing),
            };
            if let Err(message) = checked {
                let refusal = Refusal::access_denied(message);
                return Err(refusal.failure(&self.shell.random.uuid()).into());
            }
        }
        Ok(())
    }

    /// Runs every child.
    async fn run(&mut self) -> Result<(), Halt> {
        let mut feed = self.feed().await?;
        let mut unwritten_since = None;
        loop {
            self.check_threshold(&feed)?;
            self.start_more(&mut feed).await?;
            self.show(feed.items_waiting());
            if self.in_flight() == 0 && feed.is_exhausted() {
                return Ok(());
            }
            if self.progress.unwritten() > 0 {
                let since = *unwritten_since.get_or_insert_with(tokio::time::Instant::now);
                let is_due = self.progress.unwritten() >= UNWRITTEN_MAX
                    || self.progress.unwritten_bytes() >= UNWRITTEN_BYTES_MAX
                    || since.elapsed() >= UNWRITTEN_TIME;
                if is_due {
                    let mark = feed.mark(self.progress.first_open());
                    self.write_outcomes(mark).await?;
                    unwritten_since = None;
                }
            }
            if self.in_flight() > 0 {
                self.wait(unwritten_since.map(|since| since + UNWRITTEN_TIME)).await?;
            }
        }
    }

    async fn feed(&mut self) -> Result<Feed, Halt> {
        let source = match &self.request.items {
            Some(items) => Source::Data(items.clone()),
            None => {
                if self.request.items_max == MapRunRequest::ITEMS_MAX_NOT_POSITIVE {
                    let cause = "field MaxItems must be positive";
                    return Err(Failure::new("States.ItemReaderFailed", cause).into());
                }
                let data = self.shell.config.map_run_data.clone();
                let Some(data) = data else {
                    let cause = "Nothing in this process of Stairwell reads the items of Map Runs";
                    return Err(Failure::new("States.ItemReaderFailed", cause).into());
                };
                let open = data.0.open(self.open_items());
                let opened = tokio::select! {
                    biased;
                    opened = open => opened,
                    () = self.shell.closing() => return Err(Halt::Closing),
                };
                Source::Reader(opened?)
            }
        };
        let parent = (self.family.program.clone(), self.execution.clone(), self.task.frame);
        let run = (self.name.run, self.record.start);
        Ok(Feed::new(parent, run, self.shell.config.limits.clone(), source, self.mark.take()))
    }

    fn open_items(&self) -> OpenItems {
        let distributed = self.distributed();
        let reader = distributed.item_reader.as_ref().expect("items come from somewhere");
        OpenItems {
            scope: self.family.names.scope.clone(),
            access: self.access(),
            map_run_arn: self.request.arn.clone(),
            action: reader.action,
            parameters: self
                .request
                .reader_parameters
                .clone()
                .unwrap_or_else(|| Document::from_trusted_text("{}")),
            config: reader.config.clone(),
            position: self.mark.as_ref().map(|mark| ReaderPosition(mark.position.clone())),
        }
    }

    fn distributed(&self) -> &Distributed {
        let frame = self.execution.frames.get(&self.task.frame);
        let Some(Position::In { state, .. }) = frame.map(|frame| &frame.position) else {
            unreachable!("the frame waits for its Map Run");
        };
        match &self.family.program.state(*state).kind {
            StateKind::Map(map) => map.distributed.as_ref().expect("it has a Map Run"),
            _ => unreachable!("only a Map state has a Map Run"),
        }
    }

    fn in_flight(&self) -> u64 {
        self.starting.0 + (self.standard.len() + self.express_running.len()) as u64
    }

    /// Whether so many have failed that the run has.
    fn check_threshold(&self, feed: &Feed) -> Result<(), Halt> {
        let MapRunRecord { tolerated_failure_count, tolerated_failure_percentage, .. } =
            self.record;
        let failed = self.progress.items.unsuccessful();
        let by_count = match (tolerated_failure_count, tolerated_failure_percentage) {
            (0, percentage) if percentage > 0.0 => false,
            (count, _) => failed > count,
        };
        // Of how many it is a part is known when all are read.
        let total = self.progress.items.total()
            + self.running_items
            + self.starting.1
            + feed.items_waiting();
        let is_known = feed.is_exhausted() || self.request.items.is_some();
        let by_percentage = tolerated_failure_percentage > 0.0
            && is_known
            && failed as f64 * 100.0 > tolerated_failure_percentage * total as f64;
        if by_count || by_percentage {
            let cause = "The specified tolerated failure threshold was exceeded";
            return Err(Failure::new("States.ExceedToleratedFailureThreshold", cause).into());
        }
        Ok(())
    }

    /// Starts as many children as may run.
    async fn start_more(&mut self, feed: &mut Feed) -> Result<(), Halt> {
        loop {
            let limits = &self.shell.config.limits;
            let request = MapRunRequest {
                max_concurrency: self.record.max_concurrency,
                ..self.request.clone()
            };
            let free = request.concurrency(limits).saturating_sub(self.in_flight());
            let count = free.min(STARTED_TOGETHER);
            if count == 0 || feed.is_exhausted() || self.starts.len() >= GROUPS_MAX {
                return Ok(());
            }
            let children = tokio::select! {
                biased;
                children = feed.next(count as usize) => children?,
                () = self.shell.closing() => return Err(Halt::Closing),
            };
            let mut children: Vec<Child> = children
                .into_iter()
                .filter(|child| !self.progress.has_ended(child.index))
                .collect();
            for child in &mut children {
                child.failures_before = self.progress.failures_before(child.index);
            }
            if children.is_empty() {
                continue;
            }
            self.starting.0 += children.len() as u64;
            self.starting.1 += children.iter().map(|child| child.items).sum::<u64>();
            let keeps_outputs = self.progress.keeps_outputs();
            let shell = self.shell.clone();
            self.starts.spawn(shell.start_map_children(
                self.family.clone(),
                children,
                keeps_outputs,
            ));
        }
    }

    /// Waits until something happens.
    async fn wait(&mut self, until: Option<tokio::time::Instant>) -> Result<(), Halt> {
        let until = until.unwrap_or_else(|| tokio::time::Instant::now() + Duration::from_secs(60));
        tokio::select! {
            biased;
            () = self.shell.closing() => return Err(Halt::Closing),
            // Before the children that start and end, which may do so without a pause: an update
            // or a stop is not to wait for the last of them.
            word = self.inbox.recv() => {
                if let Some(word) = word {
                    self.hear(word).await?;
                }
                while let Ok(word) = self.inbox.try_recv() {
                    self.hear(word).await?;
                }
            }
            Some(started) = self.starts.join_next() => {
                // A task of ours panics, if ever, where a mistake of ours is caught.
                for started in started.unwrap_or_default() {
                    self.started(started)?;
                }
            }
            Some(ended) = self.express.join_next() => {
                if let Ok(ended) = ended {
                    self.express_ended(ended)?;
                }
            }
            () = tokio::time::sleep_until(until) => {}
        }
        Ok(())
    }

    fn started(&mut self, started: Started) -> Result<(), Halt> {
        let items = match &started {
            Started::Ended(ended) => ended.items,
            Started::Standard(running) => running.child.items,
            Started::Express(_, _, child) | Started::Lost(child) => child.items,
        };
        self.starting = (self.starting.0 - 1, self.starting.1 - items);
        match started {
            Started::Ended(ended) => {
                self.progress.add(ended);
            }
            Started::Standard(running) => match self.early.remove(&running.id) {
                Some(end) if end.redrive_count >= running.redrive_count => {
                    self.standard_ended(&running.child, end);
                }
                Some(_) | None if self.shell.live.is_quarantined(running.id) => {
                    self.quarantined(&running.child);
                }
                Some(_) | None => {
                    self.running_items += running.child.items;
                    self.standard.insert(running.id, running);
                }
            },
            Started::Express(execution, effects, child) => {
                self.run_express(*execution, effects, child);
            }
            Started::Lost(_) if self.shell.is_closing() => return Err(Halt::Closing),
            Started::Lost(child) => {
                let now = self.shell.now();
                let cause = "Stairwell made a mistake while it started the execution";
                let failure = Failure::new("States.Runtime", cause);
                self.progress.add(cut_outcome(&child, (now, now), Status::Failed, failure));
            }
        }
        Ok(())
    }

    fn run_express(&mut self, execution: Execution, effects: Vec<Effect>, child: Child) {
        self.running_items += child.items;
        let start = execution.start;
        self.express_running.insert(child.index, (child.clone(), start));
        let (sender, receiver) = oneshot::channel();
        let run = ExpressRun {
            scope: self.family.names.scope.clone(),
            program: self.family.program.clone(),
            policy: self.shell.child_log_policy(&self.family.state_machine_arn),
            trace_header: None,
            reserved: self.shell.budget.take(EXPRESS_BYTES + child.input.len_bytes()),
        };
        let run = self.shell.clone().run_express(run, execution, effects, Some(sender));
        self.express.spawn(async move {
            run.await;
            (child, start, receiver.await.ok())
        });
    }

    fn express_ended(&mut self, (child, start, execution): ExpressEnd) -> Result<(), Halt> {
        if self.express_running.remove(&child.index).is_some() {
            self.running_items -= child.items;
        }
        let outcome = match execution {
            Some(execution) => express_outcome(&execution, &child),
            None if self.shell.is_closing() => return Err(Halt::Closing),
            None => {
                let failure = Failure::new("States.Runtime", "Stairwell made a mistake");
                let stop = self.shell.now().max(start);
                cut_outcome(&child, (start, stop), Status::Failed, failure)
            }
        };
        self.progress.add(outcome);
        Ok(())
    }

    async fn hear(&mut self, word: Word) -> Result<(), Halt> {
        match word {
            Word::Ended(end) => match self.standard.get(&end.id) {
                Some(running) if end.redrive_count < running.redrive_count => {}
                Some(_) => {
                    if let Some(running) = self.standard.remove(&end.id) {
                        self.running_items -= running.child.items;
                        self.standard_ended(&running.child, end);
                    }
                }
                None if self.starting.0 > 0 => {
                    self.early.insert(end.id, end);
                }
                None => {}
            },
            Word::Quarantined(id) => {
                // One that is not known yet is looked at when its start is told.
                if let Some(running) = self.standard.remove(&id) {
                    self.running_items -= running.child.items;
                    self.quarantined(&running.child);
                }
            }
            Word::Stop(reply) => return Err(Halt::Stopped(Some(reply))),
            Word::Update(settings, reply) => {
                settings.apply(&mut self.record);
                self.write_record().await?;
                // Who does not wait any more does not want to know.
                let _ = reply.send(Ok(()));
            }
        }
        Ok(())
    }

    fn standard_ended(&mut self, child: &Child, end: ChildEnd) {
        let output = end.output.filter(|_| self.progress.keeps_outputs());
        let mut header = self.parent.clone();
        (header.status, header.start, header.stop) = (end.status, end.start, Some(end.stop));
        self.progress.add(standard_outcome(&header, child, output));
    }

    /// A child that will not end in this process has failed.
    fn quarantined(&mut self, child: &Child) {
        let now = self.shell.now();
        let cause = "The execution is quarantined: Stairwell made a mistake, or cannot read it";
        let failure = Failure::new("States.Runtime", cause);
        self.progress.add(cut_outcome(child, (now, now), Status::Failed, failure));
    }

    /// Shows how far the run is to those who ask.
    fn show(&mut self, items_waiting: u64) {
        let running = (self.standard.len() + self.express_running.len()) as u64;
        self.progress.write_counts(&mut self.record);
        self.record.item_counts.running = self.running_items;
        self.record.execution_counts.running = running;
        self.record.item_counts.pending = items_waiting + self.starting.1;
        let waiting = if self.record.is_batched { 0 } else { items_waiting };
        self.record.execution_counts.pending = waiting + self.starting.0;
        self.driving.show(&self.record);
    }

    async fn write_outcomes(&mut self, mark: Option<MapRunMark>) -> Result<(), Halt> {
        let children = self.progress.take_unwritten();
        if children.is_empty() {
            return Ok(());
        }
        let outcomes = MapRunOutcomes { redrive_count: self.record.redrive_count, mark, children };
        let (shell, scope, run) =
            (self.shell.clone(), self.family.names.scope.clone(), self.name.run);
        let row = self.row;
        let held = self.held();
        let write = async || {
            held.check(&shell)?;
            shell.write_map_run_outcomes(&scope, run, row, &outcomes).await
        };
        insist(&shell, write).await?;
        self.row += 1;
        Ok(())
    }

    async fn write_record(&mut self) -> Result<(), Halt> {
        let (shell, scope, name) =
            (self.shell.clone(), self.family.names.scope.clone(), self.name.clone());
        let (record, version) = (self.record.clone(), self.version);
        let held = self.held();
        let written = insist(&shell, || async {
            held.check(&shell)?;
            match shell.write_map_run(&scope, &name, Some(version), &record).await {
                // An answer was lost, and it is there: only its driver writes a run that is driven.
                Err(StoreError::Conflict) => match shell.read_map_run(&scope, &name).await? {
                    Some((_, version)) => {
                        shell.write_map_run(&scope, &name, Some(version), &record).await
                    }
                    None => Err(StoreError::Corrupt(format!("{} is gone", record.arn))),
                },
                written => written,
            }
        });
        self.version = written.await?;
        Ok(())
    }

    /// Stops what runs, writes the results, and writes that the run has ended: well, for a reason,
    /// or because nobody waits for it.
    async fn end(&mut self, outcome: Result<(), Option<Failure>>) -> Result<(), Halt> {
        if outcome.is_err() {
            self.stop_children().await?;
        }
        self.write_outcomes(None).await?;
        let outcome = match outcome {
            Ok(()) => self.result().await?.map_err(Some),
            Err(failure) => {
                // What the writer says of a run that has failed anyway changes nothing.
                let _ = self.write_results().await?;
                Err(failure)
            }
        };
        self.progress.count_unreached();
        self.progress.write_counts(&mut self.record);
        if outcome.is_err() && self.is_resumed && !self.record.is_express {
            let (shell, scope) = (self.shell.clone(), self.family.names.scope.clone());
            let counted =
                insist(&shell, || shell.stop_and_count(&scope, &self.name, &self.record)).await?;
            self.record = counted;
        }
        self.record.stop = Some(self.shell.now().max(self.record.start));
        match outcome {
            Ok(result) => {
                self.record.status = MapRunStatus::Succeeded;
                self.record.item_counts.results_written = self.progress.items.succeeded;
                self.record.execution_counts.results_written = self.progress.executions.succeeded;
                self.record.result = Some(result);
            }
            Err(Some(failure)) => {
                self.record.status = MapRunStatus::Failed;
                self.record.failure = Some(failure);
            }
            Err(None) => self.record.status = MapRunStatus::Aborted,
        }
        self.write_record().await
    }

    /// The result of the Map state.
    async fn result(&mut self) -> Result<Result<Document, Failure>, Halt> {
        if let Some(written) = self.write_results().await? {
            return Ok(written);
        }
        let (shell, family) = (self.shell.clone(), self.family.clone());
        let result = match self.progress.executions.unsuccessful() {
            0 => self.progress.result(),
            _ => insist(&shell, || gathered(&shell, &family)).await?,
        };
        Ok(result.ok_or_else(|| {
            let frame = self.execution.frames.get(&self.task.frame);
            let state = match frame.map(|frame| &frame.position) {
                Some(Position::In { state, .. }) => &*self.family.program.state(*state).name,
                _ => "",
            };
            Failure::data_limit_exceeded(state)
        }))
    }

    /// What the `ResultWriter` gives; none where there is none.
    async fn write_results(&mut self) -> Result<Option<Result<Document, Failure>>, Halt> {
        let Some(writer) = &self.distributed().result_writer else {
            return Ok(None);
        };
        let request = WriteResults {
            scope: self.family.names.scope.clone(),
            access: self.access(),
            map_run_arn: self.request.arn.clone(),
            target: self.request.writer_parameters.clone(),
            config: writer.config,
        };
        let Some(data) = self.shell.config.map_run_data.clone() else {
            let cause = "Nothing in this process of Stairwell writes the results of Map Runs";
            return Ok(Some(Err(Failure::new("States.ResultWriterFailed", cause))));
        };
        let mut results = StoredResults::new(self.shell.clone(), self.family.clone());
        let written = tokio::select! {
            biased;
            written = data.0.write(request, &mut results) => written,
            () = self.shell.closing() => return Err(Halt::Closing),
        };
        if self.shell.is_closing() {
            return Err(Halt::Closing);
        }
        Ok(Some(written))
    }

    /// Stops the children that run, and waits for their ends.
    async fn stop_children(&mut self) -> Result<(), Halt> {
        while !self.starts.is_empty() {
            if let Some(Ok(started)) = self.starts.join_next().await {
                for started in started {
                    self.started(started)?;
                }
            }
        }
        self.express.abort_all();
        let now = self.shell.now();
        for (child, start) in std::mem::take(&mut self.express_running).into_values() {
            let failure = Failure { error: None, cause: None };
            let stop = now.max(start);
            self.progress.add(cut_outcome(&child, (start, stop), Status::Aborted, failure));
        }
        let ids: Vec<ExecutionId> = self.standard.keys().copied().collect();
        self.shell.clone().stop_map_children(ids, &self.parent.arn).await;
        while !self.standard.is_empty() {
            match self.wait(None).await {
                Ok(()) | Err(Halt::Failed(_)) => {}
                Err(Halt::Closing) => return Err(Halt::Closing),
                // It is being done.
                Err(Halt::Stopped(reply)) => drop(reply),
            }
        }
        self.running_items = 0;
        Ok(())
    }

    fn tell_parent(&self) {
        let outcome = match self.record.status {
            MapRunStatus::Running => return,
            MapRunStatus::Succeeded => match &self.record.result {
                Some(result) => Ok(result.clone()),
                None => Err(Failure::named("States.Runtime")),
            },
            MapRunStatus::Failed | MapRunStatus::Aborted => {
                Err(self.record.failure.clone().unwrap_or(Failure { error: None, cause: None }))
            }
        };
        // A redrive, which may come at once, asks for the run again.
        self.driving.leave();
        let input = Input::MapRunFinished { task: self.task, outcome };
        self.shell.deliver(self.parent.id, Message::input(input));
    }
}

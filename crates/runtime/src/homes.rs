//! Executions that other nodes drive, and homes that come and go.
//!
//! Promises: a message reaches the node that holds the home of its execution, or is answered with
//! why not; what is in memory of a home that was lost is dropped.
//!
//! On one node all homes are here, and nothing of this runs.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engine::{ExecutionId, Home, TaskId};
use store::cluster::{Answer as NodeAnswer, Node, Notice, Place, Question};
use store::{ResourceKey, ResourceKind, StoreError};
use tokio::time::Instant;

use crate::live::Message;
use crate::network::NetworkError;
use crate::offers::Offer;
use crate::peers::reply_of;
use crate::shell::{Backoff, Shell};
use crate::{OperationalError, drive};

/// How long somebody waits for what must cross to another node before it is refused.
pub(crate) const CROSSING_MAX: Duration = Duration::from_secs(2);

/// How often a node asks again whether an execution elsewhere has ended that one here awaits.
const AWAITED_AGAIN: Duration = Duration::from_secs(60);

/// How long a worker's node waits before it asks the others again for a task: at first, and at
/// last.
const POLLED_AGAIN_MIN: Duration = Duration::from_millis(100);
const POLLED_AGAIN_MAX: Duration = Duration::from_secs(1);

/// How long a task that another node's worker may take stays out of its queue.
const LENT_FOR: Duration = Duration::from_secs(5);

impl Shell {
    /// Finds out who drives the execution, and hands the messages over; after an error, not at
    /// once.
    pub(crate) async fn route(
        self: Arc<Self>,
        id: ExecutionId,
        mut messages: VecDeque<Message>,
        mut error: Option<StoreError>,
    ) {
        let deadline = Instant::now() + CROSSING_MAX;
        let mut backoff = Backoff::default();
        loop {
            if let Some(error) = error.take() {
                if Instant::now() >= deadline {
                    messages = refuse_waiting(messages, &error);
                }
                if messages.is_empty() {
                    return;
                }
                if !backoff.pause(&self, &error).await {
                    return drive::refuse_all(messages, &OperationalError::ShuttingDown);
                }
            }
            error = Some(match self.store.locate(id).await {
                Ok(Place::Here) => return self.push(id, messages),
                Ok(Place::At(node)) => {
                    messages = self.hand_over(&node, id, messages).await;
                    let is_awaited = messages.iter().any(|message| message.reply.is_some());
                    if messages.is_empty() || !is_awaited && !self.may_wait(id).await {
                        return;
                    }
                    StoreError::Elsewhere
                }
                Err(error) => error,
            });
        }
    }

    /// Gives messages to the node that drives the execution. Returns those that it did not get, or
    /// that it says are not for it.
    async fn hand_over(
        &self,
        node: &Node,
        id: ExecutionId,
        messages: VecDeque<Message>,
    ) -> VecDeque<Message> {
        let mut kept = VecDeque::new();
        for message in messages {
            let Some(question) = message.ask.question(id) else { continue };
            match self.ask_node(node, &question).await {
                Ok(answer) => match reply_of(answer) {
                    Some(reply) => message.answer(reply),
                    None => kept.push_back(message),
                },
                Err(NetworkError::Lost) if message.reply.is_some() => {
                    let reason = format!("the node at {} did not answer", node.address);
                    message.refuse(StoreError::Unknown(reason).into());
                }
                Err(NetworkError::Lost | NetworkError::NotSent) => kept.push_back(message),
            }
        }
        kept
    }

    /// Hears what the store tells of other nodes. Ends when the runtime closes.
    pub(crate) async fn run_notices(self: Arc<Self>) {
        loop {
            let notice = tokio::select! {
                biased;
                () = self.closing() => return,
                notice = self.store.notice() => notice,
            };
            match notice {
                Notice::Lost(homes) => self.lose(homes),
                Notice::Taken(_) => {
                    self.timers.ring(Some(self.instant().timers));
                    self.tell_all_status_rows();
                }
                Notice::Nodes(nodes) => drop(self.nodes.send_replace(nodes)),
                Notice::Changed(keys) => self.forget_resources(&keys),
            }
        }
    }

    /// Drops what is in memory of homes that others hold now. What is under way for them is broken
    /// off: whoever takes them begins it again.
    fn lose(&self, homes: Vec<Home>) {
        tracing::warn!(homes = homes.len(), "homes of executions were lost to other nodes");
        let homes: BTreeSet<Home> = homes.into_iter().collect();
        // What was taken again meanwhile goes on, and has been recovered.
        let is_lost = |id: ExecutionId| homes.contains(&id.home()) && !self.store.is_here(id);
        self.live.forget(is_lost);
        self.offers.forget(is_lost);
        self.calls.forget(is_lost);
        self.effects.forget(is_lost);
        self.map_runs.forget(|parent, tenure| {
            homes.contains(&parent.home()) && self.store.tenure(parent) != tenure
        });
    }

    fn forget_resources(&self, keys: &[ResourceKey]) {
        for key in keys.iter().filter(|key| key.kind == ResourceKind::StateMachine) {
            self.forget_machine(key);
        }
        if let Some(guard) = &self.config.guard
            && keys.iter().any(|key| key.kind == ResourceKind::Identity)
        {
            guard.forget_subjects();
        }
    }

    /// A task of the activity that an execution on another node offers, once there is one. Waits
    /// for ever where there are no other nodes.
    pub(crate) async fn offer_elsewhere(&self, activity_arn: &Arc<str>) -> Offer {
        let mut pause = POLLED_AGAIN_MIN;
        loop {
            let nodes = self.nodes.borrow().clone();
            if self.config.network.is_none() || nodes.len() < 2 {
                let mut nodes = self.nodes.subscribe();
                nodes.changed().await.expect("the sender lives in the shell");
                continue;
            }
            // This node has nothing: who waits here would have got it.
            for node in self.other_nodes() {
                let question = Question::Poll { activity_arn: activity_arn.clone() };
                if let Ok(NodeAnswer::Offered { execution, task }) =
                    self.ask_node(&node, &question).await
                {
                    return Offer { execution, task };
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLLED_AGAIN_MAX);
        }
    }

    /// Gives a task of an activity to another node's worker for a while.
    pub(crate) fn lend_task(self: &Arc<Self>, activity_arn: &str) -> NodeAnswer {
        let Some(offer) = self.offers.lend(activity_arn).filter(|_| !self.is_closing()) else {
            return NodeAnswer::NoTask;
        };
        let shell = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LENT_FOR).await;
            shell.offers.give_back(offer);
        });
        NodeAnswer::Offered { execution: offer.execution, task: offer.task }
    }

    /// Sees to it that a task here learns of the end of an execution that another node drives.
    pub(crate) async fn await_elsewhere(
        self: Arc<Self>,
        (parent, task): (ExecutionId, TaskId),
        child: ExecutionId,
    ) {
        let mut nodes = self.nodes.subscribe();
        let mut backoff = Backoff::default();
        loop {
            let told = match self.store.header(child).await {
                Ok(Some(header)) if header.stop.is_none() => match self.may_wait(parent).await {
                    true => Ok(()),
                    false => return,
                },
                Ok(Some(_)) => match self.tell_stored_end((parent, task), child).await {
                    Ok(()) => return,
                    Err(error) => Err(error),
                },
                Ok(None) => return,
                Err(error) => Err(error),
            };
            if matches!(self.store.locate(parent).await, Ok(Place::At(_))) {
                // The node that drives the parent now awaits it.
                return;
            }
            let asked = match told.and(self.store.locate(child).await) {
                Ok(Place::Here) => self.await_here((parent, task), child).await,
                Ok(Place::At(node)) => {
                    let question = Question::Await { child, execution: parent, task };
                    match self.ask_node(&node, &question).await {
                        Ok(NodeAnswer::Done) => Ok(()),
                        Ok(_) | Err(_) => Err(StoreError::Elsewhere),
                    }
                }
                Err(error) => Err(error),
            };
            match asked {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    if !backoff.pause(&self, &error).await {
                        return;
                    }
                    continue;
                }
            }
            tokio::select! {
                biased;
                () = self.closing() => return,
                // Who drives it may be another one now.
                changed = nodes.changed() => changed.expect("the sender lives in the shell"),
                () = tokio::time::sleep(AWAITED_AGAIN) => {}
            }
        }
    }

    /// Remembers who awaits the end of an execution that is driven here, and tells it where that
    /// has come.
    pub(crate) async fn await_here(
        self: &Arc<Self>,
        waiter: (ExecutionId, TaskId),
        child: ExecutionId,
    ) -> Result<(), StoreError> {
        self.effects.add_waiter(child, waiter);
        // It may have ended before the waiter was there.
        self.tell_stored_end(waiter, child).await
    }

    /// Tells a task the end of an execution, where the store says that it has ended.
    pub(crate) async fn tell_stored_end(
        self: &Arc<Self>,
        waiter: (ExecutionId, TaskId),
        child: ExecutionId,
    ) -> Result<(), StoreError> {
        let header = self.store.header(child).await?;
        if let Some(header) = header.filter(|header| header.stop.is_some()) {
            let child = Arc::new(self.description(header).await?);
            self.tell_end(waiter, child);
        }
        Ok(())
    }
}

/// Refuses the messages whose answers are waited for. Returns the others.
fn refuse_waiting(messages: VecDeque<Message>, error: &StoreError) -> VecDeque<Message> {
    let (waiting, kept): (VecDeque<_>, VecDeque<_>) =
        messages.into_iter().partition(|message| message.reply.is_some());
    drive::refuse_all(waiting, &error.clone().into());
    kept
}

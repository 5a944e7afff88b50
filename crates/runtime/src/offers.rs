//! Tasks of activities that wait for workers, and workers that wait for tasks.
//!
//! Promises: first come, first served, on both sides; a task that was handed to a worker who went
//! away before it was committed is handed out again; a task that its execution no longer offers is
//! withdrawn with the commit that says so.
//!
//! Does not: keep anything. After a start the executions offer their tasks again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use engine::{Activity, EventId, Execution, ExecutionId, FrameId, TaskId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A task on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offer {
    pub(crate) execution: ExecutionId,
    pub(crate) task: TaskId,
}

/// The tasks of all activities.
#[derive(Debug)]
pub(crate) struct Offers {
    queues: Mutex<Queues>,
    pollers_max: usize,
}

#[derive(Debug, Default)]
struct Queues {
    // Never iterated.
    by_activity: HashMap<Arc<str>, Queue>,
    /// Where each task on offer stands: its activity, and its place in the queue. So a task that is
    /// offered again is there once, and those of an execution are found.
    places: BTreeMap<Offer, (Arc<str>, i64)>,
    /// Tasks that other nodes' workers have for a moment, to take them: in no queue, and put back
    /// unless they are taken or withdrawn.
    lent: BTreeMap<Offer, Arc<str>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// By place: those that went back to the head have places below those of the others.
    offers: BTreeMap<i64, Offer>,
    /// By arrival.
    pollers: BTreeMap<u64, oneshot::Sender<Handout>>,
    next_poller: u64,
}

/// A task in the hands of a worker. Unless it is taken, it goes back to the head of its queue.
#[derive(Debug)]
pub(crate) struct Handout {
    offers: Arc<Offers>,
    activity_arn: Arc<str>,
    offer: Option<Offer>,
}

/// A worker's place in the line.
#[derive(Debug)]
pub(crate) struct Poll {
    offers: Arc<Offers>,
    activity_arn: Arc<str>,
    number: u64,
    receiver: oneshot::Receiver<Handout>,
}

/// Too many workers poll.
#[derive(Debug, PartialEq)]
pub(crate) struct TooManyPollers;

impl Offers {
    pub(crate) fn new(pollers_max: usize) -> Offers {
        Offers { queues: Mutex::default(), pollers_max }
    }

    /// Puts a task at the end of the queue, unless it is there.
    pub(crate) fn offer(self: &Arc<Self>, activity_arn: &Arc<str>, offer: Offer) {
        self.put(activity_arn, offer, Queue::last_place);
    }

    /// Takes back the tasks of an execution that it does not offer any more, since they timed out,
    /// were given up, or were taken. To be called after each commit.
    pub(crate) fn withdraw_gone(&self, execution: &Execution) {
        self.withdraw(execution.id(), |task| {
            !execution.task(task).is_some_and(|state| {
                matches!(state.activity, Activity::Worker { started: false, .. })
            })
        });
    }

    /// Takes back the tasks of an execution, those that are gone.
    pub(crate) fn withdraw(&self, execution: ExecutionId, is_gone: impl Fn(TaskId) -> bool) {
        let task = |frame, scheduled| TaskId { frame: FrameId(frame), scheduled };
        let first = Offer { execution, task: task(0, EventId::NONE) };
        let last = Offer { execution, task: task(u32::MAX, EventId(u64::MAX)) };
        let queues = &mut *self.queues.lock();
        if !queues.lent.is_empty() {
            queues.lent.retain(|offer, _| offer.execution != execution || !is_gone(offer.task));
        }
        let offered = queues.places.range(first..=last).map(|(offer, _)| *offer);
        let gone: Vec<Offer> = offered.filter(|offer| is_gone(offer.task)).collect();
        for offer in gone {
            let Some((activity_arn, place)) = queues.places.remove(&offer) else { continue };
            if let Some(queue) = queues.by_activity.get_mut(&activity_arn) {
                queue.offers.remove(&place);
                if queue.is_idle() {
                    queues.by_activity.remove(&activity_arn);
                }
            }
        }
    }

    fn put(
        self: &Arc<Self>,
        activity_arn: &Arc<str>,
        offer: Offer,
        place: impl FnOnce(&Queue) -> i64,
    ) {
        let Queues { by_activity, places, .. } = &mut *self.queues.lock();
        let queue = by_activity.entry(activity_arn.clone()).or_default();
        if places.contains_key(&offer) {
            return;
        }
        let place = place(queue);
        queue.offers.insert(place, offer);
        places.insert(offer, (activity_arn.clone(), place));
        while let Some((_, poller)) = queue.pollers.pop_first() {
            let Some(handout) = self.hand_out(activity_arn, queue, places) else {
                return;
            };
            // Who has gone away meanwhile gets nothing, and the next in line does.
            let Err(mut handout) = poller.send(handout) else {
                return;
            };
            // Not by dropping it: the lock is held.
            if let Some(offer) = handout.offer.take() {
                let place = queue.first_place();
                queue.offers.insert(place, offer);
                places.insert(offer, (activity_arn.clone(), place));
            }
        }
    }

    fn hand_out(
        self: &Arc<Self>,
        activity_arn: &Arc<str>,
        queue: &mut Queue,
        places: &mut BTreeMap<Offer, (Arc<str>, i64)>,
    ) -> Option<Handout> {
        let (_, offer) = queue.offers.pop_first()?;
        places.remove(&offer);
        let (offers, activity_arn) = (self.clone(), activity_arn.clone());
        Some(Handout { offers, activity_arn, offer: Some(offer) })
    }

    /// Takes the oldest task out for another node's worker.
    pub(crate) fn lend(&self, activity_arn: &str) -> Option<Offer> {
        let queues = &mut *self.queues.lock();
        let queue = queues.by_activity.get_mut(activity_arn)?;
        let (_, offer) = queue.offers.pop_first()?;
        if queue.is_idle() {
            queues.by_activity.remove(activity_arn);
        }
        let (activity_arn, _) = queues.places.remove(&offer)?;
        queues.lent.insert(offer, activity_arn);
        Some(offer)
    }

    /// Puts a task that was lent back to the head of its queue, unless it was taken or withdrawn.
    pub(crate) fn give_back(self: &Arc<Self>, offer: Offer) {
        let lent = self.queues.lock().lent.remove(&offer);
        if let Some(activity_arn) = lent {
            self.put(&activity_arn, offer, Queue::first_place);
        }
    }

    /// Takes back the tasks of all executions of which that is so.
    pub(crate) fn forget(&self, is_gone: impl Fn(ExecutionId) -> bool) {
        let executions: BTreeSet<ExecutionId> = {
            let queues = self.queues.lock();
            let offers = queues.places.keys().chain(queues.lent.keys());
            offers.map(|offer| offer.execution).collect()
        };
        for execution in executions.into_iter().filter(|id| is_gone(*id)) {
            self.withdraw(execution, |_| true);
        }
    }

    /// The oldest task, or a place in the line of those who wait for one.
    pub(crate) fn poll(
        self: &Arc<Self>,
        activity_arn: &Arc<str>,
    ) -> Result<Result<Handout, Poll>, TooManyPollers> {
        let Queues { by_activity, places, .. } = &mut *self.queues.lock();
        let queue = by_activity.entry(activity_arn.clone()).or_default();
        if let Some(handout) = self.hand_out(activity_arn, queue, places) {
            return Ok(Ok(handout));
        }
        if queue.pollers.len() >= self.pollers_max {
            return Err(TooManyPollers);
        }
        let number = queue.next_poller;
        queue.next_poller += 1;
        let (sender, receiver) = oneshot::channel();
        queue.pollers.insert(number, sender);
        let (offers, activity_arn) = (self.clone(), activity_arn.clone());
        Ok(Err(Poll { offers, activity_arn, number, receiver }))
    }
}

impl Queue {
    /// Behind all that are there.
    fn last_place(&self) -> i64 {
        self.offers.last_key_value().map_or(0, |(place, _)| place + 1)
    }

    /// Before all that are there.
    fn first_place(&self) -> i64 {
        self.offers.first_key_value().map_or(0, |(place, _)| place - 1)
    }

    fn is_idle(&self) -> bool {
        self.offers.is_empty() && self.pollers.is_empty()
    }
}

impl Poll {
    /// The task, once there is one.
    pub(crate) async fn handout(&mut self) -> Option<Handout> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        {
            let queues = &mut self.offers.queues.lock().by_activity;
            if let Some(queue) = queues.get_mut(&self.activity_arn) {
                queue.pollers.remove(&self.number);
                if queue.is_idle() {
                    queues.remove(&self.activity_arn);
                }
            }
        }
        // What came in the last moment goes back, with the lock free.
        self.receiver.close();
        drop(self.receiver.try_recv());
    }
}

impl Handout {
    pub(crate) fn offer(&self) -> Offer {
        self.offer.expect("a handout holds its task until it is taken")
    }

    /// The task is the worker's, or gone: it does not go back.
    pub(crate) fn take(mut self) {
        self.offer = None;
    }
}

impl Drop for Handout {
    fn drop(&mut self) {
        if let Some(offer) = self.offer.take() {
            self.offers.clone().put(&self.activity_arn, offer, Queue::first_place);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::{EventId, FrameId};

    use super::*;

    fn offer(number: u8) -> Offer {
        let task = TaskId { frame: FrameId(0), scheduled: EventId(2) };
        Offer { execution: ExecutionId([number; 16]), task }
    }

    fn polled(offers: &Arc<Offers>, arn: &Arc<str>) -> Handout {
        offers.poll(arn).unwrap().expect("a task is on offer")
    }

    fn waiting(offers: &Arc<Offers>, arn: &Arc<str>) -> Poll {
        match offers.poll(arn) {
            Ok(Err(poll)) => poll,
            other => panic!("nothing is on offer, but {other:?}"),
        }
    }

    #[test]
    fn what_was_lent_comes_back_unless_it_was_taken() {
        let offers = Arc::new(Offers::new(10));
        let activity: Arc<str> = "a".into();
        assert_eq!(offers.lend("a"), None);
        let made = [1, 2, 3].map(|number| Offer {
            execution: ExecutionId([number; 16]),
            task: TaskId { frame: FrameId(0), scheduled: EventId(2) },
        });
        made.iter().for_each(|offer| offers.offer(&activity, *offer));
        let lent = [offers.lend("a"), offers.lend("a")];
        assert_eq!(lent, [Some(made[0]), Some(made[1])]);
        // The first is taken, the second is not.
        offers.withdraw(made[0].execution, |_| true);
        made[..2].iter().for_each(|offer| offers.give_back(*offer));
        assert_eq!(offers.lend("a"), Some(made[1]), "before those that came later");
        assert_eq!(offers.lend("a"), Some(made[2]));
        assert_eq!(offers.lend("a"), None);
    }

    #[test]
    fn tasks_are_handed_out_in_order_and_once() {
        let (offers, arn) = (Arc::new(Offers::new(10)), Arc::from("a"));
        for number in [1, 2, 1, 3] {
            offers.offer(&arn, offer(number));
        }
        for number in [1, 2, 3] {
            let handout = polled(&offers, &arn);
            assert_eq!(handout.offer(), offer(number));
            handout.take();
        }
        waiting(&offers, &arn);
        waiting(&offers, &Arc::from("b"));
        assert!(offers.queues.lock().by_activity.is_empty(), "idle queues are forgotten");
    }

    #[test]
    fn a_task_that_was_not_taken_goes_back_to_the_head() {
        let (offers, arn) = (Arc::new(Offers::new(10)), Arc::from("a"));
        offers.offer(&arn, offer(1));
        offers.offer(&arn, offer(2));
        drop(polled(&offers, &arn));
        assert_eq!(polled(&offers, &arn).offer(), offer(1));
    }

    #[tokio::test]
    async fn workers_are_served_in_order_and_those_who_left_are_not() {
        let (offers, arn) = (Arc::new(Offers::new(10)), Arc::from("a"));
        let first = waiting(&offers, &arn);
        let mut second = waiting(&offers, &arn);
        let third = waiting(&offers, &arn);
        drop(first);
        offers.offer(&arn, offer(1));
        offers.offer(&arn, offer(2));
        let handout = second.handout().await.unwrap();
        assert_eq!(handout.offer(), offer(1));
        // The third got the second task and leaves without having looked.
        drop(third);
        assert_eq!(polled(&offers, &arn).offer(), offer(2));
        handout.take();
    }

    #[test]
    fn what_an_execution_no_longer_offers_is_withdrawn() {
        let (offers, arn) = (Arc::new(Offers::new(10)), Arc::from("a"));
        let task = |scheduled| TaskId { frame: FrameId(0), scheduled: EventId(scheduled) };
        let of = |number, scheduled| Offer {
            execution: ExecutionId([number; 16]),
            task: task(scheduled),
        };
        for offer in [of(1, 2), of(2, 2), of(1, 9), of(3, 2)] {
            offers.offer(&arn, offer);
        }
        offers.withdraw(ExecutionId([1; 16]), |it| it == task(2));
        offers.withdraw(ExecutionId([3; 16]), |_| true);
        for expected in [of(2, 2), of(1, 9)] {
            let handout = polled(&offers, &arn);
            assert_eq!(handout.offer(), expected);
            handout.take();
        }
        waiting(&offers, &arn);
        offers.offer(&arn, of(1, 2));
        offers.withdraw(ExecutionId([1; 16]), |_| true);
        let queues = offers.queues.lock();
        assert!(queues.by_activity.is_empty() && queues.places.is_empty());
    }

    #[test]
    fn many_that_are_gone_cost_a_poll_nothing() {
        let (offers, arn) = (Arc::new(Offers::new(10)), Arc::from("a"));
        let of = |number: u32| {
            let execution = ExecutionId(u128::from(number).to_be_bytes());
            Offer { execution, task: TaskId { frame: FrameId(0), scheduled: EventId(2) } }
        };
        for number in 0..20_000 {
            offers.offer(&arn, of(number));
        }
        // Each execution's task times out, with its own commit; but that of the last one.
        for number in 0..19_999 {
            offers.withdraw(of(number).execution, |_| true);
        }
        assert_eq!(offers.queues.lock().places.len(), 1);
        let handout = polled(&offers, &arn);
        assert_eq!(handout.offer(), of(19_999), "the first that a worker gets is the one there is");
        handout.take();
    }

    #[test]
    fn the_line_has_an_end() {
        let (offers, arn) = (Arc::new(Offers::new(2)), Arc::from("a"));
        let places = [waiting(&offers, &arn), waiting(&offers, &arn)];
        assert_eq!(offers.poll(&arn).map(drop), Err(TooManyPollers));
        drop(places);
        waiting(&offers, &arn);
    }
}

//! Tasks of activities that wait for workers, and workers that wait for tasks.
//!
//! Promises: first come, first served, on both sides; a task that was handed to a worker who went
//! away before it was committed is handed out again.
//!
//! Does not: keep anything. After a start the executions offer their tasks again.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use engine::{ExecutionId, TaskId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A task on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Offer {
    pub(crate) execution: ExecutionId,
    pub(crate) task: TaskId,
}

/// The tasks of all activities.
#[derive(Debug)]
pub(crate) struct Offers {
    // Never iterated.
    queues: Mutex<HashMap<Arc<str>, Queue>>,
    pollers_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    offers: VecDeque<Offer>,
    /// Those in `offers`, so that a task that is offered again is there once.
    offered: HashSet<Offer>,
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
        Offers { queues: Mutex::new(HashMap::new()), pollers_max }
    }

    /// Puts a task at the end of the queue, unless it is there.
    pub(crate) fn offer(self: &Arc<Self>, activity_arn: &Arc<str>, offer: Offer) {
        self.put(activity_arn, offer, Queue::push_back);
    }

    fn put(
        self: &Arc<Self>,
        activity_arn: &Arc<str>,
        offer: Offer,
        push: impl FnOnce(&mut Queue, Offer),
    ) {
        let mut queues = self.queues.lock();
        let queue = queues.entry(activity_arn.clone()).or_default();
        if !queue.offered.insert(offer) {
            return;
        }
        push(queue, offer);
        while let Some((_, poller)) = queue.pollers.pop_first() {
            let Some(handout) = self.hand_out(activity_arn, queue) else {
                return;
            };
            // Who has gone away meanwhile gets nothing, and the next in line does.
            let Err(mut handout) = poller.send(handout) else {
                return;
            };
            // Not by dropping it: the lock is held.
            if let Some(offer) = handout.offer.take() {
                queue.offered.insert(offer);
                queue.push_front(offer);
            }
        }
    }

    fn hand_out(self: &Arc<Self>, activity_arn: &Arc<str>, queue: &mut Queue) -> Option<Handout> {
        let offer = queue.offers.pop_front()?;
        queue.offered.remove(&offer);
        let (offers, activity_arn) = (self.clone(), activity_arn.clone());
        Some(Handout { offers, activity_arn, offer: Some(offer) })
    }

    /// The oldest task, or a place in the line of those who wait for one.
    pub(crate) fn poll(
        self: &Arc<Self>,
        activity_arn: &Arc<str>,
    ) -> Result<Result<Handout, Poll>, TooManyPollers> {
        let mut queues = self.queues.lock();
        let queue = queues.entry(activity_arn.clone()).or_default();
        if let Some(handout) = self.hand_out(activity_arn, queue) {
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
    fn push_back(&mut self, offer: Offer) {
        self.offers.push_back(offer);
    }

    fn push_front(&mut self, offer: Offer) {
        self.offers.push_front(offer);
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
            let mut queues = self.offers.queues.lock();
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
            self.offers.clone().put(&self.activity_arn, offer, Queue::push_front);
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
        assert!(offers.queues.lock().is_empty(), "idle queues are forgotten");
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
    fn the_line_has_an_end() {
        let (offers, arn) = (Arc::new(Offers::new(2)), Arc::from("a"));
        let places = [waiting(&offers, &arn), waiting(&offers, &arn)];
        assert_eq!(offers.poll(&arn).map(drop), Err(TooManyPollers));
        drop(places);
        waiting(&offers, &arn);
    }
}

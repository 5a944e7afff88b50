//! From items to the inputs of child executions: reading, selecting, batching.
//!
//! Promises: the same items give the same children, also after a crash: what an `ItemSelector`
//! draws at random follows from the run and the item.

use std::collections::VecDeque;
use std::sync::Arc;

use asl::{Program, StateKind};
use engine::{
    Execution, Failure, FrameId, Limits, MapRunItem, MapRunRequest, Position, StepEnv, Timestamp,
};
use json::{Document, Object, Value};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use store::{MachineId, MapRunMark};

use crate::{Item, ItemReader};

/// `$$.Map.Item.Source` of items from the input of the state.
const STATE_DATA: &str = "STATE_DATA";

/// Items that are read at a time.
const READ_MAX: usize = 512;

/// A child execution to start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Child {
    pub(crate) index: u64,
    /// How many items it gets.
    pub(crate) items: u64,
    pub(crate) input: Document,
    /// How often it failed before the last redrive of the run.
    pub(crate) failures_before: u64,
}

/// Where items come from.
pub(crate) enum Source {
    /// An array or an object.
    Data(Document),
    Reader(Box<dyn ItemReader>),
}

/// An item after `ItemSelector`, and its number.
struct Selected {
    item: u64,
    input: Document,
}

/// Gives children, one after the other.
pub(crate) struct Feed {
    program: Arc<Program>,
    /// The parent, for the expressions of the Map state.
    execution: Execution,
    frame: FrameId,
    run: MachineId,
    start: Timestamp,
    limits: Limits,
    source: Source,
    /// What the next item that is read is.
    next_item: u64,
    next_child: u64,
    items_max: u64,
    /// Items before it belong to children that have ended.
    skip_to: u64,
    /// Whether there is an `ItemSelector`.
    selects: bool,
    is_read: bool,
    /// Read, and not given out.
    waiting: VecDeque<Selected>,
    /// Items at which reading began that may still be needed, and what the reader calls the place.
    places: VecDeque<(u64, Vec<u8>)>,
    marks: VecDeque<MapRunMark>,
}

impl Feed {
    pub(crate) fn new(
        (program, execution, frame): (Arc<Program>, Execution, FrameId),
        (run, start): (MachineId, Timestamp),
        limits: Limits,
        source: Source,
        mark: Option<MapRunMark>,
    ) -> Feed {
        let mut feed = Feed {
            program,
            execution,
            frame,
            run,
            start,
            limits,
            source,
            next_item: 0,
            next_child: 0,
            items_max: 0,
            skip_to: 0,
            selects: false,
            is_read: false,
            waiting: VecDeque::new(),
            places: VecDeque::new(),
            marks: VecDeque::new(),
        };
        let state = feed.execution.frames.get(&frame).map(|frame| &frame.position);
        if let Some(Position::In { state, .. }) = state
            && let StateKind::Map(map) = &feed.program.state(*state).kind
        {
            feed.selects = map.item_selector.is_some();
        }
        feed.items_max = match feed.request().items_max {
            0 => u64::MAX,
            items_max => items_max,
        };
        if let (Source::Reader(_), Some(mark)) = (&feed.source, mark) {
            (feed.next_item, feed.next_child) = (mark.item, mark.child);
            feed.skip_to = mark.child_item;
        }
        feed
    }

    /// The next children, `count` at most; none only where there are no more.
    ///
    /// # Errors
    /// The failure of the Map Run.
    pub(crate) async fn next(&mut self, count: usize) -> Result<Vec<Child>, Failure> {
        let mut children = Vec::new();
        while children.len() < count {
            match self.take_child()? {
                Some(child) => children.push(child),
                None if self.is_read => break,
                None => {
                    // What is there already need not wait for more.
                    if !children.is_empty() && self.waiting.is_empty() {
                        break;
                    }
                    self.read().await?;
                }
            }
        }
        Ok(children)
    }

    /// Whether every child was given out.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_read && self.waiting.is_empty()
    }

    /// How many items are read, or known to be there, that no child has yet.
    pub(crate) fn items_waiting(&self) -> u64 {
        let unread = match &self.source {
            Source::Data(_) if self.is_read => 0,
            Source::Data(items) => {
                let length = match items.value() {
                    Value::Array(items) => items.len() as u64,
                    Value::Object(members) => members.len() as u64,
                    _ => 0,
                };
                length.min(self.items_max).saturating_sub(self.next_item)
            }
            Source::Reader(_) => 0,
        };
        self.waiting.len() as u64 + unread
    }

    /// Where reading can begin again so that no child from that one on is missed.
    pub(crate) fn mark(&mut self, first_open: u64) -> Option<MapRunMark> {
        while self.marks.get(1).is_some_and(|next| next.child <= first_open) {
            self.marks.pop_front();
        }
        self.marks.front().filter(|mark| mark.child <= first_open).cloned()
    }

    fn request(&self) -> &MapRunRequest {
        let run = self.execution.frames.get(&self.frame).and_then(|frame| frame.map_run());
        &run.expect("the frame waits for its Map Run").request
    }

    fn is_batched(&self) -> bool {
        let request = self.request();
        request.batch_items_max > 0 || request.batch_bytes_max > 0
    }

    /// A child of what was read; none where that is too little.
    fn take_child(&mut self) -> Result<Option<Child>, Failure> {
        let index = self.next_child;
        let child = if self.is_batched() {
            self.take_batch()?
        } else {
            let Some(selected) = self.waiting.pop_front() else { return Ok(None) };
            Some((1, selected.input))
        };
        let Some((items, input)) = child else { return Ok(None) };
        if input.text().len() > self.limits.payload_bytes_max {
            return Err(too_large(&self.limits));
        }
        self.next_child += 1;
        Ok(Some(Child { index, items, input, failures_before: 0 }))
    }

    fn take_batch(&mut self) -> Result<Option<(u64, Document)>, Failure> {
        let request = self.request();
        let items_max = match request.batch_items_max {
            0 => usize::MAX,
            items_max => usize::try_from(items_max).unwrap_or(usize::MAX),
        };
        let bytes_max = match request.batch_bytes_max {
            0 => self.limits.payload_bytes_max,
            bytes_max => usize::try_from(bytes_max).unwrap_or(usize::MAX),
        };
        let head = match &request.batch_input {
            Some(input) => format!("{{\"BatchInput\":{},\"Items\":[", input.text()),
            None => "{\"Items\":[".to_owned(),
        };
        let mut bytes = head.len() + "]}".len();
        let mut count = 0;
        for selected in self.waiting.iter().take(items_max) {
            let more = selected.input.text().len() + usize::from(count > 0);
            if bytes + more > bytes_max {
                break;
            }
            bytes += more;
            count += 1;
        }
        let is_full = count == items_max || count < self.waiting.len();
        if !is_full && !self.is_read || self.waiting.is_empty() {
            return Ok(None);
        }
        if count == 0 {
            return Err(too_large(&self.limits));
        }
        let mut text = String::with_capacity(bytes);
        text.push_str(&head);
        for (position, selected) in self.waiting.drain(..count).enumerate() {
            text.push_str(if position > 0 { "," } else { "" });
            text.push_str(selected.input.text());
        }
        text.push_str("]}");
        Ok(Some((count as u64, Document::from_trusted_text(&text))))
    }

    /// Reads some more items.
    async fn read(&mut self) -> Result<(), Failure> {
        let left = self.items_max - self.next_item;
        let limit = usize::try_from(left).unwrap_or(usize::MAX).min(READ_MAX);
        let items = match (&mut self.source, limit) {
            (_, 0) => Vec::new(),
            (Source::Data(items), limit) => data_items(items.value(), self.next_item, limit),
            (Source::Reader(reader), limit) => {
                self.places.push_back((self.next_item, reader.position().0));
                let child_item = match self.waiting.front() {
                    Some(first) => first.item,
                    None => self.next_item.max(self.skip_to),
                };
                while self.places.get(1).is_some_and(|(item, _)| *item <= child_item) {
                    self.places.pop_front();
                }
                let child = self.next_child;
                let place = self.places.front().filter(|(item, _)| *item <= child_item);
                self.marks.extend(place.map(|(item, position)| {
                    let position = position.clone();
                    MapRunMark { child, child_item, item: *item, position }
                }));
                reader.read(limit).await?
            }
        };
        self.is_read = items.is_empty();
        for item in items {
            let number = self.next_item;
            self.next_item += 1;
            if number >= self.skip_to {
                let input = self.select(number, &item)?;
                self.waiting.push_back(Selected { item: number, input });
            }
        }
        Ok(())
    }

    fn select(&mut self, number: u64, item: &Item) -> Result<Document, Failure> {
        let Item { value, key, source } = item;
        if !self.selects {
            return Ok(value.clone());
        }
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&self.run.0);
        seed[16..24].copy_from_slice(&number.to_be_bytes());
        let mut random = ChaCha8Rng::from_seed(seed);
        let (now, limits) = (self.start, &self.limits);
        // Nothing is due in an item selector.
        let mut env =
            StepEnv { now, timer_now: now, random: &mut random, limits, absent_activities: &[] };
        // A selector sees the name and the value of a member apart.
        let of_member = key.as_ref().and_then(|_| value.value().get("Value").cloned());
        let of_member = of_member.map(Document::from);
        let value = of_member.as_ref().unwrap_or(value);
        let item = MapRunItem { index: number, value, key: key.as_deref(), source };
        engine::select_item(&self.program, &mut self.execution, self.frame, item, &mut env)
    }
}

/// Items of an array or an object, from that one on.
fn data_items(items: &Value, from: u64, limit: usize) -> Vec<Item> {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let source: Arc<str> = STATE_DATA.into();
    match items {
        Value::Array(items) => items
            .iter()
            .skip(from)
            .take(limit)
            .map(|value| Item {
                value: Document::from(value.clone()),
                key: None,
                source: source.clone(),
            })
            .collect(),
        Value::Object(members) => members
            .iter()
            .skip(from)
            .take(limit)
            .map(|(key, value)| {
                let mut pair = Object::new();
                pair.insert("Key", key.clone());
                pair.insert("Value", value.clone());
                let value = Document::from(Value::from(pair));
                Item { value, key: Some(key.clone()), source: source.clone() }
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn too_large(limits: &Limits) -> Failure {
    let cause = format!(
        "The input of a child workflow execution exceeds the maximum number of {} bytes.",
        limits.payload_bytes_max
    );
    Failure::new("States.DataLimitExceeded", cause)
}

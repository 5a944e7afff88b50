//! Map: inline, one iteration per item, so many at a time.

use asl::{DataFlow, Map, State, StateKind};
use json::{Document, Value};

use crate::context::{ItemView, Moment};
use crate::evaluate::{Fault, View};
use crate::limits::ITERATION_WORK;
use crate::step::{Ended, Stepper};
use crate::{EventId, EventKind, Frame, FrameId, MapItem};

/// What a Map state runs over.
pub(crate) struct Items {
    pub(crate) items: Document,
    pub(crate) length: u64,
    pub(crate) effective: Document,
    pub(crate) max_concurrency: u64,
}

impl Stepper<'_, '_> {
    pub(crate) fn map(
        &mut self,
        id: FrameId,
        state: &State,
        map: &Map,
        input: &Document,
        previous: EventId,
    ) -> Result<(), Ended> {
        if let Some(distributed) = &map.distributed {
            return self.distributed_map(id, state, (map, distributed), input, previous);
        }
        let items = match self.items(id, state, map, input) {
            Ok(items) => items,
            Err(fault) => return self.fail_with(id, fault, previous),
        };
        let Items { items, length, effective, max_concurrency } = items;
        let started = EventKind::MapStateStarted {
            length,
            items,
            input: effective,
            max_concurrency,
            processor: map.processor,
        };
        let started = self.emit(id, previous, started)?;
        if length == 0 {
            return self.join_empty(id, started, map.transition);
        }
        self.start_iterations(id, started)
    }

    /// Starts as many iterations as may run beside those that do.
    pub(crate) fn start_iterations(&mut self, id: FrameId, previous: EventId) -> Result<(), Ended> {
        let join = self.join_of(id);
        let limit = self.env.limits.inline_map_concurrency_max;
        let at_once = match join.map.as_ref().map_or(0, |map| map.max_concurrency) {
            0 => limit,
            max_concurrency => max_concurrency.min(limit),
        };
        let started = join.children.len() as u64;
        let room = at_once.saturating_sub(started - join.finished);
        for _ in 0..room.min(join.length - started) {
            self.start_next_iteration(id, previous)?;
        }
        Ok(())
    }

    pub(crate) fn items(
        &mut self,
        id: FrameId,
        state: &State,
        map: &Map,
        input: &Document,
    ) -> Result<Items, Fault> {
        let effective = self.effective_input(id, state, input)?;
        let max_concurrency =
            self.amount(id, &map.max_concurrency, "MaxConcurrency", &effective)?;
        let items = match &map.items {
            asl::Items::Input => effective.clone(),
            asl::Items::Path(path) => Document::from(self.at(id, path, &effective)?),
            asl::Items::Jsonata(template) => {
                let of_array =
                    ("array", |value: &Value| value.as_array().is_some().then(|| value.clone()));
                let view = View::of(&effective);
                let items = self.jsonata_of(id, template, "Items", view, of_array)?;
                Document::from(items)
            }
        };
        let Some(array) = items.value().as_array() else {
            return Err(not_an_array(state, map, &items));
        };
        let length = array.len() as u64;
        Ok(Items { items, length, effective, max_concurrency })
    }

    /// Starts the next iteration; `previous` is the event that made room for it. A failing item
    /// selector fails the Map state.
    fn start_next_iteration(&mut self, id: FrameId, previous: EventId) -> Result<(), Ended> {
        // The state may have failed while its first iterations were started.
        let Some(join) = self.execution.frames.get(&id).and_then(Frame::join) else {
            return Ok(());
        };
        let Some(items) = &join.map else { return Ok(()) };
        let state = self.state_of(id);
        let StateKind::Map(map) = &state.kind else {
            unreachable!("only a Map state has iterations");
        };
        let index = join.children.len() as u64;
        let value =
            &items.items.value().as_array().expect("the items are an array")[join.children.len()];
        let item = MapItem { index, value: Document::from(value.clone()) };
        let effective = items.input.clone();
        let input = match &map.item_selector {
            None => Ok(item.value.clone()),
            Some(selector) => {
                let moment = Moment { token: None, item: Some(ItemView::from(&item)) };
                let view = View { moment, ..View::of(&effective) };
                self.payload(id, selector, "ItemSelector", view)
            }
        };
        let input = match input {
            Ok(input) => input,
            Err(fault) => {
                self.abort_below(id, None, Some(previous))?;
                return self.fail_with(id, fault, previous);
            }
        };
        self.charge(ITERATION_WORK);
        let iteration = self.next_frame();
        let name = state.name.clone();
        let started = EventKind::MapIterationStarted { name, index, iteration, input };
        self.emit(id, previous, started)?;
        self.make_ready(iteration);
        Ok(())
    }

    /// Writes that an iteration succeeded and starts the next one where items are left; gives the
    /// event that the end of the Map state points to.
    pub(crate) fn iteration_done(
        &mut self,
        parent: FrameId,
        child: FrameId,
        last: EventId,
    ) -> Result<EventId, Ended> {
        let name = self.state_of(parent).name.clone();
        let index = self.execution.frame(child).index;
        let succeeded = EventKind::MapIterationSucceeded { name, index };
        let succeeded = self.emit(child, last, succeeded)?;
        let join = self.join_of(parent);
        if (join.children.len() as u64) < join.length {
            self.start_next_iteration(parent, last)?;
        }
        Ok(succeeded)
    }
}

/// What AWS says of items that are none.
pub(crate) fn not_an_array(state: &State, map: &Map, items: &Document) -> Fault {
    match (&state.data, &map.items) {
        (DataFlow::JsonPath(_), items) => {
            let path = if let asl::Items::Path(path) = items { path.text() } else { "$" };
            // Of a path into the context object, AWS names what comes after the first `$`.
            let path = path.strip_prefix('$').filter(|rest| rest.starts_with('$')).unwrap_or(path);
            Fault::runtime(format!("Reference path \"{path}\" must point to array."))
        }
        (DataFlow::Jsonata(_), _) => {
            let text = format!("Map state input must be an array but was: {}", items.text());
            Fault::query(None, text)
        }
    }
}

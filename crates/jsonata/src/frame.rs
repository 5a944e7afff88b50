//! Frames: where the variables of blocks, functions and tuples are while they are evaluated.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::node::{Place, Slot, TupleKey};
use crate::tuple::Tuple;
use crate::value::{Value, drop_without_recursion};

/// The innermost frame, if there is any. The frames around it hang on it.
pub(crate) type Frames = Option<Rc<Frame>>;

/// The variables of one block, one call or one tuple.
pub(crate) struct Frame {
    parent: Frames,
    content: Content,
    /// Whether a function holds it; such frames may be part of a cycle.
    captured: Cell<bool>,
}

enum Content {
    /// What is assigned; `None` for what is not yet.
    Slots(RefCell<Vec<Option<Value>>>),
    /// What a tuple binds.
    Tuple(Rc<Vec<(TupleKey, Value)>>),
}

impl Frame {
    /// A frame of so many variables, none assigned.
    pub(crate) fn with_slots(slots: u32, parent: &Frames) -> Frames {
        let slots = RefCell::new(vec![None; slots as usize]);
        Frame::new(Content::Slots(slots), parent)
    }

    /// What a tuple binds.
    pub(crate) fn of_tuple(tuple: &Tuple, parent: &Frames) -> Frames {
        Frame::new(Content::Tuple(tuple.bindings.clone()), parent)
    }

    fn new(content: Content, parent: &Frames) -> Frames {
        Some(Rc::new(Frame { parent: parent.clone(), content, captured: Cell::new(false) }))
    }

    /// Assigns the variable at that index of this frame.
    pub(crate) fn assign(&self, index: u32, value: Value) {
        if let Content::Slots(slots) = &self.content {
            slots.borrow_mut()[index as usize] = Some(value);
        }
    }

    /// Takes all variables out, which breaks cycles through this frame.
    pub(crate) fn clear(&self) -> Vec<Value> {
        match &self.content {
            Content::Slots(slots) => slots.take().into_iter().flatten().collect(),
            Content::Tuple(_) => Vec::new(),
        }
    }

    /// Marks it as held by a function; says whether it was not before.
    pub(crate) fn capture(&self) -> bool {
        !self.captured.replace(true)
    }

    fn value(&self, slot: Slot) -> Option<Value> {
        match (&self.content, slot) {
            (Content::Slots(slots), Slot::Index(index)) => {
                slots.borrow().get(index as usize).cloned().flatten()
            }
            (Content::Tuple(bindings), Slot::Tuple(key)) => {
                bindings.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }
}

/// The frame so many hops out.
fn out(frames: &Frames, hops: u32) -> Option<&Rc<Frame>> {
    let mut frame = frames.as_ref()?;
    for _ in 0..hops {
        frame = frame.parent.as_ref()?;
    }
    Some(frame)
}

/// The value at the first of those places that has one.
pub(crate) fn look_up(frames: &Frames, places: &[Place]) -> Option<Value> {
    places.iter().find_map(|place| out(frames, place.hops)?.value(place.slot))
}

/// Assigns the variable at that place.
pub(crate) fn assign(frames: &Frames, place: Place, value: Value) {
    if let (Some(frame), Slot::Index(index)) = (out(frames, place.hops), place.slot) {
        frame.assign(index, value);
    }
}

/// What the innermost tuple that knows it says about that parent.
pub(crate) fn ancestor(frames: &Frames, key: TupleKey) -> Option<Value> {
    let mut frame = frames.as_ref();
    while let Some(current) = frame {
        if let Some(value) = current.value(Slot::Tuple(key)) {
            return Some(value);
        }
        frame = current.parent.as_ref();
    }
    None
}

/// Hands the values of the frames to `doomed`, as far out as nobody else holds them.
pub(crate) fn doom(mut frames: Frames, doomed: &mut Vec<Value>) {
    while let Some(mut frame) = frames.and_then(Rc::into_inner) {
        doomed.extend(frame.clear());
        frames = frame.parent.take();
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut doomed = self.clear();
        doom(self.parent.take(), &mut doomed);
        drop_without_recursion(doomed);
    }
}

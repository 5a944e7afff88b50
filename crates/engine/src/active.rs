//! The frames that have not come to their end.

use std::collections::BTreeMap;

use crate::{Execution, Frame, FrameId, Position};

/// The frames that have not come to their end, in the order of their numbers. They follow from the
/// frames; but a Map state keeps thousands that have ended, and only these few are looked through
/// at every step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActiveFrames(Vec<FrameId>);

impl ActiveFrames {
    /// Those among these frames.
    pub fn of(frames: &BTreeMap<FrameId, Frame>) -> ActiveFrames {
        let is_active = |frame: &Frame| !matches!(frame.position, Position::Done { .. });
        let active = frames.iter().filter(|(_, frame)| is_active(frame));
        ActiveFrames(active.map(|(id, _)| *id).collect())
    }

    pub(crate) fn insert(&mut self, id: FrameId) {
        if let Err(at) = self.0.binary_search(&id) {
            self.0.insert(at, id);
        }
    }

    pub(crate) fn remove(&mut self, id: FrameId) {
        if let Ok(at) = self.0.binary_search(&id) {
            self.0.remove(at);
        }
    }
}

impl Execution {
    /// The frames that have not come to their end, in the order of their numbers.
    pub fn active_frames(&self) -> impl Iterator<Item = (FrameId, &Frame)> {
        self.active.0.iter().filter_map(|id| Some((*id, self.frames.get(id)?)))
    }
}

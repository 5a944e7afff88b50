//! How the states of a graph stand.

use std::collections::HashMap;

use graph::{Graph, NodeStatus, Statuses};

use crate::fold::Story;
use crate::step::{FrameIndex, Status, StepIndex};

impl Story {
    /// How the states of a graph stand, by the ids of their nodes; what was not reached is not in
    /// it. A state stands as its last visit does, and in iterations of a Map state as the worst of
    /// the last visits in them. Names of states are unique in a definition.
    pub fn statuses(&self, graph: &Graph) -> Statuses {
        let by_name = self.by_name();
        let mut statuses = Statuses::new();
        for node in graph.nodes.iter().filter(|node| !node.state_type.is_empty()) {
            if let Some(status) = by_name.get(&*node.name) {
                statuses.insert(node.id.clone(), *status);
            }
        }
        statuses
    }

    fn by_name(&self) -> HashMap<&str, NodeStatus> {
        let mut last = HashMap::<(FrameIndex, &str), StepIndex>::new();
        for (index, step) in self.steps().iter().enumerate() {
            last.insert((step.frame, &step.name), StepIndex(index));
        }
        // Frames begin before those in them.
        let mut is_current = vec![true; self.frames().len()];
        for (index, frame) in self.frames().iter().enumerate() {
            let Some(parent) = frame.parent else { continue };
            let step = self.step(parent);
            let is_last = last.get(&(step.frame, &*step.name)) == Some(&parent);
            let is_now = frame.start + 1 == step.attempts.len();
            is_current[index] = is_current[step.frame.0] && is_last && is_now;
        }
        let mut found = HashMap::<&str, (bool, NodeStatus)>::new();
        for ((frame, name), index) in last {
            let one = (is_current[frame.0], node_status(self.step(index).status));
            let known = found.entry(name).or_insert(one);
            // What is current first, then what is worst.
            *known = one.max(*known);
        }
        found.into_iter().map(|(name, (_, status))| (name, status)).collect()
    }
}

fn node_status(status: Status) -> NodeStatus {
    match status {
        Status::Running => NodeStatus::Running,
        Status::Succeeded => NodeStatus::Succeeded,
        Status::Caught => NodeStatus::Caught,
        Status::Failed => NodeStatus::Failed,
        Status::TimedOut => NodeStatus::TimedOut,
        Status::Aborted => NodeStatus::Aborted,
    }
}

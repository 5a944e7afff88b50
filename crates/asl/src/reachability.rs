//! Whether every state of a region can be reached, and whether it can end.

use crate::findings::Findings;
use crate::outline::{Outline, RegionOutline};
use crate::{Code, StateIndex};

/// Where a state leads, within its region.
#[derive(Default)]
pub(crate) struct Links {
    targets: Vec<StateIndex>,
    ends: bool,
    is_unknown: bool,
}

impl Links {
    /// Of a state that could not be read, or only that it ends its region.
    pub(crate) fn unknown(ends: bool) -> Links {
        Links { is_unknown: true, ends, ..Links::default() }
    }

    pub(crate) fn lead_to(&mut self, target: StateIndex) {
        self.targets.push(target);
    }

    /// The state ends its region.
    pub(crate) fn end(&mut self) {
        self.ends = true;
    }

    /// Something that says where the state leads was refused.
    pub(crate) fn set_unknown(&mut self) {
        self.is_unknown = true;
    }
}

/// What is known of `StartAt`.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    At(StateIndex),
    /// It names no state of the region.
    Dangling,
    /// It is missing, or no text.
    Unknown,
}

/// How the states of a definition hang together.
pub(crate) struct Graph<'l> {
    links: &'l [Links],
    reached: Vec<bool>,
    /// Whether a state other than itself leads there.
    is_target: Vec<bool>,
}

impl<'l> Graph<'l> {
    /// The graph of all states, by their numbers.
    pub(crate) fn new(links: &'l [Links]) -> Self {
        let mut is_target = vec![false; links.len()];
        for (from, links) in links.iter().enumerate() {
            for target in &links.targets {
                is_target[target.0 as usize] |= target.0 as usize != from;
            }
        }
        Graph { links, reached: vec![false; links.len()], is_target }
    }

    /// Checks a region.
    ///
    /// As AWS does, it calls for a state that ends the region whatever else is wrong. No state is
    /// called unreachable where a mistake hides where another leads: that would be a guess, and the
    /// mistake itself is reported already.
    pub(crate) fn check<'a>(
        &mut self,
        outline: &Outline<'a>,
        region: &RegionOutline<'a>,
        start: Start,
        findings: &mut Findings<'a>,
    ) {
        let mut members: Vec<StateIndex> = region.states.values().copied().collect();
        members.sort();
        if !region.has_states {
            return;
        }
        if !members.iter().any(|index| self.links(*index).ends) {
            let message = "Workflow has no terminal state";
            findings
                .error_at_end_of(Code::MissingEndState, region.fields.place(), message)
                .help("give a state \"End\": true, or add a Succeed or Fail state and lead to it");
            return;
        }
        if members.iter().any(|index| self.links(*index).is_unknown) {
            return;
        }
        match start {
            Start::At(index) => self.reach(index),
            Start::Dangling => {}
            Start::Unknown => return,
        }
        for index in self.unreachable(&members) {
            let state = &outline.states[index.0 as usize];
            let message = format_args!("State \"{}\" is not reachable.", state.name);
            findings.error_with(Code::MissingTransitionTarget, &state.place, message).help(
                "let \"Next\", \"Default\" or \"Catch\" of another state lead to it, or remove it",
            );
        }
    }

    fn links(&self, index: StateIndex) -> &'l Links {
        &self.links[index.0 as usize]
    }

    fn reach(&mut self, from: StateIndex) {
        let mut open = vec![from];
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut self.reached[index.0 as usize], true) {
                open.extend(&self.links(index).targets);
            }
        }
    }

    /// The states with which the parts that are cut off begin. What can be reached from one of
    /// them is not named: it is in order once the named one is.
    fn unreachable(&mut self, members: &[StateIndex]) -> Vec<StateIndex> {
        let mut beginnings = Vec::new();
        // First those that nothing leads to, then one of each circle that is left.
        for only_sources in [true, false] {
            for index in members {
                let at = index.0 as usize;
                let counts = !(only_sources && self.is_target[at]);
                if counts && !self.reached[at] {
                    beginnings.push(*index);
                    self.reach(*index);
                }
            }
        }
        beginnings
    }
}

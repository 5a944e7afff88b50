//! The skeleton of a definition: which regions and states there are, and their numbers.
//!
//! Numbers come first because a state may lead to one that stands further down. After this, the
//! states are a flat list, however deep they are nested.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use json::{Object, Value};

use crate::fields::{BRANCH, Fields, MACHINE, PROCESSOR, Table, expect_object};
use crate::findings::Findings;
use crate::language::QueryLanguage;
use crate::place::Place;
use crate::{Code, RegionIndex, StateIndex, StateType};

/// How deep regions may be nested. AWS has a limit and does not publish it.
const REGION_DEPTH_MAX: usize = 50;
/// In characters.
const STATE_NAME_LENGTH_MAX: usize = 80;

/// The regions and states of a definition, each in the order of its numbers.
#[derive(Default)]
pub(crate) struct Outline<'a> {
    pub(crate) regions: Vec<RegionOutline<'a>>,
    pub(crate) states: Vec<StateOutline<'a>>,
}

/// A region that is to be compiled.
pub(crate) struct RegionOutline<'a> {
    pub(crate) owner: Option<StateIndex>,
    pub(crate) fields: Fields<'a>,
    /// Whether there is an object of states, be it an empty one.
    pub(crate) has_states: bool,
    pub(crate) states: BTreeMap<&'a str, StateIndex>,
}

/// A state that is to be compiled.
pub(crate) struct StateOutline<'a> {
    pub(crate) name: &'a Arc<str>,
    pub(crate) region: RegionIndex,
    pub(crate) place: Place<'a>,
    /// None where something else stands in its place, which was reported.
    pub(crate) object: Option<&'a Object>,
    /// Of its branches, or of its item processor.
    pub(crate) regions: Vec<RegionIndex>,
}

impl<'a> Outline<'a> {
    /// The outline of a whole definition.
    pub(crate) fn of(
        definition: &'a Object,
        language: QueryLanguage,
        findings: &mut Findings<'a>,
    ) -> Outline<'a> {
        let outline = Outline::default();
        let mut reader = Reader { outline, names: BTreeSet::new(), language, findings };
        reader.region(definition, MACHINE, Place::root(), None, 0);
        reader.outline
    }

    /// The region of that number.
    pub(crate) fn region(&self, index: RegionIndex) -> &RegionOutline<'a> {
        &self.regions[index.0 as usize]
    }
}

struct Reader<'f, 'a> {
    outline: Outline<'a>,
    names: BTreeSet<&'a str>,
    language: QueryLanguage,
    findings: &'f mut Findings<'a>,
}

impl<'a> Reader<'_, 'a> {
    fn region(
        &mut self,
        object: &'a Object,
        table: Table,
        place: Place<'a>,
        owner: Option<StateIndex>,
        depth: usize,
    ) -> RegionIndex {
        let index = RegionIndex(number(self.outline.regions.len()));
        let fields = Fields::check(object, table, self.language, place, self.findings);
        let states = fields.located("States");
        let has_states = object.get("States").is_some_and(|states| states.as_object().is_some());
        let outline = RegionOutline { owner, fields, has_states, states: BTreeMap::new() };
        self.outline.regions.push(outline);
        if let Some((Value::Object(states), place)) = states {
            for (name, value) in states.iter() {
                self.state(name, value, place.member(name), index, depth);
            }
        }
        index
    }

    fn state(
        &mut self,
        name: &'a Arc<str>,
        value: &'a Value,
        place: Place<'a>,
        region: RegionIndex,
        depth: usize,
    ) {
        let index = StateIndex(number(self.outline.states.len()));
        self.outline.regions[region.0 as usize].states.insert(name, index);
        self.check_name(name, &place);
        let object = expect_object(value, &place, self.findings);
        self.outline.states.push(StateOutline {
            name,
            region,
            place: place.clone(),
            object,
            regions: Vec::new(),
        });
        let Some(object) = object else { return };
        let regions = match state_type(object) {
            Some(StateType::Parallel) => self.branches(object, &place, index, depth),
            Some(StateType::Map) => self.processor(object, &place, index, depth),
            _ => Vec::new(),
        };
        self.outline.states[index.0 as usize].regions = regions;
    }

    fn check_name(&mut self, name: &'a str, place: &Place<'a>) {
        if name.is_empty() {
            let message = "Invalid State name: a state name must not be empty";
            self.findings.error_with(Code::InvalidStateName, place, message);
        }
        if name.chars().count() > STATE_NAME_LENGTH_MAX {
            let message = format_args!(
                "Invalid State name: State '{name}' exceeds the {STATE_NAME_LENGTH_MAX}-character \
                 limit allowed by the service"
            );
            self.findings.error_with(Code::InvalidStateName, place, message);
        }
        if !self.names.insert(name) {
            let message = format_args!("Duplicate State name: {name}");
            self.findings.error_with(Code::DuplicateStateName, place, message).help(
                "rename one of the two: names are unique in the whole definition, branches and \
                 item processors included",
            );
        }
    }

    fn branches(
        &mut self,
        object: &'a Object,
        place: &Place<'a>,
        owner: StateIndex,
        depth: usize,
    ) -> Vec<RegionIndex> {
        let Some(Value::Array(branches)) = object.get("Branches") else { return Vec::new() };
        let place = place.member("Branches");
        let branches = branches.iter().enumerate();
        branches
            .filter_map(|(index, branch)| {
                self.nested(branch, BRANCH, place.item(index), owner, depth)
            })
            .collect()
    }

    fn processor(
        &mut self,
        object: &'a Object,
        place: &Place<'a>,
        owner: StateIndex,
        depth: usize,
    ) -> Vec<RegionIndex> {
        ["ItemProcessor", "Iterator"]
            .into_iter()
            .filter_map(|name| {
                // What is no object is reported with the fields of the Map state.
                let processor = object.get(name).filter(|value| value.as_object().is_some())?;
                self.nested(processor, PROCESSOR, place.member(name), owner, depth)
            })
            .collect()
    }

    fn nested(
        &mut self,
        value: &'a Value,
        table: Table,
        place: Place<'a>,
        owner: StateIndex,
        depth: usize,
    ) -> Option<RegionIndex> {
        let object = expect_object(value, &place, self.findings)?;
        if depth == REGION_DEPTH_MAX {
            let message = format_args!(
                "The states are too deeply nested: at most {REGION_DEPTH_MAX} Parallel and Map \
                 states can be within each other"
            );
            self.findings.error_with(Code::TooDeeplyNested, &place, message);
            return None;
        }
        Some(self.region(object, table, place, Some(owner), depth + 1))
    }
}

/// The type that a state says it is of.
pub(crate) fn state_type(state: &Object) -> Option<StateType> {
    match state.get("Type")?.as_str()? {
        "Task" => Some(StateType::Task),
        "Wait" => Some(StateType::Wait),
        "Pass" => Some(StateType::Pass),
        "Succeed" => Some(StateType::Succeed),
        "Fail" => Some(StateType::Fail),
        "Choice" => Some(StateType::Choice),
        "Parallel" => Some(StateType::Parallel),
        "Map" => Some(StateType::Map),
        _ => None,
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a definition of 4 GiB is refused long before")
}

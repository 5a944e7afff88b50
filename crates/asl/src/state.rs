//! One state.

use std::sync::Arc;

use json::Value;

use crate::fields::{self, Fields, nearest};
use crate::findings::Findings;
use crate::language::QueryLanguage;
use crate::outline::{Outline, RegionOutline, StateOutline, state_type};
use crate::place::Place;
use crate::reachability::Links;
use crate::states;
use crate::variables::Assignment;
use crate::{
    Code, RegionIndex, State, StateIndex, StateKind, StateType, Transition, WorkflowType, flow,
    retry,
};

/// What stands for a target that is not there. It is never seen: a definition with a mistake has
/// no program.
const NO_TARGET: StateIndex = StateIndex(0);

/// A state while it is compiled.
///
/// A value that is refused is reported and then replaced by some other, so that compiling goes on
/// and every mistake is found; the program is thrown away in the end.
pub(crate) struct StateReader<'c, 'a> {
    pub(crate) state_type: StateType,
    pub(crate) fields: Fields<'a>,
    pub(crate) language: QueryLanguage,
    pub(crate) workflow_type: WorkflowType,
    pub(crate) outline: &'c StateOutline<'a>,
    pub(crate) findings: &'c mut Findings<'a>,
    all: &'c Outline<'a>,
    links: Links,
    assignments: Vec<Assignment<'a>>,
}

/// A state that was compiled, and what else its text says.
pub(crate) struct Compiled<'a> {
    pub(crate) state: State,
    /// Where it leads.
    pub(crate) links: Links,
    /// The variables that it assigns.
    pub(crate) assignments: Vec<Assignment<'a>>,
}

/// What a state is compiled within.
pub(crate) struct Machine<'c, 'a> {
    pub(crate) workflow_type: WorkflowType,
    pub(crate) language: QueryLanguage,
    pub(crate) outline: &'c Outline<'a>,
}

impl<'c, 'a> Machine<'c, 'a> {
    /// Compiles a state.
    pub(crate) fn state(
        &self,
        outline: &'c StateOutline<'a>,
        findings: &'c mut Findings<'a>,
    ) -> Compiled<'a> {
        match self.reader(outline, findings) {
            Some(reader) => reader.compile(),
            None => Compiled {
                state: placeholder(outline),
                links: Links::unknown(ends_by_its_word(outline)),
                assignments: Vec::new(),
            },
        }
    }

    /// The type of the executions that run a region: of the machine, or of the children of the Map
    /// state in DISTRIBUTED mode that it lies within.
    fn workflow_type_in(&self, region: RegionIndex) -> WorkflowType {
        let mut region = self.outline.region(region);
        loop {
            let config = region.fields.get("ProcessorConfig").and_then(Value::as_object);
            let text = |name| config.and_then(|config| config.get(name)).and_then(Value::as_str);
            match (text("Mode"), text("ExecutionType"), region.owner) {
                (Some("DISTRIBUTED"), Some("EXPRESS"), _) => return WorkflowType::Express,
                (Some("DISTRIBUTED"), _, _) | (_, _, None) => return self.workflow_type,
                (_, _, Some(owner)) => {
                    let owner = &self.outline.states[owner.0 as usize];
                    region = self.outline.region(owner.region);
                }
            }
        }
    }

    /// None where nothing can be said of the state, since its type is not known.
    fn reader(
        &self,
        outline: &'c StateOutline<'a>,
        findings: &'c mut Findings<'a>,
    ) -> Option<StateReader<'c, 'a>> {
        let object = outline.object?;
        let place = &outline.place;
        let Some(state_type) = state_type(object) else {
            match object.get("Type") {
                None => findings.error(place, "The field 'Type' is required").help(
                    "add \"Type\" with one of Task, Wait, Pass, Succeed, Fail, Choice, Parallel, \
                     Map",
                ),
                Some(given) => {
                    let types =
                        ["Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map"];
                    let message = format_args!(
                        "The field 'Type' should have one of these values: [{}]",
                        types.join(", ")
                    );
                    let kept = findings.error(&place.member("Type"), message);
                    let given = given.as_str().unwrap_or_default();
                    if let Some(meant) = nearest(given, types.into_iter()) {
                        kept.help(format_args!("did you mean '{meant}'?"));
                    }
                }
            }
            return None;
        };
        let language = QueryLanguage::of(object, Some(self.language), place, findings);
        let table = fields::of_state(state_type);
        let fields = Fields::check(object, table, language, place.clone(), findings);
        Some(StateReader {
            state_type,
            fields,
            language,
            workflow_type: self.workflow_type_in(outline.region),
            outline,
            findings,
            all: self.outline,
            links: Links::default(),
            assignments: Vec::new(),
        })
    }
}

impl<'c, 'a> StateReader<'c, 'a> {
    fn compile(mut self) -> Compiled<'a> {
        let data = flow::data_flow(&mut self);
        let assign = flow::assign(&mut self);
        let retry = retry::retriers(&mut self);
        let catch = retry::catchers(&mut self);
        let kind = self.kind();
        let outline = self.outline;
        let name = outline.name.clone();
        let state = State { name, region: outline.region, data, assign, retry, catch, kind };
        Compiled { state, links: self.links, assignments: self.assignments }
    }

    /// Remembers that the state assigns a variable.
    pub(crate) fn assigns(&mut self, name: &'a str, place: Place<'a>) {
        self.assignments.push(Assignment { region: self.outline.region, name, place });
    }

    fn kind(&mut self) -> StateKind {
        match self.state_type {
            StateType::Pass => StateKind::Pass(states::pass::compile(self)),
            StateType::Task => StateKind::Task(states::task::compile(self)),
            StateType::Choice => StateKind::Choice(states::choice::compile(self)),
            StateType::Wait => StateKind::Wait(states::wait::compile(self)),
            StateType::Succeed => {
                self.links.end();
                StateKind::Succeed
            }
            StateType::Fail => {
                self.links.end();
                StateKind::Fail(states::fail::compile(self))
            }
            StateType::Parallel => StateKind::Parallel(states::parallel::compile(self)),
            StateType::Map => StateKind::Map(states::map::compile(self)),
        }
    }

    /// `Next` or `End`. An `End` that is false counts as not given.
    pub(crate) fn transition(&mut self) -> Transition {
        let ends = match self.fields.get("End") {
            Some(end) => end.as_bool() == Some(true),
            // Refused, so that nobody knows.
            None => self.fields.has("End"),
        };
        let message = match (self.fields.has("Next"), ends) {
            (true, true) => "There should only be one of the following fields: [Next, End]",
            (false, false) => {
                self.links.set_unknown();
                "This object should have only one of the following fields: [Next, End]"
            }
            _ => "",
        };
        if !message.is_empty() {
            let help = if ends {
                "remove \"End\", or remove \"Next\""
            } else {
                "add \"Next\" with the name of the state that follows, or \"End\": true"
            };
            self.findings.error(self.fields.place(), message).help(help);
        }
        if ends {
            self.links.end();
        }
        match self.fields.located("Next") {
            Some((next, place)) => {
                Transition::Next(self.target(next.as_str().unwrap_or_default(), &place))
            }
            None => {
                if self.fields.has("Next") {
                    self.links.set_unknown();
                }
                Transition::End
            }
        }
    }

    /// The state of that name, to which this one leads.
    pub(crate) fn target(&mut self, name: &'a str, place: &Place<'a>) -> StateIndex {
        let region = self.region(self.outline.region);
        match find_target(region, name, place, self.findings) {
            Some(index) => {
                self.links.lead_to(index);
                index
            }
            None => NO_TARGET,
        }
    }

    /// A target in an object within the state, such as a catcher.
    pub(crate) fn target_in(&mut self, fields: &Fields<'a>, name: &'static str) -> StateIndex {
        match fields.located(name) {
            Some((value, place)) => self.target(value.as_str().unwrap_or_default(), &place),
            None => {
                // A required field is missing or no text: where this leads is not known.
                self.links.set_unknown();
                NO_TARGET
            }
        }
    }

    /// The region of that number.
    pub(crate) fn region(&self, index: RegionIndex) -> &'c RegionOutline<'a> {
        self.all.region(index)
    }

    /// Where this leads is not known, since something that says so was refused.
    pub(crate) fn leads_somewhere(&mut self) {
        self.links.set_unknown();
    }
}

/// The state of that name in the region. AWS says `Next` wherever the name stands.
pub(crate) fn find_target<'a>(
    region: &RegionOutline<'a>,
    name: &'a str,
    place: &Place<'a>,
    findings: &mut Findings<'a>,
) -> Option<StateIndex> {
    let index = region.states.get(name).copied();
    if index.is_none() {
        let message = format_args!("Missing 'Next' target: {name}");
        let kept = findings.error_with(Code::MissingTransitionTarget, place, message);
        match nearest(name, region.states.keys().copied()) {
            Some(meant) => kept.help(format_args!("did you mean '{meant}'?")),
            None => kept.help("name a state of the same 'States', or add one of that name"),
        }
    }
    index
}

/// Whether a state of a type that does not exist says that it ends, which AWS believes.
fn ends_by_its_word(outline: &StateOutline<'_>) -> bool {
    let member = |name| outline.object.and_then(|object| object.get(name));
    member("Type").is_some() && member("End").and_then(Value::as_bool) == Some(true)
}

fn placeholder(outline: &StateOutline<'_>) -> State {
    State {
        name: Arc::clone(outline.name),
        region: outline.region,
        data: flow::unchanged(),
        assign: None,
        retry: Vec::new(),
        catch: Vec::new(),
        kind: StateKind::Succeed,
    }
}

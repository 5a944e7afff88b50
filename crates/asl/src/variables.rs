//! Workflow variables: what they may be called, where they may be assigned, who reads them.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jsonpath::{Needs, Path};

use crate::fields::nearest;
use crate::findings::Findings;
use crate::outline::Outline;
use crate::place::Place;
use crate::{
    Amount, Code, Comparison, Condition, DataFlow, Distributed, FailField, Items, JsonPathFlow,
    Operand, Payload, Percentage, RegionIndex, Select, State, StateKind, WaitFor,
};

/// In characters.
const NAME_LENGTH_MAX: usize = 80;

/// A member of an `Assign`.
pub(crate) struct Assignment<'a> {
    pub(crate) region: RegionIndex,
    pub(crate) name: &'a str,
    pub(crate) place: Place<'a>,
}

/// Checks the names that are assigned, and that none of them belongs to a region further out.
pub(crate) fn check<'a>(
    outline: &Outline<'a>,
    assignments: &[Assignment<'a>],
    findings: &mut Findings<'a>,
) {
    let mut assigned: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); outline.regions.len()];
    for Assignment { region, name, .. } in assignments {
        assigned[region.0 as usize].insert(name);
    }
    for Assignment { region, name, place } in assignments {
        check_name(name, place, findings);
        let is_outside =
            enclosing(outline, *region).any(|outer| assigned[outer.0 as usize].contains(name));
        if is_outside {
            let message =
                format_args!("The variable name '{name}' was already defined in a parent scope.");
            findings.error(place, message).help(
                "choose another name: states within a Parallel or Map state read the variables \
                 outside, and assign others",
            );
        }
    }
}

fn check_name<'a>(name: &str, place: &Place<'a>, findings: &mut Findings<'a>) {
    let starts = |character: char| character.is_alphabetic() || character == '_';
    let goes_on = |character: char| character.is_alphanumeric() || character == '_';
    let is_identifier = name.starts_with(starts) && name.chars().all(goes_on);
    if name == "states" {
        findings.error(place, "The variable name 'states' is reserved").help("choose another name");
    } else if !is_identifier {
        let message = format_args!(
            "The variable name '{name}' is invalid: it must begin with a letter or an underscore, \
             and have only letters, digits and underscores"
        );
        findings.error(place, message);
    } else if name.chars().count() > NAME_LENGTH_MAX {
        let message = format_args!(
            "The variable name '{name}' is invalid: it exceeds the {NAME_LENGTH_MAX}-character \
             limit"
        );
        findings.error(place, message);
    }
}

/// The regions around that one, from the inside out.
fn enclosing<'o>(
    outline: &'o Outline<'_>,
    region: RegionIndex,
) -> impl Iterator<Item = RegionIndex> + 'o {
    std::iter::successors(Some(region), |region| {
        let owner = outline.region(*region).owner?;
        Some(outline.states[owner.0 as usize].region)
    })
    .skip(1)
}

/// The variables that each state reads, see [`crate::Program::variable_references`]; and whether
/// an evaluation may take long, see [`crate::Program::may_be_long`].
pub(crate) fn references(
    states: &[State],
    assignments: &[Assignment<'_>],
) -> (BTreeMap<Arc<str>, Vec<Arc<str>>>, bool) {
    let assigned: BTreeSet<&str> = assignments.iter().map(|assignment| assignment.name).collect();
    let mut references = BTreeMap::new();
    let mut may_be_long = false;
    for state in states {
        let mut reads = Reads::new(&assigned);
        reads.state(state);
        may_be_long |= reads.may_be_long;
        if !reads.names.is_empty() {
            references.insert(state.name.clone(), reads.names.into_iter().collect());
        }
    }
    (references, may_be_long)
}

/// Warns of variables that a state reads and that no state whose variables it sees assigns. The
/// service runs such a definition, and fails when it comes to the state.
pub(crate) fn warn_of_unassigned<'a>(
    outline: &Outline<'a>,
    states: &[State],
    assignments: &[Assignment<'a>],
    findings: &mut Findings<'a>,
) {
    let assigned: BTreeSet<&str> = assignments.iter().map(|assignment| assignment.name).collect();
    let places: BTreeSet<(RegionIndex, &str)> =
        assignments.iter().map(|assignment| (assignment.region, assignment.name)).collect();
    for (state, of_state) in states.iter().zip(&outline.states) {
        let mut reads = Reads::new(&assigned);
        reads.state(state);
        let is_seen = |name: &str| {
            visible(outline, states, state.region).any(|region| places.contains(&(region, name)))
        };
        for name in reads.names.iter().filter(|name| !is_seen(name)) {
            let message = format_args!(
                "The variable '${name}' is read here, and no state whose variables are seen here \
                 assigns it"
            );
            let kept = findings.warning(Code::UndefinedVariable, &of_state.place, message);
            let seen = places.iter().filter(|(_, name)| is_seen(name)).map(|(_, name)| *name);
            match nearest(name, seen) {
                Some(meant) => kept.help(format_args!("did you mean '${meant}'?")),
                None => kept.help("have an earlier state assign it with \"Assign\""),
            }
        }
    }
}

/// The regions whose variables are seen in that one: it, and those around it, up to the item
/// processor of a Distributed Map, whose executions begin without variables.
fn visible<'o>(
    outline: &'o Outline<'_>,
    states: &'o [State],
    region: RegionIndex,
) -> impl Iterator<Item = RegionIndex> + 'o {
    std::iter::successors(Some(region), |region| {
        let owner = outline.region(*region).owner?;
        let owner = &states[owner.0 as usize];
        let is_apart = matches!(&owner.kind, StateKind::Map(map) if map.distributed.is_some());
        (!is_apart).then_some(owner.region)
    })
}

/// The variables that are read by what was looked at so far.
struct Reads<'c> {
    assigned: &'c BTreeSet<&'c str>,
    names: BTreeSet<Arc<str>>,
    /// Whether one of the expressions may take long.
    may_be_long: bool,
}

impl<'c> Reads<'c> {
    fn new(assigned: &'c BTreeSet<&'c str>) -> Reads<'c> {
        Reads { assigned, names: BTreeSet::new(), may_be_long: false }
    }

    fn state(&mut self, state: &State) {
        match &state.data {
            DataFlow::JsonPath(flow) => self.json_path(flow),
            DataFlow::Jsonata(flow) => {
                [&flow.arguments, &flow.output]
                    .into_iter()
                    .flatten()
                    .for_each(|it| self.jsonata(it));
            }
        }
        self.payload(state.assign.as_ref());
        for catcher in &state.catch {
            self.payload(catcher.assign.as_ref());
            catcher.output.iter().for_each(|output| self.jsonata(output));
        }
        self.kind(&state.kind);
    }

    fn json_path(&mut self, flow: &JsonPathFlow) {
        let JsonPathFlow { input_path, parameters, result_selector, result_path: _, output_path } =
            flow;
        for select in [input_path, output_path] {
            if let Select::At(path) = select {
                self.path(path);
            }
        }
        let templates = [parameters, result_selector].into_iter().flatten();
        templates.for_each(|template| self.needs(template.needs()));
    }

    fn kind(&mut self, kind: &StateKind) {
        match kind {
            StateKind::Pass(_) | StateKind::Succeed | StateKind::Parallel(_) => {}
            StateKind::Task(task) => {
                let amounts = [&task.timeout_seconds, &task.heartbeat_seconds];
                amounts.into_iter().flatten().for_each(|amount| self.amount(amount));
                // `variableReferences` tells nothing of this field.
                self.may_be_long |= match &task.credentials {
                    Some(Payload::JsonPath(template)) => template.needs().may_be_long,
                    Some(Payload::Jsonata(template)) => template.needs().may_be_long,
                    None => false,
                };
            }
            StateKind::Choice(choice) => {
                for rule in &choice.rules {
                    self.condition(&rule.condition);
                    self.payload(rule.assign.as_ref());
                    rule.output.iter().for_each(|output| self.jsonata(output));
                }
            }
            StateKind::Wait(wait) => match &wait.until {
                WaitFor::Seconds(_) | WaitFor::Timestamp(_) => {}
                WaitFor::SecondsPath(path) | WaitFor::TimestampPath(path) => self.path(path),
                WaitFor::SecondsJsonata(template) | WaitFor::TimestampJsonata(template) => {
                    self.jsonata(template);
                }
            },
            StateKind::Fail(fail) => {
                for field in [&fail.error, &fail.cause].into_iter().flatten() {
                    match field {
                        FailField::Literal(_) => {}
                        FailField::Expression(expression) => self.needs(&expression.needs()),
                        FailField::Jsonata(template) => self.jsonata(template),
                    }
                }
            }
            StateKind::Map(map) => {
                match &map.items {
                    Items::Input => {}
                    Items::Path(path) => self.path(path),
                    Items::Jsonata(template) => self.jsonata(template),
                }
                self.payload(map.item_selector.as_ref());
                self.amount(&map.max_concurrency);
                map.tolerated_failure_count.iter().for_each(|amount| self.amount(amount));
                match &map.tolerated_failure_percentage {
                    Some(Percentage::Path(path)) => self.path(path),
                    Some(Percentage::Jsonata(template)) => self.jsonata(template),
                    Some(Percentage::Literal(_)) | None => {}
                }
                map.distributed.iter().for_each(|distributed| self.distributed(distributed));
            }
        }
    }

    fn distributed(&mut self, distributed: &Distributed) {
        let Distributed { item_reader, item_batcher, result_writer, .. } = distributed;
        if let Some(reader) = item_reader {
            self.payload(reader.parameters.as_ref());
            reader.max_items.iter().for_each(|amount| self.amount(amount));
        }
        if let Some(batcher) = item_batcher {
            let amounts = [&batcher.max_items, &batcher.max_input_bytes];
            amounts.into_iter().flatten().for_each(|amount| self.amount(amount));
            self.payload(batcher.batch_input.as_ref());
        }
        let target = result_writer.as_ref().and_then(|writer| writer.target.as_ref());
        self.payload(target.and_then(|target| target.parameters.as_ref()));
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Jsonata(template) => self.jsonata(template),
            Condition::And(conditions) | Condition::Or(conditions) => {
                conditions.iter().for_each(|condition| self.condition(condition));
            }
            Condition::Not(condition) => self.condition(condition),
            Condition::Test { variable, comparison } => {
                self.path(variable);
                self.comparison(comparison);
            }
        }
    }

    fn comparison(&mut self, comparison: &Comparison) {
        match comparison {
            Comparison::String(_, operand) => self.operand(operand),
            Comparison::Numeric(_, operand) => self.operand(operand),
            Comparison::Timestamp(_, operand) => self.operand(operand),
            Comparison::Boolean(operand) => self.operand(operand),
            Comparison::Matches(_)
            | Comparison::IsNull(_)
            | Comparison::IsPresent(_)
            | Comparison::IsNumeric(_)
            | Comparison::IsString(_)
            | Comparison::IsBoolean(_)
            | Comparison::IsTimestamp(_) => {}
        }
    }

    fn operand<T>(&mut self, operand: &Operand<T>) {
        if let Operand::Path(path) = operand {
            self.path(path);
        }
    }

    fn amount(&mut self, amount: &Amount) {
        match amount {
            Amount::Literal(_) => {}
            Amount::Path(path) => self.path(path),
            Amount::Jsonata(template) => self.jsonata(template),
        }
    }

    fn payload(&mut self, payload: Option<&Payload>) {
        match payload {
            None => {}
            Some(Payload::JsonPath(template)) => self.needs(template.needs()),
            Some(Payload::Jsonata(template)) => self.jsonata(template),
        }
    }

    fn path(&mut self, path: &Path) {
        self.needs(&path.needs());
    }

    fn needs(&mut self, needs: &Needs) {
        self.names.extend(needs.variables.iter().cloned());
        self.may_be_long |= needs.may_be_long;
    }

    /// In JSONata a function is named as a variable is; one that is assigned is a variable.
    fn jsonata(&mut self, template: &jsonata::Template) {
        let is_variable = |name: &&Arc<str>| {
            let name = &***name;
            name != "states" && (self.assigned.contains(name) || !jsonata::is_function(name))
        };
        let names: Vec<_> =
            template.needs().variables.iter().filter(is_variable).cloned().collect();
        self.names.extend(names);
        self.may_be_long |= template.needs().may_be_long;
    }
}

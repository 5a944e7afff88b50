//! A state without a machine around it, as TestState takes it.

use std::collections::BTreeSet;
use std::fmt::Write;

use json::{Object, Value};

use crate::{Analysis, WorkflowType, compile};

/// Analyses the definition of one state: the machine that has this state alone, under that name,
/// and a Succeed state for each name that it leads to.
///
/// Messages and places are as if the definition of that machine had been given.
pub fn compile_state(name: &str, definition: &str) -> Analysis {
    let Ok(value) = json::parse(definition) else {
        // The message tells of the text that was given.
        return compile(definition, WorkflowType::Standard);
    };
    if value.is_null() {
        return compile(definition, WorkflowType::Standard);
    }
    let name = Value::from(name);
    let mut machine = format!(r#"{{"StartAt":{name},"States":{{{name}:{definition}"#);
    for target in value.as_object().map(targets).unwrap_or_default() {
        let target = Value::from(target);
        if target != name {
            write!(machine, r#",{target}:{{"Type":"Succeed"}}"#)
                .expect("writing to a string cannot fail");
        }
    }
    machine.push_str("}}");
    compile(&machine, WorkflowType::Standard)
}

/// The names that a state leads to.
fn targets(state: &Object) -> BTreeSet<&str> {
    let rules = ["Choices", "Catch"].into_iter().filter_map(|name| state.get(name)?.as_array());
    let nexts = rules.flatten().filter_map(|rule| rule.get("Next"));
    let own = ["Next", "Default"].into_iter().filter_map(|name| state.get(name));
    own.chain(nexts).filter_map(Value::as_str).filter(|name| !name.is_empty()).collect()
}

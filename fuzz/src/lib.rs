//! What must hold for any input at all: one function per part of Stairwell that reads what others
//! wrote. Each takes bytes, and panics where a promise is broken.
//!
//! Two things drive them: libFuzzer (`cargo +nightly fuzz run <name> --features libfuzzer`), and
//! the seeded mutator of `cargo xtask fuzz`, which needs nothing but the stable toolchain.

mod answers;
mod authorization;
mod configuration;
mod http;
mod items;
mod mutate;
mod policy;
mod seeds;
mod step;
mod story;

use std::cell::Cell;
use std::str::from_utf8;

use asl::{Severity, WorkflowType};
use json::{Object, Value};
use jsonata::{Bindings, Environment};
use jsonpath::{Expression, Path, ReferencePath, Scope};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

pub use answers::answer;
pub use authorization::authorization;
pub use configuration::configuration;
pub use http::{form, http};
pub use items::items;
pub use mutate::Mutator;
pub use policy::policy;
pub use step::step;
pub use story::{query, story};

/// A target: its name, its function, and texts to begin with.
pub struct Target {
    /// Also the name of its libFuzzer binary.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs that reach far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 15] = [
    Target { name: "definition", run: definition, seeds: seeds::definitions },
    Target { name: "path", run: path, seeds: seeds::paths },
    Target { name: "intrinsic", run: intrinsic, seeds: seeds::intrinsics },
    Target { name: "jsonata", run: jsonata, seeds: seeds::expressions },
    Target { name: "wire", run: wire, seeds: seeds::texts },
    Target { name: "authorization", run: authorization, seeds: seeds::requests },
    Target { name: "policy", run: policy, seeds: seeds::policies },
    Target { name: "step", run: step, seeds: seeds::steps },
    Target { name: "answer", run: answer, seeds: answers::seeds },
    Target { name: "configuration", run: configuration, seeds: configuration::seeds },
    Target { name: "form", run: form, seeds: http::forms },
    Target { name: "http", run: http, seeds: http::requests },
    Target { name: "items", run: items, seeds: items::seeds },
    Target { name: "story", run: story, seeds: story::stories },
    Target { name: "query", run: query, seeds: story::queries },
];

/// A definition gives a program without errors, or errors without a program, and always the same.
pub fn definition(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    for workflow_type in [WorkflowType::Standard, WorkflowType::Express] {
        let analysis = asl::compile(text, workflow_type);
        let errors = analysis.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        assert_eq!(analysis.program.is_none(), errors.count() > 0, "a program, or errors");
        assert_eq!(analysis.diagnostics, asl::compile(text, workflow_type).diagnostics);
        let Some(program) = analysis.program else { continue };
        for region in &program.regions {
            assert!((region.start.0 as usize) < program.states.len(), "no dangling StartAt");
        }
        for state in &program.states {
            assert!((state.region.0 as usize) < program.regions.len(), "no dangling region");
        }
    }
}

/// A path selects the same whenever it is asked, a list where it is not definite, and what is put
/// at a reference path is found there.
pub fn path(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let (input, variables) = sample();
    let scope =
        Scope { input: &input, context: &input, variables: &variables, visits: &Cell::default() };
    if let Ok(path) = Path::parse(text) {
        assert_eq!(path.text().trim(), text.trim());
        let selected = path.select(&scope);
        assert_eq!(selected, path.select(&scope));
        if let Ok(selected) = selected
            && !path.is_definite()
        {
            assert!(selected.as_array().is_some(), "a list of matches");
        }
    }
    if let Ok(reference) = ReferencePath::parse(text) {
        let Ok(changed) = reference.put(&input, Value::from("here")) else { return };
        let scope = Scope { input: &changed, ..scope };
        let path = Path::parse(text).expect("a reference path is a path");
        assert_eq!(path.select(&scope).ok(), Some(Value::from("here")));
    }
}

/// A call gives the same with the same chance.
pub fn intrinsic(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let (input, variables) = sample();
    let scope =
        Scope { input: &input, context: &input, variables: &variables, visits: &Cell::default() };
    let Ok(expression) = Expression::parse(text) else { return };
    assert_eq!(expression.text().trim(), text.trim());
    let once = expression.evaluate(&scope, &mut ChaCha8Rng::seed_from_u64(7));
    let again = expression.evaluate(&scope, &mut ChaCha8Rng::seed_from_u64(7));
    assert_eq!(once, again);
}

/// An expression ends within its limits, and gives the same with the same time and chance.
pub fn jsonata(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(expression) = jsonata::Expression::parse(text) else { return };
    let (input, variables) = sample();
    let read = |name: &str| variables.get(name).cloned();
    let states = [("input", &input), ("context", &input)];
    let bindings = Bindings { input: None, states: &states, variables: &read };
    let evaluate = || {
        expression.evaluate(
            &bindings,
            &mut Environment {
                now_milliseconds: 1_700_000_000_000,
                random: &mut ChaCha8Rng::seed_from_u64(7),
                limits: &LIMITS,
                steps: 0,
            },
        )
    };
    assert_eq!(evaluate(), evaluate());
}

/// So little that a loop costs little, and so much that everything else is reached.
const LIMITS: jsonata::Limits = jsonata::Limits {
    steps_max: 100_000,
    value_bytes_max: 1 << 16,
    allocated_bytes_max: 8 << 20,
    ..jsonata::Limits::DEFAULT
};

/// JSON that is read can be written and read again; stored forms are read or refused; a token is
/// what it says.
pub fn wire(data: &[u8]) {
    // Refusing is as good as reading: what counts is that nothing panics.
    drop(store::encoding::decode_records(data));
    drop(store::encoding::decode_header(data));
    drop(store::encoding::decode_execution(data));
    let Ok(text) = from_utf8(data) else { return };
    let _ = engine::TaskToken(text.into()).task();
    let parsed = json::parse(text);
    assert_eq!(parsed.is_ok(), json::validate(text).is_ok());
    let Ok(value) = parsed else { return };
    let printed = value.to_text();
    let again = json::parse(&printed).expect("what was printed can be read");
    assert_eq!(again, value);
    assert_eq!(again.to_text(), printed);
}

/// A document and variables for expressions to look at.
fn sample() -> (Value, Object) {
    let input = json::parse(seeds::SAMPLE).expect("the sample is JSON");
    let mut variables = Object::new();
    variables.insert("total", "3");
    variables.insert("list", input.get("list").cloned().unwrap_or_default());
    (input, variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_and_its_first_mutations_keep_the_promises() {
        for target in &TARGETS {
            let mutator = Mutator::new((target.seeds)());
            for iteration in 0..300 {
                (target.run)(&mutator.input(1, iteration));
            }
        }
    }
}

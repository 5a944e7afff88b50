//! The language alone, without server and store: expressions, the interpreter, the validator.

use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use engine::{
    Execution, ExecutionId, Input, Limits, StartParameters, Status, StepEnv, Timestamp, start, step,
};
use json::Document;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use serde_json::Value;

use super::chain;
use super::loops::{CHAIN_LENGTH, ROUNDS, counting};
use crate::bench::Bench;
use crate::bench::figure::{Bar, Figure};
use crate::process::root;

/// How often a figure is taken; the least counts, since what disturbs only makes it slower.
const ROUNDS_OF_MEASURING: usize = 20;

/// How long expressions take that were parsed before, how many transitions the interpreter makes,
/// and how long the validator needs for the recorded definitions, where they are there.
pub(super) fn language(bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    let mut figures = vec![
        Figure::new("JSONata: $states.input.a + 1, parsed", "ns", jsonata_expression()?)
            .bar(Bar::at_most(500.0)),
        Figure::new("JSONPath: $.a.b.c, parsed", "ns", json_path()?).bar(Bar::at_most(100.0)),
        Figure::new(
            "Interpreter: counting loop of 1,000 rounds",
            "transitions/s",
            transitions(&counting(), 2 * ROUNDS)?,
        )
        .bar(Bar::at_least(300_000.0)),
        Figure::new(
            "Interpreter: chain of 2,000 Pass states",
            "transitions/s",
            transitions(&chain(CHAIN_LENGTH), CHAIN_LENGTH)?,
        )
        .bar(Bar::at_least(2_000_000.0)),
    ];
    let recorded = root().join("../shared/conformance/cases");
    if recorded.exists() {
        figures.push(validate(bench, &recorded)?);
    } else {
        println!("bench: no recorded definitions in {}: not validated", recorded.display());
    }
    Ok(figures)
}

/// The least of several measurements, in nanoseconds for each round.
pub(super) fn nanoseconds(rounds: u32, mut work: impl FnMut()) -> f64 {
    let measured = (0..ROUNDS_OF_MEASURING).map(|_| {
        let began = Instant::now();
        (0..rounds).for_each(|_| work());
        began.elapsed().as_nanos() as f64 / f64::from(rounds)
    });
    measured.fold(f64::INFINITY, f64::min)
}

fn jsonata_expression() -> anyhow::Result<f64> {
    let input = json::parse(r#"{"a": 41}"#)?;
    let expression = jsonata::Expression::parse("$states.input.a + 1")?;
    let states = [("input", &input)];
    let bindings = jsonata::Bindings { input: None, states: &states, variables: &|_| None };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let limits = jsonata::Limits::DEFAULT;
    Ok(nanoseconds(10_000, || {
        let mut environment = jsonata::Environment {
            now_milliseconds: 0,
            random: &mut random,
            limits: &limits,
            steps: 0,
        };
        black_box(expression.evaluate(black_box(&bindings), &mut environment).ok());
    }))
}

fn json_path() -> anyhow::Result<f64> {
    let input = json::parse(r#"{"a": {"b": {"c": 1}}}"#)?;
    let path = jsonpath::Path::parse("$.a.b.c")?;
    let variables = json::Object::new();
    let scope = jsonpath::Scope {
        input: &input,
        context: &input,
        variables: &variables,
        visits: &Cell::default(),
    };
    Ok(nanoseconds(10_000, || {
        black_box(path.select(black_box(&scope)).ok());
    }))
}

/// Transitions a second of executions that nobody stores.
fn transitions(definition: &Value, transitions: usize) -> anyhow::Result<f64> {
    let analysis = asl::compile(&definition.to_string(), asl::WorkflowType::Standard);
    let program = analysis.program.context("the definition is refused")?;
    let limits = Limits { history_events_max: u64::MAX, ..Limits::AWS };
    let mut failed = false;
    let nanoseconds = nanoseconds(1, || {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let now = Timestamp(0);
        let mut env = StepEnv {
            now,
            timer_now: now,
            random: &mut random,
            limits: &limits,
            absent_activities: &[],
        };
        let (mut execution, first) = start(&program, parameters(), &mut env);
        black_box(first);
        while execution.is_runnable() {
            black_box(step(&program, &mut execution, Input::Tick, &mut env));
        }
        failed |= !has_succeeded(&execution);
    });
    if failed {
        bail!("an execution of the bench has not succeeded");
    }
    Ok(transitions as f64 * 1e9 / nanoseconds)
}

fn has_succeeded(execution: &Execution) -> bool {
    execution.status == Status::Succeeded
}

fn parameters() -> StartParameters {
    StartParameters {
        id: ExecutionId([7; 16]),
        arn: "arn:aws:states:us-east-1:123456789012:execution:bench:one".into(),
        name: "one".into(),
        state_machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:bench".into(),
        state_machine_name: "bench".into(),
        role_arn: "arn:aws:iam::123456789012:role/bench".into(),
        state_machine_version_arn: None,
        state_machine_alias_arn: None,
        input: Document::from(json::Value::from(json::Object::new())),
    }
}

/// One run of `stairwell validate` over every recorded definition.
fn validate(bench: &Bench, cases: &Path) -> anyhow::Result<Figure> {
    let folder = bench.fresh_folder()?;
    let mut files = Vec::new();
    for definition in definitions(cases)? {
        let file = folder.join(format!("{}.json", files.len()));
        fs::write(&file, definition)?;
        files.push(file);
    }
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let began = Instant::now();
        let validated = Command::new(&bench.binary).arg("validate").args(&files).output()?;
        least = least.min(began.elapsed().as_secs_f64());
        // Some of them are recorded because they are refused.
        if !matches!(validated.status.code(), Some(0 | 1)) {
            bail!("validate: {}", String::from_utf8_lossy(&validated.stderr));
        }
    }
    let name = format!("stairwell validate: all {} recorded definitions", files.len());
    Ok(Figure::new(name, "s", least).bar(Bar::at_most(1.0)))
}

/// The definitions of all cases below a folder.
fn definitions(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut definitions = Vec::new();
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let case: Value = serde_json::from_slice(&fs::read(&path)?)?;
            match case.get("definition") {
                Some(Value::String(text)) => definitions.push(text.clone()),
                Some(definition) => definitions.push(definition.to_string()),
                None => {}
            }
        }
    }
    Ok(definitions)
}

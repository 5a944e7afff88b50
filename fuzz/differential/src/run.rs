//! Evaluates on both sides and compares.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use json::{Object, Value};
use jsonata::{Bindings, Environment, Expression, Limits, Options};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::{grammar, rules};

/// What an evaluation gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// A value, as JSON text.
    Value(String),
    /// Nothing (undefined).
    Nothing,
    /// A function, or something that holds one.
    Function,
    /// An error with that code.
    Error(String),
    /// An error of the reference implementation's own language, with its message.
    Broken(String),
}

/// An expression whose answers are not the same, and no rule says why.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The number of the expression under the seed.
    pub(crate) iteration: u64,
    /// The expression.
    pub(crate) expression: String,
    /// What the reference implementation gave.
    pub(crate) expected: Answer,
    /// What ours gave.
    pub(crate) actual: Answer,
}

/// What a run found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many expressions gave the same on both sides.
    pub(crate) same: u64,
    /// Of these, how many gave a value.
    pub(crate) values: u64,
    /// How many differ by a rule, by its reason.
    pub(crate) by_rule: BTreeMap<&'static str, u64>,
    /// The others.
    pub(crate) differences: Vec<Difference>,
}

impl Report {
    /// Adds what another run found.
    pub(crate) fn add(&mut self, other: Report) {
        self.same += other.same;
        self.values += other.values;
        for (reason, count) in other.by_rule {
            *self.by_rule.entry(reason).or_default() += count;
        }
        self.differences.extend(other.differences);
    }
}

/// The reference implementation: Node.js with the package `jsonata`.
pub(crate) struct Oracle {
    /// The folder that holds `node_modules`.
    pub(crate) packages: PathBuf,
}

impl Oracle {
    /// Asks for the answers to those expressions.
    ///
    /// # Errors
    /// Where Node.js cannot be run, or does not answer each.
    pub(crate) fn ask(&self, expressions: &[String]) -> io::Result<Vec<Answer>> {
        let module = std::path::absolute(self.packages.join("node_modules/jsonata/jsonata.js"))?;
        let mut node = Command::new("node")
            .arg(script())
            .arg(module)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = Object::new();
        input.insert("document", json::parse(grammar::DOCUMENT).expect("the document is JSON"));
        input.insert(
            "expressions",
            expressions.iter().map(|text| Value::from(text.as_str())).collect::<Value>(),
        );
        let text = Value::from(input).to_text();
        node.stdin.take().expect("it was asked for").write_all(text.as_bytes())?;
        let output = node.wait_with_output()?;
        let lines = String::from_utf8_lossy(&output.stdout);
        let answers: Option<Vec<Answer>> = lines.lines().map(read).collect();
        answers
            .filter(|answers| answers.len() == expressions.len() && output.status.success())
            .ok_or_else(|| io::Error::other("the reference implementation did not answer all"))
    }
}

/// Reads a line of the oracle.
fn read(line: &str) -> Option<Answer> {
    let value = json::parse(line).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(code) = text("code") {
        return Some(Answer::Error(code));
    }
    if let Some(message) = text("broken") {
        return Some(Answer::Broken(message));
    }
    if value.get("function").is_some() {
        return Some(Answer::Function);
    }
    Some(value.get("value").map_or(Answer::Nothing, |value| Answer::Value(plain(value))))
}

/// The text of a value with every number written as its double, so that texts can be compared.
fn plain(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{:?}", number.as_f64()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(&**name).to_text(), plain(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_text(),
    }
}

/// So much that the reference implementation gives up first.
const LIMITS: Limits =
    Limits { steps_max: 400_000, depth_max: 1_000, value_bytes_max: 1 << 20, ..Limits::DEFAULT };

/// What our implementation gives.
pub(crate) fn evaluate(text: &str) -> Answer {
    let document = json::parse(grammar::DOCUMENT).expect("the document is JSON");
    let options = Options { step_functions: false, ..Options::STEP_FUNCTIONS };
    let expression = match Expression::parse_with(text, &options) {
        Ok(expression) => expression,
        Err(error) => return Answer::Error(error.code.to_owned()),
    };
    let variables = |name: &str| match name {
        "orders" => document.get("orders").cloned(),
        "list" => Some(json::parse("[3, 1, 2]").expect("this is JSON")),
        "count_" => Some(json::parse("2").expect("this is JSON")),
        "one" => document.get("one").cloned(),
        _ => None,
    };
    let states = [("input", &document)];
    let bindings = Bindings { input: Some(&document), states: &states, variables: &variables };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut environment = Environment {
        now_milliseconds: 1_700_000_000_000,
        random: &mut random,
        limits: &LIMITS,
        steps: 0,
    };
    match expression.evaluate(&bindings, &mut environment) {
        Ok(Some(value)) => Answer::Value(plain(&value)),
        Ok(None) => Answer::Nothing,
        Err(error) if error.code == "D1000" => Answer::Function,
        Err(error) => Answer::Error(error.code.to_owned()),
    }
}

/// Holds the expressions of those iterations of a seed against the oracle.
///
/// # Errors
/// As [`Oracle::ask`].
pub(crate) fn compare(
    oracle: &Oracle,
    seed: u64,
    iterations: std::ops::Range<u64>,
) -> io::Result<Report> {
    let expressions: Vec<String> =
        iterations.clone().map(|iteration| grammar::expression(seed, iteration)).collect();
    let expected = oracle.ask(&expressions)?;
    let mut report = Report::default();
    for ((iteration, expression), expected) in iterations.zip(expressions).zip(expected) {
        let actual = evaluate(&expression);
        if actual == expected {
            report.same += 1;
            report.values += u64::from(matches!(actual, Answer::Value(_)));
            continue;
        }
        match rules::covering(&expression, &expected, &actual) {
            Some(reason) => *report.by_rule.entry(reason).or_default() += 1,
            None => {
                report.differences.push(Difference { iteration, expression, expected, actual });
            }
        }
    }
    Ok(report)
}

/// The script that asks the reference implementation.
fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/jsonata.mjs")
}

//! Runs the cases of the reference implementation's suite, where a copy of it lies beside the
//! repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use json::Value;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, Expression, Limits, Options};

/// Groups with cases that are known to differ, and why.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[
    ("function-encodeUrl", "half a surrogate pair is no character of a Rust string"),
    ("function-encodeUrlComponent", "half a surrogate pair is no character of a Rust string"),
];

/// The suite counts nothing but depth; ranges of ten million items are among its cases.
fn limits(case: &Value) -> Limits {
    let depth = case.get("depth").and_then(Value::as_number).map(|depth| depth.as_f64() as u32);
    Limits {
        steps_max: 100_000_000,
        depth_max: depth.unwrap_or(1_000),
        stack_bytes_max: 24 << 20,
        value_bytes_max: 64 << 20,
        sequence_items_max: 10_000_000,
        allocated_bytes_max: 4 << 30,
    }
}

fn suite() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/jsonata-suite");
    path.is_dir().then_some(path)
}

/// The files of a folder with that ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the file can be read")
}

/// Whether two results are the same: numbers as floats, members in any order.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn same_in_any_order(left: &Value, right: &Value) -> bool {
    let (Some(left), Some(right)) = (left.as_array(), right.as_array()) else {
        return same(left, right);
    };
    let mut rest: Vec<&Value> = right.iter().collect();
    left.len() == right.len()
        && left.iter().all(|item| match rest.iter().position(|other| same(item, other)) {
            Some(index) => {
                rest.swap_remove(index);
                true
            }
            None => false,
        })
}

/// What a case gave instead of what it should.
fn run(case: &Value, expression: &str, input: Option<&Value>) -> Result<(), String> {
    let limits = limits(case);
    let code = case
        .get("code")
        .or_else(|| case.get("error").and_then(|error| error.get("code")))
        .and_then(Value::as_str);
    let variables = |name: &str| case.get("bindings").and_then(|all| all.get(name)).cloned();
    let bindings = Bindings { input, states: &[], variables: &variables };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut environment = Environment {
        now_milliseconds: 1_700_000_000_000,
        random: &mut random,
        limits: &limits,
        steps: 0,
    };
    let outcome = match Expression::parse_with(expression, &Options::JSONATA) {
        Err(error) => Err((error.code, error.to_string())),
        Ok(expression) => expression
            .evaluate(&bindings, &mut environment)
            .map_err(|error| (error.code, error.to_string())),
    };
    match (&outcome, code) {
        (Err((found, _)), Some(code)) if *found == code => Ok(()),
        (_, Some(code)) => Err(format!("expected {code}, got {outcome:?}")),
        (Ok(None), None) if case.get("undefinedResult").is_some() => Ok(()),
        (Ok(Some(result)), None) => match case.get("result") {
            Some(expected) if same(expected, result) => Ok(()),
            Some(expected)
                if case.get("unordered").is_some() && same_in_any_order(expected, result) =>
            {
                Ok(())
            }
            expected => Err(format!("expected {expected:?}, got {result}")),
        },
        _ => Err(format!("expected {:?}, got {outcome:?}", case.get("result"))),
    }
}

/// Passed cases, all cases, and what failed.
type Tally = (usize, usize, Vec<String>);

fn run_group(suite: &Path, folder: &Path) -> Tally {
    let (mut passed, mut all, mut failures) = (0, 0, Vec::new());
    for file in files(folder, ".json") {
        let name = file.file_name().expect("files have names").to_string_lossy().into_owned();
        let cases = match json::parse(&read(&file)) {
            Ok(Value::Array(cases)) => cases.to_vec(),
            Ok(case) => vec![case],
            Err(error) => {
                all += 1;
                failures.push(format!("{name}: not JSON: {error}"));
                continue;
            }
        };
        for case in cases {
            all += 1;
            let expression = match case.get("expr-file").and_then(Value::as_str) {
                Some(file) => read(&folder.join(file)),
                None => case.get("expr").and_then(Value::as_str).unwrap_or_default().to_owned(),
            };
            let dataset = case.get("dataset").and_then(Value::as_str).map(|name| {
                let path = suite.join("datasets").join(format!("{name}.json"));
                json::parse(&read(&path)).expect("datasets are JSON")
            });
            let input = case.get("data").or(dataset.as_ref());
            match run(&case, &expression, input) {
                Ok(()) => passed += 1,
                Err(reason) => failures.push(format!("{name}: {expression}\n    {reason}")),
            }
        }
    }
    (passed, all, failures)
}

fn run_suite(suite: &Path) {
    let mut totals = (0, 0);
    let mut unexpected = BTreeMap::new();
    for folder in files(&suite.join("groups"), "") {
        let group = folder.file_name().expect("folders have names").to_string_lossy().into_owned();
        let (passed, all, failures) = run_group(suite, &folder);
        totals = (totals.0 + passed, totals.1 + all);
        if failures.is_empty() {
            continue;
        }
        println!("{group}: {passed} of {all}");
        for failure in &failures {
            println!("  {failure}");
        }
        if !KNOWN_DIFFERENCES.iter().any(|(known, _)| *known == group) {
            unexpected.insert(group, failures.len());
        }
    }
    println!("{} of {} cases passed", totals.0, totals.1);
    assert!(unexpected.is_empty(), "groups with failures: {unexpected:?}");
}

#[test]
fn suite_of_the_reference_implementation() {
    let Some(suite) = suite() else {
        println!("no suite beside the repository: nothing was compared");
        return;
    };
    // The reference implementation has a far larger stack than a test thread.
    let thread = std::thread::Builder::new().stack_size(32 << 20);
    let worker = thread.spawn(move || run_suite(&suite)).expect("a thread can be started");
    worker.join().expect("the suite passes");
}

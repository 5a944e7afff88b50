//! How the tables of cases are checked.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, Expression, Limits, Options};

/// The moment at which all cases are evaluated: 2023-11-14T22:13:20.123Z, a Tuesday.
pub(crate) const NOW: i64 = 1_700_000_000_123;

/// What an expression gives: JSON text, `undefined`, or the code of an error.
pub(crate) fn outcome(expression: &str, input: Option<&json::Value>, options: &Options) -> String {
    let parsed = match Expression::parse_with(expression, options) {
        Ok(parsed) => parsed,
        Err(error) => return error.code.to_owned(),
    };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut environment = Environment {
        now_milliseconds: NOW,
        random: &mut random,
        limits: &Limits::DEFAULT,
        steps: 0,
    };
    let bindings = Bindings { input, ..Bindings::NONE };
    match parsed.evaluate(&bindings, &mut environment) {
        Ok(Some(value)) => value.to_string(),
        Ok(None) => "undefined".to_owned(),
        Err(error) => error.code.to_owned(),
    }
}

/// Checks a table: expressions and what they give on that input.
#[track_caller]
pub(crate) fn check_all(input: &str, cases: &[(&str, &str)]) {
    check_all_as(&Options::JSONATA, input, cases);
}

/// The same in another variant of the language.
#[track_caller]
pub(crate) fn check_all_as(options: &Options, input: &str, cases: &[(&str, &str)]) {
    let input = (!input.is_empty()).then(|| json::parse(input).expect("the input is JSON"));
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(expression, expected)| {
            let found = outcome(expression, input.as_ref(), options);
            (found != *expected)
                .then(|| format!("{expression}\n    expected {expected}\n    found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

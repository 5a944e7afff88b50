//! Evaluates expressions: the arguments, on the JSON text of standard input where there is any.
//! Prints a line for each: its value, or its error.

use std::io::{IsTerminal, Read};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, Expression, Limits, Options};

fn evaluate(text: &str, input: Option<&json::Value>) -> String {
    let expression = match Expression::parse_with(text, &Options::JSONATA) {
        Ok(expression) => expression,
        Err(error) => return error.to_string(),
    };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let limits = Limits::DEFAULT;
    let mut environment = Environment {
        now_milliseconds: 1_700_000_000_000,
        random: &mut random,
        limits: &limits,
        steps: 0,
    };
    match expression.evaluate(&Bindings { input, ..Bindings::NONE }, &mut environment) {
        Ok(Some(value)) => value.to_string(),
        Ok(None) => "undefined".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn main() {
    let mut text = String::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().read_to_string(&mut text).expect("the input is text");
    }
    let input = (!text.is_empty()).then(|| json::parse(&text).expect("the input is JSON"));
    for expression in std::env::args().skip(1) {
        println!("{}", evaluate(&expression, input.as_ref()));
    }
}

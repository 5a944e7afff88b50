//! Prints how long evaluations take. Run it with `--release`.

use std::hint::black_box;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, Expression, Limits};

const INPUT: &str = r#"{
    "a": 41,
    "name": {"first": "Ada", "last": "Lovelace", "title": {"short": "Dr"}},
    "items": [
        {"price": 3, "qty": 2}, {"price": 5, "qty": 1},
        {"price": 7, "qty": 4}, {"price": 11, "qty": 3}
    ],
    "status": "open"
}"#;

const EXPRESSIONS: [&str; 9] = [
    "$states.input.a + 1",
    "$states.input",
    "$states.input.name.title.short & ' ' & $states.input.name.last",
    "$sum($states.input.items.(price * qty))",
    "{'id': $states.input.a, 'total': $sum($states.input.items.price), \
     'many': $states.input.items[qty > 2]}",
    "$map($states.input.items, function($item) { $item.price * $item.qty })",
    "$states.input.items^(>price).price",
    "$reduce($states.input.items.price, function($sum, $price) { $sum + $price }, 0)",
    "$states.input.status = 'open' and $count($states.input.items) > 3",
];

fn nanoseconds(rounds: u32, mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        (0..rounds).for_each(|_| work());
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(rounds));
    }
    best
}

fn main() {
    let input = json::parse(INPUT).expect("the input is JSON");
    let states = [("input", &input)];
    let bindings = Bindings { input: None, states: &states, variables: &|_| None };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let limits = Limits::DEFAULT;
    println!("{:>10} {:>10}  expression", "evaluate", "parse");
    for text in EXPRESSIONS {
        let expression = Expression::parse(text).expect("the expression is valid");
        let evaluate = nanoseconds(2_000, || {
            let mut environment =
                Environment { now_milliseconds: 0, random: &mut random, limits: &limits, steps: 0 };
            let result = expression.evaluate(&bindings, &mut environment);
            black_box(result.expect("the expression has a value"));
        });
        let parse = nanoseconds(1_000, || {
            black_box(Expression::parse(black_box(text)).expect("the expression is valid"));
        });
        println!("{evaluate:>8.0}ns {parse:>8.0}ns  {text}");
    }
}

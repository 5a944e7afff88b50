//! Arbitrary texts and expressions: nothing panics, everything ends.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, Expression, Limits, Options};

const INPUT: &str =
    r#"{"a": [1, 2, {"b": "x"}], "b": {"c": null, "d": [[1], []]}, "e": "text", "f": -1.5}"#;

/// Parses and evaluates; only that it ends is of interest.
fn run(text: &str) {
    let Ok(expression) = Expression::parse_with(text, &Options::JSONATA) else { return };
    let input = json::parse(INPUT).expect("the input is JSON");
    let limits = Limits {
        steps_max: 20_000,
        allocated_bytes_max: 8 << 20,
        value_bytes_max: 1 << 20,
        sequence_items_max: 10_000,
        ..Limits::DEFAULT
    };
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut environment =
        Environment { now_milliseconds: 0, random: &mut random, limits: &limits, steps: 0 };
    let bindings = Bindings { input: Some(&input), ..Bindings::NONE };
    if let Ok(Some(value)) = expression.evaluate(&bindings, &mut environment) {
        // What comes out is JSON.
        json::validate(&value.to_string()).expect("the result is JSON");
    }
}

const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "$",
    "$$",
    "%",
    "*",
    "**",
    "$x",
    "$y",
    "1",
    "0",
    "-1",
    "2.5",
    "1e9",
    "'text'",
    "''",
    "null",
    "true",
    "false",
    "missing",
    "/a+/",
    "/(x)|/",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "'k':",
    ",",
    ";",
    ":",
    "?",
    ":=",
    "$x := ",
    ".",
    "..",
    "+",
    "-",
    "/",
    "=",
    "!=",
    "<",
    ">=",
    "in",
    "and",
    "or",
    "&",
    "~>",
    "^(",
    ">",
    "@$x",
    "#$y",
    "|",
    "??",
    "?:",
    "function($x){",
    "λ($y)<n-:n>{",
    "}",
    "[]",
    "[0]",
    "[-1]",
    "[$]",
    "$f(",
    "$sum(",
    "$map(",
    "$filter(",
    "$reduce(",
    "$string(",
    "$number(",
    "$pad(",
    "$replace(",
    "$split(",
    "$match(",
    "$sort(",
    "$merge(",
    "$spread(",
    "$formatNumber(",
    "$formatInteger(",
    "$fromMillis(",
    "$toMillis(",
    "$zip(",
    "$each(",
    "$sift(",
    "$lookup(",
    "$append(",
    "$substring(",
    "$join(",
    "$eval(",
    "'#,##0.00'",
    "'[Y]-[M01]'",
    "'w;o'",
    "'0'",
    "$uppercase",
    "$substring(?, 1)",
];

/// An expression that is well formed more often than not.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b.c",
        "$",
        "$$",
        "*",
        "**",
        "a.b",
        "1",
        "-2.5",
        "'text'",
        "null",
        "true",
        "missing",
        "/t(e)?/",
        "[1..3]",
        "$x",
        "{'k': 1}",
        "$uppercase",
        "function($x, $y) { $x & $y }",
        "%.e",
        "'[Y0001]-[M01]'",
        "'#,##0.0'",
        "a[0]",
        "b.d[]",
        "[[1], [2, [3]]]",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operators = prop::sample::select(vec![
            ".", " + ", " - ", " * ", " / ", " % ", " & ", " = ", " != ", " < ", " in ", " and ",
            " or ", " ~> ", " ?? ", " ?: ", "..",
        ]);
        let functions = prop::sample::select(vec![
            "sum",
            "count",
            "max",
            "average",
            "string",
            "length",
            "substring",
            "trim",
            "pad",
            "match",
            "contains",
            "replace",
            "split",
            "join",
            "formatNumber",
            "formatBase",
            "formatInteger",
            "parseInteger",
            "number",
            "round",
            "power",
            "boolean",
            "not",
            "map",
            "filter",
            "single",
            "reduce",
            "sift",
            "each",
            "keys",
            "lookup",
            "append",
            "exists",
            "spread",
            "merge",
            "reverse",
            "sort",
            "shuffle",
            "distinct",
            "zip",
            "type",
            "eval",
            "base64encode",
            "base64decode",
            "encodeUrl",
            "decodeUrl",
            "fromMillis",
            "toMillis",
            "assert",
            "clone",
            "error",
        ]);
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(a, o, b)| format!("({a}){o}({b})")),
            (functions, prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(f, arguments)| format!("${f}({})", arguments.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}).({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})^(>{b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}){{'k' & ({a}): {b}}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("($x := {a}; {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("a@$x.b#$y.({a}; {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) ~> |{b}|{{'z': $}}|")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            inner.clone().prop_map(|a| format!("function($x) {{ {a} }}")),
            inner.clone().prop_map(|a| format!("(function($x) {{ {a} }})(1)")),
            inner.prop_map(|a| format!("[{a}, {a}]")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends(text in "\\PC{0,60}") {
        run(&text);
    }

    #[test]
    fn any_sequence_of_words_ends(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        run(&words.concat());
        run(&words.join(" "));
    }

    #[test]
    fn any_expression_ends(text in expression()) {
        run(&text);
    }
}

//! What the crate promises to who embeds it: messages, needs, bindings, numbers as they came.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{Bindings, Environment, EvaluationError, Expression, Limits};

fn evaluate(text: &str, bindings: &Bindings<'_>) -> Result<Option<json::Value>, EvaluationError> {
    let expression = Expression::parse(text).expect("the expression is valid");
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut environment = Environment {
        now_milliseconds: 0,
        random: &mut random,
        limits: &Limits::DEFAULT,
        steps: 0,
    };
    expression.evaluate(bindings, &mut environment)
}

fn parse(text: &str) -> json::Value {
    json::parse(text).expect("the text is JSON")
}

#[track_caller]
fn check_message(expression: &str, expected: &str) {
    let error = match Expression::parse(expression) {
        Err(error) => error.to_string(),
        Ok(_) => evaluate(expression, &Bindings::NONE).expect_err("it fails").to_string(),
    };
    assert_eq!(error, expected, "{expression}");
}

#[test]
fn messages_are_those_of_the_reference() {
    let cases = [
        ("1 + 'a'", r#"T2002: The right side of the "+" operator must evaluate to a number"#),
        ("'a' * 1", r#"T2001: The left side of the "*" operator must evaluate to a number"#),
        (
            "1 < 'a'",
            r#"T2009: The values 1 and "a" either side of operator "<" must be of the same data type"#,
        ),
        (
            "true < 1",
            r#"T2010: The expressions either side of operator "<" must evaluate to numeric or string values"#,
        ),
        ("-[1, 2]", "D1002: Cannot negate a non-numeric value: [1,2]"),
        ("{1: 2}", "T1003: Key in object structure must evaluate to a string; got: 1"),
        ("{'a': 1, 'a': 2}", r#"D1009: Multiple key definitions evaluate to same key: "a""#),
        ("$unknown(1)", "T1006: Attempted to invoke a non-function"),
        ("sum(1)", "T1005: Attempted to invoke a non-function. Did you mean $sum?"),
        ("sum(?)", "T1007: Attempted to partially apply a non-function. Did you mean $sum?"),
        (
            "$length(1)",
            r#"T0410: Argument 1 of function "length" does not match function signature"#,
        ),
        (
            "$substring('a', 'b')",
            r#"T0410: Argument 2 of function "substring" does not match function signature"#,
        ),
        ("$sum([1, 'a'])", r#"T0412: Argument 1 of function "sum" must be an array of "numbers""#),
        (
            "5.$length()",
            "S0213: The literal value 5 cannot be used as a step within a path expression",
        ),
        (
            "(5).$length()",
            r#"T0411: Context value is not a compatible type with argument 1 of function "length""#,
        ),
        ("$number('x')", r#"D3030: Unable to cast value to a number: "x""#),
        ("$sqrt(-1)", "D3060: The sqrt function cannot be applied to a negative number: -1"),
        (
            "$power(10, 1000)",
            "D3061: The power function has resulted in a value that cannot be represented as a \
             JSON number: base=10, exponent=1000",
        ),
        ("$decodeUrl('%')", r#"D3140: Malformed URL passed to $decodeUrl(): "%""#),
        ("$error('as I said')", "D3137: as I said"),
        ("$error()", "D3137: $error() function evaluated"),
        ("$assert(false)", "D3141: $assert() statement failed"),
        ("10e999", r#"S0102: Number out of range: "10e999""#),
        ("a b", r#"S0201: Syntax error: "b""#),
        ("(1", r#"S0203: Expected ")" before end of expression"#),
        ("{'a' 1}", r#"S0202: Expected ":", got "1""#),
        ("+ 1", r#"S0211: The symbol "+" cannot be used as a unary operator"#),
        (
            "function(a) { 1 }",
            "S0208: Parameter 1 of function definition must be a variable name (start with $)",
        ),
        (
            "/(?#a)/",
            r#"S0303: The regular expression "/(?#a)/" is not supported: it has an unknown kind of group"#,
        ),
        (
            "[1..1e9]",
            "D2014: The size of the sequence allocated by the range operator (..) must not exceed \
             1e6.  Attempted to allocate 1000000000.",
        ),
    ];
    for (expression, expected) in cases {
        check_message(expression, expected);
    }
}

/// As the service answered.
#[test]
fn messages_of_the_functions_of_step_functions() {
    for (expression, expected) in [
        (
            "$hash('data', 'UNSUPPORTED')",
            "D3137: Hash algorithm 'UNSUPPORTED' must be one of SHA-1, SHA-384, SHA-256, SHA-512, \
             MD5",
        ),
        ("$hash()", r#"T0410: Argument 1 of function "hash" does not match function signature"#),
        ("$parse('{bad json}')", "D3137: Invalid JSON"),
        (
            "$parse(123)",
            r#"T0410: Argument 1 of function "parse" does not match function signature"#,
        ),
        (
            "$partition('not-array', 2)",
            r#"T0412: Argument 1 of function "partition" must be an array of undefined"#,
        ),
        (
            "$partition([1, 2, 3], 2, 99)",
            r#"T0410: Argument 3 of function "partition" does not match function signature"#,
        ),
        (
            "$range(1, 5, null)",
            r#"T0410: Argument 3 of function "range" does not match function signature"#,
        ),
    ] {
        check_message(expression, expected);
    }
}

#[test]
fn errors_say_where() {
    let error = evaluate("'äöü' & (1 + null)", &Bindings::NONE).expect_err("it fails");
    assert_eq!((error.position, error.token.as_deref()), (Some(12), Some("+")));
    let error = Expression::parse("'äöü' & )").expect_err("it is no expression");
    assert_eq!((error.position, error.token.as_deref()), (9, Some(")")));
}

#[track_caller]
fn check_needs(expression: &str, variables: &str, states: &str, restrictions: &[&str]) {
    let parsed = Expression::parse(expression).expect("the expression is valid");
    let needs = parsed.needs();
    let join = |names: &std::collections::BTreeSet<Arc<str>>| {
        names.iter().map(|name| &**name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(join(&needs.variables), variables, "{expression}");
    assert_eq!(join(&needs.states_members), states, "{expression}");
    let found: Vec<String> = needs.restrictions.iter().map(ToString::to_string).collect();
    assert_eq!(found, restrictions, "{expression}");
}

#[test]
fn needs_are_found() {
    let field = |name: &str| format!("Reference to '{name}' at the top level is not supported.");
    let phone = field("phone");
    let context = "Reference to '$' at the top level is not supported.";
    let root = "Reference to '$$' is not supported.";
    check_needs("1", "", "", &[]);
    check_needs("$states.input.a + $x", "states x", "input", &[]);
    check_needs("$states.result[$states.input.n > 0]", "states", "input result", &[]);
    check_needs("($x := 1; $x + $y)", "y", "", &[]);
    check_needs("function($x) { $x + $y }", "y", "", &[]);
    check_needs("$sum($states.input.a)", "states sum", "input", &[]);
    check_needs("phone", "", "", &[&phone]);
    check_needs("phone.number", "", "", &[&phone]);
    check_needs("$states.input.(phone)", "states", "input", &[]);
    check_needs("$states.input[phone = 1]", "states", "input", &[]);
    check_needs("$states.input{phone: 1}", "states", "input", &[]);
    check_needs("$states.input^(phone)", "states", "input", &[]);
    check_needs("$x ~> |$|{'a': phone}|", "x", "", &[]);
    check_needs("[1, phone, $, $$, phone]", "", "", &[&phone, context, root]);
    check_needs("{'a': phone}", "", "", &[&phone]);
    check_needs("{phone: 1}", "", "", &[&phone]);
    check_needs("$map([1], function($v) { phone })", "map", "", &[&phone]);
    check_needs("[1, 2].($ + 1)", "", "", &[]);
    check_needs("[1, 2][$ > 1]", "", "", &[]);
    check_needs("[1].($$ + 1)", "", "", &[root]);
    check_needs("*", "", "", &[&field("*")]);
    check_needs("$states", "states", "", &[]);
    check_needs("$a@$b.$c", "a c", "", &[]);
    assert!(Expression::parse("$states").expect("valid").needs().whole_states);
    assert!(!Expression::parse("$states.input").expect("valid").needs().whole_states);
}

#[test]
fn states_are_bound_by_their_members() {
    let (input, result) = (parse(r#"{"a": {"b": [1, 2]}}"#), parse("null"));
    let bindings = Bindings {
        states: &[("input", &input), ("result", &result)],
        variables: &|name| (name == "x").then(|| json::Value::from(5_i64)),
        ..Bindings::NONE
    };
    let cases = [
        ("$states.input.a.b[1]", Some("2")),
        ("$states.input", Some(r#"{"a":{"b":[1,2]}}"#)),
        ("$states.result", Some("null")),
        ("$states.context", None),
        ("$states", Some(r#"{"input":{"a":{"b":[1,2]}},"result":null}"#)),
        ("$states.*.a.b", Some("[1,2]")),
        ("$keys($states)", Some(r#"["input","result"]"#)),
        ("$states.(input.a.b)", Some("[1,2]")),
        ("$states.input.a.b[]", Some("[1,2]")),
        ("$states['input' in $keys($)].input.a.b[0]", Some("1")),
        ("[1].$states.input.a.b", Some("[1,2]")),
        ("($states := {'input': 7}; $states.input)", Some("7")),
        ("$x", Some("5")),
        ("[$x, $y]", Some("[5]")),
    ];
    for (expression, expected) in cases {
        let value = evaluate(expression, &bindings).expect("it succeeds");
        assert_eq!(value.map(|value| value.to_string()).as_deref(), expected, "{expression}");
    }
}

#[test]
fn a_variable_hides_a_function() {
    let bindings = Bindings {
        variables: &|name| (name == "sum").then(|| json::Value::from(5_i64)),
        ..Bindings::NONE
    };
    assert_eq!(evaluate("$sum", &bindings).expect("it succeeds"), Some(json::Value::from(5_i64)));
    assert_eq!(evaluate("$sum([1])", &bindings).expect_err("it fails").code, "T1006");
}

#[test]
fn variables_are_asked_for_once() {
    let asked = std::cell::Cell::new(0);
    let bindings = Bindings {
        variables: &|_| {
            asked.set(asked.get() + 1);
            Some(json::Value::from(1_i64))
        },
        ..Bindings::NONE
    };
    let value = evaluate("[1..100].($ + $x)", &bindings).expect("it succeeds");
    assert_eq!(value.and_then(|value| value.as_array().map(<[_]>::len)), Some(100));
    assert_eq!(asked.get(), 1);
}

#[test]
fn numbers_keep_their_text_until_something_is_computed() {
    let text = r#"{"long": 12345678901234567890, "decimal": 1.10, "float": 2.0, "exponent": 1e3}"#;
    let input = parse(text);
    let bindings = Bindings { states: &[("input", &input)], ..Bindings::NONE };
    let cases = [
        ("$states.input.long", "12345678901234567890"),
        ("$states.input.decimal", "1.10"),
        ("[$states.input.float, $states.input.exponent]", "[2.0,1e3]"),
        ("$states.input.decimal + 0", "1.1"),
        ("$states.input.float + 0", "2"),
        ("$states.input.exponent + 0", "1000"),
        ("$states.input.long + 0", "12345678901234567000"),
        ("$string($states.input.float)", r#""2""#),
        ("$states.input.float = 2", "true"),
        ("$sum([$states.input.float, 1])", "3"),
        ("$states.input.exponent > 999", "true"),
        ("$distinct([1, $states.input.float, 2])", "[1,2.0]"),
    ];
    for (expression, expected) in cases {
        let value = evaluate(expression, &bindings).expect("it succeeds").expect("it is defined");
        assert_eq!(value.to_string(), expected, "{expression}");
    }
}

#[test]
fn values_of_the_input_are_shared() {
    let input = parse(r#"{"a": {"b": [1, 2, 3]}}"#);
    let bindings = Bindings { states: &[("input", &input)], ..Bindings::NONE };
    let value = evaluate("{'x': $states.input.a}", &bindings).expect("it succeeds");
    let (Some(json::Value::Object(inside)), Some(json::Value::Object(outside))) =
        (value.as_ref().and_then(|value| value.get("x")), input.get("a"))
    else {
        panic!("both are objects");
    };
    assert!(Arc::ptr_eq(inside, outside));
}

#[test]
fn expressions_can_be_shared_among_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let expression = Expression::parse("$map([1], function($x) { $x ~> |$|{}| })").expect("valid");
    shared(&expression);
}

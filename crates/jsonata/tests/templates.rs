//! Payload templates: what is an expression, what a template gives, and where it fails.

use json::Value;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonata::{
    Bindings, Environment, Limits, Template, TemplateFailure, expression_text, is_function,
    is_malformed,
};

fn compile(template: &str) -> Template {
    let template = json::parse(template).expect("the test says JSON");
    Template::compile(&template).expect("the test says a template")
}

fn evaluate(template: &str) -> Result<Value, Box<TemplateFailure>> {
    let input = json::parse(r#"{"a":1,"list":[1,2]}"#).expect("JSON");
    let states = [("input", &input)];
    let variables = |name: &str| (name == "known").then(|| Value::from("v"));
    let bindings = Bindings { input: None, states: &states, variables: &variables };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut environment = Environment {
        now_milliseconds: 0,
        random: &mut random,
        limits: &Limits::DEFAULT,
        steps: 0,
    };
    compile(template).evaluate(&bindings, &mut environment)
}

#[test]
fn marks_at_both_ends_make_an_expression() {
    for (text, expected) in [
        ("{% 1 + 2 %}", Some("1 + 2")),
        ("{%1%}", Some("1")),
        ("{%\n $x\t%}", Some("$x")),
        ("{%%}", Some("")),
        ("{% '%}' %}", Some("'%}'")),
        (" {% 1 %}", None),
        ("{% 1 %} ", None),
        ("{% 1", None),
        ("1 %}", None),
        ("{%}", None),
        ("", None),
        ("$x", None),
    ] {
        assert_eq!(expression_text(text), expected, "{text}");
    }
}

#[test]
fn expressions_are_replaced_wherever_they_stand() {
    for (template, expected) in [
        (r#""{% $states.input.a %}""#, "1"),
        (r#""{% null %}""#, "null"),
        (
            r#"{"x":"{% $known %}","y":"a {% $known %} b","z":null}"#,
            r#"{"x":"v","y":"a {% $known %} b","z":null}"#,
        ),
        (
            r#"[1.10,["{% $states.input.list %}"],{"{% 1 %}":true}]"#,
            r#"[1.10,[[1,2]],{"{% 1 %}":true}]"#,
        ),
        (r#"{"a.$":"$.a"}"#, r#"{"a.$":"$.a"}"#),
    ] {
        let value = evaluate(template).unwrap_or_else(|failure| panic!("{template}: {failure:?}"));
        assert_eq!(value.to_string(), expected, "{template}");
    }
}

#[test]
fn failures_name_the_place_and_the_expression() {
    for (template, pointer, expression, code) in [
        (r#""{% $missing %}""#, "", "$missing", None),
        (r#"{"a":{"b":["{%$missing%}"]}}"#, "/a/b[0]", "$missing", None),
        (r#"[{"x":"{% $known %}"},"{% 1 + 'a' %}"]"#, "[1]", "1 + 'a'", Some("T2002")),
        (
            r#"{"first":"{% $states.input.b %}","second":"{% $nope() %}"}"#,
            "/first",
            "$states.input.b",
            None,
        ),
        (r#"{"f":"{% $nope() %}"}"#, "/f", "$nope()", Some("T1006")),
    ] {
        let failure = evaluate(template).expect_err(template);
        assert_eq!(failure.pointer, pointer, "{template}");
        assert_eq!(failure.expression, expression, "{template}");
        assert_eq!(failure.error.map(|error| error.code), code, "{template}");
    }
}

#[test]
fn every_mistake_is_found() {
    let template = json::parse(r#"{"a":"{% 1 + %}","b":[true,"{% ( %}"],"c":"{% 1 %}"}"#);
    let errors = Template::compile(&template.expect("JSON")).expect_err("two mistakes");
    let pointers: Vec<&str> = errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/a", "/b[1]"]);
}

#[test]
fn needs_are_those_of_all_expressions() {
    let template = compile(
        r#"{"a":"{% $x + $states.input.y %}","b":["{% $states.context.z %}","{% $x & field %}"]}"#,
    );
    let needs = template.needs();
    let variables: Vec<&str> = needs.variables.iter().map(|name| &**name).collect();
    assert_eq!(variables, ["states", "x"]);
    let members: Vec<&str> = needs.states_members.iter().map(|name| &**name).collect();
    assert_eq!(members, ["context", "input"]);
    assert!(!needs.whole_states);
    assert_eq!(needs.restrictions.len(), 1);
    assert_eq!(template.expressions().len(), 3);
}

#[test]
fn literals_and_whole_expressions_are_known_as_such() {
    assert_eq!(
        compile(r#"{"a":[1,"x"]}"#).literal().map(Value::to_string).as_deref(),
        Some(r#"{"a":[1,"x"]}"#)
    );
    assert_eq!(compile(r#""{% $x %}""#).whole_expression(), Some("$x"));
    assert!(compile(r#"["{% $x %}"]"#).literal().is_none());
    assert!(compile(r#"["{% $x %}"]"#).whole_expression().is_none());
}

#[test]
fn functions_of_step_functions_are_known() {
    assert!(is_function("sum") && is_function("uuid") && is_function("partition"));
    assert!(!is_function("eval") && !is_function("total"));
}

#[test]
fn marks_that_do_not_stand_at_both_ends_are_refused() {
    for (text, malformed) in [
        ("{% 10 %", true),
        ("10 %}", true),
        (" {% 1 %}", true),
        ("{% 1 %} ", true),
        ("\n{% 1 %}\n", false),
        ("{% x }", true),
        ("{ % x %}", true),
        ("{%}", true),
        ("{% 1 %} boats", true),
        ("{% 1 %}", false),
        (" {% 1 %} ", false),
        ("{%1%}", false),
        ("a {% 1 %} b", false),
        ("100 %", false),
        ("{ % x % }", false),
        ("", false),
    ] {
        assert_eq!(is_malformed(text), malformed, "{text}");
        let template = json::Value::from(vec![json::Value::from(text)]);
        let errors = Template::compile(&template).err().unwrap_or_default();
        assert_eq!(errors.len(), usize::from(malformed), "{text}");
        if let Some(error) = errors.first() {
            assert_eq!(error.pointer, "[0]");
            assert!(error.error.message.contains("must start with '{%'"), "{}", error.error);
        }
    }
}

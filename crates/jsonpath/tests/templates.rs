//! Payload templates.

use std::cell::Cell;

use expect_test::{Expect, expect};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use stairwell_jsonpath::{
    EvaluationError, Expression, Needs, RenderError, Scope, Template, TemplateError,
};

fn render(template: &str, input: &str) -> Result<String, RenderError> {
    let input = json::parse(input).expect("the input is JSON");
    let context = json::parse(r#"{"State": {"Name": "S"}}"#).expect("the context is JSON");
    let variables = json::parse(r#"{"v": {"w": 5}}"#).expect("the variables are JSON");
    let scope = Scope {
        input: &input,
        context: &context,
        variables: variables.as_object().expect("the variables are an object"),
        visits: &Cell::default(),
    };
    let template = json::parse(template).expect("the template is JSON");
    let template = Template::compile(&template).expect("the template is right");
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    template.render(&scope, random).map(|value| value.to_string())
}

fn check(template: &str, input: &str, expected: &str) {
    assert_eq!(render(template, input).as_deref(), Ok(expected), "{template}");
}

#[test]
fn members_with_the_suffix_are_evaluated() {
    check(r#"{"a.$": "$.x"}"#, r#"{"x": [1]}"#, r#"{"a":[1]}"#);
    check(
        r#"{"a.$": "$", "b": "$.x", "c.$": "$$.State.Name", "d.$": "$v.w"}"#,
        "7",
        r#"{"a":7,"b":"$.x","c":"S","d":5}"#,
    );
    check(r#"{"a.$": "States.Format('{}!', $.x)"}"#, r#"{"x": "y"}"#, r#"{"a":"y!"}"#);
    check(
        r#"{"z": 1, "a.$": "$.x", "m": [1.50, null]}"#,
        r#"{"x": 2}"#,
        r#"{"z":1,"a":2,"m":[1.50,null]}"#,
    );
    check(
        r#"{"a": {"b": {"c.$": "$.x", "d": {}}, "e": []}}"#,
        r#"{"x": 2}"#,
        r#"{"a":{"b":{"c":2,"d":{}},"e":[]}}"#,
    );
    check(
        r#"{"l": ["$.x", {"a.$": "$.x"}, [{"b.$": "$.x"}], 3]}"#,
        r#"{"x": 2}"#,
        r#"{"l":["$.x",{"a":2},[{"b":2}],3]}"#,
    );
    check(r#"[{"a.$": "$.x"}, {"a.$": "$.x"}]"#, r#"{"x": 2}"#, r#"[{"a":2},{"a":2}]"#);
    check(r#"{"a.$": "$.l[*]"}"#, "{}", r#"{"a":[]}"#);
    check(r#"{".$": "$.x"}"#, r#"{"x": 2}"#, r#"{"":2}"#);
    check(r#"{"a.$.$": "$.x"}"#, r#"{"x": 2}"#, r#"{"a.$":2}"#);
    check(
        r#"{"a.$b": "$.x", "$": "$.x", "a.": "$.x"}"#,
        r#"{"x": 2}"#,
        r#"{"a.$b":"$.x","$":"$.x","a.":"$.x"}"#,
    );
}

#[test]
fn literals_stay_as_they_are() {
    for text in [r#"{"a":[1,{"b":"$.c"}]}"#, "[]", "{}", "\"$.x\"", "1.50", "null"] {
        let value = json::parse(text).unwrap();
        let template = Template::compile(&value).unwrap();
        assert_eq!(template.literal().map(json::Value::to_text).as_deref(), Some(text));
        check(text, "{}", text);
    }
    let template = Template::compile(&json::parse(r#"{"a.$": "$"}"#).unwrap()).unwrap();
    assert_eq!(template.literal(), None);
}

#[test]
fn the_first_failure_is_told() {
    let failure =
        render(r#"{"ok.$": "$.x", "a": [{"b.$": "$.no.such"}], "c.$": "$.no"}"#, r#"{"x": 1}"#);
    assert_eq!(
        failure,
        Err(RenderError {
            field: "b.$".into(),
            expression: "$.no.such".into(),
            error: EvaluationError::NoResult {
                path: "$.no.such".into(),
                reason: "Missing property in path $['no']".into(),
            },
        })
    );
    let failure = render(r#"{"a.$": "States.Array($.x, $.no)"}"#, r#"{"x": 1}"#).unwrap_err();
    assert_eq!(failure.expression, "States.Array($.x, $.no)");
    assert_eq!(
        failure.error,
        EvaluationError::NoResult {
            path: "$.no".into(),
            reason: "No results for path: $['no']".into(),
        }
    );
}

#[test]
fn needs_of_all_members_are_gathered() {
    let needs =
        |text: &str| Template::compile(&json::parse(text).unwrap()).unwrap().needs().clone();
    assert_eq!(needs(r#"{"a.$": "$.x", "b": "$$.y"}"#), Needs::default());
    assert_eq!(
        needs(r#"{"a.$": "$$.x", "b": [{"c.$": "States.Array($p, $q.r, $p)"}], "d.$": "$q"}"#),
        Needs { context: true, variables: vec!["p".into(), "q".into()], may_be_long: false }
    );
}

fn errors(template: &str, expected: Expect) {
    let template = json::parse(template).expect("the template is JSON");
    let errors = Template::compile(&template).expect_err("the template is wrong");
    let lines = errors
        .iter()
        .map(|TemplateError { pointer, field, error }| format!("{pointer} ({field}): {error}\n"));
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn every_mistake_is_told() {
    errors(
        r#"{"ok.$": "$.x", "a.$": "x", "b": {"c.$": 1, "d": [0, {"e.$": "$."}]}, "f": 1,
        "f.$": "$.f", "g.$": {}, "h.$": "States.Nope()", "i.$": "", "j.$": null}"#,
        expect![[r#"
            /a.$ (a.$): 'x' is no intrinsic function
            /b/c.$ (c.$): The value is not a text
            /b/d[1]/e.$ (e.$): Path must not end with a '.' or '..'
            /f.$ (f.$): The object has the same name without '.$' too
            /g.$ (g.$): The value is not a text
            /h.$ (h.$): 'States.Nope' is no intrinsic function
            /i.$ (i.$): Expected a path or the call of an intrinsic function
            /j.$ (j.$): The value is not a text
        "#]],
    );
    errors(
        r#"[[{"a.$": "$.["}]]"#,
        expect![[r#"
        [0][0]/a.$ (a.$): Expected a name in quotes, a number, '*' or '?'
    "#]],
    );
}

#[test]
fn expressions_are_paths_or_calls() {
    let kind = |text: &str| match Expression::parse(text) {
        Ok(Expression::Path(_)) => "path",
        Ok(Expression::Intrinsic(_)) => "call",
        Err(_) => "neither",
    };
    for (text, expected) in [
        ("$", "path"),
        ("$.a", "path"),
        ("$$.a", "path"),
        ("$v", "path"),
        ("States.UUID()", "call"),
        ("States.UUID", "neither"),
        ("UUID()", "neither"),
        ("", "neither"),
        ("a", "neither"),
        ("{% $x %}", "neither"),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    assert_eq!(Expression::parse("States.UUID()").unwrap().text(), "States.UUID()");
    assert_eq!(Expression::parse("$.a").unwrap().text(), "$.a");
    assert!(Expression::parse("$$.a").unwrap().needs().context);
}

#[test]
fn deep_templates_do_no_harm() {
    let wrap =
        |inner: json::Value| json::Value::from(json::Object::from_iter([("a".into(), inner)]));
    let leaf = json::parse(r#"{"x.$": "$.y"}"#).unwrap();
    let deep = (0..3_000).fold(leaf, |inner, _| wrap(vec![inner].into()));
    let template = Template::compile(&deep).unwrap();
    let input = json::parse("{\"y\":1}").unwrap();
    let (context, variables) = (json::Value::Null, json::Object::new());
    let scope =
        Scope { input: &input, context: &context, variables: &variables, visits: &Cell::default() };
    let value = template.render(&scope, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    assert!(value.to_text().contains(r#"{"a":[{"x":1}]}"#));
}

//! Reference paths.

use stairwell_jsonpath::{EvaluationError, ReferencePath};

fn check(path: &str, target: &str, value: &str, expected: &str) {
    let path = ReferencePath::parse(path).expect(path);
    let target = json::parse(target).expect("the target is JSON");
    let value = json::parse(value).expect("the value is JSON");
    let result = path.put(&target, value.clone());
    assert_eq!(result.as_ref().map(json::Value::to_text).as_deref(), Ok(expected), "{path:?}");
    assert_eq!(path.get(&result.expect("it was just compared")), Some(value));
}

#[test]
fn a_value_goes_to_its_place() {
    check("$", "{\"a\":1}", "2", "2");
    check("$", "null", "{}", "{}");
    check("$.a", "{}", "1", "{\"a\":1}");
    check("$.a", "{\"a\":0,\"b\":2}", "1", "{\"a\":1,\"b\":2}");
    check("$.b", "{\"a\":0}", "1", "{\"a\":0,\"b\":1}");
    check("$.a.b.c", "{}", "1", "{\"a\":{\"b\":{\"c\":1}}}");
    check("$.a.b", "{\"a\":{\"c\":0}}", "1", "{\"a\":{\"c\":0,\"b\":1}}");
    check("$['a b']['c']", "{}", "1", "{\"a b\":{\"c\":1}}");
    check(
        "$.detail",
        "{\"id\":1,\"detail\":{\"x\":1}}",
        "{\"y\":2}",
        "{\"id\":1,\"detail\":{\"y\":2}}",
    );
    check("$.a[0]", "{\"a\":[1,2]}", "9", "{\"a\":[9,2]}");
    check("$.a[1]", "{\"a\":[1,2]}", "9", "{\"a\":[1,9]}");
    check("$.a[2]", "{\"a\":[1,2]}", "9", "{\"a\":[1,2,9]}");
    check("$.a[0]", "{\"a\":[]}", "9", "{\"a\":[9]}");
    check("$.a[0]", "{}", "9", "{\"a\":[9]}");
    check("$[1]", "[1,2]", "9", "[1,9]");
    check("$[0].x", "[{\"y\":1}]", "9", "[{\"y\":1,\"x\":9}]");
    check("$[1].x", "[{}]", "9", "[{},{\"x\":9}]");
    check("$.a[0][0].b", "{}", "9", "{\"a\":[[{\"b\":9}]]}");
    check("$.a.b", "{\"a\":{\"b\":[1]}}", "null", "{\"a\":{\"b\":null}}");
}

#[test]
fn a_place_that_cannot_be_is_refused() {
    for (path, target) in [
        ("$.a", "1"),
        ("$.a", "\"input1\""),
        ("$.a", "null"),
        ("$.a", "[]"),
        ("$[0]", "{}"),
        ("$.a.b", "{\"a\":1}"),
        ("$.a.b", "{\"a\":null}"),
        ("$.a.b", "{\"a\":[]}"),
        ("$.a[0]", "{\"a\":{}}"),
        ("$.a[1]", "{\"a\":[]}"),
        ("$.a[1]", "{}"),
        ("$.a[3]", "{\"a\":[1,2]}"),
        ("$[0].x", "[1]"),
    ] {
        let target = json::parse(target).unwrap();
        let message = format!("Unable to apply ReferencePath {path} to input {target}");
        let result = ReferencePath::parse(path).unwrap().put(&target, 1.into());
        assert_eq!(result, Err(EvaluationError::NotWritable { message }), "{path} on {target}");
    }
}

#[test]
fn what_is_not_there_is_not_got() {
    let source = json::parse("{\"a\":[1,{\"b\":null}]}").unwrap();
    let get = |path: &str| ReferencePath::parse(path).unwrap().get(&source);
    assert_eq!(get("$"), Some(source.clone()));
    assert_eq!(get("$.a[0]"), Some(1.into()));
    assert_eq!(get("$.a[1].b"), Some(json::Value::Null));
    assert_eq!(get("$.a[2]"), None);
    assert_eq!(get("$.b"), None);
    assert_eq!(get("$.a.b"), None);
    assert_eq!(get("$.a[1].b.c"), None);
}

#[test]
fn operators_are_refused() {
    for path in [
        "",
        "a",
        "$$",
        "$$.a",
        "$v",
        "$v.a",
        "$.a[*]",
        "$.*",
        "$..a",
        "$.a[0:1]",
        "$.a[0,1]",
        "$['a','b']",
        "$.a[?(@.b)]",
        "$.a[-1]",
        "$.a[(@.length-1)]",
        "$.a.length()",
        "$.",
        "not-a-path",
    ] {
        assert!(ReferencePath::parse(path).is_err(), "{path}");
    }
    let path = ReferencePath::parse("$.a['b'][0]").unwrap();
    assert_eq!(path.text(), "$.a['b'][0]");
    assert!(!path.is_root());
    assert!(ReferencePath::parse("$").unwrap().is_root());
}

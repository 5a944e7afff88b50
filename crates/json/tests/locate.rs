//! Places in a text.

use stairwell_json::{Position, duplicate_keys, locate};

const TEXT: &str = r#"{
  "StartAt": "a/b",
  "States": {
    "a": {"b": 1, "c[0]": 2},
    "a/b": {"Choices": [{"Next": "x"}, {"Next": "y", "Größe": [7, 8]}]},
    "c": {"d.$": "$.x"}, "c": {"e": 1}
  }
}"#;

/// `at` is what stands at the place.
fn check(pointer: &str, line: usize, at: &str) {
    let position = locate(TEXT, pointer);
    assert!(TEXT[position.offset..].starts_with(at), "{pointer} is at {position:?}");
    assert_eq!(position.line, line, "{pointer}");
    assert_eq!(position, Position::at(TEXT, position.offset));
}

#[test]
fn finds_the_names_of_members_and_the_items_of_arrays() {
    check("", 1, "{\n");
    check("/StartAt", 2, "\"StartAt\"");
    check("/States/a/b", 5, "\"a/b\"");
    check("/States/a/c[0]", 4, "\"c[0]\"");
    check("/States/a", 4, "\"a\"");
    check("/States/a/b/Choices[1]/Next", 5, "\"Next\": \"y\"");
    check("/States/a/b/Choices[1]/Größe[1]", 5, "8]");
    check("/States/a/b/Choices[0]", 5, "{\"Next\": \"x\"}");
}

#[test]
fn stops_at_the_nearest_that_is_there() {
    check("/States/a/b/Choices[2]/Next", 5, "\"Choices\"");
    check("/States/z", 3, "\"States\"");
    check("/Missing/deeper", 1, "{\n");
    check("nonsense", 1, "{\n");
    check("/States/c/e", 6, "\"e\"");
}

#[test]
fn counts_columns_in_characters() {
    assert_eq!(Position::at("é\nßx", 6), Position { offset: 6, line: 2, column: 3 });
    assert_eq!(Position::at("ab", 99), Position { offset: 2, line: 1, column: 3 });
}

#[test]
fn points_to_the_mistake_in_a_text_that_is_not_json() {
    assert_eq!(locate("{\n \"a\": ?}", "/a"), Position { offset: 8, line: 2, column: 7 });
    assert_eq!(duplicate_keys("{\"a\":1,\"a\":").count(), 0);
}

#[test]
fn reports_repeated_names() {
    let text = r#"{"a":1,"b":[{"x":1},{"x":1,"y":{"z":1,"z":2},"\u0078":3}],"a":2,"a":3}"#;
    let found: Vec<_> = duplicate_keys(text)
        .map(|(pointer, position)| (pointer, text[position.offset..].split(':').next().unwrap()))
        .collect();
    let expected =
        [("/b[1]/y/z", "\"z\""), ("/b[1]/x", "\"\\u0078\""), ("/a", "\"a\""), ("/a", "\"a\"")];
    assert_eq!(found, expected.map(|(pointer, name)| (pointer.to_owned(), name)));
    assert_eq!(duplicate_keys(TEXT.split_once("\"c\": {\"e\"").unwrap().0).count(), 0);
    assert_eq!(duplicate_keys(TEXT).next().map(|found| found.0).as_deref(), Some("/States/c"));
}

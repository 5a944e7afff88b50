//! Texts that are no definition at all.

use asl::{Code, Diagnostic, Severity, diagnostics_message};
use expect_test::expect;

use crate::{check, check_state};

#[test]
fn a_definition_is_there() {
    check(
        "",
        expect![[r#"
        Error MISSING_DESCRIPTION at /
            The definition is empty"#]],
    );
    check(
        " \n\t",
        expect![[r#"
        Error MISSING_DESCRIPTION at /
            The definition is empty"#]],
    );
    check(
        "null",
        expect![[r#"
        Error MISSING_DESCRIPTION at /
            The definition is null"#]],
    );
}

#[test]
fn a_definition_is_json() {
    check(
        "not json",
        expect![[r#"
        Error INVALID_JSON_DESCRIPTION at [Source: UNKNOWN; line: 1, column: 4]
            Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"#]],
    );
    check(
        "{\n  \"StartAt\": \"A\",\n  \"States\": {,}\n}",
        expect![[r#"
        Error INVALID_JSON_DESCRIPTION at [Source: UNKNOWN; line: 3, column: 14]
            Unexpected character (',' (code 44)): was expecting double-quote to start field name"#]],
    );
    check(
        r#"{"StartAt":"A""#,
        expect![[r#"
        Error INVALID_JSON_DESCRIPTION at [Source: UNKNOWN; line: 1, column: 15]
            Unexpected end-of-input: expected close marker for Object (start marker at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1])"#]],
    );
    check(
        "{} {}",
        expect![[r#"
        Error INVALID_JSON_DESCRIPTION at [Source: UNKNOWN; line: 1, column: 4]
            Trailing token (of type START_OBJECT) found after value"#]],
    );
    check(
        &"[".repeat(100_000),
        expect![[r#"
        Error INVALID_JSON_DESCRIPTION at [Source: UNKNOWN; line: 1, column: 1001]
            Document nesting depth (1001) exceeds the maximum allowed (1000, from `StreamReadConstraints.getMaxNestingDepth()`)"#]],
    );
}

#[test]
fn a_definition_is_an_object() {
    check(
        "[]",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /
            Expected value of type [OBJECT]"#]],
    );
    check(
        "1",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /
            Expected value of type [OBJECT]"#]],
    );
    check(
        r#""{}""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /
            Expected value of type [OBJECT]"#]],
    );
}

#[test]
fn no_name_comes_twice_in_an_object() {
    check(
        r#"{"StartAt":"A","StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#,
        expect![[r#"
            Error INVALID_JSON_DESCRIPTION at /StartAt
                Duplicate field 'StartAt'"#]],
    );
    check(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Pass","End":true},
            "A":{"Type":"Pass","Type":"Pass","End":true}}}"#,
        expect![[r#"
            Error DUPLICATE_STATE_NAME at /States/A
                Duplicate State name: A
            Error INVALID_JSON_DESCRIPTION at /States/A/Type
                Duplicate field 'Type'"#]],
    );
    check_state(
        r#""Type":"Parallel","End":true,"Branches":[
            {"StartAt":"X","States":{"X":{"Type":"Succeed"},"X":{"Type":"Succeed"}}}]"#,
        expect![[r#"
            Error DUPLICATE_STATE_NAME at /States/S/Branches[0]/States/X
                Duplicate State name: X"#]],
    );
    check_state(
        r#""Type":"Pass","Result":{"States":{"a/b":1,"a/b":2},"list":[{"x":1,"x":2}]},"End":true"#,
        expect![[r#"
            Error INVALID_JSON_DESCRIPTION at /States/S/Result/States/a/b
                Duplicate field 'a/b'
            Error INVALID_JSON_DESCRIPTION at /States/S/Result/list[0]/x
                Duplicate field 'x'"#]],
    );
}

#[test]
fn errors_are_joined_as_aws_joins_them() {
    let found = |severity, pointer: &str| Diagnostic {
        severity,
        code: Code::MissingTransitionTarget,
        message: "Missing 'Next' target: B".to_owned(),
        help: String::new(),
        pointer: pointer.to_owned(),
    };
    let all = [
        found(Severity::Error, "/States/A/Next"),
        found(Severity::Warning, "/States/B"),
        found(Severity::Error, ""),
    ];
    expect!["'MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next, MISSING_TRANSITION_TARGET: Missing 'Next' target: B at null'"].assert_eq(&diagnostics_message(&all));
}

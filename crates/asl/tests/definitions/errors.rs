//! `Retry` and `Catch`.

use expect_test::{Expect, expect};

use crate::check;

fn check_task(fields: &str, expect: Expect) {
    check(
        &format!(
            r#"{{"StartAt":"T","States":{{
            "T":{{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
                {fields},"Next":"E"}},
            "E":{{"Type":"Succeed"}}}}}}"#
        ),
        expect,
    );
}

#[test]
fn retriers_have_ranges() {
    check_task(r#""Retry":[]"#, expect!["ok"]);
    check_task(
        r#""Retry":[{"Comment":"c","ErrorEquals":["a","States.Timeout"],"IntervalSeconds":3,
            "MaxAttempts":0,"BackoffRate":1,"MaxDelaySeconds":5,"JitterStrategy":"FULL"},
            {"ErrorEquals":["States.ALL"],"IntervalSeconds":0,"JitterStrategy":"NONE"}]"#,
        expect!["ok"],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":["a"],"IntervalSeconds":-1,"MaxAttempts":-1,
            "BackoffRate":0.99,"MaxDelaySeconds":0,"JitterStrategy":"SOME"}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/IntervalSeconds
                Minimum value is 0
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/MaxAttempts
                Minimum value is 0
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/BackoffRate
                Minimum value is 1.0
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/MaxDelaySeconds
                Minimum value is 1
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/JitterStrategy
                Value should be one of the following: [NONE, FULL]"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":["a"],"IntervalSeconds":100000000,"MaxAttempts":100000000,
            "BackoffRate":"2","MaxDelaySeconds":31622401,"JitterStrategy":null}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/IntervalSeconds
                Maximum value is 99999999
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/MaxAttempts
                Maximum value is 99999999
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/BackoffRate
                Expected value of type [NUMBER]
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/MaxDelaySeconds
                Maximum value is 31622400
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/JitterStrategy
                Expected value of type [STRING]"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":["a"],"IntervalSeconds":5,"MaxDelaySeconds":5}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/MaxDelaySeconds
                MaxDelaySeconds must be greater than IntervalSeconds"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":["a"],"MaxAttempts":1.5,"Next":"E","Foo":1}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]
                Field 'Next' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]
                Field 'Foo' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/MaxAttempts
                Expected value of type Integer"#]],
    );
}

#[test]
fn lists_of_retriers_and_catchers_are_lists_of_objects() {
    check_task(
        r#""Retry":{},"Catch":"E""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry
            Expected value of type [ARRAY]
        Error SCHEMA_VALIDATION_FAILED at /States/T/Catch
            Expected value of type [ARRAY]"#]],
    );
    check_task(
        r#""Retry":[1],"Catch":[null]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]
            Expected value of type [OBJECT]
        Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]
            Expected value of type [OBJECT]"#]],
    );
}

#[test]
fn error_names_are_texts() {
    check_task(
        r#""Retry":[{}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]
            These fields are required: [ErrorEquals]"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":[]}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/ErrorEquals
            Value cannot be empty"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":"States.ALL"}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/ErrorEquals
            Expected value of type [ARRAY]"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":["a",1,null]}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/ErrorEquals[1]
            Expected value of type [STRING]
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/ErrorEquals[2]
            Expected value of type [STRING]"#]],
    );
}

#[test]
fn the_name_for_all_errors_is_alone_and_last() {
    check_task(r#""Retry":[{"ErrorEquals":["States.ALL"]}]"#, expect!["ok"]);
    check_task(
        r#""Retry":[{"ErrorEquals":["a","States.ALL"]}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/ErrorEquals[1]
            States.ALL must appear alone and at end of list"#]],
    );
    check_task(
        r#""Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["a"]}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Retry[0]/ErrorEquals[0]
            States.ALL must appear alone and at end of list"#]],
    );
    check_task(
        r#""Catch":[{"ErrorEquals":["States.ALL"],"Next":"E"},
            {"ErrorEquals":["States.ALL"],"Next":"E"}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]/ErrorEquals[0]
                States.ALL must appear alone and at end of list"#]],
    );
    // A slip of the pen is a name like any other.
    check_task(r#""Retry":[{"ErrorEquals":["State.ALL"]},{"ErrorEquals":["a"]}]"#, expect!["ok"]);
}

#[test]
fn catchers_lead_somewhere() {
    check_task(
        r#""Catch":[{"Comment":"c","ErrorEquals":["a"],"ResultPath":"$.error","Next":"E"},
            {"ErrorEquals":["b"],"ResultPath":null,"Next":"E"}]"#,
        expect!["ok"],
    );
    check_task(
        r#""Catch":[{"ErrorEquals":["a"]}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]
            These fields are required: [Next]"#]],
    );
    check_task(
        r#""Catch":[{"Next":"E"}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]
            These fields are required: [ErrorEquals]"#]],
    );
    check_task(
        r#""Catch":[{"ErrorEquals":["a"],"ResultPath":"$.x[*]","Next":"E"},
            {"ErrorEquals":["a"],"ResultPath":"x","Next":"E"},
            {"ErrorEquals":["a"],"ResultPath":1,"Next":"E","IntervalSeconds":1}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]/ResultPath
                Value is not a Reference Path: A reference path may not use the operators '@', '..', ',', ':', '?' and '*'
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[1]/ResultPath
                Value must be a valid JSONPath.
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[2]
                Field 'IntervalSeconds' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[2]/ResultPath
                Expected value of type [STRING, NULL]"#]],
    );
    check_task(
        r#""Catch":[{"ErrorEquals":["a"],"Next":"E","Output":"{% 1 %}","Assign":{"x":1}}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage"#]],
    );
}

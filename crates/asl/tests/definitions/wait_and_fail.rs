//! Wait, Succeed and Fail states.

use expect_test::expect;

use crate::check_state;

#[test]
fn a_wait_has_one_of_four_forms() {
    check_state(r#""Type":"Wait","Seconds":0,"End":true"#, expect!["ok"]);
    check_state(r#""Type":"Wait","SecondsPath":"$.s","End":true"#, expect!["ok"]);
    check_state(r#""Type":"Wait","Timestamp":"2016-03-14T01:59:00Z","End":true"#, expect!["ok"]);
    check_state(
        r#""Type":"Wait","TimestampPath":"$$.Execution.StartTime","End":true"#,
        expect!["ok"],
    );
    check_state(
        r#""Type":"Wait","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            This object should have only one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]"#]],
    );
    check_state(
        r#""Type":"Wait","Seconds":1,"SecondsPath":"$.s","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]"#]],
    );
    check_state(
        r#""Type":"Wait","Seconds":1,"Timestamp":"2016-03-14T01:59:00Z","SecondsPath":"$.s",
            "TimestampPath":"$.t","End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]"#]],
    );
}

#[test]
fn a_wait_ends() {
    check_state(
        r#""Type":"Wait","Seconds":-1,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Seconds
            Minimum value is 0"#]],
    );
    check_state(
        r#""Type":"Wait","Seconds":10000000000000000,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Seconds
            Maximum value is 99999999"#]],
    );
    check_state(
        r#""Type":"Wait","Seconds":1.5,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Seconds
            Expected value of type Integer"#]],
    );
    check_state(
        r#""Type":"Wait","Seconds":"$.s","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Seconds
            Expected value of type Integer"#]],
    );
    check_state(
        r#""Type":"Wait","SecondsPath":"$.s[?(@.a)]","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/SecondsPath
            Value is not a Reference Path: it can select more than one value"#]],
    );
    check_state(
        r#""Type":"Wait","SecondsPath":5,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/SecondsPath
            Expected value of type [STRING]"#]],
    );
    check_state(
        r#""Type":"Wait","Timestamp":"2016-13-05T21:29:29Z","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Timestamp
            String does not match RFC3339 timestamp"#]],
    );
    check_state(
        r#""Type":"Wait","Timestamp":"{% $now() %}","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Timestamp
            String does not match RFC3339 timestamp"#]],
    );
    check_state(
        r#""Type":"Wait","Timestamp":1457920740,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Timestamp
            Expected value of type [STRING]"#]],
    );
    check_state(
        r#""Type":"Wait","TimestampPath":"2016-03-14T01:59:00Z","End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/TimestampPath
                Value must be a valid JSONPath."#]],
    );
}

#[test]
fn a_failure_has_an_error_and_a_cause() {
    check_state(r#""Type":"Fail""#, expect!["ok"]);
    check_state(r#""Type":"Fail","Comment":"c","Error":"E","Cause":"C""#, expect!["ok"]);
    check_state(
        r#""Type":"Fail","ErrorPath":"$.Error","CausePath":"States.Format('{}', $.Cause)""#,
        expect!["ok"],
    );
    check_state(
        r#""Type":"Fail","Error":"E","ErrorPath":"$.e","Cause":"C","CausePath":"$.c""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [Error, ErrorPath]
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [Cause, CausePath]"#]],
    );
    check_state(
        r#""Type":"Fail","ErrorPath":"Error","CausePath":"States.Nope()""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ErrorPath
                The value for the field 'ErrorPath' must be a valid JSONPath or a valid intrinsic function call
            Error SCHEMA_VALIDATION_FAILED at /States/S/CausePath
                The value for the field 'CausePath' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
    check_state(
        r#""Type":"Fail","ErrorPath":"$.e[*]","CausePath":"States.Array(1)""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ErrorPath
                Value is not a Reference Path: it can select more than one value
            Error SCHEMA_VALIDATION_FAILED at /States/S/CausePath
                The intrinsic function in the field 'CausePath' must be one that gives a text: States.Format, States.JsonToString, States.ArrayGetItem, States.Base64Encode, States.Base64Decode, States.Hash, States.UUID"#]],
    );
    check_state(
        r#""Type":"Fail","Error":404,"CausePath":{}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Error
            Expected value of type [STRING]
        Error SCHEMA_VALIDATION_FAILED at /States/S/CausePath
            Expected value of type [STRING]"#]],
    );
}

#[test]
fn a_success_filters() {
    check_state(r#""Type":"Succeed","InputPath":"$.a","OutputPath":null"#, expect!["ok"]);
    check_state(
        r#""Type":"Succeed","ResultPath":"$.a","Next":"S""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'ResultPath' is not supported
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Next' is not supported"#]],
    );
}

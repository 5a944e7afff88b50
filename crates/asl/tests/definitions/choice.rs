//! Choice states.

use expect_test::{Expect, expect};

use crate::{check, check_state};

fn check_rule(rule: &str, expect: Expect) {
    check(&machine_of(rule), expect);
}

fn machine_of(rule: &str) -> String {
    format!(
        r#"{{"StartAt":"C","States":{{
        "C":{{"Type":"Choice","Choices":[{{{rule},"Next":"E"}}]}},"E":{{"Type":"Succeed"}}}}}}"#
    )
}

#[test]
fn a_choice_has_rules() {
    check_state(
        r#""Type":"Choice""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                These fields are required: [Choices]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Choice","Choices":[]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices
                Value cannot be empty
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Choice","Choices":{}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices
                Expected value of type [ARRAY]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Choice","Choices":["a"],"Default":1"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]
                Expected value of type [OBJECT]
            Error SCHEMA_VALIDATION_FAILED at /States/S/Default
                Expected value of type [STRING]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Choice","Choices":[{"Variable":"$","IsNull":true,"Next":"S"}],"End":true,
            "Next":"S","Retry":[]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                Field 'End' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/S
                Field 'Next' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/S
                Field 'Retry' is not supported
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
}

#[test]
fn every_operator_is_known() {
    for family in ["String", "Numeric", "Timestamp"] {
        for order in ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"] {
            let literal = match family {
                "String" => r#""text""#,
                "Numeric" => "-1.5e3",
                _ => r#""2016-03-14T01:59:00+01:00""#,
            };
            let rule = format!(r#""Variable":"$.a","{family}{order}":{literal}"#);
            check_rule(&rule, expect!["ok"]);
            let rule = format!(r#""Variable":"$.a","{family}{order}Path":"$.b""#);
            check_rule(&rule, expect!["ok"]);
        }
    }
    for test in ["IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"] {
        check_rule(&format!(r#""Variable":"$.a","{test}":false"#), expect!["ok"]);
    }
    check_rule(r#""Variable":"$.a","BooleanEquals":true"#, expect!["ok"]);
    check_rule(r#""Variable":"$.a","BooleanEqualsPath":"$$.b""#, expect!["ok"]);
    check_rule(r#""Variable":"$.a","StringMatches":"log-*.\\*""#, expect!["ok"]);
}

#[test]
fn a_rule_has_one_kind() {
    check_rule(
        r#""Comment":"nothing else""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
            The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"#]],
    );
    check_rule(
        r#""Variable":"$","IsNull":true,"Not":{"Variable":"$","IsNull":true}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"#]],
    );
    check_rule(
        r#""Variable":"$.a""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                This object should have only one of the following fields: [StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, TimestampGreaterThanEquals, NumericGreaterThanEqualsPath]"#]],
    );
    check_rule(
        r#""Variable":"$.a","IsNull":true,"NumericEquals":1"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                There should only be one of the following fields: [StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, TimestampGreaterThanEquals, NumericGreaterThanEqualsPath]"#]],
    );
    check_rule(
        r#""StringEquals":"a""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
            The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"#]],
    );
    check_rule(
        r#""And":[{"Variable":"$","IsNull":true}],"StringEquals":"a""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
            The field 'StringEquals' is only supported beside 'Variable'"#]],
    );
    check_rule(
        r#""Variable":"$.a","StringMatchesPath":"$.b""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                Field 'StringMatchesPath' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                This object should have only one of the following fields: [StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, TimestampGreaterThanEquals, NumericGreaterThanEqualsPath]"#]],
    );
    check_rule(
        r#""Variable":"$.a","Isnull":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                Field 'Isnull' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                This object should have only one of the following fields: [StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, TimestampGreaterThanEquals, NumericGreaterThanEqualsPath]"#]],
    );
    check_rule(
        r#""Condition":"{% true %}""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
            The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage"#]],
    );
}

#[test]
fn operands_have_types() {
    check_rule(
        r#""Variable":"$.a","StringEquals":1"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/StringEquals
            Expected value of type [STRING]"#]],
    );
    check_rule(
        r#""Variable":"$.a","NumericEquals":"1""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/NumericEquals
            Expected value of type [NUMBER]"#]],
    );
    check_rule(
        r#""Variable":"$.a","BooleanEquals":"true""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/BooleanEquals
            Expected value of type [BOOLEAN]"#]],
    );
    check_rule(
        r#""Variable":"$.a","TimestampEquals":"2023-02-24""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/TimestampEquals
            String does not match RFC3339 timestamp"#]],
    );
    check_rule(
        r#""Variable":"$.a","TimestampEquals":5"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/TimestampEquals
            Expected value of type [STRING]"#]],
    );
    check_rule(
        r#""Variable":"$.a","IsPresent":1"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/IsPresent
            Expected value of type [BOOLEAN]"#]],
    );
    check_rule(
        r#""Variable":"$.a","StringMatches":"a\\b""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/StringMatches
            A backslash in the pattern must be followed by the character that it escapes: '*' or a backslash"#]],
    );
    check_rule(
        r#""Variable":"$.a","StringMatches":"a\\""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/StringMatches
            A backslash in the pattern must be followed by the character that it escapes: '*' or a backslash"#]],
    );
}

#[test]
fn variables_are_reference_paths() {
    check_rule(r#""Variable":"$","IsPresent":true"#, expect!["ok"]);
    check_rule(r#""Variable":"$$.Execution.Id","IsPresent":true"#, expect!["ok"]);
    check_rule(
        r#""Variable":"$variable","IsPresent":true"#,
        expect![[r#"
            Warning UNDEFINED_VARIABLE at /States/C
                The variable '$variable' is read here, and no state whose variables are seen here assigns it"#]],
    );
    check_rule(
        r#""Variable":"Test","StringMatches":"Test""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Variable
            Value is not a Reference Path: Reference path didn't start with '$'"#]],
    );
    check_rule(
        r#""Variable":"States.ArrayLength($.a)","NumericEquals":0"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Variable
            Value is not a Reference Path: Reference path didn't start with '$'"#]],
    );
    check_rule(
        r#""Variable":"$.a[*]","NumericEquals":0"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Variable
            Value is not a Reference Path: it can select more than one value"#]],
    );
    check_rule(
        r#""Variable":"$.a[","NumericEquals":0"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Variable
            Value is not a Reference Path: Expected a name in quotes, a number, '*' or '?'"#]],
    );
    check_rule(
        r#""Variable":1,"NumericEquals":0"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Variable
            Expected value of type [STRING]"#]],
    );
    check_rule(
        r#""Variable":"$.a","NumericEqualsPath":"b""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/NumericEqualsPath
            Value is not a Reference Path: Reference path didn't start with '$'"#]],
    );
    check_rule(
        r#""Variable":"$.a","NumericEqualsPath":"$..b""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/NumericEqualsPath
            Value is not a Reference Path: it can select more than one value"#]],
    );
}

#[test]
fn rules_nest() {
    check_rule(
        r#""Comment":"c","And":[
            {"Comment":"c","Variable":"$.a","IsNull":true},
            {"Or":[{"Variable":"$.b","IsNull":true},
                {"Not":{"Variable":"$.c","IsNull":true}}]}]"#,
        expect!["ok"],
    );
    check_rule(
        r#""And":[]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/And
            Value cannot be empty"#]],
    );
    check_rule(
        r#""Or":{}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Or
            Expected value of type [ARRAY]"#]],
    );
    check_rule(
        r#""Not":[]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Not
            Expected value of type [OBJECT]"#]],
    );
    check_rule(
        r#""And":[{},1,{"Variable":"x","IsNull":0}]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/And[0]
            The object must have only one of the following fields, [And, Or, Not, Variable, Condition]
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/And[1]
            Expected value of type [OBJECT]
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/And[2]/Variable
            Value is not a Reference Path: Reference path didn't start with '$'
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/And[2]/IsNull
            Expected value of type [BOOLEAN]"#]],
    );
    check_rule(
        r#""Not":{"Variable":"$","IsNull":true,"Next":"E","Assign":{}}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Not
            Field 'Next' is not supported
        Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Not
            Field 'Assign' is not supported"#]],
    );
    check_rule(
        r#""Or":[{"Not":{"And":[{"Variable":"$"}]}}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]/Or[0]/Not/And[0]
                This object should have only one of the following fields: [StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, TimestampGreaterThanEquals, NumericGreaterThanEqualsPath]"#]],
    );
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"Not":"#.repeat(depth - 1), "}".repeat(depth - 1));
        format!(r#""Not":{open}{{"Variable":"$","IsNull":true}}{close}"#)
    };
    check_rule(&nested(100), expect!["ok"]);
    let pointer = "/Not".repeat(101);
    for depth in [101, 990] {
        let rule = nested(depth);
        let analysis = asl::compile(&machine_of(&rule), asl::WorkflowType::Standard);
        let [found] = analysis.diagnostics.as_slice() else { panic!("{:?}", analysis.diagnostics) };
        assert_eq!(found.code, asl::Code::TooDeeplyNested);
        assert_eq!(found.pointer, format!("/States/C/Choices[0]{pointer}"));
        let message = "The rules are too deeply nested: at most 100 can be within each other";
        assert_eq!(found.message, message);
    }
}

#[test]
fn rules_lead_somewhere() {
    check(
        r#"{"StartAt":"C","States":{
            "C":{"Type":"Choice","Default":"E","Choices":[
                {"Variable":"$","IsNull":true},{"Variable":"$","IsNull":true,"Next":1}]},
            "E":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                These fields are required: [Next]
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[1]/Next
                Expected value of type [STRING]"#]],
    );
    check_rule(
        r#""Variable":"$","IsNull":true,"Assign":{"x":1},"Output":"{% 1 %}""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage"#]],
    );
}

//! The two query languages: which fields belong to which, and what JSONata may read.

use expect_test::{Expect, expect};

use crate::{check, check_state};

/// A JSONata machine of one state, `S`, that has these fields.
fn check_jsonata(fields: &str, expect: Expect) {
    let definition =
        format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S","States":{{"S":{{{fields}}}}}}}"#);
    check(&definition, expect);
}

const ITERATE: &str = r#""ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}}"#;
const ACTIVITY: &str =
    r#""Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a""#;

#[test]
fn a_state_may_be_jsonata_in_a_machine_of_json_path() {
    check_state(
        r#""Type":"Pass","QueryLanguage":"JSONata","Output":"{% $states.input %}","End":true"#,
        expect!["ok"],
    );
}

#[test]
fn a_state_may_not_be_json_path_in_a_machine_of_jsonata() {
    check_jsonata(
        r#""Type":"Pass","QueryLanguage":"JSONPath","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"#]],
    );
}

#[test]
fn a_nested_state_has_the_language_of_the_machine() {
    check_state(
        r#""Type":"Map","QueryLanguage":"JSONata","Items":[1],"End":true,
            "ItemProcessor":{"StartAt":"I","States":{
                "I":{"Type":"Pass","Output":1,"Parameters":{},"End":true}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/States/I
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage"#]],
    );
}

#[test]
fn a_processor_or_branch_has_no_language() {
    check_state(
        r#""Type":"Parallel","End":true,"Branches":[{"QueryLanguage":"JSONata","StartAt":"I",
            "States":{"I":{"Type":"Succeed"}}}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[0]
                Field 'QueryLanguage' is not supported"#]],
    );
}

#[test]
fn fields_of_json_path_are_refused_in_jsonata() {
    check_jsonata(
        &format!(
            r#""Type":"Map","InputPath":"$","OutputPath":"$","ItemsPath":"$","ResultPath":"$",
            "ResultSelector":{{}},"Parameters":{{}},"MaxConcurrencyPath":"$.n",{ITERATE},"End":true"#
        ),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'OutputPath' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'ItemsPath' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'ResultPath' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'ResultSelector' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'Parameters' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONata', but field 'MaxConcurrencyPath' is only supported for the 'JSONPath' QueryLanguage"#]],
    );
    check_jsonata(
        r#""Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"S"},
            {"And":[{"Condition":true}],"Next":"S"}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]
                The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]
                The QueryLanguage is set to 'JSONata', but field 'IsNull' is only supported for the 'JSONPath' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[1]
                The QueryLanguage is set to 'JSONata', but field 'And' is only supported for the 'JSONPath' QueryLanguage
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
}

#[test]
fn fields_of_jsonata_are_refused_in_json_path() {
    check_state(
        &format!(
            r#"{ACTIVITY},"Arguments":{{}},"Output":{{}},"Catch":[{{"ErrorEquals":["States.ALL"],
            "Output":1,"Next":"S"}}],"TimeoutSeconds":"{{% 1 %}}","End":true"#
        ),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported for the 'JSONata' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S/Catch[0]
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S/TimeoutSeconds
                Expected value of type Integer"#]],
    );
    check_state(
        r#""Type":"Choice","Output":1,"Choices":[{"Condition":true,"Output":1,"Next":"S"}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]
                The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]
                The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        &format!(r#""Type":"Map","Items":[],{ITERATE},"End":true"#),
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            The QueryLanguage is set to 'JSONPath', but field 'Items' is only supported for the 'JSONata' QueryLanguage"#]],
    );
}

#[test]
fn every_field_that_may_be_an_expression() {
    for fields in [
        format!(
            r#"{ACTIVITY},"Arguments":"{{% $states.input %}}","TimeoutSeconds":"{{% 60 %}}",
            "HeartbeatSeconds":"{{% 30 %}}","Output":"{{% $states.result %}}",
            "Assign":{{"x":"{{% $states.result %}}"}},"Catch":[{{"ErrorEquals":["States.ALL"],
            "Output":"{{% $states.errorOutput %}}","Assign":{{"x":"{{% $states.errorOutput %}}"}},
            "Next":"S"}}],"End":true"#
        ),
        format!(
            r#""Type":"Map","Items":"{{% [1] %}}","ItemSelector":{{"v":"{{% $states.context.Map %}}"}},
            "MaxConcurrency":"{{% 1 %}}","ToleratedFailureCount":"{{% 1 %}}",
            "ToleratedFailurePercentage":"{{% 1 %}}",{ITERATE},"End":true"#
        ),
        format!(r#""Type":"Map","Items":[1,"{{% $states.input %}}"],{ITERATE},"End":true"#),
        r#""Type":"Wait","Seconds":"{% 1 %}","End":true"#.to_owned(),
        r#""Type":"Wait","Timestamp":"{% $now() %}","End":true"#.to_owned(),
        r#""Type":"Fail","Error":"{% 'E' %}","Cause":"{% 'C' %}""#.to_owned(),
        r#""Type":"Succeed","Output":["{% $states.input %}"]"#.to_owned(),
    ] {
        check_jsonata(&fields, expect![["ok"]]);
    }
    check(
        r#"{"QueryLanguage":"JSONata","StartAt":"S","States":{"E":{"Type":"Succeed"},
            "S":{"Type":"Choice","Choices":[{"Condition":"{% true %}","Output":1,"Next":"E"},
            {"Condition":false,"Next":"E"}],"Output":"{% 1 %}","Default":"E"}}}"#,
        expect![["ok"]],
    );
}

#[test]
fn what_is_no_expression_must_be_of_the_type_of_the_field() {
    check_jsonata(
        r#""Type":"Wait","Seconds":"{% 1","End":true"#,
        expect![[r#"
        Error INVALID_JSONATA_EXPRESSION at /States/S/Seconds
            The JSONata expression '{% 1' must start with '{%' and end with '%}', without spaces before or after"#]],
    );
    check_jsonata(
        r#""Type":"Wait","Timestamp":" {% $now() %}","End":true"#,
        expect![[r#"
        Error INVALID_JSONATA_EXPRESSION at /States/S/Timestamp
            The JSONata expression ' {% $now() %}' must start with '{%' and end with '%}', without spaces before or after"#]],
    );
    check_jsonata(
        &format!(r#""Type":"Map","Items":{{}},{ITERATE},"End":true"#),
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Items
            Expected value of type [ARRAY]"#]],
    );
    check_jsonata(
        r#""Type":"Choice","Choices":[{"Condition":"true","Next":"S"}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]/Condition
                Expected value of type [BOOLEAN]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_jsonata(
        r#""Type":"Choice","Choices":[{"Next":"S"}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Choices[0]
                The object must have only one of the following fields, [And, Or, Not, Variable, Condition]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
}

#[test]
fn expressions_that_do_not_parse_are_named_by_their_place() {
    check_jsonata(
        r#""Type":"Pass","Output":{"a":["{% 1 + %}"],"b":"{% $states.input[ %}"},
            "Assign":{"x":"{% ) %}"},"End":true"#,
        expect![[r#"
            Error INVALID_JSONATA_EXPRESSION at /States/S/Output/a[0]
                Unexpected end of expression
            Error INVALID_JSONATA_EXPRESSION at /States/S/Output/b
                Expected "]" before end of expression
            Error INVALID_JSONATA_EXPRESSION at /States/S/Assign/x
                The symbol ")" cannot be used as a unary operator"#]],
    );
}

#[test]
fn what_is_not_there_cannot_be_read() {
    check_jsonata(
        r#""Type":"Pass","Output":{"v":"{% phone %}","w":["{% $ %}","{% $$.a %}"],
            "x":"{% $states.result %}","y":"{% $states.errorOutput %}",
            "z":"{% $states.nothing %}","ok":"{% $states.input.list[price > 1].($.a) %}"},"End":true"#,
        expect![[r#"
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output/v
                Reference to 'phone' at the top level is not supported.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output/w[0]
                Reference to '$' at the top level is not supported.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output/w[1]
                Reference to '$$' is not supported.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output/x
                Field '$states.result' does not exist.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output/y
                Field '$states.errorOutput' does not exist.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output/z
                Field '$states.nothing' does not exist."#]],
    );
    check_jsonata(
        &format!(
            r#"{ACTIVITY},"Arguments":"{{% $states.result %}}","Output":"{{% $states.errorOutput %}}",
            "Catch":[{{"ErrorEquals":["States.ALL"],"Assign":{{"x":"{{% $states.result %}}"}},
            "Next":"S"}}],"End":true"#
        ),
        expect![[r#"
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Arguments
                Field '$states.result' does not exist.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Output
                Field '$states.errorOutput' does not exist.
            Error UNSUPPORTED_JSONATA_EXPRESSION at /States/S/Catch[0]/Assign/x
                Field '$states.result' does not exist."#]],
    );
}

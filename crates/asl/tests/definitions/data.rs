//! Paths, templates, results, and the warnings that go with them.

use expect_test::expect;

use crate::check_state;

#[test]
fn paths_are_paths() {
    check_state(
        r#""Type":"Pass","InputPath":"$.a[0]['b']","OutputPath":"$$.Execution.Id",
            "ResultPath":"$.x.y","End":true"#,
        expect!["ok"],
    );
    check_state(
        r#""Type":"Pass","InputPath":null,"OutputPath":null,"ResultPath":null,"End":true"#,
        expect!["ok"],
    );
    check_state(
        r#""Type":"Pass","InputPath":"$","OutputPath":"$","ResultPath":"$","End":true"#,
        expect!["ok"],
    );
    check_state(
        r#""Type":"Pass","InputPath":"$variable","End":true"#,
        expect![[r#"
            Warning UNDEFINED_VARIABLE at /States/S
                The variable '$variable' is read here, and no state whose variables are seen here assigns it"#]],
    );
    check_state(
        r#""Type":"Pass","OutputPath":"Test","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/OutputPath
            Value must be a valid JSONPath."#]],
    );
    check_state(
        r#""Type":"Pass","InputPath":"$.a[","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/InputPath
            Value must be a valid JSONPath."#]],
    );
    check_state(
        r#""Type":"Pass","InputPath":"","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/InputPath
            Value must be a valid JSONPath."#]],
    );
    check_state(
        r#""Type":"Pass","InputPath":1,"OutputPath":{},"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/InputPath
            Expected value of type [STRING, NULL]
        Error SCHEMA_VALIDATION_FAILED at /States/S/OutputPath
            Expected value of type [STRING, NULL]"#]],
    );
    check_state(
        r#""Type":"Pass","InputPath":"States.UUID()","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/InputPath
            Value must be a valid JSONPath."#]],
    );
}

#[test]
fn results_go_to_one_place() {
    check_state(
        r#""Type":"Pass","ResultPath":"$.a[*]","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ResultPath
            Value is not a Reference Path: A reference path may not use the operators '@', '..', ',', ':', '?' and '*'"#]],
    );
    check_state(
        r#""Type":"Pass","ResultPath":"$..a","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ResultPath
            Value is not a Reference Path: A reference path may not use the operators '@', '..', ',', ':', '?' and '*'"#]],
    );
    check_state(
        r#""Type":"Pass","ResultPath":"$$.a","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ResultPath
            Value is not a Reference Path: A reference path starts with '$' and no name"#]],
    );
    check_state(
        r#""Type":"Pass","ResultPath":"$variable","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ResultPath
            Value is not a Reference Path: A reference path starts with '$' and no name"#]],
    );
    check_state(
        r#""Type":"Pass","ResultPath":"a","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ResultPath
            Value must be a valid JSONPath."#]],
    );
    check_state(
        r#""Type":"Pass","ResultPath":7,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ResultPath
            Expected value of type [STRING, NULL]"#]],
    );
}

#[test]
fn templates_hold_paths_and_calls() {
    check_state(
        r#""Type":"Pass","Parameters":{"a.$":"$.a","b":{"c.$":"$$.State.Name"},
            "d":[{"e.$":"States.Format('{}', $.x)"}],"f":"text"},"End":true"#,
        expect!["ok"],
    );
    check_state(r#""Type":"Pass","Parameters":["a",1,null],"End":true"#, expect!["ok"]);
    check_state(
        r#""Type":"Pass","Parameters":{"parsed.$":"States.StringToJson('{\\\"a\\\":1}')"},"End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The value for the field 'parsed.$' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
    check_state(
        r#""Type":"Pass","Parameters":{"x.$":"Test"},"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
            The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
    check_state(
        r#""Type":"Pass","Parameters":{"a":{"b":[0,{"c.$":"c","d.$":"States.Nope()"}]}},"End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/a/b[1]
                The value for the field 'c.$' must be a valid JSONPath or a valid intrinsic function call
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/a/b[1]
                The value for the field 'd.$' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
    check_state(
        r#""Type":"Pass","Parameters":{"x.$":1},"End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
    check_state(
        r#""Type":"Pass","Parameters":{"x.$":"$.x","x":1},"End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                There should only be one of the following fields: [x, x.$]"#]],
    );
    check_state(
        r#""Type":"Parallel","ResultSelector":{"x.$":""},"Parameters":{"y.$":"$["},"End":true,
            "Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ResultSelector
                The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The value for the field 'y.$' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
    check_state(
        r#""Type":"Succeed","Parameters":{}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Parameters' is not supported"#]],
    );
}

#[test]
fn text_that_looks_like_a_path_is_warned_of() {
    check_state(
        r#""Type":"Pass","Parameters":{"a":"$.a","b":["$.c",{"d":"$$.x"}],"e":"$5.00",
            "f":"States.UUID()","g.$":"$.g","h":"States.are united"},"End":true"#,
        expect![[r#"
            Warning NO_DOLLAR at /States/S/Parameters/a
                The value of the field 'a' looks like a JSONPath or an intrinsic function call, and is passed as text. To have it evaluated, name the field 'a.$'
            Warning NO_DOLLAR at /States/S/Parameters/b[1]/d
                The value of the field 'd' looks like a JSONPath or an intrinsic function call, and is passed as text. To have it evaluated, name the field 'd.$'
            Warning NO_DOLLAR at /States/S/Parameters/f
                The value of the field 'f' looks like a JSONPath or an intrinsic function call, and is passed as text. To have it evaluated, name the field 'f.$'"#]],
    );
    check_state(
        r#""Type":"Fail","Error":"$.error","Cause":"States.UUID()""#,
        expect![[r#"
        Warning NO_PATH at /States/S/Error
            The value of the field 'Error' looks like a JSONPath or an intrinsic function call, and is taken as text. To have it evaluated, use the field 'ErrorPath'
        Warning NO_PATH at /States/S/Cause
            The value of the field 'Cause' looks like a JSONPath or an intrinsic function call, and is taken as text. To have it evaluated, use the field 'CausePath'"#]],
    );
    check_state(
        r#""Type":"Choice","Default":"S",
            "Choices":[{"Variable":"$.a","StringEquals":"$.b","Next":"S"}]"#,
        expect![[r#"
            Warning NO_PATH at /States/S/Choices[0]/StringEquals
                The value of the field 'StringEquals' looks like a JSONPath or an intrinsic function call, and is taken as text. To have it evaluated, use the field 'StringEqualsPath'
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
}

#[test]
fn results_of_pass_states_are_static() {
    check_state(r#""Type":"Pass","Result":{"a":[1,{"b":null}]},"End":true"#, expect!["ok"]);
    check_state(r#""Type":"Pass","Result":null,"End":true"#, expect!["ok"]);
    check_state(
        r#""Type":"Pass","Result":"$.x","End":true"#,
        expect![[r#"
        Warning PASS_RESULT_IS_STATIC at /States/S/Result
            The Result of a Pass state is static: what looks like a JSONPath or an intrinsic function call in it is passed as it is. To have it evaluated, use the field 'Parameters'"#]],
    );
    check_state(
        r#""Type":"Pass","Result":{"a":[{"b.$":"x"}]},"End":true"#,
        expect![[r#"
        Warning PASS_RESULT_IS_STATIC at /States/S/Result
            The Result of a Pass state is static: what looks like a JSONPath or an intrinsic function call in it is passed as it is. To have it evaluated, use the field 'Parameters'"#]],
    );
    check_state(r#""Type":"Pass","Result":"$10","End":true"#, expect!["ok"]);
}

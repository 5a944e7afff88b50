//! Map and Parallel states.

use expect_test::{Expect, expect};

use crate::{check_express, check_state, machine};

fn check_map(fields: &str, expect: Expect) {
    check_state(&map(fields), expect);
}

fn map(fields: &str) -> String {
    format!(
        r#""Type":"Map","End":true,
        "ItemProcessor":{{"StartAt":"P","States":{{"P":{{"Type":"Succeed"}}}}}}{fields}"#
    )
}

fn check_processor(fields: &str, expect: Expect) {
    check_state(&processor(fields), expect);
}

fn processor(fields: &str) -> String {
    format!(
        r#""Type":"Map","End":true,
        "ItemProcessor":{{"StartAt":"P","States":{{"P":{{"Type":"Succeed"}}}}{fields}}}"#
    )
}

#[test]
fn a_parallel_has_branches() {
    check_state(
        r#""Type":"Parallel","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            These fields are required: [Branches]"#]],
    );
    check_state(
        r#""Type":"Parallel","Branches":[],"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Branches
            Value cannot be empty"#]],
    );
    check_state(
        r#""Type":"Parallel","Branches":{},"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Branches
            Expected value of type [ARRAY]"#]],
    );
    check_state(
        r#""Type":"Parallel","Branches":[[],{}],"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[0]
            Expected value of type [OBJECT]
        Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[1]
            These fields are required: [States, StartAt]"#]],
    );
    check_state(
        r#""Type":"Parallel","End":true,"Branches":[{"Comment":"c","StartAt":"A",
            "States":{"A":{"Type":"Succeed"}},"QueryLanguage":"JSONPath","TimeoutSeconds":1,
            "ProcessorConfig":{}}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[0]
                Field 'QueryLanguage' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[0]
                Field 'TimeoutSeconds' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[0]
                Field 'ProcessorConfig' is not supported"#]],
    );
}

#[test]
fn a_map_has_one_processor() {
    check_map("", expect!["ok"]);
    check_state(
        r#""Type":"Map","End":true,"Iterator":{"StartAt":"P","States":{"P":{"Type":"Succeed"}}},
            "Parameters":{"a.$":"$$.Map.Item.Value"}"#,
        expect!["ok"],
    );
    check_state(
        r#""Type":"Map","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            This object should have only one of the following fields: [ItemProcessor, Iterator]"#]],
    );
    check_state(
        r#""Type":"Map","End":true,"ItemProcessor":[]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor
            Expected value of type [OBJECT]"#]],
    );
    check_state(
        r#""Type":"Map","End":true,
            "ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Succeed"}}},
            "Iterator":{"StartAt":"Q","States":{"Q":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [ItemProcessor, Iterator]"#]],
    );
    check_map(
        r#","ItemSelector":{"a":1},"Parameters":{"a":1}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            There should only be one of the following fields: [ItemSelector, Parameters]"#]],
    );
    check_processor(
        r#","Comment":"c","Foo":1"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor
            Field 'Foo' is not supported"#]],
    );
}

#[test]
fn a_map_has_items_and_a_concurrency() {
    check_map(
        r#","ItemsPath":"$.items","ItemSelector":{"v.$":"$$.Map.Item.Value","i.$":"$.x"},
            "MaxConcurrency":9223372036854775807,"ResultSelector":{"r.$":"$"}"#,
        expect!["ok"],
    );
    check_map(
        r#","ItemsPath":"$$.Execution.Input.items","MaxConcurrencyPath":"$.n""#,
        expect!["ok"],
    );
    check_map(
        r#","MaxConcurrency":-1"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/MaxConcurrency
            Minimum value is 0"#]],
    );
    check_map(
        r#","MaxConcurrency":"$.n""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/MaxConcurrency
            Expected value of type Integer"#]],
    );
    check_map(
        r#","MaxConcurrency":1,"MaxConcurrencyPath":"$.n""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath]"#]],
    );
    check_map(
        r#","MaxConcurrencyPath":"$$.Execution.Input.n""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/MaxConcurrencyPath
            Value is not a Reference Path: the context object is not available here"#]],
    );
    check_map(
        r#","MaxConcurrencyPath":"$.n[*]","ItemsPath":"items""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/MaxConcurrencyPath
                Value is not a Reference Path: it can select more than one value
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemsPath
                Value must be a valid JSONPath."#]],
    );
    check_map(
        r#","ItemsPath":null"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemsPath
            Expected value of type [STRING]"#]],
    );
    check_map(
        r#","ItemSelector":{"a.$":"a"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemSelector
            The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call"#]],
    );
}

#[test]
fn a_map_is_inline() {
    check_processor(r#","ProcessorConfig":{}"#, expect!["ok"]);
    check_processor(r#","ProcessorConfig":{"Mode":"INLINE"}"#, expect!["ok"]);
    check_processor(
        r#","ProcessorConfig":{"Mode":"INLINE","ExecutionType":"STANDARD"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/ProcessorConfig
                Field 'ExecutionType' is not supported"#]],
    );
    check_processor(
        r#","ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}"#,
        expect!["ok"],
    );
    check_processor(
        r#","ProcessorConfig":{"Mode":"inline","Size":1}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/ProcessorConfig
            Field 'Size' is not supported
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/ProcessorConfig/Mode
            Value should be one of the following: [INLINE, DISTRIBUTED]"#]],
    );
    check_processor(
        r#","ProcessorConfig":"INLINE""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/ProcessorConfig
            Expected value of type [OBJECT]"#]],
    );
    check_express(
        &machine(&processor(
            r#","ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"}"#,
        )),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/ProcessorConfig/Mode
                The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"#]],
    );
    check_map(
        r#","ItemReader":{},"ItemBatcher":{},"ResultWriter":{},"Label":"l",
            "ToleratedFailureCount":1,"ToleratedFailureCountPath":"$.c",
            "ToleratedFailurePercentage":1,"ToleratedFailurePercentagePath":"$.p""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [ToleratedFailureCount, ToleratedFailureCountPath]
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [ToleratedFailurePercentage, ToleratedFailurePercentagePath]
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemReader
                The field 'ItemReader' is only supported for a Map state in 'DISTRIBUTED' mode
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemBatcher
                The field 'ItemBatcher' is only supported for a Map state in 'DISTRIBUTED' mode
            Error SCHEMA_VALIDATION_FAILED at /States/S/ResultWriter
                The field 'ResultWriter' is only supported for a Map state in 'DISTRIBUTED' mode
            Error SCHEMA_VALIDATION_FAILED at /States/S/Label
                The field 'Label' is only supported for a Map state in 'DISTRIBUTED' mode"#]],
    );
}

#[test]
fn what_is_nested_is_checked() {
    check_state(
        r#""Type":"Map","End":true,"ItemProcessor":{"StartAt":"Q","States":{"Q":{"Type":"Nope"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/ItemProcessor/States/Q/Type
                The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]
            Error MISSING_END_STATE at /States/S/ItemProcessor
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Parallel","End":true,"Branches":[
            {"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":
                {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":-1,"End":true}}}}}}]"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Branches[0]/States/M/ItemProcessor/States/W/Seconds
                Minimum value is 0"#]],
    );
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| {
        let open = |level: usize| {
            format!(
                r#""Type":"Parallel","End":true,"Branches":[
                {{"StartAt":"{level}","States":{{"{level}":{{"#
            )
        };
        let opening: String = (0..depth).map(open).collect();
        format!(r#"{opening}"Type":"Succeed"{}"#, "}}}]".repeat(depth))
    };
    check_state(&nested(50), expect!["ok"]);
    let analysis = asl::compile(&machine(&nested(51)), asl::WorkflowType::Standard);
    let [found] = analysis.diagnostics.as_slice() else { panic!("{:?}", analysis.diagnostics) };
    assert_eq!(found.code, asl::Code::TooDeeplyNested);
    assert!(found.pointer.ends_with("/States/48/Branches[0]/States/49/Branches[0]"));
    expect!["The states are too deeply nested: at most 50 Parallel and Map states can be within each other"].assert_eq(&found.message);
}

#[test]
fn no_more_than_all_can_fail() {
    let map = |mode: &str, percentage: &str| {
        format!(
            r#""Type":"Map","End":true,"ToleratedFailurePercentage":{percentage},
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"{mode}"}},"StartAt":"P",
            "States":{{"P":{{"Type":"Pass","End":true}}}}}}"#
        )
    };
    for mode in ["INLINE", "DISTRIBUTED"] {
        check_state(&map(mode, "100"), expect!["ok"]);
        for percentage in ["105", "100.5"] {
            check_state(
                &map(mode, percentage),
                expect![[r#"
                    Error SCHEMA_VALIDATION_FAILED at /States/S/ToleratedFailurePercentage
                        Maximum value is 100.0"#]],
            );
        }
    }
}

#[test]
fn a_literal_object_is_mapped_over_in_distributed_mode() {
    let map = |mode: &str| {
        format!(
            r#""Type":"Map","QueryLanguage":"JSONata","End":true,"Items":{{"a":1,"b":"{{% 2 %}}"}},
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"{mode}"}},"StartAt":"P",
            "States":{{"P":{{"Type":"Pass","End":true}}}}}}"#
        )
    };
    check_state(&map("DISTRIBUTED"), expect!["ok"]);
    check_state(
        &map("INLINE"),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Items
                Expected value of type [ARRAY]"#]],
    );
}

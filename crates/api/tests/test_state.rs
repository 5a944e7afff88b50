//! TestState: what is refused, and what is shown of the way that a state took.

mod common;

use common::{ROLE, Server};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

fn with(mut body: Value, more: Value) -> Value {
    let members = body.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    body
}

fn traced(definition: Value, more: Value) -> Value {
    let definition = definition.to_string();
    with(json!({"definition": definition, "inspectionLevel": "TRACE"}), more)
}

/// The answer, one member a line.
async fn check(body: Value, expected: Expect) {
    let server = Server::start().await;
    let answer = server.post("TestState", &body.to_string()).await;
    let text = match answer.status {
        200 => lines("", &answer.json()),
        _ => answer.error(),
    };
    expected.assert_eq(&text);
}

fn lines(prefix: &str, value: &Value) -> String {
    let members = value.as_object().expect("an object").iter();
    let lines = members.map(|(name, value)| match value {
        Value::String(text) => format!("{prefix}{name}: {text}"),
        Value::Object(_) => lines(&format!("{prefix}{name}."), value),
        other => format!("{prefix}{name}: {other}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

const MAP: &str = r#"{"Type":"Map","ItemsPath":"$.v","ItemSelector":{"n.$":"$$.Map.Item.Value"},
    "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},
    "ToleratedFailureCount":1,"ToleratedFailurePercentage":50,"MaxConcurrency":2,
    "Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":3,"BackoffRate":2.0,"MaxAttempts":2}],
    "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Elsewhere"}],"Next":"After"}"#;

fn map() -> Value {
    serde_json::from_str(MAP).expect("JSON")
}

#[tokio::test]
async fn a_pass_state_shows_all_its_filters() {
    let definition = json!({"Type": "Pass", "InputPath": "$.a", "Parameters": {"n.$": "$.b"},
        "ResultPath": "$.r", "OutputPath": "$.r", "Assign": {"x.$": "$.n"}, "Next": "Then"});
    check(
        traced(definition, json!({"input": r#"{"a":{"b":1}}"#, "variables": r#"{"w":[2]}"#})),
        expect![[r#"
            inspectionData.afterInputPath: {"b":1}
            inspectionData.afterParameters: {"n":1}
            inspectionData.afterResultPath: {"a":{"b":1},"r":{"n":1}}
            inspectionData.afterResultSelector: {"n":1}
            inspectionData.input: {"a":{"b":1}}
            inspectionData.variables: {"w":[2],"x":1}
            nextState: Then
            output: {"n":1}
            status: SUCCEEDED"#]],
    )
    .await;
}

#[tokio::test]
async fn a_task_is_answered_by_its_mock() {
    let definition = json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"},
        "ResultSelector": {"o.$": "$.Output", "c.$": "$$.State"}, "ResultPath": "$.r", "End": true});
    let mock = json!({"result": r#"{"Output": 1}"#, "fieldValidationMode": "NONE"});
    let more = json!({"mock": mock, "context": r#"{"State":{"RetryCount":7}}"#});
    check(traced(definition, more), expect![[r#"
        inspectionData.afterInputPath: {}
        inspectionData.afterParameters: {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m"}
        inspectionData.afterResultPath: {"r":{"c":{"RetryCount":7},"o":1}}
        inspectionData.afterResultSelector: {"c":{"RetryCount":7},"o":1}
        inspectionData.input: {}
        inspectionData.result: {"Output": 1}
        output: {"r":{"c":{"RetryCount":7},"o":1}}
        status: SUCCEEDED"#]]).await;
}

#[tokio::test]
async fn failures_are_retried_and_caught() {
    let mock = json!({"errorOutput": {"error": "Again", "cause": "of this"}});
    let retried = |count| {
        let configuration = json!({"retrierRetryCount": count, "errorCausedByState": "I"});
        let more = json!({"input": r#"{"v": [1, 2]}"#, "mock": mock,
            "stateConfiguration": configuration});
        traced(map(), more)
    };
    check(
        retried(1),
        expect![[r#"
        cause: of this
        error: Again
        inspectionData.afterInputPath: {"v": [1, 2]}
        inspectionData.afterItemSelector: [{"n":1},{"n":2}]
        inspectionData.afterItemsPath: [1, 2]
        inspectionData.errorDetails.retryBackoffIntervalSeconds: 6
        inspectionData.errorDetails.retryIndex: 0
        inspectionData.input: {"v": [1, 2]}
        inspectionData.maxConcurrency: 2
        inspectionData.toleratedFailureCount: 1
        inspectionData.toleratedFailurePercentage: 50.0
        status: RETRIABLE"#]],
    )
    .await;
    check(
        retried(2),
        expect![[r#"
        cause: of this
        error: Again
        inspectionData.afterInputPath: {"v": [1, 2]}
        inspectionData.afterItemSelector: [{"n":1},{"n":2}]
        inspectionData.afterItemsPath: [1, 2]
        inspectionData.errorDetails.catchIndex: 0
        inspectionData.errorDetails.retryIndex: 0
        inspectionData.input: {"v": [1, 2]}
        inspectionData.maxConcurrency: 2
        inspectionData.toleratedFailureCount: 1
        inspectionData.toleratedFailurePercentage: 50.0
        nextState: Elsewhere
        output: {"Error":"Again","Cause":"of this"}
        status: CAUGHT_ERROR"#]],
    )
    .await;
}

#[tokio::test]
async fn a_map_state_counts_the_iterations_that_failed() {
    let failed = |count| {
        let more = json!({"input": r#"{"v": [1, 2, 3]}"#, "mock": {"result": "[9]"},
            "stateConfiguration": {"mapIterationFailureCount": count}});
        with(traced(map(), more), json!({"inspectionLevel": "INFO"}))
    };
    check(
        failed(1),
        expect![[r#"
        nextState: After
        output: [9]
        status: SUCCEEDED"#]],
    )
    .await;
    check(failed(2), expect!["400 ValidationException: Map iteration failure count must be less than or equal to the number of Map iterations"]).await;
}

#[tokio::test]
async fn a_state_of_a_machine_sees_itself_under_another_name() {
    let definition = json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
    "A": {"Type": "Map", "Items": [1], "End": true, "ItemProcessor": {"StartAt": "B", "States": {
        "B": {"Type": "Pass", "End": true, "Output": {
            "state": "{% $states.context.State.Name %}",
            "role": "{% $states.context.Execution.RoleArn %}",
            "id": "{% $substring($states.context.Execution.Id, 0, 46) %}",
        }}}}}}});
    check(traced(definition, json!({"stateName": "B"})), expect![[r#"
        inspectionData.input: {}
        output: {"id":"arn:aws:states:us-east-1:123456789012:express:","role":null,"state":"StateName"}
        status: SUCCEEDED"#]]).await;
}

#[tokio::test]
async fn a_state_without_mock_does_its_work() {
    let wait = json!({"Type": "Wait", "SecondsPath": "$.s", "Next": "N"});
    check(
        traced(wait, json!({"input": r#"{"s":0}"#})),
        expect![[r#"
        inspectionData.afterInputPath: {"s":0}
        inspectionData.input: {"s":0}
        nextState: N
        output: {"s":0}
        status: SUCCEEDED"#]],
    )
    .await;
    let start = json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"},
        "End": true});
    let server = Server::start().await;
    let answer = server.call("TestState", traced(start, json!({"roleArn": ROLE}))).await;
    assert_eq!(answer["error"], "StepFunctions.StateMachineDoesNotExistException");
    assert_eq!(answer["status"], "FAILED");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let task = json!({"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": "m"}, "End": true});
    let pass = || json!({"Type": "Pass", "End": true});
    let mocked = |more: Value| with(json!({"mock": {"result": "[1]"}}), more);
    let context = |context: &str| mocked(json!({"context": context}));
    for (definition, more, expected) in [
        (
            pass(),
            json!({"input": "{"}),
            expect![
                "400 InvalidExecutionInput: Invalid State Machine Execution Input: 'Unexpected end-of-input: expected close marker for Object (start marker at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1])'"
            ],
        ),
        (
            pass(),
            json!({"stateName": "X"}),
            expect![
                "400 InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /, SCHEMA_VALIDATION_FAILED: Field 'End' is not supported at /, SCHEMA_VALIDATION_FAILED: Field 'Type' is not supported at /'"
            ],
        ),
        (
            pass(),
            json!({"variables": "[]"}),
            expect!["400 ValidationException: Variables must be a JSON object"],
        ),
        (
            pass(),
            json!({"context": "{}"}),
            expect![
                "400 ValidationException: TestState does not support Context when a mock is not specified."
            ],
        ),
        (
            pass(),
            json!({"mock": {}}),
            expect![
                "400 ValidationException: A test mock should have only one of the following fields: [result, errorOutput]."
            ],
        ),
        (
            pass(),
            mocked(json!({})),
            expect![
                "400 ValidationException: State type 'Pass' is not supported when a mock is specified"
            ],
        ),
        (
            json!({"Type": "Nap", "End": true}),
            json!({}),
            expect![
                "400 InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/StateName/Type'"
            ],
        ),
        (
            json!("Pass"),
            json!({}),
            expect![
                "400 InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Expected value of type [OBJECT] at /States/StateName, MISSING_END_STATE: Workflow has no terminal state at '"
            ],
        ),
        (
            map(),
            json!({}),
            expect![
                "400 InvalidDefinition: TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
            ],
        ),
        (
            map(),
            json!({"mock": {"result": "[1, 2]"}, "stateConfiguration": {"mapIterationFailureCount": 3}}),
            expect![
                "400 ValidationException: Map iteration failure count must be less than or equal to the number of Map iterations"
            ],
        ),
        (
            json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "f"}, "End": true}),
            json!({}),
            expect!["400 ValidationException: RoleArn must be specified when testing a Task state"],
        ),
        (
            map(),
            mocked(json!({"stateConfiguration": {"errorCausedByState": "I"}})),
            expect![
                "400 ValidationException: ErrorCausedByState is only supported when an errorOutput is mocked."
            ],
        ),
        (
            map(),
            json!({"mock": {"errorOutput": {"error": "E"}}, "stateConfiguration": {"errorCausedByState": "X"}}),
            expect!["400 ValidationException: State not found in definition"],
        ),
        (
            map(),
            mocked(json!({"stateConfiguration": {"mapItemReaderData": "[]"}})),
            expect![
                "400 ValidationException: MapItemReaderData is only supported for Map states with an ItemReader."
            ],
        ),
        (
            map(),
            json!({"stateConfiguration": {"retrierRetryCount": 1}}),
            expect![
                "400 ValidationException: TestState does not support RetrierRetryCount when a mock is not specified."
            ],
        ),
        (
            task.clone(),
            json!({"roleArn": ROLE}),
            expect![
                "400 InvalidDefinition: TestState API does not support the '.sync' service integration pattern when a mock is not specified"
            ],
        ),
        (
            task.clone(),
            mocked(json!({"stateConfiguration": {"mapIterationFailureCount": 1}})),
            expect![
                "400 ValidationException: MapIterationFailureCount is only supported for Map states."
            ],
        ),
        (
            task.clone(),
            json!({"mock": {"errorOutput": {"cause": "c"}}}),
            expect![
                "400 ValidationException: The field 'error' of a mocked errorOutput must be specified"
            ],
        ),
        (
            map(),
            context("[]"),
            expect![
                "400 ValidationException: Invalid Context object provided: Context object must be a JSON object"
            ],
        ),
        (
            map(),
            context(r#"{"State":1}"#),
            expect![
                "400 ValidationException: Invalid Context object provided: State must be an object"
            ],
        ),
        (
            map(),
            context(r#"{"State":{"RetryCount":"1"}}"#),
            expect![
                "400 ValidationException: Invalid Context object provided: State.RetryCount must be a number"
            ],
        ),
        (
            map(),
            context(r#"{"Task":{"Token":"t"}}"#),
            expect![
                "400 ValidationException: Invalid Context object provided: Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern"
            ],
        ),
        (
            map(),
            context(r#"{"More":{}}"#),
            expect![
                "400 ValidationException: Invalid Context object provided: Field 'More' is not allowed"
            ],
        ),
    ] {
        check(traced(definition, more), expected).await;
    }
}

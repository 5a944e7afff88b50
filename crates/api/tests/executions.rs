//! Executions: start, describe, list, stop, history.

mod common;

use common::{PASS, ROLE, Server, WAIT};
use serde_json::{Value, json};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:m:e";

async fn server_with(definition: &str) -> Server {
    let server = Server::start().await;
    server.create_machine("m", definition).await;
    server
}

#[tokio::test]
async fn a_success_is_described() {
    let server = server_with(PASS).await;
    let body = json!({
        "stateMachineArn": MACHINE,
        "name": "e",
        "input": "{ \"a\" : 1 }",
        "traceHeader": "Root=1-2",
    });
    let started = server.call("StartExecution", body).await;
    assert_eq!(started["executionArn"], EXECUTION);
    let described = server.ended(EXECUTION).await;
    assert!(described["stopDate"].as_f64() >= described["startDate"].as_f64());
    assert_eq!(
        described,
        json!({
            "executionArn": EXECUTION,
            "stateMachineArn": MACHINE,
            "name": "e",
            "status": "SUCCEEDED",
            "startDate": started["startDate"],
            "stopDate": described["stopDate"],
            "input": "{ \"a\" : 1 }",
            "inputDetails": {"included": true},
            "output": "{\"done\":true}",
            "outputDetails": {"included": true},
            "traceHeader": "Root=1-2",
            "redriveCount": 0,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        })
    );
    let body = json!({"executionArn": EXECUTION, "includedData": "METADATA_ONLY"});
    let described = server.call("DescribeExecution", body).await;
    for member in ["input", "inputDetails", "output", "outputDetails"] {
        assert_eq!(described.get(member), None);
    }
}

#[tokio::test]
async fn the_header_wins_over_the_member_for_traces() {
    let server = server_with(PASS).await;
    let body = json!({"stateMachineArn": MACHINE, "name": "e", "traceHeader": "of the member"});
    let mut request = server.request("StartExecution", body.to_string());
    request.headers_mut().insert("x-amzn-trace-id", "Root=1-2".parse().expect("valid"));
    assert_eq!(server.send(request).await.status, 200);
    assert_eq!(server.ended(EXECUTION).await["traceHeader"], "Root=1-2");
}

#[tokio::test]
async fn a_failure_is_described() {
    let fail = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken","Cause":"so"}}}"#;
    let server = server_with(fail).await;
    server.start_execution(MACHINE, "e", "{}").await;
    let described = server.ended(EXECUTION).await;
    assert_eq!(described["status"], "FAILED");
    assert_eq!((&described["error"], &described["cause"]), (&json!("Broken"), &json!("so")));
    assert_eq!(described.get("output"), None);
    assert_eq!(described["redriveStatus"], "REDRIVABLE");
    assert_eq!(described.get("redriveStatusReason"), None);
}

#[tokio::test]
async fn starting_is_idempotent_while_it_runs() {
    let server = server_with(WAIT).await;
    let body = |input: &str| json!({"stateMachineArn": MACHINE, "name": "e", "input": input});
    let first = server.call("StartExecution", body("{}")).await;
    assert_eq!(server.call("StartExecution", body("{}")).await, first);
    let taken = format!("400 ExecutionAlreadyExists: Execution Already Exists: '{EXECUTION}'");
    assert_eq!(server.refusal("StartExecution", body("[]")).await, taken);
    server.call("StopExecution", json!({"executionArn": EXECUTION})).await;
    assert_eq!(server.refusal("StartExecution", body("{}")).await, taken);
}

#[tokio::test]
async fn inputs_are_any_json_and_nothing_else() {
    let server = server_with(PASS).await;
    for input in ["0", "\"s\"", "null", " [1] "] {
        let body = json!({"stateMachineArn": MACHINE, "input": input});
        server.call("StartExecution", body).await;
    }
    let prefix = "400 InvalidExecutionInput: Invalid State Machine Execution Input: ";
    for (input, expected) in [
        ("", "'Invalid execution input.'"),
        (
            "not some json",
            "'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token \
             'null', 'true' or 'false')'",
        ),
        (
            "{'not': 'json'",
            "'Unexpected character (''' (code 39)): was expecting double-quote to start field name'",
        ),
    ] {
        let body = json!({"stateMachineArn": MACHINE, "input": input});
        let error = server.refusal("StartExecution", body).await;
        assert_eq!(error, format!("{prefix}{expected}"));
    }
}

#[tokio::test]
async fn bad_starts_are_refused() {
    let server = server_with(PASS).await;
    for (body, expected) in [
        (
            json!({}),
            "400 ValidationException: 1 validation error detected: Value null at \
             'stateMachineArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({"stateMachineArn": "x", "input": "1".repeat(262_145)}),
            "400 ValidationException: 1 validation error detected: Value at 'input' failed to \
             satisfy constraint: Member must have length less than or equal to 262144",
        ),
        (
            json!({"stateMachineArn": MACHINE, "name": "a/b"}),
            "400 InvalidName: Invalid Name: 'a/b'",
        ),
        (
            json!({"stateMachineArn": format!("{MACHINE}x")}),
            "400 StateMachineDoesNotExist: State Machine Does Not Exist: \
             'arn:aws:states:us-east-1:123456789012:stateMachine:mx'",
        ),
        (json!({"stateMachineArn": "m"}), "400 InvalidArn: Invalid Arn: 'Invalid ARN prefix: m'"),
    ] {
        assert_eq!(server.refusal("StartExecution", body).await, expected);
    }
    let labelled = json!({"stateMachineArn": format!("{MACHINE}/label")});
    let error = server.refusal("StartExecution", labelled).await;
    assert!(error.starts_with("400 ValidationException: "), "{error}");
}

#[tokio::test]
async fn a_stop_is_an_abort() {
    let server = server_with(WAIT).await;
    server.start_execution(MACHINE, "e", "{}").await;
    let running = server.call("DescribeExecution", json!({"executionArn": EXECUTION})).await;
    assert_eq!(running["status"], "RUNNING");
    assert_eq!(running.get("stopDate"), None);
    assert_eq!(running["redriveStatusReason"], "Execution is RUNNING and cannot be redriven");
    let stop = json!({"executionArn": EXECUTION, "error": "E", "cause": "enough"});
    let stopped = server.call("StopExecution", stop).await;
    let described = server.call("DescribeExecution", json!({"executionArn": EXECUTION})).await;
    assert_eq!(described["status"], "ABORTED");
    assert_eq!(described["stopDate"], stopped["stopDate"]);
    assert_eq!((&described["error"], &described["cause"]), (&json!("E"), &json!("enough")));
    let again = server.call("StopExecution", json!({"executionArn": EXECUTION})).await;
    assert_eq!(again, stopped);
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let server = server_with(PASS).await;
    for operation in [
        "DescribeExecution",
        "DescribeStateMachineForExecution",
        "GetExecutionHistory",
        "StopExecution",
    ] {
        for (arn, expected) in [
            (
                EXECUTION,
                format!("400 ExecutionDoesNotExist: Execution Does Not Exist: '{EXECUTION}'"),
            ),
            ("e", "400 InvalidArn: Invalid Arn: 'Invalid ARN prefix: e'".to_owned()),
            (
                "arn:aws:states:us-east-1:123456789012:express:m:e:u",
                "400 InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'"
                    .to_owned(),
            ),
        ] {
            let error = server.refusal(operation, json!({"executionArn": arn})).await;
            assert_eq!(error, expected, "{operation}");
        }
    }
}

#[tokio::test]
async fn the_machine_of_an_execution_stays_what_it_was() {
    let server = server_with(PASS).await;
    server.start_execution(MACHINE, "e", "{}").await;
    server.later().await;
    let update = json!({"stateMachineArn": MACHINE, "definition": WAIT});
    server.call("UpdateStateMachine", update).await;
    let arn = json!({"executionArn": EXECUTION});
    let described = server.call("DescribeStateMachineForExecution", arn).await;
    assert!(described["updateDate"].is_f64());
    assert_eq!(
        described,
        json!({
            "stateMachineArn": MACHINE,
            "name": "m",
            "definition": PASS,
            "roleArn": ROLE,
            "updateDate": described["updateDate"],
            "loggingConfiguration": {"includeExecutionData": false, "level": "OFF"},
            "tracingConfiguration": {"enabled": false},
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        })
    );
}

async fn pages(server: &Server, operation: &str, list: &str, mut body: Value) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    loop {
        let mut page = server.call(operation, body.clone()).await;
        let Value::Array(items) = page[list].take() else { panic!("a list") };
        pages.push(items);
        let Some(token) = page.get("nextToken") else { return pages };
        body["nextToken"] = token.clone();
    }
}

#[tokio::test]
async fn executions_are_listed_newest_first_and_by_status() {
    let choice = r#"{"StartAt":"C","States":{
        "C":{"Type":"Choice","Choices":[{"Variable":"$.wait","BooleanEquals":true,"Next":"W"}],
             "Default":"P"},
        "W":{"Type":"Wait","Seconds":3600,"End":true},
        "P":{"Type":"Pass","End":true}}}"#;
    let server = server_with(choice).await;
    for number in 0..5 {
        let input = format!(r#"{{"wait":{}}}"#, number % 2 == 0);
        let arn = server.start_execution(MACHINE, &format!("e{number}"), &input).await;
        if number % 2 == 1 {
            server.ended(&arn).await;
        }
    }
    let names = |pages: Vec<Vec<Value>>| {
        let page_names = |page: Vec<Value>| {
            page.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
        };
        pages.into_iter().map(page_names).collect::<Vec<Vec<String>>>()
    };
    let body = json!({"stateMachineArn": MACHINE});
    let all = names(pages(&server, "ListExecutions", "executions", body).await);
    let mut sorted = all.concat();
    sorted.sort();
    assert_eq!(sorted, ["e0", "e1", "e2", "e3", "e4"]);

    let body = json!({"stateMachineArn": MACHINE, "maxResults": 2});
    let paged = names(pages(&server, "ListExecutions", "executions", body).await);
    assert_eq!(paged.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(paged.concat(), all.concat());

    for (status, expected) in
        [("RUNNING", &["e0", "e2", "e4"][..]), ("SUCCEEDED", &["e1", "e3"]), ("ABORTED", &[])]
    {
        let body = json!({"stateMachineArn": MACHINE, "statusFilter": status, "maxResults": 1});
        let mut found = names(pages(&server, "ListExecutions", "executions", body).await).concat();
        found.sort();
        assert_eq!(found, expected, "{status}");
    }

    let body = json!({"stateMachineArn": MACHINE, "statusFilter": "SUCCEEDED", "maxResults": 1});
    let page = server.call("ListExecutions", body).await;
    let item = page["executions"][0].clone();
    assert_eq!(
        item,
        json!({
            "executionArn": item["executionArn"],
            "stateMachineArn": MACHINE,
            "name": item["name"],
            "status": "SUCCEEDED",
            "startDate": item["startDate"],
            "stopDate": item["stopDate"],
            "redriveCount": 0,
        })
    );
    let other_filter = json!({"stateMachineArn": MACHINE, "nextToken": page["nextToken"]});
    assert_eq!(
        server.refusal("ListExecutions", other_filter).await,
        "400 InvalidToken: Invalid Token: 'Invalid token'"
    );
}

#[tokio::test]
async fn a_wrong_status_is_told_with_the_statuses_as_aws_lists_them() {
    let server = server_with(PASS).await;
    let body = json!({"stateMachineArn": MACHINE, "statusFilter": "succeeded"});
    assert_eq!(
        server.refusal("ListExecutions", body).await,
        "400 ValidationException: 1 validation error detected: Value 'succeeded' at \
         'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: \
         [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"
    );
}

#[tokio::test]
async fn listings_that_make_no_sense_are_refused() {
    let server = server_with(PASS).await;
    for body in [
        json!({}),
        json!({"stateMachineArn": MACHINE, "mapRunArn": "x"}),
        json!({"stateMachineArn": MACHINE, "statusFilter": "PENDING_REDRIVE"}),
        json!({"stateMachineArn": MACHINE, "statusFilter": "running"}),
        json!({"stateMachineArn": MACHINE, "redriveFilter": "REDRIVEN"}),
        json!({"stateMachineArn": MACHINE, "nextToken": "x".repeat(3_097)}),
    ] {
        let error = server.refusal("ListExecutions", body).await;
        assert!(error.starts_with("400 ValidationException: "), "{error}");
    }
    assert_eq!(
        server.refusal("ListExecutions", json!({"mapRunArn": "x"})).await,
        "400 InvalidArn: Invalid Arn: 'Invalid ARN prefix: x'"
    );
    let absent = format!("{MACHINE}x");
    assert_eq!(
        server.refusal("ListExecutions", json!({"stateMachineArn": absent})).await,
        format!("400 StateMachineDoesNotExist: State Machine Does Not Exist: '{absent}'")
    );
}

#[tokio::test]
async fn histories_come_in_either_order_and_in_pages() {
    let server = server_with(PASS).await;
    server.start_execution(MACHINE, "e", r#"{"a":1}"#).await;
    server.ended(EXECUTION).await;
    let history = |more: Value| {
        let mut body = json!({"executionArn": EXECUTION});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        pages(&server, "GetExecutionHistory", "events", body)
    };
    let whole = history(json!({})).await.concat();
    for event in &whole {
        assert!(event["timestamp"].is_f64(), "{event}");
    }
    let without_times: Vec<Value> = whole
        .iter()
        .map(|event| {
            let mut event = event.clone();
            event.as_object_mut().expect("an object").remove("timestamp");
            event
        })
        .collect();
    assert_eq!(
        json!(without_times),
        json!([
            {"type": "ExecutionStarted", "id": 1, "previousEventId": 0,
             "executionStartedEventDetails": {"input": "{\"a\":1}",
                "inputDetails": {"truncated": false}, "roleArn": ROLE}},
            {"type": "PassStateEntered", "id": 2, "previousEventId": 0,
             "stateEnteredEventDetails": {"name": "P", "input": "{\"a\":1}",
                "inputDetails": {"truncated": false}}},
            {"type": "PassStateExited", "id": 3, "previousEventId": 2,
             "stateExitedEventDetails": {"name": "P", "output": "{\"done\":true}",
                "outputDetails": {"truncated": false}}},
            {"type": "ExecutionSucceeded", "id": 4, "previousEventId": 3,
             "executionSucceededEventDetails": {"output": "{\"done\":true}",
                "outputDetails": {"truncated": false}}},
        ])
    );

    let paged = history(json!({"maxResults": 3})).await;
    assert_eq!(paged.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(paged.concat(), whole);

    let mut reversed = history(json!({"reverseOrder": true, "maxResults": 1})).await.concat();
    reversed.reverse();
    assert_eq!(reversed, whole);

    let bare = history(json!({"includeExecutionData": false})).await.concat();
    let details: Vec<&Value> = bare.iter().filter_map(details).collect();
    assert_eq!(json!(details), json!([{"roleArn": ROLE}, {"name": "P"}, {"name": "P"}, {}]));

    let body = json!({"executionArn": EXECUTION, "maxResults": 1});
    let token = server.call("GetExecutionHistory", body).await["nextToken"].clone();
    let body = json!({"executionArn": EXECUTION, "reverseOrder": true, "nextToken": token});
    assert_eq!(
        server.refusal("GetExecutionHistory", body).await,
        "400 InvalidToken: Invalid Token: 'Invalid token'"
    );
}

fn details(event: &Value) -> Option<&Value> {
    let members = event.as_object().expect("an object");
    members.iter().find(|(name, _)| name.ends_with("EventDetails")).map(|(_, value)| value)
}

#[tokio::test]
async fn pages_end_early_where_events_are_large() {
    let passes: Vec<String> = (0..40)
        .map(|number| {
            let next = if number == 39 {
                r#""End":true"#.to_owned()
            } else {
                format!(r#""Next":"P{}""#, number + 1)
            };
            format!(r#""P{number}":{{"Type":"Pass",{next}}}"#)
        })
        .collect();
    let definition = format!(r#"{{"StartAt":"P0","States":{{{}}}}}"#, passes.join(","));
    let server = server_with(&definition).await;
    let input = format!("\"{}\"", "x".repeat(262_000));
    server.start_execution(MACHINE, "e", &input).await;
    server.ended(EXECUTION).await;
    let body = json!({"executionArn": EXECUTION, "maxResults": 1_000});
    let first = server.post("GetExecutionHistory", &body.to_string()).await;
    assert!(first.text.len() < 64 * 1_048_576, "{} bytes", first.text.len());
    let pages = pages(&server, "GetExecutionHistory", "events", body).await;
    let ids: Vec<u64> = pages.concat().iter().map(|it| it["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids, (1..=82).collect::<Vec<u64>>());
}

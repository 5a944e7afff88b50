//! Activities and task tokens.

mod common;

use std::time::Duration;

use common::Server;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:a";
const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:m:e";

async fn server_with_activity() -> Server {
    let server = Server::start().await;
    server.call("CreateActivity", json!({"name": "a"})).await;
    let definition = json!({
        "StartAt": "A",
        "States": {"A": {
            "Type": "Task", "Resource": ACTIVITY, "HeartbeatSeconds": 3_000, "TimeoutSeconds": 3_600,
            "End": true,
        }},
    });
    server.create_machine("m", &definition.to_string()).await;
    server
}

async fn task(server: &Server) -> Value {
    server.call("GetActivityTask", json!({"activityArn": ACTIVITY, "workerName": "w"})).await
}

#[tokio::test]
async fn activities_come_and_go() {
    let server = Server::start().await;
    let created = server.call("CreateActivity", json!({"name": "a"})).await;
    assert_eq!(created["activityArn"], ACTIVITY);
    assert_eq!(server.call("CreateActivity", json!({"name": "a", "tags": []})).await, created);
    assert_eq!(
        server.call("DescribeActivity", json!({"activityArn": ACTIVITY})).await,
        json!({
            "activityArn": ACTIVITY,
            "name": "a",
            "creationDate": created["creationDate"],
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        })
    );
    let item = json!({
        "activityArn": ACTIVITY, "name": "a", "creationDate": created["creationDate"],
    });
    assert_eq!(server.call("ListActivities", json!({})).await, json!({"activities": [item]}));
    for _ in 0..2 {
        assert_eq!(
            server.call("DeleteActivity", json!({"activityArn": ACTIVITY})).await,
            json!({})
        );
    }
    for operation in ["DescribeActivity", "GetActivityTask"] {
        assert_eq!(
            server.refusal(operation, json!({"activityArn": ACTIVITY})).await,
            format!("400 ActivityDoesNotExist: Activity Does Not Exist: '{ACTIVITY}'")
        );
    }
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let server = Server::start().await;
    for (operation, body, expected) in [
        ("CreateActivity", json!({"name": "a|b"}), "400 InvalidName: Invalid Name: 'a|b'"),
        (
            "CreateActivity",
            json!({"name": "a", "tags": [{"value": "v"}]}),
            "400 ValidationException: Every tag needs a key",
        ),
        (
            "DescribeActivity",
            json!({"activityArn": "a"}),
            "400 InvalidArn: Invalid Arn: 'Invalid ARN prefix: a'",
        ),
        (
            "SendTaskSuccess",
            json!({"taskToken": "x", "output": "{}"}),
            "400 InvalidToken: Invalid Token: 'Invalid token'",
        ),
        (
            "SendTaskSuccess",
            json!({"taskToken": "x", "output": "no json"}),
            "400 InvalidToken: Invalid Token: 'Invalid token'",
        ),
        (
            "SendTaskFailure",
            json!({"taskToken": "x", "error": "e".repeat(257)}),
            "400 ValidationException: 1 validation error detected: Value at 'error' failed to \
             satisfy constraint: Member must have length less than or equal to 256",
        ),
        (
            "SendTaskHeartbeat",
            json!({"taskToken": ""}),
            "400 ValidationException: 1 validation error detected: Value '' at 'taskToken' failed \
             to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    ] {
        assert_eq!(server.refusal(operation, body).await, expected);
    }
}

#[tokio::test]
async fn activities_are_listed_page_by_page() {
    let server = Server::start().await;
    for name in ["c", "a", "b"] {
        server.call("CreateActivity", json!({"name": name})).await;
    }
    let first = server.call("ListActivities", json!({"maxResults": 2})).await;
    let rest = json!({"maxResults": 2, "nextToken": first["nextToken"]});
    let rest = server.call("ListActivities", rest).await;
    assert_eq!(rest.get("nextToken"), None);
    let names = [&first["activities"][0], &first["activities"][1], &rest["activities"][0]];
    assert_eq!(names.map(|it| it["name"].as_str().expect("a name")), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_worker_does_the_task() {
    let server = server_with_activity().await;
    server.start_execution(MACHINE, "e", r#"{"n":1}"#).await;
    let task = task(&server).await;
    assert_eq!(task["input"], r#"{"n":1}"#);
    let token = &task["taskToken"];
    let heartbeat = json!({"taskToken": token});
    assert_eq!(server.call("SendTaskHeartbeat", heartbeat.clone()).await, json!({}));
    let bad = json!({"taskToken": token, "output": "no json"});
    let error = server.refusal("SendTaskSuccess", bad).await;
    assert!(error.starts_with("400 InvalidOutput: "), "{error}");
    let success = json!({"taskToken": token, "output": "{\"m\": 2}"});
    assert_eq!(server.call("SendTaskSuccess", success.clone()).await, json!({}));
    let described = server.ended(EXECUTION).await;
    assert_eq!(described["output"], "{\"m\": 2}");
    for (operation, body) in [("SendTaskSuccess", success), ("SendTaskHeartbeat", heartbeat)] {
        let error = server.refusal(operation, body).await;
        assert!(error.starts_with("400 TaskTimedOut: "), "{error}");
    }
    let history = server.call("GetExecutionHistory", json!({"executionArn": EXECUTION})).await;
    assert_eq!(history["events"][3]["activityStartedEventDetails"], json!({"workerName": "w"}));
    assert_eq!(
        history["events"][2]["activityScheduledEventDetails"],
        json!({
            "resource": ACTIVITY, "input": "{\"n\":1}", "inputDetails": {"truncated": false},
            "timeoutInSeconds": 3_600, "heartbeatInSeconds": 3_000,
        })
    );
}

#[tokio::test]
async fn a_worker_may_fail_without_a_word() {
    let server = server_with_activity().await;
    server.start_execution(MACHINE, "e", "{}").await;
    let token = task(&server).await["taskToken"].clone();
    server.call("SendTaskFailure", json!({"taskToken": token})).await;
    let described = server.ended(EXECUTION).await;
    assert_eq!(described["status"], "FAILED");
    assert_eq!((described.get("error"), described.get("cause")), (None, None));
}

#[tokio::test]
async fn a_poll_waits_for_a_task() {
    let server = server_with_activity().await;
    let (task, _) = tokio::join!(task(&server), server.start_execution(MACHINE, "e", "{}"));
    assert!(task["taskToken"].is_string(), "{task}");
}

/// A worker that hung up gets no task: the next one does.
#[tokio::test]
async fn a_client_that_hung_up_gets_nothing() {
    let server = server_with_activity().await;
    for _ in 0..3 {
        let body = json!({"activityArn": ACTIVITY}).to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\
             content-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AWSStepFunctions.GetActivityTask\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        drop(stream);
    }
    // Requests on other connections are answered only after those that came before were read and
    // their connections seen to be closed, since this test runs on one thread.
    for _ in 0..20 {
        server.call("ListActivities", json!({})).await;
    }
    server.start_execution(MACHINE, "e", "{}").await;
    let task = tokio::time::timeout(Duration::from_secs(10), task(&server)).await;
    let task = task.expect("the task is left for the worker that waits");
    assert!(task["taskToken"].is_string(), "{task}");
}

//! Execution logs: which events, in which form, and what a destination cannot do to executions.

mod common;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, mpsc};

use async_trait::async_trait;
use common::{PASS, ROLE, Server};
use engine::{Failure, ServiceTarget};
use expect_test::{Expect, expect};
use json::Document;
use runtime::{
    Clock, ExecutionLogs, Integration, Integrations, LogDestination, RuntimeConfig, ServiceCall,
};
use serde_json::{Value, json};

const GROUP: &str = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/g:*";
const FAILS: &str = r#"{"StartAt":"W","States":{
    "W":{"Type":"Wait","Seconds":0,"Next":"F"},
    "F":{"Type":"Fail","Error":"Broken","Cause":"on purpose"}}}"#;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn server(writer: impl Write + Send + Sync + 'static) -> Server {
    let destination = LogDestination::Writer(Box::new(writer));
    let logs = ExecutionLogs { destination, line: stairwell_api::log_line };
    let config = RuntimeConfig::new(Clock::system(), [7; 32]);
    Server::start_with(RuntimeConfig { execution_logs: Some(logs), ..config }).await
}

fn creation(definition: &str, machine_type: &str, logging: Value) -> Value {
    json!({"name": "m", "definition": definition, "roleArn": ROLE, "type": machine_type,
        "loggingConfiguration": logging})
}

fn logging(level: &str, include: bool) -> Value {
    json!({"level": level, "includeExecutionData": include,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}]})
}

/// What is logged of one execution, without what differs from one to the next.
async fn check(definition: &str, machine_type: &str, logging: Value, expected: Expect) {
    let kept = Kept::default();
    let server = server(kept.clone()).await;
    let body = creation(definition, machine_type, logging);
    let machine = server.call("CreateStateMachine", body).await;
    let machine = machine["stateMachineArn"].as_str().expect("an ARN").to_owned();
    let start = json!({"stateMachineArn": machine, "name": "e", "input": "{\"a\":1}"});
    if machine_type == "EXPRESS" {
        server.call("StartSyncExecution", start).await;
    } else {
        server.call("StartExecution", start).await;
    }
    server.runtime.shutdown().await;
    let text = String::from_utf8(kept.0.lock().expect("no panic").clone()).expect("text");
    let mut lines = String::new();
    for line in text.lines() {
        let mut event: Value = serde_json::from_str(line).expect("a line is JSON");
        let members = event.as_object_mut().expect("a line is an object");
        let time = members.remove("event_timestamp").expect("a time");
        let time: i64 = time.as_str().expect("a text").parse().expect("a number");
        assert!(time > 1_600_000_000_000, "{time} is in milliseconds");
        let arn = members["execution_arn"].as_str().expect("a text");
        let resource: Vec<&str> = arn.split(':').skip(5).take(3).collect();
        members.insert("execution_arn".to_owned(), resource.join(":").into());
        lines.push_str(&format!("{event}\n"));
    }
    expected.assert_eq(&lines);
}

#[tokio::test]
async fn all_events_are_logged_with_their_payloads() {
    check(PASS, "STANDARD", logging("ALL", true), expect![[r#"
        {"details":{"input":"{\"a\":1}","inputDetails":{"truncated":false},"roleArn":"arn:aws:iam::123456789012:role/test"},"execution_arn":"execution:m:e","id":"1","previous_event_id":"0","redrive_count":"0","type":"ExecutionStarted"}
        {"details":{"input":"{\"a\":1}","inputDetails":{"truncated":false},"name":"P"},"execution_arn":"execution:m:e","id":"2","previous_event_id":"0","redrive_count":"0","type":"PassStateEntered"}
        {"details":{"name":"P","output":"{\"done\":true}","outputDetails":{"truncated":false}},"execution_arn":"execution:m:e","id":"3","previous_event_id":"2","redrive_count":"0","type":"PassStateExited"}
        {"details":{"output":"{\"done\":true}","outputDetails":{"truncated":false}},"execution_arn":"execution:m:e","id":"4","previous_event_id":"3","redrive_count":"0","type":"ExecutionSucceeded"}
    "#]]).await;
}

#[tokio::test]
async fn express_executions_are_logged_without_payloads_unless_asked_for() {
    check(PASS, "EXPRESS", logging("ALL", false), expect![[r#"
        {"details":{"roleArn":"arn:aws:iam::123456789012:role/test"},"execution_arn":"express:m:e","id":"1","previous_event_id":"0","redrive_count":"0","type":"ExecutionStarted"}
        {"details":{"name":"P"},"execution_arn":"express:m:e","id":"2","previous_event_id":"0","redrive_count":"0","type":"PassStateEntered"}
        {"details":{"name":"P"},"execution_arn":"express:m:e","id":"3","previous_event_id":"2","redrive_count":"0","type":"PassStateExited"}
        {"details":{},"execution_arn":"express:m:e","id":"4","previous_event_id":"3","redrive_count":"0","type":"ExecutionSucceeded"}
    "#]]).await;
}

#[tokio::test]
async fn levels_leave_events_out() {
    check(FAILS, "STANDARD", logging("ERROR", true), expect![[r#"
        {"details":{"input":"{\"a\":1}","inputDetails":{"truncated":false},"name":"F"},"execution_arn":"execution:m:e","id":"4","previous_event_id":"3","redrive_count":"0","type":"FailStateEntered"}
        {"details":{"cause":"on purpose","error":"Broken"},"execution_arn":"execution:m:e","id":"5","previous_event_id":"4","redrive_count":"0","type":"ExecutionFailed"}
    "#]]).await;
    check(FAILS, "EXPRESS", logging("FATAL", true), expect![[r#"
        {"details":{"cause":"on purpose","error":"Broken"},"execution_arn":"express:m:e","id":"5","previous_event_id":"4","redrive_count":"0","type":"ExecutionFailed"}
    "#]]).await;
    check(PASS, "STANDARD", logging("ERROR", true), expect![[""]]).await;
    check(FAILS, "STANDARD", logging("OFF", true), expect![[""]]).await;
}

#[tokio::test]
async fn a_payload_that_is_too_large_for_a_log_is_cut_and_marked() {
    let kept = Kept::default();
    let server = server(kept.clone()).await;
    let body = creation(PASS, "STANDARD", logging("ALL", true));
    server.call("CreateStateMachine", body).await;
    let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
    let input = format!("\"{}\"", "ü".repeat(130_000));
    let started =
        server.call("StartExecution", json!({"stateMachineArn": arn, "input": input})).await;
    server.runtime.shutdown().await;
    let text = String::from_utf8(kept.0.lock().expect("no panic").clone()).expect("text");
    let line = text.lines().next().expect("a line");
    let event: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(event["execution_arn"], started["executionArn"]);
    assert_eq!(event["details"]["inputDetails"], json!({"truncated": true}));
    let logged = event["details"]["input"].as_str().expect("a text");
    assert!(input.starts_with(logged) && logged.len() > 245_000, "{}", logged.len());
}

/// Blocks until it is let go.
struct Stuck(Mutex<mpsc::Receiver<()>>);

impl Write for Stuck {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        // A sender that is gone lets go for good.
        let _ = self.0.lock().expect("no panic").recv();
        Err(io::Error::other("nobody reads"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_destination_that_is_stuck_or_fails_stops_no_execution() {
    let (let_go, stuck) = mpsc::channel();
    let server = server(Stuck(Mutex::new(stuck))).await;
    let body = creation(PASS, "EXPRESS", logging("ALL", true));
    server.call("CreateStateMachine", body).await;
    let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
    let input = format!("\"{}\"", "x".repeat(200_000));
    // Four lines of 200 kB each: more than may wait.
    for _ in 0..60 {
        let start = json!({"stateMachineArn": arn, "input": input});
        let ended = server.call("StartSyncExecution", start).await;
        assert_eq!(ended["status"], "SUCCEEDED");
    }
    drop(let_go);
    server.runtime.shutdown().await;
}

/// CloudWatch Logs with one log group.
#[derive(Default)]
struct CloudWatchLogs {
    calls: Mutex<Vec<(String, Value)>>,
    /// How many calls of PutLogEvents fail before one succeeds.
    failures: Mutex<u32>,
}

#[async_trait]
impl Integration for CloudWatchLogs {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let ServiceTarget::Action(resource) = &call.request.target else {
            unreachable!("no function is called");
        };
        let parameters = serde_json::from_str(call.request.parameters.text()).expect("JSON");
        let action = resource.resource.to_string();
        self.calls.lock().expect("no panic").push((action.clone(), parameters));
        let mut failures = self.failures.lock().expect("no panic");
        if action == "putLogEvents" && *failures > 0 {
            *failures -= 1;
            return Err(Failure::new("CloudWatchLogs.ServiceUnavailableException", "later"));
        }
        let answer = match &*action {
            "describeLogGroups" => r#"{"LogGroups":[{"LogGroupName":"/aws/vendedlogs/states/g"}]}"#,
            _ => "{}",
        };
        Ok(Document::from_trusted_text(answer))
    }
}

#[tokio::test]
async fn events_are_put_into_the_log_group_that_the_machine_names() {
    let service = Arc::new(CloudWatchLogs::default());
    *service.failures.lock().expect("no panic") = 1;
    let (destination, line) = (LogDestination::CloudWatchLogs, stairwell_api::log_line as _);
    let config = RuntimeConfig {
        execution_logs: Some(ExecutionLogs { destination, line }),
        integrations: Integrations::default().with("aws-sdk:cloudwatchlogs", service.clone()),
        ..RuntimeConfig::new(Clock::system(), [7; 32])
    };
    let server = Server::start_with(config).await;
    let other = GROUP.replace("/g:", "/h:");
    let mut refused = logging("ALL", true);
    refused["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"] = other.into();
    expect![
        "400 InvalidLoggingConfiguration: Invalid Logging Configuration: Log Destination not found."
    ]
    .assert_eq(&server.refusal("CreateStateMachine", creation(PASS, "STANDARD", refused)).await);
    server.call("CreateStateMachine", creation(PASS, "STANDARD", logging("ALL", false))).await;
    let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
    server.call("StartExecution", json!({"stateMachineArn": arn})).await;
    server.runtime.shutdown().await;

    let calls = service.calls.lock().expect("no panic");
    let names: Vec<&str> = calls.iter().map(|(action, _)| &**action).collect();
    let lookup = "describeLogGroups";
    // Where events are refused, the stream may be what is missing.
    let delivery = ["createLogStream", "putLogEvents", "createLogStream", "putLogEvents"];
    assert_eq!(names[..2], [lookup, lookup]);
    assert_eq!(names[2..], delivery);
    let (_, put) = calls.last().expect("a call");
    assert_eq!(put["LogGroupName"], "/aws/vendedlogs/states/g");
    let stream = put["LogStreamName"].as_str().expect("a text");
    assert!(stream.starts_with("states/m/20"), "{stream}");
    let events = put["LogEvents"].as_array().expect("an array");
    let events: Vec<Value> = events
        .iter()
        .map(|event| {
            let message = event["Message"].as_str().expect("a text");
            let message: Value = serde_json::from_str(message).expect("JSON");
            assert_eq!(message["event_timestamp"], event["Timestamp"].to_string());
            message["type"].clone()
        })
        .collect();
    let all = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"];
    assert_eq!(events, all);
}

#[tokio::test]
async fn what_cannot_be_logged_to_is_refused() {
    let server = Server::start().await;
    let group = |arn: &str| json!([{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]);
    for (configuration, expected) in [
        (
            json!({"level": "ALL"}),
            expect![
                "400 InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."
            ],
        ),
        (
            json!({"level": "ALL", "destinations": []}),
            expect![
                "400 InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."
            ],
        ),
        (
            json!({"level": "ALL", "destinations": [{}]}),
            expect![
                "400 InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."
            ],
        ),
        (
            json!({"level": "SOME", "destinations": group(GROUP)}),
            expect![
                "400 ValidationException: 1 validation error detected: Value 'SOME' at 'loggingConfiguration.level' failed to satisfy constraint: Member must satisfy enum value set: [ALL, ERROR, FATAL, OFF]"
            ],
        ),
        (
            json!({"level": "ALL", "destinations": group("g")}),
            expect![
                "400 InvalidLoggingConfiguration: Invalid Logging Configuration: The Log Destination must be the ARN of a log group, and end in ':*'."
            ],
        ),
        (
            json!({"level": "FATAL", "destinations": group(GROUP.strip_suffix(":*").expect("it ends so"))}),
            expect![
                "400 InvalidLoggingConfiguration: Invalid Logging Configuration: The Log Destination must be the ARN of a log group, and end in ':*'."
            ],
        ),
    ] {
        let body = creation(PASS, "STANDARD", configuration);
        expected.assert_eq(&server.refusal("CreateStateMachine", body).await);
    }
}

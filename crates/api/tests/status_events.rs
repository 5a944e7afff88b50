//! Events of status changes: what is put to EventBridge, and that nothing is lost.

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use common::{PASS, ROLE, Server};
use engine::{Failure, ServiceTarget};
use expect_test::{Expect, expect};
use json::Document;
use parking_lot::Mutex;
use runtime::{Clock, Integration, Integrations, RuntimeConfig, ServiceCall};
use serde_json::{Value, json};
use store::{MemoryStore, Store};

const FAILS: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E","Cause":"c"}}}"#;
const WAITS: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1000,"End":true}}}"#;
const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";

/// EventBridge, which may be away, or refuse what it is told to.
#[derive(Default)]
struct EventBridge {
    entries: Mutex<Vec<Value>>,
    /// What the next calls fail with, or their entries are refused with.
    failures: Mutex<Vec<Result<&'static str, &'static str>>>,
}

#[async_trait]
impl Integration for EventBridge {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let ServiceTarget::Action(resource) = &call.request.target else {
            unreachable!("no function is called");
        };
        assert_eq!(&*resource.resource, "putEvents");
        let parameters: Value =
            serde_json::from_str(call.request.parameters.text()).expect("parameters are JSON");
        let entries = parameters["Entries"].as_array().expect("a list").clone();
        let failure = self.failures.lock().pop();
        let code = match failure {
            Some(Err(error)) => return Err(Failure::new(error, "away")),
            Some(Ok(code)) => Some(code),
            None => None,
        };
        let result = match code {
            Some(code) => json!({"ErrorCode": code, "ErrorMessage": "no"}),
            None => json!({"EventId": "1"}),
        };
        let results = vec![result; entries.len()];
        if code.is_none() {
            self.entries.lock().extend(entries);
        }
        let answer = json!({"Entries": results, "FailedEntryCount": 0});
        Ok(Document::from_text(&answer.to_string()).expect("it is JSON"))
    }
}

impl EventBridge {
    fn config(self: &Arc<Self>) -> RuntimeConfig {
        RuntimeConfig {
            status_detail: Some(stairwell_api::status_detail),
            integrations: Integrations::default().with("aws-sdk:eventbridge", self.clone()),
            ..RuntimeConfig::new(Clock::system(), [7; 32])
        }
    }

    /// The entries, once there are so many.
    async fn entries(&self, count: usize) -> Vec<Value> {
        let all = async {
            while self.entries.lock().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), all).await;
        let entries = self.entries.lock().clone();
        assert!(waited.is_ok() && entries.len() == count, "{count} are expected of {entries:#?}");
        entries
    }

    /// `status redriveCount` of each detail.
    async fn statuses(&self, count: usize) -> Vec<String> {
        let entries = self.entries(count).await;
        entries.iter().map(detail).map(|it| shown(&it)).collect()
    }
}

fn detail(entry: &Value) -> Value {
    serde_json::from_str(entry["Detail"].as_str().expect("a text")).expect("it is JSON")
}

fn shown(detail: &Value) -> String {
    format!("{} {}", detail["status"].as_str().expect("a text"), detail["redriveCount"])
}

async fn create(server: &Server, definition: &str) {
    let body = json!({"name": "m", "definition": definition, "roleArn": ROLE});
    server.call("CreateStateMachine", body).await;
}

async fn start(server: &Server, name: &str) -> Value {
    let start = json!({"stateMachineArn": MACHINE, "name": name, "input": "{\"a\": 1}"});
    server.call("StartExecution", start).await["executionArn"].clone()
}

/// Both entries of an execution, but for their times.
async fn check(definition: &str, expected: Expect) {
    let events = Arc::new(EventBridge::default());
    let server = Server::start_with(events.config()).await;
    create(&server, definition).await;
    start(&server, "e").await;
    let mut lines = String::new();
    for mut entry in events.entries(2).await {
        let mut detail = detail(&entry);
        let stop = &mut detail["stopDate"];
        if let Some(milliseconds) = stop.as_i64() {
            assert!(milliseconds > 1_600_000_000_000);
            *stop = "stop".into();
        }
        assert!(detail["startDate"].as_i64().is_some_and(|it| it > 1_600_000_000_000));
        detail["startDate"] = "start".into();
        let time = entry["Time"].as_str().expect("a text");
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        entry["Time"] = "time".into();
        entry["Detail"] = detail;
        lines.push_str(&format!("{entry}\n"));
    }
    server.runtime.shutdown().await;
    expected.assert_eq(&lines);
}

#[tokio::test]
async fn each_status_of_an_execution_is_an_event() {
    check(PASS, expect![[r#"
        {"Detail":{"cause":null,"error":null,"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","input":"{\"a\": 1}","inputDetails":{"included":true},"name":"e","output":null,"outputDetails":null,"redriveCount":0,"redriveDate":null,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is RUNNING and cannot be redriven","startDate":"start","stateMachineAliasArn":null,"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","stateMachineVersionArn":null,"status":"RUNNING","stopDate":null},"DetailType":"Step Functions Execution Status Change","Resources":["arn:aws:states:us-east-1:123456789012:execution:m:e"],"Source":"aws.states","Time":"time"}
        {"Detail":{"cause":null,"error":null,"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","input":"{\"a\": 1}","inputDetails":{"included":true},"name":"e","output":"{\"done\":true}","outputDetails":{"included":true},"redriveCount":0,"redriveDate":null,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","startDate":"start","stateMachineAliasArn":null,"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","stateMachineVersionArn":null,"status":"SUCCEEDED","stopDate":"stop"},"DetailType":"Step Functions Execution Status Change","Resources":["arn:aws:states:us-east-1:123456789012:execution:m:e"],"Source":"aws.states","Time":"time"}
    "#]]).await;
    check(FAILS, expect![[r#"
        {"Detail":{"cause":null,"error":null,"executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","input":"{\"a\": 1}","inputDetails":{"included":true},"name":"e","output":null,"outputDetails":null,"redriveCount":0,"redriveDate":null,"redriveStatus":"NOT_REDRIVABLE","redriveStatusReason":"Execution is RUNNING and cannot be redriven","startDate":"start","stateMachineAliasArn":null,"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","stateMachineVersionArn":null,"status":"RUNNING","stopDate":null},"DetailType":"Step Functions Execution Status Change","Resources":["arn:aws:states:us-east-1:123456789012:execution:m:e"],"Source":"aws.states","Time":"time"}
        {"Detail":{"cause":"c","error":"E","executionArn":"arn:aws:states:us-east-1:123456789012:execution:m:e","input":"{\"a\": 1}","inputDetails":{"included":true},"name":"e","output":null,"outputDetails":null,"redriveCount":0,"redriveDate":null,"redriveStatus":"REDRIVABLE","redriveStatusReason":null,"startDate":"start","stateMachineAliasArn":null,"stateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:m","stateMachineVersionArn":null,"status":"FAILED","stopDate":"stop"},"DetailType":"Step Functions Execution Status Change","Resources":["arn:aws:states:us-east-1:123456789012:execution:m:e"],"Source":"aws.states","Time":"time"}
    "#]]).await;
}

#[tokio::test]
async fn stops_redrives_and_new_ends_are_events_too() {
    let events = Arc::new(EventBridge::default());
    let server = Server::start_with(events.config()).await;
    create(&server, WAITS).await;
    let arn = json!({"executionArn": start(&server, "e").await});
    server.call("StopExecution", arn.clone()).await;
    server.call("RedriveExecution", arn.clone()).await;
    server.call("StopExecution", arn.clone()).await;
    let expected = ["RUNNING 0", "ABORTED 0", "RUNNING 1", "ABORTED 1"];
    assert_eq!(events.statuses(4).await, expected);
    let details: Vec<Value> = events.entries(4).await.iter().map(detail).collect();
    assert_eq!(details[1]["redriveStatus"], "REDRIVABLE");
    assert_eq!(details[1]["redriveStatusReason"], Value::Null);
    assert_eq!(details[1]["redriveDate"], Value::Null);
    assert!(details[2]["redriveDate"].is_i64() && details[2]["stopDate"].is_null());
    server.runtime.shutdown().await;
}

#[tokio::test]
async fn what_eventbridge_misses_is_put_again_and_what_it_refuses_is_dropped() {
    let events = Arc::new(EventBridge::default());
    *events.failures.lock() = vec![
        Ok("InternalFailure"),
        Err("EventBridge.SdkClientException"),
        Err("EventBridge.EventBridgeException"),
    ];
    let server = Server::start_with(events.config()).await;
    create(&server, PASS).await;
    start(&server, "one").await;
    assert_eq!(events.statuses(2).await, ["RUNNING 0", "SUCCEEDED 0"]);
    *events.failures.lock() = vec![Ok("MalformedDetail")];
    start(&server, "two").await;
    start(&server, "three").await;
    // Whether the last two came in the same call or not, something of them is refused for good,
    // and nothing after that waits.
    start(&server, "four").await;
    let is_last = |entry: &Value| {
        let detail = detail(entry);
        detail["name"] == "four" && detail["status"] == "SUCCEEDED"
    };
    let all = async {
        while !events.entries.lock().iter().any(is_last) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("it is put");
    assert!(events.entries.lock().len() < 8);
    server.runtime.shutdown().await;
}

#[tokio::test]
async fn what_was_not_put_is_put_by_the_next_process() {
    let store = Arc::new(MemoryStore::new());
    let away = Arc::new(EventBridge::default());
    *away.failures.lock() = vec![Err("EventBridge.SdkClientException"); 1_000];
    let server = Server::open(store.clone(), away.config()).await;
    create(&server, PASS).await;
    for name in ["a", "b", "c"] {
        start(&server, name).await;
    }
    server.runtime.shutdown().await;
    store.restart();
    // Without an endpoint nothing is put, and nothing forgotten.
    let config = RuntimeConfig::new(Clock::system(), [8; 32]);
    let server = Server::open(store.clone(), config).await;
    start(&server, "unseen").await;
    server.runtime.shutdown().await;
    store.restart();
    let events = Arc::new(EventBridge::default());
    let server = Server::open(store.clone(), events.config()).await;
    let entries = events.entries(6).await;
    let told = |entry: &Value| (detail(entry)["name"].to_string(), shown(&detail(entry)));
    let mut told: Vec<(String, String)> = entries.iter().map(told).collect();
    // Stable: those of one execution stay in their order.
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    let told: Vec<String> = told.iter().map(|(name, status)| format!("{name} {status}")).collect();
    let of = |name: &str| [format!("\"{name}\" RUNNING 0"), format!("\"{name}\" SUCCEEDED 0")];
    assert_eq!(told, [of("a"), of("b"), of("c")].concat());
    // What was put is not kept.
    let scope = store::Scope { account: "".into(), region: "".into() };
    let kind = store::ResourceKind::StatusChange;
    let removed = async {
        while store.list_resources(kind, &scope, None, 9).await != Ok(Vec::new()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), removed).await.expect("nothing is left");
    server.runtime.shutdown().await;
}

#[tokio::test]
async fn payloads_that_are_too_large_for_an_event_are_left_out() {
    let events = Arc::new(EventBridge::default());
    let server = Server::start_with(events.config()).await;
    create(&server, r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#).await;
    for (name, bytes) in [("small", 100_000), ("both", 130_000), ("large", 255_000)] {
        let input = format!("\"{}\"", "x".repeat(bytes));
        let start = json!({"stateMachineArn": MACHINE, "name": name, "input": input});
        server.call("StartExecution", start).await;
    }
    let entries = events.entries(6).await;
    let included = |entry: &Value| {
        let detail = detail(entry);
        let (input, output) = (&detail["inputDetails"], &detail["outputDetails"]);
        assert_eq!(detail["input"].is_string(), input["included"] == true);
        assert_eq!(detail["output"].is_string(), output["included"] == true);
        (input["included"].as_bool(), output["included"].as_bool())
    };
    let mut found: Vec<_> = entries.iter().map(included).collect();
    found.sort_unstable();
    let mut expected = [
        (Some(true), None),
        (Some(true), Some(true)),
        (Some(true), None),
        (Some(false), Some(true)),
        (Some(false), None),
        (Some(false), Some(false)),
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    server.runtime.shutdown().await;
}

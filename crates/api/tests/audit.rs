//! The audit, as those read it who want to know what happened.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{PASS, Server};
use serde_json::{Value, json};
use stairwell_api::Audit;
use tempfile::TempDir;

/// A folder that is removed at the end, and a file in a folder in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inner = folder.path().join("log");
    fs::create_dir(&inner).expect("made");
    (folder, inner.join("audit.jsonl"))
}

async fn serve(path: &Path) -> Server {
    Server::audited(Audit::to_file(path.to_owned()).expect("it can be written")).await
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the audit is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// The records with these members, in order.
fn told(lines: &[Value], members: &[&str]) -> Vec<String> {
    let text = |line: &Value, member: &&str| match &line[member] {
        Value::Null => "-".to_owned(),
        value => value.as_str().expect("a text").to_owned(),
    };
    let line = |line| members.iter().map(|member| text(line, member)).collect::<Vec<_>>().join(" ");
    lines.iter().map(line).collect()
}

const UNWRITTEN: &str = "503 ServiceUnavailable: The audit cannot be written, so nothing is changed \
                         until it can be.";

#[tokio::test]
async fn a_change_is_told_before_and_after_under_the_id_of_its_answer() {
    let (_folder, path) = place();
    let server = serve(&path).await;
    let mut request = server.request("CreateActivity", r#"{"name":"a"}"#);
    let agent = hyper::header::HeaderValue::from_static("a \"test\"");
    request.headers_mut().insert("user-agent", agent);
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200);
    server.call("ListActivities", json!({})).await;
    let refused = server.post("StartExecution", r#"{"stateMachineArn":"arn:nonsense"}"#).await;
    assert_eq!(refused.status, 400);
    let lines = lines(&path);
    let activity = "arn:aws:states:us-east-1:123456789012:activity:a";
    assert_eq!(
        told(&lines, &["record", "action", "resource", "outcome"]),
        [
            format!("intent states:CreateActivity {activity} -"),
            format!("outcome states:CreateActivity {activity} done"),
            "intent states:StartExecution arn:nonsense -".to_owned(),
            "outcome states:StartExecution arn:nonsense InvalidArn".to_owned(),
        ]
    );
    let id = answer.header("x-amzn-requestid");
    assert_eq!(told(&lines[..2], &["requestId"]), [id, id]);
    assert_eq!(told(&lines[2..], &["requestId"]), [refused.header("x-amzn-requestid"); 2]);
    let who = ["caller", "proof", "account", "region", "peer", "userAgent"];
    let expected =
        "arn:aws:iam::123456789012:root none 123456789012 us-east-1 127.0.0.1 a \"test\"";
    assert_eq!(told(&lines[..2], &who), [expected, expected]);
}

#[tokio::test]
async fn reads_are_told_where_that_is_asked_for() {
    let (_folder, path) = place();
    let audit = Audit::to_file(path.clone()).expect("it can be written").with_reads(true);
    let server = Server::audited(audit).await;
    server.call("ListActivities", json!({})).await;
    server.refusal("DescribeActivity", json!({"activityArn": "arn:nonsense"})).await;
    assert_eq!(
        told(&lines(&path), &["record", "action", "resource", "outcome"]),
        [
            "outcome states:ListActivities * done",
            "outcome states:DescribeActivity arn:nonsense InvalidArn",
        ]
    );
}

#[tokio::test]
async fn nothing_is_changed_while_its_record_cannot_be_written() {
    let (_folder, path) = place();
    let server = serve(&path).await;
    fs::remove_dir_all(path.parent().expect("it is in a folder")).expect("removed");
    for (operation, body) in [
        ("CreateActivity", json!({"name": "a"})),
        ("TestState", json!({"definition": r#"{"Type":"Pass","End":true}"#})),
    ] {
        assert_eq!(server.refusal(operation, body).await, UNWRITTEN, "{operation}");
    }
    let listed = server.call("ListActivities", json!({})).await;
    assert_eq!(listed, json!({"activities": []}), "reads go on, and nothing was made");
    fs::create_dir(path.parent().expect("it is in a folder")).expect("made");
    server.call("CreateActivity", json!({"name": "a"})).await;
    assert_eq!(told(&lines(&path), &["record", "outcome"]), ["intent -", "outcome done"]);
}

#[tokio::test]
async fn a_disk_that_is_full_stops_changes_too() {
    let server = serve(Path::new("/dev/full")).await;
    assert_eq!(server.refusal("CreateActivity", json!({"name": "a"})).await, UNWRITTEN);
    assert_eq!(server.call("ListActivities", json!({})).await, json!({"activities": []}));
}

#[tokio::test]
async fn a_file_that_was_renamed_or_cut_off_is_gone_on_with() {
    let (folder, path) = place();
    fs::write(&path, r#"{"record":"int"#).expect("written");
    let server = serve(&path).await;
    server.call("CreateActivity", json!({"name": "a"})).await;
    let rotated = folder.path().join("rotated");
    fs::rename(&path, &rotated).expect("renamed");
    server.call("CreateActivity", json!({"name": "b"})).await;
    let old = fs::read_to_string(&rotated).expect("it is there");
    let mut old = old.lines();
    assert_eq!(old.next(), Some(r#"{"record":"int"#), "what was cut off stands alone");
    assert!(old.all(|line| line.contains("activity:a") && line.ends_with('}')));
    assert_eq!(told(&lines(&path), &["record"]), ["intent", "outcome"]);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_a_record_of_that() {
    let (_folder, path) = place();
    let server = serve(&path).await;
    let created = server.call("CreateActivity", json!({"name": "a"})).await;
    let body = json!({"activityArn": created["activityArn"]});
    let poll = server.request("GetActivityTask", body.to_string());
    let begun = async {
        while lines(&path).len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = server.send(poll) => panic!("there is no task: {answer:?}"),
        () = begun => {}
    }
    while lines(&path).len() < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        told(&lines(&path)[2..], &["record", "action", "outcome"]),
        ["intent states:GetActivityTask -", "outcome states:GetActivityTask ConnectionClosed"]
    );
}

#[tokio::test]
async fn what_executions_start_and_stop_is_told_too() {
    let (_folder, path) = place();
    let server = serve(&path).await;
    let child = server.create_machine("child", PASS).await;
    let parent = json!({"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": child}, "End": true}}});
    let parent = server.create_machine("parent", &parent.to_string()).await;
    let execution = server.start_execution(&parent, "e", "{}").await;
    assert_eq!(server.ended(&execution).await["status"], "SUCCEEDED");
    let history = server.call("GetExecutionHistory", json!({"executionArn": execution})).await;
    let events = history["events"].as_array().expect("events");
    let submitted = events.iter().find(|event| event["type"] == "TaskSubmitted").expect("it is");
    let output = submitted["taskSubmittedEventDetails"]["output"].as_str().expect("a text");
    let output: Value = serde_json::from_str(output).expect("JSON");
    let id = output["SdkResponseMetadata"]["RequestId"].as_str().expect("an id");
    let all = lines(&path);
    let of_task: Vec<Value> = all.into_iter().filter(|line| line["proof"] == "task").collect();
    let caller = "arn:aws:sts::123456789012:assumed-role/test/";
    assert!(of_task.iter().all(|it| it["caller"].as_str().expect("it is").starts_with(caller)));
    let members = ["record", "action", "resource", "execution", "requestId", "outcome"];
    assert_eq!(
        told(&of_task, &members),
        [
            format!("intent states:StartExecution {child} {execution} {id} -"),
            format!("outcome states:StartExecution {child} {execution} {id} done"),
        ]
    );
}

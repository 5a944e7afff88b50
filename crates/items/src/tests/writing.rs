//! Files of results.

use std::sync::Arc;

use asl::{OutputType, ResultTransformation, WriterConfig};
use async_trait::async_trait;
use engine::{Failure, Status, Timestamp};
use expect_test::{Expect, expect};
use json::Document;
use runtime::{Access, ChildResult, MapRunData, OperationalError, ResultSource, WriteResults};
use store::Scope;

use super::memory::{Memory, PATIENCE};
use crate::{Folder, MapData};

struct Pages(Vec<Vec<ChildResult>>);

#[async_trait]
impl ResultSource for Pages {
    async fn next(&mut self) -> Result<Vec<ChildResult>, OperationalError> {
        Ok(if self.0.is_empty() { Vec::new() } else { self.0.remove(0) })
    }
}

fn result(index: u64, status: Option<Status>, output: Option<&str>) -> ChildResult {
    let failure = match status {
        Some(Status::Failed) => Some(Failure::new("Broken", "on purpose")),
        _ => None,
    };
    ChildResult {
        index,
        execution_arn: format!("arn:child:{index}").into(),
        name: format!("child-{index}").into(),
        state_machine_arn: "arn:machine/label".into(),
        status,
        input: Document::from_text(&format!("{{\"i\":{index}}}")).unwrap(),
        output: output.map(|output| Document::from_text(output).unwrap()),
        failure,
        start: status.map(|_| Timestamp(1_719_248_780_036)),
        stop: status.map(|_| Timestamp(1_719_248_781_000)),
        redrive_count: 0,
    }
}

fn results() -> Pages {
    Pages(vec![
        vec![
            result(1, Some(Status::Succeeded), Some("[1,\n[2]]")),
            result(0, Some(Status::Succeeded), Some("{\"a\":0}")),
        ],
        vec![result(2, Some(Status::Failed), None), result(3, None, None)],
    ])
}

fn request(target: Option<&str>, config: WriterConfig) -> WriteResults {
    WriteResults {
        scope: Scope { account: "123456789012".into(), region: "us-east-1".into() },
        access: Access::default(),
        map_run_arn: "arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id".into(),
        target: target.map(|target| Document::from_text(target).unwrap()),
        config,
    }
}

async fn check(target: Option<&str>, config: WriterConfig, expected: Expect) {
    let memory = Arc::new(Memory::with(&[]));
    let data = MapData::new(memory.clone(), PATIENCE);
    let mut text = match data.write(request(target, config), &mut results()).await {
        Ok(document) => format!("{}\n", document.text()),
        Err(failure) => format!("{}: {}\n", failure.error.unwrap(), failure.cause.unwrap()),
    };
    let keys: Vec<String> = memory.objects.lock().keys().cloned().collect();
    for key in keys {
        text += &format!("-- {key}\n{}\n", memory.text(&key).unwrap());
    }
    expected.assert_eq(&text);
}

const TARGET: Option<&str> = Some(r#"{"Bucket":"bucket","Prefix":"jobs"}"#);

fn transformed(transformation: ResultTransformation, output_type: OutputType) -> WriterConfig {
    WriterConfig { transformation: Some(transformation), output_type }
}

#[tokio::test]
async fn files_with_what_describes_the_children() {
    check(TARGET, WriterConfig::default(), expect![[r#"
        {"MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id","ResultWriterDetails":{"Bucket":"bucket","Key":"jobs/run-id/manifest.json"}}
        -- jobs/run-id/FAILED_0.json
        [{"Cause":"on purpose","Error":"Broken","ExecutionArn":"arn:child:2","Input":"{\"i\":2}","InputDetails":{"Included":true},"Name":"child-2","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2024-06-24T17:06:20.036Z","StateMachineArn":"arn:machine/label","Status":"FAILED","StopDate":"2024-06-24T17:06:21Z"}]
        -- jobs/run-id/PENDING_0.json
        [{"ExecutionArn":"arn:child:3","Input":"{\"i\":3}","InputDetails":{"Included":true},"Name":"child-3","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StateMachineArn":"arn:machine/label","Status":"PENDING"}]
        -- jobs/run-id/SUCCEEDED_0.json
        [{"ExecutionArn":"arn:child:1","Input":"{\"i\":1}","InputDetails":{"Included":true},"Name":"child-1","Output":"[1,\n[2]]","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"2024-06-24T17:06:20.036Z","StateMachineArn":"arn:machine/label","Status":"SUCCEEDED","StopDate":"2024-06-24T17:06:21Z"},{"ExecutionArn":"arn:child:0","Input":"{\"i\":0}","InputDetails":{"Included":true},"Name":"child-0","Output":"{\"a\":0}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"2024-06-24T17:06:20.036Z","StateMachineArn":"arn:machine/label","Status":"SUCCEEDED","StopDate":"2024-06-24T17:06:21Z"}]
        -- jobs/run-id/manifest.json
        {"DestinationBucket":"bucket","MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id","ResultFiles":{"FAILED":[{"Key":"jobs/run-id/FAILED_0.json","Size":360}],"PENDING":[{"Key":"jobs/run-id/PENDING_0.json","Size":250}],"SUCCEEDED":[{"Key":"jobs/run-id/SUCCEEDED_0.json","Size":817}]}}
    "#]]).await;
}

#[tokio::test]
async fn files_with_outputs() {
    check(TARGET, transformed(ResultTransformation::Compact, OutputType::Jsonl), expect![[r#"
        {"MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id","ResultWriterDetails":{"Bucket":"bucket","Key":"jobs/run-id/manifest.json"}}
        -- jobs/run-id/FAILED_0.jsonl
        {"Cause":"on purpose","Error":"Broken","ExecutionArn":"arn:child:2","Input":"{\"i\":2}","InputDetails":{"Included":true},"Name":"child-2","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2024-06-24T17:06:20.036Z","StateMachineArn":"arn:machine/label","Status":"FAILED","StopDate":"2024-06-24T17:06:21Z"}

        -- jobs/run-id/PENDING_0.jsonl
        {"ExecutionArn":"arn:child:3","Input":"{\"i\":3}","InputDetails":{"Included":true},"Name":"child-3","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StateMachineArn":"arn:machine/label","Status":"PENDING"}

        -- jobs/run-id/SUCCEEDED_0.jsonl
        [1,[2]]
        {"a":0}

        -- jobs/run-id/manifest.json
        {"DestinationBucket":"bucket","MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id","ResultFiles":{"FAILED":[{"Key":"jobs/run-id/FAILED_0.jsonl","Size":359}],"PENDING":[{"Key":"jobs/run-id/PENDING_0.jsonl","Size":249}],"SUCCEEDED":[{"Key":"jobs/run-id/SUCCEEDED_0.jsonl","Size":16}]}}
    "#]])
        .await;
    check(
        Some(r#"{"Bucket":"bucket"}"#),
        transformed(ResultTransformation::Flatten, OutputType::Json),
        expect![[r#"
            {"MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id","ResultWriterDetails":{"Bucket":"bucket","Key":"run-id/manifest.json"}}
            -- run-id/FAILED_0.json
            [{"Cause":"on purpose","Error":"Broken","ExecutionArn":"arn:child:2","Input":"{\"i\":2}","InputDetails":{"Included":true},"Name":"child-2","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2024-06-24T17:06:20.036Z","StateMachineArn":"arn:machine/label","Status":"FAILED","StopDate":"2024-06-24T17:06:21Z"}]
            -- run-id/PENDING_0.json
            [{"ExecutionArn":"arn:child:3","Input":"{\"i\":3}","InputDetails":{"Included":true},"Name":"child-3","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StateMachineArn":"arn:machine/label","Status":"PENDING"}]
            -- run-id/SUCCEEDED_0.json
            [1,[2],{"a":0}]
            -- run-id/manifest.json
            {"DestinationBucket":"bucket","MapRunArn":"arn:aws:states:us-east-1:123456789012:mapRun:m/l:run-id","ResultFiles":{"FAILED":[{"Key":"run-id/FAILED_0.json","Size":360}],"PENDING":[{"Key":"run-id/PENDING_0.json","Size":250}],"SUCCEEDED":[{"Key":"run-id/SUCCEEDED_0.json","Size":15}]}}
        "#]],
    )
    .await;
}

#[tokio::test]
async fn results_of_the_state() {
    check(None, transformed(ResultTransformation::Flatten, OutputType::Json), expect![[r#"
        [{"a":0},1,[2],{"Cause":"on purpose","Error":"Broken","ExecutionArn":"arn:child:2","Input":"{\"i\":2}","InputDetails":{"Included":true},"Name":"child-2","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2024-06-24T17:06:20.036Z","StateMachineArn":"arn:machine/label","Status":"FAILED","StopDate":"2024-06-24T17:06:21Z"},{"ExecutionArn":"arn:child:3","Input":"{\"i\":3}","InputDetails":{"Included":true},"Name":"child-3","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StateMachineArn":"arn:machine/label","Status":"PENDING"}]
    "#]])
        .await;
}

#[tokio::test]
async fn targets_that_are_bad() {
    check(Some(r#"{"Bucket":"other"}"#), WriterConfig::default(), expect![[r#"
        States.ResultWriterFailed: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket; Request ID: null; S3 Extended Request ID: null; Proxy: null)
    "#]]).await;
    check(
        Some(r#"{"Prefix":"p"}"#),
        WriterConfig::default(),
        expect![[r#"
        States.ResultWriterFailed: The field 'Bucket' is required in the parameters of the resource.
    "#]],
    )
    .await;
}

#[tokio::test]
async fn results_that_are_too_large_for_a_state() {
    let output = format!("\"{}\"", "x".repeat(100_000));
    let page = |index| vec![result(index, Some(Status::Succeeded), Some(&output))];
    let data = MapData::new(Arc::new(Memory::with(&[])), PATIENCE);
    let config = transformed(ResultTransformation::Compact, OutputType::Json);
    let mut two = Pages(vec![page(0), page(1)]);
    assert!(data.write(request(None, config), &mut two).await.is_ok());
    let mut three = Pages(vec![page(0), page(1), page(2)]);
    let failure = data.write(request(None, config), &mut three).await.unwrap_err();
    assert_eq!(failure.error.unwrap().to_string(), "States.DataLimitExceeded");
}

#[tokio::test]
async fn files_in_a_folder() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("bucket")).unwrap();
    let data = MapData::new(Arc::new(Folder::new(root.path())), PATIENCE);
    for _ in 0..2 {
        let request = request(TARGET, WriterConfig::default());
        data.write(request, &mut results()).await.unwrap();
        let folder = root.path().join("bucket/jobs/run-id");
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = ["FAILED_0.json", "PENDING_0.json", "SUCCEEDED_0.json", "manifest.json"];
        assert_eq!(names, expected);
        let text = std::fs::read_to_string(folder.join("SUCCEEDED_0.json")).unwrap();
        assert!(json::parse(&text).is_ok());
        let left = std::fs::read_dir(root.path().join(".writing")).unwrap().count();
        assert_eq!(left, 0);
    }
}

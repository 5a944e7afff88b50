//! StartSyncExecution.

use asl::WorkflowType;
use engine::Status;
use stairwell_runtime::{OperationalError, StartError, StartExecution, SyncExecution};

use crate::world::{BEGIN, World, alive, machine_arn, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const FAIL: &str =
    r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken","Cause":"on purpose"}}}"#;

fn waiting(seconds: u64) -> String {
    format!(
        r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":{seconds},"End":true}}}}}}"#
    )
}

fn start<'a>(state_machine_arn: &'a str, name: Option<&'a str>) -> StartExecution<'a> {
    StartExecution { state_machine_arn, name, input: Some(r#"{"a": 1}"#), trace_header: None }
}

async fn run(world: &World, definition: &str) -> SyncExecution {
    let arn = world.machine_of_type("x", definition, WorkflowType::Express).await;
    let ended = world.runtime.start_sync_execution(&world.scope, start(&arn, Some("e"))).await;
    ended.unwrap()
}

#[test]
fn the_answer_is_the_execution_that_has_ended() {
    alive(async |world: World| {
        let ended = run(&world, PASS).await;
        let prefix = "arn:aws:states:us-east-1:111111111111:express:x:e:";
        assert!(ended.execution_arn.starts_with(prefix), "{}", ended.execution_arn);
        assert_eq!((&*ended.state_machine_arn, &*ended.name), (&*machine_arn("x"), "e"));
        assert_eq!((ended.status, ended.failure), (Status::Succeeded, None));
        assert_eq!((ended.start_date, ended.stop_date), (BEGIN, BEGIN));
        assert_eq!(ended.input.text(), r#"{"a": 1}"#);
        assert_eq!(ended.output.unwrap().value(), ended.input.value());
        assert_eq!((ended.billed_milliseconds, ended.billed_megabytes), (100, 64));
        let again = world
            .runtime
            .start_sync_execution(&world.scope, start(&ended.state_machine_arn, Some("e")));
        assert_ne!(again.await.unwrap().execution_arn, ended.execution_arn);
    });
}

#[test]
fn a_failure_is_an_answer() {
    alive(async |world: World| {
        let ended = run(&world, FAIL).await;
        assert_eq!((ended.status, ended.output), (Status::Failed, None));
        let failure = ended.failure.unwrap();
        assert_eq!(failure.error.as_deref(), Some("Broken"));
        assert_eq!(failure.cause.as_deref(), Some("on purpose"));
    });
}

#[test]
fn the_answer_waits_for_five_minutes() {
    alive(async |world: World| {
        let ended = run(&world, &waiting(299)).await;
        assert_eq!((ended.status, ended.billed_milliseconds), (Status::Succeeded, 299_000));
    });
    alive(async |world: World| {
        let ended = run(&world, &waiting(301)).await;
        assert_eq!((ended.status, ended.billed_milliseconds), (Status::TimedOut, 300_000));
        assert_eq!(ended.failure.unwrap().error.as_deref(), Some("States.Timeout"));
        assert_eq!(ended.stop_date, BEGIN.plus_seconds(300));
    });
}

#[test]
fn starts_that_are_refused() {
    alive(async |world: World| {
        let standard = world.machine("m", PASS).await;
        let express = world.machine_of_type("x", PASS, WorkflowType::Express).await;
        let absent = machine_arn("none");
        for (request, expected) in [
            (start(&standard, None), StartError::TypeNotSupported),
            (start(&absent, None), StartError::StateMachineDoesNotExist(absent.clone())),
            (start(&express, Some("a b")), StartError::InvalidName("a b".to_owned())),
            (
                StartExecution { input: Some(""), ..start(&express, None) },
                StartError::InvalidInput("Invalid execution input.".to_owned()),
            ),
        ] {
            let refused = world.runtime.start_sync_execution(&world.scope, request).await;
            assert_eq!(refused, Err(expected));
        }
    });
}

#[test]
fn a_shutdown_breaks_it_off() {
    alive(async |world: World| {
        let arn = world.machine_of_type("x", &waiting(100), WorkflowType::Express).await;
        let waits = world.runtime.start_sync_execution(&world.scope, start(&arn, None));
        let closes = async {
            sleep(1).await;
            world.runtime.shutdown().await;
        };
        let (answer, ()) = tokio::join!(waits, closes);
        assert_eq!(answer, Err(StartError::Operational(OperationalError::ShuttingDown)));
    });
}

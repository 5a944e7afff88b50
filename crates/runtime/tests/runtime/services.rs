//! Calls of services, by an integration that does as the function's name says.

use std::cell::Cell;
use std::time::Duration;

use asl::WorkflowType;
use async_trait::async_trait;
use engine::Failure;
use expect_test::expect;
use json::Document;
use stairwell_runtime::{Integration, Integrations, RuntimeConfig, ServiceCall, StartExecution};

use store::{Fault, FaultyStore, Operation};

use crate::world::{Lives, World, sleep};

// Everything of a test happens in one thread.
thread_local! {
    static CALLED: Cell<usize> = const { Cell::new(0) };
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
    static UNDER_WAY_MAX: Cell<usize> = const { Cell::new(0) };
    /// Whether the next commit fails.
    static FAILS: Cell<bool> = const { Cell::new(false) };
    static HAS_FAILED: Cell<bool> = const { Cell::new(false) };
}

/// A call, as long as it is under way.
struct UnderWay;

impl UnderWay {
    fn begin() -> UnderWay {
        CALLED.set(CALLED.get() + 1);
        UNDER_WAY.set(UNDER_WAY.get() + 1);
        UNDER_WAY_MAX.set(UNDER_WAY_MAX.get().max(UNDER_WAY.get()));
        UnderWay
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get() - 1);
    }
}

struct Scripted;

#[async_trait]
impl Integration for Scripted {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let _under_way = UnderWay::begin();
        let parameters = call.request.parameters;
        match parameters.value().get("FunctionName").and_then(|name| name.as_str()) {
            Some("slow") => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok(parameters)
            }
            Some("fail") => Err(Failure::new("Own", "cause")),
            Some("panic") => panic!("on purpose"),
            _ => Ok(parameters),
        }
    }
}

/// `startSyncExecution`, as the API in the same process is called: waits for the end of a child,
/// which calls a service itself.
struct SyncStart;

#[async_trait]
impl Integration for SyncStart {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let parameters = call.request.parameters.value();
        let machine = parameters.get("StateMachineArn").and_then(|arn| arn.as_str());
        let request = StartExecution {
            state_machine_arn: machine.unwrap(),
            name: None,
            input: None,
            trace_header: None,
        };
        let ended = call.runtime.start_sync_execution(&call.scope, request).await.unwrap();
        Ok(ended.output.unwrap())
    }

    fn is_in_process(&self) -> bool {
        true
    }
}

/// Submits a job right after a commit has failed, and takes very long when it is called again. The
/// job has ended as soon as somebody asks.
struct Jobs;

#[async_trait]
impl Integration for Jobs {
    async fn call(&self, _: ServiceCall) -> Result<Document, Failure> {
        CALLED.set(CALLED.get() + 1);
        let is_first = CALLED.get() == 1;
        while !(is_first && HAS_FAILED.get()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Document::from_trusted_text(r#"{"JobRunId":"j"}"#))
    }

    async fn await_job(&self, _: ServiceCall, submitted: Document) -> Result<Document, Failure> {
        Ok(submitted)
    }
}

fn configure(config: &mut RuntimeConfig) {
    config.integrations = Integrations::default()
        .with("lambda", std::sync::Arc::new(Scripted))
        .with("aws-sdk:sfn", std::sync::Arc::new(SyncStart));
    config.service_calls_max = 2;
}

fn alive<T>(life: impl AsyncFnOnce(World) -> T) -> T {
    Lives::with(configure).live(life)
}

fn definition(resource: &str, function: &str, more: &str) -> String {
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true{more},
            "Resource":"arn:aws:states:::lambda:{resource}",
            "Parameters":{{"FunctionName":"{function}"}}}}}}}}"#
    )
}

fn check(function: &str, more: &str, ending: &str, history: expect_test::Expect) {
    alive(async |world: World| {
        let machine = world.machine("m", &definition("invoke", function, more)).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        assert_eq!(world.end(&arn).await, ending);
        history.assert_eq(&world.history(&arn).await);
        assert_eq!(UNDER_WAY.get(), 0, "a call that nobody awaits is broken off");
    });
}

#[test]
fn a_service_is_called_once_and_answers() {
    check(
        "slow",
        "",
        r#"SUCCEEDED {"FunctionName":"slow"}"#,
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 10s TaskSucceeded {"FunctionName":"slow"}
        6<-5 10s StateExited T
        7<-6 10s ExecutionSucceeded {"FunctionName":"slow"}
    "#]],
    );
    assert_eq!(CALLED.get(), 1);
}

#[test]
fn a_failure_is_the_task_s_and_a_retry_calls_again() {
    let retry = r#","Retry":[{"ErrorEquals":["Own"],"MaxAttempts":1}]"#;
    check(
        "fail",
        retry,
        "FAILED Own cause",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskFailed Own cause
        6<-5 1s TaskScheduled
        7<-6 1s TaskStarted
        8<-7 1s TaskFailed Own cause
        9<-8 1s ExecutionFailed Own cause
    "#]],
    );
    assert_eq!(CALLED.get(), 2);
}

#[test]
fn a_call_ends_when_its_task_has_timed_out() {
    check(
        "slow",
        r#","TimeoutSeconds":3"#,
        "FAILED States.Timeout",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 3s TaskTimedOut States.Timeout
        6<-5 3s ExecutionFailed States.Timeout
    "#]],
    );
}

#[test]
fn a_call_ends_when_its_execution_is_stopped() {
    alive(async |world: World| {
        let machine = world.machine("m", &definition("invoke", "slow", "")).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        assert_eq!(UNDER_WAY.get(), 1);
        world.stop(&arn).await;
        assert_eq!(world.end(&arn).await, "ABORTED Stopped by hand");
        sleep(1).await;
        assert_eq!(UNDER_WAY.get(), 0);
    });
}

#[test]
fn a_mistake_in_an_integration_fails_the_task() {
    alive(async |world: World| {
        let machine = world.machine("m", &definition("invoke", "panic", "")).await;
        let ending = world.run(&machine, "e", "{}").await;
        assert!(ending.starts_with("FAILED States.Runtime Stairwell made a mistake"), "{ending}");
    });
}

#[test]
fn a_service_that_nothing_calls_fails_the_task() {
    Lives::new().live(async |world: World| {
        let machine = world.machine("m", &definition("invoke", "f", "")).await;
        let ending = world.run(&machine, "e", "{}").await;
        let expected = "FAILED States.Runtime Nothing in this process of Stairwell calls lambda";
        assert_eq!(ending, expected);
    });
}

#[test]
fn the_token_ends_a_task_that_waits_for_it() {
    alive(async |world: World| {
        let definition = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
            "Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters":{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token"}}}}}"#;
        let machine = world.machine("m", definition).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        let events = world.events(&arn).await;
        let submitted = events.iter().find_map(|event| match &event.kind {
            engine::EventKind::TaskSubmitted { output, .. } => Some(output.clone()),
            _ => None,
        });
        let submitted = submitted.expect("the call was answered");
        let token = submitted.value().get("Payload").and_then(|it| it.get("token")).cloned();
        let token = token.expect("the service was told the token");
        world.succeed(token.as_str().unwrap(), "[1]").await.unwrap();
        assert_eq!(world.end(&arn).await, "SUCCEEDED [1]");
    });
}

#[test]
fn a_call_that_a_crash_cut_off_is_made_again() {
    let mut lives = Lives::with(configure);
    let arn = lives.live(async |world: World| {
        let machine = world.machine("m", &definition("invoke", "slow", "")).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(5).await;
        arn
    });
    assert_eq!(CALLED.get(), 1);
    lives.live(async |world: World| {
        assert_eq!(world.end(&arn).await, r#"SUCCEEDED {"FunctionName":"slow"}"#);
    });
    assert_eq!(CALLED.get(), 2);
}

#[test]
fn no_more_than_so_many_calls_are_under_way() {
    alive(async |world: World| {
        let state = definition("invoke", "slow", "");
        let map = format!(
            r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,"ItemProcessor":{state}}}}}}}"#
        );
        let machine = world.machine("m", &map).await;
        assert!(world.run(&machine, "e", "[1,2,3,4,5]").await.starts_with("SUCCEEDED"));
        assert_eq!((CALLED.get(), UNDER_WAY_MAX.get()), (5, 2));
    });
}

/// Four parents wait, each for a child that calls a service, where two calls may be under way: were
/// the parents' calls counted too, nobody would ever get on.
#[test]
fn calls_that_wait_for_other_calls_take_no_place_among_them() {
    alive(async |world: World| {
        let child = definition("invoke", "slow", "");
        let child = world.machine_of_type("child", &child, WorkflowType::Express).await;
        let state = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true,
                "Resource":"arn:aws:states:::aws-sdk:sfn:startSyncExecution",
                "Parameters":{{"StateMachineArn":"{child}"}}}}}}}}"#
        );
        let map = format!(
            r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,"ItemProcessor":{state}}}}}}}"#
        );
        let machine = world.machine("m", &map).await;
        let ending = world.run(&machine, "e", "[1,2,3,4]").await;
        let output = r#"{"FunctionName":"slow"}"#;
        assert_eq!(ending, format!("SUCCEEDED [{}]", [output; 4].join(",")));
        assert_eq!((CALLED.get(), UNDER_WAY_MAX.get()), (4, 2));
    });
}

#[test]
fn express_executions_call_services_and_break_calls_off() {
    alive(async |world: World| {
        let definition = definition("invoke", "slow", r#","TimeoutSeconds":3"#);
        let machine = world.machine_of_type("m", &definition, WorkflowType::Express).await;
        world.start(&machine, "e", "{}").await.unwrap();
        sleep(2).await;
        assert_eq!((CALLED.get(), UNDER_WAY.get()), (1, 1));
        sleep(2).await;
        assert_eq!((CALLED.get(), UNDER_WAY.get()), (1, 0));
    });
}

/// A commit fails between the answer of a service and what follows it: the task is called once more,
/// and the end of its job is awaited all the same.
#[test]
fn a_job_is_awaited_though_its_task_is_called_again() {
    let mut lives = Lives::with(|config| {
        config.integrations = Integrations::default().with("glue", std::sync::Arc::new(Jobs));
        config.limits.work_per_step = 1;
    });
    let store = FaultyStore::new(lives.store.clone(), |operation| {
        let fails = operation == Operation::Commit && FAILS.replace(false);
        HAS_FAILED.set(HAS_FAILED.get() || fails);
        fails.then_some(Fault::After)
    });
    lives.live_on(std::sync::Arc::new(store), async |world: World| {
        let definition = r#"{"StartAt":"Both","States":{"Both":{"Type":"Parallel","End":true,
            "Branches":[
                {"StartAt":"Job","States":{"Job":{"Type":"Task","End":true,
                    "Resource":"arn:aws:states:::glue:startJobRun.sync",
                    "Parameters":{"JobName":"any"}}}},
                {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"P"},
                    "P":{"Type":"Pass","Next":"Q"},"Q":{"Type":"Pass","Next":"R"},
                    "R":{"Type":"Pass","Next":"S"},"S":{"Type":"Pass","Next":"T"},
                    "T":{"Type":"Pass","End":true}}}]}}}"#;
        let machine = world.machine("m", definition).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        FAILS.set(true);
        assert_eq!(world.end(&arn).await, r#"SUCCEEDED [{"JobRunId":"j"},{}]"#);
        assert!(HAS_FAILED.get(), "no commit failed");
        assert_eq!(CALLED.get(), 2, "the first call is asked for again while it is answered");
    });
}

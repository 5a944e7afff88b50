//! StartExecution, StopExecution, DescribeExecution, ListExecutions, GetExecutionHistory.

use crate::world::{BEGIN, Lives, World, alive, execution_arn, machine_arn, scope, sleep};
use asl::WorkflowType;
use engine::Status;
use expect_test::expect;
use stairwell_runtime::{
    ExecutionError, ExecutionsOf, GetExecutionHistory, ListExecutions, RedriveStatus, StartError,
    StartExecution, StopExecution,
};
use store::ListCursor;

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;
const FAIL: &str =
    r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken","Cause":"on purpose"}}}"#;

#[test]
fn an_execution_runs_and_is_described() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let request = StartExecution {
            state_machine_arn: &machine,
            name: Some("e"),
            input: Some(r#"{"a": 1.0}"#),
            trace_header: Some("Root=1"),
        };
        let started = world.runtime.start_execution(&world.scope, request).await.unwrap();
        assert_eq!(*started.execution_arn, execution_arn("m", "e"));
        assert_eq!(started.start_date, BEGIN);

        let running = world.describe(&started.execution_arn).await;
        assert_eq!((running.header.status, running.header.stop), (Status::Running, None));
        assert_eq!((running.output, running.failure), (None, None));
        let reason = "Execution is RUNNING and cannot be redriven";
        assert_eq!(running.redrive, RedriveStatus::NotRedrivable(reason));

        assert_eq!(world.end(&started.execution_arn).await, r#"SUCCEEDED {"a": 1.0}"#);
        let ended = world.describe(&started.execution_arn).await;
        assert_eq!(ended.header.stop, Some(BEGIN.plus_seconds(10)));
        assert_eq!(ended.header.trace_header.as_deref(), Some("Root=1"));
        assert_eq!(ended.input.text(), r#"{"a": 1.0}"#);
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered W {"a": 1.0}
            3<-2 10s StateExited W
            4<-3 10s ExecutionSucceeded {"a": 1.0}
        "#]]
        .assert_eq(&world.history(&started.execution_arn).await);
    });
}

#[test]
fn a_failure_is_described() {
    alive(async |world: World| {
        let machine = world.machine("m", FAIL).await;
        assert_eq!(world.run(&machine, "e", "{}").await, "FAILED Broken on purpose");
        let described = world.describe(&execution_arn("m", "e")).await;
        assert_eq!(described.redrive, RedriveStatus::Redrivable);
    });
}

#[test]
fn without_name_and_input() {
    alive(async |world: World| {
        let machine = world.machine("m", PASS).await;
        let request = StartExecution {
            state_machine_arn: &machine,
            name: None,
            input: None,
            trace_header: None,
        };
        let one = world.runtime.start_execution(&world.scope, request).await.unwrap();
        let other = world.runtime.start_execution(&world.scope, request).await.unwrap();
        assert_ne!(one, other);
        assert_eq!(one.execution_arn.len(), execution_arn("m", &"x".repeat(36)).len());
        assert_eq!(world.end(&one.execution_arn).await, "SUCCEEDED {}");
    });
}

#[test]
fn a_name_is_taken_while_it_runs_and_long_after() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let arn = world.start(&machine, "e", "[1]").await.unwrap();
        sleep(1).await;
        assert_eq!(world.start(&machine, "e", "[1]").await, Ok(arn.clone()));
        let taken = Err(StartError::AlreadyExists(arn.as_str().into()));
        assert_eq!(world.start(&machine, "e", "[2]").await, taken);
        assert_eq!(world.start(&machine, "e", "[1] ").await, taken, "it is the text that counts");
        world.end(&arn).await;
        assert_eq!(world.start(&machine, "e", "[1]").await, taken);
        let day = 24 * 60 * 60;
        sleep(89 * day).await;
        assert_eq!(world.start(&machine, "e", "[1]").await, taken);
        sleep(day).await;
        assert_eq!(world.start(&machine, "e", "[3]").await, Ok(arn.clone()));
        assert_eq!(world.end(&arn).await, "SUCCEEDED [3]");
    });
}

#[test]
fn the_same_start_answers_the_first_date() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let request = StartExecution {
            state_machine_arn: &machine,
            name: Some("e"),
            input: None,
            trace_header: None,
        };
        let first = world.runtime.start_execution(&world.scope, request).await.unwrap();
        sleep(5).await;
        let second = world.runtime.start_execution(&world.scope, request).await.unwrap();
        assert_eq!(first, second);
        assert_eq!(world.history(&first.execution_arn).await.lines().count(), 2);
    });
}

#[test]
fn any_json_is_an_input_and_nothing_else() {
    alive(async |world: World| {
        let machine = world.machine("m", PASS).await;
        for (number, input) in ["0", r#""s""#, "null", "[]", " {} "].into_iter().enumerate() {
            let name = format!("e{number}");
            assert_eq!(world.run(&machine, &name, input).await, format!("SUCCEEDED {input}"));
        }
        for (input, message) in [
            ("", "Invalid execution input."),
            (
                "not",
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or \
                 token 'null', 'true' or 'false')",
            ),
        ] {
            let error = world.start(&machine, "bad", input).await.unwrap_err();
            let expected = format!("Invalid State Machine Execution Input: '{message}'");
            assert_eq!(error.to_string(), expected);
        }
    });
}

#[test]
fn starts_that_are_refused() {
    alive(async |world: World| {
        let machine = world.machine("m", PASS).await;
        let refused = async |arn: &str, name: &str| {
            world.start(arn, name, "{}").await.unwrap_err().to_string()
        };
        let absent = machine_arn("absent");
        let elsewhere = machine.replace("us-east-1", "eu-west-1");
        let partition = machine.replace("arn:aws:", "arn:aws-cn:");
        for arn in [absent, elsewhere, partition, format!("{machine}:1"), format!("{machine}:live")]
        {
            let expected = format!("State Machine Does Not Exist: '{arn}'");
            assert_eq!(refused(&arn, "e").await, expected);
        }
        assert_eq!(refused("x", "e").await, "Invalid Arn: 'Invalid ARN prefix: x'");
        let arn = execution_arn("m", "e");
        let expected = "Invalid Arn: 'Resource type not valid in this context: execution'";
        assert_eq!(refused(&arn, "e").await, expected);
        assert_eq!(refused(&machine, "a b").await, "Invalid Name: 'a b'");
    });
}

#[test]
fn so_many_executions_are_open_and_no_more() {
    Lives::with(|config| config.open_executions_max = 2).live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.start(&machine, "1", "{}").await.unwrap();
        let arn = world.start(&machine, "2", "{}").await.unwrap();
        let refused = Err(StartError::LimitExceeded(2));
        assert_eq!(world.start(&machine, "3", "{}").await, refused);
        world.stop(&arn).await;
        world.start(&machine, "3", "{}").await.unwrap();
        assert_eq!(world.start(&machine, "4", "{}").await, refused);
    });
}

#[test]
fn stopping() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(3).await;
        let stop = world.stop(&arn).await;
        assert_eq!(stop, BEGIN.plus_seconds(3));
        assert_eq!(world.end(&arn).await, "ABORTED Stopped by hand");
        sleep(3).await;
        assert_eq!(world.stop(&arn).await, stop, "the second stop changes nothing");
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered W {}
            3<-0 3s ExecutionAborted Stopped by hand
        "#]]
        .assert_eq(&world.history(&arn).await);
    });
}

#[test]
fn executions_that_are_not_there() {
    alive(async |world: World| {
        let machine = world.machine("m", PASS).await;
        let there = world.start(&machine, "e", "{}").await.unwrap();
        let absent = execution_arn("m", "absent");
        let elsewhere = there.replace("111111111111", "222222222222");
        for arn in [absent, elsewhere] {
            let expected = ExecutionError::DoesNotExist(arn.clone());
            let scope = &world.scope;
            let described = world.runtime.describe_execution(scope, &arn).await;
            assert_eq!(described.unwrap_err(), expected);
            let request = StopExecution { execution_arn: &arn, error: None, cause: None };
            assert_eq!(world.runtime.stop_execution(scope, request).await, Err(expected.clone()));
            let request =
                GetExecutionHistory { execution_arn: &arn, from: None, limit: 1, reverse: false };
            let history = world.runtime.get_execution_history(scope, request).await;
            assert_eq!(history, Err(expected));
        }
        let express = there.replace(":execution:", ":express:") + ":u";
        let described = world.runtime.describe_execution(&world.scope, &express).await;
        assert_eq!(
            described.unwrap_err().to_string(),
            "Invalid Arn: 'Resource type not valid in this context: express'"
        );
    });
}

#[test]
fn another_account_sees_nothing() {
    alive(async |world: World| {
        let other = World { scope: scope("222222222222", "us-east-1"), ..world.clone() };
        let (ours, theirs) = (world.machine("m", PASS).await, other.machine("m", FAIL).await);
        assert_ne!(ours, theirs);
        assert_eq!(world.run(&ours, "e", "{}").await, "SUCCEEDED {}");
        assert_eq!(other.run(&theirs, "e", "{}").await, "FAILED Broken on purpose");
        let refused = other.start(&ours, "f", "{}").await.unwrap_err();
        assert_eq!(refused, StartError::StateMachineDoesNotExist(ours));
    });
}

#[test]
fn executions_are_listed_newest_first_page_by_page() {
    alive(async |world: World| {
        let (machine, other) = (world.machine("m", WAIT).await, world.machine("n", FAIL).await);
        for name in ["a", "b", "c", "d", "e"] {
            world.start(&machine, name, "{}").await.unwrap();
            sleep(1).await;
        }
        world.run(&other, "z", "{}").await;
        world.stop(&execution_arn("m", "b")).await;
        let page = async |status, after: Option<ListCursor>| {
            let of = ExecutionsOf::StateMachine(&machine);
            let request = ListExecutions { of, status, after, limit: 2 };
            let list = world.runtime.list_executions(&world.scope, request).await.unwrap();
            let names: String = list.executions.iter().map(|header| &*header.name).collect();
            (names, list.next)
        };
        let (names, next) = page(None, None).await;
        assert_eq!(names, "ed");
        let (names, next) = page(None, next).await;
        assert_eq!(names, "cb");
        let (names, next) = page(None, next).await;
        assert_eq!((names.as_str(), next), ("a", None));
        assert_eq!(page(Some(Status::Aborted), None).await, ("b".to_owned(), None));
        let (names, next) = page(Some(Status::Running), None).await;
        assert_eq!(names, "ed");
        assert_eq!(page(Some(Status::Running), next).await, ("ca".to_owned(), None));
    });
}

#[test]
fn lists_that_are_refused() {
    alive(async |world: World| {
        let express = world.machine_of_type("x", PASS, WorkflowType::Express).await;
        let list = async |of| {
            let request = ListExecutions { of, status: None, after: None, limit: 1 };
            world.runtime.list_executions(&world.scope, request).await.unwrap_err()
        };
        let absent = machine_arn("absent");
        assert_eq!(
            list(ExecutionsOf::StateMachine(&absent)).await,
            ExecutionError::StateMachineDoesNotExist(absent.clone())
        );
        let refused = list(ExecutionsOf::StateMachine(&express)).await;
        assert_eq!(refused, ExecutionError::TypeNotSupported);
        let absent = execution_arn("m", "absent");
        let refused = list(ExecutionsOf::StartedBy(&absent)).await;
        assert_eq!(refused, ExecutionError::DoesNotExist(absent.clone()));
    });
}

#[test]
fn history_backwards() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.run(&machine, "e", "{}").await;
        let execution_arn = &execution_arn("m", "e");
        let (mut ids, mut from) = (Vec::new(), None);
        loop {
            let request = GetExecutionHistory { execution_arn, from, limit: 3, reverse: true };
            let page = world.runtime.get_execution_history(&world.scope, request).await.unwrap();
            assert!(page.events.len() <= 3);
            ids.extend(page.events.iter().map(|event| event.id.0));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        assert_eq!(ids, [4, 3, 2, 1]);
    });
}

#[test]
fn express_executions_share_names_and_are_not_kept() {
    alive(async |world: World| {
        let machine = world.machine_of_type("x", WAIT, WorkflowType::Express).await;
        let one = world.start(&machine, "e", "{}").await.unwrap();
        let two = world.start(&machine, "e", "{}").await.unwrap();
        assert_ne!(one, two);
        assert!(one.starts_with("arn:aws:states:us-east-1:111111111111:express:x:e:"), "{one}");
        sleep(20).await;
        let described = world.runtime.describe_execution(&world.scope, &one).await;
        assert!(matches!(described, Err(ExecutionError::Arn(_))));
        // One that never ends would keep the runtime from shutting down.
        world.runtime.shutdown().await;
    });
}

#[test]
fn a_loop_shares_the_thread_and_ends_at_the_last_event() {
    alive(async |world: World| {
        let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},
            "B":{"Type":"Choice","Default":"A","Choices":[
                {"Variable":"$","IsNull":true,"Next":"C"}]},"C":{"Type":"Succeed"}}}"#;
        let machine = world.machine("m", definition).await;
        let ending = world.run(&machine, "e", "{}").await;
        let expected = "FAILED States.Runtime The execution reached the maximum number of history \
                        events (25000).";
        assert_eq!(ending, expected);
        assert_eq!(world.events(&execution_arn("m", "e")).await.len(), 25_000);
    });
}

#[test]
fn a_runtime_that_shut_down_takes_no_more_work() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        world.runtime.shutdown().await;
        let refused = world.start(&machine, "f", "{}").await.unwrap_err();
        assert_eq!(refused.to_string(), "the runtime is shutting down");
        let refused = world.runtime.describe_execution(&world.scope, &arn).await.unwrap_err();
        assert_eq!(refused.to_string(), "the runtime is shutting down");
        world.runtime.shutdown().await;
    });
}

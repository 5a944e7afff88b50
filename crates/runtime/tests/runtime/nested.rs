//! Nested executions, in every form.

use crate::world::{BEGIN, World, alive, execution_arn, machine_arn, masked, scope, sleep};
use asl::WorkflowType;
use expect_test::{Expect, expect};
use stairwell_runtime::{ExecutionsOf, ListExecutions};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const FAIL: &str =
    r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken","Cause":"on purpose"}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;
const TIMES_OUT: &str =
    r#"{"TimeoutSeconds":5,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;

/// A machine of one Task state that starts another.
fn parent(suffix: &str, parameters: &str, rest: &str) -> String {
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task",
            "Resource":"arn:aws:states:::states:startExecution{suffix}",
            "Parameters":{parameters}{rest},"End":true}}}}}}"#
    )
}

/// Parameters that start the execution `c` of a machine.
fn child(machine: &str, input: &str) -> String {
    format!(r#"{{"StateMachineArn":"{}","Name":"c","Input":{input}}}"#, machine_arn(machine))
}

/// Runs a parent whose child is made of that definition, and shows the parent's history.
fn check(suffix: &str, definition: &str, input: &str, rest: &str, expected: Expect) {
    alive(async |world: World| {
        world.machine("child", definition).await;
        let parent = parent(suffix, &child("child", input), rest);
        let parent = world.machine("parent", &parent).await;
        world.run(&parent, "p", "{}").await;
        expected.assert_eq(&world.history(&execution_arn("parent", "p")).await);
    });
}

#[test]
fn request_and_response_goes_on_with_the_answer_of_the_start() {
    check(
        "",
        WAIT,
        r#"{"a":1}"#,
        "",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskSucceeded {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
        6<-5 0s StateExited T
        7<-6 0s ExecutionSucceeded {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
    "#]],
    );
}

#[test]
fn sync_gives_texts() {
    check(
        ".sync",
        PASS,
        r#"{"a":1}"#,
        "",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
        6<-5 0s TaskSucceeded {"ExecutionArn":"execution:child:c","Input":"{\"a\":1}","InputDetails":{"Included":true},"Name":"c","Output":"{\"a\":1}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"SUCCEEDED","StopDate":?}
        7<-6 0s StateExited T
        8<-7 0s ExecutionSucceeded {"ExecutionArn":"execution:child:c","Input":"{\"a\":1}","InputDetails":{"Included":true},"Name":"c","Output":"{\"a\":1}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"SUCCEEDED","StopDate":?}
    "#]],
    );
}

#[test]
fn sync_2_gives_values_and_waits() {
    check(
        ".sync:2",
        WAIT,
        r#""[1, 2]""#,
        "",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
        6<-5 10s TaskSucceeded {"ExecutionArn":"execution:child:c","Input":[1,2],"InputDetails":{"Included":true},"Name":"c","Output":[1,2],"OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"SUCCEEDED","StopDate":?}
        7<-6 10s StateExited T
        8<-7 10s ExecutionSucceeded {"ExecutionArn":"execution:child:c","Input":[1,2],"InputDetails":{"Included":true},"Name":"c","Output":[1,2],"OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"SUCCEEDED","StopDate":?}
    "#]],
    );
}

#[test]
fn a_child_that_fails_fails_the_task() {
    check(
        ".sync:2",
        FAIL,
        "{}",
        "",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
        6<-5 0s TaskFailed States.TaskFailed {"Cause":"on purpose","Error":"Broken","ExecutionArn":"execution:child:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"FAILED","StopDate":?}
        7<-6 0s ExecutionFailed States.TaskFailed {"Cause":"on purpose","Error":"Broken","ExecutionArn":"execution:child:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"FAILED","StopDate":?}
    "#]],
    );
}

#[test]
fn a_child_that_times_out_fails_the_task() {
    check(
        ".sync",
        TIMES_OUT,
        "{}",
        "",
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
        6<-5 5s TaskFailed States.TaskFailed {"ExecutionArn":"execution:child:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"TIMED_OUT","StopDate":?}
        7<-6 5s ExecutionFailed States.TaskFailed {"ExecutionArn":"execution:child:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"TIMED_OUT","StopDate":?}
    "#]],
    );
}

#[test]
fn a_child_that_fails_is_not_noticed_by_request_and_response() {
    check(
        "",
        FAIL,
        "{}",
        r#","ResultSelector":{"done":true}"#,
        expect![[r#"
        1<-0 0s ExecutionStarted
        2<-0 0s StateEntered T {}
        3<-2 0s TaskScheduled
        4<-3 0s TaskStarted
        5<-4 0s TaskSucceeded {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
        6<-5 0s StateExited T
        7<-6 0s ExecutionSucceeded {"done":true}
    "#]],
    );
}

#[test]
fn a_token_is_waited_for_and_the_child_is_not() {
    alive(async |world: World| {
        world.machine("child", PASS).await;
        let parameters = format!(
            r#"{{"StateMachineArn":"{}","Name":"c","Input":{{"token.$":"$$.Task.Token"}}}}"#,
            machine_arn("child")
        );
        let parent = parent(".waitForTaskToken", &parameters, "");
        let parent = world.machine("parent", &parent).await;
        let arn = world.start(&parent, "p", "{}").await.unwrap();
        let child = execution_arn("child", "c");
        world.end(&child).await;
        sleep(100).await;
        let input = world.describe(&child).await.input;
        let token = input.value().get("token").and_then(json::Value::as_str).unwrap();
        world.heartbeat(token).await.unwrap();
        world.succeed(token, r#"{"from": "worker"}"#).await.unwrap();
        world.end(&arn).await;
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered T {}
            3<-2 0s TaskScheduled
            4<-3 0s TaskStarted
            5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
            6<-5 100s TaskSucceeded {"from": "worker"}
            7<-6 100s StateExited T
            8<-7 100s ExecutionSucceeded {"from": "worker"}
        "#]]
        .assert_eq(&world.history(&arn).await);
    });
}

#[test]
fn a_token_ends_a_task_that_awaits_the_end_of_its_child() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let parameters = format!(
            r#"{{"StateMachineArn":"{}","Name":"c","Input":{{"token.$":"$$.Task.Token"}}}}"#,
            machine_arn("child")
        );
        let parent = world.machine("parent", &parent(".sync", &parameters, "")).await;
        let arn = world.start(&parent, "p", "{}").await.unwrap();
        let child = execution_arn("child", "c");
        sleep(2).await;
        let input = world.describe(&child).await.input;
        let token = input.value().get("token").and_then(json::Value::as_str).unwrap();
        world.heartbeat(token).await.unwrap();
        world.succeed(token, r#"{"from": "worker"}"#).await.unwrap();
        world.end(&arn).await;
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered T {}
            3<-2 0s TaskScheduled
            4<-3 0s TaskStarted
            5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
            6<-5 2s TaskSucceeded {"from": "worker"}
            7<-6 2s StateExited T
            8<-7 2s ExecutionSucceeded {"from": "worker"}
        "#]]
        .assert_eq(&world.history(&arn).await);
        // The child goes on.
        let end = world.end(&child).await;
        assert!(end.starts_with("SUCCEEDED"), "{end}");
    });
}

#[test]
fn a_child_without_a_name_gets_one() {
    alive(async |world: World| {
        let child = world.machine("child", PASS).await;
        let parent = parent(".sync:2", &format!(r#"{{"StateMachineArn":"{child}"}}"#), "");
        let parent = world.machine("parent", &parent).await;
        world.run(&parent, "one", "{}").await;
        world.run(&parent, "two", "{}").await;
        let of = ExecutionsOf::StateMachine(&child);
        let request = ListExecutions { of, status: None, after: None, limit: 10 };
        let list = world.runtime.list_executions(&world.scope, request).await.unwrap();
        let names: Vec<_> = list.executions.iter().map(|header| header.name.len()).collect();
        assert_eq!(names, [36, 36]);
    });
}

/// A start that is refused fails the task with that error.
fn check_refused(suffix: &str, parameters: &str, error: &str, cause: &str) {
    alive(async |world: World| {
        world.machine("child", PASS).await;
        let express = WorkflowType::Express;
        world.machine_of_type("express", PASS, express).await;
        world.run(&machine_arn("child"), "taken", "{}").await;
        let parent = world.machine("parent", &parent(suffix, parameters, "")).await;
        let ending = world.run(&parent, "p", "{}").await;
        let expected = format!("FAILED {error} {cause}");
        assert!(ending.starts_with(&expected), "{ending}\nis not\n{expected}");
        let history = world.history(&execution_arn("parent", "p")).await;
        assert!(!history.contains("TaskSubmitted"), "{history}");
    });
}

#[test]
fn starts_that_are_refused() {
    let child = machine_arn("child");
    let absent = machine_arn("absent");
    check_refused(
        ".sync",
        &format!(r#"{{"StateMachineArn":"{child}","Name":"taken"}}"#),
        "StepFunctions.ExecutionAlreadyExistsException",
        &format!(
            "Execution Already Exists: '{}' (Service: AWSStepFunctions; Status Code: 400; \
                 Error Code: ExecutionAlreadyExists; Request ID: ",
            execution_arn("child", "taken")
        ),
    );
    check_refused(
        "",
        &format!(r#"{{"StateMachineArn":"{absent}"}}"#),
        "StepFunctions.StateMachineDoesNotExistException",
        &format!("State Machine Does Not Exist: '{absent}' (Service"),
    );
    check_refused(
        "",
        &format!(r#"{{"StateMachineArn":"{child}:1"}}"#),
        "StepFunctions.StateMachineDoesNotExistException",
        &format!("State Machine Does Not Exist: '{child}:1' (Service"),
    );
    let elsewhere = child.replace("111111111111", "222222222222");
    check_refused(
        "",
        &format!(r#"{{"StateMachineArn":"{elsewhere}"}}"#),
        "StepFunctions.StateMachineDoesNotExistException",
        &format!("State Machine Does Not Exist: '{elsewhere}' (Service"),
    );
    check_refused(
        ".sync:2",
        &format!(r#"{{"StateMachineArn":"{child}","Input":"not json"}}"#),
        "StepFunctions.InvalidExecutionInputException",
        "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting",
    );
    check_refused(
        "",
        &format!(r#"{{"StateMachineArn":"{child}","Name":"a b"}}"#),
        "StepFunctions.InvalidNameException",
        "Invalid Name: 'a b' (Service",
    );
    check_refused(
        "",
        &format!(r#"{{"StateMachineArn":"{child}","Name":"{}"}}"#, "x".repeat(81)),
        "StepFunctions.ValidationException",
        "1 validation error detected: Value 'xxx",
    );
    check_refused(
        ".sync",
        &format!(r#"{{"StateMachineArn":"{}"}}"#, machine_arn("express")),
        "StepFunctions.StateMachineTypeNotSupportedException",
        "This operation is not supported by this type of state machine (Service",
    );
}

#[test]
fn an_express_child_can_be_started_and_is_not_awaited() {
    alive(async |world: World| {
        let child = world.machine_of_type("child", PASS, WorkflowType::Express).await;
        let parameters = format!(r#"{{"StateMachineArn":"{child}","Name":"same"}}"#);
        let parent = world.machine("parent", &parent("", &parameters, "")).await;
        for name in ["one", "two"] {
            let ending = world.run(&parent, name, "{}").await;
            assert!(ending.contains(":express:child:same:"), "{ending}");
        }
    });
}

#[test]
fn an_express_parent_starts_standard_children() {
    alive(async |world: World| {
        world.machine("child", PASS).await;
        let definition = parent("", &child("child", "7"), "");
        let parent = world.machine_of_type("parent", &definition, WorkflowType::Express).await;
        let arn = world.start(&parent, "p", "{}").await.unwrap();
        assert!(arn.contains(":express:parent:p:"), "{arn}");
        sleep(1).await;
        assert_eq!(world.end(&execution_arn("child", "c")).await, "SUCCEEDED 7");
    });
}

#[test]
fn stopping_a_parent_stops_its_children_and_theirs() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let middle = parent(".sync", &child("child", "{}"), "");
        world.machine("middle", &middle).await;
        let parameters = child("middle", "{}");
        let parent = world.machine("parent", &parent(".sync:2", &parameters, "")).await;
        let arn = world.start(&parent, "p", "{}").await.unwrap();
        sleep(1).await;
        world.stop(&arn).await;
        assert_eq!(world.end(&arn).await, "ABORTED Stopped by hand");
        for (child, parent) in [
            (execution_arn("middle", "c"), arn),
            (execution_arn("child", "c"), execution_arn("middle", "c")),
        ] {
            let expected = format!(
                "ABORTED The Task state in AWS Step Functions execution [{parent}] which was \
                 managing this resource was aborted"
            );
            assert_eq!(world.end(&child).await, expected);
        }
        assert!(world.seconds() < 2.0, "nobody waited: {}", world.seconds());
    });
}

#[test]
fn children_that_nobody_waits_for_run_on_when_their_parent_stops() {
    for suffix in ["", ".waitForTaskToken"] {
        alive(async |world: World| {
            world.machine("child", WAIT).await;
            let parameters = format!(
                r#"{{"StateMachineArn":"{}","Name":"c","Input":{{"t.$":"$$.Task.Token"}}}}"#,
                machine_arn("child")
            );
            let task = parent(suffix, &parameters, "");
            let task = if suffix.is_empty() {
                task.replace("$$.Task.Token", "$$.State.Name")
            } else {
                task
            };
            // Something to be stopped in, after the start.
            let definition = task.replace(
                r#""End":true}}"#,
                r#""Next":"W"},"W":{"Type":"Wait","Seconds":100,"End":true}}"#,
            );
            let parent = world.machine("parent", &definition).await;
            let arn = world.start(&parent, "p", "{}").await.unwrap();
            sleep(1).await;
            world.stop(&arn).await;
            let ending = world.end(&execution_arn("child", "c")).await;
            assert!(ending.starts_with("SUCCEEDED"), "{ending}");
        });
    }
}

#[test]
fn a_task_that_times_out_stops_its_child() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let rest = r#","TimeoutSeconds":3,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"C"}]"#;
        let definition = parent(".sync", &child("child", "{}"), rest).replace(
            r#""End":true}}"#,
            r#""End":true},"C":{"Type":"Wait","Seconds":20,"End":true}}"#,
        );
        let parent = world.machine("parent", &definition).await;
        let arn = world.start(&parent, "p", "{}").await.unwrap();
        let ending = world.end(&execution_arn("child", "c")).await;
        assert!(ending.contains("which was managing this resource was aborted"), "{ending}");
        let stop = world.describe(&execution_arn("child", "c")).await.header.stop.unwrap();
        assert_eq!(stop, BEGIN.plus_seconds(3));
        world.end(&arn).await;
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered T {}
            3<-2 0s TaskScheduled
            4<-3 0s TaskStarted
            5<-4 0s TaskSubmitted {"ExecutionArn":"execution:child:c","Sdk":…,"StartDate":?}
            6<-5 3s TaskTimedOut States.Timeout
            7<-6 3s StateExited T
            8<-7 3s StateEntered C {"Error":"States.Timeout","Cause":""}
            9<-8 23s StateExited C
            10<-9 23s ExecutionSucceeded {"Error":"States.Timeout","Cause":""}
        "#]]
        .assert_eq(&world.history(&arn).await);
    });
}

#[test]
fn a_parent_that_times_out_stops_its_child() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let definition =
            parent(".sync", &child("child", "{}"), "").replacen('{', r#"{"TimeoutSeconds":2,"#, 1);
        let parent = world.machine("parent", &definition).await;
        assert_eq!(world.run(&parent, "p", "{}").await, "TIMED_OUT");
        let ending = world.end(&execution_arn("child", "c")).await;
        assert!(ending.starts_with("ABORTED The Task state in AWS"), "{ending}");
    });
}

#[test]
fn a_branch_that_fails_stops_the_children_of_the_others() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let task = parent(".sync", &child("child", "{}"), "");
        let fails = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"F"},
            "F":{"Type":"Fail","Error":"Sibling"}}}"#;
        let definition = format!(
            r#"{{"StartAt":"All","States":{{"All":{{"Type":"Parallel","End":true,
                "Branches":[{task},{fails}]}}}}}}"#
        );
        let parent = world.machine("parent", &definition).await;
        assert_eq!(world.run(&parent, "p", "{}").await, "FAILED Sibling");
        let ending = world.end(&execution_arn("child", "c")).await;
        assert!(ending.starts_with("ABORTED The Task state in AWS"), "{ending}");
    });
}

#[test]
fn stopping_a_child_fails_the_task_of_its_parent() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let parent = world.machine("parent", &parent(".sync", &child("child", "{}"), "")).await;
        let arn = world.start(&parent, "p", "{}").await.unwrap();
        sleep(1).await;
        world.stop(&execution_arn("child", "c")).await;
        expect![[r#"FAILED States.TaskFailed {"Cause":"by hand","Error":"Stopped","ExecutionArn":"execution:child:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:child","Status":"ABORTED","StopDate":?}"#]].assert_eq(&masked(&world.end(&arn).await));
    });
}

#[test]
fn two_parents_share_a_child_that_has_the_same_name_and_input() {
    alive(async |world: World| {
        world.machine("child", WAIT).await;
        let definition = parent(".sync:2", &child("child", "[3]"), r#","OutputPath":"$.Output""#);
        let parent = world.machine("parent", &definition).await;
        let first = world.start(&parent, "first", "{}").await.unwrap();
        sleep(1).await;
        let second = world.start(&parent, "second", "{}").await.unwrap();
        assert_eq!(world.end(&second).await, "SUCCEEDED [3]");
        assert_eq!(world.end(&first).await, "SUCCEEDED [3]");
        for arn in [first, second] {
            let stop = world.describe(&arn).await.header.stop;
            assert_eq!(stop, Some(BEGIN.plus_seconds(10)));
        }
    });
}

#[test]
fn a_retry_starts_a_new_child() {
    alive(async |world: World| {
        let child = world.machine("child", FAIL).await;
        let rest = r#","Retry":[{"ErrorEquals":["States.TaskFailed"],"MaxAttempts":2}]"#;
        let parameters = format!(r#"{{"StateMachineArn":"{child}"}}"#);
        let parent = world.machine("parent", &parent(".sync", &parameters, rest)).await;
        let ending = world.run(&parent, "p", "{}").await;
        assert!(ending.starts_with(r#"FAILED States.TaskFailed {"Cause":"on"#), "{ending}");
        let of = ExecutionsOf::StateMachine(&child);
        let request = ListExecutions { of, status: None, after: None, limit: 10 };
        let list = world.runtime.list_executions(&world.scope, request).await.unwrap();
        let starts = list.executions.iter().map(|header| header.start.0 - BEGIN.0);
        assert_eq!(starts.collect::<Vec<_>>(), [3_000, 1_000, 0]);
    });
}

#[test]
fn a_wide_map_of_children() {
    alive(async |world: World| {
        let child = world.machine("child", WAIT).await;
        let parameters = format!(r#"{{"StateMachineArn":"{child}","Input.$":"$"}}"#);
        let task = parent(".sync:2", &parameters, r#","OutputPath":"$.Output""#);
        let definition = format!(
            r#"{{"StartAt":"Each","States":{{"Each":{{"Type":"Map","End":true,
                "ItemProcessor":{task}}}}}}}"#
        );
        let parent = world.machine("parent", &definition).await;
        let input = format!("{:?}", (0..100).collect::<Vec<_>>()).replace(' ', "");
        assert_eq!(world.run(&parent, "p", &input).await, format!("SUCCEEDED {input}"));
        // 40 at a time, 10 seconds each.
        assert_eq!(world.describe(&execution_arn("parent", "p")).await.header.stop, {
            Some(BEGIN.plus_seconds(30))
        });
    });
}

#[test]
fn executions_that_say_who_started_them_are_listed() {
    alive(async |world: World| {
        world.machine("child", PASS).await;
        let input = r#"{"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$":"$$.Execution.Id"}"#;
        let parent = world.machine("parent", &parent("", &child("child", input), "")).await;
        world.run(&parent, "p", "{}").await;
        let of = |arn| ListExecutions {
            of: ExecutionsOf::StartedBy(arn),
            status: None,
            after: None,
            limit: 10,
        };
        let arn = execution_arn("parent", "p");
        let list = world.runtime.list_executions(&world.scope, of(&arn)).await.unwrap();
        let names: Vec<_> = list.executions.iter().map(|header| &*header.name).collect();
        assert_eq!(names, ["c"]);
    });
}

#[test]
fn a_task_with_credentials_starts_in_the_account_of_its_role() {
    const ROLE: &str = "arn:aws:iam::222222222222:role/other";
    for (suffix, definition) in [("", PASS), (".sync", PASS), (".sync:2", WAIT)] {
        alive(async |world: World| {
            let other = World { scope: scope("222222222222", "us-east-1"), ..world.clone() };
            let child = other.machine("child", definition).await;
            assert!(child.contains(":222222222222:"), "{child}");
            let parameters = format!(r#"{{"StateMachineArn":"{child}","Name":"c"}}"#);
            let credentials = format!(r#","Credentials":{{"RoleArn":"{ROLE}"}}"#);
            let with = world.machine("with", &parent(suffix, &parameters, &credentials)).await;
            let ended = world.run(&with, "p", "{}").await;
            assert!(ended.starts_with("SUCCEEDED"), "{suffix}: {ended}");
            let arn = "arn:aws:states:us-east-1:222222222222:execution:child:c";
            assert_eq!(other.describe(arn).await.header.scope, other.scope);
            // Its own account has no such machine.
            let without = world.machine("without", &parent(suffix, &parameters, "")).await;
            let ended = world.run(&without, "p", "{}").await;
            assert!(ended.starts_with("FAILED StepFunctions."), "{suffix}: {ended}");
        });
    }
}

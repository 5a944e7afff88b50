//! Redrives: what runs again, and what does not.

mod world;

use expect_test::{Expect, expect};
use stairwell_engine::{Failure, Input, Limits, Status, Timestamp};
use world::Answer::{Fail, Never, Succeed};
use world::{Answer, World};

/// Lets an execution fail, redrives it, and shows what was written since.
fn check(definition: &str, input: &str, answers: &[Answer], expected: Expect) {
    check_with(Limits::AWS, definition, input, answers, expected);
}

fn check_with(limits: Limits, definition: &str, input: &str, answers: &[Answer], expected: Expect) {
    let mut world = World::start(definition, input, limits, answers);
    world.run();
    expected.assert_eq(&redriven(&mut world));
}

/// Redrives an execution that has ended; what was written since, and how it ended.
fn redriven(world: &mut World) -> String {
    assert_ne!(world.execution.status, Status::Running, "it is to fail first");
    let before = world.history();
    world.send(Input::Redriven { client_token: None });
    world.run();
    let after = world.history();
    let since = after.strip_prefix(&before).expect("what was written stays");
    format!("{since}{}\n", world.outcome())
}

const TASK: &str = r#""Type":"Task","Resource":"arn:aws:states:::states:startExecution",
    "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other",
        "Input":{"redrives.$":"$$.Execution.RedriveCount","retries.$":"$$.State.RetryCount"}}"#;

#[test]
fn a_task_that_failed_is_scheduled_again() {
    let definition = format!(
        r#"{{"StartAt":"First","States":{{
            "First":{{"Type":"Pass","Assign":{{"kept.$":"$.a"}},"Next":"Work"}},
            "Work":{{{TASK},"ResultPath":"$.work","Next":"Last",
                "Retry":[{{"ErrorEquals":["States.ALL"],"MaxAttempts":1,"IntervalSeconds":5}}]}},
            "Last":{{"Type":"Pass","Parameters":{{"kept.$":"$kept",
                "redrives.$":"$$.Execution.RedriveCount"}},"End":true}}}}}}"#
    );
    let answers = [Fail("E", "1"), Fail("E", "2"), Fail("E", "3"), Succeed("4")];
    check(
        &definition,
        r#"{"a":1}"#,
        &answers,
        expect![[r#"
        5s 12<-11 ExecutionRedriven 1
        5s 13<-4 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        5s 14<-13 TaskStarted startExecution
        5s 15<-14 TaskFailed E 3
        10s 16<-15 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":1}} timeout None heartbeat None
        10s 17<-16 TaskStarted startExecution
        10s 18<-17 TaskSucceeded 4
        10s 19<-18 TaskStateExited Work {"a":1,"work":4}
        10s 20<-19 PassStateEntered Last {"a":1,"work":4}
        10s 21<-20 PassStateExited Last {"kept":1,"redrives":1}
        10s 22<-21 ExecutionSucceeded {"kept":1,"redrives":1}
        SUCCEEDED {"kept":1,"redrives":1}
    "#]],
    );
}

#[test]
fn a_choice_a_pass_and_a_fail_run_again() {
    let definition = r#"{"StartAt":"C","States":{
        "C":{"Type":"Choice","Choices":[{"Variable":"$$.Execution.RedriveCount",
            "NumericGreaterThan":0,"Next":"P"}]},
        "P":{"Type":"Pass","Parameters":{"at.$":"$$.Execution.RedriveTime"},"Next":"F"},
        "F":{"Type":"Fail","Error":"E"}}}"#;
    let mut world = World::start(definition, "{}", Limits::AWS, &[]);
    world.run();
    expect![[r#"
        0s 4<-3 ExecutionRedriven 1
        0s 5<-2 ChoiceStateExited C {}
        0s 6<-5 PassStateEntered P {}
        0s 7<-6 PassStateExited P {"at":"2024-01-02T03:04:05Z"}
        0s 8<-7 FailStateEntered F {"at":"2024-01-02T03:04:05Z"}
        0s 9<-8 ExecutionFailed E -
        FAILED E: 
    "#]]
    .assert_eq(&redriven(&mut world));
    expect![[r#"
        0s 10<-9 ExecutionRedriven 2
        0s 11<-8 FailStateEntered F {"at":"2024-01-02T03:04:05Z"}
        0s 12<-11 ExecutionFailed E -
        FAILED E: 
    "#]]
    .assert_eq(&redriven(&mut world));
}

#[test]
fn a_wait_keeps_its_instant() {
    let definition = r#"{"StartAt":"W","TimeoutSeconds":60,"States":{
        "W":{"Type":"Wait","Seconds":90,"End":true}}}"#;
    check(
        definition,
        "{}",
        &[],
        expect![[r#"
        60s 4<-3 ExecutionRedriven 1
        90s 5<-2 WaitStateExited W {}
        90s 6<-5 ExecutionSucceeded {}
        SUCCEEDED {}
    "#]],
    );
    let stop_after = |seconds: u64| {
        let mut world = World::start(definition, "{}", Limits::AWS, &[]);
        world.pass(seconds);
        world.send(Input::Stopped(Failure::default()));
        world.pass(100);
        redriven(&mut world)
    };
    expect![[r#"
        110s 4<-3 ExecutionRedriven 1
        110s 5<-2 WaitStateExited W {}
        110s 6<-5 ExecutionSucceeded {}
        SUCCEEDED {}
    "#]]
    .assert_eq(&stop_after(10));
}

#[test]
fn branches_that_succeeded_are_kept() {
    let definition = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[
            {{"StartAt":"Good","States":{{"Good":{{{TASK},"End":true}}}}}},
            {{"StartAt":"Bad","States":{{"Bad":{{{TASK},"End":true}}}}}},
            {{"StartAt":"Cut","States":{{"Cut":{{"Type":"Wait","Seconds":50,"End":true}}}}}},
            {{"StartAt":"Inner","States":{{"Inner":{{"Type":"Parallel","End":true,"Branches":[
                {{"StartAt":"Deep","States":{{"Deep":{{"Type":"Wait","Seconds":5,"End":true}}}}}}
            ]}}}}}}
        ]}}}}}}"#
    );
    let answers = [Succeed(r#""good""#), Fail("E", "bad"), Succeed(r#""better""#)];
    check(
        &definition,
        "{}",
        &answers,
        expect![[r#"
        0s 23<-22 ExecutionRedriven 1
        0s 24<-7 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 25<-24 TaskStarted startExecution
        0s 26<-25 TaskSucceeded "better"
        0s 27<-26 TaskStateExited Bad "better"
        5s 28<-18 WaitStateExited Deep {}
        5s 29<-28 ParallelStateSucceeded
        5s 30<-28 ParallelStateExited Inner [{}]
        50s 31<-17 WaitStateExited Cut {}
        50s 32<-31 ParallelStateSucceeded
        50s 33<-31 ParallelStateExited P ["good","better",{},[{}]]
        50s 34<-33 ExecutionSucceeded ["good","better",{},[{}]]
        SUCCEEDED ["good","better",{},[{}]]
    "#]],
    );
}

#[test]
fn iterations_that_succeeded_are_kept() {
    let definition = format!(
        r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","MaxConcurrency":2,"End":true,
            "ItemProcessor":{{"StartAt":"T","States":{{"T":{{{TASK},"End":true}}}}}}}}}}}}"#
    );
    let answers = [Succeed("0"), Never, Fail("E", "2"), Succeed("1"), Succeed("2"), Succeed("3")];
    check(
        &definition,
        "[0,1,2,3]",
        &answers,
        expect![[r#"
        0s 25<-24 ExecutionRedriven 1
        0s 26<-9 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 27<-26 TaskStarted startExecution
        0s 28<-16 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 29<-28 TaskStarted startExecution
        0s 30<-27 TaskSucceeded 1
        0s 31<-30 TaskStateExited T 1
        0s 32<-31 MapIterationSucceeded 1
        0s 33<-31 MapIterationStarted 3
        0s 34<-33 TaskStateEntered T 3
        0s 35<-34 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 36<-35 TaskStarted startExecution
        0s 37<-29 TaskSucceeded 2
        0s 38<-37 TaskStateExited T 2
        0s 39<-38 MapIterationSucceeded 2
        0s 40<-36 TaskSucceeded 3
        0s 41<-40 TaskStateExited T 3
        0s 42<-41 MapIterationSucceeded 3
        0s 43<-42 MapStateSucceeded
        0s 44<-42 MapStateExited M [0,1,2,3]
        0s 45<-44 ExecutionSucceeded [0,1,2,3]
        SUCCEEDED [0,1,2,3]
    "#]],
    );
}

#[test]
fn an_iteration_that_could_not_begin_begins() {
    let definition = r#"{"StartAt":"M","QueryLanguage":"JSONata","States":{"M":{"Type":"Map",
        "MaxConcurrency":1,"End":true,"Items":[0,1],
        "ItemSelector":{"at":"{% $states.context.(Execution.RedriveCount < Map.Item.Index) ? $error('not yet') : 'now' %}"},
        "ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#;
    let mut world = World::start(definition, "{}", Limits::AWS, &[]);
    assert!(world.history().contains("MapIterationSucceeded 0"), "{}", world.history());
    expect![[r#"
        0s 11<-10 ExecutionRedriven 1
        0s 12<-9 MapIterationStarted 1
        0s 13<-12 PassStateEntered P {"at":"now"}
        0s 14<-13 PassStateExited P {"at":"now"}
        0s 15<-14 MapIterationSucceeded 1
        0s 16<-15 MapStateSucceeded
        0s 17<-15 MapStateExited M [{"at":"now"},{"at":"now"}]
        0s 18<-17 ExecutionSucceeded [{"at":"now"},{"at":"now"}]
        SUCCEEDED [{"at":"now"},{"at":"now"}]
    "#]]
    .assert_eq(&redriven(&mut world));
}

#[test]
fn results_that_were_too_large_together_are_asked_for_again() {
    let definition = format!(
        r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[
            {{"StartAt":"A","States":{{"A":{{{TASK},"End":true}}}}}},
            {{"StartAt":"B","States":{{"B":{{{TASK},"End":true}}}}}}
        ]}}}}}}"#
    );
    const LARGE: &str = concat!(
        r#""a text of more than a hundred bytes, two of which are too many for a state, "#,
        r#"with limits that are as small as they are in this test, and no others, to be sure""#
    );
    let answers = [Succeed(LARGE), Succeed(LARGE), Succeed("1"), Succeed("2")];
    let limits = Limits { work_per_step: 2_000, ..Limits::TINY };
    check_with(
        limits,
        &definition,
        "{}",
        &answers,
        expect![[r#"
        0s 17<-16 ExecutionRedriven 1
        0s 18<-2 ParallelStateStarted
        0s 19<-18 TaskStateEntered A {}
        0s 20<-19 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 21<-20 TaskStarted startExecution
        0s 22<-18 TaskStateEntered B {}
        0s 23<-22 TaskScheduled startExecution {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 24<-23 TaskStarted startExecution
        0s 25<-21 TaskSucceeded 1
        0s 26<-25 TaskStateExited A 1
        0s 27<-24 TaskSucceeded 2
        0s 28<-27 TaskStateExited B 2
        0s 29<-28 ParallelStateSucceeded
        0s 30<-28 ParallelStateExited P [1,2]
        0s 31<-30 ExecutionSucceeded [1,2]
        SUCCEEDED [1,2]
    "#]],
    );
}

#[test]
fn the_child_of_an_aborted_task_is_stopped_and_another_one_is_started() {
    let definition = TASK.replace("startExecution\"", "startExecution.sync\"");
    let definition = format!(r#"{{"StartAt":"T","States":{{"T":{{{definition},"End":true}}}}}}"#);
    let mut world = World::start(&definition, "{}", Limits::AWS, &[Never, Succeed(r#"{"a":1}"#)]);
    world.run_effects();
    world.send(Input::Stopped(Failure::default()));
    expect![[r#"
        0s 7<-6 ExecutionRedriven 1
        0s 8<-2 TaskScheduled startExecution.sync {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:other","Input":{"redrives":1,"retries":0}} timeout None heartbeat None
        0s 9<-8 TaskStarted startExecution.sync
        0s 10<-9 TaskSubmitted {"ExecutionArn":"arn:child"}
        0s 11<-10 TaskSucceeded {"a":1}
        0s 12<-11 TaskStateExited T {"a":1}
        0s 13<-12 ExecutionSucceeded {"a":1}
        SUCCEEDED {"a":1}
    "#]].assert_eq(&redriven(&mut world));
    assert!(world.stops.iter().all(|child| child == "arn:child") && !world.stops.is_empty());
}

#[test]
fn a_redrive_needs_an_execution_that_did_not_succeed() {
    for (definition, status) in [
        (r#"{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}"#, Status::Succeeded),
        (
            r#"{"StartAt":"S","States":{"S":{"Type":"Wait","Seconds":9,"End":true}}}"#,
            Status::Running,
        ),
    ] {
        let mut world = World::start(definition, "{}", Limits::AWS, &[]);
        assert_eq!(world.execution.status, status);
        let before = world.history();
        world.send(Input::Redriven { client_token: Some("token".into()) });
        assert_eq!(world.history(), before);
    }
}

#[test]
fn client_tokens_are_remembered_for_a_while() {
    let definition = r#"{"StartAt":"S","States":{"S":{"Type":"Fail"}}}"#;
    let mut world = World::start(definition, "{}", Limits::AWS, &[]);
    for number in 1..=12 {
        world.pass(1);
        world.send(Input::Redriven { client_token: Some(format!("token-{number}").into()) });
    }
    let redrives = &world.execution.redrives;
    assert_eq!(redrives.count, 12);
    let now = redrives.date.expect("it was redriven");
    assert_eq!(redrives.answered("token-12", now), Some(now));
    assert_eq!(redrives.answered("token-3", now), Some(Timestamp(now.0 - 9_000)));
    assert_eq!(redrives.answered("token-2", now), None, "ten are remembered");
    let later = now.plus_seconds(15 * 60);
    assert_eq!(redrives.answered("token-12", Timestamp(later.0 - 1)), Some(now));
    assert_eq!(redrives.answered("token-12", later), None, "for 15 minutes");
}

#[test]
fn a_redriven_execution_has_its_timeout_anew() {
    let definition = r#"{"StartAt":"W","TimeoutSeconds":60,"States":{
        "W":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
            "End":true}}}"#;
    check(
        definition,
        "{}",
        &[Never, Never],
        expect![[r#"
        60s 6<-5 ExecutionRedriven 1
        60s 7<-2 ActivityScheduled {} timeout None heartbeat None
        60s 8<-7 ActivityStarted
        120s 9<-0 ExecutionTimedOut States.Timeout -
        TIMEDOUT States.Timeout: 
    "#]],
    );
}

//! Histories, event by event.

mod world;

use expect_test::{Expect, expect};
use stairwell_engine::{Failure, Input, Limits};
use world::Answer::{Fail, Never, Succeed};
use world::{Answer, World};

fn check(definition: &str, input: &str, answers: &[Answer], expected: Expect) {
    let mut world = World::start(definition, input, Limits::AWS, answers);
    world.run();
    expected.assert_eq(&world.history());
}

fn check_outcome(limits: Limits, definition: &str, input: &str, expected: Expect) {
    let mut world = World::start(definition, input, limits, &[]);
    world.run();
    expected.assert_eq(&world.outcome());
}

/// A machine of one state.
fn single(state: &str) -> String {
    format!(r#"{{"StartAt":"S","States":{{"S":{state}}}}}"#)
}

#[test]
fn a_pass_state_hands_on_its_input() {
    check(
        &single(r#"{"Type":"Pass","End":true}"#),
        r#"{"a" : 1.10}"#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {"a" : 1.10}
        0s 2<-0 PassStateEntered S {"a" : 1.10}
        0s 3<-2 PassStateExited S {"a" : 1.10}
        0s 4<-3 ExecutionSucceeded {"a" : 1.10}
    "#]],
    );
}

#[test]
fn a_wait_and_a_choice_take_their_way() {
    let definition = r#"{"StartAt":"W","States":{
        "W":{"Type":"Wait","Seconds":90,"Next":"C"},
        "C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericGreaterThan":3,"Next":"Big"}],
             "Default":"Small"},
        "Big":{"Type":"Succeed"},
        "Small":{"Type":"Fail","Error":"TooSmall","Cause":"on purpose"}}}"#;
    check(
        definition,
        r#"{"n":4}"#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {"n":4}
        0s 2<-0 WaitStateEntered W {"n":4}
        90s 3<-2 WaitStateExited W {"n":4}
        90s 4<-3 ChoiceStateEntered C {"n":4}
        90s 5<-4 ChoiceStateExited C {"n":4}
        90s 6<-5 SucceedStateEntered Big {"n":4}
        90s 7<-6 SucceedStateExited Big {"n":4}
        90s 8<-7 ExecutionSucceeded {"n":4}
    "#]],
    );
    check(
        definition,
        r#"{"n":3}"#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {"n":3}
        0s 2<-0 WaitStateEntered W {"n":3}
        90s 3<-2 WaitStateExited W {"n":3}
        90s 4<-3 ChoiceStateEntered C {"n":3}
        90s 5<-4 ChoiceStateExited C {"n":3}
        90s 6<-5 FailStateEntered Small {"n":3}
        90s 7<-6 ExecutionFailed TooSmall on purpose
    "#]],
    );
}

#[test]
fn a_map_runs_its_items_one_by_one_where_it_is_told_to() {
    let state = r#"{"Type":"Map","MaxConcurrency":1,"ItemsPath":"$.items","End":true,
        "ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","all.$":"$.items"},
        "ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}"#;
    check(
        &single(state),
        r#"{"items":["a", 2]}"#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {"items":["a", 2]}
        0s 2<-0 MapStateEntered S {"items":["a", 2]}
        0s 3<-2 MapStateStarted 2
        0s 4<-3 MapIterationStarted 0
        0s 5<-4 PassStateEntered P {"i":0,"v":"a","all":["a",2]}
        0s 6<-5 PassStateExited P {"i":0,"v":"a","all":["a",2]}
        0s 7<-6 MapIterationSucceeded 0
        0s 8<-6 MapIterationStarted 1
        0s 9<-8 PassStateEntered P {"i":1,"v":2,"all":["a",2]}
        0s 10<-9 PassStateExited P {"i":1,"v":2,"all":["a",2]}
        0s 11<-10 MapIterationSucceeded 1
        0s 12<-11 MapStateSucceeded
        0s 13<-11 MapStateExited S [{"i":0,"v":"a","all":["a",2]},{"i":1,"v":2,"all":["a",2]}]
        0s 14<-13 ExecutionSucceeded [{"i":0,"v":"a","all":["a",2]},{"i":1,"v":2,"all":["a",2]}]
    "#]],
    );
}

#[test]
fn a_failing_branch_cuts_the_others_off_and_its_error_is_caught() {
    let state = r#"{"Type":"Parallel","Branches":[
        {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":9,"End":true}}},
        {"StartAt":"T","States":{"T":{"Type":"Task","End":true,
            "Resource":"arn:aws:states:::states:startExecution.sync:2",
            "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:c"}}}},
        {"StartAt":"V","States":{"V":{"Type":"Wait","Seconds":1,"Next":"F"},
            "F":{"Type":"Fail","Error":"E","Cause":"C"}}}],
        "Catch":[{"ErrorEquals":["E"],"ResultPath":"$.error","Next":"S2"}],"Next":"S2"}"#;
    let definition =
        format!(r#"{{"StartAt":"S","States":{{"S":{state},"S2":{{"Type":"Succeed"}}}}}}"#);
    let mut world = World::start(&definition, "{}", Limits::AWS, &[Never]);
    world.run();
    expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 ParallelStateEntered S {}
        0s 3<-2 ParallelStateStarted
        0s 4<-3 WaitStateEntered W {}
        0s 5<-3 TaskStateEntered T {}
        0s 6<-5 TaskScheduled startExecution.sync:2 {"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:c"} timeout None heartbeat None
        0s 7<-6 TaskStarted startExecution.sync:2
        0s 8<-3 WaitStateEntered V {}
        0s 9<-7 TaskSubmitted {"ExecutionArn":"arn:child"}
        1s 10<-8 WaitStateExited V {}
        1s 11<-10 FailStateEntered F {}
        1s 12<-11 WaitStateAborted
        1s 13<-11 TaskStateAborted
        1s 14<-11 ParallelStateFailed
        1s 15<-14 ParallelStateExited S {"error":{"Error":"E","Cause":"C"}}
        1s 16<-15 SucceedStateEntered S2 {"error":{"Error":"E","Cause":"C"}}
        1s 17<-16 SucceedStateExited S2 {"error":{"Error":"E","Cause":"C"}}
        1s 18<-17 ExecutionSucceeded {"error":{"Error":"E","Cause":"C"}}
    "#]].assert_eq(&world.history());
    assert_eq!(world.stops, ["arn:child"]);
}

#[test]
fn retries_back_off_and_then_the_catcher_takes_over() {
    let state = r#"{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
        "Retry":[{"ErrorEquals":["Other"]},
            {"ErrorEquals":["E"],"IntervalSeconds":3,"BackoffRate":2,"MaxAttempts":2}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}],"Next":"Done"}"#;
    let definition =
        format!(r#"{{"StartAt":"S","States":{{"S":{state},"Done":{{"Type":"Succeed"}}}}}}"#);
    let answers = [Fail("E", "1"), Fail("E", "2"), Fail("E", "3")];
    check(
        &definition,
        "{}",
        &answers,
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-2 ActivityScheduled {} timeout None heartbeat None
        0s 4<-3 ActivityStarted
        0s 5<-4 ActivityFailed E 1
        3s 6<-5 ActivityScheduled {} timeout None heartbeat None
        3s 7<-6 ActivityStarted
        3s 8<-7 ActivityFailed E 2
        9s 9<-8 ActivityScheduled {} timeout None heartbeat None
        9s 10<-9 ActivityStarted
        9s 11<-10 ActivityFailed E 3
        9s 12<-11 TaskStateExited S {"Error":"E","Cause":"3"}
        9s 13<-12 SucceedStateEntered Done {"Error":"E","Cause":"3"}
        9s 14<-13 SucceedStateExited Done {"Error":"E","Cause":"3"}
        9s 15<-14 ExecutionSucceeded {"Error":"E","Cause":"3"}
    "#]],
    );
}

#[test]
fn a_map_that_fails_starts_again_as_its_retrier_says() {
    let state = r#"{"Type":"Map","End":true,"MaxConcurrency":1,
        "Retry":[{"ErrorEquals":["E"],"MaxAttempts":1,"IntervalSeconds":1}],
        "ItemProcessor":{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}}"#;
    check(
        &single(state),
        "[1]",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted [1]
        0s 2<-0 MapStateEntered S [1]
        0s 3<-2 MapStateStarted 1
        0s 4<-3 MapIterationStarted 0
        0s 5<-4 FailStateEntered F 1
        0s 6<-5 MapIterationFailed 0
        1s 7<-5 MapStateStarted 1
        1s 8<-7 MapIterationStarted 0
        1s 9<-8 FailStateEntered F 1
        1s 10<-9 MapIterationFailed 0
        1s 11<-9 MapStateFailed
        1s 12<-11 ExecutionFailed E -
    "#]],
    );
}

#[test]
fn tasks_and_heartbeats_time_out() {
    let task = |more: &str| {
        single(&format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
                "End":true{more}}}"#
        ))
    };
    check(
        &task(r#","TimeoutSeconds":7"#),
        "{}",
        &[Never],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-2 ActivityScheduled {} timeout Some(7) heartbeat None
        0s 4<-3 ActivityStarted
        7s 5<-4 ActivityTimedOut States.Timeout -
        7s 6<-5 ExecutionFailed States.Timeout -
    "#]],
    );
    let missed = task(
        r#","TimeoutSeconds":100,"HeartbeatSeconds":5,
            "Retry":[{"ErrorEquals":["States.HeartbeatTimeout"],"MaxAttempts":1}]"#,
    );
    check(
        &missed,
        "{}",
        &[Never, Succeed("1")],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-2 ActivityScheduled {} timeout Some(100) heartbeat Some(5)
        0s 4<-3 ActivityStarted
        5s 5<-4 ActivityTimedOut States.Timeout -
        6s 6<-5 ActivityScheduled {} timeout Some(100) heartbeat Some(5)
        6s 7<-6 ActivityStarted
        6s 8<-7 ActivitySucceeded 1
        6s 9<-8 TaskStateExited S 1
        6s 10<-9 ExecutionSucceeded 1
    "#]],
    );
}

#[test]
fn a_nested_execution_goes_through_all_its_events() {
    for pattern in ["", ".sync", ".waitForTaskToken"] {
        let token = if pattern == ".waitForTaskToken" { r#","t.$":"$$.Task.Token""# } else { "" };
        let state = format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:::states:startExecution{pattern}",
                "Parameters":{{"StateMachineArn":"arn:m","Input":{{"a":1{token}}}}},
                "ResultSelector":{{"r.$":"$.x"}},"ResultPath":"$.result","End":true}}"#
        );
        let mut world =
            World::start(&single(&state), "{}", Limits::AWS, &[Succeed(r#"{"x":[1, 2]}"#)]);
        world.run();
        assert_eq!(world.outcome(), r#"SUCCEEDED {"result":{"r":[1,2]}}"#, "{pattern}");
        let types: Vec<_> = world
            .history()
            .lines()
            .filter_map(|line| line.split(' ').nth(2).map(str::to_owned))
            .filter(|kind| kind.starts_with("Task"))
            .collect();
        let submitted = types.iter().any(|kind| kind == "TaskSubmitted");
        assert_eq!(submitted, !pattern.is_empty(), "{types:?}");
    }
}

#[test]
fn the_two_spellings_of_a_refused_start_are_one_error() {
    for (named, raised, caught) in [
        (
            "StepFunctions.ExecutionLimitExceeded",
            "StepFunctions.ExecutionLimitExceededException",
            true,
        ),
        (
            "StepFunctions.ExecutionLimitExceededException",
            "StepFunctions.ExecutionLimitExceededException",
            true,
        ),
        (
            "StepFunctions.ExecutionAlreadyExists",
            "StepFunctions.ExecutionLimitExceededException",
            false,
        ),
        ("Sfn.ExecutionLimitExceeded", "Sfn.ExecutionLimitExceededException", false),
    ] {
        let state = format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:::states:startExecution",
                "Parameters":{{"StateMachineArn":"arn:m"}},
                "Catch":[{{"ErrorEquals":["{named}"],"Next":"Done"}}],"End":true}}"#
        );
        let definition =
            format!(r#"{{"StartAt":"S","States":{{"S":{state},"Done":{{"Type":"Succeed"}}}}}}"#);
        let mut world = World::start(&definition, "{}", Limits::AWS, &[Fail(raised, "c")]);
        world.run();
        assert_eq!(
            world.outcome().starts_with("SUCCEEDED"),
            caught,
            "{named}: {}",
            world.outcome()
        );
    }
}

#[test]
fn stopping_writes_the_end_and_stops_the_children() {
    let state = r#"{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync",
        "Parameters":{"StateMachineArn":"arn:m"},"End":true}"#;
    let mut world = World::start(&single(state), "{}", Limits::AWS, &[Never]);
    // Up to the point where the child is awaited.
    world.run_effects();
    world.send(Input::Stopped(Failure::new("Why", "Because")));
    world.run();
    expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-2 TaskScheduled startExecution.sync {"StateMachineArn":"arn:m"} timeout None heartbeat None
        0s 4<-3 TaskStarted startExecution.sync
        0s 5<-4 TaskSubmitted {"ExecutionArn":"arn:child"}
        0s 6<-0 ExecutionAborted Why Because
    "#]].assert_eq(&world.history());
    assert_eq!(world.stops, ["arn:child"]);
}

#[test]
fn a_machine_times_out() {
    let definition = r#"{"StartAt":"W","TimeoutSeconds":5,"States":{
        "W":{"Type":"Wait","Seconds":6,"End":true}}}"#;
    check(
        definition,
        "{}",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 WaitStateEntered W {}
        5s 3<-0 ExecutionTimedOut States.Timeout -
    "#]],
    );
}

#[test]
fn runtime_errors_name_the_state_and_are_never_caught() {
    let definition = r#"{"StartAt":"S","States":{"S":{"Type":"Parallel","Branches":[
        {"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"a.$":"$.no"},"End":true}}}],
        "Catch":[{"ErrorEquals":["States.ALL","States.Runtime"],"Next":"D"}],"Next":"D"},
        "D":{"Type":"Succeed"}}}"#;
    let definition = definition.replace(r#""States.ALL","#, "");
    check(
        &definition,
        r#"{"b":1}"#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {"b":1}
        0s 2<-0 ParallelStateEntered S {"b":1}
        0s 3<-2 ParallelStateStarted
        0s 4<-3 PassStateEntered P {"b":1}
        0s 5<-4 ParallelStateFailed
        0s 6<-5 ExecutionFailed States.Runtime An error occurred while executing the state 'P' (entered at the event id #4). The JSONPath '$.no' specified for the field 'a.$' could not be found in the input '{"b":1}'
    "#]],
    );
    for (state, expected) in [
        (
            r#"{"Type":"Pass","InputPath":"$.no","End":true}"#,
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). Invalid path '$.no' : No results for path: $['no']"
            ],
        ),
        (
            r#"{"Type":"Pass","OutputPath":"$.no.such","End":true}"#,
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). Invalid path '$.no.such' : Missing property in path $['no']"
            ],
        ),
        (
            r#"{"Type":"Wait","SecondsPath":"$.no","End":true}"#,
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The SecondsPath parameter does not reference an input value: $.no"
            ],
        ),
        (
            r#"{"Type":"Wait","SecondsPath":"$.f","End":true}"#,
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The SecondsPath parameter cannot be parsed as a long value: $.f == 1.5"
            ],
        ),
        (
            r#"{"Type":"Wait","SecondsPath":"$.n","End":true}"#,
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The SecondsPath parameter references a negative value: $.n == -1"
            ],
        ),
        (
            r#"{"Type":"Wait","TimestampPath":"$.s","End":true}"#,
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.s == 2020-01-01"
            ],
        ),
        (
            r#"{"Type":"Fail","CausePath":"$.no"}"#,
            expect![[
                r#"FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The JSONPath '$.no' specified for the field 'CausePath' could not be found in the input '{"f":1.5,"n":-1,"s":"2020-01-01","o":{}}'"#
            ]],
        ),
        (
            r#"{"Type":"Map","MaxConcurrencyPath":"$.o","End":true,"ItemProcessor":{
                "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}"#,
            expect![[
                r#"FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The MaxConcurrencyPath field refers to value "{}" which is not a valid integer: $.o"#
            ]],
        ),
        (
            r#"{"Type":"Map","End":true,"ItemProcessor":{
                "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}"#,
            expect![[
                r#"FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). Reference path "$" must point to array."#
            ]],
        ),
    ] {
        let input = r#"{"f":1.5,"n":-1,"s":"2020-01-01","o":{}}"#;
        check_outcome(Limits::AWS, &single(state), input, expected);
    }
}

#[test]
fn limits_end_what_is_too_large_or_too_long() {
    let endless = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"C"}],"Default":"A"},
        "C":{"Type":"Succeed"}}}"#;
    check_outcome(
        Limits::TINY,
        endless,
        "{}",
        expect![
            "FAILED States.Runtime: The execution reached the maximum number of history events (60)."
        ],
    );
    let grows = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,
        "Parameters":{"a.$":"States.Format('{}{}{}', $, $, $)"}}}}"#;
    let input = format!(r#""{}""#, "x".repeat(100));
    check_outcome(
        Limits::TINY,
        grows,
        &input,
        expect![
            "FAILED States.DataLimitExceeded: The state/task 'A' returned a result with a size exceeding the maximum number of bytes service limit."
        ],
    );
}

const FUNCTION: &str = r#"{"Type":"Task","TimeoutSeconds":5,"HeartbeatSeconds":2,
    "Resource":"arn:aws:lambda:us-east-1:123456789012:function:f",
    "Retry":[{"ErrorEquals":["Broken"],"MaxAttempts":1}],"End":true}"#;

#[test]
fn a_function_is_called_with_the_input_and_again_after_an_error() {
    check(
        &single(FUNCTION),
        r#"{"n":1}"#,
        &[Fail("Broken", "{}"), Succeed("[1]")],
        expect![[r#"
            0s 1<-0 ExecutionStarted {"n":1}
            0s 2<-0 TaskStateEntered S {"n":1}
            0s 3<-2 LambdaFunctionScheduled arn:aws:lambda:us-east-1:123456789012:function:f {"n":1} timeout Some(5)
            0s 4<-3 LambdaFunctionStarted
            0s 5<-4 LambdaFunctionFailed Broken {}
            1s 6<-5 LambdaFunctionScheduled arn:aws:lambda:us-east-1:123456789012:function:f {"n":1} timeout Some(5)
            1s 7<-6 LambdaFunctionStarted
            1s 8<-7 LambdaFunctionSucceeded [1]
            1s 9<-8 TaskStateExited S [1]
            1s 10<-9 ExecutionSucceeded [1]
        "#]],
    );
}

#[test]
fn a_function_times_out_and_knows_no_heartbeats() {
    check(
        &single(FUNCTION),
        "{}",
        &[Never],
        expect![[r#"
            0s 1<-0 ExecutionStarted {}
            0s 2<-0 TaskStateEntered S {}
            0s 3<-2 LambdaFunctionScheduled arn:aws:lambda:us-east-1:123456789012:function:f {} timeout Some(5)
            0s 4<-3 LambdaFunctionStarted
            5s 5<-4 LambdaFunctionTimedOut States.Timeout -
            5s 6<-5 ExecutionFailed States.Timeout -
        "#]],
    );
}

fn service(resource: &str, more: &str) -> String {
    single(&format!(
        r#"{{"Type":"Task","Resource":"arn:aws:states:::{resource}","Parameters":{{
            "FunctionName":"f","Payload":{{"n.$":"$.n"}}}},{more}"End":true}}"#
    ))
}

#[test]
fn a_service_is_called_and_gives_the_result() {
    check(
        &service("lambda:invoke", r#""HeartbeatSeconds":1,"#),
        r#"{"n":1}"#,
        &[Succeed(r#"{"StatusCode":200}"#)],
        expect![[r#"
            0s 1<-0 ExecutionStarted {"n":1}
            0s 2<-0 TaskStateEntered S {"n":1}
            0s 3<-2 TaskScheduled invoke {"FunctionName":"f","Payload":{"n":1}} timeout None heartbeat Some(1)
            0s 4<-3 TaskStarted invoke
            0s 5<-4 TaskSucceeded {"StatusCode":200}
            0s 6<-5 TaskStateExited S {"StatusCode":200}
            0s 7<-6 ExecutionSucceeded {"StatusCode":200}
        "#]],
    );
}

#[test]
fn a_service_whose_token_is_awaited_submits_first() {
    let definition = service("lambda:invoke.waitForTaskToken", r#""HeartbeatSeconds":2,"#);
    for answer in [Succeed("7"), Fail("Own", "cause"), Never] {
        let mut world =
            World::start(&definition, r#"{"n":1}"#, Limits::AWS, std::slice::from_ref(&answer));
        world.run();
        let expected = match answer {
            Succeed(_) => "SUCCEEDED 7",
            Fail(..) => "FAILED Own: cause",
            Never => "FAILED States.Timeout: ",
        };
        assert_eq!(world.outcome(), expected);
        assert!(world.history().contains("TaskSubmitted {\"StatusCode\":202}"));
    }
}

#[test]
fn a_call_is_pending_until_it_is_answered() {
    let pending = |world: &World| world.execution.pending_effects().len();
    let answer = |world: &World, waits: bool| {
        let (task, _) = world.execution.frames.iter().next().expect("the root");
        let scheduled = stairwell_engine::EventId(3);
        let task = stairwell_engine::TaskId { frame: *task, scheduled };
        let output = json::Document::from_text("1").expect("JSON");
        match waits {
            true => Input::TaskSubmitted { task, output, child_arn: None },
            false => Input::TaskFinished { task, outcome: Ok(output) },
        }
    };
    for (resource, waits) in [("lambda:invoke", false), ("lambda:invoke.waitForTaskToken", true)] {
        let mut world = World::start(&service(resource, ""), r#"{"n":1}"#, Limits::AWS, &[]);
        assert_eq!(pending(&world), 1, "{resource}");
        // Whatever is answered twice counts once.
        let first = answer(&world, waits);
        world.send(first.clone());
        assert_eq!(pending(&world), 0, "{resource}");
        let events = world.records.len();
        world.send(first);
        assert_eq!(world.records.len(), events, "{resource}");
    }
}

#[test]
fn a_result_that_is_too_large_fails_the_task_and_can_be_caught() {
    let large = r#"{"a":"0123456789012345678901234567890123456789012345678901234567890123456789
        0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890
        0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890
        0123456789"}"#;
    let large: &'static str = large.replace('\n', "").leak();
    let caught = |state: &str| {
        let state = state.replacen(
            r#""End":true"#,
            r#""Catch":[{"ErrorEquals":["States.ALL"],"Next":"D"}],"End":true"#,
            1,
        );
        state.replacen("}}}", r#"},"D":{"Type":"Succeed"}}}"#, 1)
    };
    let direct = single(
        r#"{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:f","End":true}"#,
    );
    for (definition, error) in [
        (direct, "arn:aws:lambda:us-east-1:123456789012:function:f"),
        (
            single(
                r#"{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
                "Parameters":{"FunctionName":"f"},"End":true}"#,
            ),
            "lambda",
        ),
    ] {
        let limits = Limits { history_events_max: 100, ..Limits::TINY };
        let definition = caught(&definition);
        let mut world = World::start(&definition, "{}", limits, &[Succeed(large)]);
        world.run();
        assert_eq!(
            world.outcome(),
            format!(
                "SUCCEEDED {{\"Error\":\"States.DataLimitExceeded\",\"Cause\":\"The state/task \
                 '{error}' returned a result with a size exceeding the maximum number of bytes \
                 service limit.\"}}"
            )
        );
    }
}

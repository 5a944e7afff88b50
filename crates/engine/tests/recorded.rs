//! What was recorded from AWS, or measured there, and is no more than a case of a rule.

mod world;

use expect_test::{Expect, expect};
use stairwell_engine::{EventKind, Input, Limits, Record};
use world::Answer::{Fail, Succeed};
use world::{Answer, World};

fn check(definition: &str, input: &str, answers: &[Answer], expected: Expect) {
    let mut world = World::start(definition, input, Limits::AWS, answers);
    world.run();
    expected.assert_eq(&world.history());
}

/// How an execution of one state ends.
fn check_end(state: &str, input: &str, expected: Expect) {
    let mut world = World::start(&single(state), input, Limits::AWS, &[]);
    world.run();
    expected.assert_eq(&world.outcome());
}

fn single(state: &str) -> String {
    format!(r#"{{"StartAt":"S","States":{{"S":{state}}}}}"#)
}

fn task(resource: &str, parameters: &str) -> String {
    format!(
        r#"{{"Type":"Task","Resource":"arn:aws:states:::{resource}","Parameters":{parameters},
            "End":true}}"#
    )
}

#[test]
fn a_task_on_a_deleted_activity_fails_at_its_entry() {
    let state = r#"{"Type":"Task","End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"S"}],
        "Resource":"arn:aws:states:us-east-1:123456789012:activity:deleted"}"#;
    check(
        &single(state),
        "{}",
        &[],
        expect![[r#"
            0s 1<-0 ExecutionStarted {}
            0s 2<-0 TaskStateEntered S {}
            0s 3<-2 ExecutionFailed States.Runtime An error occurred while executing the state 'S' (entered at the event id #2). The activity ARN does not exist.
        "#]],
    );
}

#[test]
fn a_resource_of_another_partition_fails_its_task() {
    for resource in [
        "arn:aws-cn:states:::sqs:sendMessage",
        "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f",
        "arn:aws-cn:states:cn-north-1:123456789012:activity:a",
    ] {
        let state = format!(
            r#"{{"Type":"Task","Resource":"{resource}","End":true,
                "Parameters":{{"QueueUrl":"q","MessageBody":"m"}}}}"#
        );
        check_end(
            &state,
            "{}",
            expect![
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The resource belongs to a different partition from the running execution."
            ],
        );
    }
}

#[test]
fn every_pattern_of_a_start_shows_the_token_of_its_task() {
    for suffix in ["", ".sync", ".sync:2", ".waitForTaskToken"] {
        let parameters = r#"{"StateMachineArn":"arn:aws:states:us-east-1:1:stateMachine:c",
            "Input":{"t.$":"$$.Task.Token"}}"#;
        let state = task(&format!("states:startExecution{suffix}"), parameters);
        let world = World::start(&single(&state), "{}", Limits::AWS, &[]);
        let scheduled = world.records.iter().find_map(|record| match record {
            Record::Event(event) => match &event.kind {
                EventKind::TaskScheduled { parameters, token, .. } => {
                    Some((parameters.clone(), token.clone()))
                }
                _ => None,
            },
            Record::Note(_) => None,
        });
        let (parameters, token) = scheduled.expect("the task is scheduled");
        let token = token.expect("somebody may answer with it");
        assert!(parameters.text().contains(&*token.0), "{suffix}: {parameters:?}");
        assert!(world.execution.task_by_token(&token).is_some(), "{suffix}");
    }
}

#[test]
fn a_token_ends_a_task_that_awaits_a_child() {
    let parameters = r#"{"StateMachineArn":"arn:aws:states:us-east-1:1:stateMachine:c",
        "Input":{"t.$":"$$.Task.Token"}}"#;
    let state = task("states:startExecution.sync", parameters);
    let mut world = World::start(&single(&state), "{}", Limits::AWS, &[Answer::Never]);
    world.run_effects();
    let task = world.execution.frames.values().find_map(|frame| frame.task()).expect("it waits");
    let token = task.token.clone().expect("it has a token");
    let (_, task) = token.task().expect("it names its task");
    let output = json::Document::from_text(r#"{"by":"token"}"#).expect("the test says JSON");
    world.send(Input::TaskFinished { task, outcome: Ok(output) });
    assert_eq!(world.outcome(), r#"SUCCEEDED {"by":"token"}"#);
    assert!(world.history().contains(r#"6<-5 TaskSucceeded {"by":"token"}"#));
    assert!(world.history().contains("5<-4 TaskSubmitted"));
    assert_eq!(world.stops, Vec::<String>::new(), "the child goes on");
}

#[test]
fn a_failed_task_counts_as_cut_off_where_it_fails_its_parallel_state() {
    let lambda = task("lambda:invoke", r#"{"FunctionName":"f"}"#);
    let parallel = |state: &str| {
        single(&format!(
            r#"{{"Type":"Parallel","End":true,
                "Branches":[{{"StartAt":"B","States":{{"B":{state}}}}}]}}"#
        ))
    };
    check(
        &parallel(&lambda),
        "{}",
        &[Fail("E", "C")],
        expect![[r#"
            0s 1<-0 ExecutionStarted {}
            0s 2<-0 ParallelStateEntered S {}
            0s 3<-2 ParallelStateStarted
            0s 4<-3 TaskStateEntered B {}
            0s 5<-4 TaskScheduled invoke {"FunctionName":"f"} timeout None heartbeat None
            0s 6<-5 TaskStarted invoke
            0s 7<-6 TaskFailed E C
            0s 8<-7 TaskStateAborted
            0s 9<-7 ParallelStateFailed
            0s 10<-9 ExecutionFailed E C
        "#]],
    );
    // Neither a Fail state, nor what fails before its work, nor an iteration of a Map.
    check(
        &parallel(r#"{"Type":"Fail","Error":"E"}"#),
        "{}",
        &[],
        expect![[r#"
            0s 1<-0 ExecutionStarted {}
            0s 2<-0 ParallelStateEntered S {}
            0s 3<-2 ParallelStateStarted
            0s 4<-3 FailStateEntered B {}
            0s 5<-4 ParallelStateFailed
            0s 6<-5 ExecutionFailed E -
        "#]],
    );
    let map = format!(
        r#"{{"Type":"Map","End":true,"ItemProcessor":{{"StartAt":"B","States":{{"B":{lambda}}}}}}}"#
    );
    check(
        &single(&map),
        "[1]",
        &[Fail("E", "C")],
        expect![[r#"
            0s 1<-0 ExecutionStarted [1]
            0s 2<-0 MapStateEntered S [1]
            0s 3<-2 MapStateStarted 1
            0s 4<-3 MapIterationStarted 0
            0s 5<-4 TaskStateEntered B 1
            0s 6<-5 TaskScheduled invoke {"FunctionName":"f"} timeout None heartbeat None
            0s 7<-6 TaskStarted invoke
            0s 8<-7 TaskFailed E C
            0s 9<-8 MapIterationFailed 0
            0s 10<-8 MapStateFailed
            0s 11<-10 ExecutionFailed E C
        "#]],
    );
}

/// A Map state in DISTRIBUTED mode.
fn distributed(rest: &str) -> String {
    single(&format!(
        r#"{{"Type":"Map","End":true{rest},"ItemProcessor":{{"StartAt":"P",
            "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
            "States":{{"P":{{"Type":"Pass","End":true}}}}}}}}"#
    ))
}

#[test]
fn a_batched_map_state_exits_by_the_start_of_its_run() {
    for (rest, led_to_exit) in [("", "7<-5"), (r#","ItemBatcher":{"MaxItemsPerBatch":2}"#, "7<-4")]
    {
        let mut world = World::start(&distributed(rest), "[1]", Limits::AWS, &[Succeed("[1]")]);
        world.run();
        let history = world.history();
        assert!(history.contains("4<-3 MapRunStarted"), "{history}");
        assert!(history.contains("6<-5 MapStateSucceeded"), "{history}");
        assert!(history.contains(&format!("{led_to_exit} MapStateExited")), "{history}");
    }
}

#[test]
fn limits_of_batches_must_be_positive() {
    for (field, value) in [("MaxItemsPerBatch", "0"), ("MaxInputBytesPerBatch", "-1")] {
        let rest = format!(r#","ItemsPath":"$.of","ItemBatcher":{{"{field}Path":"$.max"}}"#);
        let input = format!(r#"{{"of":[1],"max":{value}}}"#);
        let mut world = World::start(&distributed(&rest), &input, Limits::AWS, &[]);
        world.run();
        assert_eq!(
            world.outcome(),
            format!(
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered \
                 at the event id #2). field {field} must be positive"
            )
        );
    }
}

#[test]
fn an_empty_result_writer_fails_its_map_state() {
    let definition = distributed(r#","ResultWriter":{}"#);
    let mut world = World::start(&definition, "[1]", Limits::AWS, &[]);
    world.run();
    expect![
        "FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The field 'ResultWriter' cannot be empty."
    ]
    .assert_eq(&world.outcome());
}

#[test]
fn a_function_is_called_with_a_text_an_object_a_list_or_nothing() {
    let state = task("lambda:invoke", r#"{"FunctionName":"twice","Payload.$":"$.n"}"#);
    for value in ["1", "true"] {
        let mut world =
            World::start(&single(&state), &format!(r#"{{"n":{value}}}"#), Limits::AWS, &[]);
        world.run();
        assert_eq!(
            world.outcome(),
            format!(
                "FAILED States.Runtime: An error occurred while executing the state 'S' (entered \
                 at the event id #2). The Parameters \
                 '{{\"FunctionName\":\"twice\",\"Payload\":{value}}}' could not be used to start \
                 the Task: [The value for the field 'Payload' must be a STRING]"
            )
        );
    }
    for value in [r#""x""#, r#"{"a":1}"#, "[1]", "null"] {
        let input = format!(r#"{{"n":{value}}}"#);
        let mut world = World::start(&single(&state), &input, Limits::AWS, &[Succeed("1")]);
        world.run();
        assert_eq!(world.outcome(), "SUCCEEDED 1", "{value}");
    }
}

#[test]
fn a_name_that_still_names_a_path_fails_the_task() {
    let state = task(
        "lambda:invoke",
        r#"{"FunctionName":"ask","Payload":{"taskToken.$.$":"$.token","loan.$":"$.loan"}}"#,
    );
    check_end(
        &state,
        r#"{"token":"secret","loan":{"no":4}}"#,
        expect![[
            r#"FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The Parameters '{"FunctionName":"ask","Payload":{"taskToken.$":"secret","loan":{"no":4}}}' could not be used to start the Task: [The value for the field 'taskToken.$' must be a valid JSONPath or a valid intrinsic function call]"#
        ]],
    );
}

#[test]
fn an_unknown_name_with_a_path_fails_the_task_when_it_runs() {
    for (resource, parameters, name) in [
        ("lambda:invoke", r#"{"FunctionName":"f","TaskToken.$":"$.x"}"#, "TaskToken"),
        ("sqs:sendMessage", r#"{"QueueUrl":"q","MessageBody":"b","Body.$":"$.x"}"#, "Body"),
        ("aws-sdk:s3:listBuckets", r#"{"Bucket.$":"$.x"}"#, "Bucket"),
        ("aws-sdk:sqs:listQueues", r#"{"Prefix.$":"$.x"}"#, "Prefix"),
        ("dynamodb:getItem", r#"{"TableName":"t","Key":{"id":{"S":"k","T.$":"$.x"}}}"#, "T"),
    ] {
        let mut world =
            World::start(&single(&task(resource, parameters)), r#"{"x":"y"}"#, Limits::AWS, &[]);
        world.run();
        let ending =
            format!("start the Task: [The field \"{name}\" is not supported by Step Functions]");
        let outcome = world.outcome();
        assert!(outcome.starts_with("FAILED States.Runtime: "), "{outcome}");
        assert!(outcome.ends_with(&ending), "{outcome}");
    }
}

#[test]
fn an_attribute_of_dynamodb_is_a_text_or_a_value_with_its_type() {
    let put =
        |item: &str| task("dynamodb:putItem", &format!(r#"{{"TableName":"t","Item":{item}}}"#));
    for item in [
        r#"{"id":"k","n.$":"$.n"}"#,
        r#"{"id":{"S.$":"$.n"},"l":{"L":["a",{"N":5}]},"m":{"M":{"x":"y"}}}"#,
    ] {
        let input = r#"{"n":"text"}"#;
        let mut world = World::start(&single(&put(item)), input, Limits::AWS, &[Succeed("1")]);
        world.run();
        assert_eq!(world.outcome(), "SUCCEEDED 1", "{item}");
    }
    check_end(
        &put(r#"{"id":{"S":"k"},"policy":{"S.$":"$.policy"}}"#),
        r#"{"policy":{"name":"DOC"}}"#,
        expect![[
            r#"FAILED States.Runtime: An error occurred while executing the state 'S' (entered at the event id #2). The Parameters '{"TableName":"t","Item":{"id":{"S":"k"},"policy":{"S":{"name":"DOC"}}}}' could not be used to start the Task: [The value for the field 'S' must be a STRING]"#
        ]],
    );
}

//! The budget of a step: what it counts, and that it changes nothing but where steps end.

#[allow(dead_code, reason = "not every group of tests needs all of it")]
mod world;

use proptest::prelude::*;
use stairwell_engine::{Execution, Input, Limits, Record, STATE_WORK};
use world::{Answer, World};

/// What a definition leads to with that budget, and in how many steps.
fn run(definition: &str, input: &str, work_per_step: u64) -> (Vec<Record>, usize) {
    let limits = Limits { work_per_step, ..Limits::AWS };
    let mut world = World::start(definition, input, limits, &[]);
    let mut steps = 1;
    while world.execution.is_runnable() {
        world.send(Input::Tick);
        steps += 1;
    }
    (world.records, steps)
}

fn chain(length: usize, output: &str) -> String {
    let states: Vec<String> = (0..length)
        .map(|index| {
            let next = match index + 1 == length {
                true => r#""End":true"#.to_owned(),
                false => format!(r#""Next":"S{}""#, index + 1),
            };
            format!(r#""S{index}":{{"Type":"Pass","Output":"{output}",{next}}}"#)
        })
        .collect();
    let states = states.join(",");
    format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S0","States":{{{states}}}}}"#)
}

/// Branches of several states, one of which holds a Map whose iterations have several.
const TREE: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Pass","Next":"P"},
    "P":{"Type":"Parallel","Next":"Z","Branches":[
        {"StartAt":"B1","States":{
            "B1":{"Type":"Pass","Next":"B2"},
            "B2":{"Type":"Choice","Choices":[{"Variable":"$[0]","IsPresent":true,"Next":"B3"}]},
            "B3":{"Type":"Pass","End":true}}},
        {"StartAt":"M","States":{
            "M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"I1","States":{
                "I1":{"Type":"Pass","Next":"I2"},
                "I2":{"Type":"Pass","Next":"I3"},
                "I3":{"Type":"Parallel","End":true,"Branches":[
                    {"StartAt":"X1","States":{
                        "X1":{"Type":"Pass","Next":"X2"},"X2":{"Type":"Succeed"}}},
                    {"StartAt":"Y1","States":{"Y1":{"Type":"Pass","End":true}}}]}}}}}},
        {"StartAt":"C1","States":{
            "C1":{"Type":"Pass","Next":"C2"},
            "C2":{"Type":"Fail","Error":"Own"}}}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}]},
    "Z":{"Type":"Succeed"}}}"#;

/// The same without the branch that fails, so that all of it runs.
fn well() -> String {
    TREE.replace(r#""Type":"Fail","Error":"Own""#, r#""Type":"Succeed""#)
}

proptest! {
    #[test]
    fn the_history_is_the_same_whatever_the_budget_is(
        work_per_step in 1_u64..3_000,
        items in 0_usize..8,
        fails: bool,
    ) {
        let definition = if fails { TREE.to_owned() } else { well() };
        let input = format!("{:?}", vec![7; items]);
        let (whole, steps) = run(&definition, &input, Limits::AWS.work_per_step);
        prop_assert_eq!(steps, 1);
        let (parts, _) = run(&definition, &input, work_per_step);
        prop_assert_eq!(parts, whole);
    }
}

#[test]
fn a_small_budget_takes_one_state_at_a_time() {
    let definition = chain(5, "x");
    assert_eq!(run(&definition, "{}", 1).1, 5);
    assert_eq!(run(&definition, "{}", 2 * STATE_WORK).1, 3);
}

#[test]
fn expressions_count_by_what_they_do() {
    let (_, small) = run(&chain(40, "{% $states.input.a + 1 %}"), r#"{"a":1}"#, 40_000);
    assert_eq!(small, 1);
    // Each is more than the budget: a step for each.
    let long = "{% $count($map([1..20000], function($v) { $v })) %}";
    let (records, steps) = run(&chain(40, long), "{}", 40_000);
    assert_eq!(steps, 40);
    assert_eq!(records.len(), 2 + 2 * 40);
    // Twenty of these fill one.
    let middling = "{% $count($map([1..400], function($v) { $v })) %}";
    let (_, steps) = run(&chain(40, middling), "{}", 40_000);
    assert!((2..=4).contains(&steps), "{steps}");
}

#[test]
fn paths_count_what_they_look_at() {
    let items: Vec<String> = (0..200).map(|number| format!(r#"{{"a":{number}}}"#)).collect();
    let input = format!(r#"{{"items":[{}]}}"#, items.join(","));
    let state = |index: usize| {
        let path = "$.items[?(@.a in $.items[*].a)].a";
        format!(
            r#""S{index}":{{"Type":"Pass","InputPath":"{path}","ResultPath":null,"Next":"S{}"}}"#,
            index + 1
        )
    };
    let states: Vec<String> = (0..10).map(state).collect();
    let states = states.join(",");
    let definition =
        format!(r#"{{"StartAt":"S0","States":{{{states},"S10":{{"Type":"Succeed"}}}}}}"#);
    assert!(run(&definition, &input, 40_000).1 >= 3);
}

#[test]
fn payloads_count_by_their_bytes() {
    let large = "x".repeat(100_000);
    let (_, steps) = run(&chain(50, &large), "{}", 40_000);
    assert!(steps > 1, "five megabytes are not one step");
}

const ABANDONING: &str = r#"{"StartAt":"P","States":{
    "P":{"Type":"Parallel","Next":"W","Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Task","End":true,
            "Resource":"arn:aws:states:::states:startExecution.sync:2",
            "Parameters":{"StateMachineArn":
                "arn:aws:states:us-east-1:123456789012:stateMachine:other"}}}},
        {"StartAt":"B","States":{
            "B":{"Type":"Wait","Seconds":1,"Next":"C"},"C":{"Type":"Fail","Error":"Own"}}}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"W"}]},
    "W":{"Type":"Wait","Seconds":1000,"End":true}}}"#;

#[test]
fn what_was_stopped_is_forgotten() {
    let mut world = World::start(ABANDONING, "{}", Limits::AWS, &[Answer::Never]);
    world.run_effects();
    world.pass(1);
    world.send(Input::Tick);
    assert_eq!(world.execution.abandoned.len(), 1);
    assert!(world.execution.has_pending_effects());
    let events = world.records.len();
    let done = |children: &[&str]| Input::StopsDone {
        children: children.iter().map(|child| (*child).into()).collect(),
        jobs: Vec::new(),
    };
    // What nobody abandoned is not there to be forgotten.
    world.send(done(&["arn:other"]));
    assert_eq!(world.records.len(), events);
    world.send(done(&["arn:child", "arn:child"]));
    assert!(matches!(world.records[events..], [Record::Note(_)]));
    assert!(world.execution.abandoned.is_empty());
    assert!(!world.execution.has_pending_effects());
    world.send(done(&["arn:child"]));
    assert_eq!(world.records.len(), events + 1);
}

#[test]
fn whether_effects_are_pending_is_known_without_making_them() {
    let check = |execution: &Execution| {
        assert_eq!(execution.has_pending_effects(), !execution.pending_effects().is_empty());
    };
    let mut world = World::start(ABANDONING, "{}", Limits::AWS, &[Answer::Never]);
    check(&world.execution);
    world.run_effects();
    check(&world.execution);
    world.send(Input::Stopped(stairwell_engine::Failure::default()));
    check(&world.execution);
    assert!(world.execution.has_pending_effects());
}

//! Small definitions, each with a crash at every write: boring and complete.

use stairwell_simulator::{
    Crash, MachinePlan, Outcome, Plan, RedrivePlan, StartPlan, Target, check, normal_histories, run,
};
use store::Fault;

const CHILD: &str = r#"{"StartAt":"Rest","States":{
    "Rest":{"Type":"Wait","Seconds":2,"Next":"Answer"},
    "Answer":{"Type":"Pass","Result":{"answer":42},"End":true}}}"#;

fn plan(definition: &str, child: &str) -> Plan {
    let start = StartPlan {
        machine: 0,
        target: Target::Machine,
        waits: false,
        name: "start-0".to_owned(),
        input: r#"{"n":3,"list":[1,2,3]}"#.to_owned(),
        at_milliseconds: 0,
    };
    let machines =
        vec![MachinePlan::new("machine-0", definition), MachinePlan::new("machine-1", child)];
    Plan::of(machines, vec![start])
}

/// Crashes before and after each write of the world, and once more soon after the latter; what is
/// left must always be the same.
fn check_every_crash(definition: &str, child: &str) {
    check_every_crash_of(&plan(definition, child));
}

/// The same of an execution that fails, and is redriven so often.
fn check_every_crash_redriven(definition: &str, child: &str, times: u64) {
    let redrives = vec![RedrivePlan { start: 0, times }];
    let calm = Plan { redrives, ..plan(definition, child) };
    let redriven =
        sound(&calm).executions.iter().any(|ended| ended.loaded.header.redrive_count > 0);
    assert!(redriven, "{definition}");
    check_every_crash_of(&calm);
}

fn check_every_crash_of(calm: &Plan) {
    let definition = &calm.machines[0].definition;
    let expected = sound(calm);
    let histories = normal_histories(&expected);
    assert!(expected.writes > 0);
    for writes in 0..expected.writes {
        for fault in [Fault::Before, Fault::After] {
            let crash = Crash { writes, fault, power: None, down_milliseconds: 100 };
            let again = Crash { writes: 1, ..crash };
            let all = match fault {
                Fault::Before => vec![vec![crash]],
                Fault::After => vec![vec![crash], vec![crash, again]],
            };
            for crashes in all {
                let crashed = sound(&Plan { crashes, ..calm.clone() });
                let place = format!("{fault:?} write {writes} of {definition}");
                assert_eq!(normal_histories(&crashed), histories, "{place}");
            }
        }
    }
}

fn sound(plan: &Plan) -> Outcome {
    let outcome = run(plan).unwrap_or_else(|error| panic!("{plan:?}: {error}"));
    check(plan, &outcome).unwrap_or_else(|error| panic!("{plan:?}: {error}"));
    outcome
}

/// A Task state that starts `machine-1`.
fn nested(pattern: &str, rest: &str) -> String {
    format!(
        r#"{{"StartAt":"Ask","States":{{"Ask":{{"Type":"Task",
        "Resource":"arn:aws:states:::states:startExecution{pattern}",
        "Parameters":{{"StateMachineArn":
        "arn:aws:states:us-east-1:123456789012:stateMachine:machine-1","Input":{{
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$":"$$.Execution.Name",
        "attempt.$":"$$.State.RetryCount"}}}}{rest},"Next":"Then"}},
        "Then":{{"Type":"Pass","End":true}}}}}}"#
    )
}

#[test]
fn a_chain_of_states() {
    let chain = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},
        "B":{"Type":"Choice","Default":"C","Choices":[
        {"Variable":"$.n","NumericEquals":9,"Next":"A"}]},
        "C":{"Type":"Pass","Result":1,"Next":"D"},"D":{"Type":"Succeed"}}}"#;
    check_every_crash(chain, CHILD);
}

#[test]
fn waits() {
    let waits = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","SecondsPath":"$.n","Next":"B"},
        "B":{"Type":"Pass","Next":"C"},"C":{"Type":"Wait","Seconds":0,"Next":"D"},
        "D":{"Type":"Wait","Seconds":500,"End":true}}}"#;
    check_every_crash(waits, CHILD);
}

#[test]
fn a_failure() {
    let fails = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},
        "B":{"Type":"Fail","Error":"Custom","Cause":"on purpose"}}}"#;
    check_every_crash(fails, CHILD);
}

#[test]
fn a_failure_of_the_interpreter() {
    let fails = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},
        "B":{"Type":"Pass","InputPath":"$.no.such","End":true}}}"#;
    check_every_crash(fails, CHILD);
}

#[test]
fn branches() {
    let branches = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"End":true}}},
        {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":5,"Next":"C"},
        "C":{"Type":"Pass","End":true}}}],"Next":"Then"},"Then":{"Type":"Pass","End":true}}}"#;
    check_every_crash(branches, CHILD);
}

#[test]
fn a_branch_that_fails_and_is_tried_again() {
    let branches = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"F"},
        "F":{"Type":"Fail","Error":"Custom"}}},
        {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":100,"End":true}}}],
        "Retry":[{"ErrorEquals":["Custom"],"MaxAttempts":2,"IntervalSeconds":30}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Then"}],"End":true},
        "Then":{"Type":"Pass","End":true}}}"#;
    check_every_crash(branches, CHILD);
}

#[test]
fn iterations() {
    let map = r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.list",
        "MaxConcurrency":1,"ItemProcessor":{"StartAt":"A","States":{
        "A":{"Type":"Wait","Seconds":2,"Next":"B"},"B":{"Type":"Pass","End":true}}},
        "End":true}}}"#;
    check_every_crash(map, CHILD);
}

#[test]
fn a_nested_execution_that_nobody_waits_for() {
    check_every_crash(&nested("", ""), r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#);
}

#[test]
fn a_nested_execution() {
    check_every_crash(&nested(".sync:2", ""), CHILD);
    check_every_crash(&nested(".sync", ""), CHILD);
}

#[test]
fn a_nested_execution_that_ends_at_once() {
    let child = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;
    check_every_crash(&nested(".sync:2", ""), child);
}

#[test]
fn a_nested_execution_that_fails_once() {
    let child = r#"{"StartAt":"A","States":{"A":{"Type":"Choice","Default":"B","Choices":[
        {"Variable":"$.attempt","NumericGreaterThan":0,"Next":"C"}]},
        "B":{"Type":"Fail","Error":"Custom"},"C":{"Type":"Succeed"}}}"#;
    let retry = r#","Retry":[{"ErrorEquals":["States.TaskFailed"]}]"#;
    check_every_crash(&nested(".sync:2", retry), child);
}

#[test]
fn a_nested_execution_of_a_machine_that_is_not_there() {
    let definition = nested(".sync:2", "").replace("machine-1", "machine-9");
    check_every_crash(&definition, CHILD);
}

#[test]
fn a_nested_execution_that_takes_too_long() {
    let child = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":5000,"End":true}}}"#;
    let catch = r#","TimeoutSeconds":7,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"Then"}]"#;
    check_every_crash(&nested(".sync:2", catch), child);
}

#[test]
fn a_token_that_is_brought_back() {
    let definition = r#"{"StartAt":"Ask","States":{"Ask":{"Type":"Task",
        "Resource":"arn:aws:states:::states:startExecution.waitForTaskToken",
        "Parameters":{"StateMachineArn":
        "arn:aws:states:us-east-1:123456789012:stateMachine:callback",
        "Input":{"token.$":"$$.Task.Token","parent.$":"$$.Execution.Id"}},"End":true}}}"#;
    check_every_crash(definition, CHILD);
}

#[test]
fn an_execution_that_times_out() {
    let definition = r#"{"StartAt":"A","TimeoutSeconds":9,"States":{
        "A":{"Type":"Wait","Seconds":5000,"End":true}}}"#;
    check_every_crash(definition, CHILD);
}

#[test]
fn functions() {
    let definition = r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.list",
        "MaxConcurrency":1,"ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Task",
        "Resource":"arn:aws:lambda:us-east-1:123456789012:function:any",
        "Retry":[{"ErrorEquals":["States.ALL"]}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"End":true},
        "B":{"Type":"Pass","End":true}}},"End":true}}}"#;
    check_every_crash(definition, CHILD);
}

#[test]
fn both_languages_and_variables() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Assign":{"kept.$":"$.list"},"Next":"B"},
        "B":{"Type":"Wait","QueryLanguage":"JSONata","Seconds":"{% $count($kept) %}",
        "Assign":{"sum":"{% $sum($kept) %}"},"Next":"C"},
        "C":{"Type":"Wait","Seconds":1,"Next":"D"},
        "D":{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% [$kept, $sum] %}","End":true}}}"#;
    check_every_crash(definition, CHILD);
}

#[test]
fn redrives() {
    let fails = r#"{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},
        "B":{"Type":"Fail","Error":"Custom","Cause":"on purpose"}}}"#;
    check_every_crash_redriven(fails, CHILD, 2);
    let branches = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[
        {"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"Next":"B"},
            "B":{"Type":"Choice","Choices":[{"Variable":"$$.Execution.RedriveCount",
                "NumericGreaterThan":1,"Next":"C"}]},"C":{"Type":"Pass","End":true}}},
        {"StartAt":"D","States":{"D":{"Type":"Pass","End":true}}},
        {"StartAt":"E","States":{"E":{"Type":"Wait","Seconds":500,"End":true}}}],
        "Next":"Then"},"Then":{"Type":"Pass","End":true}}}"#;
    check_every_crash_redriven(branches, CHILD, 3);
}

#[test]
fn a_redrive_of_a_nested_execution_that_fails() {
    let child = r#"{"StartAt":"A","States":{"A":{"Type":"Choice","Default":"B","Choices":[
        {"Variable":"$.redrives","NumericGreaterThan":0,"Next":"C"}]},
        "B":{"Type":"Fail","Error":"Custom"},"C":{"Type":"Succeed"}}}"#;
    let definition = nested(".sync:2", "").replace("State.RetryCount", "Execution.RedriveCount");
    let definition = definition.replace("attempt.$", "redrives.$");
    check_every_crash_redriven(&definition, child, 1);
}

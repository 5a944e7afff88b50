//! Data flow in both query languages, and workflow variables, event by event.

mod world;

use expect_test::{Expect, expect};
use stairwell_engine::Limits;
use world::Answer::{Fail, Succeed};
use world::{Answer, World};

fn check(definition: &str, input: &str, answers: &[Answer], expected: Expect) {
    let mut world = World::start(definition, input, Limits::AWS, answers);
    world.run();
    expected.assert_eq(&world.history());
}

fn check_outcome(limits: Limits, definition: &str, input: &str, expected: &str) {
    let mut world = World::start(definition, input, limits, &[]);
    world.run();
    assert_eq!(world.outcome(), expected, "{definition}");
}

/// How a machine of one JSONata state ends.
fn check_state(state: &str, input: &str, expected: &str) {
    check_outcome(Limits::AWS, &single(state), input, expected);
}

/// A JSONata machine of one state.
fn single(state: &str) -> String {
    format!(r#"{{"QueryLanguage":"JSONata","StartAt":"S","States":{{"S":{state}}}}}"#)
}

const ACTIVITY: &str =
    r#""Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a""#;

#[test]
fn outputs_are_evaluated() {
    for (output, input, expected) in [
        (r#""{% $states.input.a + 1 %}""#, r#"{"a":1}"#, "2"),
        (r#"{"x":["{% $states.input %}"]}"#, "7", r#"{"x":[7]}"#),
        (r#""text""#, "{}", r#""text""#),
        (r#"null"#, "{}", "null"),
        (r#""{% null %}""#, "{}", "null"),
        (r#""{% $states.input.list[0] %}""#, r#"{"list":["only"]}"#, r#""only""#),
        (r#""{% $states.context.State.Name %}""#, "{}", r#""S""#),
        (r#""{% $states.context.Execution.Name %}""#, "{}", r#""name""#),
        (r#""{% $states.context.State.RetryCount = null %}""#, "{}", "false"),
        (r#""{% $keys($states) %}""#, "{}", r#"["input","context"]"#),
        (r#""{% $exists($states.input.no) %}""#, "{}", "false"),
        (r#""{% $now() %}""#, "{}", r#""2024-01-02T03:04:05.000Z""#),
        (r#"{"a.$":"$.a"}"#, "{}", r#"{"a.$":"$.a"}"#),
    ] {
        let state = format!(r#"{{"Type":"Pass","Output":{output},"End":true}}"#);
        check_state(&state, input, &format!("SUCCEEDED {expected}"));
    }
    check_state(
        r#"{"Type":"Succeed","Output":"{% $states.input & '!' %}"}"#,
        r#""a""#,
        r#"SUCCEEDED "a!""#,
    );
}

#[test]
fn a_pass_state_that_cannot_evaluate_points_before_its_entering() {
    check(
        &single(r#"{"Type":"Pass","Output":{"a":["{% $missing %}"]},"End":true}"#),
        "{}",
        &[],
        expect![[r#"
            0s 1<-0 ExecutionStarted {}
            0s 2<-0 PassStateEntered S {}
            0s 3<-0 EvaluationFailed S at Output/a[0]: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$missing' specified for the field 'Output/a[0]' returned nothing (undefined).
            0s 4<-3 ExecutionFailed States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$missing' specified for the field 'Output/a[0]' returned nothing (undefined).
        "#]],
    );
}

#[test]
fn what_an_expression_throws_is_told_with_its_code() {
    check(
        &single(r#"{"Type":"Pass","Assign":{"x":"{% 1 + 'a' %}"},"End":true}"#),
        "{}",
        &[],
        expect![[r#"
            0s 1<-0 ExecutionStarted {}
            0s 2<-0 PassStateEntered S {}
            0s 3<-0 EvaluationFailed S at Assign/x: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '1 + 'a'' specified for the field 'Assign/x' threw an error during evaluation. T2002: The right side of the "+" operator must evaluate to a number
            0s 4<-3 ExecutionFailed States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '1 + 'a'' specified for the field 'Assign/x' threw an error during evaluation. T2002: The right side of the "+" operator must evaluate to a number
        "#]],
    );
}

#[test]
fn a_wait_state_points_to_its_entering() {
    let state = r#"{"Type":"Wait","Timestamp":"{% $states.input %}","End":true}"#;
    check(
        &single(state),
        r#""2024-13-01T00:00:00Z""#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted "2024-13-01T00:00:00Z"
        0s 2<-0 WaitStateEntered S "2024-13-01T00:00:00Z"
        0s 3<-2 EvaluationFailed S at Timestamp: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: 2024-13-01T00:00:00Z
        0s 4<-3 ExecutionFailed States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: 2024-13-01T00:00:00Z
    "#]],
    );
    check(
        &single(state),
        r#""2024-01-02T03:04:15Z""#,
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted "2024-01-02T03:04:15Z"
        0s 2<-0 WaitStateEntered S "2024-01-02T03:04:15Z"
        10s 3<-2 WaitStateExited S "2024-01-02T03:04:15Z"
        10s 4<-3 ExecutionSucceeded "2024-01-02T03:04:15Z"
    "#]],
    );
}

#[test]
fn a_wait_state_sees_itself_entered() {
    let seconds = r#"{"Type":"Wait","Seconds":"{% $length($states.context.State.Name) * 5 %}",
        "Output":"{% $states.context.State.EnteredTime %}","End":true}"#;
    check(
        &single(seconds),
        "{}",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 WaitStateEntered S {}
        5s 3<-2 WaitStateExited S "2024-01-02T03:04:05Z"
        5s 4<-3 ExecutionSucceeded "2024-01-02T03:04:05Z"
    "#]],
    );
    let timestamp = r#"{"Type":"Wait","End":true,
        "Timestamp":"{% $fromMillis($toMillis($states.context.State.EnteredTime) + 1500) %}"}"#;
    check(
        &single(timestamp),
        "{}",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 WaitStateEntered S {}
        1.5s 3<-2 WaitStateExited S {}
        1.5s 4<-3 ExecutionSucceeded {}
    "#]],
    );
}

#[test]
fn fields_of_a_wrong_type_are_errors() {
    for (state, expected) in [
        (
            r#"{"Type":"Wait","Seconds":"{% 'x' %}","End":true}"#,
            "The JSONata expression ''x'' specified for the field 'Seconds' returned an \
             unexpected result type. Expected 'number', but was 'string' for value: \"x\"",
        ),
        (
            r#"{"Type":"Wait","Seconds":"{% 1.5 %}","End":true}"#,
            "The Seconds field cannot be parsed as an integer: 1.5",
        ),
        (
            r#"{"Type":"Wait","Seconds":"{% 100000000 %}","End":true}"#,
            "Seconds must be between 0 and 99999999 but was: 100000000",
        ),
        (
            r#"{"Type":"Map","MaxConcurrency":"{% -1 %}","ItemProcessor":{"StartAt":"I","States":
                {"I":{"Type":"Succeed"}}},"End":true}"#,
            "MaxConcurrency cannot be negative.",
        ),
        (
            r#"{"Type":"Wait","Timestamp":"{% [] %}","End":true}"#,
            "The JSONata expression '[]' specified for the field 'Timestamp' returned an \
             unexpected result type. Expected 'string', but was 'array' for value: []",
        ),
        (
            r#"{"Type":"Fail","Error":"{% null %}"}"#,
            "The JSONata expression 'null' specified for the field 'Error' returned an \
             unexpected result type. Expected 'string', but was 'null' for value: null",
        ),
        (
            r#"{"Type":"Choice","Choices":[{"Condition":false,"Next":"E"},
                {"Condition":"{% {} %}","Next":"E"}]},"E":{"Type":"Succeed"}"#,
            "The JSONata expression '{}' specified for the field 'Choices[1]/Condition' returned \
             an unexpected result type. Expected 'boolean', but was 'object' for value: {}",
        ),
        (
            r#"{"Type":"Map","Items":"{% {} %}","ItemProcessor":{"StartAt":"I","States":
                {"I":{"Type":"Succeed"}}},"End":true}"#,
            "The JSONata expression '{}' specified for the field 'Items' returned an unexpected \
             result type. Expected 'array', but was 'object' for value: {}",
        ),
        (
            r#"{"Type":"Map","ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}},
                "End":true}"#,
            "Map state input must be an array but was: {\"a\":1}",
        ),
        (
            r#"{"Type":"Map","Items":[1,"{% $no %}"],"ItemProcessor":{"StartAt":"I","States":
                {"I":{"Type":"Succeed"}}},"End":true}"#,
            "The JSONata expression '$no' specified for the field 'Items[1]' returned nothing \
             (undefined).",
        ),
    ] {
        let expected = format!(
            "FAILED States.QueryEvaluationError: An error occurred while executing the state 'S' \
             (entered at the event id #2). {expected}"
        );
        check_state(state, r#"{"a":1}"#, &expected);
    }
}

/// As the service answered.
#[test]
fn seconds_of_a_task_must_be_whole_and_in_range() {
    for (seconds, expected) in [
        (
            "'3'",
            "The JSONata expression ''3'' specified for the field 'TimeoutSeconds' returned an \
             unexpected result type. Expected 'number', but was 'string' for value: \"3\"",
        ),
        ("-1", "TimeoutSeconds must be between 0 and 99999999 but was: -1"),
        ("1.6", "The TimeoutSeconds field cannot be parsed as an integer: 1.6"),
        (
            "$states.input.missing",
            "The JSONata expression '$states.input.missing' specified for the field \
             'TimeoutSeconds' returned nothing (undefined).",
        ),
    ] {
        let expected = format!(
            "FAILED States.QueryEvaluationError: An error occurred while executing the state 'S' \
             (entered at the event id #2). {expected}"
        );
        let state = format!(r#"{{{ACTIVITY},"TimeoutSeconds":"{{% {seconds} %}}","End":true}}"#);
        check_state(&state, "{}", &expected);
    }
}

#[test]
fn a_map_state_that_cannot_evaluate_its_items_has_failed() {
    let state = r#"{"Type":"Map","Items":"{% true %}","ItemProcessor":{"StartAt":"I","States":
        {"I":{"Type":"Succeed"}}},"Catch":[{"ErrorEquals":["States.QueryEvaluationError"],
        "Output":{"why":"{% $states.errorOutput.Error %}"},"Next":"E"}],"End":true},
        "E":{"Type":"Succeed"}"#;
    check(
        &single(state),
        "{}",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 MapStateEntered S {}
        0s 3<-0 EvaluationFailed S at Items: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression 'true' specified for the field 'Items' returned an unexpected result type. Expected 'array', but was 'boolean' for value: true
        0s 4<-3 MapStateFailed
        0s 5<-4 MapStateExited S {"why":"States.QueryEvaluationError"}
        0s 6<-5 SucceedStateEntered E {"why":"States.QueryEvaluationError"}
        0s 7<-6 SucceedStateExited E {"why":"States.QueryEvaluationError"}
        0s 8<-7 ExecutionSucceeded {"why":"States.QueryEvaluationError"}
    "#]],
    );
}

#[test]
fn a_map_state_runs_over_what_an_expression_gives() {
    let state = r#"{"Type":"Map","Items":"{% $states.input.list %}","MaxConcurrency":"{% 1 %}",
        "ItemSelector":{"i":"{% $states.context.Map.Item.Index %}",
                        "v":"{% $states.context.Map.Item.Value * $states.input.by %}"},
        "ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass",
            "Output":"{% $states.input.v + $states.input.i %}","End":true}}},
        "Output":{"sum":"{% $sum($states.result) %}"},"End":true}"#;
    check_state(state, r#"{"list":[1,2,3],"by":10}"#, r#"SUCCEEDED {"sum":63}"#);
}

#[test]
fn a_task_in_jsonata() {
    let state = format!(
        r#"{{{ACTIVITY},"Arguments":{{"x":"{{% $states.input.a %}}"}},
            "TimeoutSeconds":"{{% $states.input.a * 60 %}}","HeartbeatSeconds":"{{% 30 %}}",
            "Assign":{{"got":"{{% $states.result.r %}}"}},
            "Output":{{"in":"{{% $states.input.a %}}","out":"{{% $states.result.r %}}"}},
            "Next":"E"}},"E":{{"Type":"Pass","Output":"{{% $got %}}","End":true}}"#
    );
    check(
        &single(&state),
        r#"{"a":2}"#,
        &[Succeed(r#"{"r":5}"#)],
        expect![[r#"
        0s 1<-0 ExecutionStarted {"a":2}
        0s 2<-0 TaskStateEntered S {"a":2}
        0s 3<-2 ActivityScheduled {"x":2} timeout Some(120) heartbeat Some(30)
        0s 4<-3 ActivityStarted
        0s 5<-4 ActivitySucceeded {"r":5}
        0s 6<-5 TaskStateExited S {"in":2,"out":5} [("got", 5)]
        0s 7<-6 PassStateEntered E {"in":2,"out":5}
        0s 8<-7 PassStateExited E 5
        0s 9<-8 ExecutionSucceeded 5
    "#]],
    );
}

#[test]
fn arguments_that_fail_can_be_retried_and_caught() {
    let state = format!(
        r#"{{{ACTIVITY},"Arguments":"{{% $missing %}}",
            "Retry":[{{"ErrorEquals":["States.QueryEvaluationError"],"MaxAttempts":1}}],
            "Catch":[{{"ErrorEquals":["States.ALL"],"Assign":{{"e":"{{% $states.errorOutput.Error %}}"}},
                       "Next":"E"}}],"End":true}},
           "E":{{"Type":"Pass","Output":"{{% $e %}}","End":true}}"#
    );
    check(
        &single(&state),
        "{}",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-0 EvaluationFailed S at Arguments: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$missing' specified for the field 'Arguments' returned nothing (undefined).
        1s 4<-3 EvaluationFailed S at Arguments: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$missing' specified for the field 'Arguments' returned nothing (undefined).
        1s 5<-4 TaskStateExited S {"Error":"States.QueryEvaluationError","Cause":"An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$missing' specified for the field 'Arguments' returned nothing (undefined)."} [("e", "States.QueryEvaluationError")]
        1s 6<-5 PassStateEntered E {"Error":"States.QueryEvaluationError","Cause":"An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$missing' specified for the field 'Arguments' returned nothing (undefined)."}
        1s 7<-6 PassStateExited E "States.QueryEvaluationError"
        1s 8<-7 ExecutionSucceeded "States.QueryEvaluationError"
    "#]],
    );
}

#[test]
fn an_output_that_fails_points_to_the_success() {
    let state = format!(r#"{{{ACTIVITY},"Output":"{{% $states.result.no %}}","End":true}}"#);
    check(
        &single(&state),
        "{}",
        &[Succeed("{}")],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-2 ActivityScheduled {} timeout None heartbeat None
        0s 4<-3 ActivityStarted
        0s 5<-4 ActivitySucceeded {}
        0s 6<-5 EvaluationFailed S at Output: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$states.result.no' specified for the field 'Output' returned nothing (undefined).
        0s 7<-6 ExecutionFailed States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$states.result.no' specified for the field 'Output' returned nothing (undefined).
    "#]],
    );
}

#[test]
fn a_catcher_that_fails_fails_the_state() {
    let state = format!(
        r#"{{{ACTIVITY},"Catch":[{{"ErrorEquals":["States.ALL"],
            "Output":{{"v":"{{% $states.errorOutput.No %}}"}},"Next":"E"}}],"End":true}},
           "E":{{"Type":"Succeed"}}"#
    );
    check(
        &single(&state),
        "{}",
        &[Fail("Broken", "on purpose")],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 TaskStateEntered S {}
        0s 3<-2 ActivityScheduled {} timeout None heartbeat None
        0s 4<-3 ActivityStarted
        0s 5<-4 ActivityFailed Broken on purpose
        0s 6<-5 EvaluationFailed S at Catch[0]/Output/v: States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$states.errorOutput.No' specified for the field 'Catch[0]/Output/v' returned nothing (undefined).
        0s 7<-6 ExecutionFailed States.QueryEvaluationError An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$states.errorOutput.No' specified for the field 'Catch[0]/Output/v' returned nothing (undefined).
    "#]],
    );
}

#[test]
fn a_choice_assigns_what_its_rule_says_and_not_what_the_state_says() {
    let definition = single(
        r#"{"Type":"Choice","Choices":[
            {"Condition":"{% $states.input = 1 %}","Assign":{"x":"one"},"Output":"rule","Next":"E"},
            {"Condition":"{% $states.input = 2 %}","Next":"E"}],
            "Default":"E","Assign":{"x":"none","y":1},"Output":"state"},
           "E":{"Type":"Pass","Output":"{% [$states.input, $x, $y] %}","End":true}"#,
    );
    for (input, expected) in
        [("1", r#"["rule","one"]"#), ("2", "[2]"), ("3", r#"["state","none",1]"#)]
    {
        check_outcome(Limits::AWS, &definition, input, &format!("SUCCEEDED {expected}"));
    }
}

#[test]
fn a_fail_state_says_what_its_expressions_give() {
    check_state(
        r#"{"Type":"Fail","Error":"{% 'E' & $states.input.n %}","Cause":"{% $string($states.input) %}"}"#,
        r#"{"n":1}"#,
        r#"FAILED E1: {"n":1}"#,
    );
}

#[test]
fn assignments_see_the_old_values_and_are_seen_by_the_next_state() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Assign":{"a":1,"b":2},"Next":"B"},
        "B":{"Type":"Pass","Parameters":{"was.$":"$a"},"Assign":{"a.$":"$b","b.$":"$a"},"Next":"C"},
        "C":{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% [$a, $b] %}","End":true}}}"#;
    check(
        definition,
        "{}",
        &[],
        expect![[r#"
        0s 1<-0 ExecutionStarted {}
        0s 2<-0 PassStateEntered A {}
        0s 3<-2 PassStateExited A {} [("a", 1), ("b", 2)]
        0s 4<-3 PassStateEntered B {}
        0s 5<-4 PassStateExited B {"was":1} [("a", 2), ("b", 1)]
        0s 6<-5 PassStateEntered C {"was":1}
        0s 7<-6 PassStateExited C [2,1]
        0s 8<-7 ExecutionSucceeded [2,1]
    "#]],
    );
}

#[test]
fn what_assign_sees_in_json_path() {
    for (state, input, answers, expected) in [
        (
            r#""Type":"Pass","Result":{"x":1},"ResultPath":"$.r","Assign":{"v.$":"$"},"Next":"E""#,
            "{}",
            vec![],
            r#"{"x":1}"#,
        ),
        (
            r#""Type":"Pass","Parameters":{"x.$":"$.y"},"Assign":{"v.$":"$.x"},"Next":"E""#,
            r#"{"y":3}"#,
            vec![],
            "3",
        ),
        (
            r#""Type":"Wait","Seconds":0,"InputPath":"$.y","Assign":{"v.$":"$"},"Next":"E""#,
            r#"{"y":3}"#,
            vec![],
            "3",
        ),
        (
            &format!(r#"{ACTIVITY},"ResultSelector":{{}},"Assign":{{"v.$":"$.r"}},"Next":"E""#),
            "{}",
            vec![Succeed(r#"{"r":4}"#)],
            "4",
        ),
        (
            &format!(
                r#"{ACTIVITY},"Catch":[{{"ErrorEquals":["States.ALL"],"Assign":{{"v.$":"$.Cause"}},"Next":"E"}}],"Next":"E""#
            ),
            "{}",
            vec![Fail("X", "why")],
            r#""why""#,
        ),
        (
            r#""Type":"Pass","Assign":{"v":{"n":[{"deep.$":"States.Format('{}', $$.State.Name)"}]}},"Next":"E""#,
            "{}",
            vec![],
            r#"{"n":[{"deep":"S"}]}"#,
        ),
    ] {
        let definition = format!(
            r#"{{"StartAt":"S","States":{{"S":{{{state}}},"E":{{"Type":"Succeed","InputPath":"$v"}}}}}}"#
        );
        let mut world = World::start(&definition, input, Limits::AWS, &answers);
        world.run();
        assert_eq!(world.outcome(), format!("SUCCEEDED {expected}"), "{state}");
    }
}

#[test]
fn variables_stand_wherever_a_path_may() {
    for (state, expected) in [
        (r#""Type":"Pass","InputPath":"$v.list","End":true"#, "SUCCEEDED [1,2,3]"),
        (r#""Type":"Pass","OutputPath":"$v.list[1]","End":true"#, "SUCCEEDED 2"),
        (
            r#""Type":"Pass","Parameters":{"a.$":"$v.list[0]","b.$":"States.MathAdd($v.list[1], $n)"},"End":true"#,
            r#"SUCCEEDED {"a":1,"b":12}"#,
        ),
        (
            r#""Type":"Choice","Choices":[{"Variable":"$n","NumericEqualsPath":"$n","Next":"E"}]"#,
            "SUCCEEDED {}",
        ),
        (
            r#""Type":"Choice","Choices":[{"Variable":"$no","IsPresent":false,"Next":"E"}]"#,
            "SUCCEEDED {}",
        ),
        (
            r#""Type":"Fail","ErrorPath":"$v.error","CausePath":"States.Format('{}', $n)""#,
            "FAILED Mine: 10",
        ),
        (
            r#""Type":"Map","ItemsPath":"$v.list","MaxConcurrencyPath":"$text","ItemSelector":{"x.$":"$n"},"ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","OutputPath":"$n","End":true}}},"End":true"#,
            "SUCCEEDED [10,10,10]",
        ),
    ] {
        let definition = format!(
            r#"{{"StartAt":"A","States":{{
                "A":{{"Type":"Pass","Assign":{{"v":{{"list":[1,2,3],"error":"Mine"}},"n":10,"text":"1"}},"Next":"S"}},
                "S":{{{state}}}{}}}}}"#,
            if state.contains(r#""E""#) { r#","E":{"Type":"Succeed"}"# } else { "" }
        );
        check_outcome(Limits::AWS, &definition, "{}", expected);
    }
}

#[test]
fn variables_of_branches_are_their_own() {
    let definition = r#"{"StartAt":"A","QueryLanguage":"JSONata","States":{
        "A":{"Type":"Pass","Assign":{"outer":1},"Next":"P"},
        "P":{"Type":"Parallel","Branches":[
            {"StartAt":"L1","States":{
                "L1":{"Type":"Pass","Assign":{"mine":"{% $outer + 1 %}"},"Next":"L2"},
                "L2":{"Type":"Pass","Output":"{% $mine %}","End":true}}},
            {"StartAt":"R1","States":{
                "R1":{"Type":"Pass","Output":"{% [$exists($mine), $outer] %}","End":true}}}],
            "Assign":{"both":"{% $states.result %}"},"Next":"Z"},
        "Z":{"Type":"Pass","Output":"{% [$both, $exists($mine)] %}","End":true}}}"#;
    check_outcome(Limits::AWS, definition, "{}", "SUCCEEDED [2,[false,1],false]");
}

#[test]
fn variables_have_limits() {
    let text = |length: usize| "x".repeat(length);
    let machine = |first: String, second: String| {
        format!(
            r#"{{"StartAt":"A","States":{{
                "A":{{"Type":"Pass","Assign":{first},"Next":"B"}},
                "B":{{"Type":"Pass","Assign":{second},"Next":"C"}},
                "C":{{"Type":"Pass","End":true}}}}}}"#
        )
    };
    let one = |name: &str, length: usize| format!(r#"{{"{name}":"{}"}}"#, text(length));
    let two = |first: usize, second: usize| {
        format!(r#"{{"a":"{}","b":"{}"}}"#, text(first), text(second))
    };
    let too_large = |what: &str| {
        format!(
            "FAILED States.DataLimitExceeded: {what} a size exceeding the maximum number of bytes \
             service limit."
        )
    };
    for (first, second, expected) in [
        (one("a", 98), "{}".to_owned(), "SUCCEEDED {}".to_owned()),
        (one("a", 99), "{}".to_owned(), too_large("The variable 'a' has")),
        (two(73, 73), "{}".to_owned(), "SUCCEEDED {}".to_owned()),
        (
            two(74, 73),
            "{}".to_owned(),
            too_large("The variables that the field 'Assign' assigns have"),
        ),
        // What is replaced makes room.
        (two(73, 73), two(73, 73), "SUCCEEDED {}".to_owned()),
    ] {
        check_outcome(Limits::TINY, &machine(first, second), "{}", &expected);
    }
    let limits = Limits { variables_bytes_max: 200, ..Limits::TINY };
    let expected = too_large("The variables of the execution have");
    check_outcome(limits, &machine(two(73, 73), one("c", 90)), "{}", &expected);
}

#[test]
fn an_evaluation_that_never_ends_is_cut() {
    let mut world = World::start(
        &single(
            r#"{"Type":"Pass","Output":"{% ($f := function($n) { $f($n + 1) }; $f(0)) %}","End":true}"#,
        ),
        "{}",
        Limits::TINY,
        &[],
    );
    world.run();
    let outcome = world.outcome();
    assert!(outcome.starts_with("FAILED States.QueryEvaluationError"), "{outcome}");
    assert!(outcome.contains("threw an error during evaluation. U1001: "), "{outcome}");
}

#[test]
fn a_function_is_no_result() {
    let mut world = World::start(
        &single(r#"{"Type":"Pass","Output":"{% $sum %}","End":true}"#),
        "{}",
        Limits::AWS,
        &[],
    );
    world.run();
    assert_eq!(
        world.outcome(),
        "FAILED States.QueryEvaluationError: An error occurred while executing the state 'S' \
         (entered at the event id #2). The JSONata expression '$sum' specified for the field \
         'Output' returned an unsupported result type."
    );
}

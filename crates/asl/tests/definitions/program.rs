//! What a program holds.

use asl::{
    Amount, Comparison, Condition, DataFlow, FailField, IntegrationPattern, Items, JitterStrategy,
    JsonPathFlow, Operand, Order, Program, RegionIndex, Resource, ResultPath, Select, State,
    StateIndex, StateKind, Transition, WaitFor, WorkflowType, compile,
};
use expect_test::{Expect, expect};

use crate::machine;

fn program(definition: &str) -> Program {
    let analysis = compile(definition, WorkflowType::Standard);
    analysis.program.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics))
}

fn only_state(fields: &str) -> asl::State {
    program(&machine(fields)).states.remove(0)
}

/// The numbers: regions with what they start at, states with where they lead.
fn check(definition: &str, expect: Expect) {
    let program = program(definition);
    let mut lines = Vec::new();
    for (number, region) in program.regions.iter().enumerate() {
        let owner = region.owner.map_or("nobody".to_owned(), |owner| owner.0.to_string());
        lines.push(format!("region {number} of {owner}: starts at {}", region.start.0));
    }
    for (number, state) in program.states.iter().enumerate() {
        let (name, region) = (&state.name, state.region.0);
        lines.push(format!("{number} {name} in {region}: {}", leads_to(state)));
    }
    expect.assert_eq(&lines.join("\n"));
}

fn leads_to(state: &asl::State) -> String {
    let kind = match &state.kind {
        StateKind::Pass(pass) => format!("Pass, {}", transition(pass.transition)),
        StateKind::Task(task) => format!("Task, {}", transition(task.transition)),
        StateKind::Choice(choice) => {
            let rules: Vec<u32> = choice.rules.iter().map(|rule| rule.next.0).collect();
            format!("Choice, rules {rules:?}, default {:?}", choice.default.map(|index| index.0))
        }
        StateKind::Wait(wait) => format!("Wait, {}", transition(wait.transition)),
        StateKind::Succeed => "Succeed".to_owned(),
        StateKind::Fail(_) => "Fail".to_owned(),
        StateKind::Parallel(parallel) => {
            let regions: Vec<u32> = parallel.regions.iter().map(|region| region.0).collect();
            format!("Parallel of {regions:?}, {}", transition(parallel.transition))
        }
        StateKind::Map(map) => {
            format!("Map of {}, {}", map.processor.0, transition(map.transition))
        }
    };
    let catch: Vec<u32> = state.catch.iter().map(|catcher| catcher.next.0).collect();
    if catch.is_empty() { kind } else { format!("{kind}, catch {catch:?}") }
}

fn transition(transition: Transition) -> String {
    match transition {
        Transition::Next(index) => format!("next {}", index.0),
        Transition::End => "end".to_owned(),
    }
}

#[test]
fn states_are_numbered_in_document_order_depth_first() {
    check(
        r#"{"StartAt":"Last","TimeoutSeconds":60,"States":{
            "First":{"Type":"Parallel","Next":"Second","Branches":[
                {"StartAt":"B","States":{
                    "A":{"Type":"Succeed"},
                    "B":{"Type":"Map","Next":"A","ItemProcessor":{
                        "StartAt":"C","States":{"C":{"Type":"Pass","End":true}}}}}},
                {"StartAt":"D","States":{"D":{"Type":"Fail"}}}],
                "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Choose"}]},
            "Second":{"Type":"Wait","Seconds":1,"Next":"Choose"},
            "Choose":{"Type":"Choice","Default":"Third","Choices":[
                {"Variable":"$","IsNull":true,"Next":"Second"},
                {"Variable":"$","IsNull":true,"Next":"Third"}]},
            "Third":{"Type":"Succeed"},
            "Last":{"Type":"Task","Next":"First",
                "Resource":"arn:aws:states:us-east-1:123456789012:activity:a"}}}"#,
        expect![[r#"
            region 0 of nobody: starts at 8
            region 1 of 0: starts at 2
            region 2 of 2: starts at 3
            region 3 of 0: starts at 4
            0 First in 0: Parallel of [1, 3], next 5, catch [6]
            1 A in 1: Succeed
            2 B in 1: Map of 2, next 1
            3 C in 2: Pass, end
            4 D in 3: Fail
            5 Second in 0: Wait, next 6
            6 Choose in 0: Choice, rules [5, 7], default Some(7)
            7 Third in 0: Succeed
            8 Last in 0: Task, next 0"#]],
    );
}

#[test]
fn a_machine_may_time_out() {
    let definition = r#"{"TimeoutSeconds":60,"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;
    assert_eq!(program(definition).timeout_seconds, Some(60));
    assert_eq!(program(&machine(r#""Type":"Succeed""#)).timeout_seconds, None);
}

#[test]
fn lookups_are_by_number() {
    let program = program(&machine(r#""Type":"Succeed""#));
    assert_eq!(&*program.state(StateIndex(0)).name, "S");
    assert_eq!(program.region(RegionIndex::ROOT).start, StateIndex(0));
}

fn json_path_flow(state: State) -> JsonPathFlow {
    match state.data {
        DataFlow::JsonPath(flow) => *flow,
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_flows_unchanged_by_default() {
    let flow = json_path_flow(only_state(r#""Type":"Pass","End":true"#));
    assert!(matches!(flow.input_path, Select::Whole));
    assert!(matches!(flow.output_path, Select::Whole));
    assert!(matches!(flow.result_path, ResultPath::Whole));
    assert!(flow.parameters.is_none() && flow.result_selector.is_none());
}

#[test]
fn data_flows_as_the_fields_say() {
    let fields = r#""Type":"Parallel","InputPath":null,"OutputPath":"$.out","ResultPath":"$.r",
        "Parameters":{"a.$":"$.b"},"ResultSelector":{"c":1},"End":true,
        "Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}]"#;
    let flow = json_path_flow(only_state(fields));
    assert!(matches!(flow.input_path, Select::Nothing));
    assert!(matches!(&flow.output_path, Select::At(path) if path.text() == "$.out"));
    assert!(matches!(&flow.result_path, ResultPath::At(path) if path.text() == "$.r"));
    assert!(flow.parameters.is_some_and(|template| template.literal().is_none()));
    assert!(flow.result_selector.is_some_and(|template| template.literal().is_some()));
    let flow = json_path_flow(only_state(r#""Type":"Pass","ResultPath":null,"End":true"#));
    assert!(matches!(flow.result_path, ResultPath::Discard));
}

#[test]
fn a_pass_state_has_a_result_or_none() {
    let result = |fields: &str| match only_state(fields).kind {
        StateKind::Pass(pass) => pass.result.map(|result| result.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(result(r#""Type":"Pass","End":true"#), None);
    assert_eq!(result(r#""Type":"Pass","Result":null,"End":true"#).as_deref(), Some("null"));
    assert_eq!(
        result(r#""Type":"Pass","Result":{"b":1.50,"a":[]},"End":true"#).as_deref(),
        Some(r#"{"b":1.50,"a":[]}"#)
    );
}

#[test]
fn a_task_has_a_resource_and_limits() {
    let task = |fields: &str| match only_state(fields).kind {
        StateKind::Task(task) => task,
        other => panic!("{other:?}"),
    };
    let activity = "arn:aws:states:us-east-1:123456789012:activity:a";
    let found = task(&format!(
        r#""Type":"Task","Resource":"{activity}","TimeoutSeconds":9,"HeartbeatSecondsPath":"$.h",
        "End":true"#
    ));
    assert_eq!(found.resource, Resource::Activity(activity.into()));
    assert!(matches!(found.timeout_seconds, Some(Amount::Literal(9))));
    assert!(matches!(found.heartbeat_seconds, Some(Amount::Path(path)) if path.text() == "$.h"));
    for (suffix, pattern) in [
        ("", IntegrationPattern::RequestResponse),
        (".sync", IntegrationPattern::Sync),
        (".sync:2", IntegrationPattern::Sync2),
        (".waitForTaskToken", IntegrationPattern::WaitForTaskToken),
    ] {
        let found = task(&format!(
            r#""Type":"Task","Resource":"arn:aws:states:::states:startExecution{suffix}",
            "Parameters":{{"StateMachineArn":"a"}},"End":true"#
        ));
        assert_eq!(found.resource, Resource::StartExecution(pattern));
        assert!(found.timeout_seconds.is_none() && found.heartbeat_seconds.is_none());
    }
}

#[test]
fn a_wait_has_a_form() {
    let until = |field: &str| match only_state(&format!(r#""Type":"Wait",{field},"End":true"#)).kind
    {
        StateKind::Wait(wait) => wait.until,
        other => panic!("{other:?}"),
    };
    assert!(matches!(until(r#""Seconds":7"#), WaitFor::Seconds(7)));
    assert!(matches!(until(r#""SecondsPath":"$.s""#), WaitFor::SecondsPath(_)));
    assert!(matches!(
        until(r#""Timestamp":"1970-01-01T00:00:01Z""#),
        WaitFor::Timestamp(1_000_000_000)
    ));
    assert!(matches!(until(r#""TimestampPath":"$.t""#), WaitFor::TimestampPath(_)));
}

#[test]
fn a_failure_has_texts_or_expressions() {
    let fail = |fields: &str| match only_state(&format!(r#""Type":"Fail"{fields}"#)).kind {
        StateKind::Fail(fail) => (fail.error, fail.cause),
        other => panic!("{other:?}"),
    };
    assert!(matches!(fail(""), (None, None)));
    assert!(matches!(
        fail(r#","Error":"E","CausePath":"States.UUID()""#),
        (Some(FailField::Literal(error)), Some(FailField::Expression(_))) if &*error == "E"
    ));
}

#[test]
fn a_map_has_defaults() {
    let map = |fields: &str| {
        let state = only_state(&format!(
            r#""Type":"Map","End":true,
            "Iterator":{{"StartAt":"P","States":{{"P":{{"Type":"Succeed"}}}}}}{fields}"#
        ));
        let kind = state.kind;
        let flow = match state.data {
            DataFlow::JsonPath(flow) => flow,
            other => panic!("{other:?}"),
        };
        assert!(flow.parameters.is_none(), "on a Map state this is the item selector");
        match kind {
            StateKind::Map(map) => map,
            other => panic!("{other:?}"),
        }
    };
    let found = map("");
    assert!(matches!(found.items, Items::Input) && found.item_selector.is_none());
    assert!(matches!(found.max_concurrency, Amount::Literal(0)));
    let found = map(r#","ItemsPath":"$.i","Parameters":{"a":1},"MaxConcurrencyPath":"$.n""#);
    assert!(matches!(found.items, Items::Path(_)) && found.item_selector.is_some());
    assert!(matches!(found.max_concurrency, Amount::Path(_)));
}

#[test]
fn retriers_have_defaults() {
    let retriers = |entry: &str| {
        only_state(&format!(
            r#""Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
            "Retry":[{{"ErrorEquals":["a","b"]{entry}}}],"End":true"#
        ))
        .retry
    };
    let found = &retriers("")[0];
    assert_eq!(found.errors.0.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((found.interval_seconds, found.max_attempts), (1, 3));
    assert_eq!((found.backoff_rate, found.max_delay_seconds), (2.0, None));
    assert_eq!(found.jitter, JitterStrategy::None);
    let found = &retriers(
        r#","IntervalSeconds":0,"MaxAttempts":0,"BackoffRate":1.5,"MaxDelaySeconds":9,
        "JitterStrategy":"FULL""#,
    )[0];
    assert_eq!((found.interval_seconds, found.max_attempts), (0, 0));
    assert_eq!((found.backoff_rate, found.max_delay_seconds), (1.5, Some(9)));
    assert_eq!(found.jitter, JitterStrategy::Full);
}

#[test]
fn catchers_keep_the_input_where_asked() {
    let state = only_state(
        r#""Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a","Catch":[
        {"ErrorEquals":["a"],"Next":"S"},{"ErrorEquals":["b"],"ResultPath":null,"Next":"S"},
        {"ErrorEquals":["c"],"ResultPath":"$.e","Next":"S"}],"End":true"#,
    );
    assert!(matches!(state.catch[0].result_path, ResultPath::Whole));
    assert!(matches!(state.catch[1].result_path, ResultPath::Discard));
    assert!(matches!(&state.catch[2].result_path, ResultPath::At(path) if path.text() == "$.e"));
}

fn condition(rule: &str) -> Condition {
    let definition = format!(
        r#"{{"StartAt":"C","States":{{
        "C":{{"Type":"Choice","Choices":[{{{rule},"Next":"E"}}]}},"E":{{"Type":"Succeed"}}}}}}"#
    );
    match program(&definition).states.remove(0).kind {
        StateKind::Choice(mut choice) => choice.rules.remove(0).condition,
        other => panic!("{other:?}"),
    }
}

fn comparison(operator: &str) -> Comparison {
    match condition(&format!(r#""Variable":"$.v",{operator}"#)) {
        Condition::Test { variable, comparison } => {
            assert_eq!(variable.text(), "$.v");
            comparison
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn operators_have_an_order_and_an_operand() {
    for (name, order) in [
        ("Equals", Order::Equals),
        ("LessThan", Order::LessThan),
        ("GreaterThan", Order::GreaterThan),
        ("LessThanEquals", Order::LessThanEquals),
        ("GreaterThanEquals", Order::GreaterThanEquals),
    ] {
        assert!(matches!(
            comparison(&format!(r#""String{name}":"a""#)),
            Comparison::String(found, Operand::Literal(text)) if found == order && &*text == "a"
        ));
        assert!(matches!(
            comparison(&format!(r#""Numeric{name}":1.0"#)),
            Comparison::Numeric(found, Operand::Literal(number))
                if found == order && number == 1.into()
        ));
        assert!(matches!(
            comparison(&format!(r#""Timestamp{name}":"1970-01-01T00:00:00.000000001Z""#)),
            Comparison::Timestamp(found, Operand::Literal(1)) if found == order
        ));
        assert!(matches!(
            comparison(&format!(r#""Timestamp{name}Path":"$.t""#)),
            Comparison::Timestamp(found, Operand::Path(path))
                if found == order && path.text() == "$.t"
        ));
    }
    assert!(matches!(
        comparison(r#""BooleanEquals":true"#),
        Comparison::Boolean(Operand::Literal(true))
    ));
    assert!(matches!(comparison(r#""IsPresent":false"#), Comparison::IsPresent(false)));
    assert!(matches!(comparison(r#""IsNull":true"#), Comparison::IsNull(true)));
}

#[test]
fn patterns_are_split_at_asterisks() {
    let parts = |pattern: &str| match comparison(&format!(r#""StringMatches":"{pattern}""#)) {
        Comparison::Matches(parts) => parts.join("|"),
        other => panic!("{other:?}"),
    };
    assert_eq!(parts("log-*.txt"), "log-|.txt");
    assert_eq!(parts("*"), "|");
    assert_eq!(parts(""), "");
    assert_eq!(parts("a**b*"), "a||b|");
    assert_eq!(parts(r"a\\*b*c"), "a*b|c");
    assert_eq!(parts(r"a\\\\*b"), r"a\|b");
}

#[test]
fn conditions_nest() {
    let found = condition(
        r#""And":[{"Not":{"Variable":"$.a","IsNull":true}},
            {"Or":[{"Variable":"$.b","IsNull":true},{"Variable":"$.c","IsNull":true}]}]"#,
    );
    let Condition::And(all) = found else { panic!("{found:?}") };
    assert!(matches!(&all[0], Condition::Not(inner) if matches!(**inner, Condition::Test { .. })));
    assert!(matches!(&all[1], Condition::Or(any) if any.len() == 2));
}

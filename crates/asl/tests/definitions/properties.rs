//! Whatever the text, an answer and no panic.

use std::sync::Arc;

use ::json::{Object, Value};
use asl::{Program, Severity, StateIndex, StateKind, Transition, WorkflowType, compile};
use proptest::prelude::*;

/// Definitions with every field that there is.
const SEEDS: &[&str] = &[
    r#"{"Comment":"c","Version":"1.0","TimeoutSeconds":9,"QueryLanguage":"JSONPath",
        "StartAt":"Pass","States":{
        "Pass":{"Type":"Pass","InputPath":"$.a","Parameters":{"b.$":"$.c","d":[{"e.$":"$$.f"}]},
            "Result":{"g":1},"ResultPath":"$.h","OutputPath":"$.i[0]","Next":"Task"},
        "Task":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2",
            "Parameters":{"StateMachineArn":"a","Input":{"b.$":"States.Format('{}', $.c)"}},
            "ResultSelector":{"r.$":"$.Output"},"TimeoutSeconds":60,"HeartbeatSecondsPath":"$.s",
            "Retry":[{"ErrorEquals":["a"],"IntervalSeconds":1,"MaxAttempts":2,"BackoffRate":1.5,
                "MaxDelaySeconds":10,"JitterStrategy":"FULL"},{"ErrorEquals":["States.ALL"]}],
            "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"Fail"}],
            "Next":"Choice"},
        "Choice":{"Type":"Choice","Default":"Wait","Choices":[
            {"And":[{"Variable":"$.a","StringMatches":"a*b"},
                {"Or":[{"Variable":"$.b","NumericLessThanPath":"$.c"},
                    {"Not":{"Variable":"$.t","TimestampEquals":"2016-03-14T01:59:00Z"}}]}],
                "Next":"Succeed"}]},
        "Wait":{"Type":"Wait","Timestamp":"2016-03-14T01:59:00Z","Next":"Succeed"},
        "Succeed":{"Type":"Succeed"},
        "Fail":{"Type":"Fail","ErrorPath":"$.e","Cause":"c"}}}"#,
    r#"{"StartAt":"Parallel","States":{
        "Parallel":{"Type":"Parallel","Next":"Map","Branches":[
            {"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed"}}},
            {"StartAt":"C","States":{"C":{"Type":"Wait","SecondsPath":"$.s","End":true}}}]},
        "Map":{"Type":"Map","End":true,"ItemsPath":"$.items","MaxConcurrency":2,
            "ItemSelector":{"v.$":"$$.Map.Item.Value"},
            "ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"D","States":{
                "D":{"Type":"Task","End":true,
                    "Resource":"arn:aws:states:us-east-1:123456789012:activity:a"}}}}}}"#,
];

fn check(definition: &str) {
    for workflow_type in [WorkflowType::Standard, WorkflowType::Express] {
        let analysis = compile(definition, workflow_type);
        let is_error = |found: &asl::Diagnostic| found.severity == Severity::Error;
        assert_eq!(analysis.program.is_none(), analysis.diagnostics.iter().any(is_error));
        if let Some(program) = &analysis.program {
            check_program(program);
        }
    }
}

/// No name dangles.
fn check_program(program: &Program) {
    for region in &program.regions {
        assert!((region.start.0 as usize) < program.states.len());
    }
    for (number, state) in program.states.iter().enumerate() {
        let leads_to = |index: StateIndex| {
            assert_eq!(program.state(index).region, state.region, "{}", state.name);
        };
        let transition = |transition: Transition| match transition {
            Transition::Next(index) => leads_to(index),
            Transition::End => {}
        };
        let owns = |region: asl::RegionIndex| {
            let owner = program.region(region).owner;
            assert_eq!(owner, Some(StateIndex(number as u32)), "{}", state.name);
        };
        match &state.kind {
            StateKind::Pass(pass) => transition(pass.transition),
            StateKind::Task(task) => transition(task.transition),
            StateKind::Wait(wait) => transition(wait.transition),
            StateKind::Choice(choice) => {
                choice.rules.iter().map(|rule| rule.next).chain(choice.default).for_each(leads_to);
            }
            StateKind::Parallel(parallel) => {
                parallel.regions.iter().copied().for_each(owns);
                transition(parallel.transition);
            }
            StateKind::Map(map) => {
                owns(map.processor);
                transition(map.transition);
            }
            StateKind::Succeed | StateKind::Fail(_) => {}
        }
        state.catch.iter().for_each(|catcher| leads_to(catcher.next));
    }
}

/// A change at one of the places of a value.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(Value),
    Rename(String),
    Wrap,
}

fn changes() -> impl Strategy<Value = Vec<(usize, Change)>> {
    let change = prop_oneof![
        Just(Change::Remove),
        values().prop_map(Change::Replace),
        names().prop_map(Change::Rename),
        Just(Change::Wrap),
    ];
    proptest::collection::vec((any::<usize>(), change), 1..4)
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        names().prop_map(Value::from),
        Just(Value::from(Vec::new())),
        Just(Value::from(Object::new())),
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Type".to_owned()),
        Just("Map".to_owned()),
        Just("Parallel".to_owned()),
        Just("Choice".to_owned()),
        Just("Iterator".to_owned()),
        Just("QueryLanguage".to_owned()),
        Just("JSONata".to_owned()),
        Just("DISTRIBUTED".to_owned()),
        Just("Succeed".to_owned()),
        Just("Variable".to_owned()),
        Just("$.a[*]".to_owned()),
        Just("x.$".to_owned()),
        "\\PC{0,12}",
        "[$@.a\\[\\]'*?(),]{0,10}",
    ]
}

/// Applies a change at the place of that number, counted depth first.
fn apply(value: &Value, at: &mut usize, change: &Change) -> Option<Value> {
    if *at == 0 {
        *at = usize::MAX;
        return match change {
            Change::Replace(other) => Some(other.clone()),
            Change::Wrap => Some(Value::from(vec![value.clone()])),
            Change::Remove | Change::Rename(_) => None,
        };
    }
    *at -= 1;
    Some(match value {
        Value::Array(items) => {
            Value::from(items.iter().filter_map(|item| apply(item, at, change)).collect::<Vec<_>>())
        }
        Value::Object(members) => {
            let mut changed = Object::new();
            for (name, member) in members.iter() {
                match (apply(member, at, change), change) {
                    (Some(member), _) => changed.insert(Arc::clone(name), member),
                    (None, Change::Rename(name)) => changed.insert(name.as_str(), member.clone()),
                    (None, _) => {}
                }
            }
            Value::from(changed)
        }
        other => other.clone(),
    })
}

fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(members) => members.iter().map(|(_, member)| places(member)).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn changed_definitions(seed in 0..SEEDS.len(), changes in changes()) {
        let mut value = ::json::parse(SEEDS[seed]).expect("seeds are JSON");
        for (at, change) in changes {
            let mut at = at % places(&value);
            if let Some(changed) = apply(&value, &mut at, &change) {
                value = changed;
            }
        }
        check(&value.to_string());
    }

    #[test]
    fn changed_texts(seed in 0..SEEDS.len(), at in any::<prop::sample::Index>(),
        length in 0_usize..20, with in "\\PC{0,4}")
    {
        let characters: Vec<char> = SEEDS[seed].chars().collect();
        let start = at.index(characters.len());
        let end = (start + length).min(characters.len());
        let text: String =
            characters[..start].iter().copied().chain(with.chars()).chain(characters[end..].iter().copied()).collect();
        check(&text);
    }

    #[test]
    fn any_texts(text in "\\PC{0,60}") {
        check(&text);
    }
}

#[test]
fn the_seeds_are_right() {
    for seed in SEEDS {
        let analysis = compile(seed, WorkflowType::Standard);
        assert_eq!(analysis.diagnostics, [], "{seed}");
    }
}

#[test]
fn wrong_everywhere_is_an_answer_of_bounded_size() {
    let states: String =
        (0..20_000).map(|number| format!(r#""{number}":{{"Type":"Nope"}},"#)).collect();
    let definition = format!(r#"{{"StartAt":"0","States":{{{states}"z":1}}}}"#);
    let analysis = compile(&definition, WorkflowType::Standard);
    assert!(analysis.program.is_none());
    assert_eq!(analysis.diagnostics.len(), 1_000);
    // A long name is in the pointer of everything within.
    let name = "n".repeat(300_000);
    let fields: String = (0..20_000).map(|number| format!(r#","{number}":1"#)).collect();
    let definition =
        format!(r#"{{"StartAt":"a","States":{{"{name}":{{"Type":"Pass"{fields}}}}}}}"#);
    let analysis = compile(&definition, WorkflowType::Standard);
    let bytes: usize = analysis.diagnostics.iter().map(|found| found.pointer.len()).sum();
    assert!(bytes < 3_000_000, "{bytes}");
}

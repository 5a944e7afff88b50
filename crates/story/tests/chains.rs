//! Failure chains over generations, and shapes of histories that the golden cases do not have.

use json::{Object, Value};
use stairwell_story::{Chain, Event, Gap, Status, Story, WaitingKind};

/// Events as `ID<PREVIOUS SECOND TYPE DETAILS`; the details are JSON.
fn events(lines: &str) -> Vec<Event> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut parts = line.splitn(4, ' ');
            let mut part = || parts.next().unwrap_or("{}");
            let (ids, second, kind, details) = (part(), part(), part(), part());
            let (id, previous) = ids.split_once('<').expect("ID<PREVIOUS");
            let number = |text: &str| text.parse::<i64>().expect("a number");
            let mut event = Object::new();
            event.insert("id", number(id));
            event.insert("previousEventId", number(previous));
            event.insert("timestamp", number(second));
            event.insert("type", kind);
            event.insert("anyEventDetails", json::parse(details).expect("JSON"));
            Event::read(&Value::from(event)).expect("an event")
        })
        .collect()
}

fn story(lines: &str) -> Story {
    Story::of(&events(lines))
}

fn execution(name: &str) -> String {
    format!("arn:aws:states:us-east-1:123456789012:execution:{name}:{name}")
}

/// The description of a child that failed, as its parent is told it.
fn description(child: &str, error: &str, cause: &str) -> String {
    let mut object = Object::new();
    object.insert("Cause", cause);
    object.insert("Error", error);
    object.insert("ExecutionArn", execution(child));
    object.insert("Status", "FAILED");
    Value::from(object).to_text()
}

/// An execution whose Task state failed, since the child did.
fn parent(cause: &str) -> Story {
    let mut details = Object::new();
    details.insert("resourceType", "states");
    details.insert("resource", "startExecution.sync:2");
    details.insert("error", "States.TaskFailed");
    details.insert("cause", cause);
    let details = Value::from(details).to_text();
    story(&format!(
        r#"1<0 0 ExecutionStarted
           2<0 0 TaskStateEntered {{"name":"Start"}}
           3<2 0 TaskScheduled {{"resourceType":"states","resource":"startExecution.sync:2"}}
           4<3 1 TaskFailed {details}
           5<4 1 ExecutionFailed {{"error":"States.TaskFailed"}}"#
    ))
}

fn deepest() -> Story {
    story(
        r#"1<0 0 ExecutionStarted
           2<0 0 FailStateEntered {"name":"Charge"}
           3<2 0 ExecutionFailed {"error":"Declined","cause":"no funds"}"#,
    )
}

#[test]
fn a_chain_goes_on_by_the_descriptions_in_causes() {
    let inner = description("child", "Declined", "no funds");
    let mut chain = Chain::new(&execution("parent"), &parent(&inner)).expect("it failed");
    assert_eq!(chain.next(), Some(&*execution("child")));
    chain.take(Ok(&deepest()));
    assert_eq!((chain.next(), &chain.gap), (None, &None));
    assert_eq!(chain.deepest().failing.path, ["Charge"]);
    assert_eq!(chain.deepest().failing.cause.as_deref(), Some("no funds"));
}

#[test]
fn what_is_gone_or_denied_is_told_by_its_parents_and_the_chain_is_incomplete() {
    let inner = description("grandchild", "Declined", "no funds");
    let outer = description("child", "States.TaskFailed", &inner);
    for gap in [Gap::Gone, Gap::Denied, Gap::Other("SomeException: …".to_owned())] {
        let mut chain = Chain::new(&execution("parent"), &parent(&outer)).expect("it failed");
        chain.take(Err(gap.clone()));
        assert_eq!(chain.next(), None);
        assert_eq!(chain.gap, Some((execution("child"), gap)));
        let told: Vec<_> = chain.links.iter().map(|it| (&*it.execution_arn, it.is_read)).collect();
        let (parent, child) = (execution("parent"), execution("child"));
        let grandchild = execution("grandchild");
        assert_eq!(told, [(&*parent, true), (&child, false), (&grandchild, false)]);
        assert_eq!(chain.deepest().failing.error.as_deref(), Some("Declined"));
        assert_eq!(chain.to_json().get("complete"), Some(&Value::from(false)));
    }
    // A child that was redriven and succeeded explains nothing any more.
    let mut chain = Chain::new(&execution("parent"), &parent(&outer)).expect("it failed");
    chain.take(Ok(&story("1<0 0 ExecutionStarted\n2<1 0 ExecutionSucceeded")));
    assert_eq!(chain.gap, Some((execution("child"), Gap::Changed)));
}

#[test]
fn a_chain_that_leads_back_ends() {
    let mut chain = Chain::new(&execution("a"), &parent(&description("b", "E", "c"))).expect("it");
    chain.take(Ok(&parent(&description("a", "E", "c"))));
    assert_eq!(chain.next(), None);
    assert_eq!(chain.links.len(), 2);
}

/// Two Parallel states, one in the other; the inner one is tried again and caught.
const NESTED: &str = r#"1<0 0 ExecutionStarted
    2<0 0 ParallelStateEntered {"name":"P"}
    3<2 0 ParallelStateStarted
    4<3 0 ParallelStateEntered {"name":"Q"}
    5<4 0 ParallelStateStarted
    6<5 0 TaskStateEntered {"name":"T1"}
    7<6 0 TaskScheduled {"resourceType":"x","resource":"y"}
    8<5 0 TaskStateEntered {"name":"T2"}
    9<8 0 TaskScheduled {"resourceType":"x","resource":"y"}
    10<3 0 TaskStateEntered {"name":"T3"}
    11<10 0 TaskScheduled {"resourceType":"x","resource":"y"}
    12<7 1 TaskFailed {"error":"E"}
    13<12 3 ParallelStateStarted
    14<13 3 TaskStateEntered {"name":"T1"}
    15<14 3 TaskScheduled {"resourceType":"x","resource":"y"}
    16<13 3 TaskStateEntered {"name":"T2"}
    17<16 3 TaskScheduled {"resourceType":"x","resource":"y"}
    18<15 4 TaskFailed {"error":"F","cause":"c"}
    19<18 4 TaskStateAborted
    20<18 4 TaskStateAborted
    21<18 4 ParallelStateFailed"#;

#[test]
fn the_end_of_a_parallel_state_leaves_what_is_beside_it_alone() {
    let running = story(NESTED);
    let letters: String = running.steps().iter().map(|it| it.status.letter()).collect();
    // P Q T1 T2 T3 T1 T2
    assert_eq!(letters, "rffarfa");
    let caught = story(&format!(
        r#"{NESTED}
           22<21 4 ParallelStateExited {{"name":"Q","output":"{{}}"}}"#
    ));
    let waiting = caught.waiting();
    let paths: Vec<_> = waiting.iter().map(|it| it.path.join(" > ")).collect();
    assert_eq!(paths, ["P > T3"]);
    let q = caught.steps().iter().find(|it| it.name == "Q").expect("it was entered");
    assert_eq!((q.status, q.ended, q.attempts.len()), (Status::Caught, 22, 2));
    let failed = story(&format!(
        r#"{NESTED}
           22<21 4 TaskStateAborted
           23<21 4 ParallelStateFailed
           24<23 4 ExecutionFailed {{"error":"F","cause":"c"}}"#
    ));
    let letters: String = failed.steps().iter().map(|it| it.status.letter()).collect();
    assert_eq!(letters, "fffaafa");
    let failure = failed.failure().expect("it failed");
    assert_eq!(failure.path, ["P", "Q", "T1"]);
    assert_eq!((failure.event, failure.cause.as_deref()), (18, Some("c")));
    let redrive = failed.redrive().expect("it failed");
    assert_eq!((redrive.steps, redrive.states), (3, vec!["T3".into(), "T1".into(), "T2".into()]));
}

#[test]
fn a_redrive_goes_on_in_the_same_steps() {
    let redriven = story(&format!(
        r#"{NESTED}
           22<21 4 TaskStateAborted
           23<21 4 ParallelStateFailed
           24<23 4 ExecutionFailed {{"error":"F"}}
           25<24 9 ExecutionRedriven
           26<14 9 TaskScheduled {{"resourceType":"x","resource":"y"}}
           27<26 9 TaskSucceeded {{"output":"1"}}
           28<27 9 TaskStateExited {{"name":"T1","output":"1"}}"#
    ));
    assert_eq!((redriven.status(), redriven.failure()), (Status::Running, None));
    let letters: String = redriven.steps().iter().map(|it| it.status.letter()).collect();
    // T1 and T2 of the first attempt of Q stay as they were.
    assert_eq!(letters, "rrfarsr");
    assert_eq!(redriven.steps().len(), 7);
}

#[test]
fn a_task_that_failed_and_goes_on_waits_for_its_next_attempt() {
    let story = story(
        r#"1<0 0 ExecutionStarted
           2<0 0 TaskStateEntered {"name":"T"}
           3<2 0 LambdaFunctionScheduled {"resource":"arn:f"}
           4<3 1 LambdaFunctionTimedOut {"error":"States.Timeout"}
           5<2 2 LambdaFunctionScheduled {"resource":"arn:f"}
           6<5 3 LambdaFunctionFailed {"error":"E"}"#,
    );
    let waiting = story.waiting();
    let error = Some("E".to_owned());
    assert_eq!(waiting[0].kind, WaitingKind::Retry { failed: 2, error });
    let told = waiting[0].text(8_000);
    assert_eq!(told, "T failed 2 times with E, 5 s ago, and is to be tried again");
}

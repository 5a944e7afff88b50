//! What is bounded: the work of a step, what timers drive, the memory of what is under way; and
//! what is not asked for twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asl::WorkflowType;
use engine::Status;
use parking_lot::Mutex;
use stairwell_runtime::{OperationalError, RuntimeConfig, StartError};
use store::{FaultyStore, Operation};

use crate::unruly::UnrulyStore;
use crate::world::{Lives, World, sleep};

/// Parallel branches, one of them with a Map, of several states each; expressions in all of them.
const TREE: &str = r#"{"QueryLanguage":"JSONata","StartAt":"P","States":{
    "P":{"Type":"Parallel","Next":"Z","Branches":[
        {"StartAt":"A1","States":{
            "A1":{"Type":"Pass","Output":"{% $sum([1..500]) %}","Next":"A2"},
            "A2":{"Type":"Pass","Output":"{% $states.input + 1 %}","End":true}}},
        {"StartAt":"M","States":{
            "M":{"Type":"Map","Items":"{% [1..5] %}","End":true,
                "ItemProcessor":{"StartAt":"I1","States":{
                    "I1":{"Type":"Pass","Output":"{% $states.input * 2 %}","Next":"I2"},
                    "I2":{"Type":"Pass","End":true}}}}}},
        {"StartAt":"B1","States":{
            "B1":{"Type":"Pass","Next":"B2"},"B2":{"Type":"Succeed"}}}]},
    "Z":{"Type":"Succeed"}}}"#;

const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;

#[test]
fn what_exceeds_the_budget_goes_on_by_a_tick_with_the_same_history() {
    let history = |work_per_step: fn(&mut RuntimeConfig)| {
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = commits.clone();
        let mut lives = Lives::with(work_per_step);
        let store = FaultyStore::new(lives.store.clone(), move |operation| {
            counted.fetch_add(usize::from(operation == Operation::Commit), Ordering::Relaxed);
            None
        });
        let history = lives.live_on(Arc::new(store), async |world: World| {
            let machine = world.machine("m", TREE).await;
            let arn = world.start(&machine, "n", "{}").await.unwrap();
            assert_eq!(world.end(&arn).await, "SUCCEEDED [125251,[2,4,6,8,10],{}]");
            world.history(&arn).await
        });
        (history, commits.load(Ordering::Relaxed))
    };
    let (whole, one) = history(|_| {});
    assert_eq!(one, 1);
    let (parts, many) = history(|config| config.limits.work_per_step = 1);
    assert!(many > 10, "{many} commits");
    assert_eq!(parts, whole);
    let (parts, some) = history(|config| config.limits.work_per_step = 200);
    assert!((2..many).contains(&some), "{some} commits");
    assert_eq!(parts, whole);
}

#[test]
fn messages_beyond_the_budget_wait_for_the_next_round() {
    // All arrive in one round, while the store takes its time over the start.
    let mut lives = Lives::with(|config| config.limits.work_per_step = 1);
    let store = Arc::new(UnrulyStore::slow(lives.store.clone(), 7));
    lives.live_on(store, async |world: World| {
        let activity = world.activity("a").await;
        let task = format!(r#"{{"Type":"Task","Resource":"{activity}","End":true}}"#);
        let branches: Vec<String> = (0..5)
            .map(|index| format!(r#"{{"StartAt":"T{index}","States":{{"T{index}":{task}}}}}"#))
            .collect();
        let branches = branches.join(",");
        let definition = format!(
            r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","Branches":[{branches}],"End":true}}}}}}"#
        );
        let machine = world.machine("m", &definition).await;
        let arn = world.start(&machine, "n", "{}").await.unwrap();
        let mut tokens = Vec::new();
        for _ in 0..5 {
            tokens.push(world.poll(&activity).await.unwrap().token);
        }
        let answers = tokens.iter().map(|token| {
            let (world, token) = (world.clone(), token.0.clone());
            tokio::spawn(async move { world.succeed(&token, "1").await })
        });
        for answer in answers.collect::<Vec<_>>() {
            answer.await.unwrap().unwrap();
        }
        assert_eq!(world.end(&arn).await, "SUCCEEDED [1,1,1,1,1]");
    });
}

/// The most executions that timers drive at a time, when many are due at once on a slow store.
fn driven_at_once(configure: fn(&mut RuntimeConfig)) -> usize {
    let mut lives = Lives::with(configure);
    let slow = Arc::new(UnrulyStore::slow(lives.store.clone(), 3));
    // A driver loads, since nothing is kept in memory, and then commits.
    let driven = Arc::new(Mutex::new((0_usize, 0_usize)));
    let seen = driven.clone();
    let store = FaultyStore::new(slow, move |operation| {
        let (now, most) = &mut *seen.lock();
        match operation {
            Operation::Load => *now += 1,
            Operation::Commit => *now = now.saturating_sub(1),
            _ => {}
        }
        *most = (*most).max(*now);
        None
    });
    lives.live_on(Arc::new(store), async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let mut started = Vec::new();
        for number in 0..100 {
            let (world, machine) = (world.clone(), machine.clone());
            let start = async move { world.start(&machine, &number.to_string(), "{}").await };
            started.push(tokio::spawn(start));
        }
        let mut executions = Vec::new();
        for start in started {
            executions.push(start.await.unwrap().unwrap());
        }
        driven.lock().1 = 0;
        sleep(9).await;
        // What a caller asks for meanwhile needs no permit.
        let late = world.start(&machine, "late", "{}").await.unwrap();
        for execution in executions.iter().chain([&late]) {
            assert_eq!(world.end(execution).await, "SUCCEEDED {}");
        }
    });
    let (_, most) = *driven.lock();
    most
}

#[test]
fn timers_drive_no_more_executions_at_a_time_than_they_have_permits() {
    let few = driven_at_once(|config| {
        (config.live_executions_max, config.due_driven_max) = (0, 4);
    });
    assert!((1..=4).contains(&few), "{few}");
    let many = driven_at_once(|config| config.live_executions_max = 0);
    assert!(many > 20, "{many}");
}

#[test]
fn what_finds_no_memory_is_refused_until_there_is_some() {
    Lives::with(|config| config.memory_bytes_max = 20_000).live(async |world: World| {
        let express = world.machine_of_type("x", WAIT, WorkflowType::Express).await;
        let mut started = 0;
        let refused = loop {
            match world.start(&express, "n", "{}").await {
                Ok(_) => started += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, StartError::Operational(OperationalError::Overloaded));
        assert_eq!(started, 4, "of four kilobytes each");
        // What is durable goes on: its timer fires, though slower.
        let standard = world.machine("s", WAIT).await;
        let arn = world.start(&standard, "n", "{}").await.unwrap();
        assert_eq!(world.end(&arn).await, "SUCCEEDED {}");
        // The others have ended by now, too.
        assert!(world.start(&express, "n", "{}").await.is_ok());
        let reserved = world.runtime.reserve(15_000).unwrap();
        assert_eq!(world.runtime.reserve(15_000).unwrap_err(), OperationalError::Overloaded);
        drop(reserved);
        assert!(world.runtime.reserve(15_000).is_ok());
    });
}

fn parent_of(child: &str) -> String {
    format!(
        r#"{{"StartAt":"P","States":{{
            "P":{{"Type":"Parallel","Next":"W","Branches":[
                {{"StartAt":"A","States":{{"A":{{"Type":"Task","End":true,
                    "Resource":"arn:aws:states:::states:startExecution.sync:2",
                    "Parameters":{{"StateMachineArn":"{child}"}}}}}}}},
                {{"StartAt":"B","States":{{
                    "B":{{"Type":"Wait","Seconds":1,"Next":"C"}},
                    "C":{{"Type":"Fail","Error":"Own"}}}}}}],
                "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"W"}}]}},
            "W":{{"Type":"Wait","Seconds":1000,"End":true}}}}}}"#
    )
}

#[test]
fn a_child_that_was_abandoned_and_stopped_is_forgotten() {
    let mut lives = Lives::new();
    let store = lives.store.clone();
    lives.live(async |world: World| {
        let child = world.machine("child", &WAIT.replace("10", "5000")).await;
        let parent = world.machine("parent", &parent_of(&child)).await;
        let arn = world.start(&parent, "n", "{}").await.unwrap();
        let id = world.describe(&arn).await.header.id;
        sleep(5).await;
        let execution = store::Store::load(&*store, id).await.unwrap().unwrap().execution;
        assert_eq!(execution.status, Status::Running);
        assert!(execution.abandoned.is_empty(), "{:?}", execution.abandoned);
        assert!(!execution.has_pending_effects());
        assert_eq!(world.end(&arn).await, "SUCCEEDED {\"Error\":\"Own\",\"Cause\":\"\"}");
    });
}

#[test]
fn a_wake_asks_for_no_effect_again() {
    let looked_up = Arc::new(AtomicUsize::new(0));
    let counted = looked_up.clone();
    let mut lives = Lives::new();
    let store = FaultyStore::new(lives.store.clone(), move |operation| {
        let is_lookup = matches!(operation, Operation::FindExecution | Operation::Header);
        counted.fetch_add(usize::from(is_lookup), Ordering::Relaxed);
        None
    });
    lives.live_on(Arc::new(store), async |world: World| {
        let child = world.machine("child", &WAIT.replace("10", "5000")).await;
        let waits = (0..20).map(|index| {
            let next = if index == 19 {
                r#""End":true"#.into()
            } else {
                format!(r#""Next":"W{}""#, index + 1)
            };
            format!(r#""W{index}":{{"Type":"Wait","Seconds":1,{next}}}"#)
        });
        let waits = waits.collect::<Vec<_>>().join(",");
        let parent = format!(
            r#"{{"StartAt":"P","States":{{"P":{{"Type":"Parallel","End":true,"Branches":[
                {{"StartAt":"A","States":{{"A":{{"Type":"Task","End":true,
                    "Resource":"arn:aws:states:::states:startExecution.sync:2",
                    "Parameters":{{"StateMachineArn":"{child}"}}}}}}}},
                {{"StartAt":"W0","States":{{{waits}}}}}]}}}}}}"#
        );
        let parent = world.machine("parent", &parent).await;
        let arn = world.start(&parent, "n", "{}").await.unwrap();
        sleep(2).await;
        let before = looked_up.load(Ordering::Relaxed);
        sleep(10).await;
        assert_eq!(looked_up.load(Ordering::Relaxed), before, "ten wakes, and nothing looked up");
        assert!(world.history(&arn).await.contains("W11"));
        // A start finds what it awaits by asking.
        world.runtime.shutdown().await;
    });
    let before = looked_up.load(Ordering::Relaxed);
    let counted = looked_up.clone();
    let store = FaultyStore::new(lives.store.clone(), move |operation| {
        counted.fetch_add(usize::from(operation == Operation::FindExecution), Ordering::Relaxed);
        None
    });
    lives.live_on(Arc::new(store), async |_: World| sleep(1).await);
    assert!(looked_up.load(Ordering::Relaxed) > before);
}

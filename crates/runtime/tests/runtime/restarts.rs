//! What a crash interrupts goes on after it, and ends as if there had been none.

use std::sync::Arc;
use std::time::Duration;

use engine::{Position, Status};
use expect_test::{Expect, expect};
use stairwell_runtime::{
    Clock, ExecutionsOf, ListExecutions, Runtime, RuntimeConfig, StopExecution,
};
use store::{Fault, Loaded, Store, StoreError};

use crate::clients::{ACTIVITY, endings};
use crate::unruly::{UnrulyStore, check_crashes, check_faults, check_orders, sound, usual};
use crate::world::{BEGIN, Lives, World, execution_arn, machine_arn, persist, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken"}}}"#;

#[test]
fn a_wait_ends_after_a_restart() {
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.start(&machine, "e", "{}").await.unwrap()
    });
    lives.live(async |world: World| {
        world.end(&arn).await;
        let stop = world.describe(&arn).await.header.stop;
        assert_eq!(stop, Some(BEGIN.plus_seconds(10)));
    });
}

#[test]
fn a_wait_that_is_long_over_ends_at_once() {
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.start(&machine, "e", "{}").await.unwrap()
    });
    lives.sleep(1_000);
    lives.live(async |world: World| {
        world.end(&arn).await;
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered W {}
            3<-2 1000s StateExited W
            4<-3 1000s ExecutionSucceeded {}
        "#]]
        .assert_eq(&world.history(&arn).await);
    });
}

#[test]
fn an_activity_offers_its_task_again_and_an_old_token_is_good() {
    let mut lives = Lives::new();
    let (first, second, token) = lives.live(async |world: World| {
        let activity = world.activity("a").await;
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}",
                "HeartbeatSeconds":100,"End":true}}}}}}"#
        );
        let machine = world.machine("m", &definition).await;
        let first = world.start(&machine, "1", "[1]").await.unwrap();
        let second = world.start(&machine, "2", "[2]").await.unwrap();
        let task = world.poll(&activity).await.unwrap();
        assert_eq!(task.input.text(), "[1]");
        sleep(60).await;
        world.heartbeat(&task.token.0).await.unwrap();
        (first, second, task.token.0)
    });
    // The heartbeat counts after the restart, too.
    lives.sleep(60);
    lives.live(async |world: World| {
        let task = world.poll(ACTIVITY).await.unwrap();
        assert_eq!(task.input.text(), "[2]");
        world.succeed(&task.token.0, "2").await.unwrap();
        world.succeed(&token, "1").await.unwrap();
        assert_eq!(world.end(&first).await, "SUCCEEDED 1");
        assert_eq!(world.end(&second).await, "SUCCEEDED 2");
    });
}

#[test]
fn a_child_that_ended_while_nobody_looked_is_noticed() {
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        world.machine("child", WAIT).await;
        let machine = world.machine("parent", &nested(".sync:2", "child", "")).await;
        world.start(&machine, "p", "{}").await.unwrap()
    });
    lives.sleep(100);
    lives.live(async |world: World| {
        let ending = world.end(&arn).await;
        assert!(ending.starts_with("SUCCEEDED"), "{ending}");
        assert_eq!(world.seconds().floor(), 100.0);
    });
}

#[test]
fn a_child_that_is_shared_is_noticed_by_both_parents() {
    let mut lives = Lives::new();
    let arns = lives.live(async |world: World| {
        world.machine("child", WAIT).await;
        let machine = world.machine("parent", &nested(".sync", "child", "")).await;
        let first = world.start(&machine, "1", "{}").await.unwrap();
        sleep(1).await;
        let second = world.start(&machine, "2", "{}").await.unwrap();
        sleep(1).await;
        [first, second]
    });
    lives.live(async |world: World| {
        for arn in &arns {
            let ending = world.end(arn).await;
            assert!(ending.starts_with("SUCCEEDED"), "{ending}");
            let stop = world.describe(arn).await.header.stop;
            assert_eq!(stop, Some(BEGIN.plus_seconds(10)));
        }
    });
}

/// A machine of one Task state that starts the execution `c` of another.
pub(crate) fn nested(suffix: &str, child: &str, rest: &str) -> String {
    let child = machine_arn(child);
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task",
            "Resource":"arn:aws:states:::states:startExecution{suffix}",
            "Parameters":{{"StateMachineArn":"{child}","Name":"c"}}{rest},"End":true}}}}}}"#
    )
}

#[test]
fn a_great_many_executions_are_taken_up_again() {
    let mut lives = Lives::new();
    lives.live(async |world: World| {
        let activity = world.activity("a").await;
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}",
                "End":true}}}}}}"#
        );
        let machine = world.machine("m", &definition).await;
        for name in 0..600 {
            world.start(&machine, &name.to_string(), "{}").await.unwrap();
        }
    });
    lives.live(async |world: World| {
        for _ in 0..600 {
            let task = world.poll(ACTIVITY).await.expect("each offers its task again");
            world.succeed(&task.token.0, "{}").await.unwrap();
        }
        assert_eq!(world.poll(ACTIVITY).await, None);
    });
}

#[test]
fn what_another_process_committed_is_noticed() {
    let mut lives = Lives::new();
    let store = lives.store.clone();
    lives.live(async |world: World| {
        let config = RuntimeConfig::new(Clock::tokio(BEGIN), [99; 32]);
        let other = World { runtime: Runtime::open(store, config), ..world.clone() };
        let machine = world.machine("m", WAIT).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        let stop = other.stop(&arn).await;
        sleep(1).await;
        assert_eq!(world.stop(&arn).await, stop, "this one believed that it still ran");
        assert_eq!(world.history(&arn).await.lines().count(), 3);
    });
}

#[test]
fn a_long_history_gets_checkpoints_and_is_loaded_quickly() {
    let mut lives = Lives::new();
    let store = lives.store.clone();
    let definition = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"C"},
        "C":{"Type":"Choice","Default":"W","Choices":[
            {"Variable":"$","IsNull":true,"Next":"End"}]},"End":{"Type":"Succeed"}}}"#;
    let id = lives.live(async |world: World| {
        let machine = world.machine("m", definition).await;
        let input = format!("\"{}\"", "x".repeat(200));
        let arn = world.start(&machine, "e", &input).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500_500)).await;
        let header = world.describe(&arn).await.header;
        assert_eq!(header.last_event.0, 2 + 500 * 4);
        let loaded = store.load(header.id).await.unwrap().unwrap();
        assert!(loaded.record_bytes <= 8_192, "{}", loaded.record_bytes);
        header.id
    });
    lives.live(async |_| {
        sleep(100).await;
        let loaded = store.load(id).await.unwrap().unwrap();
        assert_eq!(loaded.header.last_event.0, 2 + 600 * 4);
        assert!(loaded.record_bytes <= 8_192, "{}", loaded.record_bytes);
    });
}

/// One after the other, all that an execution may wait for and that no worker has a part in.
async fn sequence(world: World) -> String {
    world.ensure_machine("wait", WAIT).await;
    world.ensure_machine("pass", PASS).await;
    world.ensure_machine("fail", FAIL).await;
    world.ensure_machine("middle", &nested(".sync", "wait", "")).await;
    let start = |suffix: &str, child: &str, input: &str, next: &str| {
        format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:::states:startExecution{suffix}",
                "Parameters":{{"StateMachineArn":"{}"{input}}},"ResultPath":null,{next}}}"#,
            machine_arn(child)
        )
    };
    let retry = r#""Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2}],
        "Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Awaited"}],"Next":"Awaited""#;
    let definition = format!(
        r#"{{"StartAt":"Wait","States":{{
            "Wait":{{"Type":"Wait","Seconds":3,"Next":"Started"}},
            "Started":{},
            "Failing":{},
            "Awaited":{},
            "Nested":{},
            "Pause":{{"Type":"Wait","Seconds":1,"Next":"Last"}},
            "Last":{{"Type":"Succeed"}}}}}}"#,
        start("", "wait", r#","Name":"started""#, r#""Next":"Failing""#),
        start(".sync", "fail", "", retry),
        start(".sync:2", "wait", r#","Input":{"a":1},"Name":"awaited""#, r#""Next":"Nested""#),
        start(".sync", "middle", r#","Name":"nested""#, r#""Next":"Pause""#),
    );
    world.ensure_machine("m", &definition).await;
    let arn = world.ensure_started("m", "e").await;
    world.ensure_ended(&arn).await;
    let mut stories = world.story(&arn).await;
    for (machine, name) in [("wait", "started"), ("wait", "awaited"), ("middle", "nested")] {
        let arn = execution_arn(machine, name);
        world.ensure_ended(&arn).await;
        stories += &world.story(&arn).await;
    }
    stories
}

/// A parent that is stopped takes its children with it, and nobody else's.
async fn stopped(world: World) -> String {
    world.ensure_machine("wait", WAIT).await;
    world.ensure_machine("middle", &nested(".sync:2", "wait", "")).await;
    let start = |suffix: &str, child: &str, name: &str| {
        format!(
            r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Task","End":true,
                "Resource":"arn:aws:states:::states:startExecution{suffix}",
                "Parameters":{{"StateMachineArn":"{}","Name":"{name}"}}}}}}}}"#,
            machine_arn(child)
        )
    };
    let definition = format!(
        r#"{{"StartAt":"All","States":{{"All":{{"Type":"Parallel","Next":"Wait",
            "Branches":[{},{},{}]}},"Wait":{{"Type":"Wait","Seconds":10,"End":true}}}}}}"#,
        start("", "wait", "free"),
        start(".sync", "middle", "two"),
        start(".sync", "wait", "three"),
    );
    world.ensure_machine("m", &definition).await;
    let arn = world.ensure_started("m", "e").await;
    let due = BEGIN.plus_seconds(4);
    let wait = u64::try_from(due.0 - world.runtime.now().0).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(wait)).await;
    world.ensure_stopped(&arn).await;
    endings(&world, &["m:e", "wait:free", "middle:two", "wait:c", "wait:three"]).await
}

/// A task that times out stops its child, and its parent goes on.
async fn timed_out(world: World) -> String {
    world.ensure_machine("wait", WAIT).await;
    let rest = r#","TimeoutSeconds":3,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"W"}]"#;
    let definition = nested(".sync", "wait", rest)
        .replace(r#""End":true}}"#, r#""End":true},"W":{"Type":"Wait","Seconds":20,"End":true}}"#);
    world.ensure_machine("m", &definition).await;
    world.ensure_started("m", "e").await;
    endings(&world, &["m:e", "wait:c"]).await
}

/// Workers, tokens and a Map.
async fn workers(world: World) -> String {
    let create = async || {
        let request = stairwell_runtime::CreateActivity { name: "a", encryption: None };
        world.runtime.create_activity(&world.scope, request).await
    };
    persist(create).await.unwrap();
    world.ensure_machine("wait", WAIT).await;
    // A worker that dies with the task in its hands is noticed by its silence alone.
    let retry = r#""Retry":[{"ErrorEquals":["States.Timeout"],"MaxAttempts":9}]"#;
    let definition = format!(
        r#"{{"StartAt":"Each","States":{{"Each":{{"Type":"Map","End":true,
            "ItemsPath":"$.items","MaxConcurrency":2,"ItemProcessor":{{"StartAt":"Work","States":{{
                "Work":{{"Type":"Task","Resource":"{ACTIVITY}","TimeoutSeconds":100,{retry},
                    "ResultPath":"$.work","Next":"Child"}},
                "Child":{{"Type":"Task","ResultSelector":{{"Name.$":"$.Output"}},
                    "Resource":"arn:aws:states:::states:startExecution.sync:2",
                    "Parameters":{{"StateMachineArn":"{}","Input.$":"$"}},
                    "ResultPath":"$.child","End":true}}}}}}}}}}}}"#,
        machine_arn("wait")
    )
    .replacen(
        "\"Each\",\"States\":{",
        r#""Items","States":{"Items":{"Type":"Pass",
        "Result":{"items":[{"i":0},{"i":1},{"i":2}]},"Next":"Each"},"#,
        1,
    );
    world.ensure_machine("m", &definition).await;
    world.ensure_started("m", "e").await;
    tokio::select! {
        () = world.work() => unreachable!("workers work until they are cut off"),
        endings = endings(&world, &["m:e"]) => endings,
    }
}

/// Map Runs, whose children are executions of the store, or live in memory.
async fn map_runs(world: World) -> String {
    let wait = r#""S":{"Type":"Wait","Seconds":1,"Next":"Q"},"Q":{"Type":"Pass","End":true}"#;
    let mut text = String::new();
    for execution_type in ["STANDARD", "EXPRESS"] {
        let machine = execution_type.to_lowercase();
        let rest = r#","MaxConcurrency":2"#;
        let definition = crate::map_runs::distributed(execution_type, wait, rest).replace(
            r#""StartAt":"Each","States":{"#,
            r#""StartAt":"Items","States":{"Items":{"Type":"Pass","Result":[1,2,3,4,5],
            "Next":"Each"},"#,
        );
        world.ensure_machine(&machine, &definition).await;
        let arn = world.ensure_started(&machine, "e").await;
        let end = world.ensure_ended(&arn).await;
        text += &format!("{end:?}\n{}", world.story(&arn).await);
        let list = async || {
            let request =
                stairwell_runtime::ListMapRuns { execution_arn: &arn, after: None, limit: 9 };
            world.runtime.list_map_runs(&world.scope, request).await
        };
        for run in persist(list).await.unwrap().runs {
            text += &format!("{}\n", crate::map_runs::told(&run.item_counts));
            if execution_type == "STANDARD" {
                let children = world.map_children(&run.arn).await;
                let statuses = children.iter().filter_map(|child| child.split_once(' '));
                text += &statuses.map(|(_, status)| status).collect::<Vec<_>>().join(", ");
            }
        }
    }
    text
}

#[test]
fn map_runs_survive_crashes_and_faults() {
    check_crashes(usual, map_runs);
    check_faults(usual, map_runs);
    check_orders(usual, map_runs, 3);
}

/// An execution that meets a fault of ours is left alone, and the others go on.
fn check_quarantine(mangle: fn(&mut Loaded) -> Result<(), StoreError>) {
    let mut lives = Lives::new();
    let (good, bad) = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let good = world.start(&machine, "good", "{}").await.unwrap();
        (good, world.start(&machine, "bad", "{}").await.unwrap())
    });
    let mut store = UnrulyStore::mortal(lives.store.clone(), usize::MAX, Fault::Before);
    store.mangle = mangle;
    lives.live_on(Arc::new(store), async |world: World| {
        assert_eq!(world.end(&good).await, "SUCCEEDED {}");
        for _ in 0..2 {
            let request = StopExecution { execution_arn: &bad, error: None, cause: None };
            let refused = world.runtime.stop_execution(&world.scope, request).await.unwrap_err();
            assert_eq!(refused.to_string(), "the execution is quarantined");
        }
        assert_eq!(world.describe(&bad).await.header.status, Status::Running);
        world.runtime.shutdown().await;
    });
    lives.live(async |world: World| assert_eq!(world.end(&bad).await, "SUCCEEDED {}"));
}

#[test]
fn a_step_that_panics_quarantines_its_execution() {
    check_quarantine(|loaded| {
        for frame in loaded.execution.frames.values_mut() {
            if let Position::In { state, .. } = &mut frame.position
                && &*loaded.header.name == "bad"
            {
                state.0 = 1_000;
            }
        }
        Ok(())
    });
}

#[test]
fn a_record_that_is_corrupt_quarantines_its_execution() {
    check_quarantine(|loaded| match &*loaded.header.name {
        "bad" => Err(StoreError::Corrupt("it is".to_owned())),
        _ => Ok(()),
    });
}

/// A child of a Map Run that is quarantined has failed, and its run goes on.
fn check_quarantined_child(mangle: fn(&mut Loaded) -> Result<(), StoreError>) {
    for (tolerated, ending) in
        [(1, r#"SUCCEEDED {"done":[1,3]}"#), (0, "FAILED States.ExceedToleratedFailureThreshold")]
    {
        let mut lives = Lives::new();
        let arn = lives.live(async |world: World| {
            let definition = format!(
                r#"{{"StartAt":"M","States":{{"M":{{"Type":"Map","End":true,
                "ToleratedFailureCount":{tolerated},
                "ResultSelector":{{"done.$":"$[?(@ < 4)]"}},"ItemProcessor":{{
                "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
                "StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":5,"End":true}}}}}}}}}}}}"#
            );
            let machine = world.machine("parent", &definition).await;
            let arn = world.start(&machine, "it", "[1,2,3]").await.unwrap();
            sleep(1).await;
            arn
        });
        let mut store = UnrulyStore::mortal(lives.store.clone(), usize::MAX, Fault::Before);
        store.mangle = mangle;
        lives.live_on(Arc::new(store), async |world: World| {
            let ended = world.end(&arn).await;
            assert!(ended.starts_with(ending), "{ended}");
            assert!(world.seconds() < 60.0, "it waited for what does not end");
        });
    }
}

#[test]
fn a_child_of_a_map_run_that_cannot_be_read_has_failed() {
    check_quarantined_child(|loaded| match loaded.execution.parameters.input.text() {
        "2" => Err(StoreError::Corrupt("it is".to_owned())),
        _ => Ok(()),
    });
}

#[test]
fn a_child_of_a_map_run_whose_step_panics_has_failed() {
    check_quarantined_child(|loaded| {
        for frame in loaded.execution.frames.values_mut() {
            if let Position::In { state, .. } = &mut frame.position
                && loaded.execution.parameters.input.text() == "2"
            {
                state.0 = 1_000;
            }
        }
        Ok(())
    });
}

/// Two parents of one child; the second comes when the child is about to end.
async fn shared(world: World) -> String {
    let wait = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"End":true}}}"#;
    world.ensure_machine("wait", wait).await;
    let rest = r#","ResultPath":null,"Retry":[{"ErrorEquals":["States.ALL"]}],
        "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"End"}]"#;
    let definition = nested(".sync", "wait", rest)
        .replace(r#""End":true}}"#, r#""End":true},"End":{"Type":"Pass","End":true}}"#);
    world.ensure_machine("m", &definition).await;
    world.ensure_started("m", "first").await;
    tokio::time::sleep(Duration::from_millis(960)).await;
    world.ensure_started("m", "second").await;
    endings(&world, &["m:first", "m:second", "wait:c"]).await
}

fn check_sound(workload: impl AsyncFn(World) -> String, expected: Expect) {
    expected.assert_eq(&sound(usual, workload).0);
}

#[test]
fn without_any_fault() {
    check_sound(
        sequence,
        expect![[r#"
        1<-0 ExecutionStarted
        2<-0 StateEntered Wait {}
        3<-2 StateExited Wait
        4<-3 StateEntered Started {}
        5<-4 TaskScheduled
        6<-5 TaskStarted
        7<-6 TaskSucceeded {"ExecutionArn":"execution:wait:started","Sdk":…,"StartDate":?}
        8<-7 StateExited Started
        9<-8 StateEntered Failing {}
        10<-9 TaskScheduled
        11<-10 TaskStarted
        12<-11 TaskSubmitted {"ExecutionArn":"execution:fail:?","Sdk":…,"StartDate":?}
        13<-12 TaskFailed States.TaskFailed {"Error":"Broken","ExecutionArn":"execution:fail:?","Input":"{}","InputDetails":{"Included":true},"Name":"?","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:fail","Status":"FAILED","StopDate":?}
        14<-13 TaskScheduled
        15<-14 TaskStarted
        16<-15 TaskSubmitted {"ExecutionArn":"execution:fail:?","Sdk":…,"StartDate":?}
        17<-16 TaskFailed States.TaskFailed {"Error":"Broken","ExecutionArn":"execution:fail:?","Input":"{}","InputDetails":{"Included":true},"Name":"?","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:fail","Status":"FAILED","StopDate":?}
        18<-17 TaskScheduled
        19<-18 TaskStarted
        20<-19 TaskSubmitted {"ExecutionArn":"execution:fail:?","Sdk":…,"StartDate":?}
        21<-20 TaskFailed States.TaskFailed {"Error":"Broken","ExecutionArn":"execution:fail:?","Input":"{}","InputDetails":{"Included":true},"Name":"?","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:fail","Status":"FAILED","StopDate":?}
        22<-21 StateExited Failing
        23<-22 StateEntered Awaited {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        24<-23 TaskScheduled
        25<-24 TaskStarted
        26<-25 TaskSubmitted {"ExecutionArn":"execution:wait:awaited","Sdk":…,"StartDate":?}
        27<-26 TaskSucceeded {"ExecutionArn":"execution:wait:awaited","Input":{"a":1},"InputDetails":{"Included":true},"Name":"awaited","Output":{"a":1},"OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:wait","Status":"SUCCEEDED","StopDate":?}
        28<-27 StateExited Awaited
        29<-28 StateEntered Nested {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        30<-29 TaskScheduled
        31<-30 TaskStarted
        32<-31 TaskSubmitted {"ExecutionArn":"execution:middle:nested","Sdk":…,"StartDate":?}
        33<-32 TaskSucceeded {"ExecutionArn":"execution:middle:nested","Input":"{}","InputDetails":{"Included":true},"Name":"nested","Output":"{\"ExecutionArn\":\"execution:wait:c\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"c\",\"Output\":\"{}\",\"OutputDetails\":{\"Included\":true},\"RedriveCount\":0,\"RedriveStatus\":\"NOT_REDRIVABLE\",\"RedriveStatusReason\":\"Execution is SUCCEEDED and cannot be redriven\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:wait\",\"Status\":\"SUCCEEDED\",\"StopDate\":?}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:middle","Status":"SUCCEEDED","StopDate":?}
        34<-33 StateExited Nested
        35<-34 StateEntered Pause {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        36<-35 StateExited Pause
        37<-36 StateEntered Last {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        38<-37 StateExited Last
        39<-38 ExecutionSucceeded {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        1<-0 ExecutionStarted
        2<-0 StateEntered W {}
        3<-2 StateExited W
        4<-3 ExecutionSucceeded {}
        1<-0 ExecutionStarted
        2<-0 StateEntered W {"a":1}
        3<-2 StateExited W
        4<-3 ExecutionSucceeded {"a":1}
        1<-0 ExecutionStarted
        2<-0 StateEntered T {}
        3<-2 TaskScheduled
        4<-3 TaskStarted
        5<-4 TaskSubmitted {"ExecutionArn":"execution:wait:c","Sdk":…,"StartDate":?}
        6<-5 TaskSucceeded {"ExecutionArn":"execution:wait:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","Output":"{}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:wait","Status":"SUCCEEDED","StopDate":?}
        7<-6 StateExited T
        8<-7 ExecutionSucceeded {"ExecutionArn":"execution:wait:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","Output":"{}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:wait","Status":"SUCCEEDED","StopDate":?}
    "#]],
    );
    check_sound(
        stopped,
        expect![[r#"
        m:e ABORTED by hand
        wait:free SUCCEEDED {}
        middle:two ABORTED The Task state in AWS Step Functions execution [execution:m:e] which was managing this resource was aborted
        wait:c ABORTED The Task state in AWS Step Functions execution [execution:middle:two] which was managing this resource was aborted
        wait:three ABORTED The Task state in AWS Step Functions execution [execution:m:e] which was managing this resource was aborted
    "#]],
    );
    check_sound(
        timed_out,
        expect![[r#"
        m:e SUCCEEDED {"Error":"States.Timeout","Cause":""}
        wait:c ABORTED The Task state in AWS Step Functions execution [execution:m:e] which was managing this resource was aborted
    "#]],
    );
    check_sound(
        workers,
        expect![[r#"
        m:e SUCCEEDED [{"i":0,"work":{"worker":"was here"},"child":{"Name":{"i":0,"work":{"worker":"was here"}}}},{"i":1,"work":{"worker":"was here"},"child":{"Name":{"i":1,"work":{"worker":"was here"}}}},{"i":2,"work":{"worker":"was here"},"child":{"Name":{"i":2,"work":{"worker":"was here"}}}}]
    "#]],
    );
    check_sound(
        shared,
        expect![[r#"
        m:first SUCCEEDED {}
        m:second SUCCEEDED {}
        wait:c SUCCEEDED {}
    "#]],
    );
}

/// Every event of a run, with all that is random and all times.
fn bytes(workload: impl AsyncFn(World) -> String) -> String {
    Lives::new().live(async |world: World| {
        workload(world.clone()).await;
        let mut events = Vec::new();
        for machine in ["m", "wait", "fail", "pass", "middle"] {
            let arn = machine_arn(machine);
            let of = ExecutionsOf::StateMachine(&arn);
            let request = ListExecutions { of, status: None, after: None, limit: 100 };
            let list = world.runtime.list_executions(&world.scope, request).await;
            for header in list.map(|list| list.executions).unwrap_or_default() {
                events.extend(world.events(&header.arn).await);
            }
        }
        format!("{events:#?}")
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for _ in 0..3 {
        assert_eq!(bytes(sequence), bytes(sequence));
        assert_eq!(bytes(stopped), bytes(stopped));
        assert_eq!(bytes(workers), bytes(workers));
    }
}

#[test]
fn a_sequence_crashes_at_each_write() {
    check_crashes(usual, sequence);
}

#[test]
fn a_sequence_with_faults() {
    check_faults(usual, sequence);
}

#[test]
fn a_sequence_in_other_orders() {
    check_orders(usual, sequence, 30);
}

#[test]
fn a_stop_crashes_at_each_write() {
    check_crashes(usual, stopped);
}

#[test]
fn a_stop_with_faults() {
    check_faults(usual, stopped);
}

#[test]
fn a_stop_in_other_orders() {
    check_orders(usual, stopped, 30);
}

#[test]
fn a_timeout_crashes_at_each_write() {
    check_crashes(usual, timed_out);
}

#[test]
fn a_timeout_with_faults() {
    check_faults(usual, timed_out);
}

#[test]
fn a_timeout_in_other_orders() {
    check_orders(usual, timed_out, 30);
}

#[test]
fn workers_crash_at_each_write() {
    check_crashes(usual, workers);
}

#[test]
fn workers_with_faults() {
    check_faults(usual, workers);
}

#[test]
fn workers_in_other_orders() {
    check_orders(usual, workers, 30);
}

#[test]
fn a_shared_child_in_other_orders() {
    // Few of them meet the moment between a look at the child and the wait for it.
    check_orders(usual, shared, 200);
}

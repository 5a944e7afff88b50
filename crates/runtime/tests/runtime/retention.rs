//! What ended long ago goes away; what somebody may still want stays.

use engine::Timestamp;
use stairwell_runtime::{ExecutionError, Retention};
use store::{ResourceKind, Store};

use crate::world::{Lives, execution_arn, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":8000,"End":true}}}"#;

#[test]
fn what_has_ended_is_kept_as_long_as_its_machine_says() {
    let retention = |config: &mut stairwell_runtime::RuntimeConfig| {
        let machines = [("short".to_owned(), Some(1_000)), ("for-ever".to_owned(), None)];
        config.retention = Retention { default_seconds: Some(5_000), machines: machines.into() };
    };
    Lives::with(retention).live(async |world| {
        for machine in ["short", "middle", "for-ever"] {
            let arn = world.machine(machine, PASS).await;
            assert_eq!(world.run(&arn, "it", "1").await, "SUCCEEDED 1");
        }
        let waiting = world.machine("waiting", WAIT).await;
        let waiting = world.start(&waiting, "it", "{}").await.unwrap();
        let check = async |gone: &[&str], kept: &[&str]| {
            for (machines, expected) in [(gone, false), (kept, true)] {
                for machine in machines {
                    let arn = execution_arn(machine, "it");
                    let found = world.runtime.describe_execution(&world.scope, &arn).await;
                    match &found {
                        Ok(_) | Err(ExecutionError::DoesNotExist(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                    assert_eq!(found.is_ok(), expected, "{machine} at {}", world.seconds());
                }
            }
        };
        sleep(900).await;
        check(&[], &["short", "middle", "for-ever", "waiting"]).await;
        sleep(1_000).await;
        check(&["short"], &["middle", "for-ever", "waiting"]).await;
        sleep(4_000).await;
        check(&["short", "middle"], &["for-ever", "waiting"]).await;
        // It is old, but it ended only now.
        assert_eq!(world.end(&waiting).await, "SUCCEEDED {}");
        sleep(1_000).await;
        check(&["short", "middle"], &["for-ever", "waiting"]).await;
        sleep(6_000).await;
        check(&["waiting"], &["for-ever"]).await;
    });
}

/// The parent may not have heard of the end yet: after a crash it asks again.
#[test]
fn what_an_open_execution_started_is_kept_until_that_ends() {
    let mut lives = Lives::with(|config| config.retention.default_seconds = Some(1_000));
    let store = lives.store.clone();
    lives.live(async |world| {
        let child = world.machine("child", PASS).await;
        let nested = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Next":"M",
                "Resource":"arn:aws:states:::states:startExecution.sync:2",
                "Parameters":{{"StateMachineArn":"{child}","Name":"nested"}},"ResultPath":null}},
                "M":{{"Type":"Map","End":true,"ItemProcessor":{{
                    "ProcessorConfig":{{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},
                    "StartAt":"W","States":{{"W":{{"Type":"Wait","SecondsPath":"$","End":true}}}}}}}}
            }}}}"#
        );
        let parent = world.machine("parent", &nested).await;
        // One item ends at once, the other one much later.
        let parent = world.start(&parent, "it", "[1,9000]").await.unwrap();
        let ended = async || {
            let page = store.ended_before(Timestamp(i64::MAX), None, 100).await.unwrap();
            page.headers.len()
        };
        sleep(8_000).await;
        assert_eq!(ended().await, 2, "a nested execution, and a child of the Map Run");
        assert_eq!(world.end(&parent).await, "SUCCEEDED [1,9000]");
        sleep(3_000).await;
        assert_eq!(ended().await, 0);
    });
}

#[test]
fn nothing_of_a_map_run_outlives_its_execution() {
    let mut lives = Lives::with(|config| config.retention.default_seconds = Some(1_000));
    let store = lives.store.clone();
    lives.live(async |world| {
        let definition = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{
            "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},
            "StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}}}}"#;
        let machine = world.machine("parent", definition).await;
        assert_eq!(world.run(&machine, "it", "[1,2,3]").await, "SUCCEEDED [1,2,3]");
        let count = async || {
            let mut count = 0;
            for kind in [
                ResourceKind::MapRun,
                ResourceKind::MapRunOutcomes,
                ResourceKind::MapRunOfExecution,
            ] {
                count += store.list_resources(kind, &world.scope, None, 100).await.unwrap().len();
            }
            count
        };
        assert!(count().await >= 3);
        sleep(2_000).await;
        assert_eq!(count().await, 0);
        let all = store.ended_before(Timestamp(i64::MAX), None, 10).await.unwrap();
        assert_eq!(all.headers, []);
    });
}

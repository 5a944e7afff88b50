//! What ended long ago goes away; what somebody may still want stays.

use stairwell_runtime::{ExecutionError, Retention};

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

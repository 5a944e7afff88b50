//! Express executions that are kept for a while: their bounds, and who sees them.

use std::time::Duration;

use asl::WorkflowType;
use engine::Status;
use stairwell_runtime::{
    ExecutionError, ExecutionsOf, ExpressHistory, ListExecutions, RuntimeConfig, StopExecution,
};

use crate::world::{Lives, World, scope, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":100,"End":true}}}"#;

fn configure(config: &mut RuntimeConfig) {
    config.express_history = Some(ExpressHistory {
        age_max: Duration::from_secs(60),
        executions_max: 5,
        bytes_max: 80_000,
    });
}

fn alive<T>(life: impl AsyncFnOnce(World) -> T) -> T {
    Lives::with(configure).live(life)
}

async fn express(world: &World, definition: &str) -> String {
    world.machine_of_type("m", definition, WorkflowType::Express).await
}

/// The names of the executions that are listed, the newest first.
async fn listed(world: &World, machine: &str) -> Vec<String> {
    let of = ExecutionsOf::StateMachine(machine);
    let request = ListExecutions { of, status: None, after: None, limit: 100 };
    let list = world.runtime.list_executions(&world.scope, request).await.unwrap();
    list.executions.iter().map(|header| header.name.to_string()).collect()
}

#[test]
fn the_oldest_goes_where_there_are_too_many() {
    alive(async |world: World| {
        let machine = express(&world, PASS).await;
        for name in ["1", "2", "3", "4", "5", "6", "7"] {
            world.start(&machine, name, "{}").await.unwrap();
            sleep(1).await;
        }
        assert_eq!(listed(&world, &machine).await, ["7", "6", "5", "4", "3"]);
    });
}

#[test]
fn the_oldest_goes_where_there_are_too_many_bytes() {
    alive(async |world: World| {
        let machine = express(&world, PASS).await;
        let input = format!("\"{}\"", "x".repeat(10_000));
        let mut arns = Vec::new();
        for name in ["1", "2", "3"] {
            arns.push(world.start(&machine, name, &input).await.unwrap());
            sleep(1).await;
        }
        // Each is written once for its events, and is there as input and as output: there is room
        // for two.
        assert_eq!(listed(&world, &machine).await, ["3", "2"]);
        let gone = world.runtime.describe_execution(&world.scope, &arns[0]).await;
        assert_eq!(gone, Err(ExecutionError::DoesNotExist(arns[0].clone())));
    });
}

#[test]
fn what_is_older_goes_by_itself() {
    alive(async |world: World| {
        let machine = express(&world, PASS).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(59).await;
        assert_eq!(world.describe(&arn).await.header.status, Status::Succeeded);
        sleep(2).await;
        assert_eq!(listed(&world, &machine).await, [""; 0]);
    });
}

#[test]
fn one_that_runs_is_stopped_and_one_that_was_forgotten_is_not() {
    alive(async |world: World| {
        let machine = express(&world, WAIT).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        assert_eq!(world.describe(&arn).await.header.status, Status::Running);
        let stop = world.stop(&arn).await;
        assert_eq!(world.end(&arn).await, "ABORTED Stopped by hand");
        assert_eq!(world.stop(&arn).await, stop, "it has ended already");
        let arn = world.start(&machine, "forgotten", "{}").await.unwrap();
        sleep(61).await;
        let request = StopExecution { execution_arn: &arn, error: None, cause: None };
        let stopped = world.runtime.stop_execution(&world.scope, request).await;
        assert_eq!(stopped, Err(ExecutionError::DoesNotExist(arn.clone())));
    });
}

#[test]
fn other_accounts_see_nothing() {
    alive(async |world: World| {
        let machine = express(&world, PASS).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        assert!(world.runtime.describe_execution(&world.scope, &arn).await.is_ok());
        let other = scope("222222222222", "us-east-1");
        let seen = world.runtime.describe_execution(&other, &arn).await;
        assert_eq!(seen, Err(ExecutionError::DoesNotExist(arn.clone())));
    });
}

#[test]
fn nothing_is_kept_where_nothing_was_asked_for() {
    Lives::new().live(async |world: World| {
        let machine = express(&world, PASS).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        let described = world.runtime.describe_execution(&world.scope, &arn).await;
        assert!(matches!(described, Err(ExecutionError::Arn(_))), "{described:?}");
        let of = ExecutionsOf::StateMachine(&machine);
        let request = ListExecutions { of, status: None, after: None, limit: 1 };
        let listed = world.runtime.list_executions(&world.scope, request).await;
        assert_eq!(listed, Err(ExecutionError::TypeNotSupported));
    });
}

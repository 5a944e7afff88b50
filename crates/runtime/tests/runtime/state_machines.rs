//! State machines: create, update, delete, describe, list.

use std::sync::Arc;

use asl::WorkflowType;
use engine::Timestamp;
use stairwell_runtime::{
    Configurations, CreateStateMachine, CreatedStateMachine, ListStateMachines, StartError,
    StateMachineError, StateMachineForExecution, StateMachineStatus, UpdateStateMachine,
    UpdatedStateMachine,
};

use crate::unruly::UnrulyStore;
use crate::world::{BEGIN, Lives, ROLE, World, alive, execution_arn, machine_arn, scope, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"Next":"P"},
    "P":{"Type":"Pass","Result":"old","End":true}}}"#;

fn request<'a>(name: &'a str, definition: &'a str) -> CreateStateMachine<'a> {
    CreateStateMachine {
        name,
        definition,
        role_arn: ROLE,
        workflow_type: WorkflowType::Standard,
        configurations: Configurations::default(),
    }
}

async fn create(
    world: &World,
    request: CreateStateMachine<'_>,
) -> Result<CreatedStateMachine, StateMachineError> {
    world.runtime.create_state_machine(&world.scope, request).await
}

async fn update(
    world: &World,
    request: UpdateStateMachine<'_>,
) -> Result<UpdatedStateMachine, StateMachineError> {
    world.runtime.update_state_machine(&world.scope, request).await
}

async fn status(world: &World, arn: &str) -> Option<StateMachineStatus> {
    let described = world.runtime.describe_state_machine(&world.scope, arn).await;
    described.ok().map(|(machine, _)| machine.status)
}

#[test]
fn a_machine_is_made_once() {
    alive(async |world: World| {
        let first = create(&world, request("m", PASS)).await.unwrap();
        assert_eq!(*first.arn, machine_arn("m"));
        sleep(5).await;
        let again = CreateStateMachine { role_arn: "arn:aws:iam::1:role/x", ..request("m", PASS) };
        assert_eq!(create(&world, again).await, Ok(first.clone()));
        let logging = Some(serde_json::json!({"level": "ALL"}));
        for other in [
            request("m", &format!("{PASS} ")),
            CreateStateMachine { workflow_type: WorkflowType::Express, ..request("m", PASS) },
            CreateStateMachine {
                configurations: Configurations { logging, ..Configurations::default() },
                ..request("m", PASS)
            },
        ] {
            let refused = create(&world, other).await;
            assert_eq!(refused, Err(StateMachineError::AlreadyExists(first.arn.clone())));
        }
        let described = world.runtime.describe_state_machine(&world.scope, &first.arn).await;
        let (machine, definition) = described.unwrap();
        assert_eq!((&*definition, machine.creation_date), (PASS, BEGIN));
        assert_eq!((&*machine.role_arn, &machine.revision_id), (ROLE, &None));
    });
}

#[test]
fn machines_that_are_refused() {
    alive(async |world: World| {
        let refused = create(&world, request("a b", PASS)).await.unwrap_err();
        assert_eq!(refused.to_string(), "Invalid Name: 'a b'");
        let refused = create(&world, request("m", "{}")).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are \
             required: [States, StartAt] at /'"
        );
    });
}

#[test]
fn an_update_makes_a_revision_and_running_executions_keep_the_old_one() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let arn = machine.as_str();
        let old = world.start(arn, "old", "{}").await.unwrap();
        sleep(5).await;
        let nothing = Configurations::default();
        let definition = Some(PASS);
        let request =
            UpdateStateMachine { arn, definition, role_arn: Some("r2"), configurations: nothing };
        let updated = update(&world, request.clone()).await.unwrap();
        assert_eq!(updated.update_date, BEGIN.plus_seconds(5));
        assert_eq!(updated.revision_id.as_ref().map(|id| id.len()), Some(36));
        sleep(1).await;
        let unchanged = update(&world, request).await.unwrap();
        assert_eq!(unchanged.revision_id, updated.revision_id);

        let new = world.start(arn, "new", r#""new""#).await.unwrap();
        assert_eq!(world.end(&new).await, r#"SUCCEEDED "new""#);
        assert_eq!(world.end(&old).await, r#"SUCCEEDED "old""#);
        let told = async |execution: &str| {
            let (runtime, scope) = (&world.runtime, &world.scope);
            runtime.describe_state_machine_for_execution(scope, execution).await.unwrap()
        };
        let check = |told: StateMachineForExecution, expected: (&str, &str, Timestamp)| {
            let StateMachineForExecution { definition, role_arn, update_date, .. } = &told;
            assert_eq!((&**definition, &**role_arn, *update_date), expected);
            told.revision_id
        };
        assert_eq!(check(told(&old).await, (WAIT, ROLE, BEGIN)), None);
        let update_date = BEGIN.plus_seconds(5);
        let revision = check(told(&new).await, (PASS, "r2", update_date));
        assert_eq!(revision, updated.revision_id);
    });
}

#[test]
fn updates_that_are_refused() {
    alive(async |world: World| {
        let machine = world.machine("m", PASS).await;
        let nothing = UpdateStateMachine {
            arn: &machine,
            definition: None,
            role_arn: None,
            configurations: Configurations::default(),
        };
        let refused = update(&world, nothing.clone()).await;
        assert_eq!(refused, Err(StateMachineError::NothingToUpdate));
        let bad = UpdateStateMachine { definition: Some("{}"), ..nothing.clone() };
        let refused = update(&world, bad).await;
        assert!(matches!(refused, Err(StateMachineError::InvalidDefinition(_))), "{refused:?}");
        for arn in [machine_arn("absent"), format!("{machine}:1")] {
            let request = UpdateStateMachine { arn: &arn, role_arn: Some("r"), ..nothing.clone() };
            let refused = update(&world, request).await;
            assert_eq!(refused, Err(StateMachineError::DoesNotExist(arn)));
        }
    });
}

#[test]
fn a_machine_without_executions_is_deleted_at_once() {
    alive(async |world: World| {
        let machine = world.machine("m", PASS).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        let first = world.runtime.describe_state_machine(&world.scope, &machine).await.unwrap().0;
        world.runtime.delete_state_machine(&world.scope, &machine).await.unwrap();
        assert_eq!(status(&world, &machine).await, None);
        world.runtime.delete_state_machine(&world.scope, &machine).await.unwrap();
        let refused = world.start(&machine, "f", "{}").await;
        assert_eq!(refused, Err(StartError::StateMachineDoesNotExist(machine.clone())));
        // What ran can still be looked at.
        assert_eq!(world.end(&arn).await, "SUCCEEDED {}");
        let told = world.runtime.describe_state_machine_for_execution(&world.scope, &arn).await;
        assert_eq!(&*told.unwrap().definition, PASS);
        // A machine of the same name is another.
        world.machine("m", WAIT).await;
        let second = world.runtime.describe_state_machine(&world.scope, &machine).await.unwrap().0;
        assert_ne!(first.id, second.id);
    });
}

#[test]
fn a_machine_with_executions_goes_with_the_last_of_them() {
    alive(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let first = world.start(&machine, "first", "{}").await.unwrap();
        sleep(5).await;
        let second = world.start(&machine, "second", "{}").await.unwrap();
        world.runtime.delete_state_machine(&world.scope, &machine).await.unwrap();
        assert_eq!(status(&world, &machine).await, Some(StateMachineStatus::Deleting));
        let deleting = StartError::StateMachineDeleting(machine.as_str().into());
        assert_eq!(world.start(&machine, "third", "{}").await, Err(deleting));
        let refused = create(&world, request("m", WAIT)).await;
        assert_eq!(refused, Err(StateMachineError::Deleting(machine.as_str().into())));
        // They are aborted at their next transition.
        sleep(6).await;
        assert_eq!(world.end(&first).await, "ABORTED");
        assert_eq!(status(&world, &machine).await, Some(StateMachineStatus::Deleting));
        assert_eq!(world.end(&second).await, "ABORTED");
        assert_eq!(status(&world, &machine).await, None);
    });
}

#[test]
fn a_deletion_outlives_a_restart() {
    let mut lives = Lives::new();
    let machine = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.start(&machine, "e", "{}").await.unwrap();
        world.runtime.delete_state_machine(&world.scope, &machine).await.unwrap();
        machine
    });
    lives.sleep(100);
    lives.live(async |world: World| {
        assert_eq!(world.end(&execution_arn("m", "e")).await, "ABORTED");
        assert_eq!(status(&world, &machine).await, None);
    });
}

#[test]
fn machines_are_listed_by_name() {
    alive(async |world: World| {
        for name in ["b", "ä", "a", "B", "c"] {
            world.machine(name, PASS).await;
        }
        let other = World { scope: scope("111111111111", "eu-west-1"), ..world.clone() };
        other.machine("elsewhere", PASS).await;
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let request = ListStateMachines { after: after.as_deref(), limit: 2 };
            let list = world.runtime.list_state_machines(&world.scope, request).await.unwrap();
            assert!(list.state_machines.len() <= 2);
            names.extend(list.state_machines.iter().map(|machine| machine.name.to_string()));
            after = list.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(names, ["B", "a", "b", "c", "ä"]);
    });
}

#[test]
fn a_machine_is_read_again_after_a_restart() {
    let mut lives = Lives::new();
    lives.live(async |world: World| world.machine("m", PASS).await);
    lives.live(async |world: World| {
        assert_eq!(world.run(&machine_arn("m"), "e", "[1]").await, "SUCCEEDED [1]");
    });
}

#[test]
fn what_was_read_before_an_update_is_not_remembered_after_it() {
    let mut lives = Lives::new();
    let machine = lives.live(async |world: World| world.machine("m", PASS).await);
    for seed in 0..50 {
        let role = format!("role {seed}");
        let store = Arc::new(UnrulyStore::slow(lives.store.clone(), seed));
        lives.live_on(store, async |world: World| {
            let request = UpdateStateMachine {
                arn: &machine,
                definition: None,
                role_arn: Some(&role),
                configurations: Configurations::default(),
            };
            let describe = || world.runtime.describe_state_machine(&world.scope, &machine);
            let (updated, described) = tokio::join!(update(&world, request), describe());
            updated.unwrap();
            described.unwrap();
            assert_eq!(*describe().await.unwrap().0.role_arn, role);
        });
    }
}

//! What is near to what: the homes of executions.

use std::collections::BTreeSet;

use engine::Home;
use stairwell_runtime::{ExecutionsOf, ListExecutions};

use crate::map_runs::distributed;
use crate::world::{World, alive, machine_arn};

impl World {
    async fn homes(&self, of: ExecutionsOf<'_>) -> Vec<Home> {
        let request = ListExecutions { of, status: None, after: None, limit: 100 };
        let page = self.runtime.list_executions(&self.scope, request).await.unwrap();
        page.executions.iter().map(|header| header.id.home()).collect()
    }
}

#[test]
fn executions_that_nobody_started_for_a_task_are_spread_over_homes() {
    let homes = alive(async |world: World| {
        let pass = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
        let machine = world.machine("m", pass).await;
        for number in 0..20 {
            world.start(&machine, &number.to_string(), "{}").await.unwrap();
        }
        world.homes(ExecutionsOf::StateMachine(&machine)).await
    });
    assert!(homes.into_iter().collect::<BTreeSet<_>>().len() > 15);
}

#[test]
fn a_nested_execution_gets_the_home_of_its_parent() {
    alive(async |world: World| {
        let pass = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
        let child = world.machine("child", pass).await;
        let mut parents = BTreeSet::new();
        for suffix in ["", ".sync"] {
            let name = format!("parent{}", suffix.len());
            let parent = format!(
                r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task",
                    "Resource":"arn:aws:states:::states:startExecution{suffix}",
                    "Parameters":{{"StateMachineArn":"{}","Name":"{name}"}},"End":true}}}}}}"#,
                machine_arn("child")
            );
            let parent = world.machine(&name, &parent).await;
            assert!(world.run(&parent, "p", "{}").await.starts_with("SUCCEEDED"));
            parents.extend(world.homes(ExecutionsOf::StateMachine(&parent)).await);
            let children = world.homes(ExecutionsOf::StateMachine(&child)).await;
            assert_eq!(BTreeSet::from_iter(children), parents);
        }
    });
}

#[test]
fn children_of_a_map_run_get_the_home_of_its_execution() {
    alive(async |world: World| {
        let pass = r#""S":{"Type":"Pass","End":true}"#;
        let machine = world.machine("m", &distributed("STANDARD", pass, "")).await;
        let arn = world.start(&machine, "e", "[1,2,3]").await.unwrap();
        assert!(world.end(&arn).await.starts_with("SUCCEEDED"));
        let parent = world.homes(ExecutionsOf::StateMachine(&machine)).await[0];
        let run = world.map_runs(&arn).await[0].arn.clone();
        assert_eq!(world.homes(ExecutionsOf::MapRun(&run)).await, [parent; 3]);
    });
}

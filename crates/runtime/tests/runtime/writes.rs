//! What is written besides commits survives a crash at each of these writes: versions, aliases, tags
//! and deletions of machines, settings of Map Runs, redrives of whole trees, and removals.

use engine::Status;
use expect_test::expect;
use stairwell_runtime::{
    Configurations, CreateStateMachineAlias, ListMapRuns, ListStateMachineAliases,
    ListStateMachineVersions, MapRunError, Publish, PublishStateMachineVersion, RedriveExecution,
    RouteTo, RuntimeConfig, StartError, StartExecution, StateMachineError, Tag, UpdateMapRun,
    UpdateStateMachine, UpdateStateMachineAlias,
};
use store::MapRunRecord;

use crate::clients::endings;
use crate::map_runs::{distributed, told};
use crate::restarts::nested;
use crate::unruly::{check_crashes, check_faults, check_orders, sound, usual};
use crate::world::{World, execution_arn, machine_arn, masked, persist, sleep};

fn check(
    configure: fn(&mut RuntimeConfig),
    workload: impl AsyncFn(World) -> String,
    expected: expect_test::Expect,
) {
    expected.assert_eq(&sound(configure, &workload).0);
    check_crashes(configure, &workload);
    check_faults(configure, &workload);
    check_orders(configure, &workload, 5);
}

/// The definition of a machine that rests, and says a word.
fn saying(word: &str) -> String {
    format!(
        r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Seconds":5,"Next":"P"}},
            "P":{{"Type":"Pass","Result":"{word}","End":true}}}}}}"#
    )
}

fn version_arn(number: u64) -> String {
    format!("{}:{number}", machine_arn("m"))
}

impl World {
    async fn ensure_published(&self) {
        let arn = &machine_arn("m");
        let request = PublishStateMachineVersion { arn, revision_id: None, description: None };
        let publish =
            async || self.runtime.publish_state_machine_version(&self.scope, request).await;
        persist(publish).await.unwrap();
    }

    async fn ensure_updated(&self, definition: &str) {
        let arn = &machine_arn("m");
        let update = async || {
            let configurations = Configurations::default();
            let definition = Some(definition);
            let request = UpdateStateMachine { arn, definition, role_arn: None, configurations };
            let publication = Some(Publish { description: None });
            self.runtime.update_state_machine_with(&self.scope, request, publication).await
        };
        persist(update).await.unwrap();
    }

    /// An alias of that version, whether it was there before or not.
    async fn ensure_alias(&self, version: u64) {
        let version_arn = &version_arn(version);
        let routes = &[RouteTo { version_arn, weight: 100 }];
        let request = CreateStateMachineAlias { name: "live", description: None, routes };
        let create = async || self.runtime.create_state_machine_alias(&self.scope, request).await;
        match persist(create).await {
            Ok(_) | Err(StateMachineError::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let arn = &format!("{}:live", machine_arn("m"));
        let request = UpdateStateMachineAlias { arn, description: None, routes: Some(routes) };
        let update = async || self.runtime.update_state_machine_alias(&self.scope, request).await;
        persist(update).await.unwrap();
    }

    async fn ensure_started_at(&self, machine: &str, name: &str, input: &str) {
        let request = StartExecution {
            state_machine_arn: machine,
            name: Some(name),
            input: Some(input),
            trace_header: None,
        };
        let start = async || self.runtime.start_execution(&self.scope, request).await;
        match persist(start).await {
            Ok(_) | Err(StartError::AlreadyExists(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn is_there(&self, machine: &str, name: &str) -> bool {
        let arn = &execution_arn(machine, name);
        let describe = async || self.runtime.describe_execution(&self.scope, arn).await;
        persist(describe).await.is_ok()
    }

    /// Versions, aliases and tags of the machine; none where there is no machine.
    async fn told_of_machine(&self) -> Option<String> {
        let arn = &machine_arn("m");
        let request = ListStateMachineVersions { arn, before: None, limit: 10 };
        let list = async || self.runtime.list_state_machine_versions(&self.scope, request).await;
        let versions = match persist(list).await {
            Ok(page) => page.versions.iter().map(|it| it.number).collect::<Vec<_>>(),
            Err(StateMachineError::DoesNotExist(_) | StateMachineError::Arn(_)) => {
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let request = ListStateMachineAliases { arn, after: None, limit: 10 };
        let list = async || self.runtime.list_state_machine_aliases(&self.scope, request).await;
        let aliases = persist(list).await.unwrap().aliases.into_iter();
        let aliases: Vec<_> = aliases
            .map(|it| {
                let routes = it.routes.iter().map(|(arn, weight)| format!("{arn} {weight}"));
                masked(&format!("{} to {}", it.name, routes.collect::<Vec<_>>().join(", ")))
            })
            .collect();
        let list = async || self.runtime.list_tags_for_resource(&self.scope, arn).await;
        let tags = persist(list).await.unwrap();
        let tags: Vec<_> = tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
        Some(format!("versions {versions:?}, aliases {aliases:?}, tags {tags:?}"))
    }

    async fn run_of(&self, execution_arn: &str) -> Option<MapRunRecord> {
        let request = ListMapRuns { execution_arn, after: None, limit: 1 };
        let list = async || self.runtime.list_map_runs(&self.scope, request).await;
        persist(list).await.unwrap().runs.pop()
    }

    /// Lets an execution fail, and redrives it once.
    async fn ensure_redriven(&self, arn: &str) {
        loop {
            self.ensure_ended(arn).await.unwrap();
            let describe = async || self.runtime.describe_execution(&self.scope, arn).await;
            let header = persist(describe).await.unwrap().header;
            if header.redrive_count > 0 || header.status == Status::Succeeded {
                return;
            }
            let request = RedriveExecution { execution_arn: arn, client_token: Some("once") };
            let redrive = async || self.runtime.redrive_execution(&self.scope, request).await;
            persist(redrive).await.unwrap();
        }
    }
}

/// Executions of versions and of an alias, and all that can be changed of their machine. What was
/// done before a crash is done again, which changes nothing.
async fn releases(world: World) -> String {
    if !world.is_there("last", "e").await {
        let arn = machine_arn("m");
        if world.told_of_machine().await.is_none() {
            world.ensure_machine("m", &saying("one")).await;
        }
        if !world.is_there("m", "by-version").await {
            world.ensure_published().await;
            world.ensure_alias(1).await;
            world.ensure_started_at(&format!("{arn}:live"), "by-alias", "1").await;
            world.ensure_updated(&saying("two")).await;
            world.ensure_started_at(&version_arn(1), "by-version", "2").await;
        }
        world.ensure_alias(2).await;
        world.ensure_started_at(&format!("{arn}:live"), "by-new-alias", "3").await;
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let tags = [tag("a", "1"), tag("b", "2")];
        persist(async || world.runtime.tag_resource(&world.scope, &arn, &tags).await)
            .await
            .unwrap();
        let keys = ["a".into()];
        persist(async || world.runtime.untag_resource(&world.scope, &arn, &keys).await)
            .await
            .unwrap();
        let version = version_arn(1);
        let delete =
            async || world.runtime.delete_state_machine_version(&world.scope, &version).await;
        persist(delete).await.unwrap();
        world.ensure_machine("last", &saying("last")).await;
        world.ensure_started("last", "e").await;
    }
    let names = ["m:by-alias", "m:by-version", "m:by-new-alias", "last:e"];
    let told = world.told_of_machine().await.expect("nobody deletes it");
    endings(&world, &names).await + &told
}

#[test]
fn versions_aliases_and_tags() {
    check(
        usual,
        releases,
        expect![[r#"
        m:by-alias SUCCEEDED "one"
        m:by-version SUCCEEDED "one"
        m:by-new-alias SUCCEEDED "two"
        last:e SUCCEEDED "last"
        versions [2], aliases ["live to stateMachine:m:2 100"], tags ["b=2"]"#]],
    );
}

/// A machine that is deleted while its executions run: they are aborted when they next move, and
/// the machine is gone with the last of them.
async fn deletion(world: World) -> String {
    if !world.is_there("last", "e").await {
        world.ensure_machine("m", &saying("one").replace("5", "90")).await;
        for name in ["one", "two"] {
            world.ensure_started("m", name).await;
        }
        world.ensure_machine("last", &saying("last")).await;
        world.ensure_started("last", "e").await;
    }
    let arn = machine_arn("m");
    persist(async || world.runtime.delete_state_machine(&world.scope, &arn).await).await.unwrap();
    let endings = endings(&world, &["m:one", "m:two", "last:e"]).await;
    sleep(1).await;
    let told = world.told_of_machine().await;
    // The name can be taken again.
    format!("{endings}{told:?}")
}

#[test]
fn a_deletion_of_a_machine_whose_executions_run() {
    check(
        usual,
        deletion,
        expect![[r#"
        m:one ABORTED
        m:two ABORTED
        last:e SUCCEEDED "last"
        None"#]],
    );
}

/// A run whose settings are changed while it runs, so that it tolerates what fails in it.
async fn settings(world: World) -> String {
    let states = r#""S":{"Type":"Wait","Seconds":5,"Next":"C"},
        "C":{"Type":"Choice","Default":"P","Choices":[
            {"Variable":"$","NumericGreaterThan":2,"Next":"F"}]},
        "P":{"Type":"Pass","End":true},"F":{"Type":"Fail","Error":"Large"}"#;
    let mut text = String::new();
    for execution_type in ["STANDARD", "EXPRESS"] {
        let machine = execution_type.to_lowercase();
        // Without the records of the children that failed, which have times of their own.
        let more = r#","MaxConcurrency":1,"ResultSelector":{"done.$":"$[?(@ < 5)]"}"#;
        let definition = distributed(execution_type, states, more);
        world.ensure_machine(&machine, &definition).await;
        world.ensure_started_at(&machine_arn(&machine), "e", "[1,2,3,4]").await;
        let arn = execution_arn(&machine, "e");
        let run = loop {
            match world.run_of(&arn).await {
                Some(run) => break run,
                None => sleep(1).await,
            }
        };
        let request = UpdateMapRun {
            map_run_arn: &run.arn,
            max_concurrency: Some(2),
            tolerated_failure_count: Some(2),
            tolerated_failure_percentage: None,
        };
        let update = async || world.runtime.update_map_run(&world.scope, request).await;
        match persist(update).await {
            Ok(()) | Err(MapRunError::NotRunning(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let end = world.ensure_ended(&arn).await;
        let run = world.run_of(&arn).await.expect("it was there");
        let settings = (run.max_concurrency, run.tolerated_failure_count);
        text += &format!("{end:?} {settings:?} {}\n", told(&run.item_counts));
    }
    text
}

#[test]
fn settings_of_map_runs() {
    check(
        usual,
        settings,
        expect![[r#"
        Some("SUCCEEDED {\"done\":[1,2]}") (2, 2) 0 pending, 0 running, 2 succeeded, 2 failed, 0 aborted, 4 in all, 2 written
        Some("SUCCEEDED {\"done\":[1,2]}") (2, 2) 0 pending, 0 running, 2 succeeded, 2 failed, 0 aborted, 4 in all, 2 written
    "#]],
    );
}

/// A parent whose Map Run has children with children of their own, all of which fail until the
/// parent is redriven.
async fn tree(world: World) -> String {
    let child = r#"{"StartAt":"C","States":{"C":{"Type":"Choice","Default":"F","Choices":[
            {"Variable":"$.redrives","NumericGreaterThan":0,"Next":"P"}]},
        "P":{"Type":"Wait","Seconds":1,"End":true},"F":{"Type":"Fail","Error":"Early"}}}"#;
    world.ensure_machine("child", child).await;
    let states = format!(
        r#""S":{{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2",
            "Parameters":{{"StateMachineArn":"{}",
                "Input":{{"redrives.$":"$$.Execution.RedriveCount"}}}},
            "ResultPath":null,"End":true}}"#,
        machine_arn("child")
    );
    let definition = distributed("STANDARD", &states, r#","ToleratedFailureCount":2"#);
    world.ensure_machine("m", &definition).await;
    world.ensure_started_at(&machine_arn("m"), "e", "[1,2,3]").await;
    let arn = execution_arn("m", "e");
    world.ensure_redriven(&arn).await;
    let run = world.run_of(&arn).await.expect("it was there");
    let children = world.map_children(&run.arn).await;
    let statuses: Vec<_> = children.iter().filter_map(|child| child.split_once(' ')).collect();
    let statuses: Vec<_> = statuses.iter().map(|(_, status)| *status).collect();
    let counts = told(&run.item_counts);
    let story = world.story(&arn).await;
    format!(
        "{:?} after {} redrives: {counts}\n{statuses:?}\n{story}",
        run.status, run.redrive_count
    )
}

#[test]
fn a_redrive_of_a_tree() {
    check(
        usual,
        tree,
        expect![[r#"
        Succeeded after 1 redrives: 0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written
        ["Succeeded 1", "Succeeded 1", "Succeeded 1"]
        1<-0 ExecutionStarted
        2<-0 StateEntered Each [1,2,3]
        3<-2 DistributedMapStateStarted
        4<-3 MapRunStarted
        5<-4 MapRunFailed
        6<-5 MapStateFailed
        7<-6 ExecutionFailed States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded
        8<-7 ExecutionRedriven
        9<-4 MapRunRedriven
        10<-9 MapRunSucceeded
        11<-10 MapStateSucceeded
        12<-10 StateExited Each
        13<-12 ExecutionSucceeded [1,2,3]
    "#]],
    );
}

/// Executions of every kind that are kept for a minute after their end.
async fn retention(world: World) -> String {
    if !world.is_there("marker", "e").await {
        world.ensure_machine("child", &saying("child")).await;
        world.ensure_machine("parent", &nested(".sync:2", "child", "")).await;
        let wait = r#""S":{"Type":"Wait","Seconds":1,"End":true}"#;
        for execution_type in ["STANDARD", "EXPRESS"] {
            let machine = execution_type.to_lowercase();
            world.ensure_machine(&machine, &distributed(execution_type, wait, "")).await;
            world.ensure_started_at(&machine_arn(&machine), "e", "[1,2,3]").await;
        }
        world.ensure_started("parent", "e").await;
        world.ensure_machine("marker", &saying("marker")).await;
        world.ensure_started("marker", "e").await;
    }
    sleep(2_000).await;
    let executions = ["parent:e", "child:c", "standard:e", "express:e", "marker:e"];
    endings(&world, &executions).await
}

#[test]
fn removals() {
    let configure = |config: &mut RuntimeConfig| {
        config.retention.default_seconds = Some(60);
        config.retention.machines = [("marker".to_owned(), None)].into();
    };
    check(
        configure,
        retention,
        expect![[r#"
        parent:e is not there
        child:c is not there
        standard:e is not there
        express:e is not there
        marker:e SUCCEEDED "marker"
    "#]],
    );
}

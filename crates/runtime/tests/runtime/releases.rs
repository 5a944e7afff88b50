//! Versions and aliases of state machines, and executions that are started through them.

use std::collections::BTreeMap;

use asl::WorkflowType;
use engine::{EventKind, Timestamp};
use stairwell_runtime::{
    Configurations, CreateStateMachine, CreateStateMachineAlias, ExecutionsOf, GetExecutionHistory,
    ListExecutions, ListStateMachineAliases, ListStateMachineVersions, Publish,
    PublishStateMachineVersion, RouteTo, StartError, StateMachineError, StateMachineVersion, Tag,
    TagError, Tags, UpdateStateMachine, UpdateStateMachineAlias, UpdatedStateMachine,
};

use crate::world::{BEGIN, Lives, ROLE, World, alive, execution_arn, machine_arn, sleep};

/// A machine that says who it is.
fn saying(word: &str) -> String {
    format!(r#"{{"StartAt":"P","States":{{"P":{{"Type":"Pass","Result":"{word}","End":true}}}}}}"#)
}

fn version_arn(number: u64) -> String {
    format!("{}:{number}", machine_arn("m"))
}

async fn update(
    world: &World,
    definition: &str,
    publication: Option<Publish<'_>>,
) -> Result<UpdatedStateMachine, StateMachineError> {
    let arn = &machine_arn("m");
    let (definition, configurations) = (Some(definition), Configurations::default());
    let request = UpdateStateMachine { arn, definition, role_arn: None, configurations };
    world.runtime.update_state_machine_with(&world.scope, request, publication).await
}

async fn publish(
    world: &World,
    revision_id: Option<&str>,
    description: Option<&str>,
) -> Result<StateMachineVersion, StateMachineError> {
    let request = PublishStateMachineVersion { arn: &machine_arn("m"), revision_id, description };
    world.runtime.publish_state_machine_version(&world.scope, request).await
}

/// The machine `m` with the versions 1, which says `one`, and 2, which says `two`.
async fn two_versions(world: &World) {
    world.machine("m", &saying("one")).await;
    publish(world, None, None).await.unwrap();
    let publication = Some(Publish { description: None });
    update(world, &saying("two"), publication).await.unwrap();
}

async fn numbers(world: &World) -> Vec<u64> {
    let arn = &machine_arn("m");
    let (mut before, mut numbers) = (None, Vec::new());
    loop {
        let request = ListStateMachineVersions { arn, before, limit: 2 };
        let page = world.runtime.list_state_machine_versions(&world.scope, request).await.unwrap();
        numbers.extend(page.versions.iter().map(|version| version.number));
        before = page.next;
        if before.is_none() {
            return numbers;
        }
    }
}

async fn delete(world: &World, arn: &str) -> Result<(), StateMachineError> {
    world.runtime.delete_state_machine_version(&world.scope, arn).await
}

async fn create_alias(
    world: &World,
    name: &str,
    routes: &[(&str, u64)],
) -> Result<String, StateMachineError> {
    let routes: Vec<_> =
        routes.iter().map(|&(version_arn, weight)| RouteTo { version_arn, weight }).collect();
    let request = CreateStateMachineAlias { name, description: None, routes: &routes };
    let created = world.runtime.create_state_machine_alias(&world.scope, request).await;
    created.map(|alias| alias.arn.to_string())
}

#[test]
fn a_revision_is_published_once() {
    alive(async |world: World| {
        world.machine("m", &saying("one")).await;
        sleep(1).await;
        let first = publish(&world, Some("INITIAL"), Some("first")).await.unwrap();
        assert_eq!((&*first.arn, first.creation_date), (&*version_arn(1), BEGIN.plus_seconds(1)));
        sleep(1).await;
        assert_eq!(publish(&world, None, Some("other")).await, Ok(first));

        let updated = update(&world, &saying("two"), None).await.unwrap();
        assert_eq!(updated.version_arn, None);
        let revision = updated.revision_id.unwrap();
        assert_eq!(
            publish(&world, Some("INITIAL"), None).await.unwrap_err().to_string(),
            format!(
                "Failed to publish the State Machine version for revision INITIAL. The current \
                 State Machine revision is {revision}."
            )
        );
        assert_eq!(publish(&world, Some(&revision), None).await.unwrap().number, 2);
        let unchanged = update(&world, &saying("two"), Some(Publish { description: None })).await;
        assert_eq!(unchanged.unwrap().version_arn.as_deref(), Some(&*version_arn(2)));
        assert_eq!(numbers(&world).await, [2, 1]);

        let (described, definition) =
            world.runtime.describe_state_machine(&world.scope, &version_arn(1)).await.unwrap();
        assert_eq!(*definition, saying("one"));
        assert_eq!((&*described.arn, &*described.name), (&*version_arn(1), "m"));
        assert_eq!(described.description.as_deref(), Some("first"));
        assert_eq!(described.creation_date, BEGIN.plus_seconds(1));
        assert_eq!(described.revision_id, None);
    });
}

#[test]
fn an_unpublished_machine_tells_its_initial_revision() {
    alive(async |world: World| {
        world.machine("m", &saying("one")).await;
        assert_eq!(
            publish(&world, Some("x"), None).await.unwrap_err().to_string(),
            "Failed to publish the State Machine version for revision x. The current State \
             Machine revision is INITIAL."
        );
        assert_eq!(numbers(&world).await, [0; 0]);
    });
}

#[test]
fn numbers_are_never_given_again() {
    alive(async |world: World| {
        two_versions(&world).await;
        delete(&world, &version_arn(2)).await.unwrap();
        assert_eq!(numbers(&world).await, [1]);
        // The revision is none any more that is published.
        assert_eq!(publish(&world, None, None).await.unwrap().number, 3);
        for arn in [version_arn(2), version_arn(9), format!("{}:1", machine_arn("none"))] {
            assert_eq!(delete(&world, &arn).await, Ok(()), "{arn}");
        }
        assert_eq!(numbers(&world).await, [3, 1]);
        for arn in [machine_arn("m"), format!("{}:name", machine_arn("m"))] {
            assert_eq!(
                delete(&world, &arn).await.unwrap_err().to_string(),
                format!("Invalid Arn: '{arn}'")
            );
        }
    });
}

#[test]
fn what_a_creation_publishes_is_part_of_what_makes_it_the_same() {
    alive(async |world: World| {
        let definition = saying("one");
        let create = async |description: Option<Option<&str>>| {
            let request = CreateStateMachine {
                name: "m",
                definition: &definition,
                role_arn: ROLE,
                workflow_type: WorkflowType::Standard,
                configurations: Configurations::default(),
            };
            let publication = description.map(|description| Publish { description });
            let tags = Tags::default();
            world.runtime.create_state_machine_with(&world.scope, request, publication, tags).await
        };
        let first = create(Some(Some("first"))).await.unwrap();
        assert_eq!(first.version_arn.as_deref(), Some(&*version_arn(1)));
        assert_eq!(create(Some(Some("first"))).await, Ok(first.clone()));
        for other in [None, Some(None), Some(Some("other"))] {
            let refused = StateMachineError::AlreadyExists(first.arn.clone());
            assert_eq!(create(other).await, Err(refused));
        }
        assert_eq!(numbers(&world).await, [1]);
    });
}

#[test]
fn executions_of_a_version_run_what_was_published() {
    alive(async |world: World| {
        two_versions(&world).await;
        sleep(1).await;
        let arn = world.start(&version_arn(1), "old", "{}").await.unwrap();
        assert_eq!(arn, execution_arn("m", "old"));
        assert_eq!(world.end(&arn).await, r#"SUCCEEDED "one""#);
        let header = world.describe(&arn).await.header;
        assert_eq!(*header.state_machine_arn, machine_arn("m"));
        assert_eq!(header.state_machine_version_arn.as_deref(), Some(&*version_arn(1)));
        assert_eq!(header.state_machine_alias_arn, None);
        let (execution_arn, from, limit, reverse) = (&*arn, None, 1, false);
        let request = GetExecutionHistory { execution_arn, from, limit, reverse };
        let history = world.runtime.get_execution_history(&world.scope, request).await.unwrap();
        let EventKind::ExecutionStarted { state_machine_version_arn: told, .. } =
            &history.events[0].kind
        else {
            panic!("{history:?}");
        };
        assert_eq!(told.as_deref(), Some(&*version_arn(1)));

        let runtime = &world.runtime;
        let told = runtime.describe_state_machine_for_execution(&world.scope, &arn).await.unwrap();
        assert_eq!((&*told.arn, told.revision_id), (&*machine_arn("m"), None));
        assert_eq!((&*told.definition, told.update_date), (&*saying("one"), BEGIN));

        assert_eq!(world.run(&machine_arn("m"), "new", "{}").await, r#"SUCCEEDED "two""#);
        for absent in [version_arn(3), format!("{}:none", machine_arn("m"))] {
            let refused = StartError::StateMachineDoesNotExist(absent.clone());
            assert_eq!(world.start(&absent, "e", "{}").await, Err(refused));
        }
        delete(&world, &version_arn(1)).await.unwrap();
        let refused = StartError::StateMachineDoesNotExist(version_arn(1));
        assert_eq!(world.start(&version_arn(1), "e", "{}").await, Err(refused));
    });
}

#[test]
fn executions_are_listed_by_what_they_were_started_through() {
    alive(async |world: World| {
        two_versions(&world).await;
        let alias = create_alias(&world, "live", &[(&version_arn(2), 100)]).await.unwrap();
        for round in 0..3 {
            for (name, arn) in
                [("v", version_arn(1)), ("a", alias.clone()), ("m", machine_arn("m"))]
            {
                world.run(&arn, &format!("{name}{round}"), "{}").await;
                sleep(1).await;
            }
        }
        let list = async |arn: &str| {
            let (mut after, mut names) = (None, Vec::new());
            loop {
                let of = ExecutionsOf::StateMachine(arn);
                let request = ListExecutions { of, status: None, after, limit: 2 };
                let page = world.runtime.list_executions(&world.scope, request).await.unwrap();
                assert!(page.executions.len() <= 2);
                names.extend(page.executions.iter().map(|header| header.name.to_string()));
                after = page.next;
                if after.is_none() {
                    return names.join(" ");
                }
            }
        };
        assert_eq!(list(&version_arn(1)).await, "v2 v1 v0");
        assert_eq!(list(&version_arn(2)).await, "a2 a1 a0");
        assert_eq!(list(&alias).await, "a2 a1 a0");
        assert_eq!(list(&machine_arn("m")).await, "m2 a2 v2 m1 a1 v1 m0 a0 v0");
        let of = ExecutionsOf::StateMachine(&version_arn(3));
        let request = ListExecutions { of, status: None, after: None, limit: 2 };
        let refused = world.runtime.list_executions(&world.scope, request).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("State Machine Does Not Exist: '{}'", version_arn(3))
        );
    });
}

#[test]
fn executions_of_a_version_are_found_behind_many_others() {
    alive(async |world: World| {
        two_versions(&world).await;
        for (word, others) in [("first", 1_100), ("second", 999)] {
            world.start(&version_arn(1), word, "{}").await.unwrap();
            for number in 0..others {
                let name = format!("{word}{number}");
                world.start(&machine_arn("m"), &name, "{}").await.unwrap();
            }
        }
        let list = async |after, limit| {
            let of = ExecutionsOf::StateMachine(&version_arn(1));
            let request = ListExecutions { of, status: None, after, limit };
            let page = world.runtime.list_executions(&world.scope, request).await.unwrap();
            let names: Vec<_> = page.executions.iter().map(|header| header.name.clone()).collect();
            (names.join(" "), page.next)
        };
        assert_eq!(list(None, 2).await, ("second first".to_owned(), None));
        let (names, next) = list(None, 1).await;
        assert_eq!(names, "second");
        assert!(next.is_some());
        assert_eq!(list(next, 1).await, ("first".to_owned(), None));
    });
}

#[test]
fn an_alias_divides_starts_by_weight() {
    alive(async |world: World| {
        two_versions(&world).await;
        let routes = [(&*version_arn(1), 80), (&*version_arn(2), 20)];
        let alias = create_alias(&world, "live", &routes).await.unwrap();
        assert_eq!(alias, format!("{}:live", machine_arn("m")));
        let mut counts = BTreeMap::new();
        for round in 0..200 {
            let arn = world.start(&alias, &format!("e{round}"), "{}").await.unwrap();
            let header = world.describe(&arn).await.header;
            assert_eq!(header.state_machine_alias_arn.as_deref(), Some(&*alias));
            let version = header.state_machine_version_arn.unwrap().to_string();
            let word = if version == version_arn(1) { "one" } else { "two" };
            assert_eq!(world.end(&arn).await, format!("SUCCEEDED \"{word}\""));
            *counts.entry(version).or_insert(0) += 1;
        }
        let few = counts[&version_arn(2)];
        assert!((20..=60).contains(&few), "about 40 of 200 starts: {counts:?}");
        let none = [(&*version_arn(1), 0), (&*version_arn(2), 100)];
        let routes = none.map(|(version_arn, weight)| RouteTo { version_arn, weight });
        let request =
            UpdateStateMachineAlias { arn: &alias, description: None, routes: Some(&routes) };
        world.runtime.update_state_machine_alias(&world.scope, request).await.unwrap();
        for round in 0..20 {
            let name = format!("f{round}");
            assert_eq!(world.run(&alias, &name, "{}").await, r#"SUCCEEDED "two""#);
        }
    });
}

#[test]
fn nested_executions_are_started_through_aliases() {
    alive(async |world: World| {
        two_versions(&world).await;
        let alias = create_alias(&world, "live", &[(&version_arn(1), 100)]).await.unwrap();
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true,"OutputPath":"$.Output",
                "Resource":"arn:aws:states:::states:startExecution.sync:2",
                "Parameters":{{"StateMachineArn":"{alias}","Name":"c","Input":{{}}}}}}}}}}"#
        );
        let parent = world.machine("parent", &definition).await;
        assert_eq!(world.run(&parent, "p", "{}").await, r#"SUCCEEDED "one""#);
        let header = world.describe(&execution_arn("m", "c")).await.header;
        assert_eq!(header.state_machine_alias_arn.as_deref(), Some(&*alias));
        assert_eq!(header.state_machine_version_arn.as_deref(), Some(&*version_arn(1)));
    });
}

#[test]
fn an_alias_is_made_once_and_keeps_its_versions() {
    alive(async |world: World| {
        two_versions(&world).await;
        let arn = create_alias(&world, "live", &[(&version_arn(1), 100)]).await.unwrap();
        sleep(1).await;
        assert_eq!(create_alias(&world, "live", &[(&version_arn(1), 100)]).await, Ok(arn.clone()));
        let other = create_alias(&world, "live", &[(&version_arn(2), 100)]).await;
        assert!(matches!(other, Err(StateMachineError::Conflict(_))), "{other:?}");
        assert_eq!(
            delete(&world, &version_arn(1)).await.unwrap_err().to_string(),
            "Version to be deleted must not be referenced by an alias. Current list of aliases \
             referencing this version: [live]"
        );
        let (runtime, scope) = (&world.runtime, &world.scope);
        let change = UpdateStateMachineAlias { arn: &arn, description: Some("d"), routes: None };
        let updated = runtime.update_state_machine_alias(scope, change).await.unwrap();
        let described = runtime.describe_state_machine_alias(scope, &arn).await.unwrap();
        assert_eq!(described.description.as_deref(), Some("d"));
        assert_eq!(described.routes, [(version_arn(1).into(), 100)]);
        assert_eq!((described.creation_date, described.update_date), (BEGIN, updated));
        assert_eq!(updated, BEGIN.plus_seconds(1));

        runtime.delete_state_machine_alias(scope, &arn).await.unwrap();
        let gone = StateMachineError::ResourceNotFound;
        assert_eq!(runtime.delete_state_machine_alias(scope, &arn).await, Ok(()));
        assert_eq!(runtime.describe_state_machine_alias(scope, &arn).await, Err(gone.clone()));
        assert_eq!(runtime.update_state_machine_alias(scope, change).await, Err(gone));
        assert_eq!(delete(&world, &version_arn(1)).await, Ok(()));
    });
}

#[test]
fn routes_that_make_no_sense_are_refused() {
    alive(async |world: World| {
        two_versions(&world).await;
        world.machine("other", &saying("other")).await;
        let (machine, one, two) = (&*machine_arn("m"), &*version_arn(1), &*version_arn(2));
        let (elsewhere, absent) = (&*format!("{}:1", machine_arn("other")), &*version_arn(7));
        let named = &*format!("{machine}:name");
        let not_versions = "Routing configuration must contain state machine version ARNs";
        for (routes, expected) in [
            (
                &[(machine, 70), (two, 30)][..],
                format!("{not_versions}. Received: [{machine}, {two}]"),
            ),
            (&[(named, 100)], format!("{not_versions}. Received: [{named}]")),
            (&[("x", 100)], "Invalid Arn: 'Invalid ARN prefix: x'".to_owned()),
            (&[], format!("{not_versions}. Received: []")),
            (
                &[(one, 50), (one, 50)],
                format!(
                    "Routing configuration must contain distinct state machine version ARNs. \
                     Received: [{one}, {one}]"
                ),
            ),
            (
                &[(one, 70), (two, 29)],
                "Sum of routing configuration weights must equal 100. Received: [70, 29]"
                    .to_owned(),
            ),
            (
                &[(one, 50), (elsewhere, 50)],
                format!(
                    "Routing configuration must contain versions of one state machine. Received: \
                     [{one}, {elsewhere}]"
                ),
            ),
            (&[(absent, 100)], "Request references a resource that does not exist.".to_owned()),
            (&[(elsewhere, 100)], "Request references a resource that does not exist.".to_owned()),
        ] {
            let refused = create_alias(&world, "live", routes).await.unwrap_err();
            assert_eq!(refused.to_string(), expected);
        }
        let arn = &create_alias(&world, "live", &[(one, 100)]).await.unwrap();
        let elsewhere = [RouteTo { version_arn: elsewhere, weight: 100 }];
        for (routes, expected) in [
            (None, "Either the description or the routing configuration must be specified"),
            (Some(&elsewhere[..]), "Routing configuration must contain versions of the alias's"),
        ] {
            let request = UpdateStateMachineAlias { arn, description: None, routes };
            let refused = world.runtime.update_state_machine_alias(&world.scope, request).await;
            let refused = refused.unwrap_err().to_string();
            assert!(refused.starts_with(expected), "{refused}");
        }
        for arn in [machine, one] {
            let refused = world.runtime.describe_state_machine_alias(&world.scope, arn).await;
            assert_eq!(refused.unwrap_err().to_string(), format!("Invalid Arn: '{arn}'"));
        }
    });
}

#[test]
fn a_machine_has_a_hundred_aliases_listed_oldest_first() {
    alive(async |world: World| {
        two_versions(&world).await;
        let mut expected = Vec::new();
        for number in (0..100).rev() {
            let version = version_arn(1 + number % 2);
            expected.push(
                create_alias(&world, &format!("a{number}"), &[(&version, 100)]).await.unwrap(),
            );
        }
        let one_more = create_alias(&world, "b", &[(&version_arn(1), 100)]).await;
        assert!(matches!(one_more, Err(StateMachineError::QuotaExceeded(_))), "{one_more:?}");
        let list = async |arn: &str| {
            let (mut after, mut arns) = (None, Vec::new());
            loop {
                let request = ListStateMachineAliases { arn, after, limit: 33 };
                let page = world.runtime.list_state_machine_aliases(&world.scope, request).await?;
                arns.extend(page.aliases.iter().map(|alias| alias.arn.to_string()));
                after = page.next;
                if after.is_none() {
                    return Ok::<_, StateMachineError>(arns);
                }
            }
        };
        assert_eq!(list(&machine_arn("m")).await, Ok(expected.clone()));
        let of_two: Vec<_> = expected.into_iter().step_by(2).collect();
        assert_eq!(list(&version_arn(2)).await, Ok(of_two));
        let absent = version_arn(3);
        assert_eq!(list(&absent).await, Err(StateMachineError::ResourceNotFound));
        let absent = machine_arn("none");
        assert_eq!(list(&absent).await, Err(StateMachineError::DoesNotExist(absent.clone())));
    });
}

#[test]
fn a_machine_takes_its_versions_and_aliases_with_it() {
    alive(async |world: World| {
        two_versions(&world).await;
        let alias = create_alias(&world, "live", &[(&version_arn(2), 100)]).await.unwrap();
        world.runtime.delete_state_machine(&world.scope, &machine_arn("m")).await.unwrap();
        for arn in [alias, version_arn(2)] {
            let refused = StartError::StateMachineDoesNotExist(arn.clone());
            assert_eq!(world.start(&arn, "e", "{}").await, Err(refused));
        }
        let absent = StateMachineError::DoesNotExist(machine_arn("m"));
        assert_eq!(publish(&world, None, None).await, Err(absent));
        world.machine("m", &saying("again")).await;
        assert_eq!(publish(&world, None, None).await.unwrap().number, 1);
    });
}

#[test]
fn a_machine_that_is_being_deleted_changes_no_more() {
    alive(async |world: World| {
        two_versions(&world).await;
        let alias = &create_alias(&world, "live", &[(&version_arn(1), 100)]).await.unwrap();
        let waiting = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;
        update(&world, waiting, None).await.unwrap();
        world.start(&machine_arn("m"), "e", "{}").await.unwrap();
        world.runtime.delete_state_machine(&world.scope, &machine_arn("m")).await.unwrap();
        let deleting = StateMachineError::Deleting(machine_arn("m").into());
        assert_eq!(publish(&world, None, None).await, Err(deleting.clone()));
        let created = create_alias(&world, "b", &[(&version_arn(1), 100)]).await;
        assert_eq!(created, Err(deleting.clone()));
        let change = UpdateStateMachineAlias { arn: alias, description: Some("d"), routes: None };
        let updated = world.runtime.update_state_machine_alias(&world.scope, change).await;
        assert_eq!(updated, Err(deleting));
        let refused = StartError::StateMachineDeleting(machine_arn("m").into());
        assert_eq!(world.start(alias, "f", "{}").await, Err(refused));
    });
}

#[test]
fn versions_aliases_and_tags_outlive_the_process() {
    let mut lives = Lives::new();
    let tag = Tag { key: "k".into(), value: "v".into() };
    lives.live(async |world: World| {
        two_versions(&world).await;
        create_alias(&world, "live", &[(&version_arn(1), 100)]).await.unwrap();
        let tags = [tag.clone()];
        world.runtime.tag_resource(&world.scope, &machine_arn("m"), &tags).await.unwrap();
        delete(&world, &version_arn(2)).await.unwrap();
    });
    lives.live(async |world: World| {
        assert_eq!(numbers(&world).await, [1]);
        let alias = format!("{}:live", machine_arn("m"));
        assert_eq!(world.run(&alias, "e", "{}").await, r#"SUCCEEDED "one""#);
        let tags = world.runtime.list_tags_for_resource(&world.scope, &machine_arn("m")).await;
        assert_eq!(tags.unwrap().iter().collect::<Vec<_>>(), [&tag]);
        assert_eq!(publish(&world, None, None).await.unwrap().number, 3);
    });
}

#[test]
fn machines_and_activities_are_tagged() {
    alive(async |world: World| {
        let machine = world.machine("m", &saying("one")).await;
        let activity = world.activity("a").await;
        publish(&world, None, None).await.unwrap();
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let (runtime, scope) = (&world.runtime, &world.scope);
        for arn in [&*machine, &*activity] {
            runtime.tag_resource(scope, arn, &[tag("a", "1"), tag("b", "")]).await.unwrap();
            runtime.tag_resource(scope, arn, &[tag("a", "2")]).await.unwrap();
            let tags = runtime.list_tags_for_resource(scope, arn).await.unwrap();
            assert_eq!(tags.iter().collect::<Vec<_>>(), [&tag("a", "2"), &tag("b", "")]);
            runtime.untag_resource(scope, arn, &["a".into(), "none".into()]).await.unwrap();
            let tags = runtime.list_tags_for_resource(scope, arn).await.unwrap();
            assert_eq!(tags.iter().collect::<Vec<_>>(), [&tag("b", "")]);
            let many: Vec<_> = (0..50).map(|at| tag(&at.to_string(), "")).collect();
            let refused = runtime.tag_resource(scope, arn, &many).await;
            assert_eq!(refused, Err(TagError::TooManyTags));
        }
        for absent in [version_arn(1), machine_arn("none"), format!("{activity}x")] {
            let not_found = Err(TagError::ResourceNotFound(absent.clone()));
            assert_eq!(runtime.tag_resource(scope, &absent, &[]).await, not_found);
            assert_eq!(runtime.untag_resource(scope, &absent, &[]).await, not_found);
            let listed = runtime.list_tags_for_resource(scope, &absent).await;
            assert_eq!(listed.map(drop), not_found);
        }
        // Tags are no revision.
        let (described, _) = runtime.describe_state_machine(scope, &machine).await.unwrap();
        assert_eq!((described.update_date, &described.revision_id), (None::<Timestamp>, &None));
    });
}

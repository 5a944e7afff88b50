//! The administrator: makes machines, versions, aliases, tags and roles, and changes them. What it
//! was answered is its model of what must be there in the end.

use std::collections::{BTreeMap, BTreeSet};

use asl::WorkflowType;
use identity::{CreatePrincipal, Identities, IdentityError, PrincipalChange, PrincipalType};
use runtime::{
    ActivityError, Configurations, CreateActivity, CreateStateMachine, CreateStateMachineAlias,
    ListStateMachineVersions, OperationalError, Publish, PublishStateMachineVersion, RouteTo,
    Runtime, StateMachineError, Tag, TagError, UpdateStateMachine, UpdateStateMachineAlias,
};

use crate::definitions::{ACTIVITY, CALLBACK};
use crate::outside::{Caller, PAUSE, machine_arn};
use crate::plan::{Change, ChangePlan};
use crate::world::scope;
use crate::{MachinePlan, Plan};

/// What must be there of a state machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MachineModel {
    versions: BTreeSet<u64>,
    alias: Option<u64>,
    tags: BTreeMap<String, String>,
}

/// What is done before the first start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Role { is_denied: bool },
    Activity,
    Callback,
    Create(usize),
    Publish(usize),
    Update(usize),
    Alias(usize),
    Tag(usize),
}

impl Plan {
    /// Everything that is done before the first start, in order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Activity, Step::Callback];
        if self.has_roles {
            steps.extend([false, true].map(|is_denied| Step::Role { is_denied }));
        }
        for (index, machine) in self.machines.iter().enumerate() {
            steps.push(Step::Create(index));
            if machine.first_definition.is_some() {
                steps.extend([Step::Publish(index), Step::Update(index), Step::Alias(index)]);
                steps.push(Step::Tag(index));
            }
        }
        steps
    }

    /// Whether the machine or its alias goes away one day.
    pub(crate) fn goes_away(&self, machine: usize) -> bool {
        let goes = |change: Change| matches!(change, Change::Delete | Change::DeleteAlias);
        self.changes.iter().any(|it| it.machine == machine && goes(it.change))
    }
}

fn role_arn(plan: &Plan, is_denied: bool) -> String {
    let name = if plan.has_roles && is_denied { "denied" } else { "world" };
    format!("arn:aws:iam::123456789012:role/{name}")
}

/// The error of an operation that may be tried again.
fn is_operational(error: &StateMachineError) -> bool {
    matches!(error, StateMachineError::Operational(_))
}

fn number_of(version_arn: &str) -> u64 {
    version_arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

impl Caller {
    /// Makes everything that is to be there before the first start.
    pub(crate) async fn set_up(&self, identities: &Identities) {
        let steps = self.plan.steps();
        loop {
            let done = self.outside.borrow().steps_done;
            let Some(step) = steps.get(done) else { return };
            match self.step(identities, *step).await {
                Ok(true) => self.outside.borrow_mut().steps_done += 1,
                Ok(false) => tokio::time::sleep(PAUSE).await,
                Err(complaint) => return self.complain(format!("{step:?}: {complaint}")),
            }
        }
    }

    /// Says whether it is done.
    async fn step(&self, identities: &Identities, step: Step) -> Result<bool, String> {
        match step {
            Step::Role { is_denied } => self.make_role(identities, is_denied).await,
            Step::Activity => {
                let request = CreateActivity { name: ACTIVITY, encryption: None };
                match self.runtime.create_activity(&scope(), request).await {
                    Ok(_) => Ok(true),
                    Err(ActivityError::Operational(_)) => Ok(false),
                    Err(other) => Err(other.to_string()),
                }
            }
            Step::Callback => {
                let definition = r#"{"StartAt":"Told","States":{"Told":{"Type":"Succeed"}}}"#;
                self.make_machine(&MachinePlan::new(CALLBACK, definition)).await
            }
            Step::Create(index) => self.make_machine(&self.plan.machines[index]).await,
            Step::Publish(index) => self.publish(index).await,
            Step::Update(index) => self.update(index, false).await,
            Step::Alias(index) => self.make_alias(index).await,
            Step::Tag(index) => {
                let added = self.tag(index, "a", "1").await?;
                Ok(added && self.tag(index, "b", "2").await?)
            }
        }
    }

    async fn make_role(&self, identities: &Identities, is_denied: bool) -> Result<bool, String> {
        let name = if is_denied { "denied" } else { "world" };
        let create = CreatePrincipal {
            principal_type: PrincipalType::Role,
            name: name.to_owned(),
            path: "/".to_owned(),
            description: None,
            trust: None,
            max_session_seconds: 3_600,
            boundary: None,
            tags: Vec::new(),
        };
        let account = scope().account;
        match identities.create_principal(&account, create, self.runtime.now()).await {
            Ok(_) | Err(IdentityError::AlreadyExists(_)) => {}
            Err(IdentityError::Store(_)) => return Ok(false),
            Err(other) => return Err(other.to_string()),
        }
        let deny = r#",{"Effect":"Deny","Resource":"*",
            "Action":["lambda:InvokeFunction","states:StartExecution"]}"#;
        let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{allow}{}]}}"#,
            if is_denied { deny } else { "" },
        );
        let change = PrincipalChange::PutInline("all".to_owned(), policy);
        let role = PrincipalType::Role;
        match identities.change_principal(&account, role, name, &change).await {
            Ok(_) => Ok(true),
            Err(IdentityError::Store(_)) => Ok(false),
            Err(other) => Err(other.to_string()),
        }
    }

    async fn make_machine(&self, machine: &MachinePlan) -> Result<bool, String> {
        let definition = machine.first_definition.as_ref().unwrap_or(&machine.definition);
        let request = CreateStateMachine {
            name: &machine.name,
            definition,
            role_arn: &role_arn(&self.plan, machine.is_denied),
            workflow_type: match machine.is_express {
                true => WorkflowType::Express,
                false => WorkflowType::Standard,
            },
            configurations: Configurations::default(),
        };
        match self.runtime.create_state_machine(&scope(), request).await {
            Ok(_) => {
                let name = machine.name.clone();
                self.outside.borrow_mut().models.insert(name, Some(MachineModel::default()));
                Ok(true)
            }
            Err(error) if is_operational(&error) => Ok(false),
            Err(other) => Err(format!("{other} {definition}")),
        }
    }

    /// Notes what an answer says of a machine that is there.
    fn note(&self, machine: usize, change: impl FnOnce(&mut MachineModel)) {
        let name = &self.plan.machines[machine].name;
        if let Some(Some(model)) = self.outside.borrow_mut().models.get_mut(name) {
            change(model);
        }
    }

    fn model(&self, machine: usize) -> Option<MachineModel> {
        let name = &self.plan.machines[machine].name;
        self.outside.borrow().models.get(name).cloned().flatten()
    }

    fn arn(&self, machine: usize) -> String {
        machine_arn(&self.plan.machines[machine].name)
    }

    async fn publish(&self, machine: usize) -> Result<bool, String> {
        let arn = &self.arn(machine);
        let request = PublishStateMachineVersion { arn, revision_id: None, description: None };
        match self.runtime.publish_state_machine_version(&scope(), request).await {
            Ok(version) => {
                self.note(machine, |model| {
                    model.versions.insert(version.number);
                });
                Ok(true)
            }
            Err(error) if is_operational(&error) => Ok(false),
            Err(other) => Err(other.to_string()),
        }
    }

    async fn update(&self, machine: usize, to_first: bool) -> Result<bool, String> {
        let arn = &self.arn(machine);
        let MachinePlan { definition, first_definition, .. } = &self.plan.machines[machine];
        let first = first_definition.as_ref().filter(|_| to_first);
        let request = UpdateStateMachine {
            arn,
            definition: Some(first.unwrap_or(definition)),
            role_arn: None,
            configurations: Configurations::default(),
        };
        let publication = Some(Publish { description: None });
        let scope = scope();
        let updated = self.runtime.update_state_machine_with(&scope, request, publication);
        match updated.await {
            Ok(updated) => {
                let number = updated.version_arn.as_deref().map_or(0, number_of);
                self.note(machine, |model| {
                    model.versions.insert(number);
                });
                Ok(true)
            }
            Err(error) if is_operational(&error) => Ok(false),
            Err(other) => Err(other.to_string()),
        }
    }

    async fn make_alias(&self, machine: usize) -> Result<bool, String> {
        let version_arn = &format!("{}:1", self.arn(machine));
        let routes = &[RouteTo { version_arn, weight: 100 }];
        let request = CreateStateMachineAlias { name: "live", description: None, routes };
        match self.runtime.create_state_machine_alias(&scope(), request).await {
            Ok(_) => {
                self.note(machine, |model| model.alias = Some(1));
                Ok(true)
            }
            Err(error) if is_operational(&error) => Ok(false),
            Err(other) => Err(other.to_string()),
        }
    }

    async fn tag(&self, machine: usize, key: &str, value: &str) -> Result<bool, String> {
        let tags = [Tag { key: key.into(), value: value.into() }];
        match self.runtime.tag_resource(&scope(), &self.arn(machine), &tags).await {
            Ok(()) => {
                let (key, value) = (key.to_owned(), value.to_owned());
                self.note(machine, |model| drop(model.tags.insert(key, value)));
                Ok(true)
            }
            Err(TagError::Operational(_)) => Ok(false),
            Err(other) => Err(other.to_string()),
        }
    }

    /// Changes the machines, one after the other.
    pub(crate) async fn change_all(&self) {
        let mut changes = self.plan.changes.clone();
        changes.sort_by_key(|change| change.at_milliseconds);
        loop {
            let done = self.outside.borrow().changes_done;
            let Some(change) = changes.get(done) else { return };
            self.running.sleep_until(change.at_milliseconds).await;
            match self.change(*change).await {
                Ok(true) => self.outside.borrow_mut().changes_done += 1,
                Ok(false) => tokio::time::sleep(PAUSE).await,
                Err(complaint) => return self.complain(format!("{change:?}: {complaint}")),
            }
        }
    }

    /// Says whether it is done. What was done, and the answer lost, is done again: that is fine.
    async fn change(&self, planned: ChangePlan) -> Result<bool, String> {
        let machine = planned.machine;
        let Some(model) = self.model(machine) else { return Ok(true) };
        let arn = self.arn(machine);
        match planned.change {
            Change::Update { to_first } => self.update(machine, to_first).await,
            Change::Tag(value) => self.tag(machine, "changed", &value.to_string()).await,
            Change::Untag => {
                match self.runtime.untag_resource(&scope(), &arn, &["a".into()]).await {
                    Ok(()) => {
                        self.note(machine, |model| drop(model.tags.remove("a")));
                        Ok(true)
                    }
                    Err(TagError::Operational(_)) => Ok(false),
                    Err(other) => Err(other.to_string()),
                }
            }
            Change::Route => match (model.alias, model.versions.last()) {
                (Some(_), Some(newest)) => self.route(machine, *newest).await,
                _ => Ok(true),
            },
            Change::DeleteAlias if model.alias.is_none() => Ok(true),
            Change::DeleteAlias => {
                let arn = format!("{arn}:live");
                match self.runtime.delete_state_machine_alias(&scope(), &arn).await {
                    Ok(()) | Err(StateMachineError::ResourceNotFound) => {
                        self.note(machine, |model| model.alias = None);
                        Ok(true)
                    }
                    Err(error) if is_operational(&error) => Ok(false),
                    Err(other) => Err(other.to_string()),
                }
            }
            Change::Delete => match self.runtime.delete_state_machine(&scope(), &arn).await {
                Ok(()) => {
                    let name = self.plan.machines[machine].name.clone();
                    self.outside.borrow_mut().models.insert(name, None);
                    Ok(true)
                }
                Err(error) if is_operational(&error) => Ok(false),
                Err(other) => Err(other.to_string()),
            },
        }
    }

    async fn route(&self, machine: usize, version: u64) -> Result<bool, String> {
        let arn = &format!("{}:live", self.arn(machine));
        let version_arn = &format!("{}:{version}", self.arn(machine));
        let routes = Some(&[RouteTo { version_arn, weight: 100 }][..]);
        let request = UpdateStateMachineAlias { arn, description: None, routes };
        match self.runtime.update_state_machine_alias(&scope(), request).await {
            Ok(_) => {
                self.note(machine, |model| model.alias = Some(version));
                Ok(true)
            }
            Err(error) if is_operational(&error) => Ok(false),
            Err(other) => Err(other.to_string()),
        }
    }
}

/// Looks at the machines when everything has ended: what was acknowledged is there, and no more.
pub(crate) async fn check_machines(
    runtime: &Runtime,
    models: &BTreeMap<String, Option<MachineModel>>,
) -> Result<(), String> {
    for (name, model) in models {
        let found =
            find_machine(runtime, name).await.map_err(|error| format!("{name}: {error}"))?;
        if found != *model {
            return Err(format!("of {name} there is {found:?}, and there should be {model:?}"));
        }
    }
    Ok(())
}

async fn find_machine(
    runtime: &Runtime,
    name: &str,
) -> Result<Option<MachineModel>, StateMachineError> {
    let arn = &machine_arn(name);
    let request = ListStateMachineVersions { arn, before: None, limit: 1_000 };
    let versions = match runtime.list_state_machine_versions(&scope(), request).await {
        Ok(page) => page.versions.iter().map(|version| version.number).collect(),
        // The answer of AWS where the state machine is not there.
        Err(StateMachineError::Arn(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let alias = runtime.describe_state_machine_alias(&scope(), &format!("{arn}:live")).await;
    let alias = match alias {
        Ok(alias) => alias.routes.first().map(|(arn, _)| number_of(arn)),
        Err(StateMachineError::ResourceNotFound) => None,
        Err(other) => return Err(other),
    };
    let tags = runtime.list_tags_for_resource(&scope(), arn).await;
    let tags = tags.map_err(|error| match error {
        TagError::Operational(error) => StateMachineError::Operational(error),
        _ => StateMachineError::Operational(OperationalError::ShuttingDown),
    })?;
    let tags = tags.iter().map(|tag| (tag.key.to_string(), tag.value.to_string())).collect();
    Ok(Some(MachineModel { versions, alias, tags }))
}

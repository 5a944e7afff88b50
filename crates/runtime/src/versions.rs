//! Versions of state machines: publish, list, delete.

use std::sync::Arc;

use engine::Timestamp;
use store::Scope;

use crate::machines::Known;
use crate::releases::{Releases, VERSIONS_MAX, Version, version_number};
use crate::shell::Shell;
use crate::{
    Arn, ArnError, Runtime, StateMachine, StateMachineArn, StateMachineError, StateMachineStatus,
};

/// What names the revision of a state machine that was never updated.
const INITIAL_REVISION: &str = "INITIAL";

/// `publish` of CreateStateMachine and UpdateStateMachine, with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// `versionDescription`
    pub description: Option<&'a str>,
}

/// PublishStateMachineVersion.
#[derive(Clone, Copy, Debug)]
pub struct PublishStateMachineVersion<'a> {
    /// `stateMachineArn`
    pub arn: &'a str,
    /// `revisionId`: the revision that must be the current one.
    pub revision_id: Option<&'a str>,
    /// `description`
    pub description: Option<&'a str>,
}

/// A version as it is answered and listed.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineVersion {
    /// `stateMachineVersionArn`
    pub arn: Arc<str>,
    /// Its number.
    pub number: u64,
    /// `creationDate`
    pub creation_date: Timestamp,
}

/// ListStateMachineVersions.
#[derive(Clone, Copy, Debug)]
pub struct ListStateMachineVersions<'a> {
    /// `stateMachineArn`
    pub arn: &'a str,
    /// The number that the last page ended with.
    pub before: Option<u64>,
    /// How many at most; at least 1.
    pub limit: usize,
}

/// A page of versions, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineVersionList {
    /// The versions.
    pub versions: Vec<StateMachineVersion>,
    /// What [`ListStateMachineVersions::before`] of the next page is; none at the end.
    pub next: Option<u64>,
}

impl Runtime {
    /// PublishStateMachineVersion. A revision is published once: the same again answers the same
    /// version, and its description stays.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist` (qualified ARNs too), `Deleting`, `Conflict` where another revision is
    /// current, `QuotaExceeded`.
    pub async fn publish_state_machine_version(
        &self,
        scope: &Scope,
        request: PublishStateMachineVersion<'_>,
    ) -> Result<StateMachineVersion, StateMachineError> {
        let PublishStateMachineVersion { arn, revision_id, description } = request;
        let parsed = Arn::state_machine(arn)?;
        let now = self.shell.now();
        let change = |known: &Known| {
            let machine = &known.machine;
            check_active(machine)?;
            let current = machine.revision_id.as_deref().unwrap_or(INITIAL_REVISION);
            if let Some(given) = revision_id.filter(|given| *given != current) {
                return Err(StateMachineError::Conflict(format!(
                    "Failed to publish the State Machine version for revision {given}. The \
                     current State Machine revision is {current}."
                )));
            }
            let mut releases = known.releases.clone();
            let version = publish(&mut releases, machine, description, now)?;
            let changed = Known { releases, ..known.clone() };
            Ok((Some(changed), listed(machine, &version)))
        };
        if parsed.qualifier.is_some() {
            return Err(StateMachineError::DoesNotExist(arn.to_owned()));
        }
        self.shell.change_machine(scope, &parsed, change).await
    }

    /// ListStateMachineVersions.
    ///
    /// # Errors
    /// `Arn`, also where there is no such machine (qualified ARNs too): AWS's model has no other
    /// error for it.
    pub async fn list_state_machine_versions(
        &self,
        scope: &Scope,
        request: ListStateMachineVersions<'_>,
    ) -> Result<StateMachineVersionList, StateMachineError> {
        self.shell.check_open()?;
        let ListStateMachineVersions { arn, before, limit } = request;
        let known =
            self.known(scope, &Arn::state_machine(arn)?).await.map_err(|error| match error {
                StateMachineError::DoesNotExist(arn) => ArnError::Form(arn).into(),
                error => error,
            })?;
        let before = before.unwrap_or(u64::MAX);
        let newest_first = known.releases.versions.iter().rev();
        let mut versions: Vec<_> = newest_first
            .filter(|version| version.number < before)
            .take(limit + 1)
            .map(|version| listed(&known.machine, version))
            .collect();
        // One more tells whether there is another page.
        let is_last = versions.len() <= limit;
        versions.truncate(limit);
        let next = versions.last().filter(|_| !is_last).map(|version| version.number);
        Ok(StateMachineVersionList { versions, next })
    }

    /// DeleteStateMachineVersion. Executions of it go on, and its number is not given again. A
    /// version that is not there is fine.
    ///
    /// # Errors
    /// `Arn`, also for the ARN of something else; `Conflict` where an alias routes to it.
    pub async fn delete_state_machine_version(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<(), StateMachineError> {
        let parsed = Arn::state_machine(arn)?;
        let number = parsed.qualifier.and_then(version_number);
        let number = number.ok_or_else(|| ArnError::Form(arn.to_owned()))?;
        let change = |known: &Known| {
            let mut releases = known.releases.clone();
            if releases.version(number).is_none() {
                return Ok((None, ()));
            }
            let aliases: Vec<_> = releases.aliases_of(number).map(|alias| &*alias.name).collect();
            if !aliases.is_empty() {
                return Err(StateMachineError::Conflict(format!(
                    "Version to be deleted must not be referenced by an alias. Current list of \
                     aliases referencing this version: [{}]",
                    aliases.join(", ")
                )));
            }
            releases.versions.retain(|version| version.number != number);
            Ok((Some(Known { releases, ..known.clone() }), ()))
        };
        match self.shell.change_machine(scope, &parsed, change).await {
            Err(StateMachineError::DoesNotExist(_)) => Ok(()),
            answer => answer,
        }
    }
}

/// Publishes the machine as it is, unless there are too many versions.
pub(crate) fn publish(
    releases: &mut Releases,
    machine: &StateMachine,
    description: Option<&str>,
    now: Timestamp,
) -> Result<Version, StateMachineError> {
    let is_new = releases.published(machine.revision_id.as_ref()).is_none();
    if is_new && releases.versions.len() >= VERSIONS_MAX {
        return Err(StateMachineError::QuotaExceeded(format!(
            "A state machine has at most {VERSIONS_MAX} versions: '{}'",
            machine.arn
        )));
    }
    Ok(releases.publish(machine, description, now))
}

pub(crate) fn check_active(machine: &StateMachine) -> Result<(), StateMachineError> {
    match machine.status {
        StateMachineStatus::Active => Ok(()),
        StateMachineStatus::Deleting => Err(StateMachineError::Deleting(machine.arn.clone())),
    }
}

fn listed(machine: &StateMachine, version: &Version) -> StateMachineVersion {
    StateMachineVersion {
        arn: version.arn(machine),
        number: version.number,
        creation_date: version.creation_date(),
    }
}

impl Shell {
    /// Changes the record of a machine, and again where somebody else was faster. The qualifier of
    /// the ARN is overlooked. Without a new record, nothing is written.
    pub(crate) async fn change_machine<T>(
        &self,
        scope: &Scope,
        arn: &StateMachineArn<'_>,
        change: impl Fn(&Known) -> Result<(Option<Known>, T), StateMachineError>,
    ) -> Result<T, StateMachineError> {
        self.check_open()?;
        loop {
            let known = self.current_machine(scope, arn).await?;
            let known =
                known.ok_or_else(|| StateMachineError::DoesNotExist(arn.arn.text.to_owned()))?;
            let (changed, answer) = change(&known)?;
            let Some(changed) = changed.filter(|changed| *changed != *known) else {
                return Ok(answer);
            };
            match self.write_machine(scope, Some(known.version), changed).await {
                Ok(_) => return Ok(answer),
                Err(store::StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use asl::WorkflowType;
    use store::{DefinitionId, MachineId};

    use super::*;
    use crate::Configurations;

    #[test]
    fn a_machine_has_a_thousand_versions() {
        let mut machine = StateMachine {
            id: MachineId([1; 16]),
            arn: "arn:m".into(),
            name: "m".into(),
            status: StateMachineStatus::Active,
            workflow_type: WorkflowType::Standard,
            definition: DefinitionId([2; 16]),
            role_arn: "arn:r".into(),
            creation_date: Timestamp(0),
            update_date: None,
            revision_id: None,
            description: None,
            configurations: Configurations::default(),
        };
        let mut releases = Releases::default();
        let mut publish_next = |releases: &mut Releases, revision: u64| {
            machine.revision_id = Some(revision.to_string().into());
            let published = publish(releases, &machine, None, Timestamp(0));
            published.map(|version| version.number)
        };
        for number in 1..=1_000 {
            assert_eq!(publish_next(&mut releases, number), Ok(number));
        }
        let refused = publish_next(&mut releases, 1_001).unwrap_err();
        assert!(matches!(refused, StateMachineError::QuotaExceeded(_)), "{refused}");
        assert_eq!(publish_next(&mut releases, 7), Ok(7), "it is published already");
        releases.versions.remove(0);
        assert_eq!(publish_next(&mut releases, 1_001), Ok(1_001));
    }
}

//! State machines as they are stored, and those that were used lately.

use std::sync::Arc;

use asl::WorkflowType;
use engine::{Status, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    Cache, DefinitionId, ExecutionHeader, ExecutionQuery, MachineId, Resource, ResourceKey,
    ResourceKind, Scope, StoreError,
};

use crate::arn::{Arn, ArnPrefix, StateMachineArn};
use crate::random::{from_hexadecimal, hexadecimal};
use crate::releases::Releases;
use crate::shell::Shell;
use crate::{Configurations, StateMachine, StateMachineStatus, Tags};

/// How many state machines stay in memory.
const MACHINES_MAX: usize = 10_000;

/// How many bytes of them.
const MACHINES_BYTES_MAX: usize = 32 << 20;

/// What a state machine takes in memory, without its releases, about.
const MACHINE_BYTES: usize = 2_048;

/// What a past revision, a version or an alias of it takes, about.
const RELEASE_BYTES: usize = 256;

/// A state machine with what only we need to know of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) machine: Arc<StateMachine>,
    /// What it was before, oldest first.
    pub(crate) past: Vec<PastRevision>,
    pub(crate) releases: Releases,
    pub(crate) tags: Tags,
    /// Of the stored record.
    pub(crate) version: u64,
}

/// What DescribeStateMachineForExecution needs of a revision that is not the current one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PastRevision {
    pub(crate) revision_id: Option<Arc<str>>,
    /// When it came, in milliseconds since 1970.
    pub(crate) since: i64,
}

/// The stored form, in JSON. Members that are added later need a default.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    arn: Arc<str>,
    name: Arc<str>,
    is_deleting: bool,
    is_express: bool,
    definition: String,
    role_arn: Arc<str>,
    creation_date: i64,
    update_date: Option<i64>,
    revision_id: Option<Arc<str>>,
    logging: Option<Value>,
    tracing: Option<Value>,
    encryption: Option<Value>,
    past: Vec<PastRevision>,
    #[serde(default)]
    releases: Releases,
    #[serde(default)]
    tags: Tags,
}

/// The state machines that were used lately. Every write of ours goes through here, so what is
/// remembered is what is stored.
pub(crate) struct Machines {
    remembered: Mutex<Remembered>,
}

struct Remembered {
    by_arn: Cache<Arc<str>, Arc<Known>>,
    /// How many writes there were: what was read before a write must not be remembered after it.
    writes: u64,
}

impl Remembered {
    fn remember(&mut self, known: &Arc<Known>) {
        let releases = known.releases.versions.len() + known.releases.aliases.len();
        let bytes = MACHINE_BYTES + RELEASE_BYTES * (known.past.len() + releases);
        self.by_arn.insert(known.machine.arn.clone(), known.clone(), bytes);
    }
}

impl Machines {
    pub(crate) fn new() -> Machines {
        let by_arn = Cache::new(MACHINES_MAX, MACHINES_BYTES_MAX);
        Machines { remembered: Mutex::new(Remembered { by_arn, writes: 0 }) }
    }
}

pub(crate) fn machine_key(scope: &Scope, name: &str) -> ResourceKey {
    ResourceKey { kind: ResourceKind::StateMachine, scope: scope.clone(), name: name.into() }
}

impl Shell {
    /// The state machine with that unqualified ARN, where it was used lately.
    pub(crate) fn remembered_machine(&self, unqualified_arn: &str) -> Option<Arc<Known>> {
        self.machines.remembered.lock().by_arn.get(unqualified_arn).cloned()
    }

    /// The state machine with that unqualified ARN.
    pub(crate) async fn machine(
        &self,
        scope: &Scope,
        arn: &StateMachineArn<'_>,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        if !arn.arn.is_in(scope) {
            return Ok(None);
        }
        let writes = {
            let mut remembered = self.machines.remembered.lock();
            if let Some(known) = remembered.by_arn.get(arn.unqualified) {
                return Ok(Some(known.clone()));
            }
            remembered.writes
        };
        let Some(resource) = self.store.read_resource(&machine_key(scope, arn.name)).await? else {
            return Ok(None);
        };
        let known = Arc::new(decode(&resource)?);
        // The partition is part of the ARN, and not of the key.
        if *known.machine.arn != *arn.unqualified {
            return Ok(None);
        }
        let mut remembered = self.machines.remembered.lock();
        if remembered.writes == writes {
            remembered.remember(&known);
        }
        Ok(Some(known))
    }

    /// Writes a state machine, where its record still has that version; what it has itself is
    /// overlooked.
    pub(crate) async fn write_machine(
        &self,
        scope: &Scope,
        expected: Option<u64>,
        known: Known,
    ) -> Result<Arc<Known>, StoreError> {
        let key = machine_key(scope, &known.machine.name);
        let value = encode(&known);
        let version = self.store.write_resource(&key, expected, Some(value)).await;
        self.tell_machine_changed(&key).await;
        let mut remembered = self.machines.remembered.lock();
        remembered.writes += 1;
        // After a failed write, nobody knows what is there.
        remembered.by_arn.remove(&known.machine.arn);
        let known = Arc::new(Known { version: version?, ..known });
        remembered.remember(&known);
        Ok(known)
    }

    /// Another node has written a state machine.
    pub(crate) fn forget_machine(&self, key: &ResourceKey) {
        let arn = ArnPrefix(&key.scope).state_machine(&key.name);
        let mut remembered = self.machines.remembered.lock();
        remembered.writes += 1;
        remembered.by_arn.remove(&arn);
    }

    async fn remove_machine(&self, scope: &Scope, known: &Known) -> Result<(), StoreError> {
        let key = machine_key(scope, &known.machine.name);
        let removed = self.store.write_resource(&key, Some(known.version), None).await;
        self.tell_machine_changed(&key).await;
        let mut remembered = self.machines.remembered.lock();
        remembered.writes += 1;
        remembered.by_arn.remove(&known.machine.arn);
        removed.map(drop)
    }

    /// Removes a state machine that is being deleted, once nothing of it runs. Says whether it is
    /// gone.
    pub(crate) async fn finish_deletion(
        &self,
        scope: &Scope,
        known: &Known,
    ) -> Result<bool, StoreError> {
        let query = ExecutionQuery::Machine(known.machine.id);
        let running = self.store.list_executions(&query, Some(Status::Running), None, 1).await?;
        if !running.is_empty() {
            return Ok(false);
        }
        match self.remove_machine(scope, known).await {
            // Somebody else was faster.
            Ok(()) | Err(StoreError::Conflict) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// As [`Shell::machine`]; one whose deletion can be finished now is not there any more.
    pub(crate) async fn current_machine(
        &self,
        scope: &Scope,
        arn: &StateMachineArn<'_>,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        let known = self.machine(scope, arn).await?;
        match known {
            Some(known)
                if known.machine.status == StateMachineStatus::Deleting
                    && self.finish_deletion(scope, &known).await? =>
            {
                Ok(None)
            }
            known => Ok(known),
        }
    }

    /// Whether the execution is to be aborted, since its state machine was deleted.
    pub(crate) async fn machine_is_gone(&self, header: &ExecutionHeader) -> bool {
        let Ok(arn) = Arn::state_machine(&header.state_machine_arn) else {
            return false;
        };
        match self.machine(&header.scope, &arn).await {
            Ok(Some(known)) => {
                let StateMachine { id, status, .. } = &*known.machine;
                *id != header.machine || *status == StateMachineStatus::Deleting
            }
            Ok(None) => true,
            // The next round knows more.
            Err(_) => false,
        }
    }

    /// The last execution of a state machine that is being deleted takes the machine with it.
    pub(crate) async fn machine_lost_execution(&self, header: &ExecutionHeader) {
        let Ok(arn) = Arn::state_machine(&header.state_machine_arn) else {
            return;
        };
        if let Err(error) = self.current_machine(&header.scope, &arn).await {
            // It is finished when the machine is looked at next.
            tracing::warn!(arn = %header.state_machine_arn, %error, "a deletion is not finished");
        }
    }
}

fn encode(known: &Known) -> Vec<u8> {
    let Known { machine, past, releases, tags, version: _ } = known;
    let StateMachine { configurations, .. } = &**machine;
    let stored = Stored {
        id: hexadecimal(&machine.id.0),
        arn: machine.arn.clone(),
        name: machine.name.clone(),
        is_deleting: machine.status == StateMachineStatus::Deleting,
        is_express: machine.workflow_type == WorkflowType::Express,
        definition: hexadecimal(&machine.definition.0),
        role_arn: machine.role_arn.clone(),
        creation_date: machine.creation_date.0,
        update_date: machine.update_date.map(|date| date.0),
        revision_id: machine.revision_id.clone(),
        logging: configurations.logging.clone(),
        tracing: configurations.tracing.clone(),
        encryption: configurations.encryption.clone(),
        past: past.clone(),
        releases: releases.clone(),
        tags: tags.clone(),
    };
    serde_json::to_vec(&stored).expect("the record of a state machine has only text names")
}

pub(crate) fn decode(resource: &Resource) -> Result<Known, StoreError> {
    let corrupt = |reason: &dyn std::fmt::Display| {
        StoreError::Corrupt(format!("the record of a state machine: {reason}"))
    };
    let stored: Stored =
        serde_json::from_slice(&resource.value).map_err(|error| corrupt(&error))?;
    let number = |text: &str| from_hexadecimal(text).ok_or_else(|| corrupt(&"not an id"));
    let machine = StateMachine {
        id: MachineId(number(&stored.id)?),
        arn: stored.arn,
        name: stored.name,
        status: if stored.is_deleting {
            StateMachineStatus::Deleting
        } else {
            StateMachineStatus::Active
        },
        workflow_type: if stored.is_express {
            WorkflowType::Express
        } else {
            WorkflowType::Standard
        },
        definition: DefinitionId(number(&stored.definition)?),
        role_arn: stored.role_arn,
        creation_date: Timestamp(stored.creation_date),
        update_date: stored.update_date.map(Timestamp),
        revision_id: stored.revision_id,
        description: None,
        configurations: Configurations {
            logging: stored.logging,
            tracing: stored.tracing,
            encryption: stored.encryption,
        },
    };
    Ok(Known {
        machine: Arc::new(machine),
        past: stored.past,
        releases: stored.releases,
        tags: stored.tags,
        version: resource.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tag, releases};

    #[test]
    fn a_record_comes_back() {
        let machine = StateMachine {
            id: MachineId([7; 16]),
            arn: "arn:aws:states:us-east-1:111111111111:stateMachine:One".into(),
            name: "One".into(),
            status: StateMachineStatus::Deleting,
            workflow_type: WorkflowType::Express,
            definition: DefinitionId([9; 16]),
            role_arn: "arn:aws:iam::111111111111:role/r".into(),
            creation_date: Timestamp(1_700_000_000_123),
            update_date: Some(Timestamp(1_700_000_000_456)),
            revision_id: Some("r".into()),
            description: None,
            configurations: Configurations {
                logging: Some(serde_json::json!({"level": "OFF"})),
                tracing: None,
                encryption: None,
            },
        };
        let past = vec![PastRevision { revision_id: None, since: 1_700_000_000_123 }];
        let tags = Tags::new([Tag { key: "k".into(), value: "v".into() }]).unwrap();
        let releases = releases::sample(&machine);
        let known = Known { machine: Arc::new(machine), past, releases, tags, version: 3 };
        let value: Arc<[u8]> = encode(&known).into();
        assert_eq!(decode(&Resource { version: 3, value: value.clone() }), Ok(known.clone()));

        // Records of before there were versions and tags.
        let mut stored: Value = serde_json::from_slice(&value).unwrap();
        let members = stored.as_object_mut().unwrap();
        assert!(members.remove("releases").is_some() && members.remove("tags").is_some());
        let value = serde_json::to_vec(&stored).unwrap().into();
        let (releases, tags) = (Releases::default(), Tags::default());
        let old = decode(&Resource { version: 3, value }).unwrap();
        assert_eq!(old, Known { releases, tags, ..known });
    }

    #[test]
    fn a_record_that_is_not_one_is_corrupt() {
        for value in [&b""[..], b"{}", b"\xff"] {
            let decoded = decode(&Resource { version: 1, value: value.into() });
            assert!(matches!(decoded, Err(StoreError::Corrupt(_))), "{value:?}");
        }
    }
}

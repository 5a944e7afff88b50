//! What is stored of a Map Run, and how it is found.

use std::sync::Arc;

use engine::{EventId, ExecutionId};
use store::encoding::{
    decode_map_run, decode_map_run_outcomes, encode_map_run, encode_map_run_outcomes,
};
use store::{
    ExecutionHeader, MachineId, MapRunOutcomes, MapRunRecord, MapRunStatus, ResourceKey,
    ResourceKind, Scope, Store, StoreError,
};

use crate::shell::Shell;

/// Rows of outcomes that are read at a time.
const PAGE: usize = 8;

/// What the ARN of a Map Run says: `…:mapRun:<machine>/<label>:<uuid>`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MapRunName {
    /// `<machine>/<label>:<uuid>`
    pub(crate) text: Arc<str>,
    /// `<machine>/<label>`
    pub(crate) machine: Arc<str>,
    /// The UUID.
    pub(crate) run: MachineId,
}

impl MapRunName {
    pub(crate) fn parse(arn: &str) -> Option<MapRunName> {
        MapRunName::of_text(arn.split_once(":mapRun:")?.1)
    }

    /// Of what comes after `mapRun:`.
    pub(crate) fn of_text(text: &str) -> Option<MapRunName> {
        let (machine, uuid) = text.split_once(':')?;
        let run = MachineId(uuid::Uuid::try_parse(uuid).ok()?.into_bytes());
        machine.contains('/').then(|| MapRunName {
            text: text.into(),
            machine: machine.into(),
            run,
        })
    }
}

/// The key of a run's record.
pub(crate) fn run_key(scope: &Scope, name: &MapRunName) -> ResourceKey {
    ResourceKey { kind: ResourceKind::MapRun, scope: scope.clone(), name: name.text.clone() }
}

/// What the names of an execution's runs begin with.
pub(crate) fn runs_prefix(execution: ExecutionId) -> String {
    format!("{execution}/")
}

fn outcomes_prefix(run: MachineId) -> String {
    format!("{}/", uuid::Uuid::from_bytes(run.0))
}

impl Shell {
    /// The record of a run, and its version.
    pub(crate) async fn read_map_run(
        &self,
        scope: &Scope,
        name: &MapRunName,
    ) -> Result<Option<(MapRunRecord, u64)>, StoreError> {
        let Some(resource) = self.store.read_resource(&run_key(scope, name)).await? else {
            return Ok(None);
        };
        Ok(Some((decode_map_run(&resource.value)?, resource.version)))
    }

    /// Writes the record of a run; gives its new version.
    pub(crate) async fn write_map_run(
        &self,
        scope: &Scope,
        name: &MapRunName,
        expected: Option<u64>,
        record: &MapRunRecord,
    ) -> Result<u64, StoreError> {
        let value = Some(encode_map_run(record));
        self.store.write_resource(&run_key(scope, name), expected, value).await
    }

    /// Makes a run known as one of its execution. The list may name a run that never began.
    pub(crate) async fn list_map_run(
        &self,
        scope: &Scope,
        name: &MapRunName,
        execution: ExecutionId,
        started: EventId,
    ) -> Result<(), StoreError> {
        let prefix = runs_prefix(execution);
        let key = ResourceKey {
            kind: ResourceKind::MapRunOfExecution,
            scope: scope.clone(),
            name: format!("{prefix}{:016x}/{}", started.0, name.text).into(),
        };
        match self.store.write_resource(&key, None, Some(Vec::new())).await {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Rows of outcomes of a run, in the order in which they were written, after that number; with
    /// the number of the last one.
    pub(crate) async fn map_run_outcomes(
        &self,
        scope: &Scope,
        run: MachineId,
        after: Option<u64>,
    ) -> Result<Option<(u64, Vec<MapRunOutcomes>)>, StoreError> {
        let prefix = outcomes_prefix(run);
        let after = match after {
            Some(number) => format!("{prefix}{number:016x}"),
            None => prefix.clone(),
        };
        let kind = ResourceKind::MapRunOutcomes;
        let rows = self.store.list_resources(kind, scope, Some(&after), PAGE).await?;
        let mut last = None;
        let mut outcomes = Vec::new();
        for (key, resource) in rows {
            let Some(number) = key.name.strip_prefix(&*prefix) else { break };
            last = u64::from_str_radix(number, 16).ok();
            outcomes.push(decode_map_run_outcomes(&resource.value)?);
        }
        Ok(last.map(|last| (last, outcomes)))
    }

    /// Writes a row of outcomes.
    pub(crate) async fn write_map_run_outcomes(
        &self,
        scope: &Scope,
        run: MachineId,
        number: u64,
        outcomes: &MapRunOutcomes,
    ) -> Result<(), StoreError> {
        let key = ResourceKey {
            kind: ResourceKind::MapRunOutcomes,
            scope: scope.clone(),
            name: format!("{}{number:016x}", outcomes_prefix(run)).into(),
        };
        let value = Some(encode_map_run_outcomes(outcomes));
        match self.store.write_resource(&key, None, value).await {
            // An answer was lost, and it is there. Only one driver writes.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Removes what is kept of the Map Runs of an execution, which has ended.
///
/// # Errors
/// Where the store fails. What is left then is found again.
pub(crate) async fn remove_map_runs(
    store: &dyn Store,
    parent: &ExecutionHeader,
) -> Result<(), StoreError> {
    let links = runs_prefix(parent.id);
    for link in with_prefix(store, ResourceKind::MapRunOfExecution, &parent.scope, &links).await? {
        let name = link.name.strip_prefix(&*links).and_then(|rest| rest.split_once('/'));
        if let Some(name) = name.and_then(|(_, text)| MapRunName::of_text(text)) {
            let (kind, prefix) = (ResourceKind::MapRunOutcomes, outcomes_prefix(name.run));
            for outcomes in with_prefix(store, kind, &parent.scope, &prefix).await? {
                remove(store, &outcomes).await?;
            }
            remove(store, &run_key(&parent.scope, &name)).await?;
        }
        remove(store, &link).await?;
    }
    Ok(())
}

/// Whether there is a Map Run of that ARN which runs.
pub(crate) async fn map_run_is_running(
    store: &dyn Store,
    scope: &Scope,
    arn: &str,
) -> Result<bool, StoreError> {
    let Some(name) = MapRunName::parse(arn) else { return Ok(false) };
    let Some(row) = store.read_resource(&run_key(scope, &name)).await? else { return Ok(false) };
    Ok(decode_map_run(&row.value)?.status == MapRunStatus::Running)
}

/// The keys of all resources of a kind whose names begin with that.
async fn with_prefix(
    store: &dyn Store,
    kind: ResourceKind,
    scope: &Scope,
    prefix: &str,
) -> Result<Vec<ResourceKey>, StoreError> {
    let mut keys: Vec<ResourceKey> = Vec::new();
    loop {
        let after = keys.last().map_or(prefix, |key| &*key.name);
        let rows = store.list_resources(kind, scope, Some(after), PAGE).await?;
        let count = keys.len();
        keys.extend(
            rows.into_iter().map(|(key, _)| key).filter(|key| key.name.starts_with(prefix)),
        );
        if keys.len() < count + PAGE {
            return Ok(keys);
        }
    }
}

async fn remove(store: &dyn Store, key: &ResourceKey) -> Result<(), StoreError> {
    let Some(resource) = store.read_resource(key).await? else { return Ok(()) };
    match store.write_resource(key, Some(resource.version), None).await {
        // Somebody else has removed it.
        Ok(_) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_arns() {
        let arn = "arn:aws:states:us-east-1:111111111111:mapRun:m/l:\
                   01234567-89ab-cdef-0123-456789abcdef";
        let name = MapRunName::parse(arn).expect("an ARN of a Map Run");
        assert_eq!(&*name.machine, "m/l");
        assert_eq!(name.run.0[..2], [0x01, 0x23]);
        for text in ["", "arn:aws:states:r:a:mapRun:m/l", "arn:aws:states:r:a:mapRun:m/l:x"] {
            assert_eq!(MapRunName::parse(text), None, "{text}");
        }
    }
}

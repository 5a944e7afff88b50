//! Definitions, compiled once.

use std::sync::Arc;

use asl::{Program, WorkflowType};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use store::{DefinitionId, ResourceKey, ResourceKind, Scope, StoreError};

use crate::cache::Cache;
use crate::random::hexadecimal;
use crate::shell::Shell;

/// How many compiled definitions stay in memory.
const PROGRAMS_MAX: usize = 4_096;

/// The compiled definitions that were used lately. A definition is known by its text, so an entry
/// is never wrong.
pub(crate) struct Programs {
    known: Mutex<Cache<(DefinitionId, WorkflowType), Arc<Program>>>,
}

impl Programs {
    pub(crate) fn new() -> Programs {
        Programs { known: Mutex::new(Cache::new(PROGRAMS_MAX)) }
    }

    /// Remembers a program that was compiled elsewhere.
    pub(crate) fn insert(
        &self,
        definition: DefinitionId,
        workflow_type: WorkflowType,
        program: Arc<Program>,
    ) {
        self.known.lock().insert((definition, workflow_type), program);
    }
}

/// The identity of a definition's text.
pub(crate) fn definition_id(definition: &str) -> DefinitionId {
    let digest = Sha256::digest(definition.as_bytes());
    let (first, _) = digest.split_at(16);
    DefinitionId(first.try_into().expect("a SHA-256 has 32 bytes"))
}

fn definition_key(scope: &Scope, definition: DefinitionId) -> ResourceKey {
    let name = hexadecimal(&definition.0).into();
    ResourceKey { kind: ResourceKind::Definition, scope: scope.clone(), name }
}

impl Shell {
    /// The program that an execution is pinned to.
    pub(crate) async fn program(
        &self,
        scope: &Scope,
        definition: DefinitionId,
        workflow_type: WorkflowType,
    ) -> Result<Arc<Program>, StoreError> {
        let known = self.programs.known.lock().get(&(definition, workflow_type)).cloned();
        if let Some(program) = known {
            return Ok(program);
        }
        let text = self.definition(scope, definition).await?;
        let program = asl::compile(&text, workflow_type).program.ok_or_else(|| {
            let name = hexadecimal(&definition.0);
            StoreError::Corrupt(format!("definition {name} was accepted once and is not any more"))
        })?;
        let program = Arc::new(program);
        self.programs.insert(definition, workflow_type, program.clone());
        Ok(program)
    }

    /// The text of a definition.
    pub(crate) async fn definition(
        &self,
        scope: &Scope,
        definition: DefinitionId,
    ) -> Result<Arc<str>, StoreError> {
        let key = definition_key(scope, definition);
        let resource = self.store.read_resource(&key).await?;
        let text = resource.and_then(|it| str::from_utf8(&it.value).map(Arc::from).ok());
        text.ok_or_else(|| StoreError::Corrupt(format!("definition {} is not there", key.name)))
    }

    /// Keeps the text of a definition, unless it is there.
    pub(crate) async fn keep_definition(
        &self,
        scope: &Scope,
        definition: DefinitionId,
        text: &str,
    ) -> Result<(), StoreError> {
        let key = definition_key(scope, definition);
        match self.store.write_resource(&key, None, Some(text.as_bytes().to_vec())).await {
            // The name is the text's digest: what is there is the same text.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

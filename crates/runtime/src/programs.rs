//! Definitions, compiled once.

use std::sync::Arc;

use asl::{Analysis, Program, Rules, WorkflowType};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use store::{Cache, DefinitionId, ResourceKey, ResourceKind, Scope, StoreError};

use crate::random::hexadecimal;
use crate::shell::Shell;

/// How many compiled definitions stay in memory.
const PROGRAMS_MAX: usize = 4_096;

/// How many bytes of them.
const PROGRAMS_BYTES_MAX: usize = 64 << 20;

/// A definition up to this length is compiled where it is asked for: it takes some tenths of a
/// millisecond.
const TEXT_BYTES_AT_ONCE: usize = 16 << 10;

/// A compiled definition takes about so many times the bytes of its text.
const BYTES_BY_TEXT: usize = 8;

/// The compiled definitions that were used lately. A definition is known by its text, so an entry
/// is never wrong.
pub(crate) struct Programs {
    known: Mutex<Cache<(DefinitionId, WorkflowType), Arc<Program>>>,
}

impl Programs {
    pub(crate) fn new() -> Programs {
        Programs { known: Mutex::new(Cache::new(PROGRAMS_MAX, PROGRAMS_BYTES_MAX)) }
    }

    /// Remembers a program that was compiled elsewhere.
    pub(crate) fn insert(
        &self,
        definition: DefinitionId,
        workflow_type: WorkflowType,
        program: Arc<Program>,
        text: &str,
    ) {
        let bytes = BYTES_BY_TEXT * text.len();
        self.known.lock().insert((definition, workflow_type), program, bytes);
    }
}

/// A definition as it is stored: a byte that no definition begins with, the rules that it was
/// accepted by, the checksum of its numbering, its text. What was stored before there were these is
/// the text alone.
struct StoredDefinition {
    text: Arc<str>,
    rules: Rules,
    /// Of its states and regions; none where that was not stored.
    numbering: Option<u64>,
}

impl StoredDefinition {
    /// What comes first where there is more than the text.
    const FORM: u8 = 1;

    fn encode(&self) -> Vec<u8> {
        let Some(numbering) = self.numbering else { return self.text.as_bytes().to_vec() };
        let mut bytes = vec![StoredDefinition::FORM, self.rules.0];
        bytes.extend(numbering.to_be_bytes());
        bytes.extend(self.text.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<StoredDefinition> {
        let (rules, numbering, text) = match bytes {
            [StoredDefinition::FORM, rest @ ..] => {
                let (rules, rest) = rest.split_first()?;
                let (numbering, text) = rest.split_first_chunk()?;
                (Rules(*rules), Some(u64::from_be_bytes(*numbering)), text)
            }
            text => (Rules(1), None, text),
        };
        Some(StoredDefinition { text: str::from_utf8(text).ok()?.into(), rules, numbering })
    }

    /// The program, in which stored executions find the states that they are in.
    fn compile(&self, workflow_type: WorkflowType) -> Result<Program, String> {
        let program = asl::compile_stored(&self.text, workflow_type, self.rules)?;
        match self.numbering {
            Some(numbering) if numbering != program.numbering() => Err(format!(
                "its states were numbered otherwise when it was stored (checksum {numbering:016x}, \
                 now {:016x}): its executions can only go on with the release that started them",
                program.numbering()
            )),
            _ => Ok(program),
        }
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
        let stored = self.stored_definition(scope, definition).await?;
        let text = stored.text.clone();
        let compiled = match text.len() <= TEXT_BYTES_AT_ONCE {
            true => Some(stored.compile(workflow_type)),
            false => self.compute.run(move || stored.compile(workflow_type)).await,
        };
        let compiled = compiled.unwrap_or_else(|| Err("compiling it panicked".to_owned()));
        let program = compiled.map_err(|why| {
            StoreError::Corrupt(format!("definition {}: {why}", hexadecimal(&definition.0)))
        })?;
        let program = Arc::new(program);
        self.programs.insert(definition, workflow_type, program.clone(), &text);
        Ok(program)
    }

    /// Compiles a definition: apart from what serves where it is long. None where that panicked.
    pub(crate) async fn compile(
        &self,
        text: &str,
        workflow_type: WorkflowType,
    ) -> Option<Analysis> {
        if text.len() <= TEXT_BYTES_AT_ONCE {
            return Some(asl::compile(text, workflow_type));
        }
        let text = text.to_owned();
        self.compute.run(move || asl::compile(&text, workflow_type)).await
    }

    /// The text of a definition.
    pub(crate) async fn definition(
        &self,
        scope: &Scope,
        definition: DefinitionId,
    ) -> Result<Arc<str>, StoreError> {
        Ok(self.stored_definition(scope, definition).await?.text)
    }

    async fn stored_definition(
        &self,
        scope: &Scope,
        definition: DefinitionId,
    ) -> Result<StoredDefinition, StoreError> {
        let key = definition_key(scope, definition);
        let resource = self.store.read_resource(&key).await?;
        let stored = resource.and_then(|it| StoredDefinition::decode(&it.value));
        stored.ok_or_else(|| StoreError::Corrupt(format!("definition {} is not there", key.name)))
    }

    /// Keeps the text of a definition, unless it is there.
    pub(crate) async fn keep_definition(
        &self,
        scope: &Scope,
        definition: DefinitionId,
        text: &str,
        workflow_type: WorkflowType,
    ) -> Result<(), StoreError> {
        let known = self.programs.known.lock().get(&(definition, workflow_type)).cloned();
        let numbering = match known {
            Some(program) => Some(program.numbering()),
            None => asl::compile(text, workflow_type).program.map(|program| program.numbering()),
        };
        let key = definition_key(scope, definition);
        let stored = StoredDefinition { text: text.into(), rules: Rules::CURRENT, numbering };
        match self.store.write_resource(&key, None, Some(stored.encode())).await {
            // The name is the text's digest: what is there is the same text.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;

    fn stored(rules: u8, change: u64) -> StoredDefinition {
        let program = asl::compile(TEXT, WorkflowType::Standard).program.expect("it is sound");
        let numbering = Some(program.numbering() ^ change);
        StoredDefinition { text: TEXT.into(), rules: Rules(rules), numbering }
    }

    #[test]
    fn a_definition_is_compiled_by_what_it_was_stored_with() {
        let decoded = StoredDefinition::decode(&stored(1, 0).encode()).expect("a definition");
        assert_eq!((&*decoded.text, decoded.rules), (TEXT, Rules(1)));
        assert!(decoded.compile(WorkflowType::Standard).is_ok());
        // As it was stored before there were checksums.
        let decoded = StoredDefinition::decode(TEXT.as_bytes()).expect("a definition");
        assert_eq!((&*decoded.text, decoded.numbering), (TEXT, None));
        assert!(decoded.compile(WorkflowType::Standard).is_ok());
    }

    #[test]
    fn another_numbering_and_later_rules_are_refused_by_name() {
        for (stored, why) in [
            (stored(1, 1), "its states were numbered otherwise"),
            (stored(200, 0), "it was accepted by the rules 200 of a later release"),
        ] {
            let decoded = StoredDefinition::decode(&stored.encode()).expect("a definition");
            let refused = decoded.compile(WorkflowType::Standard).expect_err(why);
            assert!(refused.starts_with(why), "{refused}");
        }
        for bytes in [&[1][..], &[1, 1, 0], &[0xFF]] {
            assert!(StoredDefinition::decode(bytes).is_none(), "{bytes:?}");
        }
    }
}

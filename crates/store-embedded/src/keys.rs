//! The keys. Numbers are big-endian, so that the order of the bytes is the order of the numbers.
//! Every key of an execution follows from its header.

use std::sync::Arc;

use engine::{ExecutionId, Status};
use sha2::{Digest, Sha256};
use store::encoding::status_number;
use store::{ExecutionHeader, ExecutionQuery, ResourceKey, ResourceKind, Revision, Scope};

/// Of the row that a commit's records are in: id, revision.
pub(crate) fn history(id: ExecutionId, revision: Revision) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(&id.0);
    key[16..].copy_from_slice(&revision.0.to_be_bytes());
    key
}

/// The revision in a key of [`history`].
pub(crate) fn history_revision(key: &[u8]) -> Option<Revision> {
    Some(Revision(u32::from_be_bytes(*key.last_chunk()?)))
}

/// Of an ARN: 128 bits of its SHA-256.
pub(crate) fn name(arn: &str) -> [u8; 16] {
    *Sha256::digest(arn).first_chunk().expect("SHA-256 gives 32 bytes")
}

/// The id that a key or a value consists of.
pub(crate) fn execution_id(bytes: &[u8]) -> Option<ExecutionId> {
    bytes.try_into().ok().map(ExecutionId)
}

/// Of an execution's place in a list: kind of list, owner, status, and the id inverted, so that
/// the newest comes first.
pub(crate) fn listing(query: &ExecutionQuery, status: Status, id: ExecutionId) -> [u8; 34] {
    let mut key = [0; 34];
    let (kind, owner) = match query {
        ExecutionQuery::Machine(machine) => (0, machine.0),
        ExecutionQuery::StartedBy(execution) => (1, execution.0),
    };
    key[0] = kind;
    key[1..17].copy_from_slice(&owner);
    key[17] = status_number(status);
    key[18..].copy_from_slice(&id.0.map(|byte| !byte));
    key
}

/// The id in a key of [`listing`].
pub(crate) fn listing_id(key: &[u8]) -> Option<ExecutionId> {
    let inverted: [u8; 16] = *key.last_chunk()?;
    Some(ExecutionId(inverted.map(|byte| !byte)))
}

/// The lists that an execution is in.
pub(crate) fn lists(header: &ExecutionHeader) -> impl Iterator<Item = ExecutionQuery> {
    let machine = ExecutionQuery::Machine(header.machine);
    [machine].into_iter().chain(header.started_by.map(ExecutionQuery::StartedBy))
}

/// Of a resource: kind, account and region with their lengths, name.
pub(crate) fn resource(key: &ResourceKey) -> Vec<u8> {
    let mut bytes = resource_prefix(key.kind, &key.scope);
    bytes.extend_from_slice(key.name.as_bytes());
    bytes
}

/// What the keys of a kind and scope begin with.
pub(crate) fn resource_prefix(kind: ResourceKind, scope: &Scope) -> Vec<u8> {
    let mut bytes = vec![kind as u8];
    for part in [&scope.account, &scope.region] {
        let length = u16::try_from(part.len()).expect("accounts and regions are short");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

/// The name in a key that begins with that prefix.
pub(crate) fn resource_name(key: &[u8], prefix: &[u8]) -> Option<Arc<str>> {
    let name = key.strip_prefix(prefix)?;
    std::str::from_utf8(name).ok().map(Arc::from)
}

/// Of the last version given to a resource. Shorter than any resource's key.
pub(crate) const RESOURCE_VERSION: [u8; 1] = [0];

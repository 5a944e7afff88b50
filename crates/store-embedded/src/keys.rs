//! The keys. Numbers are big-endian, so that the order of the bytes is the order of the numbers.
//! Every key of an execution follows from its header. All but those of the history are in one
//! tree, and begin with a letter that says what they are.

use std::ops::Bound;
use std::sync::Arc;

use engine::{ExecutionId, Status};
use sha2::{Digest, Sha256};
use store::encoding::status_number;
use store::{ExecutionQuery, ResourceKey, ResourceKind, Revision, Scope};

use crate::database::Table;

const AGENDA: u8 = b'a';
const CHECKPOINT: u8 = b'c';
pub(crate) const HEADER: u8 = b'h';
const KEPT: u8 = b'k';
const LISTING: u8 = b'l';
const KEPT_LISTING: u8 = b'm';
const NAME: u8 = b'n';
const HORIZON: u8 = b'o';
const RESOURCE: u8 = b'r';
const RESOURCE_VERSION: u8 = b'v';

/// What the rows are that follow from others, or that loading can do without: checkpoints, marks
/// and lists of what is kept, lists, names, and the two numbers.
pub(crate) const DERIVED: &[u8] =
    &[CHECKPOINT, KEPT, LISTING, KEPT_LISTING, NAME, HORIZON, RESOURCE_VERSION];

/// What the other rows of the index are.
pub(crate) const NOT_DERIVED: &[u8] = &[AGENDA, HEADER, RESOURCE];

/// What comes before the id in a key of [`listing`].
const LISTING_PREFIX: usize = 19;

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

/// Of an execution's header.
pub(crate) fn header(id: ExecutionId) -> [u8; 17] {
    lettered(HEADER, id.0)
}

/// The id in a key of [`header`].
pub(crate) fn header_id(key: &[u8]) -> Option<ExecutionId> {
    execution_id(key.strip_prefix(&[HEADER])?)
}

/// Of an execution's checkpoint.
pub(crate) fn checkpoint(id: ExecutionId) -> [u8; 17] {
    lettered(CHECKPOINT, id.0)
}

/// Of an execution's agenda.
pub(crate) fn agenda(id: ExecutionId) -> [u8; 17] {
    lettered(AGENDA, id.0)
}

/// The id in a key of [`agenda`].
pub(crate) fn agenda_id(key: &[u8]) -> Option<ExecutionId> {
    execution_id(key.strip_prefix(&[AGENDA])?)
}

/// The executions whose agendas lie between these keys of the index; none where there can be none.
pub(crate) fn agendas_between(first: &[u8], last: &[u8]) -> Option<(ExecutionId, ExecutionId)> {
    ids_between(AGENDA, first, last)
}

/// The executions whose headers lie between these keys of the index; none where there can be none.
pub(crate) fn headers_between(first: &[u8], last: &[u8]) -> Option<(ExecutionId, ExecutionId)> {
    ids_between(HEADER, first, last)
}

fn ids_between(letter: u8, first: &[u8], last: &[u8]) -> Option<(ExecutionId, ExecutionId)> {
    if *first >= [letter + 1][..] || *last < [letter][..] {
        return None;
    }
    let padded = |key: &[u8], other: u8| match key.split_first() {
        Some((found, rest)) if *found == letter => {
            let mut id = [other; 16];
            let length = rest.len().min(16);
            id[..length].copy_from_slice(&rest[..length]);
            ExecutionId(id)
        }
        Some(_) | None => ExecutionId([other; 16]),
    };
    Some((padded(first, 0), padded(last, 0xFF)))
}

/// Of an ARN: 128 bits of its SHA-256.
pub(crate) fn name(arn: &str) -> [u8; 17] {
    let hash = Sha256::digest(arn);
    lettered(NAME, *hash.first_chunk().expect("SHA-256 gives 32 bytes"))
}

fn lettered(letter: u8, rest: [u8; 16]) -> [u8; 17] {
    let mut key = [letter; 17];
    key[1..].copy_from_slice(&rest);
    key
}

/// The id that a value consists of.
pub(crate) fn execution_id(bytes: &[u8]) -> Option<ExecutionId> {
    bytes.try_into().ok().map(ExecutionId)
}

/// Of an execution's place in a list: kind of list, owner, status, and the id inverted, so that
/// the newest comes first.
pub(crate) fn listing(query: &ExecutionQuery, status: Status, id: ExecutionId) -> [u8; 35] {
    let mut key = [LISTING; 35];
    let (kind, owner) = match query {
        ExecutionQuery::Machine(machine) => (0, machine.0),
        ExecutionQuery::StartedBy(execution) => (1, execution.0),
    };
    key[1] = kind;
    key[2..18].copy_from_slice(&owner);
    key[18] = status_number(status);
    key[19..].copy_from_slice(&id.0.map(|byte| !byte));
    key
}

/// Makes a key of [`listing`] one of an execution that is kept behind the horizon.
pub(crate) fn list_as_kept(key: &mut [u8]) {
    key[0] = KEPT_LISTING;
}

/// Whether it is a key of [`listing`] of an execution before the horizon.
pub(crate) fn is_listing(key: &[u8]) -> bool {
    key.first() == Some(&LISTING)
}

/// Of the place of the horizon.
pub(crate) fn horizon() -> [u8; 1] {
    [HORIZON]
}

/// Of the mark of an execution that is kept behind the horizon.
pub(crate) fn kept(id: ExecutionId) -> [u8; 17] {
    lettered(KEPT, id.0)
}

/// The id in a key of [`kept`].
pub(crate) fn kept_id(key: &[u8]) -> Option<ExecutionId> {
    execution_id(key.strip_prefix(&[KEPT])?)
}

/// Where a row says which execution it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// In its key, behind a prefix of that length.
    Key {
        id: ExecutionId,
        prefix: usize,
        /// Whether it is a place in a list, of which there are others for what is kept.
        is_listing: bool,
    },
    /// In its value.
    Value,
}

/// Whose row it is; none where it is not of one execution, or says itself that it is kept.
pub(crate) fn owner(table: Table, key: &[u8]) -> Option<Owner> {
    let at_key = |id, prefix, is_listing| Some(Owner::Key { id, prefix, is_listing });
    match (table, *key.first()?) {
        (Table::History, _) => at_key(ExecutionId(*key.first_chunk()?), 0, false),
        (Table::Index, HEADER | AGENDA | CHECKPOINT) => at_key(execution_id(&key[1..])?, 1, false),
        (Table::Index, LISTING) => at_key(listing_id(key)?, LISTING_PREFIX, true),
        (Table::Index, NAME) => Some(Owner::Value),
        (Table::Index, _) => None,
    }
}

/// The id in a key of [`listing`].
pub(crate) fn listing_id(key: &[u8]) -> Option<ExecutionId> {
    let inverted: [u8; 16] = *key.last_chunk()?;
    Some(ExecutionId(inverted.map(|byte| !byte)))
}

/// The id in a key of [`listing`], and whether that is of what is kept; none of another key.
pub(crate) fn place(key: &[u8]) -> Option<(ExecutionId, bool)> {
    match key.first() {
        Some(&LISTING) => Some((listing_id(key)?, false)),
        Some(&KEPT_LISTING) => Some((listing_id(key)?, true)),
        Some(_) | None => None,
    }
}

/// The keys of all resources.
pub(crate) fn resources() -> (Bound<[u8; 1]>, Bound<[u8; 1]>) {
    (Bound::Included([RESOURCE]), Bound::Excluded([RESOURCE + 1]))
}

/// Whether that is the key of a resource.
pub(crate) fn is_resource(key: &[u8]) -> bool {
    key.first() == Some(&RESOURCE)
}

/// Of a resource: kind, account and region with their lengths, name.
pub(crate) fn resource(key: &ResourceKey) -> Vec<u8> {
    let mut bytes = resource_prefix(key.kind, &key.scope);
    bytes.extend_from_slice(key.name.as_bytes());
    bytes
}

/// What the keys of a kind and scope begin with.
pub(crate) fn resource_prefix(kind: ResourceKind, scope: &Scope) -> Vec<u8> {
    let mut bytes = vec![RESOURCE, kind as u8];
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

/// Of the last version given to a resource.
pub(crate) fn resource_version() -> [u8; 1] {
    [RESOURCE_VERSION]
}

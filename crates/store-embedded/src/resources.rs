//! Writing named things: rare, and always through the writer.

use lsm_tree::Slice;
use store::{ResourceKind, StoreError};

use crate::changes::{Value, Write};
use crate::database::{Database, Table};
use crate::keys;
use crate::queue::ResourceChange;

/// The write for a change, and the version that it gives, which is one more than `last`: the last
/// one given in the same batch, where there was one.
///
/// Versions come from one counter for all resources, so that one which is removed and made again
/// never has a version twice.
pub(crate) fn write(
    database: &Database,
    change: &ResourceChange,
    last: Option<u64>,
) -> Result<(Write, u64), StoreError> {
    let current = database.read_resource(&change.key)?.map(|resource| resource.version);
    if current != change.expected {
        return Err(StoreError::Conflict);
    }
    let version = 1 + last.map_or_else(|| last_version(database), Ok)?;
    let value = match (&change.value, change.key.kind) {
        (Some(value), _) => Value::Put(Slice::from([&version.to_be_bytes(), &**value].concat())),
        // They come with a commit, once.
        (None, ResourceKind::StatusChange) => Value::RemoveOnce,
        (None, _) => Value::Remove,
    };
    Ok((row(&keys::resource(&change.key), value), version))
}

/// The write that keeps the last version that was given.
pub(crate) fn counter(version: u64) -> Write {
    row(&keys::resource_version(), Value::Put(Slice::from(version.to_be_bytes().as_slice())))
}

fn row(key: &[u8], value: Value) -> Write {
    Write { table: Table::Index, key: key.into(), value }
}

fn last_version(database: &Database) -> Result<u64, StoreError> {
    let Some(row) = database.get(Table::Index, &keys::resource_version())? else { return Ok(0) };
    let bytes = <[u8; 8]>::try_from(&*row);
    bytes
        .map(u64::from_be_bytes)
        .map_err(|_| StoreError::Corrupt("resources: the last version is not a number".to_owned()))
}

/// The version of a stored resource.
pub(crate) fn version(key: &[u8], row: &[u8]) -> Result<u64, StoreError> {
    let version = row.first_chunk().map(|version| u64::from_be_bytes(*version));
    let malformed = || StoreError::Corrupt(format!("index {}: no version", key.escape_ascii()));
    version.ok_or_else(malformed)
}

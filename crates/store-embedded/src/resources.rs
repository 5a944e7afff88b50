//! Writing named things: rare, and always through the writer.

use fjall::Slice;
use store::StoreError;

use crate::changes::{Value, Write};
use crate::database::{Database, Table};
use crate::keys;
use crate::queue::ResourceChange;

/// The writes for a change, and the version that it gives.
///
/// Versions come from one counter for all resources, so that one which is removed and made again
/// never has a version twice.
pub(crate) fn writes(
    database: &Database,
    change: &ResourceChange,
) -> Result<(Vec<Write>, u64), StoreError> {
    let current = database.read_resource(&change.key)?.map(|resource| resource.version);
    if current != change.expected {
        return Err(StoreError::Conflict);
    }
    let version = 1 + last_version(database)?;
    let counter = Value::Put(Slice::from(version.to_be_bytes().as_slice()));
    let value = match &change.value {
        Some(value) => Value::Put(Slice::from([&version.to_be_bytes(), &**value].concat())),
        None => Value::Remove,
    };
    let row = |key: &[u8], value| Write { table: Table::Index, key: key.into(), value };
    let key = keys::resource(&change.key);
    Ok((vec![row(&keys::resource_version(), counter), row(&key, value)], version))
}

fn last_version(database: &Database) -> Result<u64, StoreError> {
    let Some(row) = database.get(Table::Index, &keys::resource_version())? else { return Ok(0) };
    let bytes = <[u8; 8]>::try_from(&*row);
    bytes
        .map(u64::from_be_bytes)
        .map_err(|_| StoreError::Corrupt("resources: the last version is not a number".to_owned()))
}

//! Rows as columns: statements take an array for each column.

use std::cmp::Ordering;

use store::encoding::status_number;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::changes::REMEMBERED;
use crate::commit_row::{CommitKind, CommitRow};
use crate::resource_kind;
use crate::work::ResourceWrite;

/// The parameters of a statement, behind those of the fence.
pub(crate) type Columns = Vec<Box<dyn ToSql + Sync + Send>>;

/// The order in which a statement takes its locks, so that two statements wait for each other in
/// one direction: by name for starts, by id else.
pub(crate) fn order(one: &CommitRow, other: &CommitRow) -> Ordering {
    match one.kind {
        CommitKind::Start { .. } => one.name.cmp(&other.name),
        CommitKind::Step { .. } | CommitKind::Agenda => one.id.cmp(&other.id),
    }
}

/// Collects a column.
fn column<'a, T: ToSql + Sync + Send + 'static>(
    rows: impl Iterator<Item = &'a CommitRow>,
    value: impl Fn(&CommitRow) -> T,
) -> Box<dyn ToSql + Sync + Send> {
    Box::new(rows.map(value).collect::<Vec<T>>())
}

pub(crate) fn starts(rows: &[&CommitRow]) -> Columns {
    let all = || rows.iter().copied();
    let old = |row: &CommitRow| match row.kind {
        CommitKind::Start { old, .. } => old,
        CommitKind::Step { .. } | CommitKind::Agenda => None,
    };
    let mut columns = vec![
        column(all(), |row| row.name),
        column(all(), |row| row.id),
        column(all(), old),
        column(all(), |row| row.home),
        column(all(), |row| row.scope_number),
        column(all(), CommitRow::status_number),
        column(all(), |row| row.live),
        column(all(), |row| row.machine),
        column(all(), |row| row.started_by),
        column(all(), |row| row.stop),
        column(all(), |row| row.header.clone()),
        column(all(), |row| row.era),
        column(all(), |row| row.revision),
    ];
    columns.extend(history(rows));
    columns.extend(told(rows));
    columns
}

pub(crate) fn steps(rows: &[&CommitRow]) -> Columns {
    let all = || rows.iter().copied();
    let closes = |row: &CommitRow| matches!(row.kind, CommitKind::Step { closes: true });
    let closing = || rows.iter().copied().filter(|row| closes(row));
    let previous =
        |row: &CommitRow| row.statuses.0.map_or(-1, |status| i16::from(status_number(status)));
    let mut columns = vec![
        column(closing(), |row| row.id),
        column(closing(), previous),
        column(all(), |row| row.era),
        column(all(), |row| row.id),
        column(all(), |row| row.revision),
    ];
    columns.extend(history(rows));
    columns.extend([
        column(all(), closes),
        column(closing(), |row| row.revision),
        column(closing(), CommitRow::status_number),
        column(closing(), |row| row.live),
        column(closing(), |row| row.stop),
        column(closing(), |row| row.header.clone()),
    ]);
    columns.extend(told(rows));
    columns
}

pub(crate) fn agendas(rows: &[&CommitRow]) -> Columns {
    let all = || rows.iter().copied();
    let mut columns = vec![
        column(all(), |row| row.era),
        column(all(), |row| row.id),
        column(all(), |row| row.revision),
        column(all(), |row| row.live),
        column(all(), |row| row.due),
        column(all(), |row| row.effects),
        column(all(), |row| row.heartbeats.clone()),
    ];
    columns.extend(told(rows));
    columns
}

/// What a row of history has beside its key.
fn history(rows: &[&CommitRow]) -> Columns {
    let all = || rows.iter().copied();
    vec![
        column(all(), |row| row.token),
        column(all(), |row| row.last_event),
        column(all(), |row| row.due),
        column(all(), |row| row.effects),
        column(all(), |row| row.heartbeats.clone()),
        column(all(), |row| row.records.clone()),
        column(all(), |row| row.checkpoint.clone()),
    ]
}

/// The resources that come with commits.
fn told(rows: &[&CommitRow]) -> Columns {
    let with = rows.iter().filter_map(|row| row.resource.as_ref().map(|it| (*row, it)));
    let mut ids: Vec<Uuid> = Vec::new();
    let (mut kinds, mut homes): (Vec<i16>, Vec<i32>) = (Vec::new(), Vec::new());
    let (mut accounts, mut regions): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut names, mut values): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    for (row, (key, value)) in with {
        ids.push(row.id);
        kinds.push(key.kind as i16);
        accounts.push(key.scope.account.to_string());
        regions.push(key.scope.region.to_string());
        names.push(key.name.as_bytes().to_vec());
        homes.push(row.home);
        values.push(value.clone());
    }
    vec![
        Box::new(ids),
        Box::new(kinds),
        Box::new(accounts),
        Box::new(regions),
        Box::new(names),
        Box::new(homes),
        Box::new(values),
    ]
}

pub(crate) fn resources(writes: &[&ResourceWrite]) -> Columns {
    let places: Vec<i32> = (0..).take(writes.len()).collect();
    let kinds: Vec<i16> = writes.iter().map(|write| write.key.kind as i16).collect();
    let accounts: Vec<String> =
        writes.iter().map(|write| write.key.scope.account.to_string()).collect();
    let regions: Vec<String> =
        writes.iter().map(|write| write.key.scope.region.to_string()).collect();
    let names: Vec<Vec<u8>> =
        writes.iter().map(|write| write.key.name.as_bytes().to_vec()).collect();
    let expected: Vec<Option<i64>> =
        writes.iter().map(|write| write.expected.map(u64::cast_signed)).collect();
    let values: Vec<Option<Vec<u8>>> = writes.iter().map(|write| write.value.clone()).collect();
    vec![
        Box::new(places),
        Box::new(kinds),
        Box::new(accounts),
        Box::new(regions),
        Box::new(names),
        Box::new(expected),
        Box::new(values),
        Box::new(REMEMBERED.map(resource_kind).to_vec()),
    ]
}

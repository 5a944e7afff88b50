//! Tables that are damaged are written anew from what can be read of them.
//!
//! A copy has the number of the damaged table and takes its place, so that the engine never meets
//! the damage again: its merges go on, and everything that is not hit can be read. The damaged file
//! is kept under `damaged/`. Where rows were lost, [`crate::lost`] says between which keys.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use lsm_tree::InternalValue;
use lsm_tree::table::Writer;

use crate::OpenError;
use crate::database::Table;
use crate::inspect::{InspectError, Inspection, LostKeys, inspect};
use crate::lost::{self, LostRange};
use crate::manifest;

/// Where copies wait until they take the place of what they were made from.
const COPIES_FOLDER: &str = "copies";

/// Where damaged files are kept.
const DAMAGED_FOLDER: &str = "damaged";

/// A copy of a damaged table that can take its place.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) table: Table,
    pub(crate) number: u64,
    pub(crate) lost: Vec<LostRange>,
}

/// Looks at tables of the trees, and makes copies of those that are damaged. Tells what is found.
/// A table that has gone meanwhile is passed over.
pub(crate) fn copies(database: &Path, tables: &[(Table, u64)]) -> Vec<Copy> {
    let mut copies = Vec::new();
    for &(table, number) in tables {
        let path = manifest::table_path(&database.join(table.name()), number);
        match copy(database, &path, table, number) {
            Ok(found) => copies.extend(found),
            Err(InspectError::Io(error)) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                tracing::error!(
                    file = %path.display(),
                    %error,
                    "a table cannot be mended: stop the server and run stairwell doctor"
                );
            }
        }
    }
    copies
}

fn copy(
    database: &Path,
    path: &Path,
    table: Table,
    number: u64,
) -> Result<Option<Copy>, InspectError> {
    let inspection = inspect(path, |_| {})?;
    if inspection.flaws.is_empty() {
        return Ok(None);
    }
    for flaw in &inspection.flaws {
        let (file, byte) = (path.display(), flaw.byte);
        tracing::error!(%file, byte, "{} is damaged", flaw.what);
    }
    let file = format!("{}/{}/{number}", table.name(), manifest::TABLES_FOLDER);
    let newest = inspection.newest;
    let range = |keys: &LostKeys| LostRange {
        table,
        is_from: keys.after.is_none(),
        first: keys.after.clone().unwrap_or_else(|| keys.from.clone()),
        last: keys.to.clone(),
        newest,
        file: file.clone(),
        byte: keys.byte,
    };
    let lost: Vec<_> = inspection.lost.iter().map(range).collect();
    for range in &lost {
        tracing::error!(place = range.describe(), "rows are lost: reads of them say so");
    }
    write_copy(database, path, table, number, &inspection)?;
    Ok(Some(Copy { table, number, lost }))
}

/// Writes what can be read of a table to a file of the same form.
fn write_copy(
    database: &Path,
    path: &Path,
    table: Table,
    number: u64,
    inspection: &Inspection,
) -> Result<(), InspectError> {
    let target = copy_path(database, table, number);
    fs::create_dir_all(database.join(COPIES_FOLDER))?;
    match fs::remove_file(&target) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let mut rows = Vec::new();
    inspect(path, |row| rows.push(row))?;
    // The table keeps its greatest number, by which the log knows what is written out; and it is
    // never empty, which the engine does not know.
    for keys in &inspection.lost {
        let at = rows.partition_point(|row| row.key.user_key < keys.to);
        let is_there =
            |row: &InternalValue| row.key.user_key == keys.to && row.key.seqno >= inspection.newest;
        if !rows.get(at).is_some_and(is_there) {
            rows.insert(at, InternalValue::new_tombstone(keys.to.clone(), inspection.newest));
        }
    }
    let other = |error: lsm_tree::Error| match error {
        lsm_tree::Error::Io(error) => error,
        error => io::Error::other(error.to_string()),
    };
    let mut writer = Writer::new(target, number, 0).map_err(other)?;
    for row in rows {
        writer.write(row).map_err(other)?;
    }
    writer.finish().map_err(other)?;
    Ok(())
}

fn copy_path(database: &Path, table: Table, number: u64) -> PathBuf {
    database.join(COPIES_FOLDER).join(format!("{}-{number}", table.name()))
}

/// The tables of trees that nobody has open, by their lists.
fn listed(database: &Path) -> Result<Vec<(Table, u64)>, OpenError> {
    let mut tables = Vec::new();
    for table in Table::ALL {
        let manifest = manifest::read(&database.join(table.name()))?.unwrap_or_default();
        tables.extend(manifest.tables.into_iter().map(|number| (table, number)));
    }
    Ok(tables)
}

/// Puts copies in the place of what they were made from. Nobody may have the trees open. Copies of
/// tables that are gone are left out: they may have been merged or dropped until the trees were let
/// go of.
///
/// After a crash in between, each table is as it was or is its copy, and all that is missing in a
/// copy is known to be lost.
pub(crate) fn put_in_place(database: &Path, copies: &[Copy]) -> Result<(), OpenError> {
    let listed = listed(database)?;
    let is_listed = |copy: &&Copy| listed.contains(&(copy.table, copy.number));
    let copies: Vec<&Copy> = copies.iter().filter(is_listed).collect();
    let put = || {
        let mut lost = lost::read(database).map_err(io::Error::other)?;
        for range in copies.iter().flat_map(|copy| &copy.lost) {
            if !lost.contains(range) {
                lost.push(range.clone());
            }
        }
        lost::write(database, &lost)?;
        fs::create_dir_all(database.join(DAMAGED_FOLDER))?;
        for copy in &copies {
            let tree = database.join(copy.table.name());
            let original = manifest::table_path(&tree, copy.number);
            let kept = database.join(DAMAGED_FOLDER);
            let kept = kept.join(format!("{}-{}", copy.table.name(), copy.number));
            match fs::hard_link(&original, &kept) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
            fs::rename(copy_path(database, copy.table, copy.number), &original)?;
            File::open(tree.join(manifest::TABLES_FOLDER))?.sync_all()?;
        }
        File::open(database.join(DAMAGED_FOLDER))?.sync_all()?;
        File::open(database)?.sync_all()
    };
    put().map_err(OpenError::io(database))
}

/// Mends the tables of trees that nobody has open, by their lists. Returns how many were mended.
///
/// # Errors
/// Where the disk does not take the copies.
pub(crate) fn mend(database: &Path) -> Result<usize, OpenError> {
    let copies = copies(database, &listed(database)?);
    if !copies.is_empty() {
        put_in_place(database, &copies)?;
    }
    Ok(copies.len())
}

/// Removes copies that nobody put in place: they may be of tables that are gone.
pub(crate) fn remove_copies(database: &Path) -> Result<(), OpenError> {
    let path = database.join(COPIES_FOLDER);
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(OpenError::io(&path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

//! What is damaged in a folder that nobody uses.
//!
//! Looking changes nothing: the rows are read in a copy of the folder, in which tables are links
//! to the ones of the folder, and the copy is mended as the store would mend the folder itself. So
//! what is found is what a server would answer.

use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{ExecutionId, Status};
use lsm_tree::{Guard, Slice};
use store::encoding::{AgendaRow, encode_agenda};
use store::{Agenda, ExecutionHeader, StoreError};

use crate::alarm::Alarm;
use crate::changes::{Value, Write};
use crate::database::{Database, Place, Table, WriteFailure};
use crate::disk::RealDisk;
use crate::error::store_error;
use crate::folder::DataFolder;
use crate::inspect::{InspectError, inspect};
use crate::lost::LostRange;
use crate::{OpenError, Options, Verdict, keys, lost, manifest, mend, scan_log};

/// The copy of the folder, within it.
const COPY_FOLDER: &str = "doctor";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// How many tables were read, byte by byte.
    pub tables: usize,
    /// How many executions were loaded and compared with their headers.
    pub executions: usize,
    /// Files that are not as they were written.
    pub files: Vec<DamagedFile>,
    /// The end of the log, where it was being written when the process or the machine stopped. No
    /// damage: it was not answered, and the next start drops it.
    pub torn: Option<DamagedFile>,
    /// Where rows were lost before, when the store mended a table: file, byte, and keys.
    pub lost: Vec<String>,
    /// Executions that cannot be served, or are never due.
    pub hit: Vec<HitExecution>,
}

/// A file that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedFile {
    /// Which.
    pub path: PathBuf,
    /// The first byte of what is damaged, where that is known.
    pub byte: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// An execution that damage hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitExecution {
    /// Its number.
    pub id: ExecutionId,
    /// Its ARN; none where its header cannot be read.
    pub arn: Option<Arc<str>>,
    /// What of it cannot be read.
    pub part: Part,
    /// Which row, and why not.
    pub reason: String,
}

/// A part of what is stored of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Names, status, times: without it nothing else is found.
    Header,
    /// The records, or a checkpoint that they build on.
    Records,
    /// When it is due. Follows from the records: see [`release`].
    Agenda,
}

impl Diagnosis {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.files.is_empty() && self.lost.is_empty() && self.hit.is_empty()
    }
}

/// Looks at everything in the folder.
///
/// # Errors
/// Where it is no data folder, somebody uses it, or it cannot be read.
pub fn examine(path: &Path) -> Result<Diagnosis, OpenError> {
    let folder = DataFolder::open_existing(path)?;
    let database = folder.database();
    let mut diagnosis = Diagnosis::default();
    let is_whole = diagnosis.examine_log(path)?;
    let is_listed = diagnosis.examine_tables(&database)?;
    match lost::read(&database) {
        Ok(ranges) => diagnosis.lost.extend(ranges.iter().map(LostRange::describe)),
        Err(error) => diagnosis.add_error(error)?,
    }
    if is_whole && is_listed {
        let copy = Copy::make(path, &database, &folder).map_err(OpenError::io(path))?;
        diagnosis.examine_rows(&copy)?;
    }
    Ok(diagnosis)
}

impl Diagnosis {
    /// Reads the log, record by record. Returns whether a server would open it.
    fn examine_log(&mut self, path: &Path) -> Result<bool, OpenError> {
        match scan_log(&RealDisk, path)?.verdict() {
            Verdict::Sound => Ok(true),
            Verdict::Torn { file, byte, bytes } => {
                let what = format!("{bytes} bytes of a record that was not written to its end");
                self.torn = Some(DamagedFile { path: file.clone(), byte: Some(*byte), what });
                Ok(true)
            }
            Verdict::Damaged { file, byte, reason } => {
                let (path, what) = (file.clone(), reason.clone());
                self.files.push(DamagedFile { path, byte: Some(*byte), what });
                Ok(false)
            }
        }
    }

    /// Reads every table. Returns whether the lists of tables can be read.
    fn examine_tables(&mut self, database: &Path) -> Result<bool, OpenError> {
        let mut is_listed = true;
        for table in Table::ALL {
            let tree = database.join(table.name());
            let listed = match manifest::read(&tree) {
                Ok(listed) => listed.unwrap_or_default(),
                Err(error) => {
                    self.add_error(error)?;
                    is_listed = false;
                    continue;
                }
            };
            for number in listed.tables {
                self.tables += 1;
                self.examine_table(manifest::table_path(&tree, number));
            }
        }
        Ok(is_listed)
    }

    fn examine_table(&mut self, path: PathBuf) {
        let mut add = |byte, what: String| {
            self.files.push(DamagedFile { path: path.clone(), byte, what });
        };
        match inspect(&path, |_| {}) {
            Ok(inspection) => {
                for flaw in inspection.flaws {
                    add(Some(flaw.byte), format!("{} is damaged", flaw.what));
                }
            }
            Err(InspectError::Hopeless { byte, what }) => {
                add(Some(byte), format!("{what} is damaged, and cannot be mended"));
            }
            Err(InspectError::Io(error)) => add(None, error.to_string()),
        }
    }

    fn add_error(&mut self, error: OpenError) -> Result<(), OpenError> {
        match error {
            OpenError::Corrupt { place, reason } => {
                self.files.push(DamagedFile { path: place, byte: None, what: reason });
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Reads every row, as a server would.
    fn examine_rows(&mut self, copy: &Copy) -> Result<(), OpenError> {
        let opened = mend::mend(&copy.database)
            .and_then(|_| Database::open(&copy.place, &Options::default(), &Alarm::unheard()));
        let database = match opened {
            Ok(database) => database,
            Err(OpenError::Corrupt { place, reason }) => {
                let place = copy.original(&place);
                return self.add_error(OpenError::Corrupt { place, reason });
            }
            Err(error) => return Err(error),
        };
        match self.examine_executions(&database) {
            Ok(()) => Ok(()),
            Err(StoreError::Corrupt(reason)) => {
                let place = copy.original(&copy.database);
                self.add_error(OpenError::Corrupt { place, reason })
            }
            Err(error) => {
                let source = io::Error::other(error.to_string());
                Err(OpenError::Io { place: copy.database.clone(), source })
            }
        }
    }

    fn examine_executions(&mut self, database: &Database) -> Result<(), StoreError> {
        let view = database.view();
        let all = (
            Bound::Included(keys::header(ExecutionId([0; 16]))),
            Bound::Included(keys::header(ExecutionId([0xFF; 16]))),
        );
        for header in view.headers(all) {
            let (id, header) = header?;
            if view.is_there(id)? {
                self.executions += 1;
                match header {
                    Ok(header) => self.examine_execution(database, &header),
                    Err(error) => self.add_hit(id, None, Part::Header, &error),
                }
            }
        }
        // Those whose headers are lost are known by their records.
        for range in database.lost() {
            let ids = match range.table {
                Table::History => continue,
                Table::Index => keys::headers_between(&range.first, &range.last),
            };
            let Some((first, last)) = ids else { continue };
            let rows = (
                Bound::Included(keys::history(first, store::Revision(0))),
                Bound::Included(keys::history(last, store::Revision(u32::MAX))),
            );
            let mut before = None;
            for row in view.range(Table::History, rows) {
                let key = row.key().map_err(|error| store_error("history", &error))?;
                let Some(id) = key.first_chunk().copied().map(ExecutionId) else { continue };
                if before.replace(id) != Some(id)
                    && let Err(error) = view.header(id)
                {
                    self.executions += 1;
                    self.add_hit(id, None, Part::Header, &error);
                }
            }
        }
        Ok(())
    }

    /// Loads an execution, and compares it with what its header says.
    fn examine_execution(&mut self, database: &Database, header: &ExecutionHeader) {
        let arn = Some(&header.arn);
        if let (None, Err(error)) = (header.stop, database.agenda(header.id)) {
            return self.add_hit(header.id, arn, Part::Agenda, &error);
        }
        let differs = |what: &str| StoreError::Corrupt(format!("{what} differs from the header's"));
        let error = match database.load(header.id) {
            Err(error) => error,
            Ok(None) => StoreError::Corrupt("it is not there".to_owned()),
            Ok(Some(loaded)) if loaded.execution.last_event != header.last_event => {
                differs("the last event")
            }
            Ok(Some(loaded)) if loaded.execution.status != header.status => differs("the status"),
            Ok(Some(_)) => return,
        };
        self.add_hit(header.id, arn, Part::Records, &error);
    }

    fn add_hit(&mut self, id: ExecutionId, arn: Option<&Arc<str>>, part: Part, error: &StoreError) {
        self.hit.push(HitExecution { id, arn: arn.cloned(), part, reason: error.to_string() });
    }
}

/// Gives an open execution whose agenda is lost a new one, which follows from its records, so that
/// the next server goes on with it. Heartbeats that came since its last record are forgotten: a
/// task may time out by its heartbeat once too early.
///
/// # Errors
/// Where no such execution is there, or it needs no release, or something else of it is lost.
pub fn release(path: &Path, arn: &str) -> Result<(), ReleaseError> {
    let folder = DataFolder::open_existing(path)?;
    let database = folder.open_database(&Options::default(), &Alarm::unheard())?;
    let id = database.newest(&keys::name(arn))?.ok_or(ReleaseError::Absent)?;
    let header = database.header(id)?.ok_or(ReleaseError::Absent)?;
    if header.status != Status::Running || database.agenda(id).is_ok() {
        return Err(ReleaseError::NotQuarantined);
    }
    // Loading reads the agenda, so that one without an instant comes first.
    let write = |agenda: Agenda| {
        let (scope, status, revision) = (header.scope.clone(), header.status, header.revision);
        let row = encode_agenda(&AgendaRow { scope, status, revision, agenda });
        let value = Value::Put(Slice::from(row.as_slice()));
        let write = Write { table: Table::Index, key: keys::agenda(id).as_slice().into(), value };
        let written = database.write(vec![write], None);
        written.map_err(WriteFailure::into_error)
    };
    let agenda = Agenda { due: None, has_effects: true, heartbeats: Vec::new() };
    write(agenda.clone())?;
    let loaded = database.load(id)?.ok_or(ReleaseError::Absent)?;
    Ok(write(Agenda { due: loaded.execution.next_due(), ..agenda })?)
}

/// Why an execution is not released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The execution cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none with that ARN.
    #[error("there is no execution with that ARN")]
    Absent,
    /// It has ended, or can be read.
    #[error("the execution is not quarantined")]
    NotQuarantined,
}

/// A copy of the database, in which rows are read. Removed when this is dropped.
struct Copy {
    folder: PathBuf,
    database: PathBuf,
    original: PathBuf,
    place: Place,
}

impl Copy {
    fn make(path: &Path, original: &Path, data: &DataFolder) -> io::Result<Copy> {
        let folder = path.join(COPY_FOLDER);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let (database, original) = (folder.join("database"), original.to_owned());
        let place = data.place(database.clone());
        let copy = Copy { folder, database, original, place };
        link_all(&copy.original, &copy.database)?;
        Ok(copy)
    }

    /// The place in the folder that a place in the copy stands for.
    fn original(&self, place: &Path) -> PathBuf {
        let relative = place.strip_prefix(&self.database);
        relative.map_or_else(|_| place.to_owned(), |relative| self.original.join(relative))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What is left is removed the next time.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Copies a folder; tables, which are never written to, by links where the file system has them.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            link_all(&source, &target)?;
        } else if !from.ends_with(manifest::TABLES_FOLDER)
            || fs::hard_link(&source, &target).is_err()
        {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

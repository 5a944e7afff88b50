//! The stored form of records, headers, checkpoints and agendas: a version byte, then one row.
//! See `docs/storage.md`.
//!
//! Promises: what is decoded equals what was encoded, and documents that were one object within a
//! row are one object again. Decoding any bytes gives a value or [`StoreError::Corrupt`]; it never
//! panics, and never takes memory out of proportion to its input.
//!
//! Does not: check sums (the store below does), or parse a document.

mod engine_forms;
mod frame_forms;
mod row;
mod store_forms;

use engine::{Execution, Record, Status};

use crate::cluster::{Answer, Question};
use crate::{ExecutionHeader, MapRunOutcomes, MapRunRecord, StoreError};
use row::{Malformed, RowReader, RowWriter, Stored};
pub use store_forms::AgendaRow;

/// The version that is written. Every older one can be read.
pub const FORM_VERSION: u8 = 4;

/// The oldest version that is read.
const FORM_VERSION_MIN: u8 = 1;

/// The records of one commit.
pub fn encode_records(records: &[Record]) -> Vec<u8> {
    // A typical event is a few bytes and a document.
    let mut row = RowWriter::new(FORM_VERSION, 64 + records.len() * 40);
    row.number(records.len() as u64);
    for record in records {
        record.write(&mut row);
    }
    row.finish()
}

/// What [`encode_records`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_records(bytes: &[u8]) -> Result<Vec<Record>, StoreError> {
    Records::of(bytes)?.collect()
}

/// What [`encode_records`] encoded, decoded one by one.
pub(crate) struct Records<'a> {
    row: RowReader<'a>,
    left: u64,
}

impl<'a> Records<'a> {
    /// The records of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is something else.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Records<'a>, StoreError> {
        let mut row = reader("records", bytes)?;
        let left = row.number().map_err(|it| corrupt("records", &it))?;
        let end = if left == 0 { row.end() } else { Ok(()) };
        end.map_err(|it| corrupt("records", &it))?;
        Ok(Records { row, left })
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut record = Record::read(&mut self.row);
        if self.left == 0 {
            record = record.and_then(|record| self.row.end().map(|()| record));
        }
        if record.is_err() {
            self.left = 0;
        }
        Some(record.map_err(|malformed| corrupt("records", &malformed)))
    }
}

/// The header of an execution.
pub fn encode_header(header: &ExecutionHeader) -> Vec<u8> {
    encode(header, 320)
}

/// What [`encode_header`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_header(bytes: &[u8]) -> Result<ExecutionHeader, StoreError> {
    decode("header", bytes)
}

/// The stored form of a whole execution.
pub fn encode_execution(execution: &Execution) -> Vec<u8> {
    encode(execution, 1024)
}

/// What [`encode_execution`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_execution(bytes: &[u8]) -> Result<Execution, StoreError> {
    decode("checkpoint", bytes)
}

/// What an open execution is waiting for, and what a commit must know of it.
pub fn encode_agenda(row: &AgendaRow) -> Vec<u8> {
    encode(row, 64)
}

/// What [`encode_agenda`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_agenda(bytes: &[u8]) -> Result<AgendaRow, StoreError> {
    decode("agenda", bytes)
}

/// The record of a Map Run.
pub fn encode_map_run(record: &MapRunRecord) -> Vec<u8> {
    encode(record, 512)
}

/// What [`encode_map_run`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_map_run(bytes: &[u8]) -> Result<MapRunRecord, StoreError> {
    decode("Map Run", bytes)
}

/// Outcomes of children of a Map Run.
pub fn encode_map_run_outcomes(outcomes: &MapRunOutcomes) -> Vec<u8> {
    encode(outcomes, 64 + outcomes.children.len() * 64)
}

/// What [`encode_map_run_outcomes`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_map_run_outcomes(bytes: &[u8]) -> Result<MapRunOutcomes, StoreError> {
    decode("outcomes of a Map Run", bytes)
}

/// What a node asks another.
pub fn encode_question(question: &Question) -> Vec<u8> {
    encode(question, 256)
}

/// What [`encode_question`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_question(bytes: &[u8]) -> Result<Question, StoreError> {
    decode("question of a node", bytes)
}

/// What a node answers another.
pub fn encode_answer(answer: &Answer) -> Vec<u8> {
    encode(answer, 128)
}

/// What [`encode_answer`] encoded.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub fn decode_answer(bytes: &[u8]) -> Result<Answer, StoreError> {
    decode("answer of a node", bytes)
}

/// Every status, by its number.
pub const STATUSES: [Status; 5] =
    [Status::Running, Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted];

/// The number of a status in keys.
pub fn status_number(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Succeeded => 1,
        Status::Failed => 2,
        Status::TimedOut => 3,
        Status::Aborted => 4,
    }
}

fn encode<T: Stored>(value: &T, capacity: usize) -> Vec<u8> {
    let mut row = RowWriter::new(FORM_VERSION, capacity);
    value.write(&mut row);
    row.finish()
}

fn decode<T: Stored>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    let mut row = reader(what, bytes)?;
    let value = T::read(&mut row).and_then(|value| row.end().map(|()| value));
    value.map_err(|malformed| corrupt(what, &malformed))
}

fn corrupt(what: &str, malformed: &Malformed) -> StoreError {
    StoreError::Corrupt(format!("{what}: {malformed}"))
}

/// A reader behind the version of the row's form.
fn reader<'a>(what: &str, bytes: &'a [u8]) -> Result<RowReader<'a>, StoreError> {
    let version = match bytes.first() {
        Some(&version @ FORM_VERSION_MIN..=FORM_VERSION) => version,
        Some(version) => {
            return Err(StoreError::Corrupt(format!(
                "{what}: stored form {version}, of which this version of Stairwell knows nothing \
                 (it reads {FORM_VERSION_MIN} to {FORM_VERSION})"
            )));
        }
        None => return Err(StoreError::Corrupt(format!("{what}: empty"))),
    };
    Ok(RowReader::new(version, bytes, 1))
}

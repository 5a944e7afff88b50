//! Parquet: each row is an item.
//!
//! The decoder reads where it likes and does not wait, so that it has a thread of its own, which
//! hands over some rows at a time. AWS's limits keep what it holds within bounds.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use json::{Array, Document, Number, Object, Value};
use parking_lot::Mutex;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::record::{Field, Row};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::failure::{ITEM_BYTES_MAX, ReadError};
use crate::position::WithinObject;
use crate::split::Found;
use crate::stream::Origin;
use crate::time::iso;
use crate::{ObjectAddress, ObjectsError};

/// How many rows are handed over at once.
const ROWS: usize = 64;
/// How many times as many may wait.
const BATCHES: usize = 2;
/// The largest row group, in bytes: AWS's limit.
const GROUP_BYTES_MAX: i64 = 256 * 1024 * 1024;
/// The largest footer, in bytes: AWS's limit.
const FOOTER_BYTES_MAX: u32 = 5 * 1024 * 1024;
/// What a file ends with: the length of its footer in four bytes, then four letters.
const TAIL_BYTES: u64 = 8;
/// How much is asked for at once.
const BLOCK_BYTES: u64 = 256 * 1024;
/// How many blocks are kept: the columns of a row group are read side by side.
const BLOCKS_MAX: usize = 128;

/// The items of a Parquet file.
pub(crate) struct RowItems {
    rows: Receiver<Message>,
    waiting: VecDeque<Document>,
    tag: Arc<str>,
    /// The row that comes next.
    group: usize,
    row: usize,
    has_ended: bool,
}

enum Message {
    /// Rows that follow each other, from that one on.
    Rows {
        group: usize,
        row: usize,
        rows: Vec<Document>,
    },
    Failed(ReadError),
    End,
}

impl RowItems {
    /// From the first item on, or from a place between two.
    pub(crate) async fn open(
        origin: &Origin,
        object: &ObjectAddress,
        within: Option<&WithinObject>,
    ) -> Result<RowItems, ReadError> {
        let (tag, group, row) = match within {
            None => (None, 0, 0),
            Some(WithinObject::Rows { tag, group, row }) => (Some(tag.as_str()), *group, *row),
            Some(WithinObject::Text { .. }) => return Err(ReadError::Position),
        };
        if object.version.is_some() {
            let message = "'VersionId' is not supported for objects in Parquet.";
            return Err(ReadError::Unsupported(message));
        }
        let file = RemoteFile::open(origin, object, tag).await?;
        let tag = file.tag.clone();
        let (sender, rows) = mpsc::channel(BATCHES);
        tokio::task::spawn_blocking(move || {
            let last = match send_rows(file, group, row, &sender) {
                Ok(()) => Message::End,
                Err(error) => Message::Failed(error),
            };
            // Where nobody listens any more, nobody is to be told.
            let _ = sender.blocking_send(last);
        });
        Ok(RowItems { rows, waiting: VecDeque::new(), tag, group, row, has_ended: false })
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Found>, ReadError> {
        while self.waiting.is_empty() && !self.has_ended {
            match self.rows.recv().await {
                Some(Message::Rows { group, row, rows }) => {
                    (self.group, self.row) = (group, row);
                    self.waiting = rows.into();
                }
                Some(Message::Failed(error)) => return Err(error),
                Some(Message::End) => self.has_ended = true,
                None => return Err(ReadError::Parquet("it cannot be decoded".to_owned())),
            }
        }
        let Some(value) = self.waiting.pop_front() else { return Ok(None) };
        self.row += 1;
        Ok(Some(Found { value, key: None }))
    }

    /// Where the items go on after the one that was given last.
    pub(crate) fn within(&self) -> WithinObject {
        WithinObject::Rows { tag: self.tag.to_string(), group: self.group, row: self.row }
    }
}

/// Reads the rows from that one on, and sends them until nobody wants them any more.
fn send_rows(
    file: RemoteFile,
    group: usize,
    row: usize,
    sender: &Sender<Message>,
) -> Result<(), ReadError> {
    check_footer(&file)?;
    let reader = SerializedFileReader::new(file).map_err(parquet_error)?;
    let groups = reader.metadata().row_groups();
    if groups.iter().any(|group| group.total_byte_size() > GROUP_BYTES_MAX) {
        return Err(bad("a row group exceeds the maximum size of 256 MB"));
    }
    let mut first = row;
    for index in group..groups.len() {
        let group = reader.get_row_group(index).map_err(parquet_error)?;
        let mut rows = group.get_row_iter(None).map_err(parquet_error)?.skip(first);
        loop {
            let batch: Vec<Document> =
                rows.by_ref().take(ROWS).map(item).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                break;
            }
            let (row, length) = (first, batch.len());
            if sender.blocking_send(Message::Rows { group: index, row, rows: batch }).is_err() {
                return Ok(());
            }
            first += length;
        }
        first = 0;
    }
    Ok(())
}

fn check_footer(file: &RemoteFile) -> Result<(), ReadError> {
    let size = file.len();
    if size < TAIL_BYTES {
        return Err(bad("it is too short"));
    }
    let tail = file.read_at(size - TAIL_BYTES, TAIL_BYTES).map_err(read_error)?;
    let (length, magic) = tail.split_at(4);
    if magic != b"PAR1" {
        return Err(bad("it does not end as Parquet ends"));
    }
    let length = u32::from_le_bytes(length.try_into().expect("four of eight bytes"));
    match length > FOOTER_BYTES_MAX {
        true => Err(bad("its footer exceeds the maximum size of 5 MB")),
        false => Ok(()),
    }
}

fn bad(reason: &str) -> ReadError {
    ReadError::Parquet(reason.to_owned())
}

fn parquet_error(error: ParquetError) -> ReadError {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => read_error(*error),
            Err(error) => bad(&error.to_string()),
        },
        error => bad(&error.to_string()),
    }
}

/// What [`RemoteFile`] met, as itself.
fn read_error(error: io::Error) -> ReadError {
    match error.downcast::<ObjectsError>() {
        Ok(error) => ReadError::Objects(error),
        Err(error) => bad(&error.to_string()),
    }
}

fn item(row: Result<Row, ParquetError>) -> Result<Document, ReadError> {
    let item = Document::from(object(&row.map_err(parquet_error)?));
    match item.len_bytes() > ITEM_BYTES_MAX {
        true => Err(bad("a row exceeds the maximum size of an item")),
        false => Ok(item),
    }
}

fn object(row: &Row) -> Value {
    let mut object = Object::new();
    for (name, field) in row.get_column_iter() {
        object.insert(name.as_str(), value(field));
    }
    Value::from(object)
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => Value::from(*flag),
        Field::Byte(number) => Value::from(i64::from(*number)),
        Field::Short(number) => Value::from(i64::from(*number)),
        Field::Int(number) => Value::from(i64::from(*number)),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => Value::from(i64::from(*number)),
        Field::UShort(number) => Value::from(i64::from(*number)),
        Field::UInt(number) => Value::from(i64::from(*number)),
        Field::ULong(number) => number_of(&number.to_string()),
        // The shortest text that is the same number in its own precision.
        Field::Float16(number) => number_of(&number.to_string()),
        Field::Float(number) => number_of(&number.to_string()),
        Field::Double(number) if number.is_finite() => Value::from(*number),
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Value::from(text),
            Err(_) => Value::from(base64(bytes.data())),
        },
        Field::TimestampMillis(time) => instant(time.checked_mul(1_000)),
        Field::TimestampMicros(time) => instant(Some(*time)),
        Field::Group(row) => object(row),
        Field::ListInternal(list) => {
            Value::from(list.elements().iter().map(value).collect::<Array>())
        }
        Field::MapInternal(map) => {
            let mut object = Object::new();
            for (key, member) in map.entries() {
                let key = value(key);
                let name = key.as_str().map_or_else(|| key.to_text(), str::to_owned);
                object.insert(name, value(member));
            }
            Value::from(object)
        }
        Field::Decimal(_) | Field::Date(_) | Field::TimeMillis(_) | Field::TimeMicros(_) => {
            Value::from(field.to_string())
        }
        Field::Double(number) => Value::from(number.to_string()),
    }
}

/// A number by its text, or the text where JSON has no such number.
fn number_of(text: &str) -> Value {
    Number::parse(text).map_or_else(|| Value::from(text), Value::from)
}

/// An instant in microseconds since 1970, as AWS writes instants.
fn instant(microseconds: Option<i64>) -> Value {
    let instant = microseconds.and_then(|time| jiff::Timestamp::from_microsecond(time).ok());
    instant.map_or(Value::Null, |instant| Value::from(iso(instant)))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A file that lies elsewhere, of which the blocks that were read last are kept.
struct RemoteFile {
    origin: Origin,
    object: ObjectAddress,
    size: u64,
    tag: Arc<str>,
    runtime: Handle,
    /// The block that was used last is the last one.
    blocks: Arc<Mutex<VecDeque<(u64, Bytes)>>>,
}

impl RemoteFile {
    async fn open(
        origin: &Origin,
        object: &ObjectAddress,
        tag: Option<&str>,
    ) -> Result<RemoteFile, ReadError> {
        let mut failed = 0;
        loop {
            match origin.objects.open(object, 0, Some(1), tag).await {
                Ok(opened) => {
                    return Ok(RemoteFile {
                        origin: origin.clone(),
                        object: object.clone(),
                        size: opened.size,
                        tag: opened.tag,
                        runtime: Handle::current(),
                        blocks: Arc::default(),
                    });
                }
                Err(error) => {
                    failed += 1;
                    origin.patience.after(failed, error).await?;
                }
            }
        }
    }

    /// Some of the bytes from there on; none at the end.
    fn some_at(&self, offset: u64) -> io::Result<Bytes> {
        if offset >= self.size {
            return Ok(Bytes::new());
        }
        let start = offset - offset % BLOCK_BYTES;
        let mut blocks = self.blocks.lock();
        let known = blocks.iter().position(|(at, _)| *at == start);
        let block = match known.and_then(|index| blocks.remove(index)) {
            Some((_, block)) => block,
            None => self.runtime.block_on(self.fetch(start)).map_err(io::Error::other)?,
        };
        blocks.push_back((start, block.clone()));
        if blocks.len() > BLOCKS_MAX {
            blocks.pop_front();
        }
        let within = usize::try_from(offset - start).expect("less than a block");
        Ok(block.slice(within..))
    }

    async fn fetch(&self, start: u64) -> Result<Bytes, ObjectsError> {
        let mut failed = 0;
        loop {
            match self.attempt(start).await {
                Ok(block) => return Ok(block),
                Err(error) => {
                    failed += 1;
                    self.origin.patience.after(failed, error).await?;
                }
            }
        }
    }

    async fn attempt(&self, start: u64) -> Result<Bytes, ObjectsError> {
        let length = BLOCK_BYTES.min(self.size - start);
        let objects = &self.origin.objects;
        let mut opened = objects.open(&self.object, start, Some(length), Some(&self.tag)).await?;
        let mut block = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        while let Some(chunk) = opened.body.chunk().await? {
            block.extend_from_slice(&chunk);
        }
        match block.len() as u64 == length {
            true => Ok(block.into()),
            false => {
                let message = format!("The object '{}' broke off", self.object.key);
                Err(ObjectsError::Unavailable(message))
            }
        }
    }

    fn read_at(&self, mut offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let some = self.some_at(offset)?;
            if some.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = &some[..some.len().min(length - bytes.len())];
            bytes.extend_from_slice(taken);
            offset += taken.len() as u64;
        }
        Ok(bytes)
    }

    /// The same file, with the same blocks.
    fn again(&self) -> RemoteFile {
        RemoteFile {
            origin: self.origin.clone(),
            object: self.object.clone(),
            size: self.size,
            tag: self.tag.clone(),
            runtime: self.runtime.clone(),
            blocks: self.blocks.clone(),
        }
    }
}

/// A place in a file, from which it is read on.
struct Cursor {
    file: RemoteFile,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let some = self.file.some_at(self.offset)?;
        let length = some.len().min(buffer.len());
        buffer[..length].copy_from_slice(&some[..length]);
        self.offset += length as u64;
        Ok(length)
    }
}

impl Length for RemoteFile {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for RemoteFile {
    type T = Cursor;

    fn get_read(&self, start: u64) -> Result<Cursor, ParquetError> {
        Ok(Cursor { file: self.again(), offset: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.read_at(start, length as u64);
        bytes.map(Bytes::from).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

//! Delimited text: each record is an item, an object of texts.
//!
//! AWS's rules: fields may stand in double quotes, and then hold delimiters and ends of lines; a
//! quote within is doubled, or escaped by a backslash, which escapes itself and the delimiter, too,
//! and vanishes before anything else. Records that are too short are filled with empty texts, what
//! is too much in long ones is left out.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html>.

use std::collections::BTreeSet;
use std::sync::Arc;

use asl::CsvDelimiter;
use json::{Document, Object, Value};

use crate::failure::{HEADER_BYTES_MAX, ITEM_BYTES_MAX, ReadError};
use crate::split::{Found, Place, Split, Step, Window};

/// The names of the columns.
#[derive(Clone, Debug)]
pub(crate) struct Headers {
    names: Vec<Arc<str>>,
    /// The columns in the order in which an item has them.
    order: Vec<usize>,
}

/// Makes items of records.
#[derive(Debug)]
pub(crate) struct Csv {
    delimiter: u8,
    /// None as long as the first record, which has them, has not come.
    headers: Option<Arc<Headers>>,
    record: Record,
}

/// A record that is being read.
#[derive(Debug, Default)]
struct Record {
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    within: Within,
    /// Whether the byte before was a backslash that escapes.
    escaped: bool,
    /// Whether any field stands in quotes.
    quoted: bool,
    /// How many bytes it has taken.
    length: usize,
    /// Where it begins.
    start: u64,
}

/// Where in a field the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    FieldStart,
    Plain,
    Quotes,
    /// After a quote that ends the field, unless another one follows.
    QuoteInQuotes,
}

impl Headers {
    /// # Errors
    /// Where two have the same name, or all of them together are too long.
    pub(crate) fn new(names: Vec<Arc<str>>) -> Result<Headers, ReadError> {
        let distinct: BTreeSet<&Arc<str>> = names.iter().collect();
        if distinct.len() < names.len() {
            return Err(ReadError::DuplicateHeaders);
        }
        if names.iter().map(|name| name.len() + 1).sum::<usize>() > HEADER_BYTES_MAX + 1 {
            return Err(ReadError::LongHeaders);
        }
        Ok(Headers { order: hash_order(&names), names })
    }

    fn item(&self, fields: &[Arc<str>]) -> Document {
        let mut item = Object::with_capacity(self.names.len());
        for column in &self.order {
            let field = fields.get(*column).cloned().unwrap_or_default();
            item.insert(self.names[*column].clone(), field);
        }
        Document::from(Value::from(item))
    }
}

/// The order in which AWS's recorded items have their members: that of Java's `HashMap`, which has
/// a power of two of buckets, sixteen at first, and twice as many when more than three quarters of
/// them would be taken.
fn hash_order(names: &[Arc<str>]) -> Vec<usize> {
    let mut buckets: usize = 16;
    while names.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let bucket = |name: &str| {
        let hash = name
            .encode_utf16()
            .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    };
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|column| bucket(&names[*column]));
    order
}

impl Csv {
    /// With headers, every record is an item; without, the first one has them.
    pub(crate) fn new(delimiter: CsvDelimiter, headers: Option<Arc<Headers>>) -> Csv {
        let delimiter = match delimiter {
            CsvDelimiter::Comma => b',',
            CsvDelimiter::Pipe => b'|',
            CsvDelimiter::Semicolon => b';',
            CsvDelimiter::Space => b' ',
            CsvDelimiter::Tab => b'\t',
        };
        Csv { delimiter, headers, record: Record::default() }
    }

    /// The headers, once they are known.
    pub(crate) fn headers(&self) -> Option<&Arc<Headers>> {
        self.headers.as_ref()
    }

    /// Reads up to the end of the first record; without, only where the text ends.
    pub(crate) fn read_headers(
        &mut self,
        window: &mut Window,
        at_end: bool,
    ) -> Result<bool, ReadError> {
        if self.headers.is_some() {
            return Ok(true);
        }
        if !window.take_byte_order_mark(at_end) {
            return Ok(false);
        }
        let Some(names) = self.record(window, at_end, HEADER_BYTES_MAX)? else { return Ok(false) };
        self.headers = Some(Arc::new(Headers::new(names)?));
        Ok(true)
    }

    /// The fields of the next record that is not an empty line; none where it takes more bytes, or
    /// there is no more.
    fn record(
        &mut self,
        window: &mut Window,
        at_end: bool,
        bytes_max: usize,
    ) -> Result<Option<Vec<Arc<str>>>, ReadError> {
        loop {
            let (taken, ended) = self.take(window);
            window.take(taken);
            let record = &mut self.record;
            if record.length == taken {
                record.start = window.offset() - taken as u64;
            }
            if record.length > bytes_max.saturating_add(2) {
                return Err(match bytes_max {
                    HEADER_BYTES_MAX => ReadError::LongHeaders,
                    _ => ReadError::LargeItem { at: record.start },
                });
            }
            let is_last = !ended && at_end && record.length > 0;
            if is_last && record.within == Within::Quotes {
                return Err(ReadError::Truncated { format: "CSV" });
            }
            if is_last {
                record.end();
            } else if !ended {
                return Ok(None);
            }
            let record = std::mem::take(record);
            if !record.is_empty_line() {
                return record.into_fields().map(Some);
            }
        }
    }

    /// Takes bytes up to the end of the record, or of the window.
    fn take(&mut self, window: &Window) -> (usize, bool) {
        let record = &mut self.record;
        let unread = window.unread();
        for (at, byte) in unread.iter().enumerate() {
            if record.add(*byte, self.delimiter) {
                record.length += at + 1;
                return (at + 1, true);
            }
        }
        record.length += unread.len();
        (unread.len(), false)
    }
}

impl Record {
    /// Adds a byte; true where it ends the record.
    fn add(&mut self, byte: u8, delimiter: u8) -> bool {
        if std::mem::take(&mut self.escaped) && (matches!(byte, b'\\' | b'"') || byte == delimiter)
        {
            self.add_text(byte);
            return false;
        }
        match (self.within, byte) {
            (Within::QuoteInQuotes, b'"') => {
                self.field.push(b'"');
                self.within = Within::Quotes;
            }
            (Within::Quotes, b'"') => self.within = Within::QuoteInQuotes,
            (Within::FieldStart, b'"') => {
                self.within = Within::Quotes;
                self.quoted = true;
            }
            (_, b'\\') => self.escaped = true,
            (Within::Quotes, _) => self.field.push(byte),
            (_, b'\n') => {
                self.end();
                return true;
            }
            _ if byte == delimiter => self.end_field(),
            _ => self.add_text(byte),
        }
        false
    }

    fn add_text(&mut self, byte: u8) {
        self.field.push(byte);
        if self.within != Within::Quotes {
            self.within = Within::Plain;
        }
    }

    fn end_field(&mut self) {
        self.fields.push(std::mem::take(&mut self.field));
        self.within = Within::FieldStart;
    }

    /// The end of the record, by that of its line or of the text.
    fn end(&mut self) {
        if self.within == Within::Plain && self.field.last() == Some(&b'\r') {
            self.field.pop();
        }
        self.end_field();
    }

    fn is_empty_line(&self) -> bool {
        !self.quoted && matches!(self.fields.as_slice(), [field] if field.is_empty())
    }

    /// The fields of a record that has ended.
    fn into_fields(self) -> Result<Vec<Arc<str>>, ReadError> {
        let at = self.start;
        let text = |field: Vec<u8>| match std::str::from_utf8(&field) {
            Ok(text) => Ok(Arc::from(text)),
            Err(_) => {
                Err(ReadError::Malformed { format: "CSV", reason: "not UTF-8".to_owned(), at })
            }
        };
        self.fields.into_iter().map(text).collect()
    }
}

impl Split for Csv {
    fn next(&mut self, window: &mut Window, at_end: bool) -> Result<Step, ReadError> {
        let waiting = if at_end { Step::End } else { Step::More };
        if !self.read_headers(window, at_end)? || !window.take_byte_order_mark(at_end) {
            return Ok(waiting);
        }
        let Some(fields) = self.record(window, at_end, ITEM_BYTES_MAX)? else {
            return Ok(waiting);
        };
        let headers = self.headers.as_ref().expect("the headers were read");
        Ok(Step::Item(Found { value: headers.item(&fields), key: None }))
    }

    fn at(&self, window: &Window) -> Place {
        Place { offset: window.offset(), members: false }
    }
}

//! Bytes of a row: numbers, texts and documents, each text at most once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use engine::{EventId, TimerShift, Timestamp};
use json::Document;

/// Texts up to this length are compared by content, longer ones by identity: comparing those would
/// cost more than it saves, and the engine shares what it repeats.
const COMPARED_BYTES_MAX: usize = 128;

/// More elements than this are not reserved for at once, whatever the count says.
const RESERVED_MAX: usize = 1024;

/// What a row is made of. Reading takes exactly the bytes that writing made.
pub(super) trait Stored: Sized {
    /// Appends it.
    fn write<'a>(&'a self, row: &mut RowWriter<'a>);

    /// Takes it.
    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed>;
}

/// Why bytes are not a row, and where.
#[derive(Debug, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub(super) struct Malformed {
    reason: &'static str,
    at: usize,
}

/// Writes a row.
pub(super) struct RowWriter<'a> {
    bytes: Vec<u8>,
    // Positions in the row's table of texts. Only looked up in, never iterated.
    by_content: HashMap<&'a str, u32>,
    by_place: HashMap<(usize, usize), u32>,
    base: Option<Timestamp>,
    last_event: EventId,
}

impl<'a> RowWriter<'a> {
    /// A row of that version, with room for so many bytes.
    pub(super) fn new(version: u8, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.push(version);
        RowWriter {
            bytes,
            by_content: HashMap::new(),
            by_place: HashMap::new(),
            base: None,
            last_event: EventId::NONE,
        }
    }

    /// The row.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Seven bits to a byte, the lowest first.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An even number is twice the length of a new text, which follows; an odd one is the position
    /// of an earlier text.
    pub(super) fn text(&mut self, text: &'a str) {
        let position = (self.by_content.len() + self.by_place.len()) as u32;
        let known = if text.len() <= COMPARED_BYTES_MAX {
            *self.by_content.entry(text).or_insert(position)
        } else {
            // Borrowed for as long as the row is written: nothing else can come to lie there.
            let place = (text.as_ptr() as usize, text.len());
            *self.by_place.entry(place).or_insert(position)
        };
        if known == position {
            self.number((text.len() as u64) << 1);
            self.raw(text.as_bytes());
        } else {
            self.number(u64::from(known) << 1 | 1);
        }
    }

    /// The difference to the first instant of the row; of the first one, to 1970.
    pub(super) fn instant(&mut self, instant: Timestamp) {
        let difference = instant.0.wrapping_sub(self.base.unwrap_or_default().0);
        self.base.get_or_insert(instant);
        self.number((difference << 1 ^ difference >> 63) as u64);
    }

    /// The difference to the last event id of the row.
    pub(super) fn event_id(&mut self, id: EventId) {
        self.number(id.0.wrapping_sub(self.last_event.0));
        self.last_event = id;
    }
}

/// Reads a row.
pub(super) struct RowReader<'a> {
    version: u8,
    bytes: &'a [u8],
    at: usize,
    texts: Vec<ReadText<'a>>,
    base: Option<Timestamp>,
    last_event: EventId,
}

/// A text of the row, and the shared objects that were made of it.
struct ReadText<'a> {
    text: &'a str,
    shared: Option<Arc<str>>,
    document: Option<Document>,
}

impl<'a> RowReader<'a> {
    /// Reads a row of that version from that place on.
    pub(super) fn new(version: u8, bytes: &'a [u8], at: usize) -> Self {
        RowReader { version, bytes, at, texts: Vec::new(), base: None, last_event: EventId::NONE }
    }

    /// The version of the form that the row is in.
    pub(super) fn version(&self) -> u8 {
        self.version
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), Malformed> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(self.malformed("something that does not belong there")),
        }
    }

    pub(super) fn malformed(&self, reason: &'static str) -> Malformed {
        Malformed { reason, at: self.at }
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.at).ok_or_else(|| self.malformed("the end"))?;
        self.at += 1;
        Ok(*byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.malformed("a number that is too large"))
    }

    /// A number that fits into 32 bits.
    pub(super) fn small_number(&mut self) -> Result<u32, Malformed> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| self.malformed("a number that is too large"))
    }

    pub(super) fn raw<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Malformed> {
        let bytes = self.bytes[self.at..].first_chunk().ok_or_else(|| self.malformed("the end"))?;
        self.at += LENGTH;
        Ok(*bytes)
    }

    pub(super) fn shared_text(&mut self) -> Result<Arc<str>, Malformed> {
        let text = self.text()?;
        Ok(text.shared.get_or_insert_with(|| text.text.into()).clone())
    }

    pub(super) fn document(&mut self) -> Result<Document, Malformed> {
        let text = self.text()?;
        let make = || Document::from_trusted_text(text.text);
        Ok(text.document.get_or_insert_with(make).clone())
    }

    fn text(&mut self) -> Result<&mut ReadText<'a>, Malformed> {
        let number = self.number()?;
        let half = usize::try_from(number >> 1).unwrap_or(usize::MAX);
        if number & 1 == 1 {
            let known = half < self.texts.len();
            let none = self.malformed("a text that was not there before");
            return if known { Ok(&mut self.texts[half]) } else { Err(none) };
        }
        if half > self.remaining() {
            return Err(self.malformed("a text that is longer than the rest"));
        }
        let text = std::str::from_utf8(&self.bytes[self.at..self.at + half])
            .map_err(|_| self.malformed("a text that is not UTF-8"))?;
        self.at += half;
        self.texts.push(ReadText { text, shared: None, document: None });
        Ok(self.texts.last_mut().expect("it was just pushed"))
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, Malformed> {
        let number = self.number()?;
        let difference = (number >> 1) as i64 ^ -((number & 1) as i64);
        let instant = Timestamp(difference.wrapping_add(self.base.unwrap_or_default().0));
        self.base.get_or_insert(instant);
        Ok(instant)
    }

    pub(super) fn event_id(&mut self) -> Result<EventId, Malformed> {
        let id = EventId(self.last_event.0.wrapping_add(self.number()?));
        self.last_event = id;
        Ok(id)
    }

    fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }
}

impl Stored for bool {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.byte(u8::from(*self));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        match row.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(row.malformed("neither yes nor no")),
        }
    }
}

impl Stored for u32 {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.number(u64::from(*self));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.small_number()
    }
}

impl Stored for u64 {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.number(*self);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.number()
    }
}

impl Stored for f64 {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.raw(&self.to_be_bytes());
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.raw().map(f64::from_be_bytes)
    }
}

impl Stored for u8 {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.byte(*self);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.byte()
    }
}

impl Stored for [u8; 16] {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.raw(self);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.raw()
    }
}

impl Stored for Timestamp {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.instant(*self);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.instant()
    }
}

impl Stored for TimerShift {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.instant(Timestamp(self.0));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        Ok(TimerShift(row.instant()?.0))
    }
}

impl Stored for Arc<str> {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.text(self);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.shared_text()
    }
}

impl Stored for Document {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.text(self.text());
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        row.document()
    }
}

impl<T: Stored> Stored for Option<T> {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.byte(u8::from(self.is_some()));
        if let Some(value) = self {
            value.write(row);
        }
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        Ok(if bool::read(row)? { Some(T::read(row)?) } else { None })
    }
}

impl<T: Stored> Stored for Box<T> {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        T::write(self, row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        T::read(row).map(Box::new)
    }
}

impl<A: Stored, B: Stored> Stored for (A, B) {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        self.0.write(row);
        self.1.write(row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        Ok((A::read(row)?, B::read(row)?))
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.number(self.len() as u64);
        self.iter().for_each(|element| element.write(row));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        // No element takes less than a byte, so a false count ends with the row.
        let count = row.number()?;
        let reserved = (row.remaining() / 4).min(RESERVED_MAX);
        let mut elements = Vec::with_capacity(reserved.min(count.try_into().unwrap_or(reserved)));
        for _ in 0..count {
            elements.push(T::read(row)?);
        }
        Ok(elements)
    }
}

impl<K: Stored + Ord, V: Stored> Stored for BTreeMap<K, V> {
    fn write<'a>(&'a self, row: &mut RowWriter<'a>) {
        row.number(self.len() as u64);
        for (key, value) in self {
            key.write(row);
            value.write(row);
        }
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Malformed> {
        Ok(Vec::<(K, V)>::read(row)?.into_iter().collect())
    }
}

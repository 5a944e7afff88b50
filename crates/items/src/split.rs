//! From bytes to items: what all formats that are read from front to back share.

use std::sync::Arc;

use json::Document;

use crate::failure::ReadError;

/// What makes items of a text that comes in pieces. Whatever the pieces, the items are the same.
pub(crate) trait Split: Send {
    /// The next item of the window, or that the window holds too little to tell. It takes from the
    /// window what it is through with.
    fn next(&mut self, window: &mut Window, at_end: bool) -> Result<Step, ReadError>;

    /// Where in the text the items go on, after an item: between it and the next.
    fn at(&self, window: &Window) -> Place;
}

/// What a [`Split`] says.
#[derive(Debug)]
pub(crate) enum Step {
    Item(Found),
    More,
    End,
}

/// An item.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) value: Document,
    /// The name of a member, where the items are the members of an object.
    pub(crate) key: Option<Arc<str>>,
}

/// A place between two items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In bytes from the beginning of the text.
    pub(crate) offset: u64,
    /// Whether the items are members of an object.
    pub(crate) members: bool,
}

/// The part of a text that is at hand.
#[derive(Debug)]
pub(crate) struct Window {
    bytes: Vec<u8>,
    start: usize,
    /// Where in the text `bytes[start]` is.
    offset: u64,
}

impl Window {
    /// Nothing, from that place on.
    pub(crate) fn at(offset: u64) -> Window {
        Window { bytes: Vec::new(), start: 0, offset }
    }

    /// Adds what follows.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// What was not taken yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn take(&mut self, length: usize) {
        self.start += length;
        self.offset += length as u64;
        debug_assert!(self.start <= self.bytes.len(), "only what is there is taken");
    }

    /// Where the first byte that was not taken is.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes a byte order mark at the very beginning of the text; false where it takes more bytes
    /// to tell.
    pub(crate) fn take_byte_order_mark(&mut self, at_end: bool) -> bool {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        if self.offset > 0 {
            return true;
        }
        let unread = self.unread();
        if unread.starts_with(MARK) {
            self.take(MARK.len());
            return true;
        }
        at_end || !MARK.starts_with(&unread[..unread.len().min(MARK.len())])
    }
}

/// A JSON text as an item, printed as AWS prints documents that it has read: without spaces, and
/// with only those escapes that are needed.
pub(crate) fn json_item(bytes: &[u8], at: u64) -> Result<Document, ReadError> {
    let malformed = |reason| ReadError::Malformed { format: "JSON", reason, at };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8".to_owned()))?;
    if is_compact(text) {
        return Document::from_text(text).map_err(|error| malformed(error.to_string()));
    }
    let value = json::parse(text).map_err(|error| malformed(error.to_string()))?;
    Ok(Document::from(value))
}

/// Whether the text has neither white space between its tokens nor an escape.
fn is_compact(text: &str) -> bool {
    let mut in_string = false;
    text.bytes().all(|byte| match byte {
        b'\\' => false,
        b'"' => {
            in_string = !in_string;
            true
        }
        b' ' | b'\t' | b'\r' | b'\n' => in_string,
        _ => true,
    })
}

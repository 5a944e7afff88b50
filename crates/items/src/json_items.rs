//! A JSON document: the elements of an array in it, or the members of an object, are the items.
//!
//! The text is read from front to back and never held as a whole; what lies beside the way that
//! the pointer names is skipped, and only looked at as far as it takes to find its end.

use std::sync::Arc;

use json::{Document, Object, Value};

use crate::failure::{ITEM_BYTES_MAX, ReadError};
use crate::split::{Found, Place, Split, Step, Window, json_item};

const FORMAT: &str = "JSON";

/// Makes items of a JSON document.
#[derive(Debug)]
pub(crate) struct JsonItems {
    /// The names and indexes of `ItemsPointer`; none where it is not given.
    pointer: Option<Vec<String>>,
    /// How many of them lie behind.
    depth: usize,
    state: State,
    /// The name of the member whose value comes next.
    name: Option<String>,
    extent: Extent,
}

/// What comes next in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The value that the part of the pointer that lies behind names.
    Target,
    /// On the way: an element, a member, or the end of the container that has them.
    Beside { container: Container, index: usize },
    /// The colon after a name, then its value, which is on the way.
    Way,
    /// A value beside the way.
    Skipped { container: Container, index: usize },
    /// What follows such a value.
    AfterSkipped { container: Container, index: usize },
    /// An item, or the end where it is the first.
    Item { container: Container, is_first: bool },
    /// The value of a member that is an item.
    MemberValue,
    /// What follows an item.
    AfterItem(Container),
    /// Nothing but white space.
    Tail,
    /// Nothing that matters.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

/// How far the search for the end of a value has come.
#[derive(Debug, Default)]
struct Extent {
    scanned: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Whether the value is a number or a word, which end where something else begins.
    bare: bool,
}

/// Whether the window held enough.
enum Progress {
    Moved,
    More,
    Item(Found),
}

impl JsonItems {
    /// The items of a whole document, or of what a JSON pointer (RFC 6901) names within.
    pub(crate) fn new(pointer: Option<&str>) -> JsonItems {
        let pointer = pointer.map(|pointer| {
            let unescape = |token: &str| token.replace("~1", "/").replace("~0", "~");
            pointer.split('/').skip(1).map(unescape).collect()
        });
        JsonItems { pointer, depth: 0, state: State::Target, name: None, extent: Extent::default() }
    }

    /// The same, after an item.
    pub(crate) fn after_item(pointer: Option<&str>, members: bool) -> JsonItems {
        let container = if members { Container::Object } else { Container::Array };
        JsonItems { state: State::AfterItem(container), ..JsonItems::new(pointer) }
    }

    fn advance(&mut self, window: &mut Window, at_end: bool) -> Result<Progress, ReadError> {
        if self.state == State::Target && !window.take_byte_order_mark(at_end) {
            return Ok(Progress::More);
        }
        let blank = window.unread().iter().take_while(|byte| is_blank(**byte)).count();
        if !self.is_within_value() {
            window.take(blank);
        }
        let Some(next) = window.unread().first().copied() else { return Ok(Progress::More) };
        match self.state {
            State::Target => self.target(window, next)?,
            State::Beside { container, index } => {
                return self.beside(window, container, index, next);
            }
            State::Way => self.colon(window, next, State::Target)?,
            State::Skipped { container, index } => {
                let (length, ended) = self.extent.search(window.unread());
                window.take(length);
                self.extent.scanned = 0;
                if !ended {
                    return Ok(Progress::More);
                }
                self.extent = Extent::default();
                self.state = State::AfterSkipped { container, index };
            }
            State::AfterSkipped { container, index } => {
                self.comma(window, next, container)?;
                self.state = State::Beside { container, index: index + 1 };
            }
            State::Item { container, is_first } => {
                return self.item(window, container, is_first, next);
            }
            State::MemberValue => return self.value(window, Container::Object),
            State::AfterItem(container) if next == container.end() => {
                window.take(1);
                self.leave();
            }
            State::AfterItem(container) => {
                self.comma(window, next, container)?;
                self.state = State::Item { container, is_first: false };
            }
            State::Tail => return Err(malformed("there is more after its end", window)),
            State::End => {
                let length = window.unread().len();
                window.take(length);
            }
        }
        Ok(Progress::Moved)
    }

    /// White space within a value is part of it.
    fn is_within_value(&self) -> bool {
        self.extent.scanned > 0 || self.extent.depth > 0 || self.extent.in_string
    }

    fn target(&mut self, window: &mut Window, next: u8) -> Result<(), ReadError> {
        let container = match next {
            b'[' => Container::Array,
            b'{' => Container::Object,
            _ => return Err(ReadError::NotIterable),
        };
        self.state = match &self.pointer {
            Some(pointer) if self.depth < pointer.len() => State::Beside { container, index: 0 },
            _ => State::Item { container, is_first: true },
        };
        window.take(1);
        Ok(())
    }

    /// An element or a member of a container that is on the way.
    fn beside(
        &mut self,
        window: &mut Window,
        container: Container,
        index: usize,
        next: u8,
    ) -> Result<Progress, ReadError> {
        if next == container.end() && index == 0 {
            return Err(ReadError::NotIterable);
        }
        let pointer = self.pointer.as_ref().expect("the way is that of a pointer");
        let wanted = pointer[self.depth].as_str();
        let is_wanted = match container {
            Container::Array => wanted.parse() == Ok(index),
            Container::Object => {
                let Some(name) = self.extent.take_name(window)? else {
                    return Ok(Progress::More);
                };
                name == wanted
            }
        };
        if is_wanted {
            self.depth += 1;
        }
        self.state = match (container, is_wanted) {
            (Container::Array, true) => State::Target,
            (Container::Array, false) => State::Skipped { container, index },
            (Container::Object, true) => State::Way,
            // The colon is skipped with the value that follows it.
            (Container::Object, false) => State::Skipped { container, index },
        };
        Ok(Progress::Moved)
    }

    fn colon(&mut self, window: &mut Window, next: u8, then: State) -> Result<(), ReadError> {
        if next != b':' {
            return Err(malformed("there is no colon after a name", window));
        }
        window.take(1);
        self.state = then;
        Ok(())
    }

    /// The comma after a value; the end of the container that is on the way means that what the
    /// pointer names is not there.
    fn comma(&self, window: &mut Window, next: u8, container: Container) -> Result<(), ReadError> {
        if next == container.end() {
            return Err(ReadError::NotIterable);
        }
        if next != b',' {
            return Err(malformed("there is no comma between two values", window));
        }
        window.take(1);
        Ok(())
    }

    fn item(
        &mut self,
        window: &mut Window,
        container: Container,
        is_first: bool,
        next: u8,
    ) -> Result<Progress, ReadError> {
        if is_first && next == container.end() && self.name.is_none() {
            window.take(1);
            self.leave();
            return Ok(Progress::Moved);
        }
        if container == Container::Array {
            return self.value(window, container);
        }
        if self.name.is_none() {
            let Some(name) = self.extent.take_name(window)? else {
                return Ok(Progress::More);
            };
            self.name = Some(name);
            return Ok(Progress::Moved);
        }
        self.colon(window, next, State::MemberValue)?;
        Ok(Progress::Moved)
    }

    /// The value of an item.
    fn value(&mut self, window: &mut Window, container: Container) -> Result<Progress, ReadError> {
        let (length, ended) = self.extent.search(window.unread());
        if length > ITEM_BYTES_MAX {
            return Err(ReadError::LargeItem { at: window.offset() });
        }
        if !ended {
            return Ok(Progress::More);
        }
        let mut value = json_item(&window.unread()[..length], window.offset())?;
        let key: Option<Arc<str>> = self.name.take().map(Arc::from);
        if let Some(key) = &key {
            let mut member = Object::with_capacity(2);
            member.insert("Key", key.clone());
            member.insert("Value", value.value().clone());
            value = Document::from(Value::from(member));
        }
        window.take(length);
        self.extent = Extent::default();
        self.state = State::AfterItem(container);
        Ok(Progress::Item(Found { value, key }))
    }

    /// The end of the items.
    fn leave(&mut self) {
        let is_whole = self.pointer.as_ref().is_none_or(Vec::is_empty);
        self.state = if is_whole { State::Tail } else { State::End };
    }
}

impl Container {
    fn end(self) -> u8 {
        match self {
            Container::Array => b']',
            Container::Object => b'}',
        }
    }
}

impl Extent {
    /// How long the value is, from its first byte, and whether it ended; it goes on where it left
    /// off when there is more of it.
    fn search(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate().skip(self.scanned) {
            if self.in_string {
                if std::mem::take(&mut self.escaped) {
                    continue;
                }
                match byte {
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b']' | b'}' if self.depth == 0 => return (at, true),
                b']' | b'}' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                b'[' | b'{' => self.depth += 1,
                b'"' => self.in_string = true,
                b',' if self.depth == 0 => return (at, true),
                b':' => {}
                byte if is_blank(*byte) && self.bare => return (at, true),
                byte if !is_blank(*byte) && self.depth == 0 => self.bare = true,
                _ => {}
            }
        }
        self.scanned = bytes.len();
        (bytes.len(), false)
    }

    /// Takes a name; none where there is more of it to come.
    fn take_name(&mut self, window: &mut Window) -> Result<Option<String>, ReadError> {
        let unread = window.unread();
        if unread.first() != Some(&b'"') {
            return Err(malformed("a member of an object has no name", window));
        }
        let (length, ended) = self.search(unread);
        if length > ITEM_BYTES_MAX {
            return Err(ReadError::LargeItem { at: window.offset() });
        }
        if !ended {
            return Ok(None);
        }
        let name = json_item(&unread[..length], window.offset())?;
        let name = name.value().as_str().unwrap_or_default().to_owned();
        window.take(length);
        *self = Extent::default();
        Ok(Some(name))
    }
}

fn malformed(reason: &str, window: &Window) -> ReadError {
    ReadError::Malformed { format: FORMAT, reason: reason.to_owned(), at: window.offset() }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl Split for JsonItems {
    fn next(&mut self, window: &mut Window, at_end: bool) -> Result<Step, ReadError> {
        loop {
            match self.advance(window, at_end)? {
                Progress::Moved => {}
                Progress::Item(found) => return Ok(Step::Item(found)),
                Progress::More if !at_end => return Ok(Step::More),
                Progress::More if matches!(self.state, State::Tail | State::End) => {
                    return Ok(Step::End);
                }
                Progress::More => return Err(ReadError::Truncated { format: FORMAT }),
            }
        }
    }

    fn at(&self, window: &Window) -> Place {
        let members = self.state == State::AfterItem(Container::Object);
        Place { offset: window.offset(), members }
    }
}

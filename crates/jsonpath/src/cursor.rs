//! Reading a text from left to right.

use crate::SyntaxError;

/// A place in a text that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    /// Bytes before it.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// What was read since the cursor was there.
    pub(crate) fn since(&self, at: usize) -> &'a str {
        &self.text[at..self.at]
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reads one character.
    pub(crate) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    /// Reads that text, where it is what comes next.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        let comes = self.rest().starts_with(text);
        if comes {
            self.at += text.len();
        }
        comes
    }

    /// Reads that text, or complains.
    pub(crate) fn expect(&mut self, text: &str) -> Result<(), SyntaxError> {
        if self.eat(text) { Ok(()) } else { Err(self.error(format!("Expected '{text}'"))) }
    }

    /// Reads as long as the characters are of that kind.
    pub(crate) fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(crate) fn skip_whitespace(&mut self) {
        self.take_while(|character| character.is_ascii_whitespace());
    }

    /// A mistake at this place.
    pub(crate) fn error(&self, message: impl Into<String>) -> SyntaxError {
        self.error_at(self.at, message)
    }

    /// A mistake at an earlier place.
    pub(crate) fn error_at(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { message: message.into(), offset: at }
    }
}

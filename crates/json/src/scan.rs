//! The grammar of JSON: walks over a text once, without recursion, and tells a sink what it meets.
//!
//! The words of its errors are Jackson's.

use std::borrow::Cow;

use crate::{ParseError, Position};

/// What a scanner tells of a text, in the order of the text. After an error nothing more is told.
pub(crate) trait Sink<'a> {
    /// An array or object begins.
    fn open(&mut self, container: Container, offset: usize);
    /// The innermost array or object ends.
    fn close(&mut self);
    /// The name of a member, before its value.
    fn name(&mut self, name: StringToken<'a>, offset: usize);
    /// A value that is no container.
    fn scalar(&mut self, scalar: Scalar<'a>, offset: usize);
}

/// What can hold values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Array,
    Object,
}

/// A value that holds no others.
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(StringToken<'a>),
}

/// What is between the quotes of a string.
pub(crate) struct StringToken<'a> {
    raw: &'a str,
    has_escapes: bool,
}

impl<'a> StringToken<'a> {
    /// The text that is meant.
    #[inline]
    pub(crate) fn unescape(self) -> Cow<'a, str> {
        if self.has_escapes { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// Replaces the escapes of a string that was checked. Half of a surrogate pair, which Rust's text
/// cannot hold, becomes the replacement character.
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes()[at + 1];
        rest = &rest[at + 2..];
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = take_unit(&mut rest);
                decode_unit(unit, &mut rest)
            }
            itself => char::from(itself),
        });
    }
    text.push_str(rest);
    text
}

fn take_unit(rest: &mut &str) -> u32 {
    let (digits, after) = rest.split_at(4);
    *rest = after;
    u32::from_str_radix(digits, 16).expect("the digits were checked")
}

/// The character of a UTF-16 unit, with the unit after it where the two are a pair.
fn decode_unit(unit: u32, rest: &mut &str) -> char {
    if (0xD800..0xDC00).contains(&unit) {
        let mut after = *rest;
        if let Some(digits) = after.strip_prefix("\\u") {
            after = digits;
            let low = take_unit(&mut after);
            if (0xDC00..0xE000).contains(&low) {
                *rest = after;
                let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(code).expect("a surrogate pair is a character");
            }
        }
    }
    char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Where a container began.
struct Opened {
    container: Container,
    offset: usize,
}

/// How much of an unknown word Jackson shows, in characters.
const TOKEN_SHOWN_MAX: usize = 256;
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_max: usize,
    open: Vec<Opened>,
}

type Scanned<T = ()> = Result<T, ParseError>;

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, depth_max: usize) -> Self {
        Scanner { text, bytes: text.as_bytes(), at: 0, depth_max, open: Vec::new() }
    }

    /// Reads the one value of the text.
    pub(crate) fn run(mut self, sink: &mut impl Sink<'a>) -> Scanned {
        loop {
            self.skip_whitespace();
            if self.value(sink)? {
                continue;
            }
            if !self.after_value(sink)? {
                return self.finish();
            }
        }
    }

    /// Reads a value, or the opening of one; then `true`: a value is to come, within it.
    #[inline]
    fn value(&mut self, sink: &mut impl Sink<'a>) -> Scanned<bool> {
        let offset = self.at;
        match self.peek() {
            Some(b'"') => {
                let token = self.string("string value")?;
                sink.scalar(Scalar::String(token), offset);
            }
            Some(b'{') => return self.opening(sink, Container::Object),
            Some(b'[') => return self.opening(sink, Container::Array),
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                sink.scalar(Scalar::Number(number), offset);
            }
            Some(b't') => {
                self.word("true")?;
                sink.scalar(Scalar::Bool(true), offset);
            }
            Some(b'f') => {
                self.word("false")?;
                sink.scalar(Scalar::Bool(false), offset);
            }
            Some(b'n') => {
                self.word("null")?;
                sink.scalar(Scalar::Null, offset);
            }
            _ => return Err(self.odd_value()),
        }
        Ok(false)
    }

    fn opening(&mut self, sink: &mut impl Sink<'a>, container: Container) -> Scanned<bool> {
        if self.open.len() == self.depth_max {
            return Err(self.error(format!(
                "Document nesting depth ({}) exceeds the maximum allowed ({}, from \
                 `StreamReadConstraints.getMaxNestingDepth()`)",
                self.depth_max + 1,
                self.depth_max
            )));
        }
        self.open.push(Opened { container, offset: self.at });
        sink.open(container, self.at);
        self.at += 1;
        self.skip_whitespace();
        match (container, self.peek()) {
            (Container::Array, Some(b']')) | (Container::Object, Some(b'}')) => {
                self.close(sink);
                Ok(false)
            }
            (_, None) => Err(self.end_in_container()),
            (_, Some(close @ (b']' | b'}'))) => Err(self.mismatched(close)),
            (Container::Array, _) => Ok(true),
            (Container::Object, _) => self.name(sink).map(|()| true),
        }
    }

    fn close(&mut self, sink: &mut impl Sink<'a>) {
        self.open.pop();
        self.at += 1;
        sink.close();
    }

    /// Reads what follows a value, up to the next value (`true`) or the end of the outermost.
    #[inline]
    fn after_value(&mut self, sink: &mut impl Sink<'a>) -> Scanned<bool> {
        while let Some(Opened { container, .. }) = self.open.last() {
            let container = *container;
            self.skip_whitespace();
            match (container, self.peek()) {
                (_, Some(b',')) => {
                    self.at += 1;
                    self.skip_whitespace();
                    if self.peek().is_none() {
                        return Err(self.end_between_entries());
                    }
                    if container == Container::Object {
                        self.name(sink)?;
                    }
                    return Ok(true);
                }
                (Container::Array, Some(b']')) | (Container::Object, Some(b'}')) => {
                    self.close(sink);
                }
                (_, None) => return Err(self.end_in_container()),
                (_, Some(close @ (b']' | b'}'))) => return Err(self.mismatched(close)),
                _ => {
                    let kind = self.innermost();
                    let comment = format!("was expecting comma to separate {kind} entries");
                    return Err(self.unexpected(&comment));
                }
            }
        }
        Ok(false)
    }

    /// Reads a member's name and its colon.
    #[inline]
    fn name(&mut self, sink: &mut impl Sink<'a>) -> Scanned {
        let offset = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("was expecting double-quote to start field name"));
        }
        let token = self.string("name")?;
        sink.name(token, offset);
        self.skip_whitespace();
        match self.peek() {
            Some(b':') => self.at += 1,
            None => return Err(self.end_between_entries()),
            _ => {
                let comment = "was expecting a colon to separate field name and value";
                return Err(self.unexpected(comment));
            }
        }
        self.skip_whitespace();
        if self.peek().is_none() {
            return Err(self.end_between_entries());
        }
        Ok(())
    }

    /// Nothing but white space may follow the value.
    fn finish(&mut self) -> Scanned {
        let value_end = self.at;
        self.skip_whitespace();
        let Some(next) = self.peek() else {
            return Ok(());
        };
        if self.at == value_end && self.bytes[value_end - 1].is_ascii_alphanumeric() {
            return Err(self.unexpected("Expected space separating root-level values"));
        }
        let token = match next {
            b'{' => "START_OBJECT",
            b'[' => "START_ARRAY",
            b'"' => "VALUE_STRING",
            b'-' | b'0'..=b'9' => "VALUE_NUMBER_INT",
            b']' | b'}' => return Err(self.mismatched(next)),
            _ => {
                let word = self.rest_of_word(self.at);
                if !["true", "false", "null"].contains(&word.as_str()) {
                    return Err(self.odd_value());
                }
                if next == b'n' { "VALUE_NULL" } else { "VALUE_BOOLEAN" }
            }
        };
        Err(self.error(format!("Trailing token (of type {token}) found after value")))
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Reads a string from its opening to its closing quote.
    #[inline]
    fn string(&mut self, place: &str) -> Scanned<StringToken<'a>> {
        let start = self.at + 1;
        self.at = start;
        let mut has_escapes = false;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                Some(byte) if byte < 0x20 => {
                    return Err(self.error(format!(
                        "Illegal unquoted character ({}): has to be escaped using backslash to \
                         be included in {place}",
                        describe(char::from(byte))
                    )));
                }
                Some(_) => self.at += 1,
                None if place == "name" => {
                    return Err(self.error("Unexpected end-of-input in field name".into()));
                }
                None => {
                    let what = "was expecting closing quote for a string value";
                    return Err(self.error(format!("Unexpected end-of-input: {what}")));
                }
            }
        }
        let raw = &self.text[start..self.at];
        self.at += 1;
        Ok(StringToken { raw, has_escapes })
    }

    /// Skips characters that mean themselves, eight bytes at a time as long as there are eight.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        let holds_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        while let Some(chunk) = self.bytes.get(self.at..self.at + 8) {
            let word = u64::from_le_bytes(chunk.try_into().expect("the chunk has eight bytes"));
            let quotes = holds_zero(word ^ (ONES * u64::from(b'"')));
            let backslashes = holds_zero(word ^ (ONES * u64::from(b'\\')));
            let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            let special = quotes | backslashes | controls;
            if special != 0 {
                // Only the lowest mark is sure to be right, and it is the first in the text.
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    fn escape(&mut self) -> Scanned {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    match self.peek() {
                        Some(byte) if byte.is_ascii_hexdigit() => self.at += 1,
                        None => return Err(self.end_in_escape()),
                        _ => {
                            let comment = "expected a hex-digit for character escape sequence";
                            return Err(self.unexpected(comment));
                        }
                    }
                }
            }
            None => return Err(self.end_in_escape()),
            _ => {
                let found = describe(self.current_char());
                return Err(self.error(format!("Unrecognized character escape {found}")));
            }
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Scanned<&'a str> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            let comment = "expected digit (0-9) to follow minus sign, for valid numeric value";
            self.some_digit(comment)?;
        }
        let zero = self.peek() == Some(b'0');
        self.at += 1;
        if zero && self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.error("Invalid numeric value: Leading zeroes not allowed".into()));
        }
        self.skip_digits();
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digit("Decimal point not followed by a digit")?;
            self.skip_digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digit("Exponent indicator not followed by a digit")?;
            self.skip_digits();
        }
        Ok(&self.text[start..self.at])
    }

    fn some_digit(&mut self, comment: &str) -> Scanned {
        match self.peek() {
            Some(b'0'..=b'9') => Ok(()),
            None => {
                let comment = "Unexpected end-of-input in a Number value";
                Err(self.error(comment.into()))
            }
            Some(_) => {
                let found = describe(self.current_char());
                let message = format!("Unexpected character ({found}) in numeric value: {comment}");
                Err(self.error(message))
            }
        }
    }

    #[inline]
    fn skip_digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    /// Reads `true`, `false` or `null`, which no letter may follow.
    #[inline]
    fn word(&mut self, word: &str) -> Scanned {
        let end = self.at + word.len();
        let follows = self.bytes.get(end).is_some_and(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
        });
        if follows || self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.odd_value());
        }
        self.at = end;
        Ok(())
    }

    // Everything below is for errors only.

    #[cold]
    fn error(&self, message: String) -> ParseError {
        ParseError { message, position: Position::at(self.text, self.at) }
    }

    fn current_char(&self) -> char {
        self.text[self.at..].chars().next().expect("there is a character")
    }

    #[cold]
    fn unexpected(&self, comment: &str) -> ParseError {
        let found = describe(self.current_char());
        self.error(format!("Unexpected character ({found}): {comment}"))
    }

    #[cold]
    fn odd_value(&self) -> ParseError {
        match self.text[self.at..].chars().next() {
            None if self.open.is_empty() => {
                self.error("No content to map due to end-of-input".into())
            }
            None => self.end_in_container(),
            Some(']' | '}') if self.open.is_empty() => self.mismatched(self.bytes[self.at]),
            Some(first) if first.is_alphabetic() || matches!(first, '_' | '$') => {
                let word = self.rest_of_word(self.at);
                if ["NaN", "Infinity"].contains(&word.as_str()) {
                    return self.error(format!(
                        "Non-standard token '{word}': enable \
                         `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
                    ));
                }
                let message = format!("Unrecognized token '{word}': was expecting {VALUES}");
                // Jackson has read the word by the time it complains.
                let end = self.at
                    + self.text[self.at..].find(not_in_word).unwrap_or(self.text.len() - self.at);
                ParseError { message, position: Position::at(self.text, end) }
            }
            Some(_) => self.unexpected(&format!("expected a valid value {VALUES}")),
        }
    }

    fn rest_of_word(&self, start: usize) -> String {
        let mut letters = self.text[start..].chars().take_while(|letter| !not_in_word(*letter));
        let mut word: String = letters.by_ref().take(TOKEN_SHOWN_MAX).collect();
        if letters.next().is_some() {
            word.push_str("...");
        }
        word
    }

    fn innermost(&self) -> &'static str {
        match self.open.last().map(|opened| opened.container) {
            None => "root",
            Some(Container::Array) => "Array",
            Some(Container::Object) => "Object",
        }
    }

    /// Jackson's description of the place where the innermost container began.
    fn innermost_start(&self) -> String {
        let offset = self.open.last().map_or(0, |opened| opened.offset);
        Position::at(self.text, offset).in_jackson_words()
    }

    #[cold]
    fn end_in_container(&self) -> ParseError {
        let (kind, start) = (self.innermost(), self.innermost_start());
        self.error(format!(
            "Unexpected end-of-input: expected close marker for {kind} (start marker at {start})"
        ))
    }

    #[cold]
    fn end_between_entries(&self) -> ParseError {
        let kind = self.innermost();
        self.error(format!("Unexpected end-of-input within/between {kind} entries"))
    }

    #[cold]
    fn end_in_escape(&self) -> ParseError {
        self.error("Unexpected end-of-input in character escape sequence".into())
    }

    #[cold]
    fn mismatched(&self, found: u8) -> ParseError {
        let expected = if self.innermost() == "Array" { ']' } else { '}' };
        let (found, kind, start) = (char::from(found), self.innermost(), self.innermost_start());
        self.error(format!(
            "Unexpected close marker '{found}': expected '{expected}' (for {kind} starting at \
             {start})"
        ))
    }
}

/// Whether the character ends what Jackson takes for one word.
fn not_in_word(character: char) -> bool {
    !(character.is_alphanumeric() || matches!(character, '_' | '$'))
}

/// A character as Jackson's messages show it.
fn describe(character: char) -> String {
    let code = u32::from(character);
    if character.is_control() {
        format!("(CTRL-CHAR, code {code})")
    } else if code > 255 {
        // Java sees UTF-16 units, and so only the first half of a character beyond them.
        let mut units = [0; 2];
        let unit = character.encode_utf16(&mut units)[0];
        format!("'{character}' (code {unit} / 0x{unit:x})")
    } else {
        format!("'{character}' (code {code})")
    }
}

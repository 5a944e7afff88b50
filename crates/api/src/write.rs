//! JSON answers, written from front to back into one buffer.
//!
//! Payloads are copied into the answer as the strings they are, without being looked into: an
//! answer of the hot operations costs one pass over its bytes and no tree of values.

use engine::Timestamp;

/// A JSON object or array that is being written.
#[derive(Debug)]
pub(crate) struct JsonWriter {
    buffer: Vec<u8>,
    payload_bytes_max: usize,
}

impl JsonWriter {
    /// The beginning of an object.
    pub(crate) fn object() -> JsonWriter {
        let mut buffer = Vec::with_capacity(256);
        buffer.push(b'{');
        JsonWriter { buffer, payload_bytes_max: usize::MAX }
    }

    /// The end of the object that [`JsonWriter::object`] began, and the whole text.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.buffer.push(b'}');
        self.buffer
    }

    /// How many bytes are written.
    pub(crate) fn len_bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
    }

    /// Writes no more than that of each payload from now on.
    pub(crate) fn cut_payloads(&mut self, bytes_max: usize) {
        self.payload_bytes_max = bytes_max;
    }

    /// A member that is a payload. Says whether it was cut.
    pub(crate) fn payload(&mut self, name: &str, value: &str) -> bool {
        let shown = &value[..value.floor_char_boundary(self.payload_bytes_max)];
        self.text(name, shown);
        shown.len() < value.len()
    }

    /// The member, where there is something to say: absent members are never `null`.
    pub(crate) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// The member, which is `null` where there is nothing to say: in events alone.
    pub(crate) fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn null(&mut self, name: &str) {
        self.name(name);
        self.buffer.extend_from_slice(b"null");
    }

    pub(crate) fn integer(&mut self, name: &str, value: u64) {
        self.name(name);
        self.buffer.extend_from_slice(value.to_string().as_bytes());
    }

    /// A number that clients read as a float: with a fraction, also where it is whole.
    pub(crate) fn float(&mut self, name: &str, value: f64) {
        self.name(name);
        self.buffer.extend_from_slice(format!("{value:?}").as_bytes());
    }

    pub(crate) fn optional_integer(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.integer(name, value);
        }
    }

    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.buffer.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Seconds since 1970 with three decimals, also where they are zeros: some clients read a float
    /// and nothing else.
    pub(crate) fn timestamp(&mut self, name: &str, Timestamp(milliseconds): Timestamp) {
        self.name(name);
        let (sign, magnitude) = (milliseconds < 0, milliseconds.unsigned_abs());
        let sign = if sign { "-" } else { "" };
        let text = format!("{sign}{}.{:03}", magnitude / 1_000, magnitude % 1_000);
        self.buffer.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn optional_timestamp(&mut self, name: &str, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.timestamp(name, value);
        }
    }

    /// A member that is JSON already.
    pub(crate) fn json(&mut self, name: &str, value: &serde_json::Value) {
        self.name(name);
        self.buffer.extend_from_slice(value.to_string().as_bytes());
    }

    /// A member that is an object, whose members `write` writes.
    pub(crate) fn member(&mut self, name: &str, write: impl FnOnce(&mut JsonWriter)) {
        self.name(name);
        self.buffer.push(b'{');
        write(self);
        self.buffer.push(b'}');
    }

    /// A member that is an array, whose items `write` writes.
    pub(crate) fn array(&mut self, name: &str, write: impl FnOnce(&mut JsonWriter)) {
        self.open_array(name);
        write(self);
        self.close_array();
    }

    /// A member that is an array, whose items come until [`JsonWriter::close_array`]: for items
    /// that are awaited one after the other.
    pub(crate) fn open_array(&mut self, name: &str) {
        self.name(name);
        self.buffer.push(b'[');
    }

    pub(crate) fn close_array(&mut self) {
        self.buffer.push(b']');
    }

    /// An item that is an object, whose members `write` writes.
    pub(crate) fn item(&mut self, write: impl FnOnce(&mut JsonWriter)) {
        self.comma();
        self.buffer.push(b'{');
        write(self);
        self.buffer.push(b'}');
    }

    fn name(&mut self, name: &str) {
        self.comma();
        self.string(name);
        self.buffer.push(b':');
    }

    /// A comma, unless the next member or item is the first. No value ends in an opening bracket,
    /// so that the last byte tells.
    fn comma(&mut self) {
        if !matches!(self.buffer.last(), Some(b'{' | b'[') | None) {
            self.buffer.push(b',');
        }
    }

    /// A string in quotes; escapes what JSON requires and nothing else.
    fn string(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.buffer.reserve(bytes.len() + 2);
        self.buffer.push(b'"');
        let mut plain_from = 0;
        for (at, byte) in bytes.iter().copied().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.buffer.extend_from_slice(&bytes[plain_from..at]);
            plain_from = at + 1;
            match byte {
                b'"' => self.buffer.extend_from_slice(b"\\\""),
                b'\\' => self.buffer.extend_from_slice(b"\\\\"),
                b'\n' => self.buffer.extend_from_slice(b"\\n"),
                b'\r' => self.buffer.extend_from_slice(b"\\r"),
                b'\t' => self.buffer.extend_from_slice(b"\\t"),
                control => self.buffer.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
            }
        }
        self.buffer.extend_from_slice(&bytes[plain_from..]);
        self.buffer.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl FnOnce(&mut JsonWriter), expected: &str) {
        let mut out = JsonWriter::object();
        write(&mut out);
        let text = String::from_utf8(out.finish()).expect("written from text");
        assert_eq!(text, expected);
        json::validate(&text).expect("what is written is JSON");
    }

    #[test]
    fn an_object_without_members_is_empty() {
        check(|_| {}, "{}");
    }

    #[test]
    fn members_are_separated_and_absent_ones_left_out() {
        check(
            |out| {
                out.text("name", "a");
                out.optional_text("error", None);
                out.member("inputDetails", |out| out.boolean("included", true));
                out.member("executionAbortedEventDetails", |_| {});
                out.array("events", |out| {
                    out.item(|out| out.integer("id", 1));
                    out.item(|out| out.integer("id", u64::MAX));
                });
                out.array("none", |_| {});
                out.optional_integer("heartbeatInSeconds", Some(0));
            },
            concat!(
                r#"{"name":"a","inputDetails":{"included":true},"executionAbortedEventDetails":{},"#,
                r#""events":[{"id":1},{"id":18446744073709551615}],"none":[],"heartbeatInSeconds":0}"#,
            ),
        );
    }

    #[test]
    fn strings_are_escaped_where_they_must_be() {
        check(
            |out| out.text("input", "{\"a\\b\":\"ü\u{1F600}\n\r\t\u{0}\u{1f}\u{7f}/\"}"),
            "{\"input\":\"{\\\"a\\\\b\\\":\\\"ü\u{1F600}\\n\\r\\t\\u0000\\u001f\u{7f}/\\\"}\"}",
        );
        check(|out| out.text("ends in a bracket", "["), r#"{"ends in a bracket":"["}"#);
    }

    #[test]
    fn timestamps_are_floats_with_three_decimals() {
        for (milliseconds, expected) in [
            (1_699_999_999_123, "1699999999.123"),
            (1_699_999_999_000, "1699999999.000"),
            (1_699_999_999_007, "1699999999.007"),
            (0, "0.000"),
            (-1, "-0.001"),
            (-1_500, "-1.500"),
        ] {
            check(
                |out| out.timestamp("startDate", Timestamp(milliseconds)),
                &format!(r#"{{"startDate":{expected}}}"#),
            );
        }
    }
}

//! A value and its text, each made from the other when it is first asked for.

use std::sync::{Arc, OnceLock};

use crate::{ParseError, Value, parse};

/// A JSON document, shared: a clone is a reference count, whatever its size.
///
/// Made from text, it keeps that text byte for byte and parses it when somebody looks inside;
/// made from a value, it is printed when somebody asks for the text.
#[derive(Clone)]
pub struct Document {
    inner: Arc<Inner>,
}

// Invariant: at least one of the two is set; a set text is valid JSON.
struct Inner {
    text: OnceLock<Box<str>>,
    value: OnceLock<Value>,
}

impl Document {
    /// Checks the text and keeps it as it is.
    ///
    /// # Errors
    /// Where the text is not one JSON value, or is nested deeper than [`crate::parse`] allows.
    pub fn from_text(text: &str) -> Result<Document, ParseError> {
        crate::validate(text)?;
        Ok(Document::from_trusted_text(text))
    }

    /// Keeps a text that is known to be JSON, such as one that was checked before it was stored.
    /// It may be nested to any depth.
    pub fn from_trusted_text(text: &str) -> Document {
        let text = OnceLock::from(Box::from(text));
        Document { inner: Arc::new(Inner { text, value: OnceLock::new() }) }
    }

    /// The text: as it came, or compact.
    pub fn text(&self) -> &str {
        self.inner.text.get_or_init(|| {
            let value = self.inner.value.get().expect("a document without text has a value");
            value.to_text().into_boxed_str()
        })
    }

    /// The value.
    pub fn value(&self) -> &Value {
        self.inner.value.get_or_init(|| {
            let text = self.inner.text.get().expect("a document without value has a text");
            parse::parse_to_any_depth(text).expect("the text of a document is valid JSON")
        })
    }

    /// The length of the text in bytes, which is what AWS's size limits count.
    pub fn len_bytes(&self) -> usize {
        self.text().len()
    }

    /// Whether both are the same object in memory, so that one stored copy serves both.
    pub fn is_same(&self, other: &Document) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Document { inner: Arc::new(Inner { text: OnceLock::new(), value: OnceLock::from(value) }) }
    }
}

impl PartialEq for Document {
    /// The same text.
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.text() == other.text()
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.text())
    }
}

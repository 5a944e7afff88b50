//! XML as a tree of elements, read and written.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

/// How deep elements may be in one another. No answer of a service comes near it.
const DEPTH_MAX: usize = 100;

/// An element. Its name is without its prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    /// All text directly in it.
    pub(crate) text: String,
}

/// Why bytes are no XML.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is no XML: {0}")]
    Malformed(String),
    #[error("its elements are more than {DEPTH_MAX} deep")]
    TooDeep,
    #[error("it has no element")]
    Empty,
}

impl Element {
    pub(crate) fn new(name: impl Into<String>) -> Element {
        Element { name: name.into(), ..Element::default() }
    }

    pub(crate) fn with_text(name: impl Into<String>, text: impl Into<String>) -> Element {
        Element { name: name.into(), text: text.into(), ..Element::default() }
    }

    /// The root of a document.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
        let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
        let malformed = |error: String| XmlError::Malformed(error);
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Element> = Vec::new();
        loop {
            let event = reader.read_event().map_err(|error| malformed(error.to_string()))?;
            let closed = match event {
                Event::Start(start) => {
                    if open.len() == DEPTH_MAX {
                        return Err(XmlError::TooDeep);
                    }
                    open.push(Element::of(&start)?);
                    None
                }
                Event::Empty(start) => Some(Element::of(&start)?),
                Event::End(_) => open.pop(),
                Event::Text(part) => {
                    if let Some(element) = open.last_mut() {
                        let text = part.decode().map_err(|error| malformed(error.to_string()))?;
                        element.text.push_str(&text);
                    }
                    None
                }
                Event::CData(part) => {
                    if let Some(element) = open.last_mut() {
                        let text = part.decode().map_err(|error| malformed(error.to_string()))?;
                        element.text.push_str(&text);
                    }
                    None
                }
                Event::GeneralRef(reference) => {
                    let name = reference.decode().map_err(|error| malformed(error.to_string()))?;
                    let resolved = resolve(&name).ok_or_else(|| malformed(format!("&{name};")))?;
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&resolved);
                    }
                    None
                }
                Event::Eof => return Err(XmlError::Empty),
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => None,
            };
            if let Some(element) = closed {
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
        }
    }

    fn of(start: &BytesStart<'_>) -> Result<Element, XmlError> {
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut element = Element::new(name(start.local_name().as_ref()));
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| XmlError::Malformed(error.to_string()))?;
            let value = String::from_utf8_lossy(&attribute.value).into_owned();
            let value = unescape(&value).map_or(value.clone(), |value| value.into_owned());
            element.attributes.push((name(attribute.key.as_ref()), value));
        }
        Ok(element)
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// Every child of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Writes it, with what is in it, at the end of a text.
    pub(crate) fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\"{}\"", escape(value)));
        }
        out.push('>');
        out.push_str(&escape(&self.text));
        self.children.iter().for_each(|child| child.write(out));
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn resolve(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).map(String::from);
    }
    resolve_predefined_entity(name).map(str::to_owned)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#xD;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_and_written() {
        let text = "<?xml version=\"1.0\"?>\n<a:r xmlns:a=\"u\"><b c=\"1 &amp; 2\">x &lt; \
                    y&#33;</b><!-- no --><b><![CDATA[<raw>]]></b><e/></a:r>";
        let root = Element::parse(text.as_bytes()).expect("it is XML");
        assert_eq!(root.name, "r");
        let texts: Vec<&str> = root.all("b").map(|child| child.text.as_str()).collect();
        assert_eq!(texts, ["x < y!", "<raw>"]);
        assert_eq!(root.text_of("e"), Some(""));
        let mut written = String::new();
        root.children[0].write(&mut written);
        assert_eq!(written, "<b c=\"1 &amp; 2\">x &lt; y!</b>");
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        for (text, message) in [
            ("", "it has no element"),
            ("nonsense", "it has no element"),
            ("<a><b></a>", "it is no XML"),
            ("<a>&nope;</a>", "it is no XML"),
            ("<a>", "it has no element"),
            (deep.as_str(), "its elements are more than"),
        ] {
            let error = Element::parse(text.as_bytes()).expect_err(text).to_string();
            assert!(error.starts_with(message), "{text}: {error}");
        }
        assert_eq!(Element::parse(b"<a>\xff</a>"), Err(XmlError::NotUtf8));
    }
}

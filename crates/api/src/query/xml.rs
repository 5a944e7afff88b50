//! Writes the XML of answers in the Query protocol.

/// An XML text that grows.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// An element with what `inside` writes.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Xml)) {
        self.0.push_str(&format!("<{name}>"));
        inside(self);
        // Without attributes.
        let name = name.split(' ').next().unwrap_or_default();
        self.0.push_str(&format!("</{name}>"));
    }

    /// An element that holds a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.element(name, |xml| xml.push_escaped(text));
    }

    /// An element that holds a text, where there is one.
    pub(crate) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// An element that holds an instant.
    pub(crate) fn instant(&mut self, name: &str, milliseconds: i64) {
        // Before the year 10,000, which is when these texts end.
        let instant = jiff::Timestamp::from_second(milliseconds.div_euclid(1_000));
        let instant = instant.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.text(name, &instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }

    /// An element that holds a `member` for each item.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Xml, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| write(xml, item));
            }
        });
    }

    pub(crate) fn push_escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // XML has no other control characters.
                '\t' | '\n' => self.0.push(character),
                '\r' => self.0.push_str("&#13;"),
                character if character.is_control() => self.0.push('\u{FFFD}'),
                character => self.0.push(character),
            }
        }
    }

    /// What was written before.
    pub(crate) fn push_written(&mut self, xml: &str) {
        self.0.push_str(xml);
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

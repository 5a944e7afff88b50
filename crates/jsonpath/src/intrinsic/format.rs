//! The templates of `States.Format`.

use json::Value;

use super::Refusal;
use super::function::Function;
use crate::java;

/// A template, cut at its placeholders: there is one text more than there are placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    texts: Vec<String>,
}

impl Format {
    /// Reads a template. A backslash takes away the meaning of `{`, `}`, `'` and itself.
    ///
    /// # Errors
    /// Where a brace stands alone.
    pub(super) fn parse(template: &str) -> Result<Format, Refusal> {
        let alone = |missing: char, found: char| {
            Refusal(format!(
                "Invalid template in {}: matching '{missing}' not found for '{found}'.",
                Function::Format.name()
            ))
        };
        let mut texts = vec![String::new()];
        let mut characters = template.chars().peekable();
        while let Some(character) = characters.next() {
            let text = texts.last_mut().expect("there is always one");
            match character {
                '{' if characters.next_if_eq(&'}').is_some() => texts.push(String::new()),
                '{' => return Err(alone('}', '{')),
                '}' => return Err(alone('{', '}')),
                '\\' => {
                    let escaped =
                        characters.next_if(|next| matches!(next, '{' | '}' | '\'' | '\\'));
                    text.push(escaped.unwrap_or('\\'));
                }
                plain => text.push(plain),
            }
        }
        Ok(Format { texts })
    }

    /// The text with the values in the places of the placeholders, in order.
    ///
    /// # Errors
    /// Where there are more or fewer values than placeholders.
    pub(super) fn fill(&self, values: &[Value]) -> Result<Value, Refusal> {
        if values.len() + 1 != self.texts.len() {
            return Err(Refusal(format!(
                "{}: number of arguments do not match the occurrences of {{}}.",
                Refusal::arguments(Function::Format).0
            )));
        }
        let mut filled = self.texts[0].clone();
        for (value, text) in values.iter().zip(&self.texts[1..]) {
            filled.push_str(&java::to_string(value));
            filled.push_str(text);
        }
        Ok(filled.into())
    }
}

//! The body of a request in the Query protocol: a form.
//! See <https://docs.aws.amazon.com/IAM/latest/APIReference/Welcome.html>.

use std::collections::BTreeMap;

use identity::{IdentityError, TagRecord};

/// A form, with each name once.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads the body; none where it is no form.
    pub(crate) fn parse(body: &[u8]) -> Option<Form> {
        let text = std::str::from_utf8(body).ok()?;
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        });
        pairs.collect::<Option<_>>().map(Form)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, IdentityError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let member = name[..1].to_lowercase() + &name[1..];
            IdentityError::Validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy \
                 constraint: Member must not be null"
            ))
        })
    }

    pub(crate) fn number(&self, name: &str, default: u32) -> Result<u32, IdentityError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|_| {
            IdentityError::Validation(format!("The value '{text}' of {name} is no number."))
        })
    }

    pub(crate) fn boolean(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// `Name.member.1`, `Name.member.2`, …
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let numbers = 1..=self.0.len();
        numbers.map_while(|number| self.owned(&format!("{name}.member.{number}"))).collect()
    }

    /// `Tags.member.1.Key`, …
    pub(crate) fn tags(&self) -> Vec<TagRecord> {
        let numbers = 1..=self.0.len();
        numbers
            .map_while(|number| {
                let key = self.owned(&format!("Tags.member.{number}.Key"))?;
                let value = self.owned(&format!("Tags.member.{number}.Value"));
                Some(TagRecord { key, value: value.unwrap_or_default() })
            })
            .collect()
    }

    /// The first name that is not one of these, or of a list of one of these.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        let names = self.0.keys().map(String::as_str);
        let mut unknown = names.filter(|name| {
            let base = name.split('.').next().unwrap_or_default();
            // What signs a link is no member of the operation.
            let is_of_signature = base.starts_with("X-Amz-");
            !known.contains(&base) && !["Action", "Version"].contains(&base) && !is_of_signature
        });
        unknown.next()
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high << 4 | low).expect("two digits are a byte")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let form = Form::parse(b"Action=TagRole&A=a+b%2Bc&Tags.member.1.Key=k&Tags.member.1.Value=v&TagKeys.member.1=x&TagKeys.member.2=y");
        let form = form.expect("a form");
        assert_eq!(form.get("A"), Some("a b+c"));
        assert_eq!(form.list("TagKeys"), ["x", "y"]);
        let tag = TagRecord { key: "k".to_owned(), value: "v".to_owned() };
        assert_eq!(form.tags(), [tag]);
        assert_eq!(form.unknown(&["A", "Tags", "TagKeys"]), None);
        assert_eq!(form.unknown(&["A", "Tags"]), Some("TagKeys.member.1"));
        for body in [&b"a=%"[..], b"a=%2", b"a=%zz", b"a=%ff", b"\xff"] {
            assert_eq!(Form::parse(body), None, "{body:?}");
        }
    }
}

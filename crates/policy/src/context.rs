//! What is known of a request: the condition keys and their values.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.

use std::borrow::Cow;

/// The condition keys of a request, with their values. Names are compared without case.
#[derive(Clone, Debug, Default)]
pub struct Context<'a> {
    /// Names in lower case.
    keys: Vec<(Cow<'a, str>, ContextValue<'a>)>,
}

/// The value of a condition key.
#[derive(Clone, Debug, PartialEq)]
pub enum ContextValue<'a> {
    /// Of a key that has one.
    One(Cow<'a, str>),
    /// Of a key that may have several, such as `aws:TagKeys`.
    Many(Vec<Cow<'a, str>>),
}

impl<'a> Context<'a> {
    /// With room for so many keys.
    pub fn with_capacity(keys: usize) -> Context<'a> {
        Context { keys: Vec::with_capacity(keys) }
    }

    /// Adds a key; one that is there already is replaced.
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.put(key.into(), ContextValue::One(value.into()));
    }

    /// Adds a key that may have several values.
    pub fn insert_many(&mut self, key: impl Into<Cow<'a, str>>, values: Vec<Cow<'a, str>>) {
        self.put(key.into(), ContextValue::Many(values));
    }

    fn put(&mut self, key: Cow<'a, str>, value: ContextValue<'a>) {
        let key = if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(key.to_ascii_lowercase())
        } else {
            key
        };
        match self.keys.iter_mut().find(|(there, _)| *there == key) {
            Some((_, old)) => *old = value,
            None => self.keys.push((key, value)),
        }
    }

    /// The value of a key whose name is in lower case.
    pub(crate) fn get(&self, lower_case_key: &str) -> Option<&ContextValue<'a>> {
        self.keys.iter().find(|(key, _)| key == lower_case_key).map(|(_, value)| value)
    }

    /// The only value of a key, as policy variables need it.
    pub(crate) fn only(&self, lower_case_key: &str) -> Option<&str> {
        match self.get(lower_case_key)? {
            ContextValue::One(value) => Some(value),
            ContextValue::Many(_) => None,
        }
    }
}

impl ContextValue<'_> {
    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = &str> {
        let values = match self {
            ContextValue::One(value) => std::slice::from_ref(value),
            ContextValue::Many(values) => values,
        };
        values.iter().map(|value| &**value)
    }
}

//! The members of an object that an expression made.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::Value;

/// Up to this many members a name is found by looking at each.
const MEMBERS_WITHOUT_INDEX_MAX: usize = 16;

/// Names and values in the order they came; names are unique.
#[derive(Clone, Default)]
pub(crate) struct Members {
    entries: Vec<(Arc<str>, Value)>,
    // Where each name is, kept from the moment that there are too many to look at each. A tree and
    // not a hash table: no input can make it slow, and no seed is needed.
    index: Option<BTreeMap<Arc<str>, usize>>,
}

impl Members {
    /// No members, with room for that many.
    pub(crate) fn with_capacity(members: usize) -> Self {
        Members { entries: Vec::with_capacity(members), index: None }
    }

    /// Where that name is.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(key, _)| &**key == name),
        }
    }

    /// The value of that name.
    pub(crate) fn get(&self, name: &str) -> Value {
        self.position(name).map_or(Value::Undefined, |at| self.entries[at].1.clone())
    }

    /// Sets the value of that name, in place where it exists, else at the end.
    pub(crate) fn insert(&mut self, name: Arc<str>, value: Value) {
        match self.position(&name) {
            Some(at) => self.entries[at].1 = value,
            None => self.push(name, value),
        }
    }

    /// Adds a member whose name is new.
    fn push(&mut self, name: Arc<str>, value: Value) {
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), self.entries.len());
        }
        self.entries.push((name, value));
        if self.index.is_none() && self.entries.len() > MEMBERS_WITHOUT_INDEX_MAX {
            let places = self.entries.iter().enumerate().map(|(at, (name, _))| (name.clone(), at));
            self.index = Some(places.collect());
        }
    }

    /// Sets the value of the member at that place.
    pub(crate) fn set(&mut self, at: usize, value: Value) {
        self.entries[at].1 = value;
    }

    /// Takes out the members of those names.
    pub(crate) fn remove_all(&mut self, names: &[Arc<str>]) {
        self.retain(|name, _| !names.contains(name));
    }

    /// Takes out the members that have no value.
    pub(crate) fn drop_undefined(&mut self) {
        if self.entries.iter().any(|(_, value)| value.is_undefined()) {
            self.retain(|_, value| !value.is_undefined());
        }
    }

    fn retain(&mut self, keep: impl Fn(&Arc<str>, &Value) -> bool) {
        for (name, value) in std::mem::take(self).entries {
            if keep(&name, &value) {
                self.push(name, value);
            }
        }
    }

    /// In order.
    pub(crate) fn entries(&self) -> &[(Arc<str>, Value)] {
        &self.entries
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The values in order.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.entries.into_iter().map(|(_, value)| value).collect()
    }

    /// Names and values in order.
    pub(crate) fn into_entries(self) -> Vec<(Arc<str>, Value)> {
        self.entries
    }
}

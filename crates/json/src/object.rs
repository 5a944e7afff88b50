//! Members in the order they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Value;

/// Up to this many members a name is found by looking at each.
const MEMBERS_WITHOUT_INDEX_MAX: usize = 16;

/// The members of a JSON object. A name that comes twice keeps its first place and its last value.
#[derive(Clone, Default)]
pub struct Object {
    entries: Vec<(Arc<str>, Value)>,
    // Where each name is in `entries`; kept from the moment that there are too many to look at
    // each. A tree and not a hash table: no input can make it slow, and no seed is needed.
    index: Option<BTreeMap<Arc<str>, usize>>,
}

impl Object {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }

    /// No members, with room for that many.
    pub fn with_capacity(members: usize) -> Self {
        Object { entries: Vec::with_capacity(members), index: None }
    }

    /// The value of that name.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|at| &self.entries[at].1)
    }

    /// The value of that name, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.position(name).map(|at| &mut self.entries[at].1)
    }

    /// Whether there is a member of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Sets the value of that name, in place where it exists, else at the end.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        if let Some(at) = self.position(&name) {
            self.entries[at].1 = value;
            return;
        }
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), self.entries.len());
        }
        self.entries.push((name, value));
        if self.index.is_none() && self.entries.len() > MEMBERS_WITHOUT_INDEX_MAX {
            self.build_index();
        }
    }

    /// Takes the value of that name out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.position(name)?;
        let (_, value) = self.entries.remove(at);
        if self.index.take().is_some() && self.entries.len() > MEMBERS_WITHOUT_INDEX_MAX {
            self.build_index();
        }
        Some(value)
    }

    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> + DoubleEndedIterator {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn into_entries(mut self) -> Vec<(Arc<str>, Value)> {
        std::mem::take(&mut self.entries)
    }

    pub(crate) fn entries(&self) -> &[(Arc<str>, Value)] {
        &self.entries
    }

    #[inline]
    fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(key, _)| &**key == name),
        }
    }

    fn build_index(&mut self) {
        let places = self.entries.iter().enumerate().map(|(at, (name, _))| (name.clone(), at));
        self.index = Some(places.collect());
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        crate::value::drop_without_recursion(self.entries.drain(..).map(|(_, value)| value));
    }
}

impl PartialEq for Object {
    /// The same names with equal values, in any order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(Arc<str>, Value)> for Object {
    fn from_iter<T: IntoIterator<Item = (Arc<str>, Value)>>(entries: T) -> Self {
        let mut object = Object::new();
        for (name, value) in entries {
            object.insert(name, value);
        }
        object
    }
}

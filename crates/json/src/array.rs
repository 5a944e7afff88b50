//! Items in order.

use std::ops::{Deref, DerefMut};

use crate::Value;

/// The items of a JSON array: a `Vec` in all but one thing, that dropping it never recurses,
/// however deep its items are nested.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    items: Vec<Value>,
}

impl Array {
    /// No items.
    pub fn new() -> Self {
        Self::default()
    }

    /// The items, taken out.
    pub fn into_vec(mut self) -> Vec<Value> {
        std::mem::take(&mut self.items)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        crate::value::drop_without_recursion(self.items.drain(..));
    }
}

impl Deref for Array {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.items
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        &mut self.items
    }
}

impl From<Vec<Value>> for Array {
    fn from(items: Vec<Value>) -> Self {
        Array { items }
    }
}

impl FromIterator<Value> for Array {
    fn from_iter<T: IntoIterator<Item = Value>>(items: T) -> Self {
        Array { items: items.into_iter().collect() }
    }
}

impl IntoIterator for Array {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Array {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

//! Tuples: the items of a path that binds variables or parents, with what is bound.

use std::rc::Rc;

use crate::node::TupleKey;
use crate::value::Value;

/// An item and what is bound to it.
#[derive(Clone)]
pub(crate) struct Tuple {
    /// The item.
    pub(crate) item: Value,
    /// Variables and parents.
    pub(crate) bindings: Rc<Vec<(TupleKey, Value)>>,
}

impl Tuple {
    /// An item to which nothing is bound.
    pub(crate) fn of(item: Value) -> Tuple {
        Tuple { item, bindings: Rc::default() }
    }

    /// Binds one more.
    pub(crate) fn bind(&mut self, key: TupleKey, value: Value) {
        let bindings = Rc::make_mut(&mut self.bindings);
        match bindings.iter_mut().find(|(name, _)| *name == key) {
            Some(binding) => binding.1 = value,
            None => bindings.push((key, value)),
        }
    }
}

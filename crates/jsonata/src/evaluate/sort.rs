//! Order: `^(…)` and `$sort`.

use std::cmp::Ordering;

use super::{Evaluated, Evaluator};
use crate::error::{Failure, FailureFacts};
use crate::frame::{Frame, Frames};
use crate::node::Term;
use crate::tuple::Tuple;
use crate::value::Value;

/// What is ordered: an item or tuple, and the values of the terms as far as they were needed.
struct Ordered<T> {
    entry: T,
    keys: Vec<Option<Value>>,
}

impl Evaluator<'_> {
    /// The items of an array in the order of those terms.
    pub(super) fn order(
        &mut self,
        terms: &[Term],
        position: u32,
        array: Value,
        frames: &Frames,
    ) -> Evaluated {
        if array.length() <= 1 {
            // What comes to it is a sequence, and of one item becomes that item.
            return Ok(Value::sequence(array.into_items()));
        }
        let entries = array.into_items();
        self.meter.items(entries.len())?;
        let sorted = self.sort_by_terms(terms, position, entries, |evaluator, term, item| {
            evaluator.evaluate(&term.expression, item, frames)
        })?;
        Ok(Value::list(sorted))
    }

    /// The same with tuples.
    pub(super) fn order_tuples(
        &mut self,
        terms: &[Term],
        position: u32,
        tuples: Vec<Tuple>,
        frames: &Frames,
    ) -> Result<Vec<Tuple>, Failure> {
        if tuples.len() <= 1 {
            return Ok(tuples);
        }
        self.sort_by_terms(terms, position, tuples, |evaluator, term, tuple| {
            let frames = Frame::of_tuple(tuple, frames);
            evaluator.evaluate(&term.expression, &tuple.item, &frames)
        })
    }

    fn sort_by_terms<T>(
        &mut self,
        terms: &[Term],
        position: u32,
        entries: Vec<T>,
        mut evaluate: impl FnMut(&mut Self, &Term, &T) -> Evaluated,
    ) -> Result<Vec<T>, Failure> {
        let fresh = |entry| Ordered { entry, keys: vec![None; terms.len()] };
        let mut ordered: Vec<Option<Ordered<T>>> =
            entries.into_iter().map(|entry| Some(fresh(entry))).collect();
        let mut order: Vec<usize> = (0..ordered.len()).collect();
        self.merge_sort(&mut order, &mut |evaluator, left, right| {
            for (index, term) in terms.iter().enumerate() {
                for at in [left, right] {
                    let entry = ordered[at].as_mut().expect("nothing is taken out yet");
                    if entry.keys[index].is_none() {
                        entry.keys[index] = Some(evaluate(evaluator, term, &entry.entry)?);
                    }
                }
                let key =
                    |at: usize| ordered[at].as_ref().and_then(|entry| entry.keys[index].as_ref());
                let (Some(left), Some(right)) = (key(left), key(right)) else { continue };
                let ordering =
                    evaluator.order_of_keys(left, right).map_err(|failure| failure.at(position))?;
                match (ordering, term.descending) {
                    (KeyOrder::Equal, _) => {}
                    (KeyOrder::Missing(ordering), _) => return Ok(ordering.is_gt()),
                    (KeyOrder::Different(ordering), false) => return Ok(ordering.is_gt()),
                    (KeyOrder::Different(ordering), true) => return Ok(ordering.is_lt()),
                }
            }
            Ok(false)
        })?;
        let take = |at: usize| ordered[at].take().expect("each comes once").entry;
        Ok(order.into_iter().map(take).collect())
    }

    fn order_of_keys(&mut self, left: &Value, right: &Value) -> Result<KeyOrder, Failure> {
        self.meter.work(1)?;
        let sortable = |value: &Value| value.as_text().is_some() || value.as_number().is_some();
        let ordering = match (left, right) {
            (Value::Undefined, Value::Undefined) => return Ok(KeyOrder::Equal),
            // What is missing comes last, whatever the direction.
            (Value::Undefined, _) => return Ok(KeyOrder::Missing(Ordering::Greater)),
            (_, Value::Undefined) => return Ok(KeyOrder::Missing(Ordering::Less)),
            (Value::String(a), Value::String(b)) => super::compare_texts(a, b),
            _ if !sortable(left) || !sortable(right) => {
                let culprit = if sortable(left) { right } else { left };
                return Err(FailureFacts::new("T2008").with("value", self.in_message(culprit)));
            }
            _ => match (left.as_number(), right.as_number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Greater),
                _ => {
                    let failure = FailureFacts::new("T2007").with("value", self.in_message(left));
                    return Err(failure.with("value2", self.in_message(right)));
                }
            },
        };
        Ok(if ordering.is_eq() { KeyOrder::Equal } else { KeyOrder::Different(ordering) })
    }

    /// Sorts by merging halves, which is stable and asks in the order of the reference
    /// implementation; `swaps` says whether the right one comes first.
    pub(crate) fn merge_sort(
        &mut self,
        order: &mut [usize],
        swaps: &mut impl FnMut(&mut Self, usize, usize) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        if order.len() <= 1 {
            return Ok(());
        }
        let middle = order.len() / 2;
        let (left, right) = order.split_at_mut(middle);
        self.merge_sort(left, swaps)?;
        self.merge_sort(right, swaps)?;
        let mut merged = Vec::with_capacity(order.len());
        let (mut left, mut right) = (0, middle);
        while left < middle && right < order.len() {
            self.meter.work(1)?;
            if swaps(self, order[left], order[right])? {
                merged.push(order[right]);
                right += 1;
            } else {
                merged.push(order[left]);
                left += 1;
            }
        }
        merged.extend_from_slice(&order[left..middle]);
        merged.extend_from_slice(&order[right..]);
        order.copy_from_slice(&merged);
        Ok(())
    }
}

/// How two keys are ordered.
enum KeyOrder {
    Equal,
    /// One of them is missing.
    Missing(Ordering),
    Different(Ordering),
}

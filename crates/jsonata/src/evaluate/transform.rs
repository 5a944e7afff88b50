//! Transforms: `|pattern|update,delete|` gives a copy of a value in which some objects differ.
//!
//! The copy is made of objects of its own, which are changed in place as the pattern finds them:
//! a later match sees what an earlier one did. What is put in is copied first, so that nothing
//! can come to contain itself.

use super::{Evaluated, Evaluator};
use crate::error::{Failure, FailureFacts};
use crate::frame::Frames;
use crate::node::Transform;
use crate::record::Members;
use crate::value::Value;

impl Evaluator<'_> {
    /// Applies a transform to a value.
    pub(super) fn transform(
        &mut self,
        transform: &Transform,
        frames: &Frames,
        value: Value,
    ) -> Evaluated {
        if value.is_undefined() {
            return Ok(Value::Undefined);
        }
        if !value.is_array() && !value.is_object() {
            return Err(FailureFacts::new("T0410").with("index", "1").at(transform.position));
        }
        let clone = self.variable(&transform.clone, frames);
        if !clone.is_function() {
            return Err(FailureFacts::new("T2013").at(transform.position));
        }
        let value = match clone {
            Value::Builtin(_) => value,
            other => self.call(&other, vec![value])?,
        };
        let result = self.copy(&value, 0)?;
        let matches = self.evaluate(&transform.pattern, &result, frames)?;
        if matches.is_undefined() {
            return Ok(result);
        }
        for matched in matches.into_items() {
            self.update(transform, frames, &matched)?;
            self.delete(transform, frames, &matched)?;
        }
        Ok(result)
    }

    fn update(
        &mut self,
        transform: &Transform,
        frames: &Frames,
        matched: &Value,
    ) -> Result<(), Failure> {
        let update = self.evaluate(&transform.update, matched, frames)?;
        if update.is_undefined() {
            return Ok(());
        }
        if !update.is_object() {
            let failure = FailureFacts::new("T2011").with("value", self.in_message(&update));
            return Err(failure.at(transform.update.position));
        }
        if let Value::Record(record) = matched {
            let update = self.copy(&update, 0)?.members();
            self.meter.items(update.len())?;
            let mut members = record.members.borrow_mut();
            for (name, value) in update {
                members.insert(name, value);
            }
        }
        Ok(())
    }

    fn delete(
        &mut self,
        transform: &Transform,
        frames: &Frames,
        matched: &Value,
    ) -> Result<(), Failure> {
        let Some(delete) = &transform.delete else { return Ok(()) };
        let names = self.evaluate(delete, matched, frames)?;
        if names.is_undefined() {
            return Ok(());
        }
        let texts: Option<Vec<_>> = if names.is_array() {
            (0..names.length()).map(|index| names.item(index).as_text().cloned()).collect()
        } else {
            names.as_text().map(|name| vec![name.clone()])
        };
        let Some(texts) = texts else {
            let failure = FailureFacts::new("T2012").with("value", self.in_message(&names));
            return Err(failure.at(delete.position));
        };
        if let Value::Record(record) = matched {
            let work = texts.len().saturating_mul(1 + record.members.borrow().len());
            self.meter.work(work)?;
            record.members.borrow_mut().remove_all(&texts);
        }
        Ok(())
    }

    /// A copy with objects of its own, all the way down.
    fn copy(&mut self, value: &Value, depth: u32) -> Evaluated {
        self.meter.nested(depth)?;
        self.meter.work(1)?;
        if value.is_array() {
            let length = value.length();
            self.meter.items(length)?;
            let mut items = Vec::with_capacity(length);
            for index in 0..length {
                items.push(self.copy(&value.item(index), depth + 1)?);
            }
            return Ok(Value::list(items));
        }
        if value.is_object() {
            let mut members: Members = self.members(value.members_count())?;
            for (name, member) in value.members() {
                members.insert(name, self.copy(&member, depth + 1)?);
            }
            return Ok(members.into());
        }
        Ok(value.clone())
    }
}

//! Operators of one and two operands.

use std::cmp::Ordering;

use super::{Evaluated, Evaluator};
use crate::error::{Failure, FailureFacts};
use crate::frame::Frames;
use crate::node::{Kind, Node, Operator};
use crate::value::Value;

/// The reference implementation allows no longer ranges.
const RANGE_ITEMS_MAX: f64 = 1e7;

impl Evaluator<'_> {
    /// The value of an operator of two operands. A chain of left operands is followed without
    /// recursion, since such chains may be long.
    pub(super) fn binary(&mut self, node: &Node, input: &Value, frames: &Frames) -> Evaluated {
        let mut chain = Vec::new();
        let mut current = node;
        let first = loop {
            let Kind::Binary(operator, operands) = &current.kind else {
                break self.evaluate(current, input, frames)?;
            };
            if !(current.is_bare() || std::ptr::eq(current, node)) {
                break self.evaluate(current, input, frames)?;
            }
            let link = (*operator, current.position, &operands.1);
            if !matches!(operands.0.kind, Kind::Binary(..)) && chain.is_empty() {
                // The usual case: no chain.
                let left = self.evaluate(&operands.0, input, frames)?;
                return self.link(link, left, input, frames);
            }
            chain.push(link);
            self.meter.work(1)?;
            current = &operands.0;
        };
        let mut value = first;
        while let Some(link) = chain.pop() {
            value = self.link(link, value, input, frames)?;
        }
        Ok(value)
    }

    /// Applies one operator to its left value.
    fn link(
        &mut self,
        (operator, position, right): (Operator, u32, &Node),
        left: Value,
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        match operator {
            Operator::And | Operator::Or => {
                let truth = self.truth(&left)?;
                if truth == (operator == Operator::Or) {
                    return Ok(Value::Bool(truth));
                }
                let right = self.evaluate(right, input, frames)?;
                Ok(Value::Bool(self.truth(&right)?))
            }
            _ => {
                let right = self.evaluate(right, input, frames)?;
                self.operate(operator, &left, &right)
                    .map_err(|failure| failure.at(position).of(operator.text()))
            }
        }
    }

    fn operate(&mut self, operator: Operator, left: &Value, right: &Value) -> Evaluated {
        match operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => self.arithmetic(operator, left, right),
            Operator::Concatenate => self.concatenate(left, right),
            Operator::Equal | Operator::NotEqual => {
                if left.is_undefined() || right.is_undefined() {
                    return Ok(Value::Bool(false));
                }
                let equal = self.equal(left, right)?;
                Ok(Value::Bool(equal == (operator == Operator::Equal)))
            }
            Operator::In => self.is_in(left, right),
            Operator::Range => self.range(left, right),
            _ => self.compare_values(operator, left, right),
        }
    }

    fn arithmetic(&mut self, operator: Operator, left: &Value, right: &Value) -> Evaluated {
        let (a, b) = match (left, right) {
            (Value::Number(a), Value::Number(b)) if a.is_finite() && b.is_finite() => (*a, *b),
            _ => {
                let a = self.operand(left, "T2001")?;
                let b = self.operand(right, "T2002")?;
                let (Some(a), Some(b)) = (a, b) else { return Ok(Value::Undefined) };
                (a, b)
            }
        };
        Ok(Value::Number(match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            _ => a % b,
        }))
    }

    /// The number of an operand, nothing where there is no value.
    fn operand(&mut self, value: &Value, code: &'static str) -> Result<Option<f64>, Failure> {
        if value.is_undefined() {
            return Ok(None);
        }
        match self.finite(value)? {
            Some(number) => Ok(Some(number)),
            None => Err(FailureFacts::new(code).with("value", self.in_message(value))),
        }
    }

    /// The number of a value that is one and no NaN; an infinite number is an error.
    pub(crate) fn finite(&mut self, value: &Value) -> Result<Option<f64>, Failure> {
        match value.as_number() {
            Some(number) if number.is_infinite() => {
                Err(FailureFacts::new("D1001").with("value", self.in_message(value)))
            }
            Some(number) if number.is_nan() => Ok(None),
            other => Ok(other),
        }
    }

    fn concatenate(&mut self, left: &Value, right: &Value) -> Evaluated {
        let (a, b);
        let left = match left {
            Value::String(text) => &**text,
            other => {
                a = self.text_of(other)?;
                &a
            }
        };
        let right = match right {
            Value::String(text) => &**text,
            other => {
                b = self.text_of(other)?;
                &b
            }
        };
        self.meter.text(left.len() + right.len())?;
        let mut text = String::with_capacity(left.len() + right.len());
        text.push_str(left);
        text.push_str(right);
        Ok(text.into())
    }

    fn compare_values(&mut self, operator: Operator, left: &Value, right: &Value) -> Evaluated {
        let comparable = |value: &Value| {
            matches!(
                value,
                Value::Undefined | Value::String(_) | Value::Number(_) | Value::Exact(_)
            )
        };
        if !comparable(left) || !comparable(right) {
            let culprit = if comparable(left) { right } else { left };
            return Err(FailureFacts::new("T2010").with("value", self.in_message(culprit)));
        }
        let ordering = match (left, right) {
            (Value::Undefined, _) | (_, Value::Undefined) => return Ok(Value::Undefined),
            (Value::String(a), Value::String(b)) => {
                self.meter.read(a.len().min(b.len()))?;
                Some(super::compare_texts(a, b))
            }
            _ => match (left.as_number(), right.as_number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => {
                    let failure = FailureFacts::new("T2009").with("value", self.in_message(left));
                    return Err(failure.with("value2", self.in_message(right)));
                }
            },
        };
        Ok(Value::Bool(match operator {
            Operator::Less => ordering == Some(Ordering::Less),
            Operator::LessOrEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Operator::Greater => ordering == Some(Ordering::Greater),
            _ => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        }))
    }

    fn is_in(&mut self, left: &Value, right: &Value) -> Evaluated {
        if left.is_undefined() || right.is_undefined() {
            return Ok(Value::Bool(false));
        }
        if !right.is_array() {
            return Ok(Value::Bool(self.equal(left, right)?));
        }
        for index in 0..right.length() {
            self.meter.work(1)?;
            if self.equal(left, &right.item(index))? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    fn range(&mut self, left: &Value, right: &Value) -> Evaluated {
        let first = self.bound(left, "T2003")?;
        let last = self.bound(right, "T2004")?;
        let (Some(first), Some(last)) = (first, last) else { return Ok(Value::Undefined) };
        if first > last {
            return Ok(Value::Undefined);
        }
        let count = last - first + 1.0;
        if count > RANGE_ITEMS_MAX {
            return Err(FailureFacts::new("D2014").with("value", crate::number::text(count)));
        }
        let count = count as usize;
        self.meter.items(count)?;
        Ok(Value::sequence((0..count).map(|index| Value::Number(first + index as f64)).collect()))
    }

    fn bound(&mut self, value: &Value, code: &'static str) -> Result<Option<f64>, Failure> {
        match value.as_number() {
            None if value.is_undefined() => Ok(None),
            Some(number) if number.is_finite() && number.trunc() == number => Ok(Some(number)),
            _ => Err(FailureFacts::new(code).with("value", self.in_message(value))),
        }
    }

    pub(super) fn negate(
        &mut self,
        node: &Node,
        operand: &Node,
        input: &Value,
        frames: &Frames,
    ) -> Evaluated {
        let value = self.evaluate(operand, input, frames)?;
        match self.operand(&value, "D1002") {
            Ok(Some(number)) => Ok(Value::Number(-number)),
            Ok(None) => Ok(Value::Undefined),
            Err(failure) => Err(failure.at(node.position).of("-")),
        }
    }
}

//! Choice: goes where the first rule that matches leads.

use std::cmp::Ordering;
use std::sync::Arc;

use asl::{Choice, Comparison, Condition, Operand, Order, State, StateIndex, parse_timestamp};
use json::{Document, Number, Value};
use jsonpath::Path;

use crate::FrameId;
use crate::evaluate::{Exit, Fault, View};
use crate::step::{Ended, Stepper};

impl Stepper<'_, '_> {
    pub(crate) fn choice(
        &mut self,
        id: FrameId,
        state: &State,
        choice: &Choice,
        input: &Document,
    ) -> Result<(), Ended> {
        let entered = self.execution.frame(id).last_event;
        match self.choose(id, state, choice, input) {
            Ok((next, exit)) => self.exit(id, entered, exit, Some(next)),
            Err(fault) => self.fail_with(id, fault, entered),
        }
    }

    fn choose(
        &mut self,
        id: FrameId,
        state: &State,
        choice: &Choice,
        input: &Document,
    ) -> Result<(StateIndex, Exit), Fault> {
        let effective = self.effective_input(id, state, input)?;
        for (index, rule) in choice.rules.iter().enumerate() {
            let holds = match &rule.condition {
                Condition::Jsonata(template) => {
                    let field = format_args!("Choices[{index}]/Condition");
                    let view = View::of(&effective);
                    self.jsonata_of(id, template, field, view, ("boolean", Value::as_bool))?
                }
                condition => self.holds(id, condition, &effective)?,
            };
            if holds {
                let exit = self.chosen_output(id, state, (index, rule), &effective)?;
                return Ok((rule.next, exit));
            }
        }
        let next = choice.default.ok_or_else(|| {
            Fault::runtime(
                "Failed to transition out of the state. The state does not point to a next state.",
            )
        })?;
        Ok((next, self.passed_output(id, state, &effective)?))
    }

    fn holds(
        &mut self,
        id: FrameId,
        condition: &Condition,
        input: &Document,
    ) -> Result<bool, Fault> {
        match condition {
            Condition::And(conditions) => {
                for condition in conditions {
                    if !self.holds(id, condition, input)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Or(conditions) => {
                for condition in conditions {
                    if self.holds(id, condition, input)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Jsonata(_) => unreachable!("a rule of JSONata holds no other rules"),
            Condition::Not(condition) => Ok(!self.holds(id, condition, input)?),
            Condition::Test { variable, comparison } => {
                self.compare(id, variable, comparison, input)
            }
        }
    }

    fn compare(
        &mut self,
        id: FrameId,
        variable: &Path,
        comparison: &Comparison,
        input: &Document,
    ) -> Result<bool, Fault> {
        if let Comparison::IsPresent(expected) = comparison {
            return Ok(self.lookup(id, variable, input).is_ok() == *expected);
        }
        let value = self.operand(id, variable, input)?;
        Ok(match comparison {
            Comparison::String(order, operand) => {
                let right = self.resolve(id, operand, input, |value| match value {
                    Value::String(text) => Some(text),
                    _ => None,
                })?;
                both(value.as_str(), right.as_deref(), *order, compare_code_units)
            }
            Comparison::Numeric(order, operand) => {
                let right = self.resolve(id, operand, input, |value| match value {
                    Value::Number(number) => Some(number),
                    _ => None,
                })?;
                both(value.as_number(), right.as_ref(), *order, compare_numbers)
            }
            Comparison::Timestamp(order, operand) => {
                let instant = |value: &Value| value.as_str().and_then(parse_timestamp);
                let right = self.resolve(id, operand, input, |value| instant(&value))?;
                both(instant(&value), right, *order, |left, right| Some(left.cmp(&right)))
            }
            Comparison::Boolean(operand) => {
                let right = self.resolve(id, operand, input, |value| value.as_bool())?;
                right.is_some() && value.as_bool() == right
            }
            Comparison::Matches(parts) => {
                value.as_str().is_some_and(|text| matches_parts(text, parts))
            }
            Comparison::IsNull(expected) => value.is_null() == *expected,
            Comparison::IsPresent(_) => unreachable!("answered before the value was looked up"),
            Comparison::IsNumeric(expected) => value.as_number().is_some() == *expected,
            Comparison::IsString(expected) => value.as_str().is_some() == *expected,
            Comparison::IsBoolean(expected) => value.as_bool().is_some() == *expected,
            Comparison::IsTimestamp(expected) => {
                value.as_str().and_then(parse_timestamp).is_some() == *expected
            }
        })
    }

    fn operand(&mut self, id: FrameId, path: &Path, input: &Document) -> Result<Value, Fault> {
        self.lookup(id, path, input).map_err(|_| {
            Fault::runtime(format!(
                "Invalid path '{}': The choice state's condition path references an invalid \
                 value.",
                path.text()
            ))
        })
    }

    /// The right-hand side; none where it is of another type, which compares false.
    fn resolve<T: Clone>(
        &mut self,
        id: FrameId,
        operand: &Operand<T>,
        input: &Document,
        convert: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match operand {
            Operand::Literal(value) => Ok(Some(value.clone())),
            Operand::Path(path) => self.operand(id, path, input).map(convert),
        }
    }
}

fn both<T>(
    left: Option<T>,
    right: Option<T>,
    order: Order,
    compare: impl FnOnce(T, T) -> Option<Ordering>,
) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return false;
    };
    let Some(found) = compare(left, right) else {
        return false;
    };
    match order {
        Order::Equals => found.is_eq(),
        Order::LessThan => found.is_lt(),
        Order::GreaterThan => found.is_gt(),
        Order::LessThanEquals => found.is_le(),
        Order::GreaterThanEquals => found.is_ge(),
    }
}

/// Texts compare as Java's do, by UTF-16 code unit.
fn compare_code_units(left: &str, right: &str) -> Option<Ordering> {
    Some(left.encode_utf16().cmp(right.encode_utf16()))
}

fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64().partial_cmp(&right.as_f64()),
    }
}

/// Whether the text is the parts in order, with anything where they meet.
fn matches_parts(text: &str, parts: &[Arc<str>]) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    let Some((last, middle)) = rest.split_last() else {
        return text == &**first;
    };
    let Some(mut remainder) = text.strip_prefix(&**first) else {
        return false;
    };
    for part in middle {
        match remainder.find(&**part) {
            Some(at) => remainder = &remainder[at + part.len()..],
            None => return false,
        }
    }
    remainder.ends_with(&**last)
}

//! Counts what an evaluation uses, and stops it where a limit is reached.

use crate::error::{Failure, FailureFacts};
use crate::limits::Limits;
use crate::stack::StackMark;

/// How deep data may be nested: as deep as the JSON parser reads.
const DATA_DEPTH_MAX: u32 = json::DEPTH_MAX as u32;
/// What one step may go through: so many bytes or items of plain data.
const BYTES_PER_STEP: usize = 64;
const ITEMS_PER_STEP: usize = 4;

/// What is left of the limits.
pub(crate) struct Meter<'e> {
    pub(crate) limits: &'e Limits,
    steps: u64,
    bytes: u64,
    depth: u32,
    stack: StackMark,
}

impl<'e> Meter<'e> {
    /// Nothing used yet.
    pub(crate) fn new(limits: &'e Limits) -> Self {
        Meter {
            limits,
            steps: limits.steps_max,
            bytes: limits.allocated_bytes_max,
            depth: 0,
            stack: StackMark::here(),
        }
    }

    /// What was done so far.
    pub(crate) fn steps_used(&self) -> u64 {
        self.limits.steps_max - self.steps
    }

    /// One node more, one level deeper; [`Meter::leave`] comes after it.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), Failure> {
        self.depth += 1;
        if self.steps == 0 {
            return Err(out_of_steps());
        }
        self.steps -= 1;
        if self.depth > self.limits.depth_max
            || self.stack.bytes_since() > self.limits.stack_bytes_max
        {
            return Err(FailureFacts::new("U1001"));
        }
        Ok(())
    }

    /// One level up.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// So much work.
    #[inline]
    pub(crate) fn work(&mut self, steps: usize) -> Result<(), Failure> {
        match self.steps.checked_sub(steps as u64) {
            Some(rest) => {
                self.steps = rest;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(out_of_steps())
            }
        }
    }

    /// Whether so much work could still be done.
    pub(crate) fn can_work(&self, steps: u64) -> Result<(), Failure> {
        if steps > self.steps { Err(out_of_steps()) } else { Ok(()) }
    }

    /// Goes through so many bytes of text.
    pub(crate) fn read(&mut self, bytes: usize) -> Result<(), Failure> {
        self.work(bytes / BYTES_PER_STEP + 1)
    }

    /// Makes an array of so many items.
    #[inline]
    pub(crate) fn items(&mut self, count: usize) -> Result<(), Failure> {
        self.more_items(count, count)
    }

    /// Adds items to an array, which then has so many.
    #[inline]
    pub(crate) fn more_items(&mut self, added: usize, count: usize) -> Result<(), Failure> {
        if count > self.limits.sequence_items_max {
            return Err(too_many(self.limits.sequence_items_max, count));
        }
        self.work(added / ITEMS_PER_STEP)?;
        self.allocate(added * size_of::<crate::value::Value>())
    }

    /// Makes a text of so many bytes.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), Failure> {
        self.can_make_text(bytes)?;
        self.read(bytes)?;
        self.allocate(bytes)
    }

    /// Whether so many bytes of text could be made.
    pub(crate) fn can_make_text(&self, bytes: usize) -> Result<(), Failure> {
        if bytes > self.limits.value_bytes_max {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// The error for a value that is longer than allowed.
    pub(crate) fn too_long(&self) -> Failure {
        let bytes_max = self.limits.value_bytes_max;
        FailureFacts::with_message(
            "D2015",
            format!("A value must not be longer than {bytes_max} bytes."),
        )
    }

    /// Allocates so many bytes.
    #[inline]
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<(), Failure> {
        match self.bytes.checked_sub(bytes as u64) {
            Some(rest) => {
                self.bytes = rest;
                Ok(())
            }
            None => Err(FailureFacts::with_message(
                "U1001",
                "The evaluation needs more memory than it may use",
            )),
        }
    }

    /// Refuses data that is nested so deeply.
    pub(crate) fn nested(&self, depth: u32) -> Result<(), Failure> {
        if depth > DATA_DEPTH_MAX || self.stack.bytes_since() > self.limits.stack_bytes_max {
            return Err(FailureFacts::with_message("U1001", "The value is nested too deeply"));
        }
        Ok(())
    }
}

fn out_of_steps() -> Failure {
    FailureFacts::with_message("U1001", "Expression evaluation timeout: Check for infinite loop")
}

fn too_many(items_max: usize, count: usize) -> Failure {
    FailureFacts::with_message(
        "D2015",
        format!("An array must not have more than {items_max} items; attempted {count}."),
    )
}

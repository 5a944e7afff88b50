//! Why an execution failed, as far as its own history tells.

use crate::fold::Story;
use crate::step::{Status, StepIndex};

/// What ended an execution otherwise than well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failing {
    /// The innermost step that failed; none where the execution was stopped, or timed out.
    pub step: Option<StepIndex>,
    /// Its state and those around it, from the outside in; see [`Story::path`].
    pub path: Vec<String>,
    /// Which attempt failed it, from 1; 0 where it was none.
    pub attempt: usize,
    /// How many attempts before it failed by the same error, one after the other.
    pub repeated: usize,
    /// The name of the error.
    pub error: Option<String>,
    /// Its cause.
    pub cause: Option<String>,
    /// The event that tells it.
    pub event: u64,
    /// The execution that the attempt had started.
    pub child: Option<String>,
    /// The Map Run that failed.
    pub map_run: Option<String>,
    /// The paths of what was cut off, where the execution was stopped or ran out of its time.
    pub cut: Vec<Vec<String>>,
}

impl Story {
    /// What ended the execution; none where it succeeded, or goes on.
    pub fn failure(&self) -> Option<Failing> {
        if !self.status.is_bad() {
            return None;
        }
        let Some(outer) = self.ended_by else {
            let cut = self.resumed().into_iter().map(|step| self.path(step)).collect();
            let (error, cause) = (self.error.clone(), self.cause.clone());
            return Some(Failing {
                error,
                cause,
                event: self.last_event,
                cut,
                ..Failing::default()
            });
        };
        let inner = |step: &StepIndex| self.step(*step).failed_by;
        let index = std::iter::successors(Some(outer), inner).last().unwrap_or(outer);
        Some(self.failing(index))
    }

    fn failing(&self, index: StepIndex) -> Failing {
        let step = self.step(index);
        let mut failing =
            Failing { step: Some(index), path: self.path(index), ..Failing::default() };
        let attempt = step.attempts.last().filter(|it| it.error.is_some() || it.cause.is_some());
        if let Some(attempt) = attempt {
            let before = step.attempts.iter().rev().skip(1);
            failing.repeated = before.take_while(|it| it.error == attempt.error).count();
            failing.attempt = step.attempts.len();
            (failing.error, failing.cause) = (attempt.error.clone(), attempt.cause.clone());
            failing.event = attempt.ended;
            failing.child.clone_from(&attempt.child);
        } else if step.error.is_some() {
            (failing.error, failing.cause) = (step.error.clone(), step.cause.clone());
            failing.event = step.ended;
        } else {
            // Of a Fail state and of a Choice state, the end of the execution alone tells.
            (failing.error, failing.cause) = (self.error.clone(), self.cause.clone());
            failing.event = step.ended;
        }
        failing.map_run = step.map_run.clone().filter(|_| step.status != Status::Succeeded);
        failing
    }
}

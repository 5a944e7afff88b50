//! Mocked responses: what the tasks of an execution get instead of calling anything.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html>.
//!
//! Promises: which response an attempt gets follows from the records alone, so that it is the same
//! after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use json::Document;

use crate::Failure;

/// The test case that an execution runs under.
#[derive(Clone, Debug, PartialEq)]
pub struct Mocks {
    /// Its name.
    pub test_case: Arc<str>,
    /// What the attempts of each mocked state get. States that are not named call what they call.
    pub states: BTreeMap<Arc<str>, Vec<MockedResponse>>,
}

/// What some attempts of a state get.
#[derive(Clone, Debug, PartialEq)]
pub struct MockedResponse {
    /// The number of the first attempt that gets it, counted from 0 over the whole execution.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// What they get.
    pub outcome: MockedOutcome,
}

/// What an attempt gets.
#[derive(Clone, Debug, PartialEq)]
pub enum MockedOutcome {
    /// `Return`: the result.
    Return(Document),
    /// `Throw`: the failure.
    Throw(Failure),
}

/// The test case of an execution, and how far it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct MockedExecution {
    /// The test case.
    pub mocks: Mocks,
    /// How many attempts of each mocked state there were.
    pub attempts: BTreeMap<Arc<str>, u64>,
}

impl MockedExecution {
    /// A test case that is not used yet.
    pub fn new(mocks: Mocks) -> MockedExecution {
        MockedExecution { mocks, attempts: BTreeMap::new() }
    }

    /// What the next attempt of a state gets; none where the state is not mocked.
    ///
    /// # Errors
    /// What is wrong, where it is mocked, and not for that attempt.
    pub(crate) fn next(&self, state: &str) -> Option<Result<MockedOutcome, String>> {
        let responses = self.mocks.states.get(state)?;
        let attempt = self.attempts.get(state).copied().unwrap_or_default();
        let found = responses.iter().find(|it| (it.first..=it.last).contains(&attempt));
        Some(found.map(|response| response.outcome.clone()).ok_or_else(|| {
            let test_case = &self.mocks.test_case;
            format!(
                "The test case '{test_case}' has no mocked response number {attempt} for the state \
                 '{state}'"
            )
        }))
    }
}

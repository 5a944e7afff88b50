//! The mock configuration file of Step Functions Local: test cases, and what tasks get in them.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html>.
//!
//! Promises: the file is checked whole before a test case of it is used, and read anew for each
//! start; what an execution got of it stays with the execution.
//!
//! Does not: decide which attempt gets what (that is `engine`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use asl::{Program, StateKind};
use engine::{Failure, MockedOutcome, MockedResponse, Mocks};
use json::{Document, Object, Value};

/// Why a test case cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MockError {
    /// No file is configured.
    #[error(
        "The test case '{0}' cannot be run: there is no mock configuration file. Name one by \
         --mock-config or SFN_MOCK_CONFIG"
    )]
    NoFile(String),
    /// The file cannot be read, or is not what it must be.
    #[error("The mock configuration file {path} {reason}")]
    File {
        /// Its path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The test case names a state that cannot be mocked.
    #[error(
        "The test case '{test_case}' mocks the state '{state}', which is no Task state of the \
         state machine"
    )]
    NoTask {
        /// The test case.
        test_case: Arc<str>,
        /// The state.
        state: Arc<str>,
    },
}

/// Reads a test case of a state machine.
pub(crate) async fn read(
    path: Option<&Path>,
    machine_name: &str,
    test_case: &str,
) -> Result<Mocks, MockError> {
    let path = path.ok_or_else(|| MockError::NoFile(test_case.to_owned()))?;
    let wrong = |reason: String| MockError::File { path: path.display().to_string(), reason };
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
    let read = read.map_err(std::io::Error::other).flatten();
    let bytes = read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8".to_owned()))?;
    find(&text, machine_name, test_case).map_err(wrong)
}

/// That every state which is mocked is a Task state.
pub(crate) fn check(mocks: &Mocks, program: &Program) -> Result<(), MockError> {
    let is_task = |name: &Arc<str>| {
        let is_so = |state: &asl::State| {
            state.name == *name && matches!(state.kind, StateKind::Task { .. })
        };
        program.states.iter().any(is_so)
    };
    match mocks.states.keys().find(|name| !is_task(name)) {
        None => Ok(()),
        Some(state) => {
            Err(MockError::NoTask { test_case: mocks.test_case.clone(), state: state.clone() })
        }
    }
}

type Responses = BTreeMap<Arc<str>, Vec<MockedResponse>>;

fn find(text: &str, machine_name: &str, test_case: &str) -> Result<Mocks, String> {
    let value = json::parse(text).map_err(|error| format!("is not JSON: {error}"))?;
    if let Some((duplicate, _)) = json::duplicate_keys(text).next() {
        return Err(format!("is wrong at {duplicate}: this name is there twice"));
    }
    let file = Place { value: &value, path: String::new() };
    file.members_are(&["StateMachines", "MockedResponses"])?;
    let responses: Responses = file
        .required("MockedResponses")?
        .members()?
        .into_iter()
        .map(|(name, place)| Ok((name.clone(), response_list(&place)?)))
        .collect::<Result<_, String>>()?;
    let mut found = None;
    for (machine, place) in file.required("StateMachines")?.members()? {
        place.members_are(&["TestCases"])?;
        for (name, place) in place.required("TestCases")?.members()? {
            let states = mocked_states(&place, &responses)?;
            if **machine == *machine_name && **name == *test_case {
                found = Some(Mocks { test_case: name.clone(), states });
            }
        }
    }
    found.ok_or_else(|| {
        format!("has no test case '{test_case}' for the state machine '{machine_name}'")
    })
}

fn mocked_states(test_case: &Place<'_>, responses: &Responses) -> Result<Responses, String> {
    let mut states = BTreeMap::new();
    for (state, place) in test_case.members()? {
        let name = place.text()?;
        let found = responses
            .get(name)
            .ok_or_else(|| place.wrong(&format!("there is no '{name}' in MockedResponses")))?;
        states.insert(state.clone(), found.clone());
    }
    Ok(states)
}

fn response_list(place: &Place<'_>) -> Result<Vec<MockedResponse>, String> {
    let mut responses: Vec<MockedResponse> = Vec::new();
    for (range, place) in place.members()? {
        let (first, last) = numbers(range).ok_or_else(|| {
            place.wrong("is neither a number, such as \"0\", nor a range, such as \"1-3\"")
        })?;
        if responses.iter().any(|other| first <= other.last && other.first <= last) {
            return Err(place.wrong("overlaps with another one"));
        }
        responses.push(MockedResponse { first, last, outcome: outcome(&place)? });
    }
    if responses.is_empty() {
        return Err(place.wrong("has no response"));
    }
    Ok(responses)
}

/// `3`, or `1-3`.
fn numbers(range: &str) -> Option<(u64, u64)> {
    let number = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse().ok()).flatten()
    };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

fn outcome(place: &Place<'_>) -> Result<MockedOutcome, String> {
    place.members_are(&["Return", "Throw"])?;
    match (place.member("Return"), place.member("Throw")) {
        (Some(result), None) => Ok(MockedOutcome::Return(Document::from(result.value.clone()))),
        (None, Some(thrown)) => {
            thrown.members_are(&["Error", "Cause"])?;
            let error = thrown.required("Error")?.text()?.clone();
            let cause = thrown.member("Cause").map(|cause| cause.text().cloned()).transpose()?;
            Ok(MockedOutcome::Throw(Failure { error: Some(error), cause }))
        }
        _ => Err(place.wrong("must have either Return or Throw")),
    }
}

/// A value of the file, and where it is.
struct Place<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Place<'a> {
    fn wrong(&self, reason: &str) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        format!("is wrong at {path}: {reason}")
    }

    fn object(&self) -> Result<&'a Object, String> {
        self.value.as_object().ok_or_else(|| self.wrong("must be an object"))
    }

    fn text(&self) -> Result<&'a Arc<str>, String> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong("must be a text")),
        }
    }

    fn at(&self, name: &str, value: &'a Value) -> Place<'a> {
        Place { value, path: format!("{}/{name}", self.path) }
    }

    fn member(&self, name: &str) -> Option<Place<'a>> {
        Some(self.at(name, self.value.as_object()?.get(name)?))
    }

    fn required(&self, name: &str) -> Result<Place<'a>, String> {
        self.object()?;
        self.member(name).ok_or_else(|| self.wrong(&format!("{name} is missing")))
    }

    fn members(&self) -> Result<Vec<(&'a Arc<str>, Place<'a>)>, String> {
        let members = self.object()?.iter();
        Ok(members.map(|(name, value)| (name, self.at(name, value))).collect())
    }

    fn members_are(&self, known: &[&str]) -> Result<(), String> {
        match self.object()?.iter().find(|(name, _)| !known.contains(&&***name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(self.wrong(&format!("{name} is not known; known: {}", known.join(", "))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = r#""StateMachines":{"M":{"TestCases":{"T":{"S":"R"}}}}"#;

    fn check(text: &str, expected: &str) {
        let found = match find(text, "M", "T") {
            Ok(mocks) => format!("{:?}", mocks.states["S"]),
            Err(reason) => reason,
        };
        assert_eq!(found, expected, "{text}");
    }

    fn check_response(response: &str, expected: &str) {
        check(&format!(r#"{{{CASES},"MockedResponses":{{"R":{response}}}}}"#), expected);
    }

    #[test]
    fn responses_are_returned_or_thrown_by_number() {
        let mocks = find(
            &format!(
                r#"{{{CASES},"MockedResponses":{{"R":{{
                    "0":{{"Throw":{{"Error":"E","Cause":"C"}}}},
                    "1-2":{{"Throw":{{"Error":"E"}}}},
                    "3":{{"Return":null}}}}}}}}"#
            ),
            "M",
            "T",
        );
        let mocks = mocks.expect("it is right");
        let response = |first, last, outcome| MockedResponse { first, last, outcome };
        let null = MockedOutcome::Return(Document::from_trusted_text("null"));
        let expected = vec![
            response(0, 0, MockedOutcome::Throw(Failure::new("E", "C"))),
            response(1, 2, MockedOutcome::Throw(Failure::named("E"))),
            response(3, 3, null),
        ];
        assert_eq!(mocks.states["S"], expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check(
            "nil",
            "is not JSON: Unrecognized token 'nil': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
        );
        check("[]", "is wrong at /: must be an object");
        check(&format!("{{{CASES}}}"), "is wrong at /: MockedResponses is missing");
        check(
            r#"{"Mocks":{}}"#,
            "is wrong at /: Mocks is not known; known: StateMachines, MockedResponses",
        );
        check(
            &format!(r#"{{{CASES},"MockedResponses":{{}}}}"#),
            "is wrong at /StateMachines/M/TestCases/T/S: there is no 'R' in MockedResponses",
        );
        check(
            r#"{"StateMachines":{},"MockedResponses":{}}"#,
            "has no test case 'T' for the state machine 'M'",
        );
        check_response("{}", "is wrong at /MockedResponses/R: has no response");
        for range in ["x", "-1", "1-", "3-1", "1-2-3", "+1", ""] {
            let reason = "is neither a number, such as \"0\", nor a range, such as \"1-3\"";
            check_response(
                &format!(r#"{{"{range}":{{"Return":1}}}}"#),
                &format!("is wrong at /MockedResponses/R/{range}: {reason}"),
            );
        }
        check_response(
            r#"{"0-2":{"Return":1},"2":{"Return":1}}"#,
            "is wrong at /MockedResponses/R/2: overlaps with another one",
        );
        check_response(
            r#"{"0":{"Return":1,"Throw":{"Error":"E"}}}"#,
            "is wrong at /MockedResponses/R/0: must have either Return or Throw",
        );
        check_response(
            r#"{"0":{"Throw":{"Cause":"C"}}}"#,
            "is wrong at /MockedResponses/R/0/Throw: Error is missing",
        );
        check_response(
            r#"{"0":{"Throw":{"Error":7}}}"#,
            "is wrong at /MockedResponses/R/0/Throw/Error: must be a text",
        );
    }
}

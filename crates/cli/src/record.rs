//! `stairwell record`: a test case of a mock configuration file, out of what the tasks of an
//! execution got. It reads the history through the API, so that the server may be any.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html>.

mod attempts;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use json::{Object, Value};

use crate::arguments::RecordArguments;
use crate::sfn_client::SfnClient;
use crate::{print, threads};
use attempts::{Outcome, Recording};

/// Writes the test case, and tells on standard error what cannot be in it.
pub(crate) fn record(arguments: &RecordArguments) -> anyhow::Result<ExitCode> {
    let Some((machine, region)) = names_in(&arguments.execution_arn) else {
        bail!("'{}' is not the ARN of a Standard execution", arguments.execution_arn);
    };
    let before = match &arguments.output {
        Some(path) if path.exists() => Some(read(path)?),
        _ => None,
    };
    let api = SfnClient::new(arguments.endpoint.as_deref(), region)?;
    let recording = threads::block_on(recording(&api, &arguments.execution_arn))??;
    for doubt in &recording.doubts {
        eprintln!("stairwell: warning: {doubt}");
    }
    if recording.states.is_empty() {
        bail!("no task of the execution got anything: there is nothing to record");
    }
    let file = with_case(before, machine, &arguments.test_case, &recording)?;
    let text = file.to_pretty_string();
    match &arguments.output {
        None => print::line(text)?,
        Some(path) => fs::write(path, text + "\n")
            .with_context(|| format!("{} cannot be written", path.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The state machine and the region in `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`.
fn names_in(execution_arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = execution_arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "states", region, _, "execution", machine, _name] if !machine.contains('/') => {
            Some((machine, region))
        }
        _ => None,
    }
}

/// Reads what the tasks of an execution got.
async fn recording(api: &SfnClient<'_>, execution_arn: &str) -> anyhow::Result<Recording> {
    let mut parameters = Object::new();
    parameters.insert("ExecutionArn", execution_arn);
    let described = api.call("describeExecution", parameters).await?;
    if described.get("Status").and_then(Value::as_str) == Some("RUNNING") {
        bail!("the execution has not ended yet");
    }
    if described.get("RedriveCount").and_then(Value::as_i64).unwrap_or_default() > 0 {
        bail!("the execution was redriven: a test case runs from the start to one end");
    }
    Ok(attempts::read(&api.history(execution_arn).await?))
}

/// A file that is there already, and gets one more test case.
fn read(path: &Path) -> anyhow::Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    json::parse(&text).map_err(|error| {
        anyhow::anyhow!("{} is no mock configuration file: {}", path.display(), error.message)
    })
}

/// The file, with the test case.
///
/// # Errors
/// Where it is not what such a file is, or has a test case or a response of that name already.
fn with_case(
    before: Option<Value>,
    machine: &str,
    test_case: &str,
    recording: &Recording,
) -> anyhow::Result<Value> {
    let mut file = members(before.as_ref())?;
    let known = ["StateMachines", "MockedResponses"];
    if let Some((name, _)) = file.iter().find(|(name, _)| !known.contains(&&***name)) {
        bail!("the file is no mock configuration file: it has a member '{name}'");
    }
    let mut machines = members(file.get("StateMachines"))?;
    let mut responses = members(file.get("MockedResponses"))?;
    let mut of_machine = members(machines.get(machine))?;
    let mut cases = members(of_machine.get("TestCases"))?;
    if cases.get(test_case).is_some() {
        bail!("the file has a test case '{test_case}' of '{machine}' already");
    }
    let mut states = Object::new();
    for (state, outcomes) in &recording.states {
        let name = format!("{machine}.{test_case}.{state}");
        if responses.get(&name).is_some() {
            bail!("the file has a response '{name}' already");
        }
        responses.insert(name.as_str(), numbered(outcomes));
        states.insert(state.as_str(), name);
    }
    cases.insert(test_case, states);
    of_machine.insert("TestCases", cases);
    machines.insert(machine, of_machine);
    file.insert("StateMachines", machines);
    file.insert("MockedResponses", responses);
    Ok(file.into())
}

/// The members of what must be an object where it is there.
fn members(value: Option<&Value>) -> anyhow::Result<Object> {
    match value {
        None => Ok(Object::new()),
        Some(Value::Object(members)) => Ok(Object::clone(members)),
        Some(_) => bail!("the file is no mock configuration file: not all in it are objects"),
    }
}

/// The responses by their numbers, equal ones that follow each other together: `"0"`, `"1-2"`.
fn numbered(outcomes: &[Outcome]) -> Object {
    let mut responses = Object::new();
    let mut first = 0;
    for same in outcomes.chunk_by(|one, other| one == other) {
        let last = first + same.len() - 1;
        let numbers = if first == last { first.to_string() } else { format!("{first}-{last}") };
        responses.insert(numbers, response(&same[0]));
        first = last + 1;
    }
    responses
}

fn response(outcome: &Outcome) -> Object {
    let mut response = Object::new();
    match outcome {
        Outcome::Returned(value) => response.insert("Return", value.clone()),
        Outcome::Thrown { error, cause } => {
            let mut thrown = Object::new();
            // The format wants a name; what has none is caught by this one at least.
            thrown.insert("Error", error.as_deref().unwrap_or("States.TaskFailed"));
            if let Some(cause) = cause {
                thrown.insert("Cause", cause.as_str());
            }
            response.insert("Throw", thrown);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_standard_executions_are_recorded() {
        let of = |kind: &str| format!("arn:aws:states:eu-west-1:111111111111:{kind}");
        let execution = of("execution:m:e");
        assert_eq!(names_in(&execution), Some(("m", "eu-west-1")));
        for other in ["express:m:e:x", "stateMachine:m", "execution:m/label:e", "execution:m"] {
            assert_eq!(names_in(&of(other)), None, "{other}");
        }
        assert_eq!(names_in("e"), None);
    }

    #[test]
    fn a_file_gets_one_more_test_case_and_none_twice() {
        let thrown = || Outcome::Thrown { error: None, cause: Some("c".to_owned()) };
        let outcomes = vec![thrown(), thrown(), Outcome::Returned(Value::from(1))];
        let mut recording = Recording::default();
        recording.states.insert("S".to_owned(), outcomes);
        let first = with_case(None, "m", "One", &recording).expect("the file is empty");
        let expected = concat!(
            r#"{"StateMachines":{"m":{"TestCases":{"One":{"S":"m.One.S"}}}},"#,
            r#""MockedResponses":{"m.One.S":{"0-1":{"Throw":{"Error":"States.TaskFailed","#,
            r#""Cause":"c"}},"2":{"Return":1}}}}"#
        );
        assert_eq!(first.to_text(), expected);
        let twice = with_case(Some(first.clone()), "m", "One", &recording);
        assert!(twice.is_err_and(|error| error.to_string().contains("already")));
        for other in ["[1]", r#"{"name":"stairwell"}"#, r#"{"MockedResponses":{"m.One.S":{}}}"#] {
            let other = json::parse(other).expect("the test says JSON");
            let refused = with_case(Some(other.clone()), "m", "One", &recording);
            assert!(refused.is_err(), "{other}");
        }
        let both = with_case(Some(first), "m", "Two", &recording).expect("it has no such case");
        assert!(both.to_text().contains(r#"{"One":{"S":"m.One.S"},"Two":{"S":"m.Two.S"}}"#));
    }
}

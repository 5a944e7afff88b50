//! What the tasks of an execution got, out of its history.
//!
//! A test case counts the attempts of a state over the whole execution, in the order in which they
//! are made when it is run. Mocked tasks take no time, so that this may be another order than that
//! of the recording, where iterations of a Map overtook each other. Attempts are therefore put in
//! the order of the time that they would have come at without the time of tasks, and of their
//! iterations where that is the same.

use std::collections::{BTreeMap, HashMap};

use json::{Object, Value};

/// What an attempt got.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The `Return` of a mocked response.
    Returned(Value),
    /// Its `Throw`.
    Thrown { error: Option<String>, cause: Option<String> },
}

/// What the attempts of each state got, in order, and what cannot be recorded.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) states: BTreeMap<String, Vec<Outcome>>,
    pub(super) doubts: Vec<String>,
}

/// An attempt, and when it would come.
struct Attempt {
    state: String,
    milliseconds: i64,
    iterations: Vec<i64>,
    is_function: bool,
    outcome: Option<Outcome>,
}

/// A thread of control after an event.
#[derive(Clone, Default)]
struct Thread {
    /// The state that it is in.
    state: String,
    /// When, without the time of tasks.
    milliseconds: i64,
    /// The Map and Parallel states around it: the event that started each, and the iteration.
    regions: Vec<(i64, i64)>,
    /// The attempt that it waits for.
    attempt: Option<usize>,
    has_failed: bool,
}

/// Reads the events of a history, in their order.
pub(super) fn read(events: &[Value]) -> Recording {
    let mut reader = Reader::default();
    events.iter().for_each(|event| reader.take(event));
    let mut recording = Recording { states: BTreeMap::new(), doubts: reader.doubts };
    let mut attempts = reader.attempts;
    attempts.sort_by(|one, other| {
        (one.milliseconds, &one.iterations).cmp(&(other.milliseconds, &other.iterations))
    });
    for Attempt { state, outcome, .. } in attempts {
        match outcome {
            Some(outcome) => recording.states.entry(state).or_default().push(outcome),
            None => recording.doubts.push(format!(
                "an attempt of the state '{state}' had no outcome: the execution ended before"
            )),
        }
    }
    recording
}

#[derive(Default)]
struct Reader {
    attempts: Vec<Attempt>,
    doubts: Vec<String>,
    threads: HashMap<i64, Thread>,
    /// The last moment in each Map and Parallel state, by the event that started it.
    last: HashMap<i64, i64>,
    times: HashMap<i64, i64>,
}

impl Reader {
    fn take(&mut self, event: &Value) {
        let number = |name: &str| event.get(name).and_then(Value::as_i64).unwrap_or_default();
        let (id, previous) = (number("Id"), number("PreviousEventId"));
        let kind = event.get("Type").and_then(Value::as_str).unwrap_or_default();
        let details = event.get(&format!("{kind}EventDetails"));
        let mut thread = self.threads.get(&previous).cloned().unwrap_or_default();
        let now = milliseconds(event);
        let took = now - self.times.get(&previous).copied().unwrap_or(now);
        self.times.insert(id, now);
        if kind == "WaitStateExited" || (thread.has_failed && kind.ends_with("Scheduled")) {
            thread.milliseconds += took;
        }
        thread.has_failed = false;
        match kind {
            _ if kind.ends_with("StateEntered") => {
                thread.state = text(event.get("StateEnteredEventDetails"), "Name");
            }
            "MapStateStarted" | "ParallelStateStarted" => thread.regions.push((id, 0)),
            "MapIterationStarted" => {
                let index = details.and_then(|it| it.get("Index")).and_then(Value::as_i64);
                if let Some((_, iteration)) = thread.regions.last_mut() {
                    *iteration = index.unwrap_or_default();
                }
            }
            "MapRunStarted" => self.doubts.push(format!(
                "the Map state '{}' is a distributed one: what the tasks of its child executions \
                 got is not in this history",
                thread.state
            )),
            _ if is_join(kind) => {
                if let Some((region, _)) = thread.regions.pop() {
                    let last = self.last.get(&region).copied().unwrap_or_default();
                    thread.milliseconds = thread.milliseconds.max(last);
                }
            }
            _ => self.take_attempt(kind, details, &mut thread),
        }
        for (region, _) in &thread.regions {
            let last = self.last.entry(*region).or_default();
            *last = thread.milliseconds.max(*last);
        }
        self.threads.insert(id, thread);
    }

    fn take_attempt(&mut self, kind: &str, details: Option<&Value>, thread: &mut Thread) {
        let families = ["Task", "LambdaFunction", "Activity"];
        let found = families.iter().find_map(|it| Some((*it, kind.strip_prefix(it)?)));
        let Some((family, what)) = found else { return };
        let outcome = match what {
            "Scheduled" => {
                thread.attempt = Some(self.attempts.len());
                self.attempts.push(Attempt {
                    state: thread.state.clone(),
                    milliseconds: thread.milliseconds,
                    iterations: thread.regions.iter().map(|(_, iteration)| *iteration).collect(),
                    is_function: family == "LambdaFunction",
                    outcome: None,
                });
                return;
            }
            "Succeeded" => Outcome::Returned(parsed(details)),
            "Failed" | "TimedOut" | "SubmitFailed" | "StartFailed" | "ScheduleFailed" => {
                thread.has_failed = true;
                let member = |name| details.and_then(|it| it.get(name)).and_then(Value::as_str);
                let own = |text: &str| text.to_owned();
                Outcome::Thrown { error: member("Error").map(own), cause: member("Cause").map(own) }
            }
            // A state that left or was aborted, or a task that goes on.
            _ => return,
        };
        let attempt = thread.attempt.take().and_then(|index| self.attempts.get_mut(index));
        let Some(attempt) = attempt else { return };
        if what != "Succeeded" && what != "Failed" {
            self.doubts.push(format!(
                "an attempt of the state '{}' ended with {kind}: when replayed, it fails with the \
                 same error and {family}Failed",
                attempt.state
            ));
        }
        attempt.outcome = Some(match outcome {
            // What Invoke answers, of which the state gets the payload.
            Outcome::Returned(payload) if attempt.is_function => {
                let mut response = Object::new();
                response.insert("StatusCode", 200);
                response.insert("Payload", payload);
                Outcome::Returned(response.into())
            }
            outcome => outcome,
        });
    }
}

/// Whether the event is the end of a Map or Parallel state.
fn is_join(kind: &str) -> bool {
    let end = ["MapState", "ParallelState"].iter().find_map(|state| kind.strip_prefix(state));
    matches!(end, Some("Succeeded" | "Failed" | "Aborted"))
}

fn parsed(details: Option<&Value>) -> Value {
    let output = text(details, "Output");
    json::parse(&output).unwrap_or(Value::Null)
}

fn text(details: Option<&Value>, name: &str) -> String {
    let text = details.and_then(|details| details.get(name)).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn milliseconds(event: &Value) -> i64 {
    let text = event.get("Timestamp").and_then(Value::as_str).unwrap_or_default();
    text.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events as `ID<PREVIOUS SECOND TYPE DETAILS`.
    fn check(events: &[&str], expected: &[(&str, &[&str])], doubts: usize) {
        let event = |line: &&str| {
            let mut parts = line.splitn(4, ' ');
            let mut part = || parts.next().unwrap_or("{}");
            let (ids, second, kind, details) = (part(), part(), part(), part());
            let (id, previous) = ids.split_once('<').expect("the test says ID<PREVIOUS");
            let group = if kind.ends_with("StateEntered") { "StateEntered" } else { kind };
            let text = format!(
                r#"{{"Id":{id},"PreviousEventId":{previous},"Type":"{kind}",
                    "Timestamp":"2026-01-01T00:00:{second:0>2}Z","{group}EventDetails":{details}}}"#
            );
            json::parse(&text).expect("the test says JSON")
        };
        let recording = read(&events.iter().map(event).collect::<Vec<_>>());
        let shown = |outcome: &Outcome| match outcome {
            Outcome::Returned(value) => value.to_text(),
            Outcome::Thrown { error, .. } => error.clone().unwrap_or_default(),
        };
        let found: Vec<(&str, Vec<String>)> = recording
            .states
            .iter()
            .map(|(state, outcomes)| (state.as_str(), outcomes.iter().map(shown).collect()))
            .collect();
        let expected: Vec<(&str, Vec<String>)> = expected
            .iter()
            .map(|(state, outcomes)| (*state, outcomes.iter().map(|it| (*it).to_owned()).collect()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(recording.doubts.len(), doubts, "{:?}", recording.doubts);
    }

    #[test]
    fn retries_are_attempts_and_functions_return_payloads() {
        check(
            &[
                "1<0 0 ExecutionStarted",
                r#"2<0 0 TaskStateEntered {"Name":"A"}"#,
                "3<2 0 LambdaFunctionScheduled",
                "4<3 0 LambdaFunctionStarted",
                r#"5<4 1 LambdaFunctionFailed {"Error":"E","Cause":"c"}"#,
                "6<5 2 LambdaFunctionScheduled",
                "7<6 2 LambdaFunctionStarted",
                r#"8<7 3 LambdaFunctionSucceeded {"Output":"1"}"#,
                r#"9<8 3 TaskStateExited {"Name":"A"}"#,
                r#"10<9 3 TaskStateEntered {"Name":"B"}"#,
                "11<10 3 ActivityScheduled",
                "12<11 4 ActivityStarted",
                r#"13<12 5 ActivityTimedOut {"Error":"States.Timeout"}"#,
                r#"14<13 5 TaskStateEntered {"Name":"C"}"#,
                "15<14 5 TaskScheduled",
                "16<0 6 ExecutionAborted",
            ],
            &[("A", &["E", r#"{"StatusCode":200,"Payload":1}"#]), ("B", &["States.Timeout"])],
            2,
        );
    }

    #[test]
    fn iterations_come_in_their_order_and_retries_after_them() {
        check(
            &[
                r#"1<0 0 MapStateEntered {"Name":"M"}"#,
                r#"2<1 0 MapStateStarted {"Length":2}"#,
                r#"3<2 0 MapIterationStarted {"Index":0}"#,
                r#"4<3 0 TaskStateEntered {"Name":"A"}"#,
                "5<4 0 TaskScheduled",
                r#"6<2 0 MapIterationStarted {"Index":1}"#,
                r#"7<6 0 TaskStateEntered {"Name":"A"}"#,
                "8<7 0 TaskScheduled",
                // The second overtakes the first.
                r#"9<8 1 TaskSucceeded {"Output":"11"}"#,
                r#"10<9 1 TaskStateEntered {"Name":"B"}"#,
                "11<10 1 TaskScheduled",
                r#"12<11 2 TaskSucceeded {"Output":"21"}"#,
                r#"13<5 3 TaskFailed {"Error":"E"}"#,
                "14<13 4 TaskScheduled",
                r#"15<14 5 TaskSucceeded {"Output":"10"}"#,
                r#"16<15 5 TaskStateEntered {"Name":"B"}"#,
                "17<16 5 TaskScheduled",
                r#"18<17 6 TaskSucceeded {"Output":"20"}"#,
            ],
            &[("A", &["E", "11", "10"]), ("B", &["21", "20"])],
            0,
        );
    }

    #[test]
    fn without_retries_iterations_do_not_overtake() {
        check(
            &[
                r#"2<0 0 MapStateStarted {"Length":2}"#,
                r#"3<2 0 MapIterationStarted {"Index":0}"#,
                r#"4<3 0 TaskStateEntered {"Name":"A"}"#,
                "5<4 0 TaskScheduled",
                r#"6<2 0 MapIterationStarted {"Index":1}"#,
                r#"7<6 0 TaskStateEntered {"Name":"A"}"#,
                "8<7 0 TaskScheduled",
                r#"9<8 1 TaskSucceeded {"Output":"11"}"#,
                r#"10<9 1 TaskStateEntered {"Name":"B"}"#,
                "11<10 1 TaskScheduled",
                r#"12<11 2 TaskSucceeded {"Output":"21"}"#,
                r#"13<5 3 TaskSucceeded {"Output":"10"}"#,
                r#"16<13 5 TaskStateEntered {"Name":"B"}"#,
                "17<16 5 TaskScheduled",
                r#"18<17 6 TaskSucceeded {"Output":"20"}"#,
            ],
            &[("A", &["10", "11"]), ("B", &["20", "21"])],
            0,
        );
    }
}

//! History events told in words, for people who look on.

use serde_json::Value;

/// Payloads are shown up to this many characters.
const PAYLOAD_CHARACTERS_MAX: usize = 100;

/// A line about an event of GetExecutionHistory: its number, its type, and what matters of its
/// details.
pub(crate) fn line(event: &Value) -> String {
    let id = event["id"].as_u64().unwrap_or_default();
    let event_type = event["type"].as_str().unwrap_or_default();
    format!("{id:>4}  {event_type:<24} {}", about(event)).trim_end().to_owned()
}

fn about(event: &Value) -> String {
    let Some(details) = details(event) else { return String::new() };
    let text = |name: &str| details[name].as_str();
    let mut words = Vec::new();
    if let Some(name) = text("name") {
        words.push(format!("'{name}'"));
    }
    if let Some(index) = details["index"].as_u64() {
        words.push(format!("item {index}"));
    }
    if let Some(length) = details["length"].as_u64() {
        words.push(format!("{length} items"));
    }
    match (text("resourceType"), text("resource")) {
        (Some(resource_type), Some(resource)) => words.push(format!("{resource_type}:{resource}")),
        (None, Some(resource)) => words.push(resource.to_owned()),
        (_, None) => {}
    }
    if let Some(worker) = text("workerName") {
        words.push(format!("by {worker}"));
    }
    if let Some(error) = text("error") {
        words.push(format!("error {error}"));
    }
    for (name, word) in
        [("cause", "because"), ("parameters", "with"), ("input", "gets"), ("output", "gives")]
    {
        if let Some(payload) = text(name) {
            words.push(format!("{word} {}", shortened(payload)));
        }
    }
    words.join(" ")
}

/// The member that bears the details, whatever the type of the event.
fn details(event: &Value) -> Option<&Value> {
    let members = event.as_object()?;
    members.iter().find(|(name, _)| name.ends_with("EventDetails")).map(|(_, value)| value)
}

/// The beginning of a text, in one line.
pub(crate) fn shortened(text: &str) -> String {
    let text = text.replace('\n', " ");
    match text.char_indices().nth(PAYLOAD_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, expected: &str) {
        let event = serde_json::from_str(event).expect("the test's event is JSON");
        assert_eq!(line(&event), expected);
    }

    #[test]
    fn events_are_told_by_what_matters_of_them() {
        check(
            r#"{"id":2,"type":"TaskStateEntered","stateEnteredEventDetails":{"name":"Pay","input":"{}"}}"#,
            "   2  TaskStateEntered         'Pay' gets {}",
        );
        check(
            r#"{"id":3,"type":"TaskStarted","taskStartedEventDetails":{"resourceType":"states","resource":"startExecution"}}"#,
            "   3  TaskStarted              states:startExecution",
        );
        check(
            r#"{"id":10,"type":"ExecutionFailed","executionFailedEventDetails":{"error":"E","cause":"why\nnot"}}"#,
            "  10  ExecutionFailed          error E because why not",
        );
        check(r#"{"id":7,"type":"MapStateSucceeded"}"#, "   7  MapStateSucceeded");
    }

    #[test]
    fn long_payloads_are_cut() {
        let text = "ü".repeat(101);
        assert_eq!(shortened(&text), format!("{}…", "ü".repeat(100)));
        assert_eq!(shortened(&text[..200]), "ü".repeat(100));
    }
}

//! Stories of any events, and queries of any text.

use ::story::{Chain, Event, Query, Story};
use json::Value;

/// Longer texts are passed over, since all is told anew after each event. Bytes.
const EVENTS_BYTES_MAX: usize = 16_384;
const NOW: i64 = 1_800_000_000_000;

/// Events in any order that point to any others give a story, which ends; the same event by event.
pub fn story(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > EVENTS_BYTES_MAX {
        return;
    }
    let Ok(value) = json::parse(text) else { return };
    let events: Vec<Event> =
        value.as_array().unwrap_or_default().iter().filter_map(Event::read).collect();
    let whole = Story::of(&events);
    let mut growing = Story::default();
    for event in &events {
        growing.take(event);
        told(&growing);
    }
    assert_eq!(growing, whole);
}

/// Everything that is told of a story.
fn told(story: &Story) {
    let columns = story.to_json(None);
    let steps = columns.get("steps").and_then(|steps| steps.get("state")).and_then(Value::as_array);
    assert_eq!(steps.map(<[Value]>::len), Some(story.steps().len()));
    for waiting in story.waiting() {
        assert!(!waiting.text(NOW).is_empty());
    }
    assert_eq!(story.failure().is_some(), story.redrive().is_some());
    let mut chain = Chain::new("arn", story);
    while let Some(chain) = chain.as_mut().filter(|chain| chain.next().is_some()) {
        chain.take(Ok(story));
    }
}

/// A query is read, or refused at a place in it.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Query::read(text, NOW) {
        Ok(query) => {
            for term in query.terms {
                let negated = ::story::Term { is_negated: !term.is_negated, ..term.clone() };
                for value in [None, Some("a*b"), Some("")] {
                    assert_ne!(term.holds_of_text(value), negated.holds_of_text(value));
                }
                assert_ne!(term.holds_of_number(Some(5)), negated.holds_of_number(Some(5)));
            }
        }
        Err(error) => assert!(text.is_char_boundary(error.offset), "{error:?}"),
    }
}

pub(crate) fn stories() -> Vec<Vec<u8>> {
    let histories = [
        include_str!("../../conformance/map/a_failed_iteration_cuts_the_others/history.json"),
        include_str!("../../conformance/parallel/retried/history.json"),
        include_str!("../../conformance/nested/sync_child_fails/history.json"),
    ];
    let events = histories.iter().filter_map(|text| {
        let value = json::parse(text).expect("it is JSON");
        Some(find(&value)?.to_text().into_bytes())
    });
    events.collect()
}

/// The first list of events in a golden case.
fn find(value: &Value) -> Option<&Value> {
    let events = value.get("events").filter(|events| events.as_array().is_some());
    let members = || value.as_object().into_iter().flat_map(|object| object.iter());
    let items = || value.as_array().unwrap_or_default().iter();
    events
        .or_else(|| members().find_map(|(_, value)| find(value)))
        .or_else(|| items().find_map(find))
}

pub(crate) fn queries() -> Vec<Vec<u8>> {
    let queries = [
        "status:FAILED|TIMED_OUT machine:order* error:\"a b\" input.order.id:>=4711 after:-2h ord",
        "-parent:none ended:2026-11-30T12:00 duration:>5m events:<=10 arn:aws:states",
    ];
    queries.iter().map(|query| query.as_bytes().to_vec()).collect()
}

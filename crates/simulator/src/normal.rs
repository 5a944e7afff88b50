//! Histories without what may differ between two runs of a world: instants, and names and tokens
//! that were drawn.

use engine::{HistoryEvent, Timestamp};

use crate::Outcome;

/// The histories of all executions, in an order that does not depend on their ids.
pub fn normal_histories(outcome: &Outcome) -> Vec<String> {
    let mut histories: Vec<String> = outcome
        .executions
        .iter()
        .map(|execution| {
            let machine = &execution.loaded.header.state_machine_arn;
            let events = execution.events.iter().map(normal_event);
            [machine.to_string()].into_iter().chain(events).collect::<Vec<_>>().join("\n")
        })
        .collect();
    histories.sort();
    histories
}

fn normal_event(event: &HistoryEvent) -> String {
    let event = HistoryEvent { timestamp: Timestamp(0), ..event.clone() };
    normal_text(&format!("{event:?}"))
}

/// The text without what may differ: instants in milliseconds (runs of 13 digits) and as
/// `2023-11-14T22:13:20.000Z`, UUIDs, and tokens (runs of 88 hexadecimal digits).
pub fn normal_text(text: &str) -> String {
    let text = without_dates(text);
    let mut normal = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() || character == '-' && !run.is_empty() {
            run.push(character);
            continue;
        }
        // What follows a drawn name after a dash is not part of it.
        let dash = if run.ends_with('-') { run.pop() } else { None };
        // What follows a UUID may be a dash and more.
        let (head, tail) = run.split_at(run.len().min(36));
        if head.matches('-').count() == 4 && head.len() == 36 {
            normal.push_str("<drawn>");
            normal.push_str(tail);
        } else {
            normal.push_str(match run.len() {
                13 if run.bytes().all(|byte| byte.is_ascii_digit()) => "<instant>",
                88 if !run.contains('-') => "<drawn>",
                _ => &run,
            });
        }
        normal.extend(dash);
        run.clear();
        normal.push(character);
    }
    normal.pop();
    normal
}

/// How instants are written out: with a fraction of a second where there is one.
const DATES: [&str; 4] = [
    "0000-00-00T00:00:00Z",
    "0000-00-00T00:00:00.0Z",
    "0000-00-00T00:00:00.00Z",
    "0000-00-00T00:00:00.000Z",
];

/// The text with a word for each instant that is written out.
fn without_dates(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(middle) = rest.find('T') {
        let from = middle.saturating_sub(10);
        let is_there = |shape: &&&str| {
            rest.get(from..from + shape.len()).is_some_and(|date| has_shape(date, shape))
        };
        match DATES.iter().find(is_there) {
            Some(shape) => {
                normal.push_str(&rest[..from]);
                normal.push_str("<instant>");
                rest = &rest[from + shape.len()..];
            }
            None => {
                normal.push_str(&rest[..=middle]);
                rest = &rest[middle + 1..];
            }
        }
    }
    normal + rest
}

/// Whether a text is like another one, with any digits for its zeros.
fn has_shape(text: &str, shape: &str) -> bool {
    let alike = |(byte, shape): (u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_drawn_is_taken_out() {
        let check = |text: &str, expected: &str| assert_eq!(normal_text(text), expected);
        check("at 1700000000123, n 42", "at <instant>, n 42");
        check("e:a:0f8fad5b-d9cb-469f-a165-70867728950e\"", "e:a:<drawn>\"");
        check("e:0f8fad5b-d9cb-469f-a165-70867728950e-S1", "e:<drawn>-S1");
        check(":0f8fad5b-d9cb-469f-a165-70867728950e-S3\"", ":<drawn>-S3\"");
        check(&"ab01".repeat(22), "<drawn>");
        check("at 2023-11-14T22:13:20.000Z, T", "at <instant>, T");
        check("2023-11-14T22:13:20Z", "<instant>");
        check("2023-11-14T22:13 T", "2023-11-14T22:13 T");
        check("machine-1 start-23", "machine-1 start-23");
        check(&"ab01".repeat(16), &"ab01".repeat(16));
    }
}

//! Where the two implementations may differ, and why.

use crate::run::Answer;

/// A rule: its reason, and whether it covers a difference.
pub(crate) struct Rule {
    /// Why the answers differ.
    pub(crate) reason: &'static str,
    covers: fn(&str, &Answer, &Answer) -> bool,
}

/// All rules.
pub(crate) const RULES: [Rule; 18] = [
    Rule {
        reason: "the reference implementation gives up: what it was asked takes too long",
        covers: |_, expected, actual| gave_up(expected) || gave_up(actual),
    },
    Rule {
        reason: "the reference implementation breaks: an error of JavaScript, not of JSONata",
        covers: |_, expected, _| matches!(expected, Answer::Broken(_)),
    },
    Rule {
        reason: "both fail: the reference implementation evaluates the parts of an array, and the \
                 groups of an object, side by side, so that a later error may come first",
        covers: |text, expected, actual| {
            let fail = [expected, actual].iter().all(|it| matches!(it, Answer::Error(_)));
            fail && (text.contains('{') || text.contains('[') && text.contains(','))
        },
    },
    Rule {
        reason: "the last digit of $power, which the mathematical libraries round apart",
        covers: |text, expected, actual| text.contains("$power") && are_near(expected, actual),
    },
    Rule {
        reason: "a time that JavaScript's dates do not hold: refused here, NaN there",
        covers: |text, _, actual| {
            text.contains("$fromMillis") && *actual == Answer::Error("D1001".to_owned())
        },
    },
    Rule {
        reason: "a day that no month has: refused here, NaN there",
        covers: |text, expected, actual| {
            let is_refused = *actual == Answer::Error("D3110".to_owned());
            text.contains("$toMillis") && is_refused && actual != expected
        },
    },
    Rule {
        reason: "a function as a condition: true there, false here, as the documentation and later \
                 versions of the reference implementation have it",
        covers: |text, _, _| {
            let mut places = text.match_indices("$sum");
            let is_value = places.any(|(at, name)| !text[at + name.len()..].starts_with('('));
            is_value || ["(function(", "(λ("].iter().any(|first| text.contains(first))
        },
    },
    Rule {
        reason: "the place of an item, bound to a variable, makes the reference implementation \
                 keep an array of one item",
        covers: |text, expected, actual| {
            text.contains("[]#$")
                && matches!((expected, actual), (Answer::Value(expected), Answer::Value(actual))
                    if *expected == format!("[{actual}]"))
        },
    },
    Rule {
        reason: "a character beyond U+FFFF is one here, and two for a regular expression there",
        covers: |text, _, _| text.contains('😀') && text.contains('/'),
    },
    Rule {
        reason: "a number that JavaScript writes with an exponent",
        covers: |text, expected, _| {
            let has_exponent = matches!(expected, Answer::Value(text) if text.contains('+'));
            text.contains("$formatNumber") && text.contains("1e21") && has_exponent
        },
    },
    Rule {
        reason: "`in` compares arrays and objects by what they hold here, and by identity there",
        covers: |text, _, _| text.contains(" in "),
    },
    Rule {
        reason: "a parent of what no step leads to: one refuses it when it is read, the other \
                 does not",
        covers: |text, expected, actual| {
            let refused = Answer::Error("S0217".to_owned());
            text.contains('%') && (*actual == refused || *expected == refused)
        },
    },
    Rule {
        reason: "an item that is nothing: null there",
        covers: |_, expected, actual| {
            *expected == Answer::Value("null".to_owned()) && *actual == Answer::Nothing
        },
    },
    Rule {
        reason: "a step over the empty arrays of a constructor: evaluated there, not here",
        covers: |text, expected, actual| {
            let fails = |answer: &Answer| matches!(answer, Answer::Error(_));
            text.contains(".[") && fails(expected) && !fails(actual)
        },
    },
    Rule {
        reason: "what follows a group that is sorted and filtered",
        covers: |text, _, _| text.contains("}^("),
    },
    Rule {
        reason: "the separators of a picture that reach beyond the digits of a number",
        covers: |text, expected, actual| {
            let are_values = matches!((expected, actual), (Answer::Value(_), Answer::Value(_)));
            text.contains("$formatInteger") && are_values
        },
    },
    Rule {
        reason: "the reference implementation changes an empty array of its input",
        covers: |_, expected, actual| {
            matches!((expected, actual), (Answer::Value(expected), Answer::Value(actual))
                if expected.contains("[null]") && expected.replace("[null]", "[]") == *actual)
        },
    },
    Rule {
        reason: "the reference implementation puts an array that is to stay one into another where \
                 it is empty",
        covers: |text, expected, actual| {
            let is = |answer: &Answer, text: &str| *answer == Answer::Value(text.to_owned());
            let is_kept = is(expected, "[[]]") && is(actual, "[]");
            text.contains("[]") && (is_kept || is(expected, "[]") && *actual == Answer::Nothing)
        },
    },
];

/// Whether both are values, the same but for the last digits of numbers.
fn are_near(expected: &Answer, actual: &Answer) -> bool {
    let (Answer::Value(expected), Answer::Value(actual)) = (expected, actual) else {
        return false;
    };
    let parts = |text: &str| -> Vec<String> {
        text.split([',', ':', '[', ']', '{', '}', '"']).map(str::to_owned).collect()
    };
    let (expected, actual) = (parts(expected), parts(actual));
    let is_near = |(expected, actual): (&String, &String)| {
        let numbers = expected.parse::<f64>().ok().zip(actual.parse::<f64>().ok());
        expected == actual
            || numbers.is_some_and(|(one, other)| (one - other).abs() <= one.abs() * 1e-15)
    };
    expected.len() == actual.len() && expected.iter().zip(&actual).all(is_near)
}

fn gave_up(answer: &Answer) -> bool {
    matches!(answer, Answer::Error(code) if matches!(code.as_str(), "U1001" | "D2015" | "S0500"))
}

/// The reason of the rule that covers a difference, where there is one.
pub(crate) fn covering(text: &str, expected: &Answer, actual: &Answer) -> Option<&'static str> {
    RULES.iter().find(|rule| (rule.covers)(text, expected, actual)).map(|rule| rule.reason)
}

//! Integers in English words and in Roman numerals.

const SMALL: [&str; 20] = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
];
const SMALL_ORDINALS: [&str; 20] = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
];
const TENS: [&str; 8] =
    ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];
const POWERS: [(&str, f64); 4] =
    [("Thousand", 1e3), ("Million", 1e6), ("Billion", 1e9), ("Trillion", 1e12)];
const ROMAN: [(&str, u64); 13] = [
    ("m", 1000),
    ("cm", 900),
    ("d", 500),
    ("cd", 400),
    ("c", 100),
    ("xc", 90),
    ("l", 50),
    ("xl", 40),
    ("x", 10),
    ("ix", 9),
    ("v", 5),
    ("iv", 4),
    ("i", 1),
];

/// A whole number from 0 in words, each with a capital letter. A part of a time that is out of the
/// range of dates is no number, and stays `NaN`.
pub(super) fn to_words(number: f64, ordinal: bool) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    let mut words = String::new();
    write(number, false, ordinal, &mut words);
    words
}

/// `follows`: something greater comes before.
fn write(number: f64, follows: bool, ordinal: bool, words: &mut String) {
    let and = if follows { " and " } else { "" };
    let comma = if follows { ", " } else { "" };
    if number < 20.0 {
        let names = if ordinal { SMALL_ORDINALS } else { SMALL };
        words.push_str(and);
        words.push_str(names[number as usize]);
        return;
    }
    if number < 100.0 {
        let (tens, ones) = ((number / 10.0) as usize, number % 10.0);
        let name = TENS[tens - 2];
        words.push_str(and);
        if ones > 0.0 {
            words.push_str(name);
            words.push('-');
            write(ones, false, ordinal, words);
        } else if ordinal {
            words.push_str(&name[..name.len() - 1]);
            words.push_str("ieth");
        } else {
            words.push_str(name);
        }
        return;
    }
    words.push_str(comma);
    let rest = if number < 1000.0 {
        words.push_str(SMALL[(number / 100.0) as usize]);
        words.push_str(" Hundred");
        number % 100.0
    } else {
        let known = POWERS.iter().rev().find(|(_, value)| *value <= number);
        let (name, value) = known.expect("a thousand is not more");
        let count = (number / value).floor();
        write(count, false, false, words);
        words.push(' ');
        words.push_str(name);
        // Not the remainder, which would show what a float adds to a round number.
        number - count * value
    };
    if rest > 0.0 {
        write(rest, true, ordinal, words);
    } else if ordinal {
        words.push_str("th");
    }
}

/// All words that [`from_words`] knows, in small letters.
pub(super) fn known_words() -> Vec<(String, f64)> {
    let mut words = Vec::new();
    for names in [SMALL, SMALL_ORDINALS] {
        let numbered = names.iter().enumerate();
        words.extend(numbered.map(|(value, name)| (name.to_lowercase(), value as f64)));
    }
    for (index, name) in TENS.iter().enumerate() {
        let (name, value) = (name.to_lowercase(), (index + 2) as f64 * 10.0);
        words.push((format!("{}ieth", &name[..name.len() - 1]), value));
        words.push((name, value));
    }
    for (name, value) in [("Hundred", 100.0)].into_iter().chain(POWERS) {
        let name = name.to_lowercase();
        words.push((format!("{name}th"), value));
        words.push((name, value));
    }
    words
}

/// The number that words in small letters say; not a number (NaN) where one is unknown.
pub(super) fn from_words(text: &str) -> f64 {
    let known = known_words();
    let mut parts: Vec<f64> = vec![0.0];
    for word in split_words(text) {
        let Some((_, value)) = known.iter().find(|(name, _)| name == word) else {
            return f64::NAN;
        };
        let last = parts.pop().unwrap_or(0.0);
        if *value >= 100.0 {
            parts.push(last * value);
        } else if last >= 1000.0 {
            parts.extend([last, *value]);
        } else {
            parts.push(last + value);
        }
    }
    parts.iter().sum()
}

/// The words between a comma with a space, `and` with spaces around it, a space, a hyphen or a
/// backslash.
fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while let Some(next) = rest[at..].chars().next() {
        let after = &rest[at + next.len_utf8()..];
        let space = |text: &str| text.starts_with(char::is_whitespace);
        let separator = match next {
            ',' if space(after) => 1 + after.chars().next().map_or(0, char::len_utf8),
            _ if next.is_whitespace() => match after.strip_prefix("and") {
                Some(end) if space(end) => {
                    next.len_utf8() + 3 + end.chars().next().map_or(0, char::len_utf8)
                }
                _ => next.len_utf8(),
            },
            '-' | '\\' => 1,
            _ => 0,
        };
        if separator == 0 {
            at += next.len_utf8();
            continue;
        }
        words.push(&rest[..at]);
        rest = &rest[at + separator..];
        at = 0;
    }
    words.push(rest);
    words
}

/// A whole number from 0 in Roman numerals, small letters.
pub(super) fn to_roman(number: f64) -> String {
    let mut rest = number as u64;
    let mut numerals = String::new();
    for (name, value) in ROMAN {
        while rest >= value {
            numerals.push_str(name);
            rest -= value;
        }
    }
    numerals
}

/// The number of Roman numerals in capital letters; not a number (NaN) where one is unknown.
pub(super) fn from_roman(numerals: &str) -> f64 {
    let (mut total, mut greatest) = (0.0, 1.0);
    for numeral in numerals.chars().rev() {
        let is_it = |name: &str| name.len() == 1 && name.starts_with(numeral.to_ascii_lowercase());
        let known = ROMAN.iter().find(|(name, _)| numeral.is_ascii_uppercase() && is_it(name));
        let Some((_, value)) = known else { return f64::NAN };
        let value = *value as f64;
        if value < greatest {
            total -= value;
        } else {
            greatest = value;
            total += value;
        }
    }
    total
}

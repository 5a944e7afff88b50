//! Pictures of integers: `#,##0`, `0001`, `i`, `Ww;o`.

use super::words;
use crate::error::{Failure, FailureFacts};
use crate::number;

/// How integers are written.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    /// The kind of numerals.
    pub(super) numerals: Numerals,
    pub(super) case: Case,
    /// `1st` rather than `1`.
    pub(super) ordinal: bool,
}

/// Kinds of numerals.
#[derive(Clone, Debug)]
pub(super) enum Numerals {
    /// `a`, `b`, …, `z`, `aa`
    Letters,
    /// `i`, `ii`, …
    Roman,
    /// `one`, `two`, …
    Words,
    /// Digits.
    Decimal(Decimal),
    /// Something that is not supported; the text is what was asked for.
    Unknown(String),
}

/// How digits are laid out.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    /// The character for zero.
    zero: char,
    /// At least so many digits.
    pub(super) mandatory: usize,
    /// `#` in the picture.
    pub(super) optional: usize,
    pub(super) separators: Separators,
}

/// What stands between digits.
#[derive(Clone, Debug)]
pub(super) enum Separators {
    /// The same after every so many digits, counted from the right.
    Regular(usize, char),
    /// Each after so many digits from the right; from right to left.
    Irregular(Vec<(usize, char)>),
}

/// Letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
    Title,
}

impl Case {
    pub(super) fn apply(self, text: String) -> String {
        match self {
            Case::Upper => text.to_uppercase(),
            Case::Lower => text.to_lowercase(),
            Case::Title => text,
        }
    }
}

/// The zeros of Unicode's families of decimal digits.
const ZEROS: [u32; 37] = [
    0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
    0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
    0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0xFF10,
];

/// The zero of the family that a digit belongs to.
fn zero_of(digit: char) -> Option<char> {
    let code = u32::from(digit);
    let zero = ZEROS.into_iter().find(|zero| (*zero..*zero + 10).contains(&code))?;
    char::from_u32(zero)
}

impl Format {
    /// Reads a picture.
    pub(crate) fn of(picture: &str) -> Result<Format, Failure> {
        let (primary, modifier) = picture.rsplit_once(';').unwrap_or((picture, ""));
        let (numerals, case) = match primary {
            "A" => (Numerals::Letters, Case::Upper),
            "a" => (Numerals::Letters, Case::Lower),
            "I" => (Numerals::Roman, Case::Upper),
            "i" => (Numerals::Roman, Case::Lower),
            "W" => (Numerals::Words, Case::Upper),
            "w" => (Numerals::Words, Case::Lower),
            "Ww" => (Numerals::Words, Case::Title),
            _ => (decimal(primary)?, Case::Lower),
        };
        Ok(Format { numerals, case, ordinal: modifier.starts_with('o') })
    }

    /// Whether it writes Roman numerals, whose length grows with the number.
    pub(crate) fn is_roman(&self) -> bool {
        matches!(self.numerals, Numerals::Roman)
    }

    /// The text of a whole number.
    pub(crate) fn format(&self, number: f64) -> Result<String, Failure> {
        let magnitude = number.abs();
        let text = match &self.numerals {
            Numerals::Letters => {
                to_letters(magnitude, if self.case == Case::Upper { b'A' } else { b'a' })
            }
            Numerals::Roman => self.case.apply(words::to_roman(magnitude)),
            Numerals::Words => self.case.apply(words::to_words(magnitude, self.ordinal)),
            Numerals::Decimal(decimal) => decimal.format(magnitude, self.ordinal),
            Numerals::Unknown(token) => return Err(unknown(token)),
        };
        Ok(if number < 0.0 { format!("-{text}") } else { text })
    }

    /// The number of a text; not a number (NaN) where it is none.
    pub(crate) fn parse(&self, text: &str) -> Result<f64, Failure> {
        Ok(match &self.numerals {
            Numerals::Letters => from_letters(text, self.case == Case::Upper),
            Numerals::Roman if self.case == Case::Upper => words::from_roman(text),
            Numerals::Roman => words::from_roman(&text.to_uppercase()),
            Numerals::Words => words::from_words(&text.to_lowercase()),
            Numerals::Decimal(decimal) => decimal.parse(text, self.ordinal),
            Numerals::Unknown(token) => return Err(unknown(token)),
        })
    }
}

fn unknown(token: &str) -> Failure {
    FailureFacts::new("D3130").with("value", json::Value::from(token).to_text())
}

/// A pattern of digits, where it has one at least.
fn decimal(pattern: &str) -> Result<Numerals, Failure> {
    let mut zero = None;
    let (mut mandatory, mut optional) = (0, 0);
    let mut separators = Vec::new();
    for character in pattern.chars().rev() {
        if let Some(family) = zero_of(character) {
            if *zero.get_or_insert(family) != family {
                return Err(FailureFacts::new("D3131"));
            }
            mandatory += 1;
        } else if character == '#' {
            optional += 1;
        } else {
            separators.push((mandatory + optional, character));
        }
    }
    let Some(zero) = zero else { return Ok(Numerals::Unknown(pattern.to_owned())) };
    let separators = match regular(&separators) {
        Some((interval, separator)) => Separators::Regular(interval, separator),
        None => Separators::Irregular(separators),
    };
    Ok(Numerals::Decimal(Decimal { zero, mandatory, optional, separators }))
}

/// The interval of separators that are all the same and equally far apart.
fn regular(separators: &[(usize, char)]) -> Option<(usize, char)> {
    let (_, first) = separators.first()?;
    let same = separators.iter().all(|(_, separator)| separator == first);
    let positions: Vec<usize> = separators.iter().map(|(position, _)| *position).collect();
    same.then(|| interval(&positions)).flatten().map(|interval| (interval, *first))
}

/// The distance between positions that are all multiples of it, without a gap.
pub(super) fn interval(positions: &[usize]) -> Option<usize> {
    let divisor = positions.iter().copied().reduce(greatest_common_divisor)?;
    let complete = (1..=positions.len()).all(|index| positions.contains(&(index * divisor)));
    (divisor > 0 && complete).then_some(divisor)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

impl Decimal {
    fn format(&self, magnitude: f64, ordinal: bool) -> String {
        let plain = number::text(magnitude);
        let mut digits: Vec<char> = plain.chars().collect();
        if digits.len() < self.mandatory {
            digits.splice(0..0, std::iter::repeat_n('0', self.mandatory - digits.len()));
        }
        let suffix = if ordinal { ordinal_suffix(&digits) } else { "" };
        let mut text = String::new();
        let count = digits.len();
        for (index, digit) in digits.into_iter().enumerate() {
            text.push_str(&self.separator(count - index, index == 0));
            let value = digit.to_digit(10);
            let shown = value.and_then(|value| char::from_u32(u32::from(self.zero) + value));
            text.push(shown.unwrap_or(digit));
        }
        text.push_str(suffix);
        text
    }

    /// What stands before the digit from which so many remain.
    fn separator(&self, remaining: usize, first: bool) -> String {
        if first {
            return String::new();
        }
        match &self.separators {
            Separators::Regular(interval, separator) if remaining.is_multiple_of(*interval) => {
                separator.to_string()
            }
            Separators::Regular(..) => String::new(),
            Separators::Irregular(separators) => {
                let here = separators.iter().rev().filter(|(position, _)| *position == remaining);
                here.map(|(_, separator)| *separator).collect()
            }
        }
    }

    fn parse(&self, text: &str, ordinal: bool) -> f64 {
        leading_integer(&self.plain_digits(text, ordinal)).unwrap_or(f64::NAN)
    }

    /// The text with digits from 0 to 9, and without separators and suffix.
    pub(super) fn plain_digits(&self, text: &str, ordinal: bool) -> String {
        let mut digits = text;
        if ordinal {
            let end = text.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
            digits = &text[..end];
        }
        let separates = |character: &char| match &self.separators {
            // Whatever the separator is: so does the reference implementation.
            Separators::Regular(..) => *character == ',',
            Separators::Irregular(separators) => {
                separators.iter().any(|(_, separator)| separator == character)
            }
        };
        let plain = |character: char| {
            let value = u32::from(character).checked_sub(u32::from(self.zero));
            let value = value.filter(|value| *value < 10);
            value.and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
        };
        digits.chars().filter(|character| !separates(character)).map(plain).collect()
    }
}

/// The integer at the start of a text, as JavaScript's `parseInt` reads it.
pub(super) fn leading_integer(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let signed = usize::from(text.starts_with(['-', '+']));
    let (is_negative, unsigned) = (text.starts_with('-'), &text[signed..]);
    if let Some(hexadecimal) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let digits = hexadecimal.chars().map_while(|character| character.to_digit(16));
        let number = digits.fold(None, |number: Option<f64>, digit| {
            Some(number.unwrap_or(0.0) * 16.0 + f64::from(digit))
        });
        return number.map(|number| if is_negative { -number } else { number });
    }
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    text[..signed + digits].parse().ok()
}

fn ordinal_suffix(digits: &[char]) -> &'static str {
    match digits {
        [.., '1', _] => "th",
        [.., '1'] => "st",
        [.., '2'] => "nd",
        [.., '3'] => "rd",
        _ => "th",
    }
}

fn to_letters(number: f64, first: u8) -> String {
    let mut letters = Vec::new();
    let mut rest = number;
    while rest > 0.0 {
        letters.push(char::from(first + ((rest - 1.0) % 26.0) as u8));
        rest = ((rest - 1.0) / 26.0).floor();
    }
    letters.iter().rev().collect()
}

fn from_letters(letters: &str, upper: bool) -> f64 {
    let before_first = if upper { 'A' as u32 - 1 } else { 'a' as u32 - 1 };
    let value = |letter: char| f64::from(u32::from(letter)) - f64::from(before_first);
    letters.chars().fold(0.0, |total, letter| total * 26.0 + value(letter))
}

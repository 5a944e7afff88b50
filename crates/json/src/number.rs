//! Numbers that remember how they were written.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::sync::Arc;

/// A JSON number. `1` and `1.0` are different texts and equal numbers.
#[derive(Clone, Debug)]
pub enum Number {
    /// An integer that fits 64 bits, written without fraction or exponent.
    Int(i64),
    /// A number whose text is what [`Number::from`]`(f64)` prints (Java's `Double.toString`).
    Float(f64),
    /// Any other text (`1.10`, `1e3`, integers beyond 64 bits), kept as it came.
    Text(Arc<str>),
}

impl Number {
    /// The number that a text writes, where it is a JSON number and nothing else.
    pub fn parse(text: &str) -> Option<Number> {
        let rest = text.strip_prefix('-').unwrap_or(text);
        let (whole, rest) = digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let mut end = rest;
        if let Some(fraction) = end.strip_prefix('.') {
            let (fraction, rest) = digits(fraction);
            end = (!fraction.is_empty()).then_some(rest)?;
        }
        if let Some(exponent) = end.strip_prefix(['e', 'E']) {
            let (exponent, rest) = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
            end = (!exponent.is_empty()).then_some(rest)?;
        }
        end.is_empty().then(|| Number::from_valid(text))
    }

    /// The number of a text that is known to be one.
    pub(crate) fn from_valid(text: &str) -> Number {
        if is_integer(text) {
            return match text.parse::<i64>() {
                // `-0` is 0, as in Java, whose integers have no negative zero.
                Ok(number) => Number::Int(number),
                Err(_) => Number::Text(text.into()),
            };
        }
        match text.parse::<f64>() {
            Ok(number) if FloatText::of(number).as_str() == text => Number::Float(number),
            _ => Number::Text(text.into()),
        }
    }

    /// The nearest 64-bit float; infinite where the number is out of its range.
    pub fn as_f64(&self) -> f64 {
        match self {
            Number::Int(number) => *number as f64,
            Number::Float(number) => *number,
            Number::Text(text) => text.parse().expect("the text of a number is one"),
        }
    }

    /// The integer, where the number is written as one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Number::Int(number) => Some(*number),
            Number::Float(_) => None,
            Number::Text(text) => text.parse().ok(),
        }
    }

    /// Whether it is written without fraction and exponent.
    pub fn is_integer_text(&self) -> bool {
        match self {
            Number::Int(_) => true,
            Number::Float(_) => false,
            Number::Text(text) => is_integer(text),
        }
    }

    /// Which of the two is greater. Integers of any length are compared exactly, fractions as
    /// 64-bit floats.
    pub fn compare(&self, other: &Number) -> Ordering {
        match (self, other) {
            (Number::Int(left), Number::Int(right)) => left.cmp(right),
            _ if self.is_integer_text() && other.is_integer_text() => {
                compare_integer_texts(&self.to_string(), &other.to_string())
            }
            (Number::Int(left), _) => compare_integer(*left, other.as_f64()),
            (_, Number::Int(right)) => compare_integer(*right, self.as_f64()).reverse(),
            _ => compare_floats(self.as_f64(), other.as_f64()),
        }
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn is_integer(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

fn compare_floats(left: f64, right: f64) -> Ordering {
    // NaN is no JSON number; should a caller make one, it equals itself, so that sorting ends.
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Exact also where the integer has more digits than a float can hold.
fn compare_integer(integer: i64, float: f64) -> Ordering {
    match compare_floats(integer as f64, float) {
        // Equal after rounding. The float is then a whole number within 2^63, or 2^63 itself.
        Ordering::Equal => i128::from(integer).cmp(&(float as i128)),
        unequal => unequal,
    }
}

fn compare_integer_texts(left: &str, right: &str) -> Ordering {
    let split = |text: &str| match text.strip_prefix('-') {
        Some("0") => (false, "0".to_owned()),
        Some(digits) => (true, digits.to_owned()),
        None => (false, text.to_owned()),
    };
    let ((left_negative, left), (right_negative, right)) = (split(left), split(right));
    // JSON allows no leading zeros, so the longer one is the greater one.
    let magnitudes = (left.len(), &left).cmp(&(right.len(), &right));
    match (left_negative, right_negative) {
        (false, false) => magnitudes,
        (true, true) => magnitudes.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

impl PartialEq for Number {
    /// Numeric equality: `1 == 1.0`.
    fn eq(&self, other: &Self) -> bool {
        self.compare(other).is_eq()
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Number::Int(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Float(number)
    }
}

impl fmt::Display for Number {
    /// As it was written; a number made from a float as Java's `Double.toString` writes it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(number) => number.fmt(formatter),
            Number::Float(number) => formatter.write_str(FloatText::of(*number).as_str()),
            Number::Text(text) => formatter.write_str(text),
        }
    }
}

/// The longest text is `-2.2250738585072014E-308`; Rust's own scientific form is no longer.
const FLOAT_TEXT_BYTES_MAX: usize = 32;

/// A float as Java prints it, without an allocation.
struct FloatText {
    bytes: [u8; FLOAT_TEXT_BYTES_MAX],
    length: usize,
}

impl FloatText {
    /// The fewest digits that read back as the same float, at least two; plain from 10^-3 up to
    /// 10^7, scientific beyond.
    fn of(number: f64) -> FloatText {
        let mut text = FloatText { bytes: [0; FLOAT_TEXT_BYTES_MAX], length: 0 };
        text.print(number).expect("no float needs more room");
        text
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("only ASCII was written")
    }

    fn print(&mut self, number: f64) -> fmt::Result {
        if !number.is_finite() {
            // Jackson writes those, which JSON does not have, as strings.
            let name = if number.is_nan() { "NaN" } else { "Infinity" };
            return write!(self, "\"{}{name}\"", if number < 0.0 { "-" } else { "" });
        }
        if number.is_sign_negative() {
            self.write_char('-')?;
        }
        let magnitude = number.abs();
        if magnitude == 0.0 {
            return self.write_str("0.0");
        }
        let scientific = shortest(magnitude);
        let (mantissa, exponent) = scientific.as_str().split_once('e').expect("`{:e}` has an e");
        let exponent: i32 = exponent.parse().expect("`{:e}` ends in a number");
        let (first, rest) = mantissa.split_at(1);
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        match exponent {
            0..=6 => {
                let whole = exponent as usize;
                let split = whole.min(rest.len());
                self.write_str(first)?;
                self.write_str(&rest[..split])?;
                self.zeros(whole - split)?;
                self.fraction(&rest[split..])
            }
            -3..=-1 => {
                self.write_str("0.")?;
                self.zeros((-exponent - 1) as usize)?;
                self.write_str(first)?;
                // Java's second digit is not shown where the zeros before it suffice.
                self.write_str(if rest == "0" { "" } else { rest })
            }
            _ => {
                self.write_str(first)?;
                self.fraction(rest)?;
                write!(self, "E{exponent}")
            }
        }
    }

    fn fraction(&mut self, digits: &str) -> fmt::Result {
        self.write_char('.')?;
        self.write_str(if digits.is_empty() { "0" } else { digits })
    }

    fn zeros(&mut self, count: usize) -> fmt::Result {
        (0..count).try_for_each(|_| self.write_char('0'))
    }
}

/// The digits of a positive float in scientific form.
fn shortest(magnitude: f64) -> FloatText {
    let mut text = FloatText { bytes: [0; FLOAT_TEXT_BYTES_MAX], length: 0 };
    write!(text, "{magnitude:e}").expect("no float needs more room");
    if text.as_str().as_bytes()[1] == b'.' {
        return text;
    }
    // One digit suffices, but Java shows two and picks the nearest: 4.9E-324, not 5.0E-324.
    let mut two = FloatText { bytes: [0; FLOAT_TEXT_BYTES_MAX], length: 0 };
    write!(two, "{magnitude:.1e}").expect("no float needs more room");
    if two.as_str().parse() == Ok(magnitude) { two } else { text }
}

impl Write for FloatText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

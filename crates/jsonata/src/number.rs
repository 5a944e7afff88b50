//! Numbers as JavaScript writes them, since JSONata's numbers are JavaScript's.

use std::fmt::Write;

use json::Number;

/// Up to here every integer has a float of its own.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// The text of a number: the fewest digits that read back as the same number, plain between
/// 10^-7 and 10^21, with an exponent beyond.
pub(crate) fn text(number: f64) -> String {
    if number.trunc() == number && number.abs() < INTEGER_MAX {
        return (number as i64).to_string();
    }
    if !number.is_finite() {
        let name = if number.is_nan() { "NaN" } else { "Infinity" };
        return format!("{}{name}", if number < 0.0 { "-" } else { "" });
    }
    let magnitude = number.abs();
    if (1e-6..1e21).contains(&magnitude) {
        return number.to_string();
    }
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            format!("{mantissa}e+{exponent}")
        }
        _ => scientific,
    }
}

/// The number with at most that many significant digits.
pub(crate) fn with_precision(number: f64, digits: usize) -> f64 {
    format!("{number:.*e}", digits - 1).parse().expect("a printed number reads back")
}

/// The number as JSON holds it: an integer where it is one, else with the text of JavaScript.
/// What JSON cannot hold becomes a string (`Infinity`, `NaN`).
pub(crate) fn to_json(number: f64) -> json::Value {
    if number.trunc() == number && number.abs() < INTEGER_MAX {
        return json::Value::from(number as i64);
    }
    if !number.is_finite() {
        return json::Value::from(text(number));
    }
    // Within this range the two ways of writing a fraction agree.
    if (1e-3..1e7).contains(&number.abs()) {
        return json::Value::from(number);
    }
    json::Value::Number(Number::parse(&text(number)).expect("a finite number is JSON"))
}

/// The number as a float, where that float is written the same way; else nothing, and the number
/// must be kept as it came for as long as nothing is computed with it.
pub(crate) fn plain(number: &Number) -> Option<f64> {
    match number {
        Number::Int(integer) => {
            let float = *integer as f64;
            (float.abs() < INTEGER_MAX).then_some(float)
        }
        Number::Float(float) => {
            let same = (1e-3..1e7).contains(&float.abs()) && float.trunc() != *float;
            same.then_some(*float)
        }
        Number::Text(_) => None,
    }
}

/// More characters of a number are not looked at, so that no number takes long.
const DIGITS_MAX: usize = 1_000;

/// The number as a float. A text of thousands of digits is read as far as a float can hold it.
pub(crate) fn float(number: &Number) -> f64 {
    let Number::Text(text) = number else { return number.as_f64() };
    let Some(start) = text.get(..DIGITS_MAX) else { return number.as_f64() };
    if start.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return if start.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let digits = start.trim_end_matches(['e', 'E', '+', '-', '.']);
    digits.parse().unwrap_or(f64::NAN)
}

/// Reads a decimal number that fills the text; JSON's form, or one that `$number` takes besides:
/// hexadecimal, octal or binary with a prefix.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let radix = match text.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => return decimal(text),
    };
    let digits = &text[2..];
    let mut number = 0.0_f64;
    for digit in digits.chars() {
        number = number * f64::from(radix) + f64::from(digit.to_digit(radix)?);
    }
    (!digits.is_empty() && number.is_finite()).then_some(number)
}

/// As JSON, but with any number of leading zeros.
fn decimal(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    let mut valid = whole > 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        valid &= length > 0;
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits(exponent);
        valid &= length > 0;
        rest = &exponent[length..];
    }
    let number: f64 = (valid && rest.is_empty()).then(|| text.parse().ok()).flatten()?;
    number.is_finite().then_some(number)
}

/// The digits of an integer in that base, with a minus where it is negative.
pub(crate) fn in_base(number: f64, base: u32) -> String {
    let mut magnitude = number.abs();
    let mut digits = Vec::new();
    while magnitude >= 1.0 {
        let digit = (magnitude % f64::from(base)) as u32;
        digits.push(char::from_digit(digit, base).expect("a remainder is below the base"));
        magnitude = (magnitude / f64::from(base)).trunc();
    }
    let mut text = String::with_capacity(digits.len() + 1);
    if digits.is_empty() {
        text.push('0');
    } else if number < 0.0 {
        text.push('-');
    }
    text.extend(digits.iter().rev());
    text
}

/// Rounds to that many decimal places, halves to the even neighbour. Shifts the decimal exponent
/// of the text rather than multiplying, which would not be exact.
pub(crate) fn round(number: f64, places: i32) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let shifted = shift(number, places);
    if !shifted.is_finite() {
        // There are no digits so far behind the point.
        return number;
    }
    let floor = shifted.floor();
    let mut rounded = if shifted - floor >= 0.5 { floor + 1.0 } else { floor };
    if (rounded - shifted).abs() == 0.5 && (rounded % 2.0).abs() == 1.0 {
        rounded -= 1.0;
    }
    let result = shift(rounded, -places);
    // No negative zero: it has no JSON text of its own.
    if result == 0.0 { 0.0 } else { result }
}

/// Whether a number can be shifted by so many places and stay a float.
pub(crate) fn can_shift(number: f64, places: i32) -> bool {
    shift(number, places).is_finite()
}

fn shift(number: f64, places: i32) -> f64 {
    if places == 0 {
        return number;
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` has an e");
    let exponent: i32 = exponent.parse().expect("`{:e}` ends in a number");
    let mut shifted = String::with_capacity(scientific.len() + 4);
    write!(shifted, "{mantissa}e{}", exponent.saturating_add(places))
        .expect("writing to a string cannot fail");
    shifted.parse().expect("a shifted number is a number")
}

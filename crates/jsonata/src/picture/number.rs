//! Pictures of numbers: `#,##0.00`, `0.0e0`, `01%`.

use super::integer::interval;
use crate::error::{Failure, FailureFacts};
use crate::number;

/// The characters that have a meaning in a picture, which the caller may change.
#[derive(Clone, Debug)]
pub(crate) struct Symbols {
    decimal: char,
    grouping: char,
    exponent: char,
    minus: String,
    percent: char,
    per_mille: char,
    zero: char,
    digit: char,
    pattern: char,
}

impl Default for Symbols {
    fn default() -> Self {
        Symbols {
            decimal: '.',
            grouping: ',',
            exponent: 'e',
            minus: "-".to_owned(),
            percent: '%',
            per_mille: '‰',
            zero: '0',
            digit: '#',
            pattern: ';',
        }
    }
}

impl Symbols {
    /// Changes the symbol of that name; names without a meaning are passed over.
    pub(crate) fn set(&mut self, name: &str, text: &str) {
        let Some(first) = text.chars().next() else { return };
        match name {
            "decimal-separator" => self.decimal = first,
            "grouping-separator" => self.grouping = first,
            "exponent-separator" => self.exponent = first,
            "minus-sign" => self.minus = text.to_owned(),
            "percent" => self.percent = first,
            "per-mille" => self.per_mille = first,
            "zero-digit" => self.zero = first,
            "digit" => self.digit = first,
            "pattern-separator" => self.pattern = first,
            _ => {}
        }
    }

    /// Whether it stands for a digit that is always shown.
    fn is_mandatory(&self, character: char) -> bool {
        let code = u32::from(character);
        (u32::from(self.zero)..u32::from(self.zero) + 10).contains(&code)
    }

    fn is_digit(&self, character: char) -> bool {
        self.is_mandatory(character) || character == self.digit
    }

    fn is_active(&self, character: char) -> bool {
        self.is_digit(character)
            || [self.decimal, self.exponent, self.grouping, self.pattern].contains(&character)
    }

    fn mandatory_in(&self, part: &[char]) -> usize {
        part.iter().filter(|character| self.is_mandatory(**character)).count()
    }

    fn digits_in(&self, part: &[char]) -> usize {
        part.iter().filter(|character| self.is_digit(**character)).count()
    }

    /// A digit of the family.
    fn shown(&self, digit: char) -> char {
        let value = digit.to_digit(10);
        value.and_then(|value| char::from_u32(u32::from(self.zero) + value)).unwrap_or(digit)
    }
}

/// A picture in parts.
struct Parts<'a> {
    whole: &'a [char],
    prefix: &'a [char],
    suffix: &'a [char],
    active: &'a [char],
    mantissa: &'a [char],
    integer: &'a [char],
    fraction: &'a [char],
    exponent: Option<&'a [char]>,
}

impl<'a> Parts<'a> {
    fn of(whole: &'a [char], symbols: &Symbols) -> Parts<'a> {
        let inner =
            |character: &char| symbols.is_active(*character) && *character != symbols.exponent;
        let start = whole.iter().position(inner).unwrap_or(0);
        let end = whole.iter().rposition(inner).map_or(whole.len(), |last| last + 1);
        let active = &whole[start..end];
        let (mantissa, exponent) = match active.iter().position(|at| *at == symbols.exponent) {
            Some(at) => (&active[..at], Some(&active[at + 1..])),
            None => (active, None),
        };
        let (integer, fraction) = match mantissa.iter().position(|at| *at == symbols.decimal) {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        let (prefix, suffix) = (&whole[..start], &whole[end..]);
        Parts { whole, prefix, suffix, active, mantissa, integer, fraction, exponent }
    }

    fn count(&self, wanted: char) -> usize {
        self.whole.iter().filter(|character| **character == wanted).count()
    }

    /// What is wrong with it. Of several faults the last one in this list is told.
    fn check(&self, symbols: &Symbols) -> Result<(), Failure> {
        let (percent, per_mille) = (self.count(symbols.percent), self.count(symbols.per_mille));
        let decimal = self.whole.iter().position(|at| *at == symbols.decimal);
        let grouping = |at: Option<usize>| {
            at.and_then(|at| self.whole.get(at)).is_some_and(|at| *at == symbols.grouping)
        };
        let separators = [symbols.grouping, symbols.grouping];
        let first_optional = self.integer.iter().position(|at| *at == symbols.digit);
        let last_optional = self.fraction.iter().rposition(|at| *at == symbols.digit);
        let faults = [
            ("D3081", self.count(symbols.decimal) > 1),
            ("D3082", percent > 1),
            ("D3083", per_mille > 1),
            ("D3084", percent > 0 && per_mille > 0),
            ("D3085", symbols.digits_in(self.mantissa) == 0),
            ("D3086", !self.active.iter().all(|at| symbols.is_active(*at))),
            (
                "D3087",
                decimal.is_some_and(|at| grouping(at.checked_sub(1)) || grouping(Some(at + 1))),
            ),
            ("D3088", decimal.is_none() && self.integer.last() == Some(&symbols.grouping)),
            ("D3089", self.whole.windows(2).any(|pair| pair == separators)),
            (
                "D3090",
                first_optional.is_some_and(|at| symbols.mandatory_in(&self.integer[..at]) > 0),
            ),
            (
                "D3091",
                last_optional.is_some_and(|at| symbols.mandatory_in(&self.fraction[at..]) > 0),
            ),
            (
                "D3092",
                self.exponent.is_some_and(|exponent| !exponent.is_empty())
                    && percent + per_mille > 0,
            ),
            (
                "D3093",
                self.exponent.is_some_and(|exponent| {
                    exponent.is_empty() || symbols.mandatory_in(exponent) < exponent.len()
                }),
            ),
        ];
        match faults.into_iter().rev().find(|(_, there)| *there) {
            Some((code, _)) => Err(FailureFacts::new(code)),
            None => Ok(()),
        }
    }
}

/// What a picture asks for.
struct Plan {
    integer_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    exponent_min: usize,
    /// Digits of the mantissa before its decimal point.
    scale: usize,
    /// How many digits are right of each separator.
    integer_groups: Vec<usize>,
    /// How many digits are left of each separator.
    fraction_groups: Vec<usize>,
}

impl Plan {
    fn of(parts: &Parts<'_>, symbols: &Symbols) -> Plan {
        let separators = |part: &'_ [char]| -> Vec<usize> {
            let numbered = part.iter().enumerate();
            numbered.filter(|(_, at)| **at == symbols.grouping).map(|(at, _)| at).collect()
        };
        let right = |at: usize| symbols.digits_in(&parts.integer[at..]);
        let left = |at: usize| symbols.digits_in(&parts.fraction[..at]);
        let mut plan = Plan {
            integer_min: symbols.mandatory_in(parts.integer),
            fraction_min: symbols.mandatory_in(parts.fraction),
            fraction_max: symbols.digits_in(parts.fraction),
            exponent_min: parts.exponent.map_or(0, |exponent| symbols.mandatory_in(exponent)),
            scale: symbols.mandatory_in(parts.integer),
            integer_groups: separators(parts.integer).into_iter().map(right).collect(),
            fraction_groups: separators(parts.fraction).into_iter().map(left).collect(),
        };
        if plan.integer_min == 0 && plan.fraction_max == 0 {
            if parts.exponent.is_some() {
                plan.fraction_min = 1;
                plan.fraction_max = 1;
            } else {
                plan.integer_min = 1;
            }
        }
        let optional = parts.integer.contains(&symbols.digit);
        if parts.exponent.is_some() && plan.integer_min == 0 && optional {
            plan.integer_min = 1;
        }
        if plan.integer_min == 0 && plan.fraction_min == 0 {
            plan.fraction_min = 1;
        }
        plan
    }
}

/// What going through a picture costs: each of its separators is compared with each of its
/// digits.
pub(crate) fn cost(picture_bytes: usize) -> usize {
    picture_bytes.saturating_add(picture_bytes.saturating_mul(picture_bytes) / 16)
}

/// The text of a number.
pub(crate) fn format(value: f64, picture: &str, symbols: &Symbols) -> Result<String, Failure> {
    let pictures: Vec<Vec<char>> =
        picture.split(symbols.pattern).map(|picture| picture.chars().collect()).collect();
    if pictures.len() > 2 {
        return Err(FailureFacts::new("D3080"));
    }
    let all: Vec<Parts<'_>> = pictures.iter().map(|picture| Parts::of(picture, symbols)).collect();
    all.iter().try_for_each(|parts| parts.check(symbols))?;
    // What is no number counts as negative, as in the reference implementation.
    let negative = value < 0.0 || value.is_nan();
    let own = negative && all.len() == 2;
    let parts = &all[usize::from(own)];
    let scaled = if parts.count(symbols.percent) > 0 {
        value * 100.0
    } else if parts.count(symbols.per_mille) > 0 {
        value * 1000.0
    } else {
        value
    };
    let plan = Plan::of(parts, symbols);
    let mut text = if negative && !own { symbols.minus.clone() } else { String::new() };
    text.extend(parts.prefix);
    let (mantissa, exponent) = mantissa_and_exponent(scaled.abs(), &plan);
    write_mantissa(mantissa, &plan, symbols, &mut text);
    if plan.exponent_min > 0 {
        text.push(symbols.exponent);
        if exponent < 0 {
            text.push_str(&symbols.minus);
        }
        let digits = exponent.unsigned_abs().to_string();
        let digits = zeros(plan.exponent_min, &digits) + &digits;
        text.extend(digits.chars().map(|digit| symbols.shown(digit)));
    }
    text.extend(parts.suffix);
    Ok(text)
}

/// Shifts the decimal point until as many digits are before it as the picture has.
fn mantissa_and_exponent(magnitude: f64, plan: &Plan) -> (f64, i32) {
    let (mut mantissa, mut exponent) = (magnitude, 0);
    if plan.exponent_min == 0 || magnitude == 0.0 || !magnitude.is_finite() {
        return (mantissa, exponent);
    }
    // Beyond the range of a float no digits can be asked for.
    let scale = plan.scale.min(300) as i32;
    let (greatest, least) = (10_f64.powi(scale), 10_f64.powi(scale - 1));
    while mantissa < least {
        mantissa *= 10.0;
        exponent -= 1;
    }
    while mantissa > greatest {
        mantissa /= 10.0;
        exponent += 1;
    }
    (mantissa, exponent)
}

/// As many zeros as digits are missing.
fn zeros(wanted: usize, digits: &str) -> String {
    "0".repeat(wanted.saturating_sub(digits.len()))
}

fn write_mantissa(mantissa: f64, plan: &Plan, symbols: &Symbols, text: &mut String) {
    // A float has no more than 1,074 digits after the point.
    let places = plan.fraction_max.min(1_100);
    let rounded = number::round(mantissa, places as i32);
    let plain = format!("{rounded:.places$}");
    let (integer, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let integer = integer.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let integer = zeros(plan.integer_min, integer) + integer;
    let fraction = fraction.to_owned() + &zeros(plan.fraction_min, fraction);
    let mut digits: Vec<char> = integer.chars().map(|digit| symbols.shown(digit)).collect();
    let mut after: Vec<char> = fraction.chars().map(|digit| symbols.shown(digit)).collect();
    match interval(&plan.integer_groups) {
        Some(interval) => {
            for remaining in (1..digits.len()).filter(|it| it.is_multiple_of(interval)) {
                // Of those that were put in, all are to the right.
                let at = integer.len() - remaining;
                digits.insert(at, symbols.grouping);
            }
        }
        None => group_irregularly(&mut digits, &mut after, plan, symbols),
    }
    text.extend(&digits);
    text.extend(after.first().map(|_| symbols.decimal));
    for (index, digit) in after.into_iter().enumerate() {
        if index > 0 && plan.fraction_groups.contains(&index) {
            text.push(symbols.grouping);
        }
        text.push(digit);
    }
}

/// Puts separators where the picture has them, as the reference implementation does: where there
/// are too few digits, it counts from the end of the text.
fn group_irregularly(
    digits: &mut Vec<char>,
    fraction: &mut Vec<char>,
    plan: &Plan,
    symbols: &Symbols,
) {
    let first = digits.len();
    let mut all = std::mem::take(digits);
    all.push(symbols.decimal);
    all.append(fraction);
    // Each separator moves the point by one.
    for (point, remaining) in (first..).zip(&plan.integer_groups) {
        let at = match point.checked_sub(*remaining) {
            Some(at) => at,
            None => (all.len() + point).saturating_sub(*remaining),
        };
        all.insert(at, symbols.grouping);
    }
    let point = all.iter().position(|it| *it == symbols.decimal).unwrap_or(all.len());
    *fraction = all.split_off(point + 1);
    all.truncate(point);
    *digits = all;
}

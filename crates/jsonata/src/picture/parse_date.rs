//! Texts to times, by a picture or in ISO 8601.

use regex::RegexBuilder;

use super::calendar::Moment;
use super::date::{self, DAYS, MONTHS, Marker, Part, Style};
use super::integer::{Case, Decimal, Format, Numerals, Separators, leading_integer};
use super::words::known_words;
use crate::error::{Failure, FailureFacts};

/// Beyond that a picture is not worth compiling.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What was read: a component and its number.
type Component = (char, f64);

/// Milliseconds since 1970 of a text; nothing where it does not fit the picture. What the picture
/// does not have is taken from `now`, if it is greater than what it has, else it is zero.
pub(crate) fn parse(text: &str, picture: &str, now: i64) -> Result<Option<f64>, Failure> {
    let parts = date::parse_picture(picture)?;
    let mut pattern = String::from("^");
    for (at, part) in parts.iter().enumerate() {
        pattern.push('(');
        match part {
            Part::Literal(literal) => pattern.push_str(&regex::escape(literal)),
            Part::Marker(marker) => pattern.push_str(&marker_pattern(marker, parts.get(at + 1))?),
        }
        pattern.push(')');
    }
    pattern.push('$');
    let regex = RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|_| FailureFacts::with_message("D3137", "The picture is too long"))?;
    let Some(captures) = regex.captures(text) else { return Ok(None) };
    let mut components = Vec::new();
    for (part, capture) in parts.iter().zip(captures.iter().skip(1)) {
        if let (Part::Marker(marker), Some(capture)) = (part, capture) {
            let value = read(marker, capture.as_str())?;
            components.extend(value.map(|value| (marker.component, value)));
        }
    }
    if components.is_empty() {
        return Ok(None);
    }
    resolve(&components, now).map(Some)
}

/// What the text of a component looks like, before the next part.
fn marker_pattern(marker: &Marker, next: Option<&Part>) -> Result<String, Failure> {
    if matches!(marker.component, 'Z' | 'z') {
        let zone = if marker.component == 'z' { "GMT" } else { "" };
        let separated = match zone_separator(marker) {
            Some(separator) => format!("{}[0-9]+", regex::escape(&separator.to_string())),
            None => String::new(),
        };
        return Ok(format!("{zone}[-+][0-9]+{separated}"));
    }
    let format = match &marker.style {
        Style::Integer(format) => format,
        Style::Name(_) if matches!(marker.component, 'M' | 'x' | 'F' | 'P') => {
            return Ok("[a-zA-Z]+".to_owned());
        }
        _ => return Err(date::not_a_name(marker.component)),
    };
    Ok(match &format.numerals {
        Numerals::Letters => "[a-z]+".to_owned(),
        Numerals::Roman => "[mdclxvi]+".to_owned(),
        Numerals::Words => {
            let words: Vec<String> = known_words().into_iter().map(|(word, _)| word).collect();
            format!("(?:{}|and|[-, ])+", words.join("|"))
        }
        Numerals::Decimal(decimal) => {
            // Where two integers meet, the first has as many digits as its picture: newer than
            // version 2.0.6, which can read no such text.
            let meets = matches!(
                next,
                Some(Part::Marker(Marker { style: Style::Integer(_), component, .. }))
                    if !matches!(component, 'Z' | 'z')
            );
            let digits = marker.digits_max.or(meets.then_some(decimal.mandatory));
            decimal_pattern(decimal, format, digits)
        }
        Numerals::Unknown(_) => {
            format.parse("")?;
            String::new()
        }
    })
}

fn decimal_pattern(decimal: &Decimal, format: &Format, digits_max: Option<usize>) -> String {
    let count = match digits_max {
        Some(0) | None => "+".to_owned(),
        Some(max) if decimal.optional == 0 => format!("{{{max}}}"),
        Some(max) => format!("{{{},{max}}}", max.saturating_sub(decimal.optional)),
    };
    let suffix = if format.ordinal { "(?:th|st|nd|rd)" } else { "" };
    format!("[0-9]{count}{suffix}")
}

fn zone_separator(marker: &Marker) -> Option<char> {
    match &marker.style {
        Style::Integer(Format { numerals: Numerals::Decimal(decimal), .. }) => {
            match decimal.separators {
                Separators::Regular(_, separator) => Some(separator),
                Separators::Irregular(_) => None,
            }
        }
        _ => None,
    }
}

/// The number that the text of a component means.
fn read(marker: &Marker, text: &str) -> Result<Option<f64>, Failure> {
    if matches!(marker.component, 'Z' | 'z') {
        return Ok(read_zone(marker, text));
    }
    let named = |names: &[&str]| {
        let fits = |name: &&str| {
            let width = marker.width_max.map_or(name.len(), |max| max.min(name.len()));
            name[..width].eq_ignore_ascii_case(text)
        };
        names.iter().position(fits).map(|index| index as f64 + 1.0)
    };
    match (&marker.style, marker.component) {
        // Digits after a decimal point; those beyond milliseconds are dropped.
        (Style::Integer(Format { numerals: Numerals::Decimal(decimal), .. }), 'f') => {
            let digits = decimal.plain_digits(text, false) + "000";
            Ok(digits.get(..3).and_then(|digits| digits.parse().ok()))
        }
        (Style::Integer(format), _) => match format.case {
            Case::Upper => format.parse(&text.to_uppercase()).map(Some),
            _ => format.parse(&text.to_lowercase()).map(Some),
        },
        (_, 'M' | 'x') => Ok(named(&MONTHS)),
        (_, 'F') => Ok(named(&DAYS)),
        _ => Ok(match text.to_lowercase().as_str() {
            "am" => Some(0.0),
            "pm" => Some(1.0),
            _ => None,
        }),
    }
}

/// The offset from UTC in minutes.
fn read_zone(marker: &Marker, text: &str) -> Option<f64> {
    let text = if marker.component == 'z' { text.get(3..)? } else { text };
    let (hours, minutes) = match zone_separator(marker) {
        Some(separator) => text.split_once(separator)?,
        None if text.len() <= 3 => (text, "0"),
        None => text.split_at_checked(3)?,
    };
    let (hours, minutes) = (leading_integer(hours)?, leading_integer(minutes)?);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    Some(sign * (hours.abs() * 60.0 + minutes))
}

/// Which of the components of a set were read; a set is chosen when there are no others.
fn is_set(components: &[Component], all: &str, set: &str) -> bool {
    let read = |wanted: char| {
        let given = |value: f64| value != 0.0 && !value.is_nan();
        components.iter().any(|(component, value)| *component == wanted && given(*value))
    };
    let others = all.chars().filter(|component| !set.contains(*component)).any(read);
    !others && set.chars().any(read)
}

/// The moment that components mean.
fn resolve(components: &[Component], now: i64) -> Result<f64, Failure> {
    let dates = "YXMxWwdD";
    let times = "PHhmsf";
    let by_month = is_set(components, dates, "YMD");
    let by_day = !by_month && is_set(components, dates, "Yd");
    let by_week = is_set(components, dates, "Xxw") || is_set(components, dates, "XW");
    let by_half_day = !is_set(components, times, "Hmsf") && is_set(components, times, "Phmsf");
    if by_week {
        // Weeks are not read.
        return Err(FailureFacts::new("D3136"));
    }
    let order = format!(
        "{}{}",
        if by_day { "YD" } else { "YMD" },
        if by_half_day { "Phmsf" } else { "Hmsf" }
    );
    let mut values = complete(components, &order, now)?;
    // The reference implementation completes a day of the year as if it had not been read.
    values.extend(
        components.iter().rev().find(|(component, _)| *component == 'd').filter(|_| by_day),
    );
    let value = |wanted: char| {
        let found = values.iter().find(|(component, _)| *component == wanted);
        // No calendar reaches further, and nothing overflows.
        found.map_or(0, |(_, value)| value.clamp(-1e9, 1e9) as i64)
    };
    let hour = match by_half_day {
        true => value('h') % 12 + if value('P') == 1 { 12 } else { 0 },
        false => value('H'),
    };
    if values.iter().any(|(_, value)| value.is_nan()) {
        return Ok(f64::NAN);
    }
    let mut moment = Moment {
        // Years of two digits are those of the last century, as in JavaScript.
        year: if (0..100).contains(&value('Y')) { 1900 + value('Y') } else { value('Y') },
        month: if by_day { 1 } else { value('M').max(1) },
        day: if by_day { value('d') } else { value('D') },
        hour,
        minute: value('m'),
        second: value('s'),
        millisecond: value('f'),
    };
    if by_day {
        // The month and the day of the month alone: the reference implementation keeps the year.
        let first = Moment { hour: 0, minute: 0, second: 0, millisecond: 0, ..moment };
        let derived = Moment::of(first.milliseconds() as i64);
        (moment.month, moment.day) = (derived.month, derived.day);
    }
    let zone = components.iter().find(|(component, _)| matches!(component, 'Z' | 'z'));
    Ok(moment.milliseconds() - zone.map_or(0.0, |(_, minutes)| minutes * 60_000.0))
}

/// The components in that order: before the first that was read they come from `now`, after the
/// last they are zero; in between none may be missing.
fn complete(components: &[Component], order: &str, now: i64) -> Result<Vec<Component>, Failure> {
    let now = Moment::of(now);
    let (mut started, mut ended) = (false, false);
    let mut values = Vec::new();
    for wanted in order.chars() {
        let value = match components.iter().rev().find(|(component, _)| *component == wanted) {
            Some((_, value)) => {
                started = true;
                if ended {
                    return Err(FailureFacts::new("D3136"));
                }
                *value
            }
            None if started => {
                ended = true;
                if "MDd".contains(wanted) { 1.0 } else { 0.0 }
            }
            None => date::component(&now, wanted) as f64,
        };
        values.push((wanted, value));
    }
    Ok(values)
}

/// Milliseconds since 1970 of an ISO 8601 text; nothing where it is none. Without a zone it is
/// UTC.
pub(crate) fn parse_iso(text: &str) -> Option<f64> {
    let (year, mut rest) = digits(text, 4)?;
    let mut moment =
        Moment { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, millisecond: 0 };
    if let Some(month) = rest.strip_prefix('-') {
        (moment.month, rest) = digits(month, 2)?;
        if let Some(day) = rest.strip_prefix('-') {
            (moment.day, rest) = digits(day, 2)?;
        }
    }
    if let Some(hour) = rest.strip_prefix('T') {
        (moment.hour, rest) = digits(hour, 2)?;
        (moment.minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
        (moment.second, rest) = digits(rest.strip_prefix(':')?, 2)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let shown: String = fraction[..count].chars().chain("000".chars()).take(3).collect();
            moment.millisecond = (count > 0).then(|| shown.parse().ok()).flatten()?;
            rest = &fraction[count..];
        }
    }
    let zone = match rest.chars().next() {
        None => 0,
        Some('Z') if rest.len() == 1 => 0,
        Some(sign @ ('+' | '-')) => {
            let (hours, minutes) = digits(&rest[1..], 2)?;
            let (minutes, end) = digits(minutes.strip_prefix(':').unwrap_or(minutes), 2)?;
            let zone = hours * 60 + minutes;
            end.is_empty().then_some(if sign == '-' { -zone } else { zone })?
        }
        Some(_) => return None,
    };
    let at_end_of_day = moment.hour == 24 && moment.minute == 0 && moment.second == 0;
    let valid = (1..=12).contains(&moment.month)
        && (1..=31).contains(&moment.day)
        && (moment.hour < 24 || at_end_of_day)
        && moment.minute < 60
        && moment.second < 60;
    valid.then(|| moment.milliseconds() - (zone * 60_000) as f64)
}

/// So many digits at the start of a text, and what comes after them.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| digits.parse().ok().map(|number| (number, rest))).flatten()
}

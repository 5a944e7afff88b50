//! Pictures of times: `[Y0001]-[M01]-[D01]T[H01]:[m01]`.

use super::calendar::{MILLISECONDS_MAX, Moment, Period};
use super::integer::{Case, Format, Numerals, Separators};
use crate::error::{Failure, FailureFacts};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// How a time is laid out where no picture says it.
pub(crate) const ISO_8601: &str = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]";

/// A part of a picture.
pub(super) enum Part {
    /// Text that stands for itself.
    Literal(String),
    /// `[…]`
    Marker(Marker),
}

/// What is between brackets.
pub(super) struct Marker {
    /// Which part of the time it is.
    pub(super) component: char,
    /// How it is written.
    pub(super) style: Style,
    /// `[Z01:01t]`: `Z` for no offset.
    traditional: bool,
    /// At most so many characters.
    pub(super) width_max: Option<usize>,
    /// A year, month or day has at most so many digits; a year is cut to them.
    pub(super) digits_max: Option<usize>,
}

/// How a component is written.
pub(super) enum Style {
    /// As a name.
    Name(Case),
    /// As an integer.
    Integer(Format),
    /// As it is.
    Plain,
}

/// How a component is written where the picture does not say.
fn default_presentation(component: char) -> Option<&'static str> {
    Some(match component {
        'Y' | 'M' | 'D' | 'd' | 'W' | 'w' | 'X' | 'x' | 'H' | 'h' | 'f' => "1",
        'F' | 'P' | 'C' | 'E' => "n",
        'm' | 's' => "01",
        'Z' | 'z' => "01:01",
        _ => return None,
    })
}

/// Components that are integers.
const INTEGERS: &str = "YMDdFWwXxHhmsf";

/// Reads a picture.
pub(super) fn parse_picture(picture: &str) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = picture;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("[[") || rest.starts_with("]]") {
            literal.push(next);
            rest = &rest[2..];
        } else if next == '[' {
            let end = rest.find(']').ok_or_else(|| FailureFacts::new("D3135"))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            let marker = Marker::parse(&rest[1..end])?;
            parts.push(Part::Marker(marker));
            rest = &rest[end + 1..];
        } else {
            literal.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

impl Marker {
    fn parse(text: &str) -> Result<Marker, Failure> {
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let Some(component) = text.chars().next() else { return Err(unknown("")) };
        let rest = &text[component.len_utf8()..];
        let (presentation, width) = match rest.rsplit_once(',') {
            Some((presentation, width)) => (presentation, Some(width)),
            None => (rest, None),
        };
        let default = default_presentation(component);
        let default = default.ok_or_else(|| unknown(component.encode_utf8(&mut [0; 4])))?;
        let (presentation, modifier) = match presentation.char_indices().next_back() {
            None => (default, None),
            Some((at, last)) if at > 0 && "atco".contains(last) => {
                (&presentation[..at], Some(last))
            }
            Some(_) => (presentation, None),
        };
        let (width_min, width_max) = width.map_or((None, None), widths);
        let mut marker = Marker {
            component,
            style: Style::Plain,
            traditional: modifier == Some('t'),
            width_max,
            digits_max: None,
        };
        marker.style = marker.style(presentation, modifier == Some('o'), width_min)?;
        Ok(marker)
    }

    fn style(
        &mut self,
        presentation: &str,
        ordinal: bool,
        width_min: Option<usize>,
    ) -> Result<Style, Failure> {
        if presentation.starts_with('n') {
            return Ok(Style::Name(Case::Lower));
        }
        if presentation.starts_with('N') {
            let title = presentation.starts_with("Nn");
            return Ok(Style::Name(if title { Case::Title } else { Case::Upper }));
        }
        if !INTEGERS.contains(self.component) && !"Zz".contains(self.component) {
            return Ok(Style::Plain);
        }
        let mut format = Format::of(presentation)?;
        format.ordinal |= ordinal;
        if let Numerals::Decimal(decimal) = &mut format.numerals
            && INTEGERS.contains(self.component)
        {
            decimal.mandatory = decimal.mandatory.max(width_min.unwrap_or(0));
            if "YMD".contains(self.component) {
                if let Some(width_max) = self.width_max {
                    self.digits_max = Some(width_max);
                    decimal.mandatory = width_max;
                } else {
                    let digits = decimal.mandatory + decimal.optional;
                    self.digits_max = (digits >= 2).then_some(digits);
                }
            }
        }
        Ok(Style::Integer(format))
    }

    /// The text of a component. Without a moment there are no numbers, and JavaScript says so.
    fn write(&self, moment: Option<&Moment>, offset: Offset) -> Result<String, Failure> {
        match self.component {
            'Z' | 'z' => return self.write_offset(offset),
            'C' | 'E' => return Ok("ISO".to_owned()),
            'P' => {
                let half = if moment.is_some_and(|moment| moment.hour >= 12) { "pm" } else { "am" };
                return Ok(match self.style {
                    Style::Name(Case::Upper) => half.to_uppercase(),
                    _ => half.to_owned(),
                });
            }
            _ => {}
        }
        let value = moment.map(|moment| {
            let value = component(moment, self.component);
            match self.digits_max {
                Some(digits) if self.component == 'Y' => {
                    value % 10_i64.checked_pow(digits as u32).unwrap_or(i64::MAX)
                }
                _ => value,
            }
        });
        match &self.style {
            Style::Name(case) => {
                let names: &[&str] = match self.component {
                    'M' | 'x' => &MONTHS,
                    'F' => &DAYS,
                    other => return Err(not_a_name(other)),
                };
                let Some(value) = value else { return Ok("undefined".to_owned()) };
                let name = names[(value - 1) as usize];
                let name = &name[..self.width_max.map_or(name.len(), |max| max.min(name.len()))];
                Ok(case.apply(name.to_owned()))
            }
            Style::Integer(format) => format.format(value.map_or(f64::NAN, |value| value as f64)),
            Style::Plain => Ok(value.map_or("NaN".to_owned(), |value| value.to_string())),
        }
    }

    /// The offset from UTC.
    fn write_offset(&self, offset: Offset) -> Result<String, Failure> {
        let together = offset.hours * 100.0 + offset.minutes;
        if together == 0.0 && self.traditional {
            return Ok("Z".to_owned());
        }
        let Style::Integer(format) = &self.style else { return Err(not_a_name(self.component)) };
        let Numerals::Decimal(decimal) = &format.numerals else {
            return Err(not_a_name(self.component));
        };
        let digits = match (&decimal.separators, decimal.mandatory) {
            (Separators::Irregular(_), 1 | 2) => {
                let mut text = format.format(offset.hours)?;
                if offset.minutes != 0.0 {
                    text.push(':');
                    text.push_str(&Format::of("00")?.format(offset.minutes)?);
                }
                text
            }
            (Separators::Regular(..), _) | (_, 3 | 4) => format.format(together)?,
            _ => return Err(FailureFacts::new("D3134")),
        };
        let zone = if self.component == 'z' { "GMT" } else { "" };
        Ok(format!("{zone}{}{digits}", if together >= 0.0 { "+" } else { "" }))
    }
}

fn unknown(component: &str) -> Failure {
    FailureFacts::new("D3132").with("value", json::Value::from(component).to_text())
}

/// Only months and days have names.
pub(super) fn not_a_name(component: char) -> Failure {
    let component = json::Value::from(component.to_string()).to_text();
    FailureFacts::new("D3133").with("value", component)
}

/// `2`, `2-4`, `*-3`
fn widths(text: &str) -> (Option<usize>, Option<usize>) {
    let (least, most) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
    // No component has as many characters.
    let number = |text: &str| text.parse::<usize>().ok().map(|width| width.min(100));
    (number(least), most.and_then(number))
}

/// A part of a moment that is an integer.
pub(super) fn component(moment: &Moment, component: char) -> i64 {
    match component {
        'Y' => moment.year,
        'M' => moment.month,
        'D' => moment.day,
        'd' => moment.day_of_year(),
        'F' => moment.weekday(),
        'W' => moment.week(Period::Year).0,
        'X' => moment.week(Period::Year).1,
        'w' => moment.week(Period::Month).0,
        'x' => moment.week(Period::Month).2,
        'H' => moment.hour,
        'h' => (moment.hour + 11) % 12 + 1,
        'P' => i64::from(moment.hour >= 12),
        'm' => moment.minute,
        's' => moment.second,
        'f' => moment.millisecond,
        _ => 0,
    }
}

/// An offset from UTC; not a number (NaN) where its text was none.
#[derive(Clone, Copy, Default)]
struct Offset {
    hours: f64,
    /// With the sign that the text has, whatever that of the hours is.
    minutes: f64,
}

impl Offset {
    /// What `±HHMM` means: as the reference implementation reads it, which takes it for one number
    /// and rounds its hours down, so that `-0530` is six hours and a half.
    fn of(zone: &str) -> Offset {
        let number = super::integer::leading_integer(zone).unwrap_or(f64::NAN);
        Offset { hours: (number / 100.0).floor(), minutes: number % 100.0 }
    }
}

/// The text of a time; `zone` is an offset such as `+0530`.
pub(crate) fn format(
    milliseconds: f64,
    picture: Option<&str>,
    zone: Option<&str>,
) -> Result<String, Failure> {
    let offset = zone.map_or(Offset::default(), Offset::of);
    let shifted = milliseconds + (offset.hours * 60.0 + offset.minutes) * 60_000.0;
    let moment = (shifted.abs() <= MILLISECONDS_MAX).then(|| Moment::of(shifted as i64));
    let mut text = String::new();
    for part in parse_picture(picture.unwrap_or(ISO_8601))? {
        match part {
            Part::Literal(literal) => text.push_str(&literal),
            Part::Marker(marker) => text.push_str(&marker.write(moment.as_ref(), offset)?),
        }
    }
    Ok(text)
}

//! Queries for executions, such as `status:FAILED machine:order* input.order.id:4711 after:-2h`.
//!
//! ```text
//! query = { ["-"] term }
//! term  = field ":" [ "=" | ">" | ">=" | "<" | "<=" ] value { "|" value }  |  word  |  "quoted"
//! ```
//!
//! A word is the beginning of an execution's name, or an ARN. In a value, `*` is any text; values
//! are quoted where they have spaces. A term that begins with `-` must not hold.

use json::Value;

/// A query that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// All must hold.
    pub terms: Vec<Term>,
}

/// What a term is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The beginning of the name, or the ARN.
    Word,
    /// `status`
    Status,
    /// `machine`: the name of the state machine.
    Machine,
    /// `type` of the state machine.
    Type,
    /// `name`
    Name,
    /// `alias`: its name.
    Alias,
    /// `version`: its number.
    Version,
    /// `after`: started then or later.
    After,
    /// `before`: started earlier.
    Before,
    /// `ended`: when.
    Ended,
    /// `duration`; of one that runs, until now.
    Duration,
    /// `events`: how many.
    Events,
    /// `redriven`: how often.
    Redriven,
    /// `parent`: `none` or `*`.
    Parent,
    /// `error` of one that failed.
    Error,
    /// `cause` of one that failed.
    Cause,
    /// `state` in which it failed.
    State,
    /// `reached`: a state that was entered.
    Reached,
    /// `waiting`: the kind of what it waits for.
    Waiting,
    /// `input.PATH`
    Input(Vec<String>),
    /// `output.PATH`
    Output(Vec<String>),
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is that, `*` being any text.
    Is,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A text, in which `*` is any text.
    Text(String),
    /// A number, a duration in milliseconds, or a time in milliseconds since 1970.
    Number(i64),
    /// `none`
    Nothing,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Whether it must not hold.
    pub is_negated: bool,
    /// What it is about.
    pub field: Field,
    /// How.
    pub comparison: Comparison,
    /// With any of these.
    pub operands: Vec<Operand>,
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// Where, in bytes from 0.
    pub offset: usize,
    /// What.
    pub message: String,
}

/// The fields whose names are whole, with whether their values are texts, numbers, durations or
/// times.
const FIELDS: [(&str, Field, Kind); 18] = [
    ("status", Field::Status, Kind::Text),
    ("machine", Field::Machine, Kind::Text),
    ("type", Field::Type, Kind::Text),
    ("name", Field::Name, Kind::Text),
    ("alias", Field::Alias, Kind::Text),
    ("version", Field::Version, Kind::Text),
    ("after", Field::After, Kind::Time),
    ("before", Field::Before, Kind::Time),
    ("ended", Field::Ended, Kind::Time),
    ("duration", Field::Duration, Kind::Duration),
    ("events", Field::Events, Kind::Number),
    ("redriven", Field::Redriven, Kind::Number),
    ("parent", Field::Parent, Kind::Text),
    ("error", Field::Error, Kind::Text),
    ("cause", Field::Cause, Kind::Text),
    ("state", Field::State, Kind::Text),
    ("reached", Field::Reached, Kind::Text),
    ("waiting", Field::Waiting, Kind::Text),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Duration,
    Time,
}

impl Field {
    /// Whether the history of an execution must be read for it.
    pub fn is_of_history(&self) -> bool {
        matches!(
            self,
            Field::Error
                | Field::Cause
                | Field::State
                | Field::Reached
                | Field::Waiting
                | Field::Input(_)
                | Field::Output(_)
        )
    }
}

impl Query {
    /// Reads a query. `now` is in milliseconds since 1970, for `-2h` and `today` (in UTC).
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn read(text: &str, now: i64) -> Result<Query, QueryError> {
        let mut terms = Vec::new();
        let mut at = 0;
        while let Some(begin) = text[at..].find(|it: char| !it.is_whitespace()) {
            let begin = at + begin;
            let end = end_of_term(text, begin)?;
            terms.push(term(text, begin, end, now)?);
            at = end;
        }
        Ok(Query { terms })
    }

    /// Whether a term is about that.
    pub fn has(&self, field: &Field) -> bool {
        self.terms.iter().any(|term| term.field == *field)
    }
}

/// A term goes on to the next space that is not in quotes.
fn end_of_term(text: &str, begin: usize) -> Result<usize, QueryError> {
    let mut quote = None;
    for (offset, character) in text[begin..].char_indices() {
        match character {
            '"' if quote.is_some() => quote = None,
            '"' => quote = Some(begin + offset),
            it if it.is_whitespace() && quote.is_none() => return Ok(begin + offset),
            _ => {}
        }
    }
    match quote {
        Some(offset) => Err(QueryError { offset, message: "The quote has no end".to_owned() }),
        None => Ok(text.len()),
    }
}

fn term(text: &str, begin: usize, end: usize, now: i64) -> Result<Term, QueryError> {
    let is_negated = text[begin..end].starts_with('-');
    let begin = begin + usize::from(is_negated);
    let whole = &text[begin..end];
    if whole.is_empty() {
        let message = "A term is missing after '-'".to_owned();
        return Err(QueryError { offset: begin, message });
    }
    let word = |word: &str| Term {
        is_negated,
        field: Field::Word,
        comparison: Comparison::Is,
        operands: vec![Operand::Text(word.replace('"', ""))],
    };
    if whole.starts_with('"') || whole.starts_with("arn:") {
        return Ok(word(whole));
    }
    let Some((name, rest)) = whole.split_once(':') else { return Ok(word(whole)) };
    let (field, kind) = field(name).ok_or_else(|| {
        let names: Vec<&str> = FIELDS.iter().map(|(name, ..)| *name).collect();
        let names = names.join(", ");
        let message =
            format!("There is no field '{name}'; there are {names}, input.PATH and output.PATH");
        QueryError { offset: begin, message }
    })?;
    let signs = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::More),
        ("<", Comparison::Less),
        ("=", Comparison::Is),
    ];
    let found = signs.iter().find(|(sign, _)| rest.starts_with(sign));
    let (comparison, skipped) = found.map_or((Comparison::Is, 0), |(sign, it)| (*it, sign.len()));
    let values = begin + name.len() + 1 + skipped;
    let is_path = matches!(field, Field::Input(_) | Field::Output(_));
    if comparison != Comparison::Is && kind == Kind::Text && !is_path {
        let message = format!("'{name}' has no order: it is compared without a sign");
        return Err(QueryError { offset: values - skipped, message });
    }
    let mut operands = Vec::new();
    let mut at = values;
    for value in split_values(&text[values..end]) {
        operands.push(operand(value, kind, now).ok_or_else(|| {
            let wanted = match kind {
                Kind::Text => "a text",
                Kind::Number => "a number",
                Kind::Duration => "a duration, such as 500ms, 5m or 2h",
                Kind::Time => "a time, such as -2h, today, 2026-11-30 or 2026-11-30T12:00",
            };
            QueryError { offset: at, message: format!("'{name}' takes {wanted}, not '{value}'") }
        })?);
        at += value.len() + 1;
    }
    Ok(Term { is_negated, field, comparison, operands })
}

fn field(name: &str) -> Option<(Field, Kind)> {
    let path = |path: &str| path.split('.').map(str::to_owned).collect();
    if let Some(rest) = name.strip_prefix("input.").filter(|rest| !rest.is_empty()) {
        return Some((Field::Input(path(rest)), Kind::Text));
    }
    if let Some(rest) = name.strip_prefix("output.").filter(|rest| !rest.is_empty()) {
        return Some((Field::Output(path(rest)), Kind::Text));
    }
    let (_, field, kind) = FIELDS.iter().find(|(known, ..)| *known == name)?;
    Some((field.clone(), *kind))
}

/// The values between `|` that are not in quotes.
fn split_values(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    text.split(|character| {
        is_quoted ^= character == '"';
        character == '|' && !is_quoted
    })
    .collect()
}

fn operand(text: &str, kind: Kind, now: i64) -> Option<Operand> {
    if text == "none" {
        return Some(Operand::Nothing);
    }
    let number = match kind {
        Kind::Text => {
            let text = text.replace('"', "");
            return (!text.is_empty()).then_some(Operand::Text(text));
        }
        Kind::Number => text.parse().ok()?,
        Kind::Duration => milliseconds(text)?,
        Kind::Time => time(text, now)?,
    };
    Some(Operand::Number(number))
}

/// `500ms`, `5m`, `2h`
fn milliseconds(text: &str) -> Option<i64> {
    let digits = text.find(|it: char| !it.is_ascii_digit())?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    text[..digits].parse::<i64>().ok()?.checked_mul(unit)
}

fn time(text: &str, now: i64) -> Option<i64> {
    if let Some(ago) = text.strip_prefix('-') {
        return now.checked_sub(milliseconds(ago)?);
    }
    if text == "today" {
        return Some(now - now.rem_euclid(86_400_000));
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_millisecond());
    }
    // A date alone is its first moment, in UTC.
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    let zoned = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(zoned.as_millisecond())
}

impl Term {
    /// Whether it holds of that text, or of there being none.
    pub fn holds_of_text(&self, text: Option<&str>) -> bool {
        self.is_negated
            != self.operands.iter().any(|operand| match (operand, text) {
                (Operand::Nothing, text) => text.is_none(),
                (Operand::Text(pattern), Some(text)) => is_like(pattern, text),
                (Operand::Text(_) | Operand::Number(_), _) => false,
            })
    }

    /// Whether it holds of any of these texts.
    pub fn holds_of_any<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let plain = Term { is_negated: false, ..self.clone() };
        let mut texts = texts.into_iter().peekable();
        let has_none = texts.peek().is_none() && plain.holds_of_text(None);
        self.is_negated != (has_none || texts.any(|text| plain.holds_of_text(Some(text))))
    }

    /// Whether it holds of that number, or of there being none.
    pub fn holds_of_number(&self, number: Option<i64>) -> bool {
        self.is_negated
            != self.operands.iter().any(|operand| match (operand, number) {
                (Operand::Nothing, number) => number.is_none(),
                (Operand::Number(wanted), Some(number)) => match self.comparison {
                    Comparison::Is => number == *wanted,
                    Comparison::More => number > *wanted,
                    Comparison::AtLeast => number >= *wanted,
                    Comparison::Less => number < *wanted,
                    Comparison::AtMost => number <= *wanted,
                },
                (Operand::Number(_) | Operand::Text(_), _) => false,
            })
    }

    /// Whether it holds of the value at a path of a document. Numbers are compared by their texts
    /// where it says what they are, and by their size where it says more or less.
    pub fn holds_of_value(&self, document: &Value, path: &[String]) -> bool {
        let mut found = Some(document);
        for segment in path {
            found = found.and_then(|value| match (value.as_array(), segment.parse::<usize>()) {
                (Some(items), Ok(index)) => items.get(index),
                _ => value.get(segment),
            });
        }
        if self.comparison == Comparison::Is {
            let text = found.map(|value| match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_text(),
            });
            return self.holds_of_text(text.as_deref());
        }
        let number = found.and_then(Value::as_number);
        self.is_negated
            != self.operands.iter().any(|operand| {
                let Operand::Text(text) = operand else { return false };
                let wanted = json::Number::parse(text);
                let Some(order) = number.zip(wanted).map(|(it, wanted)| it.compare(&wanted)) else {
                    return false;
                };
                match self.comparison {
                    Comparison::Is => order.is_eq(),
                    Comparison::More => order.is_gt(),
                    Comparison::AtLeast => order.is_ge(),
                    Comparison::Less => order.is_lt(),
                    Comparison::AtMost => order.is_le(),
                }
            })
    }
}

/// Whether a text is like a pattern, in which `*` is any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    fn read(text: &str) -> Query {
        Query::read(text, NOW).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    fn one(text: &str) -> Term {
        let query = read(text);
        assert_eq!(query.terms.len(), 1, "{text}");
        query.terms[0].clone()
    }

    #[test]
    fn a_query_has_terms() {
        let query = read(
            "status:FAILED|TIMED_OUT  machine:order* -error:\"a b\" input.order.id:4711 \
             after:-2h ord",
        );
        let fields: Vec<&Field> = query.terms.iter().map(|term| &term.field).collect();
        let path = Field::Input(vec!["order".into(), "id".into()]);
        let expected =
            [&Field::Status, &Field::Machine, &Field::Error, &path, &Field::After, &Field::Word];
        assert_eq!(fields, expected);
        assert_eq!(query.terms[0].operands.len(), 2);
        assert!(query.terms[2].is_negated);
        assert_eq!(query.terms[2].operands, [Operand::Text("a b".into())]);
        assert_eq!(query.terms[4].operands, [Operand::Number(NOW - 7_200_000)]);
        assert_eq!(read("  "), Query::default());
        assert_eq!(one("arn:aws:x:y").field, Field::Word);
        assert_eq!(one("\"status:x\"").field, Field::Word);
    }

    #[test]
    fn mistakes_have_places() {
        for (text, offset, part) in [
            ("status:FAILED colour:red", 14, "no field 'colour'"),
            ("name:\"x", 5, "has no end"),
            ("x -", 3, "is missing"),
            ("events:many", 7, "takes a number"),
            ("ok events:1|x", 12, "takes a number, not 'x'"),
            ("after:soon", 6, "takes a time"),
            ("duration:>5", 10, "takes a duration"),
            ("name:>a", 5, "has no order"),
            ("input.:x", 0, "no field 'input.'"),
            ("status:", 7, "takes a text"),
        ] {
            let error = Query::read(text, NOW).expect_err(text);
            assert_eq!(error.offset, offset, "{text}: {}", error.message);
            assert!(error.message.contains(part), "{text}: {}", error.message);
        }
    }

    #[test]
    fn times_and_durations() {
        for (text, expected) in [
            ("after:2027-01-15", 1_799_971_200_000),
            ("after:2027-01-15T08:00", NOW),
            ("after:2027-01-15T08:00:00Z", NOW),
            ("after:today", 1_799_971_200_000),
            ("duration:>500ms", 500),
            ("duration:>2d", 172_800_000),
        ] {
            assert_eq!(one(text).operands, [Operand::Number(expected)], "{text}");
        }
    }

    #[test]
    fn values_hold() {
        for (text, value, holds) in [
            ("name:a*c", Some("abc"), true),
            ("name:a*c", Some("ab"), false),
            ("name:a*b*c", Some("a-b-b-c"), true),
            ("name:*", Some(""), true),
            ("name:abc", Some("abcd"), false),
            ("-name:abc", Some("abcd"), true),
            ("parent:none", None, true),
            ("parent:none", Some("x"), false),
            ("-parent:none", Some("x"), true),
            ("name:x|abc", Some("abc"), true),
        ] {
            assert_eq!(one(text).holds_of_text(value), holds, "{text} {value:?}");
        }
        for (text, value, holds) in [
            ("events:>=10", Some(10), true),
            ("events:<10", Some(10), false),
            ("ended:none", None, true),
            ("events:10", Some(10), true),
        ] {
            assert_eq!(one(text).holds_of_number(value), holds, "{text} {value:?}");
        }
        assert!(one("-reached:A").holds_of_any(["B", "C"]));
        assert!(!one("-reached:A").holds_of_any(["B", "A"]));
        assert!(one("error:none").holds_of_any([]));
    }

    #[test]
    fn documents_hold() {
        let text =
            r#"{"order": {"id": 12345678901234567890, "lines": [{"sku": "x y"}]}, "n": null}"#;
        let document = json::parse(text).expect("JSON");
        for (query, holds) in [
            ("input.order.id:12345678901234567890", true),
            ("input.order.id:12345678901234567891", false),
            ("input.order.id:>12345678901234567889", true),
            ("input.order.lines.0.sku:\"x y\"", true),
            ("input.order.lines.1.sku:none", true),
            ("input.n:null", true),
            ("input.order.lines:*sku*", true),
            ("-input.order.id:>1", false),
        ] {
            let term = one(query);
            let Field::Input(path) = &term.field else { panic!("{query}") };
            assert_eq!(term.holds_of_value(&document, path), holds, "{query}");
        }
    }
}

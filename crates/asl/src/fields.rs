//! The fields that each object of a definition may have: one table per kind of object.
//!
//! Everything that can be said of a field alone is said here: its name, the query language that it
//! belongs to, its type, its range. What involves two fields is checked where they are compiled.

mod tables;

use json::{Object, Value};
use service_model::UnfitReason;

use crate::expressions::has_marks;
use crate::findings::Findings;
use crate::language::QueryLanguage;
use crate::parse_timestamp;
use crate::place::Place;

pub(crate) use tables::{
    BRANCH, CATCHER, CHOICE_RULE, CHOICE_RULE_NESTED, ITEM_BATCHER, ITEM_READER, MACHINE,
    OPERATORS, PROCESSOR, PROCESSOR_CONFIG, READER_CONFIG, RESULT_WRITER, RETRIER, WRITER_CONFIG,
    of_state,
};

/// A field that AWS knows.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    shape: Shape,
    pub(crate) required: bool,
    /// None where it belongs to both languages.
    language: Option<QueryLanguage>,
    /// In JSONata, a text `{% … %}` may stand for the value.
    expression: bool,
}

/// The fields of a kind of object, in parts that kinds share.
pub(crate) type Table = &'static [&'static [Field]];

/// What a value may be.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Any,
    Text,
    TextOrNull,
    OneOf(&'static [&'static str]),
    Timestamp,
    Integer { minimum: i64, maximum: i64 },
    Float { minimum: f64, maximum: f64 },
    Number,
    Boolean,
    List,
    FilledList,
    Members,
    FilledMembers,
    ListOrMembers,
}

impl Field {
    pub(crate) const fn new(name: &'static str, shape: Shape) -> Field {
        Field { name, shape, required: false, language: None, expression: false }
    }

    pub(crate) const fn required(self) -> Field {
        Field { required: true, ..self }
    }

    /// Whether it must be a text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.shape, Shape::Text)
    }

    const fn in_json_path(self) -> Field {
        Field { language: Some(QueryLanguage::JsonPath), ..self }
    }

    const fn in_jsonata(self) -> Field {
        Field { language: Some(QueryLanguage::Jsonata), ..self }
    }

    const fn or_expression(self) -> Field {
        Field { expression: true, ..self }
    }

    /// How to mend a value that was refused; empty where the refusal says it.
    fn help(&self, value: &Value, language: QueryLanguage) -> String {
        let text = value.as_str().unwrap_or_default();
        if jsonata::expression_text(text).is_some() && language == QueryLanguage::JsonPath {
            return "an expression {% … %} needs \"QueryLanguage\": \"JSONata\"".to_owned();
        }
        match self.shape {
            Shape::OneOf(allowed) => nearest(text, allowed.iter().copied())
                .map(|meant| format!("did you mean '{meant}'?"))
                .unwrap_or_default(),
            Shape::Timestamp => "write such as 2024-01-02T03:04:05Z".to_owned(),
            _ if text.starts_with('$') && !matches!(self.shape, Shape::Text) => {
                format!("to read it from the input, use '{}Path'", self.name)
            }
            _ => String::new(),
        }
    }

    fn accepts(&self, value: &Value, language: QueryLanguage) -> Result<(), String> {
        let is_expression = self.expression
            && language == QueryLanguage::Jsonata
            && value.as_str().is_some_and(has_marks);
        if is_expression { Ok(()) } else { self.shape.accepts(value) }
    }
}

impl Shape {
    /// # Errors
    /// What is wrong with the value.
    fn accepts(self, value: &Value) -> Result<(), String> {
        let (is_so, name) = match self {
            Shape::Any => (true, ""),
            Shape::Text | Shape::OneOf(_) | Shape::Timestamp => {
                (value.as_str().is_some(), "[STRING]")
            }
            Shape::TextOrNull => (value.as_str().is_some() || value.is_null(), "[STRING, NULL]"),
            Shape::Integer { .. } => {
                (value.as_number().is_some_and(|number| number.is_integer_text()), "Integer")
            }
            Shape::Float { .. } | Shape::Number => (value.as_number().is_some(), "[NUMBER]"),
            Shape::Boolean => (value.as_bool().is_some(), "[BOOLEAN]"),
            Shape::List | Shape::FilledList => (value.as_array().is_some(), "[ARRAY]"),
            Shape::Members | Shape::FilledMembers => (value.as_object().is_some(), "[OBJECT]"),
            Shape::ListOrMembers => {
                (value.as_array().is_some() || value.as_object().is_some(), "[ARRAY]")
            }
        };
        if !is_so {
            return Err(format!("Expected value of type {name}"));
        }
        self.accepts_content(value)
    }

    fn accepts_content(self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Shape::OneOf(allowed), Value::String(text)) if !allowed.contains(&&**text) => {
                let allowed = allowed.join(", ");
                Err(format!("Value should be one of the following: [{allowed}]"))
            }
            (Shape::Timestamp, Value::String(text)) if parse_timestamp(text).is_none() => {
                Err("String does not match RFC3339 timestamp".to_owned())
            }
            (Shape::Integer { minimum, .. }, Value::Number(number))
                if number.compare(&minimum.into()).is_lt() =>
            {
                Err(format!("Minimum value is {minimum}"))
            }
            (Shape::Integer { maximum, .. }, Value::Number(number))
                if number.compare(&maximum.into()).is_gt() =>
            {
                Err(format!("Maximum value is {maximum}"))
            }
            (Shape::Float { minimum, .. }, Value::Number(number)) if number.as_f64() < minimum => {
                Err(format!("Minimum value is {minimum:?}"))
            }
            (Shape::Float { maximum, .. }, Value::Number(number)) if number.as_f64() > maximum => {
                Err(format!("Maximum value is {maximum:?}"))
            }
            (Shape::FilledList, Value::Array(items)) if items.is_empty() => {
                Err("Value cannot be empty".to_owned())
            }
            (Shape::FilledMembers, Value::Object(members)) if members.is_empty() => {
                Err("Value cannot be empty".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// An object whose fields were checked against a table. What was refused is as good as absent,
/// except to [`Fields::has`].
pub(crate) struct Fields<'a> {
    object: &'a Object,
    refused: Vec<&'a str>,
    place: Place<'a>,
}

impl<'a> Fields<'a> {
    /// Checks every member, and that the required ones are there.
    pub(crate) fn check(
        object: &'a Object,
        table: Table,
        language: QueryLanguage,
        place: Place<'a>,
        findings: &mut Findings<'a>,
    ) -> Fields<'a> {
        let all = || table.iter().copied().flatten();
        let absent: Vec<&str> = all()
            .filter(|field| field.required && !object.contains(field.name))
            .map(|field| field.name)
            .collect();
        if !absent.is_empty() {
            let absent = absent.join(", ");
            findings
                .error(&place, format_args!("These fields are required: [{absent}]"))
                .help(format_args!("add {absent}"));
        }
        let mut fields = Fields { object, refused: Vec::new(), place };
        for (name, value) in object.iter() {
            let field = all().find(|field| field.name == &**name);
            if !fields.allows(name, value, (field, table), language, findings) {
                fields.refused.push(name);
            }
        }
        fields
    }

    fn allows(
        &self,
        name: &'a str,
        value: &'a Value,
        (field, table): (Option<&Field>, Table),
        language: QueryLanguage,
        findings: &mut Findings<'a>,
    ) -> bool {
        let Some(field) = field else {
            findings
                .error(&self.place, format_args!("Field '{name}' is not supported"))
                .help(unknown_field(name, table, language));
            return false;
        };
        if let Some(of_field) = field.language.filter(|of_field| *of_field != language) {
            let message = format_args!(
                "The QueryLanguage is set to '{language}', but field '{name}' is only supported \
                 for the '{of_field}' QueryLanguage"
            );
            findings.error(&self.place, message).help(other_language(name, language));
            return false;
        }
        let place = self.place.member(name);
        match field.accepts(value, language) {
            Ok(()) => true,
            Err(message) => {
                findings.error(&place, message).help(field.help(value, language));
                false
            }
        }
    }

    /// The object's place.
    pub(crate) fn place(&self) -> &Place<'a> {
        &self.place
    }

    /// Whether the member is there, right or wrong.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.contains(name)
    }

    /// The value of a member that was not refused.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        let value = self.object.get(name)?;
        (!self.refused.contains(&name)).then_some(value)
    }

    /// The same, with its place.
    pub(crate) fn located(&self, name: &'static str) -> Option<(&'a Value, Place<'a>)> {
        self.get(name).map(|value| (value, self.place.member(name)))
    }

    /// A text that was not refused.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A whole number that was not refused and is not negative; the greatest `i64` where it is
    /// greater than that.
    pub(crate) fn integer(&self, name: &str) -> Option<u64> {
        let number = self.get(name)?.as_number()?;
        u64::try_from(number.as_i64().unwrap_or(i64::MAX)).ok()
    }

    /// The items of a list that was not refused, with their places.
    pub(crate) fn items(&self, name: &'static str) -> Vec<(&'a Value, Place<'a>)> {
        let Some((Value::Array(items), place)) = self.located(name) else { return Vec::new() };
        items.iter().enumerate().map(|(index, item)| (item, place.item(index))).collect()
    }

    /// Reports where several of the fields are there, or none though one must be.
    pub(crate) fn one_of(
        &self,
        names: &'static [&'static str],
        required: bool,
        findings: &mut Findings<'a>,
    ) {
        let names_joined = || names.join(", ");
        match names.iter().filter(|name| self.has(name)).count() {
            0 if required => findings
                .error(
                    &self.place,
                    format_args!(
                        "This object should have only one of the following fields: [{}]",
                        names_joined()
                    ),
                )
                .help("add one of them"),
            0 | 1 => {}
            _ => {
                let given: Vec<&str> =
                    names.iter().copied().filter(|name| self.has(name)).collect();
                findings
                    .error(
                        &self.place,
                        format_args!(
                            "There should only be one of the following fields: [{}]",
                            names_joined()
                        ),
                    )
                    .help(format_args!("keep one of {}", given.join(", ")));
            }
        }
    }
}

/// Checks the members of the parameters of a service, which may be literals or, under a name that
/// ends in `.$`, expressions.
pub(crate) fn check_parameters<'a>(
    parameters: &'a Object,
    table: &[Field],
    language: QueryLanguage,
    place: &Place<'a>,
    findings: &mut Findings<'a>,
) {
    let has_paths = language == QueryLanguage::JsonPath;
    for field in table.iter().filter(|field| field.required) {
        let name = field.name;
        let has_path = has_paths && parameters.contains(&format!("{name}.$"));
        if !parameters.contains(name) && !has_path {
            findings.error(place, UnfitReason::Missing(name.to_owned()));
        }
    }
    for (name, value) in parameters.iter() {
        let plain = name.strip_suffix(".$").filter(|_| has_paths);
        let named = plain.unwrap_or(name);
        let Some(field) = table.iter().find(|field| field.name == named) else {
            // AWS tells of an unknown name with a path when the state runs.
            if plain.is_none() {
                findings.error(place, UnfitReason::NotSupported(name.to_string()));
            }
            continue;
        };
        let is_expression = !has_paths && value.as_str().is_some_and(has_marks);
        if plain.is_none()
            && !is_expression
            && let Err(message) = field.shape.accepts(value)
        {
            findings.error(&place.member(name), message);
        }
    }
}

/// What to do about a field that is not known.
fn unknown_field(name: &str, table: Table, language: QueryLanguage) -> String {
    let names = table.iter().copied().flatten();
    let names = names.filter(|field| field.language.is_none_or(|it| it == language));
    match nearest(name, names.map(|field| field.name)) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => "remove it, or move it to where it belongs".to_owned(),
    }
}

/// What stands in the place of a field of the other query language.
fn other_language(name: &str, language: QueryLanguage) -> String {
    let instead = match (language, name) {
        (QueryLanguage::JsonPath, _) => {
            return "set \"QueryLanguage\": \"JSONata\" on the state or on the state machine"
                .to_owned();
        }
        (_, "Parameters") => "'Arguments', or 'ItemSelector' in a Map state".to_owned(),
        (_, "InputPath") => "'$states.input' in the fields that need it".to_owned(),
        (_, "ResultSelector" | "OutputPath" | "Result") => "'Output'".to_owned(),
        (_, "ResultPath") => "'Output', or 'Assign' to keep the result in a variable".to_owned(),
        (_, "ItemsPath") => "'Items'".to_owned(),
        (_, "Variable" | "And" | "Or" | "Not") => "'Condition'".to_owned(),
        (_, path) => match path.strip_suffix("Path") {
            Some(field) => format!("'{field}' with an expression {{% … %}}"),
            None => "'Condition'".to_owned(),
        },
    };
    format!("in JSONata, use {instead}")
}

/// The one of the names that differs least from a word, where it differs little.
pub(crate) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const COMPARED_MAX: usize = 80;
    let word: Vec<char> = word.to_lowercase().chars().take(COMPARED_MAX).collect();
    let allowed = (1 + word.len() / 4).min(4);
    let distances = names.map(|name| (distance(&word, &name.to_lowercase()), name));
    distances.filter(|(distance, _)| *distance <= allowed).min().map(|(_, name)| name)
}

/// How many letters must be changed, added or left out.
fn distance(word: &[char], name: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (line, letter) in name.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in word.iter().enumerate() {
            let changed = diagonal + usize::from(*other != letter);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[word.len()]
}

/// The object that must stand at a place.
pub(crate) fn expect_object<'a>(
    value: &'a Value,
    place: &Place<'a>,
    findings: &mut Findings<'a>,
) -> Option<&'a Object> {
    if let Err(message) = Shape::Members.accepts(value) {
        findings.error(place, message);
    }
    value.as_object()
}

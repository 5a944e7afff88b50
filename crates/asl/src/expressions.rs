//! JSONata in the fields of a state, and payload templates in either language.

use json::Value;
use jsonata::Template;

use crate::fields::Fields;
use crate::findings::Findings;
use crate::language::QueryLanguage;
use crate::place::Place;
use crate::state::StateReader;
use crate::template::template;
use crate::{Amount, Code, Payload, StateType, paths};

/// The members of `$states` that there are besides `input` and `context`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offers {
    Nothing,
    /// `result`
    Result,
    /// `errorOutput`
    ErrorOutput,
}

impl Offers {
    /// What `Output` and `Assign` of a state of that type see.
    pub(crate) fn of(state_type: StateType) -> Offers {
        match state_type {
            StateType::Task | StateType::Parallel | StateType::Map => Offers::Result,
            _ => Offers::Nothing,
        }
    }

    fn has(self, member: &str) -> bool {
        match member {
            "input" | "context" => true,
            "result" => self == Offers::Result,
            "errorOutput" => self == Offers::ErrorOutput,
            _ => false,
        }
    }
}

/// Where there is a member of `$states` that is not here.
fn where_is(member: &str) -> &'static str {
    match member {
        "result" => "there is a result in 'Output' and 'Assign' of Task, Parallel and Map states",
        "errorOutput" => "there is an error output in 'Output' and 'Assign' within 'Catch'",
        _ => "$states has the members input, context, result and errorOutput",
    }
}

/// What to write instead.
fn instead_of(restriction: &jsonata::Restriction) -> String {
    match restriction {
        jsonata::Restriction::Field(name) => {
            format!("write $states.input.{name}, or ${name} for a variable")
        }
        jsonata::Restriction::Context | jsonata::Restriction::Root => {
            "write $states.input for the input of the state".to_owned()
        }
    }
}

/// Whether a text is an expression, or was meant to be one and is refused as such.
pub(crate) fn has_marks(text: &str) -> bool {
    jsonata::expression_text(text).is_some() || jsonata::is_malformed(text)
}

/// The JSONata template that a field holds.
pub(crate) fn jsonata<'a>(
    field: Option<(&'a Value, Place<'a>)>,
    offers: Offers,
    findings: &mut Findings<'a>,
) -> Option<Template> {
    let (value, place) = field?;
    match Template::compile(value) {
        Ok(template) => {
            for (pointer, expression) in template.expressions() {
                let needs = expression.needs();
                let place = place.find(value, pointer).0;
                let code = Code::UnsupportedJsonataExpression;
                for restriction in &needs.restrictions {
                    findings.error_with(code, &place, restriction).help(instead_of(restriction));
                }
                for member in needs.states_members.iter().filter(|member| !offers.has(member)) {
                    let message = format_args!("Field '$states.{member}' does not exist.");
                    findings.error_with(code, &place, message).help(where_is(member));
                }
            }
            Some(template)
        }
        Err(errors) => {
            for error in errors {
                let place = place.find(value, &error.pointer).0;
                let code = Code::InvalidJsonataExpression;
                findings.error_with(code, &place, &error.error.message).help(format_args!(
                    "see character {} of the expression between {{% and %}}",
                    error.error.position
                ));
            }
            None
        }
    }
}

/// A field that is an expression; none where it is a literal.
pub(crate) fn expression<'a>(
    fields: &Fields<'a>,
    name: &'static str,
    language: QueryLanguage,
    findings: &mut Findings<'a>,
) -> Option<Template> {
    if language != QueryLanguage::Jsonata {
        return None;
    }
    let field = fields.located(name)?;
    if !field.0.as_str().is_some_and(has_marks) {
        return None;
    }
    jsonata(Some(field), Offers::Nothing, findings)
}

/// A payload template in the language of the state.
pub(crate) fn payload<'a>(
    state: &mut StateReader<'_, 'a>,
    field: Option<(&'a Value, Place<'a>)>,
    offers: Offers,
) -> Option<Payload> {
    match state.language {
        QueryLanguage::JsonPath => template(field, state.findings).map(Payload::JsonPath),
        QueryLanguage::Jsonata => jsonata(field, offers, state.findings).map(Payload::Jsonata),
    }
}

/// `Assign` of a state, a rule or a catcher.
pub(crate) fn assign<'a>(
    state: &mut StateReader<'_, 'a>,
    field: Option<(&'a Value, Place<'a>)>,
    offers: Offers,
) -> Option<Payload> {
    let (value, place) = field?;
    for (name, _) in value.as_object()?.iter() {
        let variable = match state.language {
            QueryLanguage::JsonPath => name.strip_suffix(".$").unwrap_or(name),
            QueryLanguage::Jsonata => name,
        };
        state.assigns(variable, place.member(name));
    }
    payload(state, Some((value, place)), offers)
}

/// A number: a literal, a path in the field of that name with `Path` after it, or an expression.
pub(crate) fn amount(
    state: &mut StateReader<'_, '_>,
    literal: &'static str,
    path: &'static str,
    sees: paths::Sees,
) -> Option<Amount> {
    amount_of(&state.fields, literal, path, sees, state.language, state.findings)
}

/// The same, of an object within the state.
pub(crate) fn amount_in<'a>(
    state: &mut StateReader<'_, 'a>,
    fields: &Fields<'a>,
    literal: &'static str,
    path: &'static str,
) -> Option<Amount> {
    let sees = paths::Sees::Everything;
    amount_of(fields, literal, path, sees, state.language, state.findings)
}

fn amount_of<'a>(
    fields: &Fields<'a>,
    literal: &'static str,
    path: &'static str,
    sees: paths::Sees,
    language: QueryLanguage,
    findings: &mut Findings<'a>,
) -> Option<Amount> {
    if let Some(expression) = expression(fields, literal, language, findings) {
        return Some(Amount::Jsonata(expression));
    }
    match fields.integer(literal) {
        Some(number) => Some(Amount::Literal(number)),
        None => paths::single(fields.located(path), sees, findings).map(Amount::Path),
    }
}

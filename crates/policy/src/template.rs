//! Texts in which policy variables may stand, with or without wildcards.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.

use crate::glob::{Glob, Unit};
use crate::{Context, PolicyError};

/// A text with variables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// As written; special where it is a wildcard that is meant as one.
    Plain {
        character: char,
        is_special: bool,
    },
    Variable {
        key: String,
        default: Option<String>,
    },
}

impl Template {
    /// Reads the text. Policies of the version 2008-10-17 have no variables: there `${` is a text
    /// like any other.
    pub(crate) fn parse(text: &str, has_variables: bool) -> Result<Template, PolicyError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if has_variables && let Some(inside) = rest.strip_prefix("${") {
                let error = || PolicyError::Variable(text.to_owned());
                let (piece, after) = variable(inside).ok_or_else(error)?;
                pieces.push(piece);
                rest = after;
                continue;
            }
            pieces.push(Piece::Plain { character, is_special: true });
            rest = &rest[character.len_utf8()..];
        }
        Ok(Template(pieces))
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
    }

    /// The text, in which wildcards are characters like others; none where a variable has no value.
    pub(crate) fn text(&self, context: &Context<'_>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain { character, .. } => text.push(*character),
                Piece::Variable { key, default } => text.push_str(value(context, key, default)?),
            }
        }
        Some(text)
    }

    /// The pattern; none where a variable has no value. What comes from a variable is no wildcard.
    pub(crate) fn units(&self, context: &Context<'_>) -> Option<Vec<Unit>> {
        let mut units = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            match piece {
                Piece::Plain { character: '*', is_special: true } => units.push(Unit::Run),
                Piece::Plain { character: '?', is_special: true } => units.push(Unit::One),
                Piece::Plain { character, .. } => units.push(Unit::Character(*character)),
                Piece::Variable { key, default } => {
                    units.extend(value(context, key, default)?.chars().map(Unit::Character));
                }
            }
        }
        Some(units)
    }
}

fn value<'a>(context: &'a Context<'_>, key: &str, default: &'a Option<String>) -> Option<&'a str> {
    context.only(key).or(default.as_deref())
}

/// What stands after `${`, and what comes after the brace that closes it.
fn variable(inside: &str) -> Option<(Piece, &str)> {
    for special in ['*', '?', '$'] {
        let closed = inside.strip_prefix(special).and_then(|rest| rest.strip_prefix('}'));
        if let Some(after) = closed {
            return Some((Piece::Plain { character: special, is_special: false }, after));
        }
    }
    let end = inside.find([',', '}'])?;
    let key = inside[..end].trim().to_ascii_lowercase();
    if key.is_empty() || key.contains(['{', '$', '\'']) {
        return None;
    }
    let rest = &inside[end..];
    if let Some(after) = rest.strip_prefix('}') {
        return Some((Piece::Variable { key, default: None }, after));
    }
    let quoted = rest[1..].trim_start().strip_prefix('\'')?;
    let end = quoted.find('\'')?;
    let default = Some(quoted[..end].to_owned());
    let after = quoted[end + 1..].trim_start().strip_prefix('}')?;
    Some((Piece::Variable { key, default }, after))
}

/// A pattern, compiled where it has no variables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    Fixed(Glob),
    Variable(Template),
}

impl Pattern {
    /// A pattern whose wildcards stand for anything.
    pub(crate) fn parse(text: &str, has_variables: bool) -> Result<Pattern, PolicyError> {
        Ok(match Template::parse(text, has_variables)? {
            template if template.has_variables() => Pattern::Variable(template),
            template => {
                let units = template.units(&Context::default());
                Pattern::Fixed(Glob::new(&units.expect("there are no variables")))
            }
        })
    }

    pub(crate) fn matches(&self, text: &str, context: &Context<'_>) -> bool {
        match self {
            Pattern::Fixed(glob) => glob.matches(text),
            Pattern::Variable(template) => {
                template.units(context).is_some_and(|units| Glob::new(&units).matches(text))
            }
        }
    }
}

/// The pattern of an ARN: a `*` reaches beyond colons only at the end of its segment, and segments
/// that are missing match anything.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ArnPattern {
    /// `*`
    Any,
    Fixed(Glob),
    Variable(Template),
}

/// An ARN has so many segments; what comes after the last colon may have more colons.
const SEGMENTS: usize = 6;

impl ArnPattern {
    pub(crate) fn parse(text: &str, has_variables: bool) -> Result<ArnPattern, PolicyError> {
        if text == "*" {
            return Ok(ArnPattern::Any);
        }
        Ok(match Template::parse(text, has_variables)? {
            template if template.has_variables() => ArnPattern::Variable(template),
            template => {
                let units = template.units(&Context::default());
                let units = units.expect("there are no variables");
                ArnPattern::Fixed(Glob::new(&within_segments(units)))
            }
        })
    }

    pub(crate) fn matches(&self, arn: &str, context: &Context<'_>) -> bool {
        match self {
            ArnPattern::Any => true,
            ArnPattern::Fixed(glob) => glob.matches(arn),
            ArnPattern::Variable(template) => template
                .units(context)
                .is_some_and(|units| Glob::new(&within_segments(units)).matches(arn)),
        }
    }
}

fn within_segments(mut units: Vec<Unit>) -> Vec<Unit> {
    let colon = Unit::Character(':');
    let colons = units.iter().filter(|unit| **unit == colon).count();
    for _ in colons + 1..SEGMENTS {
        units.extend([colon, Unit::Run]);
    }
    for index in 0..units.len() {
        let is_last = units.get(index + 1).is_none_or(|next| *next == colon);
        if units[index] == Unit::Run && !is_last {
            units[index] = Unit::RunWithin;
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        let pattern_of = Pattern::parse(pattern, true).expect("a pattern");
        assert_eq!(pattern_of.matches(text, &Context::default()), expected, "{pattern} {text}");
    }

    #[test]
    fn wildcards_stand_for_characters() {
        check("", "", true);
        check("", "a", false);
        check("abc", "abc", true);
        check("abc", "abcd", false);
        check("*", "", true);
        check("a*", "a", true);
        check("*a", "banana", true);
        check("*a", "bananas", false);
        check("a*b*c", "aXbYbZc", true);
        check("a*b*c", "aXbYbZ", false);
        check("?", "é", true);
        check("??", "é", false);
        check("*?*", "", false);
        check("a**b", "ab", true);
        check("${*}", "*", true);
        check("${*}", "x", false);
        check("${?}${$}", "?$", true);
    }

    fn check_arn(pattern: &str, arn: &str, expected: bool) {
        let pattern_of = ArnPattern::parse(pattern, true).expect("a pattern");
        assert_eq!(pattern_of.matches(arn, &Context::default()), expected, "{pattern} {arn}");
    }

    #[test]
    fn wildcards_in_arns_know_their_segment() {
        let arn = "arn:aws:states:us-east-1:1:execution:child:run";
        check_arn("*", arn, true);
        check_arn("arn:aws:states:us-east-1:1:execution:child:*", arn, true);
        check_arn("arn:aws:states:us-east-1:1:execution:*", arn, true);
        check_arn("arn:aws:states:*", arn, true);
        check_arn("arn:aws:states", arn, true);
        check_arn("arn:aws:sqs", arn, false);
        check_arn("arn:aws:states:*:*:execution:ch*ld:*", arn, true);
        check_arn("arn:aws:states:us-*-1:1:execution:child:run", arn, true);
        check_arn("arn:aws:states:us*1:execution:child:run", arn, false);
        check_arn("arn:*:states:u*1:1:execution:*n", arn, false);
        check_arn("arn:*:1:execution:c*d:run", arn, true);
        check_arn("arn:*:execution:c*d:run", arn, false);
        check_arn("arn:aws:states:us-east-1:1:execution:child:ru?", arn, true);
    }

    #[test]
    fn variables_that_are_none_are_refused() {
        for text in ["${", "${}", "${ }", "${a", "${a,}", "${a,'b}", "${a,b}", "${${a}}"] {
            let error = PolicyError::Variable(text.to_owned());
            assert_eq!(Pattern::parse(text, true), Err(error), "{text}");
            Pattern::parse(text, false).expect("2008-10-17 has no variables");
        }
    }
}

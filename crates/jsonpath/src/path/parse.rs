//! Text to steps.

use std::sync::Arc;

use super::filter::parse_condition;
use super::function::parse_call;
use super::step::{Name, Slice, Step};
use crate::SyntaxError;
use crate::cursor::Cursor;

/// How deep filters, parentheses and function arguments may be nested.
const NESTING_MAX: usize = 32;

/// What stands around a path, and so where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Nothing: the path is the whole text.
    Alone,
    /// Arguments of a call.
    Arguments,
    /// A condition of a filter.
    Filter,
}

/// Parentheses, filters and arguments around a place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nesting(usize);

impl Nesting {
    /// One more level.
    pub(crate) fn deeper(self, cursor: &Cursor<'_>) -> Result<Nesting, SyntaxError> {
        if self.0 == NESTING_MAX {
            return Err(cursor.error(format!("Nested deeper than {NESTING_MAX} levels")));
        }
        Ok(Nesting(self.0 + 1))
    }
}

/// Reads the steps after a root.
pub(crate) fn parse_steps(
    cursor: &mut Cursor<'_>,
    within: Within,
    nesting: Nesting,
) -> Result<Vec<Step>, SyntaxError> {
    let mut steps = Vec::new();
    loop {
        if cursor.eat("..") {
            steps.push(Step::Descend);
            match cursor.peek() {
                None => return Err(cursor.error("Path must not end with a '.' or '..'")),
                Some('.') => return Err(cursor.error("A third '.' is not valid")),
                Some('[') => steps.push(parse_bracket(cursor, nesting)?),
                Some(_) => steps.push(parse_dotted(cursor, within, nesting)?),
            }
            if matches!(steps.last(), Some(Step::Function(_))) {
                return Err(cursor.error("A function cannot follow '..'"));
            }
        } else if cursor.eat(".") {
            match cursor.peek() {
                None => return Err(cursor.error("Path must not end with a '.' or '..'")),
                // `$.['name']` is written now and then.
                Some('[') => steps.push(parse_bracket(cursor, nesting)?),
                Some(_) => steps.push(parse_dotted(cursor, within, nesting)?),
            }
        } else if cursor.peek() == Some('[') {
            steps.push(parse_bracket(cursor, nesting)?);
        } else if after_bracket(cursor) {
            // `$.items[0]name` is taken as if there were a dot.
            steps.push(parse_dotted(cursor, within, nesting)?);
        } else {
            return Ok(steps);
        }
    }
}

/// Whether a name comes next, right behind a bracket.
fn after_bracket(cursor: &Cursor<'_>) -> bool {
    cursor.since(0).ends_with(']') && cursor.peek().is_some_and(is_name_part)
}

/// Reads `*`, `name` or `function(…)`.
fn parse_dotted(
    cursor: &mut Cursor<'_>,
    within: Within,
    nesting: Nesting,
) -> Result<Step, SyntaxError> {
    if cursor.eat("*") {
        return Ok(Step::Wildcard);
    }
    let start = cursor.at();
    let mut text = String::new();
    while let Some(character) = cursor.peek() {
        let escaped = cursor.rest()[character.len_utf8()..].chars().next();
        // A backslash takes away the meaning of what has one, and else is a letter of the name.
        if character == '\\' && escaped.is_some_and(|next| !is_name_part(next)) {
            cursor.next();
            text.extend(cursor.next());
            continue;
        }
        if !is_name_part(character) {
            break;
        }
        text.push(character);
        cursor.next();
    }
    if text.is_empty() {
        return Err(cursor.error("Expected a name, '*' or '['"));
    }
    if cursor.peek() == Some('(') {
        return parse_call(cursor, start, &text, nesting.deeper(cursor)?)
            .map(|call| Step::Function(Arc::new(call)));
    }
    // Whoever reads a path within something else decides on what comes after it.
    let ends = within != Within::Alone
        || matches!(cursor.peek(), Some('.' | '['))
        || cursor.rest().trim_start().is_empty();
    if !ends {
        return Err(cursor
            .error("Use bracket notation such as ['my name'] for a name with blanks or signs"));
    }
    Ok(Step::Name(Name { text: text.into(), quote: '\'' }))
}

fn is_name_part(character: char) -> bool {
    !(character.is_whitespace()
        || character.is_control()
        || matches!(character, '.' | '[' | ']' | '(' | ')' | '{' | '}' | '\'' | '"' | '`')
        || matches!(character, ',' | '*' | '?' | '<' | '>' | '=' | '!' | '&' | '|' | '~'))
}

/// Reads `[…]`.
fn parse_bracket(cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Step, SyntaxError> {
    cursor.expect("[")?;
    cursor.skip_whitespace();
    let step = match cursor.peek() {
        Some(quote @ ('\'' | '"')) => parse_names(cursor, quote)?,
        Some('*') => {
            cursor.next();
            Step::Wildcard
        }
        Some('?') => {
            cursor.next();
            cursor.skip_whitespace();
            cursor.expect("(")?;
            let condition = parse_condition(cursor, nesting.deeper(cursor)?)?;
            cursor.skip_whitespace();
            cursor.expect(")")?;
            Step::Filter(Arc::new(condition))
        }
        Some('(') => parse_from_end(cursor)?,
        Some('-' | ':' | '0'..='9') => parse_numbers(cursor)?,
        _ => return Err(cursor.error("Expected a name in quotes, a number, '*' or '?'")),
    };
    cursor.skip_whitespace();
    cursor.expect("]")?;
    Ok(step)
}

/// Reads `'a'` or `'a','b'`, all in the same quotes.
fn parse_names(cursor: &mut Cursor<'_>, quote: char) -> Result<Step, SyntaxError> {
    let mut names = Vec::new();
    loop {
        names.push(parse_quoted_name(cursor, quote)?);
        cursor.skip_whitespace();
        if !cursor.eat(",") {
            break;
        }
        cursor.skip_whitespace();
        if cursor.peek() != Some(quote) {
            return Err(cursor.error(format!("Expected a name in {quote}")));
        }
    }
    Ok(match <[Name; 1]>::try_from(names) {
        Ok([name]) => Step::Name(name),
        Err(names) => Step::Names(names),
    })
}

/// Reads a name in quotes. A backslash before the quote or another backslash is not part of the
/// name; before all else it is, as recorded on the live service: `['a\"b']` is the name `a\"b`.
fn parse_quoted_name(cursor: &mut Cursor<'_>, quote: char) -> Result<Name, SyntaxError> {
    let start = cursor.at();
    cursor.next();
    let mut text = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.error_at(start, format!("Missing the closing {quote}"))),
            Some(character) if character == quote => break,
            Some('\\') if cursor.peek().is_some_and(|next| next == quote || next == '\\') => {
                text.extend(cursor.next());
            }
            Some(character) => text.push(character),
        }
    }
    Ok(Name { text: text.into(), quote })
}

/// Reads `(@.length-1)`: the place before the end.
fn parse_from_end(cursor: &mut Cursor<'_>) -> Result<Step, SyntaxError> {
    let start = cursor.at();
    cursor.expect("(")?;
    cursor.skip_whitespace();
    if !(cursor.eat("@.length()") || cursor.eat("@.length") || cursor.eat("@.size()")) {
        return Err(cursor.error("Expected '@.length - ' and a number"));
    }
    cursor.skip_whitespace();
    cursor.expect("-")?;
    cursor.skip_whitespace();
    let digits = cursor.take_while(|character| character.is_ascii_digit());
    cursor.skip_whitespace();
    cursor.expect(")")?;
    match digits.parse::<i32>() {
        Ok(distance) if distance > 0 => Ok(Step::Index(-i64::from(distance))),
        _ => Err(cursor.error_at(start, "Expected '@.length - ' and a number of at least 1")),
    }
}

/// Reads `2`, `0,2`, `1:3`.
fn parse_numbers(cursor: &mut Cursor<'_>) -> Result<Step, SyntaxError> {
    let start = cursor.at();
    let text = cursor.take_while(|character| {
        character.is_ascii_digit() || matches!(character, '-' | ':' | ',' | ' ')
    });
    let wrong = || cursor.error_at(start, format!("'{text}' is neither index nor slice"));
    let number = |text: &str| text.trim().parse::<i32>().map(i64::from).map_err(|_| wrong());
    if !text.contains(':') {
        let indexes = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
        return Ok(match indexes[..] {
            [index] => Step::Index(index),
            _ => Step::Indexes(indexes),
        });
    }
    let bound = |text: Option<&&str>| match text {
        Some(text) if !text.trim().is_empty() => number(text).map(Some),
        _ => Ok(None),
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (from, to) = (bound(parts.first())?, bound(parts.get(1))?);
    let step = bound(parts.get(2))?.unwrap_or(1);
    let step = usize::try_from(step).ok().filter(|step| *step > 0).ok_or_else(wrong)?;
    if parts.len() > 3 || (from.is_none() && to.is_none()) {
        return Err(wrong());
    }
    Ok(Step::Slice(Slice { from, to, step }))
}

//! Text to conditions.

use json::{Number, Object, Value};

use super::pattern::Pattern;
use super::{Condition, Operand, OperandPath, Operator};
use crate::SyntaxError;
use crate::cursor::Cursor;
use crate::path::parse::{Nesting, Within, parse_steps};

/// Reads what stands between the parentheses of `?(…)`.
pub(crate) fn parse_condition(
    cursor: &mut Cursor<'_>,
    nesting: Nesting,
) -> Result<Condition, SyntaxError> {
    let mut alternatives = vec![parse_all(cursor, nesting)?];
    while eat_operator(cursor, "||") {
        alternatives.push(parse_all(cursor, nesting)?);
    }
    Ok(one_or(alternatives, Condition::Any))
}

fn parse_all(cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Condition, SyntaxError> {
    let mut conditions = vec![parse_one(cursor, nesting)?];
    while eat_operator(cursor, "&&") {
        conditions.push(parse_one(cursor, nesting)?);
    }
    Ok(one_or(conditions, Condition::All))
}

fn eat_operator(cursor: &mut Cursor<'_>, operator: &str) -> bool {
    cursor.skip_whitespace();
    cursor.eat(operator)
}

fn one_or(conditions: Vec<Condition>, several: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match <[Condition; 1]>::try_from(conditions) {
        Ok([condition]) => condition,
        Err(conditions) => several(conditions),
    }
}

/// Reads `(…)`, `!…`, a comparison or a path.
fn parse_one(cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Condition, SyntaxError> {
    cursor.skip_whitespace();
    if cursor.eat("(") {
        let condition = parse_condition(cursor, nesting.deeper(cursor)?)?;
        cursor.skip_whitespace();
        cursor.expect(")")?;
        return Ok(condition);
    }
    let is_negated = cursor.eat("!");
    if is_negated {
        cursor.skip_whitespace();
        if !matches!(cursor.peek(), Some('@' | '$')) {
            let condition = parse_one(cursor, nesting.deeper(cursor)?)?;
            return Ok(Condition::Not(Box::new(condition)));
        }
    }
    let start = cursor.at();
    let left = parse_operand(cursor, Side::Left, nesting)?;
    cursor.skip_whitespace();
    let Some(operator) = parse_operator(cursor)? else {
        return match left {
            Operand::Path(path) if is_negated => {
                Ok(Condition::Not(Box::new(Condition::Exists(path))))
            }
            Operand::Path(path) => Ok(Condition::Exists(path)),
            _ => Err(cursor.error_at(start, "Expected a comparison")),
        };
    };
    // Before a comparison, Jayway ignores the `!`: it belongs to the path, which is not asked
    // whether it exists.
    cursor.skip_whitespace();
    let right_start = cursor.at();
    let right = parse_operand(cursor, Side::Right, nesting)?;
    let patterns =
        [&left, &right].iter().filter(|side| matches!(side, Operand::Pattern(_))).count();
    if patterns != usize::from(operator == Operator::Matches) {
        return Err(cursor.error_at(right_start, "A pattern goes with the operator '=~'"));
    }
    Ok(Condition::Compare { left, operator, right })
}

/// Reads an operator; none where the condition ends.
fn parse_operator(cursor: &mut Cursor<'_>) -> Result<Option<Operator>, SyntaxError> {
    // Longer ones come before those that they begin with.
    const SIGNS: [(&str, Operator); 10] = [
        ("===", Operator::SameTypeEqual),
        ("!==", Operator::SameTypeNotEqual),
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("=~", Operator::Matches),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<>", Operator::NotEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    if let Some((_, operator)) = SIGNS.iter().find(|(sign, _)| cursor.eat(sign)) {
        return Ok(Some(*operator));
    }
    let start = cursor.at();
    let word = cursor.take_while(char::is_alphabetic);
    let operator = match word.to_ascii_lowercase().as_str() {
        "" => return Ok(None),
        "in" => Operator::In,
        "nin" => Operator::NotIn,
        "subsetof" => Operator::SubsetOf,
        "anyof" => Operator::AnyOf,
        "noneof" => Operator::NoneOf,
        "all" => Operator::All,
        "contains" => Operator::Contains,
        "size" => Operator::Size,
        "empty" => Operator::Empty,
        _ => {
            let message = format!("Filter operator {word} is not supported");
            return Err(cursor.error_at(start, message));
        }
    };
    Ok(Some(operator))
}

/// The sides of a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn parse_operand(
    cursor: &mut Cursor<'_>,
    side: Side,
    nesting: Nesting,
) -> Result<Operand, SyntaxError> {
    match cursor.peek() {
        Some('@' | '$') => parse_operand_path(cursor, Within::Filter, nesting).map(Operand::Path),
        Some('/') => parse_pattern(cursor).map(Operand::Pattern),
        Some('\'' | '"' | '[' | '{') => parse_literal(cursor, nesting).map(Operand::Literal),
        _ => parse_bare(cursor, side).map(Operand::Literal),
    }
}

/// Reads a number, `true`, `false`, `null`, or a text without quotes, such as `home` in
/// `[?(@.category==home)]`: AWS takes it, as early versions of Jayway do. On the right it goes on
/// to the end of the condition and may have blanks within.
fn parse_bare(cursor: &mut Cursor<'_>, side: Side) -> Result<Value, SyntaxError> {
    let start = cursor.at();
    let ends = |character: char| character.is_control() || "'\"()[]{}=<>!~&|,".contains(character);
    let text = match side {
        Side::Left => cursor.take_while(|next| !ends(next) && !next.is_whitespace()),
        Side::Right => cursor.take_while(|next| !ends(next)),
    };
    let text = text.trim_end();
    Ok(match text {
        "true" => true.into(),
        "false" => false.into(),
        "null" => Value::Null,
        "" => return Err(cursor.error_at(start, "Expected a path, a text, a number or a list")),
        _ => Number::parse(text).map_or_else(|| text.into(), Value::from),
    })
}

/// Reads `@…` or `$…`.
pub(crate) fn parse_operand_path(
    cursor: &mut Cursor<'_>,
    within: Within,
    nesting: Nesting,
) -> Result<OperandPath, SyntaxError> {
    let from_document = cursor.eat("$");
    if !from_document {
        cursor.expect("@")?;
    }
    let steps = parse_steps(cursor, within, nesting)?;
    if steps.is_empty() && cursor.peek().is_some_and(|next| next.is_alphanumeric() || next == '$') {
        return Err(cursor.error("Expected '.' or '['"));
    }
    Ok(OperandPath { from_document, steps })
}

/// Reads `/…/flags`.
fn parse_pattern(cursor: &mut Cursor<'_>) -> Result<Pattern, SyntaxError> {
    let start = cursor.at();
    cursor.expect("/")?;
    let mut pattern = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.error_at(start, "Missing the closing '/'")),
            Some('/') => break,
            Some('\\') if cursor.peek() == Some('/') => pattern.extend(cursor.next()),
            Some('\\') => {
                pattern.push('\\');
                pattern.extend(cursor.next());
            }
            Some(character) => pattern.push(character),
        }
    }
    let flags = cursor.take_while(char::is_alphabetic);
    if let Some(flag) = flags.chars().find(|flag| !"dimsuxU".contains(*flag)) {
        return Err(cursor.error_at(start, format!("Pattern flag '{flag}' is not supported")));
    }
    Pattern::parse(&pattern, flags)
        .map_err(|error| cursor.error_at(start, format!("Pattern /{pattern}/: {error}")))
}

/// Reads a JSON value, with strings in either quotes.
pub(crate) fn parse_literal(
    cursor: &mut Cursor<'_>,
    nesting: Nesting,
) -> Result<Value, SyntaxError> {
    let start = cursor.at();
    match cursor.peek() {
        Some('\'' | '"') => parse_string(cursor).map(Value::from),
        Some('[') => parse_array(cursor, nesting.deeper(cursor)?),
        Some('{') => parse_object(cursor, nesting.deeper(cursor)?),
        _ => {
            let word = cursor.take_while(|character| {
                character.is_alphanumeric() || matches!(character, '-' | '+' | '.')
            });
            match word {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                "null" => Ok(Value::Null),
                _ => Number::parse(word).map(Value::from).ok_or_else(|| {
                    cursor.error_at(start, "Expected a path, a text, a number or a list")
                }),
            }
        }
    }
}

fn parse_array(cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Value, SyntaxError> {
    let mut items = Vec::new();
    cursor.expect("[")?;
    cursor.skip_whitespace();
    while !cursor.eat("]") {
        if !items.is_empty() {
            cursor.expect(",")?;
            cursor.skip_whitespace();
        }
        items.push(parse_literal(cursor, nesting)?);
        cursor.skip_whitespace();
    }
    Ok(items.into())
}

fn parse_object(cursor: &mut Cursor<'_>, nesting: Nesting) -> Result<Value, SyntaxError> {
    let mut members = Object::new();
    cursor.expect("{")?;
    cursor.skip_whitespace();
    while !cursor.eat("}") {
        if !members.is_empty() {
            cursor.expect(",")?;
            cursor.skip_whitespace();
        }
        let name = parse_string(cursor)?;
        cursor.skip_whitespace();
        cursor.expect(":")?;
        cursor.skip_whitespace();
        members.insert(name, parse_literal(cursor, nesting)?);
        cursor.skip_whitespace();
    }
    Ok(members.into())
}

fn parse_string(cursor: &mut Cursor<'_>) -> Result<String, SyntaxError> {
    let start = cursor.at();
    let Some(quote @ ('\'' | '"')) = cursor.next() else {
        return Err(cursor.error_at(start, "Expected a text in quotes"));
    };
    let mut text = String::new();
    loop {
        match cursor.next() {
            None => return Err(cursor.error_at(start, format!("Missing the closing {quote}"))),
            Some(character) if character == quote => return Ok(text),
            Some('\\') => text.push(parse_escape(cursor)?),
            Some(character) => text.push(character),
        }
    }
}

fn parse_escape(cursor: &mut Cursor<'_>) -> Result<char, SyntaxError> {
    let wrong = cursor.error("Incomplete escape");
    Ok(match cursor.next().ok_or_else(|| wrong.clone())? {
        'b' => '\u{8}',
        'f' => '\u{C}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let digits = cursor.rest().get(..4).ok_or_else(|| wrong.clone())?;
            let code = u32::from_str_radix(digits, 16).map_err(|_| wrong)?;
            cursor.eat(digits);
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        itself => itself,
    })
}

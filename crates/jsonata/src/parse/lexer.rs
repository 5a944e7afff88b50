//! Text to tokens.
//!
//! Whether `/` divides or opens a regular expression depends on what came before it; the parser
//! says which when it asks for the next token.

use std::sync::Arc;

use crate::error::SyntaxError;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A field name, bare or in backquotes.
    Name(Arc<str>),
    /// A variable, without its `$`.
    Variable(Arc<str>),
    /// An operator, a bracket, or one of the words `and`, `or`, `in`.
    Operator(&'static str),
    /// A string in quotes, unescaped.
    String(Arc<str>),
    /// A number.
    Number(f64),
    /// `true`, `false` or `null`.
    Value(Option<bool>),
    /// A regular expression between slashes.
    Regex {
        /// What stands between the slashes.
        pattern: Arc<str>,
        /// The letters after it.
        flags: Arc<str>,
    },
    /// The end of the text.
    End,
}

/// A token and where it ends, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Bytes before its end.
    pub(crate) position: usize,
}

impl Token {
    /// Whether it is that operator.
    pub(crate) fn is(&self, operator: &str) -> bool {
        matches!(self.kind, TokenKind::Operator(text) if text == operator)
    }

    /// How an error message shows it.
    pub(crate) fn text(&self) -> String {
        match &self.kind {
            TokenKind::Name(text) | TokenKind::Variable(text) | TokenKind::String(text) => {
                text.to_string()
            }
            TokenKind::Operator(text) => (*text).to_owned(),
            TokenKind::Number(number) => crate::number::text(*number),
            TokenKind::Value(None) => "null".to_owned(),
            TokenKind::Value(Some(truth)) => truth.to_string(),
            TokenKind::Regex { pattern, flags } => format!("/{pattern}/{flags}"),
            TokenKind::End => "(end)".to_owned(),
        }
    }
}

const DOUBLE_OPERATORS: [&str; 7] = ["..", ":=", "!=", ">=", "<=", "**", "~>"];
/// Newer than the language version that Step Functions speaks.
const DEFAULT_OPERATORS: [&str; 2] = ["?:", "??"];
const SINGLE_OPERATORS: [&str; 26] = [
    ".", "[", "]", "{", "}", "(", ")", ",", "@", "#", ";", ":", "?", "+", "-", "*", "/", "%", "|",
    "=", "<", ">", "^", "&", "!", "~",
];
const WHITESPACE: [char; 5] = [' ', '\t', '\n', '\r', '\u{0B}'];

fn single_operator(character: char) -> Option<&'static str> {
    SINGLE_OPERATORS.into_iter().find(|operator| operator.starts_with(character))
}

/// Reads tokens from a text.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    default_operators: bool,
}

impl<'a> Lexer<'a> {
    /// At the start of the text. `default_operators`: whether `??` and `?:` are operators.
    pub(crate) fn new(text: &'a str, default_operators: bool) -> Self {
        Lexer { text, position: 0, default_operators }
    }

    /// The next token. `after_operand`: a slash here divides.
    pub(crate) fn next(&mut self, after_operand: bool) -> Result<Token, SyntaxError> {
        self.skip_blank()?;
        let rest = &self.text[self.position..];
        let Some(first) = rest.chars().next() else { return Ok(self.token(TokenKind::End)) };
        if first == '/' && !after_operand {
            self.position += 1;
            return self.regex();
        }
        if let Some(operator) = self.operator(rest, first) {
            self.position += operator.len();
            return Ok(self.token(TokenKind::Operator(operator)));
        }
        match first {
            '"' | '\'' => self.string(first),
            '0'..='9' => self.number(),
            '`' => self.quoted_name(),
            _ => Ok(self.name(rest)),
        }
    }

    fn token(&self, kind: TokenKind) -> Token {
        Token { kind, position: self.position }
    }

    fn error(&self, code: &'static str) -> SyntaxError {
        SyntaxError::new(code, self.position)
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = &self.text[self.position..];
            let text = rest.trim_start_matches(WHITESPACE);
            self.position += rest.len() - text.len();
            if !text.starts_with("/*") {
                return Ok(());
            }
            match text[2..].find("*/") {
                Some(length) => self.position += length + 4,
                None => return Err(self.error("S0106")),
            }
        }
    }

    fn operator(&self, rest: &str, first: char) -> Option<&'static str> {
        let starts = |operator: &&str| rest.starts_with(operator);
        if self.default_operators
            && let Some(operator) = DEFAULT_OPERATORS.into_iter().find(starts)
        {
            return Some(operator);
        }
        DOUBLE_OPERATORS.into_iter().find(starts).or_else(|| single_operator(first))
    }

    /// A string in those quotes.
    fn string(&mut self, quote: char) -> Result<Token, SyntaxError> {
        self.position += 1;
        let mut unescaped = String::new();
        loop {
            let rest = &self.text[self.position..];
            let Some(length) = rest.find([quote, '\\']) else {
                self.position = self.text.len();
                return Err(self.error("S0101"));
            };
            unescaped.push_str(&rest[..length]);
            self.position += length + 1;
            if rest[length..].starts_with(quote) {
                return Ok(self.token(TokenKind::String(unescaped.into())));
            }
            self.position += self.escape(&mut unescaped)?;
        }
    }

    /// Unescapes what follows a backslash at the position; returns how many bytes that is.
    fn escape(&self, unescaped: &mut String) -> Result<usize, SyntaxError> {
        let rest = &self.text[self.position..];
        let Some(character) = rest.chars().next() else { return Err(self.error("S0101")) };
        let plain = match character {
            '"' | '\\' | '/' => character,
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode_escape(rest, unescaped),
            other => return Err(self.error("S0103").with_token(other.to_string())),
        };
        unescaped.push(plain);
        Ok(1)
    }

    /// `uXXXX`, or two of them for a character beyond 16 bits. Half a pair has no meaning in a
    /// text of Unicode characters and becomes U+FFFD.
    fn unicode_escape(&self, rest: &str, unescaped: &mut String) -> Result<usize, SyntaxError> {
        let unit = |text: &str| -> Option<u32> {
            let digits = text.get(1..5)?;
            let valid = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            valid.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
        };
        let Some(high) = unit(rest) else { return Err(self.error("S0104")) };
        if (0xD800..0xDC00).contains(&high)
            && rest[5..].starts_with("\\u")
            && let Some(low) = unit(&rest[6..])
            && (0xDC00..0xE000).contains(&low)
        {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            unescaped.push(char::from_u32(code).expect("a surrogate pair is a character"));
            return Ok(11);
        }
        unescaped.push(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        Ok(5)
    }

    fn number(&mut self) -> Result<Token, SyntaxError> {
        let rest = &self.text[self.position..];
        let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut length = if rest.starts_with('0') { 1 } else { digits(0) };
        if rest[length..].starts_with('.') && digits(length + 1) > 0 {
            length += 1 + digits(length + 1);
        }
        if rest[length..].starts_with(['e', 'E']) {
            let signed = usize::from(rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(length + 1 + signed);
            if exponent > 0 {
                length += 1 + signed + exponent;
            }
        }
        let number: f64 = rest[..length].parse().expect("digits are a number");
        if !number.is_finite() {
            return Err(self.error("S0102").with_token(rest[..length].to_owned()));
        }
        self.position += length;
        Ok(self.token(TokenKind::Number(number)))
    }

    fn quoted_name(&mut self) -> Result<Token, SyntaxError> {
        self.position += 1;
        let rest = &self.text[self.position..];
        let Some(length) = rest.find('`') else {
            self.position = self.text.len();
            return Err(self.error("S0105"));
        };
        self.position += length + 1;
        Ok(self.token(TokenKind::Name(rest[..length].into())))
    }

    fn name(&mut self, rest: &str) -> Token {
        let ends = |character: char| {
            WHITESPACE.contains(&character) || single_operator(character).is_some()
        };
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.position += word.len();
        let kind = match word {
            "or" => TokenKind::Operator("or"),
            "in" => TokenKind::Operator("in"),
            "and" => TokenKind::Operator("and"),
            "true" => TokenKind::Value(Some(true)),
            "false" => TokenKind::Value(Some(false)),
            "null" => TokenKind::Value(None),
            _ => match word.strip_prefix('$') {
                Some(name) => TokenKind::Variable(name.into()),
                None => TokenKind::Name(word.into()),
            },
        };
        self.token(kind)
    }

    /// A regular expression whose opening slash was read. It ends at the first slash that is
    /// neither escaped nor within brackets.
    fn regex(&mut self) -> Result<Token, SyntaxError> {
        let rest = &self.text[self.position..];
        let mut depth = 0_i64;
        let mut escaped = false;
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if escaped => {}
                b'/' if depth == 0 => return self.regex_flags(&rest[..at]),
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            escaped = byte == b'\\' && !escaped;
        }
        self.position = self.text.len();
        Err(self.error("S0302"))
    }

    fn regex_flags(&mut self, pattern: &str) -> Result<Token, SyntaxError> {
        if pattern.is_empty() {
            return Err(self.error("S0301"));
        }
        self.position += pattern.len() + 1;
        let rest = &self.text[self.position..];
        let flags = &rest[..rest.bytes().take_while(|flag| matches!(flag, b'i' | b'm')).count()];
        self.position += flags.len();
        Ok(self.token(TokenKind::Regex { pattern: pattern.into(), flags: flags.into() }))
    }
}

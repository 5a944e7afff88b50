//! Regular expressions: JavaScript's syntax on an engine that never backtracks.
//!
//! Look-around and back-references cannot be had without backtracking; a pattern that uses them
//! is refused when the expression is parsed.

use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};

/// A compiled pattern with the memory that it may need bounded.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// How long a pattern may be.
const PATTERN_BYTES_MAX: usize = 32 << 10;
/// How long what is between the braces of `{n,m}` may be.
const COUNT_CHARACTERS_MAX: usize = 24;
/// The largest number in a `{n,m}`.
const REPEAT_MAX: u32 = 1_000;

/// A regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    translated: Box<str>,
    case_insensitive: bool,
    multi_line: bool,
    /// Compiled again when it is first used: what is compiled is a thousand times as large as its
    /// text, and most expressions of most definitions are not evaluated at any one time.
    regex: OnceLock<Regex>,
    /// Roughly how many states a search may have to follow at once.
    pub(crate) weight: usize,
}

/// A match and its groups, in bytes of the text.
pub(crate) struct Match {
    /// Where it starts.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// The groups; `None` for those that took no part.
    pub(crate) groups: Vec<Option<Arc<str>>>,
}

impl Pattern {
    /// Checks a pattern; an error says what is not supported.
    pub(crate) fn parse(pattern: &str, flags: &str) -> Result<Pattern, String> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err("it is too large".to_owned());
        }
        let (translated, weight) = Translator::new(pattern).translate()?;
        let pattern = Pattern {
            translated: translated.into(),
            case_insensitive: flags.contains('i'),
            multi_line: flags.contains('m'),
            regex: OnceLock::new(),
            weight,
        };
        match pattern.compile() {
            Ok(_) => Ok(pattern),
            Err(regex::Error::CompiledTooBig(_)) => Err("it is too large".to_owned()),
            Err(_) => Err("it is not valid".to_owned()),
        }
    }

    fn compile(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.translated)
            .case_insensitive(self.case_insensitive)
            .multi_line(self.multi_line)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build()
    }

    /// The first match at or after that byte.
    pub(crate) fn find(&self, text: &str, from: usize) -> Option<Match> {
        if from > text.len() {
            return None;
        }
        let compile = || self.compile().expect("it was compiled when it was parsed");
        let captures = self.regex.get_or_init(compile).captures_at(text, from)?;
        let whole = captures.get(0)?;
        let groups = captures.iter().skip(1);
        let groups = groups.map(|group| group.map(|group| group.as_str().into())).collect();
        Some(Match { start: whole.start(), end: whole.end(), groups })
    }
}

/// Writes a JavaScript pattern in the syntax of the engine.
struct Translator<'a> {
    characters: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    weight: usize,
    /// For each open group: the weight before it.
    groups: Vec<usize>,
    /// The weight of what a quantifier would repeat.
    last: usize,
}

/// What JavaScript takes for white space, as members of a class.
const SPACE: &str = "\\t\\n\\x0B\\x0C\\r \\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\
                     \\x{202F}\\x{205F}\\x{3000}\\x{FEFF}";
const WORD: &str = "0-9A-Za-z_";
const DIGIT: &str = "0-9";
const LINE_ENDS: &str = "\\n\\r\\x{2028}\\x{2029}";

impl<'a> Translator<'a> {
    fn new(pattern: &'a str) -> Self {
        Translator {
            characters: pattern.chars().peekable(),
            out: String::with_capacity(pattern.len() + 16),
            weight: 0,
            groups: Vec::new(),
            last: 0,
        }
    }

    fn translate(mut self) -> Result<(String, usize), String> {
        while let Some(character) = self.characters.next() {
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '.' => self.atom(&format!("[^{LINE_ENDS}]")),
                '(' => self.open_group()?,
                ')' => {
                    let before = self.groups.pop().ok_or("a bracket was not opened")?;
                    self.last = self.weight - before;
                    self.out.push(')');
                }
                '{' => self.counted()?,
                '*' | '+' | '?' => self.out.push(character),
                // A word boundary here is that of ASCII letters, as in JavaScript.
                '^' | '$' | '|' => self.out.push(character),
                _ => self.atom(&regex::escape(character.encode_utf8(&mut [0; 4]))),
            }
        }
        Ok((self.out, self.weight + 1))
    }

    /// Something that takes one character of the text.
    fn atom(&mut self, translated: &str) {
        self.out.push_str(translated);
        self.weight += 1;
        self.last = 1;
    }

    fn open_group(&mut self) -> Result<(), String> {
        self.groups.push(self.weight);
        self.out.push('(');
        if self.characters.peek() != Some(&'?') {
            return Ok(());
        }
        self.characters.next();
        match self.characters.next() {
            Some(':') => self.out.push_str("?:"),
            Some('=' | '!') => return Err("it looks ahead".to_owned()),
            Some('<') => match self.characters.peek() {
                Some('=' | '!') => return Err("it looks behind".to_owned()),
                _ => self.out.push_str("?P<"),
            },
            _ => return Err("it has an unknown kind of group".to_owned()),
        }
        if self.out.ends_with("?P<") {
            for character in self.characters.by_ref() {
                self.out.push(character);
                if character == '>' {
                    break;
                }
            }
        }
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}`; anything else in braces is meant literally.
    fn counted(&mut self) -> Result<(), String> {
        let ahead: String = self.characters.clone().take(COUNT_CHARACTERS_MAX).collect();
        let (rest, closed) = match ahead.split_once('}') {
            Some((rest, _)) => (rest, true),
            None => ("", false),
        };
        let (least, most) = rest.split_once(',').unwrap_or((rest, rest));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !closed || least.is_empty() || !digits(least) || !digits(most) {
            self.atom("\\{");
            return Ok(());
        }
        let count = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        let repeats = count(least).max(if most.is_empty() { 0 } else { count(most) });
        if repeats > REPEAT_MAX {
            return Err(format!("it repeats something more than {REPEAT_MAX} times"));
        }
        let added = self.last.saturating_mul(repeats.saturating_sub(1) as usize);
        self.weight = self.weight.saturating_add(added);
        self.last = self.last.saturating_add(added);
        self.out.push_str(&format!("{{{rest}}}"));
        for _ in 0..=rest.chars().count() {
            self.characters.next();
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(character) = self.characters.next() else {
            return Err("it ends in a backslash".to_owned());
        };
        match character {
            'b' => self.out.push_str("(?-u:\\b)"),
            'B' => self.out.push_str("(?-u:\\B)"),
            'd' => self.atom(&format!("[{DIGIT}]")),
            'D' => self.atom(&format!("[^{DIGIT}]")),
            'w' => self.atom(&format!("[{WORD}]")),
            'W' => self.atom(&format!("[^{WORD}]")),
            's' => self.atom(&format!("[{SPACE}]")),
            'S' => self.atom(&format!("[^{SPACE}]")),
            '1'..='9' => return Err("it refers back to a group".to_owned()),
            'k' => return Err("it refers back to a group".to_owned()),
            _ => {
                let character = self.escaped_character(character);
                self.atom(&regex::escape(character.encode_utf8(&mut [0; 4])));
            }
        }
        Ok(())
    }

    /// The character that an escape sequence means, the backslash and the next character taken.
    fn escaped_character(&mut self, character: char) -> char {
        match character {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{B}',
            'f' => '\u{C}',
            '0' => '\0',
            'x' => self.hexadecimal(2).unwrap_or('x'),
            'u' => self.hexadecimal(4).unwrap_or('u'),
            'c' => match self.characters.peek().copied() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    self.characters.next();
                    char::from(letter as u8 & 0x1F)
                }
                _ => 'c',
            },
            other => other,
        }
    }

    fn hexadecimal(&mut self, length: usize) -> Option<char> {
        let digits: String = self.characters.clone().take(length).collect();
        if digits.len() != length || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.characters.nth(length - 1);
        let code = u32::from_str_radix(&digits, 16).ok()?;
        Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn class(&mut self) -> Result<(), String> {
        let negated = self.characters.peek() == Some(&'^');
        if negated {
            self.characters.next();
        }
        let mut members = String::new();
        loop {
            let Some(character) = self.characters.next() else {
                return Err("a class of characters is not closed".to_owned());
            };
            match character {
                ']' => break,
                '-' => {
                    // Between two members it makes a range; a literal one may be first or last.
                    let range = !members.is_empty() && self.characters.peek() != Some(&']');
                    members.push_str(if range { "-" } else { "\\-" });
                }
                '\\' => {
                    let Some(escaped) = self.characters.next() else {
                        return Err("a class of characters is not closed".to_owned());
                    };
                    match escaped {
                        'd' => members.push_str(DIGIT),
                        'w' => members.push_str(WORD),
                        's' => members.push_str(SPACE),
                        'D' => members.push_str(&format!("[^{DIGIT}]")),
                        'W' => members.push_str(&format!("[^{WORD}]")),
                        'S' => members.push_str(&format!("[^{SPACE}]")),
                        'b' => members.push_str("\\x08"),
                        _ => {
                            let character = self.escaped_character(escaped);
                            push_member(&mut members, character);
                        }
                    }
                }
                _ => push_member(&mut members, character),
            }
        }
        let class = match (members.is_empty(), negated) {
            (true, true) => "(?s:.)".to_owned(),
            // Matches nothing.
            (true, false) => "[^\\x00-\\x{10FFFF}]".to_owned(),
            (false, true) => format!("[^{members}]"),
            (false, false) => format!("[{members}]"),
        };
        self.atom(&class);
        Ok(())
    }
}

/// A character inside brackets, where other characters have meanings than outside.
fn push_member(members: &mut String, character: char) {
    if matches!(character, '[' | ']' | '\\' | '^' | '-' | '&' | '~') {
        members.push('\\');
    }
    members.push(character);
}

//! JavaScript's patterns in the syntax of the engines.

/// The largest number in a `{n,m}`.
const REPEAT_MAX: u32 = 1_000;
/// How long what is between the braces of `{n,m}` may be.
const COUNT_CHARACTERS_MAX: usize = 24;
/// Writes a JavaScript pattern in the syntax of the engine.
pub(super) struct Translator<'a> {
    characters: std::iter::Peekable<std::str::Chars<'a>>,
    case_insensitive: bool,
    /// How many capturing groups there are, and whether they have names.
    captures: usize,
    has_names: bool,
    out: String,
    /// Where word boundaries are, and what they are for the engine that backtracks.
    boundaries: Vec<(usize, String)>,
    backtracks: bool,
    weight: usize,
    /// For each open group: the weight before it.
    groups: Vec<usize>,
    /// The weight of what a quantifier would repeat.
    last: usize,
}

/// A pattern in the syntax of the engine.
pub(super) struct Translated {
    pub(super) text: String,
    /// It needs an engine that backtracks.
    pub(super) backtracks: bool,
    pub(super) weight: usize,
}

/// What JavaScript takes for white space, as members of a class.
const SPACE: &str = "\\t\\n\\x0B\\x0C\\r \\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\
                     \\x{202F}\\x{205F}\\x{3000}\\x{FEFF}";
/// The length of `(?-u:\b)`.
const BOUNDARY_BYTES: usize = 8;
const WORD: &str = "0-9A-Za-z_";
const DIGIT: &str = "0-9";
const LINE_ENDS: &str = "\\n\\r\\x{2028}\\x{2029}";

impl<'a> Translator<'a> {
    pub(super) fn new(pattern: &'a str, case_insensitive: bool) -> Self {
        Translator {
            characters: pattern.chars().peekable(),
            case_insensitive,
            captures: count_captures(pattern),
            has_names: pattern.contains("(?<"),
            boundaries: Vec::new(),
            backtracks: false,
            out: String::with_capacity(pattern.len() + 16),
            weight: 0,
            groups: Vec::new(),
            last: 0,
        }
    }

    pub(super) fn translate(mut self) -> Result<Translated, String> {
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
                _ => self.literal(character),
            }
        }
        if self.backtracks {
            for (at, looking) in self.boundaries.iter().rev() {
                self.out.replace_range(*at..*at + BOUNDARY_BYTES, looking);
            }
        }
        Ok(Translated { text: self.out, backtracks: self.backtracks, weight: self.weight + 1 })
    }

    /// A character that stands for itself.
    fn literal(&mut self, character: char) {
        let other = if self.case_insensitive { other_cases(character) } else { Vec::new() };
        if other.is_empty() {
            return self.atom(&regex::escape(character.encode_utf8(&mut [0; 4])));
        }
        let mut members = String::new();
        [character].into_iter().chain(other).for_each(|member| push_member(&mut members, member));
        self.atom(&format!("[{members}]"));
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
            Some(ahead @ ('=' | '!')) => {
                self.backtracks = true;
                self.out.extend(['?', ahead]);
            }
            Some('<') => match self.characters.peek().copied() {
                Some(behind @ ('=' | '!')) => {
                    self.characters.next();
                    self.backtracks = true;
                    self.out.extend(['?', '<', behind]);
                }
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
            'b' | 'B' => self.boundary(character == 'b'),
            'd' => self.atom(&format!("[{DIGIT}]")),
            'D' => self.atom(&format!("[^{DIGIT}]")),
            'w' => self.atom(&format!("[{WORD}]")),
            'W' => self.atom(&format!("[^{WORD}]")),
            's' => self.atom(&format!("[{SPACE}]")),
            'S' => self.atom(&format!("[^{SPACE}]")),
            '1'..='9' => self.numbered_reference(character),
            'k' if self.has_names => self.named_reference()?,
            _ => {
                let character = self.escaped_character(character);
                self.literal(character);
            }
        }
        Ok(())
    }

    /// `\b`, `\B`: between ASCII letters, digits and `_` and other characters. The engine that
    /// backtracks has no such thing for ASCII alone, but can look around.
    fn boundary(&mut self, positive: bool) {
        let (before, after) = match positive {
            true => (format!("(?<=[{WORD}])(?![{WORD}])"), format!("(?<![{WORD}])(?=[{WORD}])")),
            false => (format!("(?<=[{WORD}])(?=[{WORD}])"), format!("(?<![{WORD}])(?![{WORD}])")),
        };
        let plain = if positive { "(?-u:\\b)" } else { "(?-u:\\B)" };
        self.boundaries.push((self.out.len(), format!("(?:{before}|{after})")));
        self.out.push_str(plain);
    }

    /// `\1`: what the group matched. A number that is no group's is a character by its octal
    /// code, or the digit itself.
    fn numbered_reference(&mut self, first: char) {
        let rest: String =
            self.characters.clone().take_while(char::is_ascii_digit).take(4).collect();
        let number: usize = format!("{first}{rest}").parse().unwrap_or(usize::MAX);
        if number <= self.captures {
            rest.chars().for_each(|_| _ = self.characters.next());
            return self.reference(&number.to_string());
        }
        let octal = |character: &char| ('0'..='7').contains(character);
        let digits: String = [first].into_iter().chain(rest.chars()).take_while(octal).collect();
        let length = if first > '3' { digits.len().min(2) } else { digits.len().min(3) };
        if length == 0 {
            return self.literal(first);
        }
        (1..length).for_each(|_| _ = self.characters.next());
        let code = u32::from_str_radix(&digits[..length], 8).unwrap_or_default();
        self.literal(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    /// `\k<name>`
    fn named_reference(&mut self) -> Result<(), String> {
        if self.characters.next() != Some('<') {
            return Err("it refers back to a group without a name".to_owned());
        }
        let name: String = self.characters.by_ref().take_while(|next| *next != '>').collect();
        self.reference(&name);
        Ok(())
    }

    fn reference(&mut self, group: &str) {
        self.backtracks = true;
        let fold = if self.case_insensitive { "i" } else { "" };
        self.out.push_str(&format!("(?{fold}:\\k<{group}>)"));
        self.weight += 1;
        self.last = 1;
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
        let not_closed = || "a class of characters is not closed".to_owned();
        let negated = self.characters.next_if_eq(&'^').is_some();
        let mut class = Class { case_insensitive: self.case_insensitive, ..Class::default() };
        loop {
            let character = self.characters.next().ok_or_else(not_closed)?;
            match character {
                ']' => break,
                // Between two members it makes a range; a literal one may be first or last.
                '-' if class.last.is_some() && self.characters.peek() != Some(&']') => {
                    class.is_range = true;
                }
                '\\' => match self.characters.next().ok_or_else(not_closed)? {
                    'd' => class.set(DIGIT),
                    'w' => class.set(WORD),
                    's' => class.set(SPACE),
                    'D' => class.set(&format!("[^{DIGIT}]")),
                    'W' => class.set(&format!("[^{WORD}]")),
                    'S' => class.set(&format!("[^{SPACE}]")),
                    'b' => class.character('\u{8}')?,
                    escaped => class.character(self.escaped_character(escaped))?,
                },
                _ => class.character(character)?,
            }
        }
        let members = class.finish();
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

/// The members of a class as they are read.
#[derive(Default)]
struct Class {
    case_insensitive: bool,
    members: String,
    /// A character that a range may begin with.
    last: Option<char>,
    /// A hyphen came after it.
    is_range: bool,
}

impl Class {
    /// A set such as `\d`. With a hyphen beside it there is no range.
    fn set(&mut self, members: &str) {
        self.flush();
        self.members.push_str(members);
    }

    fn character(&mut self, character: char) -> Result<(), String> {
        match self.last.take() {
            Some(first) if self.is_range => {
                self.is_range = false;
                if first > character {
                    return Err("a range of characters is out of order".to_owned());
                }
                self.range(first, character);
            }
            last => {
                last.into_iter().for_each(|last| self.range(last, last));
                self.last = Some(character);
            }
        }
        Ok(())
    }

    /// The characters from one to another, and their other cases.
    fn range(&mut self, first: char, last: char) {
        push_member(&mut self.members, first);
        if first < last {
            self.members.push('-');
            push_member(&mut self.members, last);
        }
        if self.case_insensitive {
            let with_cases = first..=last.min(CASES_END);
            for other in with_cases.flat_map(other_cases) {
                push_member(&mut self.members, other);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(last) = self.last.take() {
            self.range(last, last);
        }
        if std::mem::take(&mut self.is_range) {
            self.range('-', '-');
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        self.members
    }
}

/// No character beyond has another case that JavaScript compares by, when it compares 16-bit units.
const CASES_END: char = '\u{FFFF}';

/// The other characters that are the same as this one where case does not count: those with the
/// same single capital letter. No character beyond ASCII is the same as one within, so that `ſ` is
/// no `s`. See <https://tc39.es/ecma262/#sec-runtime-semantics-canonicalize-ch>.
fn other_cases(character: char) -> Vec<char> {
    let capital = capital(character);
    let mut others = Vec::new();
    let small = capital.to_lowercase();
    for other in [capital].into_iter().chain(small).chain(character.to_lowercase()) {
        let same = self::capital(other) == capital;
        if same && other != character && !others.contains(&other) {
            others.push(other);
        }
    }
    others
}

/// The capital letter by which JavaScript compares.
fn capital(character: char) -> char {
    let mut letters = character.to_uppercase();
    match (letters.next(), letters.next()) {
        (Some(capital), None) if character.is_ascii() || !capital.is_ascii() => capital,
        _ => character,
    }
}

/// How many capturing groups a pattern has.
fn count_captures(pattern: &str) -> usize {
    let (mut count, mut in_class, mut escaped) = (0, false, false);
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match character {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class && characters.peek() != Some(&'?') => count += 1,
            '(' if !in_class => {
                let rest: String = characters.clone().take(3).collect();
                let is_named = rest.starts_with("?<") && !rest.ends_with(['=', '!']);
                count += usize::from(is_named);
            }
            _ => {}
        }
    }
    count
}

/// A character inside brackets, where other characters have meanings than outside.
fn push_member(members: &mut String, character: char) {
    if matches!(character, '[' | ']' | '\\' | '^' | '-' | '&' | '~') {
        members.push('\\');
    }
    members.push(character);
}

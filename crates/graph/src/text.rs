//! Lengths of text, in characters and in pixels, and how text is written.

use std::fmt::Write;

/// More characters of a name or a label are not shown.
pub(crate) const SHOWN_MAX: usize = 28;

/// The text, with its middle left out where it is longer than can be shown.
pub(crate) fn shorten_middle(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= SHOWN_MAX {
        return text.to_owned();
    }
    let (head, tail) = (SHOWN_MAX / 2, SHOWN_MAX - SHOWN_MAX / 2 - 1);
    let head = characters[..head].iter();
    head.chain(&['…']).chain(&characters[characters.len() - tail..]).collect()
}

/// The text, with its end left out where it is longer than can be shown.
pub(crate) fn shorten_end(text: &str) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX - 1).chain(['…']).collect()
}

/// How wide a text is at most, in pixels, in a common sans-serif font of that size.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let thousandths: u32 = text.chars().map(advance).sum();
    f64::from(thousandths) * size / 1_000.0
}

/// How wide a character is at most, in thousandths of the font's size: as bold text of a wide font
/// is (DejaVu Sans), so that the narrower ones that a system may have fit in too.
fn advance(character: char) -> u32 {
    match character {
        'i' | 'j' | 'l' | '!' | '\'' | ',' | '.' | ':' | ';' | '|' | ' ' | 'I' => 390,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '/' | '-' | '`' => 490,
        'm' | 'M' | 'w' | 'W' | '%' | '@' | '—' | '…' => 1_040,
        'a'..='z' | '0'..='9' | '"' | '*' | '?' | '$' | '#' | '_' | '{' | '}' => 710,
        'A'..='Z' | '&' | '<' | '>' | '=' | '+' | '~' => 840,
        // Scripts whose characters are as wide as they are high.
        '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7FF}' => 1_000,
        '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FFEF}' => 1_000,
        '\u{1F000}'..='\u{1FAFF}' | '\u{20000}'..='\u{3FFFF}' => 1_300,
        _ => 840,
    }
}

/// Appends what is formatted.
pub(crate) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes all");
}

/// Appends a line of what is formatted.
pub(crate) fn put_line(out: &mut String, text: std::fmt::Arguments<'_>) {
    put(out, text);
    out.push('\n');
}

/// Pixels, to a tenth.
pub(crate) fn tenths(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

/// Writes a text as XML takes it, with what XML has no place for as U+FFFD.
pub(crate) fn escape_xml(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            // Marks that turn the direction of what follows would turn text outside of it, too.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => out.push('\u{FFFD}'),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_lose_their_middle_or_their_end() {
        assert_eq!(shorten_middle("Short"), "Short");
        let long = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
        assert_eq!(shorten_middle(long), "ABCDEFGHIJKLMN…TUVWXYZabcdef");
        assert_eq!(shorten_end(long), "ABCDEFGHIJKLMNOPQRSTUVWXYZa…");
        assert_eq!(shorten_middle(long).chars().count(), SHOWN_MAX);
        assert_eq!(shorten_end(long).chars().count(), SHOWN_MAX);
    }

    #[test]
    fn xml_takes_every_text() {
        let mut out = String::new();
        escape_xml("a<b>&\"\u{0}\u{202E}\n", &mut out);
        assert_eq!(out, "a&lt;b&gt;&amp;&quot;\u{FFFD}\u{FFFD} ");
    }
}

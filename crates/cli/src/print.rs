//! Standard output, for readers that may stop reading.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints a line, at once.
///
/// # Errors
/// Where it cannot be written; see [`nobody_reads`].
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A text of somebody else, for a terminal: what would move its cursor, change its colours or turn
/// the direction of writing is shown by its number.
pub(crate) fn shown(text: &str) -> String {
    let is_turning = |it: char| {
        matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() || is_turning(character) {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

/// Whether a command ended because its reader did (`stairwell … | head`): nothing to speak of.
pub(crate) fn nobody_reads(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_a_terminal_would_obey_is_shown_by_its_number() {
        assert_eq!(shown("größe 20 € \"x\""), "größe 20 € \"x\"");
        assert_eq!(shown("a\u{1b}[31mb\nc\u{202e}d"), r"a\u{1b}[31mb\nc\u{202e}d");
    }
}

//! What is wrong with a text that is not JSON, and where.

/// A place in a text: line and column from 1, offset in bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Position {
    /// The place that many bytes into the text; the end of the text where it is shorter.
    pub fn at(text: &str, offset: usize) -> Position {
        let offset = offset.min(text.len());
        let before = &text.as_bytes()[..offset];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        // Counts the bytes that begin a character, so that any offset is safe.
        let column = 1 + before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        Position { offset, line, column }
    }

    /// The place as Jackson describes it where it may not show the source, as AWS has it set.
    pub(crate) fn in_jackson_words(self) -> String {
        let Position { line, column, .. } = self;
        format!(
            "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
             line: {line}, column: {column}]"
        )
    }
}

/// Why a text is not JSON. `message` is in the words of the parser that AWS uses (Jackson), since
/// AWS shows them to the caller: `Unrecognized token 'not': was expecting (JSON String, …)`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What was found and what was expected.
    pub message: String,
    /// Where.
    pub position: Position,
}

impl ParseError {
    /// The message with the place after it, as AWS shows it where it quotes the exception whole.
    pub fn located_message(&self) -> String {
        format!("{}\n at {}", self.message, self.position.in_jackson_words())
    }
}

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

/// Whether a command ended because its reader did (`stairwell … | head`): nothing to speak of.
pub(crate) fn nobody_reads(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

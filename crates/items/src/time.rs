//! Instants as text.

/// An instant as Java writes it: with so many digits of a second as it takes, by threes.
pub(crate) fn iso(instant: jiff::Timestamp) -> String {
    match instant.subsec_nanosecond() {
        0 => format!("{instant:.0}"),
        nanoseconds if nanoseconds % 1_000_000 == 0 => format!("{instant:.3}"),
        nanoseconds if nanoseconds % 1_000 == 0 => format!("{instant:.6}"),
        _ => format!("{instant:.9}"),
    }
}

//! Pictures: how numbers, integers and times are laid out as text, after XPath's functions.

pub(crate) mod calendar;
pub(crate) mod date;
pub(crate) mod integer;
pub(crate) mod number;
pub(crate) mod parse_date;
mod words;

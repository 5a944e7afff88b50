//! The steps of a path.

use std::fmt;
use std::sync::Arc;

use super::filter::Condition;
use super::function::Call;

/// One step of a path.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// `.name`, `['name']`
    Name(Name),
    /// `['a','b']`
    Names(Vec<Name>),
    /// `[2]`; negative ones count from the end.
    Index(i64),
    /// `[0,2]`
    Indexes(Vec<i64>),
    /// `[from:to:step]`
    Slice(Slice),
    /// `.*`, `[*]`
    Wildcard,
    /// `..`: the step after it is tried on every array and object below.
    Descend,
    /// `[?(…)]`
    Filter(Arc<Condition>),
    /// `.length()`
    Function(Arc<Call>),
}

/// A member's name, and the quotes it was written in, since messages repeat them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) text: Arc<str>,
    pub(crate) quote: char,
}

/// At least one of `from` and `to` is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    /// At least 1.
    pub(crate) step: usize,
}

impl Step {
    /// Whether the step leads to at most one place. `is_last`: no step follows it.
    pub(crate) fn is_definite(&self, is_last: bool) -> bool {
        match self {
            Step::Name(_) | Step::Index(_) | Step::Function(_) => true,
            // As a last step it makes one object of the members; before others it is a fork.
            Step::Names(_) => is_last,
            Step::Indexes(_)
            | Step::Slice(_)
            | Step::Wildcard
            | Step::Descend
            | Step::Filter(_) => false,
        }
    }

    /// Whether its work may grow faster than the value that it is applied to.
    pub(crate) fn may_be_long(&self) -> bool {
        match self {
            Step::Descend | Step::Filter(_) => true,
            Step::Name(_)
            | Step::Names(_)
            | Step::Index(_)
            | Step::Indexes(_)
            | Step::Slice(_)
            | Step::Wildcard
            | Step::Function(_) => false,
        }
    }

    /// Whether the step names one place by its place alone.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Step::Name(_) | Step::Index(_))
    }
}

/// Whether those steps lead to at most one value. A function makes one value of all that came to
/// it.
pub(crate) fn is_definite(steps: &[Step]) -> bool {
    let after_function =
        steps.iter().rposition(|step| matches!(step, Step::Function(_))).map_or(0, |at| at + 1);
    let rest = &steps[after_function..];
    rest.iter().enumerate().all(|(at, step)| step.is_definite(at + 1 == rest.len()))
}

impl fmt::Display for Step {
    /// As Jayway repeats it in messages.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Name(name) => write!(formatter, "[{name}]"),
            Step::Names(names) => {
                let names: Vec<String> = names.iter().map(Name::to_string).collect();
                write!(formatter, "[{}]", names.join(","))
            }
            Step::Index(index) => write!(formatter, "[{index}]"),
            Step::Indexes(indexes) => {
                let indexes: Vec<String> = indexes.iter().map(i64::to_string).collect();
                write!(formatter, "[{}]", indexes.join(","))
            }
            Step::Slice(Slice { from, to, .. }) => {
                let bound = |bound: &Option<i64>| bound.map_or(String::new(), |at| at.to_string());
                write!(formatter, "[{}:{}]", bound(from), bound(to))
            }
            Step::Wildcard => formatter.write_str("[*]"),
            Step::Descend => formatter.write_str(".."),
            Step::Filter(_) => formatter.write_str("[?]"),
            Step::Function(call) => write!(formatter, ".{}()", call.function.name()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{quote}{}{quote}", self.text, quote = self.quote)
    }
}

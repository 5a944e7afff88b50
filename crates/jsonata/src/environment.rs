//! What surrounds an evaluation: values, time, chance and limits.

use rand_core::Rng;

use crate::limits::Limits;

/// The values that an expression can read.
pub struct Bindings<'a> {
    /// `$` and `$$`. Nothing in Step Functions.
    pub input: Option<&'a json::Value>,
    /// The members of `$states`; when there are none, `states` is a variable like any other. They
    /// are given one by one so that nobody has to build that object for `$states.input`.
    pub states: &'a [(&'a str, &'a json::Value)],
    /// Finds the variable of that name, which comes without `$`. Asked at most once for each name
    /// in one evaluation.
    pub variables: &'a dyn Fn(&str) -> Option<json::Value>,
}

impl Bindings<'_> {
    /// No values.
    pub const NONE: Bindings<'static> = Bindings { input: None, states: &[], variables: &|_| None };
}

/// Time, chance and limits: all that an evaluation depends on besides values.
pub struct Environment<'a> {
    /// What `$millis` and `$now` say: milliseconds since 1970, UTC.
    pub now_milliseconds: i64,
    /// What `$random`, `$shuffle` and `$uuid` draw from.
    pub random: &'a mut dyn Rng,
    /// What it may use.
    pub limits: &'a Limits,
    /// The work of all evaluations so far, in the units of [`Limits::steps_max`]: each adds its
    /// own.
    pub steps: u64,
}

//! Every number that AWS publishes, and the few that are ours.

/// What an execution may use.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of UTF-8 in the input or output of a state, task or execution: 262,144.
    pub payload_bytes_max: usize,
    /// Events in a history, the one that says that there are too many included: 25,000.
    pub history_events_max: u64,
    /// Iterations of an inline Map that run at a time where `MaxConcurrency` is 0: 40.
    pub inline_map_concurrency_max: u64,
    /// Child executions of a Map Run that run at a time where `MaxConcurrency` is 0: 10,000.
    pub map_run_concurrency_max: u64,
    /// How long a Standard execution may run, in seconds: a year.
    pub execution_seconds_max: u64,
    /// Bytes of UTF-8 in one variable: 262,144.
    pub variable_bytes_max: usize,
    /// Bytes of UTF-8 in all variables that one `Assign` assigns: 262,144.
    pub assign_bytes_max: usize,
    /// Bytes of UTF-8 in all variables of an execution: 10 MiB.
    pub variables_bytes_max: usize,
    /// What one evaluation of JSONata may use. AWS's limit is a time; ours counts steps, so that
    /// the answer is the same on any machine.
    pub jsonata: jsonata::Limits,
    /// Ours: the work of one step, after which the rest is left to the next step, so that neither
    /// an endless loop nor long expressions hold a thread. In units of [`jsonata::Limits`], of
    /// which a core does some ten million in a second: an expression counts its own, a state
    /// [`STATE_WORK`], a payload its bytes by `BYTES_PER_WORK`. A step enters one state at least,
    /// and never stops within one.
    pub work_per_step: u64,
}

/// What entering a state counts.
pub const STATE_WORK: u64 = 20;

/// What starting an iteration of a Map state counts, besides its states.
pub(crate) const ITERATION_WORK: u64 = 10;

/// How many bytes of a payload count as one unit of work: they are checked, copied and written.
pub(crate) const BYTES_PER_WORK: u64 = 64;

/// How many values that a JSONPath looks at count as one unit of work.
pub(crate) const VISITS_PER_WORK: u64 = 4;

impl Limits {
    /// AWS's values.
    pub const AWS: Limits = Limits {
        payload_bytes_max: 262_144,
        history_events_max: 25_000,
        inline_map_concurrency_max: 40,
        map_run_concurrency_max: 10_000,
        execution_seconds_max: 31_536_000,
        variable_bytes_max: 262_144,
        assign_bytes_max: 262_144,
        variables_bytes_max: 10 << 20,
        jsonata: jsonata::Limits::DEFAULT,
        work_per_step: 2_000 * STATE_WORK,
    };

    /// Small values, so that tests reach the boundaries.
    pub const TINY: Limits = Limits {
        payload_bytes_max: 256,
        history_events_max: 60,
        inline_map_concurrency_max: 3,
        map_run_concurrency_max: 3,
        execution_seconds_max: 10_000,
        variable_bytes_max: 100,
        assign_bytes_max: 150,
        variables_bytes_max: 300,
        jsonata: jsonata::Limits { steps_max: 10_000, ..jsonata::Limits::DEFAULT },
        work_per_step: 3 * STATE_WORK,
    };
}

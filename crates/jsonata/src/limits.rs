//! What an evaluation may use.

/// What one evaluation may use. What it counts does not depend on the machine, with the exception
/// of the stack, whose frames differ between builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Units of work: one for each node that is evaluated, and for each item or some bytes that a
    /// function goes through. More is error `U1001`.
    pub steps_max: u64,
    /// How deep evaluations may be nested, each node of the tree counting, as in the reference
    /// implementation. Deeper is error `U1001`.
    pub depth_max: u32,
    /// How much of the stack may be used, in bytes. More is error `U1001`.
    pub stack_bytes_max: usize,
    /// How long one text may be, and the JSON text of the result, in bytes. Longer is error
    /// `D2015`.
    pub value_bytes_max: usize,
    /// How many items one array may have. More is error `D2015`.
    pub sequence_items_max: usize,
    /// How many bytes may be allocated over the whole evaluation, freed ones included. More is
    /// error `U1001`.
    pub allocated_bytes_max: u64,
}

impl Limits {
    /// For use: fits threads with 2 MiB of stack, and about a second.
    pub const DEFAULT: Limits = Limits {
        steps_max: 10_000_000,
        depth_max: 1_000,
        stack_bytes_max: 1 << 20,
        value_bytes_max: 8 << 20,
        sequence_items_max: 1_000_000,
        allocated_bytes_max: 256 << 20,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

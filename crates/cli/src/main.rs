//! The stairwell command.
fn main() {}

//! How much of the stack is used, so that recursion can end before the stack does.

/// Where the stack ended at some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackMark(usize);

impl StackMark {
    /// Where the stack ends now.
    pub(crate) fn here() -> Self {
        StackMark(address())
    }

    /// How many bytes of stack have been added since.
    #[inline(always)]
    pub(crate) fn bytes_since(self) -> usize {
        self.0.abs_diff(address())
    }
}

/// About where the stack ends: the address of something on it.
#[inline(always)]
fn address() -> usize {
    let marker = 0_u8;
    std::hint::black_box(&raw const marker).addr()
}

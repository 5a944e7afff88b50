//! libFuzzer's way into [`stairwell_fuzz::answer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stairwell_fuzz::answer(data));

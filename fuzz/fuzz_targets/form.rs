//! libFuzzer's way into [`stairwell_fuzz::form`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stairwell_fuzz::form(data));

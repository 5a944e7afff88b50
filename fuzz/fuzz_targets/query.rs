//! libFuzzer's way into [`stairwell_fuzz::query`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stairwell_fuzz::query(data));

//! libFuzzer's way into [`stairwell_fuzz::story`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stairwell_fuzz::story(data));

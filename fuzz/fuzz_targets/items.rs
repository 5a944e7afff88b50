//! libFuzzer's way into [`stairwell_fuzz::items`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| stairwell_fuzz::items(data));

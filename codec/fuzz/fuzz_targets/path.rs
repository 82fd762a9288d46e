//! See the body of the same name in `codec/tests/fuzz_bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| corelane_codec_fuzz::run("path", data));

#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| comity_verify_fuzz::time_stamp(bytes));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (ferrozmq_fuzz::target("z85").expect("a target").run)(data));

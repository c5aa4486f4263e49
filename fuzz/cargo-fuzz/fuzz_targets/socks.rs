#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| (ferrozmq_fuzz::target("socks").expect("a target").run)(data));

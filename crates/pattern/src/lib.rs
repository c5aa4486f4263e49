#![forbid(unsafe_code)]
//! pattern

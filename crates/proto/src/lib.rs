#![forbid(unsafe_code)]
//! proto

#![forbid(unsafe_code)]
//! runtime
pub mod option;

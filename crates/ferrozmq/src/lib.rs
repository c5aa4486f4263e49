#![forbid(unsafe_code)]
//! ferrozmq

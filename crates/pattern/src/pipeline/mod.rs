//! Pipeline (RFC 30).
pub(crate) mod pull;
pub(crate) mod push;

//! Request and reply (RFC 28).
pub(crate) mod dealer;
pub(crate) mod rep;
pub(crate) mod req;
pub(crate) mod router;

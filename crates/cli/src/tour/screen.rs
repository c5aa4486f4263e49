//! screen
pub(crate) fn restore() {}

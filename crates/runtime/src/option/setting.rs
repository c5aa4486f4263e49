//! The settings of a pattern, as the option table hands them over.

pub use ferrozmq_pattern::Setting;

//! distribute

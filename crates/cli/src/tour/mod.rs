//! tour
pub(crate) mod screen;
use crate::{failure::Failure, signals::Signals};
pub(crate) fn run(_fast: bool, _signals: &Signals) -> Result<(), Failure> {
    Ok(())
}

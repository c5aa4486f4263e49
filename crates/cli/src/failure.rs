//! Why the program ends otherwise than well, and the exit code that says so.

use std::{fmt, io, process::ExitCode};

use ferrozmq::Error;

use crate::say::say;

/// The exit code of Ctrl-C, as shells count: 128 and SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for something that cannot be.
    Usage(String),
    /// What was asked for did not work.
    Run(String),
    /// A time given on the command line has passed.
    Timeout(String),
    /// Ctrl-C.
    Interrupted,
    /// Nobody reads our standard output any more: as good an end as any.
    OutputClosed,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Run(_) => ExitCode::FAILURE,
            Self::Usage(_) => ExitCode::from(2),
            Self::Timeout(_) => ExitCode::from(124),
            Self::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }

    /// Says on standard error what went wrong, if anything did.
    pub(crate) fn report(&self) {
        if !matches!(self, Self::Interrupted | Self::OutputClosed) {
            say!("fzmq: {self}");
        }
    }

    /// What went wrong with standard output.
    pub(crate) fn output(e: &io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Run(format!("standard output: {e}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Run(text) | Self::Timeout(text) => f.write_str(text),
            Self::Interrupted => f.write_str("interrupted"),
            Self::OutputClosed => f.write_str("standard output is closed"),
        }
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        match &e {
            Error::Interrupted | Error::Terminated => Self::Interrupted,
            Error::Endpoint(at) if is_usage(&at.error()) => Self::Usage(e.to_string()),
            _ => Self::Run(e.to_string()),
        }
    }
}

/// An endpoint that could never work, as opposed to one that does not work now.
fn is_usage(e: &Error) -> bool {
    matches!(
        e,
        Error::InvalidArgument
            | Error::ProtocolNotSupported
            | Error::IncompatibleProtocol
            | Error::NameTooLong
            | Error::NotSupported
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_endpoint_is_a_usage_error_and_one_that_does_not_work_is_not() {
        let failure = |endpoint: &str| {
            Failure::from(ferrozmq::Context::new().pull().bind(endpoint).expect_err("it cannot be bound"))
        };
        assert!(matches!(failure("tcp:/x"), Failure::Usage(_)));
        assert!(matches!(failure("carrier-pigeon://x"), Failure::Usage(_)));
        assert!(matches!(failure("ipc:///no/such/directory/socket"), Failure::Run(_)));
    }
}

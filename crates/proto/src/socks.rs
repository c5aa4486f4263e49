//! Asking a SOCKS5 proxy for a connection (RFC 1928), with a name and a password if it is to have them (RFC 1929).
//!
//! ```text
//! C: 05 01 method                          00 none, 02 name and password: one method is offered
//! S: 05 method
//! C: 01 len name len password              only if the proxy chose 02
//! S: 01 00
//! C: 05 01 00 type address port            01 IPv4, 03 a name with its length, 04 IPv6
//! S: 05 code 00 type address port          code 00: from here on the stream is the target's
//! ```
//!
//! A name goes to the proxy as it is; nobody resolves it on this side. The address in the proxy's last answer is
//! skipped. At most 262 bytes are held, and none is taken that belongs to the target: [`Socks::missing`] says how many
//! may be read at once.

use std::{fmt, net::IpAddr};

use ferrozmq_base::Error;

use crate::{
    endpoint::{Endpoint, EndpointError, Host, HostPort, TcpEndpoint},
    frame::fill,
    mechanism::Password,
};

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NO_METHOD: u8 = 0xFF;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Version, code, reserved byte and type of an answer.
const REPLY_HEAD: usize = 4;
const PORT: usize = 2;

/// What the proxy is told about who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// 1 to 255 bytes.
    pub username: Vec<u8>,
    /// At most 255 bytes.
    pub password: Password,
}

/// The client's side of the conversation with a proxy.
#[derive(Debug)]
pub struct Socks {
    target: HostPort,
    login: Option<Login>,
    answer: Vec<u8>,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Method,
    Login,
    /// Version and code of the last answer.
    Verdict,
    /// The rest of its head.
    Type,
    /// The length of the name in it.
    NameLength,
    /// Its address, so that the whole of it has this many bytes.
    Address(usize),
    Connected,
    Failed(SocksError),
}

/// Why a proxy gives no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocksError {
    /// An answer of another protocol.
    Version,
    /// The method that was offered is not accepted, or another one was chosen.
    Method,
    /// The proxy wants a name and a password, and there is none.
    LoginWanted,
    /// The name or the password is refused.
    LoginRefused,
    /// The proxy has not connected: the code of its answer.
    Refused(u8),
    /// The last answer is not one of RFC 1928.
    Malformed,
}

impl Socks {
    /// A conversation that asks for a connection to `target`.
    pub fn new(target: HostPort, login: Option<Login>) -> Self {
        Self { target, login, answer: Vec::new(), step: Step::Method }
    }

    /// Appends what is said first.
    pub fn start(&self, out: &mut Vec<u8>) {
        let method = if self.login.is_some() { LOGIN } else { NO_LOGIN };
        out.extend_from_slice(&[VERSION, 1, method]);
    }

    /// How many bytes can be read without reading any of the target's: 0 once there is nothing more to read.
    pub fn missing(&self) -> usize {
        self.goal().saturating_sub(self.answer.len())
    }

    /// Whether the stream is the target's from here on.
    pub fn is_connected(&self) -> bool {
        self.step == Step::Connected
    }

    /// Takes what the proxy says, appends what is said to it, and returns how many bytes were taken: all, unless the
    /// conversation is over. Errors are final.
    pub fn receive(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, SocksError> {
        let mut rest = input;
        loop {
            match self.step {
                Step::Failed(error) => return Err(error),
                Step::Connected => return Ok(input.len().saturating_sub(rest.len())),
                _ => {}
            }
            let goal = self.goal();
            if !fill(&mut self.answer, goal, &mut rest) {
                return Ok(input.len());
            }
            self.step = self.next(out).unwrap_or_else(Step::Failed);
        }
    }

    /// The length of the present answer up to where the present step can be taken.
    fn goal(&self) -> usize {
        match self.step {
            Step::Method | Step::Login | Step::Verdict => 2,
            Step::Type => REPLY_HEAD,
            Step::NameLength => REPLY_HEAD.saturating_add(1),
            Step::Address(length) => length,
            Step::Connected | Step::Failed(_) => 0,
        }
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Result<Step, SocksError> {
        let byte = |at: usize| self.answer.get(at).copied().unwrap_or_default();
        let with_address = |length: usize| Step::Address(length.saturating_add(REPLY_HEAD + PORT));
        match self.step {
            Step::Method => {
                let (version, method) = (byte(0), byte(1));
                self.answer.clear();
                self.chosen(version, method, out)
            }
            Step::Login => {
                let (version, code) = (byte(0), byte(1));
                self.answer.clear();
                match (version, code) {
                    (LOGIN_VERSION, 0) => Ok(self.ask(out)),
                    (LOGIN_VERSION, _) => Err(SocksError::LoginRefused),
                    _ => Err(SocksError::Version),
                }
            }
            Step::Verdict => match (byte(0), byte(1)) {
                (VERSION, 0) => Ok(Step::Type),
                (VERSION, code) => Err(SocksError::Refused(code)),
                _ => Err(SocksError::Version),
            },
            Step::Type => match (byte(2), byte(3)) {
                (0, IPV4) => Ok(with_address(4)),
                (0, NAME) => Ok(Step::NameLength),
                (0, IPV6) => Ok(with_address(16)),
                _ => Err(SocksError::Malformed),
            },
            Step::NameLength => Ok(with_address(usize::from(byte(REPLY_HEAD)).saturating_add(1))),
            Step::Address(_) => {
                self.answer = Vec::new();
                Ok(Step::Connected)
            }
            over @ (Step::Connected | Step::Failed(_)) => Ok(over),
        }
    }

    /// The proxy has chosen how it is to be told who asks. That it wants to know nothing is fine in any case.
    fn chosen(&self, version: u8, method: u8, out: &mut Vec<u8>) -> Result<Step, SocksError> {
        match (version, method, &self.login) {
            (VERSION, NO_LOGIN, _) => Ok(self.ask(out)),
            (VERSION, LOGIN, Some(login)) => {
                out.push(LOGIN_VERSION);
                put_short(&login.username, out);
                put_short(&login.password.0, out);
                Ok(Step::Login)
            }
            (VERSION, LOGIN | NO_METHOD, None) => Err(SocksError::LoginWanted),
            (VERSION, ..) => Err(SocksError::Method),
            _ => Err(SocksError::Version),
        }
    }

    /// Asks for the connection.
    fn ask(&self, out: &mut Vec<u8>) -> Step {
        out.extend_from_slice(&[VERSION, CONNECT, 0]);
        match address(&self.target.host) {
            Ok(IpAddr::V4(address)) => {
                out.push(IPV4);
                out.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                out.push(IPV6);
                out.extend_from_slice(&address.octets());
            }
            Err(name) => {
                out.push(NAME);
                put_short(name.as_bytes(), out);
            }
        }
        out.extend_from_slice(&self.target.port.to_be_bytes());
        Step::Verdict
    }
}

/// The address of the host, or its name. A zone means nothing to another machine.
fn address(host: &Host) -> Result<IpAddr, &str> {
    match host {
        Host::V4(address) => Ok((*address).into()),
        Host::V6(address, _) => Ok((*address).into()),
        Host::Name(name) => Err(name),
        // Not among the hosts to connect to.
        Host::Any => Err("*"),
    }
}

/// The most bytes that the length in front of a name or a password can say.
const LONGEST: usize = 255;

/// Appends a field with its length, which whoever made the field has checked.
fn put_short(field: &[u8], out: &mut Vec<u8>) {
    let field = field.get(..LONGEST).unwrap_or(field);
    out.push(u8::try_from(field.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(field);
}

/// Parses what ZMQ_SOCKS_PROXY says: `host:port`, in the forms that `tcp://` has; a NUL ends it.
///
/// Errors: `InvalidArgument`.
pub fn parse_proxy(text: &[u8]) -> Result<TcpEndpoint, EndpointError> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let text = String::from_utf8_lossy(text.get(..end).unwrap_or(text));
    match Endpoint::parse_connect(&format!("tcp://{text}")) {
        Ok(Endpoint::Tcp(endpoint)) => Ok(endpoint),
        _ => {
            // A name and a password in front of the host are not repeated.
            let (endpoint, reason) = match text.rsplit_once('@') {
                Some((_, host)) => {
                    (host, "the SOCKS5 proxy must be host:port; a name and a password are given apart")
                }
                None => (&*text, "the SOCKS5 proxy must be host:port"),
            };
            Err(EndpointError { endpoint: endpoint.to_owned(), reason, errno: Error::InvalidArgument })
        }
    }
}

/// Checks that a proxy can be asked for a connection to `target`; `text` is where that was written.
///
/// Errors: `InvalidArgument`.
pub fn check_target(text: &str, target: &HostPort) -> Result<(), EndpointError> {
    match address(&target.host) {
        Err(name) if name.len() > LONGEST => Err(EndpointError {
            endpoint: text.to_owned(),
            reason: "a SOCKS5 proxy takes host names of up to 255 bytes",
            errno: Error::InvalidArgument,
        }),
        _ => Ok(()),
    }
}

/// Those that are no code of the proxy's.
const OWN: [SocksError; 5] = [
    SocksError::Version,
    SocksError::Method,
    SocksError::LoginWanted,
    SocksError::LoginRefused,
    SocksError::Malformed,
];

/// Numbers of Linux for which the core has no name.
const ENETUNREACH: i32 = 101;
const ECONNABORTED: i32 = 103;

impl SocksError {
    /// As a number, for [`from_number`](Self::from_number).
    pub fn number(self) -> u16 {
        match OWN.iter().position(|own| *own == self) {
            Some(index) => u16::try_from(index).unwrap_or_default().saturating_add(256),
            None => match self {
                Self::Refused(code) => code.into(),
                _ => 0,
            },
        }
    }

    /// The error with this number; `None` if there is none.
    pub fn from_number(number: u16) -> Option<Self> {
        match u8::try_from(number) {
            Ok(0) => None,
            Ok(code) => Some(Self::Refused(code)),
            Err(_) => OWN.get(usize::from(number.checked_sub(256)?)).copied(),
        }
    }

    /// What libzmq's event of the failure says.
    pub const fn error(self) -> Error {
        match self {
            Self::LoginWanted | Self::LoginRefused | Self::Refused(2) => Error::AccessDenied,
            Self::Refused(3) => Error::Os(ENETUNREACH),
            Self::Refused(4) => Error::HostUnreachable,
            Self::Refused(5) => Error::ConnectionRefused,
            Self::Refused(6) => Error::TimedOut,
            Self::Refused(7) => Error::NotSupported,
            Self::Refused(8) => Error::AddressFamilyNotSupported,
            Self::Refused(_) => Error::Os(ECONNABORTED),
            Self::Version | Self::Method | Self::Malformed => Error::Protocol,
        }
    }
}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the proxy does not speak SOCKS5",
            Self::Method => "the proxy does not take a name and a password, or chose what was not offered",
            Self::LoginWanted => "the proxy wants a name and a password",
            Self::LoginRefused => "the proxy refuses the name or the password",
            Self::Refused(1) => "the proxy has failed",
            Self::Refused(2) => "the rules of the proxy do not allow the connection",
            Self::Refused(3) => "the proxy cannot reach the network",
            Self::Refused(4) => "the proxy cannot reach the host, or knows no such name",
            Self::Refused(5) => "the host refuses the proxy's connection",
            Self::Refused(6) => "the time to live of the proxy's connection expired",
            Self::Refused(7) => "the proxy does not make connections",
            Self::Refused(8) => "the proxy does not take this type of address",
            Self::Refused(code) => return write!(f, "the proxy refuses the connection with code {code}"),
            Self::Malformed => "the proxy sent a malformed answer",
        })
    }
}

impl std::error::Error for SocksError {}

#[cfg(test)]
mod tests;

//! The greeting: who speaks which version (RFC 13, 15, 23, 37).
//!
//! Bytes go out in the order 10, 1, then 53 or 1: the signature at once, the revision as soon as the peer's signature
//! is there, the rest as soon as its revision is there. So two peers of any versions find each other without either
//! waiting, and a ZMTP 1.0 peer reads our signature as the header of a long identity frame.
//!
//! Where old versions are not served, those who speak one are told from those who do not speak ZMTP.

use ferrozmq_base::SocketType;

use crate::{config::Config, error::ProtocolError, frame::fill};

/// Length and flags of the first frame of a ZMTP 1.0 peer.
const SHORT_HEADER: usize = 2;
const SIGNATURE: usize = 10;
const REVISION: usize = 11;
const WITH_SOCKET_TYPE: usize = 12;
const FULL: usize = 64;
const MECHANISM: std::ops::Range<usize> = 12..32;

/// What the peer's greeting says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// ZMTP 1.0 without any greeting: these bytes are the start of its identity frame.
    Unversioned(Vec<u8>),
    /// A greeting of revision 0: ZMTP 1.0 framing after it.
    Revision0(Option<SocketType>),
    /// A greeting of revision 1: ZMTP 2.0.
    Revision1(Option<SocketType>),
    /// ZMTP 3.x, with the same mechanism as ours.
    Secure { minor: u8 },
}

/// A greeting that is being read.
#[derive(Debug)]
pub(crate) struct Greeting {
    bytes: Vec<u8>,
    next: Part,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    FirstByte,
    /// Only looked at to say what a peer speaks that is not served.
    ShortHeader,
    Signature,
    Revision,
    SocketType,
    Mechanism,
}

/// Appends the signature, whose padding a ZMTP 1.0 peer takes for the length of our identity and its flags byte.
pub(crate) fn put_signature(config: &Config, out: &mut Vec<u8>) {
    out.push(0xFF);
    out.extend_from_slice(&(config.routing_id.len() as u64).saturating_add(1).to_be_bytes());
    out.push(0x7F);
}

impl Greeting {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), next: Part::FirstByte }
    }

    /// Takes what `input` has of the greeting and appends what it calls for; the verdict at its end.
    pub(crate) fn read(
        &mut self,
        input: &mut &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Option<Verdict>, ProtocolError> {
        loop {
            let target = match self.next {
                Part::FirstByte => 1,
                Part::ShortHeader => SHORT_HEADER,
                Part::Signature => SIGNATURE,
                Part::Revision => REVISION,
                Part::SocketType => WITH_SOCKET_TYPE,
                Part::Mechanism => FULL,
            };
            if !fill(&mut self.bytes, target, input) {
                return Ok(None);
            }
            let last = self.bytes.last().copied().unwrap_or_default();
            match self.next {
                Part::FirstByte if last == 0xFF => self.next = Part::Signature,
                Part::Signature if last & 1 == 1 => {
                    out.push(3);
                    self.next = Part::Revision;
                }
                Part::FirstByte if !config.admits_old_versions() => self.next = Part::ShortHeader,
                Part::FirstByte | Part::ShortHeader | Part::Signature => {
                    if !config.admits_old_versions() {
                        return Err(unserved(&self.bytes));
                    }
                    return Ok(Some(Verdict::Unversioned(std::mem::take(&mut self.bytes))));
                }
                Part::Revision if last <= 1 => {
                    admit_old(config)?;
                    out.push(config.socket_type.number());
                    self.next = Part::SocketType;
                }
                Part::Revision => {
                    put_rest(config, out);
                    self.next = Part::Mechanism;
                }
                Part::SocketType => {
                    let socket_type = SocketType::from_number(i32::from(last));
                    let first_revision = self.bytes.get(SIGNATURE) == Some(&0);
                    return Ok(Some(if first_revision {
                        Verdict::Revision0(socket_type)
                    } else {
                        Verdict::Revision1(socket_type)
                    }));
                }
                Part::Mechanism => {
                    let minor = self.bytes.get(REVISION).copied().unwrap_or_default();
                    let mechanism = self.bytes.get(MECHANISM).unwrap_or_default();
                    if mechanism != config.mechanism.greeting_field() {
                        let named = is_mechanism(mechanism);
                        return Err(if named {
                            ProtocolError::MechanismMismatch
                        } else {
                            ProtocolError::NoMechanism
                        });
                    }
                    return Ok(Some(Verdict::Secure { minor }));
                }
            }
        }
    }
}

fn admit_old(config: &Config) -> Result<(), ProtocolError> {
    if config.admits_old_versions() { Ok(()) } else { Err(ProtocolError::OldVersion) }
}

/// Who begins without a signature: a ZMTP 1.0 peer, with the length and the flags of its identity frame, or nobody.
fn unserved(header: &[u8]) -> ProtocolError {
    match header {
        [0, ..] => ProtocolError::NotZmtp,
        [.., 0] => ProtocolError::OldVersion,
        _ => ProtocolError::NotZmtp,
    }
}

/// Whether it is a name as RFC 23 has them, padded with zeros.
fn is_mechanism(field: &[u8]) -> bool {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (name, padding) = field.split_at(end);
    let fits = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.+".contains(byte);
    !name.is_empty() && name.iter().all(fits) && padding.iter().all(|byte| *byte == 0)
}

/// Appends bytes 11 to 63: minor version, mechanism, as-server, which nobody looks at, and filler.
fn put_rest(config: &Config, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&config.mechanism.greeting_field());
    out.extend_from_slice(&[0; 32]);
}

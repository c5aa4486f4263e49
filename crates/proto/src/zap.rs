//! The questions that a server asks before it lets a peer in, and their answers (RFC 27).

use zeroize::Zeroizing;

pub use crate::mechanism::Password;
use crate::{curve::PublicKey, error::ProtocolError, metadata};

/// What a peer has said of itself, to be judged.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing (NULL).
    None,
    /// A name and a password (PLAIN).
    Plain {
        /// The name, 0 to 255 bytes.
        username: Vec<u8>,
        /// The password, 0 to 255 bytes.
        password: Password,
    },
    /// The key that the peer has proved to own (CURVE).
    Curve(PublicKey),
}

impl Credentials {
    /// The name of the mechanism.
    pub const fn mechanism(&self) -> &'static str {
        match self {
            Self::None => "NULL",
            Self::Plain { .. } => "PLAIN",
            Self::Curve(_) => "CURVE",
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            // The password stays out of logs.
            Self::Plain { username, .. } => write!(f, "Plain({:?})", String::from_utf8_lossy(username)),
            Self::Curve(key) => write!(f, "Curve({key})"),
        }
    }
}

/// What became of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The peer may come in.
    Allow,
    /// It may not, with this status: 300 (for now), 400 or 500.
    Refuse(u16),
}

/// The statuses of an answer.
pub const OK: u16 = 200;
const VERSION: &[u8] = b"1.0";
/// Each question has a pipe of its own, so that they need no numbers.
const REQUEST_ID: &[u8] = b"1";

/// A question.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The domain of the server (`ZMQ_ZAP_DOMAIN`), possibly empty.
    pub domain: &'a [u8],
    /// Where the peer is, as the transport writes it, without a port.
    pub address: &'a [u8],
    /// The routing id of the socket that asks.
    pub routing_id: &'a [u8],
    /// What the peer says.
    pub credentials: &'a Credentials,
}

impl Request<'_> {
    /// The frames, without the delimiter that a REQ socket would put before them. One may be a password: they are
    /// overwritten when they are dropped.
    pub fn frames(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let mechanism = self.credentials.mechanism().as_bytes();
        let mut frames = vec![VERSION, REQUEST_ID, self.domain, self.address, self.routing_id, mechanism];
        match self.credentials {
            Credentials::None => {}
            Credentials::Plain { username, password } => frames.extend([&username[..], &password.0]),
            Credentials::Curve(key) => frames.push(&key.0),
        }
        frames.into_iter().map(|frame| Zeroizing::new(frame.to_vec())).collect()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200, 300, 400 or 500.
    pub status: u16,
    /// The name of the peer's user, for the property `User-Id`.
    pub user_id: Vec<u8>,
    /// Further properties for the peer's messages.
    pub metadata: Vec<(String, Vec<u8>)>,
}

impl Reply {
    /// Reads the frames of an answer, without the delimiter.
    pub fn read(frames: &[impl AsRef<[u8]>]) -> Result<Self, ProtocolError> {
        let frames: Vec<&[u8]> = frames.iter().map(AsRef::as_ref).collect();
        let [version, id, status, _text, user_id, metadata] = frames[..] else {
            return Err(ProtocolError::ZapMalformed);
        };
        if version != VERSION {
            return Err(ProtocolError::ZapVersion);
        }
        if id != REQUEST_ID {
            return Err(ProtocolError::ZapRequestId);
        }
        let status = match status {
            b"200" => OK,
            b"300" => 300,
            b"400" => 400,
            b"500" => 500,
            _ => return Err(ProtocolError::ZapStatus),
        };
        let metadata = metadata::read_list(metadata).ok_or(ProtocolError::ZapMetadata)?;
        Ok(Self { status, user_id: user_id.to_vec(), metadata })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_frames_of_rfc_27() {
        let credentials =
            Credentials::Plain { username: b"admin".into(), password: Password(b"secret".into()) };
        let request =
            Request { domain: b"global", address: b"10.0.0.1", routing_id: b"id", credentials: &credentials };
        let expected: [&[u8]; 8] =
            [b"1.0", b"1", b"global", b"10.0.0.1", b"id", b"PLAIN", b"admin", b"secret"];
        let frames = |request: &Request<'_>| -> Vec<Vec<u8>> {
            request.frames().iter().map(|frame| frame.to_vec()).collect()
        };
        assert_eq!(frames(&request), expected);
        let null = Request { credentials: &Credentials::None, ..request.clone() };
        assert_eq!(frames(&null).last().map(Vec::as_slice), Some(&b"NULL"[..]));
        let curve = Request { credentials: &Credentials::Curve(PublicKey([7; 32])), ..request };
        assert_eq!(frames(&curve).last().map(Vec::as_slice), Some(&[7; 32][..]));
    }

    #[test]
    fn a_reply_is_read_strictly() {
        let good: [&[u8]; 6] = [b"1.0", b"1", b"200", b"OK", b"joe", b"\x01a\0\0\0\x01b"];
        let reply = Reply::read(&good).unwrap();
        assert_eq!((reply.status, reply.user_id), (200, b"joe".to_vec()));
        assert_eq!(reply.metadata, [("a".to_owned(), b"b".to_vec())]);
        let with = |at: usize, frame: &'static [u8]| {
            let mut frames = good;
            frames[at] = frame;
            Reply::read(&frames).unwrap_err()
        };
        assert_eq!(with(0, b"1.1"), ProtocolError::ZapVersion);
        assert_eq!(with(1, b"2"), ProtocolError::ZapRequestId);
        for status in [&b""[..], b"201", b"600", b"2000", b"abc"] {
            let mut frames = good;
            frames[2] = status;
            assert_eq!(Reply::read(&frames), Err(ProtocolError::ZapStatus));
        }
        assert_eq!(with(5, b"\x01a\0\0\0\x02b"), ProtocolError::ZapMetadata);
        assert_eq!(Reply::read(&good[..5]), Err(ProtocolError::ZapMalformed));
        assert_eq!(Reply::read(&[&good[..], &[b""]].concat()), Err(ProtocolError::ZapMalformed));
    }

    #[test]
    fn a_password_is_not_printed() {
        let credentials = Credentials::Plain { username: b"joe".into(), password: Password(b"hush".into()) };
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}

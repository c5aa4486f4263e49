//! NULL: both sides send READY at once, and nobody waits (RFC 23 and 37, NULL).

use crate::{command, config::Config, engine::PeerProperties, error::ProtocolError, frame, metadata};

/// Appends our READY.
pub(super) fn begin(config: &Config, out: &mut Vec<u8>) {
    let mut body = b"\x05READY".to_vec();
    metadata::put_properties(config, &mut body);
    frame::put_header(frame::Framing::V2, false, true, body.len() as u64, out);
    out.extend_from_slice(&body);
}

/// Takes the peer's only command. Ours is out already, so READY completes the handshake and ERROR ends it.
pub(super) fn receive(body: &[u8], config: &Config) -> Result<PeerProperties, ProtocolError> {
    match command::split(body) {
        Some((b"READY", properties)) => metadata::read_properties(config.socket_type, properties),
        Some((b"ERROR", reason)) => Err(refusal(reason)),
        _ => Err(ProtocolError::UnexpectedCommand),
    }
}

/// What an ERROR command with this data says: `len:u8 reason`, where a status code is a reason of three digits.
fn refusal(data: &[u8]) -> ProtocolError {
    match data.split_first() {
        Some((len, reason)) if usize::from(*len) == reason.len() => ProtocolError::Refused(match reason {
            b"300" => Some(300),
            b"400" => Some(400),
            b"500" => Some(500),
            _ => None,
        }),
        _ => ProtocolError::MalformedError,
    }
}

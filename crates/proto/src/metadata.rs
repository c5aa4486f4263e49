//! Properties of the handshake (RFC 23 and 37, metadata).
//!
//! `name-len:u8 name value-len:be32 value`, repeated to the end of the command. Names are compared without regard to
//! case. The first of several properties with one name is kept, but every Socket-Type is checked and the last
//! Identity counts, as libzmq has it.

use std::collections::BTreeSet;

use ferrozmq_base::SocketType;

use crate::{config::Config, engine::PeerProperties, error::ProtocolError};

const SOCKET_TYPE: &str = "Socket-Type";
const IDENTITY: &str = "Identity";

/// Names that only the receiving side may give to its messages: a peer could forge a login with them.
const RESERVED: [&str; 3] = ["User-Id", "Peer-Address", "__fd"];

/// The longest routing id.
pub(crate) const ROUTING_ID_LIMIT: usize = 255;

/// Appends the own properties: Socket-Type, Identity where the type has one, then the application's by name.
pub(crate) fn put_properties(config: &Config, out: &mut Vec<u8>) {
    put_property(SOCKET_TYPE, config.socket_type.name().as_bytes(), out);
    if config.socket_type.sends_identity() {
        put_property(IDENTITY, &config.routing_id, out);
    }
    let mut own: Vec<_> = config.metadata.iter().collect();
    own.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, value) in own {
        put_property(name, value, out);
    }
}

/// Appends one property. One that has no form on the wire (a name over 255 bytes, a value over 2^31-1) is left out.
fn put_property(name: &str, value: &[u8], out: &mut Vec<u8>) {
    let (Ok(name_len), Ok(value_len)) = (u8::try_from(name.len()), i32::try_from(value.len())) else {
        return;
    };
    out.push(name_len);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&value_len.to_be_bytes());
    out.extend_from_slice(value);
}

/// Reads the properties of a peer of a socket of type `own`.
pub(crate) fn read_properties(own: SocketType, bytes: &[u8]) -> Result<PeerProperties, ProtocolError> {
    let mut peer = PeerProperties::default();
    let mut seen = BTreeSet::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (name, value, after) = split_property(rest).ok_or(ProtocolError::InvalidMetadata)?;
        rest = after;
        if name.eq_ignore_ascii_case(SOCKET_TYPE.as_bytes()) {
            let theirs = SocketType::from_name(value).filter(|theirs| own.accepts(*theirs));
            peer.socket_type = Some(theirs.ok_or(ProtocolError::SocketTypeMismatch)?);
        } else if name.eq_ignore_ascii_case(IDENTITY.as_bytes()) {
            if value.len() > ROUTING_ID_LIMIT {
                return Err(ProtocolError::RoutingIdTooLong);
            }
            peer.routing_id = value.to_vec();
        } else if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved.as_bytes())) {
            continue;
        }
        // A name that is no text cannot be asked for, so there is no point in keeping it.
        if let Ok(text) = std::str::from_utf8(name)
            && seen.insert(name.to_ascii_lowercase())
        {
            peer.metadata.push((text.to_owned(), value.to_vec()));
        }
    }
    Ok(peer)
}

/// The first property and what follows it; `None` if it is cut off.
fn split_property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_len))?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*value_len)).ok()?)?;
    Some((name, value, rest))
}

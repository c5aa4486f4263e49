//! Properties of a READY command, against a naive reading of RFC 37.

use std::time::Instant;

use ferrozmq_base::SocketType;
use ferrozmq_proto::{Config, Engine, PeerProperties, ProtocolError};

use crate::source::Source;

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let own = source.socket_type();
    let properties = source.rest();
    let properties = &properties[..properties.len().min(24 * 1024 - 6)];

    let mut input = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01NULL".to_vec();
    input.resize(64, 0);
    input.push(6);
    input.extend_from_slice(&(6 + properties.len() as u64).to_be_bytes());
    input.extend_from_slice(b"\x05READY");
    input.extend_from_slice(properties);

    let mut engine = Engine::new(Config::new(own), Instant::now());
    let result = engine.handshake(&input, &mut Vec::new(), Instant::now());
    match read(own, properties) {
        Ok(expected) => {
            assert_eq!(result, Ok(input.len()));
            assert_eq!(engine.ready().map(|ready| &ready.peer), Some(&expected));
        }
        Err(error) => assert_eq!(result, Err(error)),
    }
}

fn read(own: SocketType, mut bytes: &[u8]) -> Result<PeerProperties, ProtocolError> {
    let (mut peer, mut kept) = (PeerProperties::default(), 0);
    while !bytes.is_empty() {
        let property = split(bytes).ok_or(ProtocolError::InvalidMetadata)?;
        let (name, value) = (property.0.to_ascii_lowercase(), property.1);
        bytes = property.2;
        match name.as_slice() {
            b"socket-type" => {
                let theirs = SocketType::ALL.iter().find(|theirs| theirs.name().as_bytes() == value);
                let fits = theirs.filter(|theirs| own.accepts(**theirs));
                peer.socket_type = Some(*fits.ok_or(ProtocolError::SocketTypeMismatch)?);
            }
            b"identity" if value.len() > 255 => return Err(ProtocolError::RoutingIdTooLong),
            b"identity" => peer.routing_id = value.to_vec(),
            b"user-id" | b"peer-address" | b"__fd" => continue,
            _ => {}
        }
        let Ok(text) = String::from_utf8(property.0.to_vec()) else { continue };
        if peer.metadata.iter().all(|(known, _)| !known.eq_ignore_ascii_case(&text)) {
            kept += text.len() + value.len() + 128;
            if kept > 28 * 1024 {
                return Err(ProtocolError::InvalidMetadata);
            }
            peer.metadata.push((text, value.to_vec()));
        }
    }
    Ok(peer)
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let name_end = 1 + usize::from(bytes[0]);
    let name = bytes.get(1..name_end)?;
    let size: [u8; 4] = bytes.get(name_end..name_end + 4)?.try_into().ok()?;
    let end = (name_end + 4).checked_add(u32::from_be_bytes(size) as usize)?;
    Some((name, bytes.get(name_end + 4..end)?, &bytes[end..]))
}

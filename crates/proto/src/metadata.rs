//! Properties of the handshake (RFC 23 and 37, metadata).
//!
//! `name-len:u8 name value-len:be32 value`, repeated to the end of the command. Names are compared without regard to
//! case. The first of several properties with one name is kept, but every Socket-Type is checked and the last
//! Identity counts, as libzmq has it.

use ferrozmq_base::SocketType;

use crate::{config::Config, engine::PeerProperties, error::ProtocolError};

const SOCKET_TYPE: &str = "Socket-Type";
const IDENTITY: &str = "Identity";

/// Names that only the receiving side may give to its messages: a peer could forge a login with them.
const RESERVED: [&str; 3] = ["User-Id", "Peer-Address", "__fd"];

/// The longest routing id.
pub(crate) const ROUTING_ID_LIMIT: usize = 255;

/// The most memory that the properties of one peer may take: more than those of any handshake, unless they are tiny and
/// many.
const KEPT_BYTES: usize = 28 * 1024;
/// What a property takes besides its bytes.
const PROPERTY_OVERHEAD: usize = 128;

/// The most properties that are read from the answer about a peer.
const PROPERTY_LIMIT: usize = 1024;

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
    let mut kept = 0_usize;
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
            && !peer.metadata.iter().any(|(known, _)| known.eq_ignore_ascii_case(text))
        {
            let size = name.len().saturating_add(value.len()).saturating_add(PROPERTY_OVERHEAD);
            kept = kept.saturating_add(size);
            if kept > KEPT_BYTES {
                return Err(ProtocolError::InvalidMetadata);
            }
            peer.metadata.push((text.to_owned(), value.to_vec()));
        }
    }
    Ok(peer)
}

/// Reads the properties in a server's READY, about which libzmq has one event whatever is wrong with them.
pub(crate) fn read_ready(own: SocketType, bytes: &[u8]) -> Result<PeerProperties, ProtocolError> {
    read_properties(own, bytes).map_err(|error| match error {
        ProtocolError::SocketTypeMismatch => ProtocolError::ReadySocketType,
        _ => ProtocolError::ReadyMetadata,
    })
}

/// Reads a list of properties; `None` if it ends within one, or has more than are kept of one peer.
pub(crate) fn read_list(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut list = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (name, value, after) = split_property(rest)?;
        rest = after;
        if list.len() == PROPERTY_LIMIT {
            return None;
        }
        list.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
    }
    Some(list)
}

/// The first property and what follows it; `None` if it is cut off.
fn split_property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_len))?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*value_len)).ok()?)?;
    Some((name, value, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut out = vec![name.len() as u8];
        out.extend_from_slice(name);
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(value);
        out
    }

    fn read(properties: &[(&str, &[u8])]) -> Result<PeerProperties, ProtocolError> {
        let bytes: Vec<u8> =
            properties.iter().flat_map(|(name, value)| property(name.as_bytes(), value)).collect();
        read_properties(SocketType::Router, &bytes)
    }

    #[test]
    fn own_properties_are_socket_type_then_identity_then_the_others_by_name() {
        let mut config = Config::new(SocketType::Dealer);
        config.routing_id = b"abc".to_vec();
        config.metadata = vec![("X-b".into(), b"2".to_vec()), ("X-a".into(), b"1".to_vec())];
        let mut out = Vec::new();
        put_properties(&config, &mut out);
        let expected = [
            property(b"Socket-Type", b"DEALER"),
            property(b"Identity", b"abc"),
            property(b"X-a", b"1"),
            property(b"X-b", b"2"),
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn only_req_dealer_and_router_send_their_identity() {
        for socket_type in SocketType::ALL.iter().copied() {
            let mut out = Vec::new();
            put_properties(&Config::new(socket_type), &mut out);
            let with_identity = out.windows(8).any(|w| w == b"Identity");
            assert_eq!(with_identity, ["REQ", "DEALER", "ROUTER"].contains(&socket_type.name()));
        }
    }

    #[test]
    fn the_first_of_one_name_is_kept_but_the_last_identity_counts() {
        let peer = read(&[
            ("Socket-Type", b"REQ"),
            ("Identity", b"first"),
            ("X-k", b"1"),
            ("x-K", b"2"),
            ("IDENTITY", b"last"),
            ("socket-type", b"DEALER"),
        ])
        .unwrap();
        assert_eq!(peer.routing_id, b"last");
        assert_eq!(peer.socket_type, Some(SocketType::Dealer));
        let names: Vec<_> =
            peer.metadata.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(names, [("Socket-Type", &b"REQ"[..]), ("Identity", b"first"), ("X-k", b"1")]);
    }

    #[test]
    fn every_socket_type_is_checked_and_must_match_exactly() {
        let mismatch = Err(ProtocolError::SocketTypeMismatch);
        assert_eq!(read(&[("Socket-Type", b"REQ"), ("Socket-Type", b"PUB")]), mismatch);
        for name in [&b"req"[..], b"REQ ", b"RE", b"", b"NOSUCH"] {
            assert_eq!(read(&[("Socket-Type", name)]), mismatch);
        }
        assert_eq!(read(&[("Socket-Type", b"REQ")]).map(|peer| peer.socket_type), Ok(Some(SocketType::Req)));
    }

    #[test]
    fn every_cut_property_is_invalid() {
        let whole = [property(b"Socket-Type", b"REQ"), property(b"X-a", b"value")].concat();
        let boundary = property(b"Socket-Type", b"REQ").len();
        for len in 1..whole.len() {
            let result = read_properties(SocketType::Router, &whole[..len]);
            assert_eq!(result.is_ok(), len == boundary, "{len}");
        }
    }

    #[test]
    fn the_number_of_properties_is_limited() {
        let many = |count: usize| -> Vec<u8> {
            (0..count).flat_map(|i| property(format!("X-{i:03}").as_bytes(), b"")).collect()
        };
        let most = KEPT_BYTES / (PROPERTY_OVERHEAD + 5);
        assert!(read_properties(SocketType::Router, &many(most)).is_ok());
        assert_eq!(read_properties(SocketType::Router, &many(most + 1)), Err(ProtocolError::InvalidMetadata));
    }

    #[test]
    fn repeated_properties_are_kept_once_however_many_there_are() {
        let bytes = property(b"X-a", b"1").repeat(2000);
        assert_eq!(read_properties(SocketType::Router, &bytes).unwrap().metadata.len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            routing_id in proptest::collection::vec(any::<u8>(), 0..=255),
            own in proptest::collection::btree_map("X-[a-z]{1,20}", proptest::collection::vec(any::<u8>(), 0..50), 0..8),
        ) {
            let mut config = Config::new(SocketType::Dealer);
            config.routing_id = routing_id.clone();
            config.metadata = own.clone().into_iter().collect();
            let mut out = Vec::new();
            put_properties(&config, &mut out);
            let peer = read_properties(SocketType::Router, &out).unwrap();
            prop_assert_eq!(peer.routing_id, routing_id);
            prop_assert_eq!(peer.socket_type, Some(SocketType::Dealer));
            prop_assert_eq!(&peer.metadata[2..], &config.metadata[..]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(peer) = read_properties(SocketType::Router, &bytes) {
                prop_assert!(peer.routing_id.len() <= ROUTING_ID_LIMIT);
            }
        }
    }
}

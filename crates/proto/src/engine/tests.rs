//! The byte traces of two peers, and every table of states.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{Heartbeat, Step};

const NULL_64: [u8; 64] = {
    let mut greeting = [0; 64];
    greeting[0] = 0xFF;
    greeting[9] = 0x7F;
    greeting[10] = 3;
    greeting[11] = 1;
    greeting[12] = b'N';
    greeting[13] = b'U';
    greeting[14] = b'L';
    greeting[15] = b'L';
    greeting
};

fn config(socket_type: SocketType) -> Config {
    Config::new(socket_type)
}

fn dealer_abc() -> Config {
    Config { routing_id: b"abc".to_vec(), ..config(SocketType::Dealer) }
}

/// A READY command frame of `socket_type`.
pub(crate) fn ready_frame(socket_type: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0BSocket-Type\0\0\0".to_vec();
    body.push(socket_type.len() as u8);
    body.extend_from_slice(socket_type.as_bytes());
    command_frame(&body)
}

pub(crate) fn command_frame(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::put_header(Framing::V2, false, true, body.len() as u64, &mut frame);
    frame.extend_from_slice(body);
    frame
}

/// The greeting of a ZMTP 3 peer, then a frame.
pub(crate) fn session(minor: u8, frame: &[u8]) -> Vec<u8> {
    let mut bytes = NULL_64.to_vec();
    bytes[11] = minor;
    bytes.extend_from_slice(frame);
    bytes
}

/// Everything that can be seen of a handshake with this input.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) out: Vec<u8>,
    pub(crate) consumed: usize,
    pub(crate) ready: Option<Ready>,
    pub(crate) error: Option<ProtocolError>,
}

/// Runs an engine over the input, cut into portions of these sizes in turn.
pub(crate) fn run(config: Config, input: &[u8], sizes: &[usize]) -> (Engine, Seen) {
    let now = Instant::now();
    let mut engine = Engine::new(config, now);
    let mut seen = Seen { out: Vec::new(), consumed: 0, ready: None, error: None };
    engine.start(&mut seen.out);
    let mut sizes = sizes.iter().cycle();
    while seen.consumed < input.len() && engine.ready().is_none() {
        let rest = &input[seen.consumed..];
        let portion = &rest[..rest.len().min(*sizes.next().unwrap())];
        match engine.handshake(portion, &mut seen.out, now) {
            Ok(taken) => {
                assert!(taken == portion.len() || engine.ready().is_some());
                seen.consumed += taken;
            }
            Err(error) => {
                seen.error = Some(error);
                // How much of a portion an error leaves does not matter: the connection is over.
                seen.consumed = 0;
                break;
            }
        }
    }
    seen.ready = engine.ready().cloned();
    (engine, seen)
}

pub(crate) fn whole(config: Config, input: &[u8]) -> (Engine, Seen) {
    run(config, input, &[usize::MAX])
}

/// An engine in traffic with a peer of a type that fits.
pub(crate) fn in_traffic(socket_type: SocketType, version: Version) -> Engine {
    in_traffic_with(config(socket_type), version)
}

pub(crate) fn in_traffic_with(config: Config, version: Version) -> Engine {
    let peer = SocketType::ALL.iter().copied().find(|peer| config.socket_type.accepts(*peer)).unwrap();
    let input = match version {
        Version::V1 => b"\x01\x00".to_vec(),
        Version::V2 => [&NULL_64[..10], &[1, peer.number(), 0, 0]].concat(),
        Version::V3_0 => session(0, &ready_frame(peer.name())),
        Version::V3_1 => session(1, &ready_frame(peer.name())),
    };
    let (engine, seen) = whole(config, &input);
    assert_eq!(seen.error, None);
    assert_eq!(seen.ready.unwrap().version, version);
    engine
}

pub(crate) const VERSIONS: [Version; 4] = [Version::V1, Version::V2, Version::V3_0, Version::V3_1];

#[test]
fn a_3_1_peer_sees_10_then_1_then_53_bytes_then_ready() {
    let now = Instant::now();
    let mut engine = Engine::new(dealer_abc(), now);
    let mut out = Vec::new();
    engine.start(&mut out);
    assert_eq!(out, [0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F]);
    let mut feed = |input: &[u8]| {
        let mut out = Vec::new();
        assert_eq!(engine.handshake(input, &mut out, now), Ok(input.len()));
        out
    };
    assert_eq!(feed(&NULL_64[..9]), b"");
    assert_eq!(feed(&NULL_64[9..10]), [3], "before the revision of the peer");
    let rest = feed(&NULL_64[10..11]);
    assert_eq!(rest, NULL_64[11..], "before the rest of the peer");
    let ready = feed(&NULL_64[11..]);
    assert_eq!(ready, b"\x04\x2C\x05READY\x0BSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x03abc");
    assert_eq!(feed(&ready_frame("ROUTER")), b"");
    let ready = engine.ready().unwrap();
    assert_eq!((ready.version, ready.tx, ready.rx), (Version::V3_1, Mode::Plain, Mode::Plain));
    assert_eq!(ready.peer.socket_type, Some(SocketType::Router));
}

#[test]
fn ready_of_rep_and_dealer_are_the_bytes_of_libzmq() {
    let (_, seen) = whole(config(SocketType::Rep), &NULL_64);
    assert_eq!(seen.out[64..], *b"\x04\x19\x05READY\x0BSocket-Type\0\0\0\x03REP");
    let (_, seen) = whole(config(SocketType::Dealer), &NULL_64);
    assert_eq!(seen.out[64..], *b"\x04\x29\x05READY\x0BSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0");
}

#[test]
fn a_2_0_peer_gets_revision_3_and_our_type_then_identity_frames() {
    let input = [&NULL_64[..10], b"\x01\x06\x00\x00\x00\x05hello"].concat();
    let (mut engine, seen) = whole(dealer_abc(), &input);
    assert_eq!(seen.out, b"\xFF\0\0\0\0\0\0\0\x04\x7F\x03\x05\x00\x03abc");
    let ready = seen.ready.unwrap();
    assert_eq!((ready.version, ready.tx, ready.rx), (Version::V2, Mode::Plain, Mode::Plain));
    assert_eq!(ready.peer.socket_type, Some(SocketType::Router));
    assert_eq!(ready.peer.metadata, []);
    assert_eq!(seen.consumed, input.len() - 7, "the message is traffic");
    let mut out = Vec::new();
    engine.encode(FrameKind::Message, false, b"x", &mut out);
    assert_eq!(out, b"\x00\x01x");
}

#[test]
fn a_1_0_peer_gets_the_bare_identity() {
    let input = b"\x01\x00\x06\x00hello";
    let (mut engine, seen) = whole(dealer_abc(), input);
    assert_eq!(seen.out, b"\xFF\0\0\0\0\0\0\0\x04\x7Fabc");
    let ready = seen.ready.unwrap();
    assert_eq!((ready.version, ready.tx, ready.rx), (Version::V1, Mode::Coded, Mode::Coded));
    assert_eq!(ready.peer, PeerProperties::default());
    assert_eq!(seen.consumed, 2);
    let frame = Decoded::Frame { consumed: 7, more: false, command: false, body: b"hello" };
    assert_eq!(engine.decode(&mut input.to_vec()[2..]), Ok(frame));
    let mut out = Vec::new();
    engine.encode(FrameKind::Message, false, b"yy", &mut out);
    assert_eq!(out, b"\x03\x00yy");
}

#[test]
fn a_revision_0_peer_is_asked_for_12_bytes_and_sends_its_identity_as_a_frame() {
    let input = [&NULL_64[..10], b"\x00"].concat();
    let (_, seen) = whole(dealer_abc(), &input);
    assert_eq!(seen.out, b"\xFF\0\0\0\0\0\0\0\x04\x7F\x03\x05", "no identity before its type byte");
    let input = [&input[..], b"\x06\x03\x00xy"].concat();
    let (_, seen) = whole(Config { socket_type: SocketType::Xpub, ..dealer_abc() }, &input);
    assert_eq!(seen.out, b"\xFF\0\0\0\0\0\0\0\x04\x7F\x03\x09\x04\x00abc");
    let ready = seen.ready.unwrap();
    assert_eq!((ready.version, ready.peer.routing_id.as_slice()), (Version::V1, &b"xy"[..]));
    assert!(!ready.phantom_subscription);
}

#[test]
fn identities_of_1_0_peers_at_the_boundary_of_short_and_long_headers() {
    for len in [0, 1, 252, 253, 254, 255] {
        let mut input = Vec::new();
        let identity = vec![7; len];
        frame::put_header(Framing::V1, false, false, len as u64, &mut input);
        assert_eq!(input.len(), if len < 254 { 2 } else { 10 });
        input.extend_from_slice(&identity);
        let (_, seen) = whole(config(SocketType::Router), &input);
        assert_eq!(seen.ready.unwrap().peer.routing_id, identity);
        assert_eq!(seen.consumed, input.len());
    }
    let mut input = b"\xFF\0\0\0\0\0\0\x01\x01\x00".to_vec();
    input.resize(10 + 256, 7);
    assert_eq!(whole(config(SocketType::Router), &input).1.error, Some(ProtocolError::RoutingIdTooLong));
}

#[test]
fn an_identity_in_a_needlessly_long_frame_is_complete_with_its_header() {
    let (_, seen) = whole(config(SocketType::Pub), b"\xFF\0\0\0\0\0\0\0\x01\x00rest");
    assert_eq!(seen.consumed, 10);
    assert!(seen.ready.unwrap().phantom_subscription);
}

#[test]
fn a_phantom_subscription_is_for_pub_and_xpub_with_unversioned_peers() {
    for socket_type in SocketType::ALL.iter().copied().filter(|t| *t != SocketType::Stream) {
        for version in VERSIONS {
            let engine = in_traffic(socket_type, version);
            let expected =
                version == Version::V1 && matches!(socket_type, SocketType::Pub | SocketType::Xpub);
            assert_eq!(engine.ready().unwrap().phantom_subscription, expected);
        }
    }
}

#[test]
fn modes_by_type_and_version() {
    for socket_type in SocketType::ALL.iter().copied().filter(|t| *t != SocketType::Stream) {
        for version in VERSIONS {
            let engine = in_traffic(socket_type, version);
            let ready = engine.ready().unwrap();
            let commands = ["SUB", "XSUB", "DISH"].contains(&socket_type.name());
            let coded = |coded| if coded { Mode::Coded } else { Mode::Plain };
            assert_eq!(ready.tx, coded(version == Version::V1 || commands));
            assert_eq!(ready.rx, coded(version == Version::V1));
        }
    }
}

#[test]
fn revisions_above_1_are_3_x() {
    for (revision, minor, version) in [
        (2, 1, Version::V3_1),
        (3, 0, Version::V3_0),
        (3, 9, Version::V3_1),
        (4, 1, Version::V3_1),
        (255, 255, Version::V3_1),
    ] {
        let mut input = session(minor, &ready_frame("PUSH"));
        input[10] = revision;
        assert_eq!(whole(config(SocketType::Pull), &input).1.ready.unwrap().version, version);
    }
}

#[test]
fn padding_as_server_and_filler_of_the_peer_do_not_matter() {
    let mut input = session(1, &ready_frame("PUSH"));
    input[1..9].fill(0xAA);
    input[9] = 0x01;
    input[32..64].fill(0xFF);
    assert!(whole(config(SocketType::Pull), &input).1.ready.is_some());
}

#[test]
fn old_versions_are_refused_where_the_settings_exclude_them() {
    let no_old = Config { accept_old_versions: false, ..config(SocketType::Pull) };
    let zap = Config { zap_domain_set: true, ..config(SocketType::Pull) };
    for config in [no_old, zap] {
        for input in [
            &b"\x01\x00"[..],
            b"\xFF\0\0\0\0\0\0\x01\x01\x00",
            b"\xFF\0\0\0\0\0\0\0\0\x7F\x00",
            b"\xFF\0\0\0\0\0\0\0\0\x7F\x01",
        ] {
            let error = whole(config.clone(), input).1.error.unwrap();
            assert_eq!(error, ProtocolError::OldVersion);
            assert_eq!((error.event_code(), error.auth_status()), (None, None));
        }
        for input in
            [&b"HTTP/1.1 400 Bad Request"[..], b"SSH-2.0-x", b"\0\0\0", b"\xFF\0\0\0\0\0\0\x01\x01\x02"]
        {
            let error = whole(config.clone(), input).1.error.unwrap();
            assert_eq!(error, ProtocolError::NotZmtp, "{input:?}");
            assert_eq!((error.event_code(), error.auth_status()), (None, None));
        }
        // A peer of today may come in, once somebody was asked where that is set.
        let asked = config.zap_domain_set;
        let seen = whole(config, &session(0, &ready_frame("PUSH"))).1;
        assert_eq!((seen.error, seen.ready.is_some()), (None, !asked));
    }
}

#[test]
fn the_mechanism_must_be_the_same_in_all_20_bytes() {
    use ProtocolError::{MechanismMismatch, NoMechanism};
    for (at, byte, wanted) in [
        (12, b'P', MechanismMismatch),
        (16, b'X', MechanismMismatch),
        (12, 0, NoMechanism),
        (13, b'u', NoMechanism),
        (31, 1, NoMechanism),
    ] {
        let mut input = session(1, b"");
        input[at] = byte;
        let error = whole(config(SocketType::Pull), &input).1.error.unwrap();
        assert_eq!(error, wanted, "{byte} at {at}");
        assert_eq!(error.event_code(), Some(0x1100_0002));
    }
}

#[test]
fn every_pair_of_socket_types_meets_or_is_refused_by_both() {
    let types = || SocketType::ALL.iter().copied().filter(|t| *t != SocketType::Stream);
    for a in types() {
        for b in types() {
            let (mut one, mut other) = (whole(config(a), &NULL_64).0, whole(config(b), &NULL_64).0);
            let now = Instant::now();
            let (ready_a, ready_b) = (
                whole(config(a), &NULL_64).1.out[64..].to_vec(),
                whole(config(b), &NULL_64).1.out[64..].to_vec(),
            );
            let (to_a, to_b) = (
                one.handshake(&ready_b, &mut Vec::new(), now),
                other.handshake(&ready_a, &mut Vec::new(), now),
            );
            if a.accepts(b) {
                assert_eq!((to_a, to_b), (Ok(ready_b.len()), Ok(ready_a.len())));
                assert_eq!(one.ready().unwrap().peer.socket_type, Some(b));
            } else {
                let mismatch = Err(ProtocolError::SocketTypeMismatch);
                assert_eq!((to_a, to_b), (mismatch, mismatch), "{a:?} {b:?}");
            }
        }
    }
    assert_eq!(ProtocolError::SocketTypeMismatch.event_code(), None);
}

#[test]
fn ready_is_taken_with_a_long_header_with_more_and_without_the_command_flag() {
    let short = ready_frame("PUSH");
    let body = &short[2..];
    for flags in [0, 1, 4, 5, 0xFC] {
        let frame = [&[flags, body.len() as u8], body].concat();
        assert!(whole(config(SocketType::Pull), &session(1, &frame)).1.ready.is_some(), "{flags:02X}");
        let frame = [&[flags | 2], &(body.len() as u64).to_be_bytes()[..], body].concat();
        assert!(whole(config(SocketType::Pull), &session(1, &frame)).1.ready.is_some(), "{flags:02X}");
    }
}

#[test]
fn an_own_ready_over_255_bytes_has_a_long_header() {
    let metadata = vec![("X-long".to_owned(), vec![b'v'; 300])];
    let (_, seen) = whole(Config { metadata, ..config(SocketType::Push) }, &NULL_64);
    let ready = seen.out[64..].to_vec();
    assert_eq!(ready[0], 6);
    let (_, seen) = whole(config(SocketType::Pull), &session(1, &ready));
    assert_eq!(seen.ready.unwrap().peer.metadata[1], ("X-long".to_owned(), vec![b'v'; 300]));
}

#[test]
fn error_commands_carry_a_status_a_reason_or_nonsense() {
    for (body, error, auth, event) in [
        (&b"\x05ERROR\x03400"[..], ProtocolError::Refused(Some(400)), Some(400), None),
        (b"\x05ERROR\x03300", ProtocolError::Refused(Some(300)), Some(300), None),
        (b"\x05ERROR\x03500", ProtocolError::Refused(Some(500)), Some(500), None),
        (b"\x05ERROR\x03200", ProtocolError::Refused(None), None, None),
        (b"\x05ERROR\x06reason", ProtocolError::Refused(None), None, None),
        (b"\x05ERROR\x00", ProtocolError::Refused(None), None, None),
        (b"\x05ERROR\x04400", ProtocolError::MalformedError, None, Some(0x1000_0015)),
        (b"\x05ERROR\x03400x", ProtocolError::MalformedError, None, Some(0x1000_0015)),
        (b"\x05ERROR", ProtocolError::MalformedError, None, Some(0x1000_0015)),
    ] {
        let (_, seen) = whole(config(SocketType::Pull), &session(1, &command_frame(body)));
        assert_eq!(seen.error, Some(error));
        assert_eq!((error.auth_status(), error.event_code()), (auth, event));
    }
}

#[test]
fn a_handshake_frame_is_held_to_both_limits() {
    let push = ready_frame("PUSH");
    let size = push.len() as u64 - 2;
    let limited = |max| Config { max_body: Some(max), ..config(SocketType::Pull) };
    assert!(whole(limited(size), &session(1, &push)).1.ready.is_some());
    assert_eq!(whole(limited(size - 1), &session(1, &push)).1.error, Some(ProtocolError::FrameTooLong));
    for (size, error) in [(24 * 1024, None), (24 * 1024 + 1, Some(ProtocolError::HandshakeTooLong))] {
        let frame = [&[6], &u64::to_be_bytes(size)[..]].concat();
        assert_eq!(whole(config(SocketType::Pull), &session(1, &frame)).1.error, error);
    }
}

#[test]
fn traffic_in_the_segment_of_the_handshake_is_left_to_the_caller() {
    let mut input = session(1, &ready_frame("PUSH"));
    let end = input.len();
    input.extend_from_slice(b"\x00\x05hello");
    let (mut engine, seen) = whole(config(SocketType::Pull), &input);
    assert_eq!(seen.consumed, end);
    assert_eq!(engine.handshake(&input[end..], &mut Vec::new(), Instant::now()), Ok(0));
}

#[test]
fn subscriptions_by_version() {
    for (version, subscribe, cancel) in [
        (Version::V1, &b"\x03\x00\x01A"[..], &b"\x03\x00\x00A"[..]),
        (Version::V2, b"\x00\x02\x01A", b"\x00\x02\x00A"),
        (Version::V3_0, b"\x00\x02\x01A", b"\x00\x02\x00A"),
        (Version::V3_1, b"\x04\x0B\x09SUBSCRIBEA", b"\x04\x08\x06CANCELA"),
    ] {
        let mut engine = in_traffic(SocketType::Sub, version);
        let mut out = Vec::new();
        engine.encode(FrameKind::Subscribe, true, b"A", &mut out);
        assert_eq!(out, subscribe, "never with MORE");
        out.clear();
        engine.encode(FrameKind::Cancel, false, b"A", &mut out);
        assert_eq!(out, cancel);
    }
}

#[test]
fn groups_are_joined_with_commands_and_unknown_to_old_peers() {
    for (version, join, leave) in [
        (Version::V1, &b""[..], &b""[..]),
        (Version::V2, b"", b""),
        (Version::V3_0, b"\x04\x06\x04JOINg", b"\x04\x07\x05LEAVEg"),
        (Version::V3_1, b"\x04\x06\x04JOINg", b"\x04\x07\x05LEAVEg"),
    ] {
        let mut engine = in_traffic(SocketType::Dish, version);
        let mut out = Vec::new();
        engine.encode(FrameKind::Join, false, b"g", &mut out);
        assert_eq!(out, join);
        out.clear();
        engine.encode(FrameKind::Leave, false, b"g", &mut out);
        assert_eq!(out, leave);
    }
}

#[test]
fn message_frames_at_the_boundaries_of_their_headers() {
    for version in VERSIONS {
        let mut engine = in_traffic(SocketType::Pair, version);
        for len in [0, 1, 252, 253, 254, 255, 256, 70_000] {
            for more in [false, true] {
                let body = vec![0x5A; len];
                let mut out = Vec::new();
                engine.encode(FrameKind::Message, more, &body, &mut out);
                let short = len <= if version == Version::V1 { 253 } else { 255 };
                let header = if short {
                    2
                } else if version == Version::V1 {
                    10
                } else {
                    9
                };
                assert_eq!(out.len(), header + len);
                let frame = Decoded::Frame { consumed: out.len(), more, command: false, body: &body };
                assert_eq!(engine.decode(&mut out.clone()), Ok(frame));
                for cut in [0, 1, header - 1, header, out.len() - 1] {
                    if cut < out.len() {
                        let needed_total = (cut >= header).then_some(out.len() as u64);
                        assert_eq!(
                            engine.decode(&mut out.clone()[..cut]),
                            Ok(Decoded::Incomplete { needed_total })
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_frame_of_the_largest_size_passes_and_one_byte_more_does_not() {
    for version in VERSIONS {
        for limit in [0_u64, 10, 254, 255, 256, 1000] {
            let limited = || Config { max_body: Some(limit), ..config(SocketType::Pair) };
            // The handshake is held to the limit as well, so it runs without one.
            let mut engine = in_traffic(SocketType::Pair, version);
            engine.config = limited();
            let mut out = Vec::new();
            engine.encode(FrameKind::Message, false, &vec![1; limit as usize], &mut out);
            assert!(
                matches!(engine.decode(&mut out.clone()), Ok(Decoded::Frame { .. })),
                "{version:?} {limit}"
            );
            out.clear();
            engine.encode(FrameKind::Message, false, &vec![1; limit as usize + 1], &mut out);
            assert_eq!(
                engine.decode(&mut out.clone()),
                Err(ProtocolError::FrameTooLong),
                "{version:?} {limit}"
            );
        }
    }
}

#[test]
fn pings_are_answered_with_their_context() {
    let now = Instant::now();
    for version in [Version::V3_0, Version::V3_1] {
        let mut engine = in_traffic(SocketType::Dealer, version);
        for (len, echoed) in [(0, 0), (2, 2), (16, 16), (17, 16), (200, 16)] {
            let context: Vec<u8> = (0..len).collect();
            let body = [b"\x04PING\x00\x00", &context[..]].concat();
            let Ok(Command::Pong(pong)) = engine.command(&body, now) else { panic!("no PONG") };
            let expected = command_frame(&[b"\x04PONG", &context[..echoed]].concat());
            assert_eq!(*pong, expected[..]);
        }
    }
}

/// What commands a RADIO, a PUB and another socket make of these bodies; `true` stands for "not ignored".
const COMMANDS: &[(&[u8], bool, bool, bool)] = &[
    (b"\x04PING\x00\x00", true, true, true),
    (b"\x04PONG", false, false, false),
    (b"\x04PONGcontext", false, false, false),
    (b"\x09SUBSCRIBEtopic", false, true, false),
    (b"\x09SUBSCRIBE", false, true, false),
    (b"\x06CANCELtopic", false, true, false),
    (b"\x06CANCEL", false, true, false),
    (b"\x04JOINgroup", true, false, false),
    (b"\x05LEAVEgroup", true, false, false),
    (b"\x05READY", false, false, false),
    (b"\x05ERROR\x03400", false, false, false),
    (b"\x05HELLO", false, false, false),
    (b"\x07MESSAGE", false, false, false),
    (b"\x04ping\x00\x00", false, false, false),
    (b"\x05PING\x00\x00", false, false, false),
    (b"\x09SUBSCRIB", false, false, false),
    (b"\xFFSUBSCRIBE", false, false, false),
    (b"\x00", false, false, false),
    (b"", false, false, false),
];

#[test]
fn every_command_in_traffic_by_type_and_version() {
    let now = Instant::now();
    for socket_type in SocketType::ALL.iter().copied().filter(|t| *t != SocketType::Stream) {
        for version in VERSIONS {
            let mut engine = in_traffic(socket_type, version);
            for (body, radio, publisher, other) in COMMANDS {
                let acts = match socket_type {
                    SocketType::Radio => *radio,
                    SocketType::Pub | SocketType::Xpub => *publisher,
                    _ => *other,
                };
                let command = engine.command(body, now).unwrap();
                assert_eq!(
                    command != Command::Ignore,
                    acts && version >= Version::V3_0,
                    "{socket_type:?} {body:?}"
                );
            }
        }
    }
    let mut engine = in_traffic(SocketType::Pub, Version::V3_1);
    assert_eq!(engine.command(b"\x09SUBSCRIBEtopic", now), Ok(Command::Subscribe(b"topic")));
    assert_eq!(engine.command(b"\x06CANCEL", now), Ok(Command::Cancel(b"")));
    let mut engine = in_traffic(SocketType::Radio, Version::V3_1);
    assert_eq!(engine.command(b"\x04JOINg", now), Ok(Command::Join(b"g")));
    assert_eq!(engine.command(b"\x05LEAVEg", now), Ok(Command::Leave(b"g")));
}

#[test]
fn a_radio_refuses_groups_over_255_bytes() {
    let now = Instant::now();
    for name in [&b"\x04JOIN"[..], b"\x05LEAVE"] {
        let body = [name, &[b'g'; 255]].concat();
        let mut engine = in_traffic(SocketType::Radio, Version::V3_1);
        assert_ne!(engine.command(&body, now), Ok(Command::Ignore));
        let body = [name, &[b'g'; 256]].concat();
        assert_eq!(engine.command(&body, now), Err(ProtocolError::GroupTooLong));
        assert_eq!(in_traffic(SocketType::Pub, Version::V3_1).command(&body, now), Ok(Command::Ignore));
    }
}

#[test]
fn every_command_but_ready_and_error_is_unexpected_in_the_handshake() {
    for (body, ..) in COMMANDS
        .iter()
        .filter(|(body, ..)| !body.starts_with(b"\x05READY") && !body.starts_with(b"\x05ERROR"))
    {
        let (mut engine, seen) = whole(config(SocketType::Pull), &session(1, &command_frame(body)));
        assert_eq!(seen.error, Some(ProtocolError::UnexpectedCommand), "{body:?}");
        assert_eq!(ProtocolError::UnexpectedCommand.event_code(), Some(0x1000_0001));
        assert!(engine.ready().is_none());
        let mut out = Vec::new();
        engine.encode(FrameKind::Message, false, b"x", &mut out);
        assert_eq!(out, b"");
    }
}

#[test]
fn after_an_error_every_call_returns_it_again() {
    let now = Instant::now();
    let mut engine = in_traffic(SocketType::Pub, Version::V3_1);
    let error = ProtocolError::ShortPing;
    assert_eq!(engine.command(b"\x04PING", now), Err(error));
    assert_eq!(engine.command(b"\x09SUBSCRIBE", now), Err(error));
    assert_eq!(engine.decode(&mut [0, 0]), Err(error));
    assert_eq!(engine.handshake(b"", &mut Vec::new(), now), Err(error));
    assert_eq!(engine.next_deadline(), None);
    assert_eq!(engine.on_deadline(now, false), Ok(TimerAction::Nothing));
    let mut out = Vec::new();
    engine.encode(FrameKind::Message, false, b"x", &mut out);
    assert_eq!(out, b"");
}

#[test]
fn a_stalled_handshake_expires_wherever_it_stalls() {
    let limit = Duration::from_millis(100);
    let config = || Config { handshake_limit: Some(limit), ..config(SocketType::Pull) };
    let input = session(1, &ready_frame("PUSH"));
    for stall in [0, 1, 10, 11, 12, 63, 64, 65, 66, 70, input.len() - 1] {
        let start = Instant::now();
        let mut engine = Engine::new(config(), start);
        assert_eq!(engine.handshake(&input[..stall], &mut Vec::new(), start), Ok(stall));
        assert_eq!(engine.next_deadline(), Some(start + limit), "{stall}");
        assert_eq!(
            engine.on_deadline(start + limit - Duration::from_nanos(1), true),
            Ok(TimerAction::Nothing)
        );
        assert_eq!(engine.on_deadline(start + limit, true), Err(Expired::Handshake));
    }
    let (engine, _) = whole(config(), &input);
    assert_eq!(engine.next_deadline(), None);
    for handshake_limit in [None, Some(Duration::ZERO)] {
        let engine = Engine::new(Config { handshake_limit, ..config() }, Instant::now());
        assert_eq!(engine.next_deadline(), None);
    }
}

#[test]
fn pings_go_to_zmtp_3_peers_other_than_dish() {
    let interval = Duration::from_millis(100);
    let heartbeat = Heartbeat { interval: Some(interval), ..Heartbeat::default() };
    for socket_type in SocketType::ALL.iter().copied().filter(|t| *t != SocketType::Stream) {
        for version in VERSIONS {
            let engine = in_traffic_with(Config { heartbeat, ..config(socket_type) }, version);
            let expected = version >= Version::V3_0 && socket_type != SocketType::Radio;
            assert_eq!(engine.next_deadline().is_some(), expected, "{socket_type:?} {version:?}");
        }
    }
}

#[test]
fn a_ping_is_the_bytes_of_libzmq_and_an_answer_keeps_the_connection() {
    let ms = Duration::from_millis;
    let heartbeat = Heartbeat { interval: Some(ms(100)), ttl: ms(300), timeout: Some(ms(50)) };
    let mut engine = in_traffic_with(Config { heartbeat, ..config(SocketType::Pull) }, Version::V3_1);
    let at = engine.next_deadline().unwrap();
    let Ok(TimerAction::SendPing(ping)) = engine.on_deadline(at, false) else { panic!("no PING") };
    assert_eq!(*ping, *b"\x04\x07\x04PING\x00\x03");
    assert_eq!(engine.command(b"\x04PONG", at + ms(49)), Ok(Command::Ignore));
    assert_eq!(engine.on_deadline(at + ms(50), false), Ok(TimerAction::Nothing));
    let at = engine.next_deadline().unwrap();
    assert!(matches!(engine.on_deadline(at, false), Ok(TimerAction::SendPing(_))));
    assert_eq!(engine.on_deadline(at + ms(50), false), Err(Expired::Heartbeat));
}

#[test]
fn decoding_checks_envelopes_like_the_scanner() {
    let mut engine = in_traffic(SocketType::Req, Version::V1);
    assert!(matches!(engine.decode(&mut [1, 1]), Ok(Decoded::Frame { more: true, .. })));
    assert!(matches!(engine.decode(&mut [2, 0, b'x']), Ok(Decoded::Frame { more: false, .. })));
    assert_eq!(engine.decode(&mut [2, 0, b'x']), Err(ProtocolError::ReplyEnvelope));
}

/// Handshakes of every kind, good and bad, with a few bytes of traffic.
fn sessions() -> Vec<Vec<u8>> {
    let traffic = b"\x00\x05hello\x01\x00\x00\x01x";
    let mut sessions = vec![
        [&session(1, &ready_frame("ROUTER"))[..], traffic].concat(),
        [&session(0, &ready_frame("DEALER"))[..], traffic].concat(),
        [&NULL_64[..10], b"\x01\x06\x00\x02id", traffic].concat(),
        [&NULL_64[..10], b"\x00\x06\x03\x00id", traffic].concat(),
        [b"\x03\x00id", &traffic[..]].concat(),
        [b"\xFF\0\0\0\0\0\0\0\x03\x00id", &traffic[..]].concat(),
        session(1, &ready_frame("PUB")),
        session(1, &command_frame(b"\x05ERROR\x03400")),
        session(1, &command_frame(b"\x04PING\x00\x00")),
        session(1, &[6, 0, 0, 0, 0, 0, 2, 0, 0]),
        session(1, &[6, 0xFF, 0, 0, 0, 0, 0, 0, 0]),
        b"\x00".to_vec(),
    ];
    let mut curve = session(1, b"");
    curve[12..17].copy_from_slice(b"CURVE");
    sessions.push(curve);
    let mut long = b"\xFF\0\0\0\0\0\0\x01\x00\x00".to_vec();
    long.resize(10 + 255, 7);
    sessions.push(long);
    sessions
}

#[test]
fn one_byte_at_a_time_and_all_at_once_are_the_same() {
    for (i, input) in sessions().iter().enumerate() {
        assert_eq!(run(dealer_abc(), input, &[1]).1, whole(dealer_abc(), input).1, "session {i}");
    }
}

proptest! {
    #[test]
    fn every_cutting_of_the_input_is_the_same(sizes in proptest::collection::vec(1_usize..80, 1..12)) {
        for input in sessions() {
            prop_assert_eq!(run(dealer_abc(), &input, &sizes).1, whole(dealer_abc(), &input).1);
        }
    }

    #[test]
    fn a_corrupted_session_is_the_same_in_every_cutting(
        which in 0_usize..14, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        sizes in proptest::collection::vec(1_usize..80, 1..6),
    ) {
        let mut input = sessions().swap_remove(which);
        let at = at.index(input.len());
        input[at] = byte;
        prop_assert_eq!(run(dealer_abc(), &input, &sizes).1, whole(dealer_abc(), &input).1);
    }

    #[test]
    fn coded_and_scanned_frames_are_the_same(frames in proptest::collection::vec(
        (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..300)), 1..10)
    ) {
        let mut engine = in_traffic(SocketType::Pair, Version::V3_1);
        let mut bytes = Vec::new();
        for (more, body) in &frames {
            engine.encode(FrameKind::Message, *more, body, &mut bytes);
        }
        let mut decoded = bytes.clone();
        let mut rest = &mut decoded[..];
        for (more, body) in &frames {
            let Decoded::Frame { consumed, more: m, command: false, body: b } = engine.decode(&mut *rest).unwrap() else { panic!() };
            prop_assert_eq!((m, b), (*more, &body[..]));
            rest = &mut rest[consumed..];
        }
        prop_assert!(rest.is_empty());
        let messages = frames.iter().filter(|(more, _)| !more).count();
        let mut scanner = crate::Scanner::new(SocketType::Pair, None);
        match scanner.next(&bytes).unwrap() {
            Step::Messages { count, .. } => prop_assert_eq!(count, messages),
            step => { prop_assert_eq!(step, Step::Frames { len: bytes.len() }); prop_assert_eq!(messages, 0); }
        }
    }
}

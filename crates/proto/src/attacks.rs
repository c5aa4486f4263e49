//! Byte strings that broke other implementations: each must end in an error or in nothing, never in a panic, a loop
//! or memory for bytes that did not come. The names carry the ids of the project's catalogue of vulnerabilities.

use std::time::{Duration, Instant};

use ferrozmq_base::SocketType;

use crate::{
    Command, Config, Decoded, Engine, Entropy, FrameKind, Mechanism, Password, ProtocolError, Scanner, Step,
    Version,
    curve::SecretKey,
    engine::tests::{VERSIONS, command_frame, in_traffic, in_traffic_with, ready_frame, session, whole},
    zap::Verdict,
};

/// Lengths that overflow something: pointers, signed numbers, additions of a header, allocators.
const ENORMOUS: [u64; 9] =
    [u64::MAX, u64::MAX - 7, u64::MAX - 8, 1 << 63, (1 << 63) - 1, (1 << 63) + 1, 1 << 49, 1 << 48, 1 << 32];

fn long_header(size: u64) -> Vec<u8> {
    [&[2], &size.to_be_bytes()[..], b"payload"].concat()
}

#[test]
fn v05_v42_enormous_lengths_are_compared_before_anything_is_done_with_them() {
    for size in ENORMOUS {
        let mut bytes = long_header(size);
        let limited = Scanner::new(SocketType::Pull, Some(1 << 20)).next(&bytes);
        let error =
            if size >> 63 == 1 { ProtocolError::LengthOutOfRange } else { ProtocolError::FrameTooLong };
        assert_eq!(limited, Err(error));
        let unlimited = Scanner::new(SocketType::Pull, None).next(&bytes);
        let announced = Ok(Step::Large { header: 9, body: size, more: false, command: false });
        assert_eq!(unlimited, if size >> 63 == 1 { Err(error) } else { announced });
        let mut engine = in_traffic(SocketType::Pull, Version::V3_1);
        let decoded = engine.decode(&mut bytes);
        let needed = Ok(Decoded::Incomplete { needed_total: Some(size.wrapping_add(9)) });
        assert_eq!(decoded, if size >> 63 == 1 { Err(error) } else { needed });
        let handshake = whole(Config::new(SocketType::Pull), &session(1, &bytes)).1.error;
        assert_eq!(handshake, Some(if size >> 63 == 1 { error } else { ProtocolError::HandshakeTooLong }));
    }
}

#[test]
fn v11_two_v1_messages_over_8192_bytes_in_any_cutting() {
    let mut engine = in_traffic(SocketType::Pull, Version::V1);
    let mut bytes = Vec::new();
    for fill in [1, 2] {
        engine.encode(FrameKind::Message, false, &vec![fill; 9000], &mut bytes);
    }
    for portion in [1, 100, 8192, 8193, 9010, 18_020] {
        let (mut start, mut arrived, mut found) = (0, 0, 0_u8);
        while arrived < bytes.len() {
            arrived = bytes.len().min(arrived + portion);
            while let Decoded::Frame { consumed, body, .. } =
                engine.decode(&mut bytes[start..arrived]).unwrap()
            {
                found += 1;
                assert_eq!(body, vec![found; 9000]);
                start += consumed;
            }
        }
        assert_eq!((found, start), (2, bytes.len()), "{portion}");
    }
}

#[test]
fn v46_text_that_is_no_z85_is_an_error() {
    use crate::z85::{decode, encode};
    assert_eq!(decode(b"%nSc0"), Ok(vec![0xFF; 4]));
    for text in
        [&b"%nSc1"[..], b"%nSd0", b"#####", b"0", b"0000", b"000000", b"0000\0", b"0000\"", b"000\xFF0"]
    {
        assert!(decode(text).is_err(), "{text:?}");
    }
    // Every byte at every place of a group: what is decoded is what was encoded.
    for place in 0..5 {
        for byte in 0..=u8::MAX {
            let mut text = *b"00000";
            text[place] = byte;
            if let Ok(bytes) = decode(&text) {
                assert_eq!(encode(&bytes).unwrap().as_bytes(), text);
            }
        }
    }
}

#[test]
fn v48_empty_frames_and_empty_unsubscriptions_are_frames_like_others() {
    for body in [&b""[..], b"\x00", b"\x01"] {
        let mut frame = [&[0, body.len() as u8], body].concat();
        let len = frame.len();
        for socket_type in [SocketType::Pub, SocketType::Xpub] {
            let step = Scanner::new(socket_type, None).next(&frame);
            assert_eq!(step, Ok(Step::Messages { len: frame.len(), count: 1 }));
            let mut engine = in_traffic(socket_type, Version::V2);
            let decoded = engine.decode(&mut frame);
            assert_eq!(decoded, Ok(Decoded::Frame { consumed: len, more: false, command: false, body }));
        }
    }
    let now = Instant::now();
    let mut engine = in_traffic(SocketType::Xpub, Version::V3_1);
    assert_eq!(engine.command(b"\x06CANCEL", now), Ok(Command::Cancel(b"")));
    let mut out = Vec::new();
    in_traffic(SocketType::Sub, Version::V2).encode(FrameKind::Cancel, false, b"", &mut out);
    assert_eq!(out, b"\x00\x01\x00");
}

#[test]
fn v50_topics_of_every_length_arrive_whole_at_every_version() {
    let now = Instant::now();
    for version in VERSIONS {
        let mut sender = in_traffic(SocketType::Sub, version);
        let mut receiver = in_traffic(SocketType::Xpub, version);
        for len in 0..=1024 {
            let topic = vec![b't'; len];
            for (kind, first) in [(FrameKind::Subscribe, 1), (FrameKind::Cancel, 0)] {
                let mut out = Vec::new();
                sender.encode(kind, false, &topic, &mut out);
                let len = out.len();
                let Ok(Decoded::Frame { consumed, more: false, command, body }) = receiver.decode(&mut out)
                else {
                    panic!("{version:?} {len}")
                };
                assert_eq!((consumed, command), (len, version == Version::V3_1));
                if !command {
                    assert_eq!(*body, [&[first], &topic[..]].concat());
                    continue;
                }
                let expected = if first == 1 { Command::Subscribe(&topic) } else { Command::Cancel(&topic) };
                let body = body.to_vec();
                assert_eq!(receiver.command(&body, now), Ok(expected));
            }
        }
    }
}

#[test]
fn v60_v1_lengths_that_look_negative_are_refused() {
    for size in ENORMOUS {
        let mut bytes = [&[0xFF], &size.to_be_bytes()[..], b"\x00payload"].concat();
        let limited = Config { max_body: Some(1 << 20), ..Config::new(SocketType::Pull) };
        let mut engine = in_traffic_with(limited, Version::V1);
        let result = engine.decode(&mut bytes);
        // The length counts the flags byte.
        let refused =
            if (size - 1) >> 63 == 1 { ProtocolError::LengthOutOfRange } else { ProtocolError::FrameTooLong };
        assert_eq!(result, Err(refused));
    }
    for zero in [&b"\x00\x00"[..], b"\xFF\0\0\0\0\0\0\0\0\x00"] {
        assert_eq!(
            in_traffic(SocketType::Pull, Version::V1).decode(&mut zero.to_vec()),
            Err(ProtocolError::ZeroLength)
        );
        assert_eq!(whole(Config::new(SocketType::Pull), zero).1.error, Some(ProtocolError::ZeroLength));
    }
}

#[test]
fn v61_a_bad_frame_ends_one_connection_with_an_error_after_the_good_ones() {
    let bytes = [&b"\x00\x01a"[..], &long_header(u64::MAX)].concat();
    let mut scanner = Scanner::new(SocketType::Pull, None);
    assert_eq!(scanner.next(&bytes), Ok(Step::Messages { len: 3, count: 1 }));
    for _ in 0..2 {
        assert_eq!(scanner.next(&bytes[3..]), Err(ProtocolError::LengthOutOfRange));
    }
    assert_eq!(
        Scanner::new(SocketType::Pull, None).next(b"\x00\x01a"),
        Ok(Step::Messages { len: 3, count: 1 })
    );
}

#[test]
fn v63_a_handshake_without_identity_means_an_empty_one() {
    for frame in [ready_frame("DEALER"), command_frame(b"\x05READY")] {
        let ready = whole(Config::new(SocketType::Router), &session(1, &frame)).1.ready.unwrap();
        assert_eq!(ready.peer.routing_id, b"");
    }
}

#[test]
fn v68_identities_of_every_length_to_255() {
    for len in 0..=256_usize {
        let mut body = b"\x05READY\x08Identity".to_vec();
        body.extend_from_slice(&(len as u32).to_be_bytes());
        body.resize(body.len() + len, 0x81);
        let seen = whole(Config::new(SocketType::Router), &session(1, &command_frame(&body))).1;
        if len == 256 {
            assert_eq!(seen.error, Some(ProtocolError::RoutingIdTooLong));
        } else {
            assert_eq!(seen.ready.unwrap().peer.routing_id, vec![0x81; len]);
        }
    }
}

#[test]
fn v69_a_frame_cut_at_any_byte_is_incomplete() {
    let mut bytes = Vec::new();
    let mut engine = in_traffic(SocketType::Pull, Version::V3_1);
    engine.encode(FrameKind::Message, false, &[5; 300], &mut bytes);
    for cut in 0..bytes.len() {
        assert!(matches!(engine.decode(&mut bytes[..cut]), Ok(Decoded::Incomplete { .. })));
        let step = Scanner::new(SocketType::Pull, None).next(&bytes[..cut]);
        assert!(matches!(step, Ok(Step::Incomplete | Step::Large { .. })));
    }
    assert!(matches!(engine.decode(&mut long_header(1 << 49)), Ok(Decoded::Incomplete { .. })));
}

#[test]
fn v71_v81_inner_lengths_past_the_end_of_a_command_are_refused() {
    use ProtocolError::{InvalidMetadata, UnexpectedCommand};
    for (body, error) in [
        (&b""[..], UnexpectedCommand),
        (b"\x05", UnexpectedCommand),
        (b"\x06READY", UnexpectedCommand),
        (b"\xFFREADY", UnexpectedCommand),
        (b"\x05READ", UnexpectedCommand),
        (b"\x05READY\x01", InvalidMetadata),
        (b"\x05READY\xFFa", InvalidMetadata),
        (b"\x05READY\x01a", InvalidMetadata),
        (b"\x05READY\x01a\0\0\0", InvalidMetadata),
        (b"\x05READY\x01a\0\0\0\x01", InvalidMetadata),
        (b"\x05READY\x01a\xFF\xFF\xFF\xFFx", InvalidMetadata),
        (b"\x05READY\x01a\x7F\xFF\xFF\xFFx", InvalidMetadata),
        (b"\x05READY\x01a\0\0\0\0\x00", InvalidMetadata),
    ] {
        let seen = whole(Config::new(SocketType::Router), &session(1, &command_frame(body))).1;
        assert_eq!(seen.error, Some(error), "{body:?}");
        // In traffic none of them means anything.
        let command = in_traffic(SocketType::Router, Version::V3_1).command(body, Instant::now());
        assert_eq!(command, Ok(Command::Ignore));
    }
}

#[test]
fn v73_v90_a_ping_without_its_ttl_is_an_error_and_echoes_nothing() {
    for body in [&b"\x04PING"[..], b"\x04PING\x00"] {
        for version in [Version::V3_0, Version::V3_1] {
            let command = in_traffic(SocketType::Pull, version).command(body, Instant::now());
            assert_eq!(command, Err(ProtocolError::ShortPing));
        }
    }
}

#[test]
fn v74_memory_of_the_handshake_grows_with_what_arrives() {
    // 24 KiB are announced and one byte of them comes: nothing but that byte is held.
    let frame = [&[6], &(24 * 1024_u64).to_be_bytes()[..], b"x"].concat();
    let input = session(1, &frame);
    let mut rest = &input[64..];
    let mut reader = crate::frame::FrameReader::new(crate::frame::Framing::V2, u64::MAX);
    assert_eq!(reader.read(&mut rest), Ok(None));
    assert!(reader.capacity() < 64);
}

/// The two sides of every mechanism; the first one is attacked.
fn sides() -> Vec<(&'static str, Config, Config)> {
    let secret = |byte| SecretKey::new([byte; 32]);
    let curve = |byte| Mechanism::CurveServer { secret: secret(byte) };
    let plain = Mechanism::PlainClient { username: b"admin".into(), password: Password(b"secret".into()) };
    let client =
        Mechanism::CurveClient { public: secret(3).public(), secret: secret(3), server: secret(4).public() };
    let of = |socket_type, mechanism, byte| Config {
        mechanism,
        entropy: Entropy::new([byte; Entropy::BYTES]),
        ..Config::new(socket_type)
    };
    let (pull, push) = (SocketType::Pull, SocketType::Push);
    let judged = Config { zap_domain_set: true, ..Config::new(pull) };
    vec![
        ("NULL", Config::new(pull), Config::new(push)),
        ("NULL", judged, Config::new(push)),
        ("PLAIN server", of(pull, Mechanism::PlainServer, 5), of(push, plain.clone(), 6)),
        ("PLAIN client", of(push, plain, 5), of(pull, Mechanism::PlainServer, 6)),
        ("CURVE server", of(pull, curve(4), 5), of(push, client.clone(), 6)),
        ("CURVE client", of(push, client, 5), of(pull, curve(4), 6)),
    ]
}

/// The first side, which has had the other's greeting and so many of its frames, and may have asked and not been
/// answered; none if the other has not so many to send.
fn in_handshake(own: &Config, other: &Config, frames: usize, answered: bool) -> Option<Engine> {
    let now = Instant::now();
    let (mut own, mut other) = (Engine::new(own.clone(), now), Engine::new(other.clone(), now));
    let (mut to_own, mut to_other) = (vec![], vec![]);
    other.start(&mut to_own);
    own.start(&mut to_other);
    let mut left = 64;
    for _ in 0..=frames {
        // Until the other has said all that it can before it hears more.
        for _ in 0..4 {
            let taken = other.handshake(&to_other, &mut to_own, now).unwrap();
            to_other.drain(..taken);
            if other.question().is_some() {
                other.answer(Verdict::Allow, &mut to_own, now).unwrap();
            }
            let greeting: Vec<u8> = to_own.drain(..to_own.len().min(left)).collect();
            left -= greeting.len();
            own.handshake(&greeting, &mut to_other, now).unwrap();
        }
    }
    for frame in 0..=frames {
        if answered && own.question().is_some() {
            own.answer(Verdict::Allow, &mut to_other, now).unwrap();
        }
        let taken = other.handshake(&to_other, &mut to_own, now).unwrap();
        to_other.drain(..taken);
        if other.question().is_some() {
            other.answer(Verdict::Allow, &mut to_own, now).unwrap();
        }
        if frame < frames {
            let total = usize::try_from(crate::frame::read_v2(&to_own)?.total()).unwrap();
            let bytes: Vec<u8> = to_own.drain(..total).collect();
            own.handshake(&bytes, &mut to_other, now).unwrap();
        }
    }
    own.ready().is_none().then_some(own)
}

/// A frame of every name, without data and with some, and frames that are no command.
fn frames_of_every_name() -> Vec<(&'static str, Vec<u8>)> {
    let names = [
        "HELLO",
        "WELCOME",
        "INITIATE",
        "READY",
        "ERROR",
        "MESSAGE",
        "PING",
        "PONG",
        "SUBSCRIBE",
        "CANCEL",
        "JOIN",
        "LEAVE",
        "hello",
        "",
    ];
    let mut frames =
        vec![("", command_frame(b"")), ("", b"\x00\x00".to_vec()), ("", b"\x01\x03abc".to_vec())];
    for name in names {
        let body = [&[name.len() as u8], name.as_bytes()].concat();
        for data in [&b""[..], &[0; 2], &[7; 300]] {
            frames.push((name, command_frame(&[&body, data].concat())));
        }
    }
    frames
}

#[test]
fn v82_every_frame_at_every_place_of_every_handshake_is_consumed_or_ends_it() {
    let now = Instant::now();
    let mut places = 0;
    for (side, own, other) in sides() {
        for (frames, answered) in [(0, true), (0, false), (1, true), (1, false), (2, true), (2, false)] {
            if in_handshake(&own, &other, frames, answered).is_none() {
                continue;
            }
            places += 1;
            for (name, bytes) in frames_of_every_name() {
                let mut engine = in_handshake(&own, &other, frames, answered).unwrap();
                let result = engine.handshake(&bytes, &mut vec![], now);
                match result {
                    Ok(taken) => assert_eq!(taken, bytes.len(), "{side} {frames}: {name}"),
                    Err(_) => assert_eq!(engine.handshake(&bytes, &mut vec![], now), result),
                }
                // In the clear the last command of a handshake may be one without properties, in its turn.
                let last = match side {
                    "NULL" if !own.zap_domain_set || answered => "READY",
                    "PLAIN server" if frames == 1 && answered => "INITIATE",
                    "PLAIN client" if frames == 1 => "READY",
                    _ => "nothing",
                };
                assert_eq!(
                    engine.ready().is_some(),
                    name == last && result.is_ok(),
                    "{side} {frames}: {name}"
                );
                let first = match side {
                    "NULL" => "READY",
                    "PLAIN server" => "HELLO",
                    "PLAIN client" => "WELCOME",
                    _ => "nothing",
                };
                let waits = name == last || frames == 0 && name == first;
                assert!(result.is_err() || waits, "{side} {frames} {answered}: {name} is unexpected");
            }
        }
    }
    assert!(places >= 14, "{places}");
}

#[test]
fn v91_a_ttl_over_6553_ms_does_not_wrap() {
    for ttl in [655_u16, 656, 6553, 65_535] {
        let mut engine = in_traffic(SocketType::Pull, Version::V3_1);
        let now = Instant::now();
        engine.heard(now);
        let body = [b"\x04PING", &ttl.to_be_bytes()[..]].concat();
        assert!(matches!(engine.command(&body, now), Ok(Command::Pong(_))));
        let span = Duration::from_millis(u64::from(ttl) * 100);
        assert!(engine.on_deadline(now + span - Duration::from_millis(1), false).is_ok());
        assert!(engine.on_deadline(now + span, false).is_err());
    }
}

#[test]
fn v92_identities_with_a_leading_zero_are_handed_on_as_they_are() {
    // Whether one collides with a generated id is for the ROUTER to find out, which knows them.
    let body = b"\x05READY\x08Identity\0\0\0\x05\x00\x01\x02\x03\x04";
    let ready = whole(Config::new(SocketType::Router), &session(1, &command_frame(body))).1.ready.unwrap();
    assert_eq!(ready.peer.routing_id, b"\x00\x01\x02\x03\x04");
}

#[test]
fn v93_names_that_only_we_may_give_never_come_from_the_wire() {
    for name in ["User-Id", "USER-ID", "user-id", "Peer-Address", "peer-address", "__fd", "__FD"] {
        let mut body = b"\x05READY".to_vec();
        body.push(name.len() as u8);
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\0\0\0\x05admin\x03X-a\0\0\0\x011");
        let ready =
            whole(Config::new(SocketType::Router), &session(1, &command_frame(&body))).1.ready.unwrap();
        assert_eq!(ready.peer.metadata, [("X-a".to_owned(), b"1".to_vec())]);
    }
}

#[test]
fn v99_framing_is_as_lenient_as_that_of_libzmq_and_reads_nothing_beyond_the_frame() {
    let now = Instant::now();
    for flags in (0..=u8::MAX).filter(|flags| flags & 6 == 0) {
        let step = Scanner::new(SocketType::Pull, None).next(&[flags, 1, b'x']);
        let more = flags & 1 == 1;
        assert_eq!(
            step,
            Ok(if more { Step::Frames { len: 3 } } else { Step::Messages { len: 3, count: 1 } })
        );
        let mut long = [&[flags | 2, 0, 0, 0, 0, 0, 0, 0, 1][..], b"xy"].concat();
        let step = Scanner::new(SocketType::Pull, None).next(&long[..10]);
        let len = 10;
        assert_eq!(step, Ok(if more { Step::Frames { len } } else { Step::Messages { len, count: 1 } }));
        for (bytes, consumed) in [(&mut long[..], 10), (&mut [flags, 1, b'x', b'y'], 3)] {
            let mut engine = in_traffic(SocketType::Pull, Version::V3_1);
            let frame = Decoded::Frame { consumed, more, command: false, body: b"x" };
            assert_eq!(engine.decode(bytes), Ok(frame));
        }
    }
    let mut scanner = Scanner::new(SocketType::Pull, None);
    assert_eq!(scanner.next(b"\x05\x05\x04PONG"), Ok(Step::Command { header: 2, body: 5 }));
    assert_eq!(scanner.next(b"\x04\x00"), Ok(Step::Command { header: 2, body: 0 }));
    assert_eq!(scanner.next(b"\x02\0\0\0\0\0\0\0\x01x"), Ok(Step::Messages { len: 10, count: 1 }));
    let mut engine = in_traffic(SocketType::Pull, Version::V3_1);
    assert_eq!(engine.command(b"", now), Ok(Command::Ignore));
    let ready =
        whole(Config::new(SocketType::Pull), &session(1, &command_frame(b"\x05READY"))).1.ready.unwrap();
    assert_eq!(ready.peer.socket_type, None);
}

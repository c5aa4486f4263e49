//! The scanner against a plain reading of the same bytes, in every cutting.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq)]
enum Frame {
    Message { more: bool, body: Vec<u8> },
    Command(Vec<u8>),
}

/// Appends a frame; `long` asks for a long header even where a short one would do.
fn put(flags: u8, long: bool, body: &[u8], out: &mut Vec<u8>) {
    if long || body.len() > 255 {
        out.push(flags | LONG);
        out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    } else {
        out.extend_from_slice(&[flags & !LONG, body.len() as u8]);
    }
    out.extend_from_slice(body);
}

/// The frames of `bytes`, which hold nothing else, read in the plainest way.
fn read_all(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let flags = bytes[0];
        let (header, size) = if flags & LONG != 0 {
            (9, u64::from_be_bytes(bytes[1..9].try_into().unwrap()) as usize)
        } else {
            (2, bytes[1] as usize)
        };
        let body = bytes[header..header + size].to_vec();
        bytes = &bytes[header + size..];
        frames.push(if flags & COMMAND != 0 {
            Frame::Command(body)
        } else {
            Frame::Message { more: flags & MORE != 0, body }
        });
    }
    frames
}

/// Does what the owner of a buffer does, with input that comes in portions of these sizes. Bodies of large frames are
/// read elsewhere if `take_large`. Returns what was found before the end or the error.
fn drive(
    scanner: &mut Scanner,
    input: &[u8],
    sizes: &[usize],
    take_large: bool,
) -> (Vec<Frame>, Option<ProtocolError>) {
    let (mut found, mut at, mut arrived) = (Vec::new(), 0, 0);
    let mut sizes = sizes.iter().cycle();
    while arrived < input.len() {
        arrived = input.len().min(arrived + *sizes.next().unwrap());
        loop {
            let unscanned = &input[at..arrived.max(at)];
            let step = match scanner.next(unscanned) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(scanner.next(unscanned), Err(error), "an error is returned again");
                    return (found, Some(error));
                }
            };
            match step {
                Step::Incomplete => break,
                Step::Messages { len, count } => {
                    let frames = read_all(&unscanned[..len]);
                    let ends =
                        frames.iter().filter(|f| matches!(f, Frame::Message { more: false, .. })).count();
                    assert_eq!(ends, count);
                    assert!(matches!(frames.last(), Some(Frame::Message { more: false, .. })));
                    found.extend(frames);
                    at += len;
                }
                Step::Frames { len } => {
                    let frames = read_all(&unscanned[..len]);
                    assert!(!frames.is_empty());
                    assert!(frames.iter().all(|f| matches!(f, Frame::Message { more: true, .. })));
                    found.extend(frames);
                    at += len;
                }
                Step::Command { header, body } => {
                    found.push(Frame::Command(unscanned[header..header + body].to_vec()));
                    at += header + body;
                }
                Step::Large { header, body, more, command } => {
                    assert!(unscanned.len() >= header && ((unscanned.len() - header) as u64) < body);
                    if !take_large {
                        break;
                    }
                    let end = at + header + body as usize;
                    let Some(bytes) = input.get(at + header..end) else { return (found, None) };
                    scanner.take_large();
                    let body = bytes.to_vec();
                    found.push(if command { Frame::Command(body) } else { Frame::Message { more, body } });
                    at = end;
                    arrived = arrived.max(at);
                }
            }
        }
    }
    (found, None)
}

fn scan(socket_type: SocketType, max_body: Option<u64>, bytes: &[u8]) -> (Vec<Frame>, Option<ProtocolError>) {
    let all_at_once = drive(&mut Scanner::new(socket_type, max_body), bytes, &[usize::MAX], false);
    for (sizes, take_large) in [(&[1][..], false), (&[1], true), (&[3, 7], true), (&[usize::MAX], true)] {
        let cut = drive(&mut Scanner::new(socket_type, max_body), bytes, sizes, take_large);
        assert_eq!(cut, all_at_once, "{sizes:?}");
    }
    all_at_once
}

fn message(more: bool, body: &[u8]) -> Frame {
    Frame::Message { more, body: body.to_vec() }
}

#[test]
fn messages_are_counted_up_to_the_last_boundary() {
    let mut scanner = Scanner::new(SocketType::Pull, None);
    let bytes = b"\x00\x01a\x01\x01b\x00\x01c\x01\x01d\x00\x05e";
    assert_eq!(scanner.next(bytes), Ok(Step::Messages { len: 9, count: 2 }));
    assert_eq!(scanner.next(&bytes[9..]), Ok(Step::Frames { len: 3 }));
    assert_eq!(scanner.next(&bytes[12..]), Ok(Step::Incomplete));
    assert_eq!(scanner.next(b"\x00\x05eeeee"), Ok(Step::Messages { len: 7, count: 1 }));
    assert_eq!(scanner.next(b""), Ok(Step::Incomplete));
}

#[test]
fn commands_are_cut_out_even_inside_a_message() {
    let mut scanner = Scanner::new(SocketType::Pull, None);
    let bytes = b"\x01\x01a\x04\x07\x04PING\0\0\x00\x01b";
    assert_eq!(scanner.next(bytes), Ok(Step::Frames { len: 3 }));
    assert_eq!(scanner.next(&bytes[3..]), Ok(Step::Command { header: 2, body: 7 }));
    assert_eq!(scanner.next(&bytes[12..]), Ok(Step::Messages { len: 3, count: 1 }));
}

#[test]
fn a_long_frame_that_is_not_all_there_is_announced() {
    let mut scanner = Scanner::new(SocketType::Pull, None);
    let frame = b"\x02\0\0\0\0\0\0\x01\0";
    for cut in 0..9 {
        assert_eq!(scanner.next(&frame[..cut]), Ok(Step::Incomplete));
    }
    let large = Step::Large { header: 9, body: 256, more: false, command: false };
    assert_eq!(scanner.next(frame), Ok(large));
    let whole = [&frame[..], &[0; 256]].concat();
    assert_eq!(scanner.next(&whole[..264]), Ok(large), "asked again while waiting");
    assert_eq!(scanner.next(&whole), Ok(Step::Messages { len: 265, count: 1 }));
    assert_eq!(
        scanner.next(b"\x07\0\0\0\0\0\0\x01\0"),
        Ok(Step::Large { header: 9, body: 256, more: true, command: true })
    );
}

#[test]
fn empty_frames_of_both_kinds() {
    assert_eq!(
        scan(SocketType::Pull, None, b"\x00\x00\x01\x00\x02\0\0\0\0\0\0\0\0\x04\x00\x06\0\0\0\0\0\0\0\0"),
        (
            vec![
                message(false, b""),
                message(true, b""),
                message(false, b""),
                Frame::Command(vec![]),
                Frame::Command(vec![])
            ],
            None
        )
    );
}

#[test]
fn a_frame_of_the_largest_size_passes_and_one_byte_more_does_not() {
    for limit in [0, 1, 10, 254, 255, 256, 1000] {
        for long in [false, true] {
            for command in [0, COMMAND] {
                let mut bytes = b"\x00\x00".to_vec();
                put(command, long, &vec![1; limit as usize], &mut bytes);
                let (found, error) = scan(SocketType::Pull, Some(limit), &bytes);
                assert_eq!((found.len(), error), (2, None), "{limit} {long}");
                let mut bytes = b"\x00\x00".to_vec();
                put(command, long, &vec![1; limit as usize + 1], &mut bytes);
                let result = scan(SocketType::Pull, Some(limit), &bytes);
                assert_eq!(
                    result,
                    (vec![message(false, b"")], Some(ProtocolError::FrameTooLong)),
                    "{limit} {long}"
                );
            }
        }
    }
}

#[test]
fn req_takes_replies_only() {
    let ok: [&[(bool, usize)]; 5] = [
        &[(true, 0), (false, 3)],
        &[(true, 0), (false, 0)],
        &[(true, 0), (true, 4), (true, 0), (false, 3)],
        &[(true, 4), (true, 0), (false, 3)],
        &[(true, 4), (true, 0), (true, 300), (false, 300)],
    ];
    let wrong: [(&[(bool, usize)], usize); 8] = [
        (&[(false, 0)], 0),
        (&[(false, 4)], 0),
        (&[(true, 3)], 0),
        (&[(true, 5)], 0),
        (&[(true, 300)], 0),
        (&[(true, 4), (true, 4)], 1),
        (&[(true, 4), (false, 0)], 1),
        (&[(true, 4), (true, 300)], 1),
    ];
    let bytes = |frames: &[(bool, usize)]| {
        let mut bytes = Vec::new();
        for (more, len) in frames {
            put(u8::from(*more), false, &vec![9; *len], &mut bytes);
            put(COMMAND, false, b"\x04PONG", &mut bytes);
        }
        bytes
    };
    let twice = |frames: &[(bool, usize)]| bytes(&[frames, frames].concat());
    for frames in ok {
        let (found, error) = scan(SocketType::Req, None, &twice(frames));
        assert_eq!((found.len(), error), (frames.len() * 4, None), "{frames:?}");
        // The same without commands in between, so that several messages are passed in one step.
        let plain: Vec<u8> = read_all(&twice(frames))
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Message { more, body } => Some((more, body)),
                Frame::Command(_) => None,
            })
            .flat_map(|(more, body)| {
                let mut out = Vec::new();
                put(u8::from(more), false, &body, &mut out);
                out
            })
            .collect();
        let (found, error) = scan(SocketType::Req, None, &plain);
        assert_eq!((found.len(), error), (frames.len() * 2, None), "{frames:?}");
    }
    for (frames, good) in wrong {
        let input = [&bytes(ok[0])[..], &bytes(frames)].concat();
        let (found, error) = scan(SocketType::Req, None, &input);
        assert_eq!((found.len(), error), (4 + 2 * good, Some(ProtocolError::ReplyEnvelope)), "{frames:?}");
        assert_eq!(scan(SocketType::Dealer, None, &input).1, None);
    }
}

#[test]
fn dish_takes_a_group_and_one_body() {
    let scan = |frames: &[(bool, usize)]| {
        let mut bytes = Vec::new();
        for (more, len) in frames {
            put(u8::from(*more), false, &vec![b'g'; *len], &mut bytes);
        }
        scan(SocketType::Dish, None, &bytes)
    };
    for group in [0, 1, 255] {
        assert_eq!(scan(&[(true, group), (false, 1000), (true, group), (false, 0)]).1, None);
    }
    let good = [(true, 1), (false, 1)];
    for (bad, error) in [
        (&[(false, 1)][..], ProtocolError::GroupEnvelope),
        (&[(true, 1), (true, 1)], ProtocolError::GroupEnvelope),
        (&[(true, 256)], ProtocolError::GroupTooLong),
        (&[(false, 256)], ProtocolError::GroupTooLong),
    ] {
        let (found, seen) = scan(&[&good[..], bad].concat());
        assert_eq!((found.len(), seen), (1 + bad.len(), Some(error)));
    }
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => proptest::collection::vec(any::<u8>(), 250..260),
        1 => proptest::collection::vec(any::<u8>(), 1000..3000),
    ];
    proptest::collection::vec((any::<u8>(), any::<bool>(), body), 0..30).prop_map(|frames| {
        let mut bytes = Vec::new();
        for (flags, long, body) in frames {
            // Three of four frames are messages; reserved bits are anything.
            let command = if flags & 0x30 == 0 { COMMAND } else { 0 };
            put(flags & !(LONG | COMMAND) | command, long, &body, &mut bytes);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn every_cutting_finds_the_frames_of_a_plain_reading(
        bytes in frames(), sizes in proptest::collection::vec(1_usize..400, 1..10), take_large in any::<bool>(),
    ) {
        let found = drive(&mut Scanner::new(SocketType::Pull, None), &bytes, &sizes, take_large);
        prop_assert_eq!(found, (read_all(&bytes), None));
    }

    #[test]
    fn any_bytes_mean_the_same_in_every_cutting(
        bytes in proptest::collection::vec(prop_oneof![4 => 0_u8..8, 1 => any::<u8>()], 0..300),
        sizes in proptest::collection::vec(1_usize..40, 1..10),
        socket_type in prop_oneof![Just(SocketType::Pull), Just(SocketType::Req), Just(SocketType::Dish)],
        max_body in proptest::option::of(0_u64..300),
    ) {
        let whole = drive(&mut Scanner::new(socket_type, max_body), &bytes, &[usize::MAX], false);
        let cut = drive(&mut Scanner::new(socket_type, max_body), &bytes, &sizes, false);
        prop_assert_eq!(cut, whole);
    }
}

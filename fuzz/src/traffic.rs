//! Frames: the engine and the scanner agree about any bytes in any portions, and both with a naive reading.

use std::time::{Duration, Instant};

use ferrozmq_base::SocketType;
use ferrozmq_proto::{Command, Config, Decoded, Engine, ProtocolError, Scanner, Step, Version};

use crate::source::{Source, cuts};

/// A frame, or the command in its place.
#[derive(Clone, Debug, PartialEq)]
struct Frame {
    more: bool,
    command: bool,
    body: Vec<u8>,
}

type Outcome = (Vec<Frame>, Option<ProtocolError>);

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let mut config = Config::new(source.socket_type());
    let flags = source.byte();
    let seed = source.byte();
    config.max_body = (flags & 4 != 0).then_some(u64::from(flags >> 4) * 20);
    let version = [Version::V1, Version::V2, Version::V3_0, Version::V3_1][usize::from(flags & 3)];
    let input = source.rest();

    let whole = decode(&config, version, input, 0);
    for seed in [1, seed] {
        assert_eq!(whole, decode(&config, version, input, seed), "decoded in portions by {seed}");
    }
    if version != Version::V1 {
        for (seed, elsewhere) in [(0, false), (0, true), (1, false), (1, true), (seed, false), (seed, true)] {
            let scanned = scan(&config, input, seed, elsewhere);
            assert_eq!(whole, scanned, "scanned in portions by {seed}, large bodies elsewhere: {elsewhere}");
        }
        if config.socket_type != SocketType::Req && config.socket_type != SocketType::Dish {
            assert_eq!(whole, naive(config.max_body, input), "against the naive reading");
        }
    }
    obey(&config, version, input);
}

/// An engine behind the shortest handshake of this version.
pub(crate) fn in_traffic(config: &Config, version: Version) -> Engine {
    let signature = b"\xFF\0\0\0\0\0\0\0\x01\x7F";
    let their_type = SocketType::ALL.iter().find(|theirs| config.socket_type.accepts(**theirs));
    let number = their_type.map_or(0, |theirs| theirs.number());
    let secure = |minor| {
        let mut bytes = [signature, &[3, minor][..], b"NULL"].concat();
        bytes.resize(64, 0);
        bytes.extend_from_slice(b"\x04\x06\x05READY");
        bytes
    };
    let bytes = match version {
        Version::V1 => b"\x01\x00".to_vec(),
        Version::V2 => [signature, &[1, number, 0, 0][..]].concat(),
        Version::V3_0 => secure(0),
        Version::V3_1 => secure(1),
    };
    // The handshake is not what is tested here.
    let mut engine = Engine::new(config.clone(), Instant::now());
    let limit = config.max_body;
    if limit.is_some_and(|limit| limit < 6) {
        engine = Engine::new(Config { max_body: None, ..config.clone() }, Instant::now());
    }
    let taken = engine.handshake(&bytes, &mut Vec::new(), Instant::now());
    assert_eq!(taken, Ok(bytes.len()));
    assert_eq!(engine.ready().map(|ready| ready.version), Some(version));
    engine
}

fn decode(config: &Config, version: Version, input: &[u8], seed: u8) -> Outcome {
    let mut engine = in_traffic(config, version);
    let mut input = input.to_vec();
    let (mut frames, mut start) = (Vec::new(), 0);
    for end in cuts(input.len(), seed) {
        loop {
            match engine.decode(&mut input[start..end]) {
                Ok(Decoded::Incomplete { needed_total }) => {
                    let there = (end - start) as u64;
                    assert!(needed_total.is_none_or(|total| total > there), "all there, but incomplete");
                    break;
                }
                Ok(Decoded::Frame { consumed, more, command, body }) => {
                    assert!(consumed > body.len(), "a frame without a header");
                    frames.push(Frame { more, command, body: body.to_vec() });
                    start += consumed;
                }
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// With `elsewhere`, the rest of a large body is taken as soon as its header is there.
fn scan(config: &Config, input: &[u8], seed: u8, elsewhere: bool) -> Outcome {
    let limit = limit(config);
    let mut scanner = Scanner::new(config.socket_type, limit);
    let (mut frames, mut start) = (Vec::new(), 0);
    'portions: for end in cuts(input.len(), seed) {
        while start <= end {
            let unscanned = &input[start..end];
            match scanner.next(unscanned) {
                Err(error) => return (frames, Some(error)),
                Ok(Step::Incomplete) => continue 'portions,
                Ok(Step::Messages { len, count }) => {
                    let (found, error) = naive(limit, &unscanned[..len]);
                    assert_eq!(error, None);
                    assert_eq!(found.iter().filter(|frame| !frame.more).count(), count);
                    assert!(found.iter().all(|frame| !frame.command));
                    assert!(count > 0 && found.last().is_some_and(|frame| !frame.more));
                    frames.extend(found);
                    start += len;
                }
                Ok(Step::Frames { len }) => {
                    let (found, error) = naive(limit, &unscanned[..len]);
                    assert!(error.is_none() && found.iter().all(|frame| frame.more && !frame.command));
                    assert!(len > 0);
                    frames.extend(found);
                    start += len;
                }
                Ok(Step::Command { header, body }) => {
                    let more = unscanned[0] & 1 == 1;
                    let body = &unscanned[header..header + body];
                    frames.push(Frame { more, command: true, body: body.to_vec() });
                    start += header + body.len();
                }
                Ok(Step::Large { header, body, more, command }) => {
                    assert!(unscanned.len() < header + usize::try_from(body).expect("below 2^63"));
                    let body = usize::try_from(body).ok().and_then(|len| {
                        let from = start + header;
                        input.get(from..from.checked_add(len)?)
                    });
                    if !elsewhere {
                        continue 'portions;
                    }
                    let Some(body) = body else { return (frames, None) };
                    frames.push(Frame { more, command, body: body.to_vec() });
                    start += header + body.len();
                    scanner.take_large();
                }
            }
        }
    }
    (frames, None)
}

/// The limit that [`in_traffic`] leaves.
fn limit(config: &Config) -> Option<u64> {
    config.max_body.filter(|limit| *limit >= 6)
}

/// What RFC 23 says, without a care for speed.
fn naive(limit: Option<u64>, input: &[u8]) -> Outcome {
    let limit = limit.filter(|limit| *limit >= 6);
    let (mut frames, mut rest) = (Vec::new(), input);
    while let [flags, after @ ..] = rest {
        let (size, header) = match (flags & 2, after) {
            (0, [size, ..]) => (u64::from(*size), 2),
            (2, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 9),
            _ => break,
        };
        if size > i64::MAX as u64 {
            return (frames, Some(ProtocolError::LengthOutOfRange));
        }
        if limit.is_some_and(|limit| size > limit) {
            return (frames, Some(ProtocolError::FrameTooLong));
        }
        let Some(body) = rest[header..].get(..size as usize) else { break };
        frames.push(Frame { more: flags & 1 == 1, command: flags & 4 == 4, body: body.to_vec() });
        rest = &rest[header + body.len()..];
    }
    (frames, None)
}

/// A connection that acts on its commands and its clock.
fn obey(config: &Config, version: Version, input: &[u8]) {
    let mut engine = in_traffic(config, version);
    let mut now = Instant::now();
    let mut input = input.to_vec();
    let mut start = 0;
    while let Ok(Decoded::Frame { consumed, command, .. }) = engine.decode(&mut input[start..]) {
        let body = &input[start..start + consumed];
        start += consumed;
        let body = &body[if body[0] & 2 != 0 && version != Version::V1 { 9 } else { 2 }.min(body.len())..];
        if command {
            match engine.command(body, now) {
                Ok(Command::Pong(pong)) => assert!(pong.len() <= 2 + 5 + 16),
                Ok(_) => {}
                Err(_) => return,
            }
        }
        now += Duration::from_millis(u64::from(input[start - 1]) * 10);
        if engine.next_deadline().is_some_and(|at| at <= now) && engine.on_deadline(now, false).is_err() {
            return;
        }
        assert!(engine.next_deadline().is_none_or(|at| at > now), "a deadline that is due for ever");
    }
}

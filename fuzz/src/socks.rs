//! A SOCKS5 proxy: how it ends does not depend on the portions in which its answers come, and is what a parser of the
//! whole says; nothing is taken that belongs to the peer behind it.

use ferrozmq_proto::{
    Password, Socks,
    endpoint::{Host, HostPort},
    socks::{Login, SocksError, parse_proxy},
};

use crate::source::{Source, cuts};

/// What can be seen of a conversation.
#[derive(Debug, PartialEq)]
struct Seen {
    said: Vec<u8>,
    end: Result<Option<usize>, SocksError>,
}

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let (flags, seed) = (source.byte(), source.byte());
    let host = match flags >> 6 {
        0 => Host::V4([127, 0, 0, 1].into()),
        1 => Host::V6([7; 16].into(), None),
        2 => Host::Name("host".to_owned()),
        _ => Host::Name("n".repeat(300)),
    };
    let target = HostPort { host, port: 5555 };
    let login = (flags & 1 != 0)
        .then(|| Login { username: b"user".to_vec(), password: Password(vec![b'p'; usize::from(flags)]) });
    let input = source.rest();
    let run = |seed, sparing| run(Socks::new(target.clone(), login.clone()), input, seed, sparing);

    let whole = run(0, false);
    assert_eq!(whole, run(1, false), "byte by byte");
    assert_eq!(whole, run(seed, false), "in portions by {seed}");
    assert_eq!(whole, run(0, true), "no more than is missing");
    assert_eq!(whole.end.map_err(drop), expected(login.is_some(), input).ok_or(()));
    let _ = parse_proxy(input);
}

/// All that is said, and how it ends: how much was taken until the connection stood, or nothing yet.
fn run(mut socks: Socks, input: &[u8], seed: u8, sparing: bool) -> Seen {
    let (mut said, mut taken) = (Vec::new(), 0);
    socks.start(&mut said);
    for end in cuts(input.len(), seed) {
        while taken < end && !socks.is_connected() {
            let missing = socks.missing();
            assert!(0 < missing && missing <= 262, "{missing} bytes are missing");
            let portion = &input[taken..if sparing { end.min(taken + missing) } else { end }];
            match socks.receive(portion, &mut said) {
                Ok(count) => {
                    assert!(count == portion.len() || socks.is_connected(), "bytes left before the end");
                    taken += count;
                }
                Err(error) => {
                    let length = said.len();
                    assert_eq!(socks.receive(input, &mut said), Err(error), "it is final");
                    assert_eq!((said.len(), socks.missing()), (length, 0));
                    return Seen { said, end: Err(error) };
                }
            }
        }
    }
    assert!(said.len() <= 3 + 513 + 262, "{} bytes said", said.len());
    assert_eq!(socks.is_connected(), socks.missing() == 0);
    Seen { said, end: Ok(socks.is_connected().then_some(taken)) }
}

/// How the conversation must end: nothing for an error.
fn expected(login: bool, input: &[u8]) -> Option<Option<usize>> {
    let head = match (input, login) {
        ([5, 0, ..], _) => 2,
        ([5, 2, 1, 0, ..], true) => 4,
        ([5, 2] | [5, 2, _], true) | ([] | [_], _) => return Some(None),
        _ => return None,
    };
    let reply = &input[head..];
    let length = match reply {
        [5, 0, 0, 1, ..] => 10,
        [5, 0, 0, 4, ..] => 22,
        [5, 0, 0, 3, length, ..] => 7 + usize::from(*length),
        [5, 0, 0, 3] | [5, 0] | [5, 0, _] | [_] | [] => return Some(None),
        _ => return None,
    };
    Some((reply.len() >= length).then_some(head + length))
}

//! Greeting and handshake: the outcome does not depend on the portions in which the bytes come.

use std::time::{Duration, Instant};

use ferrozmq_proto::{Config, Engine, Mechanism, ProtocolError, Ready};

use crate::source::{Source, cuts};

/// What can be seen of a handshake.
#[derive(Debug, PartialEq)]
struct Seen {
    /// After an error the answers do not matter: the connection ends.
    answers: Option<Vec<u8>>,
    taken: Option<usize>,
    ready: Option<Ready>,
    error: Option<ProtocolError>,
}

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let mut config = Config::new(source.socket_type());
    let flags = source.byte();
    let seed = source.byte();
    config.accept_old_versions = flags & 1 == 0;
    config.zap_domain_set = flags & 2 != 0;
    config.max_body = (flags & 4 != 0).then_some(u64::from(flags >> 4) * 16);
    config.routing_id = vec![b'i'; if flags & 8 != 0 { 255 } else { 0 }];
    let input = source.rest();

    let whole = run(&config, input, 0);
    assert_eq!(whole, run(&config, input, 1), "byte by byte");
    assert_eq!(whole, run(&config, input, seed), "in portions by {seed}");
    check(&config, input, &whole);
}

fn run(config: &Config, input: &[u8], seed: u8) -> Seen {
    let now = Instant::now();
    let mut engine = Engine::new(config.clone(), now);
    let mut answers = Vec::new();
    engine.start(&mut answers);
    let mut taken = 0;
    for end in cuts(input.len(), seed) {
        let before = answers.len();
        match engine.handshake(&input[taken..end], &mut answers, now) {
            Ok(n) => {
                assert!(n == end - taken || engine.ready().is_some(), "bytes left before the end");
                assert!(answers.len() - before <= 64 * 1024, "long answers");
                taken += n;
            }
            Err(error) => {
                // It stays dead, whatever comes.
                let left = answers.len();
                assert_eq!(engine.handshake(input, &mut answers, now), Err(error));
                assert_eq!(engine.decode(&mut input.to_vec()), Err(error));
                assert_eq!(engine.command(input, now), Err(error));
                assert_eq!((answers.len(), engine.next_deadline()), (left, None));
                return Seen { answers: None, taken: None, ready: None, error: Some(error) };
            }
        }
        if engine.ready().is_some() {
            break;
        }
    }
    if engine.ready().is_none() {
        let deadline = engine.next_deadline().expect("a limit for the handshake");
        assert!(engine.on_deadline(deadline - Duration::from_nanos(1), false).is_ok());
        assert!(engine.on_deadline(deadline, false).is_err(), "a handshake without end");
    }
    Seen { answers: Some(answers), taken: Some(taken), ready: engine.ready().cloned(), error: None }
}

/// What a handshake that succeeds implies.
fn check(config: &Config, input: &[u8], seen: &Seen) {
    let Some(ready) = &seen.ready else { return };
    let peer = &ready.peer;
    assert!(peer.routing_id.len() <= 255);
    for (name, _) in &peer.metadata {
        let reserved = ["user-id", "peer-address", "__fd"];
        assert!(!reserved.contains(&name.to_ascii_lowercase().as_str()), "{name} from the wire");
    }
    let old = ready.version < ferrozmq_proto::Version::V3_0;
    if old {
        assert!(config.accept_old_versions && !config.zap_domain_set, "an old version let in");
        assert!(peer.metadata.is_empty());
    } else {
        assert!(peer.socket_type.is_none_or(|theirs| config.socket_type.accepts(theirs)));
        assert_eq!(config.mechanism, Mechanism::Null);
        assert_eq!(&input[12..32], b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    }
}

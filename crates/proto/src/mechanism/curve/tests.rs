//! Both sides against the bytes that other implementations produce, and against each other.

use std::time::Instant;

use ferrozmq_base::SocketType;

use crate::{
    Config, Decoded, Engine, Entropy, FrameKind, Malformed, Mechanism, Mode, ProtocolError,
    curve::{PublicKey, SecretKey},
    engine::tests::command_frame,
    zap::{Credentials, Verdict},
};

// Computed with libsodium: long-term keys of zmq_curve(7), c' = 32 x 11h, s' = 32 x 22h, cookie key 32 x 33h, tails of
// WELCOME 00.., cookie 10.., vouch 20..; a DEALER without routing id talks to a ROUTER. Bodies, without frame headers.
const HELLO: &str = "\
    0548454c4c4f010000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    00000000000000000000000000000000000000000000000000000000000000007b4e909bbe7ffe44c465a220037d608e\
    e35897d31ef972f07f74892cb0f73f1300000000000000014421bee1b6bcfdff97d7ff0fbb19b8498d7c639897ae554a\
    2bc26a32f47752b33a6969a446f85cb346cd5a19216cc1991c7b926bbecbd5cb4fd2793c0c010324677919f0c2caf410\
    afaf707e7ecab73a\
";
const WELCOME: &str = "\
    0757454c434f4d45000102030405060708090a0b0c0d0e0f902bc1a0a69aa8619fcb42aa60a29ab0eeaa701a43ce4a20\
    edf2e9cd897aa8615b77162806d3ce5dcd74d8b9c4e8cbdbd3f2bdd028692b4c4668a7a257b5133a9c7838b08fe6c875\
    fee8fa08f6a001e688204ed37129fa9acafda5fb42f66066165e9c332a76ebeb5acb49c100ffca37aef5c911d9e33985\
    35faad1782b163ffe9b2050d7063b8e6dbe49ac2db9706d4\
";
const INITIATE: &str = "\
    08494e495449415445101112131415161718191a1b1c1d1e1f815ab799845dcc2d512c86e9bb1ca241f93018b79f84c1\
    c48932fc8a75d3705ea0f21430d410f0480cf556b609c21360f75d57de4a19202a1aff73cdd19812378cf7fc7712cf67\
    77123bf1ecb10891c300000000000000021777dc66938f5a899c2a846aefca9066f9c45b5a6f52238ade8a4edcf43bef\
    cbc22ffeb1e334c2e2e686cc59a61d956eab8dcc9234a90087848e5d09fcd6f6891b3eff1d6894dfc71d02041401b388\
    a3a565ae9f14f45a5bcb7980ec8120d3df558a83dd1b4c6c0fbdc8447229a3cb0c275d35a630bf987fa96a7d87b02683\
    d945646e176a4b9b1de6cc7712840479626c21dddbb5580ef353d5d8dd0a10ddb1283422ca664325950382ccc215cb33\
    c5b1625c\
";
const READY: &str = "\
    055245414459000000000000000120585e2fd504d3016b4f9f0cb53a170c054044f2e2b20ab4e9e1d3084fdac0c485ac\
    4d1a11713205e20bd15405e874cb36de63\
";
const FROM_CLIENT: &str = "\
    074d4553534147450000000000000003fe70f612f33abd2c16aa5a5a1259e0a9b2b61f68e4f8\
";
const FROM_SERVER: &str = "\
    074d45535341474500000000000000027e1ac0e50e35c23f2e146ad02ad9d8342c930f815add\
";
const PING: &str = "\
    074d4553534147450000000000000003b7bf2c77527f1d0a8e8462cf348f41e6b787da7a3fa2205f\
";

const CLIENT_SECRET: &[u8] = b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
const SERVER_SECRET: &[u8] = b"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn entropy(short_term: u8, tails: [u8; 2]) -> Entropy {
    let mut bytes = [0x33; 96];
    bytes[..32].fill(short_term);
    for (index, from) in tails.into_iter().enumerate() {
        for i in 0..16 {
            bytes[64 + 16 * index + i] = from + i as u8;
        }
    }
    Entropy::new(bytes)
}

fn server_secret() -> SecretKey {
    SecretKey::from_text(SERVER_SECRET).unwrap()
}

fn client_config(server: PublicKey) -> Config {
    let secret = SecretKey::from_text(CLIENT_SECRET).unwrap();
    let mut config = Config::new(SocketType::Dealer);
    config.mechanism = Mechanism::CurveClient { public: secret.public(), secret, server };
    config.entropy = entropy(0x11, [0x20, 0]);
    config
}

fn server_config() -> Config {
    let mut config = Config::new(SocketType::Router);
    config.mechanism = Mechanism::CurveServer { secret: server_secret() };
    config.entropy = entropy(0x22, [0, 0x10]);
    config
}

/// A pair of engines, and what each has sent that the other has not seen.
struct Pair {
    client: Engine,
    server: Engine,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    now: Instant,
}

impl Pair {
    /// Behind the greeting.
    fn new(client: Config, server: Config) -> Self {
        let now = Instant::now();
        let mut pair = Self {
            client: Engine::new(client, now),
            server: Engine::new(server, now),
            to_server: vec![],
            to_client: vec![],
            now,
        };
        pair.client.start(&mut pair.to_server);
        pair.server.start(&mut pair.to_client);
        // The signature, the version and the rest of the greeting.
        pair.server_reads().unwrap();
        pair.client_reads().unwrap();
        pair.server_reads().unwrap();
        pair
    }

    fn server_reads(&mut self) -> Result<(), ProtocolError> {
        let input = std::mem::take(&mut self.to_server);
        let taken = self.server.handshake(&input, &mut self.to_client, self.now)?;
        self.to_server = input[taken..].to_vec();
        Ok(())
    }

    fn client_reads(&mut self) -> Result<(), ProtocolError> {
        let input = std::mem::take(&mut self.to_client);
        let taken = self.client.handshake(&input, &mut self.to_server, self.now)?;
        self.to_client = input[taken..].to_vec();
        Ok(())
    }

    /// Both sides take what is there until nothing moves.
    fn settle(&mut self) -> Result<(), ProtocolError> {
        for _ in 0..4 {
            self.client_reads()?;
            self.server_reads()?;
        }
        Ok(())
    }

    fn answer(&mut self, verdict: Verdict) {
        self.server.answer(verdict, &mut self.to_client, self.now).unwrap();
    }
}

fn connected() -> Pair {
    let mut pair = Pair::new(client_config(server_secret().public()), server_config());
    pair.settle().unwrap();
    assert!(matches!(pair.server.question(), Some(Credentials::Curve(_))));
    pair.answer(Verdict::Allow);
    pair.settle().unwrap();
    pair
}

fn frame(body: &str) -> Vec<u8> {
    let body = bytes(body);
    let mut frame = vec![0, body.len() as u8];
    frame.extend_from_slice(&body);
    frame
}

fn message(engine: &mut Engine, more: bool, body: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    engine.encode(FrameKind::Message, more, body, &mut out);
    out
}

#[test]
fn both_sides_produce_the_bytes_of_libsodium() {
    let mut pair = Pair::new(client_config(server_secret().public()), server_config());
    // The second half of the client's greeting went before.
    pair.client_reads().unwrap();
    assert!(pair.to_server.ends_with(&command_frame(&bytes(HELLO))));
    pair.server_reads().unwrap();
    assert_eq!(pair.to_client, command_frame(&bytes(WELCOME)));
    pair.client_reads().unwrap();
    assert_eq!(pair.to_server, command_frame(&bytes(INITIATE)));
    pair.server_reads().unwrap();
    let key = SecretKey::from_text(CLIENT_SECRET).unwrap().public();
    assert_eq!(pair.server.question(), Some(Credentials::Curve(key)));
    assert_eq!(pair.server.question(), None, "asked once");
    assert!(pair.to_client.is_empty() && pair.server.ready().is_none());
    pair.answer(Verdict::Allow);
    assert_eq!(pair.to_client, command_frame(&bytes(READY)));
    pair.client_reads().unwrap();
    let ready = pair.client.ready().unwrap();
    assert_eq!((ready.tx, ready.rx), (Mode::Coded, Mode::Coded));
    assert_eq!(ready.peer.socket_type, Some(SocketType::Router));

    assert_eq!(message(&mut pair.client, false, b"hello"), frame(FROM_CLIENT));
    assert_eq!(message(&mut pair.server, true, b"world"), frame(FROM_SERVER));
    let mut out = vec![];
    pair.server.encode_control(b"\x04\x07\x04PING\0\0", &mut out);
    assert_eq!(out, frame(PING));

    let opened = |more, command, body, consumed| Ok(Decoded::Frame { consumed, more, command, body });
    assert_eq!(pair.server.decode(&mut frame(FROM_CLIENT)), opened(false, false, b"hello", 40));
    assert_eq!(pair.client.decode(&mut frame(FROM_SERVER)), opened(true, false, b"world", 40));
    assert_eq!(pair.client.decode(&mut frame(PING)), opened(false, true, b"\x04PING\0\0", 42));
}

#[test]
fn bodies_of_any_size_pass_in_both_directions() {
    let mut pair = connected();
    for len in [0, 1, 221, 222, 223, 1000, 70_000] {
        let body = vec![len as u8; len];
        let mut sent = message(&mut pair.client, len % 2 == 1, &body);
        let total = sent.len();
        let Decoded::Frame { consumed, more, body: received, .. } = pair.server.decode(&mut sent).unwrap()
        else {
            panic!("incomplete");
        };
        assert_eq!((consumed, more, received), (total, len % 2 == 1, &body[..]));
        let sent = message(&mut pair.server, false, &body);
        assert!(
            matches!(pair.client.decode(&mut sent.clone()), Ok(Decoded::Frame { body: b, .. }) if b == body)
        );
    }
}

#[test]
fn a_client_that_knows_another_key_is_not_answered() {
    let mut pair = Pair::new(client_config(PublicKey([9; 32])), server_config());
    assert_eq!(pair.settle(), Err(ProtocolError::ServerKey));
    assert!(pair.to_client.is_empty());
}

#[test]
fn a_refused_client_hears_why_unless_it_is_for_now() {
    for (status, heard) in [(400, Some(Some(400))), (500, Some(Some(500))), (300, None)] {
        let mut pair = Pair::new(client_config(server_secret().public()), server_config());
        pair.settle().unwrap();
        pair.answer(Verdict::Refuse(status));
        let result = pair.client_reads();
        assert_eq!(result, heard.map_or(Ok(()), |status| Err(ProtocolError::Refused(status))));
        assert!(pair.server.ready().is_none() && pair.client.ready().is_none());
        let mut more = vec![];
        let again = pair.server.handshake(&command_frame(b"\x05HELLO"), &mut more, pair.now);
        assert_eq!(again, Err(ProtocolError::OutOfTurn));
    }
}

#[test]
fn a_message_is_taken_once_and_in_order() {
    let mut pair = connected();
    let [first, second] = [1, 2].map(|i| message(&mut pair.client, false, &[i]));
    assert!(pair.server.decode(&mut second.clone()).is_ok());
    assert_eq!(pair.server.decode(&mut first.clone()), Err(ProtocolError::Sequence));
    assert_eq!(
        pair.server.decode(&mut second.clone()),
        Err(ProtocolError::Sequence),
        "nothing more is taken"
    );
}

#[test]
fn every_changed_byte_of_a_message_is_noticed() {
    for at in 2..40 {
        let mut pair = connected();
        let mut sent = message(&mut pair.client, false, b"hello");
        sent[at] ^= 1;
        let error = pair.server.decode(&mut sent.clone()).unwrap_err();
        let expected = match at {
            2..10 => ProtocolError::UnexpectedCommand,
            // The last bit of counter 3, which makes it that of the INITIATE.
            17 => ProtocolError::Sequence,
            _ => ProtocolError::Cryptographic,
        };
        assert_eq!(error, expected, "byte {at}");
    }
}

#[test]
fn a_message_sent_back_to_its_sender_does_not_open() {
    let mut pair = connected();
    let sent = message(&mut pair.client, false, b"hello");
    assert_eq!(pair.client.decode(&mut sent.clone()), Err(ProtocolError::Cryptographic));
}

#[test]
fn messages_in_the_clear_are_refused() {
    let mut pair = connected();
    assert_eq!(pair.server.decode(&mut b"\0\x05hello".to_owned()), Err(ProtocolError::UnexpectedCommand));
    let mut pair = connected();
    let short = [&b"\0\x18\x07MESSAGE"[..], &[0; 16]].concat();
    assert_eq!(pair.server.decode(&mut short.clone()), Err(ProtocolError::Malformed(Malformed::Message)));
}

#[test]
fn every_changed_byte_of_the_handshake_ends_it() {
    // The padding of HELLO is all that nobody looks at.
    for at in (0..200).filter(|at| !(8..80).contains(at)) {
        let mut pair = Pair::new(client_config(server_secret().public()), server_config());
        pair.client_reads().unwrap();
        let last = pair.to_server.len() - 200 + at;
        pair.to_server[last] ^= 1;
        assert!(pair.server_reads().is_err(), "HELLO {at}");
    }
    for at in 0..168 {
        let mut pair = Pair::new(client_config(server_secret().public()), server_config());
        pair.client_reads().unwrap();
        pair.server_reads().unwrap();
        let last = pair.to_client.len() - 168 + at;
        pair.to_client[last] ^= 1;
        assert!(pair.client_reads().is_err(), "WELCOME {at}");
    }
    for at in 0..292 {
        let mut pair = Pair::new(client_config(server_secret().public()), server_config());
        pair.client_reads().unwrap();
        pair.server_reads().unwrap();
        pair.client_reads().unwrap();
        let last = pair.to_server.len() - 292 + at;
        pair.to_server[last] ^= 1;
        assert!(pair.server_reads().is_err(), "INITIATE {at}");
        assert!(pair.server.question().is_none());
    }
    for at in 0..65 {
        let mut pair = Pair::new(client_config(server_secret().public()), server_config());
        pair.settle().unwrap();
        pair.answer(Verdict::Allow);
        let last = pair.to_client.len() - 65 + at;
        pair.to_client[last] ^= 1;
        assert!(pair.client_reads().is_err(), "READY {at}");
    }
}

#[test]
fn ready_before_welcome_is_refused() {
    let mut pair = Pair::new(client_config(server_secret().public()), server_config());
    pair.client_reads().unwrap();
    let ready = command_frame(&bytes(READY));
    let result = pair.client.handshake(&ready, &mut vec![], pair.now);
    assert_eq!(result, Err(ProtocolError::UnexpectedCommand));
}

#[test]
fn a_server_that_asks_nobody_lets_in_who_knows_its_key() {
    let mut config = server_config();
    config.asks = false;
    let mut pair = Pair::new(client_config(server_secret().public()), config);
    pair.settle().unwrap();
    assert!(pair.server.question().is_none());
    assert!(pair.server.ready().is_some() && pair.client.ready().is_some());
}

//! Commands: what comes in means what RFC 37 says, and what goes out is read back as what it was.

use std::time::Instant;

use ferrozmq_base::SocketType;
use ferrozmq_proto::{Command, Config, Decoded, FrameKind, ProtocolError, Version};

use crate::{source::Source, traffic::in_traffic};

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let socket_type = source.socket_type();
    let version = [Version::V1, Version::V2, Version::V3_0, Version::V3_1][source.below(4)];
    let body = source.rest();
    receive(socket_type, version, body);
    for kind in
        [FrameKind::Message, FrameKind::Subscribe, FrameKind::Cancel, FrameKind::Join, FrameKind::Leave]
    {
        send(kind, version, body);
    }
}

fn receive(socket_type: SocketType, version: Version, body: &[u8]) {
    let mut engine = in_traffic(&Config::new(socket_type), version);
    let now = Instant::now();
    let result = engine.command(body, now);
    let named = |name: &[u8]| {
        let rest = body.strip_prefix(&[name.len() as u8])?.strip_prefix(name)?;
        (version >= Version::V3_0).then_some(rest)
    };
    let publishes = matches!(socket_type, SocketType::Pub | SocketType::Xpub);
    let radio = socket_type == SocketType::Radio;
    let expected = if let Some(data) = named(b"PING") {
        match (data, &result) {
            ([], _) | ([_], _) => Err(ProtocolError::ShortPing),
            ([_, _, context @ ..], Ok(Command::Pong(pong))) => {
                let context = &context[..context.len().min(16)];
                let frame = [&[4, 5 + context.len() as u8][..], b"\x04PONG", context].concat();
                assert_eq!(**pong, *frame);
                return;
            }
            _ => panic!("{result:?} for a PING"),
        }
    } else if let Some(topic) = named(b"SUBSCRIBE").filter(|_| publishes) {
        Ok(Command::Subscribe(topic))
    } else if let Some(topic) = named(b"CANCEL").filter(|_| publishes) {
        Ok(Command::Cancel(topic))
    } else if let Some(group) = named(b"JOIN").filter(|_| radio) {
        if group.len() > 255 { Err(ProtocolError::GroupTooLong) } else { Ok(Command::Join(group)) }
    } else if let Some(group) = named(b"LEAVE").filter(|_| radio) {
        if group.len() > 255 { Err(ProtocolError::GroupTooLong) } else { Ok(Command::Leave(group)) }
    } else {
        Ok(Command::Ignore)
    };
    assert_eq!(result, expected);
}

fn send(kind: FrameKind, version: Version, body: &[u8]) {
    // A type that reads what is sent here.
    let reader = match kind {
        FrameKind::Join | FrameKind::Leave => SocketType::Radio,
        FrameKind::Subscribe | FrameKind::Cancel => SocketType::Xpub,
        FrameKind::Message => SocketType::Pull,
    };
    let mut wire = Vec::new();
    in_traffic(&Config::new(SocketType::Dealer), version).encode(kind, false, body, &mut wire);
    let mut engine = in_traffic(&Config::new(reader), version);
    if wire.is_empty() {
        assert!(reader == SocketType::Radio && version < Version::V3_0);
        return;
    }
    let len = wire.len();
    let decoded = engine.decode(&mut wire);
    let Ok(Decoded::Frame { consumed, more: false, command, body: read }) = decoded else {
        panic!("{kind:?} at {version:?}: {decoded:?}")
    };
    assert_eq!(consumed, len);
    if !command {
        let prefix: &[u8] = match kind {
            FrameKind::Subscribe => &[1],
            FrameKind::Cancel => &[0],
            _ => &[],
        };
        assert_eq!(read.strip_prefix(prefix), Some(body));
        return;
    }
    let expected = match kind {
        FrameKind::Subscribe => Ok(Command::Subscribe(body)),
        FrameKind::Cancel => Ok(Command::Cancel(body)),
        FrameKind::Join | FrameKind::Leave if body.len() > 255 => Err(ProtocolError::GroupTooLong),
        FrameKind::Join => Ok(Command::Join(body)),
        FrameKind::Leave => Ok(Command::Leave(body)),
        FrameKind::Message => panic!("a message became a command"),
    };
    let read = read.to_vec();
    assert_eq!(engine.command(&read, Instant::now()), expected);
}

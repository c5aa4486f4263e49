//! Messages, and those that could not be sent.
#![allow(missing_docs)]

use std::time::Duration;

use bytes::Bytes;
use ferrozmq::{Context, Error, Message, Multipart, Result};

#[test]
fn long_contents_are_moved_not_copied() {
    let bytes = vec![7u8; 1000];
    let address = bytes.as_ptr();
    let message = Message::from(bytes);
    assert_eq!(message.as_ptr(), address);
    let bytes = message.into_vec();
    assert_eq!(bytes.as_ptr(), address);

    let bytes = Bytes::from(vec![7u8; 1000]);
    let address = bytes.as_ptr();
    let message = Message::from(bytes);
    let clone = message.clone();
    assert_eq!((message.as_ptr(), clone.as_ptr()), (address, address));
    drop(message);
    assert_eq!(clone.into_bytes().as_ptr(), address);
}

#[test]
fn everything_that_is_bytes_becomes_a_message() {
    let long = "x".repeat(100);
    for text in ["", "short", &long] {
        let owned = text.to_owned();
        let messages = [
            Message::from(text),
            Message::from(&owned),
            Message::from(owned.clone()),
            Message::from(text.as_bytes()),
            Message::from(text.as_bytes().to_vec()),
            Message::from(Bytes::from(owned.clone())),
            Message::copy_from(text.as_bytes()).unwrap(),
        ];
        for message in messages {
            assert_eq!(message, text);
            assert_eq!(message.as_str(), Ok(text));
            assert_eq!(Vec::from(message.clone()), text.as_bytes());
            assert_eq!(Bytes::from(message), text.as_bytes());
        }
    }
    assert_eq!(Message::from_static(b"constant"), "constant");
    assert!(Message::from(b"\xff").as_str().is_err());
    assert_eq!(format!("{:?}", Message::from(b"\xff")), r#"b"\xff""#);
}

#[test]
fn the_properties_of_the_connection_are_on_the_message() -> Result<()> {
    let ctx = Context::new();
    let mut inbox = ctx.pull().bind("tcp://127.0.0.1:*")?;
    let mut outbox = ctx.push().metadata("X-Color", "red").connect(inbox.last_endpoint())?;
    outbox.send("message")?;
    let message = inbox.recv()?;
    assert_eq!(message.peer_address(), Some("127.0.0.1"));
    assert_eq!(message.socket_type(), Some("PUSH"));
    assert_eq!(message.property("X-Color"), Some(&b"red"[..]));
    assert_eq!(message.property("X-Shape"), None);
    Ok(())
}

#[test]
fn what_could_not_be_sent_comes_back_whole() -> Result<()> {
    let ctx = Context::new();
    let mut alone = ctx.push().send_timeout(Duration::ZERO).bind("inproc://nobody")?;
    let frame = vec![7u8; 1000];
    let address = frame.as_ptr();
    let refused = alone.send(frame).unwrap_err();
    assert_eq!(refused.error(), Error::Again);
    let message = refused.into_message();
    assert_eq!((message.as_ptr(), message.len()), (address, 1000));

    let refused = alone.try_send(("a", "b", vec![7u8; 1000])).unwrap_err();
    assert_eq!(refused.into_message(), Multipart::from(["a".into(), "b".into(), message]));
    Ok(())
}

#[test]
fn a_full_queue_refuses_and_loses_nothing() -> Result<()> {
    let ctx = Context::new();
    let mut inbox = ctx.pull().receive_hwm(5).bind("inproc://queue")?;
    let mut outbox = ctx.push().send_hwm(5).connect("inproc://queue")?;
    let mut sent = 0;
    let refused = loop {
        match outbox.try_send((sent.to_string(), "body")) {
            Ok(()) => sent += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused.error(), sent), (Error::Again, 10));
    let mut waiting = Some(refused.into_message());
    for expected in 0..=sent {
        assert_eq!(inbox.recv_multipart()?, Multipart::from([expected.to_string(), "body".to_owned()]));
        if let Some(message) = waiting.take()
            && let Err(still) = outbox.try_send(message)
        {
            waiting = Some(still.into_message());
        }
    }
    assert_eq!(waiting, None);
    Ok(())
}

#[test]
fn a_message_after_the_end_comes_back() -> Result<()> {
    let ctx = Context::new();
    let mut outbox = ctx.push().bind("inproc://end")?;
    let _inbox = ctx.pull().connect("inproc://end")?;
    ctx.shutdown();
    let refused = outbox.send(("a", "b")).unwrap_err();
    assert_eq!(refused.error(), Error::Terminated);
    assert_eq!(refused.into_message(), Multipart::from(["a", "b"]));
    assert_eq!(ctx.push().build().unwrap_err(), Error::Terminated);
    Ok(())
}

#[test]
fn no_frames_are_one_empty_frame() -> Result<()> {
    let ctx = Context::new();
    let mut inbox = ctx.pull().bind("inproc://empty")?;
    let mut outbox = ctx.push().connect("inproc://empty")?;
    outbox.send(Multipart::new())?;
    assert_eq!(inbox.recv_multipart()?, Multipart::from([""]));
    Ok(())
}

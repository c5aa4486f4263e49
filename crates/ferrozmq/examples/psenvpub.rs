//! A publisher of messages in envelopes: the first frame is the topic, the second the content.

mod chapter;
use chapter::{announce, millis, pause, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut publisher = ctx.publisher().bind(setting("PUBLISHER", "tcp://*:5563"))?;
        announce("PUBLISHER", publisher.last_endpoint());
        let interval = millis("INTERVAL", 1000);
        loop {
            publisher.send(("A", "for others, though B is in the content"))?;
            publisher.send(("B", "for us"))?;
            pause(interval)?;
        }
    })
}

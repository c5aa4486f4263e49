//! A publisher that waits for its subscribers, so that none misses an update.

mod chapter;
use chapter::{announce, number, setting};
use std::time::Duration;

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let (subscribers, count) = (number("SUBSCRIBERS", 10), number("COUNT", 1_000_000));
        // Room for all updates: a publisher drops what does not fit.
        let mut publisher =
            ctx.publisher().send_hwm(count as u32 + 1000).bind(setting("PUBLISHER", "tcp://*:5561"))?;
        announce("PUBLISHER", publisher.last_endpoint());
        let mut sync = ctx.rep().bind(setting("SYNC", "tcp://*:5562"))?;
        announce("SYNC", sync.last_endpoint());

        println!("waiting for subscribers");
        for _ in 0..subscribers {
            sync.recv()?;
            sync.send("")?;
        }
        publisher.wait_for_subscribers(subscribers as usize, Duration::from_secs(60))?;
        println!("publishing");
        for _ in 0..count {
            publisher.send("Rhubarb")?;
        }
        publisher.send("END")?;
        publisher.close_within(Duration::from_secs(60));
        Ok(())
    })
}

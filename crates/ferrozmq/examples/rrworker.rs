//! A worker behind a broker: a server that connects.

mod chapter;
use chapter::{millis, pause, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut replies = ctx.rep().connect(setting("BACKEND", "tcp://localhost:5560"))?;
        let work = millis("WORK", 1000);
        loop {
            println!("received {}", replies.recv()?.to_string_lossy());
            pause(work)?;
            replies.send("World")?;
        }
    })
}

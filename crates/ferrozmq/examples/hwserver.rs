//! A server that answers World.

mod chapter;
use chapter::{announce, number, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut replies = ctx.rep().bind(setting("SERVICE", "tcp://*:5555"))?;
        announce("SERVICE", replies.last_endpoint());
        let count = number("COUNT", 0);
        let mut answered = 0;
        while count == 0 || answered < count {
            let request = replies.recv()?;
            println!("received {}", request.to_string_lossy());
            replies.send("World")?;
            answered += 1;
        }
        Ok(())
    })
}

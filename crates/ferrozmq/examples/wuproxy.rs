//! A weather proxy: a bridge from the publisher's network to that of the subscribers. Subscriptions pass one way, updates
//! the other.

mod chapter;
use chapter::{announce, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut inside = ctx.xsub().connect(setting("WEATHER", "tcp://localhost:5556"))?;
        let mut outside = ctx.xpub().bind(setting("OUTSIDE", "tcp://*:8100"))?;
        announce("OUTSIDE", outside.last_endpoint());
        ferrozmq::proxy(&mut inside, &mut outside).run()
    })
}

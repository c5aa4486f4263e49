//! The broker once more: a proxy is all of it.

mod chapter;
use chapter::{announce, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut clients = ctx.router().bind(setting("FRONTEND", "tcp://*:5559"))?;
        announce("FRONTEND", clients.last_endpoint());
        let mut workers = ctx.dealer().bind(setting("BACKEND", "tcp://*:5560"))?;
        announce("BACKEND", workers.last_endpoint());
        ferrozmq::proxy(&mut clients, &mut workers).run()
    })
}

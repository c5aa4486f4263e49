//! A server with five threads, fed by a proxy over inproc.

mod chapter;
use chapter::{announce, millis, pause, setting};
use ferrozmq::{Context, Result};

/// Ends when the program is interrupted, as the proxy does.
fn serve(ctx: &Context) -> Result<()> {
    let mut replies = ctx.rep().connect("inproc://workers")?;
    let work = millis("WORK", 1000);
    loop {
        println!("received {}", replies.recv()?.to_string_lossy());
        pause(work)?;
        replies.send("World")?;
    }
}

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut workers = ctx.dealer().bind("inproc://workers")?;
        let mut clients = ctx.router().bind(setting("SERVICE", "tcp://*:5555"))?;
        announce("SERVICE", clients.last_endpoint());
        std::thread::scope(|threads| {
            for _ in 0..5 {
                threads.spawn(|| serve(ctx));
            }
            ferrozmq::proxy(&mut clients, &mut workers).run()
        })
    })
}

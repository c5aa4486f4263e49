//! A client that says Hello and waits for the answer.

mod chapter;
use chapter::{number, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut requests = ctx.req().connect(setting("SERVICE", "tcp://localhost:5555"))?;
        for request in 0..number("COUNT", 10) {
            let reply = requests.send("Hello")?.recv()?;
            println!("received {} {request}", reply.to_string_lossy());
        }
        Ok(())
    })
}

//! A client of a broker: it cannot tell it from a server.

mod chapter;
use chapter::{number, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut requests = ctx.req().connect(setting("FRONTEND", "tcp://localhost:5559"))?;
        for request in 0..number("COUNT", 10) {
            let reply = requests.send(format!("Hello {request}"))?.recv()?;
            println!("Hello {request}: {}", reply.to_string_lossy());
        }
        Ok(())
    })
}

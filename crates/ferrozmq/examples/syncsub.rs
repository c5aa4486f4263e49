//! A subscriber that tells its publisher that it is there, and counts the updates then.

mod chapter;
use chapter::setting;

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut updates =
            ctx.subscriber().subscribe("").connect(setting("PUBLISHER", "tcp://localhost:5561"))?;
        let mut sync = ctx.req().connect(setting("SYNC", "tcp://localhost:5562"))?;
        sync.send("")?.recv()?;
        let mut count = 0;
        while updates.recv()? != "END" {
            count += 1;
        }
        println!("received {count} updates");
        Ok(())
    })
}

//! A subscriber to envelopes of topic B. The filter looks at the first frame only, and a message comes whole or not at all.

mod chapter;
use chapter::{number, setting};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut updates =
            ctx.subscriber().subscribe("B").connect(setting("PUBLISHER", "tcp://localhost:5563"))?;
        let count = number("COUNT", 0);
        let mut printed = 0;
        while count == 0 || printed < count {
            let update = updates.recv_multipart()?;
            let [topic, content] = &update[..] else { continue };
            println!("[{}] {}", topic.to_string_lossy(), content.to_string_lossy());
            printed += 1;
        }
        Ok(())
    })
}

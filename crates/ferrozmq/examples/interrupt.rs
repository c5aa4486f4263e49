//! Ctrl-C, handled: the program that waits for a message leaves in good order.

mod chapter;
use chapter::{announce, setting};
use ferrozmq::{Context, Error, Interrupt};

fn main() -> ferrozmq::Result<()> {
    let ctx = Context::new();
    let interrupt = Interrupt::new()?;
    let mut replies = ctx.rep().interrupt(&interrupt).bind(setting("SERVICE", "tcp://*:5555"))?;
    announce("SERVICE", replies.last_endpoint());
    ctrlc::set_handler(move || interrupt.raise()).expect("no other handler is set");

    println!("waiting; Ctrl-C to leave");
    loop {
        match replies.recv() {
            Ok(request) => replies.send(request)?,
            Err(Error::Interrupted) => break,
            Err(e) => return Err(e),
        }
    }
    println!("interrupted; leaving");
    Ok(())
}

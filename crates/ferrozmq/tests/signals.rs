//! A signal does not end a call. Without a harness: the call is made by the main thread, to which the kernel gives
//! the signals of the process.
#![allow(missing_docs)]

use std::{
    process::{Command, id},
    sync::{Arc, Barrier},
    thread,
};

use ferrozmq::{Context, Interest, Poller, Result};

fn main() -> Result<()> {
    let handled = Arc::new(Barrier::new(2));
    let in_handler = handled.clone();
    ctrlc::set_handler(move || _ = in_handler.wait()).expect("no other handler is set");

    let ctx = Context::new();
    let mut inbox = ctx.pull().bind("inproc://inbox")?;
    let mut outbox = ctx.push().connect("inproc://inbox")?;
    let sender = thread::spawn(move || -> Result<()> {
        for round in 0..20 {
            let killed = Command::new("sh").args(["-c", &format!("kill -INT {}", id())]).status()?;
            assert!(killed.success());
            handled.wait();
            outbox.send(round.to_string())?;
        }
        Ok(())
    });
    for round in 0..10 {
        assert_eq!(inbox.recv()?, round.to_string());
    }
    let mut poller = Poller::new();
    poller.add(&inbox, (), Interest::READABLE)?;
    for round in 10..20 {
        assert_eq!(poller.wait(None)?.len(), 1);
        assert_eq!(inbox.recv()?, round.to_string());
    }
    sender.join().expect("the sender does not panic")
}

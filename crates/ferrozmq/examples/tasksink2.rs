//! A sink that welcomes the workers and stops them once all results are in.

mod chapter;
use chapter::{announce, number, setting};
use ferrozmq::{Interest, Poller, Result};
use std::{io::Write, time::Instant};

#[derive(Clone, Copy)]
enum Key {
    Results,
    Control,
}

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut results = ctx.pull().bind(setting("SINK", "tcp://*:5558"))?;
        announce("SINK", results.last_endpoint());
        // Verbose shows each subscription, not only the first of a topic.
        let mut control = ctx.xpub().verbose(true).bind(setting("CONTROL", "tcp://*:5559"))?;
        announce("CONTROL", control.last_endpoint());

        let mut poller = Poller::new();
        poller.add(&results, Key::Results, Interest::READABLE)?;
        poller.add(&control, Key::Control, Interest::READABLE)?;
        let mut next_result = || -> Result<_> {
            loop {
                for event in poller.wait(None)? {
                    match event.key {
                        Key::Control => {
                            control.recv_request()?;
                            control.send("WELCOME")?;
                        }
                        Key::Results => return results.recv(),
                    }
                }
            }
        };
        next_result()?; // START
        let start = Instant::now();
        let count = number("COUNT", 100);
        for done in 0..count {
            next_result()?;
            print!("{}", if done % 10 == 0 { ':' } else { '.' });
            std::io::stdout().flush()?;
        }
        println!("\n{count} tasks in {} ms", start.elapsed().as_millis());
        control.send("KILL")?;
        Ok(())
    })
}

//! A worker that can be told to stop. A KILL that is sent before the subscription has arrived would pass it by, so it takes
//! no task before the sink has said WELCOME.

mod chapter;
use chapter::{pause, setting};
use ferrozmq::{Interest, Poller};
use std::time::Duration;

#[derive(Clone, Copy)]
enum Key {
    Tasks,
    Control,
}

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut control =
            ctx.subscriber().subscribe("").connect(setting("CONTROL", "tcp://localhost:5559"))?;
        control.recv()?;
        println!("welcome; waiting for tasks");
        let mut tasks = ctx.pull().connect(setting("VENTILATOR", "tcp://localhost:5557"))?;
        let mut results = ctx.push().connect(setting("SINK", "tcp://localhost:5558"))?;

        let mut poller = Poller::new();
        poller.add(&tasks, Key::Tasks, Interest::READABLE)?;
        poller.add(&control, Key::Control, Interest::READABLE)?;
        loop {
            for event in poller.wait(None)? {
                match event.key {
                    Key::Tasks => {
                        let work = tasks.recv()?.to_string_lossy().parse().unwrap_or(0);
                        pause(Duration::from_millis(work))?;
                        results.send("DONE")?;
                    }
                    Key::Control if control.recv()? == "KILL" => {
                        println!("stopped by the sink");
                        return Ok(());
                    }
                    Key::Control => {}
                }
            }
        }
    })
}

//! Two sockets, read in turn without waiting: simple, but it wakes up a thousand times a second for nothing, and a message
//! may have to wait for that. mspoller does it properly.

mod chapter;
use chapter::{pause, setting};
use std::time::Duration;

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut tasks = ctx.pull().connect(setting("VENTILATOR", "tcp://localhost:5557"))?;
        let mut weather = ctx
            .subscriber()
            .subscribe(setting("FILTER", "10001"))
            .connect(setting("WEATHER", "tcp://localhost:5556"))?;
        loop {
            // At most some of each, so that neither starves the other.
            for _ in 0..100 {
                let Ok(task) = tasks.try_recv() else { break };
                println!("task {}", task.to_string_lossy());
            }
            for _ in 0..100 {
                let Ok(update) = weather.try_recv() else { break };
                println!("weather {}", update.to_string_lossy());
            }
            pause(Duration::from_millis(1))?;
        }
    })
}

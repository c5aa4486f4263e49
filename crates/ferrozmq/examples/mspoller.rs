//! Two sockets, waited for together.

mod chapter;
use chapter::setting;
use ferrozmq::{Interest, Poller};

#[derive(Clone, Copy)]
enum Key {
    Tasks,
    Weather,
}

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut tasks = ctx.pull().connect(setting("VENTILATOR", "tcp://localhost:5557"))?;
        let mut weather = ctx
            .subscriber()
            .subscribe(setting("FILTER", "10001"))
            .connect(setting("WEATHER", "tcp://localhost:5556"))?;

        let mut poller = Poller::new();
        poller.add(&tasks, Key::Tasks, Interest::READABLE)?;
        poller.add(&weather, Key::Weather, Interest::READABLE)?;
        loop {
            for event in poller.wait(None)? {
                match event.key {
                    Key::Tasks => println!("task {}", tasks.recv()?.to_string_lossy()),
                    Key::Weather => println!("weather {}", weather.recv()?.to_string_lossy()),
                }
            }
        }
    })
}

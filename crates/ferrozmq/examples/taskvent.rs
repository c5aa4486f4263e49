//! A ventilator of tasks: each is a number of milliseconds to work. It begins when a line comes from stdin, so that the
//! workers can be started before.

mod chapter;
use chapter::{Dice, announce, number, setting};
use ferrozmq::{Interest, Poller};
use std::{os::fd::AsFd, time::Duration};

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut tasks = ctx.push().bind(setting("VENTILATOR", "tcp://*:5557"))?;
        announce("VENTILATOR", tasks.last_endpoint());
        let mut sink = ctx.push().connect(setting("SINK", "tcp://localhost:5558"))?;

        println!("press Enter when the workers are ready");
        let stdin = std::io::stdin();
        let mut poller = Poller::new();
        poller.add_fd(stdin.as_fd(), (), Interest::READABLE)?;
        poller.wait(None)?; // unlike a read it ends when the program is interrupted
        stdin.read_line(&mut String::new())?;

        sink.send("START")?;
        let (mut dice, mut total) = (Dice::new(), 0);
        let longest = number("LONGEST", 100) as i64;
        for _ in 0..number("COUNT", 100) {
            let work = dice.between(longest.min(1), longest);
            tasks.send(work.to_string())?;
            total += work;
        }
        println!("work in all: {total} ms");
        tasks.close_within(Duration::from_secs(60));
        Ok(())
    })
}

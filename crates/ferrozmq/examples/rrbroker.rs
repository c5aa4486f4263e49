//! A broker, message by message: requests to the next worker, answers back to who asked.

mod chapter;
use chapter::{announce, setting};
use ferrozmq::{Interest, Poller};

#[derive(Clone, Copy)]
enum Key {
    Clients,
    Workers,
}

fn main() -> ferrozmq::Result<()> {
    chapter::run(|ctx| {
        let mut clients = ctx.router().bind(setting("FRONTEND", "tcp://*:5559"))?;
        announce("FRONTEND", clients.last_endpoint());
        let mut workers = ctx.dealer().bind(setting("BACKEND", "tcp://*:5560"))?;
        announce("BACKEND", workers.last_endpoint());

        let mut poller = Poller::new();
        poller.add(&clients, Key::Clients, Interest::READABLE)?;
        poller.add(&workers, Key::Workers, Interest::READABLE)?;
        loop {
            for event in poller.wait(None)? {
                match event.key {
                    Key::Clients => workers.send(clients.recv_multipart()?)?,
                    Key::Workers => clients.send(workers.recv_multipart()?)?,
                }
            }
        }
    })
}

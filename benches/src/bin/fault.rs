//! `cargo xtask fault`: what a good client of a CURVE server notices of a thousand connections that hang in their
//! handshake. Figures, not a test: the goal is less than twice the 99th percentile of a server without any.
//!
//! The hostile peers are threads of this process, so that on few cores some of what is measured is their own work.

use std::error::Error;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use ferrozmq::{
    Context, Rep,
    security::{Authenticator, KeyPair},
};

/// Round trips of a good client beside connections that hang in their handshake.
#[derive(Parser)]
#[command(name = "cargo xtask fault")]
struct Options {
    /// Connections that hang.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// Rounds; the figures are their medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Round trips of a round.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(100..))]
    round_trips: u32,
}

/// What the hostile peers do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// A part of a handshake, then nothing.
    HalfOpen,
    /// A byte every now and then: 10,000 in a second from all of them.
    Dripping,
}

const FAULTS: [(Fault, &str); 3] =
    [(Fault::None, "none"), (Fault::HalfOpen, "half-open"), (Fault::Dripping, "dripping")];

/// The 50th and the 99th percentile of the round trip.
type Figures = (Duration, Duration);

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let count = conformance::descriptors::connections(options.connections);
    if count < options.connections {
        eprintln!("the limit of descriptors allows for {count} connections only");
    }
    // In turns, so that whatever else the machine does hits all of them.
    let mut rounds = vec![Vec::new(); FAULTS.len()];
    for _ in 0..options.rounds {
        for (figures, (fault, _)) in rounds.iter_mut().zip(FAULTS) {
            figures.push(round(fault, count, options.round_trips)?);
        }
    }
    let medians: Vec<Figures> = rounds.iter_mut().map(|figures| median(figures)).collect();
    println!("{count} connections     p50        p99        p99 / none");
    for ((_, name), (p50, p99)) in FAULTS.iter().zip(&medians) {
        let ratio = p99.as_secs_f64() / medians[0].1.as_secs_f64();
        println!("{name:<20} {p50:<10.1?} {p99:<10.1?} {ratio:.2}");
    }
    Ok(())
}

fn median(figures: &mut [Figures]) -> Figures {
    let middle = figures.len() / 2;
    let mut nth = |key: fn(&Figures) -> Duration| {
        figures.sort_by_key(key);
        key(&figures[middle])
    };
    (nth(|f| f.0), nth(|f| f.1))
}

/// A server, its hostile peers, and the round trips of a good client.
fn round(fault: Fault, count: usize, round_trips: u32) -> Result<Figures, Box<dyn Error>> {
    let (server_keys, client_keys) = (KeyPair::generate()?, KeyPair::generate()?);
    let guard = Authenticator::new().allow_key(client_keys.public, "good");
    let ctx = Context::builder().authenticator(guard).build();
    let server = ctx
        .rep()
        .curve_server(&server_keys.secret)
        .handshake_limit(Duration::from_secs(120))
        .bind("tcp://127.0.0.1:*")?;
    let endpoint = server.last_endpoint().to_owned();
    let serving = thread::spawn(move || serve(server));

    let count = if fault == Fault::None { 0 } else { count };
    let peers = (0..count).map(|i| half_open(&endpoint, i)).collect::<Result<Vec<_>, _>>()?;
    let stop = AtomicBool::new(false);
    let mut client =
        Context::new().req().curve_client(&client_keys, server_keys.public).connect(&endpoint)?;
    let figures = thread::scope(|scope| {
        if fault == Fault::Dripping {
            scope.spawn(|| drip(&peers, &stop));
        }
        let mut times = Vec::new();
        let measured = (0..round_trips).try_for_each(|_| {
            let start = Instant::now();
            client.send("question")?.recv()?;
            times.push(start.elapsed());
            Ok::<(), Box<dyn Error>>(())
        });
        stop.store(true, Ordering::Relaxed);
        measured.map(|()| times)
    });
    let mut times = figures?;
    let _unanswered = client.send("")?;
    serving.join().map_err(|_| "the server panicked")??;
    times.sort_unstable();
    Ok((times[times.len() / 2], times[times.len() * 99 / 100]))
}

/// Answers until an empty question comes.
fn serve(mut server: Rep) -> ferrozmq::Result<()> {
    loop {
        let question = server.recv()?;
        if question.is_empty() {
            return Ok(());
        }
        server.send(question)?;
    }
}

/// A greeting of CURVE.
fn greeting() -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..12].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01");
    bytes[12..17].copy_from_slice(b"CURVE");
    bytes
}

/// A connection with another part of a handshake for each number.
fn half_open(endpoint: &str, number: usize) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("tcp://"))?;
    let bytes = greeting();
    match number % 3 {
        0 => {}
        1 => stream.write_all(&bytes[..number % 64])?,
        // The beginning of a HELLO.
        _ => stream.write_all(&[&bytes[..], &[4, 200, 5, b'H']].concat())?,
    }
    Ok(stream)
}

/// A byte from each peer in its turn: it fits a greeting, and inside of a HELLO anything does.
fn drip(peers: &[TcpStream], stop: &AtomicBool) {
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        for ten in peers.chunks(10) {
            for mut peer in ten {
                // One that was closed is no worse.
                let _ = peer.write(&[greeting()[round % 64]]);
            }
            thread::sleep(Duration::from_millis(1));
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
        round += 1;
    }
}

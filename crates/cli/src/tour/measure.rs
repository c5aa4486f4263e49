//! Rates and latencies of the three transports, measured on the spot: 10-byte messages between two threads.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use ferrozmq::{Error, Rep};

use super::{Stage, ipc, screen::Style};
use crate::{
    failure::Failure,
    numbers::{scaled, time},
};

const BODY: [u8; 10] = *b"0123456789";

#[derive(Clone, Default)]
struct Row {
    transport: &'static str,
    per_second: Option<f64>,
    round_trip: Option<RoundTrip>,
}

#[derive(Clone, Copy)]
struct RoundTrip {
    median: Duration,
    /// All but one in a hundred are faster.
    slow: Duration,
}

pub(super) fn show(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.headline(4, "How fast is that, here and now?")?;
    let mut rows = ["inproc", "ipc", "tcp"].map(|transport| Row { transport, ..Row::default() });
    for i in 0..rows.len() {
        stage.screen.draw(&table(stage.style, &rows))?;
        rows[i].per_second = Some(throughput(stage, rows[i].transport)?);
        stage.screen.draw(&table(stage.style, &rows))?;
        rows[i].round_trip = Some(latency(stage, rows[i].transport)?);
    }
    let mut last = table(stage.style, &rows);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    let mut note = format!("10-byte messages between two threads, {cores}");
    if cfg!(debug_assertions) {
        note += "; built without --release";
    }
    last.extend([String::new(), format!("    {}", stage.style.dim(note)), String::new()]);
    stage.screen.say(&last)
}

fn table(style: Style, rows: &[Row]) -> Vec<String> {
    let head = format!("    {:<8} {:>22} {:>22} {:>14}", "", "PUSH → PULL", "REQ ⇄ REP, median", "99 %");
    let mut lines = vec![style.dim(head)];
    for row in rows {
        let per_second =
            row.per_second.map_or_else(|| "…".to_owned(), |x| format!("{} messages/s", scaled(x).trim_end()));
        let (median, slow) = match row.round_trip {
            Some(trip) => (time(trip.median), time(trip.slow)),
            None => ("…".to_owned(), "…".to_owned()),
        };
        lines.push(format!(
            "    {:<8} {} {} {slow:>14}",
            row.transport,
            style.number(format!("{per_second:>22}")),
            style.number(format!("{median:>22}")),
        ));
    }
    lines
}

fn endpoint(transport: &str) -> String {
    match transport {
        "tcp" => "tcp://127.0.0.1:*".to_owned(),
        "ipc" => ipc("measure"),
        _ => "inproc://measure".to_owned(),
    }
}

/// Messages per second from a PUSH to a PULL.
fn throughput(stage: &Stage<'_>, transport: &str) -> Result<f64, Failure> {
    let ctx = stage.context();
    let mut tasks = ctx.pull().bind(endpoint(transport))?;
    let mut push = ctx.push().linger(Duration::ZERO).connect(tasks.last_endpoint())?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) && push.send(&BODY).is_ok() {
                std::hint::spin_loop()
            }
        });
        let counted = count(stage.measurement, || tasks.recv().map(drop));
        stop.store(true, Ordering::Relaxed);
        // It may be waiting for room.
        ctx.shutdown();
        let (messages, took) = counted?;
        Ok(messages as f64 / took.as_secs_f64())
    })
}

/// How often `receive` succeeds within about `limit`, after a first time, and how long that took.
fn count(limit: Duration, mut receive: impl FnMut() -> Result<(), Error>) -> Result<(u64, Duration), Error> {
    const BETWEEN_CLOCKS: u64 = 256;
    receive()?;
    let (began, mut count) = (Instant::now(), 0);
    loop {
        for _ in 0..BETWEEN_CLOCKS {
            receive()?;
        }
        count += BETWEEN_CLOCKS;
        let took = began.elapsed();
        if took >= limit {
            return Ok((count, took));
        }
    }
}

/// How long a request and its answer take.
fn latency(stage: &Stage<'_>, transport: &str) -> Result<RoundTrip, Failure> {
    let ctx = stage.context();
    let replies = ctx.rep().linger(Duration::ZERO).bind(endpoint(transport))?;
    let mut requests = ctx.req().linger(Duration::ZERO).connect(replies.last_endpoint())?;
    let limit = stage.measurement * 2 / 3;
    thread::scope(|scope| {
        scope.spawn(|| echo(replies));
        let measured = (|| {
            requests.send(&BODY)?.recv()?;
            let (began, mut trips) = (Instant::now(), Vec::new());
            let mut last = began;
            while last.duration_since(began) < limit {
                requests.send(&BODY)?.recv()?;
                let now = Instant::now();
                trips.push(now.duration_since(last));
                last = now;
            }
            Ok::<_, Error>(trips)
        })();
        ctx.shutdown();
        let mut trips = measured?;
        trips.sort_unstable();
        let at = |percent: usize| trips.get(trips.len() * percent / 100).copied().unwrap_or_default();
        Ok(RoundTrip { median: at(50), slow: at(99) })
    })
}

fn echo(mut replies: Rep) -> Result<(), Error> {
    loop {
        let request = replies.recv()?;
        replies.send(request)?;
    }
}

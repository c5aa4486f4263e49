//! `fzmq proxy`: passes messages between two sockets until Ctrl-C.
//!
//! The proxy has the main thread. Another one steers it: it asks for what has passed, and stops the proxy when a
//! signal comes, so that the numbers at the end are the last ones.

use std::{
    thread,
    time::{Duration, Instant},
};

use ferrozmq::{Context, Passed, Poller, ProxyHandle, Side, Socket, SocketType};

use crate::{
    args::Proxy,
    cat::only_other_processes,
    failure::Failure,
    numbers::{grouped, rate, scaled},
    signals::Signals,
};

pub(crate) fn run(settings: &Proxy, signals: &Signals) -> Result<(), Failure> {
    let ctx = Context::new();
    let (front_type, back_type) = match settings {
        Proxy { xsub_xpub: true, .. } => (SocketType::Xsub, SocketType::Xpub),
        Proxy { pull_push: true, .. } => (SocketType::Pull, SocketType::Push),
        _ => (settings.front_type, settings.back_type),
    };
    let mut front = end(&ctx, front_type, &settings.front, settings.connect_front, settings)?;
    let mut back = end(&ctx, back_type, &settings.back, settings.connect_back, settings)?;
    let mut capture = match &settings.capture {
        Some(endpoint) => Some(end(&ctx, SocketType::Pub, endpoint, false, settings)?),
        None => None,
    };
    let proxy = ferrozmq::proxy(&mut front, &mut back);
    let proxy = match &mut capture {
        Some(capture) => proxy.capture(capture),
        None => proxy,
    };
    let (proxy, handle) = proxy.stoppable()?;
    thread::scope(|scope| {
        let steering = scope.spawn(|| steer(handle, settings.stats, signals));
        let result = proxy.run();
        // If it has ended by itself, the other thread must not wait for answers any more.
        ctx.shutdown();
        signals.interrupt.raise();
        let steered = steering.join().unwrap_or(Ok(()));
        result?;
        steered
    })?;
    Err(Failure::Interrupted)
}

fn end(
    ctx: &Context,
    kind: SocketType,
    endpoint: &str,
    connect: bool,
    settings: &Proxy,
) -> Result<Socket, Failure> {
    only_other_processes(endpoint)?;
    let mut builder = ctx.socket(kind);
    if let Some(hwm) = settings.hwm {
        builder = builder.send_hwm(hwm).receive_hwm(hwm);
    }
    if connect {
        return Ok(builder.connect(endpoint)?);
    }
    let socket = builder.bind(endpoint)?;
    if !settings.quiet {
        eprintln!("bound to {} ({})", socket.last_endpoint(), kind.name());
    }
    Ok(socket)
}

/// Until a signal comes: says what passed, if that is wanted.
fn steer(mut handle: ProxyHandle, stats: bool, signals: &Signals) -> Result<(), Failure> {
    const EVERY: Duration = Duration::from_secs(1);
    let began = Instant::now();
    let mut signal = Poller::<()>::new();
    signal.interrupt(&signals.interrupt);
    let mut last = (began, Passed::default());
    while signal.wait(stats.then_some(EVERY)).is_ok() {
        let now = (Instant::now(), handle.passed()?);
        eprintln!("{}", rates(&last.1, &now.1, now.0.duration_since(last.0)));
        last = now;
    }
    if stats {
        let all = handle.passed()?;
        let took = began.elapsed();
        eprintln!("in all: {}", rates(&Passed::default(), &all, took));
        let frames = all.front.frames_in + all.back.frames_in;
        let bytes = all.front.bytes_in + all.back.bytes_in;
        eprintln!(
            "passed {} frames, {}B, in {:.1} s",
            grouped(frames),
            scaled(bytes as f64),
            took.as_secs_f64()
        );
    }
    Ok(handle.stop()?)
}

/// What went each way between two moments.
fn rates(before: &Passed, now: &Passed, took: Duration) -> String {
    let way = |before: &Side, now: &Side| {
        let bytes = scaled((now.bytes_in - before.bytes_in) as f64 / took.as_secs_f64());
        format!("{}, {bytes}B/s", rate(now.frames_in - before.frames_in, took, "frames"))
    };
    format!(
        "front to back {}; back to front {}",
        way(&before.front, &now.front),
        way(&before.back, &now.back)
    )
}

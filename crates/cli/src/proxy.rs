//! `fzmq proxy`: passes messages between two sockets until Ctrl-C.
//!
//! The proxy has the main thread. Another one steers it: it asks for what has passed, and stops the proxy when a
//! signal comes, so that the numbers at the end are the last ones.

use std::{
    thread,
    time::{Duration, Instant},
};

use ferrozmq::{Context, Passed, Poller, ProxyHandle, Side as Traffic, Socket, SocketType};

use crate::{
    args::{Proxy, Side},
    cat::{Basics, join, only_other_processes, subscribe, tell},
    failure::Failure,
    keys::Credentials,
    numbers::{grouped, rate, scaled},
    say::say,
    signals::Signals,
};

pub(crate) fn run(settings: &Proxy, signals: &Signals) -> Result<(), Failure> {
    let [front, back] = settings.sides();
    if !settings.group.is_empty() && ![front.kind, back.kind].contains(&SocketType::Dish) {
        let text = "--group: only a dish joins groups: --front-type dish, or --back-type dish";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut front = End::open(settings, &front, &settings.front)?;
    let mut back = End::open(settings, &back, &settings.back)?;
    let mut capture = match &settings.capture {
        Some(endpoint) => Some(attached(
            front.ctx.socket(SocketType::Pub).build()?,
            SocketType::Pub,
            endpoint,
            false,
            settings,
        )?),
        None => None,
    };
    let proxy = ferrozmq::proxy(&mut front.socket, &mut back.socket);
    let proxy = match &mut capture {
        Some(capture) => proxy.capture(capture),
        None => proxy,
    };
    let (proxy, handle) = proxy.stoppable()?;
    let ctx = &front.ctx;
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

/// One end of the proxy. It has a context of its own, so that it lets in whom it wants.
struct End {
    socket: Socket,
    ctx: Context,
}

impl End {
    fn open(settings: &Proxy, side: &Side, endpoint: &str) -> Result<Self, Failure> {
        only_other_processes(endpoint)?;
        side.socks.check(side.connect.then_some(endpoint))?;
        let security = Credentials::of(&side.security)?;
        let ctx = security.context(Context::builder())?;
        let endpoints = [endpoint.to_owned()];
        let basics =
            Basics { endpoints: &endpoints, hwm: settings.hwm, security: &security, socks: &side.socks };
        let mut socket = basics.socket(&ctx, side.kind)?;
        match side.kind {
            SocketType::Dish => join(&mut socket, &settings.group)?,
            SocketType::Sub => subscribe(&mut socket, &[])?,
            _ => {}
        }
        // The thread ends with the socket, or with the process.
        drop(tell(socket.monitor()?, side.kind, settings.verbose));
        let socket = attached(socket, side.kind, endpoint, side.connect, settings)?;
        Ok(Self { socket, ctx })
    }
}

fn attached(
    mut socket: Socket,
    kind: SocketType,
    endpoint: &str,
    connect: bool,
    settings: &Proxy,
) -> Result<Socket, Failure> {
    only_other_processes(endpoint)?;
    if connect {
        socket.connect(endpoint)?;
        return Ok(socket);
    }
    socket.bind(endpoint)?;
    if !settings.quiet {
        say!("bound to {} ({})", socket.last_endpoint(), kind.name());
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
        say!("{}", rates(&last.1, &now.1, now.0.duration_since(last.0)));
        last = now;
    }
    if stats {
        let all = handle.passed()?;
        let took = began.elapsed();
        say!("in all: {}", rates(&Passed::default(), &all, took));
        let frames = all.front.frames_in + all.back.frames_in;
        let bytes = all.front.bytes_in + all.back.bytes_in;
        say!("passed {} frames, {}B, in {:.1} s", grouped(frames), scaled(bytes as f64), took.as_secs_f64());
    }
    Ok(handle.stop()?)
}

/// What went each way between two moments.
fn rates(before: &Passed, now: &Passed, took: Duration) -> String {
    let way = |before: &Traffic, now: &Traffic| {
        let bytes = scaled((now.bytes_in - before.bytes_in) as f64 / took.as_secs_f64());
        format!("{}, {bytes}B/s", rate(now.frames_in - before.frames_in, took, "frames"))
    };
    format!(
        "front to back {}; back to front {}",
        way(&before.front, &now.front),
        way(&before.back, &now.back)
    )
}

//! What the two sides of a row do: one binds, the other connects, and one of them has the figure.
//!
//! A stream runs for a time, not for a number of messages: the sender looks at the clock now and then and marks its last
//! message, and the receiver, after a warm-up, counts until that one. So no calibration is needed, and a slow subject
//! takes no longer than a fast one.
//!
//! The side without the figure keeps its sockets open until the other side has it: whether close() loses messages is
//! another question, and `close-storm` in `interop` asks it.

use std::thread;
use std::time::{Duration, Instant};

use crate::polling;
use crate::row::{AT_ONCE, Form, Row, SENDERS, SMALL, SUBSCRIBERS, Transport, Work};
use crate::stamp::{Expected, Stamp};
use crate::subject::{Fault, Kind, Result, Security, Socket, Subject};

/// A row's figure, in the unit of the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    /// A rate, or the median of times.
    pub(crate) value: f64,
    /// The 99th percentile of times.
    pub(crate) p99: Option<f64>,
}

/// The other side, as a side sees it.
pub(crate) struct Peer<T, H> {
    /// Called with the endpoint that was bound.
    pub(crate) tell: T,
    /// Returns when the other side has the figure.
    pub(crate) hold: H,
}

/// Binds, tells the endpoint, works.
pub(crate) fn bind_side<S: Subject>(
    subject: &S,
    context: &S::Context,
    row: &Row,
    time: Duration,
    endpoint: &str,
    peer: Peer<impl FnOnce(String), impl FnOnce()>,
) -> Result<Option<Figure>> {
    let kind = match row.work {
        Work::Stream { .. } | Work::FanIn => Kind::Pull,
        Work::Requests | Work::FirstMessage | Work::Connections => Kind::Rep,
        Work::PingPong => Kind::Pair,
        Work::FanOut => Kind::PatientPub,
        Work::Poll { .. } => return Err(one_side()),
    };
    let mut socket = subject.socket(context, kind, security(row, Security::CurveServer))?;
    (peer.tell)(socket.bind(endpoint)?);
    match row.work {
        Work::Stream { size, form } => return receive(&mut socket, size, form, 1, time).map(Some),
        Work::FanIn => return receive(&mut socket, SMALL, Form::Object, SENDERS, time).map(Some),
        Work::Requests | Work::PingPong | Work::FirstMessage | Work::Connections => echo(&mut socket)?,
        Work::FanOut => {
            for _ in 0..SUBSCRIBERS {
                socket.recv_object(|_| ())?;
            }
            send(&mut socket, SMALL, Form::Object, 0, time)?;
        }
        Work::Poll { .. } => return Err(one_side()),
    }
    (peer.hold)();
    Ok(None)
}

/// Connects and works.
pub(crate) fn connect_side<S: Subject>(
    subject: &S,
    context: &S::Context,
    row: &Row,
    time: Duration,
    endpoint: &str,
    hold: impl FnOnce(),
) -> Result<Option<Figure>> {
    let connected = |kind| -> Result<S::Socket> {
        let mut socket = subject.socket(context, kind, security(row, Security::CurveClient))?;
        socket.connect(endpoint)?;
        Ok(socket)
    };
    match row.work {
        Work::Stream { size, form } => {
            let mut socket = connected(Kind::Push)?;
            send(&mut socket, size, form, 0, time)?;
            hold();
            Ok(None)
        }
        Work::Requests => ping(&mut connected(Kind::Req)?, time).map(Some),
        Work::PingPong => ping(&mut connected(Kind::Pair)?, time).map(Some),
        Work::FanIn => {
            let mut sockets = (0..SENDERS).map(|_| connected(Kind::Push)).collect::<Result<Vec<_>>>()?;
            thread::scope(|scope| {
                let start = |(socket, id)| {
                    scope.spawn(move || send::<S::Socket>(socket, SMALL, Form::Object, id, time))
                };
                let senders: Vec<_> = sockets.iter_mut().zip(0..).map(start).collect();
                senders.into_iter().try_for_each(|sender| sender.join().expect("a sender does not panic"))
            })?;
            hold();
            Ok(None)
        }
        Work::FanOut => {
            let mut sockets = (0..SUBSCRIBERS).map(|_| connected(Kind::Sub)).collect::<Result<Vec<_>>>()?;
            receive_in_turn(&mut sockets, time).map(Some)
        }
        Work::FirstMessage => first_messages(subject, time, endpoint).map(Some),
        Work::Connections => connections(|| connected(Kind::Req), time).map(Some),
        Work::Poll { .. } => Err(one_side()),
    }
}

/// What a socket of the row is secured with; of CURVE, its role.
fn security(row: &Row, role: Security) -> Security {
    if row.transport == Transport::TcpCurve { role } else { Security::None }
}

fn one_side() -> Fault {
    Fault::new("a row without sides")
}

/// Both sides as two threads with one context.
pub(crate) fn both_sides<S: Subject>(subject: &S, row: &Row, time: Duration) -> Result<Figure> {
    debug_assert_eq!(row.transport, Transport::Inproc);
    if let Work::Poll { sockets, ready } = row.work {
        return polling::polls(subject, sockets, ready, time);
    }
    let context = subject.context()?;
    let (tell, told) = std::sync::mpsc::channel();
    let (bound, connected) = thread::scope(|scope| {
        let context = &context;
        let bound = scope.spawn(move || {
            let tell = |endpoint| tell.send(endpoint).expect("the other side waits");
            bind_side(subject, context, row, time, "inproc://bench", Peer { tell, hold: || {} })
        });
        let connected = told
            .recv()
            .map_err(|_| Fault::new("nothing was bound"))
            .and_then(|endpoint| connect_side(subject, context, row, time, &endpoint, || {}));
        (bound.join().expect("a side does not panic"), connected)
    });
    bound?.or(connected?).ok_or_else(|| Fault::new("no figure"))
}

/// Sends for a while; the last message says that it is the last.
fn send<S: Socket>(socket: &mut S, size: usize, form: Form, sender: u8, time: Duration) -> Result<()> {
    let between_looks = if size < 4096 { 64 } else { 4 };
    let mut buffer = vec![0; size];
    let start = Instant::now();
    for number in 0.. {
        let last = number % between_looks == 0 && start.elapsed() >= time;
        let stamp = Stamp { sender, number, last };
        match form {
            Form::Object => socket.send_object(size, stamp)?,
            Form::Buffer => {
                stamp.write(&mut buffer);
                socket.send_buffer(&buffer)?;
            }
        }
        if last {
            break;
        }
    }
    Ok(())
}

/// Counts what arrives after the warm-up.
pub(crate) struct Meter {
    warm_up: Duration,
    since: Instant,
    seen: u64,
    warm: bool,
}

impl Meter {
    /// Starts with the first message, which has just arrived.
    pub(crate) fn new(time: Duration) -> Self {
        Self { warm_up: time / 5, since: Instant::now(), seen: 0, warm: false }
    }

    #[inline]
    pub(crate) fn count(&mut self) {
        self.seen += 1;
        if !self.warm && self.seen.is_multiple_of(64) && self.since.elapsed() >= self.warm_up {
            *self = Self { warm_up: self.warm_up, since: Instant::now(), seen: 0, warm: true };
        }
    }

    pub(crate) fn rate(&self) -> Figure {
        Figure { value: self.seen as f64 / self.since.elapsed().as_secs_f64(), p99: None }
    }
}

/// Receives until every sender has sent its last message.
fn receive(
    socket: &mut impl Socket,
    size: usize,
    form: Form,
    senders: usize,
    time: Duration,
) -> Result<Figure> {
    let mut expected = Expected::new(size, senders);
    let mut buffer = vec![0; size];
    let mut still_sending = senders;
    let mut meter = None;
    while still_sending > 0 {
        let last = match form {
            Form::Object => socket.recv_object(|body| expected.ends_with(body))?,
            Form::Buffer => {
                let size = socket.recv_buffer(&mut buffer)?;
                let body = buffer.get(..size).ok_or_else(|| Fault::new("a message longer than sent"))?;
                expected.ends_with(body)
            }
        };
        meter.get_or_insert_with(|| Meter::new(time)).count();
        if last {
            expected.verdict()?;
            still_sending -= 1;
        }
    }
    Ok(meter.expect("a sender sends").rate())
}

/// Receives on several sockets in turn, up to a hundred messages each time, until all have had the last one.
fn receive_in_turn(sockets: &mut [impl Socket], time: Duration) -> Result<Figure> {
    let mut open: Vec<_> = sockets.iter_mut().map(|socket| (socket, Expected::new(SMALL, 1))).collect();
    let mut meter = None;
    while !open.is_empty() {
        let mut fault = None;
        open.retain_mut(|(socket, expected)| {
            for _ in 0..100 {
                let last = socket.recv_object(|body| expected.ends_with(body));
                match last.and_then(|last| if last { expected.verdict().map(|()| true) } else { Ok(last) }) {
                    Ok(last) => {
                        meter.get_or_insert_with(|| Meter::new(time)).count();
                        if last {
                            return false;
                        }
                    }
                    Err(e) => {
                        fault = Some(e);
                        return false;
                    }
                }
            }
            true
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
    }
    Ok(meter.expect("a publisher sends").rate())
}

/// Sends back what it receives until it has sent back a last message.
fn echo(socket: &mut impl Socket) -> Result<()> {
    let mut buffer = [0; SMALL];
    loop {
        let size = socket.recv_buffer(&mut buffer)?;
        socket.send_buffer(&buffer[..size.min(SMALL)])?;
        if Expected::new(SMALL, 1).check(&buffer)? {
            return Ok(());
        }
    }
}

/// A message that stands alone: its number is always 0.
pub(crate) fn single(last: bool) -> [u8; SMALL] {
    let mut body = [0; SMALL];
    Stamp { sender: 0, number: 0, last }.write(&mut body);
    body
}

fn send_single(socket: &mut impl Socket, last: bool) -> Result<()> {
    socket.send_buffer(&single(last))
}

fn recv_single(socket: &mut impl Socket) -> Result<()> {
    let mut buffer = [0; SMALL];
    let size = socket.recv_buffer(&mut buffer)?;
    Expected::new(SMALL, 1).check(buffer.get(..size).unwrap_or_default()).map(|_| ())
}

/// Times of round trips, one after the other, as one-way latency.
fn ping(socket: &mut impl Socket, time: Duration) -> Result<Figure> {
    let figure = one_way(time, |last| {
        send_single(socket, last)?;
        recv_single(socket)
    })?;
    Ok(figure)
}

/// Measures round trips until the time is over; half the median.
pub(crate) fn one_way(time: Duration, mut round_trip: impl FnMut(bool) -> Result<()>) -> Result<Figure> {
    let start = Instant::now();
    let mut times = Vec::new();
    let mut before = start;
    while before - start < time {
        round_trip(false)?;
        let now = Instant::now();
        if now - start >= time / 5 {
            times.push((now - before).as_secs_f64() * 1e6 / 2.0);
        }
        before = now;
    }
    round_trip(true)?;
    percentiles(times)
}

/// Median and 99th percentile.
pub(crate) fn percentiles(mut times: Vec<f64>) -> Result<Figure> {
    if times.is_empty() {
        return Err(Fault::new("nothing was done in the time"));
    }
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    Ok(Figure { value: at(50), p99: Some(at(99)) })
}

/// Times from nothing to the first reply.
fn first_messages<S: Subject>(subject: &S, time: Duration, endpoint: &str) -> Result<Figure> {
    let start = Instant::now();
    let mut times = Vec::new();
    loop {
        let last = start.elapsed() >= time;
        let before = Instant::now();
        let context = subject.context()?;
        let mut socket = subject.socket(&context, Kind::Req, Security::None)?;
        socket.connect(endpoint)?;
        send_single(&mut socket, last)?;
        recv_single(&mut socket)?;
        times.push(before.elapsed().as_secs_f64() * 1e6);
        if last {
            return percentiles(times);
        }
    }
}

/// How many sockets a second are made, connected, used once and closed.
fn connections<S: Socket>(connected: impl Fn() -> Result<S>, time: Duration) -> Result<Figure> {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < time {
        let mut sockets = (0..AT_ONCE).map(|_| connected()).collect::<Result<Vec<_>>>()?;
        sockets.iter_mut().try_for_each(|socket| send_single(socket, false))?;
        sockets.iter_mut().try_for_each(recv_single)?;
        count += AT_ONCE as u32;
    }
    let value = f64::from(count) / start.elapsed().as_secs_f64();
    let mut socket = connected()?;
    send_single(&mut socket, true)?;
    recv_single(&mut socket)?;
    Ok(Figure { value, p99: None })
}

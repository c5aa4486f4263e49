//! The floor: the same bytes over plain sockets, without a library.
//!
//! Small messages are framed as ZMTP frames into 64 KB writes and read back in 256 KB reads, large ones are written and
//! read one by one; round trips are blocking writes and reads. There is no floor for inproc, CURVE, fan-out and fan-in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use crate::row::{AT_ONCE, Row, Transport, Work};
use crate::sides::{Figure, Meter, one_way, percentiles, single};
use crate::stamp::{Expected, Stamp};
use crate::subject::{Fault, Result};

const WRITE: usize = 64 * 1024;
const READ: usize = 256 * 1024;

/// Whether there is a floor for the row.
pub(crate) fn has(row: &Row) -> bool {
    !matches!(row.transport, Transport::Inproc | Transport::TcpCurve)
        && !matches!(row.work, Work::FanOut | Work::FanIn)
}

trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

enum Listener {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

impl Listener {
    fn bind(endpoint: &str) -> Result<(Self, String)> {
        match endpoint.strip_prefix("ipc://") {
            Some(path) => Ok((Self::Ipc(UnixListener::bind(path)?), endpoint.to_owned())),
            None => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let endpoint = format!("tcp://{}", listener.local_addr()?);
                Ok((Self::Tcp(listener), endpoint))
            }
        }
    }

    fn accept(&self) -> Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(no_delay(listener.accept()?.0)?),
            Self::Ipc(listener) => Box::new(listener.accept()?.0),
        })
    }
}

fn connect(endpoint: &str) -> Result<Box<dyn Stream>> {
    Ok(match (endpoint.strip_prefix("ipc://"), endpoint.strip_prefix("tcp://")) {
        (Some(path), _) => Box::new(UnixStream::connect(path)?),
        (_, Some(address)) => Box::new(no_delay(TcpStream::connect(address)?)?),
        _ => return Err(Fault::new(format!("no plain socket for {endpoint}"))),
    })
}

fn no_delay(stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Binds, tells the endpoint, works.
pub(crate) fn bind_side(
    row: &Row,
    time: Duration,
    endpoint: &str,
    tell: impl FnOnce(String),
) -> Result<Option<Figure>> {
    let (listener, endpoint) = Listener::bind(endpoint)?;
    tell(endpoint);
    match row.work {
        Work::Stream { size, .. } if size < WRITE => receive(&mut *listener.accept()?, size, time).map(Some),
        Work::Stream { size, .. } => receive_large(&mut *listener.accept()?, size, time).map(Some),
        Work::Requests | Work::PingPong => {
            let mut stream = listener.accept()?;
            while !echo(&mut *stream)? {}
            Ok(None)
        }
        Work::FirstMessage | Work::Connections => {
            while !echo(&mut *listener.accept()?)? {}
            Ok(None)
        }
        Work::FanOut | Work::FanIn | Work::Poll { .. } => Err(Fault::new("no floor")),
    }
}

/// Connects and works.
pub(crate) fn connect_side(row: &Row, time: Duration, endpoint: &str) -> Result<Option<Figure>> {
    match row.work {
        Work::Stream { size, .. } if size < WRITE => {
            send(&mut *connect(endpoint)?, size, time).map(|()| None)
        }
        Work::Stream { size, .. } => send_large(&mut *connect(endpoint)?, size, time).map(|()| None),
        Work::Requests | Work::PingPong => {
            let mut stream = connect(endpoint)?;
            one_way(time, |last| round_trip(&mut *stream, last)).map(Some)
        }
        Work::FirstMessage => first_messages(time, endpoint).map(Some),
        Work::Connections => connections(time, endpoint).map(Some),
        Work::FanOut | Work::FanIn | Work::Poll { .. } => Err(Fault::new("no floor")),
    }
}

/// Length of the frame header for a body of that size.
fn header(size: usize) -> usize {
    if size < 256 { 2 } else { 9 }
}

fn write_header(frame: &mut [u8], size: usize) {
    match u8::try_from(size) {
        Ok(size) => frame[..2].copy_from_slice(&[0, size]),
        Err(_) => {
            frame[0] = 2;
            frame[1..9].copy_from_slice(&(size as u64).to_be_bytes());
        }
    }
}

/// The frame at the start of the bytes, if all of it is there: where its body begins and ends.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let (&flags, rest) = bytes.split_first()?;
    let (start, size) = match flags {
        0 => (2, usize::from(*rest.first()?)),
        _ => (9, u64::from_be_bytes(rest.get(..8)?.try_into().ok()?) as usize),
    };
    (bytes.len() >= start + size).then_some((start, start + size))
}

fn send(stream: &mut dyn Stream, size: usize, time: Duration) -> Result<()> {
    let frame = header(size) + size;
    let mut batch = vec![0; WRITE / frame * frame];
    let mut number = 0;
    let start = Instant::now();
    loop {
        let last_batch = start.elapsed() >= time;
        let frames = batch.len() / frame;
        for (i, bytes) in batch.chunks_exact_mut(frame).enumerate() {
            write_header(bytes, size);
            let stamp = Stamp { sender: 0, number, last: last_batch && i + 1 == frames };
            stamp.write(&mut bytes[frame - size..]);
            number += 1;
        }
        stream.write_all(&batch)?;
        if last_batch {
            return Ok(());
        }
    }
}

fn receive(stream: &mut dyn Stream, size: usize, time: Duration) -> Result<Figure> {
    let mut chunk = vec![0; READ];
    let mut filled = 0;
    let mut expected = Expected::new(size, 1);
    let mut meter = None;
    loop {
        let n = stream.read(&mut chunk[filled..])?;
        if n == 0 {
            return Err(Fault::new("the stream ended before the last message"));
        }
        filled += n;
        let mut at = 0;
        while let Some((start, end)) = frame(&chunk[at..filled]) {
            let last = expected.check(&chunk[at + start..at + end])?;
            let meter = meter.get_or_insert_with(|| Meter::new(time));
            meter.count();
            if last {
                return Ok(meter.rate());
            }
            at += end;
        }
        chunk.copy_within(at..filled, 0);
        filled -= at;
    }
}

fn send_large(stream: &mut dyn Stream, size: usize, time: Duration) -> Result<()> {
    let mut bytes = vec![0; header(size) + size];
    write_header(&mut bytes, size);
    let start = Instant::now();
    for number in 0.. {
        let last = start.elapsed() >= time;
        Stamp { sender: 0, number, last }.write(&mut bytes[header(size)..]);
        stream.write_all(&bytes)?;
        if last {
            break;
        }
    }
    Ok(())
}

fn receive_large(stream: &mut dyn Stream, size: usize, time: Duration) -> Result<Figure> {
    let mut bytes = vec![0; header(size) + size];
    let mut expected = Expected::new(size, 1);
    let mut meter = None;
    loop {
        stream.read_exact(&mut bytes)?;
        let (start, end) = frame(&bytes).ok_or_else(|| Fault::new("a frame of another size"))?;
        let last = expected.check(&bytes[start..end])?;
        let meter = meter.get_or_insert_with(|| Meter::new(time));
        meter.count();
        if last {
            return Ok(meter.rate());
        }
    }
}

fn echo(stream: &mut dyn Stream) -> Result<bool> {
    let mut body = single(false);
    stream.read_exact(&mut body)?;
    stream.write_all(&body)?;
    Expected::new(body.len(), 1).check(&body)
}

fn round_trip(stream: &mut dyn Stream, last: bool) -> Result<()> {
    let mut body = single(last);
    stream.write_all(&body)?;
    stream.read_exact(&mut body)?;
    Expected::new(body.len(), 1).check(&body).map(|_| ())
}

fn first_messages(time: Duration, endpoint: &str) -> Result<Figure> {
    let start = Instant::now();
    let mut times = Vec::new();
    loop {
        let last = start.elapsed() >= time;
        let before = Instant::now();
        round_trip(&mut *connect(endpoint)?, last)?;
        times.push(before.elapsed().as_secs_f64() * 1e6);
        if last {
            return percentiles(times);
        }
    }
}

fn connections(time: Duration, endpoint: &str) -> Result<Figure> {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < time {
        let mut streams = (0..AT_ONCE).map(|_| connect(endpoint)).collect::<Result<Vec<_>>>()?;
        streams.iter_mut().try_for_each(|stream| Ok::<_, Fault>(stream.write_all(&single(false))?))?;
        streams.iter_mut().try_for_each(|stream| Ok::<_, Fault>(stream.read_exact(&mut single(false))?))?;
        count += AT_ONCE as u32;
    }
    let value = f64::from(count) / start.elapsed().as_secs_f64();
    round_trip(&mut *connect(endpoint)?, true)?;
    Ok(Figure { value, p99: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_only_when_it_is_whole() {
        for size in [10, 255, 256, 1000] {
            let mut bytes = vec![0; header(size) + size];
            write_header(&mut bytes, size);
            assert_eq!(frame(&bytes), Some((header(size), bytes.len())));
            assert_eq!(frame(&bytes[..bytes.len() - 1]), None);
            assert_eq!(frame(&[]), None);
        }
    }
}

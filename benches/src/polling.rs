//! Waiting for many sockets: how long one call takes that does not sleep.
//!
//! A call takes from a tenth of a microsecond to hundreds, so a batch of them is timed, and divided.

use std::time::{Duration, Instant};

use crate::row::Ready;
use crate::sides::{Figure, percentiles};
use crate::subject::{Fault, Kind, Result, Security, Socket as _, Subject};

/// Sockets looked at in one batch, roughly.
const BATCH: usize = 1000;

/// Polls `count` sockets, of which none, one or all have a message, again and again.
pub(crate) fn polls<S: Subject>(subject: &S, count: usize, ready: Ready, time: Duration) -> Result<Figure> {
    let context = subject.context()?;
    let mut sender = subject.socket(&context, Kind::Push, Security::None)?;
    let with_message = ready.of(count);
    let mut sockets = Vec::with_capacity(count);
    for i in 0..count {
        let mut socket = subject.socket(&context, Kind::Pull, Security::None)?;
        let endpoint = socket.bind(&format!("inproc://poll-{i}"))?;
        if i < with_message {
            sender.connect(&endpoint)?;
            sockets.push(socket);
        } else {
            // In front, so that the one that is ready is found last.
            sockets.insert(0, socket);
        }
    }
    for _ in 0..with_message {
        // One for each, in turn.
        sender.send_buffer(&[1])?;
    }
    let mut poller = subject.poller(&sockets)?;
    let mut poll = || match subject.poll(&mut poller)? {
        found if found == with_message => Ok(()),
        found => Err(Fault::new(format!("{found} of {with_message} sockets were found ready"))),
    };
    let (start, calls) = (Instant::now(), BATCH.div_ceil(count));
    let mut times = Vec::new();
    while start.elapsed() < time {
        let before = Instant::now();
        for _ in 0..calls {
            poll()?;
        }
        if start.elapsed() >= time / 5 {
            times.push(before.elapsed().as_secs_f64() * 1e6 / calls as f64);
        }
    }
    percentiles(times)
}

//! Passing messages between two sockets, both ways (zmq_proxy(3), zmq_proxy_steerable(3)).

use ferrozmq_base::{Error, Msg, Result, SocketType};
use ferrozmq_pattern::Events;

use crate::{
    poller::PollItem,
    shared::{SharedItem, SharedSocket, poll_shared},
    socket::{Flags, SocketCore, Waits},
};

/// How many messages pass in one direction before the other has its turn.
const BURST: usize = 1000;

/// What passed a socket of a proxy, in parts and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Parts received.
    pub messages_in: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Parts sent.
    pub messages_out: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// A socket of a proxy.
#[derive(Debug)]
pub enum ProxySocket<'a> {
    /// Of this thread.
    Own(&'a mut SocketCore),
    /// Of many threads, which may use it meanwhile.
    Shared(&'a SharedSocket),
}

impl ProxySocket<'_> {
    fn kind(&self) -> SocketType {
        match self {
            Self::Own(core) => core.kind(),
            Self::Shared(socket) => socket.kind(),
        }
    }

    fn waits(&self) -> Result<Waits> {
        match self {
            Self::Own(core) => Ok(core.waits().clone()),
            Self::Shared(socket) => socket.waits(),
        }
    }

    fn events(&mut self) -> Result<Events> {
        match self {
            Self::Own(core) => core.events(),
            Self::Shared(socket) => socket.events(),
        }
    }

    fn recv(&mut self, m: &mut Msg, dont_wait: bool) -> Result<()> {
        match self {
            Self::Own(core) => core.recv(m, dont_wait),
            Self::Shared(socket) => socket.recv(m, dont_wait),
        }
    }

    fn send(&mut self, m: &mut Msg, more: bool) -> Result<()> {
        let flags = Flags { dont_wait: false, more };
        match self {
            Self::Own(core) => core.send(m, flags),
            Self::Shared(socket) => socket.send(m, flags),
        }
    }
}

/// The sockets of a proxy.
///
/// A message keeps its group and the number of its peer. So what passes from a SERVER or PEER to another one goes to the
/// peer of that number there, if there is one, and otherwise ends the proxy with `HostUnreachable`.
#[derive(Debug)]
pub struct Proxy<'a> {
    /// One side.
    pub front: ProxySocket<'a>,
    /// The other; none: what the front receives goes back to it.
    pub back: Option<ProxySocket<'a>>,
    /// Gets a copy of every message.
    pub capture: Option<ProxySocket<'a>>,
    /// Takes the commands PAUSE, RESUME, TERMINATE and STATISTICS.
    pub control: Option<ProxySocket<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Ended,
}

impl Proxy<'_> {
    /// Passes messages until the control socket says TERMINATE.
    ///
    /// # Errors
    /// `Terminated` when the context is, `Interrupted` by a signal or an interrupt of a socket, and whatever the sockets answer.
    pub fn run(mut self) -> Result<()> {
        let mut state = State::Running;
        let mut passed = (Passed::default(), Passed::default());
        let waits = self.waits()?;
        loop {
            // Who always has something to pass never waits, and has to hear of an interrupt all the same.
            waits.iter().try_for_each(Waits::check)?;
            self.control(&mut state, &passed)?;
            match state {
                State::Ended => return Ok(()),
                State::Paused => self.sleep(Events::default(), Events::default())?,
                State::Running => self.pass(&mut passed)?,
            }
        }
    }

    /// What ends the waits of all the sockets.
    fn waits(&self) -> Result<Vec<Waits>> {
        let sockets = [Some(&self.front), self.back.as_ref(), self.capture.as_ref(), self.control.as_ref()];
        sockets.into_iter().flatten().map(ProxySocket::waits).collect()
    }

    /// One round in both directions; sleeps if there was nothing to do.
    fn pass(&mut self, passed: &mut (Passed, Passed)) -> Result<()> {
        let Some(back) = &mut self.back else {
            let front = self.front.events()?;
            // A REP has room for the reply to what it reads.
            if front.readable && (front.writable || self.front.kind() == SocketType::Rep) {
                return echo(&mut self.front, self.capture.as_mut(), &mut passed.0);
            }
            let wanted = Events { readable: !front.readable, writable: front.readable };
            return self.sleep(wanted, Events::default());
        };
        let (front, there) = (self.front.events()?, back.events()?);
        let mut moved = false;
        if front.readable && there.writable {
            let passed = (&mut passed.0, &mut passed.1);
            moved |= forward(&mut self.front, back, self.capture.as_mut(), passed)?;
        }
        if there.readable && front.writable {
            let passed = (&mut passed.1, &mut passed.0);
            moved |= forward(back, &mut self.front, self.capture.as_mut(), passed)?;
        }
        if moved {
            return Ok(());
        }
        // What can be read waits for room on the other side, and the other way round.
        let wait = |own: Events, other: Events| Events {
            readable: !own.readable,
            writable: other.readable && !own.writable,
        };
        self.sleep(wait(front, there), wait(there, front))
    }

    fn sleep(&mut self, front: Events, back: Events) -> Result<()> {
        let readable = Events { readable: true, writable: false };
        let all =
            [(Some(&mut self.front), front), (self.back.as_mut(), back), (self.control.as_mut(), readable)];
        let (mut own, mut shared) = (Vec::new(), Vec::new());
        for (socket, wanted) in all {
            match socket {
                Some(ProxySocket::Own(core)) => own.push(PollItem::new(&mut **core, wanted)),
                Some(ProxySocket::Shared(socket)) => shared.push(SharedItem::new(socket, wanted)),
                None => {}
            }
        }
        poll_shared(&mut own, &mut shared, &mut [], None, None)?;
        Ok(())
    }

    fn control(&mut self, state: &mut State, passed: &(Passed, Passed)) -> Result<()> {
        let Some(control) = &mut self.control else { return Ok(()) };
        let mut command = Msg::new();
        match control.recv(&mut command, true) {
            Ok(()) => {}
            Err(Error::Again) => return Ok(()),
            Err(e) => return Err(e),
        }
        if command.more() {
            return Err(Error::InvalidArgument);
        }
        match command.as_slice() {
            b"PAUSE" => *state = State::Paused,
            b"RESUME" => *state = State::Running,
            b"TERMINATE" => *state = State::Ended,
            b"STATISTICS" => return report(control, passed),
            _ => {}
        }
        if control.kind() == SocketType::Rep {
            control.send(&mut Msg::new(), false)?;
        }
        Ok(())
    }
}

fn report(control: &mut ProxySocket<'_>, (front, back): &(Passed, Passed)) -> Result<()> {
    let numbers = [front, back].map(|p| [p.messages_in, p.bytes_in, p.messages_out, p.bytes_out]);
    let numbers = numbers.as_flattened();
    for (i, number) in numbers.iter().enumerate() {
        control.send(&mut Msg::copy_from(&number.to_ne_bytes())?, i + 1 < numbers.len())?;
    }
    Ok(())
}

/// Passes up to a burst of whole messages; false if there was none.
fn forward(
    from: &mut ProxySocket<'_>,
    to: &mut ProxySocket<'_>,
    mut capture: Option<&mut ProxySocket<'_>>,
    (read, written): (&mut Passed, &mut Passed),
) -> Result<bool> {
    let mut m = Msg::new();
    for burst in 0..BURST {
        loop {
            match from.recv(&mut m, true) {
                Ok(()) => {}
                Err(Error::Again) => return Ok(burst > 0),
                Err(e) => return Err(e),
            }
            let (more, size) = (m.more(), m.len() as u64);
            copy(&mut m, capture.as_mut(), more)?;
            to.send(&mut m, more)?;
            read.messages_in += 1;
            read.bytes_in += size;
            written.messages_out += 1;
            written.bytes_out += size;
            if !more {
                break;
            }
        }
        if burst + 1 < BURST && !to.events()?.writable {
            return Ok(true);
        }
    }
    Ok(true)
}

/// Sends one message back to where it came from, once all of it is read: a REP takes no reply before.
fn echo(
    socket: &mut ProxySocket<'_>,
    mut capture: Option<&mut ProxySocket<'_>>,
    passed: &mut Passed,
) -> Result<()> {
    let mut parts = Vec::new();
    loop {
        let mut m = Msg::new();
        socket.recv(&mut m, false)?;
        let more = m.more();
        parts.push(m);
        if !more {
            break;
        }
    }
    let last = parts.len() - 1;
    for (i, m) in parts.iter_mut().enumerate() {
        let (more, size) = (i < last, m.len() as u64);
        copy(m, capture.as_mut(), more)?;
        socket.send(m, more)?;
        passed.messages_in += 1;
        passed.bytes_in += size;
        passed.messages_out += 1;
        passed.bytes_out += size;
    }
    Ok(())
}

fn copy(m: &mut Msg, capture: Option<&mut &mut ProxySocket<'_>>, more: bool) -> Result<()> {
    match capture {
        None => Ok(()),
        Some(capture) => capture.send(&mut m.share(), more),
    }
}

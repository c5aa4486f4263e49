//! Between a stream to a SOCKS5 proxy and one to the peer: the conversation that asks for it (RFC 1928).
//!
//! No more is read than the conversation takes, so that what the peer says first is still in the stream when its
//! handshake begins.

use super::*;

/// A conversation with a proxy.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) stream: Arc<Stream>,
    socks: Socks,
    output: Zeroizing<Vec<u8>>,
    written: usize,
}

const EPIPE: i32 = 32;
const ETIMEDOUT: i32 = 110;

/// The longest answer of a proxy.
const ANSWER_BYTES: usize = 262;

/// All that is said to a proxy at most: a password in it is never moved, so that nothing of it is left behind.
const OUTPUT_BYTES: usize = 1024;

impl Session {
    /// A stream stands that leads to a proxy: asks it for a connection, as long as connecting or a handshake may take.
    pub(super) fn tunnel(&mut self, stream: Arc<Stream>, socks: Socks, turn: &mut Turn<'_>) {
        let limit = turn.after(self.settings.options.handshake_interval);
        self.retry_at = [self.retry_at, limit].into_iter().flatten().min();
        let mut output = Zeroizing::new(Vec::with_capacity(OUTPUT_BYTES));
        socks.start(&mut output);
        let watched = self.watch(&stream, Interest::READ, turn);
        self.phase = Phase::Tunnel(Box::new(Tunnel { stream, socks, output, written: 0 }));
        match watched {
            Ok(()) => self.tunnel_write(turn),
            Err(e) => self.tunnel_lost(&e, turn),
        }
    }

    pub(super) fn tunnel_read(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Phase::Tunnel(tunnel) = &mut self.phase else { return };
            let mut answer = [0; ANSWER_BYTES];
            let room = tunnel.socks.missing().min(ANSWER_BYTES);
            let taken = match tunnel.stream.read_into(&mut answer[..room]) {
                Ok(0) => return self.tunnel_lost(&io::ErrorKind::UnexpectedEof.into(), turn),
                Ok(n) => tunnel.socks.receive(&answer[..n], &mut tunnel.output),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => return self.tunnel_lost(&e, turn),
            };
            if let Err(e) = taken {
                return self.tunnel_failed(HandshakeFailure::Proxy(e), e.error().errno(), turn);
            }
            if tunnel.socks.is_connected() {
                let stream = tunnel.stream.clone();
                self.unwatch(&stream, turn.poller);
                return self.reached(stream, turn);
            }
            self.tunnel_write(turn);
        }
    }

    pub(super) fn tunnel_write(&mut self, turn: &mut Turn<'_>) {
        let Phase::Tunnel(tunnel) = &mut self.phase else { return };
        while tunnel.written < tunnel.output.len() {
            match tunnel.stream.write(&[io::IoSlice::new(&tunnel.output[tunnel.written..])]) {
                Ok(n) => tunnel.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return self.tunnel_lost(&e, turn),
            }
        }
        let blocked = tunnel.written < tunnel.output.len();
        let stream = tunnel.stream.clone();
        let interest = if blocked { Interest::READ | Interest::WRITE } else { Interest::READ };
        if let Err(e) = self.rewatch(&stream, interest, turn) {
            self.tunnel_lost(&e, turn);
        }
    }

    /// The connection to the proxy failed, or has lasted too long.
    pub(super) fn tunnel_lost(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        let code = error.raw_os_error().unwrap_or(0);
        match error.kind() {
            io::ErrorKind::TimedOut => self.tunnel_failed(HandshakeFailure::ProxyTimedOut, ETIMEDOUT, turn),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                self.tunnel_failed(HandshakeFailure::ProxyClosed, EPIPE, turn);
            }
            _ => self.tunnel_failed(HandshakeFailure::Connection(code), code, turn),
        }
    }

    /// `code` is what the event of libzmq says.
    fn tunnel_failed(&mut self, why: HandshakeFailure, code: i32, turn: &mut Turn<'_>) {
        let libzmq = (Notice::HandshakeFailed, u64::from(code.unsigned_abs()));
        self.port.monitor.notify_failure(Some((Notice::HandshakeFailed, why)), Some(libzmq), &self.ends);
        self.not_connected(&io::Error::from_raw_os_error(code), turn);
    }
}

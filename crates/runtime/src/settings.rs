//! What a socket's endpoints take from its options at the moment of bind or connect.

use std::{io, sync::Arc};

use ferrozmq_base::{
    Error, Kind, Pipe, Result, SocketType, inbox,
    link::Link,
    log,
    peer::Properties,
    pipe::{Rx, Tx},
    promise::Promise,
    slot,
};
use ferrozmq_proto::{Config, Entropy, Heartbeat, Mechanism, Mode, Ready, Scanner, zap::Reply};
use ferrozmq_sys::{Stream, net::PeerFilter, net::tcp::TcpOptions, random};
use zeroize::Zeroize;

use crate::{
    conn::{Conn, Sink, Source, Transfer},
    io_thread::Io,
    option::SocketOptions,
};

/// A snapshot of the options, shared by an endpoint's sessions.
#[derive(Debug)]
pub(crate) struct Settings {
    pub kind: SocketType,
    /// No ZMTP: bytes as they are (STREAM, ZMQ_ROUTER_RAW).
    pub raw: bool,
    pub options: SocketOptions,
}

impl Settings {
    /// What a connection starts with; fails if the system has no random bytes for its keys.
    pub(crate) fn engine_config(&self) -> io::Result<Config> {
        let o = &self.options;
        let mut config = Config::new(self.kind);
        config.routing_id = o.routing_id.to_vec();
        config.mechanism = o.security.for_connection();
        config.zap_domain_set = !o.security.zap_domain.is_empty();
        config.asks = o.security.asks();
        config.max_body = self.max_body();
        config.accept_old_versions = o.accept_old_versions;
        config.metadata = o.metadata.clone();
        config.heartbeat = Heartbeat {
            interval: o.heartbeat.interval,
            ttl: o.heartbeat.ttl,
            timeout: o.heartbeat.timeout.or(o.heartbeat.interval),
        };
        config.handshake_limit = o.handshake_interval;
        if matches!(config.mechanism, Mechanism::CurveClient { .. } | Mechanism::CurveServer { .. }) {
            let mut bytes = [0; Entropy::BYTES];
            random::fill(&mut bytes)?;
            config.entropy = Entropy::new(bytes);
            bytes.zeroize();
        }
        Ok(config)
    }

    /// The longest frame to accept, in bytes.
    fn max_body(&self) -> Option<u64> {
        u64::try_from(self.options.max_message_size).ok()
    }

    /// Which directions keep the newest message only.
    fn conflated(&self) -> (bool, bool) {
        if self.options.conflate { conflates(self.kind) } else { (false, false) }
    }

    /// Whether a peer's command of this kind means something to the socket.
    pub(crate) fn takes(&self, kind: Kind) -> bool {
        match kind {
            Kind::Subscribe | Kind::Cancel => matches!(self.kind, SocketType::Pub | SocketType::Xpub),
            Kind::Join | Kind::Leave => self.kind == SocketType::Radio,
            Kind::Message => true,
        }
    }

    /// The message that goes first on every connection.
    pub(crate) fn hello(&self) -> Option<&[u8]> {
        self.options.hello(self.kind)
    }

    /// The message that the socket receives from a peer whose connection is gone; `connected`: we had connected.
    pub(crate) fn farewell(&self, connected: bool) -> Option<&[u8]> {
        if connected { self.options.hiccup(self.kind) } else { self.options.farewell(self.kind) }
    }

    /// Whether output is written as it lies, and what scans the input if it is taken as it lies.
    pub(crate) fn modes(&self, ready: Option<&Ready>) -> (bool, Option<Scanner>) {
        let Some(ready) = ready else { return (false, None) };
        // Without a scanner frames go through the codec, and may be copied out of the read buffer.
        let as_it_lies = ready.rx == Mode::Plain && self.options.zero_copy_receive;
        let scanner = as_it_lies.then(|| Scanner::new(self.kind, self.max_body()));
        (ready.tx == Mode::Plain && !self.conflated().0, scanner)
    }

    /// A connection and the socket's end of its pipe; nobody drives it yet.
    pub(crate) fn pipe(&self, session: u64, io: Arc<Io>) -> Result<(Arc<Conn>, Pipe)> {
        let link = Arc::new(Link::new(Promise::parked()));
        let (conflates_out, conflates_in) = self.conflated();
        let (tx, source) = if conflates_out {
            let (writer, reader) = slot::linked(link.clone());
            (Tx::Slot(writer), Source::Slot(reader))
        } else {
            let (writer, reader) = log::log(link.clone(), self.options.send_hwm);
            (Tx::Log(writer), Source::Log(reader))
        };
        let (rx, sink) = if conflates_in {
            let (writer, reader) = slot::slot();
            (Rx::Slot(reader), Sink::Slot(writer))
        } else {
            let (writer, reader) = inbox::inbox(self.options.receive_hwm);
            (Rx::Inbox(reader), Sink::Inbox(writer))
        };
        let most = |batch: Option<u32>| batch.map_or(usize::MAX, |bytes| bytes as usize);
        let transfer = Transfer {
            read: most(self.options.in_batch_size),
            write: most(self.options.out_batch_size),
            copies: !self.options.zero_copy_receive,
        };
        let ends = Some((source, sink));
        Ok((Arc::new(Conn::new(session, io, link, ends, transfer)), Pipe::new(tx, rx)))
    }

    /// The same for datagrams: whatever serves the endpoint has the ends of the pipe to itself, and nobody else drives.
    pub(crate) fn datagram_pipe(
        &self,
        id: u64,
        io: Arc<Io>,
    ) -> (Arc<Conn>, log::Reader, inbox::Writer, Pipe) {
        let link = Arc::new(Link::new(Promise::parked()));
        let (tx, output) = log::log(link.clone(), self.options.send_hwm);
        let (input, rx) = inbox::inbox(self.options.receive_hwm);
        let conn = Conn::new(id, io, link, None, Transfer { read: 0, write: 0, copies: false });
        (Arc::new(conn), output, input, Pipe::new(Tx::Log(tx), Rx::Inbox(rx)))
    }

    /// What messages from this peer carry.
    pub(crate) fn properties(
        &self,
        stream: &Stream,
        ready: Option<&Ready>,
        user: Option<&Reply>,
    ) -> Properties {
        use std::os::fd::AsRawFd;
        let mut properties = Properties::new();
        // Without memory a property is missing, as if the peer had not sent it.
        let _ = properties.insert("Peer-Address", stream.peer_address());
        let _ = properties.set_fd(stream.as_raw_fd());
        if let Some(user) = user {
            let _ = properties.insert("User-Id", &user.user_id);
            for (name, value) in &user.metadata {
                let _ = properties.insert(name, value);
            }
        }
        for (name, value) in ready.iter().flat_map(|r| &r.peer.metadata) {
            let _ = properties.insert(name, value);
        }
        properties
    }

    /// Whether the accept filters let this peer in.
    pub(crate) fn admits(&self, stream: &Stream) -> bool {
        let o = &self.options;
        match stream.remote_address() {
            Some(address) => {
                o.accept_filters.is_empty() || o.accept_filters.iter().any(|f| f.admits(address.ip()))
            }
            None if o.ipc_filters.is_empty() => true,
            None => {
                let filter = PeerFilter {
                    uids: o.ipc_filters.uids.clone(),
                    gids: o.ipc_filters.gids.clone(),
                    pids: o.ipc_filters.pids.clone(),
                };
                stream.peer_credentials().is_ok_and(|peer| filter.allows(&peer))
            }
        }
    }

    pub(crate) fn tcp_options(&self) -> Result<TcpOptions> {
        let (o, t) = (&self.options, &self.options.tcp);
        let int = |v: u32| i32::try_from(v).unwrap_or(i32::MAX);
        let seconds = |d: std::time::Duration| i32::try_from(d.as_secs()).unwrap_or(i32::MAX);
        let device = std::str::from_utf8(&o.bind_to_device).map_err(|_| Error::InvalidArgument)?;
        Ok(TcpOptions {
            sndbuf: t.send_buffer.map(int),
            rcvbuf: t.receive_buffer.map(int),
            keepalive: t.keepalive,
            keepalive_cnt: t.keepalive_count.map(int),
            keepalive_idle: t.keepalive_idle.map(seconds),
            keepalive_intvl: t.keepalive_interval.map(seconds),
            max_rt_ms: t.max_retransmit.map(|d| i32::try_from(d.as_millis()).unwrap_or(i32::MAX)),
            tos: (t.type_of_service != 0).then(|| int(t.type_of_service)),
            priority: (t.priority != 0).then(|| int(t.priority)),
            bind_to_device: (!device.is_empty()).then(|| device.trim_end_matches('\0').to_owned()),
            busy_poll: (t.busy_poll > 0).then_some(t.busy_poll),
            backlog: int(o.backlog),
        })
    }
}

/// The directions, out and in, that ZMQ_CONFLATE means on a type. Subscriptions never conflate.
pub(crate) fn conflates(kind: SocketType) -> (bool, bool) {
    match kind {
        SocketType::Dealer => (true, true),
        SocketType::Push | SocketType::Pub => (true, false),
        SocketType::Pull | SocketType::Sub => (false, true),
        _ => (false, false),
    }
}

//! Making the socket that the command line describes.

use std::time::Duration;

use ferrozmq::{Context, Error, PeerId, Publisher, Socket, SocketType, Xpub};

use crate::{
    args::{Cat, Common, Socks},
    cat::watch::Watch,
    failure::Failure,
    keys::Credentials,
    login::Login,
    numbers::time,
    say::say,
    signals::Signals,
};

// Numbers of zmq.h (zmq_setsockopt(3)).
const ROUTING_ID: i32 = 5;
const SUBSCRIBE: i32 = 6;
const LINGER: i32 = 17;
const MULTICAST_HOPS: i32 = 25;
const SNDTIMEO: i32 = 28;
const ROUTER_MANDATORY: i32 = 33;
const XPUB_NODROP: i32 = 69;
const MULTICAST_LOOP: i32 = 96;

/// A socket whose subscribers can be counted, or another one.
enum Made {
    Publisher(Publisher),
    Xpub(Xpub),
    Other(Socket),
}

macro_rules! configured {
    ($builder:expr, $basics:expr) => {{
        // Whoever writes an IPv6 address wants it.
        let builder = $builder.ipv6($basics.endpoints.iter().any(|endpoint| endpoint.contains('[')));
        let builder = match $basics.security {
            Credentials::None => builder,
            Credentials::PlainClient(login) => builder.plain_client(&login.name, &login.password),
            Credentials::CurveClient { own, server } => builder.curve_client(own, *server),
            Credentials::CurveServer { own, .. } => builder.curve_server(&own.secret),
        };
        let builder = match $basics.hwm {
            Some(hwm) => builder.send_hwm(hwm).receive_hwm(hwm),
            None => builder,
        };
        let builder = match &$basics.socks.socks_proxy {
            Some(proxy) => builder.socks_proxy(proxy),
            None => builder,
        };
        let socks = $basics.socks;
        match Login::of(socks.socks_user.as_ref(), socks.socks_user_file.as_deref())? {
            Some(login) => builder.socks_login(&login.name, &login.password),
            None => builder,
        }
    }};
}

/// What a socket of any type is told before it binds or connects.
pub(crate) struct Basics<'a> {
    pub(crate) endpoints: &'a [String],
    pub(crate) hwm: Option<u32>,
    pub(crate) security: &'a Credentials,
    pub(crate) socks: &'a Socks,
}

impl Basics<'_> {
    /// A socket of this type.
    pub(crate) fn socket(&self, ctx: &Context, kind: SocketType) -> Result<Socket, Failure> {
        Ok(configured!(ctx.socket(kind), self).build()?)
    }
}

macro_rules! each {
    ($made:expr, $socket:ident => $do:expr) => {
        match $made {
            Made::Publisher($socket) => $do,
            Made::Xpub($socket) => $do,
            Made::Other($socket) => $do,
        }
    };
}

/// How long a send waits for room before the other direction has its turn, in milliseconds.
const SEND_TURN_MS: i32 = 10;
/// The longest name of a group (zmq_join(3)).
const GROUP_MAX: usize = 255;

/// A socket, what tells of it, and the number of the first peer that it connected to, if it numbers them.
type Opened = (Socket, Watch, Option<PeerId>);

/// The socket, bound and connected, once the peers are there that it shall wait for.
pub(crate) fn open(
    ctx: &Context,
    cat: &Cat,
    security: &Credentials,
    signals: &Signals,
) -> Result<Opened, Failure> {
    if cat.kind.is_thread_safe() && cat.common.multipart.is_some() {
        let text = format!("--multipart: messages of {} have one part", cat.kind.name().to_lowercase());
        return Err(Failure::Usage(text));
    }
    if cat.common.wait_peers > 0 && cat.is_udp_only() {
        return Err(Failure::Usage("--wait-peers: over udp nobody says that he is there".to_owned()));
    }
    let connections = cat.common.endpoints.iter().map(String::as_str).filter(|endpoint| !cat.binds(endpoint));
    cat.common.socks.check(connections)?;
    let mut made = make(ctx, cat, security)?;
    // A socket that is watched tells from the beginning.
    let monitor = each!(&mut made, socket => socket.monitor()?);
    let mut watch = Watch::start(ctx, monitor, cat.kind, cat.common.verbose)?;
    let mut number = None;
    for endpoint in &cat.common.endpoints {
        number = number.or(attach(&mut made, cat, endpoint)?);
    }
    let (count, timeout) = (cat.common.wait_peers, cat.common.timeout);
    match &mut made {
        _ if count == 0 => {}
        Made::Publisher(socket) => subscribed(&cat.common, |t| socket.wait_for_subscribers(count, t))?,
        Made::Xpub(socket) => subscribed(&cat.common, |t| socket.wait_for_subscribers(count, t))?,
        Made::Other(socket) if cat.kind == SocketType::Radio => {
            subscribed(&cat.common, |t| socket.wait_for_subscribers(count, t))?;
        }
        Made::Other(_) => watch.wait_for(count, timeout, &signals.interrupt)?,
    }
    let mut socket = match made {
        Made::Publisher(socket) => socket.into(),
        Made::Xpub(socket) => socket.into(),
        Made::Other(socket) => socket,
    };
    // Subscriptions are nothing to wait for: SUB, XSUB and DISH do not linger unless told to.
    let only_subscribes = matches!(cat.kind, SocketType::Sub | SocketType::Xsub | SocketType::Dish);
    if cat.common.linger.is_none() && !only_subscribes {
        socket.set_option(LINGER, &(-1_i32).to_ne_bytes())?;
    }
    Ok((socket, watch, number))
}

fn make(ctx: &Context, cat: &Cat, security: &Credentials) -> Result<Made, Failure> {
    let common = &cat.common;
    let basics = Basics { endpoints: &common.endpoints, hwm: common.hwm, security, socks: &common.socks };
    Ok(match cat.kind {
        SocketType::Pub => Made::Publisher(configured!(ctx.publisher(), basics).build()?),
        SocketType::Xpub => Made::Xpub(configured!(ctx.xpub(), basics).build()?),
        kind => {
            let mut socket = basics.socket(ctx, kind)?;
            if let Some(id) = &cat.id {
                socket
                    .set_option(ROUTING_ID, id.as_bytes())
                    .map_err(|e| Failure::Usage(format!("--id {id:?}: {e}; a name has 1 to 255 bytes")))?;
            }
            if kind == SocketType::Radio {
                check_groups(&cat.topics)?;
            }
            if let Some(hops) = cat.multicast.hops {
                socket.set_option(MULTICAST_HOPS, &i32::from(hops).to_ne_bytes())?;
            }
            if cat.multicast.no_loop {
                socket.set_option(MULTICAST_LOOP, &0_i32.to_ne_bytes())?;
            }
            if cat.waits_for_room_in_send() {
                socket.set_option(SNDTIMEO, &SEND_TURN_MS.to_ne_bytes())?;
            }
            match kind {
                SocketType::Dish => join(&mut socket, &cat.topics)?,
                // Over udp there is no slow peer to drop messages for: the system takes them as fast as it can.
                SocketType::Radio if cat.is_udp_only() => {
                    socket.set_option(XPUB_NODROP, &1_i32.to_ne_bytes())?;
                }
                SocketType::Router => socket.set_option(ROUTER_MANDATORY, &1_i32.to_ne_bytes())?,
                SocketType::Sub => subscribe(&mut socket, &cat.topics)?,
                _ => {}
            }
            Made::Other(socket)
        }
    })
}

/// Subscribes to the topics, or to everything if there are none.
pub(crate) fn subscribe(sub: &mut Socket, topics: &[String]) -> Result<(), Failure> {
    if topics.is_empty() {
        sub.set_option(SUBSCRIBE, b"")?;
    }
    Ok(topics.iter().try_for_each(|topic| sub.set_option(SUBSCRIBE, topic.as_bytes()))?)
}

/// Joins the groups, or the one without a name if there are none.
pub(crate) fn join(dish: &mut Socket, groups: &[String]) -> Result<(), Failure> {
    check_groups(groups)?;
    if groups.is_empty() {
        dish.join("")?;
    }
    for group in groups {
        match dish.join(group) {
            // It was named twice.
            Err(Error::InvalidArgument) => {}
            joined => joined?,
        }
    }
    Ok(())
}

fn check_groups(groups: &[String]) -> Result<(), Failure> {
    match groups.iter().find(|group| group.len() > GROUP_MAX) {
        Some(group) => Err(Failure::Usage(format!("--group {group:?}: a group has up to {GROUP_MAX} bytes"))),
        None => Ok(()),
    }
}

/// Binds or connects; the number of the peer, if the socket numbers those that it connects to.
fn attach(made: &mut Made, cat: &Cat, endpoint: &str) -> Result<Option<PeerId>, Failure> {
    only_other_processes(endpoint)?;
    if cat.binds(endpoint) {
        let bound = each!(made, socket => {
            socket.bind(endpoint)?;
            socket.last_endpoint().to_owned()
        });
        if !cat.common.quiet {
            say!("bound to {bound}");
        }
        return Ok(None);
    }
    match made {
        Made::Other(socket) if cat.kind == SocketType::Peer => Ok(Some(socket.connect_peer(endpoint)?)),
        _ => {
            each!(made, socket => socket.connect(endpoint))?;
            Ok(None)
        }
    }
}

/// Inproc ends at this process, in which nobody else is.
pub(crate) fn only_other_processes(endpoint: &str) -> Result<(), Failure> {
    if endpoint.starts_with("inproc://") {
        let text = format!("endpoint {endpoint:?}: inproc stays within a process; use ipc:// or tcp://");
        return Err(Failure::Usage(text));
    }
    Ok(())
}

fn subscribed(common: &Common, wait: impl FnOnce(Duration) -> ferrozmq::Result<()>) -> Result<(), Failure> {
    const EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let limit = common.timeout;
    match wait(limit.unwrap_or(EVER)) {
        Err(Error::Again) => {
            let (count, limit) = (common.wait_peers, time(limit.unwrap_or_default()));
            Err(Failure::Timeout(format!("fewer than {count} subscribers came within {limit}")))
        }
        result => Ok(result?),
    }
}

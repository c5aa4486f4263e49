//! The table of socket options, sorted by number. One row says everything about one option.
//!
//! Columns: number, constant, name; status, effect, default, types on which it acts; how it is set; how it is
//! read; meaning. Numbers, ranges and defaults are those of `zmq.h` and zmq_setsockopt(3); the tests compare
//! them with `conformance/data/socket_options.csv`.
use super::row::{Effect::*, Getter, Kinds, Null, ReadAs, Row, Setter, Status::*, Write};
use super::{AcceptFilter, LiveOption, MechanismKind, Setting, SocketOptions, SuppliedFd};
use ferrozmq_base::{Error, Result, SocketType, msg::copied};
use ferrozmq_proto::Password;
use std::time::Duration;

const MAX: i32 = i32::MAX;
/// What the batch sizes read as until they are set.
const BATCH: i32 = 8192;
const ALL: Kinds = Kinds::ALL;
const NONE: Kinds = Kinds::NONE;
const XSUB: Kinds = Kinds::of(&[SocketType::Xsub]);
const REQ: Kinds = Kinds::of(&[SocketType::Req]);
const STREAM: Kinds = Kinds::of(&[SocketType::Stream]);
const ROUTERS: Kinds = Kinds::of(&[SocketType::Router, SocketType::Rep]);
const NAMING: Kinds = Kinds::of(&[SocketType::Router, SocketType::Rep, SocketType::Stream]);
const PROBING: Kinds = Kinds::of(&[SocketType::Router, SocketType::Rep, SocketType::Dealer, SocketType::Req]);
const NAMED: Kinds = Kinds::of(&[SocketType::Req, SocketType::Dealer, SocketType::Router]);
const PUBLISHERS: Kinds = Kinds::of(&[SocketType::Xpub, SocketType::Pub]);
const BLOCKING_PUBLISHERS: Kinds = Kinds::of(&[SocketType::Xpub, SocketType::Pub, SocketType::Radio]);
const SUBSCRIBING: Kinds = Kinds::of(&[SocketType::Sub, SocketType::Xpub, SocketType::Pub]);
const FIRST_PART: Kinds = Kinds::of(&[SocketType::Xpub, SocketType::Pub, SocketType::Xsub]);
const TOPICS: Kinds = Kinds::of(&[SocketType::Pub, SocketType::Xpub, SocketType::Sub, SocketType::Xsub]);
const CONFLATING: Kinds =
    Kinds::of(&[SocketType::Dealer, SocketType::Push, SocketType::Pull, SocketType::Pub, SocketType::Sub]);
const HELLO: Kinds = Kinds::of(&[
    SocketType::Dealer,
    SocketType::Router,
    SocketType::Client,
    SocketType::Server,
    SocketType::Peer,
]);
const FAREWELL: Kinds = Kinds::of(&[SocketType::Router, SocketType::Server, SocketType::Peer]);
const HICCUP: Kinds = Kinds::of(&[SocketType::Dealer, SocketType::Client, SocketType::Peer]);
const ONE_THREAD: Kinds = Kinds::of(&[
    SocketType::Server,
    SocketType::Client,
    SocketType::Radio,
    SocketType::Dish,
    SocketType::Gather,
    SocketType::Scatter,
    SocketType::Peer,
    SocketType::Channel,
])
.others();

const READ_ONLY: Setter = Setter(Write::No, ALL);
const UNBUILT: Setter = Setter(Write::Unbuilt, ALL);
const WRITE_ONLY: Getter = Getter(ReadAs::No, ALL);

const fn int(least: i32, most: i32, store: fn(&mut SocketOptions, i32)) -> Setter {
    Setter(Write::Int(least, most, store), ALL)
}

const fn hwm(store: fn(&mut SocketOptions, u32)) -> Setter {
    Setter(Write::Hwm(store), ALL)
}

const fn setting(least: i32, most: i32, make: fn(&mut SocketOptions, i32) -> Setting<'static>) -> Setter {
    Setter(Write::Setting(least, most, make), ALL)
}

const fn switch(make: fn(bool) -> Setting<'static>) -> Setter {
    Setter(Write::Switch(make), ALL)
}

const fn uint64(store: fn(&mut SocketOptions, u64)) -> Setter {
    Setter(Write::Uint64(store), ALL)
}

const fn bytes(
    least: usize,
    most: usize,
    null: Null,
    store: fn(&mut SocketOptions, Option<&[u8]>) -> Result<()>,
) -> Setter {
    Setter(Write::Bytes(least, most, null, store), ALL)
}

const fn filter(make: fn(&[u8]) -> Setting<'_>) -> Setter {
    Setter(Write::Filter(make), ALL)
}

const fn as_int(value: fn(&SocketOptions) -> i32) -> Getter {
    Getter(ReadAs::Int(value), ALL)
}

const fn as_uint64(value: fn(&SocketOptions) -> u64) -> Getter {
    Getter(ReadAs::Uint64(value), ALL)
}

const fn as_text(value: fn(&SocketOptions) -> &[u8]) -> Getter {
    Getter(ReadAs::Text(value), ALL)
}

const fn as_key(value: fn(&SocketOptions) -> &[u8; 32]) -> Getter {
    Getter(ReadAs::Key(value), ALL)
}

const fn live_int(live: LiveOption) -> Getter {
    Getter(ReadAs::LiveInt(live), ALL)
}

macro_rules! rows {
    ($($number:literal $constant:ident $name:literal; $status:ident $effect:ident $default:literal $acts:ident;
        set $write:expr; get $read:expr; $doc:literal)*) => {
        const ROWS: &[Row] = &[$({
            const WRITE: Setter = $write;
            const READ: Getter = $read;
            Row {
                number: $number,
                constant: stringify!($constant),
                name: $name,
                status: $status,
                effect: $effect,
                default: $default,
                acts_on: $acts,
                write: WRITE.0,
                write_on: WRITE.1,
                read: READ.0,
                read_on: READ.1,
                doc: $doc,
            }
        }),*];
    };
}

/// Every socket option, by number.
pub static TABLE: &[Row] = ROWS;

/// Where the row of each number is in the table; past its end for numbers that are no option.
static PLACES: [u8; 128] = {
    let mut places = [u8::MAX; 128];
    let mut i = 0;
    while i < ROWS.len() {
        places[ROWS[i].number as usize] = i as u8;
        i += 1;
    }
    places
};

/// The row of an option number.
#[inline]
pub fn row(number: i32) -> Option<&'static Row> {
    TABLE.get(usize::from(*PLACES.get(usize::try_from(number).ok()?)?))
}

rows! {
4 ZMQ_AFFINITY "affinity"; Stable NextEndpoint "0" ALL;
    set uint64(|o, v| o.affinity = v); get as_uint64(|o| o.affinity);
    "I/O threads that may serve endpoints, one bit each from bit 0; 0 is any."
5 ZMQ_ROUTING_ID "routing_id"; Stable NextEndpoint "" NAMED;
    set bytes(1, 255, Null::Refused, |o, v| keep(&mut o.routing_id, v)); get Getter(ReadAs::RoutingId, ALL);
    "Identity announced to a ROUTER. On STREAM it reads the id of the newest connection."
6 ZMQ_SUBSCRIBE "subscribe"; Stable Now "-" SUBSCRIBING;
    set filter(|v| Setting::Subscribe(v)).only(SUBSCRIBING); get WRITE_ONLY;
    "Adds a prefix filter; empty matches everything. On XPUB and PUB only in manual mode."
7 ZMQ_UNSUBSCRIBE "unsubscribe"; Stable Now "-" SUBSCRIBING;
    set filter(|v| Setting::Unsubscribe(v)).only(SUBSCRIBING); get WRITE_ONLY;
    "Removes one instance of a prefix filter."
8 ZMQ_RATE "multicast.rate"; Stable NextEndpoint "100" ALL;
    set int(1, MAX, |o, v| o.multicast.rate = natural(v)); get as_int(|o| clipped(o.multicast.rate));
    "Multicast data rate in kilobit per second."
9 ZMQ_RECOVERY_IVL "multicast.recovery_interval"; Stable NextEndpoint "10000" ALL;
    set int(0, MAX, |o, v| o.multicast.recovery_interval = millis(v));
    get as_int(|o| in_millis(o.multicast.recovery_interval));
    "How long multicast data can be asked for again, in milliseconds."
11 ZMQ_SNDBUF "tcp.send_buffer"; Stable NextEndpoint "-1" ALL;
    set int(-1, MAX, |o, v| o.tcp.send_buffer = optional(v)); get as_int(|o| or_minus_one(o.tcp.send_buffer));
    "Kernel send buffer in bytes (SO_SNDBUF); -1 leaves it to the system."
12 ZMQ_RCVBUF "tcp.receive_buffer"; Stable NextEndpoint "-1" ALL;
    set int(-1, MAX, |o, v| o.tcp.receive_buffer = optional(v)); get as_int(|o| or_minus_one(o.tcp.receive_buffer));
    "Kernel receive buffer in bytes (SO_RCVBUF); -1 leaves it to the system."
13 ZMQ_RCVMORE "receive_more"; Stable Never "0" ALL;
    set READ_ONLY; get live_int(LiveOption::ReceiveMore);
    "Whether the part received last has followers."
14 ZMQ_FD "fd"; Stable Never "-" ONE_THREAD;
    set READ_ONLY; get live_int(LiveOption::Fd).only(ONE_THREAD);
    "Descriptor that becomes readable when the socket's readiness may have changed."
15 ZMQ_EVENTS "events"; Stable Never "-" ALL;
    set READ_ONLY; get live_int(LiveOption::Events);
    "What the socket is ready for: 1 receive, 2 send."
16 ZMQ_TYPE "socket_type"; Stable Never "-" ALL;
    set READ_ONLY; get Getter(ReadAs::Type, ALL);
    "Number of the socket's type."
17 ZMQ_LINGER "linger"; Stable AtClose "-1" ALL;
    set int(-1, MAX, |o, v| o.linger = optional_millis(v)); get as_int(|o| forever_or_millis(o.linger));
    "How long unsent messages survive closing, in milliseconds; -1 is for ever. 0 on SUB, XSUB and DISH."
18 ZMQ_RECONNECT_IVL "reconnect_interval"; Stable NextEndpoint "100" ALL;
    set int(-1, MAX, |o, v| o.reconnect_interval = optional_millis(v));
    get as_int(|o| forever_or_millis(o.reconnect_interval));
    "Delay between attempts to connect, in milliseconds; 0 and -1 are never again."
19 ZMQ_BACKLOG "backlog"; Stable NextEndpoint "100" ALL;
    set int(0, MAX, |o, v| o.backlog = natural(v)); get as_int(|o| clipped(o.backlog));
    "Length of the kernel's queue of a listener."
21 ZMQ_RECONNECT_IVL_MAX "reconnect_interval_max"; Stable NextEndpoint "0" ALL;
    set int(0, MAX, |o, v| o.reconnect_interval_max = millis(v)); get as_int(|o| in_millis(o.reconnect_interval_max));
    "Bound of the growing delay between attempts to connect, in milliseconds; 0 keeps it constant."
22 ZMQ_MAXMSGSIZE "max_message_size"; Stable NextEndpoint "-1" ALL;
    set Setter(Write::Int64(|o, v| o.max_message_size = v), ALL);
    get Getter(ReadAs::Int64(|o| o.max_message_size), ALL);
    "Largest inbound part in bytes; the connection of a larger one is closed. Negative is unlimited."
23 ZMQ_SNDHWM "send_hwm"; Stable Now "1000" ALL;
    set hwm(|o, v| o.send_hwm = v); get as_int(|o| clipped(o.send_hwm));
    "Outbound queue limit per peer, in whole messages; 0 is unlimited."
24 ZMQ_RCVHWM "receive_hwm"; Stable Now "1000" ALL;
    set hwm(|o, v| o.receive_hwm = v); get as_int(|o| clipped(o.receive_hwm));
    "Inbound queue limit per peer, in whole messages; 0 is unlimited."
25 ZMQ_MULTICAST_HOPS "multicast.hops"; Stable NextEndpoint "1" ALL;
    set int(1, MAX, |o, v| o.multicast.hops = natural(v)); get as_int(|o| clipped(o.multicast.hops));
    "How many networks multicast datagrams may pass; over udp up to 255."
27 ZMQ_RCVTIMEO "receive_timeout"; Stable NextCall "-1" ALL;
    set int(-1, MAX, |o, v| o.receive_timeout = optional_millis(v)); get as_int(|o| forever_or_millis(o.receive_timeout));
    "How long a receive waits, in milliseconds; -1 is for ever."
28 ZMQ_SNDTIMEO "send_timeout"; Stable NextCall "-1" ALL;
    set int(-1, MAX, |o, v| o.send_timeout = optional_millis(v)); get as_int(|o| forever_or_millis(o.send_timeout));
    "How long a send waits, in milliseconds; -1 is for ever."
31 ZMQ_IPV4ONLY "ipv4_only"; Deprecated NextEndpoint "1" ALL;
    set int(0, 1, |o, v| o.ipv6 = v == 0); get as_int(|o| (!o.ipv6).into());
    "The inverse of ZMQ_IPV6."
32 ZMQ_LAST_ENDPOINT "last_endpoint"; Stable Never "" ALL;
    set READ_ONLY; get Getter(ReadAs::LiveText(LiveOption::LastEndpoint), ALL);
    "Endpoint bound or connected last, with wildcards resolved."
33 ZMQ_ROUTER_MANDATORY "router_mandatory"; Stable Now "0" ROUTERS;
    set switch(Setting::RouterMandatory).only(ROUTERS); get WRITE_ONLY;
    "Report unknown and full destinations instead of dropping the message."
34 ZMQ_TCP_KEEPALIVE "tcp.keepalive"; Stable NextEndpoint "-1" ALL;
    set int(-1, 1, |o, v| o.tcp.keepalive = optional(v).map(|v| v != 0));
    get as_int(|o| o.tcp.keepalive.map_or(-1, i32::from));
    "SO_KEEPALIVE; -1 leaves it to the system."
35 ZMQ_TCP_KEEPALIVE_CNT "tcp.keepalive_count"; Stable NextEndpoint "-1" ALL;
    set int(-1, MAX, |o, v| o.tcp.keepalive_count = optional(v)); get as_int(|o| or_minus_one(o.tcp.keepalive_count));
    "TCP_KEEPCNT; -1 leaves it to the system. Acts with ZMQ_TCP_KEEPALIVE only."
36 ZMQ_TCP_KEEPALIVE_IDLE "tcp.keepalive_idle"; Stable NextEndpoint "-1" ALL;
    set int(-1, MAX, |o, v| o.tcp.keepalive_idle = optional_seconds(v));
    get as_int(|o| unset_or_seconds(o.tcp.keepalive_idle));
    "TCP_KEEPIDLE in seconds; -1 leaves it to the system. Acts with ZMQ_TCP_KEEPALIVE only."
37 ZMQ_TCP_KEEPALIVE_INTVL "tcp.keepalive_interval"; Stable NextEndpoint "-1" ALL;
    set int(-1, MAX, |o, v| o.tcp.keepalive_interval = optional_seconds(v));
    get as_int(|o| unset_or_seconds(o.tcp.keepalive_interval));
    "TCP_KEEPINTVL in seconds; -1 leaves it to the system. Acts with ZMQ_TCP_KEEPALIVE only."
38 ZMQ_TCP_ACCEPT_FILTER "accept_filters"; Deprecated NextEndpoint "-" ALL;
    set bytes(1, 255, Null::Clears, accept_filter); get WRITE_ONLY;
    "Adds a network (address literal, optional /prefix) from which tcp peers are accepted; NULL clears the list."
39 ZMQ_IMMEDIATE "immediate"; Stable NextEndpoint "0" ALL;
    set int(0, 1, |o, v| o.immediate = v != 0); get as_int(|o| o.immediate.into());
    "Queue messages only for completed connections."
40 ZMQ_XPUB_VERBOSE "xpub_verbose"; Stable Now "0" PUBLISHERS;
    set switch(Setting::XpubVerbose).only(PUBLISHERS); get WRITE_ONLY;
    "Pass repeated subscriptions to the application."
41 ZMQ_ROUTER_RAW "router_raw"; Deprecated NextEndpoint "0" ROUTERS;
    set switch(Setting::RouterRaw).only(ROUTERS); get WRITE_ONLY;
    "Raw tcp on a ROUTER; use STREAM instead."
42 ZMQ_IPV6 "ipv6"; Stable NextEndpoint "0" ALL;
    set int(0, 1, |o, v| o.ipv6 = v != 0); get as_int(|o| o.ipv6.into());
    "IPv6 besides IPv4. Starts as the context's ZMQ_IPV6."
43 ZMQ_MECHANISM "mechanism"; Stable Never "0" ALL;
    set READ_ONLY; get as_int(|o| o.security.mechanism as i32);
    "Security mechanism chosen by the options below: 0 NULL, 1 PLAIN, 2 CURVE."
44 ZMQ_PLAIN_SERVER "plain_server"; Stable NextEndpoint "0" ALL;
    set int(0, 1, |o, v| o.security.serve(MechanismKind::Plain, v != 0));
    get as_int(|o| o.security.serves(MechanismKind::Plain).into());
    "Judge peers by name and password (PLAIN); 0 turns security off."
45 ZMQ_PLAIN_USERNAME "plain_username"; Stable NextEndpoint "" ALL;
    set bytes(1, 255, Null::Clears, |o, v| { o.security.set_username(v); Ok(()) });
    get as_text(|o| &o.security.username);
    "Name for a PLAIN server; NULL turns security off and keeps the name."
46 ZMQ_PLAIN_PASSWORD "plain_password"; Stable NextEndpoint "" ALL;
    set bytes(1, 255, Null::Clears, |o, v| { o.security.set_password(v); Ok(()) });
    get as_text(|o| &o.security.password.0);
    "Password for a PLAIN server; NULL turns security off and keeps the password."
47 ZMQ_CURVE_SERVER "curve_server"; Stable NextEndpoint "0" ALL;
    set int(0, 1, |o, v| o.security.serve(MechanismKind::Curve, v != 0));
    get as_int(|o| o.security.serves(MechanismKind::Curve).into());
    "Expect peers that know the own public key (CURVE); 0 turns security off."
48 ZMQ_CURVE_PUBLICKEY "curve_public_key"; Stable NextEndpoint "0000000000000000000000000000000000000000" ALL;
    set bytes(32, 41, Null::Refused, |o, v| o.security.set_public_key(v));
    get as_key(|o| &o.security.public_key.0);
    "Own public key of CURVE: 32 bytes, or 40 characters of Z85."
49 ZMQ_CURVE_SECRETKEY "curve_secret_key"; Stable NextEndpoint "0000000000000000000000000000000000000000" ALL;
    set bytes(32, 41, Null::Refused, |o, v| o.security.set_secret_key(v));
    get as_key(|o| o.security.secret_key.expose());
    "Own secret key of CURVE: 32 bytes, or 40 characters of Z85."
50 ZMQ_CURVE_SERVERKEY "curve_server_key"; Stable NextEndpoint "0000000000000000000000000000000000000000" ALL;
    set bytes(32, 41, Null::Refused, |o, v| o.security.set_server_key(v));
    get as_key(|o| &o.security.server_key.0);
    "Public key of the CURVE server: 32 bytes, or 40 characters of Z85; makes the socket a client."
51 ZMQ_PROBE_ROUTER "probe_router"; Stable NextPeer "0" PROBING;
    set switch(Setting::ProbeRouter).only(PROBING); get WRITE_ONLY;
    "Send an empty message to each new peer."
52 ZMQ_REQ_CORRELATE "req_correlate"; Stable NextCall "0" REQ;
    set switch(Setting::ReqCorrelate).only(REQ); get WRITE_ONLY;
    "Number the requests and take only the matching reply."
53 ZMQ_REQ_RELAXED "req_relaxed"; Stable Now "0" REQ;
    set switch(Setting::ReqRelaxed).only(REQ); get WRITE_ONLY;
    "Permit a new request before the reply; the old one is abandoned."
54 ZMQ_CONFLATE "conflate"; Stable NextEndpoint "0" CONFLATING;
    set setting(0, 1, |o, v| { o.conflate = v != 0; Setting::Conflate(v != 0) });
    get as_int(|o| o.conflate.into());
    "Keep the newest message per peer only."
55 ZMQ_ZAP_DOMAIN "zap_domain"; Stable NextEndpoint "" ALL;
    set bytes(1, 255, Null::Refused, |o, v| keep(&mut o.security.zap_domain, v));
    get as_text(|o| &o.security.zap_domain);
    "What the authenticator is told of this socket; makes NULL connections subject to it."
56 ZMQ_ROUTER_HANDOVER "router_handover"; Stable Now "0" ROUTERS;
    set switch(Setting::RouterHandover).only(ROUTERS); get WRITE_ONLY;
    "A new peer takes over a routing id in use."
57 ZMQ_TOS "tcp.type_of_service"; Stable NextEndpoint "0" ALL;
    set int(0, MAX, |o, v| o.tcp.type_of_service = natural(v)); get as_int(|o| clipped(o.tcp.type_of_service));
    "IP_TOS or IPV6_TCLASS; 0 leaves it alone."
58 ZMQ_IPC_FILTER_PID "ipc_filters.pids"; Deprecated NextEndpoint "-" ALL;
    set bytes(4, 4, Null::Clears, |o, v| credential(&mut o.ipc_filters.pids, v, i32::from_ne_bytes)); get WRITE_ONLY;
    "Adds a process id from which ipc peers are accepted; NULL clears the list."
59 ZMQ_IPC_FILTER_UID "ipc_filters.uids"; Deprecated NextEndpoint "-" ALL;
    set bytes(4, 4, Null::Clears, |o, v| credential(&mut o.ipc_filters.uids, v, u32::from_ne_bytes)); get WRITE_ONLY;
    "Adds a user id from which ipc peers are accepted; NULL clears the list."
60 ZMQ_IPC_FILTER_GID "ipc_filters.gids"; Deprecated NextEndpoint "-" ALL;
    set bytes(4, 4, Null::Clears, |o, v| credential(&mut o.ipc_filters.gids, v, u32::from_ne_bytes)); get WRITE_ONLY;
    "Adds a group id from which ipc peers are accepted; NULL clears the list."
61 ZMQ_CONNECT_ROUTING_ID "connect_routing_id"; Stable NextEndpoint "-" NAMING;
    set bytes(1, usize::MAX, Null::Refused, |o, v| { o.connect_routing_id = Some(boxed(v)?); Ok(()) }).only(NAMING);
    get WRITE_ONLY;
    "Name for the peer of the next connect, which takes it."
62 ZMQ_GSSAPI_SERVER "gssapi_server"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Server role of GSSAPI; not built."
63 ZMQ_GSSAPI_PRINCIPAL "gssapi_principal"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Own principal of GSSAPI; not built."
64 ZMQ_GSSAPI_SERVICE_PRINCIPAL "gssapi_service_principal"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "The server's principal of GSSAPI; not built."
65 ZMQ_GSSAPI_PLAINTEXT "gssapi_plaintext"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "GSSAPI without encryption; not built."
66 ZMQ_HANDSHAKE_IVL "handshake_interval"; Stable NextEndpoint "30000" ALL;
    set int(0, MAX, |o, v| o.handshake_interval = positive_millis(v)); get as_int(|o| zero_or_millis(o.handshake_interval));
    "The longest handshake in milliseconds; 0 is unlimited."
68 ZMQ_SOCKS_PROXY "socks.address"; Stable NextEndpoint "" ALL;
    set bytes(1, usize::MAX, Null::Clears, |o, v| keep(&mut o.socks.address, v)); get as_text(|o| &o.socks.address);
    "SOCKS5 proxy, host:port, through which tcp connections are made; it resolves the names. NULL is none."
69 ZMQ_XPUB_NODROP "xpub_nodrop"; Stable Now "0" BLOCKING_PUBLISHERS;
    set switch(Setting::XpubNodrop).only(BLOCKING_PUBLISHERS); get WRITE_ONLY;
    "Wait instead of dropping when a subscriber's queue is full."
70 ZMQ_BLOCKY "blocky"; Stable Never "-" NONE;
    set READ_ONLY; get WRITE_ONLY; "A context option that shares the numbers of socket options."
71 ZMQ_XPUB_MANUAL "xpub_manual"; Stable Now "0" PUBLISHERS;
    set setting(0, MAX, |o, v| { o.xpub_manual = v != 0; Setting::XpubManual(v != 0) }).only(PUBLISHERS); get WRITE_ONLY;
    "The application decides about subscriptions, with ZMQ_SUBSCRIBE and ZMQ_UNSUBSCRIBE."
72 ZMQ_XPUB_WELCOME_MSG "xpub_welcome_message"; Stable NextPeer "-" PUBLISHERS;
    set Setter(Write::Topic(|v| Setting::XpubWelcome(v)), ALL).only(PUBLISHERS); get WRITE_ONLY;
    "Message for each new subscriber; empty is none."
73 ZMQ_STREAM_NOTIFY "stream_notify"; Stable NextEndpoint "1" STREAM;
    set setting(0, 1, |_, v| Setting::StreamNotify(v != 0)).only(STREAM); get WRITE_ONLY;
    "Deliver empty messages when a connection comes and goes."
74 ZMQ_INVERT_MATCHING "invert_matching"; Stable Now "0" SUBSCRIBING;
    set setting(i32::MIN, MAX, |o, v| { o.invert_matching = v != 0; Setting::InvertMatching(v != 0) });
    get as_int(|o| o.invert_matching.into());
    "Deliver what does not match."
75 ZMQ_HEARTBEAT_IVL "heartbeat.interval"; Stable NextEndpoint "0" ALL;
    set int(0, MAX, |o, v| o.heartbeat.interval = positive_millis(v)); get as_int(|o| zero_or_millis(o.heartbeat.interval));
    "Time between ZMTP PINGs in milliseconds; 0 is off."
76 ZMQ_HEARTBEAT_TTL "heartbeat.ttl"; Stable NextEndpoint "0" ALL;
    set int(-99, 6_553_599, |o, v| o.heartbeat.ttl = millis(v / 100 * 100)); get as_int(|o| in_millis(o.heartbeat.ttl));
    "Timeout that PING asks of the peer, in milliseconds cut to steps of 100."
77 ZMQ_HEARTBEAT_TIMEOUT "heartbeat.timeout"; Stable NextEndpoint "-1" ALL;
    set int(0, MAX, |o, v| o.heartbeat.timeout = Some(millis(v))); get as_int(|o| forever_or_millis(o.heartbeat.timeout));
    "How long to wait for a sign of life after a PING, in milliseconds; -1 is the interval."
78 ZMQ_XPUB_VERBOSER "xpub_verboser"; Stable Now "0" PUBLISHERS;
    set switch(Setting::XpubVerboser).only(PUBLISHERS); get WRITE_ONLY;
    "Pass repeated subscriptions and unsubscriptions to the application."
79 ZMQ_CONNECT_TIMEOUT "connect_timeout"; Stable NextEndpoint "0" ALL;
    set int(0, MAX, |o, v| o.connect_timeout = positive_millis(v)); get as_int(|o| zero_or_millis(o.connect_timeout));
    "The longest attempt of a tcp connect in milliseconds; 0 leaves it to the system."
80 ZMQ_TCP_MAXRT "tcp.max_retransmit"; Stable NextEndpoint "0" ALL;
    set int(0, MAX, |o, v| o.tcp.max_retransmit = positive_millis(v)); get as_int(|o| zero_or_millis(o.tcp.max_retransmit));
    "TCP_USER_TIMEOUT in milliseconds; 0 leaves it to the system."
81 ZMQ_THREAD_SAFE "thread_safe"; Stable Never "-" ALL;
    set READ_ONLY; get Getter(ReadAs::OfKind(|kind| kind.is_thread_safe().into()), ALL);
    "Whether the type may be used from several threads."
84 ZMQ_MULTICAST_MAXTPDU "multicast.max_tpdu"; Stable NextEndpoint "1500" ALL;
    set int(1, MAX, |o, v| o.multicast.max_tpdu = natural(v)); get as_int(|o| clipped(o.multicast.max_tpdu));
    "Largest multicast datagram in bytes."
85 ZMQ_VMCI_BUFFER_SIZE "vmci_buffer_size"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Buffer of the vmci transport; not built."
86 ZMQ_VMCI_BUFFER_MIN_SIZE "vmci_buffer_min_size"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Smallest buffer of the vmci transport; not built."
87 ZMQ_VMCI_BUFFER_MAX_SIZE "vmci_buffer_max_size"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Largest buffer of the vmci transport; not built."
88 ZMQ_VMCI_CONNECT_TIMEOUT "vmci_connect_timeout"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Connect timeout of the vmci transport; not built."
89 ZMQ_USE_FD "use_fd"; Stable NextEndpoint "-1" ALL;
    set int(-1, MAX, |o, v| o.use_fd = SuppliedFd::new((v >= 0).then_some(v)));
    get as_int(|o| o.use_fd.number().unwrap_or(-1));
    "A listening descriptor made by the application, which the next bind takes; -1 is none."
90 ZMQ_GSSAPI_PRINCIPAL_NAMETYPE "gssapi_principal_nametype"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Name type of the own principal of GSSAPI; not built."
91 ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE "gssapi_service_principal_nametype"; Stable NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Name type of the server's principal of GSSAPI; not built."
92 ZMQ_BINDTODEVICE "bind_to_device"; Stable NextEndpoint "" ALL;
    set bytes(1, 16, Null::Clears, |o, v| keep(&mut o.bind_to_device, v)); get as_text(|o| &o.bind_to_device);
    "Interface to which sockets are bound (SO_BINDTODEVICE); NULL is none."
93 ZMQ_ZAP_ENFORCE_DOMAIN "zap_enforce_domain"; Draft NextEndpoint "0" ALL;
    set int(i32::MIN, MAX, |o, v| o.security.enforce_domain = v != 0);
    get as_int(|o| o.security.enforce_domain.into());
    "Refuse peers that nobody can judge, instead of letting them in."
94 ZMQ_LOOPBACK_FASTPATH "loopback_fastpath"; Draft NextEndpoint "0" ALL;
    set int(i32::MIN, MAX, |o, v| o.loopback_fastpath = v != 0); get as_int(|o| o.loopback_fastpath.into());
    "Windows' short cut for loopback connections; has no meaning elsewhere."
95 ZMQ_METADATA "metadata"; Draft NextEndpoint "-" ALL;
    set bytes(5, usize::MAX, Null::Refused, metadata); get WRITE_ONLY;
    "Adds an application property `X-name:value` to the handshake; the first of a name counts."
96 ZMQ_MULTICAST_LOOP "multicast.loopback"; Draft NextEndpoint "1" ALL;
    set int(i32::MIN, MAX, |o, v| o.multicast.loopback = v != 0); get as_int(|o| o.multicast.loopback.into());
    "Own multicast datagrams come back to local listeners."
97 ZMQ_ROUTER_NOTIFY "router_notify"; Draft NextEndpoint "0" ROUTERS;
    set setting(0, 3, |o, v| { o.router_notify = v as u8; Setting::RouterNotify(v as u8) }).only(ROUTERS);
    get as_int(|o| o.router_notify.into());
    "Deliver empty messages when a peer comes (bit 1) and goes (bit 2)."
98 ZMQ_XPUB_MANUAL_LAST_VALUE "xpub_manual_last_value"; Draft Now "0" PUBLISHERS;
    set setting(0, MAX, |o, v| { o.xpub_manual = v != 0; Setting::XpubManualLastValue(v != 0) }).only(PUBLISHERS);
    get WRITE_ONLY;
    "Manual mode in which the next message goes to the last subscriber only."
99 ZMQ_SOCKS_USERNAME "socks.username"; Draft NextEndpoint "" ALL;
    set bytes(0, 255, Null::Clears, |o, v| keep(&mut o.socks.username, v)); get as_text(|o| &o.socks.username);
    "Name that the SOCKS5 proxy is told; empty for a proxy that asks for none."
100 ZMQ_SOCKS_PASSWORD "socks.password"; Draft NextEndpoint "" ALL;
    set bytes(0, 255, Null::Clears, |o, v| { o.socks.password = Password(v.unwrap_or_default().to_vec()); Ok(()) });
    get as_text(|o| &o.socks.password.0);
    "Password that the SOCKS5 proxy is told with the name."
101 ZMQ_IN_BATCH_SIZE "in_batch_size"; Draft NextEndpoint "8192" ALL;
    set int(1, MAX, |o, v| o.in_batch_size = optional(v)); get as_int(|o| o.in_batch_size.map_or(BATCH, clipped));
    "Most bytes of one read from a connection. Until it is set, reads grow with the traffic."
102 ZMQ_OUT_BATCH_SIZE "out_batch_size"; Draft NextEndpoint "8192" ALL;
    set int(1, MAX, |o, v| o.out_batch_size = optional(v)); get as_int(|o| o.out_batch_size.map_or(BATCH, clipped));
    "Most bytes of one write to a connection. Until it is set, writes take what is queued."
103 ZMQ_WSS_KEY_PEM "wss_key_pem"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Private key of a wss listener; not built."
104 ZMQ_WSS_CERT_PEM "wss_cert_pem"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Certificate of a wss listener; not built."
105 ZMQ_WSS_TRUST_PEM "wss_trust_pem"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Trust anchors of a wss connect; not built."
106 ZMQ_WSS_HOSTNAME "wss_hostname"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Host name to verify on a wss connect; not built."
107 ZMQ_WSS_TRUST_SYSTEM "wss_trust_system"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Use the system's trust anchors for wss; not built."
108 ZMQ_ONLY_FIRST_SUBSCRIBE "only_first_subscribe"; Draft Now "0" FIRST_PART;
    set switch(Setting::OnlyFirstSubscribe).only(FIRST_PART); get WRITE_ONLY;
    "Only the first part of a message may be a subscription."
109 ZMQ_RECONNECT_STOP "reconnect_stop"; Draft NextEndpoint "0" ALL;
    set int(i32::MIN, MAX, |o, v| o.reconnect_stop = v); get as_int(|o| o.reconnect_stop);
    "What ends reconnecting: 1 refused, 2 handshake failed, 4 after a disconnect call."
110 ZMQ_HELLO_MSG "hello_message"; Draft NextEndpoint "-" HELLO;
    set bytes(0, usize::MAX, Null::Clears, |o, v| keep(&mut o.hello_message, v)); get WRITE_ONLY;
    "Sent first on each new connection; empty is none."
111 ZMQ_DISCONNECT_MSG "disconnect_message"; Draft NextEndpoint "-" FAREWELL;
    set bytes(0, usize::MAX, Null::Clears, |o, v| keep(&mut o.disconnect_message, v)); get WRITE_ONLY;
    "Received as the last message of an accepted peer that goes away; empty is none."
112 ZMQ_PRIORITY "tcp.priority"; Draft NextEndpoint "0" ALL;
    set int(0, MAX, |o, v| o.tcp.priority = natural(v)); get as_int(|o| clipped(o.tcp.priority));
    "SO_PRIORITY; 0 leaves it alone."
113 ZMQ_BUSY_POLL "tcp.busy_poll"; Draft NextEndpoint "-" ALL;
    set int(i32::MIN, MAX, |o, v| o.tcp.busy_poll = v); get WRITE_ONLY;
    "SO_BUSY_POLL in microseconds, if above 0."
114 ZMQ_HICCUP_MSG "hiccup_message"; Draft NextEndpoint "-" HICCUP;
    set bytes(0, usize::MAX, Null::Clears, |o, v| keep(&mut o.hiccup_message, v)); get WRITE_ONLY;
    "Received when the connection to a peer that was connected to is lost; empty is none."
115 ZMQ_XSUB_VERBOSE_UNSUBSCRIBE "xsub_verbose_unsubscribe"; Draft Now "0" XSUB;
    set setting(i32::MIN, MAX, |_, v| Setting::XsubVerboseUnsubscribe(v != 0)).only(XSUB); get WRITE_ONLY;
    "Forward every unsubscription, repeated ones as well."
116 ZMQ_TOPICS_COUNT "topics_count"; Draft Never "0" TOPICS;
    set READ_ONLY; get live_int(LiveOption::TopicsCount).only(TOPICS);
    "Number of distinct subscriptions."
117 ZMQ_NORM_MODE "norm_mode"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Congestion control of the norm transport; not built."
118 ZMQ_NORM_UNICAST_NACK "norm_unicast_nack"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Unicast NACKs of the norm transport; not built."
119 ZMQ_NORM_BUFFER_SIZE "norm_buffer_size"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Buffer of the norm transport; not built."
120 ZMQ_NORM_SEGMENT_SIZE "norm_segment_size"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Segment size of the norm transport; not built."
121 ZMQ_NORM_BLOCK_SIZE "norm_block_size"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Segments per block of the norm transport; not built."
122 ZMQ_NORM_NUM_PARITY "norm_num_parity"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Parity segments of the norm transport; not built."
123 ZMQ_NORM_NUM_AUTOPARITY "norm_num_autoparity"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Parity segments sent unasked by the norm transport; not built."
124 ZMQ_NORM_PUSH "norm_push"; Draft NextEndpoint "-" NONE;
    set UNBUILT; get WRITE_ONLY; "Discarding instead of waiting on the norm transport; not built."
}

fn accept_filter(options: &mut SocketOptions, value: Option<&[u8]>) -> Result<()> {
    match value {
        None => options.accept_filters.clear(),
        Some(text) => options.accept_filters.push(AcceptFilter::parse(text, options.ipv6)?),
    }
    Ok(())
}

/// `X-name:value`; the value ends at a NUL.
fn metadata(options: &mut SocketOptions, value: Option<&[u8]>) -> Result<()> {
    let property = value.ok_or(Error::InvalidArgument)?;
    let colon = property.iter().position(|byte| *byte == b':').ok_or(Error::InvalidArgument)?;
    let (name, value) = (&property[..colon], &property[colon + 1..]);
    let name = std::str::from_utf8(name).map_err(|_| Error::InvalidArgument)?;
    if !name.starts_with("X-") || name.len() > 255 || value.is_empty() {
        return Err(Error::InvalidArgument);
    }
    if options.metadata.iter().all(|(known, _)| known != name) {
        let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
        options.metadata.push((name.to_owned(), copied(value)?));
    }
    Ok(())
}

fn credential<T>(list: &mut Vec<T>, value: Option<&[u8]>, decode: fn([u8; 4]) -> T) -> Result<()> {
    match value {
        None => list.clear(),
        Some(id) => list.push(decode(id.try_into().map_err(|_| Error::InvalidArgument)?)),
    }
    Ok(())
}

fn keep(field: &mut Box<[u8]>, value: Option<&[u8]>) -> Result<()> {
    *field = boxed(value)?;
    Ok(())
}

fn boxed(value: Option<&[u8]>) -> Result<Box<[u8]>> {
    Ok(copied(value.unwrap_or_default())?.into_boxed_slice())
}

// Between C's integers and the typed fields. The row's range has been checked; a field that the Rust API set to
// something larger than C can say reads as the largest.

fn natural(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

fn clipped(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn optional(value: i32) -> Option<u32> {
    u32::try_from(value).ok()
}

fn or_minus_one(value: Option<u32>) -> i32 {
    value.map_or(-1, clipped)
}

fn millis(value: i32) -> Duration {
    Duration::from_millis(natural(value).into())
}

fn in_millis(value: Duration) -> i32 {
    i32::try_from(value.as_millis()).unwrap_or(i32::MAX)
}

fn optional_millis(value: i32) -> Option<Duration> {
    (value >= 0).then(|| millis(value))
}

fn forever_or_millis(value: Option<Duration>) -> i32 {
    value.map_or(-1, in_millis)
}

fn positive_millis(value: i32) -> Option<Duration> {
    (value > 0).then(|| millis(value))
}

fn zero_or_millis(value: Option<Duration>) -> i32 {
    value.map_or(0, in_millis)
}

fn optional_seconds(value: i32) -> Option<Duration> {
    optional(value).map(|seconds| Duration::from_secs(seconds.into()))
}

fn unset_or_seconds(value: Option<Duration>) -> i32 {
    value.map_or(-1, |time| i32::try_from(time.as_secs()).unwrap_or(i32::MAX))
}

//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Arg, Args, Parser, Subcommand, ValueEnum};
use ferrozmq::SocketType;

use crate::{failure::Failure, login::Login, numbers::parse_time};

const EXIT_CODES: &str = "\
Exit codes:
  0    everything was done
  1    it did not work: an address in use, a file that cannot be read, messages that were not delivered, …
  2    the command line was wrong
  124  a --timeout or --linger has passed
  130  ended by Ctrl-C, SIGTERM or SIGHUP";

const PROXY_EXAMPLES: &str = "\
Examples:
  fzmq proxy tcp://*:5559 tcp://*:5560 --stats
  fzmq proxy tcp://*:5559 ipc:///run/workers --front-key server.key --front-clients clients
  fzmq proxy tcp://*:5561 tcp://news.example:5562 --pull-push --connect-back --back-socks-proxy 127.0.0.1:1080
  fzmq proxy 'udp://eth0;239.0.0.1:5563' tcp://*:5564 --front-type dish --back-type radio --group news";

const EXAMPLES: &str = "\
Examples:
  fzmq pull tcp://127.0.0.1:5555                   print what arrives
  seq 1000 | fzmq push tcp://127.0.0.1:5555        send a thousand messages
  fzmq rep tcp://127.0.0.1:5556 --exec 'tr a-z A-Z'
  echo hello | fzmq req tcp://127.0.0.1:5556
  fzmq sub tcp://127.0.0.1:5557 --topic weather
  fzmq pub tcp://127.0.0.1:5557 --topic weather --message sunny --interval 1s
  fzmq dish tcp://127.0.0.1:5558 --group weather
  fzmq radio tcp://127.0.0.1:5558 --group weather --message sunny --wait-peers 1
  fzmq proxy tcp://*:5559 tcp://*:5560 --stats";

macro_rules! endpoints {
    () => {
        "tcp://host:port, tcp://127.0.0.1:* (a free port), tcp://*:port, ipc:///path; vsock://cid:port and \
         tipc://{service,instance} where the kernel has them"
    };
}

/// ZeroMQ on the command line. Without a command: a live tour of ten seconds.
#[derive(Parser)]
#[command(name = "fzmq", version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
#[command(args_conflicts_with_subcommands = true, infer_subcommands = false)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The tour in about a second
    #[arg(long)]
    pub(crate) fast: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Publish messages to every subscriber that wants them [binds]
    #[command(after_help = EXIT_CODES)]
    Pub(Publish),
    /// Print the messages of publishers [connects]
    #[command(after_help = EXIT_CODES)]
    Sub(Subscribe),
    /// Send each message to one of the peers, in turn [connects]
    #[command(after_help = EXIT_CODES)]
    Push(Send),
    /// Print the messages that are pushed here [binds]
    #[command(after_help = EXIT_CODES)]
    Pull(Receive),
    /// Send each message as a request and print the answer [connects]
    #[command(after_help = EXIT_CODES)]
    Req(Named),
    /// Print each request and answer it, with the next message of the input unless told otherwise [binds]
    #[command(after_help = EXIT_CODES)]
    Rep(Reply),
    /// Send to the peers in turn, print what arrives [connects]
    #[command(after_help = EXIT_CODES)]
    Dealer(Named),
    /// Print what arrives, send to the peer heard from last; with --multipart the first part names the peer [binds]
    #[command(after_help = EXIT_CODES)]
    Router(Named),
    /// Talk with one peer [connects]
    #[command(after_help = EXIT_CODES)]
    Pair(Talk),
    /// Publish, and print subscriptions: +topic when one begins, -topic when it ends [binds]
    #[command(after_help = EXIT_CODES)]
    Xpub(Talk),
    /// Print the messages of publishers; subscriptions are sent as messages, or --topic [connects]
    #[command(after_help = EXIT_CODES)]
    Xsub(SubscribeByHand),
    /// Talk with a peer over plain tcp; as with router [connects]
    #[command(after_help = EXIT_CODES)]
    Stream(Talk),
    /// Send to the servers in turn, print what arrives [connects]
    #[command(after_help = EXIT_CODES, mut_args(of_one_part))]
    Client(Talk),
    /// Print what clients send, send to the client heard from last [binds]
    #[command(after_help = EXIT_CODES, mut_args(of_one_part))]
    Server(Talk),
    /// Talk with peers: send to the one heard from last, before that to the first that it connects to [connects]
    #[command(after_help = EXIT_CODES, mut_args(of_one_part))]
    Peer(Talk),
    /// Print the datagrams that arrive, send to the peer heard from last, or as --to says; with --multipart the first part
    /// is the peer's address [binds]
    #[command(after_help = EXIT_CODES, mut_args(of_datagrams))]
    Dgram(Datagrams),
    /// Send messages to a group [binds; over udp connects]
    #[command(after_help = EXIT_CODES, mut_args(of_groups))]
    Radio(SendToGroup),
    /// Print the messages of groups, with the group as the first part [connects; over udp binds]
    #[command(after_help = EXIT_CODES, mut_args(of_groups))]
    Dish(ReceiveOfGroups),
    /// Send each message to one of the peers, in turn [connects]
    #[command(after_help = EXIT_CODES, mut_args(of_one_part))]
    Scatter(Send),
    /// Print the messages that are scattered here [binds]
    #[command(after_help = EXIT_CODES, mut_args(of_one_part))]
    Gather(Receive),
    /// Talk with one peer, as pair, in messages of one part [connects]
    #[command(after_help = EXIT_CODES, mut_args(of_one_part))]
    Channel(Talk),
    /// Pass messages between two sockets, as a broker does
    #[command(after_help = format!("{PROXY_EXAMPLES}\n\n{EXIT_CODES}"))]
    Proxy(Proxy),
    /// Make a pair of keys for CURVE: the secret one in a file that only its owner may read
    Keygen(Keygen),
    /// Greet a peer, and say what it is and whether it lets us in
    #[command(after_help = EXIT_CODES)]
    Doctor(Doctor),
}

/// The help of an option where messages have one part.
fn of_one_part(arg: Arg) -> Arg {
    let hidden = arg.get_id() == "multipart";
    arg.hide(hidden)
}

/// That of one for RADIO and DISH.
fn of_groups(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "endpoints" => arg.help(concat!(endpoints!(), "; udp://host:port, udp://interface;group:port")),
        _ => of_one_part(arg),
    }
}

/// That of one for DGRAM, where nobody is connected to anybody.
fn of_datagrams(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "endpoints" => arg.help("udp://host:port, udp://*:* (a free port), udp://interface;group:port"),
        "key" | "server_key" | "clients" | "user" | "user_file" | "socks_proxy" | "socks_user"
        | "socks_user_file" | "wait_peers" | "bind" | "connect" => arg.hide(true),
        _ => arg,
    }
}

#[derive(Args)]
pub(crate) struct Keygen {
    /// Where the secret key goes; the public one goes to FILE.pub, and to standard output
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Write over files that exist
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
pub(crate) struct Doctor {
    /// tcp://host:port or ipc:///path
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
    /// How long each answer may take [default: 5s]
    #[arg(short, long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) security: Security,
    #[command(flatten)]
    pub(crate) socks: Socks,
}

/// Who we are, and who may come in.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Security {
    /// Encrypt with the secret key in FILE (CURVE): as a client with --server-key, as a server without
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Talk only to the server with this public key (CURVE), given as text or as a file
    #[arg(long, value_name = "KEY")]
    pub(crate) server_key: Option<String>,
    /// As a server, let in only clients that FILE lists: a line for each, "curve KEY [USER]"; all clients without it
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "server_key")]
    pub(crate) clients: Option<PathBuf>,
    /// Give a name and a password, in the clear (PLAIN). Other users of this machine see them in the list of processes:
    /// --user-file keeps them from that
    #[arg(long, value_name = "NAME:PASSWORD", conflicts_with_all = ["key", "server_key", "user_file"])]
    pub(crate) user: Option<Login>,
    /// As --user, with the one line NAME:PASSWORD of FILE, which may be a pipe
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "server_key"])]
    pub(crate) user_file: Option<PathBuf>,
}

/// The proxy on the way to the peers.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Socks {
    /// Make tcp connections through this SOCKS5 proxy, which resolves the names
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) socks_proxy: Option<String>,
    /// Give a name and a password to the proxy, in the clear. Other users of this machine see them in the list of
    /// processes: --socks-user-file keeps them from that
    #[arg(long, value_name = "NAME:PASSWORD", requires = "socks_proxy", conflicts_with = "socks_user_file")]
    pub(crate) socks_user: Option<Login>,
    /// As --socks-user, with the one line NAME:PASSWORD of FILE, which may be a pipe
    #[arg(long, value_name = "FILE", requires = "socks_proxy")]
    pub(crate) socks_user_file: Option<PathBuf>,
}

impl Socks {
    /// A proxy through which none of these connections goes is a mistake.
    pub(crate) fn check<'a>(&self, connections: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        if self.socks_proxy.is_none()
            || connections.into_iter().any(|endpoint| endpoint.starts_with("tcp://"))
        {
            return Ok(());
        }
        let text = "--socks-proxy: only tcp connections go through a proxy, and none is made here";
        Err(Failure::Usage(text.to_owned()))
    }
}

#[derive(Args)]
pub(crate) struct SendToGroup {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    input: Input,
    /// The group that gets the messages, of up to 255 bytes; the one without a name unless given
    #[arg(short, long, value_name = "GROUP", default_value = "", hide_default_value = true)]
    group: String,
    #[command(flatten)]
    multicast: Multicast,
}

#[derive(Args)]
pub(crate) struct Datagrams {
    #[command(flatten)]
    talk: Talk,
    /// Send everything to this address, numeric; IPv6 in brackets
    #[arg(long, value_name = "IP:PORT", conflicts_with = "multipart")]
    to: Option<SocketAddr>,
    #[command(flatten)]
    multicast: Multicast,
}

/// What is sent to a multicast group.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Multicast {
    /// How many networks what is sent to a multicast group may pass; 1 is only this one [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hops: Option<u8>,
    /// What is sent to a multicast group is not heard on this machine
    #[arg(long)]
    pub(crate) no_loop: bool,
}

#[derive(Args)]
pub(crate) struct ReceiveOfGroups {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    output: Output,
    /// A group to join; may be repeated; the one without a name unless given
    #[arg(short, long, value_name = "GROUP")]
    group: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    input: Input,
    /// The topic: the first part of each message
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
}

#[derive(Args)]
pub(crate) struct Subscribe {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    output: Output,
    /// Only messages that begin with this; may be repeated
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Send {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    input: Input,
}

#[derive(Args)]
pub(crate) struct Receive {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct Talk {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct Named {
    #[command(flatten)]
    talk: Talk,
    /// The routing id: the name by which a ROUTER knows this socket
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
}

#[derive(Args)]
pub(crate) struct SubscribeByHand {
    #[command(flatten)]
    talk: Talk,
    /// Subscribe to messages that begin with this; may be repeated
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Reply {
    #[command(flatten)]
    talk: Talk,
    #[command(flatten)]
    answer: AnswerChoice,
}

#[derive(Args)]
#[group(multiple = false)]
struct AnswerChoice {
    /// Answer with the request
    #[arg(long, conflicts_with_all = ["message", "file"])]
    echo: bool,
    /// Answer with what this shell command writes when the request is its standard input, less a newline at the end
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["message", "file"])]
    exec: Option<String>,
    /// Answer with this text
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["message", "file"])]
    reply: Option<String>,
}

/// How `rep` answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Echo,
    Exec(String),
    Text(String),
    /// The next message of the input.
    Input,
}

/// What every socket command has.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    #[arg(required = true, value_name = "ENDPOINT", help = endpoints!())]
    pub(crate) endpoints: Vec<String>,
    /// Bind all endpoints; the default is to bind those with a *, and to do with the others what stands in brackets behind
    /// the first line of this help
    #[arg(long, conflicts_with = "connect")]
    pub(crate) bind: bool,
    /// Connect to all endpoints
    #[arg(long)]
    pub(crate) connect: bool,
    /// End after N messages: sent by pub, push, radio and scatter, answered for req and rep, received by the others (0: end with the
    /// input)
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Give up when the network lets nothing pass for this long: 500ms, 2s, 1m
    #[arg(short, long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
    /// At the end, how long to wait until everything is sent; for ever unless given
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) linger: Option<Duration>,
    /// Messages that may wait for each peer, and from each peer; 0 for no limit [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) hwm: Option<u32>,
    /// Begin when N peers are there; for pub and xpub, N subscribers; for radio, N members of groups
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) wait_peers: usize,
    /// Messages have parts, with this between them (\t, \n, \0 and \xHH are understood); without it, parts received are
    /// written with a tab between them
    #[arg(short, long, value_name = "SEPARATOR", value_parser = parse_separator)]
    pub(crate) multipart: Option<Separator>,
    /// Messages end with a zero byte, in input and output, instead of a newline
    #[arg(short = '0', long, conflicts_with = "length")]
    pub(crate) null: bool,
    /// Messages have their length in front, in input and output: 4 bytes, big-endian
    #[arg(long)]
    pub(crate) length: bool,
    #[command(flatten)]
    pub(crate) security: Security,
    #[command(flatten)]
    pub(crate) socks: Socks,
    /// At the end, say how much passed and how fast
    #[arg(short, long)]
    pub(crate) stats: bool,
    /// Do not say where the socket is bound
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say what happens on the connections
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Where the messages come from: standard input, one a line, unless told otherwise.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Input {
    /// Send this message; may be repeated. With --count, --rate or --interval, pub, push, radio, scatter and req send
    /// it again and again
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Vec<String>,
    /// Read the messages from this file
    #[arg(short, long, value_name = "PATH", conflicts_with = "message")]
    pub(crate) file: Option<PathBuf>,
    /// Send at most so many messages a second
    #[arg(long, value_name = "N", value_parser = parse_rate, conflicts_with = "interval")]
    pub(crate) rate: Option<f64>,
    /// Wait so long between messages
    #[arg(short, long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) interval: Option<Duration>,
}

/// How messages are written to standard output.
#[derive(Args, Clone, Debug)]
pub(crate) struct Output {
    /// How messages are written
    #[arg(long, value_enum, default_value_t = Format::Line)]
    pub(crate) format: Format,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As they are, with nothing between them
    Raw,
    /// As they are, a newline after each
    Line,
    /// Hexadecimal digits, parts separated by a space
    Hex,
    /// An array of the parts: texts, or {"hex": "…"} where a part is not UTF-8
    Json,
}

/// The bytes between the parts of a message.
#[derive(Clone, Debug)]
pub(crate) struct Separator(pub(crate) Vec<u8>);

#[derive(Args, Clone, Debug)]
pub(crate) struct Proxy {
    /// Where clients connect, or publishers: an endpoint as for the socket commands; bound, unless --connect-front
    #[arg(value_name = "FRONT")]
    pub(crate) front: String,
    /// Where workers connect, or subscribers; bound, unless --connect-back
    #[arg(value_name = "BACK")]
    pub(crate) back: String,
    /// For publishers in front and subscribers behind: XSUB and XPUB instead of ROUTER and DEALER
    #[arg(long, conflicts_with_all = ["front-type", "back-type"])]
    pub(crate) xsub_xpub: bool,
    /// For a pipeline: PULL and PUSH instead of ROUTER and DEALER
    #[arg(long, conflicts_with_all = ["front-type", "back-type", "xsub_xpub"])]
    pub(crate) pull_push: bool,
    /// A group to join, where a side is a dish (--front-type dish); may be repeated; the one without a name unless given
    #[arg(short, long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
    /// Publish a copy of every message here, unencrypted, for `fzmq sub`
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) capture: Option<String>,
    /// Messages that may wait for each peer, and from each peer; 0 for no limit [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) hwm: Option<u32>,
    /// Say every second what passed, and at the end how much in all
    #[arg(short, long)]
    pub(crate) stats: bool,
    /// Do not say where the sockets are bound
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say what happens on the connections
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) front_side: Front,
    #[command(flatten)]
    pub(crate) back_side: Back,
}

/// A side of a proxy.
pub(crate) struct Side {
    pub(crate) kind: SocketType,
    pub(crate) connect: bool,
    pub(crate) security: Security,
    pub(crate) socks: Socks,
}

/// The options of a side: what the socket commands have, with its name in front.
macro_rules! side {
    ($name:ident, $heading:literal, $side:literal, $kind:literal) => {
        #[derive(Args, Clone, Debug)]
        #[command(next_help_heading = $heading)]
        pub(crate) struct $name {
            /// Its socket type: any of the socket commands, but dgram
            #[arg(id = concat!($side, "-type"), long = concat!($side, "-type"))]
            #[arg(value_name = "TYPE", default_value = $kind, value_parser = parse_type)]
            kind: SocketType,
            /// Connect it instead of binding it
            #[arg(id = concat!("connect-", $side), long = concat!("connect-", $side))]
            connect: bool,
            #[arg(id = concat!($side, "-key"), long = concat!($side, "-key"), value_name = "FILE")]
            #[arg(help = concat!(
                "Encrypt with the secret key in FILE (CURVE): as a client with --", $side, "-server-key, as a server without"
            ))]
            key: Option<PathBuf>,
            /// Talk only to the server with this public key (CURVE), given as text or as a file
            #[arg(id = concat!($side, "-server-key"), long = concat!($side, "-server-key"), value_name = "KEY")]
            server_key: Option<String>,
            #[arg(id = concat!($side, "-clients"), long = concat!($side, "-clients"), value_name = "FILE")]
            #[arg(requires = concat!($side, "-key"), conflicts_with = concat!($side, "-server-key"))]
            /// As a server, let in only clients that FILE lists, as for the socket commands; all clients without it
            clients: Option<PathBuf>,
            /// Give a name and a password, in the clear (PLAIN)
            #[arg(id = concat!($side, "-user"), long = concat!($side, "-user"), value_name = "NAME:PASSWORD")]
            #[arg(conflicts_with_all = [concat!($side, "-key"), concat!($side, "-server-key")])]
            user: Option<Login>,
            /// The same as the one line of FILE, which other users do not see in the list of processes
            #[arg(id = concat!($side, "-user-file"), long = concat!($side, "-user-file"), value_name = "FILE")]
            #[arg(conflicts_with_all =
                [concat!($side, "-user"), concat!($side, "-key"), concat!($side, "-server-key")])]
            user_file: Option<PathBuf>,
            /// Make its tcp connections through this SOCKS5 proxy, which resolves the names
            #[arg(id = concat!($side, "-socks-proxy"), long = concat!($side, "-socks-proxy"))]
            #[arg(value_name = "HOST:PORT", requires = concat!("connect-", $side))]
            socks_proxy: Option<String>,
            /// Give a name and a password to the SOCKS5 proxy, in the clear
            #[arg(id = concat!($side, "-socks-user"), long = concat!($side, "-socks-user"))]
            #[arg(value_name = "NAME:PASSWORD", requires = concat!($side, "-socks-proxy"))]
            socks_user: Option<Login>,
            /// The same as the one line of FILE
            #[arg(id = concat!($side, "-socks-user-file"), long = concat!($side, "-socks-user-file"))]
            #[arg(value_name = "FILE", requires = concat!($side, "-socks-proxy"))]
            #[arg(conflicts_with = concat!($side, "-socks-user"))]
            socks_user_file: Option<PathBuf>,
        }

        impl $name {
            fn side(&self) -> Side {
                let Self {
                    kind,
                    connect,
                    key,
                    server_key,
                    clients,
                    user,
                    user_file,
                    socks_proxy,
                    socks_user,
                    socks_user_file,
                } = self.clone();
                Side {
                    kind,
                    connect,
                    security: Security { key, server_key, clients, user, user_file },
                    socks: Socks { socks_proxy, socks_user, socks_user_file },
                }
            }
        }
    };
}

side!(Front, "Front", "front", "router");
side!(Back, "Back", "back", "dealer");

impl Proxy {
    /// The front and the back.
    pub(crate) fn sides(&self) -> [Side; 2] {
        let [front, back] = [self.front_side.side(), self.back_side.side()];
        let types = match self {
            Self { xsub_xpub: true, .. } => [SocketType::Xsub, SocketType::Xpub],
            Self { pull_push: true, .. } => [SocketType::Pull, SocketType::Push],
            _ => [front.kind, back.kind],
        };
        [Side { kind: types[0], ..front }, Side { kind: types[1], ..back }]
    }
}

/// What a socket command is to do.
pub(crate) struct Cat {
    pub(crate) kind: SocketType,
    pub(crate) common: Common,
    pub(crate) input: Input,
    pub(crate) format: Format,
    /// Topics, or groups.
    pub(crate) topics: Vec<String>,
    pub(crate) id: Option<String>,
    /// Where datagrams go.
    pub(crate) to: Option<SocketAddr>,
    pub(crate) multicast: Multicast,
    pub(crate) answer: Answer,
}

impl Command {
    /// The command as a cat, if it is one.
    pub(crate) fn cat(self) -> Option<Cat> {
        use SocketType as T;
        Some(match self {
            Self::Pub(a) => {
                Cat { input: a.input, topics: a.topic.into_iter().collect(), ..Cat::new(T::Pub, a.common) }
            }
            Self::Sub(a) => Cat { format: a.output.format, topics: a.topic, ..Cat::new(T::Sub, a.common) },
            Self::Push(a) => Cat { input: a.input, ..Cat::new(T::Push, a.common) },
            Self::Pull(a) => Cat { format: a.output.format, ..Cat::new(T::Pull, a.common) },
            Self::Req(a) => Cat { id: a.id, ..Cat::talk(T::Req, a.talk) },
            Self::Rep(a) => Cat { answer: a.answer.into(), ..Cat::talk(T::Rep, a.talk) },
            Self::Dealer(a) => Cat { id: a.id, ..Cat::talk(T::Dealer, a.talk) },
            Self::Router(a) => Cat { id: a.id, ..Cat::talk(T::Router, a.talk) },
            Self::Pair(a) => Cat::talk(T::Pair, a),
            Self::Xpub(a) => Cat::talk(T::Xpub, a),
            Self::Xsub(a) => Cat { topics: a.topic, ..Cat::talk(T::Xsub, a.talk) },
            Self::Stream(a) => Cat::talk(T::Stream, a),
            Self::Client(a) => Cat::talk(T::Client, a),
            Self::Server(a) => Cat::talk(T::Server, a),
            Self::Peer(a) => Cat::talk(T::Peer, a),
            Self::Dgram(a) => Cat { to: a.to, multicast: a.multicast, ..Cat::talk(T::Dgram, a.talk) },
            Self::Radio(a) => Cat {
                input: a.input,
                topics: vec![a.group],
                multicast: a.multicast,
                ..Cat::new(T::Radio, a.common)
            },
            Self::Dish(a) => Cat { format: a.output.format, topics: a.group, ..Cat::new(T::Dish, a.common) },
            Self::Scatter(a) => Cat { input: a.input, ..Cat::new(T::Scatter, a.common) },
            Self::Gather(a) => Cat { format: a.output.format, ..Cat::new(T::Gather, a.common) },
            Self::Channel(a) => Cat::talk(T::Channel, a),
            Self::Proxy(_) | Self::Keygen(_) | Self::Doctor(_) => return None,
        })
    }
}

impl Cat {
    fn new(kind: SocketType, common: Common) -> Self {
        Self {
            kind,
            common,
            input: Input::default(),
            format: Format::Line,
            topics: Vec::new(),
            id: None,
            to: None,
            multicast: Multicast::default(),
            answer: Answer::Input,
        }
    }

    fn talk(kind: SocketType, talk: Talk) -> Self {
        Self { input: talk.input, format: talk.output.format, ..Self::new(kind, talk.common) }
    }

    /// Whether all that is sent and received is datagrams.
    pub(crate) fn is_udp_only(&self) -> bool {
        self.common.endpoints.iter().all(|endpoint| is_udp(endpoint))
    }

    /// Whether an endpoint is bound rather than connected.
    pub(crate) fn binds(&self, endpoint: &str) -> bool {
        use SocketType as T;
        let by_type = matches!(
            self.kind,
            T::Pub | T::Rep | T::Router | T::Pull | T::Xpub | T::Server | T::Radio | T::Gather
        );
        let usually =
            if is_udp(endpoint) { self.kind != T::Radio } else { by_type || endpoint.contains('*') };
        self.common.bind || !self.common.connect && usually
    }
}

/// Over udp nobody connects to anybody, so that the sides are other ones.
pub(crate) fn is_udp(endpoint: &str) -> bool {
    endpoint.starts_with("udp://")
}

impl From<AnswerChoice> for Answer {
    fn from(choice: AnswerChoice) -> Self {
        match choice {
            AnswerChoice { echo: true, .. } => Self::Echo,
            AnswerChoice { exec: Some(command), .. } => Self::Exec(command),
            AnswerChoice { reply: Some(text), .. } => Self::Text(text),
            _ => Self::Input,
        }
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.001 => Ok(rate),
        _ => Err("expected a number of messages per second, at least 0.001".to_owned()),
    }
}

fn parse_type(text: &str) -> Result<SocketType, String> {
    use SocketType as T;
    [
        T::Pub,
        T::Sub,
        T::Push,
        T::Pull,
        T::Req,
        T::Rep,
        T::Dealer,
        T::Router,
        T::Pair,
        T::Xpub,
        T::Xsub,
        T::Stream,
        T::Client,
        T::Server,
        T::Peer,
        T::Radio,
        T::Dish,
        T::Scatter,
        T::Gather,
        T::Channel,
    ]
    .into_iter()
    .find(|kind| kind.name().eq_ignore_ascii_case(text))
    .ok_or_else(|| "expected router, dealer, xsub, xpub, pull, push or another socket type".to_owned())
}

fn parse_separator(text: &str) -> Result<Separator, String> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match rest.next() {
            Some('t') => b'\t',
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2);
                byte.ok_or("expected two hexadecimal digits after \\x")?
            }
            _ => return Err("expected \\t, \\n, \\r, \\0, \\\\ or \\xHH".to_owned()),
        });
    }
    if bytes.is_empty() { Err("a separator has at least one byte".to_owned()) } else { Ok(Separator(bytes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    fn cat(line: &str) -> Cat {
        let arguments = Arguments::try_parse_from(line.split(' ')).map_err(|e| e.to_string()).unwrap();
        arguments.command.unwrap().cat().unwrap()
    }

    #[test]
    fn an_endpoint_is_bound_by_its_star_or_by_the_type() {
        let binds = |line: &str| {
            let cat = cat(line);
            cat.binds(&cat.common.endpoints[0])
        };
        assert!(binds("fzmq pub tcp://127.0.0.1:5555"));
        assert!(!binds("fzmq sub tcp://127.0.0.1:5555"));
        assert!(binds("fzmq sub tcp://127.0.0.1:*"));
        assert!(binds("fzmq push --bind tcp://127.0.0.1:5555"));
        assert!(!binds("fzmq rep --connect tcp://127.0.0.1:5555"));
        assert!(binds("fzmq radio tcp://127.0.0.1:5555") && !binds("fzmq dish tcp://127.0.0.1:5555"));
        assert!(!binds("fzmq radio udp://*;239.0.0.1:5555") && binds("fzmq dish udp://239.0.0.1:5555"));
        assert!(binds("fzmq dgram udp://127.0.0.1:5555"));
    }

    /// The words of a line as a shell sees them, of those after `fzmq`.
    fn words(command: &str) -> Vec<String> {
        let quoted = command.split('\'').enumerate();
        let mut words = Vec::new();
        for (i, part) in quoted {
            match i % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words.into_iter().take_while(|word| !["|", "||", "&", ">", "#"].contains(&word.as_str())).collect()
    }

    #[test]
    fn the_commands_of_the_guide_are_understood() {
        let guide = include_str!("../../../docs/guide/fzmq.md");
        let blocks = guide.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
        let mut understood = 0;
        for line in blocks.flat_map(str::lines) {
            let Some(at) = line.find("fzmq ").filter(|_| !line.starts_with("cargo")) else { continue };
            match Arguments::try_parse_from(words(&line[at..])) {
                Ok(_) => understood += 1,
                Err(e) if e.kind() == clap::error::ErrorKind::DisplayHelp => understood += 1,
                Err(e) => panic!("{line}: {e}"),
            }
        }
        assert!(understood > 10, "{understood} commands in the guide");
    }

    #[test]
    fn separators_with_escapes() {
        let bytes = |text| parse_separator(text).map(|s| s.0);
        assert_eq!(bytes("|"), Ok(b"|".to_vec()));
        assert_eq!(bytes(r"\t\0\\\x1f"), Ok(b"\t\0\\\x1f".to_vec()));
        for wrong in ["", r"\", r"\q", r"\x1", r"\xzz"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}

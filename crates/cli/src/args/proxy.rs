//! The command line of `fzmq proxy`.

use std::path::PathBuf;

use clap::Args;
use ferrozmq::SocketType;

use super::options::{Security, Socks};
use crate::login::Login;

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
                "Encrypt with the secret key in FILE (CURVE); as a server, unless there is a --", $side, "-server-key"
            ))]
            key: Option<PathBuf>,
            /// Talk only to the server with this public key (CURVE): its text, or a file
            #[arg(id = concat!($side, "-server-key"), long = concat!($side, "-server-key"), value_name = "KEY")]
            server_key: Option<String>,
            #[arg(id = concat!($side, "-clients"), long = concat!($side, "-clients"), value_name = "FILE")]
            #[arg(requires = concat!($side, "-key"), conflicts_with = concat!($side, "-server-key"))]
            /// As a server, let in only those whom FILE lists, in lines "curve KEY [USER]"; all unless given
            clients: Option<PathBuf>,
            /// Give a name and a password, in the clear (PLAIN); other users see them in the list of processes
            #[arg(id = concat!($side, "-user"), long = concat!($side, "-user"), value_name = "NAME:PASSWORD")]
            #[arg(conflicts_with_all = [concat!($side, "-key"), concat!($side, "-server-key")])]
            user: Option<Login>,
            /// The same with the one line of FILE, which may be a pipe
            #[arg(id = concat!($side, "-user-file"), long = concat!($side, "-user-file"), value_name = "FILE")]
            #[arg(conflicts_with_all =
                [concat!($side, "-user"), concat!($side, "-key"), concat!($side, "-server-key")])]
            user_file: Option<PathBuf>,
            /// Make its tcp connections through this SOCKS5 proxy, which resolves the names
            #[arg(id = concat!($side, "-socks-proxy"), long = concat!($side, "-socks-proxy"))]
            #[arg(value_name = "HOST:PORT", requires = concat!("connect-", $side))]
            socks_proxy: Option<String>,
            /// Give it a name and a password, in the clear; other users see them in the list of processes
            #[arg(id = concat!($side, "-socks-user"), long = concat!($side, "-socks-user"))]
            #[arg(value_name = "NAME:PASSWORD", requires = concat!($side, "-socks-proxy"))]
            socks_user: Option<Login>,
            /// The same with the one line of FILE, which may be a pipe
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

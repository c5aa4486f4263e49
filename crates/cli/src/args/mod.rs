//! The command line.

mod cat;
mod help;
mod options;
mod proxy;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use ferrozmq::SocketType as T;

use crate::numbers::parse_time;
use cat::{
    Datagrams, Named, Publish, Receive, ReceiveOfGroups, Reply, Send, SendToGroup, Subscribe,
    SubscribeByHand, Talk,
};
use help::{EXAMPLES, EXIT_CODES, PROXY_EXAMPLES};

pub(crate) use cat::{Answer, Cat, is_udp};
pub(crate) use options::{Common, Format, Security, Socks};
pub(crate) use proxy::{Proxy, Side};

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
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Pub)))]
    Pub(Publish),
    /// Print the messages of publishers [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Sub)))]
    Sub(Subscribe),
    /// Send each message to one of the peers, in turn [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Push)))]
    Push(Send),
    /// Print the messages that are pushed here [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Pull)))]
    Pull(Receive),
    /// Send each message as a request and print the answer [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Req)))]
    Req(Named),
    /// Print each request, and answer it with the next message of the input or as told [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Rep)))]
    Rep(Reply),
    /// Send to the peers in turn, print what arrives [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Dealer)))]
    Dealer(Named),
    /// Print what arrives, send to the peer heard from last [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Router)))]
    Router(Named),
    /// Talk with one peer [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Pair)))]
    Pair(Talk),
    /// Publish, and print subscriptions: +topic when one begins, -topic when it ends [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Xpub)))]
    Xpub(Talk),
    /// Print the messages of publishers; subscribe by --topic, or by messages [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Xsub)))]
    Xsub(SubscribeByHand),
    /// Speak plain tcp: print what arrives, send to the peer heard from last [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Stream)))]
    Stream(Talk),
    /// Send to the servers in turn, print what arrives [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Client)))]
    Client(Talk),
    /// Print what clients send, send to the client heard from last [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Server)))]
    Server(Talk),
    /// Print what arrives, send to the peer heard from last, at first to one connected to [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Peer)))]
    Peer(Talk),
    /// Print datagrams, send to the peer heard from last or to that of --to [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Dgram)))]
    Dgram(Datagrams),
    /// Send messages to a group [binds; over udp connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Radio)))]
    Radio(SendToGroup),
    /// Print the messages of groups, with the group as the first part [connects; over udp binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Dish)))]
    Dish(ReceiveOfGroups),
    /// Send each message to one of the peers, in turn [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Scatter)))]
    Scatter(Send),
    /// Print the messages that are scattered here [binds]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Gather)))]
    Gather(Receive),
    /// Talk with one peer, as pair, in messages of one part [connects]
    #[command(after_help = EXIT_CODES, mut_args(help::of(T::Channel)))]
    Channel(Talk),
    /// Pass messages between two sockets, as a broker does
    #[command(after_help = format!("{PROXY_EXAMPLES}\n\n{EXIT_CODES}"))]
    Proxy(Proxy),
    /// Make a pair of keys for CURVE: the secret one in a file that only its owner may read
    #[command(after_help = EXIT_CODES)]
    Keygen(Keygen),
    /// Greet a peer, and say what it is and whether it lets us in
    #[command(after_help = EXIT_CODES, mut_arg("clients", |arg| arg.hide(true)))]
    Doctor(Doctor),
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
    /// How long reaching it may take, and each of its answers
    #[arg(short, long, value_name = "TIME", value_parser = parse_time, default_value = "5s")]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) security: Security,
    #[command(flatten)]
    pub(crate) socks: Socks,
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
        let guide = include_str!("../../../../docs/guide/fzmq.md");
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
}

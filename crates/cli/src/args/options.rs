//! The options that several commands have, and how their values are read.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::help;
use crate::{failure::Failure, login::Login, numbers::parse_time};

/// What every socket command has.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    #[arg(required = true, value_name = "ENDPOINT", help = help::ENDPOINTS)]
    pub(crate) endpoints: Vec<String>,
    /// Bind the endpoints
    #[arg(long, conflicts_with = "connect")]
    pub(crate) bind: bool,
    /// Connect to the endpoints
    #[arg(long)]
    pub(crate) connect: bool,
    /// End after N messages
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Give up when the network lets nothing pass for so long: 500ms, 2s, 1m
    #[arg(short, long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
    /// How long to wait at the end until everything is sent; for ever unless given
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) linger: Option<Duration>,
    /// Messages that may wait for each peer, and from each peer; 0 for no limit [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) hwm: Option<u32>,
    /// Begin when N peers are there
    #[arg(short, long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) wait_peers: usize,
    /// Messages have parts, with this between them (\t, \n, \0, \xHH); unless given, output has tabs
    #[arg(short, long, value_name = "SEPARATOR", value_parser = parse_separator)]
    pub(crate) multipart: Option<Separator>,
    /// Messages end with a zero byte instead of a newline
    #[arg(short = '0', long, conflicts_with = "length")]
    pub(crate) null: bool,
    /// Messages have their length in front instead: 4 bytes, big-endian; only so may one read have more than 1 GiB
    #[arg(long)]
    pub(crate) length: bool,
    /// At the end, say how much passed and how fast
    #[arg(short, long)]
    pub(crate) stats: bool,
    /// Do not say where the socket is bound
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say what happens on the connections
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) security: Security,
    #[command(flatten)]
    pub(crate) socks: Socks,
}

/// Who we are, and who may come in.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Security")]
pub(crate) struct Security {
    /// Encrypt with the secret key in FILE (CURVE); as a server, unless there is a --server-key
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Talk only to the server with this public key (CURVE): its text, or a file
    #[arg(long, value_name = "KEY")]
    pub(crate) server_key: Option<String>,
    /// As a server, let in only those whom FILE lists, in lines "curve KEY [USER]"; all unless given
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "server_key")]
    pub(crate) clients: Option<PathBuf>,
    /// Give a name and a password, in the clear (PLAIN); other users see them in the list of processes
    #[arg(long, value_name = "NAME:PASSWORD", conflicts_with_all = ["key", "server_key", "user_file"])]
    pub(crate) user: Option<Login>,
    /// As --user, with the one line of FILE, which may be a pipe
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "server_key"])]
    pub(crate) user_file: Option<PathBuf>,
}

/// The proxy on the way to the peers.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "SOCKS5 proxy")]
pub(crate) struct Socks {
    /// Make tcp connections through this proxy, which resolves the names
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) socks_proxy: Option<String>,
    /// Give it a name and a password, in the clear; other users see them in the list of processes
    #[arg(long, value_name = "NAME:PASSWORD", requires = "socks_proxy", conflicts_with = "socks_user_file")]
    pub(crate) socks_user: Option<Login>,
    /// As --socks-user, with the one line of FILE, which may be a pipe
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

/// Where the messages come from: standard input, one a line, unless told otherwise.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Input {
    /// Send this; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Vec<String>,
    /// Read the messages from this file instead of standard input
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
    /// Print messages as they are, each in a line; with nothing between them; as digits; as arrays of parts
    #[arg(long, value_enum, default_value_t = Format::Line)]
    pub(crate) format: Format,
}

// No documentation for --help to show: it would take a screen.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    // As they are, a newline after each.
    Line,
    // As they are, with nothing between them.
    Raw,
    // Hexadecimal digits, parts separated by a space.
    Hex,
    // An array of the parts: texts, or {"hex": "…"} where a part is not UTF-8.
    Json,
}

/// The bytes between the parts of a message.
#[derive(Clone, Debug)]
pub(crate) struct Separator(pub(crate) Vec<u8>);

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.001 => Ok(rate),
        _ => Err("expected a number of messages per second, at least 0.001".to_owned()),
    }
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
    fn separators_with_escapes() {
        let bytes = |text| parse_separator(text).map(|s| s.0);
        assert_eq!(bytes("|"), Ok(b"|".to_vec()));
        assert_eq!(bytes(r"\t\0\\\x1f"), Ok(b"\t\0\\\x1f".to_vec()));
        for wrong in ["", r"\", r"\q", r"\x1", r"\xzz"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}

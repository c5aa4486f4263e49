//! What `--help` says: texts that stand below the options, and options whose text depends on the kind of socket.

use clap::Arg;
use ferrozmq::SocketType;

use crate::cat::Role;

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    everything was done
  1    it did not work: an address in use, a file that cannot be read, messages that were not delivered, …
  2    the command line was wrong
  124  a --timeout or --linger has passed
  130  ended by Ctrl-C, SIGTERM or SIGHUP";

pub(super) const EXAMPLES: &str = "\
Examples:
  fzmq pull tcp://127.0.0.1:5555                   print what arrives
  seq 1000 | fzmq push tcp://127.0.0.1:5555        send a thousand messages
  fzmq rep tcp://127.0.0.1:5556 --exec 'tr a-z A-Z'
  echo hello | fzmq req tcp://127.0.0.1:5556
  fzmq sub tcp://127.0.0.1:5557 --topic weather
  fzmq pub tcp://127.0.0.1:5557 --topic weather --message sunny --interval 1s
  fzmq dish tcp://127.0.0.1:5558 --group weather
  fzmq radio tcp://127.0.0.1:5558 --group weather --message sunny --wait-peers 1
  fzmq proxy 'tcp://*:5559' 'tcp://*:5560' --stats";

pub(super) const PROXY_EXAMPLES: &str = "\
Examples:
  fzmq proxy 'tcp://*:5559' 'tcp://*:5560' --stats
  fzmq proxy 'tcp://*:5559' ipc:///run/workers --front-key server.key --front-clients clients
  fzmq proxy 'tcp://*:5561' tcp://news.example:5562 --pull-push --connect-back --back-socks-proxy 127.0.0.1:1080
  fzmq proxy 'udp://eth0;239.0.0.1:5563' 'tcp://*:5564' --front-type dish --back-type radio --group news";

macro_rules! connected {
    () => {
        "tcp://host:port, tcp://*:port, tcp://127.0.0.1:* (a free port), ipc:///path; where the kernel has them \
         vsock://cid:port, tipc://{service,instance}"
    };
}

/// The endpoints of sockets that are connected.
pub(super) const ENDPOINTS: &str = connected!();

/// The help of the options, for a kind of socket.
pub(super) fn of(kind: SocketType) -> impl Fn(Arg) -> Arg {
    use SocketType as T;
    let role = Role::of(kind);
    move |arg| match (arg.get_id().as_str(), kind, role) {
        ("endpoints", T::Radio | T::Dish, _) => {
            arg.help(concat!(connected!(), "; udp://host:port, udp://interface;group:port"))
        }
        ("endpoints", T::Dgram, _) => {
            arg.help("udp://host:port, udp://*:* (a free port), udp://interface;group:port")
        }
        // Nobody is connected to anybody.
        (
            "key" | "server_key" | "clients" | "user" | "user_file" | "socks_proxy" | "socks_user"
            | "socks_user_file" | "wait_peers" | "bind" | "connect" | "verbose",
            T::Dgram,
            _,
        ) => arg.hide(true),
        ("bind", T::Radio, _) => arg.help("Bind the endpoints; the default, but for udp"),
        ("connect", T::Radio, _) => arg.help("Connect to the endpoints; the default for udp"),
        ("bind", T::Dish, _) => arg.help("Bind the endpoints; the default for udp, and for those with a *"),
        ("bind", _, _) if super::cat::binds(kind) => arg.help("Bind the endpoints; the default"),
        ("bind", _, _) => arg.help("Bind the endpoints; the default for those with a *"),
        ("connect", _, _) if super::cat::binds(kind) => arg.help("Connect to the endpoints"),
        ("connect", _, _) => arg.help("Connect to the endpoints; the default for the others"),
        ("count", _, Role::Sends) => arg.help("End when N messages are sent"),
        ("count", _, Role::Receives) => arg.help("End when N messages have arrived"),
        ("count", _, Role::Asks | Role::Answers) => arg.help("End when N requests are answered"),
        ("count", _, Role::Talks) => {
            arg.help("End when N messages have arrived; with 0, at the end of the input")
        }
        ("message", _, Role::Sends | Role::Asks) => {
            arg.help("Send this; may be repeated. Again and again with --count, --rate or --interval")
        }
        ("wait_peers", T::Pub | T::Xpub, _) => arg.help("Begin when N subscribers are there"),
        ("wait_peers", T::Radio, _) => arg.help("Begin when N members of groups are there"),
        ("multipart", _, _) if kind.is_thread_safe() => arg.hide(true),
        ("multipart", T::Router | T::Stream, _) => arg.help(
            "Messages have parts, with this between them (\\t, \\n, \\0, \\xHH); the first names the peer",
        ),
        ("multipart", T::Dgram, _) => {
            arg.help("In front of each datagram is its peer's address, with this between them")
        }
        ("linger", _, Role::Receives) => arg.hide(true),
        _ => arg,
    }
}

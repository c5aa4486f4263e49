//! The command lines of the socket commands, and what they come to.

use std::net::SocketAddr;

use clap::Args;
use ferrozmq::SocketType;

use super::{
    Command,
    options::{Common, Format, Input, Multicast, Output},
};

#[derive(Args)]
pub(crate) struct SendToGroup {
    /// The group that gets the messages, of up to 255 bytes; the one without a name unless given
    #[arg(short, long, value_name = "GROUP", default_value = "", hide_default_value = true)]
    group: String,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    multicast: Multicast,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Datagrams {
    /// Send everything to this address, numeric; IPv6 in brackets
    #[arg(long, value_name = "IP:PORT", conflicts_with = "multipart")]
    to: Option<SocketAddr>,
    #[command(flatten)]
    multicast: Multicast,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Args)]
pub(crate) struct ReceiveOfGroups {
    /// A group to join; may be repeated; the one without a name unless given
    #[arg(short, long, value_name = "GROUP")]
    group: Vec<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Publish {
    /// The topic: the first part of each message
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Subscribe {
    /// Only messages that begin with this; may be repeated
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Send {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Receive {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Talk {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
pub(crate) struct Named {
    /// The routing id: the name by which a ROUTER knows this socket
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Args)]
pub(crate) struct SubscribeByHand {
    /// Subscribe to messages that begin with this; may be repeated
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Args)]
pub(crate) struct Reply {
    #[command(flatten)]
    answer: AnswerChoice,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Args)]
#[group(multiple = false)]
struct AnswerChoice {
    /// Answer with the request
    #[arg(long, conflicts_with_all = ["message", "file"])]
    echo: bool,
    /// Answer with what this shell command makes of the request, less a newline at the end
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

    /// Whether a send is what waits for room: these types are ready to send at any time, whoever the message is for.
    pub(crate) fn waits_for_room_in_send(&self) -> bool {
        use SocketType as T;
        match self.kind {
            T::Router | T::Stream | T::Server | T::Peer => true,
            T::Radio => self.is_udp_only(),
            _ => false,
        }
    }

    /// Whether an endpoint is bound rather than connected.
    pub(crate) fn binds(&self, endpoint: &str) -> bool {
        use SocketType as T;
        let usually =
            if is_udp(endpoint) { self.kind != T::Radio } else { binds(self.kind) || endpoint.contains('*') };
        self.common.bind || !self.common.connect && usually
    }
}

/// Whether sockets of this kind are bound rather than connected, but over udp.
pub(super) fn binds(kind: SocketType) -> bool {
    use SocketType as T;
    matches!(
        kind,
        T::Pub | T::Rep | T::Router | T::Pull | T::Xpub | T::Server | T::Radio | T::Gather | T::Dgram
    )
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

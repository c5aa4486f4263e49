//! The kinds of ZeroMQ socket, their numbers in `zmq.h` and their names in the ZMTP handshake.

macro_rules! socket_types {
    ($($variant:ident = $number:literal, $name:literal, $doc:literal;)*) => {
        /// A kind of socket (zmq_socket(3); RFC 23 names them in the READY command).
        ///
        /// ```
        /// # use ferrozmq_base::SocketType;
        /// assert_eq!(SocketType::Pull.name(), "PULL");
        /// assert_eq!(SocketType::from_name(b"PULL"), Some(SocketType::Pull));
        /// assert_eq!(SocketType::Pull.number(), 7);                   // ZMQ_PULL
        /// assert_eq!(SocketType::from_number(7), Some(SocketType::Pull));
        /// assert_eq!(SocketType::ALL[7], SocketType::Pull);
        ///
        /// assert!(SocketType::Pull.accepts(SocketType::Push));
        /// assert!(SocketType::Client.is_thread_safe());
        /// assert!(SocketType::Req.sends_identity());
        /// assert!(SocketType::Sub.sends_commands());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum SocketType {
            $(#[doc = $doc] $variant = $number,)*
        }

        impl SocketType {
            /// Every kind, in the order of their numbers.
            ///
            /// See the example of [`SocketType`].
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that ZMTP uses, in upper case.
            ///
            /// See the example of [`SocketType`].
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

socket_types! {
    Pair = 0, "PAIR", "Exclusive pair (RFC 31).";
    Pub = 1, "PUB", "Publisher (RFC 29).";
    Sub = 2, "SUB", "Subscriber (RFC 29).";
    Req = 3, "REQ", "Requester (RFC 28).";
    Rep = 4, "REP", "Replier (RFC 28).";
    Dealer = 5, "DEALER", "Load-balancing, fair-queueing peer (RFC 28).";
    Router = 6, "ROUTER", "Peer that routes by identity (RFC 28).";
    Pull = 7, "PULL", "End of a pipeline (RFC 30).";
    Push = 8, "PUSH", "Start of a pipeline (RFC 30).";
    Xpub = 9, "XPUB", "Publisher that sees subscriptions (RFC 29).";
    Xsub = 10, "XSUB", "Subscriber that sends subscriptions as messages (RFC 29).";
    Stream = 11, "STREAM", "Raw TCP (zmq_socket(3)).";
    Server = 12, "SERVER", "Thread-safe router (RFC 41).";
    Client = 13, "CLIENT", "Thread-safe dealer (RFC 41).";
    Radio = 14, "RADIO", "Thread-safe publisher to groups (RFC 48).";
    Dish = 15, "DISH", "Thread-safe subscriber to groups (RFC 48).";
    Gather = 16, "GATHER", "Thread-safe end of a pipeline (RFC 49).";
    Scatter = 17, "SCATTER", "Thread-safe start of a pipeline (RFC 49).";
    Dgram = 18, "DGRAM", "Raw UDP.";
    Peer = 19, "PEER", "Thread-safe peer to peer (RFC 51).";
    Channel = 20, "CHANNEL", "Thread-safe pair (RFC 52).";
}

impl SocketType {
    /// The number of the type in `zmq.h` (`ZMQ_PAIR` is 0).
    ///
    /// See the example of [`SocketType`].
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The type with this number in `zmq.h`.
    ///
    /// See the example of [`SocketType`].
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The type with this ZMTP name; names match exactly.
    ///
    /// See the example of [`SocketType`].
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.name().as_bytes() == name)
    }

    /// Whether a peer of type `peer` may talk to this type (RFC 23, "socket-type" property).
    ///
    /// See the example of [`SocketType`].
    pub const fn accepts(self, peer: Self) -> bool {
        use SocketType::*;
        matches!(
            (self, peer),
            (Pair, Pair)
                | (Pub | Xpub, Sub | Xsub)
                | (Sub | Xsub, Pub | Xpub)
                | (Req, Rep | Router)
                | (Rep, Req | Dealer)
                | (Dealer, Rep | Dealer | Router)
                | (Router, Req | Dealer | Router)
                | (Push, Pull)
                | (Pull, Push)
                | (Client, Server)
                | (Server, Client)
                | (Radio, Dish)
                | (Dish, Radio)
                | (Scatter, Gather)
                | (Gather, Scatter)
                | (Peer, Peer)
                | (Channel, Channel)
                | (Dgram, Dgram)
        )
    }

    /// Whether the type may be shared between threads (zmq_socket(3)).
    ///
    /// See the example of [`SocketType`].
    pub const fn is_thread_safe(self) -> bool {
        use SocketType::*;
        matches!(self, Server | Client | Radio | Dish | Gather | Scatter | Peer | Channel)
    }

    /// Whether the READY command of this type carries an Identity property (RFC 23; also the types whose routing
    /// id a ROUTER sees).
    ///
    /// See the example of [`SocketType`].
    pub const fn sends_identity(self) -> bool {
        matches!(self, Self::Req | Self::Dealer | Self::Router)
    }

    /// Whether the output of this type is made of subscriptions or joins, which travel as commands.
    ///
    /// See the example of [`SocketType`].
    pub const fn sends_commands(self) -> bool {
        matches!(self, Self::Sub | Self::Xsub | Self::Dish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_round_trip() {
        for (i, t) in SocketType::ALL.iter().enumerate() {
            assert_eq!(t.number() as usize, i);
            assert_eq!(SocketType::from_number(i as i32), Some(*t));
            assert_eq!(SocketType::from_name(t.name().as_bytes()), Some(*t));
        }
        assert_eq!(SocketType::from_number(-1), None);
        assert_eq!(SocketType::from_number(21), None);
        assert_eq!(SocketType::from_name(b"pair"), None);
    }

    #[test]
    fn acceptance_is_symmetric() {
        for a in SocketType::ALL {
            for b in SocketType::ALL {
                assert_eq!(a.accepts(*b), b.accepts(*a), "{a:?} {b:?}");
            }
        }
    }
}

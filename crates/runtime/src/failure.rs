//! Why connections fail, told apart as finely as the protocol lets one end know.

use std::{fmt, io};

use ferrozmq_proto::{HandshakeStage, ProtocolError, socks::SocksError};

/// The number of the first reason that is nothing but a reason.
const FIRST_PLAIN: u64 = 16;

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident: $text:literal;)*) => {
        /// Why a handshake failed, or a peer was cut off after it, as far as this end can know.
        ///
        /// A peer that closes the connection says nothing of why: those reasons name what is likely.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum HandshakeFailure {
            /// The connection failed, with this code of the operating system (errno).
            Connection(i32),
            /// The peer's authenticator refused us, with this status: 300, 400 or 500.
            Refused(u16),
            /// Our own authenticator refused the peer, with this status: 300, 400 or 500.
            Rejected(u16),
            /// The SOCKS5 proxy gives no connection to the peer.
            Proxy(SocksError),
            /// Our list of clients cannot be read, with this code of the operating system (errno): the peer was put off.
            ListUnreadable(i32),
            /// This line of our list of clients is wrong, counted from 1: the peer was put off.
            ListMalformed(u32),
            $($(#[$doc])* $name,)*
        }

        impl HandshakeFailure {
            /// Those that are nothing but a reason.
            const PLAIN: &[Self] = &[$(Self::$name),*];
        }

        impl fmt::Display for HandshakeFailure {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Connection(code) => {
                        write!(f, "the connection failed: {}", io::Error::from_raw_os_error(*code))
                    }
                    Self::Refused(status) => write!(f, "the peer refused us with status {status}"),
                    Self::Rejected(status) => write!(f, "our authenticator refused the peer with status {status}"),
                    Self::Proxy(why) => why.fmt(f),
                    Self::ListUnreadable(code) => {
                        write!(f, "our list of clients cannot be read: {}", io::Error::from_raw_os_error(*code))
                    }
                    Self::ListMalformed(line) => write!(f, "line {line} of our list of clients is wrong"),
                    $(Self::$name => f.write_str($text),)*
                }
            }
        }
    };
}

failures! {
    /// The peer closed the connection before its greeting was complete: it speaks another protocol or another version, or
    /// has no room for us.
    ClosedInGreeting: "the peer closed the connection before its greeting was complete";
    /// The peer closed the connection on our HELLO: its CURVE key is not the one we were given, or it has nobody who
    /// could judge us.
    ClosedOnHello: "the peer closed the connection on our HELLO: it has another key than we were given, or nobody who could \
                    judge us";
    /// The peer closed the connection later in the handshake, without a reason: our socket type does not fit, nobody
    /// judges us, or it was too slow for the peer.
    Closed: "the peer closed the connection during the handshake";
    /// The SOCKS5 proxy closed the connection instead of an answer.
    ProxyClosed: "the proxy closed the connection";
    /// The SOCKS5 proxy said that the connection stands, and then it was closed before a greeting was complete: by the
    /// peer, or by the proxy.
    ClosedBehindProxy: "the proxy made the connection, and it was closed before the peer's greeting was complete: by the \
                        peer, or by the proxy";
    /// The SOCKS5 proxy said that the connection stands, and then what came was no greeting: it is the proxy's own, or
    /// the peer does not speak ZMTP, or only an old version.
    NoGreetingBehindProxy: "the proxy made the connection, and what came through it is no greeting that is served: it is \
                            the proxy's own, or the peer speaks another protocol or an old version";
    /// The SOCKS5 proxy took longer than connecting, or a handshake, may take.
    ProxyTimedOut: "the proxy did not answer in time";
    /// The peer took longer than the handshake may take.
    TimedOut: "the peer did not complete the handshake in time";
    /// Our authenticator gave no answer about the peer in the time that the handshake may take.
    HandlerSilent: "our authenticator did not answer in time";
    /// Our ZAP handler did not take the question about the peer in the time that the handshake may take: it had others to
    /// take before.
    HandlerBusy: "our ZAP handler had too many other questions to take before the one about the peer";
    /// There is nobody who could judge the peer.
    HandlerAbsent: "nobody is there to judge the peer: no authenticator, and no ZAP handler at inproc://zeromq.zap.01";
    /// The answer of our ZAP handler is not one of RFC 27.
    HandlerAnswer: "the answer of our ZAP handler is malformed";
    /// Too many handshakes were under way at the listener, and this was the oldest.
    TooManyPending: "too many handshakes were under way, and this was the oldest";
    /// The peer has another security mechanism.
    Mechanism: "the peer has another security mechanism";
    /// The peer speaks ZMTP 1 or 2, which are not served, or not where there is security.
    OldVersion: "the peer speaks ZMTP 1 or 2, which this socket does not serve";
    /// What the peer says is no greeting of ZMTP: it speaks another protocol.
    NotZmtp: "the peer does not speak ZMTP";
    /// The client of a CURVE server was given another server key than ours.
    ServerKey: "the client was given another server key than ours";
    /// A box of CURVE does not open: it was forged or damaged, or the peer's key is not the one we were given.
    Forged: "an encrypted box of the peer does not open: it was forged, or the peer has another key";
    /// The CURVE client vouches for another connection or to another server.
    Vouch: "the client vouches for another connection or to another server";
    /// An encrypted message that came before, or out of order.
    Replayed: "an encrypted message came again, or out of order";
    /// The socket types of the two ends do not fit.
    SocketType: "the socket types of the two ends do not fit";
    /// The peer refused us, without a status.
    RefusedUnexplained: "the peer refused us without a status";
    /// The properties of the peer's handshake are malformed, or take more room than they may.
    Metadata: "the properties in the peer's handshake are malformed, or too many";
    /// The peer's routing id has more than 255 bytes.
    RoutingId: "the peer's routing id has more than 255 bytes";
    /// A command of the handshake, or a frame, is longer than it may be.
    TooLong: "the peer sent a longer frame than it may";
    /// The peer of a publisher subscribes to more than one peer may.
    SubscribesTooMuch: "the peer subscribes to more than one peer may";
    /// A command that does not belong there, or while it was our turn.
    Unexpected: "the peer sent a command that does not belong there";
    /// A command or frame that breaks the protocol in another way.
    Malformed: "the peer sent a malformed command or frame";
}

impl HandshakeFailure {
    /// As two numbers of an event, for [`from_numbers`](Self::from_numbers).
    pub(crate) fn numbers(self) -> [u64; 2] {
        match self {
            // As unsigned as it came.
            Self::Connection(code) => [0, code as u64],
            Self::Refused(status) => [1, status.into()],
            Self::Rejected(status) => [2, status.into()],
            Self::Proxy(why) => [3, why.number().into()],
            Self::ListUnreadable(code) => [4, code as u64],
            Self::ListMalformed(line) => [5, line.into()],
            plain => {
                let index = Self::PLAIN.iter().position(|one| *one == plain).unwrap_or_default();
                [FIRST_PLAIN + index as u64, 0]
            }
        }
    }

    /// What the two values of a failure's event mean; `None` if nothing.
    pub fn from_numbers(which: u64, value: u64) -> Option<Self> {
        match which {
            0 => Some(Self::Connection(value as i32)),
            1 => Some(Self::Refused(value as u16)),
            2 => Some(Self::Rejected(value as u16)),
            3 => SocksError::from_number(u16::try_from(value).ok()?).map(Self::Proxy),
            4 => Some(Self::ListUnreadable(value as i32)),
            5 => Some(Self::ListMalformed(value as u32)),
            _ => Self::PLAIN.get(usize::try_from(which.checked_sub(FIRST_PLAIN)?).ok()?).copied(),
        }
    }
}

impl HandshakeFailure {
    /// The same, where a proxy made the connection: before the peer has shown who it is, it may be the proxy that speaks
    /// or hangs up.
    pub(crate) fn behind_proxy(self) -> Self {
        match self {
            Self::ClosedInGreeting => Self::ClosedBehindProxy,
            Self::NotZmtp | Self::OldVersion => Self::NoGreetingBehindProxy,
            other => other,
        }
    }
}

/// The peer closed the connection there.
impl From<HandshakeStage> for HandshakeFailure {
    fn from(stage: HandshakeStage) -> Self {
        match stage {
            HandshakeStage::Greeting => Self::ClosedInGreeting,
            HandshakeStage::Hello => Self::ClosedOnHello,
            HandshakeStage::Later => Self::Closed,
        }
    }
}

impl From<ProtocolError> for HandshakeFailure {
    fn from(error: ProtocolError) -> Self {
        use ProtocolError as E;
        match error {
            E::MechanismMismatch => Self::Mechanism,
            E::OldVersion => Self::OldVersion,
            E::NotZmtp | E::NoMechanism => Self::NotZmtp,
            E::ServerKey => Self::ServerKey,
            E::Cryptographic => Self::Forged,
            E::KeyExchange => Self::Vouch,
            E::Sequence => Self::Replayed,
            E::SocketTypeMismatch | E::ReadySocketType => Self::SocketType,
            E::Refused(Some(status)) => Self::Refused(status),
            E::Refused(None) => Self::RefusedUnexplained,
            E::ZapMalformed
            | E::ZapDelimiter
            | E::ZapVersion
            | E::ZapRequestId
            | E::ZapStatus
            | E::ZapMetadata => Self::HandlerAnswer,
            E::ZapUnavailable => Self::HandlerAbsent,
            E::ReadyMetadata | E::InvalidMetadata => Self::Metadata,
            E::RoutingIdTooLong => Self::RoutingId,
            E::HandshakeTooLong | E::FrameTooLong | E::LengthOutOfRange | E::GroupTooLong => Self::TooLong,
            E::OutOfTurn | E::UnexpectedCommand => Self::Unexpected,
            E::SubscribesTooMuch => Self::SubscribesTooMuch,
            _ => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_event_and_has_a_text_of_its_own() {
        let with_value = [0, 104, -1].map(HandshakeFailure::Connection).into_iter();
        let with_status = [300, 400, 500]
            .into_iter()
            .flat_map(|status| [HandshakeFailure::Refused(status), HandshakeFailure::Rejected(status)]);
        let of_proxy = (0..=u16::MAX).filter_map(SocksError::from_number).map(HandshakeFailure::Proxy);
        let of_list =
            [HandshakeFailure::ListUnreadable(2), HandshakeFailure::ListMalformed(u32::MAX)].into_iter();
        let plain = HandshakeFailure::PLAIN.iter().copied();
        let all: Vec<_> = with_value.chain(with_status).chain(of_proxy).chain(of_list).chain(plain).collect();
        for failure in &all {
            let [which, value] = failure.numbers();
            assert_eq!(HandshakeFailure::from_numbers(which, value), Some(*failure));
        }
        let texts: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), all.len());
        for unknown in [3, 6, 15, 1000, u64::MAX] {
            assert_eq!(HandshakeFailure::from_numbers(unknown, 0), None);
        }
    }
}

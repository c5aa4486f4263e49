//! Our Rust library.

use std::time::Duration;

use ferrozmq::security::{Authenticator, KeyPair, NotAKey};
use ferrozmq::{Builder, Error, Interest, Message, Poller, SendError, SocketType};

use crate::stamp::Stamp;
use crate::subject::{CLIENT_KEYS, Fault, Kind, Result, SERVER_KEYS, Security, Socket, Subject};

const HWM: u32 = 1000;
/// Nothing is to be lost by closing, as with the C libraries' default.
const LINGER: Duration = Duration::from_hours(1);
const SUBSCRIBE: i32 = 6;
const XPUB_VERBOSE: i32 = 40;
const XPUB_NODROP: i32 = 69;

/// The crate `ferrozmq`, linked into this program.
pub(crate) struct RustApi;

/// A socket, and the message that is received into.
pub(crate) struct RustSocket(ferrozmq::Socket, Message);

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::new(e.to_string())
    }
}

impl<M> From<SendError<M>> for Fault {
    fn from(e: SendError<M>) -> Self {
        e.error().into()
    }
}

impl From<NotAKey> for Fault {
    fn from(e: NotAKey) -> Self {
        Self::new(e.to_string())
    }
}

fn keys([_, secret]: [&str; 2]) -> Result<KeyPair> {
    Ok(secret.parse()?)
}

impl Subject for RustApi {
    type Context = ferrozmq::Context;
    type Socket = RustSocket;
    type Poller = Poller<'static, usize>;

    fn context(&self) -> Result<Self::Context> {
        // Unlike the C libraries it lets in nobody who is not known; asked for CURVE only.
        let guard = Authenticator::new().allow_key(keys(CLIENT_KEYS)?.public, "bench");
        Ok(ferrozmq::Context::builder().authenticator(guard).build())
    }

    fn socket(&self, context: &Self::Context, kind: Kind, security: Security) -> Result<RustSocket> {
        let on = 1_i32.to_ne_bytes();
        let with = |kind| -> Builder<ferrozmq::Socket> {
            context.socket(kind).send_hwm(HWM).receive_hwm(HWM).linger(LINGER)
        };
        let builder = match kind {
            Kind::Pair => with(SocketType::Pair),
            Kind::Req => with(SocketType::Req),
            Kind::Rep => with(SocketType::Rep),
            Kind::Push => with(SocketType::Push),
            Kind::Pull => with(SocketType::Pull),
            Kind::Sub => with(SocketType::Sub).option(SUBSCRIBE, &[]),
            Kind::PatientPub => with(SocketType::Xpub).option(XPUB_VERBOSE, &on).option(XPUB_NODROP, &on),
        };
        let builder = match security {
            Security::None => builder,
            Security::CurveServer => builder.curve_server(&keys(SERVER_KEYS)?.secret),
            Security::CurveClient => builder.curve_client(&keys(CLIENT_KEYS)?, keys(SERVER_KEYS)?.public),
        };
        Ok(RustSocket(builder.build()?, Message::new()))
    }

    fn poller(&self, sockets: &[RustSocket]) -> Result<Self::Poller> {
        let mut poller = Poller::new();
        for (key, socket) in sockets.iter().enumerate() {
            poller.add(&socket.0, key, Interest::READABLE)?;
        }
        Ok(poller)
    }

    #[inline]
    fn poll(&self, poller: &mut Self::Poller) -> Result<usize> {
        Ok(poller.wait(Duration::ZERO)?.len())
    }
}

impl Socket for RustSocket {
    fn bind(&mut self, endpoint: &str) -> Result<String> {
        self.0.bind(endpoint)?;
        Ok(self.0.last_endpoint().to_owned())
    }

    fn connect(&mut self, endpoint: &str) -> Result<()> {
        Ok(self.0.connect(endpoint)?)
    }

    #[inline]
    fn send_object(&mut self, size: usize, stamp: Stamp) -> Result<()> {
        Ok(self.0.send(Message::build(size, |body| stamp.write(body))?)?)
    }

    #[inline]
    fn recv_object<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.0.recv_into(&mut self.1)?;
        Ok(look(&self.1))
    }

    #[inline]
    fn send_buffer(&mut self, body: &[u8]) -> Result<()> {
        Ok(self.0.send(body)?)
    }

    #[inline]
    fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.0.recv_into(&mut self.1)?;
        self.1.copy_to(buffer);
        Ok(self.1.len())
    }
}

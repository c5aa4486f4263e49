//! PLAIN: a name and a password in the clear, judged by somebody else (RFC 24).
//!
//! ```text
//! C: HELLO(name, password)      S: asks     S: WELCOME
//! C: INITIATE(metadata)                     S: READY(metadata)
//! ```

use zeroize::Zeroizing;

use super::{Password, Progress, command, put_command, refusal};
use crate::{
    config::Config,
    error::{Malformed, ProtocolError},
    metadata,
    zap::{Credentials, Verdict},
};

/// ERROR as libzmq from 4.3.0 on writes it, and the only form that it understands: its name begins with `^` instead of a
/// length and an `E`.
const BROKEN_ERROR: &[u8] = b"^RROR";

/// The longest HELLO. A password in it is never moved, so that nothing of it is left behind.
const HELLO_BYTES: usize = 6 + 2 * 256;

/// The side that has a name.
#[derive(Debug)]
pub(crate) struct Client {
    welcomed: bool,
}

impl Client {
    pub(super) fn begin(username: &[u8], password: &Password, out: &mut Vec<u8>) -> Self {
        let mut body = Zeroizing::new(Vec::with_capacity(HELLO_BYTES));
        body.extend_from_slice(b"\x05HELLO");
        for field in [username, &password.0] {
            // Options have checked the lengths.
            let field = field.get(..255).unwrap_or(field);
            body.push(u8::try_from(field.len()).unwrap_or(u8::MAX));
            body.extend_from_slice(field);
        }
        put_command(&body, out);
        Self { welcomed: false }
    }

    pub(super) fn awaits_welcome(&self) -> bool {
        !self.welcomed
    }

    pub(super) fn receive(
        &mut self,
        body: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        if let Some(reason) = body.strip_prefix(BROKEN_ERROR) {
            return Err(refusal(reason));
        }
        match command(body)? {
            (b"ERROR", reason) => Err(refusal(reason)),
            (b"WELCOME", data) if !self.welcomed => {
                if !data.is_empty() {
                    return Err(ProtocolError::Malformed(Malformed::Welcome));
                }
                self.welcomed = true;
                let mut body = b"\x08INITIATE".to_vec();
                metadata::put_properties(config, &mut body);
                put_command(&body, out);
                Ok(Progress::Wait)
            }
            (b"READY", properties) if self.welcomed => {
                let peer = metadata::read_ready(config.socket_type, properties)?;
                Ok(Progress::Ready(peer, None))
            }
            _ => Err(ProtocolError::UnexpectedCommand),
        }
    }
}

/// The side that asks for names.
#[derive(Debug)]
pub(crate) enum Server {
    Hello,
    Asked,
    Initiate,
    /// What more the peer says is its mistake.
    Refused,
}

impl Server {
    pub(super) fn new() -> Self {
        Self::Hello
    }

    pub(super) fn receive(
        &mut self,
        body: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match (&self, command(body)?) {
            (Self::Hello, (b"HELLO", data)) => {
                let credentials = hello(data).ok_or(ProtocolError::Malformed(Malformed::Hello))?;
                *self = Self::Asked;
                Ok(Progress::Ask(credentials))
            }
            (Self::Initiate, (b"INITIATE", properties)) => {
                let peer = metadata::read_properties(config.socket_type, properties)?;
                let mut body = b"\x05READY".to_vec();
                metadata::put_properties(config, &mut body);
                put_command(&body, out);
                Ok(Progress::Ready(peer, None))
            }
            (Self::Hello | Self::Initiate, _) => Err(ProtocolError::UnexpectedCommand),
            (Self::Asked | Self::Refused, _) => Err(ProtocolError::OutOfTurn),
        }
    }

    pub(super) fn answer(&mut self, verdict: Verdict, out: &mut Vec<u8>) -> Result<Progress, ProtocolError> {
        match verdict {
            Verdict::Allow => {
                put_command(b"\x07WELCOME", out);
                *self = Self::Initiate;
            }
            Verdict::Refuse(status) => {
                if status != 300 {
                    put_command(&[BROKEN_ERROR, format!("\x03{status:03}").as_bytes()].concat(), out);
                }
                *self = Self::Refused;
            }
        }
        Ok(Progress::Wait)
    }
}

/// The two fields of a HELLO, which must fill it.
fn hello(data: &[u8]) -> Option<Credentials> {
    let (username, rest) = field(data)?;
    let (password, rest) = field(rest)?;
    rest.is_empty()
        .then(|| Credentials::Plain { username: username.to_vec(), password: Password(password.to_vec()) })
}

fn field(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ferrozmq_base::SocketType;

    use super::*;
    use crate::{Engine, Mechanism, Mode, engine::tests::command_frame};

    fn engine(socket_type: SocketType, mechanism: Mechanism) -> Engine {
        Engine::new(Config { mechanism, ..Config::new(socket_type) }, Instant::now())
    }

    fn client() -> Engine {
        let password = Password(b"secret".into());
        engine(SocketType::Dealer, Mechanism::PlainClient { username: b"admin".into(), password })
    }

    fn server() -> Engine {
        engine(SocketType::Router, Mechanism::PlainServer)
    }

    /// The greeting of a peer with PLAIN.
    fn greeting() -> Vec<u8> {
        let mut greeting = vec![0; 64];
        greeting[..12].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\0\x7F\x03\x01");
        greeting[12..17].copy_from_slice(b"PLAIN");
        greeting
    }

    /// What the engine sends on this input, without greetings.
    fn feed(engine: &mut Engine, input: &[u8]) -> Result<Vec<u8>, ProtocolError> {
        let mut out = vec![];
        engine.handshake(input, &mut out, Instant::now())?;
        Ok(out)
    }

    fn greeted(mut engine: Engine) -> (Engine, Vec<u8>) {
        let mut out = vec![];
        engine.start(&mut out);
        out.extend(feed(&mut engine, &greeting()).unwrap());
        let hello = out.split_off(64);
        (engine, hello)
    }

    fn answer(engine: &mut Engine, verdict: Verdict) -> Vec<u8> {
        let mut out = vec![];
        engine.answer(verdict, &mut out, Instant::now()).unwrap();
        out
    }

    const HELLO: &[u8] = b"\x05HELLO\x05admin\x06secret";

    #[test]
    fn a_name_is_asked_about_and_let_in() {
        let (mut client, hello) = greeted(client());
        assert_eq!(hello, command_frame(HELLO));
        let (mut server, nothing) = greeted(server());
        assert_eq!((nothing, feed(&mut server, &hello)), (vec![], Ok(vec![])));
        let expected = Credentials::Plain { username: b"admin".into(), password: Password(b"secret".into()) };
        assert_eq!(server.question(), Some(expected));
        let welcome = answer(&mut server, Verdict::Allow);
        assert_eq!(welcome, command_frame(b"\x07WELCOME"));
        let initiate = feed(&mut client, &welcome).unwrap();
        assert!(initiate.starts_with(b"\x04\x2C\x08INITIATE\x0BSocket-Type"), "{initiate:?}");
        let ready = feed(&mut server, &initiate).unwrap();
        assert!(feed(&mut client, &ready).unwrap().is_empty());
        for (engine, peer) in [(client, SocketType::Router), (server, SocketType::Dealer)] {
            let ready = engine.ready().unwrap();
            assert_eq!((ready.tx, ready.rx, ready.peer.socket_type), (Mode::Plain, Mode::Plain, Some(peer)));
        }
    }

    #[test]
    fn a_refused_client_understands_both_forms_of_error() {
        let (mut server, _) = greeted(server());
        feed(&mut server, &command_frame(HELLO)).unwrap();
        let error = answer(&mut server, Verdict::Refuse(400));
        assert_eq!(error, b"\x04\x09^RROR\x03400");
        for error in [error, command_frame(b"\x05ERROR\x03400")] {
            let (mut client, _) = greeted(client());
            assert_eq!(feed(&mut client, &error), Err(ProtocolError::Refused(Some(400))));
        }
        assert_eq!(feed(&mut server, &command_frame(HELLO)), Err(ProtocolError::OutOfTurn));
    }

    #[test]
    fn a_temporary_refusal_is_silent() {
        let (mut server, _) = greeted(server());
        feed(&mut server, &command_frame(HELLO)).unwrap();
        assert!(answer(&mut server, Verdict::Refuse(300)).is_empty());
    }

    #[test]
    fn nothing_is_taken_before_the_answer() {
        let (mut server, _) = greeted(server());
        feed(&mut server, &command_frame(HELLO)).unwrap();
        let early = feed(&mut server, &command_frame(b"\x08INITIATE"));
        assert_eq!(early, Err(ProtocolError::OutOfTurn));
    }

    #[test]
    fn a_hello_must_be_filled_by_its_fields() {
        for bad in [&b"\x05HELLO"[..], b"\x05HELLO\x01a", b"\x05HELLO\x01a\x02b", b"\x05HELLO\x01a\x01bc"] {
            let (mut server, _) = greeted(server());
            let result = feed(&mut server, &command_frame(bad));
            assert_eq!(result, Err(ProtocolError::Malformed(Malformed::Hello)), "{bad:?}");
        }
        let (mut server, _) = greeted(server());
        assert_eq!(feed(&mut server, &command_frame(b"\x05HELLO\0\0")), Ok(vec![]));
        assert!(server.question().is_some(), "empty ones are judged, too");
    }

    #[test]
    fn a_server_that_is_out_of_order_is_refused() {
        for (commands, error) in [
            (vec![&b"\x05READY"[..]], ProtocolError::UnexpectedCommand),
            (vec![b"\x07WELCOME", b"\x07WELCOME"], ProtocolError::UnexpectedCommand),
            (vec![b"\x07WELCOME!"], ProtocolError::Malformed(Malformed::Welcome)),
            (vec![b"\x05ERROR\x04400"], ProtocolError::MalformedError),
            (vec![b"\x07WELCOME", b"\x05READY\x0B"], ProtocolError::ReadyMetadata),
            (vec![b""], ProtocolError::Malformed(Malformed::Unspecified)),
        ] {
            let (mut client, _) = greeted(client());
            let frames: Vec<u8> = commands.iter().flat_map(|body| command_frame(body)).collect();
            assert_eq!(feed(&mut client, &frames), Err(error), "{commands:?}");
        }
    }
}

//! The side that is known by its key.

use super::{
    COOKIE_BYTES, HELLO_BYTES, INITIATE_BYTES,
    cipher::{Cipher, Role},
    sealed::{self, BoxKey},
};
use crate::{
    config::{Config, Entropy},
    curve::{PublicKey, SecretKey},
    engine::PeerProperties,
    error::{Malformed, ProtocolError},
    mechanism::{Progress, command, put_command, put_error},
    metadata,
    zap::{Credentials, Verdict},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Server {
    secret: SecretKey,
    entropy: Entropy,
    state: State,
}

#[derive(Debug)]
enum State {
    Hello,
    /// The client's key of the connection.
    Initiate(PublicKey),
    Asked(Box<Client>),
    Refused,
}

/// A client that has proved what it is.
struct Client {
    connection: BoxKey,
    counter: u64,
    peer: PeerProperties,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn new(secret: &SecretKey, entropy: &Entropy) -> Self {
        Self { secret: secret.clone(), entropy: entropy.clone(), state: State::Hello }
    }

    pub(crate) fn receive(
        &mut self,
        body: &mut [u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let (name, _) = command(body)?;
        match (std::mem::replace(&mut self.state, State::Refused), name) {
            (State::Hello, b"HELLO") => {
                self.state = State::Initiate(self.hello(body, out)?);
                Ok(Progress::Wait)
            }
            (State::Initiate(theirs), b"INITIATE") => {
                let (key, client) = self.initiate(theirs, body, config)?;
                self.state = State::Asked(Box::new(client));
                if config.asks { Ok(Progress::Ask(Credentials::Curve(key))) } else { self.allow(config, out) }
            }
            (State::Hello | State::Initiate(_), _) => Err(ProtocolError::UnexpectedCommand),
            (State::Asked(_) | State::Refused, _) => Err(ProtocolError::OutOfTurn),
        }
    }

    pub(crate) fn answer(
        &mut self,
        verdict: Verdict,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match verdict {
            Verdict::Allow => self.allow(config, out),
            Verdict::Refuse(status) => {
                put_error(status, out);
                self.state = State::Refused;
                Ok(Progress::Wait)
            }
        }
    }

    /// Answers HELLO with WELCOME; the client's key of the connection.
    fn hello(&self, body: &mut [u8], out: &mut Vec<u8>) -> Result<PublicKey, ProtocolError> {
        let malformed = ProtocolError::Malformed(Malformed::Hello);
        if body.len() != HELLO_BYTES || body.get(6..8) != Some(&[1, 0]) {
            return Err(malformed);
        }
        let rest = body.get_mut(80..).ok_or(malformed)?;
        let (theirs, rest) = rest.split_first_chunk_mut::<32>().ok_or(malformed)?;
        let (counter, sealed) = rest.split_first_chunk_mut::<8>().ok_or(malformed)?;
        let theirs = PublicKey(*theirs);
        let key = BoxKey::shared(&theirs, &self.secret)?;
        let counter = u64::from_be_bytes(*counter);
        sealed::open(&key, &sealed::counted(b"CurveZMQHELLO---", counter), sealed)
            .map_err(|_| ProtocolError::ServerKey)?;

        let short_term = self.entropy.short_term();
        let (welcome_tail, cookie_tail) = (self.entropy.tail(0), self.entropy.tail(1));
        let mut inner = short_term.public().0.to_vec();
        inner.extend_from_slice(&cookie_tail);
        sealed::put(
            &self.cookie_key(),
            &sealed::random(b"COOKIE--", &cookie_tail),
            &zeroize::Zeroizing::new([theirs.0, *short_term.expose()].concat()),
            &mut inner,
        );
        let mut welcome = b"\x07WELCOME".to_vec();
        welcome.extend_from_slice(&welcome_tail);
        sealed::put(&key, &sealed::random(b"WELCOME-", &welcome_tail), &inner, &mut welcome);
        put_command(&welcome, out);
        Ok(theirs)
    }

    /// One key, of the server alone.
    fn cookie_key(&self) -> BoxKey {
        BoxKey::new(&zeroize::Zeroizing::new(self.entropy.cookie_key()))
    }

    /// Who the client is: its key, and what follows from the rest of its INITIATE.
    fn initiate(
        &self,
        theirs: PublicKey,
        body: &mut [u8],
        config: &Config,
    ) -> Result<(PublicKey, Client), ProtocolError> {
        let malformed = ProtocolError::Malformed(Malformed::Initiate);
        if body.len() < INITIATE_BYTES {
            return Err(malformed);
        }
        let rest = body.get_mut(9..).ok_or(malformed)?;
        let (cookie, rest) = rest.split_first_chunk_mut::<COOKIE_BYTES>().ok_or(malformed)?;
        let (counter, sealed) = rest.split_first_chunk_mut::<8>().ok_or(malformed)?;
        let counter = u64::from_be_bytes(*counter);

        let short_term = self.entropy.short_term();
        let (tail, cookie) = cookie.split_first_chunk_mut::<16>().ok_or(malformed)?;
        let cookie = sealed::open(&self.cookie_key(), &sealed::random(b"COOKIE--", tail), cookie)?;
        let expected = zeroize::Zeroizing::new([theirs.0, *short_term.expose()].concat());
        if cookie != expected.as_slice() {
            return Err(ProtocolError::Cryptographic);
        }

        let connection = BoxKey::shared(&theirs, &short_term)?;
        let plain = sealed::open(&connection, &sealed::counted(b"CurveZMQINITIATE", counter), sealed)?;
        let (key, rest) = plain.split_first_chunk_mut::<32>().ok_or(malformed)?;
        let (tail, rest) = rest.split_first_chunk_mut::<16>().ok_or(malformed)?;
        let (vouch, properties) = rest.split_first_chunk_mut::<80>().ok_or(malformed)?;
        let key = PublicKey(*key);
        let own = BoxKey::shared(&key, &short_term)?;
        let vouch = sealed::open(&own, &sealed::random(b"VOUCH---", tail), vouch)?;
        // For this connection, and for this server: not one that was made for another.
        if *vouch != [theirs.0, self.secret.public().0].concat() {
            return Err(ProtocolError::KeyExchange);
        }
        let peer = metadata::read_properties(config.socket_type, properties)?;
        Ok((key, Client { connection, counter, peer }))
    }

    fn allow(&mut self, config: &Config, out: &mut Vec<u8>) -> Result<Progress, ProtocolError> {
        let State::Asked(client) = std::mem::replace(&mut self.state, State::Refused) else {
            return Err(ProtocolError::UnexpectedCommand);
        };
        let Client { connection, counter, peer } = *client;
        let mut properties = Vec::new();
        metadata::put_properties(config, &mut properties);
        let mut ready = b"\x05READY".to_vec();
        ready.extend_from_slice(&1_u64.to_be_bytes());
        sealed::put(&connection, &sealed::counted(b"CurveZMQREADY---", 1), &properties, &mut ready);
        put_command(&ready, out);
        Ok(Progress::Ready(peer, Some(Box::new(Cipher::new(connection, Role::Server, 1, counter)))))
    }
}

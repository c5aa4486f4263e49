//! The side that knows whom it wants to talk to.

use zeroize::Zeroize;

use super::{
    READY_BYTES, WELCOME_BYTES,
    cipher::{Cipher, Role},
    sealed::{self, BoxKey},
};
use crate::{
    config::{Config, Entropy},
    curve::{PublicKey, SecretKey},
    error::{Malformed, ProtocolError},
    mechanism::{Progress, command, put_command, refusal},
    metadata,
};

/// The keys that a client has before it connects.
#[derive(Debug)]
pub(crate) struct ClientKeys<'a> {
    pub(crate) public: PublicKey,
    pub(crate) secret: &'a SecretKey,
    pub(crate) server: PublicKey,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Client {
    public: PublicKey,
    secret: SecretKey,
    server: PublicKey,
    /// C', c'
    short_term: (PublicKey, SecretKey),
    vouch_tail: [u8; 16],
    state: State,
}

#[derive(Debug)]
enum State {
    /// With C' -> S.
    Hello(BoxKey),
    /// With the key of the connection, C' -> S'.
    Initiate(BoxKey),
    Done,
}

impl Client {
    pub(crate) fn begin(
        keys: &ClientKeys<'_>,
        entropy: &Entropy,
        out: &mut Vec<u8>,
    ) -> Result<Self, ProtocolError> {
        let secret = entropy.short_term();
        let short_term = (secret.public(), secret);
        let mut body = b"\x05HELLO\x01\x00".to_vec();
        body.resize(80, 0);
        body.extend_from_slice(&short_term.0.0);
        body.extend_from_slice(&1_u64.to_be_bytes());
        let key = BoxKey::shared(&keys.server, &short_term.1)?;
        sealed::put(&key, &sealed::counted(b"CurveZMQHELLO---", 1), &[0; 64], &mut body);
        put_command(&body, out);
        Ok(Self {
            public: keys.public,
            secret: keys.secret.clone(),
            server: keys.server,
            short_term,
            vouch_tail: entropy.tail(0),
            state: State::Hello(key),
        })
    }

    pub(crate) fn awaits_welcome(&self) -> bool {
        matches!(self.state, State::Hello(_))
    }

    pub(crate) fn receive(
        &mut self,
        body: &mut [u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let (name, data) = command(body)?;
        match (std::mem::replace(&mut self.state, State::Done), name) {
            (_, b"ERROR") => Err(refusal(data)),
            (State::Hello(key), b"WELCOME") => {
                self.state = State::Initiate(self.welcome(&key, body, config, out)?);
                Ok(Progress::Wait)
            }
            (State::Initiate(key), b"READY") => ready(key, body, config),
            _ => Err(ProtocolError::UnexpectedCommand),
        }
    }

    /// Answers WELCOME with INITIATE; the key of the connection.
    fn welcome(
        &self,
        key: &BoxKey,
        body: &mut [u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<BoxKey, ProtocolError> {
        if body.len() != WELCOME_BYTES {
            return Err(ProtocolError::Cryptographic);
        }
        let (tail, sealed) = body
            .get_mut(8..)
            .and_then(<[u8]>::split_first_chunk_mut::<16>)
            .ok_or(ProtocolError::Cryptographic)?;
        let plain = sealed::open(key, &sealed::random(b"WELCOME-", tail), sealed)?;
        let (theirs, cookie) = plain.split_first_chunk::<32>().ok_or(ProtocolError::Cryptographic)?;
        let theirs = PublicKey(*theirs);
        let (public, secret) = &self.short_term;
        let connection = BoxKey::shared(&theirs, secret)?;

        let vouch = [public.0, self.server.0].concat();
        let mut inner = self.public.0.to_vec();
        inner.extend_from_slice(&self.vouch_tail);
        let own = BoxKey::shared(&theirs, &self.secret)?;
        sealed::put(&own, &sealed::random(b"VOUCH---", &self.vouch_tail), &vouch, &mut inner);
        metadata::put_properties(config, &mut inner);

        let mut initiate = b"\x08INITIATE".to_vec();
        initiate.extend_from_slice(cookie);
        initiate.extend_from_slice(&2_u64.to_be_bytes());
        sealed::put(&connection, &sealed::counted(b"CurveZMQINITIATE", 2), &inner, &mut initiate);
        inner.zeroize();
        put_command(&initiate, out);
        Ok(connection)
    }
}

fn ready(key: BoxKey, body: &mut [u8], config: &Config) -> Result<Progress, ProtocolError> {
    let malformed = ProtocolError::Malformed(Malformed::Ready);
    if body.len() < READY_BYTES {
        return Err(malformed);
    }
    let (counter, sealed) =
        body.get_mut(6..).and_then(<[u8]>::split_first_chunk_mut::<8>).ok_or(malformed)?;
    let counter = u64::from_be_bytes(*counter);
    let properties = sealed::open(&key, &sealed::counted(b"CurveZMQREADY---", counter), sealed)?;
    let peer = metadata::read_ready(config.socket_type, properties)?;
    Ok(Progress::Ready(peer, Some(Box::new(Cipher::new(key, Role::Client, 2, counter)))))
}

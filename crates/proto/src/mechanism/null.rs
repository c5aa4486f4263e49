//! NULL: both sides send READY at once, and nobody waits (RFC 23 and 37, NULL). A side with a ZAP domain asks first, and
//! is ready when it has the answer (RFC 27).

use super::{Progress, put_command, put_error, refusal};
use crate::{
    command,
    config::Config,
    engine::PeerProperties,
    error::ProtocolError,
    metadata,
    zap::{Credentials, Verdict},
};

/// One side.
#[derive(Debug)]
pub(crate) struct Side {
    own: Own,
    /// The peer's READY has come.
    peer: Option<PeerProperties>,
}

/// What became of our READY.
#[derive(Debug, PartialEq, Eq)]
enum Own {
    Asked,
    Sent,
    /// The peer was refused with this status.
    Refused(u16),
}

impl Side {
    pub(super) fn begin(config: &Config, out: &mut Vec<u8>) -> (Self, Progress) {
        if config.zap_domain_set {
            return (Self { own: Own::Asked, peer: None }, Progress::Ask(Credentials::None));
        }
        put_ready(config, out);
        (Self { own: Own::Sent, peer: None }, Progress::Wait)
    }

    /// Takes the peer's only command.
    pub(super) fn receive(&mut self, body: &[u8], config: &Config) -> Result<Progress, ProtocolError> {
        match (&self.own, command::split(body)) {
            // It could not know yet, and hears of it.
            (Own::Refused(status), _) if *status != 300 => return Ok(Progress::Wait),
            (_, Some((b"READY", properties))) if self.own != Own::Refused(300) && self.peer.is_none() => {
                self.peer = Some(metadata::read_properties(config.socket_type, properties)?);
            }
            (_, Some((b"ERROR", reason))) => return Err(refusal(reason)),
            _ => return Err(ProtocolError::UnexpectedCommand),
        }
        Ok(self.progress())
    }

    pub(super) fn answer(
        &mut self,
        verdict: Verdict,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match verdict {
            Verdict::Allow => {
                put_ready(config, out);
                self.own = Own::Sent;
            }
            Verdict::Refuse(status) => {
                put_error(status, out);
                self.own = Own::Refused(status);
                if status == 300 && self.peer.is_some() {
                    return Err(ProtocolError::UnexpectedCommand);
                }
            }
        }
        Ok(self.progress())
    }

    fn progress(&mut self) -> Progress {
        match (&self.own, &mut self.peer) {
            (Own::Sent, Some(peer)) => Progress::Ready(std::mem::take(peer), None),
            _ => Progress::Wait,
        }
    }
}

fn put_ready(config: &Config, out: &mut Vec<u8>) {
    let mut body = b"\x05READY".to_vec();
    metadata::put_properties(config, &mut body);
    put_command(&body, out);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use ferrozmq_base::SocketType;

    use super::*;
    use crate::{
        Engine,
        engine::tests::{command_frame, ready_frame, session},
    };

    fn asked() -> Engine {
        let config = Config { zap_domain_set: true, ..Config::new(SocketType::Pull) };
        let mut engine = Engine::new(config, Instant::now());
        let mut out = vec![];
        engine.start(&mut out);
        engine.handshake(&session(1, b""), &mut out, Instant::now()).unwrap();
        assert_eq!((out.len(), engine.question()), (64, Some(Credentials::None)));
        engine
    }

    fn feed(engine: &mut Engine, input: &[u8]) -> Result<(), ProtocolError> {
        let mut out = vec![];
        engine.handshake(input, &mut out, Instant::now()).map(|_| assert!(out.is_empty()))
    }

    fn answer(engine: &mut Engine, verdict: Verdict) -> Result<Vec<u8>, ProtocolError> {
        let mut out = vec![];
        engine.answer(verdict, &mut out, Instant::now()).map(|()| out)
    }

    #[test]
    fn with_a_domain_ready_waits_for_the_answer() {
        for ready_first in [true, false] {
            let mut engine = asked();
            if ready_first {
                feed(&mut engine, &ready_frame("PUSH")).unwrap();
                assert!(engine.ready().is_none());
            }
            assert_eq!(answer(&mut engine, Verdict::Allow), Ok(ready_frame("PULL")));
            if !ready_first {
                feed(&mut engine, &ready_frame("PUSH")).unwrap();
            }
            assert!(engine.ready().is_some());
        }
    }

    #[test]
    fn a_refusal_is_an_error_instead_of_ready() {
        for status in [400, 500] {
            let mut engine = asked();
            let error = command_frame(format!("\x05ERROR\x03{status}").as_bytes());
            assert_eq!(answer(&mut engine, Verdict::Refuse(status)), Ok(error));
            assert_eq!(feed(&mut engine, &ready_frame("PUSH")), Ok(()));
            assert!(engine.ready().is_none());
        }
    }

    #[test]
    fn a_temporary_refusal_is_silent_and_outlives_no_ready() {
        let mut engine = asked();
        assert_eq!(answer(&mut engine, Verdict::Refuse(300)), Ok(vec![]));
        assert_eq!(feed(&mut engine, &ready_frame("PUSH")), Err(ProtocolError::UnexpectedCommand));
        let mut engine = asked();
        feed(&mut engine, &ready_frame("PUSH")).unwrap();
        assert_eq!(answer(&mut engine, Verdict::Refuse(300)), Err(ProtocolError::UnexpectedCommand));
    }

    #[test]
    fn a_second_ready_is_refused() {
        let mut engine = asked();
        feed(&mut engine, &ready_frame("PUSH")).unwrap();
        assert_eq!(feed(&mut engine, &ready_frame("PUSH")), Err(ProtocolError::UnexpectedCommand));
    }
}

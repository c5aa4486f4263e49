//! Whether a peer may come in: the application's handler is asked (RFC 27), and its answer goes to the engine.

use super::*;

/// What the event of a handshake says when there is nobody to ask.
const EFAULT: i32 = 14;
/// The status of a peer that may come again.
const LATER: u16 = 300;

impl Session {
    /// Asks about a peer that says this of itself.
    pub(super) fn ask(&mut self, credentials: Credentials, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &self.phase else { return };
        let options = &self.settings.options;
        let address = h.stream.peer_address();
        let request = Request {
            domain: &options.security.zap_domain,
            address: address.as_bytes(),
            routing_id: &options.routing_id,
            credentials: &credentials,
        };
        match Question::ask(turn.context, turn.io, self.id, &request) {
            Ok(Some(question)) => {
                // A password goes before anything comes of it.
                drop(credentials);
                self.question = Some(question);
                self.answered(turn);
            }
            Ok(None) => match turn.context.judge().filter(|_| !options.security.enforce_domain) {
                Some(judge) => {
                    let judged = judge(&request);
                    drop(credentials);
                    match judged {
                        Ok(reply) => self.replied(reply, turn),
                        Err(why) => self.rejected(LATER, why, turn),
                    }
                }
                None if options.security.trusts() => self.judged(Verdict::Allow, turn),
                None => self.nobody_judges(turn),
            },
            Err(_) => self.nobody_judges(turn),
        }
    }

    /// The question may be put, was read, or there may be an answer.
    pub(crate) fn answered(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.phase, Phase::Handshake(_)) {
            self.question = None;
            return;
        }
        let Some(question) = &mut self.question else { return };
        let reply = question.proceed(turn.context);
        if matches!(reply, Ok(None)) {
            return;
        }
        self.question = None;
        match reply {
            Ok(None) => {}
            Ok(Some(reply)) => self.replied(reply, turn),
            Err(ProtocolError::ZapUnavailable) => self.nobody_judges(turn),
            Err(e) => self.handshake_refused(e, turn),
        }
    }

    fn replied(&mut self, reply: Reply, turn: &mut Turn<'_>) {
        if reply.status == zap::OK {
            self.user = Some(reply);
            return self.judged(Verdict::Allow, turn);
        }
        self.rejected(reply.status, HandshakeFailure::Rejected(reply.status), turn);
    }

    /// The peer is told the status, at most; the monitor why.
    fn rejected(&mut self, status: u16, why: HandshakeFailure, turn: &mut Turn<'_>) {
        self.rejected = true;
        let libzmq = (Notice::HandshakeAuth, u64::from(status));
        self.port.monitor.notify_failure(Some((Notice::HandshakeFailed, why)), Some(libzmq), &self.ends);
        self.judged(Verdict::Refuse(status), turn);
    }

    fn nobody_judges(&mut self, turn: &mut Turn<'_>) {
        self.handshake_failed(HandshakeFailure::HandlerAbsent, EFAULT, turn);
    }

    fn judged(&mut self, verdict: Verdict, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &mut self.phase else { return };
        let Some(engine) = h.codec.engine() else { return };
        match engine.answer(verdict, &mut h.output, turn.now) {
            Ok(()) => self.handshake_advanced(turn),
            Err(e) => {
                self.handshake_write(turn);
                self.handshake_refused(e, turn);
            }
        }
    }
}

//! One side of one connection: greeting, handshake, commands, timers, and the coding of frames.
//!
//! ```text
//! Greeting ──> Identity (ZMTP 1.0, 2.0) ──┐
//!     └──────> Security (ZMTP 3.x) ───────┴──> Traffic
//! ```
//!
//! After an error the engine does nothing more: every call that can fail returns that error again.

use std::time::Instant;

use ferrozmq_base::SocketType;

use crate::{
    command::{self, Command, ControlFrame, FrameKind},
    config::Config,
    envelope::{Envelope, GROUP_LIMIT},
    error::{Expired, ProtocolError},
    frame::{self, FrameReader, Framing},
    greeting::{self, Greeting, Verdict},
    heartbeat::{Pulse, TimerAction},
    mechanism::{
        Handshake, Progress,
        curve::cipher::{Cipher, Opened},
    },
    metadata::ROUTING_ID_LIMIT,
    zap::{self, Credentials},
};

/// The version of ZMTP that two peers agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// ZMTP 1.0 (RFC 13): libzmq 2.x.
    V1,
    /// ZMTP 2.0 (RFC 15): libzmq 3.2.
    V2,
    /// ZMTP 3.0 (RFC 23): libzmq 4.0 to 4.3.2.
    V3_0,
    /// ZMTP 3.1 (RFC 37): libzmq from 4.3.3.
    V3_1,
}

impl Version {
    const fn framing(self) -> Framing {
        match self {
            Self::V1 => Framing::V1,
            _ => Framing::V2,
        }
    }
}

/// Whether the frames of one direction cross the wire as they lie in the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The wire form of a frame is its record: written as it lies, read with a [`Scanner`](crate::Scanner).
    Plain,
    /// Every frame passes through [`Engine::encode`] or [`Engine::decode`].
    Coded,
}

/// What the peer said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerProperties {
    /// Its socket type, if it named one.
    pub socket_type: Option<SocketType>,
    /// Its routing id, 0 to 255 bytes; the first may be 0.
    pub routing_id: Vec<u8>,
    /// Its properties in the order in which they came, the first of each name. Empty before ZMTP 3.
    pub metadata: Vec<(String, Vec<u8>)>,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandshakeStage {
    /// The peer's greeting is not complete.
    Greeting,
    /// We are the client of a PLAIN or CURVE server, which has said nothing to our HELLO yet.
    Hello,
    /// After that.
    Later,
}

/// The outcome of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The version that is spoken.
    pub version: Version,
    /// The peer.
    pub peer: PeerProperties,
    /// How to send.
    pub tx: Mode,
    /// How to receive.
    pub rx: Mode,
    /// Whether a subscription to everything is to be made up for a peer that never sends any.
    pub phantom_subscription: bool,
}

/// The next frame of coded input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// The frame is not all there.
    Incomplete {
        /// The bytes that header and body have, once the header is there.
        needed_total: Option<u64>,
    },
    /// A frame.
    Frame {
        /// The bytes of header and body.
        consumed: usize,
        /// Whether more frames of the message follow.
        more: bool,
        /// Whether it is a command, for [`Engine::command`].
        command: bool,
        /// The body.
        body: &'a [u8],
    },
}

/// One side of one connection.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    stage: Stage,
    ready: Option<Ready>,
    handshake_deadline: Option<Instant>,
    pulse: Option<Pulse>,
    envelope: Envelope,
    question: Option<Credentials>,
    cipher: Option<Box<Cipher>>,
    failed: Option<ProtocolError>,
}

#[derive(Debug)]
enum Stage {
    Greeting(Greeting),
    Identity { frame: FrameReader, version: Version, socket_type: Option<SocketType>, phantom: bool },
    Security { frame: FrameReader, handshake: Handshake, version: Version },
    Traffic,
}

impl Engine {
    /// An engine for a connection that has just been made.
    pub fn new(config: Config, now: Instant) -> Self {
        let handshake_deadline =
            config.handshake_limit.filter(|limit| !limit.is_zero()).and_then(|limit| now.checked_add(limit));
        Self {
            stage: Stage::Greeting(Greeting::new()),
            ready: None,
            handshake_deadline,
            pulse: None,
            envelope: Envelope::new(config.socket_type),
            question: None,
            cipher: None,
            failed: None,
            config,
        }
    }

    /// Appends the first 10 bytes, to be sent as soon as there is a connection.
    pub fn start(&mut self, out: &mut Vec<u8>) {
        greeting::put_signature(&self.config, out);
    }

    /// Takes bytes of the handshake in any portions and appends what is to be sent. Returns how many were taken: all,
    /// or those up to the end of the handshake, and the others are traffic.
    pub fn handshake(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Result<usize, ProtocolError> {
        self.check_alive()?;
        let mut rest = input;
        let result = self.advance(&mut rest, out, now);
        self.note(result)?;
        Ok(input.len().saturating_sub(rest.len()))
    }

    /// What the peer says of itself and somebody has to judge; asked once. The answer goes to
    /// [`answer`](Self::answer), and nothing goes on before it.
    pub fn question(&mut self) -> Option<Credentials> {
        self.question.take()
    }

    /// The answer to the question. Appends what is to be sent; the handshake may be complete with it.
    pub fn answer(
        &mut self,
        verdict: zap::Verdict,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Result<(), ProtocolError> {
        self.check_alive()?;
        let Stage::Security { handshake, version, .. } = &mut self.stage else { return Ok(()) };
        let version = *version;
        let progress = handshake.answer(verdict, &self.config, out);
        let progress = self.note(progress)?;
        self.proceed(progress, version, now);
        Ok(())
    }

    fn proceed(&mut self, progress: Progress, version: Version, now: Instant) {
        match progress {
            Progress::Wait => {}
            Progress::Ask(credentials) => self.question = Some(credentials),
            Progress::Ready(peer, cipher) => {
                self.cipher = cipher;
                self.enter_traffic(version, peer, false, now);
            }
        }
    }

    /// How far the handshake is, for whoever has to say where it ended.
    pub fn stage(&self) -> HandshakeStage {
        match &self.stage {
            Stage::Greeting(_) => HandshakeStage::Greeting,
            Stage::Security { handshake, .. } if handshake.awaits_welcome() => HandshakeStage::Hello,
            _ => HandshakeStage::Later,
        }
    }

    /// The outcome of the handshake, once it is complete.
    pub fn ready(&self) -> Option<&Ready> {
        self.ready.as_ref()
    }

    /// Runs through the stages as far as the bytes reach.
    fn advance(&mut self, input: &mut &[u8], out: &mut Vec<u8>, now: Instant) -> Result<(), ProtocolError> {
        loop {
            match &mut self.stage {
                Stage::Greeting(greeting) => {
                    let Some(verdict) = greeting.read(input, &self.config, out)? else { return Ok(()) };
                    if let Some(peer) = self.greeted(verdict, out)? {
                        self.enter_traffic(Version::V1, peer, true, now);
                    }
                }
                Stage::Identity { frame, version, socket_type, phantom } => {
                    let Some(routing_id) = frame.read(input)? else { return Ok(()) };
                    let (version, phantom) = (*version, *phantom);
                    let peer = identified(*socket_type, &routing_id)?;
                    self.enter_traffic(version, peer, phantom, now);
                }
                Stage::Security { frame, handshake, version } => {
                    let Some(mut body) = frame.read(input)? else { return Ok(()) };
                    let version = *version;
                    let progress = handshake.receive(&mut body, &self.config, out)?;
                    self.proceed(progress, version, now);
                }
                Stage::Traffic => return Ok(()),
            }
        }
    }

    /// Enters the stage after the greeting and appends our first frame. The peer, if its identity was already there.
    fn greeted(
        &mut self,
        verdict: Verdict,
        out: &mut Vec<u8>,
    ) -> Result<Option<PeerProperties>, ProtocolError> {
        let limit = self.config.body_limit();
        let routing_id = &self.config.routing_id;
        let (version, socket_type, phantom) = match verdict {
            Verdict::Unversioned(start) => {
                // The signature was the header of our identity frame.
                out.extend_from_slice(routing_id);
                let mut frame = FrameReader::new(Framing::V1, limit);
                if let Some(routing_id) = frame.read(&mut start.as_slice())? {
                    return identified(None, &routing_id).map(Some);
                }
                self.stage =
                    Stage::Identity { frame, version: Version::V1, socket_type: None, phantom: true };
                return Ok(None);
            }
            Verdict::Revision0(socket_type) => (Version::V1, socket_type, false),
            Verdict::Revision1(socket_type) => (Version::V2, socket_type, false),
            Verdict::Secure { minor } => {
                let version = if minor == 0 { Version::V3_0 } else { Version::V3_1 };
                let frame = FrameReader::new(Framing::V2, limit);
                let (handshake, progress) = Handshake::begin(&self.config, out)?;
                self.stage = Stage::Security { frame, handshake, version };
                if let Progress::Ask(credentials) = progress {
                    self.question = Some(credentials);
                }
                return Ok(None);
            }
        };
        frame::put_header(version.framing(), false, false, routing_id.len() as u64, out);
        out.extend_from_slice(routing_id);
        let frame = FrameReader::new(version.framing(), limit);
        self.stage = Stage::Identity { frame, version, socket_type, phantom };
        Ok(None)
    }

    fn enter_traffic(
        &mut self,
        version: Version,
        peer: PeerProperties,
        no_subscriptions: bool,
        now: Instant,
    ) {
        let own = self.config.socket_type;
        let plain = version >= Version::V2 && self.config.mechanism.leaves_frames();
        // A DISH of libzmq takes any command for a broken message and hangs up.
        let peer_is_dish = own == SocketType::Radio || peer.socket_type == Some(SocketType::Dish);
        let may_ping = version >= Version::V3_0 && !peer_is_dish;
        self.pulse = Some(Pulse::new(self.config.heartbeat, may_ping, now));
        self.handshake_deadline = None;
        self.stage = Stage::Traffic;
        self.ready = Some(Ready {
            version,
            peer,
            tx: if plain && !own.sends_commands() { Mode::Plain } else { Mode::Coded },
            rx: if plain { Mode::Plain } else { Mode::Coded },
            phantom_subscription: no_subscriptions && matches!(own, SocketType::Pub | SocketType::Xpub),
        });
    }

    /// Appends the wire bytes of one frame. Nothing is appended before the handshake is complete, after an error, or
    /// for a JOIN or LEAVE to a peer older than ZMTP 3, which knows no groups.
    pub fn encode(&mut self, kind: FrameKind, more: bool, body: &[u8], out: &mut Vec<u8>) {
        let Some((version, prefix, command)) = self.form(kind) else { return };
        // Subscriptions and joins are whole in one frame.
        let more = more && kind == FrameKind::Message;
        if let Some(cipher) = &mut self.cipher {
            return cipher.seal(more, command, prefix, body, out);
        }
        let size = (body.len() as u64).saturating_add(prefix.len() as u64);
        frame::put_header(version.framing(), more, command, size, out);
        out.extend_from_slice(prefix);
        out.extend_from_slice(body);
    }

    /// Appends control frames, given in the form in which they cross the wire in the clear.
    pub fn encode_control(&mut self, mut frames: &[u8], out: &mut Vec<u8>) {
        let Some(cipher) = &mut self.cipher else { return out.extend_from_slice(frames) };
        while let Some(header) = frame::read_v2(frames) {
            let Some((control, rest)) =
                usize::try_from(header.total()).ok().and_then(|total| frames.split_at_checked(total))
            else {
                return;
            };
            cipher.seal(false, true, b"", control.get(header.len..).unwrap_or_default(), out);
            frames = rest;
        }
    }

    /// What goes before the body of a frame of this kind, and whether it is a command; `None`: it has no form now.
    fn form(&self, kind: FrameKind) -> Option<(Version, &'static [u8], bool)> {
        let version = self.ready.as_ref().map(|ready| ready.version).filter(|_| self.failed.is_none())?;
        Some(match (kind, version) {
            (FrameKind::Message, _) => (version, &b""[..], false),
            (FrameKind::Join | FrameKind::Leave, Version::V3_0) | (_, Version::V3_1) => {
                (version, kind.command_prefix(), true)
            }
            _ => (version, kind.message_prefix()?, false),
        })
    }

    /// Finds the frame at the start of `input`. Works for every version, so that a Plain direction can be read in this
    /// way as well. An encrypted body is opened where it lies, and ends with its frame; it can be opened once.
    pub fn decode<'a>(&mut self, input: &'a mut [u8]) -> Result<Decoded<'a>, ProtocolError> {
        self.check_alive()?;
        let Self { config, ready, envelope, cipher, failed, .. } = self;
        let Some(version) = ready.as_ref().map(|ready| ready.version) else {
            return Ok(Decoded::Incomplete { needed_total: None });
        };
        next_frame(version, config.body_limit(), envelope, cipher.as_deref_mut(), input)
            .inspect_err(|error| *failed = Some(*error))
    }

    /// Acts on the body of a command frame of the traffic. Unknown and malformed commands are ignored, as are those
    /// of peers older than ZMTP 3 and those that the own socket type has no use for.
    pub fn command<'a>(&mut self, body: &'a [u8], now: Instant) -> Result<Command<'a>, ProtocolError> {
        self.check_alive()?;
        let result = self.receive_command(body, now);
        self.note(result)
    }

    fn receive_command<'a>(&mut self, body: &'a [u8], now: Instant) -> Result<Command<'a>, ProtocolError> {
        use SocketType::{Pub, Radio, Xpub};
        if self.ready.as_ref().is_none_or(|ready| ready.version < Version::V3_0) {
            return Ok(Command::Ignore);
        }
        self.heard(now);
        let Some((name, data)) = command::split(body) else { return Ok(Command::Ignore) };
        Ok(match (name, self.config.socket_type) {
            (b"PING", _) => {
                let (ttl, context) = data.split_first_chunk::<2>().ok_or(ProtocolError::ShortPing)?;
                if let Some(pulse) = &mut self.pulse {
                    pulse.pinged(u16::from_be_bytes(*ttl), now);
                }
                Command::Pong(ControlFrame::pong(context))
            }
            (b"SUBSCRIBE", Pub | Xpub) => Command::Subscribe(data),
            (b"CANCEL", Pub | Xpub) => Command::Cancel(data),
            (b"JOIN" | b"LEAVE", Radio) if data.len() as u64 > GROUP_LIMIT => {
                return Err(ProtocolError::GroupTooLong);
            }
            (b"JOIN", Radio) => Command::Join(data),
            (b"LEAVE", Radio) => Command::Leave(data),
            _ => Command::Ignore,
        })
    }

    /// Notes that frames arrived. To be called once for every portion of input that held any.
    pub fn heard(&mut self, now: Instant) {
        if let Some(pulse) = &mut self.pulse {
            pulse.heard(now);
        }
    }

    /// When [`on_deadline`](Self::on_deadline) is to be called next. Every other call may change it.
    pub fn next_deadline(&self) -> Option<Instant> {
        match (&self.failed, &self.pulse) {
            (Some(_), _) => None,
            (None, Some(pulse)) => pulse.next_deadline(),
            (None, None) => self.handshake_deadline,
        }
    }

    /// Acts on the deadlines that have passed. `input_paused`: nobody reads the connection because the high-water
    /// mark is reached, so its silence says nothing about the peer. Who has just resumed reads first and calls this
    /// after it, since what the peer said in the meantime may lie unread.
    pub fn on_deadline(&mut self, now: Instant, input_paused: bool) -> Result<TimerAction, Expired> {
        match (&self.failed, &mut self.pulse) {
            (Some(_), _) => Ok(TimerAction::Nothing),
            (None, Some(pulse)) => pulse.on_deadline(now, input_paused),
            (None, None) if self.handshake_deadline.is_some_and(|at| at <= now) => Err(Expired::Handshake),
            (None, None) => Ok(TimerAction::Nothing),
        }
    }

    fn check_alive(&self) -> Result<(), ProtocolError> {
        self.failed.map_or(Ok(()), Err)
    }

    fn note<T>(&mut self, result: Result<T, ProtocolError>) -> Result<T, ProtocolError> {
        result.inspect_err(|error| self.failed = Some(*error))
    }
}

/// The frame at the start of `input`, opened if there is a cipher.
fn next_frame<'a>(
    version: Version,
    limit: u64,
    envelope: &mut Envelope,
    cipher: Option<&mut Cipher>,
    input: &'a mut [u8],
) -> Result<Decoded<'a>, ProtocolError> {
    let Some(header) = frame::read_header(version.framing(), input, limit)? else {
        return Ok(Decoded::Incomplete { needed_total: None });
    };
    // What the header of a sealed frame says of the message means nothing.
    let next = if header.command || cipher.is_some() {
        *envelope
    } else {
        envelope.after(header.body, header.more)?
    };
    let total = header.total();
    let whole =
        usize::try_from(total).ok().and_then(|total| Some((total, input.get_mut(header.len..total)?)));
    let Some((consumed, body)) = whole else {
        return Ok(Decoded::Incomplete { needed_total: Some(total) });
    };
    *envelope = next;
    let Some(cipher) = cipher else {
        return Ok(Decoded::Frame { consumed, more: header.more, command: header.command, body });
    };
    let Opened { more, command, body } = cipher.open(body)?;
    if !command {
        *envelope = envelope.after(body.len() as u64, more)?;
    }
    Ok(Decoded::Frame { consumed, more, command, body })
}

/// The peer that sent this identity frame.
fn identified(socket_type: Option<SocketType>, routing_id: &[u8]) -> Result<PeerProperties, ProtocolError> {
    if routing_id.len() > ROUTING_ID_LIMIT {
        return Err(ProtocolError::RoutingIdTooLong);
    }
    Ok(PeerProperties { socket_type, routing_id: routing_id.to_vec(), metadata: Vec::new() })
}

#[cfg(test)]
pub(crate) mod tests;

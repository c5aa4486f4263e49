//! The program `peer`: one socket of a library of choice, in a process of its own, that does what a test tells it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::PATIENCE;
use crate::security::Mechanism;
use crate::{Program, Subject, frames};

/// A message: its frames.
pub type Message = Vec<Vec<u8>>;

/// A running `peer`; killed on drop.
pub struct Peer(Program);

impl Peer {
    /// Starts `program`, which is `peer`, with a socket of the type `kind` and options set by their numbers.
    pub fn start(program: &str, library: &Subject, kind: i32, options: &[(i32, &[u8])]) -> Self {
        Self::start_as(program, library, kind, None, options)
    }

    fn start_as(
        program: &str,
        library: &Subject,
        kind: i32,
        role: Option<&str>,
        options: &[(i32, &[u8])],
    ) -> Self {
        let mut arguments = vec![kind.to_string()];
        arguments.extend(role.map(str::to_owned));
        arguments.extend(options.iter().map(|(number, value)| format!("{number}={}", frames::encode(value))));
        let library = library.library().display().to_string();
        Self(Program::start_with(Path::new(program), &arguments, &[("FERROZMQ_SUBJECT", &library)]))
    }

    /// Starts `program` as [`start`](Self::start) does, as one side of a connection with security.
    pub fn start_secured(
        program: &str,
        library: &Subject,
        kind: i32,
        options: &[(i32, &[u8])],
        mechanism: Mechanism,
        serves: bool,
    ) -> Self {
        let secured = if serves { mechanism.server() } else { mechanism.client() };
        let all: Vec<(i32, &[u8])> = secured
            .iter()
            .map(|(number, value)| (*number, value.as_slice()))
            .chain(options.iter().copied())
            .collect();
        Self::start_as(program, library, kind, serves.then_some("judge"), &all)
    }

    fn ask(&mut self, command: &str) -> String {
        self.0.say(command);
        self.0.line()
    }

    #[track_caller]
    fn do_it(&mut self, command: &str) {
        assert_eq!(self.ask(command), "done");
    }

    /// Binds and returns the endpoint with its port.
    ///
    /// # Panics
    /// As all of these if the peer fails, with what it said.
    #[track_caller]
    pub fn bind(&mut self, endpoint: &str) -> String {
        let answer = self.ask(&format!("bind {endpoint}"));
        answer.strip_prefix("at ").unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Connects.
    #[track_caller]
    pub fn connect(&mut self, endpoint: &str) {
        self.do_it(&format!("connect {endpoint}"));
    }

    /// Sends a message.
    #[track_caller]
    pub fn send(&mut self, message: &[Vec<u8>]) {
        let words = message.iter().map(|frame| frames::encode(frame)).collect::<Vec<_>>();
        self.do_it(&format!("send {}", words.join(" ")));
    }

    /// Receives a message; waits for it.
    #[track_caller]
    pub fn recv(&mut self) -> Message {
        let answer = self.ask("recv");
        message(&answer).unwrap_or_else(|| panic!("{answer}"))
    }

    /// Receives a message if there is one.
    #[track_caller]
    pub fn try_recv(&mut self) -> Option<Message> {
        message(&self.ask("try-recv"))
    }

    /// Receives a message while `other` is kept going: libzmq attends to a new connection, and sends what is due on it,
    /// in calls on the socket only, and a peer without a command makes none.
    #[track_caller]
    pub fn recv_from(&mut self, other: &mut Self) -> Message {
        let deadline = Instant::now() + PATIENCE;
        loop {
            other.do_it("look");
            if let Some(message) = self.try_recv() {
                return message;
            }
            assert!(Instant::now() < deadline, "nothing arrives");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it send for ever: messages of a number, a pattern, the tag.
    pub fn flood(&mut self, tag: usize) {
        self.0.say(&format!("flood {tag}"));
    }

    /// Kills it, with no chance to say goodbye, and waits until it is gone.
    pub fn kill(self) {
        self.0.signal("KILL");
        self.0.end();
    }

    /// Lets it close its socket and end, which must be a success.
    pub fn finish(self) {
        self.0.finish();
    }
}

fn message(answer: &str) -> Option<Message> {
    let words = answer.strip_prefix("got ")?;
    Some(words.split(' ').map(|word| frames::decode(word).unwrap_or_else(|e| panic!("{e}"))).collect())
}

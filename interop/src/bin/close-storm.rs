//! Closing loses nothing: `close-storm [N]` does this N times (10) on tcp and N times on ipc.
//!
//! A process of its own sends 300,000 messages on a PUSH, closes it at once with infinite linger, terminates its context
//! and exits. A PULL here must receive them all, in order. The program prints what arrived and fails if anything was
//! lost. `FERROZMQ_SUBJECT` chooses the library, as for the conformance tests.
#![forbid(unsafe_code)]

use std::process::{Child, Command, ExitCode, Stdio};
use std::{env, io};

use conformance::socket::{Ctx, Transport};
use conformance::{Errno, zmq};

const MESSAGES: u32 = 300_000;
const SIZE: usize = 10;
/// The first argument of the process that sends; the second is the endpoint.
const SENDER: &str = "send-and-close";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let times = match arguments[..] {
        [SENDER, endpoint] => return sent(send_and_close(endpoint)),
        [] => Ok(10),
        [times] => times.parse::<u32>().map_err(|e| format!("{times}: {e}")),
        _ => Err("usage: close-storm [N]".to_owned()),
    };
    match times {
        Ok(times) => {
            let lossless = [Transport::Tcp, Transport::Ipc].map(|transport| repeat(transport, times));
            if lossless == [true; 2] { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn body(number: u32) -> [u8; SIZE] {
    let mut body = [b'.'; SIZE];
    body[..4].copy_from_slice(&number.to_be_bytes());
    body
}

/// Sends everything, closes, terminates: what this is about.
fn send_and_close(endpoint: &str) -> Result<(), Errno> {
    let ctx = Ctx::new();
    let push = ctx.try_socket(zmq::PUSH)?;
    push.set(zmq::LINGER, -1)?;
    push.connect(endpoint)?;
    for number in 0..MESSAGES {
        push.send_frame(body(number), 0)?;
    }
    push.close()?;
    ctx.term()
}

fn sent(result: Result<(), Errno>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("the sender: {e:?}");
            ExitCode::FAILURE
        }
    }
}

/// Runs it that many times on a transport and prints the outcome; whether nothing was lost.
fn repeat(transport: Transport, times: u32) -> bool {
    let mut failed = 0;
    let mut lost = 0;
    for run in 1..=times {
        match once(transport) {
            Ok(()) => {}
            Err(failure) => {
                println!("{transport:?}, close {run}: {}", failure.what);
                failed += 1;
                lost += MESSAGES - failure.received;
            }
        }
    }
    println!("{transport:?}: {times} closes of {MESSAGES} messages, {failed} failed, {lost} messages lost");
    failed == 0
}

struct Failure {
    received: u32,
    what: String,
}

/// One sender; all its messages must arrive in order, and it must end well.
fn once(transport: Transport) -> Result<(), Failure> {
    let failure = |received, what| Failure { received, what };
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    let endpoint = pull.bind_any(transport);
    let mut sender = Sender::start(&endpoint).map_err(|e| failure(0, format!("the sender: {e}")))?;
    for number in 0..MESSAGES {
        match pull.recv_frame(0) {
            Ok(frame) if frame.body == body(number) && !frame.more => {}
            Ok(frame) => {
                let what = format!("message {number} is {}", frame.body.escape_ascii());
                return Err(failure(number, what));
            }
            Err(e) => return Err(failure(number, format!("only {number} arrived: {e:?}"))),
        }
    }
    match sender.0.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failure(MESSAGES, format!("the sender: {status}"))),
        Err(e) => Err(failure(MESSAGES, format!("the sender: {e}"))),
    }
}

/// The process that sends; killed on drop if it still runs.
struct Sender(Child);

impl Sender {
    fn start(endpoint: &str) -> io::Result<Self> {
        Command::new(env::current_exe()?).args([SENDER, endpoint]).stdin(Stdio::null()).spawn().map(Self)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

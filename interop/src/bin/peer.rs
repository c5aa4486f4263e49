//! One socket in a process of its own, which does what it is told: the other half of a test between two libraries.
//!
//! `peer KIND [OPTION=VALUE]...` makes a socket of that type with the library that `FERROZMQ_SUBJECT` names, then carries
//! out one command for each line of its standard input and answers each with one line:
//!
//! | Command | Answer |
//! |---|---|
//! | `bind ENDPOINT` | `at ENDPOINT`, with its port |
//! | `connect ENDPOINT` | `done` |
//! | `send FRAME...` | `done` |
//! | `recv` | `got FRAME...` |
//! | `try-recv` | `got FRAME...` or `nothing` |
//! | `look` | `done`; the library has then seen to what was waiting for a call |
//! | `flood TAG` | none: messages of a number, a pattern and the tag until it is killed |
//!
//! `judge` among the options starts a handler of ZAP in the same context, which lets in who has the name "admin" and the
//! password "secret", the key 32 times 7 as its secret one, or nothing but came to the domain "global".
//!
//! A frame is `-` if it is empty, `=TEXT`, `#HEX`, or `*SIZE` for that many bytes of a pattern that the receiver checks.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{self, BufRead};
use std::{env, iter, thread};

use conformance::socket::{Ctx, Sock};
use conformance::{Errno, zmq};
use interop::frames;
use interop::security::CLIENT_PUBLIC;

/// Why the peer gave up.
type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let kind = arguments.next().ok_or("usage: peer KIND [OPTION=VALUE]...")?;
    let context = Ctx::new();
    let kind: i32 = kind.parse()?;
    let socket = context.socket(kind);
    for argument in arguments {
        if argument == "judge" {
            // A REQ of libzmq hangs up when a peer has a name.
            judge(&context, if kind == zmq::REQ { b"" } else { b"somebody" })?;
            continue;
        }
        let (option, value) = argument.split_once('=').ok_or("an option is NUMBER=FRAME")?;
        socket.set_bytes(option.parse()?, frames::decode(value)?).map_err(failed)?;
    }
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        println!("{}", obey(&socket, command, rest)?);
    }
    Ok(())
}

/// Answers questions about peers until the process ends.
fn judge(context: &Ctx, user: &'static [u8]) -> Result<(), Failure> {
    let handler = context.socket(zmq::REP);
    handler.bind("inproc://zeromq.zap.01").map_err(failed)?;
    thread::spawn(move || {
        loop {
            // The harness gives up a receive after a while; here nobody waits for it.
            let Ok(request) = handler.recv() else { continue };
            let known = match &request[5][..] {
                b"NULL" => request[2] == b"global",
                b"PLAIN" => request[6..] == [b"admin".to_vec(), b"secret".to_vec()],
                b"CURVE" => request[6..] == [CLIENT_PUBLIC],
                _ => false,
            };
            let status: &[u8] = if known { b"200" } else { b"400" };
            if handler.try_send([&request[0][..], &request[1], status, b"", user, b""]).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn obey(socket: &Sock, command: &str, rest: &str) -> Result<String, Failure> {
    match command {
        "bind" => {
            socket.bind(rest).map_err(failed)?;
            Ok(format!("at {}", socket.last_endpoint()))
        }
        "connect" => socket.connect(rest).map(|()| "done".to_owned()).map_err(failed),
        "send" => {
            send(socket, &rest.split(' ').map(frames::decode).collect::<Result<Vec<_>, _>>()?)?;
            Ok("done".to_owned())
        }
        "recv" => Ok(got(&socket.recv().map_err(failed)?)),
        "try-recv" => match socket.try_recv() {
            Ok(message) => Ok(got(&message)),
            Err(zmq::EAGAIN) => Ok("nothing".to_owned()),
            Err(e) => Err(failed(e)),
        },
        "look" => socket.option(zmq::EVENTS).map(|_| "done".to_owned()).map_err(failed),
        "flood" => flood(socket, rest),
        _ => Err(format!("no such command: {command}").into()),
    }
}

fn send(socket: &Sock, message: &[Vec<u8>]) -> Result<(), Failure> {
    let last = message.len() - 1;
    for (i, frame) in message.iter().enumerate() {
        socket.send_frame(frame, if i < last { zmq::SNDMORE } else { 0 }).map_err(failed)?;
    }
    Ok(())
}

/// Sends for ever.
fn flood(socket: &Sock, tag: &str) -> Result<String, Failure> {
    socket.set(zmq::SNDTIMEO, -1).map_err(failed)?;
    for number in 0_u64.. {
        send(socket, &[number.to_string().into_bytes(), frames::pattern(10_000), tag.as_bytes().to_vec()])?;
    }
    unreachable!("the numbers do not end")
}

fn got(message: &[Vec<u8>]) -> String {
    let frames = message.iter().map(|frame| frames::encode(frame));
    iter::once("got".to_owned()).chain(frames).collect::<Vec<_>>().join(" ")
}

fn failed(e: Errno) -> Failure {
    format!("{e:?}").into()
}

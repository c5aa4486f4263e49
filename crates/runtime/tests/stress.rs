//! Random traffic over every transport: nothing is lost, doubled, reordered or changed, and what was sent arrives
//! while the sender does nothing more.
//!
//! Each run is named by a seed, printed when it fails. `STRESS_SECONDS` sets how long to go on (10), `STRESS_SEED`
//! the seed of the first run; `STRESS_CLOSES` how many closes of each kind follow a burst (2), `STRESS_BURST` how many
//! messages that has (30,000).
#![allow(missing_docs)]

mod harness;

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use ferrozmq_base::{Error, Msg, SocketType};
use ferrozmq_runtime::{Context, Events, Flags, PollItem, SocketCore, poll};
use harness::*;

#[derive(Clone, Copy, Debug)]
struct Plan {
    seed: u64,
    transport: &'static str,
    types: (SocketType, SocketType),
    sender_binds: bool,
    direct: bool,
    io_threads: i32,
    send_hwm: u32,
    receive_hwm: u32,
    messages: u64,
    large: bool,
    pauses: bool,
    receives: Way,
    echo: bool,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Blocking,
    Polling,
    PollingTwo,
    Trying,
}

impl Plan {
    fn new(seed: u64) -> Self {
        let mut c = Choices(seed);
        let hwms = [1, 2, 3, 10, 100, 1000];
        let types = c.pick(&[
            (SocketType::Push, SocketType::Pull),
            (SocketType::Dealer, SocketType::Dealer),
            (SocketType::Pair, SocketType::Pair),
        ]);
        let large = c.one_in(2);
        let pauses = c.one_in(3);
        let messages = match (large, pauses) {
            (true, true) => 300,
            (true, false) => 800,
            (false, true) => 1500,
            (false, false) => 8000,
        };
        let echo = types.0 != SocketType::Push && c.one_in(2);
        Self {
            seed,
            transport: c.pick(&["tcp", "ipc", "inproc", "tcp", "ipc"]),
            types,
            sender_binds: c.one_in(2),
            direct: !c.one_in(3),
            io_threads: c.pick(&[1, 1, 2]),
            send_hwm: c.pick(&hwms),
            receive_hwm: c.pick(&hwms),
            messages,
            large,
            pauses,
            receives: c.pick(&[Way::Blocking, Way::Blocking, Way::Polling, Way::PollingTwo, Way::Trying]),
            echo,
        }
    }

    /// The frames of a message: how long each is.
    fn frames(&self, number: u64) -> Vec<usize> {
        let mut c = Choices(self.seed ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let count = if c.one_in(10) { 1 + c.below(4) } else { 1 };
        (0..count)
            .map(|_| match c.below(40) {
                0 if self.large => c.below(200_000) as usize,
                1 | 2 => c.below(9000) as usize,
                3..=10 => c.below(300) as usize,
                11 => 0,
                _ => c.below(60) as usize,
            })
            .collect()
    }
}

fn fill(number: u64, frame: usize) -> u8 {
    (number.wrapping_mul(31) as u8).wrapping_add(frame as u8)
}

/// The bytes of a frame: its message's number as far as it fits, then one value.
fn body(number: u64, frame: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![fill(number, frame); len];
    if len >= 8 {
        bytes[..8].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn send_message(plan: &Plan, socket: &mut SocketCore, number: u64) {
    let frames = plan.frames(number);
    for (i, len) in frames.iter().enumerate() {
        let mut m = Msg::from_vec(body(number, i, *len));
        let flags = Flags { dont_wait: false, more: i + 1 < frames.len() };
        socket.send(&mut m, flags).unwrap_or_else(|e| panic!("send {number}: {e:?}, {plan:?}"));
    }
}

fn receive_message(plan: &Plan, socket: &mut SocketCore, idle: &mut SocketCore, number: u64) {
    for (i, len) in plan.frames(number).iter().enumerate() {
        let m = receive_frame(plan, socket, idle, number);
        let more = i + 1 < plan.frames(number).len();
        assert_eq!((m.len(), m.more()), (*len, more), "message {number}, frame {i}, {plan:?}");
        assert!(m.as_slice() == body(number, i, *len), "message {number}, frame {i} differs, {plan:?}");
    }
}

fn receive_frame(plan: &Plan, socket: &mut SocketCore, idle: &mut SocketCore, number: u64) -> Msg {
    let mut m = Msg::new();
    let readable = Events { readable: true, writable: false };
    match plan.receives {
        Way::Blocking => {
            socket.recv(&mut m, false).unwrap_or_else(|e| panic!("receive {number}: {e:?}, {plan:?}"));
        }
        Way::Polling => {
            let ready =
                poll(&mut [PollItem::new(&mut *socket, readable)], &mut [], Some(PATIENCE), None).unwrap();
            assert_eq!(ready, 1, "receive {number}, {plan:?}");
            socket.recv(&mut m, true).unwrap();
        }
        Way::PollingTwo => {
            let mut items = [PollItem::new(idle, readable), PollItem::new(&mut *socket, readable)];
            let ready = poll(&mut items, &mut [], Some(PATIENCE), None).unwrap();
            assert_eq!(ready, 1, "receive {number}, {plan:?}");
            socket.recv(&mut m, true).unwrap();
        }
        Way::Trying => {
            let end = Instant::now() + PATIENCE;
            loop {
                match socket.recv(&mut m, true) {
                    Ok(()) => break,
                    Err(Error::Again) => assert!(Instant::now() < end, "receive {number}, {plan:?}"),
                    Err(e) => panic!("receive {number}: {e:?}, {plan:?}"),
                }
                thread::yield_now();
            }
        }
    }
    m
}

fn pause(choices: &mut Choices) {
    if choices.one_in(30) {
        thread::sleep(Duration::from_micros(choices.below(6000)));
    }
}

/// Sends everything; where it rests, it makes no call until all that was sent has arrived.
fn sender(plan: &Plan, mut socket: SocketCore, arrived: &Receiver<u64>) -> SocketCore {
    let mut c = Choices(plan.seed ^ 1);
    for number in 0..plan.messages {
        send_message(plan, &mut socket, number);
        if plan.echo {
            let mut m = Msg::new();
            socket.recv(&mut m, false).unwrap_or_else(|e| panic!("echo of {number}: {e:?}, {plan:?}"));
            assert_eq!(m.as_slice(), number.to_le_bytes(), "{plan:?}");
        }
        if plan.pauses {
            pause(&mut c);
        }
        if c.one_in(plan.messages / 4) || number + 1 == plan.messages {
            while arrived.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{number} stranded, {plan:?}"))
                < number
            {}
        }
    }
    socket
}

fn receiver(plan: &Plan, mut socket: SocketCore, mut idle: SocketCore, arrived: &Sender<u64>) {
    let mut c = Choices(plan.seed ^ 2);
    for number in 0..plan.messages {
        receive_message(plan, &mut socket, &mut idle, number);
        if plan.echo {
            let mut m = Msg::copy_from(&number.to_le_bytes()).unwrap();
            socket.send(&mut m, Flags::default()).unwrap();
        }
        let _ = arrived.send(number);
        if plan.pauses {
            pause(&mut c);
        }
    }
    socket.close();
    idle.close();
}

fn run(plan: Plan) {
    let context = Context::new().unwrap();
    context.set(IO_THREADS, plan.io_threads).unwrap();
    context.set_direct(plan.direct);
    let mut from = socket(&context, plan.types.0);
    let mut to = socket(&context, plan.types.1);
    from.options_mut().send_hwm = plan.send_hwm;
    to.options_mut().receive_hwm = plan.receive_hwm;
    let (first, second) = if plan.sender_binds { (&mut from, &mut to) } else { (&mut to, &mut from) };
    let endpoint = bind(first, &endpoint(plan.transport));
    second.connect(&endpoint).unwrap();
    let idle = socket(&context, SocketType::Pull);
    let (tell, arrived) = channel();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receiver(&plan, to, idle, &tell));
        let plan = &plan;
        let sender = scope.spawn(move || sender(plan, from, &arrived));
        receiver.join().unwrap_or_else(|e| std::panic::resume_unwind(e));
        sender.join().unwrap_or_else(|e| std::panic::resume_unwind(e)).close();
    });
    end(&context);
}

fn number_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |v| v.parse().unwrap())
}

#[test]
fn random_traffic_arrives_whole_and_in_order() {
    let end = Instant::now() + Duration::from_secs(number_from_env("STRESS_SECONDS", 10));
    let first = number_from_env("STRESS_SEED", 1);
    let mut runs = 0;
    for seed in first.. {
        run(Plan::new(seed));
        runs += 1;
        if Instant::now() >= end {
            break;
        }
    }
    println!("{runs} runs, seeds from {first}");
}

/// Closes a socket with infinite linger at the end of a burst of messages, which all arrive.
fn close_after_a_burst(transport: &'static str, direct: bool, burst: u64) {
    let (context, other) = (Context::new().unwrap(), Context::new().unwrap());
    context.set_direct(direct);
    other.set_direct(direct);
    let (mut pull, endpoint) = bound(&other, SocketType::Pull, &endpoint(transport));
    let sender = thread::spawn(move || {
        let mut push = connected(&context, SocketType::Push, &endpoint);
        push.options_mut().linger = None;
        for number in 0..burst {
            send(&mut push, &[&number.to_le_bytes()]);
        }
        push.close();
        end(&context);
    });
    let mut m = Msg::new();
    for number in 0..burst {
        pull.recv(&mut m, false).unwrap_or_else(|e| panic!("{number}: {e:?}, {transport}, direct {direct}"));
        assert_eq!(m.as_slice(), number.to_le_bytes(), "{transport}, direct {direct}");
    }
    sender.join().unwrap();
    pull.close();
    end(&other);
}

#[test]
fn a_burst_survives_the_close_of_its_socket() {
    for _ in 0..number_from_env("STRESS_CLOSES", 2) {
        for transport in ["tcp", "ipc"] {
            for direct in [true, false] {
                close_after_a_burst(transport, direct, number_from_env("STRESS_BURST", 30_000));
            }
        }
    }
}

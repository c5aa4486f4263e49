//! Sockets and contexts that end in the midst of things: blocked calls, linger, churn, migration, closing races.
#![allow(missing_docs)]

mod harness;

use std::{
    net::TcpListener,
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use ferrozmq_base::{Error, Msg, SocketType};
use ferrozmq_runtime::{Context, Events, Flags, PollItem, poll};
use harness::*;

const TRANSPORTS: [&str; 3] = ["tcp", "ipc", "inproc"];
const MS: fn(u64) -> Duration = Duration::from_millis;

/// An endpoint where nobody listens, and nobody else will: of tcp a port of an address that is used here only.
fn absent(transport: &str) -> String {
    match transport {
        "tcp" => {
            let listener = TcpListener::bind("127.0.5.5:0").unwrap();
            format!("tcp://{}", listener.local_addr().unwrap())
        }
        _ => endpoint(transport),
    }
}

#[test]
fn term_ends_blocked_calls_of_other_threads() {
    for direct in [true, false] {
        for transport in TRANSPORTS {
            let context = Context::new().unwrap();
            context.set_direct(direct);
            let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint(transport));
            let mut push = connected(&context, SocketType::Push, &endpoint);
            // Something has come over each connection, so that the right to read may rest with the readers.
            send(&mut push, &[b"first"]);
            recv(&mut pull);
            let (mut full, _) = bound(&context, SocketType::Push, &self::endpoint(transport));
            let (mut polled, _) = bound(&context, SocketType::Pair, &self::endpoint(transport));
            let (about_to_block, blocking) = channel();
            let wait = |mut call: Box<dyn FnMut() -> Error + Send>| {
                let about_to_block = about_to_block.clone();
                thread::spawn(move || {
                    about_to_block.send(()).unwrap();
                    call()
                })
            };
            let threads = [
                wait(Box::new(move || pull.recv(&mut Msg::new(), false).unwrap_err())),
                wait(Box::new(move || full.send(&mut Msg::new(), Flags::default()).unwrap_err())),
                wait(Box::new(move || {
                    let readable = Events { readable: true, writable: false };
                    let items = &mut [PollItem::new(&mut polled, readable)];
                    poll(items, &mut [], None, None).unwrap_err()
                })),
            ];
            (0..threads.len()).for_each(|_| blocking.recv().unwrap());
            let ended = thread::spawn({
                let context = context.clone();
                move || context.term().unwrap()
            });
            for thread in threads {
                assert_eq!(thread.join().unwrap(), Error::Terminated);
            }
            assert!(!ended.is_finished(), "a socket is still open");
            push.close();
            ended.join().unwrap();
        }
    }
}

#[test]
fn two_threads_can_end_the_same_context() {
    for _ in 0..50 {
        let context = Context::new().unwrap();
        let socket = context.socket(SocketType::Pair).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| context.term().unwrap());
            scope.spawn(|| context.term().unwrap());
            socket.close();
        });
    }
}

#[test]
fn linger_zero_ends_at_once_and_drops() {
    for transport in ["tcp", "ipc"] {
        let context = Context::new().unwrap();
        let mut push = connected(&context, SocketType::Push, &absent(transport));
        push.options_mut().linger = Some(Duration::ZERO);
        send(&mut push, &[b"never sent"]);
        push.close();
        end(&context);
    }
}

#[test]
fn linger_of_a_time_gives_up_in_the_end() {
    for transport in ["tcp", "ipc"] {
        let context = Context::new().unwrap();
        let mut push = connected(&context, SocketType::Push, &absent(transport));
        push.options_mut().linger = Some(MS(100));
        send(&mut push, &[b"never sent"]);
        push.close();
        end(&context);
    }
}

#[test]
fn a_silent_peer_does_not_outlast_the_linger() {
    // It accepts, and neither greets nor reads.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let context = Context::new().unwrap();
    let mut push =
        connected(&context, SocketType::Push, &format!("tcp://{}", listener.local_addr().unwrap()));
    push.options_mut().linger = Some(MS(100));
    send(&mut push, &[b"never sent"]);
    let _peer = listener.accept().unwrap();
    push.close();
    end(&context);
}

#[test]
fn a_peer_that_stays_connected_does_not_keep_a_closed_socket_alive() {
    // With the right to read lent to the application when it closes the socket.
    let context = Context::new().unwrap();
    let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
    let mut peer = RawPeer::connect(&endpoint);
    peer.handshake("PUSH");
    for i in 0..100u8 {
        peer.write(&frame(0, &[i]));
        assert_eq!(recv(&mut pull), [[i]]);
    }
    pull.options_mut().linger = None;
    pull.close();
    peer.wait_for_end();
    end(&context);
}

#[test]
fn infinite_linger_waits_for_a_peer_that_comes_late() {
    for transport in ["tcp", "ipc"] {
        let context = Context::new().unwrap();
        let endpoint = absent(transport);
        let mut push = connected(&context, SocketType::Push, &endpoint);
        push.options_mut().linger = None;
        push.options_mut().reconnect_interval = Some(MS(10));
        for i in 0..100u32 {
            send(&mut push, &[&i.to_ne_bytes()]);
        }
        push.close();
        let (told, ended) = channel();
        let ending = thread::spawn({
            let context = context.clone();
            move || {
                context.term().unwrap();
                told.send(()).unwrap();
            }
        });
        let other = Context::new().unwrap();
        let mut pull = socket(&other, SocketType::Pull);
        let patience = Instant::now() + PATIENCE;
        while let Err(e) = pull.bind(&endpoint) {
            assert!(Instant::now() < patience, "{e}");
        }
        for i in 0..100u32 {
            assert_eq!(recv(&mut pull), [i.to_ne_bytes()]);
        }
        ended.recv_timeout(PATIENCE).expect("the context ends once everything is sent");
        ending.join().unwrap();
        pull.close();
        end(&other);
    }
}

#[test]
fn what_is_sent_and_closed_at_once_arrives() {
    for direct in [true, false] {
        for transport in ["tcp", "ipc"] {
            for round in 0..200 {
                let context = Context::new().unwrap();
                let other = Context::new().unwrap();
                context.set_direct(direct);
                let (mut pull, endpoint) = bound(&other, SocketType::Pull, &endpoint(transport));
                let mut push = connected(&context, SocketType::Push, &endpoint);
                push.options_mut().linger = None;
                // Close at every moment between the start of the connection and traffic.
                let until = Instant::now() + Duration::from_micros(round * 5);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                for i in 0..20u32 {
                    send(&mut push, &[&i.to_ne_bytes()]);
                }
                push.close();
                for i in 0..20u32 {
                    assert_eq!(recv(&mut pull), [i.to_ne_bytes()], "{transport}, round {round}");
                }
                pull.close();
                end(&context);
                end(&other);
            }
        }
    }
}

#[test]
fn a_slow_reader_gets_everything_from_a_peer_that_has_gone() {
    for transport in ["tcp", "ipc"] {
        let (context, other) = (Context::new().unwrap(), Context::new().unwrap());
        let mut pull = socket(&other, SocketType::Pull);
        pull.options_mut().receive_hwm = 1;
        let endpoint = bind(&mut pull, &endpoint(transport));
        let mut push = connected(&context, SocketType::Push, &endpoint);
        push.options_mut().linger = None;
        let bodies: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; 1000]).collect();
        for body in &bodies {
            send(&mut push, &[body]);
        }
        assert_eq!(recv(&mut pull), [&bodies[0][..]]);
        push.close();
        // The peer is gone, or waits for us to take the rest.
        for body in &bodies[1..] {
            assert_eq!(recv(&mut pull), [&body[..]]);
        }
        pull.close();
        end(&context);
        end(&other);
    }
}

#[test]
fn a_closed_socket_sends_the_rest_to_a_peer_that_sends_without_end() {
    for transport in ["tcp", "ipc"] {
        let (context, other) = (Context::new().unwrap(), Context::new().unwrap());
        let mut there = socket(&other, SocketType::Dealer);
        there.options_mut().receive_hwm = 1;
        let endpoint = bind(&mut there, &endpoint(transport));
        let mut here = socket(&context, SocketType::Dealer);
        here.options_mut().send_hwm = 0;
        here.options_mut().linger = None;
        here.connect(&endpoint).unwrap();
        send(&mut here, &[b"hello"]);
        assert_eq!(recv(&mut there), [b"hello"]);
        // More than the kernel holds, both ways.
        let body = vec![7; 100_000];
        for _ in 0..300 {
            send(&mut here, &[&body]);
        }
        here.close();
        // It reads nothing before its own are gone.
        for _ in 0..2000 {
            let mut m = Msg::copy_from(&body[..10_000]).unwrap();
            match there.send(&mut m, Flags { dont_wait: false, more: false }) {
                Ok(()) => {}
                Err(e) => panic!("the closing peer does not read: {e:?}"),
            }
        }
        for _ in 0..300 {
            assert_eq!(recv(&mut there)[0].len(), body.len());
        }
        there.options_mut().linger = Some(Duration::ZERO);
        there.close();
        end(&context);
        end(&other);
    }
}

#[test]
fn unbind_ends_connections_in_every_io_thread() {
    let context = Context::new().unwrap();
    context.set(IO_THREADS, 3).unwrap();
    let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
    let mut peers: Vec<RawPeer> = (0..6).map(|_| RawPeer::connect(&endpoint)).collect();
    peers.iter_mut().take(3).for_each(|p| p.handshake("PUSH"));
    pull.unbind(&endpoint).unwrap();
    peers.iter_mut().for_each(RawPeer::wait_for_end);
    pull.close();
    end(&context);
}

#[test]
fn close_ends_unfinished_handshakes_in_every_io_thread() {
    let context = Context::new().unwrap();
    context.set(IO_THREADS, 3).unwrap();
    let mut pull = socket(&context, SocketType::Pull);
    pull.options_mut().handshake_interval = None;
    let endpoint = bind(&mut pull, &endpoint("tcp"));
    let mut peers: Vec<RawPeer> = (0..6).map(|_| RawPeer::connect(&endpoint)).collect();
    for peer in &mut peers {
        // Its half of the greeting shows that the connection is in the hands of a session.
        std::io::Read::read_exact(&mut peer.0, &mut [0; 10]).unwrap();
    }
    pull.close();
    end(&context);
    peers.iter_mut().for_each(RawPeer::wait_for_end);
}

#[test]
fn a_disconnected_endpoint_gets_no_more_messages() {
    for immediate in [false, true] {
        let context = Context::new().unwrap();
        let (mut first, first_endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
        let (mut second, second_endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
        let mut push = socket(&context, SocketType::Push);
        push.options_mut().immediate = immediate;
        push.connect(&first_endpoint).unwrap();
        send(&mut push, &[b"for the first"]);
        assert_eq!(recv(&mut first), [b"for the first"]);
        push.connect(&second_endpoint).unwrap();
        push.disconnect(&first_endpoint).unwrap();
        for i in 0..10u8 {
            send(&mut push, &[&[i]]);
        }
        for i in 0..10u8 {
            assert_eq!(recv(&mut second), [[i]]);
        }
        for socket in [push, first, second] {
            socket.close();
        }
        end(&context);
    }
}

#[test]
fn a_second_peer_of_a_pair_is_turned_away_and_the_first_stays() {
    for transport in ["tcp", "ipc"] {
        let context = Context::new().unwrap();
        let (mut pair, endpoint) = bound(&context, SocketType::Pair, &endpoint(transport));
        let mut first = connected(&context, SocketType::Pair, &endpoint);
        send(&mut first, &[b"one"]);
        assert_eq!(recv(&mut pair), [b"one"]);
        let mut second = connected(&context, SocketType::Pair, &endpoint);
        second.options_mut().linger = Some(Duration::ZERO);
        send(&mut second, &[b"unheard"]);
        for i in 0..100u8 {
            send(&mut pair, &[&[i]]);
            assert_eq!(recv(&mut first), [[i]]);
            send(&mut first, &[&[i]]);
            assert_eq!(recv(&mut pair), [[i]]);
        }
        for socket in [second, first, pair] {
            socket.close();
        }
        end(&context);
    }
}

#[test]
fn subscriptions_reach_a_publisher_that_waits_for_them() {
    for direct in [true, false] {
        for transport in TRANSPORTS {
            let context = Context::new().unwrap();
            context.set_direct(direct);
            let (mut publisher, endpoint) = bound(&context, SocketType::Xpub, &endpoint(transport));
            let mut subscriber = connected(&context, SocketType::Sub, &endpoint);
            for i in 0..300u32 {
                subscriber.set_option(SUBSCRIBE, Some(&i.to_be_bytes())).unwrap();
                assert_eq!(recv(&mut publisher), [[&[1], &i.to_be_bytes()[..]].concat()]);
                if i % 3 == 0 {
                    subscriber.set_option(UNSUBSCRIBE, Some(&i.to_be_bytes())).unwrap();
                    assert_eq!(recv(&mut publisher), [[&[0], &i.to_be_bytes()[..]].concat()]);
                }
            }
            subscriber.close();
            publisher.close();
            end(&context);
        }
    }
}

#[test]
fn a_trying_reader_sees_every_message_soon() {
    // After a blocking receive the connection is left to the reader, who then only tries.
    let context = Context::new().unwrap();
    let (mut there, endpoint) = bound(&context, SocketType::Pair, &endpoint("tcp"));
    let mut here = connected(&context, SocketType::Pair, &endpoint);
    for i in 0..200u32 {
        send(&mut here, &[&i.to_ne_bytes()]);
        assert_eq!(recv(&mut there), [i.to_ne_bytes()]);
        send(&mut here, &[b"tried for"]);
        let patience = Instant::now() + PATIENCE;
        let mut m = Msg::new();
        while there.recv(&mut m, true).is_err() {
            assert!(Instant::now() < patience);
        }
    }
    here.close();
    there.close();
    end(&context);
}

#[test]
fn sockets_move_between_threads() {
    for transport in TRANSPORTS {
        let context = Context::new().unwrap();
        let (mut there, endpoint) = bound(&context, SocketType::Dealer, &endpoint(transport));
        let mut here = connected(&context, SocketType::Dealer, &endpoint);
        for round in 0..60u32 {
            (here, there) = thread::spawn(move || {
                for i in 0..20u32 {
                    send(&mut here, &[&round.to_ne_bytes(), &i.to_ne_bytes()]);
                }
                for i in 0..20u32 {
                    assert_eq!(recv(&mut there), [round.to_ne_bytes(), i.to_ne_bytes()]);
                    send(&mut there, &[b"back"]);
                }
                (here, there)
            })
            .join()
            .unwrap();
            for _ in 0..20 {
                assert_eq!(recv(&mut here), [b"back"]);
            }
        }
        here.close();
        there.close();
        end(&context);
    }
}

#[test]
fn many_contexts_come_and_go() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let context = Context::new().unwrap();
                    let (mut rep, endpoint) = bound(&context, SocketType::Rep, &endpoint("tcp"));
                    let mut req = connected(&context, SocketType::Req, &endpoint);
                    send(&mut req, &[b"question"]);
                    assert_eq!(recv(&mut rep), [b"question"]);
                    send(&mut rep, &[b"answer"]);
                    assert_eq!(recv(&mut req), [b"answer"]);
                    drop((req, rep));
                    end(&context);
                }
            });
        }
    });
}

#[test]
fn inproc_peers_that_close_while_the_other_binds() {
    for round in 0..500 {
        let context = Context::new().unwrap();
        let endpoint = endpoint("inproc");
        let mut push = connected(&context, SocketType::Push, &endpoint);
        send(&mut push, &[b"left behind"]);
        let mut pull = socket(&context, SocketType::Pull);
        thread::scope(|scope| {
            scope.spawn(|| push.close());
            scope.spawn(|| pull.bind(&endpoint).unwrap());
        });
        // Either the connecter was there in time, or it never was; a new one is heard in both cases.
        let mut second = connected(&context, SocketType::Push, &endpoint);
        send(&mut second, &[b"second"]);
        let mut heard = recv(&mut pull);
        if heard == [b"left behind"] {
            heard = recv(&mut pull);
        }
        assert_eq!(heard, [b"second"], "round {round}");
        second.close();
        pull.close();
        end(&context);
    }
}

#[test]
fn binders_send_to_living_peers_only_after_a_race_of_closing_and_binding() {
    for _ in 0..500 {
        let context = Context::new().unwrap();
        let endpoint = endpoint("inproc");
        let gone = connected(&context, SocketType::Pull, &endpoint);
        let mut push = socket(&context, SocketType::Push);
        thread::scope(|scope| {
            scope.spawn(|| gone.close());
            scope.spawn(|| push.bind(&endpoint).unwrap());
        });
        let mut pull = connected(&context, SocketType::Pull, &endpoint);
        for i in 0..4u8 {
            send(&mut push, &[&[i]]);
        }
        for i in 0..4u8 {
            assert_eq!(recv(&mut pull), [[i]]);
        }
        pull.close();
        push.close();
        end(&context);
    }
}

#[test]
fn churn_of_endpoints_in_eight_threads() {
    let context = Context::new().unwrap();
    context.set(IO_THREADS, 2).unwrap();
    thread::scope(|scope| {
        for thread in 0..8u64 {
            let context = &context;
            scope.spawn(move || {
                let mut choices = Choices(thread);
                let transport = choices.pick(&TRANSPORTS);
                let kind = choices.pick(&[SocketType::Dealer, SocketType::Router, SocketType::Pair]);
                let mut here = socket(context, kind);
                let mut peer = socket(context, SocketType::Dealer);
                here.options_mut().linger = Some(MS(1));
                peer.options_mut().linger = Some(MS(1));
                let mut bound = Vec::new();
                for _ in 0..150 {
                    match choices.below(6) {
                        0 | 1 => {
                            let endpoint = bind(&mut here, &endpoint(transport));
                            peer.connect(&endpoint).unwrap();
                            bound.push(endpoint);
                        }
                        2 if !bound.is_empty() => {
                            let endpoint = bound.swap_remove(choices.below(bound.len() as u64) as usize);
                            here.unbind(&endpoint).unwrap();
                            peer.disconnect(&endpoint).unwrap();
                        }
                        3 => {
                            let mut m = Msg::copy_from(b"churn").unwrap();
                            let _ = peer.send(&mut m, Flags { dont_wait: true, more: false });
                        }
                        4 => {
                            let _ = here.recv(&mut Msg::new(), true);
                        }
                        _ => {
                            here.events().unwrap();
                        }
                    }
                }
                here.close();
                peer.close();
            });
        }
    });
    end(&context);
}

#[test]
fn a_connection_that_comes_while_its_listener_ends_ends_too() {
    for round in 0..300 {
        let context = Context::new().unwrap();
        let mut socket = context.socket(SocketType::Rep).unwrap();
        // A silent peer would be waited for for ever.
        socket.options_mut().handshake_interval = None;
        socket.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = socket.last_endpoint().to_owned();
        let peer = thread::spawn(move || std::net::TcpStream::connect(address(&endpoint)));
        if round % 2 == 0 {
            thread::yield_now();
        }
        socket.close();
        context.term().unwrap();
        // Held until here; or refused, because it came too late.
        let _ = peer.join().unwrap();
    }
}

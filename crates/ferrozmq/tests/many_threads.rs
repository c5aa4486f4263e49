//! The sockets for many threads.

use std::{collections::BTreeSet, thread, time::Duration};

use ferrozmq::{Client, Context, Error, Interest, Interrupt, Poller};

const PATIENCE: Duration = Duration::from_secs(20);
const THREADS: usize = 8;
const REQUESTS: usize = 200;

#[test]
fn eight_clients_and_eight_servers_share_two_sockets() {
    let ctx = Context::new();
    let server = ctx.server().receive_timeout(PATIENCE).bind("tcp://127.0.0.1:*").unwrap();
    let client = ctx.client().receive_timeout(PATIENCE).connect(server.last_endpoint()).unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..REQUESTS {
                    let (peer, request) = server.recv_from().unwrap();
                    server.send_to(peer, request).unwrap();
                }
            });
        }
        let answers: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| (0..REQUESTS).map(|_| client.recv().unwrap()).collect::<Vec<_>>()))
            .collect();
        for thread in 0..THREADS {
            let client = &client;
            scope.spawn(move || (0..REQUESTS).for_each(|i| client.send(format!("{thread} {i}")).unwrap()));
        }
        let answers: Vec<_> = answers.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let wanted: BTreeSet<_> =
            (0..THREADS).flat_map(|t| (0..REQUESTS).map(move |i| format!("{t} {i}"))).collect();
        assert_eq!(answers.len(), wanted.len());
        assert_eq!(answers.iter().map(|m| m.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), wanted);
    });
}

#[test]
fn a_socket_binds_and_connects_while_others_wait() {
    let ctx = Context::new();
    let gather = ctx.gather().receive_timeout(PATIENCE).build().unwrap();
    let scatter = ctx.scatter().send_timeout(PATIENCE).build().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| gather.recv());
        let sender = scope.spawn(|| scatter.send("x"));
        gather.bind("tcp://127.0.0.1:*").unwrap();
        scatter.connect(gather.last_endpoint()).unwrap();
        sender.join().unwrap().unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), "x");
    });
}

#[test]
fn what_cannot_be_sent_comes_back() {
    let ctx = Context::new();
    let client = ctx.client().build().unwrap();
    let refused = client.try_send("nobody is there").unwrap_err();
    assert_eq!((refused.error(), refused.into_message()), (Error::Again, "nobody is there".into()));
    let radio = ctx.radio().build().unwrap();
    let refused = radio.send_to_group([b'g'; 256], "x").unwrap_err();
    assert_eq!(refused.error(), Error::InvalidArgument);

    let (server, client) = (ctx.server().bind("inproc://here").unwrap(), client);
    client.connect("inproc://here").unwrap();
    client.send("hello").unwrap();
    let (peer, _) = server.recv_from().unwrap();
    assert_ne!(peer.number(), 0);
    server.disconnect_peer(peer).unwrap();
    assert_eq!(server.disconnect_peer(peer), Err(Error::HostUnreachable));
    let refused = server.send_to(peer, "too late").unwrap_err();
    assert_eq!((refused.error(), refused.into_message()), (Error::HostUnreachable, "too late".into()));
}

#[test]
fn groups_are_joined_and_left() {
    let ctx = Context::new();
    let radio = ctx.radio().no_drop(true).bind("inproc://groups").unwrap();
    let dish = ctx.dish().join("a").receive_timeout(PATIENCE).connect("inproc://groups").unwrap();
    assert_eq!(dish.join("a"), Err(Error::InvalidArgument));
    assert_eq!(ctx.dish().join([b'g'; 256]).build().map(drop), Err(Error::InvalidArgument));
    radio.wait_for_members(1, PATIENCE).unwrap();
    dish.join("b").unwrap();
    dish.leave("a").unwrap();
    assert_eq!(dish.leave("a"), Err(Error::InvalidArgument));
    assert_eq!(radio.members(), Ok(1));
    radio.send_to_group("a", "left").unwrap();
    radio.try_send_to_group("b", "joined").unwrap();
    let message = dish.recv().unwrap();
    assert_eq!((message.group(), message.as_str()), (&b"b"[..], Ok("joined")));
    assert_eq!(radio.wait_for_members(2, Duration::from_millis(20)), Err(Error::Again));
}

#[test]
fn a_poller_watches_them_beside_others() {
    let ctx = Context::new();
    let gather = ctx.gather().bind("inproc://many").unwrap();
    let scatter = ctx.scatter().connect("inproc://many").unwrap();
    let mut pull = ctx.pull().bind("inproc://one").unwrap();
    let mut push = ctx.push().connect("inproc://one").unwrap();
    let mut poller = Poller::new();
    poller.add(&gather, "many", Interest::READABLE).unwrap();
    poller.add(&pull, "one", Interest::READABLE).unwrap();
    assert!(poller.wait(Duration::from_millis(20)).unwrap().is_empty());
    thread::scope(|scope| {
        scope.spawn(|| scatter.send("x").unwrap());
        assert_eq!(poller.wait(PATIENCE).unwrap()[0].key, "many");
    });
    assert_eq!(gather.recv().unwrap(), "x");
    push.send("y").unwrap();
    assert_eq!(poller.wait(PATIENCE).unwrap()[0].key, "one");
    assert_eq!(pull.recv().unwrap(), "y");
    poller.remove(&gather).unwrap();
    scatter.send("z").unwrap();
    assert!(poller.wait(Duration::ZERO).unwrap().is_empty());
    drop(gather);
    assert!(poller.wait(Duration::ZERO).unwrap().is_empty());
}

#[test]
fn an_interrupt_ends_every_wait() {
    let interrupt = Interrupt::new().unwrap();
    let ctx = Context::builder().interrupt(&interrupt).build();
    let client: Client = ctx.client().build().unwrap();
    thread::scope(|scope| {
        let waiters = [scope.spawn(|| client.recv().map(drop)), scope.spawn(|| Ok(client.send("x")?))];
        interrupt.raise();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(Error::Interrupted));
        }
    });
    interrupt.clear();
    assert_eq!(client.try_recv(), Err(Error::Again));
}

#[test]
fn a_monitor_tells_of_their_connections() {
    let ctx = Context::new();
    let channel = ctx.channel().build().unwrap();
    let mut monitor = channel.monitor().unwrap();
    channel.bind("tcp://127.0.0.1:*").unwrap();
    let other = ctx.channel().connect(channel.last_endpoint()).unwrap();
    other.send("x").unwrap();
    assert_eq!(channel.recv().unwrap(), "x");
    let connected = |event| matches!(event, Ok(ferrozmq::MonitorEvent::HandshakeSucceeded { .. }));
    assert!(monitor.any(connected));
    assert_eq!(channel.stats().unwrap().peers().len(), 1);
}

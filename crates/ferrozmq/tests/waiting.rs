//! Timeouts, interrupts, pollers and proxies.
#![allow(missing_docs)]

use std::{
    io::Write,
    os::{fd::AsFd, unix::net::UnixStream},
    thread,
    time::Duration,
};

use ferrozmq::{Context, Error, Interest, Interrupt, Poller, Result, proxy};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn timeouts_end_calls() -> Result<()> {
    let ctx = Context::new();
    let time = Duration::from_millis(10);
    let mut pair = ctx.pair().send_timeout(time).receive_timeout(time).bind("inproc://alone")?;
    assert_eq!(pair.recv(), Err(Error::Again));
    assert_eq!(pair.recv_multipart(), Err(Error::Again));
    assert_eq!(pair.send("").unwrap_err().error(), Error::Again);
    Ok(())
}

#[test]
fn an_interrupt_ends_calls_until_it_is_cleared() -> Result<()> {
    let ctx = Context::new();
    let interrupt = Interrupt::new()?;
    let mut inbox = ctx.pull().interrupt(&interrupt).bind("inproc://inbox")?;
    let mut outbox = ctx.push().interrupt(&interrupt).bind("inproc://outbox")?;
    let raise = |interrupt: &Interrupt| {
        let interrupt = interrupt.clone();
        thread::spawn(move || interrupt.raise())
    };
    raise(&interrupt);
    assert_eq!(inbox.recv(), Err(Error::Interrupted));
    assert!(interrupt.is_raised());
    assert_eq!(outbox.send("").unwrap_err().error(), Error::Interrupted);
    assert_eq!(inbox.try_recv(), Err(Error::Again), "what does not wait is not interrupted");

    interrupt.clear();
    ctx.push().connect("inproc://inbox")?.send("message")?;
    assert_eq!(inbox.recv()?, "message");
    raise(&interrupt);
    assert_eq!(outbox.send("").unwrap_err().error(), Error::Interrupted);

    // Another socket of the context carries none.
    let mut other = ctx.pull().bind("inproc://other")?;
    ctx.push().connect("inproc://other")?.send("message")?;
    assert_eq!(other.recv()?, "message");
    Ok(())
}

#[test]
fn an_interrupt_ends_pollers_and_proxies() -> Result<()> {
    let interrupt = Interrupt::new()?;
    let ctx = Context::builder().interrupt(&interrupt).build();
    let mut front = ctx.pull().bind("inproc://front")?;
    let mut back = ctx.push().bind("inproc://back")?;
    let running = thread::spawn(move || proxy(&mut front, &mut back).run());
    let inbox = ctx.pull().bind("inproc://inbox")?;
    let polling = thread::spawn(move || {
        let mut poller = Poller::new();
        poller.add(&inbox, (), Interest::READABLE)?;
        poller.wait(None).map(<[_]>::len)
    });
    let (own, _other) = UnixStream::pair()?;
    let mut poller = Poller::new();
    poller.interrupt(&interrupt);
    poller.add_fd(own.as_fd(), (), Interest::READABLE)?;
    interrupt.raise();
    assert_eq!(poller.wait(None), Err(Error::Interrupted));
    assert_eq!(polling.join().unwrap(), Err(Error::Interrupted));
    assert_eq!(running.join().unwrap(), Err(Error::Interrupted));
    Ok(())
}

#[test]
fn a_poller_says_who_is_ready() -> Result<()> {
    let ctx = Context::new();
    let mut inbox = ctx.pull().bind("tcp://127.0.0.1:*")?;
    let mut pair = ctx.pair().bind("inproc://pair")?;
    let (own, mut other) = UnixStream::pair()?;
    let mut poller = Poller::new();
    poller.add(&inbox, "inbox", Interest::READABLE)?;
    poller.add(&pair, "pair", Interest::BOTH)?;
    poller.add_fd(own.as_fd(), "stream", Interest::READABLE)?;
    assert_eq!(poller.wait(Duration::ZERO)?, []);

    let mut outbox = ctx.push().connect(inbox.last_endpoint())?;
    outbox.send("over tcp")?;
    let events = poller.wait(PATIENCE)?;
    assert_eq!(events.iter().map(|e| (e.key, e.readable())).collect::<Vec<_>>(), [("inbox", true)]);
    // It stays ready until the message is taken.
    assert_eq!(poller.wait(PATIENCE)?.len(), 1);
    assert_eq!(inbox.recv()?, "over tcp");
    assert_eq!(poller.wait(Duration::ZERO)?, []);

    let mut peer = ctx.pair().connect("inproc://pair")?;
    let event = poller.wait(PATIENCE)?[0];
    assert_eq!((event.key, event.readable(), event.writable()), ("pair", false, true));
    peer.send("hello")?;
    assert!(poller.wait(PATIENCE)?[0].readable());
    assert_eq!(pair.recv()?, "hello");
    poller.remove(&pair)?;
    assert_eq!(poller.wait(Duration::ZERO)?, []);

    other.write_all(b"!")?;
    let event = poller.wait(PATIENCE)?[0];
    assert_eq!((event.key, event.readable(), event.failed()), ("stream", true, false));
    drop(other);
    assert!(poller.wait(PATIENCE)?[0].failed());
    poller.remove_fd(own.as_fd());
    drop(inbox);
    assert_eq!(poller.wait(Duration::ZERO)?, [], "what is closed is not watched");
    Ok(())
}

#[test]
fn a_poller_wakes_for_what_another_thread_sends() -> Result<()> {
    let ctx = Context::new();
    let mut inbox = ctx.pull().bind("inproc://inbox")?;
    let mut poller = Poller::new();
    poller.add(&inbox, (), Interest::READABLE)?;
    let mut outbox = ctx.push().connect("inproc://inbox")?;
    let sender = thread::spawn(move || -> Result<()> {
        for round in 0..1000 {
            outbox.send(round.to_string())?;
        }
        Ok(())
    });
    for round in 0..1000 {
        assert_eq!(poller.wait(PATIENCE)?.len(), 1);
        assert_eq!(inbox.recv()?, round.to_string());
    }
    sender.join().unwrap()
}

#[test]
fn a_poller_ends_with_the_context() -> Result<()> {
    let ctx = Context::new();
    let inbox = ctx.pull().bind("inproc://inbox")?;
    let polling = thread::spawn(move || {
        let mut poller = Poller::new();
        poller.add(&inbox, (), Interest::READABLE)?;
        poller.wait(None).map(<[_]>::len)
    });
    ctx.shutdown();
    assert_eq!(polling.join().unwrap(), Err(Error::Terminated));
    Ok(())
}

#[test]
fn a_proxy_passes_pauses_counts_and_stops() -> Result<()> {
    let ctx = Context::new();
    let mut clients = ctx.router().bind("inproc://clients")?;
    let mut workers = ctx.dealer().bind("inproc://workers")?;
    let mut tap = ctx.pair().bind("inproc://tap")?;
    let mut seen = ctx.pair().connect("inproc://tap")?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let running = thread::spawn(move || {
        let (proxy, handle) = proxy(&mut clients, &mut workers).capture(&mut tap).stoppable()?;
        sender.send(handle).expect("the test waits");
        proxy.run()
    });
    let mut handle = receiver.recv().unwrap();
    let mut worker = ctx.rep().connect("inproc://workers")?;
    let mut client = ctx.req().connect("inproc://clients")?;

    let pending = client.send("Hello")?;
    assert_eq!(worker.recv()?, "Hello");
    worker.send("World")?;
    assert_eq!(pending.recv()?, "World");
    assert_eq!(seen.recv_multipart()?.last().unwrap(), "Hello");
    assert_eq!(seen.recv_multipart()?.last().unwrap(), "World");
    let passed = handle.passed()?;
    assert_eq!((passed.front.frames_in, passed.back.frames_out), (3, 3));
    assert_eq!((passed.back.frames_in, passed.front.frames_out), (3, 3));

    handle.pause()?;
    handle.passed()?; // it has heard
    let pending = client.send("again")?;
    assert_eq!(worker.try_recv(), Err(Error::Again));
    handle.resume()?;
    assert_eq!(worker.recv()?, "again");
    worker.send("and again")?;
    assert_eq!(pending.recv()?, "and again");
    handle.stop()?;
    running.join().unwrap()?;
    handle.stop()
}

#[test]
fn an_interrupt_of_a_socket_for_many_threads_ends_a_poller() -> Result<()> {
    let interrupt = Interrupt::new()?;
    let ctx = Context::builder().interrupt(&interrupt).build();
    let gather = ctx.gather().bind("inproc://results")?;
    let mut poller = Poller::new();
    poller.add(&gather, (), Interest::READABLE)?;
    interrupt.raise();
    assert_eq!(poller.wait(None), Err(Error::Interrupted));
    interrupt.clear();
    assert_eq!(poller.wait(Duration::ZERO)?, []);
    Ok(())
}

#[test]
fn pollers_of_the_same_sockets_do_not_wait_for_each_other() -> Result<()> {
    let ctx = Context::new();
    let (one, two) = (ctx.pull().bind("inproc://one")?, ctx.pull().bind("inproc://two")?);
    let (mut forth, mut back) = (Poller::new(), Poller::new());
    forth.add(&one, 1, Interest::READABLE)?;
    forth.add(&two, 2, Interest::READABLE)?;
    back.add(&two, 2, Interest::READABLE)?;
    back.add(&one, 1, Interest::READABLE)?;
    let rounds = |mut poller: Poller<'static, i32>| -> Result<()> {
        for _ in 0..10_000 {
            assert_eq!(poller.wait(Duration::ZERO)?, []);
        }
        Ok(())
    };
    let other = thread::spawn(move || rounds(forth));
    rounds(back)?;
    other.join().unwrap()
}

#[test]
fn a_proxy_that_has_ended_is_not_waited_for() -> Result<()> {
    let ctx = Context::new();
    let (mut inlet, mut outlet) = (ctx.pull().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
    let (proxy, mut handle) = proxy(&mut inlet, &mut outlet).stoppable()?;
    handle.stop()?;
    proxy.run()?;
    assert_eq!(handle.passed(), Err(Error::HostUnreachable));
    Ok(())
}

#[test]
fn no_command_to_a_proxy_is_lost() -> Result<()> {
    let ctx = Context::new();
    let (mut inlet, mut outlet) = (ctx.pull().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
    let (proxy, mut handle) = proxy(&mut inlet, &mut outlet).stoppable()?;
    for _ in 0..3000 {
        handle.pause()?;
    }
    handle.stop()?;
    proxy.run()
}

#[test]
fn an_interrupt_ends_pollers_and_proxies_that_have_something_to_do() -> Result<()> {
    let interrupt = Interrupt::new()?;
    let ctx = Context::new();
    let mut inlet = ctx.pull().interrupt(&interrupt).bind("inproc://in")?;
    let mut outlet = ctx.publisher().interrupt(&interrupt).bind("inproc://out")?;
    let gather = ctx.gather().interrupt(&interrupt).bind("inproc://results")?;
    ctx.push().connect("inproc://in")?.send("task")?;
    ctx.scatter().connect("inproc://results")?.send("result")?;
    interrupt.raise();
    assert_eq!(proxy(&mut inlet, &mut outlet).run(), Err(Error::Interrupted));
    assert_eq!(outlet.wait_for_subscribers(0, PATIENCE), Err(Error::Interrupted));

    let mut poller = Poller::new();
    poller.add(&inlet, "tasks", Interest::READABLE)?;
    assert_eq!(poller.wait(PATIENCE), Err(Error::Interrupted));
    poller.remove(&inlet)?;
    poller.add(&gather, "results", Interest::READABLE)?;
    assert_eq!(poller.wait(PATIENCE), Err(Error::Interrupted));
    poller.add(&inlet, "tasks", Interest::READABLE)?;
    interrupt.clear();
    assert_eq!(poller.wait(PATIENCE)?.len(), 2);
    assert_eq!(inlet.try_recv()?, "task", "the proxy has passed nothing");
    Ok(())
}

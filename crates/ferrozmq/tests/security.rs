//! Keys, names and passwords, and who judges them.

use std::{fs, path::PathBuf, time::Duration};

use ferrozmq::{
    Context, Error, HandshakeFailure, Monitor, MonitorEvent, Result,
    security::{Authenticator, Judgement, KeyPair, PublicKey},
};

/// Long enough for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why the next handshake of the monitored socket fails.
fn failure(monitor: &mut Monitor) -> HandshakeFailure {
    loop {
        let event = monitor.recv_timeout(PATIENCE).expect("an event in time").expect("an open socket");
        if let MonitorEvent::HandshakeFailed { reason, .. } = event {
            return reason;
        }
    }
}

#[test]
fn a_curve_server_without_anybody_who_judges_lets_nobody_in() -> Result<()> {
    let (server, client) = (KeyPair::generate()?, KeyPair::generate()?);
    let ctx = Context::new();
    let mut tasks = ctx.pull().curve_server(&server.secret).build()?;
    let mut monitor = tasks.monitor()?;
    tasks.bind("tcp://127.0.0.1:*")?;
    let mut push = ctx.push().curve_client(&client, server.public).connect(tasks.last_endpoint())?;
    push.send("in")?;
    assert_eq!(failure(&mut monitor), HandshakeFailure::HandlerAbsent);
    assert_eq!(tasks.try_recv(), Err(Error::Again));
    Ok(())
}

#[test]
fn an_unknown_key_is_refused_and_says_so_on_both_sides() -> Result<()> {
    let (server, known, unknown) = (KeyPair::generate()?, KeyPair::generate()?, KeyPair::generate()?);
    let guard = Authenticator::new().allow_key(known.public, "known");
    let ctx = Context::builder().authenticator(guard).build();
    let mut tasks = ctx.pull().curve_server(&server.secret).build()?;
    let mut at_server = tasks.monitor()?;
    tasks.bind("tcp://127.0.0.1:*")?;
    let mut push = ctx.push().curve_client(&unknown, server.public).build()?;
    let mut at_client = push.monitor()?;
    push.connect(tasks.last_endpoint())?;
    assert_eq!(failure(&mut at_server), HandshakeFailure::Rejected(400));
    assert_eq!(failure(&mut at_client), HandshakeFailure::Refused(400));
    let mut push = ctx.push().curve_client(&known, server.public).connect(tasks.last_endpoint())?;
    push.send("in")?;
    assert_eq!(tasks.recv()?, "in");
    Ok(())
}

#[test]
fn a_file_is_read_again_when_it_has_changed() -> Result<()> {
    let path: PathBuf = std::env::temp_dir().join(format!("ferrozmq-security-{}", std::process::id()));
    let (server, first, second) = (KeyPair::generate()?, KeyPair::generate()?, KeyPair::generate()?);
    fs::write(&path, format!("curve {} first\n", first.public)).expect("a file");
    let guard = Authenticator::new().allow_file(&path).expect("a good file");
    let ctx = Context::builder().authenticator(guard).build();
    let mut tasks = ctx.pull().curve_server(&server.secret).bind("tcp://127.0.0.1:*")?;
    let come_in = |keys: &KeyPair| -> Result<_> {
        let mut push = ctx.push().curve_client(keys, server.public).build()?;
        let monitor = push.monitor()?;
        push.connect(tasks.last_endpoint())?;
        Ok((push, monitor))
    };
    let (_push, mut monitor) = come_in(&second)?;
    assert_eq!(failure(&mut monitor), HandshakeFailure::Refused(400));
    fs::write(&path, format!("# another\ncurve {} second\n", second.public)).expect("a file");
    let (mut push, _monitor) = come_in(&second)?;
    push.send("in")?;
    let (_push, mut monitor) = come_in(&first)?;
    assert_eq!(failure(&mut monitor), HandshakeFailure::Refused(400));

    // One of the same length that says that it is as old.
    let age = fs::metadata(&path).and_then(|file| file.modified()).expect("an age");
    let next = path.with_extension("next");
    fs::write(&next, format!("# another\ncurve {} second\n", first.public)).expect("a file");
    fs::File::options().append(true).open(&next).and_then(|file| file.set_modified(age)).expect("a file");
    fs::rename(&next, &path).expect("in its place");
    let (_push, mut monitor) = come_in(&second)?;
    assert_eq!(failure(&mut monitor), HandshakeFailure::Refused(400));

    let message = tasks.recv()?;
    assert_eq!(message.property("User-Id"), Some(&b"second"[..]));
    fs::remove_file(&path).expect("the file");
    Ok(())
}

#[test]
fn a_file_that_breaks_puts_peers_off_and_says_why() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ferrozmq-security-broken-{}", std::process::id()));
    let (good, cut) = ("plain admin secret\n", "plain admin sec");
    fs::write(&path, good).expect("a file");
    let guard = Authenticator::new().allow_file(&path).expect("a good file").allow_password("root", "known");
    let ctx = Context::builder().authenticator(guard).build();
    let mut tasks = ctx.pull().plain_server().build()?;
    let mut monitor = tasks.monitor()?;
    tasks.bind("tcp://127.0.0.1:*")?;
    for (content, reason, text) in [
        (Some(cut), HandshakeFailure::ListMalformed(1), "line 1 of our list of clients is wrong"),
        (None, HandshakeFailure::ListUnreadable(2), "our list of clients cannot be read: No such file"),
        (Some("\ncurve x\n"), HandshakeFailure::ListMalformed(2), "line 2 of our list of clients is wrong"),
    ] {
        match content {
            Some(content) => fs::write(&path, content).expect("a file"),
            None => fs::remove_file(&path).expect("the file"),
        }
        for password in ["secret", "sec"] {
            let push = ctx.push().plain_client("admin", password).linger(Duration::ZERO);
            let mut push = push.connect(tasks.last_endpoint())?;
            push.send("half")?;
            assert_eq!(failure(&mut monitor), reason);
            assert!(reason.to_string().starts_with(text), "{reason}");
        }
        // Who is on another list is let in nevertheless.
        ctx.push().plain_client("root", "known").connect(tasks.last_endpoint())?.send("in")?;
        assert_eq!(tasks.recv()?, "in");
    }
    fs::write(&path, good).expect("a file");
    ctx.push().plain_client("admin", "secret").connect(tasks.last_endpoint())?.send("in")?;
    assert_eq!(tasks.recv()?.property("User-Id"), Some(&b"admin"[..]));
    fs::remove_file(&path).expect("the file");
    Ok(())
}

#[test]
fn while_a_file_is_broken_a_callback_refuses_nobody_for_good() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ferrozmq-security-callback-{}", std::process::id()));
    fs::write(&path, "plain admin secret\n").expect("a file");
    let guard = Authenticator::new().allow_file(&path).expect("a good file").ask(|_| Judgement::Refuse);
    let ctx = Context::builder().authenticator(guard).build();
    let mut tasks = ctx.pull().plain_server().handshake_limit(Duration::from_millis(100)).build()?;
    let mut monitor = tasks.monitor()?;
    tasks.bind("tcp://127.0.0.1:*")?;
    fs::write(&path, "plain admin").expect("a file");
    let mut push = ctx.push().plain_client("admin", "secret").connect(tasks.last_endpoint())?;
    push.send("in")?;
    // It is put off, and comes again and again.
    while failure(&mut monitor) != HandshakeFailure::ListMalformed(1) {}
    let whole = path.with_extension("whole");
    fs::write(&whole, "plain admin secret\n").expect("a file");
    fs::rename(&whole, &path).expect("in its place");
    assert_eq!(tasks.recv()?, "in");
    fs::remove_file(&path).expect("the file");
    Ok(())
}

#[test]
fn a_bad_file_is_refused_with_its_line() {
    let path = std::env::temp_dir().join(format!("ferrozmq-security-bad-{}", std::process::id()));
    fs::write(&path, "plain admin secret\ncurve abc\n").expect("a file");
    let error = Authenticator::new().allow_file(&path).expect_err("a bad line").to_string();
    assert!(error.contains("line 2") && error.contains(path.to_str().unwrap()), "{error}");
    fs::remove_file(&path).expect("the file");
    assert!(Authenticator::new().allow_file("/does/not/exist").is_err());
}

#[test]
fn the_handler_of_the_application_goes_before_the_authenticator() -> Result<()> {
    let ctx =
        Context::builder().authenticator(Authenticator::new().allow_password("admin", "secret")).build();
    let mut handler = ctx.rep().bind("inproc://zeromq.zap.01")?;
    let mut tasks = ctx.pull().plain_server().bind("tcp://127.0.0.1:*")?;
    let mut push = ctx.push().plain_client("other", "word").connect(tasks.last_endpoint())?;
    let request = handler.recv_multipart()?;
    assert_eq!((&request[6], &request[7]), (&"other".into(), &"word".into()));
    handler.send(("1.0", "1", "200", "", "other", ""))?;
    push.send("in")?;
    assert_eq!(tasks.recv()?.property("User-Id"), Some(&b"other"[..]));
    Ok(())
}

#[test]
fn a_callback_hears_of_the_peer_and_may_put_it_off() -> Result<()> {
    let server = KeyPair::generate()?;
    let client = KeyPair::generate()?;
    let asked = std::sync::atomic::AtomicU32::new(0);
    let key = client.public;
    let guard = Authenticator::new().ask(move |peer| {
        assert_eq!((peer.key, &*peer.domain, &*peer.address), (Some(key), "here", "127.0.0.1"));
        match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Judgement::Later,
            _ => Judgement::Allow { user: "patient".into() },
        }
    });
    let ctx = Context::builder().authenticator(guard).build();
    let mut tasks = ctx
        .pull()
        .curve_server(&server.secret)
        .zap_domain("here")
        .handshake_limit(Duration::from_millis(100))
        .bind("tcp://127.0.0.1:*")?;
    let mut push = ctx.push().curve_client(&client, server.public).connect(tasks.last_endpoint())?;
    push.send("in")?;
    assert_eq!(tasks.recv()?.property("User-Id"), Some(&b"patient"[..]));
    Ok(())
}

#[test]
fn addresses_are_judged_where_there_is_a_domain_only() -> Result<()> {
    let guard = Authenticator::new().ask(|peer| match &*peer.address {
        "127.0.0.1" => Judgement::Allow { user: "neighbour".into() },
        _ => Judgement::Refuse,
    });
    let ctx = Context::builder().authenticator(guard).build();
    let mut tasks = ctx.pull().zap_domain("here").bind("tcp://127.0.0.1:*")?;
    ctx.push().connect(tasks.last_endpoint())?.send("in")?;
    assert_eq!(tasks.recv()?.property("User-Id"), Some(&b"neighbour"[..]));
    Ok(())
}

#[test]
fn what_is_no_key_and_too_long_is_refused() {
    assert!("abc".parse::<KeyPair>().is_err());
    assert_eq!(PublicKey::from_text(b"abc"), None);
    let long = "x".repeat(256);
    let result = Context::new().push().plain_client(&long, "").build();
    assert_eq!(result.err(), Some(Error::InvalidArgument));
}

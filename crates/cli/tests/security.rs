//! `fzmq keygen`, `fzmq doctor`, and cats with keys and names.

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use support::{LIMIT, Running, run, text};

const ANY: &str = "tcp://127.0.0.1:*";

/// A directory of its own, removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fzmq-security-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Makes keys; the file of the secret one.
    fn keys(&self, name: &str) -> String {
        let file = self.file(name);
        let made = run(&format!("keygen {file}"), b"");
        assert!(made.status.success(), "{}", text(&made.stderr));
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn keygen_writes_a_secret_for_its_owner_only() {
    let scratch = Scratch::new("keygen");
    let file = scratch.file("server");
    let made = run(&format!("keygen {file}"), b"");
    assert!(made.status.success());
    let public = text(&made.stdout);
    assert_eq!((public.len(), public.trim().len()), (41, 40));
    assert_eq!(fs::read_to_string(format!("{file}.pub")).unwrap(), public);
    assert!(!text(&made.stderr).contains(fs::read_to_string(&file).unwrap().trim()));
    let mode = |path: &str| fs::metadata(Path::new(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    // It does not write over a key that may be in use.
    let secret = fs::read_to_string(&file).unwrap();
    let again = run(&format!("keygen {file}"), b"");
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists already"), "{}", text(&again.stderr));
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    assert!(run(&format!("keygen --force {file}"), b"").status.success());
    assert_ne!(fs::read_to_string(&file).unwrap(), secret);
}

#[test]
fn cats_talk_with_keys_and_only_those_listed_are_let_in() {
    let scratch = Scratch::new("cats");
    let (server, known, unknown) = (scratch.keys("server"), scratch.keys("known"), scratch.keys("unknown"));
    let listed = fs::read_to_string(format!("{known}.pub")).unwrap();
    let clients = scratch.file("clients");
    fs::write(&clients, format!("# who may push\ncurve {} joe\n", listed.trim())).unwrap();
    let pull = Running::bound(&format!("pull {ANY} --key {server} --clients {clients} -n 1 -t {LIMIT}"), 1);
    let push = |key: &str, limit: &str| {
        let endpoint = pull.endpoint();
        run(
            &format!(
                "push {endpoint} --key {key} --server-key {server}.pub -t {limit} --linger {limit} --message {key}"
            ),
            b"",
        )
    };
    // It is refused for good, says so, and does not pretend to have sent anything.
    let refused = push(&unknown, LIMIT);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    // Before the message was sent or after.
    assert!(
        said.contains("the peer refused us with status 400")
            && said.contains("has refused us, or has gone for good"),
        "{said}"
    );
    assert_eq!(push(&known, LIMIT).status.code(), Some(0));
    assert_eq!(pull.end().1, format!("{known}\n"));
}

#[test]
fn keygen_leaves_both_files_or_none() {
    let scratch = Scratch::new("keygen-fails");
    let file = scratch.file("server");
    // The public key of another secret one is there.
    fs::write(format!("{file}.pub"), "another").unwrap();
    let made = run(&format!("keygen {file}"), b"");
    assert_eq!(made.status.code(), Some(1));
    assert!(text(&made.stderr).contains("server.pub exists already"), "{}", text(&made.stderr));
    assert!(text(&made.stdout).is_empty() && !Path::new(&file).exists());
    let nowhere = scratch.file("no/such/directory/server");
    let made = run(&format!("keygen {nowhere}"), b"");
    assert_eq!(made.status.code(), Some(1));
    let said = text(&made.stderr);
    assert!(said.contains(&nowhere) && said.contains("No such file or directory"), "{said}");
    // A directory is no place for a key either, and what is in it stays.
    fs::create_dir(scratch.file("directory")).unwrap();
    let made = run(&format!("keygen --force {}", scratch.file("directory")), b"");
    assert_eq!(made.status.code(), Some(1));
    let left: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// What is in a directory, without what was put there before.
fn names(scratch: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(&scratch.0).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn keygen_that_cannot_replace_both_files_replaces_none() {
    let scratch = Scratch::new("keygen-force");
    let file = scratch.keys("server");
    let secret = fs::read_to_string(&file).unwrap();
    // No file takes the place of a directory.
    fs::remove_file(format!("{file}.pub")).unwrap();
    fs::create_dir(format!("{file}.pub")).unwrap();
    let made = run(&format!("keygen --force {file}"), b"");
    assert_eq!(made.status.code(), Some(1));
    assert!(text(&made.stderr).contains("server.pub"), "{}", text(&made.stderr));
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    assert_eq!(names(&scratch), ["server", "server.pub"]);
    fs::remove_dir(format!("{file}.pub")).unwrap();
    fs::rename(&file, format!("{file}.pub")).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(run(&format!("keygen --force {file}"), b"").status.code(), Some(1));
    assert_eq!(fs::read_to_string(format!("{file}.pub")).unwrap(), secret);
    assert_eq!(names(&scratch), ["server", "server.pub"]);
}

#[test]
fn of_many_that_make_the_same_key_at_once_one_does() {
    let scratch = Scratch::new("keygen-race");
    for round in 0..5 {
        let file = scratch.file(&format!("server-{round}"));
        let makers: Vec<_> = (0..8).map(|_| Running::start(&format!("keygen {file}"))).collect();
        let made: Vec<_> = makers.into_iter().map(Running::end).collect();
        let winners: Vec<_> = made.iter().filter(|(code, ..)| *code == 0).collect();
        assert_eq!(winners.len(), 1, "{made:?}");
        let secret: ferrozmq::security::KeyPair = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let public = format!("{}\n", secret.public);
        assert_eq!(fs::read_to_string(format!("{file}.pub")).unwrap(), public);
        assert_eq!(winners[0].1, public);
    }
    assert_eq!(names(&scratch).len(), 10);
}

#[test]
fn a_name_and_a_password_may_come_from_a_file() {
    let scratch = Scratch::new("user-file");
    let guard = ferrozmq::security::Authenticator::new().allow_password("joe", "hush:hush");
    let ctx = ferrozmq::Context::builder().authenticator(guard).build();
    let mut pull = ctx.pull().plain_server().bind(ANY).unwrap();
    let (file, endpoint) = (scratch.file("login"), pull.last_endpoint().to_owned());
    let push = |option: &str| {
        run(&format!("push {endpoint} --message in -t {LIMIT} --linger {LIMIT} {option}"), b"")
    };
    for content in ["joe:hush:hush", "joe:hush:hush\n", "joe:hush:hush\r\n"] {
        fs::write(&file, content).unwrap();
        let pushed = push(&format!("--user-file {file}"));
        assert_eq!(pushed.status.code(), Some(0), "{}", text(&pushed.stderr));
        // Who else may read it is told.
        assert!(text(&pushed.stderr).contains("others may read or write the password"));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(text(&push(&format!("--user-file {file}")).stderr), "");
    for _ in 0..4 {
        assert_eq!(pull.recv().unwrap(), "in");
    }
    fs::write(&file, "joe\nhush\n").unwrap();
    for (option, code, said) in [
        (format!("--user-file {file}"), 1, "expected one line, NAME:PASSWORD"),
        (format!("--user-file {file}.other"), 1, "No such file"),
        (format!("--user-file {file} --user joe:hush"), 2, "cannot be used with"),
        (format!("--user-file {file} --key {file}"), 2, "cannot be used with"),
    ] {
        let pushed = push(&option);
        assert_eq!(pushed.status.code(), Some(code), "{option}");
        let error = text(&pushed.stderr);
        assert!(error.contains(said) && !error.contains("hush"), "{option}: {error}");
    }
}

#[test]
fn a_key_that_is_given_in_place_of_its_file_is_not_repeated() {
    let scratch = Scratch::new("mistyped");
    let file = scratch.file("server");
    let secret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
    for typed in [secret, &secret[..39], &format!("{secret}x")] {
        for option in ["--key", "--server-key"] {
            if option == "--server-key" && typed.len() == 40 {
                // That is a key.
                continue;
            }
            let seen = run(&format!("doctor tcp://127.0.0.1:1 {option} {typed}"), b"");
            let said = text(&seen.stderr);
            assert_eq!(seen.status.code(), Some(1), "{said}");
            assert!(!said.contains(&typed[..20]) && said.contains("may be a key"), "{said}");
        }
    }
    // A key that is one character short, in its file.
    fs::write(&file, &secret[..39]).unwrap();
    let seen = run(&format!("doctor tcp://127.0.0.1:1 --key {file}"), b"");
    let said = text(&seen.stderr);
    assert!(
        said.contains(&file) && said.contains("40 characters") && !said.contains(&secret[..20]),
        "{said}"
    );
}

#[test]
fn who_is_refused_does_not_wait_for_ever() {
    let scratch = Scratch::new("refused");
    let (server, unknown) = (scratch.keys("server"), scratch.keys("unknown"));
    let clients = scratch.file("clients");
    fs::write(&clients, "").unwrap();
    let keys = format!("--key {server} --clients {clients}");
    let ours = format!("--key {unknown} --server-key {server}.pub");
    for (there, here) in [("rep --echo", "req --message question"), ("pub --message news", "sub")] {
        let mut peer = Running::bound(&format!("{there} {ANY} {keys} --interval 1s"), 1);
        let refused = run(&format!("{here} {} {ours}", peer.endpoint()), b"");
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{here}: {said}");
        assert!(said.contains("status 400") && said.contains("has refused us"), "{here}: {said}");
        peer.interrupt();
        assert_eq!(peer.end().0, 130);
    }
}

#[test]
fn ctrl_c_ends_a_cat_with_keys_and_a_doctor_that_waits() {
    let scratch = Scratch::new("interrupt");
    let (server, client) = (scratch.keys("server"), scratch.keys("client"));
    let mut pull = Running::bound(&format!("pull {ANY} --key {server}"), 1);
    let push = format!("push {} --key {client} --server-key {server}.pub", pull.endpoint());
    let mut push = Running::start(&push);
    push.type_in("here\n");
    assert_eq!(pull.line(), "here");
    push.interrupt();
    assert_eq!(push.end().0, 130);
    pull.interrupt();
    assert_eq!(pull.end().0, 130);
    // A peer that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut doctor = Running::start(&format!("doctor tcp://{} -t {LIMIT}", silent.local_addr().unwrap()));
    let (_connection, _) = silent.accept().unwrap();
    doctor.interrupt();
    assert_eq!(doctor.end().0, 130);
}

#[test]
fn a_stream_with_keys_survives_the_sudden_death_of_either_end() {
    let scratch = Scratch::new("killed");
    let (server, client) = (scratch.keys("server"), scratch.keys("client"));
    let listen = |endpoint: &str| Running::bound(&format!("pull {endpoint} --key {server}"), 1);
    let mut pull = listen(ANY);
    let endpoint = pull.endpoint().to_owned();
    let line = "x".repeat(5_000);
    let send = || {
        let to =
            format!("push {endpoint} --key {client} --server-key {server}.pub --rate 2000 --message {line}");
        Running::start(&to)
    };
    let mut push = send();
    let whole_lines = |pull: &mut Running| (0..200).for_each(|_| assert_eq!(pull.line(), line));
    whole_lines(&mut pull);
    push.kill();
    push = send();
    whole_lines(&mut pull);
    pull.kill();
    let mut pull = listen(&endpoint);
    whole_lines(&mut pull);
    push.kill();
    pull.kill();
}

#[test]
fn the_doctor_says_what_a_peer_is() {
    let rep = Running::bound(&format!("rep {ANY} --echo -t {LIMIT}"), 1);
    let seen = run(&format!("doctor {}", rep.endpoint()), b"");
    let said = text(&seen.stdout);
    assert!(seen.status.success(), "{said} {}", text(&seen.stderr));
    for line in ["reachable", "protocol: ZMTP 3.1", "mechanism: NULL", "socket type: REP", "we are let in"] {
        assert!(said.lines().any(|l| l == line), "{line} in {said}");
    }
}

#[test]
fn the_doctor_tells_a_wrong_key_from_a_wrong_mechanism() {
    let scratch = Scratch::new("doctor");
    let (server, client) = (scratch.keys("server"), scratch.keys("client"));
    let clients = scratch.file("clients");
    fs::write(&clients, "").unwrap();
    let open = Running::bound(&format!("pull {ANY} --key {server} -t {LIMIT}"), 1);
    let closed = Running::bound(&format!("pull {ANY} --key {server} --clients {clients} -t {LIMIT}"), 1);
    let ask = |peer: &Running, keys: &str| {
        let seen = run(&format!("doctor {} {keys}", peer.endpoint()), b"");
        (seen.status.code(), text(&seen.stdout) + &text(&seen.stderr))
    };
    let (code, said) = ask(&open, &format!("--key {client} --server-key {server}.pub"));
    assert!(code == Some(0) && said.contains("socket type: PULL"), "{said}");
    let (code, said) = ask(&open, "");
    assert!(code == Some(1) && said.contains("it asks for CURVE, we come with NULL"), "{said}");
    let (code, said) = ask(&open, &format!("--server-key {client}.pub"));
    assert!(code == Some(1) && said.contains("another key than we were given"), "{said}");
    let (code, said) = ask(&closed, &format!("--key {client} --server-key {server}.pub"));
    assert!(code == Some(1) && said.contains("the peer refused us with status 400"), "{said}");
}

#[test]
fn the_doctor_knows_every_type() {
    let types = "pub sub push pull req rep dealer router pair xpub xsub client server peer radio dish scatter gather channel";
    for kind in types.split(' ') {
        let peer = Running::bound(&format!("{kind} {ANY} --bind -t {LIMIT}"), 1);
        let seen = run(&format!("doctor {}", peer.endpoint()), b"");
        let said = text(&seen.stdout);
        let line = format!("socket type: {}", kind.to_uppercase());
        assert!(
            seen.status.success() && said.lines().any(|l| l == line),
            "{kind}: {said} {}",
            text(&seen.stderr)
        );
    }
}

/// A peer that takes connections, says this to each, and hangs up or does not.
fn stranger(words: &'static [u8], hangs_up: bool) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut peer, _)) = listener.accept() {
            let _ = std::io::Write::write_all(&mut peer, words);
            if hangs_up {
                let _ = peer.shutdown(std::net::Shutdown::Write);
            }
            open.push(peer);
        }
    });
    endpoint
}

#[test]
fn the_doctor_tells_other_protocols_from_silence_and_from_a_closed_door() {
    let greeting = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01";
    for (words, hangs_up, code, reason) in [
        (&b"SSH-2.0-x\r\n"[..], false, 1, "does not speak ZMTP"),
        (b"\x01\0", false, 1, "does not speak ZMTP"),
        (b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\0\0", false, 1, "ZMTP 1 or 2"),
        (b"", true, 1, "closed the connection before its greeting"),
        (greeting, true, 1, "closed the connection before its greeting"),
        (b"", false, 124, "in time"),
        (greeting, false, 124, "in time"),
    ] {
        let seen = run(&format!("doctor {} -t 500ms", stranger(words, hangs_up)), b"");
        let (out, said) = (text(&seen.stdout), text(&seen.stderr));
        assert_eq!((seen.status.code(), &out[..]), (Some(code), "reachable\n"), "{words:?}: {said}");
        assert!(said.contains(reason), "{words:?}: {said}");
    }
    // What a peer says of itself does not steer a terminal.
    let mut hostile = greeting.to_vec();
    hostile.extend(b"\x1b[2J");
    hostile.resize(64, 0);
    let seen = run(&format!("doctor {}", stranger(hostile.leak(), false)), b"");
    assert!(text(&seen.stdout).contains("mechanism: \\x1b[2J\n"), "{}", text(&seen.stdout));
}

#[test]
fn the_doctor_does_not_wait_for_ever_to_be_connected() {
    // Nobody accepts: once the queue is full, the kernel answers no more.
    let full = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let second = std::time::Duration::from_secs(1);
    while std::net::TcpStream::connect_timeout(&address, second).is_ok() {}
    let seen = run(&format!("doctor tcp://{address} -t 10ms"), b"");
    assert_eq!(seen.status.code(), Some(124));
    assert!(text(&seen.stderr).contains("not reached within 10.0 ms"), "{}", text(&seen.stderr));
}

#[test]
fn the_doctor_takes_no_endpoint_and_no_option_in_vain() {
    for (line, code, words) in [
        ("doctor ipc:///no/such/socket", 1, "No such file"),
        ("doctor inproc://x", 2, "by tcp and ipc only"),
        ("doctor udp://127.0.0.1:1", 2, "by tcp and ipc only"),
        ("doctor tcp://127.0.0.1:1 --key /no/such/key --clients x", 2, "lets nobody in"),
    ] {
        let seen = run(line, b"");
        assert_eq!(seen.status.code(), Some(code), "{line}");
        assert!(text(&seen.stderr).contains(words), "{line}: {}", text(&seen.stderr));
    }
}

#[test]
fn a_password_in_the_wrong_place_is_not_repeated() {
    for (line, words) in [
        ("push tcp://127.0.0.1:1 --user-file joe:hush", "may be a key or a password"),
        (
            "push tcp://127.0.0.1:1 --socks-proxy 127.0.0.1:1 --socks-user-file joe:hush",
            "may be a key or a password",
        ),
        ("push tcp://127.0.0.1:1 --socks-proxy joe:hush@127.0.0.1:1", "given apart"),
        ("doctor tcp://127.0.0.1:1 --socks-proxy socks5://joe:hush@127.0.0.1:1", "given apart"),
        ("push tcp://127.0.0.1:1 --usr=joe:hush", "unexpected argument"),
        ("push tcp://127.0.0.1:1 --user joe:hush --key joe.key", "cannot be used with"),
    ] {
        let seen = run(line, b"");
        let said = text(&seen.stderr);
        assert!(matches!(seen.status.code(), Some(1 | 2)), "{line}: {said}");
        assert!(said.contains(words) && !said.contains("hush"), "{line}: {said}");
    }
}

#[test]
fn a_broker_has_keys_for_each_side() {
    let scratch = Scratch::new("broker");
    let [server, joe, broker_key, unknown] =
        ["server", "joe", "broker", "unknown"].map(|name| scratch.keys(name));
    let listed = |key: &str| format!("curve {}\n", fs::read_to_string(format!("{key}.pub")).unwrap().trim());
    let (of_front, of_back) = (scratch.file("of-front"), scratch.file("of-back"));
    fs::write(&of_front, listed(&joe)).unwrap();
    fs::write(&of_back, listed(&broker_key)).unwrap();
    // Joe may come to the broker, and the broker to the workers.
    let pull = Running::bound(&format!("pull {ANY} --key {server} --clients {of_back} -n 1 -t {LIMIT}"), 1);
    let back = format!("--connect-back --back-key {broker_key} --back-server-key {server}.pub");
    let front = format!("--front-key {broker_key} --front-clients {of_front}");
    let mut broker =
        Running::bound(&format!("proxy {ANY} {} --pull-push {front} {back}", pull.endpoint()), 1);
    let push = |key: &str| {
        let endpoint = broker.endpoint();
        run(&format!("push {endpoint} --key {key} --server-key {broker_key}.pub --message {key}"), b"")
    };
    assert_eq!(push(&unknown).status.code(), Some(1));
    assert_eq!(push(&joe).status.code(), Some(0));
    assert_eq!(pull.end().1, format!("{joe}\n"));
    // The one who was refused; nobody else.
    assert!(broker.said().starts_with("fzmq: warning: handshake failed: "));
    broker.interrupt();
    let (code, _, said) = broker.end();
    assert_eq!((code, said.as_str()), (130, ""));
}

#[test]
fn a_broker_is_secure_in_front_only_or_behind_only() {
    let scratch = Scratch::new("half");
    let (key, joe) = (scratch.keys("broker"), scratch.keys("joe"));
    let with_key = format!("--key {joe} --server-key {key}.pub");
    for (side, in_front, behind) in [("front", &with_key[..], ""), ("back", "", &with_key)] {
        let broker = Running::bound(&format!("proxy {ANY} {ANY} --pull-push --{side}-key {key}"), 2);
        let [front, back] = &broker.endpoints[..] else { panic!("two endpoints") };
        let pull = Running::start(&format!("pull {back} --connect -n 1 -t {LIMIT} {behind}"));
        let pushed = run(&format!("push {front} --message x -t {LIMIT} {in_front}"), b"");
        assert!(pushed.status.success(), "{}", text(&pushed.stderr));
        assert_eq!(pull.end().1, "x\n");
        broker.kill();
    }
}

#[test]
fn a_broker_gives_name_and_password() {
    use ferrozmq::{Context, security::Authenticator};
    let guard = Authenticator::new().allow_password("joe", "secret");
    let ctx = Context::builder().authenticator(guard).build();
    let mut pull = ctx.pull().plain_server().bind("tcp://127.0.0.1:*").unwrap();
    let behind = format!("{} --connect-back --back-user joe:secret", pull.last_endpoint());
    let broker = Running::bound(&format!("proxy {ANY} {behind} --pull-push"), 1);
    assert!(run(&format!("push {} --message x", broker.endpoint()), b"").status.success());
    assert_eq!(pull.recv().unwrap(), "x");
    broker.kill();
}

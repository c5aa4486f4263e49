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
    // It is refused for good, and what it wanted to send is dropped.
    push(&unknown, LIMIT);
    assert_eq!(push(&known, LIMIT).status.code(), Some(0));
    assert_eq!(pull.end().1, format!("{known}\n"));
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
fn the_doctor_knows_who_does_not_speak_zmtp() {
    let stream = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stream.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut peer, _)) = stream.accept() {
            let _ = std::io::Write::write_all(&mut peer, b"SSH-2.0-x\r\n");
        }
    });
    let seen = run(&format!("doctor tcp://{address}"), b"");
    assert_eq!(seen.status.code(), Some(1));
    assert!(text(&seen.stderr).contains("no ZMTP 3 greeting"), "{}", text(&seen.stderr));
    let nobody = run("doctor ipc:///no/such/socket", b"");
    assert_eq!(nobody.status.code(), Some(1));
    assert_eq!(run("doctor inproc://x", b"").status.code(), Some(1));
}

//! Inputs that are worth keeping, each with what it is. The names carry the ids of the table in SECURITY.md.

/// One file of the corpus.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The target that it is for.
    pub target: &'static str,
    /// The name of the file.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Seed {
    /// Where it lies in this package.
    pub fn path(&self) -> String {
        format!("corpus/{}/{}", self.target, self.name)
    }
}

/// Numbers of socket types, as the targets choose them.
mod kind {
    pub(super) const PUB: u8 = 1;
    pub(super) const REQ: u8 = 3;
    pub(super) const ROUTER: u8 = 6;
    pub(super) const PULL: u8 = 7;
    pub(super) const XPUB: u8 = 9;
    pub(super) const RADIO: u8 = 14;
    pub(super) const DISH: u8 = 15;
}

/// What is bound in the target `session`.
mod bound {
    pub(super) const REP: u8 = 0;
    pub(super) const PULL: u8 = 1;
    pub(super) const XPUB: u8 = 2;
    pub(super) const ROUTER: u8 = 3;
    pub(super) const SUB: u8 = 4;
    /// A PULL that connects.
    pub(super) const COLLECTOR: u8 = 5;
}

/// Every seed.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Seeds::default();
    handshakes(&mut seeds);
    frames(&mut seeds);
    commands(&mut seeds);
    properties(&mut seeds);
    proxies(&mut seeds);
    texts(&mut seeds);
    datagrams(&mut seeds);
    choices(&mut seeds);
    sessions(&mut seeds);
    seeds.0
}

#[derive(Default)]
struct Seeds(Vec<Seed>);

impl Seeds {
    fn add(&mut self, target: &'static str, name: impl Into<String>, parts: &[&[u8]]) {
        self.0.push(Seed { target, name: name.into(), bytes: parts.concat() });
    }
}

const SIGNATURE: &[u8] = b"\xFF\0\0\0\0\0\0\0\x01\x7F";

fn greeting(major: u8, minor: u8, mechanism: &[u8]) -> Vec<u8> {
    let mut bytes = [SIGNATURE, &[major, minor], mechanism].concat();
    bytes.resize(64, 0);
    bytes
}

fn command(body: &[u8]) -> Vec<u8> {
    [&[4, body.len() as u8], body].concat()
}

fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[name.len() as u8], name, &(value.len() as u32).to_be_bytes(), value].concat()
}

fn ready(socket_type: &[u8]) -> Vec<u8> {
    command(&[b"\x05READY", &property(b"Socket-Type", socket_type)[..]].concat())
}

/// Greeting and READY of a peer of this type.
fn hello(socket_type: &[u8]) -> Vec<u8> {
    [greeting(3, 1, b"NULL"), ready(socket_type)].concat()
}

fn long(flags: u8, size: u64, body: &[u8]) -> Vec<u8> {
    [&[flags | 2], &size.to_be_bytes()[..], body].concat()
}

/// Lengths that overflow something: pointers, signed numbers, additions of a header, allocators.
const ENORMOUS: [u64; 7] = [u64::MAX, u64::MAX - 7, 1 << 63, (1 << 63) - 1, 1 << 49, 1 << 48, 1 << 32];

/// What arrives at a port that is open to all.
const STRANGERS: [(&str, &[u8]); 5] = [
    ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("telnet", b"\r\n\r\nhelp\r\n"),
    ("zeros", &[0; 64]),
];

fn handshakes(seeds: &mut Seeds) {
    let mut add = |name: &str, kind: u8, flags: u8, bytes: &[u8]| {
        seeds.add("handshake", name, &[&[kind, flags, 7], bytes]);
    };
    add("ready", kind::PULL, 0, &hello(b"PUSH"));
    add("ready-3.0", kind::PULL, 0, &[greeting(3, 0, b"NULL"), ready(b"PUSH")].concat());
    add("v01-mechanism", kind::PULL, 0, &greeting(3, 1, b"PLAIN"));
    add("v03-unversioned", kind::PULL, 2, b"\x01\x00\x05\x00data");
    add("v03-revision-1", kind::PULL, 1, &[SIGNATURE, b"\x01\x08\x00\x00"].concat());
    add("v70-revision-0", kind::PULL, 0, &[SIGNATURE, b"\x00\x08\x01\x00"].concat());
    add("v70-revision-1", kind::PULL, 0, &[SIGNATURE, b"\x01\x08\x00\x00"].concat());
    add("v70-future", kind::PULL, 0, &[greeting(255, 255, b"NULL"), ready(b"PUSH")].concat());
    add("v70-short", kind::PULL, 0, &greeting(3, 1, b"NULL")[..40]);
    add("v71-ready-cut", kind::PULL, 0, &[greeting(3, 1, b"NULL"), command(b"\x05READY\xFFa")].concat());
    add("v81-empty-command", kind::PULL, 0, &[greeting(3, 1, b"NULL"), command(b"")].concat());
    add("v82-ping-first", kind::PULL, 0, &[greeting(3, 1, b"NULL"), command(b"\x04PING\0\0")].concat());
    add("v82-message-first", kind::PULL, 0, &[greeting(3, 1, b"NULL"), b"\x00\x01a".to_vec()].concat());
    add("error-command", kind::PULL, 0, &[greeting(3, 1, b"NULL"), command(b"\x05ERROR\x03400")].concat());
    for size in ENORMOUS {
        let frame = long(4, size, b"\x05READY");
        add(&format!("v94-{size:x}"), kind::PULL, 0, &[greeting(3, 1, b"NULL"), frame].concat());
    }
    for size in [0, 1 << 63, u64::MAX] {
        let bytes = [&[0xFF], &u64::to_be_bytes(size)[..], b"\x00identity"].concat();
        add(&format!("v60-{size:x}"), kind::ROUTER, 0, &bytes);
    }
    for len in [127_usize, 128, 255, 256] {
        let identity = property(b"Identity", &vec![0x80; len]);
        let body = [b"\x05READY", &identity[..]].concat();
        let frame = long(4, body.len() as u64, &body);
        add(&format!("v68-{len}"), kind::ROUTER, 0, &[greeting(3, 1, b"NULL"), frame].concat());
    }
    for (name, bytes) in STRANGERS {
        add(&format!("v04-{name}"), kind::PULL, 0, bytes);
    }
}

fn proxies(seeds: &mut Seeds) {
    const CONNECTED: &[u8] = b"\x05\0\0\x01\x7F\0\0\x01\x15\xB3";
    // Flags: 1 with a name and a password; the upper two bits choose the host.
    let mut add = |name: &str, flags: u8, bytes: &[u8]| seeds.add("socks", name, &[&[flags, 5], bytes]);
    add("connected", 0, &[b"\x05\0", CONNECTED, SIGNATURE].concat());
    add("login", 0x81, &[b"\x05\x02\x01\0", CONNECTED, SIGNATURE].concat());
    add("login-not-wanted", 0x41, &[b"\x05\0", CONNECTED].concat());
    add("login-wanted", 0xC0, b"\x05\x02");
    add("login-refused", 1, b"\x05\x02\x01\x01");
    add("no-method", 0, b"\x05\xFF");
    add("refused", 0, b"\x05\0\x05\x05\0\x01\0\0\0\0\0\0");
    add("long-name", 0, &[b"\x05\0\x05\0\0\x03\xFF", &[b'n'; 255][..], b"\0\x01"].concat());
    add("empty-name", 0, b"\x05\0\x05\0\0\x03\0\0\x01");
    add("ipv6", 0, &[b"\x05\0\x05\0\0\x04", &[6; 18][..], SIGNATURE].concat());
    add("type-of-address", 0, b"\x05\0\x05\0\0\x02\0\0");
    add("reserved", 0, b"\x05\0\x05\0\x01\x01\0\0");
    add("cut", 0, b"\x05\0\x05\0\0\x01\x7F\0");
    for (name, bytes) in STRANGERS {
        add(name, 0, bytes);
    }
}

fn frames(seeds: &mut Seeds) {
    // Flags: 0 to 3 is the version, 4 a limit in the upper four bits.
    let mut add = |name: &str, kind: u8, flags: u8, bytes: &[u8]| {
        seeds.add("traffic", name, &[&[kind, flags, 9], bytes]);
    };
    let long_body = vec![5; 300];
    add(
        "mixed",
        kind::PULL,
        3,
        &[b"\x01\x01a\x00\x02bc", &long(0, 300, &long_body)[..], b"\x04\x05\x04PONG"].concat(),
    );
    add("limit", kind::PULL, 0x13 | 4, &[b"\x00\x14aaaaaaaaaaaaaaaaaaaa", &b"\x00\x15"[..]].concat());
    for size in ENORMOUS {
        add(
            &format!("v05-{size:x}"),
            kind::PULL,
            3,
            &[b"\x00\x01a".to_vec(), long(0, size, b"payload")].concat(),
        );
        add(
            &format!("v60-{size:x}"),
            kind::PULL,
            0,
            &[&[0xFF], &size.to_be_bytes()[..], b"\x00payload"].concat(),
        );
    }
    add("v10-unfinished", kind::PULL, 3, b"\x01\x01a\x01\x00");
    let big = [&[0xFF], &9001_u64.to_be_bytes()[..], &[0], &[1; 9000][..]].concat();
    add("v11-two-large", kind::PULL, 0, &[&big[..], &big[..]].concat());
    add("v48-empty", kind::XPUB, 3, b"\x00\x00\x00\x01\x00\x00\x01\x01");
    add("v60-zero", kind::PULL, 0, b"\x03\x00ab\x00\x00");
    add("v69-cut", kind::PULL, 3, &long(0, 300, &long_body[..100]));
    add("v72-reply", kind::REQ, 3, b"\x01\x00\x00\x05World\x01\x04abcd\x01\x00\x00\x01x");
    add("v72-bad-reply", kind::REQ, 3, b"\x01\x00\x00\x05World\x00\x05World");
    add("dish", kind::DISH, 3, b"\x01\x01g\x00\x01x\x00\x01x");
    add("v73-short-ping", kind::PULL, 3, b"\x04\x06\x04PING\x00");
    add("v91-ttl", kind::PULL, 3, b"\x04\x07\x04PING\x02\x90\x04\x07\x04PING\xff\xff\x00\x01a");
    add("v99-reserved-bits", kind::PULL, 3, b"\xF8\x01a\xF9\x01b\x05\x05\x04PONG\x04\x00\x00\x00");
}

fn commands(seeds: &mut Seeds) {
    let mut add = |name: &str, kind: u8, body: &[u8]| {
        for version in [2, 3] {
            seeds.add("commands", format!("{name}-{version}"), &[&[kind, version], body]);
        }
    };
    add("ping", kind::PULL, b"\x04PING\0\x0A0123456789abcdefg");
    add("v73-5", kind::PULL, b"\x04PING");
    add("v90-6", kind::PULL, b"\x04PING\x00");
    add("subscribe", kind::PUB, b"\x09SUBSCRIBEtopic");
    add("v48-cancel", kind::XPUB, b"\x06CANCEL");
    add("join", kind::RADIO, b"\x04JOINgroup");
    add("join-256", kind::RADIO, &[b"\x04JOIN", &[b'g'; 256][..]].concat());
    add("v71-name", kind::PULL, b"\xFFREADY");
    add("v99-empty", kind::PULL, b"");
    for len in [245, 246, 249, 250, 255, 256] {
        add(&format!("v50-{len}"), kind::XPUB, &[b"\x09SUBSCRIBE", &vec![b't'; len][..]].concat());
    }
}

fn properties(seeds: &mut Seeds) {
    let mut add = |name: &str, parts: &[&[u8]]| {
        seeds.add("metadata", name, &[&[kind::ROUTER], &parts.concat()[..]]);
    };
    let dealer = property(b"Socket-Type", b"DEALER");
    add("dealer", &[&dealer, &property(b"Identity", b"a"), &property(b"X-a", b"1"), &property(b"x-A", b"2")]);
    add("v63-none", &[]);
    add("v63-empty", &[&property(b"Identity", b"")]);
    add("v68-256", &[&property(b"Identity", &[0x81; 256])]);
    add("v71-value", &[&dealer, b"\x01a\xFF\xFF\xFF\xFFx"]);
    add("v71-name", &[&dealer, b"\xFFa"]);
    add("v92-zero", &[&property(b"Identity", b"\0\x01\x02\x03\x04")]);
    add(
        "v93-user",
        &[&property(b"USER-ID", b"admin"), &property(b"Peer-Address", b"::1"), &property(b"__FD", b"0")],
    );
    add("v99-type", &[&property(b"Socket-Type", b"NONSENSE")]);
    let many: Vec<u8> = (0..1025_u32).flat_map(|n| property(&n.to_be_bytes()[1..], b"")).collect();
    add("many", &[&many]);
}

fn texts(seeds: &mut Seeds) {
    let endpoints = [
        "tcp://127.0.0.1:5555",
        "tcp://*:*",
        "tcp://[::1%lo]:0",
        "tcp://eth0;10.0.0.1:80",
        "tcp://[::ffff:1.2.3.4]:1",
        "tcp://localhost:65536",
        "tcp://:1",
        "tcp://[::1",
        "tcp://a;b;c:1",
        "ipc://*",
        "ipc://@name",
        "ipc:///tmp/a b",
        "ipc://",
        "inproc://a://b",
        "udp://1.2.3.4:5",
        "ws://h:80/a/b",
        "://",
        "tcp:/x",
        "",
        "vsock://@:5555",
        "vsock://*:-1",
        "tipc://{5560, 0, 5}",
        "tipc://{5560,0}@1.2.3",
        "tipc://<1.2.3:4>",
        "tipc://<*>",
        "udp://eth0;239.0.0.1:5",
        "udp://10.0.0.1;239.0.0.1:*",
        "udp://*;[ff02::1%lo]:5",
        "udp://lo;*:5",
    ];
    for (at, text) in endpoints.iter().enumerate() {
        seeds.add("endpoint", format!("{at:02}"), &[text.as_bytes()]);
    }
    let keys: [(&str, &[u8]); 9] = [
        ("hello", b"HelloWorld"),
        ("hello-bytes", b"\x86\x4F\xD2\x6F\xB5\x59\xF7\x5B"),
        ("largest", b"%nSc0"),
        ("v46-over", b"%nSc1"),
        ("v46-far-over", b"#####"),
        ("v46-length-4", b"0000"),
        ("v46-length-6", b"000000"),
        ("v46-alphabet", b"0000\""),
        ("empty", b""),
    ];
    for (name, text) in keys {
        seeds.add("z85", name, &[text]);
    }
}

fn datagrams(seeds: &mut Seeds) {
    let mut add = |name: &str, parts: &[&[u8]]| seeds.add("datagram", name, parts);
    add("group", &[b"\x04newsbody"]);
    add("no-group", &[b"\0body"]);
    add("no-body", &[b"\x04news"]);
    add("longest", &[b"\xFF", &[b'g'; 255], &[b'b'; 7936]]);
    add("v21-too-long", &[b"\x01g", &[b'b'; 8191]]);
    add("v22-sign", &[b"\x80short"]);
    add("v23-lie", &[b"\xFFA"]);
    add("empty", &[]);
    add("peer", &[b"127.0.0.1:5555\0"]);
    add("peer-bare", &[b"255.255.255.255:65535"]);
    add("v98-peer-ipv6", &[b"[fe80::1%3]:9\0"]);
    add("peer-name", &[b"localhost:5"]);
    add("peer-port", &[b"1.2.3.4:0\0\0"]);
}

/// Sequences of operations: what they mean follows from the targets; these reach much of them.
fn choices(seeds: &mut Seeds) {
    for (target, lengths) in [
        ("options", [64_usize, 500]),
        ("subscriptions", [60, 600]),
        ("message", [40, 400]),
        ("chunk", [60, 600]),
        ("log", [60, 900]),
        ("inbox", [60, 600]),
    ] {
        for (at, len) in lengths.iter().cycle().take(6).enumerate() {
            let mut state = 0x9E37_79B9_u32.wrapping_mul(at as u32 + 1);
            let bytes: Vec<u8> = (0..*len)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            seeds.add(target, format!("sequence-{at}"), &[&bytes]);
        }
    }
    // Options without a value, without a NUL, and with far too much of it.
    seeds.add("options", "v47-null", &[&[1, 0xF2, 0, 0, 0xF2, 10, 0]]);
    seeds.add("options", "v47-long", &[&[6, 0x1E, 3, 15, 0xFF, 0x1E, 20, 0x4F, 0xFF]]);
}

fn sessions(seeds: &mut Seeds) {
    // The second byte says whether the bad peer stays.
    let mut add = |name: &str, bound: u8, bytes: &[u8]| {
        for stays in [0, 1] {
            seeds.add("session", format!("{name}-{stays}"), &[&[bound, stays, 0], bytes]);
        }
    };
    add("silent", bound::REP, b"");
    add("v07-half-greeting", bound::PULL, &SIGNATURE[..5]);
    add("v09-messages-to-publisher", bound::XPUB, &[hello(b"SUB"), b"\x00\x01x".repeat(500)].concat());
    add("v10-unfinished", bound::PULL, &[&hello(b"PUSH")[..], b"\x01\x01a"].concat());
    add("v10-unfinished-request", bound::REP, &[&hello(b"REQ")[..], b"\x01\x00\x01\x01a"].concat());
    add(
        "v11-v1-large",
        bound::PULL,
        &[&b"\x01\x00"[..], &[&[0xFF], &9001_u64.to_be_bytes()[..], &[0], &[1; 9000][..]].concat().repeat(2)]
            .concat(),
    );
    add(
        "v48-empty-cancel",
        bound::XPUB,
        &[&hello(b"SUB")[..], b"\x00\x01\x00\x00\x00\x04\x07\x06CANCEL"].concat(),
    );
    add(
        "v72-dealer-to-rep",
        bound::REP,
        &[&hello(b"DEALER")[..], b"\x01\x01a\x00\x01b\x00\x00\x01\x00\x01\x00\x00\x01x"].concat(),
    );
    add("v73-short-ping", bound::PULL, &[hello(b"PUSH"), command(b"\x04PING\x00")].concat());
    add("v82-second-ready", bound::PULL, &[hello(b"PUSH"), ready(b"PUSH"), greeting(3, 1, b"NULL")].concat());
    add(
        "v92-zero-identity",
        bound::ROUTER,
        &[
            greeting(3, 1, b"NULL"),
            command(&[b"\x05READY", &property(b"Identity", b"\0\0\0\0\x01")[..]].concat()),
        ]
        .concat(),
    );
    add(
        "v93-user-id",
        bound::ROUTER,
        &[
            greeting(3, 1, b"NULL"),
            command(&[b"\x05READY", &property(b"User-Id", b"admin")[..]].concat()),
            b"\x00\x01x".to_vec(),
        ]
        .concat(),
    );
    add("subscriber", bound::SUB, &[&hello(b"PUB")[..], b"\x00\x01x\x01\x01y"].concat());
    for size in ENORMOUS {
        add(&format!("v61-{size:x}"), bound::PULL, &[hello(b"PUSH"), long(0, size, b"payload")].concat());
    }
    add(
        "v94-announced-command",
        bound::PULL,
        &[greeting(3, 1, b"NULL"), long(4, 1 << 30, b"\x05READY")].concat(),
    );
    add("listening-push", bound::COLLECTOR, &[&hello(b"PUSH")[..], b"\x00\x01x\x01\x01y"].concat());
    add("listening-rep", bound::COLLECTOR, &hello(b"REP"));
    add("v61-listening", bound::COLLECTOR, &[hello(b"PUSH"), long(0, u64::MAX, b"payload")].concat());
    for (name, bytes) in STRANGERS {
        add(&format!("v62-listening-{name}"), bound::COLLECTOR, bytes);
        add(&format!("v62-{name}"), bound::PULL, bytes);
    }
}

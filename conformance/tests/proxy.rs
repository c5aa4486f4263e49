//! `zmq_proxy`, `zmq_proxy_steerable` and `zmq_device`.

use std::thread::{self, JoinHandle};

use conformance::c_api::NULL;
use conformance::socket::{Ctx, Sock, Transport, join, proxy};
use conformance::{Errno, c_library, differs, ours_only, wait, zmq};

type Running = JoinHandle<(Result<(), Errno>, Vec<Sock>)>;

/// A proxy in a thread, ended by shutting its context down.
struct Proxy {
    ctx: Ctx,
    front: String,
    back: String,
    capture: Option<Sock>,
    control: Option<Sock>,
    thread: Option<Running>,
}

#[derive(Default)]
struct With {
    capture: bool,
    /// Type of the proxy's control socket and of ours.
    control: Option<(i32, i32)>,
}

impl Proxy {
    fn new(front: i32, back: i32, with: With) -> Self {
        let ctx = Ctx::new();
        let sockets = [ctx.socket(front), ctx.socket(back)];
        let [front, back] = [&sockets[0], &sockets[1]].map(|sock| sock.bind_any(Transport::Inproc));
        let [front_sock, back_sock] = sockets;
        let (captured, capture) = match with.capture {
            true => {
                let (theirs, ours) = (ctx.socket(zmq::PUSH), ctx.socket(zmq::PULL));
                join(&ours, &theirs, Transport::Inproc);
                (Some(theirs), Some(ours))
            }
            false => (None, None),
        };
        let (controlled, control) = match with.control {
            Some((kind, our_kind)) => {
                let (theirs, ours) = (ctx.socket(kind), ctx.socket(our_kind));
                if kind == zmq::SUB {
                    theirs.subscribe("");
                }
                join(&ours, &theirs, Transport::Inproc);
                (Some(theirs), Some(ours))
            }
            None => (None, None),
        };
        let thread = thread::spawn(move || {
            let result = proxy(&front_sock, &back_sock, captured.as_ref(), controlled.as_ref());
            (
                result,
                [Some(front_sock), Some(back_sock), captured, controlled].into_iter().flatten().collect(),
            )
        });
        Self { ctx, front, back, capture, control, thread: Some(thread) }
    }

    fn client(&self, kind: i32) -> Sock {
        let sock = self.ctx.socket(kind);
        sock.connect(&self.front).unwrap();
        sock
    }

    fn server(&self, kind: i32) -> Sock {
        let sock = self.ctx.socket(kind);
        sock.connect(&self.back).unwrap();
        sock
    }

    fn control(&self) -> &Sock {
        self.control.as_ref().unwrap()
    }

    fn capture(&self) -> &Sock {
        self.capture.as_ref().unwrap()
    }

    /// The proxy's result once it has ended by itself.
    fn result(&mut self) -> Result<(), Errno> {
        self.thread.take().unwrap().join().unwrap().0
    }

    fn statistics(&self) -> Vec<u64> {
        self.control().send("STATISTICS");
        let reply = self.control().recv().expect("statistics");
        reply.iter().map(|frame| u64::from_ne_bytes(frame[..].try_into().expect("eight bytes"))).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.ctx.shutdown();
            let _ = thread.join();
        }
    }
}

fn steered() -> With {
    With { control: Some((zmq::PAIR, zmq::PAIR)), ..With::default() }
}

#[test]
fn requests_and_replies_pass() {
    let proxy = Proxy::new(zmq::ROUTER, zmq::DEALER, With::default());
    let (req, rep) = (proxy.client(zmq::REQ), proxy.server(zmq::REP));
    for i in 0..100 {
        req.send(["question".to_owned(), format!("{i}")]);
        rep.expect(["question".to_owned(), format!("{i}")]);
        rep.send(["answer".to_owned(), format!("{i}")]);
        req.expect(["answer".to_owned(), format!("{i}")]);
    }
}

#[test]
fn several_clients_get_their_own_replies() {
    let proxy = Proxy::new(zmq::ROUTER, zmq::DEALER, With::default());
    let clients: Vec<Sock> = (0..3).map(|_| proxy.client(zmq::REQ)).collect();
    let server = proxy.server(zmq::REP);
    for (i, client) in clients.iter().enumerate() {
        client.send(format!("{i}"));
    }
    for _ in &clients {
        let request = server.recv().unwrap();
        server.send(request);
    }
    for (i, client) in clients.iter().enumerate() {
        client.expect(format!("{i}"));
    }
}

#[test]
fn a_pipeline_passes() {
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, With::default());
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    for i in 0..3_000_u32 {
        push.send(&i.to_be_bytes());
    }
    for i in 0..3_000_u32 {
        pull.expect(&i.to_be_bytes());
    }
}

#[test]
fn subscriptions_and_messages_pass() {
    let proxy = Proxy::new(zmq::XSUB, zmq::XPUB, With::default());
    let (publisher, sub) = (proxy.client(zmq::XPUB), proxy.server(zmq::SUB));
    sub.subscribe("A");
    publisher.expect("\u{1}A");
    publisher.send(["A", "one"]);
    sub.expect(["A", "one"]);
    sub.unsubscribe("A");
    publisher.expect("\0A");
}

#[test]
fn multipart_messages_keep_their_structure() {
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, With::default());
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    push.send(["", "a", "", "b"]);
    push.send("c");
    pull.expect(["", "a", "", "b"]);
    pull.expect("c");
}

#[test]
fn shutdown_ends_a_proxy_with_eterm() {
    let mut proxy = Proxy::new(zmq::ROUTER, zmq::DEALER, With::default());
    let (req, rep) = (proxy.client(zmq::REQ), proxy.server(zmq::REP));
    req.send("x");
    rep.expect("x");
    proxy.ctx.shutdown().unwrap();
    assert_eq!(proxy.result(), Err(zmq::ETERM));
}

#[test]
fn capture_gets_every_message_of_both_directions() {
    let proxy = Proxy::new(zmq::ROUTER, zmq::DEALER, With { capture: true, ..With::default() });
    let (req, rep) = (proxy.client(zmq::REQ), proxy.server(zmq::REP));
    req.send(["question", "more"]);
    rep.expect(["question", "more"]);
    rep.send("answer");
    req.expect("answer");
    let question = proxy.capture().recv().unwrap();
    assert_eq!(question[1..], [&b""[..], b"question", b"more"]);
    let answer = proxy.capture().recv().unwrap();
    assert_eq!(answer[1..], [&b""[..], b"answer"]);
    assert_eq!(question[0], answer[0], "the client's routing id");
}

#[test]
fn one_socket_as_both_ends_echoes() {
    c_library!();
    let ctx = Ctx::new();
    let (echo, dealer) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    join(&echo, &dealer, Transport::Inproc);
    let thread = thread::spawn(move || (proxy(&echo, &echo, None, None), echo));
    dealer.send(["hello", "echo"]);
    dealer.expect(["hello", "echo"]);
    ctx.shutdown().unwrap();
    assert_eq!(thread.join().unwrap().0, Err(zmq::ETERM));
}

/// It cannot be written to before it was read.
fn rep_as_both_ends_answers<const PARTS: usize>(request: [&str; PARTS]) {
    let ctx = Ctx::new();
    let (rep, req) = (ctx.socket(zmq::REP), ctx.socket(zmq::REQ));
    join(&rep, &req, Transport::Tcp);
    let thread = thread::spawn(move || (proxy(&rep, &rep, None, None), rep));
    for _ in 0..3 {
        req.send(request);
        req.expect(request);
    }
    ctx.shutdown().unwrap();
    assert_eq!(thread.join().unwrap().0, Err(zmq::ETERM));
}

#[test]
fn one_rep_as_both_ends_answers_each_request_with_itself() {
    c_library!();
    rep_as_both_ends_answers(["question"]);
}

#[test]
fn one_rep_as_both_ends_answers_multipart_requests_too() {
    c_library!();
    ours_only!("sends the first part before it has the last one, which a REP refuses: the proxy ends");
    rep_as_both_ends_answers(["question", "", "more"]);
}

#[test]
fn a_proxy_without_sockets_is_efault() {
    let lib = c_library!();
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::DEALER).handle().0;
    assert_eq!(lib.check(lib.zmq_proxy(NULL, sock, NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_proxy(sock, NULL, NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_proxy_steerable(NULL, NULL, NULL, NULL)), Err(zmq::EFAULT));
}

#[test]
fn a_device_without_sockets_is_efault() {
    ours_only!("crashes");
    let lib = c_library!();
    assert_eq!(lib.check(lib.zmq_device(3, NULL, NULL)), Err(zmq::EFAULT));
}

#[test]
fn a_device_is_a_proxy_whatever_its_type() {
    let lib = c_library!();
    for kind in [1, 2, 3, 0, -7] {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let (source, sink) = (ctx.socket(zmq::PUSH), ctx.socket(zmq::PULL));
        join(&pull, &source, Transport::Inproc);
        join(&push, &sink, Transport::Inproc);
        let thread = thread::spawn(move || {
            let result = lib.check(lib.zmq_device(kind, pull.handle().0, push.handle().0));
            (result, pull, push)
        });
        source.send("x");
        sink.expect("x");
        ctx.shutdown().unwrap();
        assert_eq!(thread.join().unwrap().0, Err(zmq::ETERM));
    }
}

// Steering

#[test]
fn terminate_ends_a_proxy_with_success() {
    c_library!();
    let mut proxy = Proxy::new(zmq::ROUTER, zmq::DEALER, steered());
    proxy.control().send("TERMINATE");
    assert_eq!(proxy.result(), Ok(()));
}

#[test]
fn terminate_may_come_from_a_publisher() {
    c_library!();
    let mut proxy =
        Proxy::new(zmq::PULL, zmq::PUSH, With { control: Some((zmq::SUB, zmq::PUB)), ..With::default() });
    wait::until("the subscription to arrive", || {
        proxy.control().send("TERMINATE");
        proxy.thread.as_ref().unwrap().is_finished()
    });
    assert_eq!(proxy.result(), Ok(()));
}

#[test]
fn a_steered_proxy_passes_messages() {
    c_library!();
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, steered());
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    push.send(["a", "b"]);
    pull.expect(["a", "b"]);
}

#[test]
fn pause_holds_messages_and_resume_lets_them_go() {
    c_library!();
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, steered());
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    proxy.control().send("PAUSE");
    assert_eq!(proxy.statistics()[0], 0, "the answer means that it has paused");
    push.send("x");
    assert_eq!(proxy.statistics()[0], 0);
    assert_eq!(proxy.statistics()[0], 0, "twice: the first may be answered unseen");
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    proxy.control().send("RESUME");
    pull.expect("x");
}

#[test]
fn statistics_are_eight_numbers() {
    c_library!();
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, steered());
    assert_eq!(proxy.statistics(), [0; 8]);
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    push.send("12345");
    push.send("678");
    pull.expect("12345");
    pull.expect("678");
    assert_eq!(proxy.statistics(), [2, 8, 0, 0, 0, 0, 2, 8]);
}

#[test]
fn statistics_count_parts() {
    c_library!();
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, steered());
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    push.send(["a", "bc"]);
    pull.expect(["a", "bc"]);
    let count = differs!("statistics_count_parts", libzmq: 1, ours: 2);
    assert_eq!(proxy.statistics(), [count, 3, 0, 0, 0, 0, count, 3]);
}

#[test]
fn unknown_commands_are_ignored() {
    c_library!();
    ours_only!("aborts");
    let mut proxy = Proxy::new(zmq::PULL, zmq::PUSH, steered());
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    proxy.control().send("NONSENSE");
    proxy.control().send("terminate");
    push.send("x");
    pull.expect("x");
    proxy.control().send("TERMINATE");
    assert_eq!(proxy.result(), Ok(()));
}

#[test]
fn a_rep_control_socket_acknowledges() {
    c_library!();
    ours_only!("never replies, so that the control socket is stuck");
    let control = Some((zmq::REP, zmq::REQ));
    let mut proxy = Proxy::new(zmq::PULL, zmq::PUSH, With { control, ..With::default() });
    for command in ["PAUSE", "RESUME"] {
        proxy.control().send(command);
        proxy.control().expect("");
    }
    assert_eq!(proxy.statistics(), [0; 8]);
    proxy.control().send("TERMINATE");
    proxy.control().expect("");
    assert_eq!(proxy.result(), Ok(()));
}

#[test]
fn capture_does_not_get_control_messages() {
    c_library!();
    let with = With { capture: true, ..steered() };
    let proxy = Proxy::new(zmq::PULL, zmq::PUSH, with);
    let (push, pull) = (proxy.client(zmq::PUSH), proxy.server(zmq::PULL));
    proxy.control().send("PAUSE");
    proxy.control().send("RESUME");
    proxy.statistics();
    push.send("x");
    pull.expect("x");
    let first = differs!("capture_does_not_get_control_messages", libzmq: "PAUSE", ours: "x");
    proxy.capture().expect(first);
}

#[test]
fn a_steered_proxy_ends_with_its_context() {
    c_library!();
    let mut proxy = Proxy::new(zmq::PULL, zmq::PUSH, steered());
    assert_eq!(proxy.statistics(), [0; 8]);
    proxy.ctx.shutdown().unwrap();
    assert_eq!(proxy.result(), Err(zmq::ETERM));
}

#[test]
fn a_proxy_on_tcp_passes_large_messages() {
    let ctx = Ctx::new();
    let (front, back) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    let (req, rep) = (ctx.socket(zmq::REQ), ctx.socket(zmq::REP));
    req.connect(&front.bind_any(Transport::Tcp)).unwrap();
    rep.connect(&back.bind_any(Transport::Tcp)).unwrap();
    let thread = thread::spawn(move || (proxy(&front, &back, None, None), front, back));
    let body = vec![0xAB_u8; 2_000_000];
    req.send([&body]);
    rep.expect([&body]);
    rep.send([&body]);
    req.expect([&body]);
    ctx.shutdown().unwrap();
    assert_eq!(thread.join().unwrap().0, Err(zmq::ETERM));
}

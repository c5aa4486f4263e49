//! `zmq_msg_t`, and the calls that send and receive bytes. About C only.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conformance::c_api::NULL;
use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport, join, pair};
use conformance::{c_library, differs, ours_only, wait, zmq};

/// Counts the calls of the free function that is given a pointer to it as the hint.
type Freed = Arc<AtomicUsize>;

extern "C" fn count_free(_data: *mut c_void, hint: *mut c_void) {
    // SAFETY: the hint is the pointer that `freed_hint` made from an Arc it leaked for this one call.
    let counter = unsafe { Arc::from_raw(hint.cast::<AtomicUsize>()) };
    counter.fetch_add(1, Ordering::SeqCst);
}

fn hint(counter: &Freed) -> *mut c_void {
    Arc::into_raw(counter.clone()).cast_mut().cast()
}

fn freed(counter: &Freed) -> usize {
    counter.load(Ordering::SeqCst)
}

/// PULL and PUSH.
fn pipeline(transport: Transport) -> (Sock, Sock) {
    pair(zmq::PULL, zmq::PUSH, transport)
}

const STATIC: &[u8] = b"these bytes live for ever, and are more than fit into the structure";

// Making and closing

#[test]
fn a_new_message_is_empty() {
    let mut msg = Msg::empty(c_library!());
    assert_eq!(msg.size(), 0);
    assert!(!msg.more());
    assert!(!msg.data().is_null());
}

#[test]
fn a_message_of_a_size_has_that_size() {
    let lib = c_library!();
    for size in [0, 1, 29, 30, 33, 34, 100, 10_000_000] {
        let mut msg = Msg::with_size(lib, size).unwrap();
        assert_eq!(msg.size(), size);
        assert!(!msg.data().is_null());
    }
}

#[test]
fn an_absurd_size_is_enomem() {
    let lib = c_library!();
    for size in [usize::MAX, usize::MAX - 64, usize::MAX / 2] {
        assert!(Msg::with_size(lib, size).is_err_and(|e| e == zmq::ENOMEM), "{size}");
    }
}

#[test]
fn small_bodies_are_inside_the_structure() {
    let lib = c_library!();
    let most = conformance::differs!("small_bodies_are_inside_the_structure", libzmq: 33, ours: 48);
    for (size, inside) in [(0, true), (1, true), (most, true), (most + 1, false), (1000, false)] {
        let mut msg = Msg::copy_of(lib, vec![1; size]);
        let (start, data) = (msg.raw() as usize, msg.data() as usize);
        assert_eq!((start..start + 64).contains(&data), inside, "{size}");
    }
}

#[test]
fn closing_twice_is_efault() {
    let mut msg = Msg::empty(c_library!());
    assert_eq!(msg.close(), Ok(()));
    assert_eq!(msg.close(), Err(zmq::EFAULT));
}

#[test]
fn closing_zeroes_is_efault() {
    let mut msg = Msg::zeroed(c_library!());
    assert_eq!(msg.close(), Err(zmq::EFAULT));
}

#[test]
fn a_closed_message_has_no_more() {
    let mut msg = Msg::empty(c_library!());
    msg.close().unwrap();
    assert!(!msg.more());
}

#[test]
fn a_message_may_be_relocated() {
    let lib = c_library!();
    for size in [0, 5, 33, 34, 1000] {
        let body = vec![0x3C; size];
        let mut msg = Msg::copy_of(lib, &body).relocated();
        assert_eq!(msg.body(), body);
        assert_eq!(msg.close(), Ok(()));
    }
}

#[test]
fn size_and_data_of_a_bad_message_are_harmless() {
    ours_only!("aborts");
    let mut msg = Msg::zeroed(c_library!());
    assert_eq!(msg.size(), 0);
    assert!(msg.data().is_null());
}

// init_data

#[test]
fn init_data_never_copies() {
    let lib = c_library!();
    for size in [3, STATIC.len()] {
        let data = STATIC.as_ptr().cast_mut().cast();
        let mut msg = Msg::around(lib, data, size, None, NULL);
        assert_eq!((msg.data(), msg.size()), (data, size));
    }
}

#[test]
fn init_data_without_free_function_is_shared() {
    let msg = Msg::around(c_library!(), STATIC.as_ptr().cast_mut().cast(), 10, None, NULL);
    assert_eq!(msg.property(zmq::SHARED), Ok(1));
}

#[test]
fn init_data_with_free_function_is_not_shared() {
    let counter = Freed::default();
    let data = STATIC.as_ptr().cast_mut().cast();
    let msg = Msg::around(c_library!(), data, 10, Some(count_free), hint(&counter));
    assert_eq!(msg.property(zmq::SHARED), Ok(0));
}

#[test]
fn the_free_function_runs_once_when_the_message_is_closed() {
    let counter = Freed::default();
    let data = STATIC.as_ptr().cast_mut().cast();
    let mut msg = Msg::around(c_library!(), data, 10, Some(count_free), hint(&counter));
    assert_eq!(freed(&counter), 0);
    msg.close().unwrap();
    assert_eq!(freed(&counter), 1);
    let _ = msg.close();
    assert_eq!(freed(&counter), 1);
}

#[test]
fn the_free_function_runs_for_no_data_too() {
    let counter = Freed::default();
    Msg::around(c_library!(), NULL, 0, Some(count_free), hint(&counter)).close().unwrap();
    assert_eq!(freed(&counter), 1);
}

#[test]
fn the_free_function_runs_when_the_last_copy_is_closed() {
    let lib = c_library!();
    let counter = Freed::default();
    let data = STATIC.as_ptr().cast_mut().cast();
    let mut msg = Msg::around(lib, data, STATIC.len(), Some(count_free), hint(&counter));
    let mut copy = Msg::empty(lib);
    copy.copy_from(&mut msg).unwrap();
    msg.close().unwrap();
    assert_eq!(freed(&counter), 0);
    assert_eq!(copy.body(), STATIC);
    copy.close().unwrap();
    assert_eq!(freed(&counter), 1);
}

fn free_after_send(transport: Transport) {
    let lib = c_library!();
    let counter = Freed::default();
    let (pull, push) = pipeline(transport);
    let data = STATIC.as_ptr().cast_mut().cast();
    let mut msg = Msg::around(lib, data, STATIC.len(), Some(count_free), hint(&counter));
    assert_eq!(msg.send(&push, 0), Ok(STATIC.len()));
    pull.expect(STATIC);
    wait::until("the free function to run", || freed(&counter) == 1);
    drop((pull, push, msg));
    assert_eq!(freed(&counter), 1);
}

#[test]
fn the_free_function_runs_after_a_tcp_send() {
    free_after_send(Transport::Tcp);
}

#[test]
fn the_free_function_runs_after_an_ipc_send() {
    free_after_send(Transport::Ipc);
}

#[test]
fn the_free_function_runs_after_an_inproc_send() {
    free_after_send(Transport::Inproc);
}

/// However small it is: who lends memory may count on what the free function tells.
#[test]
fn the_free_function_does_not_run_before_the_message_is_sent() {
    let lib = c_library!();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = Transport::Ipc.endpoint();
    push.connect(&endpoint).unwrap();
    let sizes = [5, 9, STATIC.len()];
    let counters = sizes.map(|size| {
        let counter = Freed::default();
        let data = STATIC.as_ptr().cast_mut().cast();
        let mut msg = Msg::around(lib, data, size, Some(count_free), hint(&counter));
        let flags = if size == 5 { zmq::SNDMORE } else { 0 };
        assert_eq!(msg.send(&push, flags), Ok(size));
        counter
    });
    assert_eq!(counters.each_ref().map(freed), [0; 3], "nobody is connected");
    pull.bind(&endpoint).unwrap();
    pull.expect([&STATIC[..5], &STATIC[..9]]);
    pull.expect(STATIC);
    for counter in &counters {
        wait::until("the free function to run", || freed(counter) == 1);
    }
}

#[test]
fn the_free_function_runs_for_a_message_that_is_dropped() {
    let counter = Freed::default();
    let publisher = Ctx::new().socket(zmq::PUB);
    let data = STATIC.as_ptr().cast_mut().cast();
    let mut msg = Msg::around(c_library!(), data, STATIC.len(), Some(count_free), hint(&counter));
    msg.send(&publisher, 0).unwrap();
    assert_eq!(freed(&counter), 1);
}

#[test]
fn the_free_function_runs_for_a_message_never_delivered() {
    let counter = Freed::default();
    {
        let push = Ctx::new().socket(zmq::PUSH);
        push.connect(&conformance::socket::inproc()).unwrap();
        let data = STATIC.as_ptr().cast_mut().cast();
        let mut msg = Msg::around(c_library!(), data, STATIC.len(), Some(count_free), hint(&counter));
        msg.send(&push, 0).unwrap();
    }
    wait::until("the free function to run", || freed(&counter) == 1);
}

#[test]
fn a_failed_send_does_not_run_the_free_function() {
    let counter = Freed::default();
    let push = Ctx::new().socket(zmq::PUSH);
    let data = STATIC.as_ptr().cast_mut().cast();
    let mut msg = Msg::around(c_library!(), data, STATIC.len(), Some(count_free), hint(&counter));
    assert_eq!(msg.send(&push, zmq::DONTWAIT), Err(zmq::EAGAIN));
    assert_eq!(freed(&counter), 0);
    assert_eq!(msg.body(), STATIC);
    msg.close().unwrap();
    assert_eq!(freed(&counter), 1);
}

// Copy and move

#[test]
fn a_copy_of_a_large_message_shares_its_memory() {
    let lib = c_library!();
    let mut msg = Msg::copy_of(lib, [1; 100]);
    let mut copy = Msg::empty(lib);
    copy.copy_from(&mut msg).unwrap();
    assert_eq!(copy.data(), msg.data());
    assert_eq!((msg.property(zmq::SHARED), copy.property(zmq::SHARED)), (Ok(1), Ok(1)));
    msg.close().unwrap();
    assert_eq!(copy.property(zmq::SHARED), Ok(1), "still");
    assert_eq!(copy.body(), [1; 100]);
}

#[test]
fn a_copy_of_a_small_message_is_its_own() {
    let lib = c_library!();
    let mut msg = Msg::copy_of(lib, "small");
    let mut copy = Msg::empty(lib);
    copy.copy_from(&mut msg).unwrap();
    assert_ne!(copy.data(), msg.data());
    assert_eq!((msg.property(zmq::SHARED), copy.property(zmq::SHARED)), (Ok(0), Ok(0)));
    assert_eq!((copy.body(), msg.body()), (b"small".to_vec(), b"small".to_vec()));
}

#[test]
fn a_copy_replaces_what_was_there() {
    let lib = c_library!();
    let counter = Freed::default();
    let mut msg = Msg::copy_of(lib, "new");
    let mut copy = Msg::around(lib, STATIC.as_ptr().cast_mut().cast(), 10, Some(count_free), hint(&counter));
    copy.copy_from(&mut msg).unwrap();
    assert_eq!(freed(&counter), 1);
    assert_eq!(copy.body(), b"new");
}

#[test]
fn moving_empties_the_source() {
    let lib = c_library!();
    for body in [&b"small"[..], &[9; 500]] {
        let mut source = Msg::copy_of(lib, body);
        let mut dest = Msg::copy_of(lib, "old");
        dest.move_from(&mut source).unwrap();
        assert_eq!((dest.body(), source.size()), (body.to_vec(), 0));
        assert_eq!(source.close(), Ok(()));
    }
}

#[test]
fn moving_a_message_onto_itself_empties_it() {
    let lib = c_library!();
    let mut msg = Msg::copy_of(lib, "content");
    let raw = msg.raw();
    assert_eq!(lib.zmq_msg_move(raw, raw), 0);
    assert_eq!(msg.size(), 0);
}

#[test]
fn copying_a_bad_source_is_efault_and_leaves_the_destination() {
    let lib = c_library!();
    let mut dest = Msg::copy_of(lib, "kept");
    assert_eq!(dest.copy_from(&mut Msg::zeroed(lib)), Err(zmq::EFAULT));
    assert_eq!(dest.body(), b"kept");
}

#[test]
fn copying_to_a_bad_destination_is_efault() {
    let lib = c_library!();
    let mut source = Msg::copy_of(lib, "kept");
    assert_eq!(Msg::zeroed(lib).copy_from(&mut source), Err(zmq::EFAULT));
    assert_eq!(source.body(), b"kept");
}

#[test]
fn moving_a_bad_source_is_efault_and_leaves_the_destination() {
    let lib = c_library!();
    let mut dest = Msg::copy_of(lib, "kept");
    assert_eq!(dest.move_from(&mut Msg::zeroed(lib)), Err(zmq::EFAULT));
    assert_eq!(dest.body(), b"kept");
}

#[test]
fn moving_to_a_bad_destination_is_efault() {
    let lib = c_library!();
    let mut source = Msg::copy_of(lib, "kept");
    assert_eq!(Msg::zeroed(lib).move_from(&mut source), Err(zmq::EFAULT));
    assert_eq!(source.body(), b"kept");
}

// Properties

#[test]
fn no_property_can_be_set() {
    let lib = c_library!();
    let mut msg = Msg::empty(lib);
    for property in [zmq::MORE, zmq::SRCFD, zmq::SHARED, 0, 99] {
        assert_eq!(lib.check(lib.zmq_msg_set(msg.raw(), property, 1)), Err(zmq::EINVAL), "{property}");
    }
}

#[test]
fn unknown_properties_are_einval() {
    let msg = Msg::empty(c_library!());
    for property in [0, 4, 99, -1] {
        assert_eq!(msg.property(property), Err(zmq::EINVAL), "{property}");
    }
    assert_eq!(msg.text("Socket-Type"), Err(zmq::EINVAL));
    assert_eq!(msg.text("nonsense"), Err(zmq::EINVAL));
}

#[test]
fn srcfd_is_einval_without_a_connection() {
    let lib = c_library!();
    assert_eq!(Msg::empty(lib).property(zmq::SRCFD), Err(zmq::EINVAL));
    let (pull, push) = pipeline(Transport::Inproc);
    push.send("x");
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    assert_eq!(msg.property(zmq::SRCFD), Err(zmq::EINVAL));
}

fn received(transport: Transport) -> Option<(Msg, Sock, Sock)> {
    let Some(lib) = conformance::subject().library() else {
        eprintln!("skipped: it is about the functions of C");
        return None;
    };
    let ctx = Ctx::new();
    let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    dealer.set_bytes(zmq::ROUTING_ID, "me").unwrap();
    join(&router, &dealer, transport);
    dealer.send("x");
    let mut id = Msg::empty(lib);
    id.recv(&router, 0).unwrap();
    let mut msg = Msg::empty(lib);
    msg.recv(&router, 0).unwrap();
    Some((msg, router, dealer))
}

#[test]
fn a_message_from_tcp_knows_its_peer() {
    let Some((msg, _router, _dealer)) = received(Transport::Tcp) else { return };
    assert_eq!(msg.text("Socket-Type"), Ok("DEALER".into()));
    assert_eq!(msg.text("Identity"), Ok("me".into()));
    assert_eq!(msg.text("Peer-Address"), Ok("127.0.0.1".into()));
    assert_eq!(msg.text("socket-type"), Err(zmq::EINVAL), "case matters");
    assert!(msg.property(zmq::SRCFD).is_ok_and(|fd| fd >= 0));
}

#[test]
fn a_message_from_ipc_knows_its_peers_credentials() {
    let Some((msg, _router, _dealer)) = received(Transport::Ipc) else { return };
    // SAFETY: these calls have no preconditions.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    assert_eq!(msg.text("Peer-Address"), Ok(format!("localhost:{uid}:{gid}:{}", std::process::id())));
}

#[test]
fn a_message_from_inproc_knows_nothing_of_its_peer() {
    let Some((msg, _router, _dealer)) = received(Transport::Inproc) else { return };
    for name in ["Socket-Type", "Identity", "Peer-Address", "User-Id"] {
        assert_eq!(msg.text(name), Err(zmq::EINVAL), "{name}");
    }
}

#[test]
fn every_frame_knows_its_peer() {
    let lib = c_library!();
    let (router, dealer) = pair(zmq::ROUTER, zmq::DEALER, Transport::Tcp);
    dealer.send(["one", "two"]);
    for _ in 0..3 {
        let mut msg = Msg::empty(lib);
        msg.recv(&router, 0).unwrap();
        assert_eq!(msg.text("Peer-Address"), Ok("127.0.0.1".into()));
    }
}

#[test]
fn a_copy_knows_the_peer_too() {
    let lib = c_library!();
    let Some((mut msg, _router, _dealer)) = received(Transport::Tcp) else { return };
    let mut copy = Msg::empty(lib);
    copy.copy_from(&mut msg).unwrap();
    msg.close().unwrap();
    assert_eq!(copy.text("Socket-Type"), Ok("DEALER".into()));
}

#[test]
fn sending_a_received_message_on_forgets_where_it_came_from() {
    let lib = c_library!();
    let Some((mut msg, _router, _dealer)) = received(Transport::Tcp) else { return };
    let (pull, push) = pipeline(Transport::Inproc);
    msg.send(&push, 0).unwrap();
    let mut again = Msg::empty(lib);
    again.recv(&pull, 0).unwrap();
    assert_eq!(again.body(), b"x");
    assert_eq!(again.text("Socket-Type"), Err(zmq::EINVAL));
}

#[test]
fn properties_of_stream_messages_include_the_address() {
    let lib = c_library!();
    let stream = Ctx::new().socket(zmq::STREAM);
    let endpoint = stream.bind_any(Transport::Tcp);
    let mut raw = conformance::wire::Raw::connect(&endpoint);
    stream.expect_routed("");
    raw.send("x");
    let mut msg = Msg::empty(lib);
    msg.recv(&stream, 0).unwrap();
    msg.recv(&stream, 0).unwrap();
    assert_eq!(msg.text("Peer-Address"), Ok("127.0.0.1".into()));
    assert_eq!(msg.text("Socket-Type"), Err(zmq::EINVAL));
}

// The MORE flag

#[test]
fn more_is_set_on_all_frames_but_the_last() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    push.send(["one", "two", "three"]);
    let mut msg = Msg::empty(lib);
    for more in [true, true, false] {
        msg.recv(&pull, 0).unwrap();
        assert_eq!(msg.more(), more);
        assert_eq!(msg.property(zmq::MORE), Ok(i32::from(more)));
        assert_eq!(pull.more(), more);
    }
}

#[test]
fn a_received_more_flag_is_not_sent_on() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    push.send(["one", "two"]);
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    assert!(msg.more());
    msg.send(&push, 0).unwrap();
    pull.expect("two");
    pull.expect("one");
}

#[test]
fn a_failed_receive_leaves_rcvmore_alone() {
    let (pull, push) = pipeline(Transport::Inproc);
    push.send(["one", "two"]);
    pull.recv_frame(0).unwrap();
    assert!(pull.more());
    pull.recv_frame(0).unwrap();
    assert!(!pull.more());
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    assert!(!pull.more());
}

// Sending and receiving

#[test]
fn a_sent_message_is_empty_and_valid() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    for body in [&b"small"[..], &[5; 100]] {
        let mut msg = Msg::copy_of(lib, body);
        assert_eq!(msg.send(&push, 0), Ok(body.len()));
        assert_eq!((msg.size(), msg.more()), (0, false));
        assert_eq!(msg.close(), Ok(()));
        pull.expect(body);
    }
}

#[test]
fn a_failed_send_leaves_the_message_intact() {
    let lib = c_library!();
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    let mut msg = Msg::copy_of(lib, [5; 100]);
    assert_eq!(msg.send(&push, zmq::DONTWAIT), Err(zmq::EAGAIN));
    assert_eq!(msg.send(&ctx.socket(zmq::REP), 0), Err(zmq::EFSM));
    assert_eq!(msg.send(&ctx.socket(zmq::SUB), 0), Err(zmq::ENOTSUP));
    assert_eq!(msg.body(), [5; 100]);
}

#[test]
fn sending_a_bad_message_is_efault() {
    ours_only!("aborts");
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    assert_eq!(Msg::zeroed(lib).send(&push, 0), Err(zmq::EFAULT));
    let mut closed = Msg::copy_of(lib, "x");
    closed.close().unwrap();
    assert_eq!(closed.send(&push, 0), Err(zmq::EFAULT));
    push.send("marker");
    pull.expect("marker");
}

#[test]
fn receiving_into_a_bad_message_is_efault() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    push.send("x");
    assert_eq!(Msg::zeroed(lib).recv(&pull, 0), Err(zmq::EFAULT));
    pull.expect("x");
}

#[test]
fn receiving_releases_what_was_in_the_message() {
    let lib = c_library!();
    let counter = Freed::default();
    let (pull, push) = pipeline(Transport::Inproc);
    push.send("new");
    let mut msg = Msg::around(lib, STATIC.as_ptr().cast_mut().cast(), 10, Some(count_free), hint(&counter));
    assert_eq!(msg.recv(&pull, 0), Ok(3));
    assert_eq!(freed(&counter), 1);
    assert_eq!(msg.body(), b"new");
}

#[test]
fn the_free_function_of_what_was_in_the_message_may_use_the_socket() {
    extern "C" fn answer(_: *mut c_void, socket: *mut c_void) {
        let sent = c_library!().zmq_send(socket, b"free".as_ptr().cast(), 4, zmq::DONTWAIT);
        assert_eq!(sent, 4);
    }
    let lib = c_library!();
    for transport in [Transport::Inproc, Transport::Tcp] {
        let (a, b) = pair(zmq::PAIR, zmq::PAIR, transport);
        b.send("new");
        let mut msg = Msg::around(lib, STATIC.as_ptr().cast_mut().cast(), 10, Some(answer), a.handle().0);
        assert_eq!(msg.recv(&a, 0), Ok(3));
        assert_eq!(msg.body(), b"new");
        b.expect("free");
    }
}

#[test]
fn a_failed_receive_leaves_a_valid_message() {
    let lib = c_library!();
    let ctx = Ctx::new();
    for old in ["old".to_owned(), "older".repeat(20), "oldest".repeat(2_000)] {
        let mut msg = Msg::copy_of(lib, &old);
        assert_eq!(msg.recv(&ctx.socket(zmq::PUSH), 0), Err(zmq::ENOTSUP));
        assert_eq!(msg.body(), old.as_bytes());
        assert_eq!(msg.recv(&ctx.socket(zmq::REQ), 0), Err(zmq::EFSM));
        assert_eq!(msg.body(), old.as_bytes());
        assert_eq!(msg.recv(&ctx.socket(zmq::PULL), zmq::DONTWAIT), Err(zmq::EAGAIN));
        let left = differs!("a_failed_receive_leaves_a_valid_message", libzmq: "", ours: old.as_str());
        assert_eq!(msg.body(), left.as_bytes());
        assert_eq!(msg.close(), Ok(()));
    }
}

#[test]
fn sendmsg_and_recvmsg_are_the_same_with_the_socket_first() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    let mut msg = Msg::copy_of(lib, "old names");
    assert_eq!(lib.zmq_sendmsg(push.handle().0, msg.raw(), 0), 9);
    assert_eq!(lib.zmq_recvmsg(pull.handle().0, msg.raw(), 0), 9);
    assert_eq!(msg.body(), b"old names");
}

#[test]
fn send_returns_the_size() {
    let (pull, push) = pipeline(Transport::Inproc);
    for size in [0, 1, 100, 100_000] {
        assert_eq!(push.send_frame(vec![1; size], 0), Ok(size));
        assert_eq!(pull.recv().unwrap()[0].len(), size);
    }
}

#[test]
fn sending_null_of_length_0_sends_an_empty_frame() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    assert_eq!(lib.zmq_send(push.handle().0, NULL, 0, 0), 0);
    pull.expect("");
}

#[test]
fn receiving_returns_the_whole_size_of_a_cut_message() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    push.send("0123456789");
    push.send("next");
    let mut buffer = [0xAA_u8; 8];
    assert_eq!(lib.zmq_recv(pull.handle().0, buffer.as_mut_ptr().cast(), 4, 0), 10);
    assert_eq!(&buffer, b"0123\xAA\xAA\xAA\xAA");
    pull.expect("next");
}

#[test]
fn receiving_into_null_of_length_0_consumes_a_frame() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    push.send("lost");
    push.send("next");
    assert_eq!(lib.zmq_recv(pull.handle().0, NULL, 0, 0), 4);
    pull.expect("next");
}

#[test]
fn unknown_flags_are_ignored() {
    let (pull, push) = pipeline(Transport::Inproc);
    push.send_frame("one", 0x7C).unwrap();
    push.send_frame("two", zmq::SNDMORE | zmq::DONTWAIT | 0x40).unwrap();
    push.send_frame("three", 0).unwrap();
    assert!(!pull.recv_frame(zmq::SNDMORE | 0x7C).unwrap().more);
    pull.expect(["two", "three"]);
}

#[test]
fn send_const_hands_the_same_memory_to_an_inproc_peer() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    assert_eq!(
        lib.zmq_send_const(push.handle().0, STATIC.as_ptr().cast(), STATIC.len(), 0),
        STATIC.len() as i32
    );
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    assert_eq!(msg.data().cast_const(), STATIC.as_ptr().cast());
    assert_eq!(msg.property(zmq::SHARED), Ok(1));
}

#[test]
fn sendiov_with_more_sends_one_message() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    let mut parts = ["one", "", "three"]
        .map(|text| libc::iovec { iov_base: text.as_ptr().cast_mut().cast(), iov_len: text.len() });
    assert_eq!(lib.zmq_sendiov(push.handle().0, parts.as_mut_ptr(), 3, zmq::SNDMORE), 5, "size of the last");
    pull.expect(["one", "", "three"]);
}

#[test]
fn sendiov_without_more_sends_single_messages() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    let mut parts = ["one", "two"]
        .map(|text| libc::iovec { iov_base: text.as_ptr().cast_mut().cast(), iov_len: text.len() });
    assert_eq!(lib.zmq_sendiov(push.handle().0, parts.as_mut_ptr(), 2, 0), 3);
    pull.expect("one");
    pull.expect("two");
}

#[test]
fn sendiov_of_nothing_is_einval() {
    let lib = c_library!();
    let (_pull, push) = pipeline(Transport::Inproc);
    let mut part = libc::iovec { iov_base: NULL, iov_len: 0 };
    assert_eq!(lib.check(lib.zmq_sendiov(push.handle().0, &raw mut part, 0, 0)), Err(zmq::EINVAL));
    assert_eq!(lib.check(lib.zmq_sendiov(push.handle().0, std::ptr::null_mut(), 1, 0)), Err(zmq::EINVAL));
}

/// Receives with room for so many parts: the result, the count afterwards, the parts.
fn recviov(pull: &Sock, room: usize) -> (Result<usize, conformance::Errno>, usize, Vec<Vec<u8>>) {
    let lib = conformance::subject().library().unwrap();
    let mut parts = vec![libc::iovec { iov_base: NULL, iov_len: 0 }; room];
    let mut count = room;
    let result = lib.check(lib.zmq_recviov(pull.handle().0, parts.as_mut_ptr(), &raw mut count, 0));
    let bodies = parts[..count.min(room)]
        .iter()
        .map(|part| {
            // SAFETY: the library filled `count` parts with memory from malloc, of that length, for us to free.
            unsafe {
                let body = if part.iov_len == 0 {
                    vec![]
                } else {
                    std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len).to_vec()
                };
                libc::free(part.iov_base);
                body
            }
        })
        .collect();
    (result, count, bodies)
}

#[test]
fn recviov_receives_the_parts_of_a_message() {
    c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    push.send(["one", "two", "three"]);
    push.send("next");
    assert_eq!(recviov(&pull, 10), (Ok(3), 3, vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]));
    pull.expect("next");
}

#[test]
fn recviov_stops_when_the_room_is_used_up() {
    c_library!();
    let (pull, push) = pipeline(Transport::Tcp);
    push.send(["one", "two", "three"]);
    assert_eq!(recviov(&pull, 2), (Ok(2), 2, vec![b"one".to_vec(), b"two".to_vec()]));
    assert!(pull.more());
    pull.expect("three");
}

#[test]
fn recviov_without_room_is_einval() {
    let lib = c_library!();
    let (pull, push) = pipeline(Transport::Inproc);
    push.send("x");
    let mut part = libc::iovec { iov_base: NULL, iov_len: 0 };
    let mut count = 0;
    let socket = pull.handle().0;
    assert_eq!(lib.check(lib.zmq_recviov(socket, &raw mut part, &raw mut count, 0)), Err(zmq::EINVAL));
    assert_eq!(lib.check(lib.zmq_recviov(socket, &raw mut part, std::ptr::null_mut(), 0)), Err(zmq::EINVAL));
    count = 1;
    assert_eq!(lib.check(lib.zmq_recviov(socket, std::ptr::null_mut(), &raw mut count, 0)), Err(zmq::EINVAL));
    pull.expect("x");
}

// Bad sockets

#[test]
fn sending_and_receiving_on_null_is_enotsock() {
    let lib = c_library!();
    let mut msg = Msg::copy_of(lib, "x");
    assert_eq!(lib.check(lib.zmq_msg_send(msg.raw(), NULL, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_msg_recv(msg.raw(), NULL, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_send(NULL, b"x".as_ptr().cast(), 1, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_send_const(NULL, b"x".as_ptr().cast(), 1, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_recv(NULL, msg.raw().cast(), 1, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(msg.body(), b"x");
}

#[test]
fn the_documented_name_of_the_routing_id_finds_nothing() {
    let Some((msg, _router, _dealer)) = received(Transport::Tcp) else { return };
    assert_eq!(msg.text("Routing-Id"), Err(zmq::EINVAL));
}

#[test]
fn an_application_property_of_the_handshake_can_be_read() {
    let lib = c_library!();
    let pull = Ctx::new().socket(zmq::PULL);
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut raw = conformance::wire::Raw::connect(&endpoint);
    raw.send(conformance::wire::greeting(3, 1));
    raw.take(64);
    let properties = [("Socket-Type", "PUSH"), ("X-Colour", "green"), ("X-Empty", "")];
    let data = properties.map(|(name, value)| conformance::wire::property(name, value)).concat();
    raw.send(conformance::wire::command("READY", data));
    raw.take_frame();
    raw.send(conformance::wire::frame(0, "x"));
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    assert_eq!(msg.text("X-Colour"), Ok("green".into()));
    assert_eq!(msg.text("X-Empty"), Ok(String::new()));
    assert_eq!(msg.text("X-Other"), Err(zmq::EINVAL));
    assert_eq!(msg.text("Identity"), Err(zmq::EINVAL), "the peer sent none");
}

//! A process forks with sockets open: its child leaves everything alone that the two share.
#![allow(missing_docs)]

mod harness;

use std::time::Duration;

use ferrozmq_base::{Error, Msg, SocketType};
use ferrozmq_runtime::{Context, Events, Flags, PollItem, SocketCore, poll};
use harness::*;

fn try_everything(context: &Context, mut a: SocketCore, mut b: SocketCore) {
    let interrupted = Err(Error::Interrupted);
    let mut m = Msg::copy_from(b"of the child").unwrap();
    assert_eq!(a.send(&mut m, Flags::default()), interrupted);
    assert_eq!(a.recv(&mut Msg::new(), false), interrupted);
    assert_eq!(b.recv(&mut Msg::new(), true), interrupted);
    assert_eq!(a.events().map(drop), interrupted);
    assert_eq!(a.fd().map(drop), interrupted);
    // Of its own copy.
    assert_eq!(b.set_option(24, Some(&5i32.to_ne_bytes())), Ok(()));
    let readable = Events { readable: true, writable: false };
    let one = poll(&mut [PollItem::new(&mut a, readable)], &mut [], None, None);
    assert_eq!(one.map(drop), interrupted);
    let mut two = [PollItem::new(&mut a, readable), PollItem::new(&mut b, readable)];
    assert_eq!(poll(&mut two, &mut [], None, None).map(drop), interrupted);
    assert_eq!(context.term(), interrupted);
    context.shutdown();
    a.close();
    drop(b);
    drop(context.clone());
    assert_eq!(context.term(), interrupted);
}

#[test]
fn a_child_leaves_unflushed_messages_and_an_unread_reply_to_its_parent() {
    for direct in [true, false] {
        for transport in ["tcp", "ipc", "inproc"] {
            let context = Context::new().unwrap();
            context.set_direct(direct);
            let mut there = socket(&context, SocketType::Dealer);
            // The reader takes one at a time: most of what is sent waits in the sender's queue.
            there.options_mut().receive_hwm = 1;
            let endpoint = bind(&mut there, &endpoint(transport));
            let mut here = socket(&context, SocketType::Dealer);
            here.options_mut().send_hwm = 0;
            here.options_mut().linger = None;
            here.connect(&endpoint).unwrap();
            send(&mut here, &[b"hello"]);
            assert_eq!(recv(&mut there), [b"hello"]);
            send(&mut there, &[b"reply"]);
            for i in 0..1000u32 {
                send(&mut here, &[&i.to_ne_bytes(), &vec![i as u8; 3000]]);
            }
            // The sockets belong to the parent; the child gets copies of them.
            let (mut here, mut there) = (Some(here), Some(there));
            forked(|| {
                let (a, b) = (here.take().unwrap(), there.take().unwrap());
                try_everything(&context, a, b);
            });
            let (mut here, mut there) = (here.take().unwrap(), there.take().unwrap());
            assert_eq!(recv(&mut here), [b"reply"]);
            for i in 0..1000u32 {
                assert_eq!(recv(&mut there), [i.to_ne_bytes().to_vec(), vec![i as u8; 3000]], "{transport}");
            }
            send(&mut here, &[b"goodbye"]);
            here.close();
            assert_eq!(recv(&mut there), [b"goodbye"]);
            there.close();
            end(&context);
        }
    }
}

#[test]
fn a_child_whose_parent_let_go_of_the_context_can_drop_the_sockets() {
    let context = Context::new().unwrap();
    let (rep, endpoint) = bound(&context, SocketType::Rep, &endpoint("tcp"));
    let mut req = connected(&context, SocketType::Req, &endpoint);
    drop(context);
    send(&mut req, &[b"question"]);
    let (mut req, mut rep) = (Some(req), Some(rep));
    forked(|| drop((req.take(), rep.take())));
    let (mut req, mut rep) = (req.take().unwrap(), rep.take().unwrap());
    assert_eq!(recv(&mut rep), [b"question"]);
    send(&mut rep, &[b"answer"]);
    assert_eq!(recv(&mut req), [b"answer"]);
}

#[test]
fn a_child_makes_a_context_of_its_own() {
    let context = Context::new().unwrap();
    let mut sub = socket(&context, SocketType::Sub);
    sub.options_mut().linger = Some(Duration::ZERO);
    let mut sub = Some(sub);
    forked(|| {
        let own = Context::new().unwrap();
        let (mut pull, endpoint) = bound(&own, SocketType::Pull, &endpoint("tcp"));
        let mut push = connected(&own, SocketType::Push, &endpoint);
        send(&mut push, &[b"within the child"]);
        assert_eq!(recv(&mut pull), [b"within the child"]);
        push.close();
        pull.close();
        end(&own);
        drop(sub.take());
    });
    drop(sub);
    end(&context);
}

//! `fzmq proxy`, between other `fzmq`s.

mod support;

use support::{LIMIT, Running, run, text};

const ANY: &str = "tcp://127.0.0.1:*";

#[test]
fn a_broker_passes_requests_and_answers_and_says_how_many() {
    let mut proxy = Running::bound(&format!("proxy {ANY} {ANY} --stats"), 2);
    let [front, back] = &proxy.endpoints.clone()[..] else { panic!("two endpoints") };
    let rep = Running::bound(&format!("rep {back} --connect --echo -n 2 -t {LIMIT}"), 0);
    let req = run(&format!("req {front} -t {LIMIT}"), b"one\ntwo\n");
    assert_eq!((req.status.code(), text(&req.stdout)), (Some(0), "one\ntwo\n".to_owned()));
    assert_eq!(rep.end().0, 0);
    proxy.interrupt();
    let (code, _, said) = proxy.end();
    assert_eq!(code, 130);
    // Each of two requests and two answers has the client's name, an empty frame and a body.
    assert!(said.contains("passed 12 frames, "), "{said}");
}

#[test]
fn a_pipeline_with_a_capture() {
    let mut proxy = Running::bound(&format!("proxy {ANY} {ANY} --pull-push --capture {ANY}"), 3);
    let [front, back, capture] = &proxy.endpoints.clone()[..] else { panic!("three endpoints") };
    let mut tap = Running::bound(&format!("sub {capture} -n 2 -t {LIMIT} --verbose"), 0);
    while !tap.said().starts_with("ready: ") {}
    let pull = Running::bound(&format!("pull {back} --connect -n 2 -t {LIMIT}"), 0);
    // The subscription has reached the proxy's publisher once what is published arrives.
    let push = run(&format!("push {front} -t {LIMIT} --message a --message b"), b"");
    assert!(push.status.success());
    assert_eq!(pull.end().1, "a\nb\n");
    let again = run(&format!("push {front} -t {LIMIT} --message c --message d"), b"");
    assert!(again.status.success());
    assert_eq!(tap.line().len(), 1);
    proxy.interrupt();
    assert_eq!(proxy.end().0, 130);
}

#[test]
fn publishers_and_subscribers_meet_at_a_forwarder() {
    let mut proxy = Running::bound(&format!("proxy {ANY} {ANY} --xsub-xpub"), 2);
    let [front, back] = &proxy.endpoints.clone()[..] else { panic!("two endpoints") };
    let sub = Running::bound(&format!("sub {back} --topic a -n 1 -t {LIMIT}"), 0);
    // The proxy passes the subscription on, for which the publisher waits.
    let publisher = run(&format!("pub {front} --connect -w 1 -t {LIMIT} --message b --message a"), b"");
    assert!(publisher.status.success(), "{}", text(&publisher.stderr));
    assert_eq!(sub.end().1, "a\n");
    proxy.interrupt();
    assert_eq!(proxy.end().0, 130);
}

#[test]
fn mistakes_are_named() {
    for (line, code, words) in [
        ("proxy tcp:/x tcp://127.0.0.1:*", 2, "endpoint \"tcp:/x\""),
        ("proxy tcp://127.0.0.1:* inproc://x", 2, "inproc stays within a process"),
        ("proxy tcp://127.0.0.1:* tcp://127.0.0.1:* --front-type rooter", 2, "expected router, dealer"),
        ("proxy tcp://127.0.0.1:*", 2, "BACK"),
    ] {
        let out = run(line, b"");
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

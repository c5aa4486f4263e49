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
fn a_sub_hears_everything() {
    let bridge = "--front-type sub --back-type push --connect-front";
    let publisher = Running::bound(&format!("pub {ANY} -w 1 -t {LIMIT} --message news -n 1"), 1);
    let mut proxy = Running::bound(&format!("proxy {} {ANY} {bridge}", publisher.endpoint()), 1);
    let pull = Running::start(&format!("pull {} --connect -n 1 -t {LIMIT}", proxy.endpoint()));
    assert_eq!(pull.end().1, "news\n");
    assert_eq!(publisher.end().0, 0);
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
        ("proxy tcp://127.0.0.1:* tcp://127.0.0.1:* --group news", 2, "only a dish joins groups"),
        ("proxy tcp://127.0.0.1:* tcp://127.0.0.1:* --back-socks-proxy 127.0.0.1:1", 2, "--connect-back"),
        ("proxy tcp://127.0.0.1:* tcp://127.0.0.1:* --front-clients x", 2, "--front-key"),
        ("proxy tcp://127.0.0.1:* tcp://127.0.0.1:* --back-key /no/such/key", 1, "/no/such/key"),
        ("proxy udp://127.0.0.1:* tcp://127.0.0.1:*", 2, "does not fit the socket type"),
    ] {
        let out = run(line, b"");
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}

#[test]
fn a_relay_passes_the_groups_that_its_dish_joins() {
    let relay = "--front-type dish --back-type radio --group news --group weather --stats";
    let mut relay = Running::bound(&format!("proxy udp://127.0.0.1:* {ANY} {relay}"), 2);
    let [front, back] = &relay.endpoints.clone()[..] else { panic!("two endpoints") };
    let mut dish = Running::start(&format!("dish {back} -g news -g sports -n 2 -t {LIMIT} --verbose"));
    while !dish.said().starts_with("ready: ") {}
    // What comes before the relay has taken the dish's groups is lost; the datagrams are few, so no other is.
    let mut first = Running::start(&format!("radio {front} --group news --message first --interval 10ms"));
    assert_eq!(dish.line(), "news\tfirst");
    for group in ["sports", "weather", "news"] {
        assert!(run(&format!("radio {front} --group {group} --message {group}"), b"").status.success());
    }
    assert!(dish.line().starts_with("news\t"));
    assert_eq!(dish.end().0, 0);
    first.interrupt();
    assert_eq!(first.end().0, 130);
    relay.interrupt();
    assert_eq!(relay.end().0, 130);
}

#[test]
fn what_happens_on_the_connections_is_told_if_wanted() {
    let mut proxy = Running::start(&format!("proxy tcp://127.0.0.1:1 {ANY} --connect-front --verbose"));
    loop {
        let said = proxy.said();
        assert!(!said.is_empty(), "it has ended");
        if said == "not connected: tcp://127.0.0.1:1: the connection was refused" {
            break;
        }
    }
    proxy.kill();
}

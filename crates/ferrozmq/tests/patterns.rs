//! Each pattern over each transport, as a program writes it.
#![allow(missing_docs)]

use std::{thread, time::Duration};

use ferrozmq::{Context, Error, Message, Multipart, Request, Result};
use interop::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test over every transport.
fn everywhere(test: impl Fn(&Context, &str) -> Result<()>) {
    let scratch = Scratch::new();
    for endpoint in ["inproc://here", "tcp://127.0.0.1:*", &scratch.ipc("here")] {
        test(&Context::new(), endpoint).unwrap_or_else(|e| panic!("{endpoint}: {e}"));
    }
}

#[test]
fn a_request_is_answered() {
    everywhere(|ctx, endpoint| {
        let mut replies = ctx.rep().bind(endpoint)?;
        let mut requests = ctx.req().connect(replies.last_endpoint())?;
        for round in 0..3 {
            let pending = requests.send(format!("request {round}"))?;
            let request = replies.recv()?;
            replies.send(("reply to", request))?;
            assert_eq!(
                pending.recv_multipart()?,
                Multipart::from(["reply to".to_owned(), format!("request {round}")])
            );
        }
        Ok(())
    });
}

#[test]
fn turns_are_kept() {
    everywhere(|ctx, endpoint| {
        let mut replies = ctx.rep().bind(endpoint)?;
        let mut requests = ctx.req().receive_timeout(Duration::ZERO).connect(replies.last_endpoint())?;
        assert_eq!(replies.send("unasked").unwrap_err().error(), Error::InvalidState);
        assert_eq!(requests.send("first")?.recv(), Err(Error::Again));
        let refused = requests.send("second").unwrap_err();
        assert_eq!((refused.error(), refused.into_message()), (Error::InvalidState, "second".into()));
        assert_eq!(replies.recv()?, "first");
        replies.send("answer")?;
        let mut pending = requests.pending();
        loop {
            match pending.try_recv() {
                Err(Error::Again) => thread::yield_now(),
                answer => break assert_eq!(answer?, "answer"),
            }
        }
        Ok(())
    });
}

#[test]
fn a_relaxed_client_gives_up_a_request() {
    everywhere(|ctx, endpoint| {
        let mut replies = ctx.rep().bind(endpoint)?;
        let mut requests = ctx.req().relaxed(true).correlate(true).connect(replies.last_endpoint())?;
        let _ = requests.send("first")?;
        assert_eq!(replies.recv()?, "first");
        let pending = requests.send("second")?;
        replies.send("late")?;
        assert_eq!(replies.recv()?, "second");
        replies.send("in time")?;
        assert_eq!(pending.recv()?, "in time");
        Ok(())
    });
}

#[test]
fn a_router_names_its_peers() {
    everywhere(|ctx, endpoint| {
        let mut router = ctx.router().mandatory(true).bind(endpoint)?;
        let mut one = ctx.dealer().routing_id("one").connect(router.last_endpoint())?;
        let mut two = ctx.dealer().routing_id("two").connect(router.last_endpoint())?;
        one.send(("from", "one"))?;
        two.send("from two")?;
        for _ in 0..2 {
            let (peer, body) = router.recv_from()?;
            router.send_to(&peer, (peer.as_bytes(), b"you sent".as_slice(), body[0].as_bytes()))?;
        }
        assert_eq!(one.recv_multipart()?, Multipart::from(["one", "you sent", "from"]));
        assert_eq!(two.recv_multipart()?, Multipart::from(["two", "you sent", "from two"]));

        let nobody = router.send_to(&"three".into(), ("a", "b")).unwrap_err();
        assert_eq!(nobody.error(), Error::HostUnreachable);
        assert_eq!(nobody.into_message(), Multipart::from(["a", "b"]));
        Ok(())
    });
}

#[test]
fn only_what_was_subscribed_to_arrives() {
    everywhere(|ctx, endpoint| {
        let mut publisher = ctx.publisher().bind(endpoint)?;
        let mut weather = ctx.subscriber().subscribe("weather.").connect(publisher.last_endpoint())?;
        let mut all = ctx.subscriber().connect(publisher.last_endpoint())?;
        all.subscribe("")?;
        publisher.wait_for_subscribers(2, PATIENCE)?;
        assert_eq!(publisher.subscribers()?, 2);
        publisher.send(("news", "weather."))?;
        publisher.send(("weather.zurich", "21 C"))?;
        assert_eq!(weather.recv_multipart()?, Multipart::from(["weather.zurich", "21 C"]));
        assert_eq!(all.recv()?, "news");
        assert_eq!(all.recv()?, "weather.zurich");
        weather.unsubscribe("weather.")?;
        all.subscribe("last")?;
        while publisher.subscribers()? > 1 {
            thread::yield_now();
        }
        publisher.send("weather.bern")?;
        publisher.send("last")?;
        assert_eq!((all.recv()?, all.recv()?), ("weather.bern".into(), "last".into()));
        assert_eq!(weather.try_recv(), Err(Error::Again));
        Ok(())
    });
}

#[test]
fn waiting_for_subscribers_ends_with_the_timeout() {
    everywhere(|ctx, endpoint| {
        let mut publisher = ctx.publisher().bind(endpoint)?;
        // Connected, but subscribed to nothing.
        let _deaf = ctx.subscriber().connect(publisher.last_endpoint())?;
        let waited = publisher.wait_for_subscribers(1, Duration::from_millis(20));
        assert_eq!(waited, Err(Error::Again));
        Ok(())
    });
}

#[test]
fn a_publisher_of_the_x_kind_sees_subscriptions() {
    everywhere(|ctx, endpoint| {
        let mut publisher = ctx.xpub().bind(endpoint)?;
        let mut updates = ctx.xsub().connect(publisher.last_endpoint())?;
        updates.subscribe("zurich")?;
        assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
        publisher.send("zurich 21 C")?;
        assert_eq!(updates.recv()?, "zurich 21 C");
        updates.unsubscribe("zurich")?;
        assert_eq!(publisher.recv_request()?, Request::Unsubscribe("zurich".into()));
        updates.send(("of my", "own"))?;
        assert_eq!(publisher.recv_request()?, Request::Other(Multipart::from(["of my", "own"])));
        Ok(())
    });
}

#[test]
fn work_goes_to_the_workers_in_turn() {
    everywhere(|ctx, endpoint| {
        let mut results = ctx.pull().bind(endpoint)?;
        let endpoint = results.last_endpoint();
        let mut workers =
            [ctx.push().connect(endpoint)?, ctx.push().connect(endpoint)?, ctx.push().connect(endpoint)?];
        for round in 0..100u32 {
            for worker in &mut workers {
                worker.send(round.to_be_bytes().as_slice())?;
            }
        }
        let mut sums = 0;
        for _ in 0..300 {
            sums += u32::from_be_bytes(results.recv()?.as_bytes().try_into().unwrap());
        }
        assert_eq!(sums, 3 * 4950);
        Ok(())
    });
}

#[test]
fn pairs_talk_both_ways() {
    everywhere(|ctx, endpoint| {
        let mut here = ctx.pair().bind(endpoint)?;
        let mut there = ctx.pair().connect(here.last_endpoint())?;
        let echo = thread::spawn(move || -> Result<()> {
            for _ in 0..100 {
                let message = there.recv_multipart()?;
                there.send(message)?;
            }
            Ok(())
        });
        for round in 0..100 {
            here.send((round.to_string(), vec![7; 1000 * round]))?;
            let back = here.recv_multipart()?;
            assert_eq!((&back[0], back[1].len()), (&round.to_string().into(), 1000 * round));
        }
        echo.join().unwrap()
    });
}

#[test]
fn frames_of_several_senders_never_mix() {
    everywhere(|ctx, endpoint| {
        let mut inbox = ctx.pull().bind(endpoint)?;
        let endpoint = inbox.last_endpoint().to_owned();
        thread::scope(|threads| {
            for sender in ["a", "b", "c"] {
                let endpoint = &endpoint;
                threads.spawn(move || -> Result<()> {
                    let mut outbox = ctx.push().connect(endpoint)?;
                    for frames in 1..=200 {
                        outbox.send(vec![Message::from(sender); frames])?;
                    }
                    outbox.close_within(PATIENCE);
                    Ok(())
                });
            }
            for _ in 0..600 {
                let message = inbox.recv_multipart()?;
                assert!(message.iter().all(|frame| *frame == message[0]), "{message:?}");
            }
            Ok(())
        })
    });
}

#[test]
fn a_single_frame_is_taken_of_a_message_of_several() {
    everywhere(|ctx, endpoint| {
        let mut replies = ctx.rep().bind(endpoint)?;
        let mut requests = ctx.req().connect(replies.last_endpoint())?;
        let pending = requests.send(("one", "two", "three"))?;
        assert_eq!(replies.recv()?, "one");
        // Whatever a client sends, the server's turn has come.
        replies.send(("four", "five"))?;
        assert_eq!(pending.recv()?, "four");
        let pending = requests.send("six")?;
        assert_eq!(replies.recv()?, "six");
        replies.send("seven")?;
        assert_eq!(pending.recv()?, "seven");
        Ok(())
    });
}

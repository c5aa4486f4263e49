//! The library under test and the distribution's libzmq in one conversation: each program of `examples/c` runs with one of
//! them and its peer with the other, in both directions, over tcp and ipc.

use interop::chapter::{ANY_PORT, Chapter, count};
use interop::{Program, Scratch, Subject};

/// Runs a conversation for each direction and transport. `play` is given who binds, who connects, and a maker of
/// endpoints to bind to.
fn both_ways(play: impl Fn(&Chapter, &Chapter, &dyn Fn(&str) -> String)) {
    let subject = Chapter::new(&Subject::from_env());
    let system = Chapter::new(&Subject::system());
    for (binds, connects) in [(&subject, &system), (&system, &subject)] {
        play(binds, connects, &|_| ANY_PORT.to_owned());
        let scratch = Scratch::new();
        play(binds, connects, &|name| scratch.ipc(name));
    }
}

fn finish_all(programs: Vec<Program>, expected: &[String]) {
    for program in programs {
        assert_eq!(program.finish(), expected);
    }
}

#[test]
fn requests_are_answered() {
    both_ways(|binds, connects, endpoint| {
        let (server, [service]) = binds.bind("hwserver", [("SERVICE", &endpoint("service"))], &[]);
        let clients =
            (0..3).map(|_| connects.start("hwclient", &[("SERVICE", &service), ("COUNT", "50")])).collect();
        finish_all(clients, &(0..50).map(|request| format!("received World {request}")).collect::<Vec<_>>());
        server.interrupt();
    });
}

#[test]
fn routed_requests_are_answered() {
    both_ways(|binds, connects, endpoint| {
        let endpoints = [("FRONTEND", &*endpoint("frontend")), ("BACKEND", &*endpoint("backend"))];
        let (broker, [front, back]) = binds.bind("rrbroker", endpoints, &[]);
        let workers: Vec<_> = [binds, connects]
            .map(|library| library.start("rrworker", &[("BACKEND", &back), ("WORK", "0")]))
            .into_iter()
            .collect();
        let clients = [binds, connects].map(|library| library.start("rrclient", &[("FRONTEND", &front)]));
        finish_all(
            clients.into(),
            &(0..10).map(|request| format!("Hello {request}: World")).collect::<Vec<_>>(),
        );
        let served: usize = workers.into_iter().map(|worker| worker.interrupt().len()).sum();
        assert_eq!(served, 20, "requests that reached a worker");
        broker.interrupt();
    });
}

#[test]
fn subscribers_receive_every_update() {
    let updates = count(100_000, 1_000);
    let play = |binds: &Chapter, connects: &Chapter| {
        let settings = [("COUNT", updates.as_str()), ("SUBSCRIBERS", "3")];
        let endpoints = [("PUBLISHER", ANY_PORT), ("SYNC", ANY_PORT)];
        let (publisher, [updates_at, sync_at]) = binds.bind("syncpub", endpoints, &settings);
        let endpoints = [("PUBLISHER", updates_at.as_str()), ("SYNC", &sync_at)];
        let subscribers = (0..3).map(|_| connects.start("syncsub", &endpoints)).collect();
        finish_all(subscribers, &[format!("received {updates} updates")]);
        publisher.finish();
    };
    // Not over ipc: there libzmq, as the publisher, loses the last updates when it closes.
    let (subject, system) = (Chapter::new(&Subject::from_env()), Chapter::new(&Subject::system()));
    play(&subject, &system);
    play(&system, &subject);
}

#[test]
fn filters_reach_the_publisher_through_a_proxy() {
    both_ways(|binds, connects, endpoint| {
        let (server, [weather]) = binds.bind("wuserver", [("WEATHER", &endpoint("inside"))], &[]);
        let (proxy, [outside]) =
            connects.bind("wuproxy", [("OUTSIDE", &endpoint("outside"))], &[("WEATHER", &weather)]);
        let client = binds.start("wuclient", &[("WEATHER", &outside), ("FILTER", "1"), ("COUNT", "100")]);
        assert!(client.finish()[0].starts_with("mean temperature of 1 over 100 updates: "));
        proxy.interrupt();
        server.interrupt();
    });
}

#[test]
fn envelopes_are_filtered_by_topic() {
    both_ways(|binds, connects, endpoint| {
        let (publisher, [updates]) =
            binds.bind("psenvpub", [("PUBLISHER", &endpoint("updates"))], &[("INTERVAL", "1")]);
        let subscriber = connects.start("psenvsub", &[("PUBLISHER", &updates), ("COUNT", "20")]);
        assert_eq!(subscriber.finish(), vec!["[B] for us"; 20]);
        publisher.interrupt();
    });
}

#[test]
fn tasks_are_shared_and_workers_stopped() {
    both_ways(|binds, connects, endpoint| {
        let endpoints = [("SINK", &*endpoint("sink")), ("CONTROL", &*endpoint("control"))];
        let (sink, [sink_at, control_at]) = binds.bind("tasksink2", endpoints, &[]);
        let settings = [("SINK", sink_at.as_str()), ("LONGEST", "2")];
        let (mut ventilator, [tasks_at]) =
            connects.bind("taskvent", [("VENTILATOR", &endpoint("tasks"))], &settings);
        let endpoints = [("VENTILATOR", tasks_at.as_str()), ("SINK", &sink_at), ("CONTROL", &control_at)];
        let mut workers = [binds, connects].map(|library| library.start("taskwork2", &endpoints));
        let said = ["welcome; waiting for tasks", "stopped by the sink"].map(str::to_owned);
        workers.iter_mut().for_each(|worker| assert_eq!(worker.line(), said[0]));
        ventilator.enter();
        ventilator.finish();
        finish_all(workers.into(), &said);
        assert!(sink.finish().iter().any(|line| line.starts_with("100 tasks in ")));
    });
}

//! The programs of `examples/c`, all of them, with the library that `FERROZMQ_SUBJECT` names: built against our
//! header, run as a user would, and under valgrind with `FERROZMQ_VALGRIND=1`.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::{fs, thread};

use interop::chapter::{ANY_PORT, Chapter, count};
use interop::program::{PATIENCE, under_valgrind};
use interop::{Scratch, Subject};

#[test]
fn programs_run_with_the_library_under_test() {
    let (server, _) = Chapter::new(&Subject::from_env()).bind("hwserver", [("SERVICE", ANY_PORT)], &[]);
    let maps =
        fs::read_to_string(format!("/proc/{}/maps", server.id())).expect("the maps of a child are readable");
    let library = Subject::from_env().library().display().to_string();
    assert!(maps.contains(&library), "{library} is not mapped:\n{maps}");
    server.interrupt();
}

#[test]
fn hello_world() {
    let chapter = Chapter::new(&Subject::from_env());
    let scratch = Scratch::new();
    for endpoint in [ANY_PORT, &scratch.ipc("service")] {
        let (server, [service]) = chapter.bind("hwserver", [("SERVICE", endpoint)], &[("COUNT", "20")]);
        let clients: Vec<_> =
            (0..2).map(|_| chapter.start("hwclient", &[("SERVICE", &service), ("COUNT", "10")])).collect();
        let expected: Vec<_> = (0..10).map(|request| format!("received World {request}")).collect();
        for client in clients {
            assert_eq!(client.finish(), expected);
        }
        assert_eq!(server.finish(), vec!["received Hello"; 20]);
    }
}

#[test]
fn ten_subscribers_receive_every_update() {
    let chapter = Chapter::new(&Subject::from_env());
    let updates = count(1_000_000, 2_000);
    let endpoints = [("PUBLISHER", ANY_PORT), ("SYNC", ANY_PORT)];
    let (publisher, [updates_at, sync_at]) = chapter.bind("syncpub", endpoints, &[("COUNT", &updates)]);
    let subscribers: Vec<_> = (0..10)
        .map(|_| chapter.start("syncsub", &[("PUBLISHER", &updates_at), ("SYNC", &sync_at)]))
        .collect();
    for subscriber in subscribers {
        assert_eq!(subscriber.finish(), [format!("received {updates} updates")]);
    }
    assert_eq!(publisher.finish(), ["waiting for subscribers", "publishing"]);
}

#[test]
fn subscribers_may_come_before_their_publisher() {
    if Subject::from_env().is_system() {
        return; // libzmq 4.3 loses the last messages of an ipc connection that it closes
    }
    let chapter = Chapter::new(&Subject::from_env());
    let scratch = Scratch::new();
    let updates = count(10_000, 500);
    let (updates_at, sync_at) = (scratch.ipc("updates"), scratch.ipc("sync"));
    let endpoints = [("PUBLISHER", updates_at.as_str()), ("SYNC", sync_at.as_str())];
    let subscribers: Vec<_> = (0..3).map(|_| chapter.start("syncsub", &endpoints)).collect();
    let settings = [("COUNT", updates.as_str()), ("SUBSCRIBERS", "3")];
    let (publisher, _) = chapter.bind("syncpub", endpoints, &settings);
    for subscriber in subscribers {
        assert_eq!(subscriber.finish(), [format!("received {updates} updates")]);
    }
    publisher.finish();
}

#[test]
fn ctrl_c_ends_a_program_that_waits() {
    let chapter = Chapter::new(&Subject::from_env());
    let (mut server, [service]) = chapter.bind("interrupt", [("SERVICE", ANY_PORT)], &[]);
    assert_eq!(server.line(), "waiting; Ctrl-C to leave");
    let client = chapter.start("hwclient", &[("SERVICE", &service), ("COUNT", "1")]);
    assert_eq!(client.finish(), ["received Hello 0"]);
    assert_eq!(server.interrupt(), ["waiting; Ctrl-C to leave", "interrupted; leaving"]);
}

#[test]
fn servers_end_in_good_order_on_either_signal() {
    let chapter = Chapter::new(&Subject::from_env());
    let servers: &[(&str, &[(&str, &str)])] = &[
        ("hwserver", &[("SERVICE", ANY_PORT)]),
        ("mtserver", &[("SERVICE", ANY_PORT)]),
        ("rrbroker", &[("FRONTEND", ANY_PORT), ("BACKEND", ANY_PORT)]),
        ("msgqueue", &[("FRONTEND", ANY_PORT), ("BACKEND", ANY_PORT)]),
        ("wuserver", &[("WEATHER", ANY_PORT)]),
        ("psenvpub", &[("PUBLISHER", ANY_PORT)]),
        ("syncpub", &[("PUBLISHER", ANY_PORT), ("SYNC", ANY_PORT)]),
        ("tasksink2", &[("SINK", ANY_PORT), ("CONTROL", ANY_PORT)]),
    ];
    for signal in ["INT", "TERM"] {
        for (name, endpoints) in servers {
            let mut server = chapter.start(name, endpoints);
            for (variable, _) in *endpoints {
                server.bound(variable);
            }
            server.signal(signal);
            server.finish();
        }
    }
}

#[test]
fn ctrl_c_ends_clients_whose_server_says_nothing() {
    let chapter = Chapter::new(&Subject::from_env());
    let clients =
        [("hwclient", "SERVICE"), ("rrworker", "BACKEND"), ("wuclient", "WEATHER"), ("taskwork2", "CONTROL")];
    for (name, variable) in clients {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let endpoint = format!("tcp://{}", silent.local_addr().expect("a bound socket has an address"));
        let client = chapter.start(name, &[(variable, &endpoint)]);
        let _connection = accept(silent);
        client.interrupt();
    }
}

/// The first connection that comes, held open.
fn accept(listener: TcpListener) -> TcpStream {
    let (outgoing, incoming) = mpsc::channel();
    thread::spawn(move || outgoing.send(listener.accept()));
    let accepted = incoming.recv_timeout(PATIENCE).expect("the client connects");
    accepted.expect("a connection can be accepted").0
}

#[test]
fn brokers_answer_each_request() {
    let chapter = Chapter::new(&Subject::from_env());
    let scratch = Scratch::new();
    let brokers = [
        ("rrbroker", ANY_PORT.to_owned(), ANY_PORT.to_owned()),
        ("msgqueue", ANY_PORT.to_owned(), ANY_PORT.to_owned()),
        ("rrbroker", scratch.ipc("frontend"), scratch.ipc("backend")),
    ];
    for (name, front, back) in &brokers {
        let (broker, [front, back]) = chapter.bind(name, [("FRONTEND", front), ("BACKEND", back)], &[]);
        let workers: Vec<_> =
            (0..2).map(|_| chapter.start("rrworker", &[("BACKEND", &back), ("WORK", "0")])).collect();
        let clients: Vec<_> = (0..3).map(|_| chapter.start("rrclient", &[("FRONTEND", &front)])).collect();
        let expected: Vec<_> = (0..10).map(|request| format!("Hello {request}: World")).collect();
        for client in clients {
            assert_eq!(client.finish(), expected, "through {name}");
        }
        let served: usize = workers.into_iter().map(|worker| worker.interrupt().len()).sum();
        assert_eq!(served, 30, "requests that reached a worker through {name}");
        broker.interrupt();
    }
}

#[test]
fn the_threads_of_a_server_answer() {
    let chapter = Chapter::new(&Subject::from_env());
    let (server, [service]) = chapter.bind("mtserver", [("SERVICE", ANY_PORT)], &[("WORK", "1")]);
    let clients: Vec<_> = (0..5).map(|_| chapter.start("hwclient", &[("SERVICE", &service)])).collect();
    for client in clients {
        assert_eq!(client.finish().len(), 10);
    }
    assert_eq!(server.interrupt(), vec!["received Hello"; 50]);
}

#[test]
fn threads_hand_on_their_readiness() {
    let relay = Chapter::new(&Subject::from_env()).start("mtrelay", &[]);
    assert_eq!(relay.finish(), ["step 1 is ready", "step 2 is ready", "all steps are ready"]);
}

#[test]
fn the_sink_stops_the_workers() {
    let chapter = Chapter::new(&Subject::from_env());
    let (sink, [sink_at, control_at]) =
        chapter.bind("tasksink2", [("SINK", ANY_PORT), ("CONTROL", ANY_PORT)], &[]);
    let (mut ventilator, [tasks_at]) =
        chapter.bind("taskvent", [("VENTILATOR", ANY_PORT)], &[("SINK", &sink_at), ("LONGEST", "5")]);
    let endpoints = [("VENTILATOR", tasks_at.as_str()), ("SINK", &sink_at), ("CONTROL", &control_at)];
    let mut workers: Vec<_> = (0..3).map(|_| chapter.start("taskwork2", &endpoints)).collect();
    for worker in &mut workers {
        assert_eq!(worker.line(), "welcome; waiting for tasks");
    }
    ventilator.enter();
    ventilator.finish();
    for worker in workers {
        assert_eq!(worker.finish(), ["welcome; waiting for tasks", "stopped by the sink"]);
    }
    let report = sink.finish();
    assert!(report.iter().any(|line| line.starts_with("100 tasks in ")), "{report:?}");
}

#[test]
fn the_proxy_forwards_subscriptions_and_updates() {
    let chapter = Chapter::new(&Subject::from_env());
    let (server, [weather]) = chapter.bind("wuserver", [("WEATHER", ANY_PORT)], &[]);
    let (proxy, [outside]) = chapter.bind("wuproxy", [("OUTSIDE", ANY_PORT)], &[("WEATHER", &weather)]);
    let clients = ["1", "2"].map(|filter| {
        (filter, chapter.start("wuclient", &[("WEATHER", &outside), ("FILTER", filter), ("COUNT", "100")]))
    });
    for (filter, client) in clients {
        let report = client.finish();
        assert!(
            report[0].starts_with(&format!("mean temperature of {filter} over 100 updates: ")),
            "{report:?}"
        );
    }
    proxy.interrupt();
    server.interrupt();
}

#[test]
fn two_sockets_are_read_side_by_side() {
    let chapter = Chapter::new(&Subject::from_env());
    for name in ["msreader", "mspoller"] {
        let (server, [weather]) = chapter.bind("wuserver", [("WEATHER", ANY_PORT)], &[]);
        let sink_endpoints = [("SINK", ANY_PORT), ("CONTROL", ANY_PORT)];
        let (sink, [sink_at, _]) = chapter.bind("tasksink2", sink_endpoints, &[("COUNT", "0")]);
        let (mut ventilator, [tasks]) = chapter.bind(
            "taskvent",
            [("VENTILATOR", ANY_PORT)],
            &[("SINK", &sink_at), ("COUNT", "20"), ("LONGEST", "0")],
        );
        let mut reader =
            chapter.start(name, &[("VENTILATOR", &tasks), ("WEATHER", &weather), ("FILTER", "10")]);
        assert!(reader.line_with("weather ").starts_with("weather 10"), "{name} reads what it asked for");
        ventilator.enter();
        for _ in 0..20 {
            reader.line_with("task ");
        }
        reader.line_with("weather ");
        reader.interrupt();
        ventilator.finish();
        sink.finish();
        server.interrupt();
    }
}

#[test]
fn envelopes_of_another_topic_never_arrive() {
    let chapter = Chapter::new(&Subject::from_env());
    let (publisher, [updates]) = chapter.bind("psenvpub", [("PUBLISHER", ANY_PORT)], &[("INTERVAL", "1")]);
    let subscriber = chapter.start("psenvsub", &[("PUBLISHER", &updates), ("COUNT", "50")]);
    assert_eq!(subscriber.finish(), vec!["[B] for us"; 50]);
    publisher.interrupt();
}

#[test]
fn an_endpoint_that_is_none_is_named_in_the_message() {
    if under_valgrind() {
        return; // a program that gives up cleans nothing up
    }
    let finished = Chapter::new(&Subject::from_env()).start("hwserver", &[("SERVICE", "tcp:/nowhere")]).end();
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.iter().any(|line| line.contains("tcp:/nowhere: Invalid argument")),
        "{:?}",
        finished.stderr
    );
}

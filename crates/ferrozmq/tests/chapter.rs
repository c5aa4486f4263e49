//! The programs of `examples`, all of them, run as a user would.
#![allow(missing_docs)]

use std::{fs, path::PathBuf};

use interop::{Program, Scratch};

/// A port that the system chooses.
const ANY_PORT: &str = "tcp://127.0.0.1:*";

fn start(name: &str, variables: &[(&str, &str)]) -> Program {
    // This test is `<target>/<profile>/deps/chapter-…`.
    let test = std::env::current_exe().expect("a process knows its program");
    let program: PathBuf =
        test.ancestors().nth(2).expect("it lies in a target directory").join("examples").join(name);
    assert!(program.is_file(), "{}: build it with `cargo build -p ferrozmq --examples`", program.display());
    Program::start(&program, variables)
}

/// Starts a program that binds, and waits until it has.
fn bind<const N: usize>(
    name: &str,
    endpoints: [(&str, &str); N],
    others: &[(&str, &str)],
) -> (Program, [String; N]) {
    let mut variables = others.to_vec();
    variables.extend(endpoints);
    let mut program = start(name, &variables);
    let bound = endpoints.map(|(variable, _)| program.bound(variable));
    (program, bound)
}

#[test]
fn hello_world() {
    let scratch = Scratch::new();
    for endpoint in [ANY_PORT, &scratch.ipc("service")] {
        let (server, [service]) = bind("hwserver", [("SERVICE", endpoint)], &[("COUNT", "20")]);
        let clients: Vec<_> =
            (0..2).map(|_| start("hwclient", &[("SERVICE", &service), ("COUNT", "10")])).collect();
        let expected: Vec<_> = (0..10).map(|request| format!("received World {request}")).collect();
        for client in clients {
            assert_eq!(client.finish(), expected);
        }
        assert_eq!(server.finish(), vec!["received Hello"; 20]);
    }
}

#[test]
fn ten_subscribers_receive_every_update() {
    let endpoints = [("PUBLISHER", ANY_PORT), ("SYNC", ANY_PORT)];
    let (publisher, [updates_at, sync_at]) = bind("syncpub", endpoints, &[]);
    let subscribers: Vec<_> =
        (0..10).map(|_| start("syncsub", &[("PUBLISHER", &updates_at), ("SYNC", &sync_at)])).collect();
    for subscriber in subscribers {
        assert_eq!(subscriber.finish(), ["received 1000000 updates"]);
    }
    assert_eq!(publisher.finish(), ["waiting for subscribers", "publishing"]);
}

#[test]
fn subscribers_may_come_before_their_publisher() {
    let scratch = Scratch::new();
    let (updates_at, sync_at) = (scratch.ipc("updates"), scratch.ipc("sync"));
    let endpoints = [("PUBLISHER", updates_at.as_str()), ("SYNC", sync_at.as_str())];
    let subscribers: Vec<_> = (0..3).map(|_| start("syncsub", &endpoints)).collect();
    let (publisher, _) = bind("syncpub", endpoints, &[("COUNT", "10000"), ("SUBSCRIBERS", "3")]);
    for subscriber in subscribers {
        assert_eq!(subscriber.finish(), ["received 10000 updates"]);
    }
    publisher.finish();
}

#[test]
fn ctrl_c_ends_a_program_that_waits() {
    let (mut server, [service]) = bind("interrupt", [("SERVICE", ANY_PORT)], &[]);
    assert_eq!(server.line(), "waiting; Ctrl-C to leave");
    let client = start("hwclient", &[("SERVICE", &service), ("COUNT", "1")]);
    assert_eq!(client.finish(), ["received Hello 0"]);
    assert_eq!(server.interrupt(), ["waiting; Ctrl-C to leave", "interrupted; leaving"]);
}

#[test]
fn servers_end_in_good_order_on_either_signal() {
    let servers: &[(&str, &[(&str, &str)])] = &[
        ("hwserver", &[("SERVICE", ANY_PORT)]),
        ("mtserver", &[("SERVICE", ANY_PORT)]),
        ("rrbroker", &[("FRONTEND", ANY_PORT), ("BACKEND", ANY_PORT)]),
        ("msgqueue", &[("FRONTEND", ANY_PORT), ("BACKEND", ANY_PORT)]),
        ("wuserver", &[("WEATHER", ANY_PORT)]),
        ("psenvpub", &[("PUBLISHER", ANY_PORT)]),
        ("syncpub", &[("PUBLISHER", ANY_PORT), ("SYNC", ANY_PORT)]),
        ("taskvent", &[("VENTILATOR", ANY_PORT)]),
        ("tasksink2", &[("SINK", ANY_PORT), ("CONTROL", ANY_PORT)]),
    ];
    for signal in ["INT", "TERM"] {
        for (name, endpoints) in servers {
            let mut server = start(name, endpoints);
            for (variable, _) in *endpoints {
                server.bound(variable);
            }
            server.signal(signal);
            server.finish();
        }
    }
}

#[test]
fn ctrl_c_ends_clients_whose_server_never_comes() {
    let scratch = Scratch::new();
    let nobody = scratch.ipc("nobody");
    for (name, variable) in
        [("hwclient", "SERVICE"), ("rrworker", "BACKEND"), ("wuclient", "WEATHER"), ("taskwork2", "CONTROL")]
    {
        let client = start(name, &[(variable, &nobody)]);
        wait_until_signals_are_caught(&client);
        client.interrupt();
    }
}

/// Reads the kernel's account of the process until it says that SIGINT has a handler.
fn wait_until_signals_are_caught(program: &Program) {
    const SIGINT_BIT: u64 = 1 << 1;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", program.id())).expect("the program runs");
        let caught =
            status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux lists signals");
        if u64::from_str_radix(caught.trim(), 16).is_ok_and(|bits| bits & SIGINT_BIT != 0) {
            return;
        }
        std::thread::yield_now();
    }
}

#[test]
fn brokers_answer_each_request() {
    let scratch = Scratch::new();
    let brokers = [
        ("rrbroker", ANY_PORT.to_owned(), ANY_PORT.to_owned()),
        ("msgqueue", ANY_PORT.to_owned(), ANY_PORT.to_owned()),
        ("rrbroker", scratch.ipc("frontend"), scratch.ipc("backend")),
    ];
    for (name, front, back) in &brokers {
        let (broker, [front, back]) = bind(name, [("FRONTEND", front), ("BACKEND", back)], &[]);
        let workers: Vec<_> =
            (0..2).map(|_| start("rrworker", &[("BACKEND", &back), ("WORK", "0")])).collect();
        let clients: Vec<_> = (0..3).map(|_| start("rrclient", &[("FRONTEND", &front)])).collect();
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
    let (server, [service]) = bind("mtserver", [("SERVICE", ANY_PORT)], &[("WORK", "1")]);
    let clients: Vec<_> = (0..5).map(|_| start("hwclient", &[("SERVICE", &service)])).collect();
    for client in clients {
        assert_eq!(client.finish().len(), 10);
    }
    assert_eq!(server.interrupt(), vec!["received Hello"; 50]);
}

#[test]
fn threads_hand_on_their_readiness() {
    let relay = start("mtrelay", &[]);
    assert_eq!(relay.finish(), ["step 1 is ready", "step 2 is ready", "all steps are ready"]);
}

#[test]
fn the_sink_stops_the_workers() {
    let (sink, [sink_at, control_at]) = bind("tasksink2", [("SINK", ANY_PORT), ("CONTROL", ANY_PORT)], &[]);
    let (mut ventilator, [tasks_at]) =
        bind("taskvent", [("VENTILATOR", ANY_PORT)], &[("SINK", &sink_at), ("LONGEST", "5")]);
    let endpoints = [("VENTILATOR", tasks_at.as_str()), ("SINK", &sink_at), ("CONTROL", &control_at)];
    let mut workers: Vec<_> = (0..3).map(|_| start("taskwork2", &endpoints)).collect();
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
    let (server, [weather]) = bind("wuserver", [("WEATHER", ANY_PORT)], &[]);
    let (proxy, [outside]) = bind("wuproxy", [("OUTSIDE", ANY_PORT)], &[("WEATHER", &weather)]);
    let clients = ["1", "2"].map(|filter| {
        (filter, start("wuclient", &[("WEATHER", &outside), ("FILTER", filter), ("COUNT", "100")]))
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
    for name in ["msreader", "mspoller"] {
        let (server, [weather]) = bind("wuserver", [("WEATHER", ANY_PORT)], &[]);
        let sink_endpoints = [("SINK", ANY_PORT), ("CONTROL", ANY_PORT)];
        let (sink, [sink_at, _]) = bind("tasksink2", sink_endpoints, &[("COUNT", "0")]);
        let (mut ventilator, [tasks]) = bind(
            "taskvent",
            [("VENTILATOR", ANY_PORT)],
            &[("SINK", &sink_at), ("COUNT", "20"), ("LONGEST", "0")],
        );
        let mut reader = start(name, &[("VENTILATOR", &tasks), ("WEATHER", &weather), ("FILTER", "10")]);
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
    let (publisher, [updates]) = bind("psenvpub", [("PUBLISHER", ANY_PORT)], &[("INTERVAL", "1")]);
    let subscriber = start("psenvsub", &[("PUBLISHER", &updates), ("COUNT", "50")]);
    assert_eq!(subscriber.finish(), vec!["[B] for us"; 50]);
    publisher.interrupt();
}

#[test]
fn an_endpoint_that_is_none_is_named_in_the_message() {
    let finished = start("hwserver", &[("SERVICE", "tcp:/nowhere")]).end();
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.iter().any(|line| line.contains("endpoint \"tcp:/nowhere\": ")),
        "{:?}",
        finished.stderr
    );
}

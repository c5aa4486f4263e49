//! Clients ask over tcp, a broker passes their requests on, workers answer over ipc.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ferrozmq::{Error, Rep, Req};

use super::{Scene, Stage, actor, ipc, screen::Style};
use crate::{
    failure::Failure,
    numbers::{grouped, rate},
};

const PAIRS: usize = 3;

/// A client or a worker, as the audience sees it.
#[derive(Default)]
struct Seen {
    count: AtomicU64,
    last: Mutex<String>,
}

impl Seen {
    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn saw(&self, text: impl FnOnce() -> String) {
        // What is shown changes now and then, or nobody could read it.
        if self.count.fetch_add(1, Ordering::Relaxed).is_multiple_of(1009) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = text();
        }
    }

    fn last(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) fn show(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.headline(1, "Questions and answers, through a broker")?;
    let ctx = stage.context();
    let mut front = ctx.router().linger(Duration::ZERO).bind("tcp://127.0.0.1:*")?;
    let mut back = ctx.dealer().linger(Duration::ZERO).bind(ipc("workers"))?;
    let clients: [Seen; PAIRS] = Default::default();
    let workers: [Seen; PAIRS] = Default::default();

    let mut actors = Vec::new();
    for (i, seen) in workers.iter().enumerate() {
        let replies = ctx.rep().linger(Duration::ZERO).connect(back.last_endpoint())?;
        actors.push(actor(move || work(replies, i + 1, seen)));
    }
    for (i, seen) in clients.iter().enumerate() {
        let requests = ctx.req().linger(Duration::ZERO).connect(front.last_endpoint())?;
        actors.push(actor(move || ask(requests, i as u64, seen)));
    }
    actors.push(actor(move || ferrozmq::proxy(&mut front, &mut back).run()));

    let style = stage.style;
    // The broker knows no end: what is under way then is given up.
    let scene = Scene { ctx: &ctx, curtain: &|| {}, is_over: &|| true };
    stage.play(&scene, actors, |took| lines(style, &clients, &workers, took))
}

fn ask(mut requests: Req, seed: u64, seen: &Seen) -> Result<(), Error> {
    for n in 0.. {
        let (a, b) = (seed * 7 + n % 89 + 2, n % 97 + 3);
        let question = format!("{a} × {b}");
        let answer = requests.send(&question)?.recv()?;
        seen.saw(|| format!("{question} = {}", answer.to_string_lossy()));
    }
    Ok(())
}

fn work(mut replies: Rep, number: usize, seen: &Seen) -> Result<(), Error> {
    loop {
        let question = replies.recv()?;
        let mut factors =
            question.as_str().unwrap_or_default().split(" × ").map(|f| f.parse().unwrap_or(0_u64));
        let product = factors.next().unwrap_or(0) * factors.next().unwrap_or(0);
        replies.send(format!("{product}, says worker {number}"))?;
        seen.saw(String::new);
    }
}

fn lines(style: Style, clients: &[Seen], workers: &[Seen], took: Duration) -> Vec<String> {
    let (req, rep) = (style.socket("REQ"), style.socket("REP"));
    let broker = format!("{}[{}|{}]", style.dim("broker"), style.socket("ROUTER"), style.socket("DEALER"));
    let mut lines = vec![
        format!("    {PAIRS} clients {req} ── tcp ──▶ {broker} ── ipc ──▶ {rep} {PAIRS} workers"),
        String::new(),
    ];
    let most = workers.iter().map(Seen::count).max().unwrap_or(0);
    for (i, (client, worker)) in clients.iter().zip(workers).enumerate() {
        let number = i + 1;
        lines.push(format!(
            "    client {number}   {:<30}    worker {number} {} {}",
            client.last(),
            style.bar(worker.count(), most, 12),
            style.number(format!("{:>8}", grouped(worker.count()))),
        ));
    }
    let total = clients.iter().map(Seen::count).sum();
    let per_second = rate(total, took, "round trips");
    lines.push(String::new());
    lines.push(format!("    {} answers, {per_second}", style.number(grouped(total))));
    lines
}

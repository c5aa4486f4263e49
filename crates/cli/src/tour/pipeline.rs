//! Work that is dealt out, done and gathered: ranges of numbers, whose primes are counted.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use ferrozmq::{Error, Pull, Push};

use super::{Scene, Stage, actor, ipc, screen::Style};
use crate::{failure::Failure, numbers::grouped};

const WORKERS: usize = 3;
/// Numbers in a range.
const RANGE: u64 = 50_000;

#[derive(Default)]
struct Progress {
    dealt: AtomicU64,
    gathered: AtomicU64,
    primes: AtomicU64,
    done: [AtomicU64; WORKERS],
    stop: AtomicBool,
}

pub(super) fn show(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.headline(3, "Work, shared out and gathered")?;
    let ctx = stage.context();
    // Short queues: a worker gets its next range when it has room for it.
    let tasks = ctx.push().linger(Duration::ZERO).send_hwm(4).bind(ipc("tasks"))?;
    let results = ctx.pull().bind("tcp://127.0.0.1:*")?;
    let progress = Progress::default();
    let seen = &progress;

    let mut actors = Vec::new();
    for done in &seen.done {
        let inlet = ctx.pull().receive_hwm(4).connect(tasks.last_endpoint())?;
        let outlet = ctx.push().linger(Duration::ZERO).connect(results.last_endpoint())?;
        actors.push(actor(move || work(inlet, outlet, done)));
    }
    actors.push(actor(move || gather(results, seen)));
    actors.push(actor(move || deal(tasks, seen)));

    let style = stage.style;
    let curtain = || progress.stop.store(true, Ordering::Relaxed);
    // The last range may still be on its way to be counted as dealt: it is not gathered then, either.
    let is_over = || progress.gathered.load(Ordering::Acquire) == progress.dealt.load(Ordering::Acquire);
    let scene = Scene { ctx: &ctx, curtain: &curtain, is_over: &is_over };
    stage.play(&scene, actors, |_| lines(style, &progress))
}

fn deal(mut tasks: Push, progress: &Progress) -> Result<(), Error> {
    while !progress.stop.load(Ordering::Relaxed) {
        // Counted first: a range that is gathered has been dealt.
        let number = progress.dealt.fetch_add(1, Ordering::AcqRel);
        tasks.send(number.to_string())?;
    }
    // The socket stays open until the context ends.
    loop {
        tasks.send("")?;
    }
}

fn work(mut tasks: Pull, mut results: Push, done: &AtomicU64) -> Result<(), Error> {
    loop {
        let Some(number) = tasks.recv()?.as_str().ok().and_then(|text| text.parse::<u64>().ok()) else {
            continue;
        };
        results.send(primes_between(number * RANGE, (number + 1) * RANGE).to_string())?;
        done.fetch_add(1, Ordering::Relaxed);
    }
}

fn gather(mut results: Pull, progress: &Progress) -> Result<(), Error> {
    loop {
        let primes = results.recv()?.as_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        progress.primes.fetch_add(primes, Ordering::Relaxed);
        progress.gathered.fetch_add(1, Ordering::AcqRel);
    }
}

/// How many primes there are from `low` to before `high`: the sieve of Eratosthenes.
fn primes_between(low: u64, high: u64) -> u64 {
    let mut composite = vec![false; (high - low) as usize];
    for number in low..high.min(2) {
        composite[(number - low) as usize] = true;
    }
    for divisor in (2..).take_while(|d| d * d < high) {
        // Even divisors but 2, and the like, would strike nothing new.
        if divisor > 2 && divisor % 2 == 0 || divisor > 3 && divisor % 3 == 0 {
            continue;
        }
        let first = (divisor * divisor).max(low.next_multiple_of(divisor));
        for multiple in (first..high).step_by(divisor as usize) {
            composite[(multiple - low) as usize] = true;
        }
    }
    composite.iter().filter(|is_composite| !**is_composite).count() as u64
}

fn lines(style: Style, progress: &Progress) -> Vec<String> {
    let (push, pull) = (style.socket("PUSH"), style.socket("PULL"));
    let mut lines = vec![
        format!("    ranges {push} ── ipc ──▶ {pull} {WORKERS} workers {push} ── tcp ──▶ {pull} sum"),
        String::new(),
    ];
    let done: Vec<_> = progress.done.iter().map(|done| done.load(Ordering::Relaxed)).collect();
    let most = done.iter().max().copied().unwrap_or(0);
    for (i, done) in done.into_iter().enumerate() {
        let bar = style.bar(done, most, 40);
        lines.push(format!(
            "    worker {}   {bar} {} ranges",
            i + 1,
            style.number(format!("{:>7}", grouped(done)))
        ));
    }
    let below = progress.gathered.load(Ordering::Acquire) * RANGE;
    let primes = progress.primes.load(Ordering::Relaxed);
    lines.push(String::new());
    lines.push(format!("    {} primes below {}", style.number(grouped(primes)), grouped(below)));
    lines
}

#[cfg(test)]
mod tests {
    use super::primes_between;

    #[test]
    fn primes_are_counted() {
        assert_eq!(primes_between(0, 10), 4);
        assert_eq!(primes_between(0, 100_000), 9592);
        assert_eq!(primes_between(0, 50_000) + primes_between(50_000, 100_000), 9592);
    }
}

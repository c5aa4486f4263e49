//! A publisher on three transports, and subscribers who each get what they asked for.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use ferrozmq::{Error, Publisher, Subscriber};

use super::{Scene, Stage, actor, ipc, screen::Style};
use crate::{failure::Failure, numbers::grouped};

const TOPICS: [&str; 7] = [
    "weather.zurich",
    "prices.gold",
    "weather.lima",
    "prices.tea",
    "weather.oslo",
    "prices.wheat",
    "chess.final",
];

/// A subscriber, as the audience sees it.
struct Reader {
    prefix: &'static str,
    transport: &'static str,
    count: AtomicU64,
    last: Mutex<String>,
}

impl Reader {
    const fn new(prefix: &'static str, transport: &'static str) -> Self {
        Self { prefix, transport, count: AtomicU64::new(0), last: Mutex::new(String::new()) }
    }

    fn wants(&self, topic: &str) -> bool {
        topic.starts_with(self.prefix)
    }
}

/// What the publisher has sent of each topic.
type Sent = [AtomicU64; TOPICS.len()];

pub(super) fn show(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.headline(2, "News, for those who want them")?;
    let ctx = stage.context();
    // The audience counts along: nothing is dropped for a reader that comes late.
    let mut publisher = ctx.publisher().linger(Duration::ZERO).send_hwm(0).build()?;
    let readers = [Reader::new("weather.", "tcp"), Reader::new("prices.", "ipc"), Reader::new("", "inproc")];
    let sent = Sent::default();
    let (stop, ended) = (AtomicBool::new(false), AtomicBool::new(false));

    let mut actors = Vec::new();
    for reader in &readers {
        publisher.bind(match reader.transport {
            "tcp" => "tcp://127.0.0.1:*".to_owned(),
            "ipc" => ipc("news"),
            _ => "inproc://news".to_owned(),
        })?;
        let news = ctx.subscriber().subscribe(reader.prefix).connect(publisher.last_endpoint())?;
        actors.push(actor(move || read(news, reader)));
    }
    publisher.wait_for_subscribers(readers.len(), Duration::from_secs(5))?;
    let (counts, curtain_fell, over) = (&sent, &stop, &ended);
    actors.push(actor(move || publish(publisher, counts, curtain_fell, over)));

    let style = stage.style;
    let curtain = || stop.store(true, Ordering::Relaxed);
    // Not before the publisher has ended: all may have what is out while it is at its last messages.
    let is_complete = || ended.load(Ordering::Acquire) && readers.iter().all(|reader| has_all(reader, &sent));
    let scene = Scene { ctx: &ctx, curtain: &curtain, is_over: &is_complete };
    stage.play(&scene, actors, |_| lines(style, &readers, &sent, is_complete()))
}

fn publish(
    mut publisher: Publisher,
    sent: &Sent,
    stop: &AtomicBool,
    ended: &AtomicBool,
) -> Result<(), Error> {
    let mut random = 2463534242_u32;
    while !stop.load(Ordering::Relaxed) {
        for (topic, count) in TOPICS.iter().zip(sent) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let value = f64::from(random % 400) / 10.0;
            let text = match topic.split_once('.') {
                Some(("weather", _)) => format!("{value:.1} °C"),
                Some(("prices", _)) => format!("{:.2} $", 10.0 + value),
                _ => format!("move {}", count.load(Ordering::Relaxed) + 1),
            };
            publisher.send((*topic, text))?;
            count.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(1));
    }
    ended.store(true, Ordering::Release);
    // The socket stays open until everybody has read everything: until the context ends.
    loop {
        publisher.wait_for_subscribers(usize::MAX, Duration::from_secs(3600))?;
    }
}

fn read(mut news: Subscriber, reader: &Reader) -> Result<(), Error> {
    loop {
        let parts = news.recv_multipart()?;
        let text =
            |i: usize| parts.get(i).map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
        *reader.last.lock().unwrap_or_else(PoisonError::into_inner) = format!("{:<15} {}", text(0), text(1));
        reader.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a reader has read all of the messages sent that it wants.
fn has_all(reader: &Reader, sent: &Sent) -> bool {
    let counts = TOPICS.iter().zip(sent).filter(|(topic, _)| reader.wants(topic));
    let wanted: u64 = counts.map(|(_, count)| count.load(Ordering::Relaxed)).sum();
    reader.count.load(Ordering::Relaxed) == wanted
}

fn lines(style: Style, readers: &[Reader], sent: &Sent, complete: bool) -> Vec<String> {
    let mut lines = vec![
        format!(
            "    a publisher {} on tcp, ipc and inproc; three subscribers {}",
            style.socket("PUB"),
            style.socket("SUB")
        ),
        String::new(),
    ];
    for reader in readers {
        let prefix = if reader.prefix.is_empty() { "everything" } else { reader.prefix };
        lines.push(format!(
            "    {} {prefix:<12} {:<8} {}   {}",
            style.socket("SUB"),
            reader.transport,
            style.number(format!("{:>7}", grouped(reader.count.load(Ordering::Relaxed)))),
            reader.last.lock().unwrap_or_else(PoisonError::into_inner),
        ));
    }
    let total: u64 = sent.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    let verdict = if complete { "; each subscriber has all that it asked for" } else { "" };
    lines.push(String::new());
    lines.push(format!("    {} published{verdict}", style.number(grouped(total))));
    lines
}

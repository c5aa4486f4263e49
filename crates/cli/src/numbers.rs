//! Numbers for people: counts, rates, sizes and durations, read and written.

use std::time::{Duration, Instant};

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits and a prefix, in front of a unit: `12.3 M`, `850 k`, `7 `.
pub(crate) fn scaled(x: f64) -> String {
    if x < 1000.0 && x.fract() == 0.0 {
        return format!("{x} ");
    }
    let (value, prefix) = match x {
        x if x >= 0.9995e9 => (x / 1e9, "G"),
        x if x >= 0.9995e6 => (x / 1e6, "M"),
        x if x >= 0.9995e3 => (x / 1e3, "k"),
        _ => (x, ""),
    };
    format!("{value:.*} {prefix}", decimals(value))
}

fn decimals(value: f64) -> usize {
    match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    }
}

/// A short time: `850 ns`, `12.3 µs`, `1.50 ms`, `2.00 s`.
pub(crate) fn time(t: Duration) -> String {
    let ns = t.as_nanos() as f64;
    let (value, unit) = match ns {
        ns if ns >= 0.9995e9 => (ns / 1e9, "s"),
        ns if ns >= 0.9995e6 => (ns / 1e6, "ms"),
        ns if ns >= 0.9995e3 => (ns / 1e3, "µs"),
        _ => return format!("{ns:.0} ns"),
    };
    format!("{value:.*} {unit}", decimals(value))
}

/// A time on the command line: `500ms`, `2s`, `1.5m`; seconds, if there is no unit.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit.trim() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a time like 500ms, 2s or 1.5m".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "expected a time like 500ms, 2s or 1.5m".to_owned())?;
    let most = f64::from(i32::MAX) / 1000.0;
    match number * seconds {
        t if t <= most => Ok(Duration::from_secs_f64(t)),
        _ => Err("the longest time is 24 days".to_owned()),
    }
}

/// Messages counted, and how long they took.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    bytes: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Tally {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    /// What was added last passed between these moments.
    pub(crate) fn mark(&mut self, began: Instant, ended: Instant) {
        self.first.get_or_insert(began);
        self.last = Some(ended);
    }

    /// `sent 1,000 messages, 10.0 kB, in 1.20 ms: 833 k messages/s, 8.33 MB/s`.
    pub(crate) fn summary(&self, what: &str) -> String {
        let took =
            self.last.zip(self.first).map(|(last, first)| last.duration_since(first)).unwrap_or_default();
        let noun = if self.messages == 1 { "message" } else { "messages" };
        let mut text = format!("{what} {} {noun}, {}B", grouped(self.messages), scaled(self.bytes as f64));
        if self.messages > 1 && !took.is_zero() {
            let bytes = scaled(self.bytes as f64 / took.as_secs_f64());
            text += &format!(", in {}: {}, {bytes}B/s", time(took), rate(self.messages, took, "messages"));
        }
        text
    }
}

/// How many of something a second: `833 k messages/s`.
pub(crate) fn rate(n: u64, took: Duration, of: &str) -> String {
    let number = scaled(n as f64 / took.as_secs_f64().max(1e-9));
    format!("{} {of}/s", number.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(1000), grouped(1_234_567)].join(" "),
            "0 999 1,000 1,234,567"
        );
        assert_eq!(
            [scaled(7.0), scaled(7.5), scaled(999.7), scaled(12_345_678.0)].join("|"),
            "7 |7.50 |1.00 k|12.3 M"
        );
        let times = [850, 12_345, 1_500_000, 2_000_000_000].map(|ns| time(Duration::from_nanos(ns)));
        assert_eq!(times.join("|"), "850 ns|12.3 µs|1.50 ms|2.00 s");
    }

    #[test]
    fn times_with_and_without_units() {
        assert_eq!(parse_time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_time("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_time("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["", "s", "2 weeks", "-1", "1e99", "9999999h"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tally_tells_rates_only_where_there_are_any() {
        let mut tally = Tally::default();
        let start = Instant::now();
        tally.add(10);
        tally.mark(start, start + Duration::from_millis(1));
        assert_eq!(tally.summary("sent"), "sent 1 message, 10 B");
        (0..999).for_each(|_| tally.add(10));
        tally.mark(start, start + Duration::from_secs(1));
        let text = "sent 1,000 messages, 10.0 kB, in 1.00 s: 1.00 k messages/s, 10.0 kB/s";
        assert_eq!(tally.summary("sent"), text);
    }
}

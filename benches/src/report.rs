//! The results: medians and ratios as a table, everything as JSON.

use std::fmt::Write as _;

use crate::entrant::Entrant;
use crate::row::{Row, Unit};
use crate::sides::Figure;
use crate::subject::Result;

/// Results of one row and one entrant, one for each round; none if it does not enter the row.
pub(crate) type Rounds = Vec<Result<Figure>>;

/// All results.
pub(crate) struct Report {
    pub(crate) entrants: Vec<Entrant>,
    pub(crate) rows: Vec<Row>,
    /// By row, then by entrant.
    pub(crate) results: Vec<Vec<Rounds>>,
}

/// The median of the rounds that gave a figure.
pub(crate) fn median(rounds: &Rounds) -> Option<f64> {
    middle(rounds.iter().filter_map(|round| round.as_ref().ok().map(|figure| figure.value)).collect())
}

fn median_p99(rounds: &Rounds) -> Option<f64> {
    middle(rounds.iter().filter_map(|round| round.as_ref().ok()?.p99).collect())
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

impl Report {
    pub(crate) fn new(entrants: Vec<Entrant>, rows: Vec<Row>) -> Self {
        let results = vec![vec![Rounds::new(); entrants.len()]; rows.len()];
        Self { entrants, rows, results }
    }

    /// How many times as fast `a` is as `b` in a row; both by their place among the entrants.
    fn speed(&self, row: usize, a: usize, b: usize) -> Option<f64> {
        let (a, b) = (median(&self.results[row][a])?, median(&self.results[row][b])?);
        Some(match self.rows[row].unit() {
            Unit::PerSecond => a / b,
            Unit::Microseconds => b / a,
        })
    }

    /// The two the others are compared with: bare sockets, libzmq.
    const BARE: usize = 0;
    const LIBZMQ: usize = 1;

    /// The table. The ratios are of speeds: 2.0 means twice as fast, for times as well.
    pub(crate) fn table(&self) -> String {
        let ours = Self::LIBZMQ + 1..self.entrants.len();
        let mut head = vec!["row".to_owned()];
        head.extend(self.entrants.iter().map(|entrant| entrant.label.clone()));
        head.extend(ours.clone().map(|i| format!("{}/libzmq", self.entrants[i].label)));
        head.extend((Self::LIBZMQ..self.entrants.len()).map(|i| format!("{}/bare", self.entrants[i].label)));
        let mut lines = vec![head];
        for (r, row) in self.rows.iter().enumerate() {
            let mut line = vec![row.to_string()];
            line.extend(self.results[r].iter().map(|rounds| cell(rounds, row.unit())));
            let ratio = |a, b| self.speed(r, a, b).map_or_else(|| "-".to_owned(), |x| format!("{x:.2}"));
            line.extend(ours.clone().map(|i| ratio(i, Self::LIBZMQ)));
            line.extend((Self::LIBZMQ..self.entrants.len()).map(|i| ratio(i, Self::BARE)));
            lines.push(line);
        }
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines {
            for (column, (value, &width)) in line.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(text, "{value:<width$}"),
                    _ => write!(text, "  {value:>width$}"),
                };
            }
            text.push('\n');
        }
        text + &self.faults()
    }

    /// Every run that gave no figure.
    fn faults(&self) -> String {
        let mut text = String::new();
        for (row, results) in self.rows.iter().zip(&self.results) {
            for (entrant, rounds) in self.entrants.iter().zip(results) {
                for (round, fault) in
                    rounds.iter().enumerate().filter_map(|(i, r)| Some((i, r.as_ref().err()?)))
                {
                    let _ = writeln!(text, "{row}, {}, round {}: {fault}", entrant.label, round + 1);
                }
            }
        }
        text
    }

    /// Whether every run gave a figure.
    pub(crate) fn complete(&self) -> bool {
        self.results.iter().flatten().flatten().all(Result::is_ok)
    }

    /// Everything, every round; `conditions` are further members of the object.
    pub(crate) fn json(&self, conditions: &[(&str, String)]) -> String {
        let mut text = String::from("{\n");
        for (name, value) in conditions {
            let _ = writeln!(text, "  {}: {value},", quoted(name));
        }
        let about = |entrant: &Entrant| {
            let about = entrant.about().unwrap_or_else(|fault| fault.to_string());
            format!("    {}: {}", quoted(&entrant.label), quoted(&about))
        };
        let _ =
            writeln!(text, "  \"entrants\": {{\n{}\n  }},", joined(self.entrants.iter().map(about), ",\n"));
        let rows = (0..self.rows.len()).map(|row| self.json_row(row));
        let _ = writeln!(text, "  \"rows\": [\n{}\n  ]\n}}", joined(rows, ",\n"));
        text
    }

    fn json_row(&self, r: usize) -> String {
        let row = &self.rows[r];
        let unit = match row.unit() {
            Unit::PerSecond => "per second",
            Unit::Microseconds => "microseconds",
        };
        let results = self.entrants.iter().enumerate().zip(&self.results[r]);
        let results = results.filter(|(_, rounds)| !rounds.is_empty()).map(|((i, entrant), rounds)| {
            let each = rounds.iter().map(|round| match round {
                Ok(figure) => number(Some(figure.value)),
                Err(fault) => quoted(&fault.to_string()),
            });
            format!(
                "      {}: {{\"median\": {}, \"p99\": {}, \"to libzmq\": {}, \"to bare\": {}, \"rounds\": [{}]}}",
                quoted(&entrant.label),
                number(median(rounds)),
                number(median_p99(rounds)),
                number(self.speed(r, i, Self::LIBZMQ)),
                number(self.speed(r, i, Self::BARE)),
                joined(each, ", "),
            )
        });
        format!(
            "    {{\"row\": {}, \"unit\": {}, \"results\": {{\n{}\n    }}}}",
            quoted(&row.to_string()),
            quoted(unit),
            joined(results, ",\n")
        )
    }
}

fn joined(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}

fn number(value: Option<f64>) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "null".to_owned(), |v| format!("{v}"))
}

/// A string of JSON.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

fn cell(rounds: &Rounds, unit: Unit) -> String {
    match median(rounds) {
        None if rounds.is_empty() => "-".to_owned(),
        None => "failed".to_owned(),
        Some(value) => {
            let mark = if rounds.iter().any(Result::is_err) { "!" } else { "" };
            format!("{mark}{}", shown(value, unit))
        }
    }
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Microseconds if value < 1.0 => format!("{value:.3} us"),
        Unit::Microseconds => format!("{value:.1} us"),
        Unit::PerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Unit::PerSecond if value >= 1e4 => format!("{:.1} K/s", value / 1e3),
        Unit::PerSecond => format!("{value:.0} /s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entrant::Which;
    use crate::row;
    use crate::subject::Fault;

    fn figure(value: f64) -> Result<Figure> {
        Ok(Figure { value, p99: None })
    }

    fn report(row: &str) -> Report {
        let entrant = |label: &str| Entrant { label: label.to_owned(), which: Which::Bare };
        let row = row::Row::named(row).expect("a row");
        Report::new(vec![entrant("bare"), entrant("libzmq"), entrant("ours")], vec![row])
    }

    #[test]
    fn the_median_ignores_failed_rounds() {
        assert_eq!(median(&vec![figure(3.0), Err(Fault::new("x")), figure(1.0), figure(2.0)]), Some(2.0));
        assert_eq!(median(&vec![figure(1.0), figure(2.0)]), Some(1.5));
        assert_eq!(median(&vec![Err(Fault::new("x"))]), None);
    }

    #[test]
    fn a_ratio_above_one_is_faster_for_rates_and_for_times() {
        let mut rates = report("push-pull/10B/tcp/object");
        rates.results[0] = vec![vec![figure(100.0)], vec![figure(10.0)], vec![figure(50.0)]];
        assert_eq!(rates.speed(0, 2, Report::LIBZMQ), Some(5.0));
        assert_eq!(rates.speed(0, 2, Report::BARE), Some(0.5));
        let mut times = report("req-rep/tcp");
        times.results[0] = vec![vec![figure(5.0)], vec![figure(20.0)], vec![figure(10.0)]];
        assert_eq!(times.speed(0, 2, Report::LIBZMQ), Some(2.0));
        assert_eq!(times.speed(0, 2, Report::BARE), Some(0.5));
    }

    #[test]
    fn a_failed_round_is_shown_and_makes_the_report_incomplete() {
        let mut report = report("req-rep/ipc");
        report.results[0] = vec![
            vec![figure(5.0)],
            vec![figure(20.0), Err(Fault::new("hung"))],
            vec![Err(Fault::new("lost"))],
        ];
        let table = report.table();
        assert!(table.contains("!20.0 us") && table.contains("failed"), "{table}");
        assert!(table.contains("req-rep/ipc, libzmq, round 2: hung"), "{table}");
        assert!(!report.complete());
        assert!(report.json(&[]).contains(r#""rounds": [20, "hung"]"#));
    }

    #[test]
    fn strings_of_json_are_escaped() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }
}

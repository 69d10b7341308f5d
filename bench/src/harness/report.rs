//! The table and the list that say what the rounds found.

use std::fmt;

use serde::Serialize;

use super::rounds::Outcome;
use super::statistics::Summary;

/// The subject all others are rivals of.
pub(crate) const OURS: &str = "vitte";

/// Whether this is somebody else; `vitte-mpsc` is ours, done another way.
fn is_rival(subject: &str) -> bool {
    !subject.starts_with(OURS)
}

/// One cell's figures, as the JSON list holds them.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) subject: &'static str,
    pub(crate) workers: usize,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// How many runs the figures are taken from.
    pub(crate) runs: usize,
    /// The largest of the runs' peaks.
    pub(crate) peak_rss_bytes: u64,
    /// Whether every run was disturbed; for the table alone.
    #[serde(skip)]
    pub(crate) noisy: bool,
}

/// What is known of all cells.
#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<Row>,
    failures: Vec<String>,
}

impl Report {
    /// Sums up the outcomes.
    pub(crate) fn new(outcomes: &[Outcome]) -> Self {
        let rows = outcomes.iter().filter_map(row).collect();
        let failed = |outcome: &Outcome| {
            let (cell, failure) = (&outcome.cell, outcome.failure.as_ref()?);
            let (workload, subject) = (&cell.workload.name, cell.subject_name());
            Some(format!(
                "{workload}, {subject}, {} workers: {failure}",
                cell.workers
            ))
        };
        Self {
            rows,
            failures: outcomes.iter().filter_map(failed).collect(),
        }
    }

    /// The figures, in the order of the table.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether no cell failed.
    pub(crate) fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }

    /// The rows measured under the same conditions as `row`.
    fn beside<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Row> {
        let same = |it: &&Row| it.workload == row.workload && it.workers == row.workers;
        self.rows.iter().filter(same)
    }

    fn ratio_to_best_rival(&self, row: &Row) -> Option<f64> {
        let rivals = self.beside(row).filter(|it| is_rival(it.subject));
        let best = rivals.map(|it| it.median).min_by(f64::total_cmp)?;
        Some(row.median / best)
    }

    fn ours_to_this(&self, row: &Row) -> Option<f64> {
        let ours = self.beside(row).find(|it| it.subject == OURS)?;
        (row.subject != OURS).then(|| ours.median / row.median)
    }
}

fn row(outcome: &Outcome) -> Option<Row> {
    let noisy = outcome.quiet.is_empty();
    let runs = if noisy {
        &outcome.noisy
    } else {
        &outcome.quiet
    };
    let values: Vec<f64> = runs.iter().map(|told| told.line.value).collect();
    let Summary { median, min, max } = Summary::of(&values)?;
    Some(Row {
        workload: outcome.cell.workload.name.clone(),
        subject: outcome.cell.subject_name(),
        workers: outcome.cell.workers,
        unit: outcome.cell.workload.unit,
        median,
        min,
        max,
        runs: runs.len(),
        peak_rss_bytes: runs
            .iter()
            .map(|told| told.line.peak_rss_bytes)
            .max()
            .unwrap_or(0),
        noisy,
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22} {:>2} {:<18} {:>10} {:>10} {:>10} {:<2} {:>8} {:>8} {:>9} {:>4}",
            "workload",
            "w",
            "subject",
            "median",
            "min",
            "max",
            "",
            "/best",
            "vitte/it",
            "peak MiB",
            "runs",
        )?;
        let mut previous: Option<&Row> = None;
        for row in &self.rows {
            let same =
                previous.is_some_and(|it| it.workload == row.workload && it.workers == row.workers);
            if !same && previous.is_some() {
                writeln!(f)?;
            }
            previous = Some(row);
            writeln!(
                f,
                "{:<22} {:>2} {:<18} {:>10} {:>10} {:>10} {:<2} {:>8} {:>8} {:>9.1} {:>4}{}",
                if same { "" } else { &row.workload },
                if same {
                    String::new()
                } else {
                    row.workers.to_string()
                },
                row.subject,
                figure(row.median),
                figure(row.min),
                figure(row.max),
                row.unit,
                ratio(self.ratio_to_best_rival(row)),
                ratio(self.ours_to_this(row)),
                row.peak_rss_bytes as f64 / f64::from(1 << 20),
                row.runs,
                if row.noisy { " noisy" } else { "" },
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "failed: {failure}")?;
        }
        Ok(())
    }
}

/// Four digits or so, whatever the size.
pub(crate) fn figure(value: f64) -> String {
    match value {
        ..100.0 => format!("{value:.2}"),
        100.0..1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn ratio(value: Option<f64>) -> String {
    match value {
        Some(value) if value < 100.0 => format!("{value:.3}"),
        Some(value) => format!("{value:.0}"),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &'static str, workers: usize, median: f64) -> Row {
        Row {
            workload: "yield".to_owned(),
            subject,
            workers,
            unit: "ns",
            median,
            min: median,
            max: median,
            runs: 1,
            peak_rss_bytes: 1 << 20,
            noisy: false,
        }
    }

    fn report() -> Report {
        let rows = vec![
            row("vitte", 1, 8.0),
            row("may", 1, 32.0),
            row("go", 1, 80.0),
            row("go", 2, 4.0),
            row("vitte-mpsc", 2, 2.0),
        ];
        Report {
            rows,
            failures: Vec::new(),
        }
    }

    #[test]
    fn ratios_compare_with_the_best_rival_at_the_same_number_of_workers() {
        let report = report();
        let ratios: Vec<_> = report
            .rows
            .iter()
            .map(|row| report.ratio_to_best_rival(row))
            .collect();
        let best = [0.25, 1.0, 2.5, 1.0, 0.5].map(Some);
        assert_eq!(ratios, best, "ours done another way is no rival");
    }

    #[test]
    fn each_rival_shows_ours_divided_by_it() {
        let report = report();
        let ratios: Vec<_> = report
            .rows
            .iter()
            .map(|row| report.ours_to_this(row))
            .collect();
        assert_eq!(ratios, [None, Some(0.25), Some(0.1), None, None]);
    }

    #[test]
    fn the_list_has_the_promised_keys_and_no_others() {
        let list = serde_json::to_value(report().rows()).expect("rows are plain data");
        let keys: Vec<&String> = list[0].as_object().expect("an object").keys().collect();
        let mut promised = [
            "workload",
            "subject",
            "workers",
            "unit",
            "median",
            "min",
            "max",
            "runs",
            "peak_rss_bytes",
        ];
        promised.sort_unstable();
        let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, promised);
    }

    #[test]
    fn a_failure_is_said_below_the_table() {
        let failures = vec!["yield, may, 1 workers: killed after 120 s".to_owned()];
        let report = Report {
            rows: Vec::new(),
            failures,
        };
        assert!(!report.is_complete());
        assert!(
            report
                .to_string()
                .ends_with("failed: yield, may, 1 workers: killed after 120 s\n")
        );
    }
}

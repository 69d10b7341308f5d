//! The project's goals, and the table that says which of them a report reaches.

use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::report::{OURS, figure};

/// One figure to reach.
#[derive(Debug)]
struct Goal {
    workload: &'static str,
    workers: usize,
    /// By whose figure ours is divided; where there is nobody, ours itself is what counts.
    rival: Option<&'static str>,
    at_most: f64,
    /// Of `at_most`, where ours itself is what counts.
    unit: &'static str,
}

const fn against(
    rival: &'static str,
    workload: &'static str,
    workers: usize,
    at_most: f64,
) -> Goal {
    Goal {
        workload,
        workers,
        rival: Some(rival),
        at_most,
        unit: "",
    }
}

const fn alone(workload: &'static str, workers: usize, at_most: f64, unit: &'static str) -> Goal {
    Goal {
        workload,
        workers,
        rival: None,
        at_most,
        unit,
    }
}

const GOALS: &[Goal] = &[
    // Tasks.
    against("may", "yield", 1, 0.45),
    against("go", "yield", 1, 0.2),
    against("tokio", "spawn_join", 1, 0.1),
    against("rayon", "spawn_bulk", 2, 0.9),
    against("tokio", "fib_spawn", 2, 0.05),
    against("rayon", "skynet_spawn", 2, 0.5),
    against("rayon", "spawn_join", 2, 0.5),
    against("chili", "fib_join", 1, 1.0),
    against("chili", "fib_join", 2, 1.0),
    against("rayon", "fib_join", 2, 0.35),
    against("chili", "skynet_join", 2, 1.0),
    against("tokio", "park_pingpong", 1, 0.4),
    against("tokio", "park_pingpong", 2, 0.4),
    against("tokio", "parked_wake", 1, 1.0),
    alone("parked_bytes", 1, 4600.0, "B"),
    // Channels between fibers.
    against("kanal", "channel_pingpong", 1, 0.5),
    against("kanal", "fiber_spsc_128", 1, 0.7),
    against("kanal", "fiber_spsc_128", 2, 0.7),
    against("kanal", "fiber_mpsc_128", 2, 1.0),
    against("kanal", "fiber_spsc_unbounded", 1, 1.0),
    against("kanal", "fiber_spsc_unbounded", 2, 1.0),
    against("kanal", "fiber_mpsc_unbounded", 2, 1.0),
    against("kanal", "fiber_spsc_1", 1, 0.8),
    against("kanal", "fiber_spsc_1", 2, 0.8),
    against("kanal", "fiber_spsc_0", 1, 0.8),
    against("kanal", "fiber_spsc_0", 2, 0.8),
    against("tokio", "broadcast_4", 1, 0.6),
    against("tokio", "broadcast_4", 2, 0.6),
    // Connections: rates of 1.05 are times of 0.952.
    against("tokio", "echo_100", 2, 0.952),
    against("tokio", "echo_1000", 2, 0.952),
    against("tokio", "echo_p99_100", 2, 1.0),
    against("tokio", "echo_p99_1000", 2, 1.0),
    // Time.
    alone("timers_p50", 2, 150.0, "us"),
    against("tokio", "timers_cpu", 2, 1.0),
    alone("sleepers_p50", 2, 150.0, "us"),
    against("tokio", "sleepers_cpu", 2, 1.0),
    alone("timeout_cancel", 1, 40.0, "ns"),
    // What generated code and foreign code pay.
    alone("poll", 1, 0.5, "ns"),
    alone("native_region", 1, 12.0, "ns"),
    alone("blocked_delay", 2, 20.0, "ms"),
    // Two slices.
    alone("priority_p99", 2, 20_000.0, "us"),
    // Channels between threads.
    against("crossbeam-channel", "thread_spsc_128", 2, 0.5),
    against("crossbeam-channel", "thread_spsc_try", 2, 0.5),
    against("rtrb", "thread_spsc_try", 2, 2.0),
    against("kanal", "thread_mpsc_128", 5, 1.0),
    against("kanal", "thread_mpsc_unbounded", 5, 1.0),
    against("kanal", "thread_spsc_0", 2, 1.0),
    // Locks.
    against("parking_lot", "mutex", 1, 1.05),
    against("parking_lot", "mutex_contended", 2, 1.0),
    against("tokio", "fiber_mutex", 1, 0.3),
    against("tokio", "fiber_mutex", 2, 0.3),
];

/// What of a report's row a goal is about.
#[derive(Debug, Deserialize)]
struct Measured {
    workload: String,
    subject: String,
    workers: usize,
    unit: String,
    median: f64,
}

impl Measured {
    fn shown(found: Option<&Self>) -> String {
        found.map_or_else(
            || "not measured yet".to_owned(),
            |it| format!("{} {}", figure(it.median), it.unit),
        )
    }
}

/// A table in Markdown, with a row for every goal.
#[derive(Debug)]
pub(crate) struct Table {
    measured: Vec<Measured>,
}

impl Table {
    /// Takes the figures from a report, which is the text that `--json` writes.
    ///
    /// # Errors
    ///
    /// When it is not such a report.
    pub(crate) fn of(report: &str) -> Result<Self> {
        let measured = serde_json::from_str(report).context("this is no report of figures")?;
        Ok(Self { measured })
    }

    fn find(&self, goal: &Goal, subject: &str) -> Option<&Measured> {
        self.measured.iter().find(|it| {
            it.workload == goal.workload && it.workers == goal.workers && it.subject == subject
        })
    }

    fn row(&self, goal: &Goal) -> String {
        let ours = self.find(goal, OURS);
        let theirs = goal.rival.and_then(|rival| self.find(goal, rival));
        let ratio = ours
            .zip(theirs)
            .map(|(ours, theirs)| ours.median / theirs.median);
        let reached = match goal.rival {
            Some(_) => ratio,
            None => ours.map(|ours| ours.median),
        };
        let verdict = match reached {
            Some(reached) if reached <= goal.at_most => " met",
            Some(_) => " missed",
            None => "",
        };
        let (rival, theirs) = match goal.rival {
            Some(rival) => (rival, Measured::shown(theirs)),
            None => ("", String::new()),
        };
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"));
        format!(
            "| `{}` | {} | {} | {rival} | {theirs} | {ratio} | {}{verdict} |",
            goal.workload,
            goal.workers,
            Measured::shown(ours),
            bound(goal),
        )
    }
}

/// What is to be reached: a ratio, or a figure with its unit.
fn bound(goal: &Goal) -> String {
    match goal.rival {
        // As in the list above: a whole number has its `.0`.
        Some(_) => format!("{:?}", goal.at_most),
        None => format!("{} {}", goal.at_most, goal.unit),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| workload | workers | ours | against | theirs | ratio | goal |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for goal in GOALS {
            writeln!(f, "{}", self.row(goal))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads;

    fn rows(report: &str) -> Vec<String> {
        let table = Table::of(report).expect("a report").to_string();
        table.lines().map(ToOwned::to_owned).collect()
    }

    fn figures(workload: &str, workers: usize, unit: &str, medians: &[(&str, f64)]) -> String {
        let row = |(subject, median): &(&str, f64)| {
            serde_json::json!({
                "workload": workload, "subject": subject, "workers": workers,
                "unit": unit, "median": median, "runs": 3,
            })
        };
        serde_json::Value::from_iter(medians.iter().map(row)).to_string()
    }

    #[test]
    fn a_ratio_at_its_bound_is_met_and_one_above_it_is_missed() {
        let report = figures(
            "yield",
            1,
            "ns",
            &[("vitte", 18.0), ("may", 40.0), ("go", 75.0)],
        );
        let rows = rows(&report);
        assert!(rows.contains(
            &"| `yield` | 1 | 18.00 ns | may | 40.00 ns | 0.450 | 0.45 met |".to_owned()
        ));
        assert!(rows.contains(
            &"| `yield` | 1 | 18.00 ns | go | 75.00 ns | 0.240 | 0.2 missed |".to_owned()
        ));
    }

    #[test]
    fn a_goal_without_a_rival_is_about_our_own_figure() {
        for (bytes, said) in [(4600.0, "4600 B met"), (4601.0, "4600 B missed")] {
            let report = figures("parked_bytes", 1, "B", &[("vitte", bytes), ("tokio", 1.0)]);
            let row = format!("| `parked_bytes` | 1 | {bytes} B |  |  |  | {said} |");
            assert!(rows(&report).contains(&row), "{row}");
        }
    }

    #[test]
    fn another_number_of_workers_is_another_figure() {
        let report = figures("yield", 2, "ns", &[("vitte", 18.0), ("may", 40.0)]);
        assert_eq!(rows(&report), rows("[]"));
    }

    #[test]
    fn a_goal_that_lacks_a_figure_is_neither_met_nor_missed() {
        let rows = rows(&figures("mutex", 1, "ns", &[("vitte", 9.0)]));
        let row = "| `mutex` | 1 | 9.00 ns | parking_lot | not measured yet |  | 1.05 |";
        assert!(rows.contains(&row.to_owned()), "{rows:?}");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(Table::of("{}").is_err());
        assert!(Table::of("[{\"workload\": \"yield\"}]").is_err());
    }

    #[test]
    fn every_goal_is_about_cells_that_exist() {
        let all = workloads::all();
        for goal in GOALS {
            let workload = all.iter().find(|it| it.name == goal.workload);
            let workload = workload.unwrap_or_else(|| panic!("{goal:?}"));
            assert!(workload.workers.contains(&goal.workers), "{goal:?}");
            let named = |name: &str| workload.subjects.iter().any(|it| it.name == name);
            assert!(goal.rival.is_none_or(named), "{goal:?}");
        }
    }

    #[test]
    fn every_goal_has_a_row_in_the_readme() {
        let readme = include_str!("../../README.md");
        for goal in GOALS {
            let found = readme.lines().any(|line| {
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                let [_, workload, workers, _, rival, _, _, said, _] = cells[..] else {
                    return false;
                };
                let said = said.trim_end_matches(" met").trim_end_matches(" missed");
                // A mark behind the name says of which run the row is.
                workload.split(' ').next() == Some(&format!("`{}`", goal.workload))
                    && workers == goal.workers.to_string()
                    && rival == goal.rival.unwrap_or_default()
                    && said == bound(goal)
            });
            assert!(found, "{goal:?} is missing from bench/README.md");
        }
    }
}

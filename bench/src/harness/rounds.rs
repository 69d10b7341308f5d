//! Rounds: every cell once a round, so that whatever drifts on the machine drifts for all of them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::plan::Planned;
use super::process::{self, Told};
use crate::subjects::go;
use crate::workloads::{Run, Size};

/// How often a run is tried again because others disturbed it.
const REPEATS: u32 = 2;

/// What bounds the whole.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) rounds: u32,
    pub(crate) timeout: Duration,
    /// The share of its wall time others may use in a run that counts.
    pub(crate) noise: f64,
}

/// A cell and what became of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) cell: Planned,
    /// Runs nobody disturbed.
    pub(crate) quiet: Vec<Told>,
    /// Runs that were disturbed at every attempt; they count only where there is no quiet one.
    pub(crate) noisy: Vec<Told>,
    /// Why it has no more runs than it has.
    pub(crate) failure: Option<String>,
}

/// Runs all cells, `limits.rounds` times each.
///
/// A cell that fails once is not tried again. Where Go is missing its cells are left out, and a line says so.
///
/// # Errors
///
/// When this program cannot find itself.
pub(crate) fn run(cells: Vec<Planned>, size: Size, limits: &Limits) -> Result<Vec<Outcome>> {
    let program = std::env::current_exe().context("find this program")?;
    let (go_program, cells) = with_or_without_go(cells);
    let mut outcomes: Vec<Outcome> = cells
        .into_iter()
        .map(|cell| Outcome {
            cell,
            quiet: Vec::new(),
            noisy: Vec::new(),
            failure: None,
        })
        .collect();
    for round in 1..=limits.rounds {
        eprintln!(
            "round {round} of {}: {} cells",
            limits.rounds,
            outcomes.len()
        );
        for outcome in outcomes
            .iter_mut()
            .filter(|outcome| outcome.failure.is_none())
        {
            let command = || match (
                &outcome.cell.workload.subjects[outcome.cell.subject].run,
                &go_program,
            ) {
                (Run::Go, Some(go_program)) => go::command(go_program, &outcome.cell, size),
                _ => command(&program, &outcome.cell, size),
            };
            match undisturbed(command, limits) {
                Ok(Attempt { told, quiet: true }) => outcome.quiet.push(told),
                Ok(Attempt { told, quiet: false }) => outcome.noisy.push(told),
                Err(error) => {
                    let cell = &outcome.cell;
                    let (workload, subject) = (&cell.workload.name, cell.subject_name());
                    eprintln!("{workload}, {subject}, {} workers: {error:#}", cell.workers);
                    outcome.failure = Some(format!("{error:#}"));
                }
            }
        }
    }
    Ok(outcomes)
}

fn with_or_without_go(mut cells: Vec<Planned>) -> (Option<PathBuf>, Vec<Planned>) {
    let is_go = |cell: &Planned| cell.subject_name() == go::NAME;
    if !cells.iter().any(is_go) {
        return (None, cells);
    }
    match go::build() {
        Ok(program) => (Some(program), cells),
        Err(reason) => {
            eprintln!("go is left out: {reason:#}");
            cells.retain(|cell| !is_go(cell));
            (None, cells)
        }
    }
}

fn command(program: &PathBuf, cell: &Planned, size: Size) -> Command {
    let mut command = Command::new(program);
    command.args(["--child", &cell.workload.name, cell.subject_name()]);
    command.arg(cell.workers.to_string());
    command.args(["--parked", &size.parked.to_string()]);
    if size.quick {
        command.arg("--quick");
    }
    command
}

struct Attempt {
    told: Told,
    quiet: bool,
}

/// Runs until nobody disturbs, a bounded number of times; of disturbed runs the least disturbed is kept.
fn undisturbed(command: impl Fn() -> Command, limits: &Limits) -> Result<Attempt> {
    let disturbance = |told: &Told| told.others.unwrap_or(0.0);
    let mut kept: Option<Told> = None;
    for _ in 0..=REPEATS {
        let told = process::run(&mut command(), limits.timeout)?;
        if disturbance(&told) <= limits.noise {
            return Ok(Attempt { told, quiet: true });
        }
        if kept.is_none_or(|kept| disturbance(&told) < disturbance(&kept)) {
            kept = Some(told);
        }
    }
    let told = kept.context("at least one run was made")?;
    Ok(Attempt { told, quiet: false })
}

//! The command line: choose cells, run them in rounds, print the report.
#![deny(unsafe_code)]

mod harness;
mod subjects;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

use harness::child;
use harness::goals;
use harness::machine::Machine;
use harness::plan::{self, Choice};
use harness::report::Report;
use harness::rounds::{self, Limits};

/// Measures the library and its rivals side by side, each cell in a process of its own.
#[derive(Debug, Parser)]
#[command(name = "vitte-bench", version)]
struct Args {
    /// Workloads to run; `fiber_spsc_N` names all of that family.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,

    /// Subjects to run (`vitte`, `tokio`, `go`, ...).
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    subjects: Vec<String>,

    /// Worker counts to run, of those a workload defines.
    #[arg(long, value_delimiter = ',', value_name = "COUNTS")]
    workers: Vec<usize>,

    /// Runs of every cell, interleaved.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Write the figures to FILE.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Print, as a table in Markdown, which goals the figures in FILE reach (see --json), and stop.
    #[arg(long, value_name = "FILE")]
    goals: Option<PathBuf>,

    /// Print the chosen cells and stop.
    #[arg(long)]
    list: bool,

    /// Smaller sizes: shows that everything runs, and is no measurement.
    #[arg(long)]
    quick: bool,

    /// Fibers in the `parked_*` workloads; 1,000,000 unless told, 20,000 with --quick.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    parked: Option<u64>,

    /// Seconds after which a run is killed and its cell reported as failed.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,

    /// Repeat a run when other processes used more than this share of its wall time.
    #[arg(long, default_value_t = 10.0, value_name = "PERCENT")]
    noise: f64,

    /// Run one cell here and print its figure: how this program calls itself.
    #[arg(long, hide = true, num_args = 3, value_names = ["WORKLOAD", "SUBJECT", "WORKERS"])]
    child: Option<Vec<String>>,
}

impl Args {
    fn size(&self) -> workloads::Size {
        let parked = if self.quick { 20_000 } else { 1_000_000 };
        workloads::Size {
            quick: self.quick,
            parked: self.parked.unwrap_or(parked),
        }
    }
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let size = args.size();
    if let Some(cell) = &args.child {
        let [workload, subject, workers] = cell.as_slice() else {
            anyhow::bail!("--child takes a workload, a subject and a number of workers");
        };
        let workers = workers.parse().context("the number of workers")?;
        child::run(workload, subject, workers, size)?;
        return Ok(ExitCode::SUCCESS);
    }

    if let Some(file) = &args.goals {
        let named = || file.display().to_string();
        let report = std::fs::read_to_string(file).with_context(named)?;
        print!("{}", goals::Table::of(&report).with_context(named)?);
        return Ok(ExitCode::SUCCESS);
    }

    let choice = Choice {
        only: &args.only,
        subjects: &args.subjects,
        workers: &args.workers,
    };
    let cells = plan::choose(workloads::all(), &choice)?;
    if args.list {
        plan::print(&cells);
        return Ok(ExitCode::SUCCESS);
    }

    let limits = Limits {
        rounds: args.rounds,
        timeout: Duration::from_secs(args.timeout),
        noise: args.noise / 100.0,
    };
    let outcomes = rounds::run(cells, size, &limits)?;
    let report = Report::new(&outcomes);
    print!("{}{report}", Machine::describe());
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(report.rows())?;
        std::fs::write(file, text + "\n").with_context(|| file.display().to_string())?;
    }
    Ok(if report.is_complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

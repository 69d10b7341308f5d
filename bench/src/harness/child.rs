//! One cell in this process: run the body, print one line, leave.

use std::io::Write as _;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::memory;
use crate::workloads::{self, Cell, Run, Size};

/// What a child prints on its last line. The Go program prints the same.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The figure, in the workload's unit.
    pub(crate) value: f64,
    /// The most memory that was resident at once, in bytes.
    pub(crate) peak_rss_bytes: u64,
}

/// Measures one cell and ends the process, without tearing down the runtime that was measured.
pub(crate) fn run(workload: &str, subject: &str, workers: usize, size: Size) -> Result<()> {
    let all = workloads::all();
    let workload = all
        .iter()
        .find(|candidate| candidate.name == workload)
        .with_context(|| format!("no workload {workload}"))?;
    let subject = workload
        .subjects
        .iter()
        .find(|candidate| candidate.name == subject)
        .with_context(|| format!("no subject {subject} in {}", workload.name))?;
    let Run::Here(body) = &subject.run else {
        bail!("{} runs in a program of its own", subject.name);
    };
    let value = body(&Cell { workers, size });
    let line = Line {
        value,
        peak_rss_bytes: memory::peak_rss(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&line)?)?;
    out.flush()?;
    std::process::exit(0);
}

//! Go: a program of the same workloads, built where `go` is installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::harness::plan::Planned;
use crate::workloads::Size;

/// Builds the program beside this one and says where it is.
///
/// # Errors
///
/// When there is no `go` on the path, or it refuses the program.
pub(crate) fn build() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals/go");
    let here = std::env::current_exe().context("find this program")?;
    let target = here.parent().context("a program lies in a directory")?;
    let program = target.join(format!("vitte-bench-go{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new("go");
    command
        .arg("build")
        .args([OsStr::new("-o"), program.as_os_str(), OsStr::new(".")])
        .current_dir(source)
        // Whatever is built stays in the target directory, and nothing is fetched.
        .env("GOCACHE", target.join("go-cache"))
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off");
    let output = command.output().context("no go on the path")?;
    if !output.status.success() {
        bail!(
            "go build: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(program)
}

/// The command that runs one cell in the Go program.
pub(crate) fn command(program: &Path, cell: &Planned, size: Size) -> Command {
    let mut command = Command::new(program);
    command.env("GOMAXPROCS", cell.workers.to_string());
    command.args(["-parked", &size.parked.to_string()]);
    if size.quick {
        command.arg("-quick");
    }
    command.arg(&cell.workload.name);
    command
}

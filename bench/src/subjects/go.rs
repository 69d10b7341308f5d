//! Go: a program of the same workloads, built where `go` is installed.
//!
//! Most cells are a run of it. A server's clients are ours, the same for everybody, so there it only serves.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::harness::plan::Planned;
use crate::workloads::Size;

/// What its subjects are called.
pub(crate) const NAME: &str = "go";

/// Builds the program beside this one and says where it is.
///
/// # Errors
///
/// When there is no `go` on the path, or it refuses the program.
pub(crate) fn build() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals/go");
    let program = program()?;
    let target = program.parent().context("a program lies in a directory")?;
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

/// Where the program lies once it is built.
fn program() -> Result<PathBuf> {
    let name = format!("vitte-bench-go{}", std::env::consts::EXE_SUFFIX);
    let here = std::env::current_exe().context("find this program")?;
    Ok(here.with_file_name(name))
}

/// The program as a server, which ends when this is dropped, and when this process ends.
pub(crate) struct Server {
    child: Child,
    /// The server reads it, and leaves at its end.
    stdin: Option<ChildStdin>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the program as the server it calls by that name; it must have been built.
    ///
    /// # Errors
    ///
    /// When it does not start, or does not say where it listens.
    pub(crate) fn start(name: &str, workers: usize) -> Result<Self> {
        let mut command = Command::new(program()?);
        command
            .env("GOMAXPROCS", workers.to_string())
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("start the Go program")?;
        let stdin = child.stdin.take();
        let said = child.stdout.take().context("its output was piped")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let address = line.trim().parse();
        let address = address.with_context(|| format!("no address: {line:?}"))?;
        Ok(Self {
            child,
            stdin,
            address,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // One that was not there any more has served nobody, which the client noticed.
        let _ = self.child.wait();
    }
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

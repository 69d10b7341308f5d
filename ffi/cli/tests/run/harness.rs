//! Runs the command on a script, with a watchdog: a test that hangs fails, and leaves no process
//! behind.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Generous: a loaded machine is no failure.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Fails the test unless the script ended well and printed exactly this.
    #[track_caller]
    pub(crate) fn printed(&self, expected: &str) {
        assert_eq!(
            (self.status.code(), self.out.trim_end()),
            (Some(0), expected),
            "{self:?}"
        );
    }

    /// Fails the test unless the script ended with this code and its last words contain these.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, words: &str) {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        assert!(self.err.contains(words), "{words:?} is not in {self:?}");
    }
}

/// The command, without arguments.
pub(crate) fn vitte() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vitte"))
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Writes a script to a file of its own.
pub(crate) fn script(source: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = scratch(&format!("script-{}-{n}.lua", std::process::id()));
    std::fs::write(&path, source).unwrap();
    path
}

/// A path in the directory that cargo gives to tests.
pub(crate) fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs a script on two workers.
#[track_caller]
pub(crate) fn lua(source: &str) -> Ran {
    lua_with(&["--workers", "2"], source, &[])
}

/// Runs a script with flags and arguments.
#[track_caller]
pub(crate) fn lua_with(flags: &[&str], source: &str, args: &[&str]) -> Ran {
    let path = script(source);
    let ran = finish(vitte().arg("run").args(flags).arg(&path).args(args));
    let _ = std::fs::remove_file(path);
    ran
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Ran {
    end(start(command), Instant::now())
}

/// Starts a command with its output captured.
pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts")
}

/// Waits for a started command.
#[track_caller]
pub(crate) fn end(mut child: Child, began: Instant) -> Ran {
    drop(child.stdin.take());
    let out = collect(child.stdout.take());
    let err = collect(child.stderr.take());
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        if began.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            let (out, err) = (out.join(), err.join());
            panic!("the command hangs; it wrote {out:?} and {err:?}");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let (out, err) = (out.join().unwrap(), err.join().unwrap());
    Ran { status, out, err }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits until a running command has written this line.
#[track_caller]
pub(crate) fn wait_for_line(child: &mut Child, line: &str) {
    let began = Instant::now();
    let out = child.stdout.as_mut().expect("captured");
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while began.elapsed() < LIMIT && out.read(&mut byte).is_ok_and(|n| n == 1) {
        seen.push(byte[0]);
        if seen.ends_with(format!("{line}\n").as_bytes()) {
            return;
        }
    }
    let _ = child.kill();
    panic!(
        "{line:?} did not come; {:?} did",
        String::from_utf8_lossy(&seen)
    );
}

/// Sends a signal to a running command.
pub(crate) fn signal(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).expect("a process id");
    // SAFETY: `kill` has no memory effects; the child is ours and was not waited for yet.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// Gives a running command something to read.
pub(crate) fn write_to(child: &mut Child, text: &str) {
    child
        .stdin
        .as_mut()
        .expect("captured")
        .write_all(text.as_bytes())
        .unwrap();
}

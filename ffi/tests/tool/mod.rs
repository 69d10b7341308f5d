//! Compilers, and programs that do not run for ever.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::{
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Nothing here takes a second; a machine may be slow all the same.
const LIMIT: Duration = Duration::from_secs(120);

/// A place for something made by a test.
pub(crate) fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The compiler `cc` or `c++` (or what `CC` or `CXX` say), for `standard`, tolerating nothing.
pub(crate) fn compiler(name: &str, standard: &str) -> Command {
    let variable = if name == "cc" { "CC" } else { "CXX" };
    let program = std::env::var_os(variable);
    let mut command = Command::new(program.as_deref().unwrap_or(OsStr::new(name)));
    command.arg(format!("-std={standard}"));
    command.args(["-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    command
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    command
}

/// Runs a program to its end, which must be a success, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let collect = |mut from: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            from.read_to_end(&mut text)
                .map(|_| String::from_utf8_lossy(&text).into_owned())
        })
    };
    let out = collect(Box::new(child.stdout.take().expect("piped")));
    let err = collect(Box::new(child.stderr.take().expect("piped")));
    let begin = Instant::now();
    let status = loop {
        match child.try_wait().expect("the child is ours") {
            Some(status) => break status,
            None if begin.elapsed() > LIMIT => {
                child.kill().expect("the child is ours");
                let status = child.wait().expect("the child is ours");
                eprintln!("{command:?} was killed after {LIMIT:?}");
                break status;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let out = out.join().expect("a reader").expect("a pipe can be read");
    let err = err.join().expect("a reader").expect("a pipe can be read");
    assert!(status.success(), "{command:?}: {status}\n{out}{err}");
    out
}

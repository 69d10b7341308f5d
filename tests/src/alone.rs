//! Tests that count what the whole process has, and so must be alone in theirs.

use std::{env, fs, process::Command};

/// Says that the process is the one that was started for a test.
const ALONE: &str = "VITTE_TEST_ALONE";

/// Whether this process does nothing but the test of this name (its modules included), so that its descriptors and
/// threads can be counted. If not, such a process has done it when this returns.
///
/// # Panics
/// If the test has failed there.
#[must_use]
pub fn is_alone(test: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return true;
    }
    let ended = env::current_exe().and_then(|program| {
        let mut program = Command::new(program);
        program.args(["--exact", test, "--nocapture"]);
        program.env(ALONE, "1").output()
    });
    let ended = ended.unwrap_or_else(|error| panic!("`{test}` got no process: {error}"));
    let said = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    let passed = ended.status.success() && said.contains("1 passed");
    assert!(passed, "{test}: {}\n{said}\n{errors}", ended.status);
    false
}

/// How many descriptors the process has open; 0 where the system does not list them.
#[must_use]
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

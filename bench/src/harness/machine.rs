//! Where and with what a report was made: figures without this mean little.

use std::fmt::Write as _;
use std::process::Command;

/// Packages whose versions the report names, as the lock file spells them.
const RIVALS: [&str; 9] = [
    "tokio",
    "rayon",
    "may",
    "chili",
    "crossbeam-channel",
    "kanal",
    "flume",
    "rtrb",
    "parking_lot",
];

/// The machine and the programs on it.
#[derive(Debug)]
pub(crate) struct Machine;

impl Machine {
    /// A few lines to stand above a table; what cannot be found out is called unknown.
    pub(crate) fn describe() -> String {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let lock = include_str!("../../../Cargo.lock");
        let versions = RIVALS.map(|name| format!("{name} {}", version(lock, name)));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} x {}, kernel {}", cores, processor(), kernel());
        let _ = writeln!(
            text,
            "{}, {}",
            said("rustc", &["--version"]),
            said("go", &["version"])
        );
        let _ = writeln!(text, "{}", versions.join(", "));
        let _ = writeln!(
            text,
            "commit {}, {}\n",
            said("git", &["describe", "--always", "--dirty"]),
            said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        );
        text
    }
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model
        .map_or("unknown processor", |(_, name)| name)
        .to_owned()
}

fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(
        |_| "unknown".to_owned(),
        |release| release.trim().to_owned(),
    )
}

/// The first line a program prints.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok();
    let output = output.filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    let first = text.as_deref().and_then(|text| text.lines().next());
    first.map_or_else(|| format!("{program} unknown"), ToOwned::to_owned)
}

/// The locked version of a package; where several are locked, the newest of them stands last.
fn version<'a>(lock: &'a str, package: &str) -> &'a str {
    let heading = format!("name = \"{package}\"\nversion = \"");
    let rest = lock.rsplit_once(&heading).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split('"').next())
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rival_is_locked_at_a_version() {
        let lock = include_str!("../../../Cargo.lock");
        for rival in RIVALS {
            assert_ne!(version(lock, rival), "unknown", "{rival}");
        }
    }
}

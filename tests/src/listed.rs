//! The threads of this process, as the system lists them.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// What the system says of a thread that has begun to end (`PF_EXITING`).
const ENDS: u64 = 4;

/// How often the list is read, if threads begin and end all the while.
const TRIES: usize = 100;

/// How many threads the process has, those included that have not begun, and so have not taken their names; 0 where the
/// system does not count them.
#[must_use]
pub fn count_threads() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("Threads:"));
    count.map_or(0, |count| count.trim().parse().unwrap_or(0))
}

/// Of every thread the folder in which the system tells of it.
fn folders() -> io::Result<Vec<PathBuf>> {
    let mut listed = Vec::new();
    // Where a thread ends while the system goes along its list, those after it are left out.
    for _ in 0..TRIES {
        let before = count_threads();
        let threads = fs::read_dir("/proc/self/task")?;
        listed = threads.flatten().map(|thread| thread.path()).collect();
        if [before, count_threads()] == [listed.len(); 2] {
            break;
        }
    }
    Ok(listed)
}

/// What a file in such a folder says; nothing if the thread is gone.
fn said(thread: &Path, file: &str) -> String {
    fs::read_to_string(thread.join(file)).unwrap_or_default()
}

/// A line for each thread: its number, name, state, and where in the kernel it sleeps, as far as the system tells.
#[must_use]
pub fn threads() -> String {
    let Ok(folders) = folders() else {
        return "  (this system does not list them)\n".to_owned();
    };
    let mut lines = String::new();
    for thread in folders {
        let status = said(&thread, "status");
        let state = status
            .lines()
            .find_map(|line| line.strip_prefix("State:"))
            .unwrap_or("gone");
        let _ = writeln!(
            lines,
            "  {} {}: {} {}",
            thread.file_name().unwrap_or_default().to_string_lossy(),
            said(&thread, "comm").trim(),
            state.trim(),
            said(&thread, "wchan").trim(),
        );
    }
    lines
}

/// The names of the threads that have not begun to end; nothing where the system does not list them.
///
/// Who was joined has begun to end, but may be listed a moment longer: the system tells the joiner first.
#[must_use]
pub fn live_threads() -> Vec<String> {
    let folders = folders().unwrap_or_default();
    let stats = folders.iter().map(|thread| said(thread, "stat"));
    stats.filter_map(|stat| name_of_living(&stat)).collect()
}

/// From a line of the form `number (name) state parent group session terminal its-group flags ...`.
fn name_of_living(stat: &str) -> Option<String> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let flags: u64 = rest.split(' ').nth(6)?.parse().ok()?;
    (flags & ENDS == 0).then(|| name.to_owned())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::{sync::mpsc::channel, thread};

    fn is_live(name: &str) -> bool {
        live_threads().iter().any(|its| its == name)
    }

    #[test]
    fn a_thread_is_listed_until_it_is_joined_and_no_longer() {
        for _ in 0..2000 {
            let (go, gone) = channel::<()>();
            let (tell, told) = channel();
            let body = move || {
                tell.send(()).unwrap();
                gone.recv().unwrap_err()
            };
            let builder = thread::Builder::new().name("a (live) one".to_owned());
            let thread = builder.spawn(body).unwrap();
            told.recv().unwrap();
            assert!(is_live("a (live) one"));
            drop(go);
            thread.join().unwrap();
            assert!(!is_live("a (live) one"), "it was joined");
        }
    }
}

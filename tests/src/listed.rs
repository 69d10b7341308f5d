//! The threads of this process, as the system lists them.

use std::{collections::BTreeSet, fs};

/// What the system says of a thread that has begun to end (`PF_EXITING`).
const ENDS: u64 = 4;

/// The names of the threads that have not begun to end; nothing where the system does not list them.
///
/// Who was joined has begun to end, but may be listed a moment longer: the system tells the joiner first.
#[must_use]
pub fn live_threads() -> Vec<String> {
    let mut listed = BTreeSet::new();
    // Whose end comes while he is listed may take the next one out of the list.
    for _ in 0..3 {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
        listed.extend(threads.flatten().map(|thread| thread.path()));
    }
    let said = listed
        .iter()
        .filter_map(|thread| fs::read_to_string(thread.join("stat")).ok());
    said.filter_map(|stat| name_of_living(&stat)).collect()
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

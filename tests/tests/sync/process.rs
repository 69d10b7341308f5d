//! Locks between processes. JUCE's `InterProcessLock` succeeded when its file could not be opened, and two of one
//! name in one process did not exclude each other; both are asked for here.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{ProcessLock, ProcessLockError};
use vitte_tests::units::{Units, spawn_known, until_waiting};
use vitte_wait::{Deadline, Reason, StopSource};

const SHORT: Duration = Duration::from_millis(10);
/// Names the file to a child that is to lock it.
const CHILD: &str = "VITTE_TEST_LOCKED_FILE";

/// A file that is removed in the end.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "vitte-test-{}-{}.lock",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        Self(env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) fn two_locks_of_one_file_exclude_each_other<U: Units>() {
    let place = Place::new();
    let (one, two) = (ProcessLock::at(&place.0), ProcessLock::at(&place.0));
    let held = one.lock().unwrap();
    assert!(matches!(one.try_lock(), Err(ProcessLockError::Taken)));
    assert!(matches!(one.lock(), Err(ProcessLockError::Deadlock)));
    assert!(matches!(two.try_lock(), Err(ProcessLockError::Taken)));
    // Closing another file of the same name releases nothing.
    drop(fs::File::open(&place.0).unwrap());
    assert!(matches!(
        two.lock_timeout(SHORT),
        Err(ProcessLockError::TimedOut)
    ));
    drop(held);
    drop(two.lock().unwrap());
    // Not at once: the wait that was given up gets it, too, and lets go of it.
    drop(one.lock().unwrap());
}

pub(crate) fn waits_for_a_file_end_as_others_do<U: Units>() {
    let place = Place::new();
    let (one, two) = (
        ProcessLock::at(&place.0),
        Arc::new(ProcessLock::at(&place.0)),
    );
    let source = StopSource::new();
    let held = one.lock().unwrap();
    let (theirs, token) = (two.clone(), source.token());
    let (tell, told) = vitte_channels::oneshot::channel();
    let (waiter, unit) = spawn_known::<U, _>(move || {
        let stopped = theirs.lock_or_stop(&token);
        assert!(matches!(stopped, Err(ProcessLockError::Stopped)));
        // The thread that waits is used again.
        let timed = theirs.lock_timeout(SHORT);
        assert!(matches!(timed, Err(ProcessLockError::TimedOut)));
        tell.send(()).unwrap();
        drop(theirs.lock().unwrap());
    });
    until_waiting(unit, Reason::Lock);
    source.stop();
    told.recv().unwrap();
    drop(held);
    U::join(waiter);

    let held = one.lock().unwrap();
    let theirs = two.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || theirs.lock().map(drop));
    until_waiting(unit, Reason::Lock);
    unit.cancel();
    assert!(matches!(U::join(waiter), Err(ProcessLockError::Canceled)));
    drop(held);
    // Nobody wants it any more, so the thread that waited lets go of it.
    drop(one.lock().unwrap());
}

pub(crate) fn a_lock_that_cannot_be_had_is_an_error<U: Units>() {
    let nowhere = ProcessLock::at(env::temp_dir().join("vitte-no-such-folder/x.lock"));
    assert!(matches!(nowhere.try_lock(), Err(ProcessLockError::Io(_))));
    assert!(matches!(nowhere.lock(), Err(ProcessLockError::Io(_))));
    // It is not left as if it were held.
    assert!(matches!(
        nowhere.lock_until(Deadline::NOW),
        Err(ProcessLockError::Io(_))
    ));
    for name in ["", "a/b", "../x"] {
        assert!(matches!(
            ProcessLock::named(name),
            Err(ProcessLockError::Io(_))
        ));
    }
    assert!(
        ProcessLock::named("fine")
            .unwrap()
            .path()
            .ends_with("fine.lock")
    );
}

pub(crate) fn a_file_that_was_removed_is_not_waited_for<U: Units>() {
    let place = Place::new();
    let (one, two) = (ProcessLock::at(&place.0), ProcessLock::at(&place.0));
    let held = one.lock().unwrap();
    fs::remove_file(&place.0).unwrap();
    // It locks the file that is there now, or makes one.
    let other = two.lock_timeout(Duration::from_secs(30)).unwrap();
    assert!(place.0.exists());
    drop((held, other));
}

/// This test's program, to be run again as a process that does `what` with the file at `place`.
fn child(what: &str, place: &Place) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["--exact", what, "--nocapture"])
        .env(CHILD, &place.0);
    child
}

/// A process that locks `place` and holds it.
/// What it prints is to be kept, or it cannot print any more.
fn holder(place: &Place) -> (Child, BufReader<ChildStdout>) {
    let mut child = child("process::what_the_child_does", place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let locked = said
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .any(|line| line.contains("locked"));
    assert!(locked, "the child has locked the file");
    (child, said)
}

/// In a child of another test: locks the file that it is told, and holds it until it is killed, or its input ends.
#[test]
fn what_the_child_does() {
    let Some(path) = env::var_os(CHILD) else {
        return;
    };
    let lock = ProcessLock::at(path);
    let _held = lock.try_lock().unwrap();
    println!("locked");
    let _ = std::io::stdin().read(&mut [0]);
}

pub(crate) fn a_holder_that_dies_releases<U: Units>() {
    let place = Place::new();
    let (mut child, _said) = holder(&place);
    let lock = Arc::new(ProcessLock::at(&place.0));
    assert!(matches!(lock.try_lock(), Err(ProcessLockError::Taken)));
    assert!(matches!(
        lock.lock_timeout(SHORT),
        Err(ProcessLockError::TimedOut)
    ));
    let theirs = lock.clone();
    let (waiter, unit) = spawn_known::<U, _>(move || theirs.lock().map(drop));
    until_waiting(unit, Reason::Lock);
    child.kill().unwrap();
    U::join(waiter).unwrap();
    child.wait().unwrap();
    drop(lock.try_lock().unwrap());

    // One that ends in peace does as well.
    let (mut child, mut said) = holder(&place);
    drop(child.stdin.take());
    drop(lock.lock().unwrap());
    said.read_to_end(&mut Vec::new()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Adds one to the number in the file at `path`, `rounds` times, under the lock of that file.
fn count_up(path: &Path, rounds: u32) {
    let lock = ProcessLock::at(path);
    for _ in 0..rounds {
        let _held = lock.lock().unwrap();
        let count = fs::read_to_string(path).unwrap();
        let count = count.parse().unwrap_or(0) + 1;
        fs::write(path, u32::to_string(&count)).unwrap();
    }
}

const ROUNDS: u32 = 100;

/// In a child of another test.
#[test]
fn the_child_counts_up() {
    if let Some(path) = env::var_os(CHILD) {
        count_up(Path::new(&path), ROUNDS);
    }
}

pub(crate) fn two_processes_and_two_units_lose_no_increment<U: Units>() {
    let place = Place::new();
    let children = [(); 2].map(|()| {
        let mut child = child("process::the_child_counts_up", &place);
        child.stdout(Stdio::null()).spawn().unwrap()
    });
    let units = [(); 2].map(|()| {
        let path = place.0.clone();
        U::spawn(move || count_up(&path, ROUNDS))
    });
    for unit in units {
        U::join(unit);
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let count = fs::read_to_string(&place.0).unwrap();
    assert_eq!(count, u32::to_string(&(4 * ROUNDS)));
}

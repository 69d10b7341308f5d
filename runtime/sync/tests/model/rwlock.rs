//! Readers share, writers exclude, and whoever waits is let in.

use crate::check::check;
use vitte_sync::{LockUntilError, RwLock, RwLockReadGuard, RwLockWriteGuard, UpgradeRefused};
use vitte_wait::{
    Deadline, StopSource, StopToken,
    facade::{Arc, thread},
};

#[test]
fn a_writer_excludes_a_reader() {
    check("rwlock, writer and reader", 3, || {
        let pair = Arc::new(RwLock::new((0, 0)));
        let theirs = pair.clone();
        let writer = thread::spawn(move || {
            let mut pair = theirs.write().unwrap();
            pair.0 += 1;
            pair.1 += 1;
        });
        let reader = pair.read().unwrap();
        assert_eq!(reader.0, reader.1);
        drop(reader);
        writer.join().unwrap();
        assert_eq!(*pair.read().unwrap(), (1, 1));
    });
}

#[test]
fn writers_exclude_each_other_among_readers() {
    check("rwlock, two writers and a reader", 1, || {
        let count = Arc::new(RwLock::new(0));
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let count = count.clone();
                thread::spawn(move || *count.write().unwrap() += 1)
            })
            .collect();
        assert!(*count.read().unwrap() <= 2);
        for writer in writers {
            writer.join().unwrap();
        }
        assert_eq!(*count.read().unwrap(), 2);
    });
}

/// One unit reads `count` twice, while another wants to write.
pub(crate) fn read_again(count: RwLock<i32>) {
    let count = Arc::new(count);
    let theirs = count.clone();
    let reader = count.read().unwrap();
    let writer = thread::spawn(move || *theirs.write().unwrap() += 1);
    let again = count.read().unwrap();
    assert_eq!(*reader + *again, 0);
    drop(reader);
    assert_eq!(*again, 0);
    drop(again);
    writer.join().unwrap();
    assert_eq!(*count.read().unwrap(), 1);
}

/// A model has one place for readers, so the second is in the crowd.
#[test]
fn a_reader_enters_again_beside_a_writer_that_waits() {
    check("rwlock, read again", 3, || read_again(RwLock::new(0)));
}

#[test]
fn of_two_upgraders_one_writes_and_the_other_is_told() {
    check("rwlock, two upgraders", 3, || {
        let count = Arc::new(RwLock::new(0));
        let upgrade = |count: &RwLock<u32>| {
            let reader = count.read().unwrap();
            match RwLockReadGuard::upgrade(reader) {
                Ok(mut writer) => {
                    *writer += 1;
                    1
                }
                Err(error) => {
                    assert_eq!(error.why(), UpgradeRefused::Conflict);
                    0
                }
            }
        };
        let theirs = count.clone();
        let other = thread::spawn(move || upgrade(&theirs));
        let done = upgrade(&count) + other.join().unwrap();
        assert!(done >= 1);
        assert_eq!(*count.read().unwrap(), done);
    });
}

#[test]
fn what_a_reader_saw_holds_when_it_has_become_the_writer() {
    check("rwlock, upgrade and writer", 2, || {
        let count = Arc::new(RwLock::new(0));
        let theirs = count.clone();
        let other = thread::spawn(move || *theirs.write().unwrap() += 1);
        let reader = count.read().unwrap();
        let seen = *reader;
        let mut writer = RwLockReadGuard::upgrade(reader).unwrap();
        assert_eq!(*writer, seen);
        *writer += 1;
        let reader = RwLockWriteGuard::downgrade(writer);
        assert_eq!(*reader, seen + 1);
        drop(reader);
        other.join().unwrap();
        assert_eq!(*count.read().unwrap(), 2);
    });
}

/// The modelled clock stands past this, but not so far that nobody waits.
const PAST: Deadline = Deadline::from_nanos(1);

/// A deadline races with the release of a writer: who gives up leaves the lock to others, and who does not has it.
#[test]
fn those_whose_time_is_up_leave_the_lock_to_others() {
    check("rwlock, deadlines", 1, || {
        let count = Arc::new(RwLock::new(0));
        let own = count.write().unwrap();
        let theirs = count.clone();
        let writer = thread::spawn(move || match theirs.write_until(PAST) {
            Ok(mut count) => {
                *count += 1;
                1
            }
            Err(error) => {
                assert_eq!(error, LockUntilError::TimedOut);
                0
            }
        });
        let theirs = count.clone();
        let reader = thread::spawn(move || theirs.read_until(PAST).map_or(0, |count| *count));
        drop(own);
        let added = writer.join().unwrap();
        assert!(reader.join().unwrap() <= added);
        assert_eq!(*count.try_write().unwrap(), added);
    });
}

/// A writer that gives up lets the readers in that waited behind it.
#[test]
fn a_writer_that_is_stopped_lets_in_who_waited_behind_it() {
    check("rwlock, stopped writer", 2, || {
        let count = Arc::new(RwLock::new(0));
        let source = StopSource::new();
        let first = count.read().unwrap();
        let (theirs, token) = (count.clone(), source.token());
        let writer = thread::spawn(move || {
            let ended = theirs.write_with(Deadline::NEVER, Some(&token));
            assert_eq!(ended.unwrap_err(), LockUntilError::Stopped);
        });
        let theirs = count.clone();
        let reader = thread::spawn(move || *theirs.read().unwrap());
        source.stop();
        // The first reader is still inside, so both end by the stop alone.
        writer.join().unwrap();
        assert_eq!(reader.join().unwrap(), 0);
        drop(first);
        assert!(count.try_write().is_ok());
    });
}

/// While somebody reads, `wait` is stopped in the middle of a wait that holds back new readers. From then on it holds back
/// nobody, and not only once all are gone.
fn check_stopped(name: &'static str, preemptions: usize, wait: fn(&RwLock<i32>, &StopToken)) {
    check(name, preemptions, move || {
        let count = Arc::new(RwLock::new(0));
        let source = StopSource::new();
        let first = count.read().unwrap();
        let (theirs, token) = (count.clone(), source.token());
        let waiter = thread::spawn(move || {
            wait(&theirs, &token);
            // The first one reads still, so who is thought to wait would keep this one out.
            assert_eq!(*theirs.try_read().unwrap(), 0);
        });
        source.stop();
        waiter.join().unwrap();
        drop(first);
        assert!(count.try_write().is_ok());
    });
}

#[test]
fn a_writer_that_is_stopped_holds_nobody_back() {
    check_stopped("rwlock, after a stopped writer", 3, |count, token| {
        let ended = count.write_with(Deadline::NEVER, Some(token));
        assert_eq!(ended.unwrap_err(), LockUntilError::Stopped);
    });
}

/// An upgrader that gives up still reads.
#[test]
fn an_upgrader_that_is_stopped_still_reads_and_holds_nobody_back() {
    check_stopped("rwlock, stopped upgrader", 2, |count, token| {
        let reader = count.read().unwrap();
        let refused = RwLockReadGuard::upgrade_or_stop(reader, token).unwrap_err();
        assert_eq!(refused.why(), UpgradeRefused::Stopped);
        assert_eq!(*refused.into_guard(), 0);
    });
}

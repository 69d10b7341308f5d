//! A lock that leans to its readers: a writer finds them all, wherever he comes in between. The pair of fences is an ordinary
//! one here, so what the frequent half orders by the way is not tested.

use crate::{check::check, rwlock::read_again};
use vitte_sync::{RwLock, RwLockReadGuard};
use vitte_wait::facade::{Arc, thread};

fn leaning<T>(value: T) -> RwLock<T> {
    let lock = RwLock::new(value);
    lock.lean();
    lock
}

#[test]
fn a_writer_excludes_readers_that_are_in_rosters() {
    check("leaning, writer and reader", 3, || {
        let pair = Arc::new(leaning((0, 0)));
        let theirs = pair.clone();
        let reader = thread::spawn(move || {
            let pair = theirs.read().unwrap();
            assert_eq!(pair.0, pair.1);
        });
        let mut writer = pair.write().unwrap();
        writer.0 += 1;
        writer.1 += 1;
        drop(writer);
        reader.join().unwrap();
        assert_eq!(*pair.read().unwrap(), (1, 1));
    });
}

#[test]
fn a_writer_that_does_not_wait_excludes_them_too() {
    check("leaning, tries", 3, || {
        let pair = Arc::new(leaning((0, 0)));
        let theirs = pair.clone();
        let writer = thread::spawn(move || {
            if let Ok(mut pair) = theirs.try_write() {
                pair.0 += 1;
                pair.1 += 1;
            }
        });
        if let Ok(pair) = pair.try_read() {
            assert_eq!(pair.0, pair.1);
        }
        writer.join().unwrap();
        // Nobody is inside any more, nor thought to be.
        assert!(pair.try_write().is_ok());
    });
}

/// One of them takes the key back, and the other may be the first to write.
#[test]
fn a_writer_comes_after_readers_whom_another_has_found_gone() {
    check("leaning, two writers", 2, || {
        let count = Arc::new(leaning(0));
        let writers = [(), ()].map(|()| {
            let count = count.clone();
            thread::spawn(move || {
                if let Ok(mut count) = count.try_write() {
                    *count += 1;
                }
            })
        });
        if let Ok(count) = count.try_read() {
            assert!(*count <= 2);
        }
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(count.try_write().is_ok());
    });
}

/// The second reading of the two is in a place, for a roster has one entry in a model.
#[test]
fn a_reader_in_a_roster_enters_again_beside_a_writer_that_waits() {
    check("leaning, read again", 2, || read_again(leaning(0)));
}

#[test]
fn a_reader_in_a_roster_becomes_the_writer() {
    check("leaning, upgrade and reader", 2, || {
        let count = Arc::new(leaning(0));
        let theirs = count.clone();
        let other = thread::spawn(move || *theirs.read().unwrap());
        let reader = count.read().unwrap();
        let mut writer = RwLockReadGuard::upgrade(reader).unwrap();
        assert_eq!(*writer, 0);
        *writer += 1;
        drop(writer);
        assert!(other.join().unwrap() <= 1);
        assert_eq!(*count.try_write().unwrap(), 1);
    });
}

/// The lock leans, is taken for writing, and leans again, while a reader is at it.
#[test]
fn a_reader_is_not_taken_for_one_of_a_later_key() {
    check("leaning, twice", 1, || {
        let pair = Arc::new(leaning((0, 0)));
        let theirs = pair.clone();
        let reader = thread::spawn(move || {
            let pair = theirs.read().unwrap();
            assert_eq!(pair.0, pair.1);
        });
        for _ in 0..2 {
            let mut writer = pair.write().unwrap();
            writer.0 += 1;
            writer.1 += 1;
            drop(writer);
            pair.lean();
        }
        reader.join().unwrap();
        assert_eq!(*pair.try_write().unwrap(), (2, 2));
    });
}

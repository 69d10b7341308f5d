//! Who holds a lock inherits from who waits for it, along a chain, and for no longer than he holds it.

use crate::check::check;
use vitte_sync::{Mutex, MutexGuard, RwLock, WordMutex};
use vitte_wait::{
    AddressTable, Deadline, Priority, StopSource, Unit, current,
    facade::{Arc, thread},
};

/// The calling unit, from now on of that class.
fn of(class: Priority) -> &'static Unit {
    let me = current::unit();
    me.set_class(class);
    me
}

/// Lets others run until the calling unit inherits; for ever if it never does.
fn until_urgent(me: &'static Unit) {
    while me.priority() != Priority::High {
        thread::yield_now();
    }
}

#[test]
fn a_holder_inherits_until_he_releases() {
    for fair in [false, true] {
        check("inheritance, two", 3, move || {
            let lock = Arc::new(Mutex::new(()));
            let me = of(Priority::Low);
            let own = lock.lock().unwrap();
            let theirs = lock.clone();
            let other = thread::spawn(move || {
                let other = of(Priority::High);
                drop(theirs.lock().unwrap());
                other.lifted()
            });
            until_urgent(me);
            if fair {
                MutexGuard::unlock_fair(own);
            } else {
                drop(own);
            }
            assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
            assert_eq!(other.join().unwrap(), None);
        });
    }
}

/// The one in the middle is lifted before it waits, while it waits, or not any more.
#[test]
fn a_chain_of_holders_inherits() {
    check("inheritance, three", 2, || {
        let (first, second) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let me = of(Priority::Low);
        let own = first.lock().unwrap();
        let theirs = first.clone();
        let middle = thread::spawn(move || {
            let me = of(Priority::Normal);
            let outer = second.lock().unwrap();
            let last = second.clone();
            let urgent = thread::spawn(move || {
                of(Priority::High);
                drop(last.lock().unwrap());
            });
            drop(theirs.lock().unwrap());
            drop(outer);
            urgent.join().unwrap();
            (me.priority(), me.lifted())
        });
        until_urgent(me);
        drop(own);
        assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
        assert_eq!(middle.join().unwrap(), (Priority::Normal, None));
    });
}

/// Lending races with the release, and with a stop: what was lent is always taken back.
#[test]
fn nothing_stays_lent() {
    check("inheritance, stopped", 3, || {
        let lock = Arc::new(Mutex::new(()));
        let me = of(Priority::Low);
        let source = StopSource::new();
        let own = lock.lock().unwrap();
        let (theirs, token) = (lock.clone(), source.token());
        let other = thread::spawn(move || {
            of(Priority::High);
            drop(theirs.lock_with(Deadline::NEVER, Some(&token)));
        });
        source.stop();
        drop(own);
        // Who gives up takes back what he lent himself, and nothing orders that before this.
        other.join().unwrap();
        assert_eq!(me.lifted(), None);
        // And the lock is as it was.
        drop(lock.lock().unwrap());
        assert_eq!(me.lifted(), None);
    });
}

/// Of two who wait one gives up, and takes back only what the other does not lend, while the holder holds on.
#[test]
fn who_gives_up_takes_back_what_nobody_else_lends() {
    check("inheritance, given up", 2, || {
        let lock = Arc::new(Mutex::new(()));
        let me = of(Priority::Low);
        let sources = [StopSource::new(), StopSource::new()];
        let own = lock.lock().unwrap();
        let others = [Priority::High, Priority::Normal].map(|class| {
            let (theirs, token) = (
                lock.clone(),
                sources[usize::from(class == Priority::High)].token(),
            );
            thread::spawn(move || {
                of(class);
                drop(theirs.lock_with(Deadline::NEVER, Some(&token)));
            })
        });
        let [high, normal] = others;
        sources[1].stop();
        high.join().unwrap();
        assert!(me.priority() < Priority::High);
        sources[0].stop();
        normal.join().unwrap();
        assert_eq!(me.lifted(), None);
        drop(own);
        // And the lock is as it was.
        drop(lock.lock().unwrap());
        assert_eq!(me.lifted(), None);
    });
}

/// Lending to the holder of a word races with the release, with another who takes it, and with a stop.
#[test]
fn the_holder_of_a_word_inherits_until_he_releases() {
    for stops in [false, true] {
        check("inheritance, word", 2, move || {
            let shared = Arc::new((AddressTable::new(), WordMutex::new()));
            let (table, lock) = &*shared;
            let me = of(Priority::Low);
            let source = StopSource::new();
            lock.lock_in(table, Deadline::NEVER, None).unwrap();
            let (theirs, token) = (shared.clone(), source.token());
            let other = thread::spawn(move || {
                let (table, lock) = &*theirs;
                let me = of(Priority::High);
                if lock.lock_in(table, Deadline::NEVER, Some(&token)).is_ok() {
                    lock.unlock_in(table).unwrap();
                }
                me.lifted()
            });
            if stops {
                source.stop();
            } else {
                until_urgent(me);
            }
            lock.unlock_in(table).unwrap();
            assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
            lock.lock_in(table, Deadline::NEVER, None).unwrap();
            lock.unlock_in(table).unwrap();
            assert_eq!(me.lifted(), None);
            assert_eq!(other.join().unwrap(), None);
            assert!(table.is_empty());
        });
    }
}

/// Who comes between a release and its wake-up has the loan that the one before had, or another.
#[test]
fn a_word_lends_to_whoever_has_it_next() {
    check("inheritance, words of three", 1, || {
        let shared = Arc::new((AddressTable::new(), WordMutex::new()));
        let units = [Priority::Normal, Priority::High].map(|class| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (table, lock) = &*shared;
                let me = of(class);
                lock.lock_in(table, Deadline::NEVER, None).unwrap();
                lock.unlock_in(table).unwrap();
                me.lifted()
            })
        });
        let (table, lock) = &*shared;
        let me = of(Priority::Low);
        for _ in 0..2 {
            lock.lock_in(table, Deadline::NEVER, None).unwrap();
            lock.unlock_in(table).unwrap();
            assert_eq!(me.lifted(), None);
        }
        for unit in units {
            assert_eq!(unit.join().unwrap(), None);
        }
        assert!(table.is_empty());
    });
}

/// Who enters past the queue, and writes his mark, races with who queues up and looks for marks.
#[test]
fn who_is_inside_inherits_until_he_leaves() {
    for (reads, stops) in [(false, false), (true, false), (false, true)] {
        check("inheritance, readers and writers", 2, move || {
            let lock = Arc::new(RwLock::new(()));
            let me = of(Priority::Low);
            let source = StopSource::new();
            let (theirs, token) = (lock.clone(), source.token());
            let other = thread::spawn(move || {
                let me = of(Priority::High);
                drop(theirs.write_with(Deadline::NEVER, Some(&token)));
                me.lifted()
            });
            let (mut read, mut written) = (None, None);
            if reads {
                read = Some(lock.read().unwrap());
            } else {
                written = Some(lock.write().unwrap());
            }
            if stops {
                source.stop();
            }
            drop((read.take(), written.take()));
            if !stops {
                // Who gives up takes back what he lent himself, and nothing orders that before this.
                assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
            }
            assert_eq!(other.join().unwrap(), None);
            assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
        });
    }
}

/// The other waits as soon as somebody is inside: then he who is must learn of it, however they interleave.
#[test]
fn nobody_inside_is_overlooked() {
    for reads in [false, true] {
        check("inheritance, marks of those inside", 1, move || {
            let lock = Arc::new(RwLock::new(()));
            let me = of(Priority::Low);
            let theirs = lock.clone();
            let other = thread::spawn(move || {
                of(Priority::High);
                while theirs.try_write().is_ok() {
                    thread::yield_now();
                }
                drop(theirs.write().unwrap());
            });
            if reads {
                let inside = lock.read().unwrap();
                until_urgent(me);
                drop(inside);
            } else {
                let inside = lock.write().unwrap();
                until_urgent(me);
                drop(inside);
            }
            assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
            other.join().unwrap();
        });
    }
}

//! Locks that take back what they lent as soon as nobody lends it any more, and whose chains cross those of others.

use crate::inherit::{Busy, LIMIT};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{Mutex, RwLock, WordError, WordMutex};
use vitte_tests::{units::until_waiting, within};
use vitte_threads::{JoinHandle, Priority, oneshot, yield_now};
use vitte_wait::{Deadline, Reason, StopSource, StopToken, Unit, current};

/// What the tests of this file need of a lock.
pub(crate) trait Lock: Send + Sync + 'static {
    /// Takes it, runs `body`, and releases it. False: it was not had.
    fn hold(&self, deadline: Deadline, stop: Option<&StopToken>, body: &mut dyn FnMut()) -> bool;

    /// The same for the one that has to wait.
    fn ask(&self, deadline: Deadline, stop: Option<&StopToken>) -> bool {
        self.hold(deadline, stop, &mut || {})
    }
}

impl Lock for RwLock<()> {
    fn hold(&self, deadline: Deadline, stop: Option<&StopToken>, body: &mut dyn FnMut()) -> bool {
        let Ok(_inside) = self.write_with(deadline, stop) else {
            return false;
        };
        body();
        true
    }
}

/// Held by a reader, asked for by a writer.
struct Read(RwLock<()>);

impl Lock for Read {
    fn hold(&self, deadline: Deadline, stop: Option<&StopToken>, body: &mut dyn FnMut()) -> bool {
        let Ok(_inside) = self.0.read_with(deadline, stop) else {
            return false;
        };
        body();
        true
    }

    fn ask(&self, deadline: Deadline, stop: Option<&StopToken>) -> bool {
        self.0.write_with(deadline, stop).is_ok()
    }
}

impl Lock for WordMutex {
    fn hold(&self, deadline: Deadline, stop: Option<&StopToken>, body: &mut dyn FnMut()) -> bool {
        match self.lock_with(deadline, stop) {
            Ok(()) => body(),
            Err(WordError::NotHolder | WordError::Deadlock) => unreachable!(),
            Err(_) => return false,
        }
        self.unlock().unwrap();
        true
    }
}

impl Lock for Mutex<()> {
    fn hold(&self, deadline: Deadline, stop: Option<&StopToken>, body: &mut dyn FnMut()) -> bool {
        let Ok(_held) = self.lock_with(deadline, stop) else {
            return false;
        };
        body();
        true
    }
}

/// A fiber of the low class that holds `lock` until told.
struct Holder {
    unit: &'static Unit,
    enough: Arc<AtomicBool>,
    fiber: JoinHandle<()>,
}

impl Holder {
    fn start(busy: &Busy, lock: &Arc<dyn Lock>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let (lock, told) = (Arc::clone(lock), Arc::clone(&enough));
        let (holds, held) = oneshot::channel();
        let fiber = busy.spawn(Priority::Low, move || {
            let me = current::unit();
            let mut holds = Some(holds);
            assert!(lock.hold(Deadline::NEVER, None, &mut || {
                holds.take().unwrap().send(me).unwrap();
                while !told.load(Relaxed) {
                    yield_now();
                }
            }));
            assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
        });
        let unit = held.recv().unwrap();
        Self {
            unit,
            enough,
            fiber,
        }
    }

    fn end(self) {
        self.enough.store(true, Relaxed);
        self.fiber.join().unwrap();
    }
}

/// A fiber of `class` that waits for `lock`, and says whether it got it.
fn waiter(
    busy: &Busy,
    class: Priority,
    lock: &Arc<dyn Lock>,
    stop: Option<StopToken>,
) -> JoinHandle<bool> {
    let lock = Arc::clone(lock);
    let (tell, told) = oneshot::channel();
    let fiber = busy.spawn(class, move || {
        tell.send(current::unit()).unwrap();
        lock.ask(Deadline::NEVER, stop.as_ref())
    });
    until_waiting(told.recv().unwrap(), Reason::Lock);
    fiber
}

/// A high and a normal one wait, and give up one after the other: each takes back what it lent, though the holder
/// holds on.
fn assert_given_back(name: &'static str, lock: impl Lock) {
    within(LIMIT, name, move || {
        let busy = Busy::start();
        let lock: Arc<dyn Lock> = Arc::new(lock);
        let holder = Holder::start(&busy, &lock);
        let owner = holder.unit;
        assert_eq!(owner.priority(), Priority::Low);
        let (early, late) = (StopSource::new(), StopSource::new());
        let normal = waiter(&busy, Priority::Normal, &lock, Some(late.token()));
        assert_eq!(owner.priority(), Priority::Normal);
        let high = waiter(&busy, Priority::High, &lock, Some(early.token()));
        assert_eq!(owner.priority(), Priority::High);
        early.stop();
        assert!(!high.join().unwrap());
        assert_eq!(owner.priority(), Priority::Normal);
        // One that is canceled, and one whose time is over.
        let high = waiter(&busy, Priority::High, &lock, None);
        assert_eq!(owner.priority(), Priority::High);
        high.cancel();
        assert!(!high.join().unwrap());
        let theirs = Arc::clone(&lock);
        let high = busy.spawn(Priority::High, move || {
            let soon = Deadline::after(Duration::from_millis(2));
            theirs.ask(soon, None)
        });
        assert!(!high.join().unwrap());
        assert_eq!(owner.priority(), Priority::Normal);
        late.stop();
        assert!(!normal.join().unwrap());
        assert_eq!((owner.priority(), owner.lifted()), (Priority::Low, None));
        // As good as new.
        let high = waiter(&busy, Priority::High, &lock, None);
        assert_eq!(owner.priority(), Priority::High);
        holder.end();
        assert!(high.join().unwrap());
        busy.end();
    });
}

/// A low one holds `first`; a low one that holds `second` waits for it; a high one waits for that.
fn assert_passed_on(name: &'static str, first: impl Lock, second: impl Lock) {
    within(LIMIT, name, move || {
        let busy = Busy::start();
        let (first, second): (Arc<dyn Lock>, Arc<dyn Lock>) = (Arc::new(first), Arc::new(second));
        let holder = Holder::start(&busy, &first);
        let (inner, outer) = (Arc::clone(&first), Arc::clone(&second));
        let (tell, told) = oneshot::channel();
        let middle = busy.spawn(Priority::Low, move || {
            let me = current::unit();
            let mut tell = Some(tell);
            let held = outer.hold(Deadline::NEVER, None, &mut || {
                tell.take().unwrap().send(me).unwrap();
                assert!(inner.ask(Deadline::NEVER, None));
                assert_eq!(me.priority(), Priority::High);
            });
            assert!(held);
            assert_eq!((me.priority(), me.lifted()), (Priority::Low, None));
        });
        let unit: &'static Unit = told.recv().unwrap();
        until_waiting(unit, Reason::Lock);
        assert_eq!(holder.unit.priority(), Priority::Low);
        let high = waiter(&busy, Priority::High, &second, None);
        while holder.unit.priority() != Priority::High {
            std::thread::yield_now();
        }
        holder.end();
        assert!(high.join().unwrap());
        middle.join().unwrap();
        busy.end();
    });
}

#[test]
fn what_was_lent_to_the_holder_of_a_word_is_taken_back() {
    assert_given_back("word, given back", WordMutex::new());
}

#[test]
fn what_was_lent_to_writers_and_readers_is_taken_back() {
    assert_given_back("writer, given back", RwLock::new(()));
    assert_given_back("reader, given back", Read(RwLock::new(())));
}

#[test]
fn what_was_lent_to_the_holder_of_a_mutex_is_taken_back() {
    assert_given_back("mutex, given back", Mutex::new(()));
}

/// One who waits is given other classes, up and down, and the holder follows.
fn assert_followed(name: &'static str, lock: impl Lock) {
    within(LIMIT, name, move || {
        let busy = Busy::start();
        let lock: Arc<dyn Lock> = Arc::new(lock);
        let holder = Holder::start(&busy, &lock);
        let fiber = waiter(&busy, Priority::High, &lock, None);
        for class in [Priority::Normal, Priority::High, Priority::Low] {
            fiber.set_priority(class);
            while holder.unit.priority() != class {
                std::thread::yield_now();
            }
        }
        holder.end();
        assert!(fiber.join().unwrap());
        busy.end();
    });
}

#[test]
fn a_holder_follows_who_waits_to_another_class() {
    assert_followed("mutex, followed", Mutex::new(()));
    assert_followed("word, followed", WordMutex::new());
    assert_followed("writer, followed", RwLock::new(()));
    assert_followed("reader, followed", Read(RwLock::new(())));
}

#[test]
fn a_ring_of_holders_comes_to_rest_whoever_joins_it_and_leaves() {
    assert_comes_to_rest(
        "ring of mutexes",
        [Arc::new(Mutex::new(())), Arc::new(Mutex::new(()))],
    );
    assert_comes_to_rest(
        "ring of words",
        [Arc::new(WordMutex::new()), Arc::new(WordMutex::new())],
    );
    assert_comes_to_rest(
        "ring of writers",
        [Arc::new(RwLock::new(())), Arc::new(RwLock::new(()))],
    );
    assert_comes_to_rest(
        "mixed ring",
        [Arc::new(RwLock::new(())), Arc::new(Mutex::new(()))],
    );
}

/// Two fibers hold what the other waits for, and urgency goes round: when that has settled nobody runs.
fn assert_comes_to_rest(name: &'static str, locks: [Arc<dyn Lock>; 2]) {
    within(LIMIT, name, move || {
        let mut busy = Busy::start();
        let stop = StopSource::new();
        let ring = [0, 1].map(|at| {
            let (own, next) = (Arc::clone(&locks[at]), Arc::clone(&locks[1 - at]));
            let token = stop.token();
            let (tell, told) = oneshot::channel();
            let (go, gone) = oneshot::channel::<()>();
            let fiber = busy.spawn(Priority::Low, move || {
                let mut tell = Some(tell);
                let mut gone = Some(gone);
                own.hold(Deadline::NEVER, None, &mut || {
                    tell.take().unwrap().send(current::unit()).unwrap();
                    gone.take().unwrap().recv().unwrap();
                    next.ask(Deadline::NEVER, Some(&token));
                });
            });
            let unit: &'static Unit = told.recv().unwrap();
            (unit, go, fiber)
        });
        let ring = ring.map(|(unit, go, fiber)| {
            go.send(()).unwrap();
            until_waiting(unit, Reason::Lock);
            (unit, fiber)
        });
        for _ in 0..20 {
            let end = StopSource::new();
            let high = waiter(&busy, Priority::High, &locks[0], Some(end.token()));
            end.stop();
            assert!(!high.join().unwrap());
            ring[1].1.set_priority(Priority::Normal);
            ring[1].1.set_priority(Priority::Low);
        }
        busy.rest();
        let switches = || busy.runtime.stats().switches;
        let mut before = switches();
        loop {
            std::thread::sleep(Duration::from_millis(10));
            if std::mem::replace(&mut before, switches()) == before {
                break;
            }
        }
        stop.stop();
        for (_, fiber) in ring {
            fiber.join().unwrap();
        }
        busy.end();
    });
}

#[test]
fn urgency_is_passed_on_through_writers_and_readers() {
    assert_passed_on("writers", RwLock::new(()), RwLock::new(()));
    assert_passed_on("readers", Read(RwLock::new(())), Read(RwLock::new(())));
    assert_passed_on("reader, word", Read(RwLock::new(())), WordMutex::new());
    assert_passed_on("mutex, reader", Mutex::new(()), Read(RwLock::new(())));
}

/// Two read, one has a second guard; a writer waits, and lends to each until it has gone.
#[test]
fn all_readers_inherit_each_until_its_last_guard_goes() {
    within(LIMIT, "readers", || {
        let busy = Busy::start();
        let lock: Arc<RwLock<()>> = Arc::new(RwLock::new(()));
        let readers = [2, 1].map(|guards| {
            let lock = Arc::clone(&lock);
            let (tell, told) = oneshot::channel();
            let (go, gone) = oneshot::channel::<()>();
            let fiber = busy.spawn(Priority::Low, move || {
                let me = current::unit();
                let mut held: Vec<_> = (0..guards).map(|_| lock.read().unwrap()).collect();
                tell.send(me).unwrap();
                gone.recv().unwrap();
                while held.pop().is_some() {
                    let inherits = if held.is_empty() {
                        Priority::Low
                    } else {
                        Priority::High
                    };
                    assert_eq!(me.priority(), inherits);
                }
            });
            let unit: &'static Unit = told.recv().unwrap();
            (unit, go, fiber)
        });
        let theirs: Arc<dyn Lock> = Arc::clone(&lock) as _;
        let high = waiter(&busy, Priority::High, &theirs, None);
        for (unit, go, fiber) in readers {
            assert_eq!(unit.priority(), Priority::High);
            go.send(()).unwrap();
            fiber.join().unwrap();
        }
        assert!(high.join().unwrap());
        busy.end();
    });
}

#[test]
fn urgency_is_passed_on_through_words() {
    assert_passed_on("words", WordMutex::new(), WordMutex::new());
    assert_passed_on("mutex, word", Mutex::new(()), WordMutex::new());
    assert_passed_on("word, mutex", WordMutex::new(), Mutex::new(()));
}

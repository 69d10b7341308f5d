//! Models of waiting for descriptors: no edge is missed, whoever delivers it, and whoever sleeps meanwhile. A lost
//! one shows as a deadlock.

use super::source::{Direction, Source, SourceError};
use crate::{
    check::check,
    config::Config,
    shared::{Phase, Shared},
};
use std::sync::Arc;
use vitte_fibers::{StackClass, StackOptions, StackPool};
use vitte_wait::{
    Deadline,
    facade::{
        atomic::{AtomicBool, Ordering::*},
        clock, thread,
    },
};

/// Checks `model`, which is given a scheduler without threads.
fn check_with(
    name: &str,
    preemptions: usize,
    workers: usize,
    model: impl Fn(&Arc<Shared>) + Send + Sync + 'static,
) {
    check(name, preemptions, move || {
        let shared = shared(workers);
        model(&shared);
        shared.depot.forget();
    });
}

fn shared(workers: usize) -> Arc<Shared> {
    let config = Config {
        workers,
        ..Config::default()
    };
    let stacks = StackPool::new(StackOptions::default());
    Shared::new(config, StackClass::DEFAULT, stacks, 1)
}

/// A descriptor that becomes readable when somebody says so.
#[derive(Clone)]
struct Thing {
    source: Arc<Source>,
    has_data: Arc<AtomicBool>,
}

impl Thing {
    fn new(shared: &Shared) -> Self {
        Self {
            source: Arc::new(Source::register(shared, 0).unwrap()),
            has_data: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Tries, and waits for the next edge if that fails, until there is data.
    fn read(&self) -> Result<(), SourceError> {
        loop {
            let seen = self.source.seen(Direction::Read);
            if self.has_data.load(Relaxed) {
                return Ok(());
            }
            self.source
                .wait(Direction::Read, seen, Deadline::NEVER, None)?;
        }
    }

    /// What the kernel does when data comes.
    fn fill(&self, shared: &Shared) {
        self.has_data.store(true, Relaxed);
        // Only one source: its entry is the first, of the first generation.
        shared.reactor.common.system.get().unwrap().raise(0);
    }
}

/// Worker `index` sleeps, and looks when it has risen, until `over`.
fn worker(shared: &Arc<Shared>, index: usize, over: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (shared, over) = (Arc::clone(shared), Arc::clone(over));
    thread::spawn(move || {
        shared.remotes[index].bed.set_thread(thread::current());
        while !over.load(Relaxed) {
            let inbox = || over.load(Relaxed);
            let idle = &shared.idle;
            idle.wait(&shared, index, u64::MAX, inbox, |_| None::<()>);
        }
    })
}

fn end(shared: &Shared, over: &AtomicBool, workers: usize) {
    over.store(true, Relaxed);
    (0..workers).for_each(|index| shared.idle.post_to(shared, index));
}

#[test]
fn an_edge_that_comes_while_somebody_begins_to_wait_is_seen() {
    check_with("poller: an edge and a wait", 4, 1, |shared| {
        let thing = Thing::new(shared);
        let reader = {
            let thing = thing.clone();
            thread::spawn(move || thing.read())
        };
        thing.fill(shared);
        shared.reactor.common.look(&shared.reactor, 0, false);
        assert_eq!(reader.join().unwrap(), Ok(()));
    });
}

#[test]
fn closing_wakes_whoever_waits_or_begins_to() {
    check_with("poller: a close and two waits", 2, 1, |shared| {
        let thing = Thing::new(shared);
        let readers = [0, 1].map(|_| {
            let thing = thing.clone();
            thread::spawn(move || thing.read())
        });
        thing.source.close();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Err(SourceError::Closed));
        }
    });
}

#[test]
fn the_end_of_the_scheduler_wakes_whoever_waits() {
    check_with("poller: the end and a wait", 4, 1, |shared| {
        let thing = Thing::new(shared);
        let reader = {
            let thing = thing.clone();
            thread::spawn(move || thing.read())
        };
        shared.reactor.close();
        assert_eq!(reader.join().unwrap(), Err(SourceError::RuntimeEnded));
    });
}

/// The descriptor is registered while the keeper falls asleep, where it does not hear of it yet.
#[test]
fn the_keeper_wakes_for_what_is_registered_while_it_sleeps() {
    check_with("poller: the keeper, and a source", 2, 1, |shared| {
        let over = Arc::new(AtomicBool::new(false));
        let keeper = worker(shared, 0, &over);
        let thing = Thing::new(shared);
        thing.fill(shared);
        assert_eq!(thing.read(), Ok(()));
        let seen = thing.source.seen(Direction::Read);
        // Whether it came before or after.
        if seen.0 == 0 {
            let wait = thing
                .source
                .wait(Direction::Read, seen, Deadline::NEVER, None);
            assert_eq!(wait, Ok(()));
        }
        end(shared, &over, 1);
        keeper.join().unwrap();
    });
}

/// One of two sleepers is the keeper, and is woken for itself: the other one keeps. (That who waits for the edge is woken is
/// modelled above.)
#[test]
fn a_keeper_that_rises_leaves_the_descriptors_to_the_next() {
    check_with("poller: two keepers", 2, 2, |shared| {
        let thing = Thing::new(shared);
        let rises = Arc::new(AtomicBool::new(false));
        let one = worker(shared, 0, &rises);
        let other = {
            let (shared, thing) = (Arc::clone(shared), thing.clone());
            thread::spawn(move || {
                shared.remotes[1].bed.set_thread(thread::current());
                let is_seen = || thing.source.seen(Direction::Read).0 != 0;
                while !is_seen() {
                    let idle = &shared.idle;
                    idle.wait(&shared, 1, u64::MAX, is_seen, |_| None::<()>);
                }
            })
        };
        rises.store(true, Relaxed);
        shared.idle.post_to(shared, 0);
        // It runs something for ever from now on.
        one.join().unwrap();
        thing.fill(shared);
        other.join().unwrap();
    });
}

/// The only worker is busy for ever, and polls never.
#[test]
fn while_every_worker_is_busy_the_pacer_looks() {
    check_with("poller: the pacer", 3, 1, |shared| {
        let its = Arc::clone(shared);
        let pacer = thread::spawn(move || {
            its.pacer.set_thread(thread::current());
            while !its.is_stopping() {
                its.idle.pacer_sleeps(&its);
                its.look_for_the_busy(0);
                // In place of the tick.
                thread::yield_now();
            }
        });
        let thing = Thing::new(shared);
        let seen = thing.source.seen(Direction::Read);
        thing.fill(shared);
        let wait = thing
            .source
            .wait(Direction::Read, seen, Deadline::NEVER, None);
        assert_eq!(wait, Ok(()));
        shared.enter_phase(Phase::Stopping);
        shared.idle.wake_all(shared);
        pacer.join().unwrap();
        clock::set(1);
    });
}

/// The flawed variant: whoever looks at the descriptor before he looks at the word may miss the edge between.
#[test]
#[should_panic(expected = "deadlock")]
fn a_try_before_the_look_misses_an_edge() {
    check_with("flawed: poller, the try before the look", 3, 1, |shared| {
        let thing = Thing::new(shared);
        let reader = {
            let thing = thing.clone();
            thread::spawn(move || {
                while !thing.has_data.load(Relaxed) {
                    let seen = thing.source.seen(Direction::Read);
                    let wait = thing
                        .source
                        .wait(Direction::Read, seen, Deadline::NEVER, None);
                    assert_eq!(wait, Ok(()));
                }
            })
        };
        thing.fill(shared);
        shared.reactor.common.look(&shared.reactor, 0, false);
        reader.join().unwrap();
    });
}

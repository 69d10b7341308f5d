//! The classic inversion: one of the low class holds what one of the high class waits for, and normal ones
//! would keep it from running.

use std::{
    cmp::Reverse,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use vitte_sync::{
    LockName, Monitor, Mutex, NamedLocks, RawMutex, ReentrantMutex, RwLock, WordMutex,
};
use vitte_tests::within;
use vitte_threads::{Fiber, JoinHandle, Priority, Runtime, Thread, park, unpark, yield_now};
use vitte_wait::{Deadline, Unit, current};

pub(crate) const LIMIT: Duration = Duration::from_secs(100);

/// How often the holder gives way while it holds the lock.
const STEPS: u64 = 64;
/// Normal fibers that never rest.
pub(crate) const HOGS: u64 = 8;
/// How many normal picks the holder may cost while it inherits: one after every sixteen of the high class, and
/// what happens around its beginning and its end.
const BOUND: u64 = STEPS / 16 + 2 * HOGS;
/// What it would cost at the least if it did not: one turn of the low class is had after seven of others, which
/// are a round each.
const WITHOUT: u64 = STEPS * 60;

/// A runtime of one worker, with fibers of the normal class on it that yield until it is over.
pub(crate) struct Busy {
    pub(crate) runtime: Runtime,
    pub(crate) picks: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    hogs: Vec<JoinHandle<()>>,
}

impl Busy {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::builder()
            .workers(1)
            // Nobody is lifted for having waited, or lowered.
            .timeslice(Duration::from_secs(60))
            .build()
            .unwrap();
        let (picks, over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let hogs = (0..HOGS)
            .map(|_| {
                let (picks, over) = (Arc::clone(&picks), Arc::clone(&over));
                runtime.spawn(move || {
                    while !over.load(Relaxed) {
                        picks.fetch_add(1, Relaxed);
                        yield_now();
                    }
                })
            })
            .collect();
        Self {
            runtime,
            picks,
            over,
            hogs,
        }
    }

    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        priority: Priority,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.fiber().priority(priority).spawn(body)
    }

    /// From here on nobody yields any more.
    pub(crate) fn rest(&mut self) {
        self.over.store(true, Relaxed);
        for hog in self.hogs.drain(..) {
            hog.join().unwrap();
        }
    }

    pub(crate) fn end(mut self) {
        self.rest();
    }
}

/// Something that is held while a closure runs.
type Hold = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// One of `class` holds the lock when one of the high class comes for it. Returns the normal picks until that one
/// has it.
fn invert(class: Priority, hold: &Hold) -> u64 {
    let busy = Busy::start();
    let (theirs, ours) = (Arc::clone(hold), Arc::clone(hold));
    let (holds, held) = vitte_threads::oneshot::channel();
    let owner = busy.spawn(class, move || {
        let me = current::unit();
        let mut holds = Some(holds);
        theirs(&mut || {
            holds.take().unwrap().send(me).unwrap();
            // Until somebody waits: that is not what is measured.
            while me.priority() != Priority::High {
                yield_now();
            }
            for _ in 0..STEPS {
                yield_now();
            }
        });
        assert_eq!((me.priority(), me.lifted()), (class, None));
    });
    let owner_unit: &'static Unit = held.recv().unwrap();
    assert_eq!(owner_unit.class(), class);
    let picks = Arc::clone(&busy.picks);
    let urgent = busy.spawn(Priority::High, move || {
        let begin = picks.load(Relaxed);
        let mut end = begin;
        ours(&mut || end = picks.load(Relaxed));
        end - begin
    });
    let waited = urgent.join().unwrap();
    owner.join().unwrap();
    busy.end();
    waited
}

fn assert_bounded(name: &'static str, hold: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) {
    const { assert!(BOUND * 10 < WITHOUT, "the test can tell") };
    within(LIMIT, name, move || {
        let hold: Hold = Arc::new(hold);
        for class in [Priority::Low, Priority::Normal] {
            let waited = invert(class, &hold);
            assert!(waited <= BOUND, "{name}, {class:?}: {waited} normal picks");
        }
    });
}

#[test]
fn a_mutex_lends_urgency_to_its_holder() {
    let lock = Mutex::new(());
    assert_bounded("mutex", move |body| {
        let _held = lock.lock().unwrap();
        body();
    });
}

#[test]
fn a_raw_mutex_behind_lock_api_lends_urgency_to_its_holder() {
    let lock = lock_api::Mutex::<RawMutex, ()>::new(());
    assert_bounded("raw mutex", move |body| {
        let _held = lock.lock();
        body();
    });
}

#[test]
fn a_reentrant_mutex_lends_urgency_to_its_holder() {
    let lock = ReentrantMutex::new(());
    assert_bounded("reentrant mutex", move |body| {
        let (_held, _again) = (lock.lock().unwrap(), lock.lock().unwrap());
        body();
    });
}

#[test]
fn a_monitor_lends_urgency_to_its_holder() {
    let lock = Monitor::new(());
    assert_bounded("monitor", move |body| {
        let _held = lock.lock().unwrap();
        body();
    });
}

#[test]
fn a_named_lock_lends_urgency_to_its_holder() {
    let locks = NamedLocks::new();
    assert_bounded("named lock", move |body| {
        let _held = locks.lock(LockName::from("a name")).unwrap();
        body();
    });
}

#[test]
fn a_mutex_of_one_word_lends_urgency_to_its_holder() {
    let lock = WordMutex::new();
    assert_bounded("word mutex", move |body| {
        lock.lock_with(Deadline::NEVER, None).unwrap();
        body();
        lock.unlock().unwrap();
    });
}

/// Runs `body` inside the lock, as a reader or as the writer.
fn hold(lock: &RwLock<()>, reads: bool, body: &mut dyn FnMut()) {
    if reads {
        let _inside = lock.read().unwrap();
        body();
    } else {
        let _inside = lock.write().unwrap();
        body();
    }
}

#[test]
fn a_lock_of_readers_and_writers_lends_urgency_to_its_writer() {
    for waiter_reads in [false, true] {
        let (lock, turns) = (RwLock::new(()), AtomicU64::new(0));
        assert_bounded("writer", move |body| {
            // The owner comes first each time.
            let comes_later = turns.fetch_add(1, Relaxed) % 2 == 1;
            hold(&lock, waiter_reads && comes_later, body);
        });
    }
}

#[test]
fn a_lock_of_readers_and_writers_lends_urgency_to_its_readers() {
    let (lock, turns) = (RwLock::new(()), AtomicU64::new(0));
    assert_bounded("reader", move |body| {
        hold(&lock, turns.fetch_add(1, Relaxed) % 2 == 0, body);
    });
}

/// The holder computes, and is asked to give way only by the poll word: then slices are counted.
#[test]
fn a_holder_that_lies_in_the_low_lane_is_moved_when_somebody_waits() {
    within(LIMIT, "lane", || {
        let busy = Busy::start();
        let lock = Arc::new(Mutex::new(()));
        let theirs = Arc::clone(&lock);
        let (holds, held) = vitte_threads::oneshot::channel();
        let owner = busy.spawn(Priority::Low, move || {
            let me = Fiber::current().unwrap();
            let _held = theirs.lock().unwrap();
            holds.send(me).unwrap();
            // It is made ready below, and would come up in some hundred picks.
            let _ = park();
        });
        let owner_id = held.recv().unwrap().id();
        let picks = Arc::clone(&busy.picks);
        let urgent = busy.spawn(Priority::High, move || {
            unpark(owner_id).unwrap();
            let begin = picks.load(Relaxed);
            drop(lock.lock().unwrap());
            picks.load(Relaxed) - begin
        });
        let waited = urgent.join().unwrap();
        assert!(waited <= 2 * HOGS, "{waited} normal picks");
        owner.join().unwrap();
        busy.end();
    });
}

/// Five of all classes wait in the order of `classes` for a lock that is then released; returns in which order they
/// had it, by their places in the line.
fn in_turn(classes: &[Priority; 5]) -> Vec<usize> {
    let busy = Busy::start();
    let lock = Arc::new(Mutex::new(Vec::new()));
    let (holder, theirs) = (Arc::clone(&lock), Arc::clone(&lock));
    let (go, gone) = vitte_threads::oneshot::channel::<()>();
    let (holds, held) = vitte_threads::oneshot::channel();
    let owner = busy.spawn(Priority::Normal, move || {
        let first = holder.lock().unwrap();
        holds.send(()).unwrap();
        gone.recv().unwrap();
        drop(first);
    });
    held.recv().unwrap();
    let waiters: Vec<_> = (0..classes.len())
        .map(|place| {
            let lock = Arc::clone(&theirs);
            let (tell, told) = vitte_threads::oneshot::channel();
            let waiter = busy.spawn(classes[place], move || {
                tell.send(current::unit()).unwrap();
                lock.lock().unwrap().push(place);
            });
            let unit: &'static Unit = told.recv().unwrap();
            vitte_tests::units::until_waiting(unit, vitte_wait::Reason::Lock);
            waiter
        })
        .collect();
    go.send(()).unwrap();
    for waiter in waiters {
        waiter.join().unwrap();
    }
    owner.join().unwrap();
    busy.end();
    std::mem::take(&mut *lock.lock().unwrap())
}

/// Those in line are of all classes; whoever is most urgent goes first, but nobody is left out: now and then, by
/// the clock, the oldest has the lock handed over.
#[test]
fn the_most_urgent_of_those_in_line_comes_first() {
    within(LIMIT, "line", || {
        let classes = [
            Priority::Low,
            Priority::Low,
            Priority::Normal,
            Priority::High,
            Priority::High,
        ];
        let mut overtaken = false;
        // On a machine that is slow enough every release is due for the oldest.
        for _ in 0..100 {
            let order = in_turn(&classes);
            let mut left: Vec<usize> = (0..classes.len()).collect();
            for next in &order {
                let urgent = *left
                    .iter()
                    .min_by_key(|place| Reverse(classes[**place]))
                    .unwrap();
                assert!([left[0], urgent].contains(next), "{order:?}");
                overtaken |= *next != left[0];
                left.retain(|place| place != next);
            }
            assert_eq!(left, []);
            if overtaken {
                return;
            }
        }
        panic!("nobody has overtaken anybody");
    });
}

/// A plain thread has no class that anybody would heed, but passes on what it inherits.
#[test]
fn a_thread_in_the_middle_of_a_chain_passes_urgency_on() {
    within(LIMIT, "thread", || {
        let busy = Busy::start();
        let (first, second) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (holds, held) = vitte_threads::oneshot::channel();
        let theirs = Arc::clone(&first);
        let owner = busy.spawn(Priority::Low, move || {
            let me = current::unit();
            let _held = theirs.lock().unwrap();
            holds.send(me).unwrap();
            while me.priority() != Priority::High {
                yield_now();
            }
        });
        let owner_unit: &'static Unit = held.recv().unwrap();
        let (tell, told) = vitte_threads::oneshot::channel();
        let (outer, inner) = (Arc::clone(&second), Arc::clone(&first));
        let mut thread = Thread::spawn(move || {
            let _outer = outer.lock().unwrap();
            tell.send(current::unit()).unwrap();
            drop(inner.lock().unwrap());
        });
        let middle: &'static Unit = told.recv().unwrap();
        vitte_tests::units::until_waiting(middle, vitte_wait::Reason::Lock);
        let urgent = busy.spawn(Priority::High, move || drop(second.lock().unwrap()));
        urgent.join().unwrap();
        thread.join_with(Deadline::NEVER, None).unwrap();
        owner.join().unwrap();
        assert!(owner_unit.lifted().is_none() && middle.lifted().is_none());
        busy.end();
    });
}

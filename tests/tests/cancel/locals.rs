//! What is a fiber's own: put-off calls, and values under keys, however the fiber ends.

use crate::{LIMIT, after, end, start, until_it_waits};
use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering::*},
        mpsc,
    },
    thread,
};
use vitte_scheduler::{
    FiberLocal, KeyError, ShutdownMode, SpawnOptions, defer, join_raw, kill, local, park,
    set_local, sleep_until, spawn, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome};

type Log = Arc<Mutex<Vec<u32>>>;

fn put_off(log: &Log, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let log = Arc::clone(log);
        defer(move || {
            log.lock().unwrap().push(number);
            if number % 2 == 1 {
                std::panic::resume_unwind(Box::new("confined"));
            }
        });
    }
}

const BACKWARDS: [u32; 4] = [3, 2, 1, 0];

#[test]
fn put_off_calls_are_made_backwards_whether_a_fiber_returns_panics_or_is_unwound() {
    within(LIMIT, "put off", || {
        let on = start(2);
        for way in 0..4 {
            let log = Log::default();
            let inside = Arc::clone(&log);
            let fiber = on.spawn(&SpawnOptions::default(), move || {
                put_off(&inside, 0..4);
                match way {
                    0 => {}
                    1 => std::panic::resume_unwind(Box::new(())),
                    2 => while park(Deadline::NEVER) != Outcome::Canceled {},
                    _ => loop {
                        let _ = park(Deadline::NEVER);
                    },
                }
            });
            match way {
                2 => fiber.cancel(),
                3 => fiber.kill(),
                _ => {}
            }
            let killed_before = way == 3 && log.lock().unwrap().is_empty();
            assert_eq!(fiber.join().is_ok(), way == 0 || way == 2);
            let log = log.lock().unwrap();
            // One that is killed before it begins has put nothing off.
            assert!(
                *log == BACKWARDS || killed_before && log.is_empty(),
                "{way}: {log:?}"
            );
        }
        end(&on);
    });
}

#[test]
fn put_off_calls_of_frames_that_cannot_unwind_are_made_by_kill_and_by_shutdown() {
    within(LIMIT, "given up", || {
        for by_kill in [true, false] {
            let on = start(1);
            let log = Log::default();
            let inside = Arc::clone(&log);
            let (sender, id) = mpsc::channel();
            let fiber = crate::spawn_raw(&on, move || {
                put_off(&inside, 0..4);
                let more = Arc::clone(&inside);
                defer(move || {
                    // It may wait, and is who it was.
                    assert_eq!(sleep_until(after(1)), Outcome::TimedOut);
                    sender.send(vitte_scheduler::current_id().unwrap()).unwrap();
                    more.lock().unwrap().push(9);
                });
                loop {
                    let _ = park(Deadline::NEVER);
                }
            });
            until_it_waits(fiber);
            if by_kill {
                kill(fiber).unwrap();
                assert!(join_raw(fiber, Deadline::NEVER).is_err());
                assert_eq!(id.recv().unwrap(), fiber);
                assert_eq!(*log.lock().unwrap(), [9, 3, 2, 1, 0]);
                end(&on);
            } else {
                on.shutdown(ShutdownMode::Cancel, after(10_000)).unwrap();
                assert_eq!(on.stats().live, 0);
                // Its wait was cut short, and so was that call; the others were made.
                assert!(log.lock().unwrap().ends_with(&BACKWARDS));
            }
        }
    });
}

#[test]
fn threads_and_inline_fibers_make_their_own_put_off_calls() {
    within(LIMIT, "own", || {
        let log = Log::default();
        let inside = Arc::clone(&log);
        thread::spawn(move || put_off(&inside, 0..4))
            .join()
            .unwrap();
        assert_eq!(*log.lock().unwrap(), BACKWARDS);
        let on = start(1);
        let log = Log::default();
        let inside = Arc::clone(&log);
        on.spawn(&SpawnOptions::default(), move || {
            put_off(&inside, 0..2);
            let child = Arc::clone(&inside);
            // Runs on our stack, and ends before us.
            spawn(move || put_off(&child, 2..4)).join().unwrap();
            inside.lock().unwrap().push(7);
        })
        .join()
        .unwrap();
        assert_eq!(*log.lock().unwrap(), [3, 2, 7, 1, 0]);
        end(&on);
    });
}

static NUMBER: FiberLocal<Cell<u32>> = FiberLocal::new(|| Cell::new(0));

// J25, for threads and for fibers.
#[test]
fn main_keeps_its_value_two_locals_are_two_and_short_lives_see_the_default() {
    within(LIMIT, "J25", || {
        static OTHER: FiberLocal<Cell<u32>> = FiberLocal::new(|| Cell::new(0));
        NUMBER.with(|number| number.set(1));
        let worker = thread::spawn(|| {
            NUMBER.with(|number| number.set(2));
            NUMBER.with(Cell::get)
        });
        assert_eq!(worker.join().unwrap(), 2);
        assert_eq!(NUMBER.with(Cell::get), 1);
        assert_eq!(OTHER.with(Cell::get), 0);
        for _ in 0..1_000 {
            let seen = thread::spawn(|| NUMBER.with(|number| number.replace(5)));
            assert_eq!(seen.join().unwrap(), 0);
        }
        let on = start(2);
        let fibers: Vec<_> = (0..1_000)
            .map(|i| {
                on.spawn(&SpawnOptions::default(), move || {
                    assert_eq!(NUMBER.with(|number| number.replace(i)), 0);
                    yield_now();
                    let child = spawn(|| NUMBER.with(|number| number.replace(77)));
                    assert_eq!(child.join().unwrap(), 0, "inline or not, it is its own");
                    assert_eq!(NUMBER.with(Cell::get), i);
                })
            })
            .collect();
        fibers.into_iter().for_each(|fiber| fiber.join().unwrap());
        let local = FiberLocal::new(|| 3_u8);
        local.set(4);
        assert_eq!((local.take(), local.take()), (Some(4), None));
        local.with(|three| {
            assert_eq!(*three, 3);
            local.set(5);
            assert_eq!(*three, 3, "what is lent stays");
        });
        local.with(|five| {
            assert_eq!(*five, 5);
            let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| local.take()));
            assert!(taken.is_err(), "it is lent");
        });
        assert_eq!(local.take(), Some(5));
        end(&on);
    });
}

#[test]
fn values_are_dropped_once_on_their_fiber_and_may_make_others() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Dropped(u32);
    impl Drop for Dropped {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Relaxed);
            yield_now();
            // Each is set anew as long as there are rounds.
            if self.0 < 2 {
                AGAIN.set(Dropped(self.0 + 1));
            }
        }
    }
    static AGAIN: FiberLocal<Dropped> = FiberLocal::new(|| Dropped(0));
    static LIST: FiberLocal<RefCell<Vec<Dropped>>> = FiberLocal::new(|| RefCell::new(Vec::new()));
    within(LIMIT, "values", || {
        let on = start(2);
        let fibers: Vec<_> = (0..50)
            .map(|_| {
                on.spawn(&SpawnOptions::default(), || {
                    AGAIN.with(|_| yield_now());
                    LIST.with(|list| list.borrow_mut().push(Dropped(9)));
                })
            })
            .collect();
        fibers.into_iter().for_each(|fiber| fiber.join().unwrap());
        end(&on);
        assert_eq!(DROPS.load(Relaxed), 50 * 4);
    });
}

static DESTROYED: AtomicU32 = AtomicU32::new(0);

unsafe extern "C-unwind" fn destroy(value: *mut c_void) {
    DESTROYED.fetch_add(value.addr() as u32, Relaxed);
}

#[test]
fn keys_are_their_runtimes_and_stale_after_it() {
    within(LIMIT, "keys", || {
        let (on, other) = (start(1), start(1));
        // SAFETY: `destroy` adds numbers.
        let (key, foreign) = unsafe {
            (
                on.create_key(Some(destroy)).unwrap(),
                other.create_key(None).unwrap(),
            )
        };
        let number = std::ptr::without_provenance_mut::<c_void>;
        on.spawn(&SpawnOptions::default(), move || {
            assert!(local(key).is_null());
            set_local(key, number(1)).unwrap();
            set_local(key, number(30)).unwrap();
            yield_now();
            assert_eq!(local(key).addr(), 30);
            assert_eq!(set_local(foreign, number(1)), Err(KeyError::Foreign));
            assert!(local(foreign).is_null());
            assert_eq!(set_local(u32::MAX, number(1)), Err(KeyError::Stale));
        })
        .join()
        .unwrap();
        assert_eq!(DESTROYED.load(Relaxed), 30, "what was set over is nobody's");
        // A thread has its own, and two keys of two runtimes.
        thread::spawn(move || {
            set_local(key, number(4)).unwrap();
            set_local(foreign, number(5)).unwrap();
            assert_eq!((local(key).addr(), local(foreign).addr()), (4, 5));
            set_local(foreign, number(0)).unwrap();
            assert!(local(foreign).is_null());
        })
        .join()
        .unwrap();
        assert_eq!(DESTROYED.load(Relaxed), 34);
        set_local(key, number(100)).unwrap();
        end(&on);
        assert_eq!(set_local(key, number(1)), Err(KeyError::Stale));
        assert!(local(key).is_null());
        end(&other);
    });
}

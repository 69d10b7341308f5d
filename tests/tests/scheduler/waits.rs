//! Waiting in special ways: with a callback, while panicking, pinned.

use crate::{LIMIT, after, end, run, start};
use std::{
    ffi::c_void,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::*},
        mpsc,
    },
    thread,
};
use vitte_scheduler::{
    JoinHandle, PinError, ShutdownMode, SpawnOptions, current_id, interrupt, pin, sleep_until,
    spawn, suspend_with, unpark, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome, Reason, Wait, facade::plain::Mutex};

unsafe extern "C" fn send(id: u64, sender: *mut c_void) {
    // SAFETY: the tests pass a sender that lives on.
    let sender = unsafe { &*sender.cast::<mpsc::Sender<u64>>() };
    let _ = sender.send(id);
}

fn wait_with(sender: &mpsc::Sender<u64>, deadline: Deadline) -> Outcome {
    let sender = std::ptr::from_ref(sender).cast_mut().cast();
    // SAFETY: the sender outlives the wait, and sending does not block.
    unsafe { suspend_with(send, sender, deadline) }.unwrap()
}

/// Wakes whomever it is told of.
fn waker() -> (mpsc::Sender<u64>, thread::JoinHandle<usize>) {
    let (sender, ids) = mpsc::channel();
    let waker = thread::spawn(move || {
        ids.iter()
            .map(|id| unpark(vitte_scheduler::FiberId::from_bits(id).unwrap()).unwrap())
            .count()
    });
    (sender, waker)
}

#[test]
fn a_fiber_is_found_by_whoever_its_callback_tells() {
    within(LIMIT, "callback", || {
        for workers in [1, 2] {
            let on = start(workers);
            let (sender, waker) = waker();
            let fibers: Vec<_> = (0..10)
                .map(|i| {
                    let sender = sender.clone();
                    on.spawn(&SpawnOptions::default(), move || {
                        for round in 0..300 {
                            let far = [Deadline::NEVER, after(60_000)][(i + round) % 2];
                            assert_eq!(wait_with(&sender, far), Outcome::Woken);
                        }
                    })
                })
                .collect();
            for fiber in fibers {
                fiber.join().unwrap();
            }
            drop(sender);
            assert_eq!(waker.join().unwrap(), 3_000);
            end(&on);
        }
    });
}

#[test]
fn a_panicking_fiber_tells_its_waker_before_it_blocks_its_thread() {
    struct Waits(mpsc::Sender<u64>);
    impl Drop for Waits {
        fn drop(&mut self) {
            assert_eq!(wait_with(&self.0, after(30_000)), Outcome::Woken);
        }
    }
    within(LIMIT, "panicking", || {
        let on = start(1);
        let (sender, waker) = waker();
        let bad: JoinHandle<()> = on.spawn(&SpawnOptions::default(), move || {
            let _waits = Waits(sender);
            panic!("with a waiting destructor")
        });
        assert!(bad.join().is_err());
        assert_eq!(waker.join().unwrap(), 1);
        end(&on);
    });
}

#[test]
fn the_callback_of_a_fiber_is_not_called_for_one_that_it_let_run_before_it_waited() {
    within(LIMIT, "interrupted first", || {
        let on = start(1);
        let (sender, ids) = mpsc::channel();
        let waits = on.spawn(&SpawnOptions::default(), move || {
            let me = current_id().unwrap();
            let other = spawn(|| sleep_until(after(5)));
            // Made where the wait would begin; then the other runs, and waits.
            interrupt(me, yield_now).unwrap();
            assert_eq!(wait_with(&sender, after(20)), Outcome::TimedOut);
            let _ = other.join();
            me.to_bits()
        });
        let own = waits.join().unwrap();
        assert_eq!(ids.iter().collect::<Vec<_>>(), [own]);
        end(&on);
    });
}

#[test]
fn the_callback_of_a_fiber_that_is_unwound_is_not_called_for_another() {
    within(LIMIT, "unwound", || {
        let on = start(1);
        let (sender, ids) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let own = Arc::new(Mutex::new(0));
        let (mark, mine) = (Arc::clone(&over), Arc::clone(&own));
        let stubborn: JoinHandle<()> = on.spawn(&SpawnOptions::default(), move || {
            struct Marks(Arc<AtomicBool>);
            impl Drop for Marks {
                fn drop(&mut self) {
                    self.0.store(true, Relaxed);
                }
            }
            let _marks = Marks(mark);
            *mine.lock() = current_id().unwrap().to_bits();
            loop {
                let _ = wait_with(&sender, Deadline::NEVER);
                // Ended by cancellation, it must not spin until it is unwound.
                let _ =
                    Wait::begin_uncancelable(Reason::Sleep, std::ptr::null()).park(after(1), None);
            }
        });
        let other = on.spawn(&SpawnOptions::default(), move || {
            // Goes on waiting for a while after the first is gone.
            let mut left = 20;
            while left > 0 {
                let wait = Wait::begin_uncancelable(Reason::Sleep, std::ptr::null());
                let _ = wait.park(after(1), None);
                left -= i32::from(over.load(Relaxed));
            }
        });
        thread::sleep(std::time::Duration::from_millis(20));
        on.shutdown(ShutdownMode::Cancel, after(20_000)).unwrap();
        drop(stubborn);
        other.join().unwrap();
        let own = *own.lock();
        assert!(ids.iter().all(|id| id == own));
    });
}

#[test]
fn pins_are_counted_and_a_miscount_is_an_error() {
    within(LIMIT, "pins", || {
        assert_eq!(pin(true), Err(PinError::NotInFiber));
        let on = start(2);
        run(&on, || {
            assert_eq!(pin(false), Err(PinError::NotPinned));
            for _ in 0..15 {
                pin(true).unwrap();
            }
            assert_eq!(pin(true), Err(PinError::TooMany));
            for _ in 0..15 {
                pin(false).unwrap();
            }
            assert_eq!(pin(false), Err(PinError::NotPinned));
        });
        end(&on);
    });
}

#[test]
fn a_pinned_fiber_stays_and_goes_on_migrating_when_let_go() {
    within(LIMIT, "pinned", || {
        let on = start(4);
        let fibers: Vec<_> = (0..16)
            .map(|_| {
                crate::spawn_raw(&on, &SpawnOptions::default(), || {
                    let me = current_id().unwrap();
                    let home = || vitte_scheduler::info(me).unwrap().worker;
                    for _ in 0..20 {
                        pin(true).unwrap();
                        let here = home();
                        for _ in 0..3 {
                            let child = spawn(|| sleep_until(after(0)));
                            yield_now();
                            let _ = child.join();
                            assert_eq!(home(), here, "moved though pinned");
                        }
                        pin(false).unwrap();
                        yield_now();
                    }
                    7
                })
            })
            .collect();
        for id in fibers {
            let value = vitte_scheduler::join_raw(id, Deadline::NEVER).unwrap();
            assert_eq!(value.addr(), 7);
        }
        end(&on);
    });
}

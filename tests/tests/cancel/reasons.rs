//! Why a fiber was asked to stop: who decides, and who can tell.

use crate::{LIMIT, end, start, until_it_waits};
use std::{
    sync::{Arc, Barrier, mpsc},
    thread,
};
use vitte_scheduler::{
    CancelMask, CancelReason, JoinError, SliceEnd, SpawnOptions, Stale, cancel, cancel_for,
    cancel_reason, info, mask_cancel, park, sleep_until, spawn, yield_now,
};
use vitte_tests::within;
use vitte_wait::{Deadline, Outcome};

#[test]
fn of_many_who_cancel_at_once_the_first_gives_the_reason_and_all_read_the_same() {
    within(LIMIT, "first", || {
        let on = start(2);
        for round in 0..200 {
            let fiber = on.spawn(&SpawnOptions::default(), || {
                assert_eq!(park(Deadline::NEVER), Outcome::Canceled);
                let first = cancel_reason().unwrap();
                assert_eq!(park(Deadline::NEVER), Outcome::Canceled);
                (first, cancel_reason().unwrap())
            });
            let id = fiber.id().unwrap();
            let line = Arc::new(Barrier::new(3));
            let cancelers: Vec<_> = (0..3)
                .map(|i| {
                    let line = Arc::clone(&line);
                    thread::spawn(move || {
                        line.wait();
                        let _ = match i {
                            0 => cancel(id),
                            1 => cancel_for(id, round),
                            _ => cancel_for(id, CancelReason::new(i).because("third")),
                        };
                        info(id).ok().and_then(|info| info.cancel_reason)
                    })
                })
                .collect();
            let seen: Vec<_> = cancelers
                .into_iter()
                .map(|one| one.join().unwrap())
                .collect();
            let (first, last) = fiber.join().unwrap();
            assert_eq!(first, last);
            for reason in seen.into_iter().flatten() {
                assert_eq!(reason, first);
            }
            assert_eq!(cancel(id), Err(Stale));
        }
        end(&on);
    });
}

#[test]
fn a_reason_is_forgotten_with_its_fiber() {
    within(LIMIT, "forgotten", || {
        let on = start(1);
        // By a fiber, so that nobody waits for a thread to be woken.
        let canceler = on.spawn(&SpawnOptions::default(), || {
            for round in 0..1000 {
                // The records are used again.
                let fiber = spawn(cancel_reason);
                assert_eq!(fiber.join().unwrap(), None);
                let fiber = spawn(|| park(Deadline::NEVER));
                if round % 2 == 0 {
                    yield_now();
                }
                fiber.cancel_for("for a while");
                assert_eq!(fiber.cancel_reason().unwrap().text(), Some("for a while"));
                assert_eq!(fiber.join().unwrap(), Outcome::Canceled);
            }
        });
        canceler.join().unwrap();
        end(&on);
    });
}

#[test]
fn masks_nest_and_a_panic_undoes_them() {
    within(LIMIT, "masks", || {
        let on = start(1);
        let fiber = on.spawn(&SpawnOptions::default(), || {
            assert_eq!(sleep_until(Deadline::NEVER), Outcome::Canceled);
            let soon = || sleep_until(crate::after(1));
            let outer = CancelMask::new();
            {
                let _inner = CancelMask::new();
                assert_eq!(soon(), Outcome::TimedOut);
            }
            assert_eq!(soon(), Outcome::TimedOut, "still masked by the outer one");
            let unmasked = mask_cancel(false);
            assert!(unmasked, "it was masked");
            assert_eq!(soon(), Outcome::Canceled);
            mask_cancel(true);
            drop(outer);
            assert_eq!(soon(), Outcome::Canceled);
            // In whatever order they are dropped.
            let (first, second) = (CancelMask::new(), CancelMask::new());
            drop(first);
            assert_eq!(soon(), Outcome::TimedOut, "still masked by the second");
            drop(second);
            assert_eq!(soon(), Outcome::Canceled);
            let caught = std::panic::catch_unwind(|| {
                let _masked = CancelMask::new();
                std::panic::resume_unwind(Box::new(()));
            });
            assert!(caught.is_err());
            assert_eq!(soon(), Outcome::Canceled);
        });
        until_it_waits(fiber.id().unwrap());
        fiber.cancel();
        fiber.join().unwrap();
        end(&on);
    });
}

#[test]
fn what_the_library_cancels_has_a_reason_of_its_own() {
    within(LIMIT, "own", || {
        let on = start(1);
        on.set_slice_handler(Some(|_| SliceEnd::Cancel));
        let looping = on.spawn(&SpawnOptions::default(), || {
            while vitte_scheduler::poll_slow() != vitte_scheduler::Poll::Canceled {}
            cancel_reason().unwrap()
        });
        on.spawn(&SpawnOptions::default(), || ()).join().unwrap();
        assert_eq!(looping.join().unwrap(), CancelReason::SLICE);
        let (sender, reasons) = mpsc::channel();
        let parked = on.spawn(&SpawnOptions::default(), move || {
            let _ = park(Deadline::NEVER);
            sender.send(cancel_reason().unwrap()).unwrap();
        });
        until_it_waits(parked.id().unwrap());
        let mode = vitte_scheduler::ShutdownMode::Cancel;
        on.shutdown(mode, crate::after(10_000)).unwrap();
        assert_eq!(reasons.recv().unwrap(), CancelReason::SHUTDOWN);
        parked.join().unwrap();
    });
}

/// The child runs on its joiner's stack, so the join is over when the child is.
#[test]
fn a_join_on_the_own_stack_is_canceled_with_the_child() {
    within(LIMIT, "inline", || {
        let on = start(1);
        let parks = || {
            let outcome = park(Deadline::NEVER);
            (outcome, cancel_reason().unwrap().code())
        };
        // Two deep, and the innermost waits twice.
        let fiber = on.spawn(&SpawnOptions::default(), move || {
            spawn(move || {
                spawn(move || {
                    yield_now();
                    parks()
                })
                .join()
                .unwrap()
            })
            .join()
            .unwrap()
        });
        until_inner_waits(&on);
        fiber.cancel_for(7);
        assert_eq!(fiber.join().unwrap(), (Outcome::Canceled, 7));
        // Of one that is killed, too.
        let fiber = on.spawn(&SpawnOptions::default(), move || {
            let _ = spawn(parks).join();
            let _ = park(Deadline::NEVER);
        });
        until_inner_waits(&on);
        fiber.kill();
        assert!(matches!(fiber.join(), Err(JoinError::Killed(_))));
        // Not of one that masks it.
        let (tell, told) = mpsc::channel();
        let fiber = on.spawn(&SpawnOptions::default(), move || {
            let _masked = CancelMask::new();
            spawn(move || {
                tell.send(vitte_scheduler::current_id().unwrap()).unwrap();
                park(Deadline::NEVER)
            })
            .join()
            .unwrap()
        });
        let child = told.recv().unwrap();
        until_it_waits(child);
        fiber.cancel();
        vitte_scheduler::unpark(child).unwrap();
        assert_eq!(fiber.join().unwrap(), Outcome::Woken);
        end(&on);
    });
}

fn until_inner_waits(on: &vitte_scheduler::Scheduler) {
    // All that are there wait, and the worker has nothing to do.
    let mut before = on.stats().switches;
    loop {
        thread::sleep(std::time::Duration::from_millis(5));
        let now = on.stats().switches;
        if std::mem::replace(&mut before, now) == now && now > 0 {
            return;
        }
    }
}

#[test]
fn a_cancellation_finds_the_child_whenever_it_comes() {
    within(LIMIT, "inline, racing", || {
        let on = start(1);
        for round in 0..2000_u32 {
            let fiber = on.spawn(&SpawnOptions::default(), || {
                let child = spawn(|| {
                    spawn(|| while park(Deadline::NEVER) != Outcome::Canceled {})
                        .join()
                        .unwrap();
                });
                child.join().is_ok()
            });
            for _ in 0..round % 200 * 16 {
                std::hint::spin_loop();
            }
            fiber.cancel();
            assert!(fiber.join().unwrap());
        }
        end(&on);
    });
}

//! Waiting for the first of several things, with arms that need no channel.
#![cfg(not(any(loom, shuttle)))]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use vitte_wait::{
    Deadline, Node, Outcome, Reason, StopSource, WaitQueue, current,
    facade::Mutex,
    select::{Arm, Chosen, SelectError, When, after, at, select, try_select},
};

/// Longer than any test takes on the slowest machine, so that a hang is a failure and not silence.
const LIMIT: Duration = Duration::from_secs(60);

fn watched(body: impl FnOnce() + Send) {
    let (done, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let test = scope.spawn(move || {
            let _done = done;
            body();
        });
        if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("the test hangs");
            std::process::abort();
        }
        if let Err(panic) = test.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A number of permits, each of which wakes one waiter.
#[derive(Default)]
struct Permits {
    inside: Mutex<(usize, WaitQueue)>,
}

impl Permits {
    fn give(&self) {
        let claimed = {
            let mut inside = self.inside.lock();
            inside.0 += 1;
            inside.1.pop(Outcome::Woken)
        };
        drop(claimed);
    }

    fn waiting(&self) -> usize {
        self.inside.lock().1.len()
    }

    fn arm(&self) -> PermitArm<'_> {
        PermitArm {
            permits: self,
            gone: false,
        }
    }
}

struct PermitArm<'a> {
    permits: &'a Permits,
    gone: bool,
}

// SAFETY: the node is in the queue from `enlist` to `delist`, touched under its lock.
unsafe impl Arm for PermitArm<'_> {
    fn attempt(&mut self) -> bool {
        let mut inside = self.permits.inside.lock();
        if !self.gone && inside.0 > 0 {
            inside.0 -= 1;
            self.gone = true;
        }
        self.gone
    }

    fn reason(&self) -> Reason {
        Reason::Lock
    }

    fn object(&self) -> *const () {
        std::ptr::from_ref(self.permits).cast()
    }

    unsafe fn enlist(&self, node: &Node) -> bool {
        let mut inside = self.permits.inside.lock();
        if inside.0 > 0 {
            return false;
        }
        // SAFETY: by the caller; under the lock.
        unsafe { inside.1.push(node) };
        true
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: it was pushed into this queue.
        unsafe { self.permits.inside.lock().1.remove(node) };
    }
}

impl Chosen for PermitArm<'_> {
    type Output = ();
    fn take(&mut self) -> Option<()> {
        std::mem::take(&mut self.gone).then_some(())
    }
}

#[test]
fn arms_that_can_always_go_go_equally_often() {
    const ROUNDS: usize = 12_000;
    let mut gone = [0; 4];
    for _ in 0..ROUNDS {
        let (mut a, mut b) = (at(Deadline::NOW), at(Deadline::NOW));
        let (mut never, mut c) = (at(Deadline::NEVER), at(Deadline::NOW));
        let arms: &mut [&mut dyn Arm] = &mut [&mut a, &mut b, &mut never, &mut c];
        gone[select(arms, Deadline::NEVER, None).unwrap()] += 1;
    }
    assert_eq!(gone[2], 0);
    for n in [gone[0], gone[1], gone[3]] {
        assert!((ROUNDS / 4..ROUNDS / 2).contains(&n), "{gone:?}");
    }
}

#[test]
fn the_earliest_point_in_time_goes() {
    watched(|| {
        let begin = Instant::now();
        let (mut late, mut soon) = (after(LIMIT), after(Duration::from_millis(3)));
        let which = select(&mut [&mut late, &mut soon], Deadline::NEVER, None);
        assert_eq!(which, Ok(1));
        assert_eq!(
            (late.take(), soon.take(), soon.take()),
            (None, Some(()), None)
        );
        assert!(begin.elapsed() >= Duration::from_millis(3));
    });
}

#[test]
fn a_select_that_nothing_ends_times_out() {
    watched(|| {
        let soon = Deadline::after(Duration::from_millis(2));
        let mut late = after(LIMIT);
        assert_eq!(
            select(&mut [&mut late], soon, None),
            Err(SelectError::TimedOut)
        );
        assert_eq!(select(&mut [], soon, None), Err(SelectError::TimedOut));
        assert_eq!(try_select(&mut [&mut late]), None);
        assert!(soon.is_past());
    });
}

#[test]
fn a_stop_is_an_arm_or_ends_the_select() {
    watched(|| {
        let (arm, whole) = (StopSource::new(), StopSource::new());
        let tokens = (arm.token(), whole.token());
        for (source, expected) in [(&arm, Ok(0)), (&whole, Err(SelectError::Stopped))] {
            // The arm stays ready, so the other is asked without it.
            let (is_arm, permits) = (expected.is_ok(), Permits::default());
            thread::scope(|scope| {
                let selecting = scope.spawn(|| {
                    let mut stop = When::new(is_arm, tokens.0.stop_arm());
                    let mut permit = permits.arm();
                    let arms: &mut [&mut dyn Arm] = &mut [&mut stop, &mut permit];
                    select(arms, Deadline::NEVER, Some(&tokens.1))
                });
                while permits.waiting() == 0 {
                    thread::yield_now();
                }
                source.stop();
                assert_eq!(selecting.join().unwrap(), expected);
            });
            assert_eq!(permits.waiting(), 0);
        }
    });
}

#[test]
fn a_canceled_select_leaves_every_queue() {
    watched(|| {
        let (a, b) = (Permits::default(), Permits::default());
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            let selecting = scope.spawn({
                let (a, b) = (&a, &b);
                move || {
                    tell.send(current::unit()).unwrap();
                    let which = select(&mut [&mut a.arm(), &mut b.arm()], Deadline::NEVER, None);
                    // Also the next one, before it waits; what can go at once still does.
                    let next = select(&mut [&mut a.arm()], Deadline::NEVER, None);
                    b.give();
                    (
                        which,
                        next,
                        select(&mut [&mut b.arm()], Deadline::NEVER, None),
                    )
                }
            });
            let unit = told.recv().unwrap();
            while unit.waits_for().0 != Reason::Select || b.waiting() == 0 {
                thread::yield_now();
            }
            unit.cancel();
            let canceled = Err(SelectError::Canceled);
            assert_eq!(selecting.join().unwrap(), (canceled, canceled, Ok(0)));
        });
        assert_eq!((a.waiting(), b.waiting()), (0, 0));
    });
}

#[test]
fn many_selectors_use_every_permit_and_leave_none_behind() {
    watched(|| {
        const EACH: usize = 300;
        let sources = [(); 12].map(|()| Permits::default());
        let (few, many) = (&sources[..3], &sources[..]);
        thread::scope(|scope| {
            for selector in 0..4 {
                let sources = if selector % 2 == 0 { few } else { many };
                scope.spawn(move || {
                    for _ in 0..EACH {
                        let mut arms: Vec<PermitArm<'_>> =
                            sources.iter().map(Permits::arm).collect();
                        let mut refs: Vec<&mut dyn Arm> =
                            arms.iter_mut().map(|arm| arm as &mut dyn Arm).collect();
                        let which = select(&mut refs, Deadline::NEVER, None).unwrap();
                        drop(refs);
                        for (index, arm) in arms.iter_mut().enumerate() {
                            assert_eq!(arm.take().is_some(), index == which);
                        }
                    }
                });
            }
            // All that everybody can reach, so that none is left for a selector that cannot.
            for round in 0..4 * EACH {
                few[round % 3].give();
                if round % 7 == 0 {
                    thread::yield_now();
                }
            }
        });
        for source in &sources {
            assert_eq!(source.inside.lock().0, 0);
            assert_eq!(source.waiting(), 0);
        }
    });
}

/// Panics when it is to be enlisted.
struct Faulty;

// SAFETY: no node is put anywhere.
unsafe impl Arm for Faulty {
    fn attempt(&mut self) -> bool {
        false
    }

    fn reason(&self) -> Reason {
        Reason::Event
    }

    fn object(&self) -> *const () {
        // Enlisted last.
        std::ptr::without_provenance(usize::MAX)
    }

    unsafe fn enlist(&self, _: &Node) -> bool {
        panic!("as planned")
    }

    unsafe fn delist(&self, _: &Node) {}
}

#[test]
fn a_panic_in_the_middle_leaves_no_node_behind() {
    watched(|| {
        let permits = Permits::default();
        let mut arm = permits.arm();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            select(&mut [&mut arm, &mut Faulty], Deadline::NEVER, None)
        }));
        assert!(panicked.is_err());
        assert_eq!(permits.waiting(), 0);
        // And the unit can wait as if nothing had been.
        permits.give();
        assert_eq!(select(&mut [&mut arm], Deadline::NEVER, None), Ok(0));
    });
}

#[test]
fn an_outcome_that_was_not_taken_is_kept() {
    let permits = Permits::default();
    permits.give();
    let (mut arm, mut other) = (permits.arm(), at(Deadline::NEVER));
    for _ in 0..3 {
        assert_eq!(try_select(&mut [&mut arm, &mut other]), Some(0));
    }
    assert_eq!(arm.take(), Some(()));
    assert_eq!(try_select(&mut [&mut arm, &mut other]), None);
}

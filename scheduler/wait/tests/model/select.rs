//! Of several things that a unit waits for, one goes, and no wake-up is lost by that.

use crate::check::check;
// Not the checker's: that one panics once more when it is dropped after the checker has given up.
use std::sync::Arc;
use vitte_wait::{
    Deadline, Node, Outcome, Reason, StopSource, Wait, WaitQueue, current,
    facade::{Mutex, thread},
    select::{Arm, Chosen, SelectError, select, try_select},
};

/// Permits, each of which wakes one waiter.
#[derive(Default)]
pub(crate) struct Permits(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    left: usize,
    waiters: WaitQueue,
}

impl Permits {
    pub(crate) fn give(&self) {
        let claimed = {
            let mut inside = self.0.lock();
            inside.left += 1;
            inside.waiters.pop(Outcome::Woken)
        };
        drop(claimed);
    }

    pub(crate) fn arm(&self) -> PermitArm<'_> {
        PermitArm {
            permits: self,
            gone: false,
            heedless: false,
            declines: false,
        }
    }

    /// Declines the first wake-up that it is given, which no arm must.
    #[cfg(loom)]
    pub(crate) fn heedless_arm(&self) -> PermitArm<'_> {
        PermitArm {
            heedless: true,
            ..self.arm()
        }
    }

    /// Waits for a permit alone. Without a guard, which would panic again in a flawed model.
    pub(crate) fn take(&self) {
        loop {
            let wait = Wait::begin(Reason::Lock, std::ptr::null());
            let node = Node::new(wait.ticket(), std::ptr::null_mut());
            let mut inside = self.0.lock();
            if inside.left > 0 {
                inside.left -= 1;
                drop(inside);
                assert_eq!(wait.withdraw(), Ok(()));
                return;
            }
            // SAFETY: the node stays in this frame until it is popped, for only `give` ends the
            // wait; it is touched under the lock only.
            unsafe { inside.waiters.push(&node) };
            drop(inside);
            assert_eq!(wait.park(Deadline::NEVER, None), Outcome::Woken);
        }
    }
}

pub(crate) struct PermitArm<'a> {
    permits: &'a Permits,
    gone: bool,
    heedless: bool,
    declines: bool,
}

// SAFETY: the node is in the queue from `enlist` to `delist`, touched under its lock.
unsafe impl Arm for PermitArm<'_> {
    fn attempt(&mut self) -> bool {
        let mut inside = self.permits.0.lock();
        if !self.gone && !self.declines && inside.left > 0 {
            inside.left -= 1;
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
        let mut inside = self.permits.0.lock();
        if inside.left > 0 && !self.declines {
            return false;
        }
        // SAFETY: by the caller; under the lock.
        unsafe { inside.waiters.push(node) };
        true
    }

    unsafe fn delist(&self, node: &Node) {
        // SAFETY: it was pushed into this queue.
        unsafe { self.permits.0.lock().waiters.remove(node) };
    }

    fn finish(&mut self) -> bool {
        self.declines = self.heedless;
        self.attempt()
    }
}

impl Chosen for PermitArm<'_> {
    type Output = ();
    fn take(&mut self) -> Option<()> {
        std::mem::take(&mut self.gone).then_some(())
    }
}

/// One selects among two sources, another waits for the first alone; each source gives a permit. Whoever
/// selects passes on what the other was to have. If a wake-up is lost this is a deadlock.
pub(crate) fn one_selects_and_one_waits(arm: for<'a> fn(&'a Permits) -> PermitArm<'a>) {
    let sources = Arc::new([Permits::default(), Permits::default()]);
    let selector = {
        let sources = sources.clone();
        thread::spawn(move || {
            let [a, b] = &*sources;
            if select(&mut [&mut arm(a), &mut b.arm()], Deadline::NEVER, None) == Ok(0) {
                a.give();
            }
        })
    };
    let other = {
        let sources = sources.clone();
        thread::spawn(move || sources[0].take())
    };
    sources[0].give();
    sources[1].give();
    selector.join().unwrap();
    other.join().unwrap();
}

#[test]
fn a_wake_up_is_used_or_was_not_given() {
    check("select and a waiter", 3, || {
        one_selects_and_one_waits(Permits::arm);
    });
}

#[test]
fn a_select_goes_by_one_arm() {
    check("two sources", 2, || {
        let sources = Arc::new([Permits::default(), Permits::default()]);
        let givers = [0, 1].map(|n| {
            let sources = sources.clone();
            thread::spawn(move || sources[n].give())
        });
        let [a, b] = &*sources;
        let (mut a_arm, mut b_arm) = (a.arm(), b.arm());
        let which = select(&mut [&mut a_arm, &mut b_arm], Deadline::NEVER, None).unwrap();
        let gone = [a_arm.take().is_some(), b_arm.take().is_some()];
        assert_eq!(gone, [which == 0, which == 1]);
        for giver in givers {
            giver.join().unwrap();
        }
        let left = [a, b].map(|source| source.0.lock().left);
        assert_eq!(left, [which, 1 - which]);
    });
}

#[test]
fn a_stop_a_cancellation_and_a_permit_exclude_each_other() {
    check("permit, stop, cancellation", 2, || {
        let (permits, source) = (Arc::new(Permits::default()), StopSource::new());
        let (token, unit) = (source.token(), current::unit());
        let giver = {
            let permits = permits.clone();
            thread::spawn(move || permits.give())
        };
        let ender = thread::spawn(move || {
            source.stop();
            unit.cancel();
        });
        let (mut permit, mut stop) = (permits.arm(), token.stop_arm());
        let which = select(&mut [&mut permit, &mut stop], Deadline::NEVER, None);
        let took = permit.take().is_some();
        assert_eq!(took, which == Ok(0));
        assert_eq!(stop.take().is_some(), which == Ok(1));
        giver.join().unwrap();
        ender.join().unwrap();
        assert_eq!(permits.0.lock().left, usize::from(!took));
        if let Err(error) = which {
            assert_eq!(error, SelectError::Canceled);
        }
    });
}

/// A permit moves on from the first source to the second, so that there always is one: see Note [One moment].
#[test]
fn a_look_at_several_finds_what_moves_between_them() {
    check("a permit that moves", 3, || {
        let sources = Arc::new([Permits::default(), Permits::default()]);
        sources[0].give();
        let mover = {
            let sources = sources.clone();
            thread::spawn(move || {
                sources[1].give();
                sources[0].arm().attempt()
            })
        };
        let [a, b] = &*sources;
        // The second is looked at first: it may have nothing yet, and then the first nothing any more.
        let which = try_select(&mut [&mut b.arm(), &mut a.arm()]);
        let moved = mover.join().unwrap();
        assert!(which.is_some(), "there was one at each moment");
        let left = [a, b].map(|source| source.0.lock().left);
        let taken = usize::from(moved) + 1;
        assert_eq!(left[0] + left[1] + taken, 2);
    });
}

//! How a worker sleeps that has registered as a sleeper, and who answers for timers meanwhile.
//!
//! Note \[The nap\]: the heavy fence between registering and the last look interrupts every processor on which the process
//! runs, tens of microseconds each time in a virtual machine, and a busy process falls asleep thousands of times a second, for a
//! moment. So the first sleep after registering is a *nap*: it has an end, and is taken after a look behind an ordinary fence.
//! What that look may miss is what was posted while it was taken, by one whose store had not left his processor; and the nap
//! ends by itself. Only whoever has napped in vain passes the heavy fence, looks again, and sleeps for good. Napping lies
//! between registering and the heavy fence, so the argument in `README.md` stands as if that took longer.

#[cfg(all(test, loom))]
use super::nap_model::nap;
use crate::{
    fence,
    hooks::Parked,
    idle::{Idle, Sleepers},
    poller::{Batch, Poller},
    shared::{Remote, Shared},
};
use std::time::Duration;
use vitte_wait::facade::{
    atomic::{Ordering::*, fence as full_fence},
    clock,
};

/// How long a nap is at most, in nanoseconds. In models the clock stands still, and nobody naps, but where that is what is
/// modelled.
#[cfg(not(all(test, loom)))]
const fn nap() -> u64 {
    if cfg!(any(loom, shuttle)) { 0 } else { 500_000 }
}

/// How long, in nanoseconds, others leave a timer that is due to its worker, if that is awake. It looks itself before it runs
/// the next few tasks, and most of what is woken can run nowhere else.
pub(crate) const GRACE: u64 = if cfg!(any(loom, shuttle)) { 0 } else { 250_000 };

/// How long, in nanoseconds, a timer is left to its worker, if that sleeps: it wakes for it, and looks. So it is only for a worker
/// that finds something there which keeps it, and while the keeper sleeps no longer than that, it need not be told each time
/// that another worker looks at its timers.
pub(super) const LONG_GRACE: u64 = if cfg!(any(loom, shuttle)) {
    0
} else {
    8_000_000
};

/// The deadline of a sleeper that has yet to look at all timers that it answers for.
pub(super) const UNKNOWN: u64 = u64::MAX;
/// The deadline of one that has looked, and found none.
const NEVER: u64 = u64::MAX - 1;

/// How often a keeper that the system refuses a poller looks into the common one.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Idle {
    /// Worker `me` has registered, as the keeper if it `keeps`: takes its last look and sleeps, until it is off the list
    /// again. `Some`: what `look` has found; it is still on the list then.
    pub(super) fn fall_asleep<T>(
        &self,
        shared: &Shared,
        me: usize,
        chores: u64,
        mut keeps: bool,
        look: impl Fn() -> Option<T>,
    ) -> Option<T> {
        let mut told = None;
        if nap() > 0 {
            // Ordering: SeqCst, our half of the pair of the heavy fence and the light ones. What the others' half might let
            // through is seen when the nap is over.
            full_fence(SeqCst);
            if let Some(found) = look() {
                return Some(found);
            }
            shared.may_be_over();
            told = Some(Parked::tell(shared, me));
            let end = clock::now().saturating_add(nap());
            if !self.doze(shared, me, chores, end, false) {
                return None;
            }
            let own = shared.remotes[me].timers.next();
            keeps = self.set_until(shared, me, UNKNOWN, own);
        }
        fence::heavy();
        if let Some(found) = look() {
            return Some(found);
        }
        shared.may_be_over();
        let _told = told.unwrap_or_else(|| Parked::tell(shared, me));
        self.doze(shared, me, chores, u64::MAX, keeps);
        None
    }

    /// Worker `me` is on a list of sleepers, and has taken its last look: sleeps until it is off it.
    pub(super) fn sleep(&self, shared: &Shared, me: usize, chores: u64) {
        // Whoever waits for the last task to end looks whenever a worker has nothing to do.
        shared.may_be_over();
        let _told = Parked::tell(shared, me);
        self.doze(shared, me, chores, u64::MAX, false);
    }

    /// Sleeps until `me` is off the list, or the clock says `end`; true if that came first. `keeps`: it has been the keeper, of a
    /// deadline that is [`UNKNOWN`], since before it last passed the heavy fence.
    fn doze(&self, shared: &Shared, me: usize, chores: u64, end: u64, mut keeps: bool) -> bool {
        let bed = &shared.remotes[me].bed;
        // Ordering: Acquire. Partner: the Release in `take_off`.
        while bed.asleep.load(Acquire) {
            if shared.has_signals() {
                self.get_up(shared, me);
                return false;
            }
            let (until, is_keeper) = if end == u64::MAX {
                self.sleep_until(shared, me, keeps)
            } else {
                self.nap_until(shared, me, end)
            };
            keeps = false;
            let until = until.min(chores);
            let mut left = None;
            if until.min(end) != u64::MAX {
                let now = clock::now();
                if now >= until {
                    self.get_up(shared, me);
                    return false;
                }
                if now >= end {
                    return true;
                }
                left = Some(Duration::from_nanos(until.min(end) - now));
            }
            let common = &*shared.reactor.common;
            let common = (is_keeper && common.has_sources()).then_some(common);
            if common.is_none() && !bed.poller.has_sources() {
                bed.parker.park(left);
            } else if self.sleep_in_poller(shared, me, common, left) {
                return false;
            }
        }
        false
    }

    /// Sleeps for once in the poller of `me`, and in `common`. True: something was ready, and `me` has got up.
    fn sleep_in_poller(
        &self,
        shared: &Shared,
        me: usize,
        common: Option<&Poller>,
        left: Option<Duration>,
    ) -> bool {
        let bed = &shared.remotes[me].bed;
        let (mut own, mut other) = (Batch::new(), Batch::new());
        // Before it sleeps there: whoever wakes it must find a bell to ring.
        let mut is_open = bed.poller.is_open();
        if is_open {
            bed.parker
                .park_in(|| is_open = bed.poller.sleep(common, &mut own, &mut other, left));
        }
        if !is_open {
            // There are too many descriptors for the keeper to have a poller. Then it has to look now and then.
            bed.parker
                .park(Some(left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN))));
            if let Some(common) = common {
                common.take(&mut other);
            }
        }
        if !own.has_any() && !other.has_any() {
            return false;
        }
        // First, so that what is made ready does not wake us.
        self.get_up(shared, me);
        shared.reactor.deliver(&own);
        shared.reactor.deliver(&other);
        true
    }

    /// Until when `me` may sleep, and whether it is the keeper: see "Timers" in the README. `keeps`: as in
    /// [`doze`](Self::doze).
    pub(crate) fn sleep_until(&self, shared: &Shared, me: usize, keeps: bool) -> (u64, bool) {
        let own = shared.remotes[me].timers.next();
        if !keeps {
            if !self.set_until(shared, me, UNKNOWN, own) {
                return (own, false);
            }
            fence::heavy();
        }
        let until = own.min(next_of_the_others(shared, me));
        self.set_until(shared, me, until.min(NEVER), own);
        (until, true)
    }

    /// As [`sleep_until`](Self::sleep_until), but what is missed by a hair is noticed at `end`.
    fn nap_until(&self, shared: &Shared, me: usize, end: u64) -> (u64, bool) {
        let own = shared.remotes[me].timers.next();
        let all = own.min(next_of_the_others(shared, me));
        match self.set_until(shared, me, all.min(end), own.min(end)) {
            true => (all, true),
            false => (own, false),
        }
    }

    /// Worker `me` sleeps until then: if it is the keeper, and if it is not. Says whether it is.
    fn set_until(&self, shared: &Shared, me: usize, keeper: u64, other: u64) -> bool {
        let sleepers = self.sleepers.lock();
        let keeps = sleepers.keeper == Some(me);
        if keeps {
            self.keeper_until.store(keeper, Relaxed);
        } else {
            let bed = &shared.remotes[me].bed;
            bed.until.store(other.min(NEVER), Relaxed);
        }
        keeps
    }

    /// The keeper, who would have woken at `until`, leaves its office to the sleeper `next`.
    ///
    /// Who armed a timer meanwhile, and found `until` early enough, finds what is earlier so, too; and what is missed otherwise
    /// is late by a nap at most, if the new keeper wakes up so soon.
    pub(super) fn hand_over(
        &self,
        shared: &Shared,
        sleepers: &mut Sleepers,
        until: u64,
        next: usize,
    ) {
        let bed = &shared.remotes[next].bed;
        let its = bed.until.load(Relaxed);
        sleepers.keeper = Some(next);
        let in_time = until != UNKNOWN && its <= until || its <= clock::now().saturating_add(nap());
        // It may sleep where it does not hear of the common poller.
        if in_time && !shared.reactor.common.has_sources() {
            self.keeper_until.store(its, Relaxed);
        } else {
            // It computes its deadline anew.
            self.keeper_until.store(UNKNOWN, Relaxed);
            bed.poke();
        }
    }
}

/// The earliest deadline of the workers that are awake, `u64::MAX` if there is none.
pub(super) fn next_of_the_awake(shared: &Shared) -> u64 {
    let awake = |remote: &&Remote| !remote.bed.asleep.load(Relaxed);
    let remotes = shared.remotes.iter().filter(awake);
    remotes
        .map(|remote| remote.timers.next())
        .min()
        .unwrap_or(u64::MAX)
}

/// When the keeper `me` looks after the timers of others, if they did not themselves.
fn next_of_the_others(shared: &Shared, me: usize) -> u64 {
    let remotes = shared.remotes.iter().enumerate();
    let others = remotes.filter(|(index, _)| *index != me);
    let looks = others.map(|(_, remote)| {
        let grace = if remote.bed.asleep.load(Relaxed) {
            LONG_GRACE
        } else {
            GRACE
        };
        remote.timers.next().saturating_add(grace)
    });
    looks.min().unwrap_or(u64::MAX)
}

//! How workers fall asleep and are woken. The protocol, and why no wake-up is lost, is in
//! `README.md` beside this file.

mod counters;
#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, loom))]
mod nap_model;
mod outside;
mod parker;
#[cfg(all(test, loom))]
mod parker_model;
mod sleep;

use crate::{
    choice, fence, pace,
    poller::Poller,
    shared::{Remote, Shared},
    worker::steal::Haste,
};
pub(crate) use counters::Counters;
pub(crate) use parker::IS_SIGNAL_SAFE;
use parker::Parker;
pub(crate) use parker::sleep_exactly;
pub(crate) use sleep::GRACE;
use sleep::{LONG_GRACE, UNKNOWN, next_of_the_awake};
use std::sync::Arc;
use vitte_wait::facade::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::*, fence as full_fence},
    clock, hint, thread,
};

/// What all workers know of each other's sleep.
pub(crate) struct Idle {
    counters: Counters,
    sleepers: Mutex<Sleepers>,
    /// Until when the keeper sleeps: [`UNKNOWN`] until it has looked at all timers; zero while there is none.
    keeper_until: AtomicU64,
}

#[derive(Default)]
struct Sleepers {
    /// All but the keeper.
    others: Vec<usize>,
    keeper: Option<usize>,
    /// Retired workers. They are not counted, and nobody wakes them for what others may run.
    resting: Vec<usize>,
}

/// From which list a worker was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// It was on none.
    None,
    Sleepers,
    Resting,
}

/// A worker's part: what others must know to wake it.
#[derive(Default)]
pub(crate) struct Bed {
    /// On the list of sleepers. Raised by the owner, cleared by whoever takes it off.
    asleep: AtomicBool,
    /// Was taken off by a poster, who counted it as searching.
    searching: AtomicBool,
    /// Until when it sleeps, as in `keeper_until`. Under the lock of the sleepers.
    until: AtomicU64,
    parker: Parker,
    /// For descriptors that its own tasks wait for. It sleeps in it when there are any.
    pub(crate) poller: Arc<Poller>,
    /// For fibers that block it.
    thread: Mutex<Option<thread::Thread>>,
}

impl Bed {
    /// Says which thread sleeps here. By that thread, before it runs anything.
    pub(crate) fn set_thread(&self, thread: thread::Thread) {
        self.parker.set_thread(&thread);
        *self.thread.lock() = Some(thread);
    }

    pub(crate) fn thread(&self) -> Option<thread::Thread> {
        self.thread.lock().clone()
    }

    /// Makes its worker look once more, if it sleeps.
    fn poke(&self) {
        self.parker.unpark(&self.poller);
    }

    /// Whether it sleeps or rests, or is about to.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep.load(Relaxed)
    }
}

/// How often who has descriptors to watch lets others have the processor, and looks, before it sleeps: some microseconds, where a
/// processor that halts in a virtual machine takes tens of them to wake up. Found by measuring `echo_1000`, as is that 256 are too many.
const YIELDS: u32 = 4;
/// How often a searcher looks before it sleeps, and how long it pauses in between: some
/// microseconds, for an eager thief makes tiny tasks several times dearer. It looks at its own inbox at
/// every pause.
const LOOKS: u32 = if cfg!(any(loom, shuttle)) { 1 } else { 10 };
const PAUSES: u32 = if cfg!(any(loom, shuttle)) { 1 } else { 600 };
/// How long a search takes at the most, in nanoseconds, on a processor whose pauses are long.
const NEAR: u64 = 500_000;

impl Idle {
    pub(crate) fn new() -> Self {
        Self {
            counters: Counters::new(),
            sleepers: Mutex::default(),
            keeper_until: AtomicU64::new(0),
        }
    }

    /// After a push to a queue that any worker may take from: wakes one if need be.
    #[inline(always)]
    pub(crate) fn post(&self, shared: &Shared) {
        fence::light();
        if self.counters.load().wants_wake() {
            self.wake_one(shared);
        }
    }

    /// What `post` looks at. It lives as long as the scheduler.
    pub(crate) fn counters(&self) -> *const Counters {
        &raw const self.counters
    }

    /// Whether some worker has nothing to do.
    #[inline]
    pub(crate) fn has_idle(&self) -> bool {
        let seen = self.counters.load();
        seen.sleeping() + seen.searching() > 0
    }

    #[cold]
    #[inline(never)]
    fn wake_one(&self, shared: &Shared) {
        let mut sleepers = self.sleepers.lock();
        if !self.counters.load().wants_wake() {
            return;
        }
        let next =
            choice::sleeper_to_wake(&mut sleepers.others).or_else(|| self.dismiss(&mut sleepers));
        match next {
            Some(index) => {
                self.take_off(shared, &sleepers, index, Left::Sleepers, true);
                drop(sleepers);
                shared.knock();
            }
            // Every worker is busy.
            None => self.rouse_pacer(shared),
        }
    }

    /// After a push to a queue that only the calling worker takes from.
    #[inline(always)]
    pub(crate) fn post_here(&self, shared: &Shared) {
        fence::light();
        if self.counters.load().is_pacer_asleep() {
            self.rouse_pacer(shared);
        }
    }

    #[cold]
    #[inline(never)]
    fn rouse_pacer(&self, shared: &Shared) {
        if self.counters.pacer_wakes() {
            shared.pacer.poke();
        }
    }

    /// The pacer has found that nobody waits: sleeps until somebody may, a timer is due that no worker
    /// answers for, or the scheduler ends.
    pub(crate) fn pacer_sleeps(&self, shared: &Shared) {
        self.counters.pacer_falls_asleep();
        fence::heavy();
        if !shared.is_stopping() && !shared.anything_waits() && !self.is_watch_needed(shared) {
            let mut most = u64::MAX;
            while self.counters.load().is_pacer_asleep() && !shared.is_stopping() {
                let until = self.pacer_until(shared, most);
                if clock::now() >= until {
                    break;
                }
                shared.pacer.sleep_until(until);
                // Who was poked will be again soon, as while timers are near, and is spared that.
                let now = clock::now();
                let soon = pace::beyond(now);
                let mut remotes = shared.remotes.iter();
                most = if now < until || remotes.any(|remote| remote.timers.next() < soon) {
                    soon
                } else {
                    u64::MAX
                };
            }
        }
        self.counters.pacer_wakes();
    }

    /// Whether descriptors are watched for which no worker sleeps: see "Descriptors" in the README.
    pub(crate) fn is_watch_needed(&self, shared: &Shared) -> bool {
        let is_unwatched = |remote: &Remote| {
            let bed = &remote.bed;
            bed.poller.has_sources() && !bed.is_asleep()
        };
        let common = shared.reactor.common.has_sources() && !self.has_keeper();
        common || shared.remotes.iter().any(is_unwatched)
    }

    pub(crate) fn has_keeper(&self) -> bool {
        self.sleepers.lock().keeper.is_some()
    }

    /// After a descriptor was registered with `poller`: that of the calling worker, which is awake, or the
    /// common one.
    pub(crate) fn source_added(&self, shared: &Shared, poller: &Arc<Poller>) {
        if Arc::ptr_eq(poller, &shared.reactor.common) {
            let sleepers = self.sleepers.lock();
            if let Some(keeper) = sleepers.keeper {
                // It may sleep where it does not hear of it.
                shared.remotes[keeper].bed.poke();
                return;
            }
        }
        self.post_here(shared);
    }

    /// Until when the pacer may sleep, `most` at the latest: while there is no keeper, it stands in for one.
    ///
    /// What it misses by a hair is late by one such sleep, if that is short; so only a long one needs the two steps, as with
    /// Note \[The nap\].
    pub(crate) fn pacer_until(&self, shared: &Shared, most: u64) -> u64 {
        if !pace::is_short(most) {
            shared.pacer.set_until(u64::MAX);
            fence::heavy();
        }
        let sleepers = self.sleepers.lock();
        let until = match sleepers.keeper {
            Some(_) => u64::MAX,
            None => pace::beyond(next_of_the_awake(shared)),
        };
        let until = until.min(most);
        shared.pacer.set_until(until);
        until
    }

    /// The keeper leaves its office.
    fn dismiss(&self, sleepers: &mut Sleepers) -> Option<usize> {
        self.keeper_until.store(0, Relaxed);
        sleepers.keeper.take()
    }

    /// Whether the keeper would sleep too long, if worker `index`, which is awake, did not see to a timer that
    /// is due then, by more than `grace`.
    #[inline]
    fn keeper_sleeps_beyond(&self, due: u64, grace: u64) -> bool {
        self.keeper_until.load(Relaxed) > due.saturating_add(grace)
    }

    /// Under the lock, after `index` has left the list `from`.
    fn take_off(
        &self,
        shared: &Shared,
        sleepers: &Sleepers,
        index: usize,
        from: Left,
        searching: bool,
    ) {
        let bed = &shared.remotes[index].bed;
        bed.searching.store(searching, Relaxed);
        if from == Left::Sleepers {
            self.counters.wake_up(searching);
        }
        // Ordering: Release. Partner: the Acquire in `doze`.
        bed.asleep.store(false, Release);
        self.leave_timers(shared, sleepers, index, GRACE);
        bed.poke();
    }

    /// Under the lock, after `index` has risen: the keeper answers for its timers from now on.
    ///
    /// The keeper sets its deadline under the lock, to "never" before it looks who is awake and to
    /// the true one afterwards. So it sees that `index` is, or we see a deadline that is too late.
    fn leave_timers(&self, shared: &Shared, sleepers: &Sleepers, index: usize, grace: u64) {
        match sleepers.keeper {
            Some(keeper) => {
                let due = shared.remotes[index].timers.next();
                if self.keeper_sleeps_beyond(due, grace) {
                    shared.remotes[keeper].bed.poke();
                }
            }
            // The pacer stands in, by the same argument.
            None => {
                if shared.pacer.sleeps_beyond(next_of_the_awake(shared)) {
                    shared.pacer.poke();
                }
                if shared.reactor.common.has_sources() && self.counters.load().is_pacer_asleep() {
                    self.rouse_pacer(shared);
                }
            }
        }
    }

    /// After a push to the inbox of worker `index`: wakes it if it sleeps.
    pub(crate) fn post_to(&self, shared: &Shared, index: usize) {
        fence::light();
        if shared.remotes[index].bed.asleep.load(Relaxed) {
            self.wake_this(shared, index);
        } else if self.counters.load().is_pacer_asleep() {
            self.rouse_pacer(shared);
        }
    }

    #[cold]
    fn wake_this(&self, shared: &Shared, index: usize) {
        let mut sleepers = self.sleepers.lock();
        let from = self.leave(shared, &mut sleepers, index);
        if from != Left::None {
            self.take_off(shared, &sleepers, index, from, false);
            drop(sleepers);
            shared.knock();
        }
    }

    /// Takes `index` off the list that it is on. A keeper hands its office on.
    fn leave(&self, shared: &Shared, sleepers: &mut Sleepers, index: usize) -> Left {
        if sleepers.keeper == Some(index) {
            let until = self.keeper_until.load(Relaxed);
            self.dismiss(sleepers);
            if let Some(next) = sleepers.others.pop() {
                self.hand_over(shared, sleepers, until, next);
            }
            return Left::Sleepers;
        }
        let Sleepers {
            others, resting, ..
        } = sleepers;
        for (list, from) in [(others, Left::Sleepers), (resting, Left::Resting)] {
            if let Some(at) = list.iter().position(|&other| other == index) {
                list.remove(at);
                return from;
            }
        }
        Left::None
    }

    /// After arming a timer that is the next of its wheel: sees to it that the keeper knows.
    #[inline]
    pub(crate) fn timer_armed(&self, shared: &Shared, deadline: u64) {
        fence::light();
        if self.keeper_sleeps_beyond(deadline, GRACE) {
            self.poke_keeper(shared, deadline);
        } else if self.keeper_until.load(Relaxed) == 0 && shared.pacer.sleeps_beyond(deadline) {
            shared.pacer.poke();
        }
    }

    /// After anybody has armed the next timer of the wheel of worker `index`: sees to it that whoever
    /// answers for it knows.
    ///
    /// Liveness: if the worker sleeps it computes its deadline anew. If it rises meanwhile, it leaves its
    /// timers to the keeper, but may not see this one yet; so the keeper is told in any case.
    pub(crate) fn timer_armed_for(&self, shared: &Shared, index: usize, deadline: u64) {
        fence::light();
        let bed = &shared.remotes[index].bed;
        if bed.asleep.load(Relaxed) {
            bed.poke();
        }
        self.timer_armed(shared, deadline);
    }

    #[cold]
    fn poke_keeper(&self, shared: &Shared, deadline: u64) {
        let keeper = self.sleepers.lock().keeper;
        match keeper {
            Some(keeper) => {
                shared.remotes[keeper].bed.poke();
                shared.knock();
            }
            // It has left its office meanwhile.
            None if shared.pacer.sleeps_beyond(deadline) => shared.pacer.poke(),
            None => {}
        }
    }

    /// After a push to the ring of signals: wakes a sleeper, if there is one, and says so.
    /// Async-signal-safe, so it takes nobody off the list: whoever is poked does that himself.
    pub(crate) fn signaled(&self, shared: &Shared) -> bool {
        // Ordering: SeqCst, store-load pair: the push, `asleep`. Partners: `heavy` in `fall_asleep`, and
        // the fence in `risen`. See "Signals" in the README.
        full_fence(SeqCst);
        let mut beds = shared.remotes.iter().map(|remote| &remote.bed);
        let sleeper = beds.find(|bed| bed.asleep.load(Relaxed));
        sleeper.is_some_and(|bed| {
            bed.poke();
            if let Some(host) = &shared.host {
                host.knock.signaled();
            }
            true
        })
    }

    /// Worker `me` is off the list again: it may be the one that [`signaled`](Self::signaled) woke, and
    /// nobody sleeps in its poller any more.
    fn risen(&self, shared: &Shared, me: usize) {
        // Ordering: SeqCst, store-load pairs: `asleep` (cleared), the ring. Partner: `signaled`. And `asleep`,
        // the pacer's bit. Partner: the heavy fence in `pacer_sleeps`.
        full_fence(SeqCst);
        shared.heed_signals();
        if shared.remotes[me].bed.poller.has_sources() && self.counters.load().is_pacer_asleep() {
            self.rouse_pacer(shared);
        }
    }

    /// Wakes everybody, for good: the runtime ends.
    pub(crate) fn wake_all(&self, shared: &Shared) {
        let mut sleepers = self.sleepers.lock();
        let keeper = self.dismiss(&mut sleepers);
        for index in std::mem::take(&mut sleepers.others)
            .into_iter()
            .chain(keeper)
        {
            self.take_off(shared, &sleepers, index, Left::Sleepers, false);
        }
        for index in std::mem::take(&mut sleepers.resting) {
            self.take_off(shared, &sleepers, index, Left::Resting, false);
        }
        shared.pacer.poke();
        drop(sleepers);
        shared.knock();
    }

    /// What worker `me` does when it found nothing: searches for a while, then sleeps. Returns what
    /// `search` found, or `None` when it is time to look at everything again.
    ///
    /// `inbox` says whether there is something for `me` alone, or `me` is retired; `search` looks everywhere, in haste the last
    /// time before `me` sleeps; at `chores`
    /// (nanoseconds) `me` has something to do of its own.
    pub(crate) fn wait<T>(
        &self,
        shared: &Shared,
        me: usize,
        chores: u64,
        inbox: impl Fn() -> bool,
        search: impl Fn(Haste) -> Option<T>,
    ) -> Option<T> {
        let bed = &shared.remotes[me].bed;
        let limit = (shared.active() as u32).div_ceil(2);
        let look = |haste| {
            if inbox() || shared.is_stopping() {
                Some(None)
            } else {
                search(haste).map(Some)
            }
        };
        // Who makes descriptors ready may wait for this processor. What he does with it is found in one go; else each
        // event would wake us from a sleep of its own. In models nobody waits for a processor.
        if bed.poller.has_sources() && !cfg!(any(loom, shuttle)) {
            for _ in 0..YIELDS {
                thread::yield_now();
                if let Some(found) = look(Haste::None) {
                    return found;
                }
            }
        }
        loop {
            // Who has descriptors to watch finds what is ready while he sleeps; to search would only keep the
            // processor from those who make it ready. And who is about to be woken by the time is back soon.
            let patient = !bed.poller.has_sources() && !Self::timer_is_near(shared);
            // A poster that woke us has counted us as searching already.
            let searching =
                bed.searching.swap(false, Relaxed) || patient && self.counters.start_search(limit);
            let looks = if patient { LOOKS } else { 1 };
            if searching && let Some(found) = Self::search(looks, &inbox, || look(Haste::None)) {
                self.found(shared);
                return found;
            }
            let keeps = self.register(shared, me, searching);
            if let Some(found) = self.fall_asleep(shared, me, chores, keeps, || look(Haste::Any)) {
                self.get_up(shared, me);
                self.risen(shared, me);
                // As when a searcher finds something, which it was until just now.
                if searching && self.counters.load().wants_wake() {
                    self.wake_another(shared);
                }
                return found;
            }
            self.risen(shared, me);
            if !bed.searching.load(Relaxed) {
                return None;
            }
        }
    }

    /// Whether a timer is due before a search would be over.
    fn timer_is_near(shared: &Shared) -> bool {
        let next = shared.remotes.iter().map(|remote| remote.timers.next());
        let next = next.min().unwrap_or(u64::MAX);
        next != u64::MAX && next <= clock::now().saturating_add(NEAR)
    }

    fn search<T>(looks: u32, inbox: &impl Fn() -> bool, look: impl Fn() -> Option<T>) -> Option<T> {
        for turn in 0..looks {
            if turn > 0 {
                for _ in 0..PAUSES {
                    hint::spin_loop();
                    if inbox() {
                        break;
                    }
                }
            }
            if let Some(found) = look() {
                return Some(found);
            }
        }
        None
    }

    /// A searcher has found something.
    fn found(&self, shared: &Shared) {
        if self.counters.end_search() {
            self.wake_another(shared);
        }
    }

    /// Whoever searched last found something, and others sleep: there may be more where that came from.
    #[cold]
    fn wake_another(&self, shared: &Shared) {
        if self.counters.load().sleeping() > 0 {
            self.wake_one(shared);
            return;
        }
        // The pacer need not be roused for what this searcher took. What others posted meanwhile it
        // sees behind the fence.
        fence::heavy();
        if shared.anything_waits() {
            self.wake_one(shared);
        }
    }

    /// A worker that has registered must not sleep, or has slept long enough.
    fn get_up(&self, shared: &Shared, me: usize) {
        let bed = &shared.remotes[me].bed;
        let mut sleepers = self.sleepers.lock();
        let from = self.leave(shared, &mut sleepers, me);
        if from == Left::Sleepers {
            self.counters.wake_up(false);
        }
        if from != Left::None {
            bed.asleep.store(false, Relaxed);
            // It looks at its timers now.
            self.leave_timers(shared, &sleepers, me, LONG_GRACE);
        }
        // If somebody took us off, it may have been to search.
        drop(sleepers);
        if bed.searching.swap(false, Relaxed) {
            self.found(shared);
        }
    }

    /// Says whether `me` is the keeper.
    fn register(&self, shared: &Shared, me: usize, searching: bool) -> bool {
        let mut sleepers = self.sleepers.lock();
        let bed = &shared.remotes[me].bed;
        bed.asleep.store(true, Relaxed);
        bed.until.store(UNKNOWN, Relaxed);
        let keeps = sleepers.keeper.is_none();
        if keeps {
            sleepers.keeper = Some(me);
            self.keeper_until.store(UNKNOWN, Relaxed);
        } else {
            sleepers.others.push(me);
        }
        self.counters.fall_asleep(searching);
        keeps
    }

    /// What the retired worker `me` does when it found nothing: sleeps until there is something for it
    /// alone, its timers included, or the clock says `until`. `due` says so; it also says whether `me` is retired no more, and
    /// whether there is something to give away.
    pub(crate) fn rest(&self, shared: &Shared, me: usize, until: u64, due: impl Fn() -> bool) {
        {
            let mut sleepers = self.sleepers.lock();
            shared.remotes[me].bed.asleep.store(true, Relaxed);
            sleepers.resting.push(me);
        }
        fence::heavy();
        if due() || shared.is_stopping() {
            self.get_up(shared, me);
        } else {
            self.sleep(shared, me, until);
        }
        self.risen(shared, me);
    }
}

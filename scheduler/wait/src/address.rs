//! Waiting on an address: a table of queues, keyed by the address of a 32-bit word.
//!
//! This is the design of `WTF::ParkingLot` (Filip Pizlo, 2015) and of Linux's
//! futex: a lock needs one word of its own, and whoever has to wait for it waits *here*. The
//! table is sharded by a hash of the address; a shard's lock makes "the word still holds the
//! value" and "I am in the queue" one step for everybody who wakes.
//!
//! **Invariants:** a line exists in a shard exactly as long as its queue has a node. The key is
//! only compared, never followed, so a word may be freed as soon as nobody waits on it, even
//! while its last waker is still on the way out.
//!
//! Note \[Inheritance at an address\]: who waits for a lock says who holds it, by the word that he found, and under the
//! shard's lock, with the word still so, lends that holder his urgency. The word then says that somebody waits, so the
//! holder comes here when he has released it, and takes back what is lent to him. Until he comes the lock may
//! have another holder, whom others that wait lend to: the line has one loan, to the latest holder, for what was lent to
//! those before is of no use any more. It is never more than the most urgent in line: who leaves takes back what
//! nobody else lends, and a line that ends has none.

use crate::{
    Claimed, Deadline, Loan, Node, Outcome, Priority, Reason, StopToken, Unit, Wait, WaitQueue,
    facade::{
        Mutex,
        atomic::{AtomicU32, Ordering::*},
    },
};
use std::{fmt, mem, ptr};

/// How many locks the table has. A power of two.
const SHARDS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 256 };

/// Those who wait on one address.
struct Line {
    key: usize,
    queue: WaitQueue,
    /// What they lend to whoever holds the lock they wait for, if it is one. See Note [Inheritance at an address].
    lent: Option<Loan>,
}

impl Line {
    /// Lends `holder` as much as the most urgent in line has, and nobody else anything.
    fn lend(&mut self, holder: &'static Unit) {
        let most = self.queue.most_urgent();
        if let Some(loan) = &self.lent
            && loan.is_to(holder)
            && Some(loan.urgency()) == most
        {
            return;
        }
        // The new one first, so that the holder is not less urgent in between.
        let loan = most.and_then(|most| Loan::new(holder, most));
        self.lent = loan;
    }
}

/// The lines whose addresses share a lock. Alone on its cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Shard(Mutex<Vec<Line>>);

/// Where units wait on addresses.
///
/// Every process has [one](wait_on) that all share; a table of one's own serves only to be
/// looked at in isolation, for instance by a model checker.
pub struct AddressTable {
    shards: Box<[Shard]>,
}

impl AddressTable {
    /// A table nobody waits in.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        }
    }

    fn shard(&self, key: usize) -> &Shard {
        // Fibonacci hashing: the high bits of the product depend on every bit of the address.
        let hash = (key >> 2).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as usize);
        &self.shards[(hash >> (usize::BITS / 2)) % SHARDS]
    }

    /// Parks the calling unit in this table. See [`wait_on`].
    ///
    /// # Panics
    /// As [`Wait::begin`].
    pub fn wait_on(
        &self,
        word: &AtomicU32,
        expect: u32,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Outcome {
        // Ordering: Acquire. Partner: whatever the caller released when it changed the word; the
        // same order that a return after a wake-up gives.
        if word.load(Acquire) != expect {
            return Outcome::Woken;
        }
        let wait = Wait::begin(Reason::Event, ptr::from_ref(word).cast());
        self.stay(wait, word, expect, None, deadline, stop)
    }

    /// As [`wait_on`](Self::wait_on), for a lock: while `word` holds `expect`, `holder` has it, and is lent the
    /// urgency of those who wait. Who releases it is to call [`wake_next`](Self::wake_next).
    ///
    /// # Panics
    /// As [`Wait::begin`].
    pub fn wait_for_holder(
        &self,
        word: &AtomicU32,
        expect: u32,
        holder: Option<&'static Unit>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Outcome {
        let wait = Wait::begin_liftable(true, Reason::Lock, ptr::from_ref(word).cast());
        self.stay(wait, word, expect, holder, deadline, stop)
    }

    fn stay(
        &self,
        wait: Wait,
        word: &AtomicU32,
        expect: u32,
        holder: Option<&'static Unit>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Outcome {
        let key = ptr::from_ref(word).addr();
        let node = Node::new(wait.ticket(), ptr::null_mut());
        {
            let mut lines = self.shard(key).0.lock();
            // Ordering: Relaxed. A waker changes the word and then takes this lock. If it had the
            // lock before us, its unlock and our lock order the change before this load; if it
            // comes after us, it finds our node.
            if word.load(Relaxed) != expect {
                drop(lines);
                return wait.withdraw().err().unwrap_or(Outcome::Woken);
            }
            let at = lines.iter().position(|line| line.key == key);
            let at = at.unwrap_or_else(|| {
                lines.push(Line {
                    key,
                    queue: WaitQueue::new(),
                    lent: None,
                });
                lines.len() - 1
            });
            // SAFETY: `node` is in no queue and stays in this frame until it has left this one:
            // popped by `wake`, or taken out by `leave`. Both happen under the shard's lock.
            unsafe { lines[at].queue.push(&node) };
            if let Some(holder) = holder {
                lines[at].lend(holder);
            }
        }
        let leave = Leave {
            shard: self.shard(key),
            key,
            node: &node,
        };
        let outcome = wait.park(deadline, stop);
        if outcome == Outcome::Woken && node.has_won() {
            // A waker has popped the node. Else we have become more urgent.
            mem::forget(leave);
        }
        outcome
    }

    /// Wakes up to `count` units that wait at `word`, oldest first; says how many. See [`wake`].
    pub fn wake(&self, word: *const AtomicU32, count: usize) -> usize {
        let key = word.addr();
        if count == 1 {
            // The usual case allocates nothing. The claim is dropped after the lock.
            let claimed = {
                let mut lines = self.shard(key).0.lock();
                pop(&mut lines, key)
            };
            return usize::from(claimed.is_some());
        }
        let claimed: Vec<Claimed> = {
            let mut lines = self.shard(key).0.lock();
            std::iter::from_fn(|| pop(&mut lines, key))
                .take(count)
                .collect()
        };
        claimed.len()
    }

    /// Wakes the most urgent of those that [wait](Self::wait_for_holder) for the lock at `word`, which `holder`, the
    /// caller, has released; takes back what they lent him.
    pub fn wake_next(&self, word: *const AtomicU32, holder: &'static Unit) {
        let key = word.addr();
        // The claim is dropped after the lock.
        let _claimed = {
            let mut lines = self.shard(key).0.lock();
            let Some(at) = lines.iter().position(|line| line.key == key) else {
                return;
            };
            let line = &mut lines[at];
            line.lent.take_if(|loan| loan.is_to(holder));
            let pop = if Priority::matters() {
                WaitQueue::pop_most_urgent
            } else {
                WaitQueue::pop
            };
            pop_from(&mut lines, at, pop)
        };
    }

    /// How many units wait at any address. Takes every lock in turn; for onlookers.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |shard: &Shard| {
            shard
                .0
                .lock()
                .iter()
                .map(|line| line.queue.len())
                .sum::<usize>()
        };
        self.shards.iter().map(count).sum()
    }

    /// Whether nobody waits at any address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.0.lock().is_empty())
    }
}

/// Takes the oldest waiter at `key` out that can still be claimed.
fn pop(lines: &mut Vec<Line>, key: usize) -> Option<Claimed> {
    let at = lines.iter().position(|line| line.key == key)?;
    pop_from(lines, at, WaitQueue::pop)
}

/// Takes one out of the line at `at`, in the order of `pop`; the line goes with the last.
fn pop_from(
    lines: &mut Vec<Line>,
    at: usize,
    pop: impl FnOnce(&mut WaitQueue, Outcome) -> Option<(Claimed, *mut ())>,
) -> Option<Claimed> {
    let popped = pop(&mut lines[at].queue, Outcome::Woken);
    if lines[at].queue.is_empty() {
        lines.swap_remove(at);
    }
    popped.map(|(claimed, _)| claimed)
}

/// Takes a waiter out of its line, however its wait ends.
struct Leave<'a> {
    shard: &'a Shard,
    key: usize,
    node: &'a Node,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut lines = self.shard.0.lock();
        let at = lines.iter().position(|line| line.key == self.key);
        if let Some(at) = at
            && self.node.is_linked()
        {
            // SAFETY: a node that is linked is linked into the line of its key, in this shard.
            unsafe { lines[at].queue.remove(self.node) };
            if lines[at].queue.is_empty() {
                lines.swap_remove(at);
            } else if let Some(holder) = lines[at].lent.as_ref().map(Loan::to) {
                lines[at].lend(holder);
            }
        }
    }
}

impl Default for AddressTable {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AddressTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressTable")
            .field("waiters", &self.len())
            .finish()
    }
}

#[cfg(not(any(loom, shuttle)))]
static TABLE: std::sync::LazyLock<AddressTable> = std::sync::LazyLock::new(AddressTable::new);

/// Waits while `word` holds `expect`, until somebody calls [`wake`] with its address.
///
/// Returns [`Outcome::Woken`] also, and at once, if the word holds another value. Either way the
/// word may have changed by the time the caller looks, so callers wait in a loop.
///
/// # Blocking
/// Blocks the calling unit: a fiber suspends, a thread sleeps.
///
/// # Cancellation
/// Nothing is lost: the unit just leaves the queue.
///
/// # Panics
/// As [`Wait::begin`].
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU32, Ordering::*}};
/// use vitte_wait::{Deadline, wait_on, wake};
///
/// let word = Arc::new(AtomicU32::new(0));
/// let setter = std::thread::spawn({
///     let word = word.clone();
///     move || {
///         word.store(1, Release);
///         wake(&*word, usize::MAX)
///     }
/// });
/// while word.load(Acquire) == 0 {
///     let _ = wait_on(&word, 0, Deadline::NEVER, None);
/// }
/// assert!(setter.join().unwrap() <= 1);
/// ```
#[cfg(not(any(loom, shuttle)))]
pub fn wait_on(
    word: &AtomicU32,
    expect: u32,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Outcome {
    TABLE.wait_on(word, expect, deadline, stop)
}

/// Wakes up to `count` units that [wait](wait_on) at `word`, oldest first, and says how many.
///
/// The word is to be changed *before*. The address is only compared, never followed, so it may
/// be that of a word which a unit woken elsewhere has freed meanwhile. Never blocks.
#[cfg(not(any(loom, shuttle)))]
pub fn wake(word: *const AtomicU32, count: usize) -> usize {
    TABLE.wake(word, count)
}

/// As [`AddressTable::wait_for_holder`], in the table that all share.
///
/// # Panics
/// As [`Wait::begin`].
#[cfg(not(any(loom, shuttle)))]
pub fn wait_for_holder(
    word: &AtomicU32,
    expect: u32,
    holder: Option<&'static Unit>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Outcome {
    TABLE.wait_for_holder(word, expect, holder, deadline, stop)
}

/// As [`AddressTable::wake_next`], in the table that all share. Never blocks.
#[cfg(not(any(loom, shuttle)))]
pub fn wake_next(word: *const AtomicU32, holder: &'static Unit) {
    TABLE.wake_next(word, holder);
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::StopSource;
    use std::{sync::Arc, thread, time::Duration};

    fn long() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    /// Returns once `count` units wait in `table`.
    fn until_waiting(table: &AddressTable, count: usize) {
        while table.len() != count {
            thread::yield_now();
        }
    }

    #[test]
    fn another_value_ends_the_wait_at_once() {
        let table = AddressTable::new();
        let word = AtomicU32::new(7);
        assert_eq!(
            table.wait_on(&word, 8, Deadline::NEVER, None),
            Outcome::Woken
        );
    }

    #[test]
    fn a_wait_that_times_out_leaves_no_line_behind() {
        let table = AddressTable::new();
        let word = AtomicU32::new(0);
        let soon = Deadline::after(Duration::from_millis(2));
        assert_eq!(table.wait_on(&word, 0, soon, None), Outcome::TimedOut);
        assert_eq!(
            table.wait_on(&word, 0, Deadline::NOW, None),
            Outcome::TimedOut
        );
        assert!(table.is_empty());
        assert_eq!(table.wake(&word, 1), 0);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let table = Arc::new(AddressTable::new());
        let source = StopSource::new();
        let waiter = thread::spawn({
            let (table, token) = (table.clone(), source.token());
            move || table.wait_on(&AtomicU32::new(0), 0, long(), Some(&token))
        });
        until_waiting(&table, 1);
        source.stop();
        assert_eq!(waiter.join().unwrap(), Outcome::Stopped);
        assert!(table.is_empty());
    }

    #[test]
    fn wake_reaches_as_many_as_asked_and_only_those_at_the_address() {
        let table = Arc::new(AddressTable::new());
        let words = Arc::new([const { AtomicU32::new(0) }; 2]);
        let spawn = |which: usize| {
            let (table, words) = (table.clone(), words.clone());
            thread::spawn(move || table.wait_on(&words[which], 0, long(), None))
        };
        let first: Vec<_> = (0..3).map(|_| spawn(0)).collect();
        let second = spawn(1);
        until_waiting(&table, 4);
        assert_eq!(table.wake(&words[0], 1), 1);
        assert_eq!(table.wake(&words[0], usize::MAX), 2);
        assert_eq!(table.wake(&words[0], usize::MAX), 0);
        assert_eq!(table.len(), 1);
        assert_eq!(table.wake(&words[1], 1), 1);
        for waiter in first.into_iter().chain([second]) {
            assert_eq!(waiter.join().unwrap(), Outcome::Woken);
        }
    }

    #[test]
    fn a_lock_made_of_one_word_excludes_and_loses_no_wake_up() {
        const ROUNDS: u32 = 2000;
        /// 0 free, 1 held, 2 held and somebody may wait (Drepper's third mutex).
        struct Lock(AtomicU32, AtomicU32);
        let lock = Arc::new(Lock(AtomicU32::new(0), AtomicU32::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        if lock.0.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
                            while lock.0.swap(2, Acquire) != 0 {
                                assert_eq!(wait_on(&lock.0, 2, long(), None), Outcome::Woken);
                            }
                        }
                        // Not an atomic increment, so that only exclusion makes it right.
                        lock.1.store(lock.1.load(Relaxed) + 1, Relaxed);
                        if lock.0.swap(0, Release) == 2 {
                            wake(&lock.0, 1);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(lock.1.load(Relaxed), 4 * ROUNDS);
    }
}

//! Who waits at a lock of readers and writers, and who of them is let in. The rules are told, and
//! the invariants stated, in the [module above](super).

use super::{POISONED, QUEUED, RawRwLock, Reading, WRITER, readers};
use crate::raw::{Patience, Refused};
use std::{cell::Cell, ptr};
use vitte_wait::{
    Claimed, Loan, Node, Outcome, Priority, WaitQueue, facade::atomic::Ordering::*, roster::Entry,
};

pub(super) struct Waiting {
    pub(super) readers: WaitQueue,
    pub(super) writers: WaitQueue,
    /// One at most whose wait is open.
    pub(super) upgraders: WaitQueue,
    /// The readers without a place.
    pub(super) crowd: Vec<Crowded>,
    /// What those who wait lend to those inside: one for each unit. See Note [Inheritance by many].
    pub(super) lent: Vec<Loan>,
    /// How many writers were let in that waited.
    pub(super) turns: u8,
}

/// A reader without a place.
pub(super) struct Crowded {
    pub(super) mark: usize,
    /// Where a writer [has found](super::leaning) it.
    pub(super) entry: Option<&'static Entry>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.readers.is_empty() && self.writers.is_empty() && self.upgraders.is_empty()
    }

    /// Takes out the writer whose turn it is.
    fn pop_writer(&mut self) -> Option<(Claimed, *mut ())> {
        self.turns = self.turns.wrapping_add(1);
        let urgent = if Priority::matters() && !self.turns.is_multiple_of(8) {
            self.writers.pop_most_urgent(Outcome::Woken)
        } else {
            None
        };
        // That leaves those who have given up where they are; this does not.
        urgent.or_else(|| self.writers.pop(Outcome::Woken))
    }
}

/// What a waiter lends to whoever lets it in.
pub(super) struct Slip {
    mark: usize,
    /// As what it was let in, if as a reader.
    pub(super) reading: Cell<Reading>,
}

impl Slip {
    pub(super) fn new(mark: usize) -> Self {
        Self {
            mark,
            reading: Cell::new(Reading::crowded(mark)),
        }
    }

    pub(super) fn payload(&self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// # Safety
    /// `payload` is that of a waiter whose claim is held.
    unsafe fn of<'a>(payload: *mut ()) -> &'a Self {
        // SAFETY: by the caller the waiter, on whose stack it lies, does not go on.
        unsafe { &*payload.cast() }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Queue {
    Readers,
    Writers,
    Upgraders,
}

impl Queue {
    /// Whether one who comes into this queue has to wait, by what the word says.
    fn is_held_back(self, word: u64) -> bool {
        match self {
            Self::Readers => word & (WRITER | QUEUED) != 0,
            Self::Writers => word & !POISONED != 0,
            Self::Upgraders => readers(word) > 1,
        }
    }
}

impl Waiting {
    fn of(&mut self, queue: Queue) -> &mut WaitQueue {
        match queue {
            Queue::Readers => &mut self.readers,
            Queue::Writers => &mut self.writers,
            Queue::Upgraders => &mut self.upgraders,
        }
    }
}

impl RawRwLock {
    /// Waits in `queue` to be let in, unless `look`, under the lock, finds that it need not.
    pub(super) fn wait(
        &self,
        queue: Queue,
        slip: &Slip,
        patience: Patience<'_>,
        look: impl Fn(&mut Waiting) -> Option<()>,
    ) -> Result<(), Refused> {
        while !self.wait_once(queue, slip, patience, &look)? {}
        Ok(())
    }

    /// False: we have become more urgent, and are to wait again, with that.
    fn wait_once(
        &self,
        queue: Queue,
        slip: &Slip,
        patience: Patience<'_>,
        look: impl Fn(&mut Waiting) -> Option<()>,
    ) -> Result<bool, Refused> {
        let wait = patience.begin_liftable(ptr::from_ref(self).cast());
        let node = Node::new(wait.ticket(), slip.payload());
        {
            let mut waiting = self.waiting.lock();
            if !matches!(queue, Queue::Readers) {
                self.straighten_in(&mut waiting);
            }
            // Liveness: the flag is raised by a compare-and-swap from a word that says why we wait:
            // somebody is inside, who will find the flag when he leaves, and then us; or somebody is
            // on his way to settle, and needs the lock that we have.
            loop {
                if look(&mut waiting).is_some() {
                    drop(waiting);
                    // A cancellation that came in between is noticed by the next wait, if there is one.
                    let _ = wait.withdraw();
                    return Ok(true);
                }
                let now = self.word.load(Relaxed);
                let raised = now | QUEUED;
                // Ordering: AcqRel. Partner: the read-modify-write in `show_maker`, whose mark is to be seen below if it
                // comes first; and the Release of a reader that has left, whose mark is not to be seen any more.
                if queue.is_held_back(now)
                    && self
                        .word
                        .compare_exchange_weak(now, raised, AcqRel, Relaxed)
                        .is_ok()
                {
                    break;
                }
            }
            // SAFETY: `node` is in no queue, stays in this frame until it is popped or `linked`
            // has taken it out (also when `park` unwinds), and is touched only under this lock.
            unsafe { waiting.of(queue).push(&node) };
            self.lend(&mut waiting);
        }
        let linked = Linked {
            lock: self,
            queue,
            node: &node,
        };
        match wait.park(patience.deadline, patience.stop) {
            Outcome::Woken if node.has_won() => {
                // `settle` has popped the node.
                std::mem::forget(linked);
                Ok(true)
            }
            Outcome::Woken => Ok(false),
            ended => Err(Refused::Ended(ended)),
        }
    }

    /// Takes the queue's lock, leaves as a writer if so told, and lets in whoever may.
    #[cold]
    #[inline(never)]
    pub(super) fn settle_after(&self, writer: bool) {
        let entered = {
            let mut waiting = self.waiting.lock();
            if writer {
                // Ordering: Release, as in `leave_writing`.
                self.word.fetch_and(!WRITER, Release);
            }
            self.settle(&mut waiting, writer)
        };
        // They go on after the queue's lock is released.
        drop(entered);
    }

    /// Lets in whoever may enter now, readers before writers if `readers_first`; they go on when
    /// the result is dropped, which is to be after the lock.
    pub(super) fn settle(&self, waiting: &mut Waiting, readers_first: bool) -> Vec<Claimed> {
        let mut entered = Vec::new();
        loop {
            // Ordering: Acquire. Partner: the Release of those who left; what they did is passed on by the claim.
            let now = self.word.load(Acquire);
            if now & WRITER != 0 {
                break;
            }
            let inside = readers(now);
            if !waiting.upgraders.is_empty() {
                if inside != 1 && waiting.upgraders.peek_open().is_some() {
                    break;
                }
                if let Some((claimed, slip)) = waiting.upgraders.pop(Outcome::Woken) {
                    // SAFETY: the claim is held.
                    let slip = unsafe { Slip::of(slip) };
                    let alone = self.become_writer(waiting, slip.mark);
                    debug_assert!(alone, "it is inside, and nobody else enters");
                    entered.push(claimed);
                    break;
                }
                continue;
            }
            if inside == 0
                && (!readers_first || waiting.readers.is_empty())
                && let Some((claimed, slip)) = waiting.pop_writer()
            {
                self.word.fetch_or(WRITER, Relaxed);
                // SAFETY: the claim is held.
                let slip = unsafe { Slip::of(slip) };
                // Ordering: Release, as in `enter`.
                self.writer.store(slip.mark, Release);
                entered.push(claimed);
                break;
            }
            if inside == 0 || readers_first || waiting.writers.peek_open().is_none() {
                while let Some((claimed, slip)) = waiting.readers.pop(Outcome::Woken) {
                    // SAFETY: the claim is held.
                    let slip = unsafe { Slip::of(slip) };
                    let Some(reading) = self.enter(waiting, slip.mark) else {
                        unreachable!("no writer enters while we have the lock")
                    };
                    slip.reading.set(reading);
                    entered.push(claimed);
                }
                if entered.is_empty() && inside == 0 && !waiting.writers.is_empty() {
                    // The readers had all given up: a writer's turn.
                    continue;
                }
            }
            break;
        }
        // Before `QUEUED` goes, without which nobody would come here for what was lent to him.
        self.lend(waiting);
        if waiting.is_empty() {
            self.word.fetch_and(!QUEUED, Relaxed);
        }
        entered
    }
}

/// Takes a waiter out of its queue, however its wait ends.
struct Linked<'a> {
    lock: &'a RawRwLock,
    queue: Queue,
    node: &'a Node,
}

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        let entered = {
            let mut waiting = self.lock.waiting.lock();
            // SAFETY: the node was pushed into this queue and into no other.
            unsafe { waiting.of(self.queue).remove(self.node) };
            // Those who waited behind it may have nothing to wait for any more.
            self.lock.settle(&mut waiting, false)
        };
        drop(entered);
    }
}

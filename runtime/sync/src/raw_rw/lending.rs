//! Who waits at a lock of readers and writers lends to those inside: see Note [Inheritance by many].

use super::{QUEUED, RawRwLock, waiting::Waiting};
use std::{mem, ptr};
use vitte_wait::{
    Loan, Priority, Unit,
    facade::atomic::{AtomicUsize, Ordering::*},
    stack,
};

impl RawRwLock {
    /// Writes the mark of the caller, who has entered past the queue.
    #[inline(always)]
    pub(super) fn show(&self, place: &AtomicUsize, mark: usize) {
        if stack::tells_maker(mark) {
            // Ordering: Release, of the mark. Partners: the Acquire of those who ask whose it is.
            place.store(mark, Release);
            self.show_maker();
        } else {
            place.store(mark, Relaxed);
        }
    }

    /// After the caller has entered past the queue and written his mark: whoever queues up later finds it, and who has
    /// queued up meanwhile lends now.
    #[cold]
    pub(super) fn show_maker(&self) {
        // Ordering: AcqRel, and a read-modify-write that writes what it reads, so that it has a place in the order of
        // the word's changes. Release: the mark. Partner: the read-modify-write in `wait_once` that raises `QUEUED`.
        if self.word.fetch_or(0, AcqRel) & QUEUED != 0 {
            self.lend(&mut self.waiting.lock());
        }
    }

    /// Lends to everybody inside what those who wait have, and takes back whatever else was lent. Under the queue's
    /// lock, after a read of the word that acquires.
    pub(super) fn lend(&self, waiting: &mut Waiting) {
        if !Priority::matters() {
            return;
        }
        let old = mem::take(&mut waiting.lent);
        let mut most = waiting
            .readers
            .most_urgent()
            .max(waiting.writers.most_urgent());
        let upgrader = waiting
            .upgraders
            .peek_open()
            .map(|(ticket, _)| ticket.unit());
        if most.is_none() && upgrader.is_none() {
            // What was lent is taken back here.
            return;
        }
        let mut old = Some(old);
        if let Some(unit) = upgrader {
            // It is inside itself, and inherits from the others alone: what it has of its own, and of them, is what it
            // lends to other readers.
            waiting.lent.extend(loan(unit, most));
            if let Some(old) = &mut old {
                old.retain(|loan| !loan.is_to(unit));
            }
            most = most.max(Some(unit.priority()));
        }
        let marks = self.marks.iter().chain([&self.writer]);
        // Ordering: Acquire, of the marks. Partners: the Release of those inside, or of whoever has let them in.
        let marks = marks.map(|mark: &AtomicUsize| mark.load(Acquire));
        let mut marks: Vec<usize> = marks
            .chain(waiting.crowd.iter().map(|reader| reader.mark))
            .collect();
        marks.sort_unstable();
        marks.dedup();
        let inside = marks.into_iter().filter_map(stack::maker);
        let inside = inside.filter(|unit| !upgrader.is_some_and(|other| ptr::eq(*unit, other)));
        waiting
            .lent
            .extend(inside.filter_map(|unit| loan(unit, most)));
        // The old loans end last, so that nobody is less urgent in between.
        drop(old);
    }
}

fn loan(unit: &'static Unit, urgency: Option<Priority>) -> Option<Loan> {
    Loan::new(unit, urgency?)
}

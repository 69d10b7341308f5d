//! The entries of a reactor, by number. They are made in chunks and never moved, so that an event that
//! comes late finds the entry that it was for, vacant or taken by another descriptor, and is told apart
//! by its generation.

use super::entry::Entry;
use std::sync::OnceLock;
use vitte_wait::facade::Mutex;

/// How many entries the first chunk has; each further one has twice as many as the one before.
const FIRST: u32 = if cfg!(any(loom, shuttle)) { 1 } else { 64 };
const CHUNKS: usize = 24;

/// See the [module documentation](self).
pub(super) struct Table {
    chunks: [OnceLock<Box<[Entry]>>; CHUNKS],
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    vacant: Vec<u32>,
    /// How many there are.
    made: u32,
}

/// In which chunk an entry lies, and where.
fn place(index: u32) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2();
    let before = FIRST * ((1 << chunk) - 1);
    (chunk as usize, (index - before) as usize)
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            free: Mutex::default(),
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Entry> {
        let (chunk, at) = place(index);
        self.chunks.get(chunk)?.get()?.get(at)
    }

    /// A vacant entry, from now on the caller's. `None`: there are hundreds of millions.
    pub(super) fn take(&self) -> Option<u32> {
        let mut free = self.free.lock();
        if let Some(index) = free.vacant.pop() {
            return Some(index);
        }
        let index = free.made;
        let (chunk, _) = place(index);
        let entries = || (0..FIRST << chunk).map(|_| Entry::new()).collect();
        self.chunks.get(chunk)?.get_or_init(entries);
        free.made += 1;
        Some(index)
    }

    /// Gives an entry back.
    pub(super) fn give(&self, index: u32) {
        self.free.lock().vacant.push(index);
    }

    pub(super) fn each(&self, mut visit: impl FnMut(&Entry)) {
        let chunks = self.chunks.iter().filter_map(OnceLock::get);
        chunks.flat_map(|chunk| chunk.iter()).for_each(&mut visit);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(place(index), expected, "entry {index}");
            expected.1 += 1;
            if expected.1 == (FIRST << expected.0) as usize {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn what_was_given_back_is_taken_again() {
        let table = Table::new();
        let taken: Vec<_> = (0..1_000).map(|_| table.take().unwrap()).collect();
        assert!(taken.iter().all(|&index| table.get(index).is_some()));
        table.give(7);
        assert_eq!(table.take(), Some(7));
        assert_eq!(table.take(), Some(1_000));
    }
}

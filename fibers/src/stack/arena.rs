//! Where slots come from: large reserved mappings of one size class, cut into slots.

use corosensei::stack::valgrind::ValgrindStackRegistration;

use super::guard::{self, GuardKind, last_errno};
use super::{StackClass, StackError};

const FIRST_SEGMENT: usize = 4 << 20;
const LARGEST_SEGMENT: usize = 1 << 30;

/// One reserved mapping.
#[derive(Debug)]
struct Segment {
    start: usize,
    bytes: usize,
}

/// The reserved memory of one size class, and how far it is cut up.
#[derive(Debug)]
pub(super) struct Arena {
    class: StackClass,
    segments: Vec<Segment>,
    /// The next slot to cut; equal to `end` when the last segment is used up.
    next: usize,
    end: usize,
    /// Slots cut whose guard could not be made. They are tried again first.
    unguarded: Vec<usize>,
    protected: usize,
    reserved: usize,
    /// Valgrind has to be told of stacks, or it takes a switch for a very large frame. Elsewhere this is a few instructions
    /// that do nothing, once for each slot.
    told: Vec<ValgrindStackRegistration>,
}

impl Arena {
    pub(super) fn new(class: StackClass) -> Self {
        Self {
            class,
            segments: Vec::new(),
            next: 0,
            end: 0,
            unguarded: Vec::new(),
            protected: 0,
            reserved: 0,
            told: Vec::new(),
        }
    }

    /// Address space reserved so far, in bytes.
    pub(super) fn reserved(&self) -> usize {
        self.reserved
    }

    /// How many slots have a guard.
    pub(super) fn cut(&self) -> usize {
        self.told.len()
    }

    /// Cuts so many slots, or fewer, but at least one, whose guards are to be made, and then [noted](Self::note).
    pub(super) fn carve(&mut self, most: usize) -> Result<Vec<usize>, StackError> {
        let first = match self.unguarded.pop() {
            Some(slot) => slot,
            None => self.cut_one()?,
        };
        let mut slots = Vec::with_capacity(most);
        slots.push(first);
        while slots.len() < most && self.next < self.end {
            slots.push(self.cut_one()?);
        }
        Ok(slots)
    }

    /// Notes how the guards of slots that were carved were made, and that those of others were not.
    pub(super) fn note(&mut self, slots: &[usize], made: &[GuardKind], unguarded: Vec<usize>) {
        for (&slot, &kind) in slots.iter().zip(made) {
            self.protected += usize::from(kind == GuardKind::Protect);
            let start = std::ptr::with_exposed_provenance_mut(slot);
            let told = ValgrindStackRegistration::new(start, self.class.bytes());
            self.told.push(told);
        }
        self.unguarded.extend(unguarded);
    }

    fn cut_one(&mut self) -> Result<usize, StackError> {
        if self.next == self.end {
            let segment = self.reserve()?;
            self.next = segment.start;
            self.end = segment.start + segment.bytes;
            self.reserved += segment.bytes;
            self.segments.push(segment);
        }
        let slot = self.next;
        self.next += self.class.bytes();
        Ok(slot)
    }

    /// Reserves the next segment: twice the last one, or less where the system does not let us.
    fn reserve(&self) -> Result<Segment, StackError> {
        let slot = self.class.bytes();
        let mut bytes = self
            .segments
            .last()
            .map_or(FIRST_SEGMENT, |last| (last.bytes * 2).min(LARGEST_SEGMENT))
            .max(slot);
        loop {
            match map(bytes) {
                Ok(start) => return Ok(Segment { start, bytes }),
                // Limits on address space, or accounting that ignores MAP_NORESERVE.
                Err(_) if bytes > slot => bytes /= 2,
                Err(errno) => {
                    return Err(StackError::Os {
                        call: "mmap",
                        errno,
                        bytes,
                    });
                }
            }
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for segment in &self.segments {
            // SAFETY: mapped by `map` with these bounds. Every stack holds the pool alive, so none is left.
            unsafe {
                libc::munmap(
                    std::ptr::with_exposed_provenance_mut(segment.start),
                    segment.bytes,
                )
            };
        }
        guard::give_back_protected(self.protected);
    }
}

fn map(bytes: usize) -> Result<usize, i32> {
    // SAFETY: a fresh private mapping at an address the kernel picks.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(last_errno());
    }
    // A huge page would commit 2 MiB for the first frame of one fiber. A kernel built without huge pages refuses the advice,
    // and then it is not needed.
    // SAFETY: advice about the mapping made above.
    unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
    Ok(start.expose_provenance())
}

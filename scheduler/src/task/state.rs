//! The state word of a task: its generation, and how far its life has come.
//!
//! ```text
//! | generation (32) | ... | cause (4) | known | killed | panicked | has joiners | locked | detached | done | occupied |
//! ```
//!
//! `OCCUPIED`: the record is a task; cleared by the last to know it, who also raises the generation.
//! `DONE`: the body has ended and its value, or panic, is in the storage; set once, by whoever ran it.
//! `DETACHED`: nobody will ask for the value; set once, by the holder of the handle.
//! Whoever of those two comes second vacates the record.
//! `KNOWN`: somebody may have the task's id, or wait for its end, or the task has a cold part. While
//! it is not set nobody may lock the record, so it is vacated by a plain store. Set before any of
//! these, by whoever has the handle or runs the task; never cleared in an occupation.
//! `LOCKED`: somebody looks the task up by its id, or adds or removes a joiner. Held for a few
//! instructions. Nobody vacates a locked record, and nobody locks one of another generation.
//! `cause`: why the task was asked to stop, as [`Cause`] numbers it; decided once, by the first to ask.

use vitte_wait::facade::{
    atomic::{AtomicU64, Ordering::*},
    hint, thread,
};

pub(crate) const OCCUPIED: u64 = 1;
pub(crate) const DONE: u64 = 1 << 1;
pub(crate) const DETACHED: u64 = 1 << 2;
pub(crate) const LOCKED: u64 = 1 << 3;
pub(crate) const HAS_JOINERS: u64 = 1 << 4;
pub(crate) const PANICKED: u64 = 1 << 5;
/// The body never ran, or was unwound or dropped in the middle: there is no value.
pub(crate) const KILLED: u64 = 1 << 6;
/// The record may be locked.
pub(crate) const KNOWN: u64 = 1 << 7;
const CAUSE_SHIFT: u32 = 8;
const CAUSE_MASK: u64 = 0xf << CAUSE_SHIFT;
const GENERATION_SHIFT: u32 = 32;

/// Why a task was asked to stop, as far as a number of four bits says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Cause {
    /// It was not.
    None = 0,
    /// Whoever asked gave no reason.
    Unnamed = 1,
    /// Its runtime shuts down.
    Shutdown = 2,
    /// The slice handler said so.
    Slice = 3,
    /// It is to be ended without its consent.
    Killed = 4,
    /// The cold part of the record says it.
    Named = 5,
}

impl Cause {
    const fn of(state: u64) -> Self {
        match (state & CAUSE_MASK) >> CAUSE_SHIFT {
            0 => Self::None,
            2 => Self::Shutdown,
            3 => Self::Slice,
            4 => Self::Killed,
            5 => Self::Named,
            _ => Self::Unnamed,
        }
    }
}

/// See the [module documentation](self).
#[derive(Debug)]
pub(crate) struct State(AtomicU64);

/// Evidence that the record is locked; dropping it unlocks.
#[must_use]
pub(crate) struct Locked<'a> {
    state: &'a State,
}

impl State {
    pub(crate) fn vacant() -> Self {
        Self(AtomicU64::new(1 << GENERATION_SHIFT))
    }

    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        (self.0.load(Relaxed) >> GENERATION_SHIFT) as u32
    }

    /// As [`generation`](Self::generation), ordered before whatever is read afterwards.
    #[inline]
    pub(crate) fn generation_now(&self) -> u32 {
        // Ordering: Acquire. Partner: the Release in `vacate`.
        (self.0.load(Acquire) >> GENERATION_SHIFT) as u32
    }

    #[inline]
    pub(crate) fn load(&self) -> u64 {
        // Ordering: Acquire. Partner: the Release in `finish`: with `DONE` comes the value.
        self.0.load(Acquire)
    }

    /// The caller owns the vacant record. No one can lock a generation nobody was told of.
    #[inline]
    pub(crate) fn occupy(&self) {
        self.0.store(self.0.load(Relaxed) | OCCUPIED, Relaxed);
    }

    /// Notes that the task may be looked up from now on. By its handle, or by the task itself.
    #[inline]
    pub(crate) fn set_known(&self) {
        if self.0.load(Relaxed) & KNOWN == 0 {
            self.0.fetch_or(KNOWN, Relaxed);
        }
    }

    /// Says why the task was asked to stop, unless that is decided, or the task is gone. By anybody: one
    /// who neither holds the lock nor keeps the record from being vacated may be too late, and then
    /// says it to nobody.
    pub(crate) fn decide(&self, cause: Cause) {
        let mut old = self.0.load(Relaxed);
        while old & OCCUPIED != 0 && Cause::of(old) == Cause::None {
            let new = old | (cause as u64) << CAUSE_SHIFT;
            // Ordering: AcqRel. Release: the reason in the cold part. Partner: `cause`.
            match self.0.compare_exchange_weak(old, new, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    /// Why the task was asked to stop.
    pub(crate) fn cause(&self) -> Cause {
        // Ordering: Acquire. Partner: the Release in `decide`.
        Cause::of(self.0.load(Acquire))
    }

    /// Ends the occupation. The caller is the last to know the task, but for those who look it up
    /// by its id, and those it waits out.
    #[inline]
    pub(crate) fn vacate(&self) {
        let old = self.0.load(Relaxed);
        if old & KNOWN == 0 {
            // Nobody locks it, not even an onlooker who goes through all records.
            // Ordering: Release. See `generation_now`.
            self.0.store(next_vacant(old), Release);
            return;
        }
        self.vacate_known(old);
    }

    /// As if nobody could lock the record. For the model that shows that somebody can.
    #[cfg(all(test, loom))]
    pub(crate) fn vacate_heedlessly(&self) {
        // Ordering: Release, as in `vacate`, whose other half is left out on purpose.
        self.0.store(next_vacant(self.0.load(Relaxed)), Release);
    }

    #[inline(never)]
    fn vacate_known(&self, mut old: u64) {
        let mut pauses = 0;
        loop {
            if old & LOCKED != 0 {
                pause(&mut pauses);
                old = self.0.load(Relaxed);
                continue;
            }
            // Ordering: AcqRel. Acquire: all that was done under the lock (partner: `Locked`);
            // Release: see `generation_now`.
            match self
                .0
                .compare_exchange_weak(old, next_vacant(old), AcqRel, Relaxed)
            {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    /// Says that the body has ended, `how` being `0`, `PANICKED` or `KILLED`, and returns the
    /// bits before.
    #[inline]
    pub(crate) fn finish(&self, how: u64) -> u64 {
        // Ordering: AcqRel. Release: the value (partner: `load`); Acquire: the joiners.
        self.0.fetch_or(DONE | how, AcqRel)
    }

    /// Says that nobody will ask for the value; returns the bits before.
    #[inline]
    pub(crate) fn detach(&self) -> u64 {
        // Ordering: AcqRel. If the body has ended the caller drops its value. Partner: `finish`.
        self.0.fetch_or(DETACHED, AcqRel)
    }

    /// Locks the record if it is still of this generation, and may be locked at all: one that is not
    /// `KNOWN` can be vacated at any moment by a store that heeds no lock.
    pub(crate) fn lock(&self, generation: u32) -> Option<Locked<'_>> {
        // Ordering: Acquire, here and below when it fails: a joiner who finds another generation leaves the
        // frame in which whoever ended this one has written. Partner: the Release in `vacate`, which
        // comes after that one's lock.
        let mut old = self.0.load(Acquire);
        let mut pauses = 0;
        loop {
            if (old >> GENERATION_SHIFT) as u32 != generation || old & KNOWN == 0 {
                return None;
            }
            if old & LOCKED != 0 {
                pause(&mut pauses);
                old = self.0.load(Acquire);
                continue;
            }
            // Ordering: Acquire. Partner: the Release in `Locked::drop`, and in `finish`.
            match self
                .0
                .compare_exchange_weak(old, old | LOCKED, Acquire, Acquire)
            {
                Ok(_) => {
                    return Some(Locked { state: self });
                }
                Err(now) => old = now,
            }
        }
    }
}

/// Lets the holder of the lock go on. He needs a few instructions, unless his thread was interrupted:
/// then he needs our processor.
#[cold]
fn pause(pauses: &mut u32) {
    *pauses += 1;
    if pauses.is_multiple_of(64) {
        thread::yield_now();
    } else {
        hint::spin_loop();
    }
}

/// The vacant state after the occupation in `old`. Generation zero is skipped, so that no id is
/// zero.
#[inline(always)]
fn next_vacant(old: u64) -> u64 {
    let next = ((old >> GENERATION_SHIFT) as u32).wrapping_add(1).max(1);
    u64::from(next) << GENERATION_SHIFT
}

impl Locked<'_> {
    /// The bits as they are now.
    pub(crate) fn now(&self) -> u64 {
        self.state.load()
    }

    /// Adds bits; they hold once this returns.
    pub(crate) fn set(&self, bits: u64) -> u64 {
        // Ordering: AcqRel. Acquire: the value, if it is done (partner: `finish`); Release: what
        // was done under the lock (partner: `finish`, which does not take it).
        self.state.0.fetch_or(bits, AcqRel)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Ordering: Release. Partner: the Acquire in `State::lock` and `State::vacate`.
        self.state.0.fetch_and(!LOCKED, Release);
    }
}

//! A hierarchical timer wheel, linked through entries that their owners keep.
//!
//! ```text
//!  level 0: 256 slots of 1 tick, level 1: 256 slots of 256 ticks, ... level 4
//!  an entry lies at the level of the highest digit (base 256) in which its tick differs from now
//! ```
//!
//! When time enters a slot of a higher level, its entries are put in again, at lower levels: once, for what is due within a second. An
//! entry fires in the tick after its deadline, never before it.
//!
//! Note \[Coalescing\]: a tick is 16 microseconds, but the wheel asks to be looked at only every 14 ticks: that is a *look*. So an
//! entry fires up to 229 microseconds late. Looks are few because each costs its worker a sleep, 15 to 25 microseconds of
//! processor time in a virtual machine. Ticks are shorter because the sleep itself ends some 40 microseconds late: what has come
//! due by then goes in the same look. So half of all entries are late by little more than half the time between two looks,
//! and not by those 40 microseconds besides.
//!
//! Note \[Lanes\]: who puts the entries of a slot in again waits for the memory of each, for none has been touched for long, and what
//! comes next is written in the one before. So a slot is four lists, and four entries are waited for at a time.
//!
//! Source: Varghese and Lauck, *Hashed and Hierarchical Timing Wheels* (SOSP 1987), scheme 7.

use std::{cell::Cell, marker::PhantomPinned, ptr};
use vitte_wait::{Ticket, ahead::fetch};

/// The length of a tick, and the time from one look to the next, in nanoseconds. See Note \[Coalescing\].
const TICK: u64 = 1 << 14;
const LOOK: u64 = 14 * TICK;
const DIGIT_BITS: u32 = 8;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 5;
/// The words of 64 bits with a bit for each slot of a level.
const WORDS: usize = SLOTS / 64;
/// The lists of a slot. See Note \[Lanes\].
const LANES: usize = 4;
const PLACES: usize = LANES * SLOTS * LEVELS;
/// What lies further ahead is put at the far end, and in again when that comes.
const HORIZON: u64 = 1 << (DIGIT_BITS * LEVELS as u32);

/// One deadline, on the waiter's stack, or in an alarm.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Of the wait that ends at the deadline. `None`: the entry is an alarm's.
    ticket: Option<Ticket>,
    /// The first tick that begins at or after the deadline.
    tick: Cell<u64>,
    prev: Cell<*const Entry>,
    next: Cell<*const Entry>,
    /// `(level * SLOTS + slot) * LANES + lane`, or `UNLINKED`.
    place: Cell<usize>,
    _pinned: PhantomPinned,
}

const UNLINKED: usize = usize::MAX;

fn tick_of(deadline: u64) -> u64 {
    deadline.div_ceil(TICK)
}

/// In which of a slot's lists an entry lies that is due then. In a slot of level 0 it is the same for all.
fn lane_of(tick: u64) -> usize {
    tick as usize % LANES
}

/// The first look at or after this tick, in nanoseconds.
fn look_at(tick: u64) -> u64 {
    (tick * TICK).next_multiple_of(LOOK)
}

impl Entry {
    pub(crate) fn new(ticket: Ticket, deadline: u64) -> Self {
        Self {
            ticket: Some(ticket),
            tick: Cell::new(tick_of(deadline)),
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            place: Cell::new(UNLINKED),
            _pinned: PhantomPinned,
        }
    }

    /// The entry of an alarm, which [has no deadline](Self::set_deadline) yet.
    pub(crate) fn for_alarm() -> Self {
        Self {
            ticket: None,
            tick: Cell::new(u64::MAX),
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            place: Cell::new(UNLINKED),
            _pinned: PhantomPinned,
        }
    }

    /// While it is in no wheel.
    pub(crate) fn set_deadline(&self, deadline: u64) {
        self.tick.set(tick_of(deadline));
    }

    pub(crate) fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }
}

/// See the [module documentation](self).
pub(crate) struct Wheel {
    /// All ticks before this one are done, and time has entered its slot at every level.
    now: u64,
    places: Box<[*const Entry]>,
    /// Which slots of a level hold anything.
    occupied: [[u64; WORDS]; LEVELS],
}

// SAFETY: the entries are touched only through `&mut Wheel`, under the lock of its owner; a ticket
// is `Send`.
unsafe impl Send for Wheel {}

impl Wheel {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            now: now / TICK,
            places: vec![ptr::null(); PLACES].into_boxed_slice(),
            occupied: [[0; WORDS]; LEVELS],
        }
    }

    /// Returns when to look at the wheel for it, in nanoseconds: when time has entered its slot.
    ///
    /// # Safety
    /// The entry is in no wheel, and stays where it is, alive, until it is removed or has fired.
    pub(crate) unsafe fn insert(&mut self, entry: &Entry) -> u64 {
        // An entry that is due already goes into the present tick.
        let tick = entry.tick.get().max(self.now);
        let far = self.now + HORIZON - 1;
        let tick = tick.min(far);
        let level = ((tick ^ self.now) | 1).ilog2() / DIGIT_BITS;
        let level = (level as usize).min(LEVELS - 1);
        let shift = DIGIT_BITS * level as u32;
        let slot = (tick >> shift) as usize % SLOTS;
        let place = (level * SLOTS + slot) * LANES + lane_of(tick);
        let first = self.places[place];
        entry.place.set(place);
        entry.prev.set(ptr::null());
        entry.next.set(first);
        // SAFETY: null, or an entry that is in the wheel, hence alive by the contract of `insert`.
        if let Some(first) = unsafe { first.as_ref() } {
            first.prev.set(entry);
        }
        self.places[place] = entry;
        self.occupied[level][slot / 64] |= 1 << (slot % 64);
        look_at((tick >> shift) << shift)
    }

    /// # Safety
    /// The entry is in this wheel or in none.
    pub(crate) unsafe fn remove(&mut self, entry: &Entry) {
        let place = entry.place.replace(UNLINKED);
        if place == UNLINKED {
            return;
        }
        let (prev, next) = (entry.prev.get(), entry.next.get());
        // SAFETY: neighbours are in the wheel, hence alive by the contract of `insert`.
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.next.set(next),
            None => self.places[place] = next,
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.prev.set(prev);
        }
        if prev.is_null() && next.is_null() {
            self.settle(place / LANES);
        }
    }

    /// A lane of this slot (of this level) may have become empty.
    fn settle(&mut self, slot: usize) {
        let lanes = &self.places[slot * LANES..][..LANES];
        if lanes.iter().all(|first| first.is_null()) {
            self.clear(slot / SLOTS, slot % SLOTS);
        }
    }

    fn clear(&mut self, level: usize, slot: usize) {
        self.occupied[level][slot / 64] &= !(1 << (slot % 64));
    }

    /// How many slots of this level lie between `from` and the first one that holds anything, around the end.
    fn ahead(&self, level: usize, from: usize) -> Option<u32> {
        let words = &self.occupied[level];
        let (word, bit) = (from / 64, from % 64);
        let here = words[word] >> bit;
        if here != 0 {
            return Some(here.trailing_zeros());
        }
        // The rest of the first word comes last.
        (1..=WORDS).find_map(|step| {
            let there = words[(word + step) % WORDS];
            (there != 0).then(|| (step * 64 - bit) as u32 + there.trailing_zeros())
        })
    }

    /// How many entries are in.
    pub(crate) fn len(&self) -> usize {
        let mut count = 0;
        for first in self.places.iter() {
            let mut at = *first;
            // SAFETY: null, or an entry that is in the wheel, hence alive by the contract of `insert`.
            while let Some(entry) = unsafe { at.as_ref() } {
                count += 1;
                at = entry.next.get();
            }
        }
        count
    }

    /// The first occupied slot that time will enter: its level, slot and first tick.
    fn first(&self) -> Option<(usize, usize, u64)> {
        let mut first: Option<(usize, usize, u64)> = None;
        for level in 0..LEVELS {
            let shift = DIGIT_BITS * level as u32;
            let digit = (self.now >> shift) as usize % SLOTS;
            // The present slot of level 0 is yet to be done; that of a higher level was put in
            // again when time entered it, so what lies there is for the level's next turn.
            let skip = usize::from(level > 0);
            let Some(ahead) = self.ahead(level, (digit + skip) % SLOTS) else {
                continue;
            };
            let steps = u64::from(ahead) + skip as u64;
            let tick = ((self.now >> shift) + steps) << shift;
            let slot = (digit + steps as usize) % SLOTS;
            // At one tick the higher level comes first: it is put in again below.
            if first.is_none_or(|(_, _, best)| tick <= best) {
                first = Some((level, slot, tick));
            }
        }
        first
    }

    /// When to look at the wheel next, in nanoseconds, `u64::MAX` if it is empty.
    pub(crate) fn next(&self) -> u64 {
        self.first().map_or(u64::MAX, |(_, _, tick)| look_at(tick))
    }

    /// Takes out entries that are due at `now` nanoseconds and gives them to `fire`, at most `limit`.
    /// Returns whether more are due.
    ///
    /// An entry may be gone as soon as its ticket was claimed and let go, so before the wheel's lock is released nobody may
    /// let go. `fire` does not touch the wheel.
    pub(crate) fn expire(&mut self, now: u64, limit: usize, fire: &mut dyn FnMut(&Entry)) -> bool {
        let now = now / TICK;
        let mut fired = 0;
        while let Some((level, slot, tick)) = self.first()
            && tick <= now
        {
            // Liveness: each turn empties a slot: for good, or into lower levels.
            self.now = tick;
            if level > 0 {
                self.cascade(level, slot);
                continue;
            }
            let place = slot * LANES + lane_of(tick);
            let mut at = self.places[place];
            // SAFETY: entries in the wheel are alive by the contract of `insert`.
            while let Some(entry) = unsafe { at.as_ref() } {
                if fired == limit {
                    entry.prev.set(ptr::null());
                    self.places[place] = entry;
                    return true;
                }
                at = entry.next.get();
                fetch(at.addr());
                entry.place.set(UNLINKED);
                fired += 1;
                fire(entry);
            }
            self.places[place] = ptr::null();
            self.clear(0, slot);
        }
        self.now = self.now.max(now);
        false
    }

    /// Takes out the entries of all alarms, and gives them to `take`, which does not let go of them.
    pub(crate) fn take_alarms(&mut self, take: &mut dyn FnMut(&Entry)) {
        for place in 0..PLACES {
            let mut at = self.places[place];
            // SAFETY: entries in the wheel are alive by the contract of `insert`.
            while let Some(entry) = unsafe { at.as_ref() } {
                at = entry.next.get();
                if entry.ticket.is_none() {
                    // SAFETY: it is in this wheel.
                    unsafe { self.remove(entry) };
                    take(entry);
                }
            }
        }
    }

    /// Time enters a slot of a higher level: its entries are put in again.
    fn cascade(&mut self, level: usize, slot: usize) {
        let place = (level * SLOTS + slot) * LANES;
        let mut lanes = [ptr::null::<Entry>(); LANES];
        lanes.swap_with_slice(&mut self.places[place..place + LANES]);
        self.clear(level, slot);
        for at in lanes {
            fetch(at.addr());
        }
        let mut is_left = true;
        while std::mem::take(&mut is_left) {
            for at in &mut lanes {
                // SAFETY: entries in the wheel are alive by the contract of `insert`.
                if let Some(entry) = unsafe { at.as_ref() } {
                    is_left = true;
                    *at = entry.next.get();
                    fetch(at.addr());
                    // SAFETY: it was just taken out, and stays alive as before.
                    unsafe { self.insert(entry) };
                }
            }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::pin::pin;
    use vitte_wait::{Reason, Wait};

    fn ticket() -> Ticket {
        let wait = Wait::begin(Reason::Sleep, ptr::null());
        let ticket = wait.ticket();
        wait.withdraw().expect("nobody claims it");
        ticket
    }

    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    #[test]
    fn an_entry_fires_in_the_look_after_its_deadline_and_never_before() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        println!("seed {seed:#x}");
        for round in 0..2_000 {
            let start = random(&mut seed) >> 8;
            // Up to eight times as far as the wheel reaches.
            let ahead = random(&mut seed) >> (9 + random(&mut seed) % 50);
            let deadline = start.saturating_add(ahead);
            let mut wheel = Wheel::new(start);
            let entry = pin!(Entry::new(ticket(), deadline));
            // SAFETY: pinned here until the end of the round, and removed below if need be.
            unsafe { wheel.insert(&entry) };
            let mut steps = 0;
            loop {
                let next = wheel.next();
                assert_ne!(next, u64::MAX, "round {round}: lost");
                let mut fired = false;
                let before = next.min(deadline) - 1;
                if before > start {
                    assert!(!wheel.expire(before, 64, &mut |_| fired = true));
                    assert!(!fired, "round {round}: early");
                }
                assert!(!wheel.expire(next, 64, &mut |_| fired = true));
                if fired {
                    assert!(next >= deadline, "round {round}: early");
                    assert!(
                        next - deadline.max(start) < LOOK + TICK,
                        "round {round}: late"
                    );
                    break;
                }
                steps += 1;
                assert!(steps < 10 * LEVELS, "round {round}: does not come nearer");
            }
            assert_eq!(wheel.next(), u64::MAX);
        }
    }

    #[test]
    fn many_entries_fire_in_order_and_removed_ones_do_not() {
        let mut seed = 0x1234_5678_9abc_def1_u64;
        println!("seed {seed:#x}");
        let mut wheel = Wheel::new(0);
        let entries: Vec<Entry> = (0..5_000)
            .map(|_| Entry::new(ticket(), random(&mut seed) % (40_000 * TICK)))
            .collect();
        for entry in &entries {
            // SAFETY: `entries` is not touched any more before all are out.
            unsafe { wheel.insert(entry) };
        }
        for entry in entries.iter().step_by(2) {
            // SAFETY: it is in this wheel.
            unsafe { wheel.remove(entry) };
        }
        let mut fired = Vec::new();
        let mut now = 0;
        while wheel.next() != u64::MAX {
            let before = now / TICK;
            now += 777 * TICK;
            let due = before..=now / TICK;
            while wheel.expire(now, 10, &mut |entry| {
                assert!(due.contains(&entry.tick.get()), "in its turn");
                fired.push(ptr::from_ref(entry));
            }) {}
        }
        fired.sort_unstable();
        let kept = entries.iter().skip(1).step_by(2);
        let mut kept: Vec<_> = kept.map(ptr::from_ref).collect();
        kept.sort_unstable();
        assert_eq!(fired, kept);
    }
}

//! The pool: free stacks by size class, warm ones first, and when memory goes back to the system.
//!
//! A free stack is *warm* while it keeps pages and *cold* once it has none. Warm stacks are reused last in, first out: the
//! page of the one given back last is the likeliest to be in a cache, and the first touch of a page costs more than everything
//! else about making a fiber.
//!
//! Invariants: a slot is owned by one [`Stack`], or lies in exactly one list of its class, or is in the hands of the call that
//! moves it. `warm_bytes` is the sum over all warm entries (and those in the hands of `trim_to`). What an entry keeps is known
//! for larger classes and after trimming; for small ones it is what the last one asked kept.
//!
//! A stack that is not to be kept warm is *cooling* until so many are that their pages go back in one call; see `advice.rs`.
//!
//! Where a crowd takes stacks that have no pages, several are made *ready* at once: their guards by one call, and memory behind
//! their top pages by another. How many is an eighth of what was ever cut, so who has few stacks has none in vain.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::advice::{Advice, BATCH};
use super::arena::Arena;
use super::guard::Guards;
use super::{GuardChoice, GuardKind, Stack, StackClass, StackError};

/// Of a larger slot, only this much of the top is kept when it is given back, so that residency is asked about few pages.
const KEPT_OF_LARGE: usize = 1 << 20;
/// The smallest page there is on the supported machines.
const SMALLEST_PAGE: usize = 4096;
/// How many stacks [`StackPool::trim_to`] takes out of a list at once.
const TRIM_CHUNK: usize = BATCH;
/// How many stacks are made ready at once, at most.
const MOST_AHEAD: usize = BATCH;
/// Of the stacks up to the default class given back, one in this many is asked how much of it is resident. Asking costs about
/// as much as making a guard, a microsecond or two, and fibers of one size mostly do the same things.
const ASK_ONE_IN: usize = 16;

/// How a pool behaves.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// How many stacks may exist outside the pool at once, leaked ones included; `None` for no limit.
    pub max_stacks: Option<usize>,
    /// How many bytes free stacks may keep resident. A stack given back beyond that gives its pages back. For classes up to the
    /// default the bytes are estimated, from every 16th stack given back. Stacks are made ready, and lose their pages, several at
    /// once, but no more than fill a sixteenth of this.
    pub warm_bytes: usize,
    /// How guard pages are made.
    pub guard: GuardChoice,
}

impl Default for StackOptions {
    /// No limit, 64 MiB kept warm (16,000 stacks that used one page), guards by the cheapest way there is.
    fn default() -> Self {
        Self {
            max_stacks: None,
            warm_bytes: 64 << 20,
            guard: GuardChoice::Auto,
        }
    }
}

/// What a pool holds at one moment. The numbers are read one after another, so they need not add up exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackStats {
    /// Stacks taken and not given back, without the leaked ones.
    pub in_use: usize,
    /// Free stacks that keep pages.
    pub warm: usize,
    /// Free stacks without pages, or about to lose them.
    pub cold: usize,
    /// Stacks given up for good, see [`Fiber`](crate::Fiber).
    pub leaked: usize,
    /// Bytes the warm stacks keep resident, as counted or estimated when they were given back.
    pub warm_bytes: usize,
    /// Address space reserved, in bytes. Most of it has no memory behind it.
    pub reserved_bytes: usize,
    /// How guard pages are made.
    pub guard: GuardKind,
}

/// A source of stacks. Cloning gives another handle to the same pool.
///
/// The memory is unmapped when the last handle and the last stack are gone. Calls may block for the length of another call
/// on the same size class, a few system calls at most.
///
/// ```
/// use vitte_fibers::{StackClass, StackError, StackOptions, StackPool};
///
/// let pool = StackPool::new(StackOptions { max_stacks: Some(1), ..StackOptions::default() });
/// let stack = pool.take(StackClass::DEFAULT)?;
/// assert_eq!(pool.take(StackClass::DEFAULT).unwrap_err(), StackError::Limit { limit: 1 });
/// drop(stack);
/// assert_eq!(pool.stats().in_use, 0);
/// # Ok::<(), StackError>(())
/// ```
#[derive(Clone)]
pub struct StackPool(Arc<Shared>);

impl StackPool {
    /// An empty pool. Nothing is reserved until the first stack is taken.
    pub fn new(options: StackOptions) -> Self {
        let page = page_size();
        let guards = Guards::new(options.guard, page);
        Self(Arc::new(Shared::new(&options, guards, page)))
    }

    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Takes a stack of at least `class`: a warm one, else a cold one, else a new one.
    ///
    /// Where pages are so large that the class has less than four, a larger one is given.
    ///
    /// # Errors
    ///
    /// [`StackError::Limit`] at `max_stacks`, [`StackError::MapLimit`] where guards cost mappings and too many exist,
    /// [`StackError::Os`] if the system refuses memory.
    pub fn take(&self, class: StackClass) -> Result<Stack, StackError> {
        let class = class.max(self.0.smallest);
        let slot = self.0.take(class)?;
        Ok(Stack::new(slot, class, Arc::clone(&self.0)))
    }

    /// Gives memory of free stacks back: each warm stack keeps its top page only, and together they keep at most
    /// [`StackOptions::warm_bytes`]. Guards stay.
    pub fn trim(&self) {
        self.trim_to(self.0.warm_limit);
    }

    /// Like [`trim`](Self::trim) with another bound, once: `trim_to(0)` keeps nothing.
    pub fn trim_to(&self, bytes: usize) {
        let mut left = bytes;
        for shelf in &self.0.shelves {
            self.0.trim(shelf, &mut left);
        }
    }

    /// How many stacks are outside the pool, leaked ones included: one load, while [`stats`](Self::stats) takes locks.
    #[inline]
    pub fn in_use(&self) -> usize {
        self.0.out.load(Ordering::Relaxed)
    }

    /// What the pool holds now.
    pub fn stats(&self) -> StackStats {
        let shared = &*self.0;
        let leaked = shared.leaked.load(Ordering::Relaxed);
        let mut stats = StackStats {
            in_use: shared.out.load(Ordering::Relaxed).saturating_sub(leaked),
            warm: 0,
            cold: 0,
            leaked,
            warm_bytes: shared.warm_bytes.load(Ordering::Relaxed),
            reserved_bytes: 0,
            guard: shared.guards.kind(),
        };
        for shelf in &shared.shelves {
            let free = shelf.free.lock();
            stats.warm += free.warm.len() + free.ready.len();
            stats.warm_bytes += free.ready.len() * shared.page;
            stats.cold += free.cooling.len() + free.cold.len();
            stats.reserved_bytes += free.arena.reserved();
        }
        stats
    }
}

impl fmt::Debug for StackPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StackPool").field(&self.stats()).finish()
    }
}

/// What every handle and every stack of a pool share.
pub(super) struct Shared {
    shelves: [Shelf; StackClass::COUNT],
    guards: Guards,
    advice: Advice,
    page: usize,
    smallest: StackClass,
    max_stacks: usize,
    warm_limit: usize,
    /// Stacks outside the lists, leaked ones included.
    out: AtomicUsize,
    leaked: AtomicUsize,
    warm_bytes: AtomicUsize,
}

/// The free stacks of one class.
struct Shelf {
    class: StackClass,
    free: Mutex<Free>,
    /// How many stacks were given back, and how many bytes the last one asked kept. Hints: a race between two owners loses
    /// one of two equally good answers.
    returns: AtomicUsize,
    usual: AtomicUsize,
}

struct Free {
    /// Reused from the back; trimmed from the front.
    warm: VecDeque<Warm>,
    /// Keep pages still, but not for long: fewer than [`Shared::most_cooling`].
    cooling: Vec<usize>,
    /// Were made ready, and not taken yet: fewer than [`MOST_AHEAD`] for each call that makes some.
    ready: Vec<usize>,
    cold: Vec<usize>,
    arena: Arena,
}

#[derive(Clone, Copy)]
struct Warm {
    slot: usize,
    resident: usize,
    /// Keeps its top page at most.
    stripped: bool,
}

impl Shared {
    fn new(options: &StackOptions, guards: Guards, page: usize) -> Self {
        let shelf = |index| {
            let class = StackClass::from_index(index).expect("the array has one entry a class");
            Shelf {
                class,
                free: Mutex::new(Free {
                    warm: VecDeque::new(),
                    cooling: Vec::new(),
                    ready: Vec::new(),
                    cold: Vec::new(),
                    arena: Arena::new(class),
                }),
                returns: AtomicUsize::new(0),
                usual: AtomicUsize::new(page),
            }
        };
        Self {
            shelves: std::array::from_fn(shelf),
            guards,
            advice: Advice::default(),
            page,
            smallest: StackClass::for_size(4 * page).unwrap_or(StackClass::LARGEST),
            max_stacks: options.max_stacks.unwrap_or(usize::MAX),
            warm_limit: options.warm_bytes,
            out: AtomicUsize::new(0),
            leaked: AtomicUsize::new(0),
            warm_bytes: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(super) fn page(&self) -> usize {
        self.page
    }

    pub(super) fn count_leak(&self) {
        self.leaked.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self, class: StackClass) -> Result<usize, StackError> {
        self.out
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |out| {
                (out < self.max_stacks).then_some(out + 1)
            })
            .map_err(|_| StackError::Limit {
                limit: self.max_stacks,
            })?;
        let shelf = &self.shelves[class.index()];
        let mut free = shelf.free.lock();
        let slot = if let Some(warm) = free.warm.pop_back() {
            self.warm_bytes.fetch_sub(warm.resident, Ordering::Relaxed);
            Ok(warm.slot)
        } else if let Some(slot) = free.cooling.pop().or_else(|| free.ready.pop()) {
            Ok(slot)
        } else {
            let ahead = self.ahead(shelf.class, free.arena.cut());
            let fresh = free.cold.is_empty();
            let slots = match fresh {
                true => free.arena.carve(ahead),
                false => {
                    let first = free.cold.len().saturating_sub(ahead);
                    Ok(free.cold.split_off(first))
                }
            };
            drop(free);
            slots.and_then(|slots| self.make_ready(shelf, slots, fresh))
        };
        if slot.is_err() {
            self.out.fetch_sub(1, Ordering::Relaxed);
        }
        slot
    }

    /// How many stacks to make ready where one is wanted, and so many were cut before.
    fn ahead(&self, class: StackClass, cut: usize) -> usize {
        // A guard that costs a mapping is made for whoever needs it.
        match self.guards.kind() {
            GuardKind::Install => (cut / 8).clamp(1, self.most_cooling(class).min(MOST_AHEAD)),
            GuardKind::Protect => 1,
        }
    }

    /// Makes these slots ready, and returns one of them. If they are `fresh` they have no guards. All that is system calls, so
    /// nobody waits for a lock meanwhile.
    fn make_ready(
        &self,
        shelf: &Shelf,
        mut slots: Vec<usize>,
        fresh: bool,
    ) -> Result<usize, StackError> {
        if fresh {
            self.guard(shelf, &mut slots)?;
        }
        let top = shelf.class.bytes();
        let tops: Vec<_> = slots
            .iter()
            .map(|slot| slot + top - self.page..slot + top)
            .collect();
        if tops.len() > 1 {
            // SAFETY: the tops lie in slots of ours, and nobody owns those.
            unsafe { self.advice.touch(&tops) };
        }
        let slot = slots.pop().expect("there is one at least");
        if !slots.is_empty() {
            shelf.free.lock().ready.append(&mut slots);
        }
        Ok(slot)
    }

    /// Makes the guards of slots that were just carved, and takes out those that it could not be made for, unless those are all.
    fn guard(&self, shelf: &Shelf, slots: &mut Vec<usize>) -> Result<(), StackError> {
        let page = self.page;
        let guards: Vec<_> = slots.iter().map(|slot| *slot..slot + page).collect();
        // SAFETY: the slots were cut just now or never handed out, so nobody uses their first pages.
        let at_once = slots.len() > 1 && unsafe { self.advice.guard(&guards) };
        let mut kinds = vec![GuardKind::Install; if at_once { slots.len() } else { 0 }];
        let mut result = Ok(());
        while kinds.len() < slots.len() && result.is_ok() {
            // SAFETY: as above.
            let made = unsafe { self.guards.make(slots[kinds.len()], page) };
            result = made.map(|kind| kinds.push(kind));
        }
        let unguarded = slots.split_off(kinds.len());
        shelf.free.lock().arena.note(slots, &kinds, unguarded);
        if slots.is_empty() { result } else { Ok(()) }
    }

    pub(super) fn give_back(&self, slot: usize, class: StackClass) {
        let shelf = &self.shelves[class.index()];
        let top = slot + class.bytes();
        if class.bytes() > KEPT_OF_LARGE {
            self.release(std::slice::from_ref(
                &(slot + self.page..top - KEPT_OF_LARGE),
            ));
        }
        let resident = self.kept_by(shelf, slot);
        let keep = resident > 0
            && self
                .warm_bytes
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |warm| {
                    (warm + resident <= self.warm_limit).then_some(warm + resident)
                })
                .is_ok();
        if keep {
            shelf.free.lock().warm.push_back(Warm {
                slot,
                resident,
                stripped: false,
            });
        } else {
            self.cool(shelf, slot, resident);
        }
        self.out.fetch_sub(1, Ordering::Relaxed);
    }

    /// A stack, of which so much is resident, is not kept warm.
    fn cool(&self, shelf: &Shelf, slot: usize, resident: usize) {
        if resident == 0 {
            shelf.free.lock().cold.push(slot);
            return;
        }
        let cooled = {
            let mut free = shelf.free.lock();
            free.cooling.push(slot);
            if free.cooling.len() < self.most_cooling(shelf.class) {
                return;
            }
            std::mem::take(&mut free.cooling)
        };
        self.empty(shelf, &cooled);
    }

    /// How many stacks of a class are gathered before their pages are given back: at most a sixteenth of what may be warm.
    fn most_cooling(&self, class: StackClass) -> usize {
        let most = match class > StackClass::DEFAULT {
            true => class.bytes().min(KEPT_OF_LARGE),
            false => self.page,
        };
        (self.warm_limit / 16 / most).clamp(1, BATCH)
    }

    /// Gives back the pages of stacks that are in no list, and puts them on the cold one.
    fn empty(&self, shelf: &Shelf, slots: &[usize]) {
        let ranges: Vec<_> = slots
            .iter()
            .map(|slot| slot + self.page..slot + shelf.class.bytes())
            .collect();
        self.release(&ranges);
        shelf.free.lock().cold.extend_from_slice(slots);
    }

    /// How many bytes a stack that is given back keeps resident: asked, or estimated.
    fn kept_by(&self, shelf: &Shelf, slot: usize) -> usize {
        let class = shelf.class;
        let asks = class > StackClass::DEFAULT
            || shelf
                .returns
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(ASK_ONE_IN);
        if !asks {
            return shelf.usual.load(Ordering::Relaxed);
        }
        let top = slot + class.bytes();
        // The guard is left out: it would count as resident.
        let low = (slot + self.page).max(top - class.bytes().min(KEPT_OF_LARGE));
        let resident = self.resident(low, top);
        shelf
            .usual
            .store(resident.max(self.page), Ordering::Relaxed);
        resident
    }

    /// Leaves at most `left` bytes warm on this shelf and takes what it leaves off `left`.
    ///
    /// Works in chunks taken out from under the lock, oldest first, so that nobody waits for more than list operations.
    fn trim(&self, shelf: &Shelf, left: &mut usize) {
        let cooled = {
            let mut free = shelf.free.lock();
            let mut cooled = std::mem::take(&mut free.cooling);
            cooled.append(&mut free.ready);
            cooled
        };
        self.empty(shelf, &cooled);
        let warm = shelf.free.lock().warm.len();
        let keep = warm.min(*left / self.page);
        *left -= keep * self.page;

        let mut cool = warm - keep;
        // Liveness: `cool` shrinks by what was taken; an empty list ends the loop as well.
        while cool > 0 {
            let oldest: Vec<_> = {
                let mut free = shelf.free.lock();
                let n = cool.min(TRIM_CHUNK).min(free.warm.len());
                free.warm.drain(..n).collect()
            };
            if oldest.is_empty() {
                break;
            }
            cool -= oldest.len();
            let slots: Vec<_> = oldest.iter().map(|entry| entry.slot).collect();
            let resident = oldest.iter().map(|entry| entry.resident).sum();
            self.empty(shelf, &slots);
            self.warm_bytes.fetch_sub(resident, Ordering::Relaxed);
        }
        self.strip(shelf);
    }

    /// Leaves each warm stack its top page only. Those that were stripped before are the oldest, and not looked at.
    fn strip(&self, shelf: &Shelf) {
        let not_stripped = |free: &mut Free| {
            let first = free.warm.partition_point(|entry| entry.stripped);
            free.warm.split_off(first)
        };
        let mut stripped = not_stripped(&mut shelf.free.lock());
        let mut ranges = Vec::with_capacity(stripped.len());
        for entry in &mut stripped {
            ranges.push(entry.slot + self.page..entry.slot + shelf.class.bytes() - self.page);
            self.warm_bytes
                .fetch_sub(entry.resident - self.page, Ordering::Relaxed);
            entry.resident = self.page;
            entry.stripped = true;
        }
        self.release(&ranges);
        let mut free = shelf.free.lock();
        let mut newer = not_stripped(&mut free);
        free.warm.append(&mut stripped);
        free.warm.append(&mut newer);
    }

    /// Gives the pages in these ranges, of stacks that are in no list, back to the system.
    fn release(&self, ranges: &[Range<usize>]) {
        // SAFETY: the ranges lie in slots of ours above their guards, and nobody owns the slots, so nothing in them is needed.
        unsafe { self.advice.release(ranges) };
    }

    /// How many bytes of `from..to`, at most [`KEPT_OF_LARGE`], have memory behind them.
    fn resident(&self, from: usize, to: usize) -> usize {
        let mut pages = [0_u8; KEPT_OF_LARGE / SMALLEST_PAGE];
        let count = (to - from) / self.page;
        // SAFETY: the range is mapped, and `pages` has a byte for each of its pages.
        let status = unsafe {
            libc::mincore(
                std::ptr::with_exposed_provenance_mut(from),
                to - from,
                pages.as_mut_ptr(),
            )
        };
        if status != 0 {
            return to - from;
        }
        pages[..count].iter().filter(|&&page| page & 1 != 0).count() * self.page
    }
}

fn page_size() -> usize {
    // SAFETY: a query without arguments that could be wrong.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page)
        .unwrap_or(SMALLEST_PAGE)
        .max(SMALLEST_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protected_guards_stop_before_the_kernel_does_and_name_the_sysctl() {
        let page = page_size();
        let mut guards = Guards::new(GuardChoice::Protect, page);
        guards.set_budget(0);
        let pool = StackPool(Arc::new(Shared::new(
            &StackOptions::default(),
            guards,
            page,
        )));
        let error = pool.take(StackClass::DEFAULT).unwrap_err();
        assert!(matches!(error, StackError::MapLimit { .. }), "{error:?}");
        assert!(error.to_string().contains("sysctl vm.max_map_count"));
        assert_eq!(pool.stats().in_use, 0);
    }
}

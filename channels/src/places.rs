//! Places for values that many may look at while others replace them.
//!
//! Note \[Looks\]: whoever looks at a value runs foreign code (a `Clone`, a predicate), which may
//! take long, suspend its fiber, or panic. Those who replace the value must not wait for that, and
//! may not destroy what is looked at. So a value is never changed in its place: a new one is put
//! into a spare place, and what is shared is an exchangeable pointer to a place. The old place is
//! *retired*. If nobody looks at it, its value is out at once and it is a spare place again; if
//! somebody does, it is left to the onlookers, and the last to leave takes the value out. Places are
//! never freed before their pool, so one who comes with a pointer that is out of date may count
//! himself as an onlooker, see that the place holds another value or none, and leave.
//!
//! ```text
//! state:  | looks | left | full |
//!
//!   spare ──fill──► full ──retire, looks = 0──► spare
//!                     └──retire, looks > 0──► full+left ──the last look ends──► spare
//! ```
//! The number of places is that of the values in use, one more, and one for each onlooker at most.
//!
//! Invariants: the value is there if and only if `FULL` is set; stamp and value are written only by
//! the one party that took the place out of the spare ones, or whose compare-and-swap cleared
//! `FULL`, which succeeds only without looks.

use std::{mem::MaybeUninit, ops::Deref, ptr::NonNull};
use vitte_wait::facade::{
    atomic::{AtomicU64, AtomicUsize, Ordering::*},
    cell::UnsafeCell,
};

/// A value is there.
const FULL: usize = 1;
/// Nobody refers to the place any more but those who look.
const LEFT: usize = 1 << 1;
/// One onlooker.
const LOOK: usize = 1 << 2;

/// Room for one value. See the [module documentation](self).
pub(crate) struct Place<T> {
    state: AtomicUsize,
    /// Which value is there: a number that its owner gives out once.
    stamp: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: references to the value are given to many threads at once, hence `T: Sync`; it is taken
// out by whoever looks last, hence `T: Send`.
unsafe impl<T: Send + Sync> Sync for Place<T> {}

/// What became of a place that was retired.
enum Retired {
    /// Nobody looked: the value can be had.
    Ours,
    /// The last onlooker takes care of it.
    Left,
}

impl<T> Place<T> {
    fn empty() -> Self {
        Self {
            state: AtomicUsize::new(0),
            stamp: AtomicU64::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Puts a value in.
    ///
    /// # Safety
    /// The caller got the place from [`Places::take`], and fills it once.
    #[inline]
    pub(crate) unsafe fn fill(&self, stamp: u64, value: T) {
        // Ordering: Relaxed. Published below; whoever reads it early compares it again.
        self.stamp.store(stamp, Relaxed);
        // SAFETY: nobody reads a place that is not full, and the caller alone may write.
        self.value.with_mut(|cell| unsafe { (*cell).write(value) });
        // Ordering: Release. Partner: the Acquire in `try_look`. A read-modify-write, because one
        // who is out of date may be counted for a moment.
        self.state.fetch_or(FULL, Release);
    }

    /// Which value is in the place, or was, or is about to be: exact only for one who looks.
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        // Ordering: Relaxed. Who only compares it learns nothing else by it; who looks has
        // synchronized with `fill`, and nothing changes while he looks.
        self.stamp.load(Relaxed)
    }

    #[inline]
    fn try_look(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `fill`, with which came stamp and value.
        self.state.fetch_add(LOOK, Acquire) & FULL != 0
    }

    /// Ends a look. The value, if that falls to the caller; then the place is a spare one.
    #[inline]
    fn leave(&self) -> Option<T> {
        // Ordering: Release. Partner: the Acquire of whoever takes the value out, so that all looks
        // are over by then.
        let old = self.state.fetch_sub(LOOK, Release);
        if old == FULL | LEFT | LOOK {
            self.take_left()
        } else {
            None
        }
    }

    /// Several may come to this for one value, for a look that is out of date counts like any other.
    #[cold]
    fn take_left(&self) -> Option<T> {
        // Ordering: Acquire. Partner: the Release in `leave` of all the others who looked.
        self.state
            .compare_exchange(FULL | LEFT, 0, Acquire, Relaxed)
            .ok()
            // SAFETY: the place was full, and only one can clear that.
            .map(|_| unsafe { self.take_out() })
    }

    /// Gives the place up: its value is replaced. With `look`, the caller becomes an onlooker if it
    /// is left to them.
    #[inline]
    fn retire(&self, look: bool) -> Retired {
        let mut old = self.state.load(Relaxed);
        loop {
            debug_assert!(
                old & (FULL | LEFT) == FULL,
                "only what is in use is retired"
            );
            let (new, retired) = if old == FULL {
                (0, Retired::Ours)
            } else {
                let look = if look { LOOK } else { 0 };
                ((old | LEFT) + look, Retired::Left)
            };
            // Ordering: Acquire. Partner: the Release in `leave`. Release: who is out of date and
            // finds the place empty finds out as well that it was replaced before.
            match self.state.compare_exchange_weak(old, new, AcqRel, Relaxed) {
                Ok(_) => return retired,
                Err(now) => old = now,
            }
        }
    }

    /// # Safety
    /// The caller has cleared `FULL`, and calls this once.
    #[inline]
    unsafe fn take_out(&self) -> T {
        // SAFETY: the value was there, and by the caller nobody else has it or looks at it.
        self.value
            .with_mut(|cell| unsafe { (*cell).assume_init_read() })
    }
}

/// All places of a channel, and which of them are spare. Lives under the channel's lock.
pub(crate) struct Places<T> {
    slabs: Vec<NonNull<[Place<T>]>>,
    spare: Vec<NonNull<Place<T>>>,
}

// SAFETY: the places are owned, and shared as `Place` says; the bounds are what its `Sync` asks.
unsafe impl<T: Send + Sync> Send for Places<T> {}

impl<T> Places<T> {
    /// A pool of `count` places; it grows when that is not enough.
    pub(crate) fn new(count: usize) -> Self {
        let mut places = Self {
            slabs: Vec::new(),
            spare: Vec::with_capacity(count),
        };
        places.grow(count);
        places
    }

    fn grow(&mut self, count: usize) {
        let slab: Box<[Place<T>]> = (0..count).map(|_| Place::empty()).collect();
        let slab = NonNull::from(Box::leak(slab));
        self.slabs.push(slab);
        // SAFETY: the slab lives until `drop`, and is only ever shared.
        let slab = unsafe { slab.as_ref() };
        self.spare.extend(slab.iter().rev().map(NonNull::from));
    }

    /// A spare place, to be filled. It stays valid as long as the pool.
    #[inline]
    pub(crate) fn take(&mut self) -> NonNull<Place<T>> {
        if self.spare.is_empty() {
            self.grow(1);
        }
        self.spare.pop().expect("the pool has just grown")
    }

    /// Takes a place back that [`Look::drop`] has emptied.
    fn give_back(&mut self, place: NonNull<Place<T>>) {
        self.spare.push(place);
    }

    /// Gives up a place whose value is replaced. The value, if nobody looks at it.
    ///
    /// # Safety
    /// The place is from this pool, was filled, and no reference to it is given out from now on.
    /// It is retired once.
    #[inline]
    pub(crate) unsafe fn retire(&mut self, place: NonNull<Place<T>>) -> Option<T> {
        // SAFETY: by the caller it is from this pool, so it is alive.
        match unsafe { place.as_ref() }.retire(false) {
            Retired::Ours => {
                // SAFETY: `retire` has cleared `FULL` for us.
                let value = unsafe { place.as_ref().take_out() };
                self.spare.push(place);
                Some(value)
            }
            Retired::Left => None,
        }
    }

    /// As [`retire`](Self::retire), but if others look at the value the caller does, too.
    ///
    /// # Safety
    /// As for [`retire`](Self::retire); and `owner` has this pool.
    pub(crate) unsafe fn retire_or_look<'a, O: Owner<T>>(
        &mut self,
        place: NonNull<Place<T>>,
        owner: &'a O,
    ) -> Result<T, Look<'a, T, O>> {
        // SAFETY: by the caller it lives as long as the owner.
        let there: &'a Place<T> = unsafe { place.as_ref() };
        match there.retire(true) {
            Retired::Ours => {
                // SAFETY: `retire` has cleared `FULL` for us.
                let value = unsafe { there.take_out() };
                self.spare.push(place);
                Ok(value)
            }
            Retired::Left => Err(Look {
                place: there,
                owner,
            }),
        }
    }
}

impl<T> Drop for Places<T> {
    fn drop(&mut self) {
        // Unwind: the values are dropped last, and by the vector, which drops all of them even if
        // the destructor of one panics.
        let mut values = Vec::new();
        for slab in self.slabs.drain(..) {
            // SAFETY: it came from `Box::leak`, and whoever could refer to it is gone.
            let slab = unsafe { Box::from_raw(slab.as_ptr()) };
            for place in &slab {
                if place.state.load(Relaxed) & FULL != 0 {
                    // SAFETY: the value is there, and we are alone.
                    values.push(unsafe { place.take_out() });
                }
            }
        }
    }
}

/// Whoever has a pool of places under its lock.
pub(crate) trait Owner<T> {
    fn with_places<R>(&self, act: impl FnOnce(&mut Places<T>) -> R) -> R;
}

/// The right to look at a value for a while. It may be held across a suspension.
pub(crate) struct Look<'a, T, O: Owner<T>> {
    place: &'a Place<T>,
    owner: &'a O,
}

impl<'a, T, O: Owner<T>> Look<'a, T, O> {
    /// Looks at what is in `place`, if something is, and if it passes the test: that is asked
    /// while the place cannot change.
    ///
    /// # Safety
    /// The place is from the pool of `owner`.
    #[inline]
    pub(crate) unsafe fn begin(
        owner: &'a O,
        place: NonNull<Place<T>>,
        is_meant: impl FnOnce(&Place<T>) -> bool,
    ) -> Option<Self> {
        // SAFETY: by the caller it lives as long as the owner.
        let place: &'a Place<T> = unsafe { place.as_ref() };
        let is_full = place.try_look();
        // Made at once, for it ends the look.
        let look = Self { place, owner };
        (is_full && is_meant(place)).then_some(look)
    }

    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        self.place.stamp()
    }

    /// Runs `act` on the value in a way that a model checker sees.
    #[inline]
    pub(crate) fn with<R>(&self, act: impl FnOnce(&T) -> R) -> R {
        // SAFETY: as in `deref`.
        self.place
            .value
            .with(|cell| act(unsafe { (*cell).assume_init_ref() }))
    }
}

impl<T, O: Owner<T>> Deref for Look<'_, T, O> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        let value = self.place.value.with(|cell| cell);
        // SAFETY: the place was full when we were counted, and while we are, nobody takes the value
        // out or writes there.
        unsafe { (*value).assume_init_ref() }
    }
}

impl<T, O: Owner<T>> Drop for Look<'_, T, O> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.place.leave() {
            give_back(self.owner, self.place, value);
        }
    }
}

#[cold]
#[inline(never)]
fn give_back<T, O: Owner<T>>(owner: &O, place: &Place<T>, value: T) {
    owner.with_places(|places| places.give_back(NonNull::from(place)));
    // Foreign code, so without the lock.
    drop(value);
}

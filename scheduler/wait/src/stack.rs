//! Whose stack an address lies on: how a lock knows its holder without asking who that is.
//!
//! A lock that is taken leaves a [`mark`] in its word: the address of something on the stack of whoever took
//! it. That costs no access to a thread-local. Only one who would have to wait asks whether the
//! mark lies on [its own stack](is_own), and then it would wait for itself.
//!
//! The question is about stacks and not about units on purpose: a task that runs on top of its
//! joiner's stack can never be given what the joiner holds, for the joiner goes on after it.
//!
//! ```text
//! | address on the stack    | 0 | free for the lock 2 |
//! | address of the unit     | 1 | free for the lock 2 |
//! ```
//!
//! Where units of different urgency compete, who waits must find the holder, to [lend](crate::Unit::lift) him his
//! own. So from the first time that any unit is given a class a mark is the address of its maker's unit, which
//! does cost that access. It is the same word, so who reads it under the lock of the lock's queue knows the holder,
//! with no second field that might lag behind. Marks that were made before say nothing, and lift nobody.
//!
//! Who asks about such a mark looks into its maker's unit, which may have been made just now. So a mark is written where others
//! read it with Release, and read from there with Acquire, or both under one lock; but it need not if it [tells no maker](tells_maker).
//!
//! A model checker's threads tell nobody about their stacks, so there all marks are of that kind.

#[cfg(any(loom, shuttle))]
use crate::facade::atomic::{Ordering::*, fence};
use crate::{Unit, current};
#[cfg(not(any(loom, shuttle)))]
use crate::{priority, thread::ThreadUnit};
use std::ptr;

/// How many low bits of a mark are zero, for flags beside it.
pub const FREE_BITS: u32 = 3;
/// The mark is a unit's address.
const OF_UNIT: usize = 1 << FREE_BITS;
const FLAGS: usize = OF_UNIT | (OF_UNIT - 1);

/// What stands for the caller's own stack, never zero.
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
#[must_use]
pub fn mark() -> usize {
    if priority::are_used() {
        return mark_of_unit();
    }
    mark_of_stack()
}

/// As [`mark`], but never the address of a unit: for a lock that nobody lends through.
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
#[must_use]
pub fn mark_of_stack() -> usize {
    let here = std::mem::MaybeUninit::<u8>::uninit();
    // A stack begins and ends at a page, so the rounded address is on it, too.
    ptr::from_ref(&here).addr() & !FLAGS
}

/// What stands for the caller's own stack, never zero.
#[cfg(any(loom, shuttle))]
#[must_use]
pub fn mark() -> usize {
    mark_of_unit()
}

/// For one who takes a lock at once: what the lock's word is when free, and the [`mark`] to leave in it.
///
/// Once there are classes the first is what no word is: his compare-and-swap fails, and he makes his mark where it may
/// take longer. So until then nothing is tested on the way.
#[cfg(not(any(loom, shuttle)))]
#[inline(always)]
#[must_use]
pub fn free_and_mark() -> (usize, usize) {
    (priority::free_word(), mark_of_stack())
}

/// As [`mark`]: here it is the address of a unit, but [`is_own`] does not look into that.
#[cfg(any(loom, shuttle))]
#[must_use]
pub fn mark_of_stack() -> usize {
    mark_of_unit()
}

/// For one who takes a lock at once: what the lock's word is when free, and the [`mark`] to leave in it.
#[cfg(any(loom, shuttle))]
#[must_use]
pub fn free_and_mark() -> (usize, usize) {
    let mark = mark();
    // Ordering: Release, for elsewhere such a mark tells no maker, and what takes a lock by it does not release. Partners: the
    // Acquire of those who read it.
    fence(Release);
    (0, mark)
}

#[cold]
fn mark_of_unit() -> usize {
    ptr::from_ref(current::unit()).expose_provenance() | OF_UNIT
}

/// Whether `mark` says which unit made it.
#[inline(always)]
#[must_use]
pub fn tells_maker(mark: usize) -> bool {
    mark & OF_UNIT != 0
}

/// The unit that made `mark`, if the mark says. It was read with Acquire: see the [module documentation](self).
#[inline]
#[must_use]
pub fn maker(mark: usize) -> Option<&'static Unit> {
    if !tells_maker(mark) {
        return None;
    }
    // SAFETY: such marks are made of references to units, which live for ever.
    Some(unsafe { &*ptr::with_exposed_provenance::<Unit>(mark & !FLAGS) })
}

/// Whether `mark` was made on the stack that the caller stands on. False where the bounds of a
/// thread's stack cannot be had, unless the mark tells the unit. It was read as for [`maker`].
#[cfg(not(any(loom, shuttle)))]
#[cold]
#[must_use]
pub fn is_own(mark: usize) -> bool {
    let unit = current::unit();
    if let Some(maker) = maker(mark) {
        if ptr::eq(maker, unit) {
            return true;
        }
        // One whose child runs on its stack, perhaps. A plain thread's stack is no fiber's.
        return match (maker.ops(), unit.ops()) {
            (Some(theirs), Some(ours)) => (ours.is_on_stack)(unit, (theirs.place)(maker)),
            _ => false,
        };
    }
    if let Some(ops) = unit.ops() {
        return (ops.is_on_stack)(unit, mark);
    }
    // SAFETY: every unit without ops is the first field of an immortal `ThreadUnit`.
    let (lo, hi) = unsafe { ThreadUnit::of(unit.into()) }.stack();
    (lo..hi).contains(&mark)
}

/// Whether `mark` was made by the calling unit.
#[cfg(any(loom, shuttle))]
#[must_use]
pub fn is_own(mark: usize) -> bool {
    mark == self::mark()
}

/// The bounds of the calling thread's own stack; empty if the system does not tell.
#[cfg(all(
    not(any(loom, shuttle)),
    any(target_os = "linux", target_os = "android")
))]
#[must_use]
pub fn of_thread() -> (usize, usize) {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the calling thread is alive, and the place is large enough.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return (0, 0);
    }
    let (mut lo, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes were initialized by the call above; the other two are ours.
    let failed = unsafe {
        libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut lo, &raw mut size) != 0
    };
    // SAFETY: initialized above, and not used after this.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if failed {
        return (0, 0);
    }
    (lo.addr(), lo.addr().saturating_add(size))
}

/// The bounds of the calling thread's own stack; empty if the system does not tell.
#[cfg(all(not(any(loom, shuttle)), target_vendor = "apple"))]
#[must_use]
pub fn of_thread() -> (usize, usize) {
    // SAFETY: the calling thread is alive.
    let (hi, size) = unsafe {
        let own = libc::pthread_self();
        (
            libc::pthread_get_stackaddr_np(own).addr(),
            libc::pthread_get_stacksize_np(own),
        )
    };
    (hi.saturating_sub(size), hi)
}

/// The bounds of the calling thread's own stack: nobody tells, so they are empty.
#[cfg(any(
    loom,
    shuttle,
    not(any(target_os = "linux", target_os = "android", target_vendor = "apple"))
))]
#[must_use]
pub fn of_thread() -> (usize, usize) {
    (0, 0)
}

#[cfg(all(
    test,
    not(any(loom, shuttle)),
    any(target_os = "linux", target_vendor = "apple")
))]
mod tests {
    use super::*;
    use crate::Priority;

    #[test]
    fn a_mark_is_on_the_stack_of_the_thread_that_made_it_and_on_no_other() {
        let mine = mark();
        assert_eq!(mine % (1 << FREE_BITS), 0);
        assert!(is_own(mine));
        let other = crate::facade::thread::spawn(move || {
            assert!(!is_own(mine));
            assert!(is_own(mark()));
            mark()
        });
        let other = other.join().unwrap();
        assert!(!is_own(other));
        assert!(!is_own(ptr::from_ref(&*Box::new(0)).addr() & !FLAGS));
    }

    #[test]
    fn once_there_are_classes_a_mark_tells_who_made_it() {
        let before = mark();
        let unit = crate::facade::thread::spawn(move || {
            current::unit().set_class(Priority::High);
            let mine = mark();
            assert_eq!(mine % (1 << FREE_BITS), 0);
            assert!(is_own(mine) && !is_own(before));
            assert_ne!(
                free_and_mark().0,
                0,
                "nobody takes a lock with another mark"
            );
            let told = maker(mine).unwrap();
            assert!(ptr::eq(told, current::unit()));
            told
        });
        let unit = unit.join().unwrap();
        assert!(!ptr::eq(unit, current::unit()));
        assert!(!is_own(ptr::from_ref(unit).expose_provenance() | OF_UNIT));
        assert!(maker(mark()).is_some(), "it stays so");
    }
}

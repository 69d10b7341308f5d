//! The numbers of units, for locks of one small word, and which unit has which.
//!
//! A number is given once and leads to its unit for ever, as a unit's memory stays one. It is looked up only by
//! one who has to wait while there are classes, so a plain lock will do.

use crate::{
    Unit,
    facade::{
        atomic::{Ordering::*, fence},
        plain::Mutex,
    },
};

/// The unit of number `n` is at `n - 1`.
static NUMBERED: Mutex<Vec<&'static Unit>> = Mutex::new(Vec::new());

/// Gives `unit` the next number.
///
/// # Panics
/// If there are none left below 2^30.
pub(crate) fn give(unit: &'static Unit) -> u32 {
    let mut numbered = NUMBERED.lock();
    let number = numbered.len() + 1;
    assert!(number < 1 << 30, "there are too many units to number them");
    numbered.push(unit);
    // Ordering: Release, for a unit that was made just now. Partner: the fence in `unit_of`. The lock would do, but
    // no model sees it: in one the number travels in the word of a lock.
    fence(Release);
    number as u32
}

/// The unit that was given `number`.
pub(crate) fn unit_of(number: u32) -> Option<&'static Unit> {
    let at = (number as usize).checked_sub(1)?;
    // Ordering: Acquire. Partner: the fence in `give`.
    fence(Acquire);
    NUMBERED.lock().get(at).copied()
}

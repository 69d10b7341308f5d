//! Handles of runtimes: numbers in a pointer's clothes, which can be wrong without harm.
//!
//! ```text
//! | generation (rest) | slot + 1 (10 bits) |
//! ```
//! A handle is never followed. It names a slot of a table, and the generation that the slot had
//! when the handle was given out; so the handle of a runtime that is gone, or a pointer to
//! something else, names nobody, and the call says `VT_ESTALE`.
//!
//! **Invariants:** a slot holds a scheduler exactly as long as its current generation's handle is
//! good. The generation goes up when the slot is emptied.

use crate::{
    VT_ECONTEXT, VT_ELIMIT, VT_ESTALE,
    boundary::{Answer, ensure},
    signal, vt_status,
};
use std::{ptr, sync::LazyLock};
use vitte_scheduler::{Scheduler, ShutdownMode};
use vitte_wait::{Deadline, facade::Mutex};

/// A runtime. The pointer is a number that only the functions of this header understand.
#[derive(Debug)]
pub struct vt_runtime(());

/// How many runtimes may live at once: as many as the handle's lower bits can number.
pub(crate) const SLOTS: usize = (1 << SLOT_BITS) - 1;
const SLOT_BITS: u32 = 10;

/// Alone on its cache lines, because spawning from outside reads it.
#[derive(Default)]
#[repr(align(128))]
struct Slot(Mutex<Tenant>);

struct Tenant {
    generation: usize,
    scheduler: Option<Scheduler>,
}

impl Default for Tenant {
    fn default() -> Self {
        // Not a small number, so that a small number is no handle.
        let (generation, scheduler) = (0x5654, None);
        Self {
            generation,
            scheduler,
        }
    }
}

static TABLE: LazyLock<Box<[Slot]>> =
    LazyLock::new(|| (0..SLOTS).map(|_| Slot::default()).collect());

fn encode(generation: usize, slot: usize) -> *mut vt_runtime {
    ptr::without_provenance_mut(generation << SLOT_BITS | (slot + 1))
}

/// The slot that `rt` would be the handle of. Async-signal-safe.
pub(crate) fn slot(rt: *mut vt_runtime) -> Option<usize> {
    (rt.addr() & SLOTS).checked_sub(1)
}

fn decode(rt: *mut vt_runtime) -> Answer<(usize, &'static Slot)> {
    let slot = slot(rt).and_then(|slot| TABLE.get(slot)).ok_or(VT_ESTALE)?;
    Ok((rt.addr() >> SLOT_BITS, slot))
}

/// Gives `scheduler` a handle; the scheduler back if the table is full.
pub(crate) fn insert(scheduler: Scheduler) -> Result<*mut vt_runtime, Scheduler> {
    for (at, slot) in TABLE.iter().enumerate() {
        let mut tenant = slot.0.lock();
        if tenant.scheduler.is_none() {
            tenant.scheduler = Some(scheduler);
            return Ok(encode(tenant.generation, at));
        }
    }
    Err(scheduler)
}

/// The scheduler that `rt` names; null names that of the calling fiber.
pub(crate) fn get(rt: *mut vt_runtime) -> Answer<Scheduler> {
    if rt.is_null() {
        return Scheduler::current().ok_or(VT_ECONTEXT);
    }
    with(rt, |_, scheduler| Ok(scheduler.clone()))
}

/// Calls `visit` with the slot and the scheduler that `rt` names. `rt` does not become stale meanwhile.
pub(crate) fn with<T>(
    rt: *mut vt_runtime,
    visit: impl FnOnce(usize, &Scheduler) -> Answer<T>,
) -> Answer<T> {
    let (generation, place) = decode(rt)?;
    let tenant = place.0.lock();
    let scheduler = tenant.scheduler.as_ref().ok_or(VT_ESTALE)?;
    ensure(tenant.generation == generation, VT_ESTALE)?;
    visit(slot(rt).ok_or(VT_ESTALE)?, scheduler)
}

/// Makes `rt` stale. `VT_ESTALE` if it was already.
pub(crate) fn remove(rt: *mut vt_runtime) -> Answer<Scheduler> {
    let (generation, place) = decode(rt)?;
    let mut tenant = place.0.lock();
    ensure(tenant.generation == generation, VT_ESTALE)?;
    let scheduler = tenant.scheduler.take().ok_or(VT_ESTALE)?;
    tenant.generation += 1;
    if let Some(slot) = slot(rt) {
        signal::forget(slot);
    }
    Ok(scheduler)
}

/// The handle of the calling fiber's or attached thread's scheduler; null elsewhere, and for a scheduler that
/// was not made through this interface.
pub(crate) fn current() -> *mut vt_runtime {
    let Some(current) = Scheduler::current() else {
        return ptr::null_mut();
    };
    let of_slot = |(at, slot): (usize, &Slot)| {
        let tenant = slot.0.lock();
        let its = tenant.scheduler.as_ref();
        let here = its.is_some_and(|its| its.is_same(&current));
        here.then(|| encode(tenant.generation, at))
    };
    let found = TABLE.iter().enumerate().find_map(of_slot);
    found.unwrap_or(ptr::null_mut())
}

/// What becomes of a scheduler that got no handle: it ends, having run nothing.
pub(crate) fn turn_away(scheduler: &Scheduler) -> vt_status {
    let _ = scheduler.shutdown(ShutdownMode::Drain, Deadline::NEVER);
    VT_ELIMIT
}

//! Task records: what the scheduler knows of a task, in two cache lines.
//!
//! ```text
//!  line 0   poll 4 | flags 4 | user 8 | lo 8 | hi 8 | unit 32      generated code may read lo..hi
//!  line 1   state 8 | vtable 8 | joiner 8 | link 8 | cold 8 | storage 24
//! ```
//!
//! Invariants: a record is type-stable. It lies in a slab that is never unmapped, so a pointer to
//! it may be followed at any time, though it may mean another task by then; the generation in
//! [`state`] tells. Between its last suspension and its next run a task is in at most one queue.

pub(crate) mod arm;
pub(crate) mod body;
pub(crate) mod future;
mod handle;
pub(crate) mod job;
pub(crate) mod join;
pub(crate) mod join_error;
pub(crate) mod join_raw;
#[cfg(all(test, loom))]
mod model;
pub(crate) mod slab;
pub(crate) mod state;

use crate::{cancel::CancelReason, id::FiberId, interrupt::Interrupts};
use body::{BodyTable, Storage};
use join::Joiner;
use state::State;
use std::{
    cell::{Cell, UnsafeCell},
    ptr,
    sync::OnceLock,
};
use vitte_fibers::StackClass;
use vitte_wait::{
    Unit, UnitOps,
    facade::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering::*},
    local::Locals,
};

/// The part of a fiber's record that generated code may read. Its address does not change while
/// the fiber lives.
#[repr(C)]
#[derive(Debug)]
pub struct Hot {
    /// Not zero when somebody wants something of the fiber: then call [`poll_slow`](crate::poll_slow).
    pub poll: AtomicU32,
    /// What kind of fiber this is; see `flags`. Read only.
    pub flags: AtomicU32,
    /// For the embedder.
    pub user: AtomicPtr<()>,
    /// The lowest address of the stack that the fiber may use. Means nothing before it first runs.
    pub lo: AtomicUsize,
    /// One above the highest address of that stack.
    pub hi: AtomicUsize,
}

/// Bits of [`Hot::poll`].
pub(crate) mod poll {
    /// The fiber was canceled. Never cleared.
    pub(crate) const CANCEL: u32 = 1;
    /// Its slice is over, or was when this was set: the worker's turn tells.
    pub(crate) const SLICE: u32 = 1 << 1;
    /// A task of the high class waits, or did when this was set.
    pub(crate) const URGENT: u32 = 1 << 2;
    /// Others have left something for it to do.
    pub(crate) const INTERRUPT: u32 = 1 << 3;
    /// The task's runtime is driven by its host, so nobody watches the time for it: every poll looks at the
    /// clock. Never cleared.
    pub(crate) const HOST: u32 = 1 << 31;
    /// What a poll clears.
    pub(crate) const TRANSIENT: u32 = SLICE | URGENT;
}

/// Bits of [`Hot::flags`]. Written by whoever spawns, then only by whoever runs the task.
pub(crate) mod flags {
    /// Once started, the task stays on its worker.
    pub(crate) const PINNED: u32 = 1;
    /// It has begun to run, and so has a stack.
    pub(crate) const STARTED: u32 = 1 << 1;
    /// It has frames that cannot unwind.
    pub(crate) const NO_UNWIND: u32 = 1 << 2;
    /// It runs on top of its joiner's stack; `link` leads to the joiner.
    pub(crate) const INLINE: u32 = 1 << 3;
    /// How often [`pin`](crate::pin) was called and not undone.
    pub(crate) const PINS_MASK: u32 = 0xf << 4;
    pub(crate) const PIN_ONE: u32 = 1 << 4;
    /// The class of its stack.
    pub(crate) const CLASS_SHIFT: u32 = 8;
    pub(crate) const CLASS_MASK: u32 = 0xf << CLASS_SHIFT;
    const _: () = assert!(vitte_fibers::StackClass::COUNT <= 16);
    /// What kinds of foreign code it runs.
    pub(crate) const NATIVE_SHIFT: u32 = 13;
    pub(crate) const NATIVE_MASK: u32 = 0b11 << NATIVE_SHIFT;
    /// Its worker is inside a region.
    pub(crate) const MAY_BLOCK: u32 = crate::native::MAY_BLOCK << NATIVE_SHIFT;
    /// It stands on the stack of its worker's thread.
    pub(crate) const ON_NATIVE: u32 = 1 << 15;
    /// Whoever has one of these is suspended with care, or not at all.
    pub(crate) const TO_MIND: u32 = INLINE | MAY_BLOCK | ON_NATIVE;
    /// Somebody wants to see it come and go, so it runs on nobody else's stack. Above the class, so that it
    /// counts as one that fits nowhere.
    pub(crate) const SEEN: u32 = 1 << 12;
    /// The index of the worker whose thread it last ran on.
    pub(crate) const HOME_SHIFT: u32 = 16;
}

/// See the [module documentation](self).
#[repr(C, align(64))]
pub(crate) struct Task {
    pub(crate) hot: Hot,
    pub(crate) unit: Unit,
    pub(crate) state: State,
    /// How to run the body and drop what is left of it. Written at spawn.
    vtable: Cell<&'static BodyTable>,
    /// Those who wait for the end, linked on their own stacks. Touched under the state's lock.
    pub(crate) joiner: Cell<*const Joiner>,
    /// The next task in whatever queue this one is in; the joiner of a task that runs inline.
    pub(crate) link: Cell<*const Task>,
    /// What only few tasks have. Null or a box; made at spawn or when it is first wanted, by whoever runs
    /// the task, has its handle, or holds the state's lock; freed when the record is vacant.
    cold: AtomicPtr<Cold>,
    /// The closure, then its value or panic. See [`body`].
    pub(crate) storage: UnsafeCell<Storage>,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Task>() == 128, "a record is two cache lines");
#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Hot>() == 32 && size_of::<Unit>() == 32);

// SAFETY: the atomic fields may be shared. The cells are touched only by the task's present owner
// (the spawner before it is queued, whoever holds it out of a queue, the worker that runs it, and
// after its end the holder of its handle), or, `joiner`, under the state's lock; each hand-over goes
// through a queue or a state transition that orders the two. The body is `Send` or vouched for.
unsafe impl Sync for Task {}

/// The rarely used rest of a record.
#[derive(Debug, Default)]
pub(crate) struct Cold {
    /// Written before the task is known to anybody.
    pub(crate) name: Option<Box<str>>,
    /// Why the task was asked to stop, if its state says that this is where it is said.
    pub(crate) reason: OnceLock<CancelReason>,
    /// What is the task's own. Touched by itself only.
    pub(crate) locals: Locals,
    /// What others have left for it to do.
    pub(crate) interrupts: Interrupts,
    /// Who ran last on top of it and has left the stack: an id, or zero. Written by that one: see Note [Passed on].
    pub(crate) on_top: AtomicU64,
    /// Dropped last of what is the task's own, whether it ran or not. Put there before the task is queued,
    /// then touched by whoever ends it.
    pub(crate) companion: Companion,
}

/// What goes with a task that cannot hold it on its own stack, because its frames may be given up.
#[derive(Default)]
pub(crate) struct Companion(Cell<Option<Box<dyn Send>>>);

impl Companion {
    pub(crate) fn part(&self) {
        drop(self.0.take());
    }
}

impl std::fmt::Debug for Companion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Companion").finish_non_exhaustive()
    }
}

/// What a new task is, besides its body.
#[derive(Clone, Copy)]
pub(crate) struct Traits {
    pub(crate) flags: u32,
    /// What its poll word begins with.
    pub(crate) poll: u32,
    pub(crate) user: *mut (),
}

impl Task {
    /// A record that holds no task yet.
    pub(crate) fn vacant(ops: &'static UnitOps) -> Self {
        Self {
            hot: Hot {
                poll: AtomicU32::new(0),
                flags: AtomicU32::new(0),
                user: AtomicPtr::new(ptr::null_mut()),
                lo: AtomicUsize::new(0),
                hi: AtomicUsize::new(0),
            },
            unit: Unit::new(Some(ops)),
            state: State::vacant(),
            vtable: Cell::new(&body::NOTHING),
            joiner: Cell::new(ptr::null()),
            link: Cell::new(ptr::null()),
            cold: AtomicPtr::new(ptr::null_mut()),
            storage: UnsafeCell::new(Storage::vacant()),
        }
    }

    /// Makes a vacant record a task, all but its body. The caller owns the record.
    #[inline]
    pub(crate) fn occupy(&self, vtable: &'static BodyTable, traits: Traits) {
        self.hot.poll.store(traits.poll, Relaxed);
        self.hot.flags.store(traits.flags, Relaxed);
        self.hot.user.store(traits.user, Relaxed);
        self.unit.recycle();
        self.vtable.set(vtable);
        self.state.occupy();
    }

    #[inline(always)]
    pub(crate) fn vtable(&self) -> &'static BodyTable {
        self.vtable.get()
    }

    #[inline(always)]
    pub(crate) fn flags(&self) -> u32 {
        self.hot.flags.load(Relaxed)
    }

    /// Whoever runs or spawns the task only.
    #[inline(always)]
    pub(crate) fn set_flags(&self, flags: u32) {
        self.hot.flags.store(flags, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_started(&self) -> bool {
        self.flags() & flags::STARTED != 0
    }

    /// Whether it was asked to let others run. A poll finds out whether it still has to.
    #[inline(always)]
    pub(crate) fn is_to_give_way(&self) -> bool {
        self.hot.poll.load(Relaxed) & poll::TRANSIENT != 0
    }

    #[inline(always)]
    pub(crate) fn is_pinned(&self) -> bool {
        self.flags() & (flags::PINNED | flags::PINS_MASK) != 0
    }

    #[inline(always)]
    pub(crate) fn home(&self) -> usize {
        (self.flags() >> flags::HOME_SHIFT) as usize
    }

    #[inline(always)]
    pub(crate) fn class(&self) -> usize {
        ((self.flags() & flags::CLASS_MASK) >> flags::CLASS_SHIFT) as usize
    }

    pub(crate) fn class_bits(class: StackClass) -> u32 {
        (class.index() as u32) << flags::CLASS_SHIFT
    }

    pub(crate) fn id(&'static self) -> FiberId {
        self.state.set_known();
        self.id_unknown()
    }

    /// The id, for an onlooker who may only show it: unless somebody else made it known, it finds
    /// nobody.
    pub(crate) fn id_unknown(&'static self) -> FiberId {
        FiberId::new(self.state.generation(), slab::slot_of(self))
    }

    /// The task whose unit this is.
    ///
    /// # Safety
    /// `unit` is the unit of a task record.
    #[inline(always)]
    pub(crate) unsafe fn of(unit: &'static Unit) -> &'static Self {
        let task = ptr::from_ref(unit).wrapping_byte_sub(std::mem::offset_of!(Self, unit));
        // SAFETY: by the caller the unit lies in a record at that offset; records are immortal.
        unsafe { &*task.cast::<Self>() }
    }

    pub(crate) fn cold(&self) -> Option<&Cold> {
        // Ordering: Acquire. Partner: the Release in `set_cold` and in `cold_or_new`.
        // SAFETY: null or a box made there, freed only when the record has been vacated, and
        // that waits for the caller, who holds the state's lock or owns the task.
        unsafe { self.cold.load(Acquire).as_ref() }
    }

    /// Before the task is known to anybody else.
    pub(crate) fn set_cold(&self, cold: Cold) {
        self.state.set_known();
        // Ordering: Release. Partner: the Acquire in `cold`.
        self.cold.store(Box::into_raw(Box::new(cold)), Release);
    }

    /// The cold part, made now if there is none. By whoever runs the task, has its handle, or holds the
    /// state's lock.
    pub(crate) fn cold_or_new(&self) -> &Cold {
        if let Some(cold) = self.cold() {
            return cold;
        }
        self.state.set_known();
        let new = Box::into_raw(Box::<Cold>::default());
        // Ordering: Release: what is in the box (partner: the Acquire in `cold`). Acquire: another's.
        let made = (self.cold).compare_exchange(ptr::null_mut(), new, AcqRel, Acquire);
        let cold = match made {
            Ok(_) => new,
            Err(theirs) => {
                // SAFETY: made above, and shown to nobody.
                drop(unsafe { Box::from_raw(new) });
                theirs
            }
        };
        // SAFETY: as in `cold`.
        unsafe { &*cold }
    }

    /// Takes the cold part of a record that was just made vacant, and is not in anybody's stock yet. Not
    /// before: those who look the task up under the lock may still make one.
    #[inline(always)]
    fn take_cold(&self) -> Option<Box<Cold>> {
        if self.cold.load(Relaxed).is_null() {
            return None;
        }
        // Ordering: Acquire. Partner: the Release in `set_cold` and in `cold_or_new`.
        let cold = self.cold.swap(ptr::null_mut(), Acquire);
        // SAFETY: made by `Box::into_raw`, and swapped out by us alone.
        Some(unsafe { Box::from_raw(cold) })
    }

    /// The body has ended, or is never to go on: makes the calls that were put off, and drops what is the
    /// task's own. On the task itself.
    #[inline(always)]
    pub(crate) fn end_locals(&'static self) {
        if !self.cold.load(Relaxed).is_null() {
            self.end_cold();
        }
    }

    #[cold]
    #[inline(never)]
    fn end_cold(&'static self) {
        let Some(cold) = self.cold() else { return };
        // What is called there may wait, though the task was canceled, or is to be unwound.
        self.unit.mask_cancel(true);
        // SAFETY: we are the task.
        unsafe { cold.locals.end() };
        cold.interrupts.clear();
        cold.companion.part();
    }

    /// Makes the task's companion, if it has one. Before it is queued, by whoever spawns it.
    pub(crate) fn accompany(
        &'static self,
        make: Option<impl FnOnce(FiberId) -> Option<Box<dyn Send>>>,
    ) {
        if let Some(companion) = make.and_then(|make| make(self.id())) {
            self.cold_or_new().companion.0.set(Some(companion));
        }
    }

    /// The task's name, if it has one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.cold()?.name.as_deref()
    }

    /// Makes the record vacant again. The caller is the last to know the task.
    #[inline]
    pub(crate) fn vacate(&'static self) {
        slab::vacate(self);
    }

    /// As [`vacate`](Self::vacate), on a worker of the scheduler that the task belongs to.
    #[inline(always)]
    pub(crate) fn vacate_on(&'static self, worker: &crate::worker::Worker) {
        drop(self.make_vacant(|task| worker.records.give(task)));
    }

    /// Vacates the record, takes its cold part, and only then has it put where it is used again.
    #[inline(always)]
    fn make_vacant(&'static self, put: impl FnOnce(&'static Self)) -> Option<Box<Cold>> {
        self.state.vacate();
        let cold = self.take_cold();
        put(self);
        cold
    }
}

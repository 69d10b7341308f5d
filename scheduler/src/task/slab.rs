//! Where task records come from, and how an id leads to its record.
//!
//! ```text
//!  slab, 128 KiB, aligned to its size:   | header | record 1 | record 2 | ... | record 1023 |
//!  slot number of a record:              slab number << 10 | index in the slab
//! ```
//!
//! Slabs are never unmapped and never become anything else, so any id, however old, leads to a
//! record. That is why the table of slabs is the process's and not a runtime's: an id may outlive
//! its runtime. A runtime that ends leaves its slabs to the next one.

use crate::{
    shared::Shared,
    task::{Task, state::OCCUPIED},
};
use std::{
    alloc::{Layout, alloc, handle_alloc_error},
    cell::Cell,
    ptr::{self, NonNull},
};
use vitte_wait::{
    UnitOps,
    facade::{
        atomic::Ordering::*,
        plain::{AtomicPtr, AtomicUsize, Mutex},
    },
};

/// The same as the size of a [`Task`], but under a model checker, whose types are larger.
const RECORD: usize = size_of::<Task>().next_power_of_two();
const INDEX_BITS: u32 = if cfg!(any(loom, shuttle)) { 4 } else { 10 };
const PER_SLAB: usize = 1 << INDEX_BITS;
const SLAB_BYTES: usize = RECORD * PER_SLAB;
const MOST_SLABS: usize = 1 << 16;
/// Slabs are taken from the allocator so many at a time: as many as fill one huge page.
const GROUP: usize = 16;
/// Records that a worker takes from, or gives to, the depot at once.
pub(crate) const BATCH: usize = 128;

/// The most tasks that can exist at a time in one process.
pub const MOST_TASKS: usize = MOST_SLABS * (PER_SLAB - 1);

/// In place of a slab's record 0.
#[repr(C, align(64))]
struct Header {
    number: usize,
    /// The runtime that uses the slab; null between two.
    owner: AtomicPtr<Shared>,
    /// How many records were ever made, the header included. Written by whoever carves, under
    /// the depot's lock.
    carved: AtomicUsize,
    /// Records given back from outside the runtime's workers.
    strays: AtomicPtr<Task>,
    /// How many records are on their way into `strays`: vacant already, but not there yet.
    returning: AtomicUsize,
}

const _: () = assert!(size_of::<Header>() <= RECORD);
const _: () = assert!(SLAB_BYTES.is_power_of_two());
#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(RECORD == size_of::<Task>());

struct Table {
    slabs: [AtomicPtr<Header>; MOST_SLABS],
    state: Mutex<TableState>,
}

struct TableState {
    /// Numbers below this are in use.
    next: usize,
    /// Left by ended runtimes.
    free: Vec<Slab>,
    /// The rest of the last group taken from the allocator.
    raw: Option<NonNull<u8>>,
    raw_left: usize,
}

// SAFETY: the pointer is to memory that only the holder of the lock hands out.
unsafe impl Send for TableState {}

static TABLE: Table = Table {
    slabs: [const { AtomicPtr::new(ptr::null_mut()) }; MOST_SLABS],
    state: Mutex::new(TableState {
        next: 0,
        free: Vec::new(),
        raw: None,
        raw_left: 0,
    }),
};

/// A slab; as immortal as its records.
#[derive(Clone, Copy)]
struct Slab(&'static Header);

impl Slab {
    fn of(task: &'static Task) -> Self {
        let header = (ptr::from_ref(task))
            .map_addr(|at| at & !(SLAB_BYTES - 1))
            .cast::<Header>();
        // SAFETY: every record lies in a slab, which is aligned to its size, begins with a header
        // and is never unmapped.
        Self(unsafe { &*header })
    }

    /// The record at `index`, which may not have been made yet.
    fn at(self, index: usize) -> *mut Task {
        debug_assert!((1..PER_SLAB).contains(&index));
        ptr::from_ref(self.0)
            .cast_mut()
            .wrapping_byte_add(index * RECORD)
            .cast::<Task>()
    }

    /// Whether no record holds a task, and none is on its way into `strays`. The slab has no owner.
    fn is_vacant(self) -> bool {
        // Ordering: Acquire. Partner: the Release in `carve`.
        (1..self.0.carved.load(Acquire)).all(|index| {
            // SAFETY: records below `carved` were made.
            let task = unsafe { &*self.at(index) };
            // Ordering: Acquire. Partner: the Release in `State::vacate`.
            task.state.load() & OCCUPIED == 0
        }) && self.0.returning.load(Acquire) == 0
    }

    /// A slab for `owner`: one that was left, or a new one. `None`: the table is full.
    fn take(owner: *const Shared) -> Option<Self> {
        let mut state = TABLE.state.lock();
        let slab = match state.free.pop() {
            Some(slab) => slab,
            None => Self::create(&mut state)?,
        };
        // Ordering: Release. Partner: the Acquire in `owner_of`.
        slab.0.owner.store(owner.cast_mut(), Release);
        Some(slab)
    }

    fn create(state: &mut TableState) -> Option<Self> {
        if state.next == MOST_SLABS {
            return None;
        }
        if state.raw_left == 0 {
            let layout = Layout::from_size_align(SLAB_BYTES * GROUP, SLAB_BYTES * GROUP)
                .unwrap_or_else(|_| unreachable!("constants"));
            // SAFETY: the layout has a size.
            let raw = unsafe { alloc(layout) };
            let Some(raw) = NonNull::new(raw) else {
                handle_alloc_error(layout)
            };
            // Whoever needs a second group has more than ten thousand tasks. A fault for every 32
            // records would then be a tenth of the cost of each.
            if state.next > 0 {
                ask_for_huge_pages(raw, layout.size());
            }
            (state.raw, state.raw_left) = (Some(raw), GROUP);
        }
        let raw = state.raw?;
        // SAFETY: `raw_left` slabs of the group's allocation begin at `raw`.
        let rest = unsafe { raw.add(SLAB_BYTES) };
        (state.raw, state.raw_left) = (Some(rest), state.raw_left - 1);
        let header = raw.cast::<Header>();
        // SAFETY: the slab is ours alone so far, large enough and aligned.
        unsafe {
            header.write(Header {
                number: state.next,
                owner: AtomicPtr::new(ptr::null_mut()),
                carved: AtomicUsize::new(1),
                strays: AtomicPtr::new(ptr::null_mut()),
                returning: AtomicUsize::new(0),
            });
        }
        // Ordering: Release. Partner: the Acquire in `find`.
        TABLE.slabs[state.next].store(header.as_ptr(), Release);
        state.next += 1;
        // SAFETY: written just now, and never unmapped.
        Some(Self(unsafe { header.as_ref() }))
    }
}

/// Asks for the memory to be mapped in huge pages, before it is first touched. A wish: without it
/// all is the same, but slower.
fn ask_for_huge_pages(at: NonNull<u8>, bytes: usize) {
    // SAFETY: advice about memory that is ours and not in use yet, which does not change what it
    // holds.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::madvise(at.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (at, bytes);
}

/// The slot number of `task`, from which [`find`] leads back.
pub(crate) fn slot_of(task: &'static Task) -> u32 {
    let slab = Slab::of(task);
    let index = (ptr::from_ref(task).addr() & (SLAB_BYTES - 1)) / RECORD;
    (slab.0.number << INDEX_BITS | index) as u32
}

/// The record with this slot number, if one was ever made.
pub(crate) fn find(slot: u32) -> Option<&'static Task> {
    let (number, index) = (slot as usize >> INDEX_BITS, slot as usize & (PER_SLAB - 1));
    // Ordering: Acquire. Partner: the Release in `create`.
    let header = TABLE.slabs.get(number)?.load(Acquire);
    // SAFETY: null or a header that is never unmapped.
    let slab = Slab(unsafe { header.as_ref() }?);
    // Ordering: Acquire. Partner: the Release in `Depot::carve`.
    if index == 0 || index >= slab.0.carved.load(Acquire) {
        return None;
    }
    // SAFETY: records below `carved` were made, and are immortal.
    Some(unsafe { &*slab.at(index) })
}

/// The runtime that `task` belongs to; null if that has ended.
#[inline]
pub(crate) fn owner_of(task: &'static Task) -> *const Shared {
    // Ordering: Acquire. Partner: the Release in `Slab::take`.
    Slab::of(task).0.owner.load(Acquire)
}

/// Keeps a runtime from ending while [`with_owner`] looks at it.
static OWNERS: Mutex<()> = Mutex::new(());

/// Lets `look` at the runtime that `task` belongs to, unless that has ended. For those who do not know
/// that the task keeps it alive.
pub(crate) fn with_owner(task: &'static Task, look: impl FnOnce(&Shared)) {
    let _owners = OWNERS.lock();
    // SAFETY: null, or a runtime, which takes its name away under the lock before it goes.
    if let Some(shared) = unsafe { owner_of(task).as_ref() } {
        look(shared);
    }
}

/// Makes an occupied record vacant and takes it back: for the calling worker, if it is one of the
/// same runtime.
#[inline]
pub(crate) fn vacate(task: &'static Task) {
    match crate::worker::current() {
        Some(worker) if ptr::eq(worker.shared(), owner_of(task)) => {
            task.vacate_on(worker);
        }
        _ => give_stray(task),
    }
}

#[cold]
fn give_stray(task: &'static Task) {
    // Whoever retires the slab must not hand it on while we are at it.
    let returning = &Slab::of(task).0.returning;
    // Ordering: Relaxed. Who sees the record vacant sees this: `vacate` releases it.
    returning.fetch_add(1, Relaxed);
    let cold = task.make_vacant(push_stray);
    // Ordering: Release. Partner: the Acquire in `Slab::is_vacant`.
    returning.fetch_sub(1, Release);
    drop(cold);
}

fn push_stray(task: &'static Task) {
    let strays = &Slab::of(task).0.strays;
    let mut newest = strays.load(Relaxed);
    loop {
        task.link.set(newest);
        // Ordering: Release. Partner: the Acquire in `Depot::collect_strays`.
        let mine = ptr::from_ref(task).cast_mut();
        match strays.compare_exchange_weak(newest, mine, Release, Relaxed) {
            Ok(_) => return,
            Err(now) => newest = now,
        }
    }
}

/// Vacant records, linked through `link`.
#[derive(Default)]
pub(crate) struct Chain {
    head: Cell<Option<&'static Task>>,
    len: Cell<usize>,
}

impl Chain {
    #[inline(always)]
    fn push(&self, task: &'static Task) {
        let next = self.head.replace(Some(task));
        task.link.set(next.map_or(ptr::null(), ptr::from_ref));
        self.len.set(self.len.get() + 1);
    }

    #[inline(always)]
    fn pop(&self) -> Option<&'static Task> {
        let task = self.head.get()?;
        // SAFETY: null, or a record that we linked.
        self.head.set(unsafe { task.link.get().as_ref() });
        self.len.set(self.len.get() - 1);
        Some(task)
    }
}

// SAFETY: a chain is touched by whoever owns it, and may be handed over.
unsafe impl Send for Chain {}

/// A worker's own stock of vacant records. Owner only.
#[derive(Default)]
pub(crate) struct Records {
    chain: Chain,
}

impl Records {
    /// A vacant record. `None`: the process has [`MOST_TASKS`].
    #[inline(always)]
    pub(crate) fn take(&self, depot: &Depot) -> Option<&'static Task> {
        match self.chain.pop() {
            Some(task) => Some(task),
            None => self.refill(depot),
        }
    }

    #[cold]
    #[inline(never)]
    fn refill(&self, depot: &Depot) -> Option<&'static Task> {
        depot.take_batch(&self.chain);
        self.chain.pop()
    }

    #[inline(always)]
    pub(crate) fn give(&self, task: &'static Task) {
        self.chain.push(task);
        if self.chain.len.get() >= 4 * BATCH {
            self.unload();
        }
    }

    /// Leaves all to whoever needs records: the worker ends.
    pub(crate) fn leave(self, depot: &Depot) {
        if self.chain.len.get() > 0 {
            depot.batches.lock().full.push(self.chain);
        }
    }

    /// Leaves half to whoever needs records: otherwise a worker that only ends tasks would hoard
    /// what a worker that only spawns has to make.
    #[cold]
    #[inline(never)]
    fn unload(&self) {
        if let Some(worker) = crate::worker::current() {
            let batch = Chain::default();
            for _ in 0..2 * BATCH {
                if let Some(task) = self.chain.pop() {
                    batch.push(task);
                }
            }
            worker.shared().depot.batches.lock().full.push(batch);
        }
    }
}

/// A runtime's stock of vacant records.
pub(crate) struct Depot {
    batches: Mutex<Batches>,
    owner: Cell<*const Shared>,
    ops: &'static UnitOps,
}

#[derive(Default)]
struct Batches {
    full: Vec<Chain>,
    slabs: Vec<Slab>,
    /// Next slab to be searched for strays.
    next_look: usize,
    /// For spawns from outside any worker.
    outside: Chain,
}

// SAFETY: `owner` is set once, before the depot is shared; the rest is behind a lock.
unsafe impl Sync for Depot {}
// SAFETY: as above.
unsafe impl Send for Depot {}

impl Depot {
    pub(crate) fn new(ops: &'static UnitOps) -> Self {
        Self {
            batches: Mutex::default(),
            owner: Cell::new(ptr::null()),
            ops,
        }
    }

    /// Says which runtime this is the depot of. Before it is shared.
    pub(crate) fn set_owner(&self, owner: *const Shared) {
        self.owner.set(owner);
    }

    fn take_batch(&self, into: &Chain) {
        self.refill(&mut self.batches.lock(), into);
    }

    /// A vacant record for a spawner that is no worker of this runtime.
    pub(crate) fn take_outside(&self) -> Option<&'static Task> {
        let mut batches = self.batches.lock();
        if let Some(task) = batches.outside.pop() {
            return Some(task);
        }
        let chain = std::mem::take(&mut batches.outside);
        self.refill(&mut batches, &chain);
        batches.outside = chain;
        batches.outside.pop()
    }

    fn refill(&self, batches: &mut Batches, into: &Chain) {
        if let Some(batch) = batches.full.pop() {
            while let Some(task) = batch.pop() {
                into.push(task);
            }
            return;
        }
        Self::collect_strays(batches, into);
        if into.len.get() == 0 {
            self.carve(batches, into);
        }
    }

    /// Looks through some slabs for records that were given back from outside.
    fn collect_strays(batches: &mut Batches, into: &Chain) {
        for _ in 0..batches.slabs.len().min(8) {
            batches.next_look = (batches.next_look + 1) % batches.slabs.len();
            let strays = &batches.slabs[batches.next_look].0.strays;
            if strays.load(Relaxed).is_null() {
                continue;
            }
            // Ordering: Acquire. Partner: the Release in `push_stray`.
            let mut stray: *const Task = strays.swap(ptr::null_mut(), Acquire);
            // SAFETY: null, or a record that was given back here.
            while let Some(task) = unsafe { stray.as_ref() } {
                stray = task.link.get();
                into.push(task);
            }
        }
    }

    /// Makes new records.
    fn carve(&self, batches: &mut Batches, into: &Chain) {
        let full = |slab: &Slab| slab.0.carved.load(Relaxed) == PER_SLAB;
        if batches.slabs.last().is_none_or(full) {
            let Some(slab) = Slab::take(self.owner.get()) else {
                return;
            };
            batches.slabs.push(slab);
            // A slab that another runtime left has records already.
            for index in 1..slab.0.carved.load(Relaxed) {
                // SAFETY: records below `carved` were made.
                let task = unsafe { &*slab.at(index) };
                into.push(task);
            }
            if into.len.get() > 0 {
                return;
            }
        }
        let slab = batches.slabs[batches.slabs.len() - 1];
        let carved = slab.0.carved.load(Relaxed);
        let end = (carved + BATCH).min(PER_SLAB);
        // Backwards, so that they are handed out in the order of their addresses.
        for index in (carved..end).rev() {
            let record = slab.at(index);
            // SAFETY: the place is within the slab, and unused so far.
            unsafe { record.write(Task::vacant(self.ops)) };
            // SAFETY: written just now, and immortal.
            into.push(unsafe { &*record });
        }
        // Ordering: Release. Partner: the Acquire in `find`.
        slab.0.carved.store(end, Release);
    }

    /// Calls `look` with every record of this runtime that holds a task, or may.
    pub(crate) fn each(&self, mut look: impl FnMut(&'static Task)) {
        let slabs: Vec<Slab> = self.batches.lock().slabs.clone();
        for slab in slabs {
            // Ordering: Acquire. Partner: the Release in `carve`.
            for index in 1..slab.0.carved.load(Acquire) {
                // SAFETY: records below `carved` were made.
                let task = unsafe { &*slab.at(index) };
                if task.state.load() & OCCUPIED != 0 {
                    look(task);
                }
            }
        }
    }

    /// Leaves the slabs to the next execution of a model, which makes their records anew: a record
    /// does not outlive the execution that made it.
    #[cfg(all(test, loom))]
    pub(crate) fn forget(&self) {
        for slab in std::mem::take(&mut *self.batches.lock()).slabs {
            slab.0.carved.store(1, Relaxed);
            slab.0.strays.store(ptr::null_mut(), Relaxed);
            TABLE.state.lock().free.push(slab);
        }
    }

    /// Leaves the slabs to later runtimes: those in which no task is left. The rest (somebody
    /// still holds the handle of an ended task) stay ownerless for the life of the process.
    ///
    /// The caller sees to it that no worker of this runtime lives any more.
    pub(crate) fn retire(&self) {
        let slabs = std::mem::take(&mut *self.batches.lock()).slabs;
        let _owners = OWNERS.lock();
        for slab in slabs {
            // Ordering: Release. Partner: the Acquire in `owner_of`.
            slab.0.owner.store(ptr::null_mut(), Release);
            if slab.is_vacant() {
                slab.0.strays.store(ptr::null_mut(), Relaxed);
                TABLE.state.lock().free.push(slab);
            }
        }
    }
}

//! Jobs: the second half of a `join`, on the stack of whoever joins.
//!
//! ```text
//!   state   CANCEL 1 | TAKEN 2 | WAITS 4 | WAITS_STILL 8        while it is not over
//!           RETURNED 16, PANICKED 32 or DECLINED 64             once it is
//! ```
//!
//! A job lies in its owner's stack of fresh tasks, as a pointer with its lowest bit set. Mostly the
//! owner takes it out again, and it was never anything but a call. Whoever else takes it out makes a task
//! of it, which runs the body and says so here; or, for want of a record or a stack, declines it, and
//! the owner runs the body himself.
//!
//! Invariants: a job that is in a queue, or taken, is alive: the owner's frame goes on only after he
//! has it back or it is over. Once it is over, whoever ended it does not touch it again: he copies the
//! owner's ticket before. Each ticket is written once, before the bit that tells of it.

use crate::{
    cancel::{CancelReason, cancel_for, cancel_reason},
    fork::{Fork, Ground},
    id::FiberId,
    queue::lifo::JOB,
    task::{
        Task, Traits,
        body::{self, BodyTable, Ended, Payload},
        flags,
    },
    worker::{Worker, classes::Ready},
};
use std::{
    cell::UnsafeCell,
    mem::{ManuallyDrop, MaybeUninit},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};
use vitte_wait::{
    Deadline, Outcome, Priority, Reason, Ticket, Wait,
    facade::{
        atomic::{AtomicU32, Ordering::*},
        hint,
    },
};

/// The owner was canceled while he waited.
const CANCEL: u32 = 1;
/// It is a task, whose id is there.
const TAKEN: u32 = 1 << 1;
/// The owner waits, with his first ticket.
const WAITS: u32 = 1 << 2;
/// He was canceled, and waits on, with his second.
const WAITS_STILL: u32 = 1 << 3;
/// It is over: its value is there.
pub(crate) const RETURNED: u32 = 1 << 4;
/// It is over: its panic is there.
pub(crate) const PANICKED: u32 = 1 << 5;
/// It is over: its body is still there.
pub(crate) const DECLINED: u32 = 1 << 6;
const OVER: u32 = RETURNED | PANICKED | DECLINED;

/// How often an owner looks whether a job that another worker runs is over, before he waits.
const LOOKS: u32 = if cfg!(any(loom, shuttle)) { 0 } else { 16 };

/// What is common to all jobs. See the [module documentation](self).
pub(crate) struct Job {
    state: AtomicU32,
    /// Where the owner stands, and so the body was meant to run.
    ground: *const Ground,
    run: unsafe fn(*const Job) -> u32,
    /// Written by whoever takes it, before `TAKEN`.
    task: UnsafeCell<MaybeUninit<FiberId>>,
    /// Why the owner was canceled: lies in the frame of his wait. Written by him before `CANCEL`.
    reason: UnsafeCell<MaybeUninit<*const CancelReason>>,
    /// Written by the owner, each before its bit.
    tickets: UnsafeCell<MaybeUninit<[Ticket; 2]>>,
}

impl Job {
    /// A job that `run` runs; it returns [`RETURNED`] or [`PANICKED`].
    ///
    /// # Safety
    /// `place` may be written to.
    #[inline(always)]
    unsafe fn init(place: *mut Self, ground: *const Ground, run: unsafe fn(*const Self) -> u32) {
        // SAFETY: by the caller. What is left out may be uninitialised.
        unsafe {
            (&raw mut (*place).state).write(AtomicU32::new(0));
            (&raw mut (*place).ground).write(ground);
            (&raw mut (*place).run).write(run);
        }
    }

    /// The place of a ticket.
    ///
    /// # Safety
    /// The job is alive.
    unsafe fn ticket(job: *const Self, place: usize) -> *mut Ticket {
        // SAFETY: by the caller; and there are two places.
        unsafe { (*job).tickets.get().cast::<Ticket>().add(place) }
    }

    /// Says which task it has become; if the owner was canceled before, why.
    ///
    /// # Safety
    /// The caller took the job out of a queue, and says so once.
    unsafe fn take(job: *const Self, task: FiberId) -> Option<CancelReason> {
        // SAFETY: taken, so alive and not over; nobody reads the id before `TAKEN`.
        unsafe { (*job).task.get().write(MaybeUninit::new(task)) };
        // Ordering: AcqRel. Publishes the id; and of the two, us and `cancel`, one sees the other.
        // SAFETY: as above.
        let canceled = unsafe { (*job).state.fetch_or(TAKEN, AcqRel) & CANCEL != 0 };
        // SAFETY: not over, so the owner waits on; written before the bit.
        canceled
            .then(|| unsafe { (*(*job).reason.get().cast::<*const CancelReason>().read()).clone() })
    }

    /// Says how it ended, and lets the owner go on. The job may be gone when this returns.
    ///
    /// # Safety
    /// The caller took the job out of a queue, and ends it once.
    pub(crate) unsafe fn finish(job: *const Self, end: u32) {
        // Ordering: Acquire, here and in the exchange: the tickets. Partner: `wait_with`.
        // SAFETY: it is not over, so alive.
        let mut seen = unsafe { (*job).state.load(Acquire) };
        loop {
            let waits = seen & (WAITS | WAITS_STILL);
            let ticket = (waits != 0).then(|| {
                let place = usize::from(waits & WAITS_STILL != 0);
                // SAFETY: alive as above, and written before the bit.
                unsafe { Self::ticket(job, place).read() }
            });
            // Ordering: Release: what the body did and returned. Partner: the Acquire in `wait_with` and in `look_a_while`.
            // SAFETY: alive as above; from here on it may be gone.
            let ended = unsafe {
                (*job)
                    .state
                    .compare_exchange_weak(seen, end, AcqRel, Acquire)
            };
            match ended {
                Ok(_) => {
                    // A ticket whose wait was over, for the owner was canceled, is stale: then he
                    // has found, or will find, that the job is over.
                    drop(ticket.and_then(|ticket| ticket.claim(Outcome::Woken)));
                    return;
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Waits until it is over, and says how. If the owner is canceled meanwhile, so is the task that
    /// runs it, but he waits on: it uses his frame. Owner only.
    pub(crate) fn wait(&self) -> u32 {
        let seen = self.look_a_while();
        if seen & OVER != 0 {
            return seen & OVER;
        }
        let object = ptr::from_ref(self).cast();
        let mut reason = CancelReason::UNNAMED;
        self.wait_with(WAITS, Wait::begin_rooted(Reason::Join, object))
            .or_else(|| {
                reason = cancel_reason().unwrap_or_default();
                self.cancel(&reason);
                let wait = Wait::begin_uncancelable(Reason::Join, object);
                self.wait_with(WAITS_STILL, wait)
            })
            .unwrap_or_else(|| unreachable!("only the end of the job ends this wait"))
    }

    /// How it ended. `None`: the owner was canceled first.
    fn wait_with(&self, bit: u32, wait: Wait) -> Option<u32> {
        let place = usize::from(bit == WAITS_STILL);
        // SAFETY: nobody reads this place before the bit is set.
        unsafe { Self::ticket(self, place).write(wait.ticket()) };
        // Ordering: AcqRel. Publishes the ticket, and sees the end. Partner: the exchange in `finish`.
        let seen = self.state.fetch_or(bit, AcqRel);
        if seen & OVER != 0 {
            let _ = wait.withdraw();
            return Some(seen & OVER);
        }
        let _ = wait.park(Deadline::NEVER, None);
        // Ordering: AcqRel, as above.
        let seen = self.state.fetch_and(!bit, AcqRel);
        (seen & OVER != 0).then_some(seen & OVER)
    }

    fn look_a_while(&self) -> u32 {
        // Ordering: Acquire. Partner: the exchange in `finish`.
        let mut seen = self.state.load(Acquire);
        for _ in 0..LOOKS {
            if seen & OVER != 0 || seen & TAKEN == 0 {
                break;
            }
            hint::spin_loop();
            seen = self.state.load(Acquire);
        }
        seen
    }

    /// Asks the task that runs it, or will, to stop. The reason lives until it is over.
    fn cancel(&self, reason: &CancelReason) {
        // SAFETY: nobody reads it before the bit is set.
        unsafe { self.reason.get().write(MaybeUninit::new(reason)) };
        // Ordering: AcqRel. The id, if it is there; partner: `take`.
        if self.state.fetch_or(CANCEL, AcqRel) & (TAKEN | OVER) == TAKEN {
            // SAFETY: written before `TAKEN`, once.
            let task = unsafe { (*self.task.get()).assume_init() };
            // It may have ended just now; then the id is stale.
            let _ = cancel_for(task, reason.clone());
        }
    }
}

/// A job with its body and what becomes of it.
#[repr(C)]
pub(crate) struct StackJob<B, R> {
    job: Job,
    body: UnsafeCell<ManuallyDrop<B>>,
    result: UnsafeCell<MaybeUninit<Result<R, Payload>>>,
}

impl<B, R> StackJob<B, R>
where
    B: FnOnce(Fork<'_>) -> R,
{
    #[inline(always)]
    pub(crate) fn init<'a>(place: &'a mut MaybeUninit<Self>, ground: &Ground, body: B) -> &'a Self {
        let this = place.as_mut_ptr();
        // SAFETY: ours to write to. Made in place, for a copy would include what is not there yet.
        unsafe {
            Job::init(&raw mut (*this).job, ground, Self::run);
            (&raw mut (*this).body).write(UnsafeCell::new(ManuallyDrop::new(body)));
        }
        // SAFETY: all is there but the cells that may be uninitialised.
        unsafe { &*this }
    }

    /// What lies in a queue for it.
    #[inline(always)]
    pub(crate) fn queued(&self) -> *mut Task {
        ptr::from_ref(self)
            .cast_mut()
            .cast::<Task>()
            .map_addr(|at| at | JOB)
    }

    unsafe fn run(job: *const Job) -> u32 {
        let this = job.cast::<Self>();
        // SAFETY: the header is the first field; called once, by the task that took the job.
        let body = unsafe { ManuallyDrop::take(&mut *(*this).body.get()) };
        let result = catch_unwind(AssertUnwindSafe(|| body(Fork::here())));
        let end = match result {
            Ok(_) => RETURNED,
            Err(_) => PANICKED,
        };
        // SAFETY: nobody reads it before the job is over.
        unsafe { (*(*this).result.get()).write(result) };
        end
    }

    /// See [`Job::wait`].
    pub(crate) fn wait(&self) -> u32 {
        self.job.wait()
    }

    /// Takes the body.
    ///
    /// # Safety
    /// The owner has the job back from the queue, or it was declined; once.
    #[inline(always)]
    pub(crate) unsafe fn take_body(&self) -> B {
        // SAFETY: by the caller nobody else has the job, and the body is there.
        unsafe { ManuallyDrop::take(&mut *self.body.get()) }
    }

    /// Takes what became of it.
    ///
    /// # Safety
    /// It is over, and was not declined; once.
    pub(crate) unsafe fn take_result(&self) -> Result<R, Payload> {
        // SAFETY: by the caller it is there.
        unsafe { (*self.result.get()).assume_init_read() }
    }
}

/// The table of a task that runs a job; its storage holds the job's address.
static TABLE: BodyTable = BodyTable {
    run,
    drop_body: decline,
    drop_value: |_| {},
};

unsafe fn run(task: &Task) -> Ended {
    // SAFETY: `run` is called once, with the address there.
    let job = unsafe { body::take_value::<*const Job>(task) };
    // SAFETY: the task has the job, which is alive until it is over.
    let end = unsafe { ((*job).run)(job) };
    // SAFETY: as above.
    unsafe { Job::finish(job, end) };
    Ended::Returned
}

unsafe fn decline(task: &Task) {
    // SAFETY: called instead of `run`.
    let job = unsafe { body::take_value::<*const Job>(task) };
    // SAFETY: the task has the job.
    unsafe { Job::finish(job, DECLINED) };
}

/// Whether `task` runs a job.
pub(crate) fn is_of_job(task: &Task) -> bool {
    ptr::eq(task.vtable(), &TABLE)
}

impl Worker {
    /// Makes a task of a job that was taken out of a stack of fresh tasks. `None`: there is no record
    /// for it, and its owner was told.
    #[cold]
    #[inline(never)]
    pub(crate) fn adopt(&self, queued: *mut Task) -> Option<&'static Task> {
        let job: *const Job = queued.map_addr(|at| at & !JOB).cast();
        let Some(task) = self.records.take(&self.shared().depot) else {
            // SAFETY: we took it out of the queue.
            unsafe { Job::finish(job, DECLINED) };
            return None;
        };
        let traits = Traits {
            // SAFETY: taken, so alive, and with it the frame of the owner and where he stands.
            flags: flags::PINNED
                | self.shared().first_flags & flags::SEEN
                | unsafe { (*(*job).ground).class_bits() },
            poll: self.shared().first_poll,
            user: ptr::null_mut(),
        };
        task.occupy(&TABLE, traits);
        // SAFETY: the task was occupied with this table and is not queued.
        unsafe { body::put_closure(task, job) };
        let id = task.id();
        task.state.detach();
        self.remote().counts.spawned.raise();
        if Priority::matters() {
            // SAFETY: taken, so alive, and with it the frame of the owner and where he stands.
            task.unit.set_class(unsafe { (*(*job).ground).urgency() });
        }
        // SAFETY: we took it out of the queue.
        if let Some(reason) = unsafe { Job::take(job, id) } {
            task.cancel_for(reason);
        }
        // It is as urgent as its owner, who waits for it. If that is less than others, or more, it has its turn accordingly.
        let elsewhere = !task.unit.is_ordinary() && self.shared().put_into_lane(task, Ready::Woken);
        (!elsewhere).then_some(task)
    }
}

#[cfg(all(test, loom))]
mod model {
    //! An owner waits for a job that another thread runs.

    use super::*;
    use crate::{check::check, task::slab::Depot};
    use vitte_wait::{
        current,
        facade::{Arc, cell::UnsafeCell as Watched, thread},
    };

    unsafe fn nothing(_: *const Job) -> u32 {
        RETURNED
    }

    /// A job, and what its body writes.
    struct Shared {
        job: UnsafeCell<MaybeUninit<Job>>,
        written: Watched<u32>,
    }

    // SAFETY: the job is made for that; `written` is written before its end and read after: the model
    // checks this.
    unsafe impl Send for Shared {}
    // SAFETY: as above.
    unsafe impl Sync for Shared {}

    fn run(canceled: bool) {
        let depot = Depot::new(&crate::unit::OPS);
        let task = depot.take_outside().unwrap();
        let traits = Traits {
            flags: 0,
            poll: 0,
            user: ptr::null_mut(),
        };
        task.occupy(&TABLE, traits);
        let id = task.id();
        let shared = Arc::new(Shared {
            job: UnsafeCell::new(MaybeUninit::uninit()),
            written: Watched::new(0),
        });
        let job: *const Job = shared.job.get().cast();
        // SAFETY: nobody else has it yet.
        unsafe { Job::init(job.cast_mut(), ptr::null(), nothing) };
        let owner = {
            let shared = shared.clone();
            thread::spawn(move || {
                if canceled {
                    current::unit().cancel();
                }
                let job = shared.job.get().cast::<Job>();
                // SAFETY: this is the owner.
                assert_eq!(unsafe { (*job).wait() }, RETURNED);
                // SAFETY: it is over, so nobody writes.
                shared.written.with(|at| assert_eq!(unsafe { *at }, 1));
            })
        };
        // SAFETY: this is the one who took it.
        if let Some(reason) = unsafe { Job::take(job, id) } {
            task.cancel_for(reason);
        }
        // SAFETY: nobody reads before the end.
        shared.written.with_mut(|at| unsafe { *at = 1 });
        // SAFETY: as above.
        unsafe { Job::finish(job, RETURNED) };
        owner.join().unwrap();
        depot.forget();
    }

    #[test]
    fn an_owner_sees_what_the_job_did() {
        check("job: wait", 3, || run(false));
    }

    #[test]
    fn a_canceled_owner_waits_on_and_sees_it_too() {
        check("job: wait, canceled", 3, || run(true));
    }
}

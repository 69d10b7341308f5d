//! Models of a task's end: exactly one party makes the record vacant, everybody who waits goes on,
//! and nobody holds the lock of a record that has become another task.

use super::{
    Task, Traits,
    arm::RawJoinArm,
    body::{self, RawBody},
    join::{self, JoinHandle},
    join_raw::{RawJoinError, join_raw},
    slab::{Depot, find},
    state::{Cause, DONE, HAS_JOINERS, LOCKED},
};
use crate::{
    cancel::{CancelReason, cancel_for},
    check::check,
    id::FiberId,
    interrupt::interrupt,
};
use std::{
    ffi::c_void,
    future::{Future, IntoFuture},
    pin::Pin,
    ptr,
    sync::Arc as StdArc,
    task::{Context, Poll, Wake, Waker},
};
use vitte_wait::{
    Deadline,
    facade::{Arc, atomic::Ordering::Relaxed, cell::UnsafeCell, plain::AtomicUsize, thread},
    select::{Chosen, select},
};

/// What a modelled task writes; the checker sees that whoever joins it reads it afterwards.
struct Place(UnsafeCell<u32>);

// SAFETY: written by the task, read by who took its value: the models check that.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

unsafe extern "C-unwind" fn write(place: *mut c_void) -> *mut c_void {
    // SAFETY: the models pass a place.
    let there = unsafe { &*place.cast::<Place>() };
    // SAFETY: nobody reads before the task has ended.
    there.0.with_mut(|value| unsafe { *value += 1 });
    place
}

fn look(place: *mut c_void) -> u32 {
    // SAFETY: what `write` returned.
    let there = unsafe { &*place.cast::<Place>() };
    // SAFETY: the task has ended.
    there.0.with(|value| unsafe { *value })
}

/// Some records, of which the model vacates what it takes.
struct Records {
    depot: Arc<Depot>,
    place: Arc<Place>,
}

impl Records {
    fn new() -> Self {
        Self {
            depot: Arc::new(Depot::new(&crate::unit::OPS)),
            place: Arc::new(Place(UnsafeCell::new(0))),
        }
    }

    /// A task that a handle may join, or, once its id is known, anybody.
    fn task(&self) -> &'static Task {
        let task = self.depot.take_outside().unwrap();
        self.occupy(task);
        task
    }

    fn occupy(&self, task: &'static Task) {
        let traits = Traits {
            flags: 0,
            poll: 0,
            user: ptr::null_mut(),
        };
        task.occupy(&body::RAW, traits);
        let body = RawBody {
            entry: write,
            arg: ptr::from_ref(&*self.place).cast_mut().cast(),
            drop: None,
        };
        // SAFETY: occupied with this table just now.
        unsafe { body::put_closure(task, body) };
    }

    fn over(self) {
        self.depot.forget();
    }
}

/// A worker that runs `task`.
fn run(task: &'static Task) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        // SAFETY: the body is there, and run once.
        let ended = unsafe { (task.vtable().run)(task) };
        join::complete(task, ended);
    })
}

fn handle(task: &'static Task) -> JoinHandle<*mut c_void> {
    JoinHandle::new(Ok(task))
}

/// The modelled clock stands past this.
fn past() -> Deadline {
    Deadline::from_nanos(1)
}

#[test]
fn a_joiner_gets_the_value_whenever_the_task_ends() {
    check("join: handle and end", 4, || {
        let records = Records::new();
        let task = records.task();
        let before = task.state.generation();
        let worker = run(task);
        let place = handle(task).join().unwrap();
        assert_eq!(look(place), 1);
        worker.join().unwrap();
        assert_eq!(task.state.generation(), before + 1, "vacated once");
        records.over();
    });
}

#[test]
fn a_join_that_times_out_can_be_repeated() {
    check("join: deadline, end, second join", 3, || {
        let records = Records::new();
        let task = records.task();
        let before = task.state.generation();
        let worker = run(task);
        let mut handle = handle(task);
        let place = handle
            .join_with(past(), None)
            .or_else(|_| handle.join_with(Deadline::NEVER, None));
        assert_eq!(look(place.unwrap()), 1);
        worker.join().unwrap();
        assert_eq!(task.state.generation(), before + 1, "vacated once");
        assert!(task.joiner.get().is_null());
        records.over();
    });
}

#[test]
fn a_handle_dropped_while_the_task_ends_leaves_one_to_vacate() {
    check("join: detach, end, look by id", 2, || {
        let records = Records::new();
        let task = records.task();
        let id = task.id();
        let worker = run(task);
        let looker = thread::spawn(move || crate::cancel(id).is_ok());
        drop(handle(task));
        worker.join().unwrap();
        looker.join().unwrap();
        assert_eq!(task.state.generation(), id.generation() + 1, "vacated once");
        assert!(task.state.lock(id.generation()).is_none());
        records.over();
    });
}

#[test]
fn a_timed_out_join_and_a_drop_leave_one_to_vacate() {
    check("join: deadline, detach, end", 3, || {
        let records = Records::new();
        let task = records.task();
        let before = task.state.generation();
        let worker = run(task);
        let mut handle = handle(task);
        let _ = handle.join_with(past(), None);
        drop(handle);
        worker.join().unwrap();
        assert_eq!(task.state.generation(), before + 1, "vacated once");
        records.over();
    });
}

fn join_by_id(id: FiberId) -> usize {
    match join_raw(id, Deadline::NEVER) {
        Ok(place) => look(place) as usize,
        Err(RawJoinError::Stale) => 0,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn of_two_who_join_by_id_one_gets_the_value_and_the_other_goes_on() {
    check("join_raw: two joiners and the end", 1, || {
        let records = Records::new();
        let task = records.task();
        let id = task.id();
        let worker = run(task);
        let other = thread::spawn(move || {
            // He comes only if he need not wait, perhaps before the first was woken. (Two who
            // wait have too many schedules.)
            if task.state.load() & DONE == 0 {
                return 0;
            }
            join_by_id(id)
        });
        let mine = join_by_id(id);
        assert_eq!(mine + other.join().unwrap(), 1);
        worker.join().unwrap();
        assert!(find(id.slot()).unwrap().joiner.get().is_null());
        assert_eq!(task.state.generation(), id.generation() + 1, "vacated once");
        records.over();
    });
}

#[test]
fn of_one_who_selects_and_one_who_joins_by_id_one_gets_the_value() {
    check("RawJoinArm: a selector, a joiner and the end", 1, || {
        let records = Records::new();
        let task = records.task();
        let id = task.id();
        let worker = run(task);
        // He comes only if he need not wait, as above, and may vacate the record while the selector is
        // enlisted.
        let other = thread::spawn(move || {
            if task.state.load() & DONE == 0 {
                return 0;
            }
            join_by_id(id)
        });
        let mut arm = RawJoinArm::new(id);
        assert_eq!(select(&mut [&mut arm], Deadline::NEVER, None), Ok(0));
        let mine = match arm.take().unwrap() {
            Ok(place) => look(place) as usize,
            Err(RawJoinError::Stale) => 0,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(mine + other.join().unwrap(), 1);
        worker.join().unwrap();
        assert!(find(id.slot()).unwrap().joiner.get().is_null());
        assert_eq!(task.state.generation(), id.generation() + 1, "vacated once");
        records.over();
    });
}

/// Wakes the thread that polls.
struct Poller(thread::Thread);

impl Wake for Poller {
    fn wake(self: StdArc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn a_future_is_woken_at_the_end_of_its_task() {
    check("JoinFuture: polls and the end", 4, || {
        let records = Records::new();
        let task = records.task();
        let before = task.state.generation();
        let worker = run(task);
        let mut future = handle(task).into_future();
        let waker = Waker::from(StdArc::new(Poller(thread::current())));
        let mut polling = Context::from_waker(&waker);
        let place = loop {
            match Pin::new(&mut future).poll(&mut polling) {
                Poll::Ready(place) => break place.unwrap(),
                Poll::Pending => thread::park(),
            }
        };
        assert_eq!(look(place), 1);
        drop(future);
        worker.join().unwrap();
        assert_eq!(task.state.generation(), before + 1, "vacated once");
        assert!(task.joiner.get().is_null());
        records.over();
    });
}

#[test]
fn a_future_that_is_polled_twice_and_dropped_leaves_one_to_vacate() {
    check("JoinFuture: polls, drop and the end", 4, || {
        let records = Records::new();
        let task = records.task();
        let before = task.state.generation();
        let worker = run(task);
        let mut future = handle(task).into_future();
        let mut polling = Context::from_waker(Waker::noop());
        let first = Pin::new(&mut future).poll(&mut polling);
        if first.is_pending() {
            // With another waker.
            let waker = Waker::from(StdArc::new(Poller(thread::current())));
            let _ = Pin::new(&mut future).poll(&mut Context::from_waker(&waker));
        }
        drop(future);
        worker.join().unwrap();
        assert_eq!(task.state.generation(), before + 1, "vacated once");
        assert!(task.joiner.get().is_null());
        records.over();
    });
}

/// What a record's lock guards, for the checker to watch.
struct Guarded(UnsafeCell<u32>);

// SAFETY: touched under a record's lock only, which the model checks.
unsafe impl Send for Guarded {}
// SAFETY: as above.
unsafe impl Sync for Guarded {}

/// One who has waited in vain takes the value and uses the record again, while the worker that
/// ended the first task is about to wake him. `vacate` is what he does.
fn reuse(vacate: impl Fn(&'static Task) + Send + Sync + Copy + 'static) {
    let records = Records::new();
    let task = records.task();
    let guarded = Arc::new(Guarded(UnsafeCell::new(0)));
    let touch = |guarded: &Guarded| {
        // SAFETY: under the lock.
        guarded.0.with_mut(|value| unsafe { *value += 1 });
    };
    let worker = {
        let guarded = guarded.clone();
        thread::spawn(move || {
            let generation = task.state.generation();
            let seen = task.state.finish(0);
            // As in `complete`.
            if seen & (HAS_JOINERS | LOCKED) != 0
                && let Some(_locked) = task.state.lock(generation)
            {
                touch(&guarded);
            }
        })
    };
    task.state.set_known();
    let before = task.state.generation();
    let waits = {
        let locked = task.state.lock(before).unwrap();
        touch(&guarded);
        let waits = locked.now() & DONE == 0;
        if waits {
            locked.set(HAS_JOINERS);
        }
        waits
    };
    // He is timed out, and looks again.
    if waits && let Some(_locked) = task.state.lock(before) {
        touch(&guarded);
    }
    if task.state.load() & DONE != 0 {
        vacate(task);
        records.occupy(task);
        task.state.set_known();
        if let Some(_locked) = task.state.lock(before + 1) {
            touch(&guarded);
        }
    }
    worker.join().unwrap();
    records.over();
}

#[test]
fn a_record_used_again_is_locked_by_its_new_task_only() {
    check("state: reuse", 3, || reuse(|task| task.state.vacate()));
}

/// What the compare-and-swap in `vacate` is for.
#[test]
#[should_panic(expected = "Causality violation")]
fn a_known_record_vacated_by_a_plain_store_is_locked_twice() {
    check("flawed: state, plain store", 3, || {
        reuse(|task| task.state.vacate_heedlessly());
    });
}

#[test]
fn two_who_give_reasons_read_the_same_one() {
    check("cancel: two reasons", 3, || {
        let records = Records::new();
        let task = records.task();
        let id = task.id();
        let other = thread::spawn(move || {
            cancel_for(id, CancelReason::new(7)).unwrap();
            task.cancel_reason().unwrap()
        });
        task.cancel(Cause::Shutdown);
        let mine = task.cancel_reason().unwrap();
        assert_eq!(other.join().unwrap(), mine);
        records.over();
    });
}

#[test]
fn a_reason_that_comes_with_the_end_is_not_that_of_the_next_task() {
    check("cancel: reason, end, next task", 2, || {
        let records = Records::new();
        let task = records.task();
        let id = task.id();
        let worker = run(task);
        let canceler = thread::spawn(move || cancel_for(id, CancelReason::new(7)).is_ok());
        drop(handle(task));
        worker.join().unwrap();
        canceler.join().unwrap();
        assert_eq!(task.state.generation(), id.generation() + 1, "vacated once");
        records.occupy(task);
        assert!(task.cold().is_none() && task.cancel_reason().is_none());
        records.over();
    });
}

#[test]
fn an_interrupt_left_at_the_end_is_called_or_dropped_once() {
    struct Once(std::sync::Arc<AtomicUsize>);
    impl Drop for Once {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    check("interrupt: left, end, drop", 2, || {
        let records = Records::new();
        let task = records.task();
        let id = task.id();
        let ends = std::sync::Arc::new(AtomicUsize::new(0));
        let once = Once(std::sync::Arc::clone(&ends));
        let worker = thread::spawn(move || {
            task.heed_interrupts();
            // SAFETY: the body is there, and run once.
            let ended = unsafe { (task.vtable().run)(task) };
            task.end_locals();
            join::complete(task, ended);
        });
        let interrupter = thread::spawn(move || interrupt(id, move || drop(once)).is_ok());
        drop(handle(task));
        worker.join().unwrap();
        interrupter.join().unwrap();
        assert_eq!(ends.load(Relaxed), 1);
        assert_eq!(task.state.generation(), id.generation() + 1, "vacated once");
        records.over();
    });
}

/// A child leaves the stack of its joiner, who is canceled: one of the two sees to it that the child is, too.
#[test]
fn a_child_that_leaves_its_joiner_s_stack_is_canceled_with_it() {
    check("cancel: passed on", 3, || {
        let records = Records::new();
        let (below, top) = (records.task(), records.task());
        let id = below.id();
        let worker = thread::spawn(move || top.show_below(below));
        cancel_for(id, CancelReason::new(7)).unwrap();
        worker.join().unwrap();
        assert!(top.unit.is_canceled());
        assert_eq!(top.cancel_reason().unwrap().code(), 7);
        // Both write to the same place.
        for task in [below, top] {
            run(task).join().unwrap();
            handle(task).join().unwrap();
        }
        records.over();
    });
}

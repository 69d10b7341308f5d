//! What a task does: a closure with its value, or a C function with its argument, in 24 bytes.
//!
//! The storage holds the closure until it runs, then its value or the payload of its panic. What
//! does not fit, or is aligned more strictly, is boxed.

use crate::task::Task;
use std::{
    any::Any,
    ffi::c_void,
    marker::PhantomData,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
};
use vitte_fibers::ForcedUnwind;
use vitte_wait::confined;

/// Three words of whatever the vtable says.
#[repr(C, align(8))]
pub(crate) struct Storage([MaybeUninit<u64>; 3]);

impl Storage {
    pub(crate) const fn vacant() -> Self {
        Self([const { MaybeUninit::uninit() }; 3])
    }
}

/// The payload of a panic.
pub(crate) type Payload = Box<dyn Any + Send>;

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Ended {
    /// The value is in the storage.
    Returned = 0,
    /// The payload is in the storage.
    Panicked = super::state::PANICKED,
    /// Nothing is in the storage.
    Killed = super::state::KILLED,
}

/// How to run one kind of body, and drop what is left of it.
pub(crate) struct BodyTable {
    /// Runs the body. The closure is in the storage; afterwards what `Ended` says is.
    pub(crate) run: unsafe fn(&Task) -> Ended,
    /// Drops the closure of a body that will not run.
    pub(crate) drop_body: unsafe fn(&Task),
    /// Drops the value of a body that returned.
    pub(crate) drop_value: unsafe fn(&Task),
}

unsafe fn nothing(_: &Task) {}
unsafe fn run_nothing(_: &Task) -> Ended {
    Ended::Killed
}

/// The table of a vacant record.
pub(crate) static NOTHING: BodyTable = BodyTable {
    run: run_nothing,
    drop_body: nothing,
    drop_value: nothing,
};

/// Whether a `V` lies in the storage itself.
const fn fits<V>() -> bool {
    size_of::<V>() <= size_of::<Storage>() && align_of::<V>() <= align_of::<Storage>()
}

/// Puts `value` into the storage.
///
/// # Safety
/// The caller owns the task's storage, and nothing in it needs dropping.
#[inline(always)]
unsafe fn put<V>(task: &Task, value: V) {
    let at = task.storage.get();
    if fits::<V>() {
        // SAFETY: large enough, aligned, and ours by the caller.
        unsafe { at.cast::<V>().write(value) };
    } else {
        // SAFETY: a box is one word.
        unsafe { at.cast::<Box<V>>().write(Box::new(value)) };
    }
}

/// Takes the value out of the storage.
///
/// # Safety
/// The caller owns the task's storage, and the last `put` was of a `V` that was not taken yet.
#[inline(always)]
unsafe fn take<V>(task: &Task) -> V {
    let at = task.storage.get();
    if fits::<V>() {
        // SAFETY: by the caller a `V` is there.
        unsafe { at.cast::<V>().read() }
    } else {
        // SAFETY: by the caller a boxed `V` is there.
        *unsafe { at.cast::<Box<V>>().read() }
    }
}

/// A closure and its value.
struct Closure<F, T>(PhantomData<(F, T)>);

impl<F: FnOnce() -> T, T> Closure<F, T> {
    const TABLE: BodyTable = BodyTable {
        run: Self::run,
        drop_body: Self::drop_body,
        drop_value: Self::drop_value,
    };

    unsafe fn run(task: &Task) -> Ended {
        // SAFETY: `run` is called once, by the worker that owns the task, with the closure there.
        let body = unsafe { take::<F>(task) };
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(value) => {
                // SAFETY: the closure is gone; the storage is ours.
                unsafe { put(task, value) };
                Ended::Returned
            }
            Err(payload) => keep_panic(task, payload),
        }
    }

    unsafe fn drop_body(task: &Task) {
        // SAFETY: called instead of `run`.
        drop(unsafe { take::<F>(task) });
    }

    unsafe fn drop_value(task: &Task) {
        // SAFETY: called once, after `run` said `Returned`.
        drop(unsafe { take::<T>(task) });
    }
}

#[cold]
fn keep_panic(task: &Task, payload: Payload) -> Ended {
    if payload.is::<ForcedUnwind>() || payload.is::<crate::shutdown::Unwinding>() {
        return Ended::Killed;
    }
    // SAFETY: called by `run`, after the closure is gone; the storage is ours.
    unsafe { put(task, payload) };
    Ended::Panicked
}

/// The table for the closure `F`.
#[inline(always)]
pub(crate) fn closure_table<F: FnOnce() -> T, T>() -> &'static BodyTable {
    &Closure::<F, T>::TABLE
}

/// Puts the closure into a task that is just being made.
///
/// # Safety
/// The task is occupied with `closure_table::<F, T>()` and not queued yet.
#[inline(always)]
pub(crate) unsafe fn put_closure<F>(task: &Task, body: F) {
    // SAFETY: by the caller.
    unsafe { put(task, body) };
}

/// Takes the value of a body that returned.
///
/// # Safety
/// The body was a closure that returns a `T` and has `Returned`; the caller is the one to take it.
#[inline(always)]
pub(crate) unsafe fn take_value<T>(task: &Task) -> T {
    // SAFETY: by the caller.
    unsafe { take(task) }
}

/// Puts a payload where the body was.
///
/// # Safety
/// The caller owns the task, and the body is gone.
pub(crate) unsafe fn put_payload(task: &Task, payload: Payload) {
    // SAFETY: by the caller.
    unsafe { put(task, payload) };
}

/// Takes the payload of a body that panicked.
///
/// # Safety
/// The body has `Panicked`, and the caller is the one to take the payload.
pub(crate) unsafe fn take_panic(task: &Task) -> Payload {
    // SAFETY: by the caller.
    unsafe { take(task) }
}

/// A C function with its argument.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawBody {
    /// What to run. What it returns is the value that [`join_raw`](crate::join_raw) gives.
    pub entry: unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void,
    /// Its argument.
    pub arg: *mut c_void,
    /// Called with the argument, exactly once, if `entry` is never called.
    pub drop: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
}

/// The table for a [`RawBody`].
pub(crate) static RAW: BodyTable = BodyTable {
    run: run_raw,
    drop_body: drop_raw,
    drop_value: nothing,
};

unsafe fn run_raw(task: &Task) -> Ended {
    // SAFETY: `run` is called once, with the body there.
    let body = unsafe { take::<RawBody>(task) };
    // SAFETY: whoever called `spawn_raw` answers for the function and its argument.
    match catch_unwind(AssertUnwindSafe(|| unsafe { (body.entry)(body.arg) })) {
        Ok(value) => {
            // SAFETY: the storage is ours.
            unsafe { put(task, value) };
            Ended::Returned
        }
        Err(payload) => keep_panic(task, payload),
    }
}

unsafe fn drop_raw(task: &Task) {
    // SAFETY: called instead of `run`.
    let body = unsafe { take::<RawBody>(task) };
    if let Some(drop) = body.drop {
        // SAFETY: as for the entry.
        confined(|| unsafe { drop(body.arg) });
    }
}

/// Drops whatever an ended body left.
///
/// # Safety
/// The body has ended as `bits` (of the task's state) say, and nobody took what it left.
pub(crate) unsafe fn drop_outcome(task: &Task, bits: u64) {
    use super::state::{KILLED, PANICKED};
    if bits & KILLED != 0 {
        return;
    }
    // A value whose destructor panics: there is nobody left to tell but the panic hook.
    confined(|| {
        if bits & PANICKED != 0 {
            // SAFETY: by the caller.
            drop(unsafe { take_panic(task) });
        } else {
            // SAFETY: by the caller.
            unsafe { (task.vtable().drop_value)(task) };
        }
    });
}

/// The text of a panic's payload.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic whose payload is not a text".to_owned()
    }
}

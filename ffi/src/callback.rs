//! Callbacks: a function, its argument, and what becomes of the argument.

use crate::{VT_EFAILED, VT_EINVAL, boundary::Answer, fiber::vt_fiber};
use std::{
    ffi::c_void,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};
use vitte_scheduler::RawBody;

/// The body of a fiber. What it returns is what `vt_join` gives.
///
/// It must not be left by an exception or by `longjmp`. (A Rust panic is confined to its fiber.)
pub type vt_entry = Option<unsafe extern "C-unwind" fn(arg: *mut c_void) -> *mut c_void>;

/// Frees an argument or an element. It must not block, and must not be left by an exception.
pub type vt_drop = Option<unsafe extern "C-unwind" fn(arg: *mut c_void)>;

/// A call that is made later. It must not be left by an exception.
pub type vt_fn = Option<unsafe extern "C-unwind" fn(arg: *mut c_void)>;

/// Called with the address of a copy of an element that is about to be handed over, and the channel's
/// `user`: to count the copy, where elements count. It must not block, and must not be left by an
/// exception.
pub type vt_copy = Option<unsafe extern "C-unwind" fn(elem: *mut c_void, user: *mut c_void)>;

/// Compares two elements of a channel, whose `user` is the last argument: negative if `a` comes before
/// `b`, positive if after, 0 if neither. Called under a lock of the library: it must be quick, must
/// call nothing of this library, and must not be left by an exception.
pub type vt_compare =
    Option<unsafe extern "C" fn(a: *const c_void, b: *const c_void, user: *mut c_void) -> i32>;

/// Called by `vt_suspend` once the caller's stack is saved.
pub type vt_after = Option<unsafe extern "C" fn(fiber: vt_fiber, arg: *mut c_void)>;

/// A function and its argument, of which the library owns neither.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callback {
    call: unsafe extern "C-unwind" fn(arg: *mut c_void),
    arg: *mut c_void,
}

impl Callback {
    pub(crate) fn new(
        call: unsafe extern "C-unwind" fn(arg: *mut c_void),
        arg: *mut c_void,
    ) -> Self {
        Self { call, arg }
    }

    /// # Safety
    /// The function may be called with the argument, here and now.
    pub(crate) unsafe fn call(self) {
        // SAFETY: by the caller.
        unsafe { (self.call)(self.arg) }
    }
}

/// An argument that the library owns: dropped unless it is handed on.
#[derive(Debug)]
pub(crate) struct Argument {
    arg: *mut c_void,
    drop: vt_drop,
}

impl Argument {
    /// Takes the argument over.
    ///
    /// # Safety
    /// `drop` may be called with `arg`, once, on any thread.
    pub(crate) unsafe fn take(arg: *mut c_void, drop: vt_drop) -> Self {
        Self { arg, drop }
    }

    /// The argument, which stays the library's.
    pub(crate) fn get(&self) -> *mut c_void {
        self.arg
    }

    /// The argument, which is the caller's from now on.
    pub(crate) fn hand_over(self) -> *mut c_void {
        let arg = self.arg;
        mem::forget(self);
        arg
    }

    /// Makes it the argument of `entry`; `VT_EINVAL`, and the argument is dropped, without one.
    pub(crate) fn body(self, entry: vt_entry) -> Answer<RawBody> {
        let entry = entry.ok_or(VT_EINVAL)?;
        let Self { arg, drop } = self;
        mem::forget(self);
        Ok(RawBody { entry, arg, drop })
    }
}

// SAFETY: `take` allows `drop` to be called on any thread, and the address is only passed on.
unsafe impl Send for Argument {}

impl Argument {
    /// The argument is its function's from now on, and not to be dropped.
    pub(crate) fn spend(self) {
        mem::forget(self);
    }
}

impl Drop for Argument {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: allowed once by the contract of `take`; `body` forgets the value.
            unsafe { drop(self.arg) };
        }
    }
}

/// A function that may be called, with its argument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation {
    f: unsafe extern "C-unwind" fn(*mut c_void),
    arg: *mut c_void,
}

// SAFETY: `new` allows the call on any thread.
unsafe impl Send for Invocation {}

impl Invocation {
    /// `VT_EINVAL` without a function.
    ///
    /// # Safety
    /// The function may be called with `arg`, once, on any thread.
    pub(crate) unsafe fn new(f: vt_fn, arg: *mut c_void) -> Answer<Self> {
        let f = f.ok_or(VT_EINVAL)?;
        Ok(Self { f, arg })
    }

    /// Makes the call.
    pub(crate) fn make(self) {
        // SAFETY: allowed by the contract of `new`.
        unsafe { (self.f)(self.arg) };
    }

    /// Makes the call; `VT_EFAILED` if it panics, being written in Rust.
    pub(crate) fn make_caught(self) -> Answer {
        catch_unwind(AssertUnwindSafe(|| self.make())).map_err(|payload| {
            // Not dropped: its destructor might panic in turn.
            mem::forget(payload);
            VT_EFAILED
        })
    }
}

/// An argument that several threads may use at once.
#[derive(Debug)]
pub(crate) struct Shared(Argument);

impl Shared {
    /// Takes the argument over.
    ///
    /// # Safety
    /// What gets the argument may be called on any thread, also on several at once; `drop` may, once,
    /// after that.
    pub(crate) unsafe fn take(arg: *mut c_void, drop: vt_drop) -> Self {
        // SAFETY: by the caller.
        Self(unsafe { Argument::take(arg, drop) })
    }

    /// The argument, which stays the library's.
    pub(crate) fn get(&self) -> *mut c_void {
        self.0.get()
    }
}

// SAFETY: by the contract of `take`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

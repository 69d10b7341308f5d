//! What of a thread's state belongs to the fiber that runs on it: `errno` and the C++ exception globals.
//!
//! Both live at thread-local addresses. Compilers keep such addresses across a suspension, after which they may be another
//! thread's, so this crate looks them up once per thread, in never-inlined functions, and keeps them in the [`Resumer`]: the
//! switch itself reads no thread-local.
//!
//! The exchange happens on the resuming side, around the switch, so one place covers the first entry, every suspension, the
//! return and the panic. A fiber that is left for another passes the thread on before the switch.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread::panicking;

use crate::suspender::Suspender;

/// `__cxa_eh_globals` of the Itanium C++ ABI: the stack of caught exceptions and the number of uncaught ones.
#[repr(C)]
#[derive(Clone, Copy)]
struct CxxGlobals {
    caught: *mut c_void,
    uncaught: c_uint,
}

impl CxxGlobals {
    const NONE: Self = Self {
        caught: ptr::null_mut(),
        uncaught: 0,
    };
}

// SAFETY: no part of it is a handle of a thread; the one static of this type is never written.
unsafe impl Sync for CxxGlobals {}

/// What a thread without a C++ runtime seems to have.
static NO_CXX: CxxGlobals = CxxGlobals::NONE;

/// The side of the exchange that does not run: the fiber's values while it is away, its resumer's while it is here.
pub(crate) struct Ambient {
    errno: Cell<c_int>,
    caught: Cell<*mut c_void>,
    uncaught: Cell<c_uint>,
}

impl Ambient {
    pub(crate) const fn fresh() -> Self {
        Self {
            errno: Cell::new(0),
            caught: Cell::new(CxxGlobals::NONE.caught),
            uncaught: Cell::new(CxxGlobals::NONE.uncaught),
        }
    }
}

/// A thread, as the one that enters fibers: where its ambient state lives, and one pointer of the embedder's.
///
/// Made on the thread it stands for, and usable only there. The pointer is what a fiber finds when it comes back from a
/// suspension on a thread it does not know, see [`Suspender::suspend`](crate::Suspender::suspend).
///
/// ```compile_fail
/// fn needs_send<T: Send>() {}
/// needs_send::<vitte_fibers::Resumer>();
/// ```
///
/// ```compile_fail
/// fn needs_sync<T: Sync>() {}
/// needs_sync::<vitte_fibers::Resumer>();
/// ```
pub struct Resumer {
    errno: NonNull<c_int>,
    /// [`NO_CXX`] while no C++ runtime was found.
    cxx: Cell<*mut CxxGlobals>,
    user: Cell<*const ()>,
    /// Who runs on behalf of it; null if nobody does.
    present: Cell<*const Suspender>,
    /// The thread panicked already before it entered anybody, so that it still does proves nothing of whoever runs.
    panicking: Cell<bool>,
    /// The addresses are this thread's.
    _stays: PhantomData<*mut ()>,
}

impl Resumer {
    /// Stands for the calling thread.
    pub fn new(user: *const ()) -> Self {
        Self {
            errno: errno_location(),
            cxx: Cell::new(cxx_globals()),
            user: Cell::new(user),
            present: Cell::new(ptr::null()),
            panicking: Cell::new(panicking()),
            _stays: PhantomData,
        }
    }

    /// The embedder's pointer.
    #[inline]
    pub fn user(&self) -> *const () {
        self.user.get()
    }

    /// Changes the embedder's pointer.
    #[inline]
    pub fn set_user(&self, user: *const ()) {
        self.user.set(user);
    }

    /// To be called by one that is kept for long before it enters fibers anew, in a destructor perhaps: looks whether the thread
    /// panics now, for which those fibers are not to blame.
    pub fn note_panicking(&self) {
        self.panicking.set(panicking());
    }

    /// Whether a fiber that it entered may suspend: not while the thread is panicking, unless it did so before.
    ///
    /// Where this is false a caller that has to wait must block its thread. Of a fiber that panics itself on a thread that
    /// panicked before, nobody can tell: it may suspend, and the thread's count of panics is right again once it has ended.
    #[inline]
    pub fn may_suspend(&self) -> bool {
        // The standard library answers from a process-wide count, and looks at the thread's own only in a function that is
        // never inlined, so no thread-local address is kept here.
        !panicking() || self.panicking.get()
    }

    /// Whether the C++ exception globals are exchanged. Without a C++ runtime in the process there is nothing to exchange.
    pub fn keeps_cxx(&self) -> bool {
        !ptr::eq(self.cxx.get(), &NO_CXX)
    }

    /// Looks again for a C++ runtime, to be called on this thread after one was loaded into a running process.
    pub fn look_for_cxx(&self) {
        if !self.keeps_cxx() {
            self.cxx.set(cxx_globals());
        }
    }

    /// Exchanges this thread's values with the ones kept.
    #[inline]
    pub(crate) fn exchange(&self, kept: &Ambient) {
        // Always, for a loop that makes system calls leaves something in `errno` sooner or later,
        // and from then on a comparison would only come on top.
        // SAFETY: this thread's `errno`, found by `new`. The value is `!Send` and `!Sync`, so this is that thread.
        let errno = unsafe { self.errno.as_ptr().replace(kept.errno.get()) };
        kept.errno.set(errno);
        // SAFETY: this thread's globals, or zeros; alive as long as the thread.
        let cxx = unsafe { self.cxx.get().read() };
        // Nearly always nothing is being thrown anywhere, so one branch decides: this is on the way
        // of every switch.
        let thrown = (cxx.uncaught | kept.uncaught.get()) as usize
            | cxx.caught.addr()
            | kept.caught.get().addr();
        if thrown != 0 {
            self.exchange_cxx(kept);
        }
    }

    /// What two exchanges would do, after which the values of `from` are kept and this thread has those of `to`.
    #[inline(always)]
    pub(crate) fn pass(&self, from: &Ambient, to: &Ambient) {
        // SAFETY: as in `exchange`.
        let errno = unsafe { self.errno.as_ptr().replace(to.errno.get()) };
        to.errno.set(from.errno.replace(errno));
        // SAFETY: as in `exchange`.
        let cxx = unsafe { self.cxx.get().read() };
        let counts = cxx.uncaught | from.uncaught.get() | to.uncaught.get();
        let caught = cxx.caught.addr() | from.caught.get().addr() | to.caught.get().addr();
        if counts as usize | caught != 0 {
            self.exchange_cxx(from);
            self.exchange_cxx(to);
        }
    }

    /// From now on `next` runs on behalf of this; returns who did.
    #[inline(always)]
    pub(crate) fn set_present(&self, next: *const Suspender) -> *const Suspender {
        self.present.replace(next)
    }

    #[cold]
    #[inline(never)]
    fn exchange_cxx(&self, kept: &Ambient) {
        if self.keeps_cxx() {
            let there = CxxGlobals {
                caught: kept.caught.get(),
                uncaught: kept.uncaught.get(),
            };
            // SAFETY: as in `exchange`, and not the zeros, which are never written.
            let here = unsafe { self.cxx.get().replace(there) };
            kept.caught.set(here.caught);
            kept.uncaught.set(here.uncaught);
        }
    }
}

impl fmt::Debug for Resumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumer")
            .field("user", &self.user.get())
            .field("keeps_cxx", &self.keeps_cxx())
            .finish_non_exhaustive()
    }
}

#[inline(never)]
fn errno_location() -> NonNull<c_int> {
    // SAFETY: no precondition.
    let at = unsafe { libc::__errno_location() };
    NonNull::new(at).expect("every thread has an errno")
}

/// This thread's C++ exception globals, or [`NO_CXX`] without a C++ runtime.
#[inline(never)]
fn cxx_globals() -> *mut CxxGlobals {
    let getter = find_getter();
    if getter.is_null() {
        return (&raw const NO_CXX).cast_mut();
    }
    // SAFETY: the C++ ABI gives `__cxa_get_globals` this type.
    let getter = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut CxxGlobals>(getter)
    };
    // SAFETY: no precondition; it creates the globals of this thread if need be.
    unsafe { getter() }
}

/// The C++ runtime's `__cxa_get_globals`. A runtime that was found stays; one that was not may still be loaded later.
fn find_getter() -> *mut c_void {
    static FOUND: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    // Ordering: Relaxed. The address is a constant of the process; nothing is published with it.
    let mut getter = FOUND.load(Ordering::Relaxed);
    if getter.is_null() {
        getter = symbol(libc::RTLD_DEFAULT);
        // A library loaded privately is not in the global scope, so ask for the usual runtimes by name, loading nothing.
        for name in [c"libstdc++.so.6", c"libc++abi.so.1", c"libc++.so.1"] {
            if getter.is_null() {
                getter = symbol_of_loaded(name);
            }
        }
        FOUND.store(getter, Ordering::Relaxed);
    }
    getter
}

fn symbol(library: *mut c_void) -> *mut c_void {
    // SAFETY: a valid handle and a C string.
    unsafe { libc::dlsym(library, c"__cxa_get_globals".as_ptr()) }
}

fn symbol_of_loaded(name: &CStr) -> *mut c_void {
    // SAFETY: a C string; with RTLD_NOLOAD no code of the library runs.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
    if library.is_null() {
        return ptr::null_mut();
    }
    // The handle is kept: the address found must stay valid, and the runtime is never unloaded in practice.
    symbol(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanging_twice_changes_nothing() {
        let here = Resumer::new(ptr::null());
        let kept = Ambient::fresh();
        // SAFETY: this thread's errno.
        unsafe { here.errno.as_ptr().write(5) };
        here.exchange(&kept);
        assert_eq!(kept.errno.get(), 5);
        // SAFETY: this thread's errno.
        assert_eq!(unsafe { here.errno.as_ptr().read() }, 0);
        here.exchange(&kept);
        // SAFETY: this thread's errno.
        assert_eq!(unsafe { here.errno.as_ptr().read() }, 5);
    }

    #[test]
    fn to_pass_on_is_to_exchange_twice() {
        let here = Resumer::new(ptr::null());
        let (from, to) = (Ambient::fresh(), Ambient::fresh());
        from.errno.set(1);
        to.errno.set(2);
        // SAFETY: this thread's errno.
        unsafe { here.errno.as_ptr().write(3) };
        here.pass(&from, &to);
        assert_eq!((from.errno.get(), to.errno.get()), (3, 1));
        // SAFETY: this thread's errno.
        assert_eq!(unsafe { here.errno.as_ptr().read() }, 2);
    }
}

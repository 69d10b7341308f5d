//! The clock behind the instruction hook: it makes a running Lua state poll, but only every few
//! milliseconds.
//!
//! A count hook that is always set slows Lua down three to four times, because the interpreter then
//! leaves its fast path at every instruction (measured with Lua 5.4.9: 0.42 s against 1.58 s for
//! thirty million loop iterations). So the hook is set only when it is time to poll:
//!
//! ```text
//!   timer on this thread's CPU time ──signal──► on_tick, on the same thread
//!                                               sets a count hook for the next instruction
//!   next instruction ──► hook: takes itself away, polls the runtime
//! ```
//!
//! - The timer counts the CPU time of one thread and signals that thread: a thread that waits gets
//!   no ticks, so an idle process stays idle.
//! - Setting a hook from a signal handler is what Lua provides for (`lua_sethook` in `ldebug.c`).
//! - [`RUNNING`] says which Lua thread the handler may touch. It is null whenever the fiber is
//!   suspended or runs no Lua.
//!
//! Where there is no such timer, [`start`] says so, and the hook stays set.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering, compiler_fence};

use mlua::ffi;

use super::hook;

thread_local! {
    /// The Lua thread that runs on this OS thread. Has no destructor, so a signal handler may read
    /// it. Atomic for the handler's sake: it runs in the middle of anything.
    static RUNNING: AtomicPtr<ffi::lua_State> = const { AtomicPtr::new(ptr::null_mut()) };
    /// Whether this thread has its timer; `None` before anybody asked.
    static TICKS: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Names the Lua thread that runs on this OS thread from now on, null for none; returns the one
/// before.
#[inline(never)]
pub(crate) fn switch(to: *mut ffi::lua_State) -> *mut ffi::lua_State {
    // Ordering: the handler runs on this very thread, so only the compiler could reorder: what was
    // done to the old Lua thread and will be done to the new one stays on its side of the swap.
    compiler_fence(Ordering::SeqCst);
    let before = RUNNING.with(|running| {
        let before = running.load(Ordering::Relaxed);
        running.store(to, Ordering::Relaxed);
        before
    });
    compiler_fence(Ordering::SeqCst);
    before
}

/// Takes this Lua thread's name away, if it is the one named.
pub(super) fn leave(state: *mut ffi::lua_State) {
    let named = switch(ptr::null_mut());
    if named != state {
        switch(named);
    }
}

/// Runs `wait`, which may suspend the fiber, with no Lua thread named. Others that run meanwhile
/// name their own; and when the fiber goes on, it may be on another OS thread.
pub(crate) fn aside<R>(wait: impl FnOnce() -> R) -> R {
    let mine = switch(ptr::null_mut());
    let result = wait();
    if !mine.is_null() {
        back(mine);
    }
    result
}

#[inline(never)]
fn back(mine: *mut ffi::lua_State) {
    // SAFETY: the Lua thread is ours, and stands still in this call.
    unsafe {
        if !start() && ffi::lua_gethookmask(mine) == 0 {
            hook::arm(mine, hook::PERIOD);
        }
    }
    switch(mine);
}

/// Whether this OS thread gets ticks; sets up its timer when first asked.
#[inline(never)]
pub(super) fn start() -> bool {
    if let Some(ticks) = TICKS.get() {
        return ticks;
    }
    let ticks = timer::start();
    TICKS.set(Some(ticks));
    ticks
}

#[cfg(target_os = "linux")]
mod timer {
    use std::ffi::c_int;
    use std::{mem, ptr};

    /// CPU time between two ticks, in nanoseconds. The kernel rounds it up to its own tick.
    const PERIOD_NS: i64 = 2_000_000;

    /// Ignored by default, so that a stray one does no harm; the Go runtime uses it for the same
    /// purpose.
    const SIGNAL: c_int = libc::SIGURG;

    /// Gives the calling thread a timer of its own, which runs until the thread ends.
    pub(super) fn start() -> bool {
        // SAFETY: zeros are a value of all three structs, which are integers and pointers. The
        // handler only does what a signal handler may.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = on_tick as *const () as usize;
            action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
            if libc::sigaction(SIGNAL, &raw const action, ptr::null_mut()) != 0 {
                return false;
            }
            let mut event: libc::sigevent = mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = SIGNAL;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer: libc::timer_t = ptr::null_mut();
            if libc::timer_create(
                libc::CLOCK_THREAD_CPUTIME_ID,
                &raw mut event,
                &raw mut timer,
            ) != 0
            {
                return false;
            }
            let period = libc::timespec {
                tv_sec: 0,
                tv_nsec: PERIOD_NS,
            };
            let spec = libc::itimerspec {
                it_interval: period,
                it_value: period,
            };
            libc::timer_settime(timer, 0, &raw const spec, ptr::null_mut()) == 0
        }
    }

    /// Interrupts whatever this thread does. Reads one thread-local without a destructor, and
    /// touches nothing else but the hook fields of the Lua thread, which are made for that.
    extern "C" fn on_tick(_: c_int) {
        let running = super::RUNNING.with(|running| running.load(super::Ordering::Relaxed));
        if running.is_null() {
            return;
        }
        // SAFETY: a Lua thread is named only while it runs on this very OS thread, which is
        // standing still here.
        unsafe {
            // Setting a hook visits every frame of the Lua stack. With very many of them that takes
            // longer than a period, and doing it again before the hook has run would leave no time
            // for anything else.
            if mlua::ffi::lua_gethookmask(running) == 0 {
                super::hook::arm(running, 1);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod timer {
    /// No timer that counts a thread's CPU time and signals that thread.
    pub(super) fn start() -> bool {
        false
    }
}

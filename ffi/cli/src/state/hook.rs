//! The instruction hook: how a loop that calls nothing still gives way and can still be stopped.
//!
//! The hook polls the runtime. The poll may suspend the fiber right there and resume it later; Lua
//! does not notice. If the poll says that the task shall end, the hook raises an error, and again
//! at every further instruction, so that nothing outlives it for long. It is set by [`super::tick`]
//! when it is time to poll, or, without ticks, all the time.
//!
//! Hooks belong to a Lua thread, of which a state may have many (Lua calls them `coroutine`).

use std::ffi::{c_int, c_void};

use mlua::ffi;

use super::{Ending, Local, tick};
use crate::rt;

/// Without ticks: instructions between two polls, some 50 to 100 microseconds of ordinary Lua.
pub(super) const PERIOD: c_int = 10_000;

/// Its address is the registry key under which a state keeps the pointer to its [`Local`].
static LOCAL_KEY: u8 = 0;

fn key() -> *const c_void {
    (&raw const LOCAL_KEY).cast()
}

/// Tells the hook where the state's [`Local`] is.
///
/// # Safety
/// `state` is owned by the caller; `local` points to a [`Local`] that lives until the state is
/// closed.
pub(super) unsafe fn install(state: *mut ffi::lua_State, local: *mut c_void) {
    // SAFETY: a fresh state has room for one more value; the caller owns it.
    unsafe {
        ffi::lua_pushlightuserdata(state, local);
        ffi::lua_rawsetp(state, ffi::LUA_REGISTRYINDEX, key());
    }
}

/// Lets the hook run when `count` more instructions have run, and again after as many.
///
/// # Safety
/// `state` is owned by the caller, or runs on the calling OS thread (which may be in a signal
/// handler).
pub(super) unsafe fn arm(state: *mut ffi::lua_State, count: c_int) {
    // SAFETY: setting a hook touches nothing but the fields that the interpreter expects to change
    // any time.
    unsafe { ffi::lua_sethook(state, Some(on_count), ffi::LUA_MASKCOUNT, count) };
}

/// As between two polls: not set if there are ticks.
///
/// # Safety
/// As for [`arm`].
pub(super) unsafe fn disarm(state: *mut ffi::lua_State) {
    // SAFETY: by contract.
    unsafe {
        if tick::start() {
            ffi::lua_sethook(state, None, 0, 0);
        } else {
            arm(state, PERIOD);
        }
    }
}

/// The hook. Holds nothing with a destructor when it raises, because Lua errors are jumps.
unsafe extern "C-unwind" fn on_count(state: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: Lua guarantees the hook some free stack slots; `install` put the pointer there, and
    // the `Local` outlives the state. The reference ends before anything can raise.
    let ending = unsafe {
        ffi::lua_rawgetp(state, ffi::LUA_REGISTRYINDEX, key());
        let local = ffi::lua_touserdata(state, -1).cast::<Local>();
        ffi::lua_pop(state, 1);
        match local.as_ref() {
            Some(local) => {
                disarm(state);
                if local.ending.get() == Ending::No && rt::poll().is_err() {
                    local.ending.set(Ending::Killed);
                }
                local.ending.get()
            }
            None => Ending::No,
        }
    };
    if ending != Ending::No {
        // SAFETY: the state is the running one. `lua_error` jumps out of this frame, which owns
        // nothing.
        unsafe {
            arm(state, 1);
            ffi::lua_pushstring(state, c"the task was ended".as_ptr());
            ffi::lua_error(state);
        }
    }
}

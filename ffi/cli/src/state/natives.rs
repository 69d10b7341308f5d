//! Standard functions that the host replaces: protected calls that a task's end goes through, and
//! `setmetatable`.
//!
//! `pcall`, `xpcall`, `coroutine.resume` and `coroutine.close` turn errors into values. When a task
//! is being ended (killed, or complete after `res(...)`) the error that unwinds it must not be
//! turned into a value, or a loop around `pcall` would make the task immortal. The versions here do
//! what the standard ones do, except that they raise the error again while the task is ending.
//! [`install`] also makes the call under which a whole task runs.
//!
//! All of these are C closures whose first upvalue is the address of the state's [`Local`]. Lua
//! errors are jumps, so no frame here owns anything with a destructor.

use std::ffi::{c_int, c_void};

use mlua::{Function, Lua, Table, ffi};

use super::{Ending, Local, tick};

type State = *mut ffi::lua_State;

/// Puts `pcall`, `xpcall` and `resume` into `native`; returns the function under which a task runs.
pub(super) fn install(lua: &Lua, native: &Table, local: *mut c_void) -> mlua::Result<Function> {
    let library: Table = lua.globals().raw_get("coroutine")?;
    let resume: Function = library.raw_get("resume")?;
    let close: Function = library.raw_get("close")?;
    native.raw_set("pcall", closure(lua, pcall, local, None)?)?;
    native.raw_set("setmetatable", closure(lua, setmetatable, local, None)?)?;
    native.raw_set("xpcall", closure(lua, xpcall, local, None)?)?;
    native.raw_set(
        "resume",
        closure(lua, on_another_thread, local, Some(resume))?,
    )?;
    native.raw_set(
        "close",
        closure(lua, on_another_thread, local, Some(close))?,
    )?;
    closure(lua, run, local, None)
}

fn closure(
    lua: &Lua,
    function: ffi::lua_CFunction,
    local: *mut c_void,
    second: Option<Function>,
) -> mlua::Result<Function> {
    // SAFETY: one value on the stack (`second`, or nil) when the closure is called; it pushes two
    // and leaves one.
    unsafe {
        lua.exec_raw(second, |state| {
            ffi::lua_settop(state, 1);
            ffi::lua_pushlightuserdata(state, local);
            ffi::lua_insert(state, 1);
            ffi::lua_pushcclosure(state, function, 2);
        })
    }
}

/// Whether the task that owns this state is being ended.
///
/// # Safety
/// Called from one of this file's C closures: the first upvalue is the address of a live [`Local`].
unsafe fn is_ending(state: State) -> bool {
    // SAFETY: by the contract above; the `Local` outlives the state.
    unsafe {
        let local = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Local>();
        (*local).ending.get() != Ending::No
    }
}

unsafe extern "C-unwind" fn pcall(state: State) -> c_int {
    // SAFETY: stack effects as annotated; the C API keeps `LUA_MINSTACK` slots free for a C
    // function.
    unsafe {
        ffi::luaL_checkany(state, 1);
        ffi::lua_pushboolean(state, 1); // what a success returns first
        ffi::lua_insert(state, 1);
        let args = ffi::lua_gettop(state) - 2;
        let status = ffi::lua_pcallk(state, args, ffi::LUA_MULTRET, 0, 0, Some(pcall_returns));
        pcall_returns(state, status, 0)
    }
}

unsafe extern "C-unwind" fn xpcall(state: State) -> c_int {
    // SAFETY: as in `pcall`. On entry: f, handler, args...; before the call: f, handler, true, f,
    // args...
    unsafe {
        ffi::luaL_checktype(state, 2, ffi::LUA_TFUNCTION);
        let args = ffi::lua_gettop(state) - 2;
        // The handler must not see the error that ends the task.
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_pushvalue(state, 2);
        ffi::lua_pushcclosure(state, handler, 2);
        ffi::lua_replace(state, 2);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_pushvalue(state, 1);
        ffi::lua_rotate(state, 3, 2);
        let status = ffi::lua_pcallk(state, args, ffi::LUA_MULTRET, 2, 2, Some(pcall_returns));
        pcall_returns(state, status, 2)
    }
}

/// After the call, directly or, if it yielded, as the continuation. `below` slots lie under the
/// results.
unsafe extern "C-unwind" fn pcall_returns(
    state: State,
    status: c_int,
    below: ffi::lua_KContext,
) -> c_int {
    // SAFETY: called by Lua, or by the functions above, as part of their own call.
    unsafe {
        if status == ffi::LUA_OK || status == ffi::LUA_YIELD {
            return ffi::lua_gettop(state) - c_int::try_from(below).unwrap_or(0);
        }
        if is_ending(state) {
            ffi::lua_error(state);
        }
        ffi::lua_pushboolean(state, 0);
        ffi::lua_pushvalue(state, -2);
        2
    }
}

/// Message handler of `xpcall`: upvalue 2 is the script's own.
unsafe extern "C-unwind" fn handler(state: State) -> c_int {
    // SAFETY: a message handler is called with the error value as its only argument.
    unsafe {
        if is_ending(state) {
            return 1;
        }
        ffi::lua_settop(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, 1, 1);
        1
    }
}

/// `coroutine.resume` and `coroutine.close`, which run code on another Lua thread; upvalue 2 is the
/// standard function.
///
/// While that code runs, the ticks are for that Lua thread. The standard function is called
/// protected, so that the ticks come back here even if it raises an error.
unsafe extern "C-unwind" fn on_another_thread(state: State) -> c_int {
    // SAFETY: the whole stack becomes the arguments of the standard function, whose results replace
    // it. The other Lua thread is an argument and so stays alive during the call.
    unsafe {
        let other = ffi::lua_tothread(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
        ffi::lua_insert(state, 1);
        let ticks = if other.is_null() { state } else { other };
        let before = tick::switch(ticks);
        let status = ffi::lua_pcall(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET, 0);
        tick::switch(before);
        if status != ffi::LUA_OK {
            ffi::lua_error(state);
        }
        if ffi::lua_toboolean(state, 1) == 0 && is_ending(state) {
            ffi::lua_settop(state, 2);
            ffi::lua_error(state);
        }
        ffi::lua_gettop(state)
    }
}

/// `setmetatable`, but it remembers that a finalizer was given to something: see
/// [`Local::finalizers`].
unsafe extern "C-unwind" fn setmetatable(state: State) -> c_int {
    // SAFETY: stack: table, metatable or nil. The upvalue is as in `is_ending`.
    unsafe {
        let kind = ffi::lua_type(state, 2);
        ffi::luaL_checktype(state, 1, ffi::LUA_TTABLE);
        if kind != ffi::LUA_TNIL && kind != ffi::LUA_TTABLE {
            ffi::luaL_argerror(state, 2, c"nil or table expected".as_ptr());
        }
        if ffi::luaL_getmetafield(state, 1, c"__metatable".as_ptr()) != ffi::LUA_TNIL {
            ffi::luaL_error(state, c"cannot change a protected metatable".as_ptr());
        }
        ffi::lua_settop(state, 2);
        if kind == ffi::LUA_TTABLE {
            ffi::lua_pushstring(state, c"__gc".as_ptr());
            if ffi::lua_rawget(state, 2) != ffi::LUA_TNIL {
                let local = ffi::lua_touserdata(state, ffi::lua_upvalueindex(1)).cast::<Local>();
                (*local).finalizers.set(true);
            }
            ffi::lua_settop(state, 2);
        }
        ffi::lua_setmetatable(state, 1);
        1
    }
}

/// Runs a task: `run(f, ...)` returns true and f's results, or false and {error value, traceback}.
unsafe extern "C-unwind" fn run(state: State) -> c_int {
    // SAFETY: on entry f, args...; before the call: handler, f, args...
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_pushcclosure(state, capture, 1);
        ffi::lua_insert(state, 1);
        let args = ffi::lua_gettop(state) - 2;
        let status = ffi::lua_pcall(state, args, ffi::LUA_MULTRET, 1);
        ffi::lua_pushboolean(state, c_int::from(status == ffi::LUA_OK));
        ffi::lua_replace(state, 1);
        ffi::lua_gettop(state)
    }
}

/// Message handler of [`run`]: pairs the error value with a traceback of where it was raised.
unsafe extern "C-unwind" fn capture(state: State) -> c_int {
    // SAFETY: a message handler is called with the error value as its only argument.
    unsafe {
        ffi::lua_settop(state, 1);
        if is_ending(state) {
            return 1;
        }
        ffi::lua_createtable(state, 2, 0);
        ffi::lua_insert(state, 1);
        ffi::lua_rawseti(state, 1, 1);
        ffi::luaL_traceback(state, state, std::ptr::null(), 1);
        ffi::lua_rawseti(state, 1, 2);
        1
    }
}

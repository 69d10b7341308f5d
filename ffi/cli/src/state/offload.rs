//! Standard functions that may wait for the outside world, on a thread of their own.
//!
//! `os.execute` waits for a process and `io.read` for somebody who types. On a worker that would
//! hold up every task of that worker. So a helper thread makes the call while the fiber waits for
//! it: the Lua state is in use by exactly one of the two at any time.

use std::ffi::c_int;
use std::thread;

use mlua::{Function, Lua, Table, ffi};

use crate::rt::{self, Chan};

type State = *mut ffi::lua_State;

/// Puts versions of `os.execute` and of reading into `native` that do not hold up the worker.
pub(super) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    let os: Table = lua.globals().raw_get("os")?;
    let io: Table = lua.globals().raw_get("io")?;
    native.raw_set("execute", closure(lua, always, os.raw_get("execute")?)?)?;
    native.raw_set(
        "read",
        closure(lua, when_input_is_awaited, io.raw_get("read")?)?,
    )
}

fn closure(lua: &Lua, function: ffi::lua_CFunction, original: Function) -> mlua::Result<Function> {
    // SAFETY: one value on the stack when this is called, which becomes the upvalue; the closure
    // takes its place.
    unsafe { lua.exec_raw(original, |state| ffi::lua_pushcclosure(state, function, 1)) }
}

/// Calls the original, upvalue 1, elsewhere.
unsafe extern "C-unwind" fn always(state: State) -> c_int {
    // SAFETY: a C function's whole stack becomes the original's arguments, and then its results.
    // Nothing here has a destructor when the error is raised.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        if elsewhere(state) != ffi::LUA_OK {
            ffi::lua_error(state);
        }
        ffi::lua_gettop(state)
    }
}

/// Calls the original, upvalue 1: elsewhere if standard input has nothing to read, else here.
///
/// A file always has something to read, so filters pay one system call, not a thread.
unsafe extern "C-unwind" fn when_input_is_awaited(state: State) -> c_int {
    let mut input = libc::pollfd {
        fd: libc::STDIN_FILENO,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one live descriptor record; a timeout of zero never waits.
    if unsafe { libc::poll(&raw mut input, 1, 0) } == 0 {
        // SAFETY: this is the same kind of function with the same upvalue.
        return unsafe { always(state) };
    }
    // SAFETY: as in `always`.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET);
        ffi::lua_gettop(state)
    }
}

/// Calls the function at the bottom of the stack with everything above it, on another thread, and
/// waits for the end. Returns the status of the protected call.
///
/// # Safety
/// The stack is a function and its arguments; the function runs no Lua code.
unsafe fn elsewhere(state: State) -> c_int {
    /// A Lua state on loan to the helper thread.
    struct Loan(State);
    // SAFETY: the lender touches the state again only after the borrower has closed `done`.
    unsafe impl Send for Loan {}

    let run = |state: State| {
        // SAFETY: by contract; whoever calls this is the only user of the state.
        unsafe { ffi::lua_pcall(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET, 0) }
    };
    let Ok(done) = Chan::<c_int>::bounded(1) else {
        return run(state);
    };
    let (answer, loan) = (done.clone(), Loan(state));
    let started = thread::Builder::new()
        .name("vitte-offload".to_owned())
        .spawn(move || {
            let Loan(state) = { loan };
            let _ = answer.send(Box::new(run(state)), rt::TRY);
        });
    if started.is_err() {
        return run(state);
    }
    // The state is not ours before the call returns, whatever is asked of this task meanwhile.
    rt::masked(|| done.recv(rt::FOREVER)).map_or(ffi::LUA_ERRRUN, |status| *status)
}

//! The functions of the module as C closures: one each, all of the same two shapes.
//!
//! Written in Lua they would be a hundred prototypes in every state, a third of its memory. A
//! closure here is 64 bytes.
//!
//! - [`fill`]: upvalues are the dispatcher and the number of the host's function. The dispatcher
//!   answers true and the results, false and a message, or nothing if the task is ending.
//! - [`operators`]: upvalues are the operation, the function that gets a buffer's contents, and the
//!   metatable of buffers.
//!
//! Lua errors are jumps, so no frame here owns anything with a destructor.

use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

use mlua::{Function, Lua, Table, ffi};

type State = *mut ffi::lua_State;

/// Puts a function into `table` for every name; the first has the number `first`.
pub(super) fn fill<'a>(
    lua: &Lua,
    dispatcher: &Function,
    table: &Table,
    first: usize,
    names: impl Iterator<Item = &'a str>,
) -> mlua::Result<()> {
    let mut number = first as ffi::lua_Integer;
    let names: Vec<&str> = names.collect();
    // SAFETY: the stack is the table and the dispatcher. The names are owned out here, where an
    // error's jump does not pass.
    unsafe {
        lua.exec_raw((table, dispatcher), |state| {
            for name in &names {
                ffi::lua_pushlstring(state, name.as_ptr().cast(), name.len());
                ffi::lua_pushvalue(state, 2);
                ffi::lua_pushinteger(state, number);
                ffi::lua_pushcclosure(state, method, 2);
                ffi::lua_rawset(state, 1);
                number += 1;
            }
            ffi::lua_settop(state, 0);
        })
    }
}

unsafe extern "C-unwind" fn method(state: State) -> c_int {
    // SAFETY: the whole stack becomes the dispatcher's arguments, after the number; its results
    // replace it.
    unsafe {
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
        ffi::lua_insert(state, 2);
        ffi::lua_call(state, ffi::lua_gettop(state) - 1, ffi::LUA_MULTRET);
        if ffi::lua_gettop(state) == 0 {
            return 0;
        }
        if ffi::lua_toboolean(state, 1) != 0 {
            return ffi::lua_gettop(state) - 1;
        }
        locate(state);
        ffi::lua_pushvalue(state, 2);
        ffi::lua_concat(state, 2);
        ffi::lua_error(state)
    }
}

/// Pushes where the call comes from, as `file:line: `, or nothing if that is not Lua code.
///
/// # Safety
/// Called from a C function, with two free slots.
unsafe fn locate(state: State) {
    let mut record = MaybeUninit::<ffi::lua_Debug>::zeroed();
    for level in 1.. {
        // SAFETY: the record is as large as Lua expects, and is read only after Lua has filled it
        // in; the source is then a string.
        unsafe {
            if ffi::lua_getstack(state, level, record.as_mut_ptr()) == 0 {
                break;
            }
            ffi::lua_getinfo(state, c"Sl".as_ptr(), record.as_mut_ptr());
            // The module's own Lua code has no debug information: the caller is its caller.
            if CStr::from_ptr((*record.as_ptr()).source) != c"=?" {
                ffi::luaL_where(state, level);
                return;
            }
        }
    }
    // SAFETY: by contract.
    unsafe { ffi::lua_pushstring(state, c"".as_ptr()) };
}

const CONCAT: c_int = 100;
const LESS: c_int = 101;
const LESS_OR_EQUAL: c_int = 102;
const LENGTH: c_int = 103;
const TEXT: c_int = 104;

const OPERATORS: [(&CStr, c_int); 19] = [
    (c"__add", ffi::LUA_OPADD),
    (c"__sub", ffi::LUA_OPSUB),
    (c"__mul", ffi::LUA_OPMUL),
    (c"__mod", ffi::LUA_OPMOD),
    (c"__pow", ffi::LUA_OPPOW),
    (c"__div", ffi::LUA_OPDIV),
    (c"__idiv", ffi::LUA_OPIDIV),
    (c"__band", ffi::LUA_OPBAND),
    (c"__bor", ffi::LUA_OPBOR),
    (c"__bxor", ffi::LUA_OPBXOR),
    (c"__shl", ffi::LUA_OPSHL),
    (c"__shr", ffi::LUA_OPSHR),
    (c"__unm", ffi::LUA_OPUNM),
    (c"__bnot", ffi::LUA_OPBNOT),
    (c"__concat", CONCAT),
    (c"__lt", LESS),
    (c"__le", LESS_OR_EQUAL),
    (c"__len", LENGTH),
    (c"__tostring", TEXT),
];

/// Gives the metatable of buffers the operators that work on a copy of the contents, which `get`
/// makes.
pub(super) fn operators(lua: &Lua, meta: &Table, get: &Function) -> mlua::Result<()> {
    // SAFETY: the stack is the metatable and the function.
    unsafe {
        lua.exec_raw((meta, get), |state| {
            for (name, operation) in OPERATORS {
                let name: *const c_char = name.as_ptr();
                ffi::lua_pushstring(state, name);
                ffi::lua_pushinteger(state, operation.into());
                ffi::lua_pushvalue(state, 2);
                ffi::lua_pushvalue(state, 1);
                ffi::lua_pushcclosure(state, operator, 3);
                ffi::lua_rawset(state, 1);
            }
            ffi::lua_settop(state, 0);
        })
    }
}

unsafe extern "C-unwind" fn operator(state: State) -> c_int {
    // SAFETY: Lua calls a metamethod for an operator with both operands; for one with a single
    // operand the second is ignored. `contents` keeps the stack as it is.
    unsafe {
        ffi::lua_settop(state, 2);
        contents(state, 1);
        let operation = ffi::lua_tointeger(state, ffi::lua_upvalueindex(1)) as c_int;
        match operation {
            ffi::LUA_OPUNM | ffi::LUA_OPBNOT => {
                ffi::lua_settop(state, 1);
                ffi::lua_arith(state, operation);
            }
            LENGTH => ffi::lua_len(state, 1),
            TEXT => drop(ffi::luaL_tolstring(state, 1, std::ptr::null_mut())),
            _ => {
                contents(state, 2);
                match operation {
                    CONCAT => ffi::lua_concat(state, 2),
                    LESS | LESS_OR_EQUAL => {
                        let how = if operation == LESS {
                            ffi::LUA_OPLT
                        } else {
                            ffi::LUA_OPLE
                        };
                        let holds = ffi::lua_compare(state, 1, 2, how);
                        ffi::lua_pushboolean(state, holds);
                    }
                    _ => ffi::lua_arith(state, operation),
                }
            }
        }
        1
    }
}

/// Replaces the operand at `i`, if it is a buffer, by a copy of its contents.
///
/// # Safety
/// Called from [`operator`].
unsafe fn contents(state: State, i: c_int) {
    // SAFETY: by contract; a metatable, or the function and its argument, come and go.
    unsafe {
        if ffi::lua_type(state, i) != ffi::LUA_TTABLE || ffi::lua_getmetatable(state, i) == 0 {
            return;
        }
        let is_buffer = ffi::lua_rawequal(state, -1, ffi::lua_upvalueindex(3)) != 0;
        ffi::lua_pop(state, 1);
        if is_buffer {
            ffi::lua_pushvalue(state, ffi::lua_upvalueindex(2));
            ffi::lua_pushvalue(state, i);
            ffi::lua_call(state, 1, 1);
            ffi::lua_replace(state, i);
        }
    }
}

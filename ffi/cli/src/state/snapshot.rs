//! The standard tables as they were before any script ran: to name what is in them, to notice what
//! a script changed, and to put it back.
//!
//! All walking is done in one call of the C API for all tables, because it happens for every task
//! that starts or ends, over some three hundred pairs. Nothing here calls a metamethod.

use std::ffi::c_int;

use mlua::{Lua, Table, Value, ffi};

type State = *mut ffi::lua_State;

/// Copies of the standard tables, and numbers for what is in them.
///
/// Tables, functions and userdata are numbered in an order that is the same in every state: first
/// the tables themselves, then, table by table, what they hold, sorted by key.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The tables; a copy of each; the metatable of each, if it has one.
    tables: Table,
    copies: Table,
    metas: Table,
    /// How many pairs each has.
    counts: Vec<i64>,
    /// Every numbered value, at its number.
    list: Table,
    /// Address and number of every numbered value, sorted.
    ids: Vec<(usize, u32)>,
}

impl Snapshot {
    /// Copies the tables that `tables` lists.
    pub(super) fn take(lua: &Lua, tables: Table) -> mlua::Result<Snapshot> {
        let n = tables.raw_len();
        let copies = lua.create_table_with_capacity(n, 0)?;
        let metas = lua.create_table_with_capacity(n, 0)?;
        let list = lua.create_table_with_capacity(320, 0)?;
        let (mut counts, mut numbered) = (Vec::with_capacity(n), Vec::with_capacity(320));
        // SAFETY: the stack is tables, copies, metas, list; `copy` leaves it like that. What it
        // fills is owned out here, where an error's jump does not pass.
        unsafe {
            lua.exec_raw::<()>((&tables, &copies, &metas, &list), |state| {
                for i in 1..=n as c_int {
                    ffi::lua_rawgeti(state, 1, i.into());
                    number(state, &mut numbered);
                    ffi::lua_settop(state, 4);
                }
                for i in 1..=n as c_int {
                    copy(state, i.into(), &mut counts, &mut numbered);
                    ffi::lua_settop(state, 4);
                }
                ffi::lua_settop(state, 0);
            })?;
        }
        let mut ids: Vec<(usize, u32)> = (1..).zip(numbered).map(|(id, at)| (at, id)).collect();
        ids.sort_unstable();
        Ok(Snapshot {
            tables,
            copies,
            metas,
            counts,
            list,
            ids,
        })
    }

    /// The number of the object at that address.
    pub(super) fn id_of(&self, address: usize) -> Option<u32> {
        let at = self
            .ids
            .binary_search_by_key(&address, |&(at, _)| at)
            .ok()?;
        Some(self.ids[at].1)
    }

    pub(super) fn value_of(&self, id: u32) -> mlua::Result<Value> {
        self.list.raw_get(id)
    }

    /// The copy of the first table.
    pub(super) fn first(&self) -> mlua::Result<Table> {
        self.copies.raw_get(1)
    }

    /// Puts every table back as it was.
    pub(super) fn restore(&self, lua: &Lua) -> mlua::Result<()> {
        // SAFETY: the stack is tables, copies, metas; each round takes one of each and drops it.
        unsafe {
            lua.exec_raw::<()>((&self.tables, &self.copies, &self.metas), |state| {
                for (i, &count) in (1..).zip(&self.counts) {
                    ffi::lua_rawgeti(state, 1, i);
                    ffi::lua_rawgeti(state, 2, i);
                    ffi::lua_rawgeti(state, 3, i);
                    if ffi::lua_getmetatable(state, 4) == 0 {
                        ffi::lua_pushnil(state);
                    }
                    if ffi::lua_rawequal(state, 6, 7) == 0 {
                        ffi::lua_pushvalue(state, 6);
                        ffi::lua_setmetatable(state, 4);
                    }
                    ffi::lua_settop(state, 5);
                    if differs(state, count) {
                        repair(state);
                    }
                    ffi::lua_settop(state, 3);
                }
                ffi::lua_settop(state, 0);
            })
        }
    }

    /// What was added to the first `n` tables or replaced in them: (number of the table, key,
    /// value).
    pub(super) fn changes(&self, lua: &Lua, n: usize) -> mlua::Result<Vec<(u32, Value, Value)>> {
        // SAFETY: the stack is tables, copies, and the flat list of what is found, which is made
        // when it is needed and is the only result.
        let found: Option<Table> = unsafe {
            lua.exec_raw((&self.tables, &self.copies), |state| {
                ffi::lua_pushnil(state);
                for (i, &count) in (1..).zip(self.counts.iter().take(n)) {
                    ffi::lua_rawgeti(state, 1, i);
                    ffi::lua_rawgeti(state, 2, i);
                    if differs(state, count) {
                        collect(state, i);
                    }
                    ffi::lua_settop(state, 3);
                }
                ffi::lua_replace(state, 1);
                ffi::lua_settop(state, 1);
            })?
        };
        let Some(found) = found else {
            return Ok(Vec::new());
        };
        (1..=found.raw_len())
            .step_by(3)
            .map(|i| {
                Ok((
                    found.raw_get(i)?,
                    found.raw_get(i + 1)?,
                    found.raw_get(i + 2)?,
                ))
            })
            .collect()
    }
}

/// Numbers the value on top of the stack if it has an identity and no number yet; pops it.
///
/// # Safety
/// The list is at 4.
unsafe fn number(state: State, numbered: &mut Vec<usize>) {
    // SAFETY: by contract.
    unsafe {
        let kind = ffi::lua_type(state, -1);
        let address = ffi::lua_topointer(state, -1) as usize;
        if matches!(
            kind,
            ffi::LUA_TTABLE | ffi::LUA_TFUNCTION | ffi::LUA_TUSERDATA
        ) && !numbered.contains(&address)
        {
            numbered.push(address);
            ffi::lua_rawseti(state, 4, numbered.len() as ffi::lua_Integer);
        } else {
            ffi::lua_pop(state, 1);
        }
    }
}

/// Copies table `i`, and numbers what is in it.
///
/// # Safety
/// The stack is tables, copies, metas, list.
unsafe fn copy(
    state: State,
    i: ffi::lua_Integer,
    counts: &mut Vec<i64>,
    numbered: &mut Vec<usize>,
) {
    // SAFETY: by contract; the table comes to 5, its copy to 6. Keys point into strings that the
    // table keeps alive.
    unsafe {
        ffi::lua_rawgeti(state, 1, i);
        if ffi::lua_getmetatable(state, 5) != 0 {
            ffi::lua_rawseti(state, 3, i);
        }
        let mut keys: Vec<(&[u8], ffi::lua_Integer)> = Vec::with_capacity(64);
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 5) != 0 {
            keys.push(match ffi::lua_type(state, 6) {
                ffi::LUA_TSTRING => {
                    let mut len = 0;
                    let text = ffi::lua_tolstring(state, 6, &raw mut len);
                    (std::slice::from_raw_parts(text.cast(), len), 0)
                }
                _ => (&[], ffi::lua_tointeger(state, 6)),
            });
            ffi::lua_settop(state, 6);
        }
        keys.sort_unstable();
        ffi::lua_createtable(state, 0, keys.len() as c_int);
        for (text, index) in &keys {
            match text {
                [] => ffi::lua_pushinteger(state, *index),
                _ => drop(ffi::lua_pushlstring(
                    state,
                    text.as_ptr().cast(),
                    text.len(),
                )),
            }
            ffi::lua_pushvalue(state, -1);
            ffi::lua_rawget(state, 5);
            ffi::lua_pushvalue(state, -1);
            number(state, numbered);
            ffi::lua_rawset(state, 6);
        }
        ffi::lua_rawseti(state, 2, i);
        counts.push(keys.len() as i64);
    }
}

/// Whether the table below the top holds anything but the `count` pairs of the copy on top.
///
/// # Safety
/// Both are tables, and there are four free slots.
unsafe fn differs(state: State, count: i64) -> bool {
    // SAFETY: by contract; a pair and what is expected come and go above the two.
    unsafe {
        let copy = ffi::lua_gettop(state);
        let mut left = count;
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, copy - 1) != 0 {
            ffi::lua_pushvalue(state, copy + 1);
            ffi::lua_rawget(state, copy);
            if ffi::lua_rawequal(state, -1, -2) == 0 {
                ffi::lua_settop(state, copy);
                return true;
            }
            left -= 1;
            ffi::lua_settop(state, copy + 1);
        }
        left != 0
    }
}

/// Makes the table at 4 what its copy at 5 is.
///
/// # Safety
/// Both are tables, and they are the top of the stack.
unsafe fn repair(state: State) {
    // SAFETY: by contract. Taking a key out while walking is allowed; new ones come afterwards.
    unsafe {
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 4) != 0 {
            ffi::lua_settop(state, 6);
            ffi::lua_pushvalue(state, 6);
            if ffi::lua_rawget(state, 5) == ffi::LUA_TNIL {
                ffi::lua_pushvalue(state, 6);
                ffi::lua_pushnil(state);
                ffi::lua_rawset(state, 4);
            }
            ffi::lua_settop(state, 6);
        }
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 5) != 0 {
            ffi::lua_pushvalue(state, 6);
            ffi::lua_insert(state, 6);
            ffi::lua_rawset(state, 4);
        }
    }
}

/// Appends what is in the table at 4 but not in its copy at 5 to the flat list at 3.
///
/// # Safety
/// Both are tables and the top of the stack; at 3 is a table or nil.
unsafe fn collect(state: State, i: ffi::lua_Integer) {
    // SAFETY: by contract.
    unsafe {
        if ffi::lua_isnil(state, 3) != 0 {
            ffi::lua_createtable(state, 0, 0);
            ffi::lua_replace(state, 3);
        }
        ffi::lua_pushnil(state);
        while ffi::lua_next(state, 4) != 0 {
            ffi::lua_pushvalue(state, 6);
            ffi::lua_rawget(state, 5);
            if ffi::lua_rawequal(state, -1, -2) == 0 {
                let n = ffi::lua_rawlen(state, 3) as ffi::lua_Integer;
                ffi::lua_pushinteger(state, i);
                ffi::lua_rawseti(state, 3, n + 1);
                ffi::lua_pushvalue(state, 6);
                ffi::lua_rawseti(state, 3, n + 2);
                ffi::lua_pushvalue(state, 7);
                ffi::lua_rawseti(state, 3, n + 3);
            }
            ffi::lua_settop(state, 6);
        }
    }
}

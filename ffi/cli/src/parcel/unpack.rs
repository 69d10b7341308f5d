//! Unpacking: from a [`Parcel`] to fresh values in the receiver's state.
//!
//! Three passes, none of them recursive: make an empty shell for every node that is needed, give
//! the shells their metatables, fill them. Metatables are set while they are still empty, and so no
//! copy is ever marked for finalization: a `__gc` metamethod travels as a field, but does not run
//! for a copy. The original owns whatever it releases.

use mlua::{Function, Lua, MultiValue, Table, Value, chunk::ChunkMode};

use super::{Node, Parcel, Val};
use crate::rt;
use crate::state::{Builtins, STACK_TO_REENTER};

/// Makes fresh copies of all values in the parcel, after setting its presets.
///
/// # Errors
/// When the receiver is out of memory, or when what a `__clone` returned fails to make the copy.
pub(crate) fn unpack(lua: &Lua, builtins: &Builtins, parcel: &Parcel) -> mlua::Result<MultiValue> {
    let mut unpacker = Unpacker::new(lua, builtins, parcel);
    unpacker.presets()?;
    unpacker.values(&parcel.roots)
}

/// A fresh copy of the first value.
pub(crate) fn unpack_one(lua: &Lua, builtins: &Builtins, parcel: &Parcel) -> mlua::Result<Value> {
    let roots = &parcel.roots[..parcel.roots.len().min(1)];
    let values = Unpacker::new(lua, builtins, parcel).values(roots)?;
    Ok(values.into_iter().next().unwrap_or(Value::Nil))
}

/// A fresh copy of what the first value, a table without metatable, holds at `key`; `None` if it is
/// no such table.
pub(crate) fn unpack_entry(
    lua: &Lua,
    builtins: &Builtins,
    parcel: &Parcel,
    key: &Value,
) -> mlua::Result<Option<Value>> {
    let Some(Val::Node(root)) = parcel.roots.first() else {
        return Ok(None);
    };
    let Some(Node::Table {
        items,
        entries,
        meta: Val::Nil,
    }) = parcel.nodes.get(*root as usize)
    else {
        return Ok(None);
    };
    let found = match key {
        Value::Integer(i) => usize::try_from(*i)
            .ok()
            .and_then(|i| items.get(i.wrapping_sub(1)))
            .or_else(|| lookup(entries, |k| matches!(k, Val::Int(j) if j == i))),
        Value::String(s) => {
            let s = s.as_bytes();
            lookup(entries, |k| matches!(k, Val::Str(t) if **t == *s))
        }
        Value::Boolean(b) => lookup(entries, |k| matches!(k, Val::Bool(c) if c == b)),
        Value::Number(_) => return Ok(None),
        _ => None,
    };
    let Some(found) = found else {
        return Ok(Some(Value::Nil));
    };
    let values = Unpacker::new(lua, builtins, parcel).values(std::slice::from_ref(found))?;
    Ok(Some(values.into_iter().next().unwrap_or(Value::Nil)))
}

fn lookup(entries: &[(Val, Val)], is: impl Fn(&Val) -> bool) -> Option<&Val> {
    entries.iter().find(|(k, _)| is(k)).map(|(_, v)| v)
}

struct Unpacker<'a> {
    lua: &'a Lua,
    builtins: &'a Builtins,
    parcel: &'a Parcel,
    /// The object made for each node, at node + 1.
    made: Option<Table>,
    is_made: Vec<bool>,
    /// For each cell the function and upvalue that carry it, once one does.
    carriers: Vec<Option<(u32, usize)>>,
}

impl<'a> Unpacker<'a> {
    fn new(lua: &'a Lua, builtins: &'a Builtins, parcel: &'a Parcel) -> Self {
        Unpacker {
            lua,
            builtins,
            parcel,
            made: None,
            is_made: Vec::new(),
            carriers: Vec::new(),
        }
    }

    fn presets(&mut self) -> mlua::Result<()> {
        // Make all of them in one go, so that they share with each other and with the roots.
        let parcel = self.parcel;
        let mut new = Vec::new();
        for (_, key, value) in &parcel.presets {
            self.shell(key, &mut new)?;
            self.shell(value, &mut new)?;
        }
        for root in &parcel.roots {
            self.shell(root, &mut new)?;
        }
        self.complete(new)?;
        for (table, key, value) in &parcel.presets {
            if let Value::Table(table) = self.builtins.value_of(*table)? {
                table.raw_set(self.value(key)?, self.value(value)?)?;
            }
        }
        Ok(())
    }

    fn values(&mut self, roots: &[Val]) -> mlua::Result<MultiValue> {
        let mut new = Vec::new();
        for root in roots {
            self.shell(root, &mut new)?;
        }
        self.complete(new)?;
        roots.iter().map(|root| self.value(root)).collect()
    }

    /// Makes the empty shells of everything reachable from the new ones, then joins and fills them.
    fn complete(&mut self, mut new: Vec<u32>) -> mlua::Result<()> {
        let parcel = self.parcel;
        let mut at = 0;
        while let Some(&node) = new.get(at) {
            at += 1;
            match &parcel.nodes[node as usize] {
                Node::Table {
                    items,
                    entries,
                    meta,
                } => {
                    self.shell(meta, &mut new)?;
                    for (key, _) in entries {
                        self.shell(key, &mut new)?;
                    }
                    for value in items.iter().chain(entries.iter().map(|(_, v)| v)) {
                        self.shell(value, &mut new)?;
                    }
                }
                Node::Function { upvalues, .. } => {
                    for &cell in upvalues {
                        self.shell(&parcel.cells[cell as usize], &mut new)?;
                    }
                }
                Node::Rebuilt(_) => {}
            }
        }
        for &node in &new {
            if let Node::Table { meta, .. } = &parcel.nodes[node as usize]
                && let (Value::Table(table), Value::Table(meta)) =
                    (self.made(node)?, self.value(meta)?)
            {
                table.set_metatable(Some(meta))?;
            }
        }
        new.iter().try_for_each(|&node| self.fill(node))
    }

    /// Makes the empty object of a node that has none yet.
    fn shell(&mut self, value: &Val, new: &mut Vec<u32>) -> mlua::Result<()> {
        let Val::Node(node) = *value else {
            return Ok(());
        };
        if self.is_made.is_empty() {
            self.is_made = vec![false; self.parcel.nodes.len()];
            self.carriers = vec![None; self.parcel.cells.len()];
            self.made = Some(self.lua.create_table()?);
        }
        if std::mem::replace(&mut self.is_made[node as usize], true) {
            return Ok(());
        }
        let object = match &self.parcel.nodes[node as usize] {
            Node::Table { items, entries, .. } => Value::Table(
                self.lua
                    .create_table_with_capacity(items.len(), entries.len())?,
            ),
            Node::Function { code, .. } => Value::Function(
                self.lua
                    .load(&**code)
                    .set_mode(ChunkMode::Binary)
                    .into_function()?,
            ),
            Node::Rebuilt(parcel) => self.rebuild(parcel)?,
        };
        new.push(node);
        match &self.made {
            Some(made) => made.raw_set(i64::from(node) + 1, object),
            None => Ok(()),
        }
    }

    fn fill(&mut self, node: u32) -> mlua::Result<()> {
        let parcel = self.parcel;
        match (&parcel.nodes[node as usize], self.made(node)?) {
            (Node::Table { items, entries, .. }, Value::Table(table)) => {
                for (i, value) in items.iter().enumerate() {
                    table.raw_set(i + 1, self.value(value)?)?;
                }
                for (key, value) in entries {
                    let key = self.value(key)?;
                    // A rebuilt userdata may have become nil, which cannot be a key.
                    if !key.is_nil() {
                        table.raw_set(key, self.value(value)?)?;
                    }
                }
            }
            (Node::Function { upvalues, .. }, Value::Function(function)) => {
                for (i, &cell) in upvalues.iter().enumerate() {
                    self.upvalue(node, &function, i + 1, cell)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn upvalue(&mut self, node: u32, f: &Function, i: usize, cell: u32) -> mlua::Result<()> {
        match self.carriers[cell as usize] {
            Some((other, j)) => match self.made(other)? {
                Value::Function(other) => self.builtins.join_upvalue(f, i, &other, j),
                _ => Ok(()),
            },
            None => {
                self.carriers[cell as usize] = Some((node, i));
                self.builtins
                    .set_upvalue(f, i, self.value(&self.parcel.cells[cell as usize])?)
            }
        }
    }

    fn rebuild(&self, parcel: &Parcel) -> mlua::Result<Value> {
        if !rt::has_stack(STACK_TO_REENTER) {
            return Err(mlua::Error::runtime("stack overflow while making a copy"));
        }
        let mut values = unpack(self.lua, self.builtins, parcel)?;
        match values.pop_front() {
            Some(Value::Function(make)) => make.call(values),
            Some(value) => Ok(value),
            None => Ok(Value::Nil),
        }
    }

    fn made(&self, node: u32) -> mlua::Result<Value> {
        match &self.made {
            Some(made) => made.raw_get(i64::from(node) + 1),
            None => Ok(Value::Nil),
        }
    }

    fn value(&self, value: &Val) -> mlua::Result<Value> {
        Ok(match value {
            Val::Nil => Value::Nil,
            Val::Bool(b) => Value::Boolean(*b),
            Val::Int(i) => Value::Integer(*i),
            Val::Num(n) => Value::Number(*n),
            Val::Str(s) => Value::String(self.lua.create_string(s)?),
            Val::Address(p) => Value::LightUserData(mlua::LightUserData(*p as *mut _)),
            Val::Node(node) => self.made(*node)?,
            Val::Builtin(id) => self.builtins.value_of(*id)?,
            Val::Object(object) => {
                self.builtins.has_objects.set(true);
                Value::UserData(self.lua.create_userdata(object.clone())?)
            }
        })
    }
}

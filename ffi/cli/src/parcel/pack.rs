//! Packing: from Lua values to a [`Parcel`].
//!
//! Breadth first and without recursion, so that a list of a million links needs no stack. Objects
//! met for the first time get a node number and join a queue, which is a Lua table: it also keeps
//! them alive, so that an address in `seen` cannot come to mean another object while user code
//! (`__clone`) runs.
//!
//! Every node remembers how it was reached; when something cannot be copied, the error names that
//! path.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::bytecode;
use super::{Label, Node, Parcel, Val};
use crate::object::Object;
use crate::rt;
use crate::state::{Builtins, GLOBALS, STACK_TO_REENTER};

/// How deep `__clone` may return userdata that need `__clone` themselves.
const CLONE_DEPTH: u32 = 32;

/// Globals through which every other global can be reached: the table of them, and what loads code
/// that is not in the parcel.
const OPENERS: [&[u8]; 5] = [b"_G", b"load", b"loadfile", b"dofile", b"require"];

/// Copies `values` into a parcel.
///
/// # Errors
/// What cannot be copied, named by the path to it.
pub(crate) fn pack(
    lua: &Lua,
    builtins: &Builtins,
    values: &[Value],
    label: Label,
) -> Result<Parcel, String> {
    let mut packer = Packer::new(lua, builtins, label, 0);
    packer.roots(values)?;
    Ok(packer.parcel)
}

/// Copies a task's function and arguments, together with the globals they may use.
///
/// A global that the functions read by name is copied strictly. If they can reach globals in other
/// ways (`_G`, `load`, `require`), the others come along as well, except those that cannot be
/// copied. What the parent added to the standard library's tables is treated like the latter.
///
/// # Errors
/// What cannot be copied, named by the path to it.
pub(crate) fn pack_task(
    lua: &Lua,
    builtins: &Builtins,
    values: &[Value],
) -> Result<Parcel, String> {
    let mut packer = Packer::new(lua, builtins, Label::Task, 0);
    packer.uses = Some(Reach::default());
    packer.roots(values)?;
    packer.globals()?;
    Ok(packer.parcel)
}

/// Numbers by address. The usual hasher takes its keys from thread-local storage, which code that
/// may change threads must not hold on to: see Note [Moving Lua] in `state`.
type Addresses = HashMap<usize, u32, BuildHasherDefault<DefaultHasher>>;

/// How a node was reached from its parent.
#[derive(Clone, Copy)]
enum Via {
    Root(u32),
    /// A preset: index into [`Parcel::presets`], or the one being made.
    Preset,
    Item(usize),
    Entry(usize),
    Key,
    Meta,
    Upvalue(usize),
}

/// Which globals the functions packed so far may read.
#[derive(Default)]
struct Reach {
    names: Vec<Box<[u8]>>,
    whole: bool,
}

struct Packer<'a> {
    lua: &'a Lua,
    builtins: &'a Builtins,
    label: Label,
    depth: u32,
    parcel: Parcel,
    /// Object address to node.
    seen: Addresses,
    /// Upvalue identity to cell.
    cells: Addresses,
    /// The object of each node, at node + 1.
    queue: Option<Table>,
    trail: Vec<(u32, Via)>,
    /// The first node not yet filled in.
    next: usize,
    /// Userdata wait until everything else is packed, because their `__clone` may change it.
    foreign: Vec<u32>,
    uses: Option<Reach>,
    /// The name of the preset being packed.
    preset: String,
}

const NO_PARENT: u32 = u32::MAX;

impl<'a> Packer<'a> {
    fn new(lua: &'a Lua, builtins: &'a Builtins, label: Label, depth: u32) -> Self {
        Packer {
            lua,
            builtins,
            label,
            depth,
            parcel: Parcel::default(),
            seen: Addresses::default(),
            cells: Addresses::default(),
            queue: None,
            trail: Vec::new(),
            next: 0,
            foreign: Vec::new(),
            uses: None,
            preset: String::new(),
        }
    }

    fn roots(&mut self, values: &[Value]) -> Result<(), String> {
        for (i, value) in values.iter().enumerate() {
            let via = Via::Root(u32::try_from(i).unwrap_or(u32::MAX));
            let packed = self.value(value, NO_PARENT, via)?;
            self.parcel.roots.push(packed);
        }
        self.drain()
    }

    /// Packs one value; an object not seen before joins the queue.
    fn value(&mut self, value: &Value, parent: u32, via: Via) -> Result<Val, String> {
        Ok(match value {
            Value::Nil => Val::Nil,
            Value::Boolean(b) => Val::Bool(*b),
            Value::Integer(i) => Val::Int(*i),
            Value::Number(n) => Val::Num(*n),
            Value::String(s) => Val::Str(s.as_bytes().as_ref().into()),
            Value::LightUserData(p) => Val::Address(p.0 as usize),
            Value::Error(e) => Val::Str(e.to_string().into_bytes().into()),
            Value::Table(_) | Value::Function(_) | Value::UserData(_) => {
                return self.object(value, parent, via);
            }
            Value::Thread(_) => {
                return Err(self.refusal(parent, via, "a coroutine cannot be copied"));
            }
            _ => return Err(self.refusal(parent, via, "a value of this type cannot be copied")),
        })
    }

    fn object(&mut self, value: &Value, parent: u32, via: Via) -> Result<Val, String> {
        let address = value.to_pointer() as usize;
        if let Some(&node) = self.seen.get(&address) {
            return Ok(Val::Node(node));
        }
        if let Some(id) = self.builtins.id_of(value) {
            if id == GLOBALS
                && !matches!(via, Via::Upvalue(_))
                && let Some(uses) = &mut self.uses
            {
                uses.whole = true;
            }
            return Ok(Val::Builtin(id));
        }
        if let Value::UserData(data) = value
            && let Ok(object) = data.borrow::<Object>()
        {
            return Ok(Val::Object(object.clone()));
        }
        let Ok(node) = u32::try_from(self.parcel.nodes.len()) else {
            return Err(self.refusal(parent, via, "too many objects"));
        };
        if self.queue.is_none() {
            self.queue = Some(self.lua.create_table().map_err(|e| e.to_string())?);
        }
        if let Some(queue) = &self.queue {
            queue
                .raw_set(i64::from(node) + 1, value)
                .map_err(|e| e.to_string())?;
        }
        // Holds the place until `drain` comes to it.
        self.parcel.nodes.push(Node::Table {
            items: vec![],
            entries: vec![],
            meta: Val::Nil,
        });
        self.trail.push((parent, via));
        self.seen.insert(address, node);
        Ok(Val::Node(node))
    }

    /// Fills in every node in the queue, then every userdata.
    fn drain(&mut self) -> Result<(), String> {
        while self.next < self.parcel.nodes.len() {
            let node = self.next;
            self.next += 1;
            let number = u32::try_from(node).unwrap_or(u32::MAX);
            self.parcel.nodes[node] = match self.queued(number)? {
                Value::Table(t) => self.table(number, &t)?,
                Value::Function(f) => self.function(number, &f)?,
                _ => {
                    self.foreign.push(number);
                    continue;
                }
            };
        }
        for node in std::mem::take(&mut self.foreign) {
            let value = self.queued(node)?;
            self.parcel.nodes[node as usize] = self.userdata(node, &value)?;
        }
        Ok(())
    }

    fn queued(&self, node: u32) -> Result<Value, String> {
        match &self.queue {
            Some(queue) => queue
                .raw_get(i64::from(node) + 1)
                .map_err(|e| e.to_string()),
            None => Ok(Value::Nil),
        }
    }

    fn table(&mut self, node: u32, table: &Table) -> Result<Node, String> {
        let mut items = Vec::with_capacity(table.raw_len());
        let mut entries: Vec<(Val, Val)> = Vec::new();
        let mut refused = None;
        let walked = table.for_each(|key: Value, value: Value| {
            let mut pair = || -> Result<(), String> {
                let next = i64::try_from(items.len())
                    .unwrap_or(i64::MAX)
                    .wrapping_add(1);
                if matches!(key, Value::Integer(i) if i == next) {
                    let packed = self.value(&value, node, Via::Item(items.len()))?;
                    items.push(packed);
                    return Ok(());
                }
                let at = entries.len();
                let packed_key = self
                    .value(&key, node, Via::Key)
                    .map_err(|e| e.replace(UNNAMED, "[a key]"))?;
                let packed = self
                    .value(&value, node, Via::Entry(at))
                    .map_err(|e| e.replace(UNNAMED, &step(&packed_key)))?;
                entries.push((packed_key, packed));
                Ok(())
            };
            pair().map_err(|e| {
                refused = Some(e);
                mlua::Error::runtime("refused")
            })
        });
        if let Some(e) = refused {
            return Err(e);
        }
        walked.map_err(|e| e.to_string())?;
        let meta = match table.metatable() {
            Some(meta) => self.value(&Value::Table(meta), node, Via::Meta)?,
            None => Val::Nil,
        };
        Ok(Node::Table {
            items,
            entries,
            meta,
        })
    }

    fn function(&mut self, node: u32, function: &Function) -> Result<Node, String> {
        let (parent, via) = self.trail[node as usize];
        let code = function.dump(false);
        if code.is_empty() {
            return Err(self.refusal(parent, via, "a native function cannot be copied"));
        }
        let count = bytecode::upvalue_count(&code).map_or(255, usize::from);
        let mut upvalues = Vec::with_capacity(count);
        let mut is_globals = Vec::with_capacity(count);
        for i in 1..=count {
            let Some((identity, value)) = self.builtins.upvalue(function, i)? else {
                break;
            };
            let cell = match self.cells.get(&identity) {
                Some(&cell) => cell,
                None => {
                    let cell = u32::try_from(self.parcel.cells.len()).unwrap_or(u32::MAX);
                    self.cells.insert(identity, cell);
                    self.parcel.cells.push(Val::Nil);
                    let packed = self.value(&value, node, Via::Upvalue(i))?;
                    self.parcel.cells[cell as usize] = packed;
                    cell
                }
            };
            is_globals.push(
                matches!(self.parcel.cells[cell as usize], Val::Builtin(id) if id == GLOBALS),
            );
            upvalues.push(cell);
        }
        if let Some(reach) = &mut self.uses {
            match bytecode::uses(&code, &is_globals) {
                Some(uses) => {
                    reach.whole |= uses.whole;
                    reach.whole |= uses.names.iter().any(|n| OPENERS.contains(&&n[..]));
                    reach.names.extend(uses.names);
                }
                None => reach.whole = true,
            }
        }
        Ok(Node::Function {
            code: code.into(),
            upvalues,
        })
    }

    /// A userdata that is not ours travels as what its `__clone` returns.
    fn userdata(&mut self, node: u32, value: &Value) -> Result<Node, String> {
        let (parent, via) = self.trail[node as usize];
        let clone = self.builtins.metafield(value, "__clone")?;
        let Value::Function(clone) = clone else {
            let why = format!(
                "{} without __clone cannot be copied",
                self.builtins.kind(value)
            );
            return Err(self.refusal(parent, via, &why));
        };
        if self.depth == CLONE_DEPTH || !rt::has_stack(STACK_TO_REENTER) {
            return Err(self.refusal(parent, via, "__clone nests too deeply"));
        }
        let results = clone
            .call::<MultiValue>(value)
            .map_err(|e| self.refusal(parent, via, &format!("__clone failed: {e}")))?;
        let mut inner = Packer::new(self.lua, self.builtins, Label::Clone, self.depth + 1);
        inner
            .roots(&results.into_vec())
            .map_err(|e| self.refusal(parent, via, &e))?;
        Ok(Node::Rebuilt(Box::new(inner.parcel)))
    }

    /// Packs the globals that the functions in the parcel may use, until no new function turns up.
    fn globals(&mut self) -> Result<(), String> {
        let mut done = 0;
        while let Some(name) = self.uses.as_ref().and_then(|u| u.names.get(done).cloned()) {
            done += 1;
            if self
                .uses
                .as_ref()
                .is_some_and(|u| u.names[..done - 1].contains(&name))
            {
                continue;
            }
            let value = self.builtins.global(&name)?;
            let key = Val::Str(name.clone());
            if !self.builtins.is_standard(&name, &value)? {
                self.preset(GLOBALS, key, &value)?;
            }
        }
        let whole = self.uses.take().is_some_and(|u| u.whole);
        for (table, key, value) in self.builtins.changes(self.lua)? {
            if table == GLOBALS && !whole {
                continue;
            }
            let key = match key {
                Value::String(s) => Val::Str(s.as_bytes().as_ref().into()),
                Value::Integer(i) => Val::Int(i),
                _ => continue,
            };
            self.try_preset(table, key, &value);
        }
        Ok(())
    }

    fn preset(&mut self, table: u32, key: Val, value: &Value) -> Result<(), String> {
        if let Val::Str(name) = &key {
            self.preset = format!("global '{}'", String::from_utf8_lossy(name));
        }
        let packed = self.value(value, NO_PARENT, Via::Preset)?;
        self.parcel.presets.push((table, key, packed));
        self.drain()
    }

    /// Like [`Self::preset`], but takes everything back if part of it cannot be copied.
    fn try_preset(&mut self, table: u32, key: Val, value: &Value) {
        if let Val::Str(name) = &key
            && self
                .parcel
                .presets
                .iter()
                .any(|(t, k, _)| matches!(k, Val::Str(other) if *t == table && other == name))
        {
            return;
        }
        let nodes = self.parcel.nodes.len();
        let cells = self.parcel.cells.len();
        let presets = self.parcel.presets.len();
        if self.preset(table, key, value).is_err() {
            self.parcel.nodes.truncate(nodes);
            self.parcel.cells.truncate(cells);
            self.parcel.presets.truncate(presets);
            self.trail.truncate(nodes);
            self.foreign.clear();
            self.next = nodes;
            self.seen.retain(|_, node| (*node as usize) < nodes);
            self.cells.retain(|_, cell| (*cell as usize) < cells);
        }
    }

    fn refusal(&self, parent: u32, via: Via, why: &str) -> String {
        format!("{}: {why}", self.path(parent, via))
    }

    /// The way from a root to what `via` names in `parent`.
    fn path(&self, mut parent: u32, mut via: Via) -> String {
        let mut steps = Vec::new();
        loop {
            steps.push(match via {
                Via::Root(i) => self.label.name(i as usize),
                Via::Preset => self.preset.clone(),
                Via::Item(i) => format!("[{}]", i + 1),
                Via::Entry(i) => match &self.parcel.nodes[parent as usize] {
                    Node::Table { entries, .. } if i < entries.len() => step(&entries[i].0),
                    _ => UNNAMED.to_owned(),
                },
                Via::Key => "[a key]".to_owned(),
                Via::Meta => " metatable".to_owned(),
                Via::Upvalue(i) => {
                    let name = match self.queued(parent) {
                        Ok(Value::Function(f)) => self.builtins.upvalue_name(&f, i),
                        _ => None,
                    };
                    format!(" upvalue '{}'", name.unwrap_or_else(|| "?".to_owned()))
                }
            });
            if parent == NO_PARENT {
                break;
            }
            (parent, via) = self.trail[parent as usize];
        }
        steps.reverse();
        steps.concat()
    }
}

/// Stands for the key of the entry being packed, which [`Packer::table`] fills in: its node is not
/// complete yet.
const UNNAMED: &str = "\u{1}key\u{1}";

/// A table key as it would be written after the table's name.
fn step(key: &Val) -> String {
    match key {
        Val::Str(s) => match std::str::from_utf8(s) {
            Ok(s) if is_name(s) => format!(".{s}"),
            Ok(s) => format!("[{s:?}]"),
            Err(_) => "[a string]".to_owned(),
        },
        Val::Int(i) => format!("[{i}]"),
        Val::Num(n) => format!("[{n}]"),
        Val::Bool(b) => format!("[{b}]"),
        _ => "[an object]".to_owned(),
    }
}

fn is_name(s: &str) -> bool {
    let mut bytes = s.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

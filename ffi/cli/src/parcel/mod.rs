//! Values on their way from one Lua state to another: a deep copy that belongs to no state.
//!
//! ```text
//!   sender's state ──pack──► Parcel (plain data, Send) ──unpack──► receiver's state
//! ```
//!
//! One parcel holds one graph: two references to the same table are packed as one node and arrive
//! as one table, cycles included; closures that share an upvalue still share it. A parcel can be
//! unpacked any number of times, and every time makes fresh copies.
//!
//! What has the same name everywhere (the standard library, the `vitte` module, their metatables,
//! the globals table) is not copied but named, by its number in [`crate::state::Builtins`]; the
//! receiver uses its own.

mod bytecode;
mod pack;
#[cfg(test)]
mod tests;
mod unpack;

use crate::object::Object;

pub(crate) use pack::{pack, pack_task};
pub(crate) use unpack::{unpack, unpack_entry, unpack_one};

/// One packed value: a scalar, or a reference into the parcel's nodes.
#[derive(Debug, Clone)]
pub(crate) enum Val {
    Nil,
    Bool(bool),
    Int(i64),
    Num(f64),
    Str(Box<[u8]>),
    /// A light userdata: an address, copied as the number it is and never followed.
    Address(usize),
    /// Index into [`Parcel::nodes`].
    Node(u32),
    /// Number in [`crate::state::Builtins`].
    Builtin(u32),
    /// A task, channel, buffer or mutex: these cross by reference.
    Object(Object),
}

/// One packed object with an identity of its own.
#[derive(Debug)]
pub(crate) enum Node {
    Table {
        /// The values of keys 1, 2, 3, ...
        items: Vec<Val>,
        /// Every other pair.
        entries: Vec<(Val, Val)>,
        meta: Val,
    },
    Function {
        /// What `string.dump` gives, debug information included.
        code: Box<[u8]>,
        /// For each upvalue its index in [`Parcel::cells`].
        upvalues: Vec<u32>,
    },
    /// A userdata: what its `__clone` returned, from which the receiver makes the copy.
    Rebuilt(Box<Parcel>),
}

/// A deep copy of some values.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    roots: Vec<Val>,
    nodes: Vec<Node>,
    /// The values of upvalues. A cell named by two closures is shared by them on arrival.
    cells: Vec<Val>,
    /// (table, key, value): what to set in the receiver's standard tables first. Only a task's
    /// start has any.
    presets: Vec<(u32, Val, Val)>,
}

impl Parcel {
    /// Whether the first value is nil, or there is none.
    pub(crate) fn is_nil(&self) -> bool {
        matches!(self.roots.first(), None | Some(Val::Nil))
    }
}

/// What the roots of a transfer are called in an error message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Label {
    /// `result #n`.
    Result,
    /// `the value`: there is only one.
    Value,
    /// `value #n`.
    Values,
    /// The task's function, then `argument #n` counted as `async` counts them.
    Task,
    /// What a `__clone` metamethod returned.
    Clone,
    /// What was given to `error`.
    Thrown,
}

impl Label {
    fn name(self, index: usize) -> String {
        let n = index + 1;
        match self {
            Label::Task if index == 0 => "the function".to_owned(),
            Label::Task => format!("argument #{n}"),
            Label::Result => format!("result #{n}"),
            Label::Value => "the value".to_owned(),
            Label::Values => format!("value #{n}"),
            Label::Clone => format!("__clone result #{n}"),
            Label::Thrown => "the error value".to_owned(),
        }
    }
}

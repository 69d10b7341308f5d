//! What every state has under the same name, and the few private functions by which values are
//! taken apart.

use std::cell::Cell;

use mlua::{Function, LightUserData, Lua, Table, Value};

use super::snapshot::Snapshot;
use crate::module::Kind;

/// The number of the globals table: it is the first of the tables that the prelude lists.
pub(crate) const GLOBALS: u32 = 1;

/// One state's standard values. Numbers mean the same in every state of the process.
#[derive(Debug)]
pub(crate) struct Builtins {
    snapshot: Snapshot,
    /// How many of the tables are the standard library: what scripts add to these is carried along
    /// to their tasks.
    carried: usize,
    /// The metatable of each [`Kind`].
    metas: Vec<Table>,
    globals: Table,
    standard: Table,
    getmetatable: Function,
    getupvalue: Function,
    setupvalue: Function,
    upvalueid: Function,
    upvaluejoin: Function,
    /// The task has been given or has made an object that it shares with others: see
    /// `State::reset`.
    pub(crate) has_objects: Cell<bool>,
}

impl Builtins {
    /// Reads the table that the prelude returns, and takes a snapshot of the tables it lists.
    pub(super) fn new(lua: &Lua, internals: &Table, metas: Vec<Table>) -> mlua::Result<Builtins> {
        let snapshot = Snapshot::take(lua, internals.raw_get("tables")?)?;
        Ok(Builtins {
            carried: internals.raw_get("carried")?,
            metas,
            globals: lua.globals(),
            standard: snapshot.first()?,
            snapshot,
            getmetatable: internals.raw_get("getmetatable")?,
            getupvalue: internals.raw_get("getupvalue")?,
            setupvalue: internals.raw_get("setupvalue")?,
            upvalueid: internals.raw_get("upvalueid")?,
            upvaluejoin: internals.raw_get("upvaluejoin")?,
            has_objects: Cell::new(false),
        })
    }

    /// The number of a standard table, function or userdata.
    pub(crate) fn id_of(&self, value: &Value) -> Option<u32> {
        self.snapshot.id_of(value.to_pointer() as usize)
    }

    pub(crate) fn value_of(&self, id: u32) -> mlua::Result<Value> {
        self.snapshot.value_of(id)
    }

    pub(crate) fn meta(&self, kind: Kind) -> &Table {
        &self.metas[kind as usize]
    }

    /// Puts the standard tables back as they were.
    pub(super) fn restore(&self, lua: &Lua) -> mlua::Result<()> {
        self.snapshot.restore(lua)
    }

    /// The global of that name, without metamethods.
    pub(crate) fn global(&self, name: &[u8]) -> Result<Value, String> {
        let name = mlua::BString::from(name);
        self.globals.raw_get(name).map_err(|e| e.to_string())
    }

    /// Whether a global is what it was before any script ran.
    pub(crate) fn is_standard(&self, name: &[u8], value: &Value) -> Result<bool, String> {
        let name = mlua::BString::from(name);
        let standard: Value = self.standard.raw_get(name).map_err(|e| e.to_string())?;
        Ok(standard == *value)
    }

    /// Everything added to or replaced in the standard tables: (table, key, value).
    pub(crate) fn changes(&self, lua: &Lua) -> Result<Vec<(u32, Value, Value)>, String> {
        self.snapshot
            .changes(lua, self.carried)
            .map_err(|e| e.to_string())
    }

    /// Identity and value of the `i`th upvalue, counted from one.
    pub(crate) fn upvalue(
        &self,
        function: &Function,
        i: usize,
    ) -> Result<Option<(usize, Value)>, String> {
        let (name, value): (Value, Value) = self
            .getupvalue
            .call((function, i))
            .map_err(|e| e.to_string())?;
        if name.is_nil() {
            return Ok(None);
        }
        let id: LightUserData = self
            .upvalueid
            .call((function, i))
            .map_err(|e| e.to_string())?;
        Ok(Some((id.0 as usize, value)))
    }

    pub(crate) fn upvalue_name(&self, function: &Function, i: usize) -> Option<String> {
        self.getupvalue.call((function, i)).ok()
    }

    pub(crate) fn set_upvalue(&self, f: &Function, i: usize, value: Value) -> mlua::Result<()> {
        self.setupvalue.call((f, i, value))
    }

    /// Makes upvalue `i` of `f` the same variable as upvalue `j` of `g`.
    pub(crate) fn join_upvalue(
        &self,
        f: &Function,
        i: usize,
        g: &Function,
        j: usize,
    ) -> mlua::Result<()> {
        self.upvaluejoin.call((f, i, g, j))
    }

    /// A field of a value's metatable, without metamethods.
    pub(crate) fn metafield(&self, value: &Value, name: &str) -> Result<Value, String> {
        let meta: Option<Table> = self.getmetatable.call(value).map_err(|e| e.to_string())?;
        meta.map_or(Ok(Value::Nil), |m| m.raw_get(name))
            .map_err(|e| e.to_string())
    }

    /// What a userdata calls itself, with an article: "a file", "a userdata".
    pub(crate) fn kind(&self, value: &Value) -> String {
        match self.metafield(value, "__name") {
            Ok(Value::String(s)) if *s.as_bytes() == *b"FILE*" => "a file".to_owned(),
            Ok(Value::String(s)) => format!("a userdata of type {}", s.to_string_lossy()),
            _ => "a userdata".to_owned(),
        }
    }
}

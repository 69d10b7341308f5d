//! What every state has under the same name, and the few private functions by which values are
//! taken apart.

use std::cell::Cell;

use mlua::{Function, LightUserData, Table, Value};

/// The number of the globals table: the prelude names it first.
pub(crate) const GLOBALS: u32 = 1;

/// One state's standard values. Numbers mean the same in every state of the process.
#[derive(Debug)]
pub(crate) struct Builtins {
    list: Table,
    ids: Table,
    standard: Table,
    globals: Table,
    changes: Function,
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
    /// Reads the table that the prelude returns.
    pub(super) fn new(internals: &Table) -> mlua::Result<Builtins> {
        let list: Table = internals.raw_get("list")?;
        Ok(Builtins {
            globals: list.raw_get(GLOBALS)?,
            list,
            ids: internals.raw_get("ids")?,
            standard: internals.raw_get("standard")?,
            changes: internals.raw_get("changes")?,
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
        self.ids.raw_get(value).ok()?
    }

    pub(crate) fn value_of(&self, id: u32) -> mlua::Result<Value> {
        self.list.raw_get(id)
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
    pub(crate) fn changes(&self) -> Result<Vec<(u32, Value, Value)>, String> {
        let found: Option<Table> = self.changes.call(()).map_err(|e| e.to_string())?;
        let Some(found) = found else {
            return Ok(Vec::new());
        };
        let read = |i: usize| -> mlua::Result<(u32, Value, Value)> {
            Ok((
                found.raw_get(i)?,
                found.raw_get(i + 1)?,
                found.raw_get(i + 2)?,
            ))
        };
        (1..=found.raw_len())
            .step_by(3)
            .map(|i| read(i).map_err(|e| e.to_string()))
            .collect()
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

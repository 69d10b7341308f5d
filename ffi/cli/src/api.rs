//! The host's functions as Lua sees them: how arguments are read and how results and failures go
//! back.
//!
//! Every function returns `true` and its results, or `false` and a message that `module.lua` raises
//! at the caller's line. A task's end is raised by the instruction hook, because nothing may catch
//! it.

use std::sync::Arc;

use mlua::{Lua, Value};

use crate::host::Host;
use crate::module::{self, Kind, OBJECT};
use crate::object::Object;
use crate::parcel::{self, Label, Parcel};
use crate::rt::{self, Fault};
use crate::state::{Ending, Local};
use crate::task::Task;

/// Why a host function does not return normally.
#[derive(Debug)]
pub(crate) enum Fail {
    /// Raised at the caller's line.
    Message(String),
    /// The task ends here.
    Ending(Ending),
}

impl From<mlua::Error> for Fail {
    fn from(e: mlua::Error) -> Self {
        Fail::Message(e.to_string())
    }
}

impl From<String> for Fail {
    fn from(message: String) -> Self {
        Fail::Message(message)
    }
}

impl From<&str> for Fail {
    fn from(message: &str) -> Self {
        Fail::Message(message.to_owned())
    }
}

impl From<Fault> for Fail {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Canceled => Fail::Ending(Ending::Killed),
            other => Fail::Message(other.to_string()),
        }
    }
}

pub(crate) type Reply = Result<Vec<Value>, Fail>;

/// A function of the host.
pub(crate) type Native = fn(&Call<'_>) -> Reply;

/// One call from Lua.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) lua: &'a Lua,
    pub(crate) local: &'a Local,
    pub(crate) args: Vec<Value>,
}

/// The object behind a value, if that is a handle.
pub(crate) fn object_of(value: &Value) -> Option<Object> {
    let Value::Table(handle) = value else {
        return None;
    };
    let data: mlua::AnyUserData = handle.raw_get(OBJECT).ok()?;
    Some(data.borrow::<Object>().ok()?.clone())
}

/// The longest time a number of seconds may stand for; beyond it a wait has no end.
const LONGEST_NS: f64 = 1e18;

impl Call<'_> {
    /// The `i`th argument, counted from zero; nil if there is none.
    pub(crate) fn arg(&self, i: usize) -> Value {
        self.args.get(i).cloned().unwrap_or(Value::Nil)
    }

    pub(crate) fn current(&self) -> Result<(Arc<Host>, Arc<Task>), Fail> {
        self.local
            .current()
            .ok_or_else(|| "no task is running here".into())
    }

    /// The object behind the `i`th argument, if that is a handle.
    pub(crate) fn object(&self, i: usize) -> Option<Object> {
        object_of(self.args.get(i)?)
    }

    /// The complaint that the first argument is not what a method needs.
    pub(crate) fn expected(&self, what: &str) -> Fail {
        Fail::Message(match (self.object(0), self.args.first()) {
            (Some(other), _) => format!("{what} expected, got {}", other.kind()),
            (None, value) => {
                let got = value.map_or("nothing", Value::type_name);
                format!("{what} expected, got {got} (call methods with ':')")
            }
        })
    }

    /// The deadline that a timeout in milliseconds means: none for nil, no waiting at all for 0.
    pub(crate) fn deadline(&self, i: usize) -> Result<i64, Fail> {
        self.deadline_of(&self.arg(i))
    }

    /// As [`Self::deadline`], of any value.
    pub(crate) fn deadline_of(&self, timeout: &Value) -> Result<i64, Fail> {
        let ms = match timeout {
            Value::Nil => return Ok(rt::FOREVER),
            Value::Integer(i) => *i as f64,
            Value::Number(n) => *n,
            other => {
                return Err(format!(
                    "a timeout in milliseconds expected, got {}",
                    other.type_name()
                )
                .into());
            }
        };
        self.after(ms * 1e6, "a timeout")
    }

    /// The deadline `ns` nanoseconds from now.
    pub(crate) fn after(&self, ns: f64, what: &str) -> Result<i64, Fail> {
        if ns.is_nan() || ns < 0.0 {
            return Err(format!("{what} cannot be negative").into());
        }
        if ns == 0.0 {
            return Ok(rt::TRY);
        }
        if ns >= LONGEST_NS {
            return Ok(rt::FOREVER);
        }
        Ok(rt::now().saturating_add(ns.ceil() as i64))
    }

    /// A deep copy of the arguments from the `i`th on.
    pub(crate) fn pack(&self, i: usize, label: Label) -> Result<Parcel, Fail> {
        let values = self.args.get(i..).unwrap_or_default();
        parcel::pack(self.lua, &self.local.builtins(), values, label).map_err(|e| self.refuse(e))
    }

    /// A deep copy of the `i`th argument, nil if there is none.
    pub(crate) fn pack_one(&self, i: usize) -> Result<Parcel, Fail> {
        self.pack_value(self.arg(i))
    }

    /// A deep copy of any value.
    pub(crate) fn pack_value(&self, value: Value) -> Result<Parcel, Fail> {
        let builtins = self.local.builtins();
        parcel::pack(self.lua, &builtins, &[value], Label::Value).map_err(|e| self.refuse(e))
    }

    /// A deep copy of a task's function, which is the `i`th argument, and its arguments.
    pub(crate) fn pack_task(&self, i: usize) -> Result<Parcel, Fail> {
        self.pack_task_of(self.args.get(i..).unwrap_or_default())
    }

    /// A deep copy of a task's function, which is the first of these, and its arguments.
    pub(crate) fn pack_task_of(&self, values: &[Value]) -> Result<Parcel, Fail> {
        parcel::pack_task(self.lua, &self.local.builtins(), values).map_err(|e| self.refuse(e))
    }

    /// Fresh copies of what a parcel holds.
    pub(crate) fn unpack(&self, parcel: &Parcel) -> Reply {
        match parcel::unpack(self.lua, &self.local.builtins(), parcel) {
            Ok(values) => Ok(values.into_vec()),
            Err(e) => Err(self.refuse(e.to_string())),
        }
    }

    pub(crate) fn string(&self, s: impl AsRef<[u8]>) -> Result<Value, Fail> {
        Ok(Value::String(self.lua.create_string(s)?))
    }

    /// A handle of a new object.
    pub(crate) fn wrap(&self, object: Object, kind: Kind) -> Reply {
        let builtins = self.local.builtins();
        builtins.has_objects.set(true);
        Ok(vec![Value::Table(module::handle(
            self.lua,
            object,
            builtins.meta(kind),
        )?)])
    }

    /// nil and a reason, for what may well happen: a timeout, a closed channel.
    pub(crate) fn nothing(&self, reason: &str) -> Reply {
        Ok(vec![Value::Nil, self.string(reason)?])
    }

    /// A failure of user code that ran inside the call: if the task was ended there, it goes on
    /// ending.
    fn refuse(&self, message: String) -> Fail {
        match self.local.ending() {
            Ending::No => Fail::Message(message),
            why => Fail::Ending(why),
        }
    }
}

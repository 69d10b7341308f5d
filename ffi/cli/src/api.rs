//! The host's functions as Lua sees them: how arguments are read and how results and failures go
//! back.
//!
//! Every function returns `true` and its results, or `false` and a message that `module.lua` raises
//! at the caller's line. A task's end is raised by the instruction hook, because nothing may catch
//! it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use mlua::{Lua, MultiValue, Table, Value};

use crate::host::Host;
use crate::object::Object;
use crate::parcel::{self, Label, Parcel};
use crate::rt::{self, Fault};
use crate::state::{Ending, Local};
use crate::task::Task;
use crate::{buffer, channel, lock, task};

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

    pub(crate) fn object(&self, i: usize) -> Result<Object, Fail> {
        match self.args.get(i) {
            Some(Value::UserData(data)) => Ok(data.borrow::<Object>()?.clone()),
            _ => Err("a vitte object expected".into()),
        }
    }

    /// The deadline that a timeout in milliseconds means: none for nil, no waiting at all for 0.
    pub(crate) fn deadline(&self, i: usize) -> Result<i64, Fail> {
        let ms = match self.args.get(i) {
            None | Some(Value::Nil) => return Ok(rt::FOREVER),
            Some(Value::Integer(i)) => *i as f64,
            Some(Value::Number(n)) => *n,
            Some(other) => {
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

    pub(crate) fn pack_task(&self) -> Result<Parcel, Fail> {
        parcel::pack_task(self.lua, &self.local.builtins(), &self.args).map_err(|e| self.refuse(e))
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

    pub(crate) fn wrap(&self, object: Object) -> Reply {
        self.local.builtins().has_objects.set(true);
        Ok(vec![Value::UserData(self.lua.create_userdata(object)?)])
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

/// Puts every function of the host into `native`.
pub(crate) fn install(lua: &Lua, native: &Table, local: &Rc<Local>) -> mlua::Result<()> {
    let groups = [
        NATIVES,
        task::NATIVES,
        channel::NATIVES,
        buffer::NATIVES,
        lock::NATIVES,
    ];
    for &(name, function) in groups.into_iter().flatten() {
        let local = Rc::clone(local);
        let entry = lua.create_function(move |lua, args: MultiValue| {
            let call = Call {
                lua,
                local: &local,
                args: args.into_vec(),
            };
            match function(&call) {
                Ok(mut results) => {
                    results.insert(0, Value::Boolean(true));
                    Ok(MultiValue::from_vec(results))
                }
                Err(Fail::Message(message)) => {
                    let message = Value::String(lua.create_string(message)?);
                    Ok(MultiValue::from_vec(vec![Value::Boolean(false), message]))
                }
                Err(Fail::Ending(why)) => {
                    // The hook is set to raise the error at the next instruction, which is cheaper
                    // than raising one here.
                    local.end(lua, why);
                    Ok(MultiValue::new())
                }
            }
        })?;
        native.raw_set(name, entry)?;
    }
    // These answer directly: they are used where an error has no place to go.
    native.raw_set(
        "same",
        lua.create_function(|_, (a, b): (mlua::AnyUserData, mlua::AnyUserData)| {
            Ok(a.borrow::<Object>()?.same(&*b.borrow::<Object>()?))
        })?,
    )?;
    native.raw_set(
        "sized",
        lua.create_function(|lua, (items, entries)| {
            lua.create_table_with_capacity(items, entries)
        })?,
    )?;
    native.raw_set("entropy", lua.create_function(|_, ()| Ok(entropy()))?)?;
    native.raw_set(
        "number",
        lua.create_function(|_, a: mlua::AnyUserData| {
            Ok(a.borrow::<Object>()?.number().to_string())
        })?,
    )
}

const NATIVES: &[(&str, Native)] = &[
    ("sleep", |call| sleep(call, 1e9)),
    ("usleep", |call| sleep(call, 1e3)),
    ("yield", |_| {
        rt::yield_now()?;
        Ok(vec![])
    }),
    ("now", |_| Ok(vec![Value::Number(rt::now() as f64 / 1e9)])),
    ("workers", |call| {
        let (host, _) = call.current()?;
        Ok(vec![Value::Integer(i64::from(host.runtime().workers()))])
    }),
    ("exit", |call| {
        let (host, _) = call.current()?;
        let code = match call.arg(0) {
            Value::Nil | Value::Boolean(true) => 0,
            Value::Boolean(false) => 1,
            Value::Integer(i) => (i & 0xff) as u8,
            Value::Number(n) => n as i64 as u8,
            other => return Err(format!("an exit code expected, got {}", other.type_name()).into()),
        };
        host.exit(code);
        // The process is about to end. Until it does, this task does nothing more.
        rt::sleep_until(rt::FOREVER)?;
        Ok(vec![])
    }),
];

/// A number that is hard to foresee, to seed `math.random` with.
fn entropy() -> i64 {
    RandomState::new().build_hasher().finish().cast_signed()
}

fn sleep(call: &Call<'_>, unit_ns: f64) -> Reply {
    let time = match call.arg(0) {
        Value::Integer(i) => i as f64,
        Value::Number(n) => n,
        other => return Err(format!("a number expected, got {}", other.type_name()).into()),
    };
    match call.after(time * unit_ns, "a time to sleep")? {
        rt::TRY => rt::yield_now()?,
        deadline => rt::sleep_until(deadline)?,
    }
    Ok(vec![])
}

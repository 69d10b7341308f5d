//! What a task's fiber does: take a state, run the function, publish how it ended, give the state
//! back.

use std::sync::Arc;

use mlua::{Lua, Value};

use super::{Failure, Outcome, Task};
use crate::host::{Event, Host};
use crate::lock::Lock;
use crate::object::Object;
use crate::parcel::{self, Label, Parcel};
use crate::rt::{self, Fault, Group, Priority};
use crate::state::{Ending, Finish, State};
use crate::together::Member;

/// Starts a task that runs the packed function with the packed arguments.
///
/// # Errors
/// When the runtime cannot start another fiber.
pub(crate) fn start(
    host: &Arc<Host>,
    priority: Priority,
    parcel: Parcel,
) -> Result<Arc<Task>, Fault> {
    start_in(host, priority, parcel, None)
}

/// As [`start`], for a task that may be a member of a group.
///
/// # Errors
/// As [`start`].
pub(crate) fn start_in(
    host: &Arc<Host>,
    priority: Priority,
    parcel: Parcel,
    belongs: Option<(&Group, Member)>,
) -> Result<Arc<Task>, Fault> {
    let (group, member) = belongs.unzip();
    let task = Arc::new(Task::new(host, priority, member)?);
    let (host_in, task_in) = (Arc::clone(host), Arc::clone(&task));
    let body = Box::new(move || body(&host_in, &task_in, parcel));
    let _ = task.spawned.set(host.spawn(priority, group, body)?);
    Ok(task)
}

fn body(host: &Arc<Host>, task: &Arc<Task>, parcel: Parcel) {
    if task.run_as(rt::current()) {
        task.finish(Outcome::Killed);
        return;
    }
    let state = match host.pool().take() {
        Ok(state) => state,
        Err(e) => {
            task.finish(failed(e.to_string()));
            return;
        }
    };
    state.begin(Arc::clone(host), Arc::clone(task));
    let finish = enter(&state, task, parcel);
    conclude(&state, task, finish);
    host.pool().put(state);
}

/// Unpacks the function and its arguments, and calls it as `fn(res, ...)`.
fn enter(state: &State, task: &Arc<Task>, parcel: Parcel) -> mlua::Result<Finish> {
    let mut values = parcel::unpack(state.lua(), &state.builtins(), &parcel)?;
    drop(parcel);
    let function = values.pop_front().unwrap_or(Value::Nil);
    let mut args = values.into_vec();
    args.insert(0, state.task_argument(Object::Task(Arc::clone(task)))?);
    state.run(function, args)
}

/// Publishes the outcome of a task whose Lua code has come to its end.
fn conclude(state: &State, task: &Task, finish: mlua::Result<Finish>) -> Outcome {
    let outcome = match finish {
        Ok(finish) => outcome(state, finish),
        Err(e) => failed(e.to_string()),
    };
    // Locks first: who awaits this task may then take them.
    Lock::release_all(state.local());
    task.finish(outcome.clone());
    outcome
}

fn outcome(state: &State, finish: Finish) -> Outcome {
    let pack =
        |values: &[Value], label| parcel::pack(state.lua(), &state.builtins(), values, label);
    let outcome = match finish {
        // `res` has published the values already, and this is not used.
        _ if state.local().ending() == Ending::Completed => Outcome::Done(Arc::default()),
        _ if state.local().ending() == Ending::Killed => Outcome::Killed,
        Finish::Returned(values) => match pack(&values, Label::Result) {
            Ok(parcel) => Outcome::Done(Arc::new(parcel)),
            Err(message) => failed(message),
        },
        Finish::Raised(value, traceback) => {
            let message = text(state.lua(), &value);
            let value = match value {
                Value::String(_) => None,
                other => pack(&[other], Label::Thrown).ok(),
            };
            Outcome::Failed(Arc::new(Failure {
                message,
                traceback,
                value,
            }))
        }
    };
    // Packing may have run the task's own code.
    if state.local().ending() == Ending::Killed {
        Outcome::Killed
    } else {
        outcome
    }
}

fn failed(message: String) -> Outcome {
    Outcome::Failed(Arc::new(Failure {
        message: message.into_bytes(),
        traceback: String::new(),
        value: None,
    }))
}

/// An error value as text, by its `__tostring` if it has one that works.
fn text(lua: &Lua, value: &Value) -> Vec<u8> {
    let tostring = |v: &Value| -> mlua::Result<Vec<u8>> {
        let f: mlua::Function = lua.globals().raw_get("tostring")?;
        Ok(f.call::<mlua::LuaString>(v)?.as_bytes().to_vec())
    };
    match value {
        Value::String(s) => s.as_bytes().to_vec(),
        Value::Error(e) => e.to_string().into_bytes(),
        Value::Nil => b"nil".to_vec(),
        Value::Table(_) | Value::UserData(_) => tostring(value).unwrap_or_else(|_| {
            format!("(error object is a {} value)", value.type_name()).into_bytes()
        }),
        other => tostring(other).unwrap_or_else(|_| other.type_name().as_bytes().to_vec()),
    }
}

/// The fiber of the main script.
pub(crate) fn main_body(host: &Arc<Host>, task: &Arc<Task>, script: crate::run::Script) {
    let _ = task.run_as(rt::current());
    let outcome = match host.pool().take() {
        Ok(state) => {
            state.begin(Arc::clone(host), Arc::clone(task));
            let finish = script
                .load(state.lua())
                .map(|(function, args)| state.run(function, args));
            match finish {
                Ok(finish) => conclude(&state, task, finish),
                Err(message) => {
                    let outcome = failed(message);
                    task.finish(outcome.clone());
                    outcome
                }
            }
            // The state is closed here, not pooled: the script's globals may be large.
        }
        Err(e) => failed(e.to_string()),
    };
    host.tell(Event::MainEnded(outcome));
}

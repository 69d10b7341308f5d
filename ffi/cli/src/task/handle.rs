//! What a task's handle and its `res` do.

use std::sync::Arc;

use mlua::{Table, Value};

use super::{Outcome, Task, priority, start};
use crate::api::{Call, Fail, Native, Reply};
use crate::channel::describe;
use crate::module::Kind;
use crate::object::Object;
use crate::parcel::{self, Label, Parcel};
use crate::rt::{self, Chan, Fault, Priority};
use crate::state::Ending;

/// `vitte.async(fn, ...)`, `vitte.async({ priority = name }, fn, ...)`.
pub(crate) fn spawn(call: &Call<'_>) -> Reply {
    let (priority, first) = match call.arg(0) {
        Value::Table(options) if call.object(0).is_none() => (options_of(&options)?, 1),
        _ => (Priority::Normal, 0),
    };
    if !matches!(call.arg(first), Value::Function(_)) {
        let got = call.arg(first).type_name();
        return Err(format!("async needs a function, got {got}").into());
    }
    let (host, _) = call.current()?;
    let parcel = call.pack_task(first)?;
    let task = start(&host, priority, parcel)
        .map_err(|fault| Fail::Message(format!("cannot start a task: {fault}")))?;
    call.wrap(Object::Task(task), Kind::Task)
}

/// What `async` is told in front of the function.
fn options_of(options: &Table) -> Result<Priority, Fail> {
    let mut wanted = Priority::Normal;
    for pair in options.pairs::<Value, Value>() {
        match pair? {
            (Value::String(key), value) if *key.as_bytes() == *b"priority" => {
                wanted = priority::named(&value)?;
            }
            (key, _) => {
                let key = match &key {
                    Value::String(key) => format!("'{}'", key.to_string_lossy()),
                    other => describe(other),
                };
                return Err(format!("async: {key} is not 'priority', the only option").into());
            }
        }
    }
    Ok(wanted)
}

pub(crate) const METHODS: &[(&str, Native)] = &[
    ("await", wait),
    ("next", next),
    ("kill", |call| Ok(vec![Value::Boolean(task(call)?.kill())])),
    ("priority", |call| {
        priority::change(call, &*task(call)?, &call.arg(1))
    }),
    ("status", |call| {
        let status = match task(call)?.outcome() {
            None => "running",
            Some(Outcome::Done(_)) => "done",
            Some(Outcome::Failed(_)) => "error",
            Some(Outcome::Killed) => "killed",
        };
        Ok(vec![call.string(status)?])
    }),
    ("clean", |call| {
        let task = task(call)?;
        clean(&task);
        Ok(vec![])
    }),
];

pub(crate) const RES_METHODS: &[(&str, Native)] = &[("send", |call| {
    let parcel = call.pack(1, Label::Values)?;
    if parcel.is_nil() {
        return Err(
            "nil cannot be sent: receiving it would look like the end of the stream".into(),
        );
    }
    let Some(stream) = task(call)?.stream()? else {
        return call.nothing("closed");
    };
    match stream.send(Box::new(parcel), rt::FOREVER) {
        Ok(()) => Ok(vec![Value::Boolean(true)]),
        Err((Fault::Closed, _)) => call.nothing("closed"),
        Err((fault, _)) => Err(fault.into()),
    }
})];

/// `res(...)`.
pub(crate) const RES_CALL: (&str, Native) = ("__call", |call| {
    let (_, me) = call.current()?;
    let task = task(call)?;
    if !Arc::ptr_eq(&me, &task) {
        let why = "res belongs to another task: only that one can complete itself with it";
        return Err(why.into());
    }
    let parcel = call.pack(1, Label::Result)?;
    if !task.finish(Outcome::Done(Arc::new(parcel))) {
        return Err("the task is complete already".into());
    }
    Err(Fail::Ending(Ending::Completed))
});

fn task(call: &Call<'_>) -> Result<Arc<Task>, Fail> {
    match call.object(0) {
        Some(Object::Task(task)) => Ok(task),
        _ => Err(call.expected("a task")),
    }
}

/// `handle:await(timeout_ms, keep)`.
fn wait(call: &Call<'_>) -> Reply {
    let task = task(call)?;
    let deadline = call.deadline(1)?;
    let keep = !matches!(call.arg(2), Value::Boolean(false));
    awaitable(call, &task)?;
    if task.outcome().is_none() {
        match task.done.recv(deadline) {
            Err(Fault::Closed) => {}
            Err(Fault::TimedOut | Fault::Again) => return call.nothing("timeout"),
            Err(fault) => return Err(fault.into()),
            Ok(_) => return Err("a task's end is a closed channel".into()),
        }
    }
    let reply = result(call, &task);
    if !keep {
        clean(&task);
    }
    reply
}

/// Refuses what cannot be awaited by the caller.
pub(crate) fn awaitable(call: &Call<'_>, task: &Arc<Task>) -> Result<(), Fail> {
    if task.state().cleaned {
        return Err("the task was cleaned".into());
    }
    if task.outcome().is_none() && Arc::ptr_eq(&call.current()?.1, task) {
        return Err("a task cannot await itself".into());
    }
    Ok(())
}

/// What awaiting a task that has ended returns.
pub(crate) fn result(call: &Call<'_>, task: &Task) -> Reply {
    let Some(outcome) = task.outcome() else {
        return Err("the task has no outcome".into());
    };
    let (kind, message, traceback, value) = match outcome {
        Outcome::Done(parcel) => return call.unpack(&parcel),
        Outcome::Failed(failure) => {
            let message = call.string(&failure.message)?;
            let value = match &failure.value {
                Some(parcel) => parcel::unpack_one(call.lua, &call.local.builtins(), parcel)?,
                None => message.clone(),
            };
            ("error", message, call.string(&failure.traceback)?, value)
        }
        Outcome::Killed => {
            let message = call.string(format!("task #{} was killed", task.id()))?;
            ("killed", message, call.string("")?, Value::Nil)
        }
    };
    let error = call.lua.create_table_with_capacity(0, 4)?;
    error.raw_set("kind", kind)?;
    error.raw_set("message", message)?;
    error.raw_set("traceback", traceback)?;
    error.raw_set("value", value)?;
    error.set_metatable(Some(call.local.builtins().meta(Kind::Error).clone()))?;
    Ok(vec![Value::Nil, Value::Table(error)])
}

/// Lets go of the result, now or when there is one.
fn clean(task: &Task) {
    let mut state = task.state();
    state.cleaned = true;
    if let Some(Outcome::Done(parcel)) = &mut state.outcome {
        *parcel = Arc::default();
    }
}

/// `next(timeout_ms)`: the oldest value sent and not yet taken.
fn next(call: &Call<'_>) -> Reply {
    let task = task(call)?;
    let deadline = call.deadline(1)?;
    let Some(stream) = stream(call, &task)? else {
        return call.nothing("closed");
    };
    match stream.recv(deadline) {
        Ok(parcel) => call.unpack(&parcel),
        Err(Fault::Closed) => call.nothing("closed"),
        Err(Fault::TimedOut | Fault::Again) => call.nothing("timeout"),
        Err(fault) => Err(fault.into()),
    }
}

/// The stream that the caller may read; `None` if it is over.
pub(crate) fn stream(call: &Call<'_>, task: &Arc<Task>) -> Result<Option<Chan<Parcel>>, Fail> {
    if Arc::ptr_eq(&call.current()?.1, task) {
        return Err("a task cannot read its own stream".into());
    }
    Ok(task.stream()?)
}

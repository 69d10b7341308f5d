//! Several tasks at once, all of which are over before the call returns: `parallel` and `race`.
//!
//! The tasks are one group of the runtime's. The one that decides (by the first failure, or the first success)
//! asks the others to end; its caller waits for the group, whatever happens.

use std::sync::{Arc, OnceLock, Weak};

use mlua::{Table, Value};

use crate::api::{Call, Fail, Reply, object_of};
use crate::channel::describe;
use crate::host::Host;
use crate::parcel::Parcel;
use crate::rt::{self, Because, Fault, Group, Priority};
use crate::task::{self, Outcome, Task};

/// Which ends decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    Success,
    Failure,
}

/// What the tasks of one call share.
#[derive(Debug)]
struct Block {
    group: Group,
    decides: Decides,
    /// Who decided, by his place.
    first: OnceLock<usize>,
}

/// A task's place in a block. It does not keep the block: only the caller does, who waits for the task.
#[derive(Debug)]
pub(crate) struct Member {
    block: Weak<Block>,
    place: usize,
}

impl Member {
    /// The task has an outcome.
    pub(crate) fn ended(&self, success: bool) {
        let Some(block) = self.block.upgrade() else {
            return;
        };
        if success == (block.decides == Decides::Success) && block.first.set(self.place).is_ok() {
            block.group.cancel(match block.decides {
                Decides::Success => Because::Lost,
                Decides::Failure => Because::Failed,
            });
        }
    }
}

/// What the script asks for.
struct Request {
    /// Each a function and its arguments.
    bodies: Vec<Vec<Value>>,
    deadline: i64,
    priority: Priority,
}

/// What came of it, when all are over.
struct AllOver {
    tasks: Vec<Arc<Task>>,
    first: Option<usize>,
    late: bool,
}

/// `vitte.parallel { fn, {fn, ...}, ..., timeout = ms, priority = name }`.
pub(crate) fn parallel(call: &Call<'_>) -> Reply {
    let all = run(call, "parallel", Decides::Failure)?;
    let done = |task: &Arc<Task>| matches!(task.outcome(), Some(Outcome::Done(_)));
    if all.tasks.iter().all(done) {
        let results = call.lua.create_table_with_capacity(all.tasks.len(), 1)?;
        for (i, task) in all.tasks.iter().enumerate() {
            let value = task::result(call, task)?.into_iter().next();
            results.raw_set(i + 1, value.unwrap_or(Value::Nil))?;
        }
        results.raw_set("n", all.tasks.len())?;
        return Ok(vec![Value::Table(results)]);
    }
    match all.first {
        Some(first) if !all.late => {
            let mut reply = task::result(call, &all.tasks[first])?;
            reply.push(Value::Integer(first as i64 + 1));
            Ok(reply)
        }
        _ => call.nothing("timeout"),
    }
}

/// `vitte.race { fn, {fn, ...}, ..., timeout = ms, priority = name }`.
pub(crate) fn race(call: &Call<'_>) -> Reply {
    let all = run(call, "race", Decides::Success)?;
    if let Some(first) = all.first {
        let mut reply = task::result(call, &all.tasks[first])?;
        reply.insert(0, Value::Integer(first as i64 + 1));
        return Ok(reply);
    }
    if all.late {
        return call.nothing("timeout");
    }
    let errors = call.lua.create_table_with_capacity(all.tasks.len(), 0)?;
    for (i, task) in all.tasks.iter().enumerate() {
        let error = task::result(call, task)?.into_iter().nth(1);
        errors.raw_set(i + 1, error.unwrap_or(Value::Nil))?;
    }
    Ok(vec![Value::Nil, Value::Table(errors)])
}

fn run(call: &Call<'_>, verb: &str, decides: Decides) -> Result<AllOver, Fail> {
    let request = read(call, verb)?;
    let (host, _) = call.current()?;
    // All are packed before any is started: what cannot be copied starts nothing.
    let parcels: Vec<_> = request
        .bodies
        .iter()
        .enumerate()
        .map(|(i, body)| call.pack_task_of(body).map_err(|fail| of_member(i, fail)))
        .collect::<Result<_, _>>()?;
    let block = Block {
        group: Group::create(host.runtime())?,
        decides,
        first: OnceLock::new(),
    };
    let block = Arc::new(block);
    let started = start_all(&host, &block, request.priority, parcels);
    if started.is_err() {
        block.group.cancel(Because::Abandoned);
    }
    let ended = block.group.wait(request.deadline);
    if ended.is_err() {
        block.group.cancel(Because::Abandoned);
        rt::masked(|| block.group.wait(rt::FOREVER))?;
    }
    let tasks =
        started.map_err(|fault| Fail::Message(format!("{verb}: cannot start a task: {fault}")))?;
    let late = match ended {
        Ok(()) => false,
        Err(Fault::TimedOut | Fault::Again) => true,
        Err(fault) => return Err(fault.into()),
    };
    Ok(AllOver {
        tasks,
        first: block.first.get().copied(),
        late,
    })
}

fn start_all(
    host: &Arc<Host>,
    block: &Arc<Block>,
    priority: Priority,
    parcels: Vec<Parcel>,
) -> Result<Vec<Arc<Task>>, Fault> {
    let start = |(place, parcel)| {
        let block_of = Arc::downgrade(block);
        let member = Member {
            block: block_of,
            place,
        };
        task::start_in(host, priority, parcel, Some((&block.group, member)))
    };
    parcels.into_iter().enumerate().map(start).collect()
}

fn read(call: &Call<'_>, verb: &str) -> Result<Request, Fail> {
    let table = match call.arg(0) {
        Value::Table(table) if call.object(0).is_none() => table,
        other => {
            let got = describe(&other);
            return Err(format!("{verb} needs a table of functions, got {got}").into());
        }
    };
    let length = table.raw_len();
    let (mut deadline, mut priority) = (rt::FOREVER, Priority::Normal);
    for pair in table.pairs::<Value, Value>() {
        match pair? {
            (Value::Integer(key), _) if (1..=length as i64).contains(&key) => {}
            (Value::String(key), value) if *key.as_bytes() == *b"timeout" => {
                deadline = call.deadline_of(&value)?;
            }
            (Value::String(key), value) if *key.as_bytes() == *b"priority" => {
                priority = task::priority::named(&value)?;
            }
            (key, _) => {
                let key = match &key {
                    Value::String(key) => format!("'{}'", key.to_string_lossy()),
                    other => describe(other),
                };
                let why = "is neither the number of a function nor 'timeout' nor 'priority'";
                return Err(format!("{verb}: {key} {why}").into());
            }
        }
    }
    let bodies = (1..=length)
        .map(|i| body(&table, i))
        .collect::<Result<_, _>>()?;
    Ok(Request {
        bodies,
        deadline,
        priority,
    })
}

/// A function and its arguments.
fn body(table: &Table, i: usize) -> Result<Vec<Value>, Fail> {
    let member: Value = table.raw_get(i)?;
    let values = match &member {
        Value::Table(parts) if object_of(&member).is_none() => {
            // As `table.unpack` would, which heeds an `n`.
            let length: Option<usize> = parts.raw_get("n").unwrap_or(None);
            let length = length.unwrap_or(parts.raw_len());
            (1..=length)
                .map(|k| parts.raw_get(k))
                .collect::<mlua::Result<Vec<Value>>>()?
        }
        _ => vec![member],
    };
    match values.first() {
        Some(Value::Function(_)) => Ok(values),
        other => {
            let got = other.map_or_else(|| "nothing".to_owned(), describe);
            let fail = Fail::Message(format!("a function expected, got {got}"));
            Err(of_member(i - 1, fail))
        }
    }
}

fn of_member(place: usize, fail: Fail) -> Fail {
    match fail {
        Fail::Message(message) => Fail::Message(format!("number {}: {message}", place + 1)),
        ending => ending,
    }
}

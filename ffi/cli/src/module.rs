//! The module `vitte`: which names it has, and the one function through which Lua calls the host.
//!
//! Handles are Lua tables that hold the host's [`Object`] under [`OBJECT`]. Their metatables are
//! the same in every state, and so handles cross from task to task like any other table.

use std::rc::Rc;
use std::sync::LazyLock;

use mlua::{Function, Lua, MultiValue, Table, Value};

use crate::api::{Call, Fail, Native, Reply};
use crate::object::Object;
use crate::rt;
use crate::state::Local;
use crate::{broadcast, buffer, channel, lock, select, task, tcp, timer, together};

/// The key under which a handle holds its object: no field that a script would choose.
pub(crate) const OBJECT: &str = "\0object";

/// What a handle is a handle of; the numbers count [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    /// A task's own way to its handle's holders.
    Res,
    Channel,
    Buffer,
    Mutex,
    /// Not a handle: the table that `await` returns for an error.
    Error,
    Broadcast,
    Subscription,
    Listener,
    Stream,
    Timer,
}

type List = &'static [(&'static str, Native)];

/// A kind's name, its methods, and its metamethods.
const KINDS: [(&str, List, List); 11] = [
    ("vitte.task", task::METHODS, HANDLE),
    (
        "vitte.res",
        task::RES_METHODS,
        &[task::RES_CALL, HANDLE[0], HANDLE[1]],
    ),
    (
        "vitte.channel",
        channel::METHODS,
        &[channel::CALL, HANDLE[0], HANDLE[1]],
    ),
    // The rest of a buffer's metatable is made of operators, and in the prelude.
    (
        "vitte.buffer",
        buffer::METHODS,
        &[HANDLE[0], buffer::NEW_INDEX],
    ),
    ("vitte.mutex", lock::METHODS, HANDLE),
    (
        "vitte.error",
        &[],
        &[("__tostring", |call| {
            let Value::Table(error) = call.arg(0) else {
                return Ok(vec![call.string("?")?]);
            };
            Ok(vec![error.raw_get("message")?])
        })],
    ),
    ("vitte.broadcast", broadcast::METHODS, HANDLE),
    (
        "vitte.subscription",
        broadcast::SUBSCRIPTION_METHODS,
        &[broadcast::CALL, HANDLE[0], HANDLE[1]],
    ),
    ("vitte.listener", tcp::LISTENER_METHODS, HANDLE),
    ("vitte.stream", tcp::STREAM_METHODS, HANDLE),
    (
        "vitte.timer",
        timer::METHODS,
        &[timer::CALL, HANDLE[0], HANDLE[1]],
    ),
];

const HANDLE: List = &[
    ("__eq", |call| {
        let same = match (call.object(0), call.object(1)) {
            (Some(a), Some(b)) => a.same(&b),
            _ => false,
        };
        Ok(vec![Value::Boolean(same)])
    }),
    ("__tostring", |call| {
        let text = call
            .object(0)
            .map_or_else(|| "vitte object".to_owned(), |o| o.to_string());
        Ok(vec![call.string(text)?])
    }),
];

const FUNCTIONS: List = &[
    ("async", task::spawn),
    ("parallel", together::parallel),
    ("race", together::race),
    ("priority", task::priority::own),
    ("channel", channel::create),
    ("broadcast", broadcast::create),
    ("select", select::select),
    ("buffer", buffer::create),
    ("mutex", lock::create),
    ("lock", lock::lock),
    ("trylock", lock::trylock),
    ("unlock", lock::unlock),
    ("after", timer::after),
    ("tick", timer::tick),
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
    ("iserror", |call| {
        let meta = match call.arg(0) {
            Value::Table(table) => table.metatable(),
            _ => None,
        };
        let is = meta.is_some_and(|m| m == *call.local.builtins().meta(Kind::Error));
        Ok(vec![Value::Boolean(is)])
    }),
];

/// What only the prelude gets to see.
const HIDDEN: [List; 3] = [
    &[("exit", exit)],
    buffer::HIDDEN,
    &[("tcp_listen", tcp::listen), ("tcp_connect", tcp::connect)],
];

/// Every function of the host, at its number.
static ALL: LazyLock<Vec<Native>> = LazyLock::new(|| {
    let kinds = KINDS
        .iter()
        .flat_map(|(_, methods, metas)| [*methods, *metas]);
    let lists = [FUNCTIONS].into_iter().chain(HIDDEN).chain(kinds);
    lists.flatten().map(|(_, native)| *native).collect()
});

/// The module and what belongs to it.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) functions: Table,
    pub(crate) hidden: Table,
    /// The metatable of each kind.
    pub(crate) metas: Vec<Table>,
}

/// Puts functions into a table: the dispatcher, the table, the first one's number, their names.
type Fill<'a> = dyn Fn(&Function, &Table, usize, &mut dyn Iterator<Item = &'static str>) -> mlua::Result<()>
    + 'a;

/// Makes the module.
pub(crate) fn install(lua: &Lua, local: &Rc<Local>, fill: &Fill<'_>) -> mlua::Result<Module> {
    let dispatcher = dispatcher(lua, local)?;
    let mut next = 0;
    let mut add = |table: &Table, list: List| {
        let first = next;
        next += list.len();
        fill(
            &dispatcher,
            table,
            first,
            &mut list.iter().map(|(name, _)| *name),
        )
    };
    let functions = lua.create_table_with_capacity(0, FUNCTIONS.len())?;
    add(&functions, FUNCTIONS)?;
    let hidden = lua.create_table()?;
    for list in HIDDEN {
        add(&hidden, list)?;
    }
    let mut metas = Vec::with_capacity(KINDS.len());
    for (name, methods, more) in KINDS {
        let index = lua.create_table_with_capacity(0, methods.len())?;
        add(&index, methods)?;
        let meta = lua.create_table_with_capacity(0, more.len() + 3)?;
        add(&meta, more)?;
        meta.raw_set("__index", index)?;
        meta.raw_set("__name", name)?;
        meta.raw_set("__metatable", name)?;
        metas.push(meta);
    }
    Ok(Module {
        functions,
        hidden,
        metas,
    })
}

/// `dispatcher(number, ...)` calls the host's function of that number. It returns true and the
/// results, or false and a message, or nothing if the task is ending.
fn dispatcher(lua: &Lua, local: &Rc<Local>) -> mlua::Result<Function> {
    let local = Rc::clone(local);
    lua.create_function(move |lua, (number, args): (usize, MultiValue)| {
        let call = Call {
            lua,
            local: &local,
            args: args.into_vec(),
        };
        let results = match ALL[number](&call) {
            Ok(mut results) => {
                results.insert(0, Value::Boolean(true));
                results
            }
            Err(Fail::Message(message)) => {
                vec![
                    Value::Boolean(false),
                    Value::String(lua.create_string(message)?),
                ]
            }
            Err(Fail::Ending(why)) => {
                // The hook is set to raise the error at the next instruction, which is cheaper
                // than raising one here.
                local.end(lua, why);
                vec![]
            }
        };
        Ok(MultiValue::from_vec(results))
    })
}

/// `os.exit(code)`.
fn exit(call: &Call<'_>) -> Reply {
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

/// Makes a handle.
pub(crate) fn handle(lua: &Lua, object: Object, meta: &Table) -> mlua::Result<Table> {
    let handle = lua.create_table_with_capacity(0, 1)?;
    handle.raw_set(OBJECT, lua.create_userdata(object)?)?;
    handle.set_metatable(Some(meta.clone()))?;
    Ok(handle)
}

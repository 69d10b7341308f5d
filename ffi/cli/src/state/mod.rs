//! A Lua state of its own for every task.
//!
//! A [`State`] is a Lua VM with the standard library, the module `vitte` and the instruction hook.
//! It is owned by exactly one fiber from [`Pool::take`] to [`Pool::put`]; in between nobody else
//! touches it, whichever thread the fiber is on.

mod builtins;
mod hook;
mod natives;
mod offload;
mod pool;
pub(crate) mod tick;

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use mlua::{
    AnyUserData, Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value, chunk::ChunkMode, ffi,
};

use crate::api;
use crate::host::Host;
use crate::lock::Lock;
use crate::object::Object;
use crate::task::Task;

pub(crate) use builtins::{Builtins, GLOBALS};
pub(crate) use pool::Pool;

/// The host calls back into Lua only with so much of the fiber's stack left, in bytes. Lua limits
/// its own recursion to 200 C calls, and the smallest stack that `--stack` allows is made for that;
/// but the host's frames are not Lua's.
pub(crate) const STACK_TO_REENTER: usize = 96 << 10;

const PRELUDE: &str = include_str!("../lua/prelude.lua");
const MODULE: &str = include_str!("../lua/module.lua");

/// Why the Lua code of a task is being unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is not.
    No,
    /// `res(...)` has published the result.
    Completed,
    /// A request to end was noticed.
    Killed,
}

/// What the host keeps for the task that owns a state.
pub(crate) struct Local {
    ending: Cell<Ending>,
    current: RefCell<Option<(Arc<Host>, Arc<Task>)>>,
    /// Locks the task holds, to be released when it ends.
    pub(crate) held: RefCell<Vec<Arc<Lock>>>,
    /// Whether the thread that the task is on gets ticks.
    ticks: Cell<bool>,
    /// The task has given something a finalizer. Finalizers are code of the task that might run in
    /// the next one, and one can bring itself back for ever, so such a state is not used again.
    finalizers: Cell<bool>,
    builtins: RefCell<Option<Rc<Builtins>>>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local")
            .field("ending", &self.ending.get())
            .finish_non_exhaustive()
    }
}

impl Local {
    pub(crate) fn ending(&self) -> Ending {
        self.ending.get()
    }

    /// The running task and its host. `None` in a state that is being closed, whose finalizers may
    /// still call us.
    pub(crate) fn current(&self) -> Option<(Arc<Host>, Arc<Task>)> {
        self.current.borrow().clone()
    }

    pub(crate) fn builtins(&self) -> Rc<Builtins> {
        self.builtins
            .borrow()
            .clone()
            .expect("set before any script runs")
    }

    /// Starts to unwind the task: from now on every instruction raises an error that no `pcall`
    /// catches.
    pub(crate) fn end(&self, lua: &Lua, why: Ending) {
        if self.ending.get() == Ending::No {
            self.ending.set(why);
        }
        lua.exec_raw_lua(|raw| {
            // SAFETY: the state belongs to the fiber that is running this call, and setting a hook
            // is allowed at any time.
            unsafe { hook::arm(raw.state(), 1) };
        });
    }
}

/// How the Lua code of a task came to its end.
#[derive(Debug)]
pub(crate) enum Finish {
    Returned(Vec<Value>),
    /// The error value and the traceback of where it was raised.
    Raised(Value, String),
}

/// A Lua state ready to run a task. Field order matters: closing `lua` may run finalizers that
/// still use `local`.
#[derive(Debug)]
pub(crate) struct State {
    lua: Lua,
    local: Rc<Local>,
    run: Function,
    restore: Function,
    make_task_argument: Function,
    /// The object behind the task's `res`.
    res: RefCell<Option<AnyUserData>>,
    /// Memory in use when it was new, in bytes.
    baseline: usize,
    main: *mut ffi::lua_State,
}

impl State {
    /// Makes a new state.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub(crate) fn new() -> mlua::Result<State> {
        // SAFETY: the "unsafe" parts of the standard library are taken away again by the prelude,
        // before any script runs: C modules cannot be loaded and `debug` keeps only what cannot
        // corrupt the state.
        let lua = unsafe { Lua::unsafe_new_with(StdLib::ALL, LuaOptions::default()) };
        lua.gc_stop();
        let local = Rc::new(Local {
            ending: Cell::new(Ending::No),
            current: RefCell::new(None),
            held: RefCell::new(Vec::new()),
            ticks: Cell::new(false),
            finalizers: Cell::new(false),
            builtins: RefCell::new(None),
        });
        let native = lua.create_table()?;
        let pointer = Rc::as_ptr(&local).cast::<c_void>().cast_mut();
        let run = natives::install(&lua, &native, pointer)?;
        offload::install(&lua, &native)?;
        api::install(&lua, &native, &local)?;
        let module = chunk(&lua, "=vitte", MODULE, &MODULE_CODE)?;
        let internals: Table =
            chunk(&lua, "=vitte", PRELUDE, &PRELUDE_CODE)?.call((native, module))?;
        *local.builtins.borrow_mut() = Some(Rc::new(Builtins::new(&internals)?));
        let restore = internals.raw_get("restore")?;
        let make_task_argument = internals.raw_get("make_task_argument")?;
        let main = lua.exec_raw_lua(|raw| raw.state());
        // SAFETY: `local` lives as long as `lua`, in the same struct, and is dropped after it.
        unsafe { hook::install(main, pointer) };
        lua.gc_restart();
        lua.gc_collect()?;
        let baseline = lua.used_memory();
        Ok(State {
            lua,
            local,
            run,
            restore,
            make_task_argument,
            res: RefCell::new(None),
            baseline,
            main,
        })
    }

    pub(crate) fn lua(&self) -> &Lua {
        &self.lua
    }

    pub(crate) fn local(&self) -> &Local {
        &self.local
    }

    pub(crate) fn builtins(&self) -> Rc<Builtins> {
        self.local.builtins()
    }

    /// The `res` that a task's function is given.
    pub(crate) fn task_argument(&self, object: Object) -> mlua::Result<Value> {
        let res = self.lua.create_userdata(object)?;
        *self.res.borrow_mut() = Some(res.clone());
        self.make_task_argument.call(res)
    }

    /// Names the task that owns this state from now on.
    pub(crate) fn begin(&self, host: Arc<Host>, task: Arc<Task>) {
        *self.local.current.borrow_mut() = Some((host, task));
        self.local.ending.set(Ending::No);
        self.local.ticks.set(tick::start());
        self.calm();
        tick::switch(self.main);
    }

    /// Sets the hook as it is between two polls.
    fn calm(&self) {
        // SAFETY: the state is owned by the caller.
        unsafe { hook::disarm(self.main, self.local.ticks.get()) };
    }

    /// Calls a function to its end. Nothing it raises comes further than this.
    ///
    /// # Errors
    /// Only when the call cannot be made, for lack of memory.
    pub(crate) fn run(&self, function: Value, args: Vec<Value>) -> mlua::Result<Finish> {
        let mut values = MultiValue::from_vec(args);
        values.push_front(function);
        let mut results = self.run.call::<MultiValue>(values)?;
        if matches!(results.pop_front(), Some(Value::Boolean(true))) {
            return Ok(Finish::Returned(results.into_vec()));
        }
        Ok(match results.pop_front() {
            Some(Value::Table(pair)) if self.local.ending() == Ending::No => {
                let traceback: Option<mlua::LuaString> = pair.raw_get(2)?;
                let traceback = traceback.map(|t| t.to_string_lossy()).unwrap_or_default();
                Finish::Raised(pair.raw_get(1)?, traceback)
            }
            other => Finish::Raised(other.unwrap_or(Value::Nil), String::new()),
        })
    }

    /// Takes the state away from its task and makes it like new. `None` if that is not possible or
    /// not worth it.
    ///
    /// A full collection takes longer than all the rest of a small task, so it is left out when the
    /// garbage is small and is nothing but Lua's own values. Garbage cannot be seen by the next
    /// task: finalizers written in Lua are what could make it visible, and a state that has any is
    /// not used again.
    fn reset(self) -> Option<State> {
        tick::leave(self.main);
        if self.local.finalizers.get() {
            return None;
        }
        self.local.ending.set(Ending::No);
        self.calm();
        if let Some(res) = self.res.take() {
            // What it refers to holds the result of the task, and must not wait for a collection.
            res.destroy().ok()?;
        }
        let grown = self.lua.used_memory() > self.baseline + GARBAGE;
        let collect = self.builtins().has_objects.take() || grown;
        let restored = self.restore.call::<bool>(collect).unwrap_or(false);
        *self.local.current.borrow_mut() = None;
        let fits = self.lua.used_memory() <= self.baseline + GROWTH;
        (restored && fits && self.local.ending() == Ending::No).then_some(self)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        tick::leave(self.main);
    }
}

/// Garbage beyond this many bytes is collected between two tasks.
const GARBAGE: usize = 32 * 1024;

/// A state that holds on to more than this many bytes beyond a new one is not used again.
const GROWTH: usize = 64 * 1024;

static MODULE_CODE: OnceLock<Vec<u8>> = OnceLock::new();
static PRELUDE_CODE: OnceLock<Vec<u8>> = OnceLock::new();

/// Loads a chunk of ours, compiled once per process.
fn chunk(lua: &Lua, name: &str, source: &str, code: &OnceLock<Vec<u8>>) -> mlua::Result<Function> {
    if let Some(code) = code.get() {
        return lua
            .load(&code[..])
            .set_mode(ChunkMode::Binary)
            .into_function();
    }
    let function = lua.load(source).set_name(name).into_function()?;
    // Without debug information, which would take a quarter of the memory of an idle task.
    let _ = code.set(function.dump(true));
    Ok(function)
}

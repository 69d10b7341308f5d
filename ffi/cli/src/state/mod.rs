//! A Lua state of its own for every task.
//!
//! A [`State`] is a Lua VM with the standard library, the module `vitte` and the instruction hook.
//! It is owned by exactly one fiber from [`Pool::take`] to [`Pool::put`]; in between nobody else
//! touches it, whichever thread the fiber is on.
//!
//! # Note [Moving Lua]
//!
//! Fibers that run Lua move between threads whenever they wait or yield. Pinning them would leave
//! workers idle: a preempted task could not be stolen, and after a few slices every task has begun
//! somewhere. This is what makes moving sound:
//!
//! - A state, the values in it, and the `Rc`s that `mlua` (built without its `send` feature) counts
//!   references with are used by one fiber only, and move with it. Handing a fiber on from thread to
//!   thread orders everything done before with everything done after.
//! - Neither Lua 5.4 nor `mlua` 0.12 keeps anything in thread-local storage; their statics are
//!   constant addresses used as keys. The files of this crate that can be on the stack during a wait
//!   keep nothing there either, but for [`tick`], which reads its variables in functions that are
//!   never inlined and names the running Lua thread anew after every wait. `HashMap`'s usual hasher
//!   is thread-local, so the copier uses another.
//! - Lua's errors are `setjmp` and `longjmp` within one stack. What glibc mixes into a jump buffer,
//!   and the canary of protected stacks, are the same for all threads of a process.
//! - C code that looks at `errno` after a wait may see that of the thread it was on before. Lua looks
//!   right after the call that sets it; only the text of an error of `loadfile` can come out wrong,
//!   and only if a finalizer waited in the middle of it. Locks of C's files are never held while Lua
//!   allocates or calls.

mod builtins;
mod hook;
mod methods;
mod natives;
mod offload;
mod pool;
mod snapshot;
pub(crate) mod tick;

use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::ffi::c_void;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use mlua::{
    AnyUserData, Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value, chunk::ChunkMode, ffi,
};

use crate::host::Host;
use crate::lock::Lock;
use crate::module::{self, Kind};
use crate::object::Object;
use crate::task::Task;

pub(crate) use builtins::{Builtins, GLOBALS};
pub(crate) use pool::Pool;

/// The host calls back into Lua only with so much of the fiber's stack left, in bytes. Lua limits
/// its own recursion to 200 C calls, and the smallest stack that `--stack` allows is made for that;
/// but the host's frames are not Lua's.
pub(crate) const STACK_TO_REENTER: usize = 96 << 10;

const PRELUDE: &str = include_str!("../lua/prelude.lua");

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
    tidy: Function,
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
            finalizers: Cell::new(false),
            builtins: RefCell::new(None),
        });
        let module = module::install(&lua, &local, &|dispatcher, table, first, names| {
            methods::fill(&lua, dispatcher, table, first, names)
        })?;
        let buffers = &module.metas[Kind::Buffer as usize];
        let get: Function = buffers.raw_get::<Table>("__index")?.raw_get("get")?;
        methods::operators(&lua, buffers, &get)?;
        let native = module.hidden;
        let pointer = Rc::as_ptr(&local).cast::<c_void>().cast_mut();
        let run = natives::install(&lua, &native, pointer)?;
        offload::install(&lua, &native)?;
        let metas = lua.create_sequence_from(module.metas.clone())?;
        let internals: Table = prelude(&lua)?.call((native, module.functions, metas))?;
        let builtins = Builtins::new(&lua, &internals, module.metas)?;
        *local.builtins.borrow_mut() = Some(Rc::new(builtins));
        let tidy = internals.raw_get("tidy")?;
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
            tidy,
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
        let res = module::handle(&self.lua, object, self.builtins().meta(Kind::Res))?;
        *self.res.borrow_mut() = Some(res.raw_get(module::OBJECT)?);
        Ok(Value::Table(res))
    }

    /// Names the task that owns this state from now on.
    pub(crate) fn begin(&self, host: Arc<Host>, task: Arc<Task>) {
        *self.local.current.borrow_mut() = Some((host, task));
        self.local.ending.set(Ending::No);
        self.calm();
        tick::switch(self.main);
    }

    /// Sets the hook as it is between two polls.
    fn calm(&self) {
        // SAFETY: the state is owned by the caller.
        unsafe { hook::disarm(self.main) };
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
        let restored = self.builtins().restore(&self.lua).is_ok()
            && self
                .tidy
                .call::<bool>((collect, entropy()))
                .unwrap_or(false);
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

/// Loads the prelude, compiled once per process, without debug information: that would double the
/// memory it takes.
fn prelude(lua: &Lua) -> mlua::Result<Function> {
    static CODE: OnceLock<Vec<u8>> = OnceLock::new();
    let code = match CODE.get() {
        Some(code) => code,
        None => {
            let function = lua.load(PRELUDE).set_name("=vitte").into_function()?;
            CODE.get_or_init(|| function.dump(true))
        }
    };
    lua.load(&code[..])
        .set_mode(ChunkMode::Binary)
        .into_function()
}

/// A number that is hard to foresee, to seed `math.random` with: its own seed is the time in
/// seconds and an address.
fn entropy() -> i64 {
    RandomState::new().build_hasher().finish().cast_signed()
}

//! `vitte run`: the life of one script, from reading the file to the exit code.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use mlua::{Lua, Value};

use crate::host::{Event, Host};
use crate::rt::{self, Runtime};
use crate::task::{self, Failure, Outcome, Task};

/// The script failed.
const FAILED: u8 = 1;
/// The command was not understood, or the file could not be read.
const USAGE: u8 = 2;
/// What a shell reports for a process ended by signal n is this plus n.
const SIGNALLED: i32 = 128;

/// How long the runtime may take to end its fibers when the process wants to go.
const PATIENCE_NS: i64 = 300_000_000;

/// What `vitte run` was asked to do.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) file: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) workers: Option<u32>,
    pub(crate) stack: usize,
    pub(crate) stats: bool,
}

/// Runs a script to its end and the end of all its tasks; returns the exit code.
pub(crate) fn run(options: &Options) -> u8 {
    let script = match Script::read(&options.file, &options.args) {
        Ok(script) => script,
        Err(message) => return complain(&message, USAGE),
    };
    let began = Instant::now();
    let runtime = match Runtime::create(options.workers, options.stack) {
        Ok(runtime) => runtime,
        Err(fault) => return complain(&format!("cannot start the runtime: {fault}"), FAILED),
    };
    let (events, inbox) = mpsc::channel();
    let host = Arc::new(Host::new(runtime, events.clone()));
    if let Err(e) = crate::signals::forward(events) {
        return complain(&format!("cannot handle signals: {e}"), FAILED);
    }
    let code = match start(&host, script) {
        Ok(()) => wait(&inbox),
        Err(fault) => complain(&format!("cannot start the script: {fault}"), FAILED),
    };
    if options.stats {
        report(&host, began);
    }
    let _ = host
        .runtime()
        .shutdown(rt::now().saturating_add(PATIENCE_NS));
    code
}

fn start(host: &Arc<Host>, script: Script) -> Result<(), rt::Fault> {
    let priority = rt::Priority::Normal;
    let task = Arc::new(Task::new(host, priority, None)?);
    let host_in = Arc::clone(host);
    let body = Box::new(move || task::main_body(&host_in, &task, script));
    host.spawn(priority, None, body).map(drop)
}

/// Waits for the script and its tasks. Costs nothing while it waits.
fn wait(inbox: &Receiver<Event>) -> u8 {
    let mut code = 0;
    loop {
        match inbox.recv() {
            Ok(Event::MainEnded(Outcome::Done(_))) => {}
            Ok(Event::MainEnded(Outcome::Failed(failure))) => {
                show(&failure);
                code = FAILED;
            }
            Ok(Event::MainEnded(Outcome::Killed)) => {
                code = complain("the script was stopped", FAILED);
            }
            Ok(Event::Idle) | Err(_) => return code,
            Ok(Event::Exit(code)) => return code,
            Ok(Event::Signal(signal)) => return u8::try_from(SIGNALLED + signal).unwrap_or(FAILED),
        }
    }
}

fn complain(message: &str, code: u8) -> u8 {
    let _ = writeln!(std::io::stderr(), "vitte: {message}");
    code
}

fn show(failure: &Failure) {
    let mut text = b"vitte: ".to_vec();
    text.extend_from_slice(&failure.message);
    text.push(b'\n');
    if !failure.traceback.is_empty() {
        text.extend_from_slice(failure.traceback.as_bytes());
        text.push(b'\n');
    }
    let _ = std::io::stderr().write_all(&text);
}

fn report(host: &Host, began: Instant) {
    let stats = host.runtime().stats();
    let pool = host.pool();
    let text = format!(
        "vitte: {:.3} s, {} workers\n\
         vitte: {} tasks, {} Lua states made, {} reused\n\
         vitte: {} fibers spawned, {} live, {} switches, {} steals, {} KiB of stacks\n",
        began.elapsed().as_secs_f64(),
        stats.workers,
        host.tasks(),
        pool.made(),
        pool.reused(),
        stats.spawned,
        stats.live,
        stats.switches,
        stats.steals,
        stats.stack_bytes / 1024,
    );
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A script file in memory, and its arguments.
#[derive(Debug)]
pub(crate) struct Script {
    name: String,
    source: Vec<u8>,
    args: Vec<Vec<u8>>,
}

impl Script {
    /// Reads a file, or standard input if it is called `-`.
    fn read(file: &Path, args: &[OsString]) -> Result<Script, String> {
        let mut source = Vec::new();
        if file == Path::new("-") {
            std::io::stdin()
                .read_to_end(&mut source)
                .map_err(|e| format!("cannot read standard input: {e}"))?;
        } else {
            source =
                std::fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
        }
        Ok(Script {
            name: file.display().to_string(),
            source,
            args: args.iter().map(|a| a.as_encoded_bytes().to_vec()).collect(),
        })
    }

    /// Compiles the script and sets the global `arg`; returns the function and what to call it
    /// with.
    pub(crate) fn load(&self, lua: &Lua) -> Result<(Value, Vec<Value>), String> {
        let name = if self.name == "-" {
            "=stdin".to_owned()
        } else {
            format!("@{}", self.name)
        };
        let function = lua
            .load(self.code())
            .set_name(name)
            .into_function()
            .map_err(|e| match e {
                mlua::Error::SyntaxError { message, .. } => message,
                other => other.to_string(),
            })?;
        let fill = || -> mlua::Result<Vec<Value>> {
            let table = lua.create_table()?;
            table.raw_set(0, &*self.name)?;
            let mut args = Vec::new();
            for (i, arg) in self.args.iter().enumerate() {
                let value = Value::String(lua.create_string(arg)?);
                table.raw_set(i + 1, &value)?;
                args.push(value);
            }
            lua.globals().raw_set("arg", table)?;
            Ok(args)
        };
        Ok((
            Value::Function(function),
            fill().map_err(|e| e.to_string())?,
        ))
    }

    /// Without a byte order mark, and with a first line that begins with `#` emptied.
    fn code(&self) -> &[u8] {
        let code = self
            .source
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&self.source);
        if code.first() != Some(&b'#') {
            return code;
        }
        let end = code.iter().position(|&b| b == b'\n').unwrap_or(code.len());
        &code[end..]
    }
}

//! The command `vitte`: Lua programs whose tasks are fibers.

mod api;
mod broadcast;
mod buffer;
mod channel;
mod host;
mod lock;
mod module;
mod object;
mod parcel;
mod rt;
mod run;
mod select;
mod signals;
mod state;
mod task;
mod tcp;
mod timer;
mod together;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A fifth faster than the system's allocator for Lua programs that make many tables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs Lua programs whose tasks are fibers.
#[derive(Debug, Parser)]
#[command(name = "vitte", version, about)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs a Lua 5.4 script and waits for all its tasks.
    ///
    /// Exit code: 0, or what the script gave to os.exit; 1 if the script fails; 2 if the command is
    /// wrong or the file cannot be read; 130 after Ctrl-C.
    #[command(after_long_help = MODULE)]
    Run {
        /// Threads that run tasks [default: one per processor]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
        workers: Option<u32>,
        /// Stack of each task, in bytes; K and M are understood
        #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = stack_size)]
        stack: usize,
        /// Print what the runtime did to standard error at the end
        #[arg(long)]
        stats: bool,
        /// The script; - reads it from standard input
        file: PathBuf,
        /// Arguments for the script: its `...` and its global `arg`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// What a script finds, at the end of the long help.
const MODULE: &str = "\
The script's tasks share the module `vitte` (also `llib.thread`):
  async(fn, ...)             starts a task; its handle has await, next, kill, status, clean,
                             priority; async({priority = name}, fn, ...) starts it with one
  parallel { fn, {fn, ...}, ..., timeout = ms, priority = name }
                             all at once: a table of what each returned, or nil, error, number
                             of the first that failed; one failure ends the others
  race { fn, {fn, ...}, ..., timeout = ms, priority = name }
                             the first that succeeds: its number, its values; ends the others
  channel([capacity])        send, recv, try_send, try_recv, iter, close, capacity
  broadcast(capacity)        every value to every subscriber: send, subscribe, close, capacity;
                             a subscription has recv, try_recv, iter, missed, close
  select { cases, options }  waits for the first of {channel, \"recv\"}, {channel, \"send\", value},
                             {subscription, \"recv\"}, {timer, \"recv\"}, {task, \"await\"},
                             {task, \"next\"}; timeout = ms or default = true
  after(s), tick(s)          timers: recv, try_recv, iter, cancel
  priority([name])           how urgent the task is: high, normal, low
  tcp.listen(host, port), tcp.connect(host, port)
                             listeners: accept, port, close;
                             streams: read, write, finish, port, close
  buffer(value)              a value that tasks share: get, set, mod, clean
  mutex(), lock(id), trylock(id), unlock(id)
  sleep(s), usleep(us), yield(), now(), workers(), iserror(value)";

/// What the deepest recursion that Lua itself allows (200 C calls) takes, with some room: see
/// `README.md`.
const SMALLEST_STACK: usize = 512 << 10;
const LARGEST_STACK: usize = 1 << 30;

fn stack_size(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix(['M', 'm']) {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    let size = digits
        .parse::<usize>()
        .map_err(|_| "not a size".to_owned())?
        .saturating_mul(unit);
    if (SMALLEST_STACK..=LARGEST_STACK).contains(&size) {
        Ok(size)
    } else {
        Err("a task's stack lies between 512K and 1024M".to_owned())
    }
}

fn main() {
    let Verb::Run {
        workers,
        stack,
        stats,
        file,
        args,
    } = Command::parse().verb;
    restore_sigpipe();
    let code = run::run(&run::Options {
        file,
        args,
        workers,
        stack,
        stats,
    });
    // Not a return: fibers that were left where they are hold things that must not be torn down
    // under them.
    std::process::exit(i32::from(code));
}

/// Writing to a closed pipe ends the process, as it does for every other interpreter; Rust's
/// startup code had that changed.
fn restore_sigpipe() {
    // SAFETY: the default action is always valid, and no other thread exists yet.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

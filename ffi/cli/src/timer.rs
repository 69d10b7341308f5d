//! Timers: what a task receives the time from, once or in a beat.
//!
//! A Lua function belongs to its task's state, and only that task may run it: a timer calls nobody. It
//! is received from, like a channel, by whichever task has its handle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::Value;

use crate::api::{Call, Fail, Native, Reply};
use crate::channel::refused;
use crate::module::Kind;
use crate::object::Object;
use crate::rt::{self, Tick};

/// What a script's timer handle names.
#[derive(Debug)]
pub(crate) struct Timer {
    timer: rt::Timer,
    closed: AtomicBool,
}

impl Timer {
    pub(crate) fn timer(&self) -> &rt::Timer {
        &self.timer
    }
}

/// `timer(...)`, as a loop's iterator.
pub(crate) const CALL: (&str, Native) = ("__call", |call| recv(call, rt::FOREVER, "timeout"));

pub(crate) const METHODS: &[(&str, Native)] = &[
    ("recv", |call| recv(call, call.deadline(1)?, "timeout")),
    ("try_recv", |call| recv(call, rt::TRY, "empty")),
    ("iter", |call| {
        timer(call)?;
        // The handle is its own iterator.
        Ok(vec![call.arg(0)])
    }),
    ("cancel", |call| {
        let timer = timer(call)?;
        let first = !timer.closed.swap(true, Ordering::Relaxed);
        timer.timer.close();
        Ok(vec![Value::Boolean(first)])
    }),
];

/// `vitte.after(seconds)`.
pub(crate) fn after(call: &Call<'_>) -> Reply {
    let (at, _) = time(call, "a time")?;
    wrap(call, rt::Timer::after(at)?)
}

/// `vitte.tick(seconds)`.
pub(crate) fn tick(call: &Call<'_>) -> Reply {
    let (first, ns) = time(call, "a period")?;
    if ns == 0.0 {
        return Err("a period cannot be 0".into());
    }
    let timer = match first {
        rt::FOREVER => rt::Timer::after(first)?,
        _ => rt::Timer::every(first, ns.ceil() as i64)?,
    };
    wrap(call, timer)
}

/// The deadline that the first argument means, which is in seconds, and the nanoseconds until then.
fn time(call: &Call<'_>, what: &str) -> Result<(i64, f64), Fail> {
    let ns = 1e9
        * match call.arg(0) {
            Value::Integer(i) => i as f64,
            Value::Number(n) => n,
            other => {
                let got = other.type_name();
                return Err(format!("{what} in seconds expected, got {got}").into());
            }
        };
    let at = match call.after(ns, what)? {
        rt::TRY => rt::now(),
        at => at,
    };
    Ok((at, ns))
}

fn wrap(call: &Call<'_>, timer: rt::Timer) -> Reply {
    let closed = AtomicBool::new(false);
    let timer = Timer { timer, closed };
    call.wrap(Object::Timer(Arc::new(timer)), Kind::Timer)
}

fn timer(call: &Call<'_>) -> Result<Arc<Timer>, Fail> {
    match call.object(0) {
        Some(Object::Timer(timer)) => Ok(timer),
        _ => Err(call.expected("a timer")),
    }
}

fn recv(call: &Call<'_>, deadline: i64, late: &str) -> Reply {
    match timer(call)?.timer.recv(deadline) {
        Ok(tick) => Ok(told(tick)),
        Err(fault) => refused(call, fault, late),
    }
}

/// What a script gets of a tick: when it was due, on the clock of `vitte.now`, and how many were missed.
pub(crate) fn told(tick: Tick) -> Vec<Value> {
    vec![
        Value::Number(tick.due as f64 / 1e9),
        Value::Integer(tick.missed.cast_signed()),
    ]
}

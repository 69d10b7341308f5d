//! Channels between tasks: the runtime's own, carrying parcels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::Value;

use crate::api::{Call, Fail, Native, Reply};
use crate::module::Kind;
use crate::object::Object;
use crate::parcel::Parcel;
use crate::rt::{self, Chan, Fault};

/// What a script's channel handle names.
#[derive(Debug)]
pub(crate) struct Channel {
    chan: Chan<Parcel>,
    /// `None` if it has no limit.
    capacity: Option<u32>,
    closed: AtomicBool,
}

impl Channel {
    pub(crate) fn chan(&self) -> &Chan<Parcel> {
        &self.chan
    }
}

/// Refuses to send nil.
pub(crate) fn sendable(value: Parcel) -> Result<Parcel, Fail> {
    if value.is_nil() {
        return Err(
            "nil cannot be sent: receiving it would look like the end of the channel".into(),
        );
    }
    Ok(value)
}

/// `channel(...)`, as a loop's iterator.
pub(crate) const CALL: (&str, Native) = ("__call", |call| {
    recv(call, rt::FOREVER, "timeout").map(next)
});

pub(crate) const METHODS: &[(&str, Native)] = &[
    ("send", |call| send(call, call.deadline(2)?, "timeout")),
    ("try_send", |call| send(call, rt::TRY, "full")),
    ("recv", |call| recv(call, call.deadline(1)?, "timeout")),
    ("try_recv", |call| recv(call, rt::TRY, "empty")),
    ("iter", |call| {
        channel(call)?;
        // The handle is its own iterator.
        Ok(vec![call.arg(0)])
    }),
    ("close", |call| {
        let channel = channel(call)?;
        let first = !channel.closed.swap(true, Ordering::Relaxed);
        channel.chan.close();
        Ok(vec![Value::Boolean(first)])
    }),
    ("capacity", |call| {
        Ok(vec![match channel(call)?.capacity {
            Some(n) => Value::Integer(i64::from(n)),
            None => Value::Number(f64::INFINITY),
        }])
    }),
];

fn channel(call: &Call<'_>) -> Result<Arc<Channel>, Fail> {
    match call.object(0) {
        Some(Object::Channel(channel)) => Ok(channel),
        _ => Err(call.expected("a channel")),
    }
}

pub(crate) fn create(call: &Call<'_>) -> Reply {
    let capacity = match call.arg(0) {
        Value::Nil => Some(0),
        Value::Number(f64::INFINITY) => None,
        Value::Integer(i) => {
            Some(u32::try_from(i).map_err(|_| "a capacity lies between 0 and 2^32 - 1")?)
        }
        other => {
            return Err(format!(
                "a whole number or math.huge expected, got {}",
                describe(&other)
            )
            .into());
        }
    };
    let chan = match capacity {
        Some(n) => Chan::bounded(n as usize)?,
        None => Chan::unbounded()?,
    };
    let closed = AtomicBool::new(false);
    let channel = Channel {
        chan,
        capacity,
        closed,
    };
    call.wrap(Object::Channel(Arc::new(channel)), Kind::Channel)
}

pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Number(n) => n.to_string(),
        other => other.type_name().to_owned(),
    }
}

fn send(call: &Call<'_>, deadline: i64, late: &str) -> Reply {
    let channel = channel(call)?;
    let value = sendable(call.pack_one(1)?)?;
    match channel.chan.send(Box::new(value), deadline) {
        Ok(()) => Ok(vec![Value::Boolean(true)]),
        Err((fault, _)) => refused(call, fault, late),
    }
}

fn recv(call: &Call<'_>, deadline: i64, late: &str) -> Reply {
    match channel(call)?.chan.recv(deadline) {
        Ok(parcel) => call.unpack(&parcel),
        Err(fault) => refused(call, fault, late),
    }
}

/// What a loop's iterator may return: one value, nil for the end.
fn next(mut results: Vec<Value>) -> Vec<Value> {
    results.truncate(1);
    results
}

pub(crate) fn refused(call: &Call<'_>, fault: Fault, late: &str) -> Reply {
    match fault {
        Fault::Closed => call.nothing("closed"),
        Fault::TimedOut | Fault::Again => call.nothing(late),
        other => Err(other.into()),
    }
}

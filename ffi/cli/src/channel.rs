//! Channels between tasks: the runtime's own, carrying parcels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::Value;

use crate::api::{Call, Fail, Native, Reply};
use crate::object::Object;
use crate::parcel::{Label, Parcel};
use crate::rt::{self, Chan, Fault};

/// What a script's channel handle names.
#[derive(Debug)]
pub(crate) struct Channel {
    chan: Chan<Parcel>,
    /// `None` if it has no limit.
    capacity: Option<u32>,
    closed: AtomicBool,
}

pub(crate) const NATIVES: &[(&str, Native)] = &[
    ("channel", create),
    ("chan_send", |call| {
        send(call, call.deadline(1)?, 2, "timeout")
    }),
    ("chan_try_send", |call| send(call, rt::TRY, 1, "full")),
    ("chan_recv", |call| recv(call, call.deadline(1)?, "timeout")),
    ("chan_try_recv", |call| recv(call, rt::TRY, "empty")),
    ("chan_close", |call| {
        let channel = channel(call)?;
        let first = !channel.closed.swap(true, Ordering::Relaxed);
        channel.chan.close();
        Ok(vec![Value::Boolean(first)])
    }),
    ("chan_capacity", |call| {
        Ok(vec![match channel(call)?.capacity {
            Some(n) => Value::Integer(i64::from(n)),
            None => Value::Number(f64::INFINITY),
        }])
    }),
];

fn channel(call: &Call<'_>) -> Result<Arc<Channel>, Fail> {
    match call.object(0)? {
        Object::Channel(channel) => Ok(channel),
        _ => Err("a channel expected".into()),
    }
}

fn create(call: &Call<'_>) -> Reply {
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
    call.wrap(Object::Channel(Arc::new(Channel {
        chan,
        capacity,
        closed: AtomicBool::new(false),
    })))
}

fn describe(value: &Value) -> String {
    match value {
        Value::Number(n) => n.to_string(),
        other => other.type_name().to_owned(),
    }
}

fn send(call: &Call<'_>, deadline: i64, at: usize, late: &str) -> Reply {
    let channel = channel(call)?;
    let value = call.pack(at, Label::Value)?;
    if value.is_nil() {
        return Err(
            "nil cannot be sent: receiving it would look like the end of the channel".into(),
        );
    }
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

fn refused(call: &Call<'_>, fault: Fault, late: &str) -> Reply {
    match fault {
        Fault::Closed => call.nothing("closed"),
        Fault::TimedOut | Fault::Again => call.nothing(late),
        other => Err(other.into()),
    }
}

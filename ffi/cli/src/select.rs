//! Waiting for the first of several channels, subscriptions, timers and tasks.

use std::sync::Arc;

use mlua::{Table, Value};

use crate::api::{Call, Fail, Reply, object_of};
use crate::broadcast::Reading;
use crate::channel::{Channel, describe, refused, sendable};
use crate::object::Object;
use crate::parcel::Parcel;
use crate::rt::{self, CASES_MAX, Case, Chan, Fault, Gone};
use crate::task::{self, Task};
use crate::timer::{self, Timer};

/// The most cases of one table: each may take two of the runtime's.
const MOST: usize = CASES_MAX / 2;

/// One case of the script's.
enum Arm {
    Recv(Arc<Channel>),
    Send(Arc<Channel>, Value),
    Subscription(Reading),
    Timer(Arc<Timer>),
    Await(Arc<Task>),
    /// Without a stream if that is over.
    Next(Arc<Task>, Option<Chan<Parcel>>),
}

/// What the script asks for.
struct Request {
    /// With the key of each, in ascending order.
    arms: Vec<(i64, Arm)>,
    deadline: i64,
    /// What to say if the deadline passes.
    late: &'static str,
}

/// `vitte.select { case, ..., timeout = ms, default = true }`.
pub(crate) fn select(call: &Call<'_>) -> Reply {
    let request = read(call)?;
    let mut values = Vec::with_capacity(request.arms.len());
    for (key, arm) in &request.arms {
        values.push(match arm {
            Arm::Send(_, value) => {
                let parcel = call.pack_value(value.clone()).and_then(sendable);
                Some(Box::new(parcel.map_err(|fail| of_case(*key, fail))?))
            }
            _ => None,
        });
    }
    // Which of the script's cases each of the runtime's belongs to.
    let (mut cases, mut owners) = (Vec::new(), Vec::new());
    for (i, ((_, arm), value)) in request.arms.iter().zip(values).enumerate() {
        match arm {
            Arm::Recv(channel) => cases.push(Case::Recv(channel.chan())),
            Arm::Send(channel, _) => cases.push(Case::Send(channel.chan(), value)),
            Arm::Subscription(reading) => cases.extend(reading.cases()),
            Arm::Timer(timer) => cases.push(Case::Timer(timer.timer())),
            Arm::Next(_, Some(stream)) => cases.push(Case::Recv(stream)),
            Arm::Next(task, None) | Arm::Await(task) => cases.push(Case::Closing(task.done())),
        }
        owners.resize(cases.len(), i);
    }
    loop {
        let (which, what) = match rt::select(&mut cases, request.deadline) {
            Ok(went) => went,
            Err(Fault::TimedOut | Fault::Again) => return call.nothing(request.late),
            Err(fault) => return Err(fault.into()),
        };
        let (key, arm) = &request.arms[owners[which]];
        let mut reply = match (arm, what) {
            // Told with the value, which is there: on to that, or to another case.
            (Arm::Subscription(reading), Err(Fault::Lagged(missed))) => {
                reading.lagged(missed);
                continue;
            }
            (Arm::Subscription(reading), Ok(Gone::Shared(parcel))) => {
                reading.tell(call, &parcel)?
            }
            (Arm::Await(task), Err(Fault::Closed)) => task::result(call, task)?,
            (_, Ok(Gone::Received(parcel))) => call.unpack(&parcel)?,
            (_, Ok(Gone::Shared(parcel))) => call.unpack(&parcel)?,
            (_, Ok(Gone::Due(tick))) => timer::told(tick),
            (_, Ok(Gone::Sent)) => vec![Value::Boolean(true)],
            (_, Err(fault)) => refused(call, fault, request.late)?,
        };
        reply.insert(0, Value::Integer(*key));
        return Ok(reply);
    }
}

fn read(call: &Call<'_>) -> Result<Request, Fail> {
    let table = match call.arg(0) {
        Value::Table(table) if call.object(0).is_none() => table,
        other => return Err(format!("select needs a table of cases, got {}", name(&other)).into()),
    };
    let mut found = Vec::new();
    let (mut timeout, mut default) = (Value::Nil, false);
    for pair in table.pairs::<Value, Value>() {
        match pair? {
            (Value::Integer(key), case) if (1..=MOST as i64).contains(&key) => {
                found.push((key, case));
            }
            (Value::String(key), value) if *key.as_bytes() == *b"timeout" => timeout = value,
            (Value::String(key), value) if *key.as_bytes() == *b"default" => {
                default = match value {
                    Value::Boolean(default) => default,
                    other => {
                        let got = name(&other);
                        return Err(format!("default: true or false expected, got {got}").into());
                    }
                };
            }
            (key, _) => {
                let key = match &key {
                    Value::String(key) => format!("'{}'", key.to_string_lossy()),
                    other => describe(other),
                };
                let why = "is neither the number of a case nor 'timeout' nor 'default'";
                return Err(format!("select: {key} {why}").into());
            }
        }
    }
    if default && !timeout.is_nil() {
        return Err("select takes a timeout or a default, not both".into());
    }
    let deadline = (call.deadline_of(&timeout)).map_err(|fail| prefixed("timeout", fail))?;
    found.sort_unstable_by_key(|&(key, _)| key);
    let mut arms = Vec::with_capacity(found.len());
    for (key, case) in found {
        if case != Value::Boolean(false) {
            arms.push((key, arm(call, &case).map_err(|fail| of_case(key, fail))?));
        }
    }
    if arms.is_empty() && !default && timeout.is_nil() {
        return Err("select has nothing to wait for: no case, no timeout, no default".into());
    }
    Ok(Request {
        arms,
        deadline: if default { rt::TRY } else { deadline },
        late: if default { "default" } else { "timeout" },
    })
}

fn arm(call: &Call<'_>, case: &Value) -> Result<Arm, Fail> {
    let parts = match case {
        Value::Table(parts) if object_of(case).is_none() => parts,
        other => {
            let got = name(other);
            return Err(
                format!("a table such as {{channel, \"recv\"}} expected, got {got}").into(),
            );
        }
    };
    let handle: Value = parts.raw_get(1)?;
    let operation = operation(parts)?;
    let object = object_of(&handle);
    let arm = match (&object, &*operation) {
        (Some(Object::Channel(channel)), b"recv") => Arm::Recv(Arc::clone(channel)),
        (Some(Object::Channel(channel)), b"send") => {
            return Ok(Arm::Send(Arc::clone(channel), parts.raw_get(3)?));
        }
        (Some(Object::Subscription(subscription)), b"recv") => {
            Arm::Subscription(Reading::begin(Arc::clone(subscription))?)
        }
        (Some(Object::Timer(timer)), b"recv") => Arm::Timer(Arc::clone(timer)),
        (Some(Object::Task(task)), b"await") => {
            task::awaitable(call, task)?;
            Arm::Await(Arc::clone(task))
        }
        (Some(Object::Task(task)), b"next") => {
            Arm::Next(Arc::clone(task), task::stream(call, task)?)
        }
        _ => return Err(refusal(object.as_ref(), &handle, &operation)),
    };
    if !matches!(parts.raw_get(3)?, Value::Nil) {
        let operation = String::from_utf8_lossy(&operation);
        return Err(format!("\"{operation}\" takes no value").into());
    }
    Ok(arm)
}

fn operation(parts: &Table) -> Result<Vec<u8>, Fail> {
    match parts.raw_get(2)? {
        Value::String(operation) => Ok(operation.as_bytes().to_vec()),
        other => {
            let got = name(&other);
            Err(format!("an operation expected, such as \"recv\", got {got}").into())
        }
    }
}

/// Why a case cannot be waited for.
fn refusal(object: Option<&Object>, handle: &Value, operation: &[u8]) -> Fail {
    let can = match object {
        Some(Object::Channel(_)) => "\"recv\" or \"send\"",
        Some(Object::Subscription(_) | Object::Timer(_)) => "\"recv\"",
        Some(Object::Task(_)) => "\"await\" or \"next\"",
        Some(Object::Broadcast(_)) => {
            return "a broadcast is never waited for: send does not wait, and values are received \
                    from a subscription"
                .into();
        }
        _ => {
            let got = name(handle);
            let what = "a channel, a subscription, a timer or a task";
            return format!("{what} expected, got {got}").into();
        }
    };
    let kind = object.map_or("", Object::kind);
    let operation = String::from_utf8_lossy(operation);
    format!("{kind} is waited for with {can}, not with \"{operation}\"").into()
}

/// What a value is, for a message.
fn name(value: &Value) -> String {
    match object_of(value) {
        Some(object) => object.kind().to_owned(),
        None => value.type_name().to_owned(),
    }
}

fn of_case(key: i64, fail: Fail) -> Fail {
    prefixed(&format!("case {key}"), fail)
}

fn prefixed(what: &str, fail: Fail) -> Fail {
    match fail {
        Fail::Message(message) => Fail::Message(format!("{what}: {message}")),
        ending => ending,
    }
}

//! Buffers: one shared value, copied in and copied out.
//!
//! The value is a parcel, so every `get` makes a fresh copy. Writers take the buffer's lock: `set`
//! for the moment of the exchange, `mod` for as long as its function runs. Readers do not: they see
//! the last value that was committed, and so never wait, not even inside the `mod` of the same
//! buffer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::Value;

use crate::api::{Call, Fail, Native, Reply};
use crate::lock::{Lock, Locked};
use crate::module::Kind;
use crate::object::Object;
use crate::parcel::{self, Parcel};
use crate::rt;

/// What a script's buffer handle names.
#[derive(Debug)]
pub(crate) struct Buffer {
    lock: Arc<Lock>,
    /// `None` once it was cleaned.
    value: Mutex<Option<Arc<Parcel>>>,
}

impl Buffer {
    fn value(&self) -> Result<Arc<Parcel>, Fail> {
        self.slot()
            .clone()
            .ok_or_else(|| "the buffer was cleaned".into())
    }

    fn replace(&self, parcel: Parcel) -> Result<(), Fail> {
        match &mut *self.slot() {
            Some(value) => *value = Arc::new(parcel),
            None => return Err("the buffer was cleaned".into()),
        }
        Ok(())
    }

    /// Held only for an exchange of pointers.
    fn slot(&self) -> MutexGuard<'_, Option<Arc<Parcel>>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acquire(&self, call: &Call<'_>) -> Result<u64, Fail> {
        let (_, task) = call.current()?;
        if self.lock.is_held_by(task.id()) {
            return Err("the buffer is being modified by this task".into());
        }
        match self.lock.lock(call.local, task.id(), rt::FOREVER) {
            Ok(Locked::Yes | Locked::Abandoned) => Ok(task.id()),
            Ok(Locked::TimedOut) => Err("the buffer's lock could not be had".into()),
            Err(refused) => Err(refused.fail("the buffer")),
        }
    }

    fn release(&self, call: &Call<'_>) -> Result<(), Fail> {
        let (_, task) = call.current()?;
        self.lock
            .unlock(call.local, task.id())
            .map_err(|_| Fail::from("the buffer is not being modified by this task"))
    }
}

pub(crate) const METHODS: &[(&str, Native)] = &[
    ("get", |call| call.unpack(&*buffer(call)?.value()?)),
    ("set", |call| {
        let buffer = buffer(call)?;
        let parcel = call.pack_one(1)?;
        buffer.value()?;
        buffer.acquire(call)?;
        let result = buffer.replace(parcel);
        buffer.release(call)?;
        result.map(|()| vec![])
    }),
    ("clean", |call| {
        buffer(call)?.slot().take();
        Ok(vec![])
    }),
];

pub(crate) const NEW_INDEX: (&str, Native) = ("__newindex", |_| {
    Err("a buffer's fields are read only: use set or mod".into())
});

/// What the prelude makes `mod` and indexing of.
pub(crate) const HIDDEN: &[(&str, Native)] = &[
    ("buffer_begin", |call| {
        let buffer = buffer(call)?;
        if !matches!(call.arg(1), Value::Function(_)) {
            let got = call.arg(1).type_name();
            return Err(format!("buffer:mod needs a function, got {got}").into());
        }
        buffer.value()?;
        buffer.acquire(call)?;
        let value = buffer.value().and_then(|value| call.unpack(&value));
        if value.is_err() {
            buffer.release(call)?;
        }
        value
    }),
    ("buffer_commit", |call| {
        let buffer = buffer(call)?;
        let result = match call.arg(1) {
            Value::Nil => Ok(()),
            _ => call.pack_one(1).and_then(|parcel| buffer.replace(parcel)),
        };
        buffer.release(call)?;
        result.map(|()| vec![])
    }),
    ("buffer_abort", |call| {
        buffer(call)?.release(call).map(|()| vec![])
    }),
    // True and what is at the key, or false and all of the value.
    ("buffer_index", |call| {
        let value = buffer(call)?.value()?;
        let builtins = call.local.builtins();
        match parcel::unpack_entry(call.lua, &builtins, &value, &call.arg(1))? {
            Some(found) => Ok(vec![Value::Boolean(true), found]),
            None => {
                let whole = parcel::unpack_one(call.lua, &builtins, &value)?;
                Ok(vec![Value::Boolean(false), whole])
            }
        }
    }),
];

pub(crate) fn create(call: &Call<'_>) -> Reply {
    let value = Mutex::new(Some(Arc::new(call.pack_one(0)?)));
    let lock = Arc::new(Lock::new()?);
    call.wrap(
        Object::Buffer(Arc::new(Buffer { lock, value })),
        Kind::Buffer,
    )
}

fn buffer(call: &Call<'_>) -> Result<Arc<Buffer>, Fail> {
    match call.object(0) {
        Some(Object::Buffer(buffer)) => Ok(buffer),
        _ => Err(call.expected("a buffer")),
    }
}

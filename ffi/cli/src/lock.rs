//! Locks that know their owner: a script's mutexes, the locks named by integers, and the one inside
//! every buffer.
//!
//! The lock itself is a runtime channel holding one token; whoever has the token holds the lock.
//! Waiting is receiving, so it suspends the fiber, keeps the order of arrival, and ends with the
//! deadline or when the task is killed. A short native mutex guards the owner's name; it is never
//! held across a wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::Value;

use crate::api::{Call, Fail, Native, Reply};
use crate::module::Kind;
use crate::object::Object;
use crate::rt::{self, Chan, Fault};
use crate::state::Local;

/// A lock owned by at most one task.
#[derive(Debug)]
pub(crate) struct Lock {
    token: Chan<()>,
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    /// The number of the task that holds it, or 0.
    owner: u64,
    /// The last owner ended without unlocking.
    abandoned: bool,
    freed: bool,
}

/// How an attempt to lock ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    Yes,
    /// Yes, but the previous owner ended while it held the lock.
    Abandoned,
    TimedOut,
}

/// Why a lock cannot be used like this. The text begins with a verb for [`Lock::lock`] and friends
/// to complete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    AlreadyHeld,
    NotHeld,
    HeldByAnother,
    Held,
    Freed,
}

impl Misuse {
    fn text(&self, what: &str) -> String {
        match self {
            Misuse::AlreadyHeld => format!("{what} is already held by this task"),
            Misuse::NotHeld => format!("{what} is not locked"),
            Misuse::HeldByAnother => format!("{what} is held by another task"),
            Misuse::Held => format!("{what} is locked and cannot be freed"),
            Misuse::Freed => format!("{what} was freed"),
        }
    }
}

impl Lock {
    pub(crate) fn new() -> Result<Lock, Fault> {
        let token = Chan::bounded(1)?;
        token
            .send(Box::new(()), rt::TRY)
            .map_err(|(fault, _)| fault)?;
        Ok(Lock {
            token,
            facts: Mutex::default(),
        })
    }

    /// Waits for the lock until the deadline.
    pub(crate) fn lock(
        self: &Arc<Self>,
        local: &Local,
        me: u64,
        deadline: i64,
    ) -> Result<Locked, Refused> {
        {
            let facts = self.facts();
            if facts.freed {
                return Err(Refused::Misuse(Misuse::Freed));
            }
            if facts.owner == me {
                return Err(Refused::Misuse(Misuse::AlreadyHeld));
            }
        }
        match self.token.recv(deadline) {
            Ok(_) => {}
            Err(Fault::TimedOut | Fault::Again) => return Ok(Locked::TimedOut),
            Err(Fault::Closed) => return Err(Refused::Misuse(Misuse::Freed)),
            Err(fault) => return Err(Refused::Fault(fault)),
        }
        local.held.borrow_mut().push(Arc::clone(self));
        let mut facts = self.facts();
        facts.owner = me;
        Ok(if std::mem::take(&mut facts.abandoned) {
            Locked::Abandoned
        } else {
            Locked::Yes
        })
    }

    pub(crate) fn unlock(self: &Arc<Self>, local: &Local, me: u64) -> Result<(), Misuse> {
        let mut facts = self.facts();
        match facts.owner {
            _ if facts.freed => return Err(Misuse::Freed),
            0 => return Err(Misuse::NotHeld),
            owner if owner != me => return Err(Misuse::HeldByAnother),
            _ => {}
        }
        facts.owner = 0;
        drop(facts);
        local
            .held
            .borrow_mut()
            .retain(|held| !Arc::ptr_eq(held, self));
        self.give_back();
        Ok(())
    }

    /// Ends the lock's life. Tasks that wait for it get an error.
    pub(crate) fn free(&self) -> Result<(), Misuse> {
        let mut facts = self.facts();
        if facts.freed {
            return Err(Misuse::Freed);
        }
        if facts.owner != 0 {
            return Err(Misuse::Held);
        }
        facts.freed = true;
        drop(facts);
        self.token.close();
        Ok(())
    }

    /// Whether this task holds the lock.
    pub(crate) fn is_held_by(&self, me: u64) -> bool {
        self.facts().owner == me
    }

    /// Releases every lock that an ending task still holds.
    pub(crate) fn release_all(local: &Local) {
        for lock in local.held.take() {
            {
                let mut facts = lock.facts();
                facts.owner = 0;
                facts.abandoned = true;
            }
            lock.give_back();
        }
    }

    fn give_back(&self) {
        // There is one token and room for one: this neither waits nor fails, unless the lock was
        // freed.
        let _ = self.token.send(Box::new(()), rt::TRY);
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an attempt to lock did not end in an answer.
#[derive(Debug)]
pub(crate) enum Refused {
    Misuse(Misuse),
    Fault(Fault),
}

/// The locks named by integers. One exists while somebody holds it or waits for it.
#[derive(Debug, Default)]
pub(crate) struct Named {
    locks: Mutex<HashMap<i64, Arc<Lock>>>,
}

impl Named {
    fn get_or_create(&self, id: i64) -> Result<Arc<Lock>, Fault> {
        let mut locks = self.lock();
        if let Some(lock) = locks.get(&id) {
            return Ok(Arc::clone(lock));
        }
        let lock = Arc::new(Lock::new()?);
        locks.insert(id, Arc::clone(&lock));
        Ok(lock)
    }

    fn get(&self, id: i64) -> Option<Arc<Lock>> {
        self.lock().get(&id).cloned()
    }

    /// Forgets a lock that nobody holds or waits for. References come only from the map, under its
    /// mutex, so a count of one (the map's) plus the caller's cannot grow meanwhile.
    fn forget_if_unused(&self, id: i64, mine: Arc<Lock>) {
        let mut locks = self.lock();
        drop(mine);
        if locks
            .get(&id)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(&id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Arc<Lock>>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `vitte.mutex()`.
pub(crate) fn create(call: &Call<'_>) -> Reply {
    call.wrap(Object::Mutex(Arc::new(Lock::new()?)), Kind::Mutex)
}

/// `vitte.lock(id, timeout_ms)`.
pub(crate) fn lock(call: &Call<'_>) -> Reply {
    answer(call, lock_named(call, call.deadline(1)?)?)
}

/// `vitte.trylock(id)`.
pub(crate) fn trylock(call: &Call<'_>) -> Reply {
    Ok(vec![Value::Boolean(
        lock_named(call, rt::TRY)? != Locked::TimedOut,
    )])
}

/// `vitte.unlock(id)`.
pub(crate) fn unlock(call: &Call<'_>) -> Reply {
    let (host, task) = call.current()?;
    let id = id(call)?;
    let what = format!("lock {id}");
    let Some(lock) = host.named().get(id) else {
        return Err(Misuse::NotHeld.text(&what).into());
    };
    let result = lock.unlock(call.local, task.id());
    host.named().forget_if_unused(id, lock);
    result.map_err(|misuse| misuse.text(&what))?;
    Ok(vec![])
}

pub(crate) const METHODS: &[(&str, Native)] = &[
    ("lock", |call| {
        answer(call, lock_mutex(call, call.deadline(1)?)?)
    }),
    ("trylock", |call| {
        Ok(vec![Value::Boolean(
            lock_mutex(call, rt::TRY)? != Locked::TimedOut,
        )])
    }),
    ("unlock", |call| {
        let (_, task) = call.current()?;
        let result = mutex(call)?.unlock(call.local, task.id());
        result.map_err(|misuse| misuse.text("the mutex"))?;
        Ok(vec![])
    }),
    ("free", |call| {
        mutex(call)?
            .free()
            .map_err(|misuse| misuse.text("the mutex"))?;
        Ok(vec![])
    }),
];

fn answer(call: &Call<'_>, locked: Locked) -> Reply {
    match locked {
        Locked::Yes => Ok(vec![Value::Boolean(true)]),
        Locked::Abandoned => Ok(vec![Value::Boolean(true), call.string("abandoned")?]),
        Locked::TimedOut => call.nothing("timeout"),
    }
}

fn id(call: &Call<'_>) -> Result<i64, Fail> {
    match call.arg(0) {
        Value::Integer(id) => Ok(id),
        Value::Number(n) if n as i64 as f64 == n => Ok(n as i64),
        other => Err(format!(
            "a lock is named by a whole number, got {}",
            other.type_name()
        )
        .into()),
    }
}

fn mutex(call: &Call<'_>) -> Result<Arc<Lock>, Fail> {
    match call.object(0) {
        Some(Object::Mutex(lock)) => Ok(lock),
        _ => Err(call.expected("a mutex")),
    }
}

fn lock_mutex(call: &Call<'_>, deadline: i64) -> Result<Locked, Fail> {
    let (_, task) = call.current()?;
    let result = mutex(call)?.lock(call.local, task.id(), deadline);
    result.map_err(|refused| refused.fail("the mutex"))
}

fn lock_named(call: &Call<'_>, deadline: i64) -> Result<Locked, Fail> {
    let (host, task) = call.current()?;
    let id = id(call)?;
    let lock = host.named().get_or_create(id)?;
    let result = lock.lock(call.local, task.id(), deadline);
    if !matches!(result, Ok(Locked::Yes | Locked::Abandoned)) {
        host.named().forget_if_unused(id, lock);
    }
    result.map_err(|refused| refused.fail(&format!("lock {id}")))
}

impl Refused {
    pub(crate) fn fail(self, what: &str) -> Fail {
        match self {
            Refused::Misuse(misuse) => misuse.text(what).into(),
            Refused::Fault(fault) => fault.into(),
        }
    }
}

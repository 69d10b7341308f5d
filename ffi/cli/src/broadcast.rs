//! Broadcasts: every value to every subscriber. A value is packed once, kept once, and unpacked by
//! each subscriber for himself.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::Value;

use crate::api::{Call, Fail, Native, Reply};
use crate::channel::{describe, refused, sendable};
use crate::module::Kind;
use crate::object::Object;
use crate::parcel::Parcel;
use crate::rt::{self, Case, Chan, Fault, Gone, Source, Tap};

/// What a script's broadcast handle names.
#[derive(Debug)]
pub(crate) struct Broadcast {
    source: Source<Parcel>,
    capacity: usize,
    closed: AtomicBool,
    /// How many seats are taken.
    audience: Arc<AtomicUsize>,
}

/// What a subscriber's handle names.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// `None` once the script has closed it.
    tap: Mutex<Option<(Tap<Parcel>, Seat)>>,
    /// Closed with it, to wake who is receiving. Nothing is ever sent.
    shut: Chan<()>,
    /// Somebody is receiving: there is only one position to move on.
    reading: AtomicBool,
    /// Missed, and not yet told. Written by whoever is reading.
    untold: AtomicU64,
    /// Missed and told.
    told: AtomicU64,
}

/// One of those who are subscribed.
#[derive(Debug)]
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) const METHODS: &[(&str, Native)] = &[
    ("send", send),
    ("subscribe", |call| {
        let subscription = Subscription::new(&*broadcast(call)?)?;
        call.wrap(
            Object::Subscription(Arc::new(subscription)),
            Kind::Subscription,
        )
    }),
    ("close", |call| {
        let broadcast = broadcast(call)?;
        let first = !broadcast.closed.swap(true, Ordering::Relaxed);
        broadcast.source.close();
        Ok(vec![Value::Boolean(first)])
    }),
    ("capacity", |call| {
        Ok(vec![Value::Integer(broadcast(call)?.capacity as i64)])
    }),
];

/// `subscription(...)`, as a loop's iterator.
pub(crate) const CALL: (&str, Native) = ("__call", |call| recv(call, rt::FOREVER, "timeout"));

pub(crate) const SUBSCRIPTION_METHODS: &[(&str, Native)] = &[
    ("recv", |call| recv(call, call.deadline(1)?, "timeout")),
    ("try_recv", |call| recv(call, rt::TRY, "empty")),
    ("iter", |call| {
        subscription(call)?;
        // The handle is its own iterator.
        Ok(vec![call.arg(0)])
    }),
    ("missed", |call| {
        let told = subscription(call)?.told.load(Ordering::Relaxed);
        Ok(vec![Value::Integer(told.cast_signed())])
    }),
    ("close", |call| {
        Ok(vec![Value::Boolean(subscription(call)?.close())])
    }),
];

fn broadcast(call: &Call<'_>) -> Result<Arc<Broadcast>, Fail> {
    match call.object(0) {
        Some(Object::Broadcast(broadcast)) => Ok(broadcast),
        _ => Err(call.expected("a broadcast")),
    }
}

fn subscription(call: &Call<'_>) -> Result<Arc<Subscription>, Fail> {
    match call.object(0) {
        Some(Object::Subscription(subscription)) => Ok(subscription),
        _ => Err(call.expected("a subscription")),
    }
}

/// `vitte.broadcast(capacity)`.
pub(crate) fn create(call: &Call<'_>) -> Reply {
    let capacity = match call.arg(0) {
        Value::Integer(i) => usize::try_from(i)
            .ok()
            .filter(|n| (1..=rt::CAPACITY_MAX).contains(n))
            .ok_or_else(|| {
                let most = rt::CAPACITY_MAX;
                Fail::Message(format!(
                    "a broadcast's capacity lies between 1 and {most}, got {i}"
                ))
            })?,
        other => {
            let got = describe(&other);
            return Err(format!("a broadcast needs a capacity, a whole number, got {got}").into());
        }
    };
    let broadcast = Broadcast {
        source: Source::create(capacity)?,
        capacity,
        closed: AtomicBool::new(false),
        audience: Arc::default(),
    };
    call.wrap(Object::Broadcast(Arc::new(broadcast)), Kind::Broadcast)
}

/// `broadcast:send(value)`: how many will get it.
fn send(call: &Call<'_>) -> Reply {
    let broadcast = broadcast(call)?;
    let value = sendable(call.pack_one(1)?)?;
    match broadcast.source.send(Arc::new(value)) {
        Ok(()) => {
            // Somebody has it, even if he has left since.
            let n = broadcast.audience.load(Ordering::Relaxed).max(1);
            Ok(vec![Value::Integer(n as i64)])
        }
        Err(Fault::Nobody) => Ok(vec![Value::Integer(0)]),
        Err(fault) => refused(call, fault, "full"),
    }
}

fn recv(call: &Call<'_>, deadline: i64, late: &str) -> Reply {
    let mut reading = Reading::begin(subscription(call)?)?;
    match reading.recv(deadline) {
        Ok(parcel) => reading.tell(call, &parcel),
        Err(fault) => refused(call, fault, late),
    }
}

impl Subscription {
    fn new(broadcast: &Broadcast) -> Result<Self, Fault> {
        let shut = Chan::bounded(1)?;
        let tap = broadcast.source.subscribe()?;
        broadcast.audience.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(&broadcast.audience));
        Ok(Subscription {
            tap: Mutex::new(Some((tap, seat))),
            shut,
            reading: AtomicBool::new(false),
            untold: AtomicU64::new(0),
            told: AtomicU64::new(0),
        })
    }

    /// Lets go of what was not received. False if it was closed before.
    fn close(&self) -> bool {
        let tap = self.tap().take();
        self.shut.close();
        tap.is_some()
    }

    /// Never held across a wait.
    fn tap(&self) -> MutexGuard<'_, Option<(Tap<Parcel>, Seat)>> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to receive from a subscription, which one has at a time.
#[derive(Debug)]
pub(crate) struct Reading {
    subscription: Arc<Subscription>,
    /// `None` if it is closed.
    tap: Option<Tap<Parcel>>,
}

impl Reading {
    /// Begins to receive; an error if somebody else does.
    pub(crate) fn begin(subscription: Arc<Subscription>) -> Result<Self, Fail> {
        // Ordering: Acquire, partner: the store of `drop`. What the last reader did is done.
        if subscription.reading.swap(true, Ordering::Acquire) {
            return Err("the subscription is being received from already: \
                        every task needs one of its own"
                .into());
        }
        let tap = subscription.tap().as_ref().map(|(tap, _)| tap.clone());
        Ok(Reading { subscription, tap })
    }

    /// What to wait for: the next value, if there can be one, and the end.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Case<'_, Parcel>> {
        let end = Case::Closing(&self.subscription.shut);
        self.tap.iter().map(Case::Tap).chain([end])
    }

    /// Remembers how many were missed, to be told with the next value.
    pub(crate) fn lagged(&self, missed: u64) {
        self.subscription
            .untold
            .fetch_add(missed, Ordering::Relaxed);
    }

    /// A value and how many were missed before it.
    pub(crate) fn tell(&self, call: &Call<'_>, parcel: &Parcel) -> Reply {
        let mut values = call.unpack(parcel)?;
        let missed = self.subscription.untold.swap(0, Ordering::Relaxed);
        self.subscription.told.fetch_add(missed, Ordering::Relaxed);
        values.push(Value::Integer(missed.cast_signed()));
        Ok(values)
    }

    fn recv(&mut self, deadline: i64) -> Result<Arc<Parcel>, Fault> {
        loop {
            let at_once = match &self.tap {
                Some(tap) => tap.try_recv(),
                None => Err(Fault::Closed),
            };
            let received = match at_once {
                Err(Fault::Again) if deadline != rt::TRY => self.wait(deadline),
                other => other,
            };
            match received {
                Err(Fault::Lagged(missed)) => self.lagged(missed),
                other => return other,
            }
        }
    }

    fn wait(&self, deadline: i64) -> Result<Arc<Parcel>, Fault> {
        let mut cases: Vec<_> = self.cases().collect();
        match rt::select(&mut cases, deadline)?.1? {
            Gone::Shared(parcel) => Ok(parcel),
            Gone::Received(_) | Gone::Sent | Gone::Due(_) => {
                unreachable!("a subscription gives shared values")
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Ordering: Release, partner: the swap of `begin`.
        self.subscription.reading.store(false, Ordering::Release);
    }
}

//! What belongs to one unit alone and ends with it: its values under keys, and the calls it has put off.
//!
//! A fiber has its own, wherever it runs, also where it runs on the stack of another; a plain thread has its
//! own. Both come to an end in the same way, see [`Locals::end`].
//!
//! **Invariants:** the locals of a unit are touched by its owner only, and nothing foreign is called while they
//! are borrowed.

use crate::{
    Unit, confined, current,
    facade::{atomic::Ordering::Relaxed, plain::AtomicU64},
    thread::ThreadUnit,
};
use std::{any::Any, cell::RefCell, fmt, mem, ptr::NonNull, rc::Rc};

/// How often the values are gone through at the end, for those that the destructors of others set anew. What is
/// left then is forgotten, never dropped. (POSIX asks for as many rounds.)
const ROUNDS: usize = 4;

/// See the [module documentation](self).
#[derive(Default)]
pub struct Locals {
    /// In the order of their keys.
    values: RefCell<Vec<(u64, Rc<dyn Any>)>>,
    /// In the order in which they were put off.
    deferred: RefCell<Vec<Box<dyn FnOnce()>>>,
}

// SAFETY: see the invariants: what is in there is touched by its unit only, which, if it changes threads, was
// spawned with the promise that what it keeps may. Others may hold a reference, and do nothing with it.
unsafe impl Send for Locals {}
// SAFETY: as above.
unsafe impl Sync for Locals {}

impl fmt::Debug for Locals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locals").finish_non_exhaustive()
    }
}

impl Locals {
    /// Makes the calls that were put off, the last first, then drops the values, in no particular order.
    ///
    /// Each exactly once, though others panic: a panic is reported by the panic hook, and goes no
    /// further. Values that destructors set anew are dropped too, four times over at the most; then
    /// they are forgotten.
    ///
    /// # Safety
    /// The caller is the unit whose locals these are.
    pub unsafe fn end(&self) {
        for _ in 0..ROUNDS {
            self.make_deferred_calls();
            let count = self.values.borrow().len();
            if count == 0 {
                return;
            }
            for _ in 0..count {
                let last = self.values.borrow_mut().pop();
                confined(|| drop(last));
            }
        }
        self.make_deferred_calls();
        mem::forget(mem::take(&mut *self.values.borrow_mut()));
    }

    fn make_deferred_calls(&self) {
        loop {
            let Some(call) = self.deferred.borrow_mut().pop() else {
                return;
            };
            confined(call);
        }
    }
}

/// Lets `look` at the caller's own locals.
fn own<R>(look: impl FnOnce(&Locals) -> R) -> R {
    let unit: &'static Unit = current::unit();
    let locals = match unit.ops() {
        Some(ops) => (ops.locals)(unit),
        // SAFETY: units without a table are the `unit` fields of thread units, which are immortal.
        None => unsafe { ThreadUnit::of(NonNull::from(unit)) }.locals(),
    };
    // SAFETY: they are there until the unit ends, and it is the caller.
    look(unsafe { &*locals })
}

/// Has `call` made when the calling fiber, or thread, ends, in whichever way: it returns, panics, is unwound,
/// or given up where it stands. Of several calls the last one is made first, each though others panic.
///
/// It is made on the fiber itself, with its cancellation masked, so it may wait. What it captures is a
/// part of the fiber: if that may move between threads, so must this. (A thread makes them among the destructors of
/// its thread-locals; that the main thread does is up to the system.)
///
/// ```
/// use std::{rc::Rc, cell::RefCell, sync::mpsc, thread};
/// use vitte_wait::local::defer;
///
/// let (sender, said) = mpsc::channel();
/// thread::spawn(move || {
///     let other = sender.clone();
///     defer(move || sender.send("registered first").unwrap());
///     defer(move || other.send("registered last").unwrap());
/// });
/// assert_eq!(said.iter().collect::<Vec<_>>(), ["registered last", "registered first"]);
/// ```
pub fn defer(call: impl FnOnce() + 'static) {
    let call = Box::new(call);
    own(|locals| locals.deferred.borrow_mut().push(call));
}

/// A key under which every unit has a value of its own, of whatever type. Never given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalKey(u64);

impl LocalKey {
    /// A key that nobody has.
    #[must_use]
    pub fn draw() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Relaxed) + 1)
    }

    /// The key with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// A number that tells it from all others; not zero.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The caller's own value.
    #[must_use]
    pub fn get(self) -> Option<Rc<dyn Any>> {
        own(|locals| {
            let values = locals.values.borrow();
            let at = values.binary_search_by_key(&self.0, |(key, _)| *key).ok()?;
            Some(Rc::clone(&values[at].1))
        })
    }

    /// Sets the caller's own value, and returns the one before.
    pub fn set(self, value: Rc<dyn Any>) -> Option<Rc<dyn Any>> {
        own(|locals| {
            let mut values = locals.values.borrow_mut();
            match values.binary_search_by_key(&self.0, |(key, _)| *key) {
                Ok(at) => Some(mem::replace(&mut values[at].1, value)),
                Err(at) => {
                    values.insert(at, (self.0, value));
                    None
                }
            }
        })
    }

    /// Takes the caller's own value away.
    #[must_use]
    pub fn take(self) -> Option<Rc<dyn Any>> {
        own(|locals| {
            let mut values = locals.values.borrow_mut();
            let at = values.binary_search_by_key(&self.0, |(key, _)| *key).ok()?;
            Some(values.remove(at).1)
        })
    }
}

/// A value that every fiber has of its own, and every plain thread: made when it is first asked for, dropped
/// when the fiber or thread ends.
///
/// A fiber keeps it wherever it runs; one that runs on its joiner's stack has its own too. It is usually a
/// static. If it is not, values outlive it, until their fibers and threads end.
///
/// ```
/// use std::{cell::Cell, thread};
/// use vitte_wait::local::FiberLocal;
///
/// static DEPTH: FiberLocal<Cell<u32>> = FiberLocal::new(|| Cell::new(0));
///
/// DEPTH.with(|depth| depth.set(1));
/// thread::spawn(|| DEPTH.with(|depth| assert_eq!(depth.get(), 0))).join().unwrap();
/// assert_eq!(DEPTH.take().map(Cell::into_inner), Some(1));
/// DEPTH.with(|depth| assert_eq!(depth.get(), 0, "made anew"));
/// ```
pub struct FiberLocal<T: 'static> {
    /// 0: not drawn yet.
    key: AtomicU64,
    init: fn() -> T,
}

impl<T: 'static> FiberLocal<T> {
    /// A local whose values are made by `init`.
    #[must_use]
    pub const fn new(init: fn() -> T) -> Self {
        Self {
            key: AtomicU64::new(0),
            init,
        }
    }

    fn key(&self) -> LocalKey {
        match self.key.load(Relaxed) {
            0 => {
                let drawn = LocalKey::draw();
                let other = self.key.compare_exchange(0, drawn.0, Relaxed, Relaxed);
                other.map_or_else(LocalKey, |_| drawn)
            }
            key => LocalKey(key),
        }
    }

    fn get(&self) -> Option<Rc<T>> {
        // Under this key there are only such values.
        self.key().get()?.downcast().ok()
    }

    /// Lends the caller's own value, made now if it has none.
    ///
    /// `look` may wait, set the value, or use other locals: what it was lent stays until it returns. If
    /// `init` asks for the value that it is about to make, or sets it, that one stays.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let value = self.get().unwrap_or_else(|| {
            let made = Rc::new((self.init)());
            match self.get() {
                Some(value) => value,
                None => {
                    self.key().set(Rc::clone(&made) as Rc<dyn Any>);
                    made
                }
            }
        });
        look(&value)
    }

    /// Sets the caller's own value, and drops the one before, unless it is lent: then when it is given back.
    pub fn set(&self, value: T) {
        drop(self.key().set(Rc::new(value)));
    }

    /// Takes the caller's own value; `None` if it has none yet.
    ///
    /// # Panics
    /// If the value is lent by [`with`](Self::with).
    pub fn take(&self) -> Option<T> {
        let value = self.get()?;
        drop(self.key().take());
        match Rc::try_unwrap(value) {
            Ok(value) => Some(value),
            Err(lent) => {
                self.key().set(lent);
                panic!("the value of a fiber-local cannot be taken while `with` lends it");
            }
        }
    }
}

impl<T: 'static> fmt::Debug for FiberLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FiberLocal").finish_non_exhaustive()
    }
}

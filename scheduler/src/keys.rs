//! Keys for the C ABI: numbers of a runtime, under which each of its fibers, and any plain thread, has a pointer of
//! its own, with a destructor.
//!
//! A key lives as long as its runtime, and its number is never used again; so a stale one is recognised. The
//! table is the process's, for a plain thread belongs to no runtime.

use crate::{Scheduler, shared::Shared, worker};
use std::{cell::Cell, collections::BTreeMap, ffi::c_void, fmt, ptr, rc::Rc, sync::Arc};
use vitte_wait::{
    facade::{
        atomic::Ordering::*,
        plain::{AtomicPtr, Mutex},
    },
    local::LocalKey,
};

/// Called with what a fiber or thread has under a key, if that is not null, when the fiber or thread ends.
pub type KeyDestructor = unsafe extern "C-unwind" fn(*mut c_void);

struct Key {
    /// Whose it is; null when that has ended.
    owner: AtomicPtr<Shared>,
    destructor: Option<KeyDestructor>,
}

impl Key {
    fn owner(&self) -> *mut Shared {
        // Ordering: Acquire. Partner: the Release in `forget`.
        self.owner.load(Acquire)
    }
}

static KEYS: Mutex<BTreeMap<u32, Arc<Key>>> = Mutex::new(BTreeMap::new());

/// What a unit has under a key.
struct Kept {
    value: Cell<*mut c_void>,
    key: Arc<Key>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let value = self.value.get();
        if let Some(destructor) = self.key.destructor
            && !value.is_null()
            && !self.key.owner().is_null()
        {
            // SAFETY: whoever made the key answers for the destructor and for what is set under it.
            unsafe { destructor(value) };
        }
    }
}

/// Why a value could not be set under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The key was never made, or its runtime has ended.
    Stale,
    /// The key is that of another runtime than the calling fiber's.
    Foreign,
    /// There were as many keys as there are numbers.
    TooMany,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stale => "there is no such key, or its runtime has ended",
            Self::Foreign => "the key belongs to another runtime than the fiber",
            Self::TooMany => "all numbers for keys were used up: make keys once, and keep them",
        })
    }
}

impl std::error::Error for KeyError {}

impl Scheduler {
    /// Makes a key, for the fibers of this scheduler and for plain threads, which is good until the scheduler
    /// ends.
    ///
    /// # Errors
    /// [`KeyError::TooMany`] after 2^32 locals and keys in this process.
    ///
    /// # Safety
    /// `destructor` may be called with whatever is [set](set_local) under the key and not null, on the fiber
    /// or thread that set it, until the scheduler ends. It may wait; it does not unwind but by a panic.
    ///
    /// ```
    /// use vitte_scheduler::{Config, Scheduler, local, set_local};
    ///
    /// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
    /// // SAFETY: nothing is called.
    /// let key = unsafe { scheduler.create_key(None)? };
    /// let mut value = 7;
    /// set_local(key, (&raw mut value).cast())?;
    /// assert!(!local(key).is_null());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn create_key(&self, destructor: Option<KeyDestructor>) -> Result<u32, KeyError> {
        let number = LocalKey::draw().number();
        let number = u32::try_from(number).map_err(|_| KeyError::TooMany)?;
        let key = Key {
            owner: AtomicPtr::new(Arc::as_ptr(&self.0).cast_mut()),
            destructor,
        };
        KEYS.lock().insert(number, Arc::new(key));
        Ok(number)
    }
}

/// The keys of `shared`, which ends, are good no more.
pub(crate) fn forget(shared: *const Shared) {
    KEYS.lock().retain(|_, key| {
        let stays = !ptr::eq(key.owner.load(Relaxed), shared);
        if !stays {
            // Ordering: Release. Partner: the Acquire in `Key::owner`.
            key.owner.store(ptr::null_mut(), Release);
        }
        stays
    });
}

/// Sets what the calling fiber or thread has under a key; nothing is called with what was there before. Null
/// is the same as nothing.
///
/// # Errors
/// [`KeyError::Stale`], [`KeyError::Foreign`].
///
/// ```
/// use vitte_scheduler::{Config, KeyError, Scheduler, local, set_local};
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// // SAFETY: nothing is called.
/// let key = unsafe { scheduler.create_key(None)? };
/// let mut value = 7;
/// set_local(key, (&raw mut value).cast())?;
/// assert_eq!(local(key), (&raw mut value).cast());
/// assert_eq!(set_local(u32::MAX, std::ptr::null_mut()), Err(KeyError::Stale), "there is none");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_local(key: u32, value: *mut c_void) -> Result<(), KeyError> {
    let place = LocalKey::from_number(key.into());
    if let Some(kept) = place.get().and_then(|any| any.downcast::<Kept>().ok()) {
        if kept.key.owner().is_null() {
            return Err(KeyError::Stale);
        }
        kept.value.set(value);
        return Ok(());
    }
    let found = KEYS.lock().get(&key).cloned().ok_or(KeyError::Stale)?;
    let owner = found.owner();
    if worker::current_task().is_some_and(|(worker, _)| !worker.shared().is(owner)) {
        return Err(KeyError::Foreign);
    }
    if !value.is_null() {
        let value = Cell::new(value);
        place.set(Rc::new(Kept { value, key: found }));
    }
    Ok(())
}

/// What the calling fiber or thread has under a key; null if nothing, or if there is no such key.
///
/// ```
/// use vitte_scheduler::{Config, Scheduler, local};
///
/// let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
/// // SAFETY: nothing is called.
/// let key = unsafe { scheduler.create_key(None)? };
/// assert!(local(key).is_null(), "nothing was set");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn local(key: u32) -> *mut c_void {
    let place = LocalKey::from_number(key.into());
    let kept = place.get().and_then(|any| any.downcast::<Kept>().ok());
    let kept = kept.filter(|kept| !kept.key.owner().is_null());
    kept.map_or(ptr::null_mut(), |kept| kept.value.get())
}

//! Idle Lua states, kept for the next task.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::State;

/// More idle states than this are closed: about 64 KiB each.
const MOST_IDLE: usize = 256;

/// A state that nobody is using.
struct Idle(State);

// SAFETY: an idle state may change threads, for the reasons in Note [Moving Lua] in `state`:
// - It is wholly owned, and nothing refers to it from outside. All counts of references to it (the
//   `Lua`, the `Function`s beside it, the weak ones inside its own data, the `Rc<Local>` and its
//   clones in the host's functions) are fields of this `State` or live inside its VM. The values
//   that were handed to its task are gone.
// - No Lua or `mlua` frame of this VM is on any stack: `put` is called by the fiber that owned it,
//   after `run` returned.
// - What is in its `Local` is `Send` by itself (`Arc`s of the host's objects), and `reset` has
//   cleared it.
unsafe impl Send for Idle {}

/// The idle states of a host.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Idle>>,
    made: AtomicU64,
    reused: AtomicU64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("made", &self.made())
            .field("reused", &self.reused())
            .finish()
    }
}

impl Pool {
    /// An idle state, or a new one.
    ///
    /// # Errors
    /// When a new one is needed and there is not enough memory.
    pub(crate) fn take(&self) -> mlua::Result<State> {
        let idle = self.lock().pop();
        if let Some(Idle(state)) = idle {
            self.reused.fetch_add(1, Ordering::Relaxed);
            return Ok(state);
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        State::new()
    }

    /// Makes a state like new and keeps it, or closes it.
    pub(crate) fn put(&self, state: State) {
        if self.lock().len() >= MOST_IDLE {
            return;
        }
        if let Some(state) = state.reset() {
            self.lock().push(Idle(state));
        }
    }

    /// How many states were made.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// How many times a state was used again.
    pub(crate) fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }

    /// Never held across anything but the `Vec` operation itself.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

//! What layers above keep with a scheduler: made when it is first wanted, with threads that are the scheduler's, and
//! ended with it.
//!
//! **Invariants:** there is one guest of a type at most. After `close` none is made, and no thread is started.

use crate::{Scheduler, shared::Shared};
use std::{any::Any, fmt, io, sync::Arc};
use vitte_wait::facade::{
    Mutex,
    thread::{Builder, JoinHandle},
};

/// Something that a layer above keeps with a scheduler; see [`Scheduler::guest`].
pub trait Guest: Any + Send + Sync {
    /// Takes nothing new, and lets its threads end when they have done what they have. Called when the scheduler
    /// has ended its tasks. Does not wait.
    fn close(&self);
}

#[derive(Default)]
pub(crate) struct Guests {
    /// `None`: closed.
    guests: Mutex<Option<Vec<Arc<dyn Guest>>>>,
    /// Those that were started for them.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Guests {
    pub(crate) fn new() -> Self {
        Self {
            guests: Mutex::new(Some(Vec::new())),
            threads: Mutex::default(),
        }
    }

    /// Returns the threads, which end after what they do.
    pub(crate) fn close(&self) -> Vec<JoinHandle<()>> {
        let guests = self.guests.lock().take();
        for guest in guests.iter().flatten() {
            guest.close();
        }
        std::mem::take(&mut *self.threads.lock())
    }
}

impl fmt::Debug for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests").finish_non_exhaustive()
    }
}

impl Scheduler {
    /// The guest of type `G`, which `make` makes if there is none yet. `None`: the scheduler has ended.
    ///
    /// # Errors
    /// What `make` fails with.
    pub fn guest<G: Guest, E>(
        &self,
        make: impl FnOnce(&Self) -> Result<G, E>,
    ) -> Result<Option<Arc<G>>, E> {
        let mut guests = self.0.guests.guests.lock();
        let Some(guests) = guests.as_mut() else {
            return Ok(None);
        };
        let find = |guest: &Arc<dyn Guest>| {
            let any: Arc<dyn Any + Send + Sync> = Arc::<dyn Guest>::clone(guest);
            any.downcast::<G>().ok()
        };
        if let Some(found) = guests.iter().find_map(find) {
            return Ok(Some(found));
        }
        // Under the lock, so that it is made once. What it starts asks for no guest.
        let made = Arc::new(make(self)?);
        guests.push(Arc::<G>::clone(&made));
        Ok(Some(made))
    }

    /// Starts a thread for a guest, which ends when the guest is closed. It is called as the scheduler's are, with
    /// `name` behind; a shutdown waits for its end.
    ///
    /// # Errors
    /// The system's, if it refuses a thread.
    pub fn start_thread(
        &self,
        name: &str,
        stack_size: Option<usize>,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let its = Arc::downgrade(&self.0);
        let mut builder = Builder::new().name(format!("{}-{name}", self.0.config.name));
        if let Some(bytes) = stack_size {
            builder = builder.stack_size(bytes);
        }
        let thread = builder.spawn(move || {
            if let Some(plan) = its
                .upgrade()
                .as_ref()
                .and_then(|shared: &Arc<Shared>| shared.plan.get())
            {
                plan.release();
            }
            body();
        })?;
        self.0.guests.threads.lock().push(thread);
        Ok(())
    }
}

//! Another place for a thread to sleep in than its own: one in which it notices by itself what nobody would wake it for.
//!
//! What there is to notice is nothing to this crate: an arm of a [select](crate::select) adds it to the wait's
//! [`Lookout`] as a number, and brings the [`Bed`] whose sleeper understands such numbers.
//!
//! **Invariants:** a unit has a bed only while its thread is in one wait; whoever wakes the thread holds a share of the
//! bed, so it may be struck when the wait is long over.

use crate::Deadline;
use std::{fmt, io, sync::Arc};

/// A place for a thread to sleep in. Its maker is its only sleeper; anybody wakes him.
pub trait Bed: Send + Sync + fmt::Debug {
    /// Sleeps until there is something to see of `what`, `deadline` passes, or the bed was [struck](Self::strike) since it
    /// was made; may wake earlier. Whether there is something to see, as far as is known.
    ///
    /// Never unwinds: others are about to use the sleeper's frames.
    fn sleep(&self, what: &[u64], deadline: Deadline) -> bool;

    /// Ends the present sleep and every later one. Anywhere; never blocks; a stroke that is late does no harm.
    fn strike(&self);
}

/// What a thread that waits in a [select](crate::select) has to look out for itself, and where it sleeps meanwhile.
#[derive(Debug, Default)]
pub struct Lookout {
    bed: Option<Arc<dyn Bed>>,
    what: Vec<u64>,
}

impl Lookout {
    /// Adds something that the sleeper of the bed understands; `make` makes the bed, if this is the first. All of one
    /// wait share it, so they must be of one kind.
    ///
    /// # Errors
    /// What `make` says. Then nothing was added.
    pub fn add(
        &mut self,
        what: u64,
        make: impl FnOnce() -> io::Result<Arc<dyn Bed>>,
    ) -> io::Result<()> {
        if self.bed.is_none() {
            self.bed = Some(make()?);
        }
        self.what.push(what);
        Ok(())
    }

    /// The bed, and what to look out for in it, if there is anything.
    pub(crate) fn get(&self) -> Option<(&Arc<dyn Bed>, &[u64])> {
        Some((self.bed.as_ref()?, &self.what))
    }
}

//! Fiber ids: a number that names one fiber for ever.

use std::{fmt, num::NonZeroU64};

/// Names a fiber: the number of its record, and the generation of that record.
///
/// Records are used again, generations are not, so the id of a fiber that is gone names nobody:
/// every function that takes one then says [`Stale`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiberId(NonZeroU64);

impl FiberId {
    pub(crate) fn new(generation: u32, slot: u32) -> Self {
        let bits = u64::from(generation) << 32 | u64::from(slot);
        Self(NonZeroU64::new(bits).expect("no generation is zero"))
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0.get() >> 32) as u32
    }

    pub(crate) fn slot(self) -> u32 {
        self.0.get() as u32
    }

    /// The id as a number, never zero.
    ///
    /// ```
    /// use vitte_scheduler::{Config, FiberId, Scheduler, SpawnOptions};
    ///
    /// let scheduler = Scheduler::start(Config::default())?;
    /// let id = scheduler.spawn(&SpawnOptions::default(), || ()).id().unwrap();
    /// assert_eq!(FiberId::from_bits(id.to_bits()), Some(id));
    /// # Ok::<(), vitte_scheduler::StartError>(())
    /// ```
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// The id whose number is `bits`. `None` for zero. Any other number is an id, though perhaps
    /// of nobody.
    ///
    /// ```
    /// use vitte_scheduler::{FiberId, unpark};
    ///
    /// assert_eq!(FiberId::from_bits(0), None);
    /// let nobody = FiberId::from_bits(u64::MAX).unwrap();
    /// assert!(unpark(nobody).is_err());
    /// ```
    #[must_use]
    pub fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }
}

impl fmt::Debug for FiberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FiberId({self})")
    }
}

impl fmt::Display for FiberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.generation())
    }
}

/// The fiber that an id names is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this fiber id names no live fiber: it has ended, or was joined already")
    }
}

impl std::error::Error for Stale {}

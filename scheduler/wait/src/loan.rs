//! What one lock lends to one of its holders: urgency, until it is taken back.

use crate::{Priority, Unit};
use std::ptr;

/// Urgency [lent](Unit::lift) to a unit. Dropping it takes it back.
///
/// Whoever has one keeps it under the lock that the holder takes when it gives up what it holds. See Note
/// [Lent urgency] for what becomes of several.
#[derive(Debug)]
#[must_use = "it is taken back when this is dropped"]
pub struct Loan {
    to: &'static Unit,
    urgency: Priority,
}

impl Loan {
    /// Makes `to` at least as urgent as `urgency`, if that is of any help: a normal one is none to others of its
    /// class. A holder of the high class is helped by a high one, for he may lose it for a while.
    ///
    /// To be called while `to` is known to hold what it is lent for, and cannot give that up without looking.
    pub fn new(to: &'static Unit, urgency: Priority) -> Option<Self> {
        if urgency == Priority::Normal && to.class() != Priority::Low {
            return None;
        }
        to.lift(urgency).then_some(Self { to, urgency })
    }

    /// Who has it.
    #[must_use]
    pub fn to(&self) -> &'static Unit {
        self.to
    }

    /// Whether `unit` has it.
    #[must_use]
    pub fn is_to(&self, unit: &'static Unit) -> bool {
        ptr::eq(self.to, unit)
    }

    /// How much it is.
    #[must_use]
    pub fn urgency(&self) -> Priority {
        self.urgency
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.to.unlift(self.urgency);
    }
}

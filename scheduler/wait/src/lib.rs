//! The one door through which anything blocks.
//!
//! Whatever runs, a fiber or a plain thread, is a [`Unit`]. To block, it opens a [`Wait`], leaves
//! the wait's [`Ticket`] wherever a waker will look for it (a [`WaitQueue`], a timer, a stop
//! token), and parks. Any number of parties may hold the ticket; exactly one of them *claims* it,
//! by one compare-and-swap on the unit's word, and so decides the [`Outcome`]. Everybody else's
//! ticket is stale from that moment, and stays harmless for ever, because units are type-stable
//! and every wait has a number of its own.
//!
//! This crate does not know that fibers exist. The scheduler installs the fiber kind of unit
//! through [`UnitOps`]; a thread that nobody introduced gets a unit of its own on first use.
//!
//! ```
//! use vitte_wait::{Deadline, Outcome, Reason, Wait};
//! use std::time::Duration;
//!
//! // Nobody will claim this wait, so its deadline ends it.
//! let wait = Wait::begin(Reason::Sleep, std::ptr::null());
//! assert_eq!(wait.park(Deadline::after(Duration::from_millis(1)), None), Outcome::TimedOut);
//! ```
//!
//! Atomics, locks, threads and clocks come through [`facade`], here and in every crate above, so
//! that a model checker can take their place.

mod address;
pub mod ahead;
mod asks;
mod badge;
mod bed;
mod budget;
mod change;
mod confined;
pub mod counter;
pub mod current;
mod deadline;
pub mod detour;
mod dice;
pub mod facade;
pub mod fence;
mod flag;
mod forms;
mod loan;
pub mod local;
mod numbers;
mod priority;
mod queue;
mod reason;
mod reservation;
pub mod roster;
pub mod select;
mod short;
pub mod stack;
mod stop;
mod thread;
mod unit;
mod wait;
mod word;

pub use address::AddressTable;
#[cfg(not(any(loom, shuttle)))]
pub use address::{wait_for_holder, wait_on, wake, wake_next};
pub use badge::Wearing;
pub use bed::{Bed, Lookout};
pub use budget::{Budget, count_here, give_way};
pub use confined::confined;
pub use deadline::Deadline;
pub use loan::Loan;
pub use priority::Priority;
pub use queue::{Node, WaitQueue};
pub use reason::Reason;
pub use short::{ShortGuard, ShortLock};
pub use stop::{StopSource, StopToken, Then};
pub use unit::{Claimed, ParkKind, Ticket, Unit, UnitOps};
pub use wait::Wait;
pub use word::Outcome;

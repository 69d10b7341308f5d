//! Waiting for the first of several things: receives, sends, points in time, stops, joins.
//!
//! There are two ways to say it, with the same [engine](vitte_wait::select) below. [`select!`] is for
//! arms that are known when the program is written; [`Select`] takes any number of them at run time.
//!
//! ```
//! use std::time::Duration;
//! use vitte_channels::{Channel, select, select::SelectError};
//!
//! let ((numbers, rx), (words, heard)) = (Channel::new(), Channel::new());
//! numbers.send(7).unwrap();
//! let said = select! {
//!     recv(rx) -> n => format!("number {}", n.unwrap()),
//!     recv(heard) -> word => word.unwrap(),
//!     after(Duration::from_secs(60)) => "nothing for a minute".to_owned(),
//! }?;
//! assert_eq!(said, "number 7");
//! # words.send(String::new()).unwrap();
//! # Ok::<(), SelectError>(())
//! ```
//!
//! * Of several arms that can go, each is as likely as the others.
//! * A channel that is closed lets its arm go, with an error; it is not passed over, so a loop should
//!   end, or switch that arm off.
//! * An arm's value is made before the select waits, for a receiver may take it at any time then. If
//!   another arm goes, [`SendArm::unsent`] gives it back, or it is back in the slot that it was offered
//!   from.
//! * What the arms that did not go wait for is as it was.
//!
//! # More arms
//! A flavor of channel gets its arms by implementing `Flavor` (and so the crate's `Source`). What is no
//! flavor implements [`Arm`] and [`Chosen`] itself. A type whose method is called `recv_arm`,
//! `send_arm`, `offer_arm`, `stop_arm`, `join_arm`, `readable_arm` or `writable_arm` can be named in [`select!`] like the ones here; any
//! other arm can be given to it as `arm(...)`.
//!
//! [`select!`]: macro@crate::select

mod macros;
mod recv;
mod send;
mod source;

use std::time::Duration;

pub use recv::RecvArm;
#[doc(hidden)]
pub use send::Inside;
pub use send::SendArm;
pub(crate) use source::{Sink, Source, Way};
#[doc(no_inline)]
pub use vitte_wait::{
    Deadline,
    select::{Arm, At, Chosen, Select, SelectError, StopArm, When, after, at, select, try_select},
};

/// For [`select!`]: [`select()`] without an end.
#[doc(hidden)]
pub fn select_for_ever(arms: &mut [&mut dyn Arm]) -> Result<(), SelectError> {
    select(arms, Deadline::NEVER, None).map(drop)
}

/// For [`select!`]: [`select()`] for a while. That the time is over is no error.
#[doc(hidden)]
pub fn select_for(arms: &mut [&mut dyn Arm], patience: Duration) -> Result<(), SelectError> {
    match select(arms, Deadline::after(patience), None) {
        Ok(_) | Err(SelectError::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}

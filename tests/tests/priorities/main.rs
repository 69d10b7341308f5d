//! Locks between fibers of different urgency: who holds one inherits from who waits for it. A process of its
//! own, for from the first class on locks note their holders.

mod inherit;
#[path = "../sync/inline.rs"]
mod inline;

/// The bounds of the locks' tests hold for their holders, too.
mod chains;
/// Holders that are asked about as soon as there is anything to ask.
mod fresh;
/// The locks whose holders are found in other ways than a mutex's.
mod others;

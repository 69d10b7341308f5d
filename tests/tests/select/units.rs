//! What the bodies of this test need: every flavor.

use vitte_channels::{Channel, Receiver, Sender};
pub(crate) use vitte_tests::units::*;

/// Every flavor, by capacity; `None` is unbounded.
pub(crate) const FLAVORS: [Option<usize>; 4] = [None, Some(0), Some(1), Some(3)];

/// The flavors that can be full.
pub(crate) const LIMITED: [usize; 3] = [0, 1, 3];

pub(crate) fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    match capacity {
        None => Channel::new(),
        Some(capacity) => Channel::bounded(capacity),
    }
}

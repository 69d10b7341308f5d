//! Descriptors that plain threads wait for by their numbers, so that who closes one can tell them.
//!
//! No runtime has them: a thread looks out for what it waits for itself. The table is the process's, as the numbers are.
//!
//! **Invariants:** a number is in the table while somebody attends to it and it has not been forgotten; the token of those
//! who attend is stopped by whoever takes the number out.

use std::{collections::HashMap, os::fd::RawFd};
use vitte_wait::{StopSource, StopToken, facade::plain::Mutex};

static ATTENDED: Mutex<Option<HashMap<RawFd, Attended>>> = Mutex::new(None);

/// What is common to those who attend to one number.
struct Attended {
    forgotten: StopSource,
    by: usize,
}

/// Somebody waits for the descriptor with this number, or is about to.
#[derive(Debug)]
pub(super) struct Attendance {
    fd: RawFd,
    /// Stopped when it is forgotten.
    forgotten: StopToken,
}

impl Attendance {
    pub(super) fn new(fd: RawFd) -> Self {
        let mut table = ATTENDED.lock();
        let attended = table.get_or_insert_default().entry(fd);
        let attended = attended.or_insert_with(|| Attended {
            forgotten: StopSource::new(),
            by: 0,
        });
        attended.by += 1;
        Self {
            fd,
            forgotten: attended.forgotten.token(),
        }
    }

    pub(super) fn forgotten(&self) -> &StopToken {
        &self.forgotten
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut table = ATTENDED.lock();
        let Some(table) = table.as_mut() else { return };
        // Since it was forgotten others may attend to the next descriptor with this number.
        if let Some(attended) = table.get_mut(&self.fd)
            && attended.forgotten.is_same(&self.forgotten)
        {
            attended.by -= 1;
            if attended.by == 0 {
                table.remove(&self.fd);
            }
        }
    }
}

/// Tells all who attend to it. Whether there were any.
pub(super) fn forget(fd: RawFd) -> bool {
    let attended = ATTENDED.lock().as_mut().and_then(|table| table.remove(&fd));
    attended.is_some_and(|attended| {
        attended.forgotten.stop();
        true
    })
}

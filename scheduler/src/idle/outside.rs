//! Sleep without a thread: how a worker that is driven by calls of its host is a sleeper between them.
//! See "A worker without a thread" in `README.md` beside this file.

use crate::{fence, idle::Idle, shared::Shared};

impl Idle {
    /// Worker `me` has found nothing: registers as a sleeper, and takes a last look. `None`: it is asleep,
    /// until somebody takes it off the list, or it [rises](Self::rise).
    pub(crate) fn lie_down<T>(
        &self,
        shared: &Shared,
        me: usize,
        look: impl Fn() -> Option<T>,
    ) -> Option<T> {
        self.register(shared, me, false);
        fence::heavy();
        let found = look();
        if found.is_some() {
            self.rise(shared, me);
        }
        found
    }

    /// Worker `me` is awake, whoever woke it, if anybody did.
    pub(crate) fn rise(&self, shared: &Shared, me: usize) {
        self.get_up(shared, me);
        self.risen(shared, me);
    }

    /// Worker `me`, which has lain down, has a thread for now: sleeps on it until it is woken, a timer is
    /// due, or `until` has come.
    pub(crate) fn sleep_in_call(&self, shared: &Shared, me: usize, until: u64) {
        self.sleep(shared, me, until);
        self.rise(shared, me);
    }
}

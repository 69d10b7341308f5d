//! What `Debug` shows of a channel: its decoded state, never its values.

use crate::{
    Kind,
    flavors::Flavor,
    link::{Link, on_flavor},
    waiters::Waitable,
};
use std::fmt;
use vitte_wait::facade::atomic::Ordering::Relaxed;

fn flavor_name<T, F: Flavor<T>>(flavor: &F) -> &'static str {
    flavor.name()
}

impl<T, K: Kind> Link<T, K> {
    pub(crate) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flavor = on_flavor!(self, shared => flavor_name::<T, _>(&shared.flavor));
        let waiting = on_flavor!(self, shared => {
            // Whoever prints may be anywhere, so do not wait for the lock.
            shared.flavor.waiters().try_lock().map(|waiters| waiters.counts())
        });
        let mut out = f.debug_struct(name);
        out.field("flavor", &format_args!("{flavor}"));
        if let Some(capacity) = self.capacity() {
            out.field("capacity", &capacity);
        }
        out.field("len", &self.len())
            .field("closed", &self.is_closed())
            .field("senders", &self.senders().load(Relaxed))
            .field("receivers", &self.receivers().load(Relaxed));
        if let Some((senders, receivers)) = waiting {
            out.field("waiting_senders", &senders)
                .field("waiting_receivers", &receivers);
        }
        out.finish()
    }
}

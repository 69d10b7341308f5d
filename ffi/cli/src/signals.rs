//! Ctrl-C and its relatives, turned into events for the main thread. Only this command installs
//! handlers; no library does.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::host::Event;

/// Sends an [`Event::Signal`] for every signal that asks the process to end. The thread behind it
/// sleeps in between.
///
/// # Errors
/// When handlers cannot be installed or no thread can be started.
pub(crate) fn forward(events: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("vitte-signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if events.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

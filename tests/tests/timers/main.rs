//! Timers that call something: none early, none lost, no beat on top of another, and an end that is one.

mod beats;
mod ends;
mod from_juce;
mod slices;

use std::{sync::OnceLock, time::Duration};
use vitte_threads::{Deadline, HighResTimer, Runtime, SpawnError, Tick, Timer};

/// Longer than any of these takes on the slowest machine.
const LIMIT: Duration = Duration::from_secs(120);

const MS: Duration = Duration::from_millis(1);

/// The runtime whose fibers call.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::builder().workers(4).build().expect("it starts"))
}

fn after(millis: u64) -> Deadline {
    Deadline::after(Duration::from_millis(millis))
}

/// What holds for timers of fibers and for those with a thread of their own.
trait Timed: Send + Sync + Sized + 'static {
    fn make(callback: impl FnMut(&Tick<'_, Self>) + Send + 'static) -> Self;
    fn every(&self, period: Duration) -> Result<(), SpawnError>;
    fn once(&self, deadline: Deadline) -> Result<(), SpawnError>;
    fn every_from(&self, first: Deadline, period: Duration) -> Result<(), SpawnError>;
    fn set(&self, period: Duration) -> bool;
    fn end(&self);
    fn cancel(&self);
    fn runs(&self) -> bool;
    fn interval(&self) -> Option<Duration>;
    fn panic(&self) -> Option<String>;
    fn calls(&self) -> u64;
}

macro_rules! timed {
    ($timer:ty, $make:expr) => {
        impl Timed for $timer {
            fn make(callback: impl FnMut(&Tick<'_, Self>) + Send + 'static) -> Self {
                $make(callback)
            }
            fn every(&self, period: Duration) -> Result<(), SpawnError> {
                self.start_periodic(period)
            }
            fn once(&self, deadline: Deadline) -> Result<(), SpawnError> {
                self.start_at(deadline)
            }
            fn every_from(&self, first: Deadline, period: Duration) -> Result<(), SpawnError> {
                self.start_periodic_at(first, period)
            }
            fn set(&self, period: Duration) -> bool {
                self.set_period(period)
            }
            fn end(&self) {
                self.stop().expect("nobody cancels this");
            }
            fn cancel(&self) {
                <$timer>::cancel(self);
            }
            fn runs(&self) -> bool {
                self.is_running()
            }
            fn interval(&self) -> Option<Duration> {
                self.period()
            }
            fn panic(&self) -> Option<String> {
                self.take_panic().map(|panic| panic.text().to_owned())
            }
            fn calls(&self) -> u64 {
                self.stats().fired
            }
        }
    };
}

timed!(Timer, |callback| runtime().timer(callback));
timed!(HighResTimer, HighResTimer::new);

/// Makes a test of every body, for both kinds of timer.
macro_rules! both_kinds {
    ($($body:ident)*) => {
        mod of_fibers {
            $(
                #[test]
                fn $body() {
                    let body = super::$body::<vitte_threads::Timer>;
                    vitte_tests::within($crate::LIMIT, stringify!($body), body);
                }
            )*
        }
        mod of_threads {
            $(
                #[test]
                fn $body() {
                    let body = super::$body::<vitte_threads::HighResTimer>;
                    vitte_tests::within($crate::LIMIT, stringify!($body), body);
                }
            )*
        }
    };
}
use both_kinds;

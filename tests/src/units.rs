//! The kinds of unit that a test body runs on: threads, fibers, and the two mixed.
//!
//! A body is generic over [`Units`], so that what holds between threads is asked of fibers, and of
//! the two together, in the same words. [`bodies!`](crate::bodies) makes the tests.

use std::{
    any::Any,
    marker::PhantomData,
    panic::resume_unwind,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use vitte_channels::{Channel, oneshot};
use vitte_threads::{JoinHandle, Runtime};
use vitte_wait::{Deadline, Reason, Unit, Wait, current};

/// What a unit returns, whatever that is.
pub type Returned = Box<dyn Any + Send>;

/// What a unit runs.
pub type Body = Box<dyn FnOnce() -> Returned + Send>;

/// A kind of unit that can be started and waited for.
///
/// Bodies are of one type: to start a thread or a fiber is a lot of generic code, and thousands of copies of it were a
/// third of what these tests took to build.
pub trait Units: Sized + 'static {
    /// A unit that was started.
    type Started;

    /// Starts a unit.
    fn start(body: Body) -> Self::Started;

    /// Waits for the unit; its panic is ours.
    fn end(started: Self::Started) -> Returned;

    /// Starts a unit.
    fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Handle<Self, R> {
        Handle {
            started: Self::start(Box::new(|| Box::new(body()))),
            returns: PhantomData,
        }
    }

    /// Waits for the unit; its panic is ours.
    fn join<R: Send + 'static>(handle: Handle<Self, R>) -> R {
        let returned = Self::end(handle.started).downcast();
        *returned.expect("a unit returns what its handle says")
    }

    /// Runs a test body, on the calling thread unless this kind of unit says otherwise.
    fn run(body: fn()) {
        body();
    }
}

/// A unit that returns an `R`.
#[derive(Debug)]
pub struct Handle<U: Units, R> {
    started: U::Started,
    returns: PhantomData<fn() -> R>,
}

/// Plain threads.
#[derive(Debug)]
pub struct Threads;

impl Units for Threads {
    type Started = thread::JoinHandle<Returned>;

    fn start(body: Body) -> Self::Started {
        thread::spawn(body)
    }

    fn end(started: Self::Started) -> Returned {
        started.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Fibers of one runtime. The body is a fiber too.
#[derive(Debug)]
pub struct Fibers;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        // More than processors, so that the system switches workers at any point.
        let builder = Runtime::builder().workers(4);
        // An unoptimized build keeps a dozen copies of a large value on the stack.
        let builder = builder.stack_size(256 * 1024);
        builder.build().expect("a runtime starts")
    })
}

impl Units for Fibers {
    type Started = JoinHandle<Returned>;

    fn start(body: Body) -> Self::Started {
        runtime().spawn(body)
    }

    fn end(started: Self::Started) -> Returned {
        started.join().expect("the fiber returns")
    }

    fn run(body: fn()) {
        Self::join(Self::spawn(body));
    }
}

impl<R> Handle<Fibers, R> {
    /// Cancels the fiber.
    pub fn cancel(&self) {
        self.started.cancel();
    }
}

/// Every other unit is a fiber, the rest are threads.
#[derive(Debug)]
pub struct Mixed;

/// A unit of either kind.
#[derive(Debug)]
pub enum Either {
    /// A plain thread, and what is closed when it has returned.
    Thread(thread::JoinHandle<Returned>, oneshot::Receiver<()>),
    /// A fiber.
    Fiber(JoinHandle<Returned>),
}

impl Units for Mixed {
    type Started = Either;

    fn start(body: Body) -> Self::Started {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        if TURN.fetch_add(1, Relaxed).is_multiple_of(2) {
            return Either::Fiber(Fibers::start(body));
        }
        let (runs, returned) = oneshot::channel();
        let thread = Threads::start(Box::new(move || {
            let _runs = runs;
            body()
        }));
        Either::Thread(thread, returned)
    }

    fn end(started: Self::Started) -> Returned {
        match started {
            Either::Thread(thread, returned) => {
                // A fiber that joined it at once would block its worker, and whoever is pinned to that.
                let _ = returned.recv();
                Threads::end(thread)
            }
            Either::Fiber(fiber) => Fibers::end(fiber),
        }
    }
}

/// Longer than any test takes on the slowest machine, so that a hang is a failure and not silence.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test body.
///
/// # Panics
/// If it panics, or has not ended after two minutes.
pub fn watched<U: Units>(body: fn()) {
    let (done, ended) = mpsc::channel::<()>();
    let test = thread::spawn(move || {
        // Dropped when the body returns, and when it unwinds.
        let _done = done;
        U::run(body);
    });
    if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    if let Err(panic) = test.join() {
        resume_unwind(panic);
    }
}

/// Suspends the calling unit for a while.
pub fn pause(duration: Duration) {
    let wait = Wait::begin_uncancelable(Reason::Sleep, std::ptr::null());
    let _ = wait.park(Deadline::after(duration), None);
}

/// A few milliseconds: long enough for others to get going, and nothing depends on it.
pub fn moment() {
    pause(Duration::from_millis(5));
}

/// Waits until `condition` holds.
pub fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        pause(Duration::from_micros(200));
    }
}

/// Waits until `unit` waits for `reason`, and is found by whoever would end its wait: from when it
/// has begun to wait until it is parked it may not be in any queue yet.
pub fn until_waiting(unit: &'static Unit, reason: Reason) {
    until(|| unit.waits_for().0 == reason && is_parked(unit));
}

/// Waits until `unit` waits, whatever for; see [`until_waiting`].
pub fn until_parked(unit: &'static Unit) {
    until(|| is_parked(unit));
}

fn is_parked(unit: &'static Unit) -> bool {
    format!("{unit:?}").contains("state: \"parked\"")
}

/// Starts a unit, and says which it is once it runs.
///
/// # Panics
/// If the unit ends before it has said so.
pub fn spawn_known<U: Units, R: Send + 'static>(
    body: impl FnOnce() -> R + Send + 'static,
) -> (Handle<U, R>, &'static Unit) {
    let (tell, told) = Channel::new();
    let handle = U::spawn(move || {
        tell.send(current::unit()).expect("the starter listens");
        body()
    });
    let unit = told.recv().expect("the unit runs");
    (handle, unit)
}

/// Makes one test of every body, for one kind of unit: `bodies! { Fibers: close { a_name another } }`
/// takes the bodies from the module `close` of the test's root.
#[macro_export]
#[allow(
    clippy::crate_in_macro_def,
    reason = "the bodies are in the test that uses it"
)]
macro_rules! bodies {
    ($units:ty: $($file:ident { $($body:ident)* })*) => {$(
        mod $file {
            $(
                #[test]
                fn $body() {
                    $crate::units::watched::<$units>(crate::$file::$body::<$units>);
                }
            )*
        }
    )*};
}

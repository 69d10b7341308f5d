//! The units that the bodies run on, and what the bodies need of them.

use std::{
    fmt,
    panic::resume_unwind,
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::*},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use vitte_channels::{Channel, Receiver, Sender};
use vitte_threads::{JoinHandle, Runtime};
use vitte_wait::{Deadline, Reason, Unit, Wait, current};

/// A kind of unit that can be started and waited for.
pub(crate) trait Units: 'static {
    type Handle<R: Send + 'static>;

    fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Self::Handle<R>;

    /// Waits for the unit; its panic is ours.
    fn join<R: Send + 'static>(handle: Self::Handle<R>) -> R;

    /// Runs a test body, on the calling thread unless this kind of unit says otherwise.
    fn run(body: fn()) {
        body();
    }
}

/// Plain threads.
#[derive(Debug)]
pub(crate) struct Threads;

impl Units for Threads {
    type Handle<R: Send + 'static> = thread::JoinHandle<R>;
    fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Self::Handle<R> {
        thread::spawn(body)
    }

    fn join<R: Send + 'static>(handle: Self::Handle<R>) -> R {
        handle.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Fibers of one runtime. The body is a fiber too.
#[derive(Debug)]
pub(crate) struct Fibers;

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
    type Handle<R: Send + 'static> = JoinHandle<R>;
    fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Self::Handle<R> {
        runtime().spawn(body)
    }

    fn join<R: Send + 'static>(handle: Self::Handle<R>) -> R {
        handle.join().expect("the fiber returns")
    }

    fn run(body: fn()) {
        Self::join(Self::spawn(body));
    }
}

/// Every other unit is a fiber, the rest are threads.
#[derive(Debug)]
pub(crate) struct Mixed;

/// A unit of either kind.
pub(crate) enum Either<R: Send + 'static> {
    Thread(thread::JoinHandle<R>),
    Fiber(JoinHandle<R>),
}

impl Units for Mixed {
    type Handle<R: Send + 'static> = Either<R>;
    fn spawn<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Self::Handle<R> {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        if TURN.fetch_add(1, Relaxed).is_multiple_of(2) {
            Either::Fiber(Fibers::spawn(body))
        } else {
            Either::Thread(Threads::spawn(body))
        }
    }

    fn join<R: Send + 'static>(handle: Self::Handle<R>) -> R {
        match handle {
            Either::Thread(thread) => Threads::join(thread),
            Either::Fiber(fiber) => Fibers::join(fiber),
        }
    }
}

/// Longer than any test takes on the slowest machine, so that a hang is a failure and not silence.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test body; panics if it has not ended after [`LIMIT`].
pub(crate) fn watched<U: Units>(body: fn()) {
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
pub(crate) fn pause(duration: Duration) {
    let wait = Wait::begin_uncancelable(Reason::Sleep, std::ptr::null());
    let _ = wait.park(Deadline::after(duration), None);
}

/// A few milliseconds: long enough for others to get going, and nothing depends on it.
pub(crate) fn moment() {
    pause(Duration::from_millis(5));
}

/// Waits until `condition` holds.
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        pause(Duration::from_micros(200));
    }
}

/// Waits until `unit` waits for `reason`.
pub(crate) fn until_waiting(unit: &'static Unit, reason: Reason) {
    until(|| unit.waits_for().0 == reason);
}

/// Starts a unit, and says which it is once it runs.
pub(crate) fn spawn_known<U: Units, R: Send + 'static>(
    body: impl FnOnce() -> R + Send + 'static,
) -> (U::Handle<R>, &'static Unit) {
    let (tell, told) = Channel::new();
    let handle = U::spawn(move || {
        tell.send(current::unit()).expect("the starter listens");
        body()
    });
    let unit = told.recv().expect("the unit runs");
    (handle, unit)
}

/// Every flavor, by capacity; `None` is unbounded.
pub(crate) const FLAVORS: [Option<usize>; 5] = [None, Some(0), Some(1), Some(3), Some(128)];

/// The flavors that can be full.
pub(crate) const LIMITED: [usize; 4] = [0, 1, 3, 128];

pub(crate) fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    match capacity {
        None => Channel::new(),
        Some(capacity) => Channel::bounded(capacity),
    }
}

/// Counts values made and dropped.
#[derive(Debug, Default)]
pub(crate) struct Census {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// A value whose end is counted. A second drop of the same value is a panic.
pub(crate) struct Counted {
    census: &'static Census,
    alive: bool,
    pub(crate) number: usize,
}

impl Census {
    pub(crate) fn new() -> &'static Self {
        Box::leak(Box::default())
    }

    pub(crate) fn value(&'static self, number: usize) -> Counted {
        self.made.fetch_add(1, SeqCst);
        Counted {
            census: self,
            alive: true,
            number,
        }
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(SeqCst)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(std::mem::replace(&mut self.alive, false), "dropped twice");
        self.census.dropped.fetch_add(1, SeqCst);
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counted({})", self.number)
    }
}

/// Xorshift64*, seeded from the clock or from `VITTE_SEED`; the seed is printed.
pub(crate) struct Random(u64);

static SALT: AtomicU64 = AtomicU64::new(0);

impl Random {
    pub(crate) fn new() -> Self {
        let seed = match std::env::var("VITTE_SEED") {
            Ok(seed) => seed.parse().expect("VITTE_SEED is a number"),
            Err(_) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let nanos = now.expect("after 1970").as_nanos();
                nanos as u64 ^ SALT.fetch_add(0x9E37_79B9, Relaxed)
            }
        };
        println!("VITTE_SEED={seed}");
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

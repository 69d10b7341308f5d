//! Every kind of wait there is, in a list. What is added to the library and waits is added here.

use crate::{LIMIT, end, start, until_it_waits};
use std::{
    fmt::Debug,
    fs::OpenOptions,
    net::TcpStream,
    os::{
        fd::{AsRawFd, OwnedFd},
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    path::PathBuf,
    process, ptr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::Duration,
};
use vitte_channels::{
    Channel, broadcast, mpmc, oneshot, priority, queue, relay, select, select::Select, spsc, timer,
    watch,
};
use vitte_scheduler::{
    CancelMask, CancelReason, Config, Direction, JobKind, JoinError, JoinHandle, OffloadError,
    Poll, Scheduler, SpawnOptions, cancel_reason, kill, park, poll, sleep_until, spawn,
    suspend_with, wait_for_descriptor,
};
use vitte_sync::{
    Barrier, Condvar, Event, Latch, Monitor, Mutex, NamedLocks, OnceCell, Phaser, ProcessLock,
    ReentrantMutex, RwLock, RwLockReadGuard, Semaphore, Signal, SpinLock, Till, WaitGroup,
    WordCondvar, WordLatch, WordMutex,
};
use vitte_tests::within;
use vitte_threads::{
    Group, HighResTimer, JobPool, JobStep, NextSlice, Retry, Runtime, TaskGraph, Thread,
    TimeSlices, Timer, block_on, compute, io, offload, parallel, race,
};
use vitte_wait::{Deadline, Outcome, StopSource, StopToken, wait_on};

/// Things that somebody else holds, for as long as the test wants.
pub(crate) struct Held {
    mutex: Mutex<()>,
    rwlock: RwLock<()>,
    /// Read, and so may others.
    shared: RwLock<()>,
    spin: SpinLock<()>,
    reentrant: ReentrantMutex<()>,
    monitor: Monitor<()>,
    named: NamedLocks,
    word: WordMutex,
    once: OnceCell<()>,
    /// Reads what never comes, while this is there.
    process: io::Child,
    /// What it reads, and another may.
    silent: std::io::PipeReader,
    signals: io::Signals,
    /// Listeners at which as many wait as may.
    full: (io::TcpListener, UnixListener),
    fifo: PathBuf,
    /// A file that is locked.
    locked: PathBuf,
    /// The file of a lock between processes.
    between: PathBuf,
}

/// Takes everything in a [`Held`], on a thread of its own, and lets go of it when it is dropped.
pub(crate) struct Holder {
    pub(crate) held: Arc<Held>,
    let_go: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Who waits at the listeners, and the end that keeps the pipe silent.
    waiting: Option<(TcpStream, UnixStream, std::io::PipeWriter)>,
}

/// `SIGRTMIN + 3`, or so: nobody sends it.
const NO_SIGNAL: i32 = 37;

/// A name without a file, for a socket of this process alone.
fn name() -> SocketAddr {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Relaxed);
    SocketAddr::from_abstract_name(format!("vitte-cancel-{}-{number}", process::id())).unwrap()
}

/// A path for a file of this process alone.
fn path() -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Relaxed);
    std::env::temp_dir().join(format!("vitte-cancel-{}-{number}", process::id()))
}

/// Has the standard input say nothing, and not end, from now on.
fn silence_input() {
    static OTHER_END: OnceLock<std::io::PipeWriter> = OnceLock::new();
    OTHER_END.get_or_init(|| {
        let (reader, writer) = std::io::pipe().unwrap();
        rustix::stdio::dup2_stdin(reader).unwrap();
        writer
    });
}

/// A FIFO, whose other end nobody opens.
fn fifo() -> PathBuf {
    let path = path();
    let made = process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

impl Holder {
    pub(crate) fn new() -> Self {
        silence_input();
        let (reader, writer) = std::io::pipe().unwrap();
        let tcp = io::TcpListener::bind("127.0.0.1:0").unwrap();
        let unix = UnixListener::bind_addr(&name()).unwrap();
        rustix::net::listen(&tcp, 0).unwrap();
        rustix::net::listen(&unix, 0).unwrap();
        let at_tcp = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let at_unix = UnixStream::connect_addr(&unix.local_addr().unwrap()).unwrap();
        let cat = io::Command::new("cat").stdin(reader.try_clone().unwrap());
        let held = Arc::new(Held {
            process: cat.spawn().unwrap(),
            silent: reader,
            signals: io::Signals::new([NO_SIGNAL]).unwrap(),
            full: (tcp, unix),
            fifo: fifo(),
            locked: path(),
            between: path(),
            mutex: Mutex::new(()),
            rwlock: RwLock::new(()),
            shared: RwLock::new(()),
            spin: SpinLock::new(()),
            reentrant: ReentrantMutex::new(()),
            monitor: Monitor::new(()),
            named: NamedLocks::new(),
            word: WordMutex::new(),
            once: OnceCell::new(),
        });
        let (let_go, wait) = mpsc::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        let all = Arc::clone(&held);
        let thread = thread::spawn(move || {
            let _mutex = all.mutex.lock().unwrap();
            let _rwlock = all.rwlock.write().unwrap();
            let _shared = all.shared.read().unwrap();
            let _spin = all.spin.lock().unwrap();
            let _reentrant = all.reentrant.lock().unwrap();
            let _monitor = all.monitor.lock().unwrap();
            let _named = all.named.lock("held").unwrap();
            all.word.try_lock().unwrap();
            let between = ProcessLock::at(&all.between);
            let _between = between.lock().unwrap();
            let locked = std::fs::File::create(&all.locked).unwrap();
            locked.lock().unwrap();
            let _ = all.once.get_or_init(|| {
                ready.send(()).unwrap();
                let _ = wait.recv();
            });
            all.word.unlock().unwrap();
        });
        is_ready.recv().unwrap();
        Self {
            held,
            let_go: Some(let_go),
            thread: Some(thread),
            waiting: Some((at_tcp, at_unix, writer)),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.let_go.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        // Threads of the pool may still wait at the FIFO, and at the listener, which is gone with the last who holds it.
        drop(self.waiting.take());
        let both = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.held.fifo);
        drop(both.unwrap());
        let _ = std::fs::remove_file(&self.held.fifo);
        let _ = std::fs::remove_file(&self.held.locked);
        let _ = std::fs::remove_file(&self.held.between);
    }
}

/// Waits in vain, until it is canceled: then it says `true`.
pub(crate) type Kind = fn(&Held) -> bool;

/// Whether this is the error of a canceled wait. Every crate has its own, and all call it so.
fn canceled<T, E: Debug>(result: Result<T, E>) -> bool {
    result.is_err_and(|error| format!("{error:?}").contains("Canceled"))
}

fn far() -> Deadline {
    Deadline::after(Duration::from_secs(3600))
}

/// A child that parks. It is canceled with this, so that a parent who is unwound leaves nobody behind.
struct Child(JoinHandle<Outcome>);

impl Child {
    fn spawn() -> Self {
        Self(spawn(|| park(Deadline::NEVER)))
    }

    /// Cancels the child, and waits for its end although canceled.
    fn end(mut self) {
        let _masked = CancelMask::new();
        self.0.cancel();
        let ended = self.0.join_with(Deadline::NEVER, None);
        assert_eq!(ended.unwrap(), Outcome::Canceled);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Signals its event when it is dropped.
struct SignalAtEnd(Arc<Event>);

impl Drop for SignalAtEnd {
    fn drop(&mut self) {
        self.0.signal();
    }
}

/// A callback that ends only when whoever waits for its end has been unwound, or goes on.
struct HeldUp {
    begun: Arc<Event>,
    over: Arc<Event>,
}

impl HeldUp {
    fn new() -> Self {
        let (begun, over) = (Arc::new(Event::manual()), Arc::new(Event::manual()));
        Self { begun, over }
    }

    fn body(&self) -> impl Fn() + Send + Sync + 'static + use<> {
        let (begun, over) = (Arc::clone(&self.begun), Arc::clone(&self.over));
        move || {
            begun.signal();
            let _ = over.wait();
        }
    }

    /// Whether it has begun; and lets it end when whoever has called this is unwound.
    fn begun(self) -> (bool, SignalAtEnd) {
        let over = SignalAtEnd(self.over);
        let _masked = CancelMask::new();
        (self.begun.wait_with(far(), None).is_ok(), over)
    }
}

/// The body of one who waits for nothing but his end.
fn parks() -> Result<Outcome, ()> {
    Ok(park(Deadline::NEVER))
}

unsafe extern "C" fn nothing(_: u64, _: *mut std::ffi::c_void) {}

/// Of those that there may be thousands of at once, with the names of what waits.
pub(crate) const MANY: &[(&str, Kind)] = &[
    ("park", |_| park(Deadline::NEVER) == Outcome::Canceled),
    ("park until", |_| park(far()) == Outcome::Canceled),
    ("sleep", |_| {
        sleep_until(Deadline::NEVER) == Outcome::Canceled
    }),
    ("sleep until", |_| sleep_until(far()) == Outcome::Canceled),
    ("suspend", |_| {
        // SAFETY: the function does nothing.
        let outcome = unsafe { suspend_with(nothing, ptr::null_mut(), Deadline::NEVER) };
        outcome == Ok(Outcome::Canceled)
    }),
    ("address", |_| {
        let word = AtomicU32::new(0);
        wait_on(&word, 0, Deadline::NEVER, None) == Outcome::Canceled
    }),
    ("poll", |_| {
        loop {
            if poll() == Poll::Canceled {
                return true;
            }
            vitte_scheduler::yield_now();
        }
    }),
    ("with a stop token", |_| {
        let source = StopSource::new();
        let (_tx, rx) = Channel::bounded::<u8>(1);
        canceled(rx.recv_with(far(), Some(&source.token())))
    }),
    ("join", |_| {
        let mut child = Child::spawn();
        let joined = child.0.join_with(far(), None);
        child.end();
        canceled(joined)
    }),
    ("join arm", |_| {
        let mut child = Child::spawn();
        let mut arm = child.0.join_arm();
        let chosen = select::select(&mut [&mut arm], Deadline::NEVER, None);
        drop(arm);
        child.end();
        canceled(chosen)
    }),
    ("unbounded recv", |_| {
        let (_tx, rx) = Channel::new::<u8>();
        canceled(rx.recv())
    }),
    ("bounded recv", |_| {
        let (_tx, rx) = Channel::bounded::<u8>(2);
        canceled(rx.recv())
    }),
    ("bounded send", |_| {
        let (tx, _rx) = Channel::bounded::<u8>(1);
        tx.send(1).unwrap();
        canceled(tx.send(2))
    }),
    ("rendezvous recv", |_| {
        let (_tx, rx) = Channel::bounded::<u8>(0);
        canceled(rx.recv_with(far(), None))
    }),
    ("rendezvous send", |_| {
        let (tx, _rx) = Channel::bounded::<u8>(0);
        canceled(tx.send(2))
    }),
    ("many recv", |_| {
        let (_tx, rx) = mpmc::bounded::<u8>(1);
        canceled(rx.recv())
    }),
    ("many send", |_| {
        let (tx, _rx) = mpmc::bounded::<u8>(1);
        tx.send(1).unwrap();
        canceled(tx.send(2))
    }),
    ("many unbounded recv", |_| {
        let (_tx, rx) = mpmc::unbounded::<u8>();
        canceled(rx.recv())
    }),
    ("many rendezvous send", |_| {
        let (tx, _rx) = mpmc::rendezvous::<u8>();
        canceled(tx.send(1))
    }),
    ("one to one recv", |_| {
        let (_tx, rx) = spsc::channel::<u8>(1);
        canceled(rx.recv())
    }),
    ("one to one send", |_| {
        let (tx, _rx) = spsc::channel::<u8>(1);
        tx.send(1).unwrap();
        canceled(tx.send(2))
    }),
    ("batch send", |_| {
        let (tx, _rx) = Channel::bounded::<u8>(2);
        let mut batch = vec![1, 2, 3, 4];
        let result = tx.send_many(batch.drain(..));
        format!("{result:?}").contains("Canceled")
    }),
    ("batch recv", |_| {
        let (_tx, rx) = Channel::bounded::<u8>(2);
        canceled(rx.recv_many(&mut Vec::new(), 2))
    }),
    ("oneshot recv", |_| {
        let (_tx, rx) = oneshot::channel::<u8>();
        canceled(rx.recv())
    }),
    ("oneshot closed", |_| {
        let (tx, _rx) = oneshot::channel::<u8>();
        canceled(tx.closed_with(Deadline::NEVER, None))
    }),
    ("channel closed", |_| {
        let (tx, _rx) = Channel::bounded::<u8>(1);
        canceled(tx.closed())
    }),
    ("broadcast closed", |_| {
        let (tx, _rx) = broadcast::channel::<u8>(1);
        canceled(tx.closed())
    }),
    ("broadcast recv", |_| {
        let (_tx, rx) = broadcast::channel::<u8>(1);
        canceled(rx.recv())
    }),
    ("broadcast batch recv", |_| {
        let (_tx, rx) = broadcast::channel::<u8>(1);
        canceled(rx.recv_many(&mut Vec::new(), 2))
    }),
    ("watch changed", |_| {
        let (_tx, rx) = watch::channel(1_u8);
        canceled(rx.changed())
    }),
    ("watch recv", |_| {
        let (_tx, rx) = watch::channel(1_u8);
        canceled(rx.recv())
    }),
    ("watch for a value", |_| {
        let (_tx, rx) = watch::channel(1_u8);
        canceled(rx.wait_for(|value| *value == 2))
    }),
    ("watch closed", |_| {
        let (tx, _rx) = watch::channel(1_u8);
        canceled(tx.closed_with(Deadline::NEVER, None))
    }),
    ("priority recv", |_| {
        let (_tx, rx) = priority::unbounded::<u8, u8>(priority::First::Smallest);
        canceled(rx.recv())
    }),
    ("priority send", |_| {
        let (tx, _rx) = priority::bounded::<u8, u8>(1, priority::First::Smallest);
        tx.send((1, 1)).unwrap();
        canceled(tx.send((2, 2)))
    }),
    ("queue recv", |_| {
        let (_tx, rx) = queue::bounded::<u8>(1);
        canceled(rx.recv())
    }),
    ("queue send", |_| {
        let (tx, _rx) = queue::bounded::<u8>(1);
        tx.send(1).unwrap();
        canceled(tx.send(2))
    }),
    ("queue send to the front", |_| {
        let (tx, _rx) = queue::bounded::<u8>(1);
        tx.send(1).unwrap();
        canceled(tx.send_front(2))
    }),
    ("queue batch send", |_| {
        let (tx, _rx) = queue::bounded::<u8>(1);
        let mut batch = vec![1, 2, 3];
        canceled(tx.send_many(batch.drain(..)))
    }),
    ("queue batch recv", |_| {
        let (_tx, rx) = queue::bounded::<u8>(1);
        canceled(rx.recv_many(&mut Vec::new(), 2))
    }),
    ("queue closed", |_| {
        let (tx, _rx) = queue::bounded::<u8>(1);
        canceled(tx.closed())
    }),
    ("queue join", |_| {
        let (tx, _rx) = queue::bounded::<u8>(1);
        tx.send(1).unwrap();
        canceled(tx.join_with(far(), None))
    }),
    ("relay send", |_| {
        let (tx, _relay) = relay::Options::new(1).capacity(1).open::<u8>();
        tx.send(1).unwrap();
        canceled(tx.send(2))
    }),
    ("relay flush", |_| {
        let (tx, _relay) = relay::Options::new(1).open::<u8>();
        tx.send(1).unwrap();
        canceled(tx.flush())
    }),
    ("timer recv", |_| {
        canceled(timer::after(Duration::from_secs(3600)).recv())
    }),
    ("never recv", |_| canceled(timer::never().recv())),
    ("select", |_| {
        let (_tx, rx) = Channel::new::<u8>();
        let (full, _taker) = Channel::bounded::<u8>(1);
        full.send(1).unwrap();
        let chosen = select! {
            recv(rx) -> _ => (),
            send(full, 2) -> _ => (),
            after(Duration::from_secs(3600)) => (),
        };
        canceled(chosen)
    }),
    ("dynamic select", |_| {
        let (_a, first) = Channel::new::<u8>();
        let (_b, second) = mpmc::bounded::<u8>(1);
        let (mut first, mut second) = (first.recv_arm(), second.recv_arm());
        let mut several = Select::new();
        several.add(&mut first);
        several.add(&mut second);
        canceled(several.wait())
    }),
    ("mutex", |held| canceled(held.mutex.lock())),
    ("mutex until", |held| {
        canceled(held.mutex.lock_with(far(), None))
    }),
    ("read", |held| canceled(held.rwlock.read())),
    ("write", |held| canceled(held.rwlock.write())),
    ("reentrant", |held| canceled(held.reentrant.lock())),
    ("spin lock", |held| canceled(held.spin.lock())),
    ("monitor lock", |held| canceled(held.monitor.lock())),
    ("monitor wait", |_| {
        let monitor = Monitor::new(());
        let mut inside = monitor.lock().unwrap();
        canceled(inside.wait())
    }),
    ("named lock", |held| canceled(held.named.lock("held"))),
    ("condition", |_| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        let mut guard = mutex.lock().unwrap();
        canceled(condvar.wait(&mut guard))
    }),
    ("condition that holds", |_| {
        let (mutex, condvar) = (Mutex::new(true), Condvar::new());
        let mut guard = mutex.lock().unwrap();
        canceled(condvar.wait_while(&mut guard, |holds| *holds))
    }),
    ("event", |_| {
        canceled(Event::auto().wait_with(Deadline::NEVER, None))
    }),
    ("manual event", |_| {
        canceled(Event::manual().wait_with(far(), None))
    }),
    ("latch", |_| {
        canceled(Latch::new(1).wait_with(Deadline::NEVER, None))
    }),
    ("wait group", |_| {
        let group = WaitGroup::new();
        group.add(1);
        canceled(group.wait_with(Deadline::NEVER, None))
    }),
    ("barrier", |_| {
        canceled(Barrier::new(2).wait_with(Deadline::NEVER, None))
    }),
    ("phaser", |_| canceled(Phaser::new(2).arrive_and_wait())),
    ("phase of others", |_| {
        let phaser = Phaser::new(2);
        canceled(phaser.wait_for(phaser.phase()))
    }),
    ("semaphore", |_| canceled(Semaphore::new(0).acquire())),
    ("permits to keep", |_| {
        let permits = Arc::new(Semaphore::new(1));
        canceled(permits.acquire_many_owned(2))
    }),
    ("signal", |_| {
        canceled(Signal::new().wait_with(Deadline::NEVER, None))
    }),
    ("till", |_| {
        canceled(Till::after(Duration::from_secs(3600)).wait_with(Deadline::NEVER, None))
    }),
    ("once", |held| canceled(held.once.wait())),
    ("once init", |held| canceled(held.once.get_or_init(|| ()))),
    ("word mutex", |held| {
        canceled(held.word.lock_with(Deadline::NEVER, None))
    }),
    ("word condition", |_| {
        let (mutex, condvar) = (WordMutex::new(), WordCondvar::new());
        mutex.try_lock().unwrap();
        let ended = canceled(condvar.wait_with(&mutex, Deadline::NEVER, None));
        mutex.unlock().unwrap();
        ended
    }),
    ("word latch", |_| {
        canceled(WordLatch::new().wait_with(Deadline::NEVER, None))
    }),
    ("blocking call", |_| {
        let (let_go, wait) = mpsc::channel::<()>();
        let on = Scheduler::current().unwrap();
        canceled(on.call_blocking_with(
            move || wait.recv().is_err(),
            move || drop(let_go),
            Deadline::NEVER,
            None,
        ))
    }),
    ("read", |_| {
        let (reader, _writer) = io::pipe().unwrap();
        canceled(reader.read(&mut [0]))
    }),
    ("write", |_| {
        let (_reader, writer) = io::pipe().unwrap();
        canceled(writer.write_all_with(&[0; 1 << 17], far(), None))
    }),
    ("standard input", |_| {
        canceled(io::stdin().read_with(&mut [0], far(), None))
    }),
    ("accept", |_| {
        canceled(io::TcpListener::bind("127.0.0.1:0").unwrap().accept())
    }),
    ("receive", |_| {
        let socket = io::UdpSocket::bind("127.0.0.1:0").unwrap();
        canceled(socket.recv_from(&mut [0]))
    }),
    ("receive within the machine", |_| {
        let (ours, _theirs) = io::UnixDatagram::pair().unwrap();
        canceled(ours.recv(&mut [0]))
    }),
    ("accept within the machine", |_| {
        canceled(io::UnixListener::bind_addr(&name()).unwrap().accept())
    }),
    ("a process's end", |held| canceled(held.process.wait())),
    ("a process's end among others", |held| {
        let (end, (_tx, rx)) = (&held.process, Channel::new::<u8>());
        canceled(select! { readable(end) -> _ => (), recv(rx) -> _ => () })
    }),
    ("a signal of the system", |held| {
        canceled(held.signals.recv())
    }),
    ("select of descriptors", |_| {
        let (first, _writer) = io::pipe().unwrap();
        let (second, _other) = io::UnixStream::pair().unwrap();
        let chosen = select! {
            readable(first) -> _ => (),
            readable(second) -> _ => (),
        };
        canceled(chosen)
    }),
    ("descriptor of a number", |_| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let (on, number) = (Scheduler::current().unwrap(), reader.as_raw_fd());
        let ended = wait_for_descriptor(number, &[Direction::Read], Deadline::NEVER, None);
        on.forget_descriptor(number);
        canceled(ended)
    }),
    ("file that is a stream", |_| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let file = io::fs::File::from(OwnedFd::from(reader));
        canceled(file.read(&mut [0]))
    }),
    ("timer stop", |_| {
        let held = HeldUp::new();
        let body = held.body();
        let timer = Timer::on(&Scheduler::current().unwrap(), move |_| {
            body();
        });
        timer.start_at(Deadline::NOW).unwrap();
        let (begun, _over) = held.begun();
        begun && canceled(timer.stop())
    }),
    ("a group's end", |_| {
        let group = Group::<Outcome, ()>::here().unwrap();
        group.spawn(parks).unwrap();
        canceled(group.wait_or_stop(&StopSource::new().token()))
    }),
    ("room in a group", |_| {
        let group = Group::<Outcome, ()>::here().unwrap().limit(1);
        group.spawn(parks).unwrap();
        canceled(group.spawn(parks))
    }),
    ("parallel", |_| {
        let body = |_: &StopToken| parks();
        let error = parallel(vec![body, body]).err();
        // All of them returned a value, though late.
        error.is_none_or(|error| error.outcome == Some(Outcome::Canceled))
    }),
    ("race", |_| {
        let body = |_: &StopToken| parks().and(Err::<(), _>(()));
        race(vec![body, body]).is_err_and(|error| error.outcome == Some(Outcome::Canceled))
    }),
    ("graph", |_| {
        let mut graph = TaskGraph::<Outcome, ()>::new();
        graph.add("parks", &[], |_| parks()).unwrap();
        graph.add("comes after", &["parks"], |_| parks()).unwrap();
        graph.run().unwrap().outcome() == Some(Outcome::Canceled)
    }),
    ("retry", |_| {
        let retry = Retry::new().base(Duration::from_secs(3600)).attempts(9);
        canceled(
            retry
                .cap(Duration::from_secs(3600))
                .run(|_| Err::<(), _>(())),
        )
    }),
    ("future", |_| {
        canceled(block_on(std::future::pending::<()>()))
    }),
    ("job of a pool", |_| {
        let pool = JobPool::here(1).unwrap();
        let job = pool.add("parks", || {
            parks().map_or(JobStep::Again, |_| JobStep::Finished)
        });
        canceled(job.wait())
    }),
    ("job to be taken out", |_| {
        let (begun, pool) = (Arc::new(Event::manual()), JobPool::here(1).unwrap());
        let tell = Arc::clone(&begun);
        let job = pool.add("parks", move || {
            tell.signal();
            parks().map_or(JobStep::Again, |_| JobStep::Finished)
        });
        let begun = {
            let _masked = CancelMask::new();
            begun.wait_with(far(), None)
        };
        begun.is_ok() && canceled(job.remove())
    }),
    ("all jobs of a pool", |_| {
        let pool = JobPool::here(1).unwrap();
        pool.add("parks", || {
            parks().map_or(JobStep::Again, |_| JobStep::Finished)
        });
        canceled(pool.wait_until(far()))
    }),
];

/// Of those that are dear: each has a thread, a process, or much of the system's memory.
const FEW: &[(&str, Kind)] = &[
    ("join a thread", |_| {
        let (let_go, wait) = mpsc::channel::<()>();
        let mut thread = Thread::spawn(move || wait.recv().is_err());
        let joined = thread.join_with(far(), None);
        drop(let_go);
        canceled(joined)
    }),
    ("stop a thread", |_| {
        let (let_go, wait) = mpsc::channel::<()>();
        let mut thread = Thread::spawn(move || wait.recv().is_err());
        let stopped = thread.stop_with(far(), None);
        drop(let_go);
        canceled(stopped)
    }),
    ("end of a thread's run", |_| {
        let thread = Thread::builder().restartable(|_| park(Deadline::NEVER));
        thread.start().unwrap();
        let ended = canceled(thread.wait());
        thread.ask_to_stop();
        ended
    }),
    ("end of a high-resolution callback", |_| {
        let held = HeldUp::new();
        let body = held.body();
        let timer = HighResTimer::new(move |_| {
            body();
        });
        timer.start_at(Deadline::NOW).unwrap();
        let (begun, _over) = held.begun();
        begun && canceled(timer.stop())
    }),
    ("end of a client's slice", |_| {
        let held = HeldUp::new();
        let body = held.body();
        let slices = TimeSlices::on_thread("held up").unwrap();
        let client = slices.add(move || {
            body();
            NextSlice::Soon
        });
        let (begun, _over) = held.begun();
        let removed = canceled(slices.remove(client.unwrap()));
        let all_removed = canceled(slices.remove_all());
        begun && removed && all_removed && canceled(slices.stop())
    }),
    ("lock between processes", |held| {
        canceled(ProcessLock::at(&held.between).lock())
    }),
    ("upgrade", |held| {
        let reading = {
            let _masked = CancelMask::new();
            held.shared.read().unwrap()
        };
        canceled(RwLockReadGuard::upgrade(reading))
    }),
    ("owned job", |_| {
        let (_let_go, wait) = mpsc::channel::<()>();
        let on = Scheduler::current().unwrap();
        canceled(on.offload_owned_with(JobKind::Io, move || wait.recv(), far(), None))
    }),
    ("connect", |held| {
        let address = held.full.0.local_addr().unwrap();
        canceled(io::TcpStream::connect(address))
    }),
    ("connect within the machine", |held| {
        let address = held.full.1.local_addr().unwrap();
        let connected = io::UnixStream::connect_addr_with(&address, Deadline::NEVER, None);
        canceled(connected)
    }),
    ("send within the machine", |_| {
        let (ours, _theirs) = io::UnixDatagram::pair().unwrap();
        loop {
            if let Err(error) = ours.send(&[0; 4096]) {
                return canceled(Err::<(), _>(error));
            }
        }
    }),
    ("write to a connection", |_| {
        let (ours, _theirs) = io::UnixStream::pair().unwrap();
        canceled(ours.write_all_with(&[0; 1 << 20], far(), None))
    }),
    ("peek", |_| {
        let listener = io::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = io::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _theirs = listener.accept().unwrap();
        canceled(ours.peek(&mut [0]))
    }),
    ("a process's output", |held| {
        let silent = held.silent.try_clone().unwrap();
        canceled(io::Command::new("cat").stdin(silent).output())
    }),
    ("open a FIFO", |held| {
        canceled(io::fs::File::open(&held.fifo))
    }),
    ("lock a file", |held| {
        canceled(io::fs::File::open(&held.locked).and_then(|file| file.lock()))
    }),
    ("lock a file with others", |held| {
        let file = io::fs::File::open(&held.locked);
        canceled(file.and_then(|file| file.lock_shared_with(far(), None)))
    }),
];

/// Of those that wait for a thread of the pool, which is [busy](Busy).
const POOLED: &[(&str, Kind)] = &[
    ("look a name up", |_| {
        canceled(io::lookup_host(("localhost", 7)))
    }),
    ("connect to a name", |_| {
        canceled(io::TcpStream::connect(("localhost", 7)))
    }),
    ("job", |_| {
        let on = Scheduler::current().unwrap();
        canceled(on.offload_with(JobKind::Io, || (), far(), None))
    }),
    ("file", |held| canceled(io::fs::metadata(&held.locked))),
    ("all of a file", |held| {
        canceled(io::fs::read_with(&held.locked, far(), None))
    }),
    ("folder", |_| canceled(io::fs::read_dir("/"))),
    ("computation", |_| canceled(compute(|| ()))),
];

/// A scheduler whose only thread for jobs that wait is taken, and the only one that computes, while this is there.
struct Busy {
    on: Scheduler,
    taken: [JoinHandle<()>; 2],
    let_go: [mpsc::Sender<()>; 2],
}

/// Has a pool do a job.
type Offload = fn(Box<dyn FnOnce() + Send>) -> Result<(), OffloadError>;

impl Busy {
    fn new() -> Self {
        let config = Config {
            workers: 2,
            most_io_threads: 1,
            compute_threads: 1,
            ..Config::default()
        };
        let on = Scheduler::start(config).unwrap();
        let take = |offload: Offload| {
            let (let_go, wait) = mpsc::channel();
            let (begun, has_begun) = mpsc::channel();
            let job = move || {
                begun.send(()).unwrap();
                let _ = wait.recv();
            };
            let taken = on.spawn(&SpawnOptions::default(), move || {
                offload(Box::new(job)).unwrap();
            });
            has_begun.recv().unwrap();
            (taken, let_go)
        };
        let (waits, let_wait_go) = take(offload);
        let (computes, let_compute_go) = take(compute);
        Self {
            on,
            taken: [waits, computes],
            let_go: [let_wait_go, let_compute_go],
        }
    }

    fn end(self) {
        drop(self.let_go);
        for taken in self.taken {
            taken.join().unwrap();
        }
        end(&self.on);
    }
}

/// Does something to all of them at once, in two lots, each on a scheduler on which they wait.
pub(crate) fn all(test: impl Fn(&Scheduler, &Holder, &[(&'static str, Kind)])) {
    let holder = Holder::new();
    let on = start(2);
    test(&on, &holder, &[MANY, FEW].concat());
    let busy = Busy::new();
    test(&busy.on, &holder, POOLED);
    busy.end();
    // Threads of the pool may still wait for what it holds.
    drop(holder);
    end(&on);
}

#[test]
fn every_kind_of_wait_is_ended_by_a_cancellation_and_says_why() {
    within(LIMIT, "kinds", || {
        all(|on, holder, kinds| {
            for early in [false, true] {
                let spawn = |&(name, kind): &(&'static str, Kind)| {
                    let held = Arc::clone(&holder.held);
                    let fiber = on.spawn(&SpawnOptions::default(), move || {
                        wait_until_canceled_if(early);
                        (kind(&held), cancel_reason())
                    });
                    (name, fiber)
                };
                let fibers: Vec<_> = kinds.iter().map(spawn).collect();
                for (name, fiber) in &fibers {
                    let id = fiber.id().unwrap();
                    if !early && *name != "poll" {
                        until_it_waits(id);
                    }
                    let reason = CancelReason::new(5).because(*name);
                    vitte_scheduler::cancel_for(id, reason).unwrap();
                }
                for (name, fiber) in fibers {
                    let (ended, reason) = fiber.join().unwrap();
                    assert!(ended, "{name}, early: {early}");
                    assert_eq!(reason.unwrap().text(), Some(name));
                }
            }
        });
    });
}

#[test]
fn in_every_kind_of_wait_a_fiber_can_be_killed() {
    within(LIMIT, "kills", || {
        all(|on, holder, kinds| {
            let spawn = |&(name, kind): &(&'static str, Kind)| {
                let held = Arc::clone(&holder.held);
                let stubborn = on.spawn(&SpawnOptions::default(), move || {
                    let _ = kind(&held);
                    loop {
                        let _ = park(Deadline::NEVER);
                    }
                });
                (name, stubborn)
            };
            let fibers: Vec<_> = kinds.iter().map(spawn).collect();
            for (name, stubborn) in &fibers {
                let id = stubborn.id().unwrap();
                if *name != "poll" {
                    until_it_waits(id);
                }
                kill(id).unwrap();
            }
            for (name, stubborn) in fibers {
                let ended = stubborn.join();
                assert!(
                    matches!(ended, Err::<(), _>(JoinError::Killed(_))),
                    "{name}"
                );
            }
        });
    });
}

/// Does not go on before the caller has been canceled, if that is to be early.
fn wait_until_canceled_if(early: bool) {
    while early && cancel_reason().is_none() {
        vitte_scheduler::yield_now();
    }
}

#[test]
fn a_runtimes_scope_and_run_wait_for_their_fibers_when_they_are_canceled() {
    within(LIMIT, "scope", || {
        let runtime = Arc::new(Runtime::start().unwrap());
        let inside = Arc::clone(&runtime);
        let (go, gone) = oneshot::channel::<()>();
        let outer = runtime.spawn(move || {
            let mut done = false;
            let ended = &mut done;
            inside.scope(|scope| {
                let inner = scope.spawn(move || {
                    gone.recv().unwrap();
                    *ended = true;
                });
                drop(inner);
            });
            done
        });
        until_it_waits(outer.id().unwrap());
        outer.cancel();
        // It would return before the inner one if it ever did.
        thread::sleep(Duration::from_millis(5));
        go.send(()).unwrap();
        assert!(outer.join().unwrap());
    });
}

//! Time slices: many clients that one fiber, or one thread, serves in turn.
//!
//! Each client is called, and says when it wants to be called again. The one that wanted it earliest
//! comes next; among those that want it at once they take turns.
//!
//! Invariants: a client is in `queue` under the key that `keys` has for it, or it is the one that is
//! being called. Nothing foreign is called or dropped under the lock.

use super::panic_of;
use crate::{Panicked, Runtime, SpawnError, Thread};
use std::{
    collections::{BTreeMap, HashMap},
    fmt, mem,
    panic::resume_unwind,
    sync::Arc,
    time::Duration,
};
use vitte_scheduler::SpawnOptions;
use vitte_sync::{Canceled, Event, WaitError};
use vitte_wait::{Deadline, StopToken, current, facade::Mutex, timed_forms};

/// When a client of [`TimeSlices`] wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextSlice {
    /// As soon as the others who want that have had their turn.
    Soon,
    /// After this time.
    After(Duration),
    /// At this point in time.
    At(Deadline),
    /// Not again: it is removed.
    Remove,
}

/// The name of a client. It is never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliceId(u64);

/// Clients that one fiber, or one thread, serves in turn.
///
/// A client is called, does a little, and returns when it wants to be called [next](NextSlice). So
/// hundreds of things that need doing now and then cost one stack. The clients of one `TimeSlices` never
/// run at the same time; one that waits, or computes for long, delays the others.
///
/// A client that panics is removed, and its panic is kept for [`take_panics`](Self::take_panics); the
/// others are served on.
///
/// Dropping it ends it: no client is called any more, and all are dropped. A call that is under way is not
/// waited for; see [`stop`](Self::stop). On a runtime it also ends when that is shut down.
///
/// ```
/// use std::{sync::mpsc, time::Duration};
/// use vitte_threads::{NextSlice, Runtime, TimeSlices};
///
/// let runtime = Runtime::start()?;
/// let slices = TimeSlices::on(&runtime)?;
/// let (tell, told) = mpsc::channel();
/// let mut left = 3;
/// slices.add(move || {
///     tell.send(left).unwrap();
///     left -= 1;
///     if left > 0 { NextSlice::After(Duration::from_millis(1)) } else { NextSlice::Remove }
/// })?;
/// assert_eq!(told.iter().collect::<Vec<_>>(), [3, 2, 1]);
/// slices.stop()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "time slices that are dropped are ended"]
pub struct TimeSlices(Arc<Core>);

type Client = Box<dyn FnMut() -> NextSlice + Send>;

/// When a client is due, and its place among those that are due then.
type Key = (Deadline, u64);

struct Core {
    state: Mutex<State>,
    /// The next client is another one, or all is over.
    changed: Event,
    /// Who serves has ended.
    ended: Event,
}

struct State {
    queue: BTreeMap<Key, (SliceId, Client)>,
    keys: HashMap<SliceId, Key>,
    next_id: u64,
    next_turn: u64,
    running: Option<Running>,
    /// Who serves, once it does.
    server: Option<u64>,
    panics: Vec<(SliceId, Panicked)>,
    is_over: bool,
}

/// The client that is being called.
struct Running {
    id: SliceId,
    /// It is not to be called again.
    is_removed: bool,
    /// When it is due next, if somebody has said so meanwhile.
    again: Option<Deadline>,
    /// Signaled at the end of the call, if somebody waits for that.
    end: Option<Arc<Event>>,
}

impl State {
    fn put(&mut self, due: Deadline, id: SliceId, client: Client) {
        let key = (due, self.next_turn);
        self.next_turn += 1;
        self.keys.insert(id, key);
        self.queue.insert(key, (id, client));
    }

    fn take(&mut self, id: SliceId) -> Option<Client> {
        let key = self.keys.remove(&id)?;
        self.queue.remove(&key).map(|(_, client)| client)
    }

    /// The client that runs and is not removed, if it is `id`.
    fn running(&mut self, id: SliceId) -> Option<&mut Running> {
        let running = self.running.as_mut();
        running.filter(|running| running.id == id && !running.is_removed)
    }

    /// Ends all; what is returned is to be dropped after the lock.
    fn end(&mut self) -> impl Sized + use<> {
        self.is_over = true;
        self.keys.clear();
        if let Some(running) = &mut self.running {
            running.is_removed = true;
        }
        mem::take(&mut self.queue)
    }

    /// What is signaled at the end of the call that is under way. `None`: the caller is in it.
    fn end_of_call(&mut self) -> Option<Arc<Event>> {
        let is_server = self.server == Some(current::unit().life());
        let running = self.running.as_mut().filter(|_| !is_server)?;
        let end = running.end.get_or_insert_with(|| Arc::new(Event::manual()));
        Some(Arc::clone(end))
    }
}

impl TimeSlices {
    /// Clients that a fiber of `runtime` serves.
    ///
    /// # Errors
    /// [`SpawnError`], if the fiber cannot be spawned.
    ///
    /// ```
    /// use vitte_threads::{NextSlice, Runtime, TimeSlices};
    ///
    /// let runtime = Runtime::start()?;
    /// let slices = TimeSlices::on(&runtime)?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// slices.add(move || {
    ///     tell.send("called").unwrap();
    ///     NextSlice::Remove
    /// })?;
    /// assert_eq!(told.recv()?, "called");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on(runtime: &Runtime) -> Result<Self, SpawnError> {
        let (slices, server) = Self::new();
        let options = SpawnOptions {
            name: Some("time slices"),
            ..SpawnOptions::default()
        };
        let task = runtime.scheduler().spawn(&options, move || server.serve());
        task.id().map(|_| slices).ok_or(SpawnError::ShuttingDown)
    }

    /// Clients that a thread of this name serves.
    ///
    /// # Errors
    /// [`SpawnError::Thread`], if the system refuses it.
    ///
    /// ```
    /// use vitte_threads::{NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// slices.add(move || {
    ///     tell.send(std::thread::current().name().map(str::to_owned)).unwrap();
    ///     NextSlice::Remove
    /// })?;
    /// assert_eq!(told.recv()?.as_deref(), Some("chores"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_thread(name: &str) -> Result<Self, SpawnError> {
        let (slices, server) = Self::new();
        let thread = Thread::builder().name(name).spawn(move || server.serve());
        thread.map_err(|error| SpawnError::Thread(error.to_string().into()))?;
        Ok(slices)
    }

    fn new() -> (Self, Server) {
        let core = Arc::new(Core {
            state: Mutex::new(State {
                queue: BTreeMap::new(),
                keys: HashMap::new(),
                next_id: 0,
                next_turn: 0,
                running: None,
                server: None,
                panics: Vec::new(),
                is_over: false,
            }),
            changed: Event::auto(),
            ended: Event::manual(),
        });
        (Self(Arc::clone(&core)), Server(core))
    }

    /// Makes `client` one that is served, as soon as possible.
    ///
    /// # Errors
    /// [`SpawnError::ShuttingDown`] after the end.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_threads::{NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let mut left = 2;
    /// slices.add(move || {
    ///     tell.send(left).unwrap();
    ///     left -= 1;
    ///     if left > 0 { NextSlice::Soon } else { NextSlice::Remove }
    /// })?;
    /// assert_eq!(told.iter().collect::<Vec<_>>(), [2, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add<F>(&self, client: F) -> Result<SliceId, SpawnError>
    where
        F: FnMut() -> NextSlice + Send + 'static,
    {
        self.add_at(Deadline::after(Duration::ZERO), client)
    }

    /// As [`add`](Self::add); called first at `deadline`.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let minute = Deadline::after(Duration::from_secs(60));
    /// let later = slices.add_at(minute, || NextSlice::Remove)?;
    /// assert!(slices.contains(later), "it has not been called yet");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_at<F>(&self, deadline: Deadline, client: F) -> Result<SliceId, SpawnError>
    where
        F: FnMut() -> NextSlice + Send + 'static,
    {
        let client: Client = Box::new(client);
        let mut state = self.0.state.lock();
        if state.is_over {
            drop(state);
            return Err(SpawnError::ShuttingDown);
        }
        let id = SliceId(state.next_id);
        state.next_id += 1;
        state.put(deadline, id, client);
        drop(state);
        self.0.changed.signal();
        Ok(id)
    }

    /// Calls a client next at `deadline`, whatever it said itself. False: there is no such client.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let sleeps = slices.add_at(Deadline::NEVER, move || {
    ///     tell.send("called").unwrap();
    ///     NextSlice::Remove
    /// })?;
    /// assert!(slices.call_at(sleeps, Deadline::NOW));
    /// assert_eq!(told.recv()?, "called");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn call_at(&self, id: SliceId, deadline: Deadline) -> bool {
        let mut state = self.0.state.lock();
        if let Some(client) = state.take(id) {
            state.put(deadline, id, client);
            drop(state);
            self.0.changed.signal();
            return true;
        }
        let running = state.running(id);
        running
            .map(|running| running.again = Some(deadline))
            .is_some()
    }

    /// Calls a client before all others. False: there is no such client.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let sleeps = slices.add_at(Deadline::NEVER, move || {
    ///     tell.send("called").unwrap();
    ///     NextSlice::Remove
    /// })?;
    /// assert!(slices.move_to_front(sleeps));
    /// assert_eq!(told.recv()?, "called");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn move_to_front(&self, id: SliceId) -> bool {
        self.call_at(id, Deadline::NOW)
    }

    /// Removes a client, and waits for its call to end, if it is being called: then it has been dropped.
    /// False: there is no such client. From inside a call of its own it is not waited for.
    ///
    /// # Errors
    /// [`Canceled`] if the caller is canceled while it waits. The client is removed all the same.
    ///
    /// # Blocking
    /// While the client is being called: a fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let client = slices.add_at(Deadline::NEVER, || NextSlice::Soon)?;
    /// assert_eq!(slices.remove(client), Ok(true));
    /// assert_eq!(slices.remove(client), Ok(false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, id: SliceId) -> Result<bool, Canceled> {
        let (is_removed, end) = self.take_off(id);
        end.map_or(Ok(()), |end| end.wait()).map(|()| is_removed)
    }

    /// As [`remove`](Self::remove); waits until `deadline` at the longest, or until `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead. The client is removed all the same.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let client = slices.add_at(Deadline::NEVER, || NextSlice::Soon)?;
    /// assert_eq!(slices.remove_with(client, Deadline::NOW, None), Ok(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_with(
        &self,
        id: SliceId,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<bool, WaitError> {
        let (is_removed, end) = self.take_off(id);
        end.map_or(Ok(()), |end| end.wait_with(deadline, stop))
            .map(|()| is_removed)
    }

    timed_forms! {
        remove_with(id: SliceId) -> Result<bool, WaitError>: remove_until remove_timeout remove_or_stop
        in vitte_threads { NextSlice, TimeSlices }
        ///
        /// let slices = TimeSlices::on_thread("chores").unwrap();
        /// let client = slices.add(|| NextSlice::Soon).unwrap();
        "slices." ("client") => got "assert_eq!(got, Ok(true));"
    }

    /// Takes a client off; says whether there was one, and what is left to be waited for.
    fn take_off(&self, id: SliceId) -> (bool, Option<Arc<Event>>) {
        let mut state = self.0.state.lock();
        if let Some(client) = state.take(id) {
            drop(state);
            drop(client);
            return (true, None);
        }
        let Some(running) = &mut state.running else {
            return (false, None);
        };
        if running.id != id {
            return (false, None);
        }
        // Another may have removed it already, and waits as we do.
        let is_removed = !mem::replace(&mut running.is_removed, true);
        (is_removed, state.end_of_call())
    }

    /// Removes all clients, and waits for the call that is under way. Otherwise as
    /// [`remove`](Self::remove).
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    ///
    /// ```
    /// use vitte_threads::{NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// slices.add(|| NextSlice::Soon)?;
    /// slices.remove_all()?;
    /// assert!(slices.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_all(&self) -> Result<(), Canceled> {
        self.take_all_off().map_or(Ok(()), |end| end.wait())
    }

    /// As [`remove_all`](Self::remove_all); waits until `deadline` at the longest, or until `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead. The clients are removed all the same.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// slices.add_at(Deadline::NEVER, || NextSlice::Soon)?;
    /// slices.remove_all_with(Deadline::NOW, None)?;
    /// assert!(slices.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove_all_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<(), WaitError> {
        self.take_all_off()
            .map_or(Ok(()), |end| end.wait_with(deadline, stop))
    }

    timed_forms! {
        remove_all_with() -> Result<(), WaitError>: remove_all_until remove_all_timeout remove_all_or_stop
        in vitte_threads { NextSlice, TimeSlices }
        ///
        /// let slices = TimeSlices::on_thread("chores").unwrap();
        /// slices.add(|| NextSlice::Soon).unwrap();
        "slices." () => got "assert!(got.is_ok() && slices.is_empty());"
    }

    /// Takes all clients off; what is left to be waited for.
    fn take_all_off(&self) -> Option<Arc<Event>> {
        let mut state = self.0.state.lock();
        state.keys.clear();
        let clients = mem::take(&mut state.queue);
        if let Some(running) = &mut state.running {
            running.is_removed = true;
        }
        let end = state.end_of_call();
        drop(state);
        drop(clients);
        end
    }

    /// How many clients there are.
    ///
    /// ```
    /// use vitte_threads::{NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// slices.add(|| NextSlice::Soon)?;
    /// assert_eq!(slices.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.0.state.lock();
        let runs = state
            .running
            .as_ref()
            .is_some_and(|client| !client.is_removed);
        state.queue.len() + usize::from(runs)
    }

    /// Whether there is no client.
    ///
    /// ```
    /// use vitte_threads::TimeSlices;
    ///
    /// assert!(TimeSlices::on_thread("chores")?.is_empty());
    /// # Ok::<(), vitte_threads::SpawnError>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is such a client.
    ///
    /// ```
    /// use vitte_threads::{NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let client = slices.add(|| NextSlice::Soon)?;
    /// assert!(slices.contains(client));
    /// slices.remove(client)?;
    /// assert!(!slices.contains(client));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn contains(&self, id: SliceId) -> bool {
        let mut state = self.0.state.lock();
        state.keys.contains_key(&id) || state.running(id).is_some()
    }

    /// The clients: the one that is being called, then the others as they will be called.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let client = slices.add_at(Deadline::NEVER, || NextSlice::Soon)?;
    /// assert_eq!(slices.ids(), [client]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ids(&self) -> Vec<SliceId> {
        let state = self.0.state.lock();
        let runs = state.running.as_ref().filter(|client| !client.is_removed);
        let queued = state.queue.values().map(|(id, _)| *id);
        runs.map(|client| client.id)
            .into_iter()
            .chain(queued)
            .collect()
    }

    /// The panics of clients since this was called last. Each is given once.
    ///
    /// ```
    /// use vitte_threads::TimeSlices;
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// let broken = slices.add(|| panic!("it is broken"))?;
    /// while slices.contains(broken) {
    ///     std::thread::yield_now();
    /// }
    /// slices.stop()?;
    /// let panics = slices.take_panics();
    /// assert_eq!((panics[0].0, panics[0].1.text()), (broken, "it is broken"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn take_panics(&self) -> Vec<(SliceId, Panicked)> {
        mem::take(&mut self.0.state.lock().panics)
    }

    /// Ends it, and waits until the call that is under way, and with it the fiber or thread, has ended.
    /// From inside a call it is not waited for.
    ///
    /// # Errors
    /// [`Canceled`] if the caller is canceled while it waits. It ends all the same.
    ///
    /// # Blocking
    /// While a client is being called: a fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_threads::{NextSlice, SpawnError, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// slices.add(|| NextSlice::Soon)?;
    /// slices.stop()?;
    /// assert!(matches!(slices.add(|| NextSlice::Soon), Err(SpawnError::ShuttingDown)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop(&self) -> Result<(), Canceled> {
        if self.0.end() {
            Ok(())
        } else {
            self.0.ended.wait()
        }
    }

    /// As [`stop`](Self::stop); waits until `deadline` at the longest, or until `stop` is triggered.
    ///
    /// # Errors
    /// What ended the wait instead. It ends all the same.
    ///
    /// ```
    /// use vitte_threads::{Deadline, NextSlice, TimeSlices};
    ///
    /// let slices = TimeSlices::on_thread("chores")?;
    /// slices.add(|| NextSlice::Soon)?;
    /// slices.stop_with(Deadline::NEVER, None)?;
    /// assert!(slices.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stop_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> Result<(), WaitError> {
        if self.0.end() {
            return Ok(());
        }
        self.0.ended.wait_with(deadline, stop)
    }

    timed_forms! {
        stop_with() -> Result<(), WaitError>: stop_until stop_timeout stop_or_stop
        in vitte_threads { NextSlice, TimeSlices }
        ///
        /// let slices = TimeSlices::on_thread("chores").unwrap();
        /// slices.add(|| NextSlice::Soon).unwrap();
        "slices." () => got "assert!(got.is_ok() && slices.is_empty());"
    }
}

impl Core {
    /// Says that all is over. Whether the caller is the one who serves.
    fn end(&self) -> bool {
        let mut state = self.state.lock();
        let clients = state.end();
        let is_server = state.server == Some(current::unit().life());
        drop(state);
        drop(clients);
        self.changed.signal();
        is_server
    }
}

/// The duty to serve, and to say when that is over.
struct Server(Arc<Core>);

impl Server {
    fn serve(self) {
        self.0.state.lock().server = Some(current::unit().life());
        loop {
            let due = {
                let state = self.0.state.lock();
                if state.is_over {
                    return;
                }
                let first = state.queue.keys().next();
                first.map_or(Deadline::NEVER, |(due, _)| *due)
            };
            if !due.is_past() {
                match self.0.changed.wait_until(due) {
                    Ok(()) | Err(WaitError::TimedOut) => {}
                    // The runtime is shut down.
                    Err(_) => return,
                }
                continue;
            }
            self.call_first();
        }
    }

    fn call_first(&self) {
        let mut state = self.0.state.lock();
        let Some((_, (id, mut client))) = state.queue.pop_first() else {
            return;
        };
        state.keys.remove(&id);
        state.running = Some(Running {
            id,
            is_removed: false,
            again: None,
            end: None,
        });
        drop(state);
        let mut next = NextSlice::Remove;
        let (panic, unwinding) = panic_of(|| next = client());
        let said = match next {
            NextSlice::Soon => Some(Deadline::after(Duration::ZERO)),
            NextSlice::After(patience) => Some(Deadline::after(patience)),
            NextSlice::At(deadline) => Some(deadline),
            NextSlice::Remove => None,
        };
        let mut state = self.0.state.lock();
        let running = state.running.take();
        if let Some(panic) = panic {
            state.panics.push((id, Panicked::new(panic)));
        }
        let removed = running.as_ref().is_none_or(|running| running.is_removed);
        let again = running.as_ref().and_then(|running| running.again);
        match said.filter(|_| !removed) {
            Some(said) => {
                state.put(again.unwrap_or(said), id, client);
                drop(state);
            }
            None => {
                drop(state);
                drop(client);
            }
        }
        if let Some(end) = running.and_then(|running| running.end) {
            end.signal();
        }
        if let Some(unwinding) = unwinding {
            resume_unwind(unwinding);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.end();
        self.0.ended.signal();
    }
}

impl Drop for TimeSlices {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for TimeSlices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TimeSlices");
        if let Some(state) = self.0.state.try_lock() {
            shown
                .field("waiting", &state.queue.len())
                .field("running", &state.running.as_ref().map(|client| client.id))
                .field("over", &state.is_over);
        }
        shown.finish_non_exhaustive()
    }
}

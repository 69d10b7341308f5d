//! Signals as events: what the system sends the process is received like a message.

use crate::{examples::stopped, watched::Watched};
use signal_hook::{
    consts::FORBIDDEN,
    iterator::{backend::SignalDelivery, exfiltrator::SignalOnly},
};
use std::{collections::VecDeque, io, os::unix::net::UnixStream};
use vitte_scheduler::Direction;
use vitte_wait::{Deadline, StopToken, facade::Mutex, timed_forms};

/// Receives signals, as long as it is there.
///
/// This installs a handler for each of them, beside those that others have installed (`signal-hook` keeps the
/// list); nothing else in the library does. While there is one, what the signal would do otherwise (end the
/// process, mostly) is not done, and not afterwards either. A signal that comes again before it was received is received once.
///
/// ```
/// use std::{process::{Command, id}, time::Duration};
/// use vitte_io::Signals;
///
/// let signals = Signals::new([rustix::process::Signal::USR1.as_raw()])?;
/// Command::new("kill").args(["-USR1", &id().to_string()]).status()?;
/// assert_eq!(signals.recv()?, rustix::process::Signal::USR1.as_raw());
/// assert!(signals.recv_timeout(Duration::from_millis(1)).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Signals {
    /// What the handlers write to, from the other end.
    bell: Watched<UnixStream>,
    state: Mutex<State>,
}

/// The numbers that Linux has for signals.
const ALL: std::ops::RangeInclusive<i32> = 1..=64;

#[derive(Debug)]
struct State {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    pending: VecDeque<i32>,
}

impl Signals {
    /// Begins to receive the signals with these numbers.
    ///
    /// # Errors
    /// `InvalidInput` with a number that is no signal's, or of one that nobody can handle (`SIGKILL`, `SIGSTOP`, and faults); and
    /// what the system says. No handler is left installed then.
    ///
    /// ```
    /// use rustix::process::Signal;
    /// use vitte_io::Signals;
    ///
    /// assert!(Signals::new([Signal::USR1.as_raw(), Signal::HUP.as_raw()]).is_ok());
    /// assert!(Signals::new([Signal::KILL.as_raw()]).is_err(), "nobody can handle it");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(numbers: impl IntoIterator<Item = i32>) -> io::Result<Self> {
        let numbers: Vec<_> = numbers.into_iter().collect();
        // What installs the handlers would panic, and end the process while that unwinds.
        let refused = |number: &&i32| !ALL.contains(*number) || FORBIDDEN.contains(number);
        if let Some(number) = numbers.iter().find(refused) {
            let text = format!(
                "signal {number} cannot be received: there is none, or nobody can handle it"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (read, write) = UnixStream::pair()?;
        let bell = read.try_clone()?;
        bell.set_nonblocking(true)?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, numbers)?;
        Ok(Self {
            bell: Watched::new(bell),
            state: Mutex::new(State {
                delivery,
                pending: VecDeque::new(),
            }),
        })
    }

    /// The number of the next signal.
    ///
    /// # Errors
    /// A [`WaitError`](crate::WaitError) inside.
    ///
    /// # Blocking
    /// Until one comes: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// No signal is lost.
    ///
    /// ```
    /// use rustix::process::{Signal, getpid, kill_process};
    /// use vitte_io::Signals;
    ///
    /// let signals = Signals::new([Signal::USR1.as_raw()])?;
    /// kill_process(getpid(), Signal::USR1)?;
    /// assert_eq!(signals.recv()?, Signal::USR1.as_raw());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self) -> io::Result<i32> {
        self.recv_with(Deadline::NEVER, None)
    }

    /// [`recv`](Self::recv), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    #[doc = stopped!("use vitte_io::{Signals, WaitError};\n\nlet signals = Signals::new([rustix::process::Signal::USR1.as_raw()])?;", "signals.recv_with(")]
    pub fn recv_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<i32> {
        self.bell.run(Direction::Read, deadline, stop, |_| {
            self.try_recv()
                .ok_or_else(|| io::ErrorKind::WouldBlock.into())
        })
    }

    timed_forms! {
        recv_with() -> io::Result<i32>: recv_until recv_timeout recv_or_stop
        in vitte_wait
        /// use vitte_io::{Signals, WaitError};
        ///
        /// let signals = Signals::new([rustix::process::Signal::USR1.as_raw()])?;
        "signals." () => io
    }

    /// The number of a signal that has come.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use rustix::process::{Signal, getpid, kill_process};
    /// use vitte_io::Signals;
    ///
    /// let signals = Signals::new([Signal::USR1.as_raw()])?;
    /// assert_eq!(signals.try_recv(), None);
    /// kill_process(getpid(), Signal::USR1)?;
    /// signals.recv()?;
    /// assert_eq!(signals.try_recv(), None, "it was received");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn try_recv(&self) -> Option<i32> {
        let mut state = self.state.lock();
        if state.pending.is_empty() {
            let State { delivery, pending } = &mut *state;
            pending.extend(delivery.pending());
        }
        state.pending.pop_front()
    }

    /// That there is one, as one of several things that the caller waits for: `select! { readable(it) => .. }`.
    /// One that was received together with another, and is kept, is not noticed: [try](Self::try_recv) first.
    ///
    /// ```
    /// use rustix::process::{Signal, getpid, kill_process};
    /// use std::time::Duration;
    /// use vitte_io::Signals;
    /// use vitte_wait::{Deadline, select::{after, select}};
    ///
    /// let signals = Signals::new([Signal::USR1.as_raw()])?;
    /// kill_process(getpid(), Signal::USR1)?;
    /// let (mut late, mut ready) = (after(Duration::from_secs(60)), signals.readable_arm());
    /// assert_eq!(select(&mut [&mut late, &mut ready], Deadline::NEVER, None), Ok(1));
    /// assert_eq!(signals.try_recv(), Some(Signal::USR1.as_raw()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn readable_arm(&self) -> vitte_scheduler::ReadyArm<'_> {
        self.bell.arm(Direction::Read)
    }
}

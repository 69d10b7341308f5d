//! Child processes: started, waited for without blocking a worker, and never left as zombies.
//!
//! The end of a process is an event of a descriptor of its own (a pidfd), so no handler is installed and nobody
//! polls. Its status is kept once it is known.

use crate::{
    PipeReader, PipeWriter, WaitError,
    examples::{ours, stopped},
    stream::PIECE,
    watched::Watched,
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    ffi::OsStr,
    fmt, io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    path::Path,
    process::{self, ExitStatus, Stdio},
    thread,
};
use vitte_scheduler::{Direction, Scheduler};
use vitte_wait::{
    Deadline, StopToken,
    facade::Mutex,
    select::{Select, SelectError},
    timed_forms,
};

/// What to start, and with what. A thin front of [`std::process::Command`], which [`From`] takes in whole.
///
/// ```
/// use vitte_io::{Command, Exit};
///
/// let output = Command::new("printf").args(["[%s]", ""]).output()?;
/// assert_eq!((output.exit, &output.stdout[..]), (Exit::Code(0), &b"[]"[..]));
/// assert!(Command::new("no-such-program").spawn().is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Command {
    inner: process::Command,
    /// Its standard input was said, or may have been.
    has_stdin: bool,
}

/// Its standard input is taken as said, even if it is the caller's because nothing was.
impl From<process::Command> for Command {
    fn from(inner: process::Command) -> Self {
        let has_stdin = true;
        Self { inner, has_stdin }
    }
}

/// How a process ended.
///
/// ```
/// use vitte_io::{Command, Exit};
///
/// assert_eq!(Command::new("true").status()?, Exit::Code(0));
/// assert_eq!(Command::new("sh").args(["-c", "exit 3"]).status()?.to_string(), "exited with 3");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It said so itself; zero is success.
    Code(i32),
    /// The signal with this number ended it.
    Signaled(i32),
}

impl Exit {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signaled(signal.unwrap_or(0)),
        }
    }

    /// Whether it said that all went well.
    ///
    /// ```
    /// use vitte_io::Exit;
    ///
    /// assert!(Exit::Code(0).is_success());
    /// assert!(!Exit::Code(1).is_success() && !Exit::Signaled(9).is_success());
    /// ```
    #[must_use]
    pub fn is_success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with {code}"),
            Self::Signaled(number) => write!(f, "was ended by signal {number}"),
        }
    }
}

/// What a process wrote, and how it ended.
///
/// ```
/// use vitte_io::{Command, Exit, Output};
///
/// let Output { exit, stdout, stderr } = Command::new("printf").arg("some text").output()?;
/// assert_eq!((exit, &stdout[..], &stderr[..]), (Exit::Code(0), &b"some text"[..], &b""[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error stream.
    pub stderr: Vec<u8>,
}

impl Command {
    /// Something to start: a path, or a name that is looked for in `PATH`.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// assert!(Command::new("true").status()?.is_success());
    /// assert!(Command::new("no-such-program").status().is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let inner = process::Command::new(program);
        let has_stdin = false;
        Self { inner, has_stdin }
    }

    /// Adds an argument, which the program gets as it is.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("printf").arg("%s").arg("*").output()?;
    /// assert_eq!(output.stdout, b"*", "no shell has seen it");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.inner.arg(argument);
        self
    }

    /// Adds arguments.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("printf").args(["[%s]", "one", "two"]).output()?;
    /// assert_eq!(output.stdout, b"[one][two]");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn args(mut self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.inner.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("sh").args(["-c", "printf \"$NAME\""]).env("NAME", "text").output()?;
    /// assert_eq!(output.stdout, b"text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Sets variables of its environment.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("sh").args(["-c", "printf \"$A$B\""]).envs([("A", "one"), ("B", "two")]).output()?;
    /// assert_eq!(output.stdout, b"onetwo");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.inner.envs(variables);
        self
    }

    /// Takes a variable out of its environment.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let shell = Command::new("sh").args(["-c", "printf \"$NAME\""]).env("NAME", "text");
    /// assert_eq!(shell.env_remove("NAME").output()?.stdout, b"");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.inner.env_remove(name);
        self
    }

    /// Begins with an empty environment.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("/usr/bin/env").env_clear().env("NAME", "text").output()?;
    /// assert_eq!(output.stdout, b"NAME=text\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.inner.env_clear();
        self
    }

    /// Where it runs.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("pwd").current_dir("/").output()?;
    /// assert_eq!(output.stdout, b"/\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// What its standard input is; by default the caller's.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    /// child.stdin.take().unwrap().write(b"some text")?;
    /// assert_eq!(child.wait_with_output()?.stdout, b"some text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stdin(mut self, what: impl Into<Stdio>) -> Self {
        self.inner.stdin(what);
        self.has_stdin = true;
        self
    }

    /// What its standard output is; by default the caller's.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// assert!(Command::new("printf").arg("nobody reads it").stdout(Stdio::null()).status()?.is_success());
    /// let child = Command::new("printf").arg("some text").stdout(Stdio::piped()).spawn()?;
    /// assert_eq!(child.wait_with_output()?.stdout, b"some text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stdout(mut self, what: impl Into<Stdio>) -> Self {
        self.inner.stdout(what);
        self
    }

    /// What its standard error stream is; by default the caller's.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("sh").args(["-c", "echo wrong >&2"]).stderr(Stdio::piped()).spawn()?;
    /// assert_eq!(child.wait_with_output()?.stderr, b"wrong\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stderr(mut self, what: impl Into<Stdio>) -> Self {
        self.inner.stderr(what);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// What the system says; that there is no such program among it.
    ///
    /// # Blocking
    /// The thread, until the program has begun: some hundreds of microseconds.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("true").spawn()?;
    /// assert!(child.wait()?.is_success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn(mut self) -> io::Result<Child> {
        let mut child = self.inner.spawn()?;
        let watch = || {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let pid = pid.ok_or(io::ErrorKind::InvalidData)?;
            // It cannot have been reaped: only the handle does that.
            Ok::<_, io::Error>(pidfd_open(pid, PidfdFlags::NONBLOCK)?)
        };
        let pidfd = match watch() {
            Ok(pidfd) => pidfd,
            Err(error) => {
                // Nobody could wait for it, and nobody knows of it yet.
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        Ok(Child {
            id: child.id(),
            stdin: stdin.map(PipeWriter::try_from).transpose()?,
            stdout: stdout.map(PipeReader::try_from).transpose()?,
            stderr: stderr.map(PipeReader::try_from).transpose()?,
            process: Some(Process {
                end: Watched::new(pidfd),
                child: Mutex::new(Known { child, exit: None }),
            }),
        })
    }

    /// Starts it, waits for its end, and returns what it wrote. Its standard input is empty, unless it was given one.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn); a [`WaitError`] inside if the caller is canceled meanwhile: then it runs on.
    ///
    /// # Blocking
    /// Until it has ended and closed both streams: a fiber suspends, a thread sleeps.
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// let output = Command::new("printf").arg("some text").output()?;
    /// assert_eq!(output.stdout, b"some text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn output(self) -> io::Result<Output> {
        self.output_with(Deadline::NEVER, None)
    }

    /// [`output`](Self::output), until `deadline` at the latest, or until `stop` is triggered; then it runs on.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    ///
    #[doc = stopped!(ours!(cat), "cat.output_with(")]
    pub fn output_with(
        mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Output> {
        if !self.has_stdin {
            self.inner.stdin(Stdio::null());
        }
        self.inner.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.spawn()?.wait_with_output_with(deadline, stop)
    }

    timed_forms! {
        self output_with() -> io::Result<Output>: output_until output_timeout output_or_stop
        in vitte_wait
        #[doc = ours!(cat)]
        "cat." () => io
    }

    /// Starts it, waits for its end, and says how it ended. It has the streams that it was given, or else the caller's.
    ///
    /// # Errors
    /// # Blocking
    /// As [`output`](Self::output).
    ///
    /// ```
    /// use vitte_io::Command;
    ///
    /// assert!(Command::new("true").status()?.is_success());
    /// assert!(!Command::new("false").status()?.is_success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn status(self) -> io::Result<Exit> {
        self.status_with(Deadline::NEVER, None)
    }

    /// [`status`](Self::status), until `deadline` at the latest, or until `stop` is triggered; then it runs on.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    ///
    #[doc = stopped!(ours!(cat), "cat.status_with(")]
    pub fn status_with(self, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<Exit> {
        let mut child = self.spawn()?;
        drop(child.stdin.take());
        child.wait_with(deadline, stop)
    }

    timed_forms! {
        self status_with() -> io::Result<Exit>: status_until status_timeout status_or_stop
        in vitte_wait
        #[doc = ours!(cat)]
        "cat." () => io
    }
}

/// Reads both streams to their ends, as they fill, so that neither keeps the process from going on.
fn read_both(
    streams: [Option<PipeReader>; 2],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<[Vec<u8>; 2]> {
    let mut texts = [Vec::new(), Vec::new()];
    if Scheduler::current().is_none() {
        let [stdout, stderr] = &mut texts;
        let read = |stream: &Option<PipeReader>, text: &mut Vec<u8>| match stream {
            Some(stream) => stream.read_to_end_with(text, deadline, stop).map(drop),
            None => Ok(()),
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| read(&streams[1], stderr));
            read(&streams[0], stdout)?;
            let other = other.join();
            other.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        return Ok(texts);
    }
    let mut open: Vec<_> = streams.into_iter().enumerate().collect();
    open.retain(|(_, stream)| stream.is_some());
    let mut piece = vec![0; PIECE];
    while !open.is_empty() {
        let which = {
            let streams = open.iter().filter_map(|(_, stream)| stream.as_ref());
            let mut arms: Vec<_> = streams.map(PipeReader::readable_arm).collect();
            Select::among(&mut arms).wait_with(deadline, stop)
        };
        let which = which.map_err(|error| match error {
            SelectError::TimedOut => WaitError::TimedOut,
            SelectError::Canceled => WaitError::Canceled,
            SelectError::Stopped => WaitError::Stopped,
        })?;
        let (text, stream) = &open[which];
        let count = match stream {
            Some(stream) => stream.read_with(&mut piece, deadline, stop)?,
            None => 0,
        };
        texts[*text].extend_from_slice(&piece[..count]);
        if count == 0 {
            open.remove(which);
        }
    }
    Ok(texts)
}

/// Bytes of stack of a thread that only waits.
const REAPER: usize = 64 << 10;

/// A process that was started.
///
/// Dropping it lets the process run on. If it has not ended by then a thread waits for it, so that it does not stay as a
/// zombie when it does.
///
/// ```
/// use std::{io::Read, process::Stdio};
/// use vitte_io::Command;
///
/// let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
/// let mut text = String::new();
/// let mut said = child.stdout.take().expect("it is a pipe");
/// said.read_to_string(&mut text)?; // Until the child, and whoever else has the other end, is gone.
/// assert_eq!(text, "hello\n");
/// assert!(child.wait()?.is_success());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Child {
    id: u32,
    /// Its standard input, if it was [`Stdio::piped`].
    pub stdin: Option<PipeWriter>,
    /// Its standard output, if it was [`Stdio::piped`].
    pub stdout: Option<PipeReader>,
    /// Its standard error stream, if it was [`Stdio::piped`].
    pub stderr: Option<PipeReader>,
    /// Taken when it is dropped.
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    /// Readable when it has ended.
    end: Watched<OwnedFd>,
    child: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    child: process::Child,
    exit: Option<Exit>,
}

impl Process {
    fn try_wait(&self) -> io::Result<Option<Exit>> {
        let mut known = self.child.lock();
        if known.exit.is_none() {
            known.exit = known.child.try_wait()?.map(Exit::of);
        }
        Ok(known.exit)
    }

    fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<Exit> {
        self.end.run(Direction::Read, deadline, stop, |_| {
            self.try_wait()?
                .ok_or_else(|| io::ErrorKind::WouldBlock.into())
        })
    }
}

impl Child {
    fn process(&self) -> &Process {
        let process = self.process.as_ref();
        process.unwrap_or_else(|| unreachable!("it is there until it is dropped"))
    }

    /// The number by which the system knows it. Another may have it once this has ended and that is known.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("sh").args(["-c", "printf $$"]).stdout(Stdio::piped()).spawn()?;
    /// let id = child.id().to_string();
    /// assert_eq!(child.wait_with_output()?.stdout, id.as_bytes());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits for its end, and says how it ended; as often as one likes.
    ///
    /// # Errors
    /// A [`WaitError`] inside.
    ///
    /// # Blocking
    /// Until it has ended: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// It runs on.
    ///
    /// ```
    /// use vitte_io::{Command, Exit};
    ///
    /// let child = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
    /// assert_eq!(child.wait()?, Exit::Code(3));
    /// assert_eq!(child.wait()?, Exit::Code(3), "it is known from now on");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(&self) -> io::Result<Exit> {
        self.wait_with(Deadline::NEVER, None)
    }

    /// [`wait`](Self::wait), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    ///
    #[doc = stopped!(ours!(child), "child.wait_with(")]
    pub fn wait_with(&self, deadline: Deadline, stop: Option<&StopToken>) -> io::Result<Exit> {
        self.process().wait_with(deadline, stop)
    }

    timed_forms! {
        wait_with() -> io::Result<Exit>: wait_until wait_timeout wait_or_stop
        in vitte_wait
        #[doc = ours!(child)]
        "child." () => io
    }

    /// Closes its standard input, reads what it writes, waits for its end, and returns all that.
    ///
    /// # Errors
    /// A [`WaitError`] inside.
    ///
    /// # Blocking
    /// Until it has ended and closed both streams: a fiber suspends, a thread sleeps.
    ///
    /// # Cancellation
    /// It runs on; what was read is lost.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    /// child.stdin.as_ref().unwrap().write(b"some text")?;
    /// assert_eq!(child.wait_with_output()?.stdout, b"some text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_with_output(self) -> io::Result<Output> {
        self.wait_with_output_with(Deadline::NEVER, None)
    }

    /// [`wait_with_output`](Self::wait_with_output), until `deadline` at the latest, or until `stop` is triggered.
    ///
    /// # Errors
    /// As [`wait_with_output`](Self::wait_with_output).
    ///
    #[doc = stopped!(ours!(child), "child.wait_with_output_with(")]
    pub fn wait_with_output_with(
        mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Output> {
        drop(self.stdin.take());
        let streams = [self.stdout.take(), self.stderr.take()];
        let [stdout, stderr] = read_both(streams, deadline, stop)?;
        let exit = self.wait_with(deadline, stop)?;
        Ok(Output {
            exit,
            stdout,
            stderr,
        })
    }

    timed_forms! {
        self wait_with_output_with() -> io::Result<Output>: wait_with_output_until wait_with_output_timeout wait_with_output_or_stop
        in vitte_wait
        #[doc = ours!(child)]
        "child." () => io
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Blocking
    /// Never.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// assert_eq!(child.try_wait()?, None);
    /// drop(child.stdin.take());
    /// child.wait()?;
    /// assert!(child.try_wait()?.is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_wait(&self) -> io::Result<Option<Exit>> {
        self.process().try_wait()
    }

    /// Its end, as one of several things that the caller waits for: `select! { readable(child) => .. }`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_wait::{Deadline, select::{after, select}};
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("true").spawn()?;
    /// let (mut late, mut ended) = (after(Duration::from_secs(60)), child.readable_arm());
    /// assert_eq!(select(&mut [&mut late, &mut ended], Deadline::NEVER, None), Ok(1));
    /// assert!(child.wait()?.is_success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn readable_arm(&self) -> vitte_scheduler::ReadyArm<'_> {
        self.process().end.arm(Direction::Read)
    }

    /// Ends it by force, unless it has ended.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// child.kill()?;
    /// assert_eq!(child.wait()?.to_string(), "was ended by signal 9");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL.as_raw())
    }

    /// Sends it a signal. Nothing is sent, to nobody, if it has ended.
    ///
    /// # Errors
    /// What the system says; `InvalidInput` for a number that is none of a signal.
    ///
    /// ```
    /// use std::process::Stdio;
    /// use vitte_io::Command;
    ///
    /// let child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// child.signal(rustix::process::Signal::TERM.as_raw())?;
    /// assert_eq!(child.wait()?.to_string(), "was ended by signal 15");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn signal(&self, number: i32) -> io::Result<()> {
        let signal = Signal::from_named_raw(number).ok_or_else(|| {
            let text = format!("{number} is not the number of a signal");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        match pidfd_send_signal(self.process().end.inner(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else {
            return;
        };
        if !matches!(process.try_wait(), Ok(None)) {
            return;
        }
        let reaper = thread::Builder::new().name("vitte-reaper".to_owned());
        // If there are too many threads it stays as a zombie, until this process ends.
        let _ = reaper.stack_size(REAPER).spawn(move || {
            let mut known = process.child.lock();
            known.child.wait()
        });
    }
}

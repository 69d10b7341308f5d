//! An open file.
//!
//! A fiber that reads takes what the system has in memory where it stands (on Linux), and has the rest done by a
//! thread of the pool. What was opened by the name of a file and is none (a FIFO, a terminal) is waited for as the
//! standard streams are.

use super::OpenOptions;
#[expect(unused_imports, reason = "the documentation names it")]
use crate::WaitError;
use crate::{
    examples::{ours, stopped},
    offloaded,
    stdio::{PIECE, until_ready},
    stream::{read_exact, read_to_end, write_all},
};
use std::{
    fs::{self, FileType},
    io::{self, Read, Seek, SeekFrom, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::fs::{FileExt, FileTypeExt},
    },
    path::Path,
    sync::OnceLock,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};
use vitte_scheduler::{Direction, Scheduler};
use vitte_wait::{Budget, Deadline, StopToken, timed_forms};

/// How much is read or written before it is asked whether it is still wanted.
pub(super) const STEP: usize = 1 << 20;

/// An open file. All calls take `&self`, and who share it share its position. It is closed when it is dropped,
/// where that happens.
///
/// ```
/// use std::io::{Read, Seek, Write};
/// use vitte_io::fs::{self, File};
///
/// let path = std::env::temp_dir().join(format!("vitte-file-{}", std::process::id()));
/// let mut file = File::options().read(true).write(true).create(true).open(&path)?;
/// file.write_all(b"some text")?;
/// file.rewind()?;
/// let mut text = String::new();
/// file.read_to_string(&mut text)?;
/// let mut word = [0; 4];
/// file.read_exact_at(&mut word, 5)?;
/// assert_eq!((text.as_str(), &word), ("some text", b"text"));
/// fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct File {
    pub(super) inner: fs::File,
    /// Whether it is a FIFO or the like, once somebody has wanted to know.
    is_stream: OnceLock<bool>,
    /// The system does not say which reads would block.
    is_opaque: AtomicBool,
    budget: Budget,
}

impl File {
    /// Opens a file to be read.
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As the [module](super) says.
    ///
    /// ```
    /// use vitte_io::fs::{self, File};
    ///
    #[doc = ours!(path)]
    /// fs::write(&path, "text")?;
    /// assert_eq!(File::open(&path)?.read(&mut [0; 64])?, 4);
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::open_with(path, Deadline::NEVER, None)
    }

    /// [`open`](Self::open), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    #[doc = stopped!("use vitte_io::{WaitError, fs::File};\n", "File::open_with(\"path\", ")]
    pub fn open_with(
        path: impl AsRef<Path>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let mut options = Self::options();
        options.read(true).open_with(path, deadline, stop)
    }

    timed_forms! {
        static open_with(path: impl AsRef<Path>) -> io::Result<Self>: open_until open_timeout open_or_stop
        in vitte_wait
        /// use vitte_io::{WaitError, fs::File};
        ///
        "File::" ("\"path\"") => io
    }

    /// Opens a file to be written; an old one is emptied.
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As the [module](super) says.
    ///
    /// ```
    /// use vitte_io::fs::{self, File};
    ///
    #[doc = ours!(path)]
    /// File::create(&path)?.write(b"text")?;
    /// assert_eq!(fs::read(&path)?, b"text");
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::create_with(path, Deadline::NEVER, None)
    }

    /// [`create`](Self::create), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    ///
    #[doc = stopped!("use vitte_io::{WaitError, fs::File};\n", "File::create_with(\"path\", ")]
    pub fn create_with(
        path: impl AsRef<Path>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let mut options = Self::options();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .open_with(path, deadline, stop)
    }

    timed_forms! {
        static create_with(path: impl AsRef<Path>) -> io::Result<Self>: create_until create_timeout create_or_stop
        in vitte_wait
        /// use vitte_io::{WaitError, fs::File};
        ///
        "File::" ("\"path\"") => io
    }

    /// Opens a file to be read and written, which must not have been there.
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As the [module](super) says.
    ///
    /// ```
    /// use vitte_io::fs::{self, File};
    ///
    #[doc = ours!(path)]
    /// File::create_new(&path)?.write(b"text")?;
    /// assert!(File::create_new(&path).is_err(), "it is there");
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::create_new_with(path, Deadline::NEVER, None)
    }

    /// [`create_new`](Self::create_new), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`create_new`](Self::create_new).
    ///
    #[doc = stopped!("use vitte_io::{WaitError, fs::File};\n", "File::create_new_with(\"path\", ")]
    pub fn create_new_with(
        path: impl AsRef<Path>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Self> {
        let mut options = Self::options();
        options
            .read(true)
            .write(true)
            .create_new(true)
            .open_with(path, deadline, stop)
    }

    timed_forms! {
        static create_new_with(path: impl AsRef<Path>) -> io::Result<Self>: create_new_until create_new_timeout create_new_or_stop
        in vitte_wait
        /// use vitte_io::{WaitError, fs::File};
        ///
        "File::" ("\"path\"") => io
    }

    /// In which other way to open one.
    ///
    /// ```
    /// use vitte_io::fs::{self, File};
    ///
    #[doc = ours!(path)]
    /// File::options().append(true).create(true).open(&path)?.write(b"text")?;
    /// assert_eq!(fs::read(&path)?, b"text");
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    fn is_stream(&self) -> io::Result<bool> {
        if let Some(&known) = self.is_stream.get() {
            return Ok(known);
        }
        // What is open is asked without going to a disk.
        let kind = self.inner.metadata()?.file_type();
        let is_stream = kind.is_fifo() || kind.is_char_device() || kind.is_socket();
        Ok(*self.is_stream.get_or_init(|| is_stream))
    }

    /// Reads what is there, as much as fits, and says how much; zero is the end.
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As the [module](super) says. A read that was not begun has not moved the position.
    ///
    /// ```
    #[doc = ours!(File)]
    /// ours.write_at(b"some text", 0)?;
    /// let mut buffer = [0; 64];
    /// let count = ours.read(&mut buffer)?;
    /// assert_eq!(&buffer[..count], b"some text");
    /// assert_eq!(ours.read(&mut buffer)?, 0, "the end");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(buffer, Deadline::NEVER, None)
    }

    /// [`read`](Self::read), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.read_with(&mut [0; 64], ")]
    pub fn read_with(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        self.read_somewhere(buffer, None, deadline, stop)
    }

    timed_forms! {
        read_with(buffer: &mut [u8]) -> io::Result<usize>: read_until read_for read_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("&mut [0; 64]") => io
    }

    /// Reads at a place of its own, and leaves the position.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// ```
    #[doc = ours!(File)]
    /// ours.write(b"some text")?;
    /// let mut buffer = [0; 64];
    /// let count = ours.read_at(&mut buffer, 5)?;
    /// assert_eq!(&buffer[..count], b"text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.read_at_with(buffer, offset, Deadline::NEVER, None)
    }

    /// [`read_at`](Self::read_at), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.read_at_with(&mut [0; 64], 5, ")]
    pub fn read_at_with(
        &self,
        buffer: &mut [u8],
        offset: u64,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        self.read_somewhere(buffer, Some(offset), deadline, stop)
    }

    timed_forms! {
        read_at_with(buffer: &mut [u8], offset: u64) -> io::Result<usize>: read_at_until read_at_for read_at_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("&mut [0; 64], 5") => io
    }

    /// Fills the whole buffer from a place of its own.
    ///
    /// # Errors
    /// As [`read`](Self::read); `UnexpectedEof` if the file ends before.
    ///
    /// ```
    #[doc = ours!(File)]
    /// ours.write(b"some text")?;
    /// let mut word = [0; 4];
    /// ours.read_exact_at(&mut word, 5)?;
    /// assert_eq!(&word, b"text");
    /// assert!(ours.read_exact_at(&mut word, 6).is_err(), "three bytes are left there");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at_with(buffer, offset, Deadline::NEVER, None)
    }

    /// [`read_exact_at`](Self::read_exact_at), as long as each read begins before `deadline`, and before `stop` is
    /// triggered. What was read by then is in the buffer.
    ///
    /// # Errors
    /// As [`read_exact_at`](Self::read_exact_at).
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.read_exact_at_with(&mut [0; 4], 5, ")]
    pub fn read_exact_at_with(
        &self,
        buffer: &mut [u8],
        offset: u64,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        let mut offset = offset;
        read_exact(buffer, |rest| {
            let count = self.read_at_with(rest, offset, deadline, stop)?;
            offset += count as u64;
            Ok(count)
        })
    }

    timed_forms! {
        read_exact_at_with(buffer: &mut [u8], offset: u64) -> io::Result<()>: read_exact_at_until read_exact_at_for read_exact_at_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("&mut [0; 4], 5") => io
    }

    fn read_somewhere(
        &self,
        buffer: &mut [u8],
        offset: Option<u64>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.is_stream()? {
            until_ready(self.as_fd(), Direction::Read, deadline, stop)?;
            return (&self.inner).read(buffer);
        }
        if !self.is_opaque.load(Relaxed) && Scheduler::current().is_some() {
            match in_memory(&self.inner, buffer, offset) {
                Now::Read(count) => {
                    self.budget.spend();
                    return Ok(count);
                }
                Now::NotThere => {}
                Now::Unknown => self.is_opaque.store(true, Relaxed),
            }
        }
        offloaded::run(deadline, stop, || match offset {
            Some(offset) => self.inner.read_at(buffer, offset),
            None => (&self.inner).read(buffer),
        })
    }

    /// Appends the rest of the file to `bytes`, and says how much it was.
    ///
    /// # Errors
    /// As [`read`](Self::read). What was read by then was appended.
    ///
    /// ```
    /// use vitte_wait::Deadline;
    #[doc = ours!(File)]
    /// ours.write_at(b"some text", 0)?;
    /// let mut bytes = Vec::new();
    /// ours.read_to_end_with(&mut bytes, Deadline::NEVER, None)?;
    /// assert_eq!(bytes, b"some text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_to_end_with(
        &self,
        bytes: &mut Vec<u8>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        if self.is_stream()? {
            return read_to_end(bytes, |piece| self.read_with(piece, deadline, stop));
        }
        let before = bytes.len();
        offloaded::run_in_steps(deadline, stop, |wanted| {
            let position = (&self.inner).stream_position()?;
            let left = self.inner.metadata()?.len().saturating_sub(position);
            // One more, so that the end shows without growing.
            let left = usize::try_from(left).unwrap_or(0).saturating_add(1);
            bytes.try_reserve(left.min(isize::MAX as usize >> 1))?;
            while (&self.inner).take(STEP as u64).read_to_end(bytes)? != 0 {
                wanted.check()?;
            }
            Ok(bytes.len() - before)
        })
    }

    timed_forms! {
        read_to_end_with(bytes: &mut Vec<u8>) -> io::Result<usize>: read_to_end_until read_to_end_for read_to_end_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("&mut Vec::new()") => io
    }

    /// Writes some of `bytes`, and says how much.
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As the [module](super) says. Of a write that was not begun nothing was written.
    ///
    /// ```
    #[doc = ours!(File)]
    /// assert_eq!(ours.write(b"some text")?, 9);
    /// assert_eq!(ours.read_at(&mut [0; 64], 0)?, 9);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(bytes, Deadline::NEVER, None)
    }

    /// [`write`](Self::write), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.write_with(b\"some text\", ")]
    pub fn write_with(
        &self,
        bytes: &[u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        if self.is_stream()? {
            until_ready(self.as_fd(), Direction::Write, deadline, stop)?;
            return (&self.inner).write(&bytes[..bytes.len().min(PIECE)]);
        }
        let piece = &bytes[..bytes.len().min(STEP)];
        offloaded::run(deadline, stop, || (&self.inner).write(piece))
    }

    timed_forms! {
        write_with(bytes: &[u8]) -> io::Result<usize>: write_until write_for write_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("b\"some text\"") => io
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// As [`write`](Self::write). It is asked now and then whether to go on, so some of it may be written.
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.write_all_with(b\"some text\", ")]
    pub fn write_all_with(
        &self,
        bytes: &[u8],
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        if !self.is_stream()? {
            return offloaded::run_in_steps(deadline, stop, |wanted| {
                write_pieces(&self.inner, bytes, || wanted.check())
            });
        }
        write_all(bytes, |rest| self.write_with(rest, deadline, stop))
    }

    timed_forms! {
        write_all_with(bytes: &[u8]) -> io::Result<()>: write_all_until write_all_for write_all_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("b\"some text\"") => io
    }

    /// Writes some of `bytes` to a place of its own, and leaves the position.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// ```
    #[doc = ours!(File)]
    /// ours.write(b"some text")?;
    /// ours.write_at(b"n", 5)?;
    /// let mut word = [0; 4];
    /// ours.read_exact_at(&mut word, 5)?;
    /// assert_eq!(&word, b"next");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write_at_with(bytes, offset, Deadline::NEVER, None)
    }

    /// [`write_at`](Self::write_at), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.write_at_with(b\"some text\", 5, ")]
    pub fn write_at_with(
        &self,
        bytes: &[u8],
        offset: u64,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(STEP)];
        offloaded::run(deadline, stop, || self.inner.write_at(piece, offset))
    }

    timed_forms! {
        write_at_with(bytes: &[u8], offset: u64) -> io::Result<usize>: write_at_until write_at_for write_at_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("b\"some text\", 5") => io
    }

    /// Writes all of `bytes` to a place of its own.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    /// ```
    #[doc = ours!(File)]
    /// ours.write_all_at(b"text", 5)?;
    /// let mut all = [1; 9];
    /// ours.read_exact_at(&mut all, 0)?;
    /// assert_eq!(&all, b"\0\0\0\0\0text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at_with(bytes, offset, Deadline::NEVER, None)
    }

    /// [`write_all_at`](Self::write_all_at), as long as each write begins before `deadline`, and before `stop` is
    /// triggered. Some of it may be written by then.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    ///
    #[doc = stopped!(ours!(File WaitError), "ours.write_all_at_with(b\"some text\", 5, ")]
    pub fn write_all_at_with(
        &self,
        bytes: &[u8],
        offset: u64,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<()> {
        let mut offset = offset;
        write_all(bytes, |rest| {
            let count = self.write_at_with(rest, offset, deadline, stop)?;
            offset += count as u64;
            Ok(count)
        })
    }

    timed_forms! {
        write_all_at_with(bytes: &[u8], offset: u64) -> io::Result<()>: write_all_at_until write_all_at_for write_all_at_or_stop
        in vitte_wait
        #[doc = ours!(File WaitError)]
        "ours." ("b\"some text\", 5") => io
    }

    /// A second handle of the same open file, which shares its position.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    #[doc = ours!(File)]
    /// ours.write_at(b"some text", 0)?;
    /// ours.read(&mut [0; 5])?;
    /// let mut rest = [0; 64];
    /// assert_eq!(ours.try_clone()?.read(&mut rest)?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        self.inner.try_clone().map(Self::from)
    }

    /// The same file as one of the standard library's.
    ///
    /// ```
    /// use std::io::Write;
    #[doc = ours!(File)]
    /// let mut file: std::fs::File = ours.into_std();
    /// file.write_all(b"some text")?;
    /// assert_eq!(file.metadata()?.len(), 9);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_std(self) -> fs::File {
        self.inner
    }
}

/// Writes all of `bytes`, and asks between two pieces whether to go on.
pub(super) fn write_pieces(
    file: &fs::File,
    bytes: &[u8],
    mut ask: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let mut file = file;
    let mut pieces = bytes.chunks(STEP);
    if let Some(first) = pieces.next() {
        file.write_all(first)?;
    }
    pieces.try_for_each(|piece| {
        ask()?;
        file.write_all(piece)
    })
}

/// What kind of thing an entry of a folder is, if that needs no look at the thing.
pub(super) fn kind_at_hand(entry: &fs::DirEntry) -> Option<FileType> {
    entry.file_type().ok()
}

/// What came of a read that was not to block.
enum Now {
    Read(usize),
    NotThere,
    /// The system, or the one that the file is on, cannot tell; or it is an error, which the real read will show.
    Unknown,
}

/// Reads what is in memory.
#[cfg(target_os = "linux")]
fn in_memory(file: &fs::File, buffer: &mut [u8], offset: Option<u64>) -> Now {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    let mut whole = [io::IoSliceMut::new(buffer)];
    // The greatest is for the file's own position.
    let offset = offset.unwrap_or(u64::MAX);
    match preadv2(file, &mut whole, offset, ReadWriteFlags::NOWAIT) {
        Ok(count) => Now::Read(count),
        Err(Errno::AGAIN | Errno::INTR) => Now::NotThere,
        Err(_) => Now::Unknown,
    }
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_: &fs::File, _: &mut [u8], _: Option<u64>) -> Now {
    Now::Unknown
}

/// The standard library's traits. A position is a number, which is set where the caller stands.
macro_rules! by_traits {
    ($($file:ty),+) => {
        $(
            impl Read for $file {
                fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                    File::read(self, buffer)
                }

                fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
                    self.read_to_end_with(bytes, Deadline::NEVER, None)
                }
            }

            impl Write for $file {
                fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                    File::write(self, bytes)
                }

                fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                    self.write_all_with(bytes, Deadline::NEVER, None)
                }

                /// Nothing is kept back.
                fn flush(&mut self) -> io::Result<()> {
                    Ok(())
                }
            }

            impl Seek for $file {
                fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
                    (&self.inner).seek(to)
                }
            }
        )+
    };
}

by_traits! { File, &File }

impl From<fs::File> for File {
    fn from(inner: fs::File) -> Self {
        Self {
            inner,
            is_stream: OnceLock::new(),
            is_opaque: AtomicBool::new(false),
            budget: Budget::begin(),
        }
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        fs::File::from(fd).into()
    }
}

impl From<File> for OwnedFd {
    fn from(file: File) -> Self {
        file.inner.into()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

//! In which way a file is opened.

use super::File;
use crate::{
    examples::{ours, stopped},
    offloaded,
};
use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};
use vitte_scheduler::Scheduler;
use vitte_wait::{Deadline, StopToken, timed_forms};

/// In which way to open a file: what one of the standard library's says, which [`From`] takes in whole.
///
/// ```
/// use vitte_io::fs::OpenOptions;
///
/// let error = OpenOptions::new().read(true).open("/no/such/file").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(fs::OpenOptions);

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl From<fs::OpenOptions> for OpenOptions {
    fn from(options: fs::OpenOptions) -> Self {
        Self(options)
    }
}

impl OpenOptions {
    /// Nothing is wanted yet.
    ///
    /// ```
    /// use vitte_io::fs::OpenOptions;
    ///
    #[doc = ours!(path)]
    /// assert!(OpenOptions::new().open(&path).is_err(), "it is not even to be read");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(fs::OpenOptions::new())
    }

    /// To be read.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// fs::write(&path, "text")?;
    /// let file = OpenOptions::new().read(true).open(&path)?;
    /// assert_eq!(file.read(&mut [0; 64])?, 4);
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read(&mut self, on: bool) -> &mut Self {
        self.0.read(on);
        self
    }

    /// To be written.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// fs::write(&path, "text")?;
    /// OpenOptions::new().write(true).open(&path)?.write(b"n")?;
    /// assert_eq!(fs::read(&path)?, b"next");
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write(&mut self, on: bool) -> &mut Self {
        self.0.write(on);
        self
    }

    /// To be written at its end only, whoever else writes there.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// fs::write(&path, "one")?;
    /// OpenOptions::new().append(true).open(&path)?.write(b", two")?;
    /// assert_eq!(fs::read(&path)?, b"one, two");
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn append(&mut self, on: bool) -> &mut Self {
        self.0.append(on);
        self
    }

    /// Emptied first.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// fs::write(&path, "text")?;
    /// OpenOptions::new().write(true).truncate(true).open(&path)?;
    /// assert_eq!(fs::read(&path)?, b"");
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn truncate(&mut self, on: bool) -> &mut Self {
        self.0.truncate(on);
        self
    }

    /// Made, unless it is there.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// assert!(OpenOptions::new().write(true).open(&path).is_err(), "it is not there");
    /// OpenOptions::new().write(true).create(true).open(&path)?;
    /// assert!(fs::exists(&path)?);
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create(&mut self, on: bool) -> &mut Self {
        self.0.create(on);
        self
    }

    /// Made; it must not be there.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// OpenOptions::new().write(true).create_new(true).open(&path)?;
    /// let error = OpenOptions::new().write(true).create_new(true).open(&path).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create_new(&mut self, on: bool) -> &mut Self {
        self.0.create_new(on);
        self
    }

    /// Who may do what with it if it is made, less what the process's mask takes away.
    ///
    /// ```
    /// use std::os::unix::fs::PermissionsExt;
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// OpenOptions::new().write(true).create(true).mode(0o600).open(&path)?;
    /// assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.0.mode(mode);
        self
    }

    /// More flags, for the system.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// fs::symlink("nowhere", &path)?;
    /// let error = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path).unwrap_err();
    /// assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.0.custom_flags(flags);
        self
    }

    /// Opens the file. To open a FIFO that has no other end takes until it has one; a flag for the system, `O_NONBLOCK`,
    /// spares that. A fiber that is told to stop meanwhile, or canceled, leaves that to itself: the FIFO is then opened some
    /// time, and closed at once. A plain thread that belongs to no runtime is told only
    /// before it begins.
    ///
    /// # Errors
    /// # Blocking
    /// # Cancellation
    /// As the [module](super) says.
    ///
    /// ```
    /// use vitte_io::fs::{self, OpenOptions};
    ///
    #[doc = ours!(path)]
    /// let file = OpenOptions::new().read(true).write(true).create(true).open(&path)?;
    /// file.write(b"text")?;
    /// assert_eq!(file.read_at(&mut [0; 64], 0)?, 4);
    /// # fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_with(path, Deadline::NEVER, None)
    }

    /// [`open`](Self::open), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    #[doc = stopped!("use vitte_io::{WaitError, fs::OpenOptions};\n", "OpenOptions::new().read(true).open_with(\"path\", ")]
    pub fn open_with(
        &self,
        path: impl AsRef<Path>,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<File> {
        let path = path.as_ref();
        // Somebody else can wait for it.
        let may_leave = Scheduler::current().is_some();
        let opened = offloaded::run(deadline, stop, || {
            let is_fifo = || fs::metadata(path).is_ok_and(|known| known.file_type().is_fifo());
            if may_leave && is_fifo() {
                return Ok(None);
            }
            self.0.open(path).map(Some)
        })?;
        let opened = match opened {
            Some(file) => file,
            None => {
                let (options, path) = (self.0.clone(), path.to_owned());
                offloaded::run_owned(deadline, stop, move || options.open(path))?
            }
        };
        Ok(opened.into())
    }

    timed_forms! {
        open_with(path: impl AsRef<Path>) -> io::Result<File>: open_until open_timeout open_or_stop
        in vitte_wait
        /// use vitte_io::{WaitError, fs::OpenOptions};
        ///
        "OpenOptions::new().read(true)." ("\"path\"") => io
    }
}

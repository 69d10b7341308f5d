//! What is in a folder, entry by entry.

use super::file::kind_at_hand;
#[expect(unused_imports, reason = "the documentation names it")]
use crate::WaitError;
use crate::{
    examples::{ours, stopped},
    offloaded,
};
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, FileType, Metadata},
    io,
    os::unix::fs::DirEntryExt,
    path::{Path, PathBuf},
};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// How many entries are asked for at a time.
const BATCH: usize = 64;

/// The entries of a folder, in no order. See [`read_dir`].
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "text")?;
/// let mut entries = fs::read_dir(&folder)?;
/// assert_eq!(entries.next().transpose()?.unwrap().file_name(), "notes");
/// assert!(entries.next().is_none());
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadDir {
    entries: fs::ReadDir,
    ready: VecDeque<io::Result<DirEntry>>,
    ended: bool,
}

/// What is in a folder, but for itself and its parent. An entry that comes or goes meanwhile is told or not.
///
/// ```
/// let names: Vec<_> = vitte_io::fs::read_dir("/proc/self")?
///     .map(|entry| Ok(entry?.file_name()))
///     .collect::<std::io::Result<_>>()?;
/// assert!(names.iter().any(|name| name == "status"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// # Blocking
/// # Cancellation
/// As the [module](super) says.
pub fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    read_dir_with(path, Deadline::NEVER, None)
}

/// [`read_dir`], if it begins before `deadline`, and before `stop` is triggered.
///
/// # Errors
/// As [`read_dir`].
///
#[doc = stopped!("use vitte_io::{WaitError, fs};\n", "fs::read_dir_with(\"path\", ")]
pub fn read_dir_with(
    path: impl AsRef<Path>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<ReadDir> {
    let path = path.as_ref();
    offloaded::run(deadline, stop, || {
        let mut folder = ReadDir {
            entries: fs::read_dir(path)?,
            ready: VecDeque::new(),
            ended: false,
        };
        folder.fill();
        Ok(folder)
    })
}

timed_forms! {
    fn read_dir_with(path: impl AsRef<Path>) -> io::Result<ReadDir>: read_dir_until read_dir_timeout read_dir_or_stop
    in vitte_wait
    /// use vitte_io::{WaitError, fs};
    ///
    "fs::" ("\"path\"") => io
}

impl ReadDir {
    fn fill(&mut self) {
        let entries = self.entries.by_ref().take(BATCH);
        let ready = entries.map(|entry| {
            entry.map(|entry| DirEntry {
                kind: kind_at_hand(&entry),
                entry,
            })
        });
        self.ready.extend(ready);
        self.ended = self.ready.len() < BATCH;
    }

    /// The next entry, if asking for more begins before `deadline`, and before `stop` is triggered; else it is still
    /// the next one.
    ///
    /// # Errors
    /// As [`read_dir`].
    ///
    /// ```
    /// use vitte_io::fs;
    /// use vitte_wait::{Deadline, StopSource};
    ///
    /// let source = StopSource::new();
    /// let mut entries = fs::read_dir("/proc/self")?;
    /// assert!(entries.next_with(Deadline::NEVER, Some(&source.token()))?.is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn next_with(
        &mut self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Option<DirEntry>> {
        if self.ready.is_empty() && !self.ended {
            offloaded::run(deadline, stop, || {
                self.fill();
                Ok(())
            })?;
        }
        self.ready.pop_front().transpose()
    }

    timed_forms! {
        mut next_with() -> io::Result<Option<DirEntry>>: next_until next_timeout next_or_stop
        in vitte_wait
        /// use vitte_io::fs;
        ///
        /// let mut entries = fs::read_dir("/proc/self")?;
        "entries." () => got io "assert!(got?.is_some(), \"it was asked for with the first\");"
    }
}

/// After an error of the wait it goes on.
impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with(Deadline::NEVER, None).transpose()
    }
}

/// An entry of a folder.
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "text")?;
/// let entry = fs::read_dir(&folder)?.next().unwrap()?;
/// assert_eq!(fs::read(entry.path())?, b"text");
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct DirEntry {
    entry: fs::DirEntry,
    kind: Option<FileType>,
}

impl DirEntry {
    /// The folder's path, as it was given, and the name.
    ///
    /// ```
    /// use vitte_io::fs;
    ///
    /// let entry = fs::read_dir("/proc/self")?.next().unwrap()?;
    /// assert_eq!(entry.path().parent(), Some("/proc/self".as_ref()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.entry.path()
    }

    /// The name.
    ///
    /// ```
    /// use vitte_io::fs;
    ///
    /// let entry = fs::read_dir("/proc/self")?.next().unwrap()?;
    /// assert_eq!(entry.path().file_name(), Some(&*entry.file_name()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.entry.file_name()
    }

    /// The number of what it names, on its file system.
    ///
    /// ```
    /// use std::os::unix::fs::MetadataExt;
    /// use vitte_io::fs;
    ///
    #[doc = ours!(folder)]
    /// fs::write(folder.join("notes"), "text")?;
    /// let entry = fs::read_dir(&folder)?.next().unwrap()?;
    /// assert_eq!(entry.ino(), fs::metadata(entry.path())?.ino());
    /// # fs::remove_dir_all(folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.entry.ino()
    }

    /// What kind of thing it names; links are not followed. This is known already, as a rule.
    ///
    /// # Errors
    /// As [`read_dir`].
    ///
    /// ```
    /// use vitte_io::fs;
    ///
    #[doc = ours!(folder)]
    /// fs::symlink("nowhere", folder.join("link"))?;
    /// let entry = fs::read_dir(&folder)?.next().unwrap()?;
    /// assert!(entry.file_type()?.is_symlink());
    /// # fs::remove_dir_all(folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn file_type(&self) -> io::Result<FileType> {
        self.file_type_with(Deadline::NEVER, None)
    }

    /// [`file_type`](Self::file_type), if looking for it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`read_dir`].
    ///
    /// ```
    /// use vitte_io::fs;
    /// use vitte_wait::Deadline;
    ///
    #[doc = ours!(folder)]
    /// fs::write(folder.join("notes"), "text")?;
    /// let entry = fs::read_dir(&folder)?.next().unwrap()?;
    /// assert!(entry.file_type_with(Deadline::NEVER, None)?.is_file());
    /// # fs::remove_dir_all(folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn file_type_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<FileType> {
        match self.kind {
            Some(kind) => Ok(kind),
            None => Ok(self.metadata_with(deadline, stop)?.file_type()),
        }
    }

    timed_forms! {
        file_type_with() -> io::Result<FileType>: file_type_until file_type_timeout file_type_or_stop
        in vitte_wait
        /// use vitte_io::fs;
        ///
        /// let entry = fs::read_dir("/proc/self")?.next().unwrap()?;
        "entry." () => got io "assert_eq!(got?, entry.metadata()?.file_type());"
    }

    /// What the system knows of what it names; links are not followed.
    ///
    /// # Errors
    /// As [`read_dir`].
    ///
    /// ```
    /// use vitte_io::fs;
    ///
    #[doc = ours!(folder)]
    /// fs::write(folder.join("notes"), "text")?;
    /// let entry = fs::read_dir(&folder)?.next().unwrap()?;
    /// assert_eq!(entry.metadata()?.len(), 4);
    /// # fs::remove_dir_all(folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.metadata_with(Deadline::NEVER, None)
    }

    /// [`metadata`](Self::metadata), if it begins before `deadline`, and before `stop` is triggered.
    ///
    /// # Errors
    /// As [`read_dir`].
    ///
    #[doc = stopped!("use vitte_io::{WaitError, fs};\n\nlet entry = fs::read_dir(\"/proc/self\")?.next().unwrap()?;", "entry.metadata_with(")]
    pub fn metadata_with(
        &self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> io::Result<Metadata> {
        offloaded::run(deadline, stop, || self.entry.metadata())
    }

    timed_forms! {
        metadata_with() -> io::Result<Metadata>: metadata_until metadata_timeout metadata_or_stop
        in vitte_wait
        /// use vitte_io::{WaitError, fs};
        ///
        /// let entry = fs::read_dir("/proc/self")?.next().unwrap()?;
        "entry." () => io
    }
}

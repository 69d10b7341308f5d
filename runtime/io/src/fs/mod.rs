//! Files and folders, in the form of [`std::fs`].
//!
//! No system says when a file will be ready, so a fiber has its calls done by a thread of its runtime's pool
//! ([`JobKind::Io`](vitte_scheduler::JobKind)), and its worker goes on. A plain thread calls, and blocks.
//!
//! ```
//! use vitte_io::fs;
//! use vitte_scheduler::{Config, Scheduler, SpawnOptions};
//!
//! let scheduler = Scheduler::start(Config { workers: 1, ..Config::default() })?;
//! let path = std::env::temp_dir().join(format!("vitte-fs-{}", std::process::id()));
//! let its = path.clone();
//! let text = scheduler.spawn(&SpawnOptions::default(), move || {
//!     // Other fibers run meanwhile.
//!     fs::write(&its, "written")?;
//!     fs::read_to_string(&its)
//! });
//! assert_eq!(text.join()??, "written");
//! fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Deadlines, stops, cancellation
//! They end a call that has not begun, because every thread of the pool is busy, say: nothing was done then, and
//! the error [says so](crate::WaitError::of). What has begun is waited for, whatever comes: the system cannot take it back,
//! it uses what its caller lent it, and so what a call returns is always what happened. Calls that may take long, and
//! consist of many (`read`, `read_to_string`, `write`, `copy`, and reading or writing all of a [`File`]), ask after every
//! megabyte whether to go on; a file is then written in part.
//!
//! # Errors
//! What the system says, and a [`WaitError`](crate::WaitError) inside for what ended the call before.
//!
//! # Blocking
//! As long as the system takes: a fiber suspends, a thread blocks.

mod file;
mod folder;
mod lock;
mod options;
mod whole;

pub use file::File;
pub use folder::{
    DirEntry, ReadDir, read_dir, read_dir_or_stop, read_dir_timeout, read_dir_until, read_dir_with,
};
pub use options::OpenOptions;

use crate::{
    examples::{ours, stopped},
    offloaded,
};
use file::{STEP, write_pieces};
pub use std::fs::{FileTimes, FileType, Metadata, Permissions, TryLockError};
use std::{
    fs,
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink as make_symlink},
    path::{Path, PathBuf},
};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// Calls that are one of the standard library's, each with what its example does in a folder of its own.
macro_rules! calls {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident, $with:ident $until:ident $timeout:ident $or_stop:ident($path:ident $(, $to:ident)?) -> $value:ty = $call:path:
        $($line:literal)+;
    )+) => {
        $(
            $(#[doc = $doc])+
            ///
            /// # Errors
            /// # Blocking
            /// # Cancellation
            /// As the [module](self) says.
            ///
            /// ```
            /// use vitte_io::fs;
            ///
            #[doc = ours!(folder)]
            $(#[doc = $line])+
            /// # fs::remove_dir_all(folder)?;
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn $name($path: impl AsRef<Path> $(, $to: impl AsRef<Path>)?) -> io::Result<$value> {
                $with($path, $($to,)? Deadline::NEVER, None)
            }

            #[doc = concat!("[`", stringify!($name), "`], if it begins before `deadline`, and before `stop` is triggered.")]
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($name), "`].")]
            ///
            #[doc = stopped!(
                "use vitte_io::{WaitError, fs};\n",
                concat!("fs::", stringify!($with), "(\"", stringify!($path), "\", " $(, "\"", stringify!($to), "\", ")?)
            )]
            pub fn $with(
                $path: impl AsRef<Path>,
                $($to: impl AsRef<Path>,)?
                deadline: Deadline,
                stop: Option<&StopToken>,
            ) -> io::Result<$value> {
                let $path = $path.as_ref();
                $(let $to = $to.as_ref();)?
                offloaded::run(deadline, stop, || $call($path, $($to)?))
            }

            timed_forms! {
                fn $with($path: impl AsRef<Path> $(, $to: impl AsRef<Path>)?) -> io::Result<$value>: $until $timeout $or_stop
                in vitte_wait
                /// use vitte_io::{WaitError, fs};
                ///
                "fs::" (concat!("\"", stringify!($path), "\"" $(, ", \"", stringify!($to), "\"")?)) => io
            }
        )+
    };
}

calls! {
    /// What the system knows of a file; links are followed.
    metadata, metadata_with metadata_until metadata_timeout metadata_or_stop(path) -> Metadata = fs::metadata:
        "fs::write(folder.join(\"notes\"), \"text\")?;"
        "assert_eq!(fs::metadata(folder.join(\"notes\"))?.len(), 4);";
    /// What the system knows of a file; of a link, of that.
    symlink_metadata, symlink_metadata_with symlink_metadata_until symlink_metadata_timeout symlink_metadata_or_stop(path) -> Metadata = fs::symlink_metadata:
        "fs::symlink(\"nowhere\", folder.join(\"link\"))?;"
        "assert!(fs::symlink_metadata(folder.join(\"link\"))?.is_symlink());"
        "assert!(fs::metadata(folder.join(\"link\")).is_err());";
    /// Whether there is such a file; an error is that it could not be found out.
    exists, exists_with exists_until exists_timeout exists_or_stop(path) -> bool = fs::exists:
        "assert!(fs::exists(&folder)?);"
        "assert!(!fs::exists(folder.join(\"notes\"))?);";
    /// Takes a file out of its folder. It is gone when nobody has it open any more.
    remove_file, remove_file_with remove_file_until remove_file_timeout remove_file_or_stop(path) -> () = fs::remove_file:
        "fs::write(folder.join(\"notes\"), \"text\")?;"
        "fs::remove_file(folder.join(\"notes\"))?;"
        "assert!(!fs::exists(folder.join(\"notes\"))?);";
    /// Removes a folder, which must be empty.
    remove_dir, remove_dir_with remove_dir_until remove_dir_timeout remove_dir_or_stop(path) -> () = fs::remove_dir:
        "fs::create_dir(folder.join(\"inner\"))?;"
        "assert!(fs::remove_dir(&folder).is_err(), \"it is not empty\");"
        "fs::remove_dir(folder.join(\"inner\"))?;";
    /// Removes a folder with all that is in it; links are removed, not followed. It counts as one call, however much it is.
    remove_dir_all, remove_dir_all_with remove_dir_all_until remove_dir_all_timeout remove_dir_all_or_stop(path) -> () = fs::remove_dir_all:
        "fs::create_dir_all(folder.join(\"inner/most\"))?;"
        "fs::remove_dir_all(folder.join(\"inner\"))?;"
        "assert!(!fs::exists(folder.join(\"inner\"))?);";
    /// Gives a file another name on its file system; another one of that name is replaced.
    rename, rename_with rename_until rename_timeout rename_or_stop(from, to) -> () = fs::rename:
        "fs::write(folder.join(\"notes\"), \"text\")?;"
        "fs::rename(folder.join(\"notes\"), folder.join(\"letter\"))?;"
        "assert_eq!(fs::read(folder.join(\"letter\"))?, b\"text\");";
    /// Gives a file a second name on its file system.
    hard_link, hard_link_with hard_link_until hard_link_timeout hard_link_or_stop(original, link) -> () = fs::hard_link:
        "fs::write(folder.join(\"notes\"), \"text\")?;"
        "fs::hard_link(folder.join(\"notes\"), folder.join(\"link\"))?;"
        "fs::write(folder.join(\"notes\"), \"both have it\")?;"
        "assert_eq!(fs::read(folder.join(\"link\"))?, b\"both have it\");";
    /// Makes a link that says where else to look.
    symlink, symlink_with symlink_until symlink_timeout symlink_or_stop(original, link) -> () = make_symlink:
        "fs::symlink(\"notes\", folder.join(\"link\"))?;"
        "fs::write(folder.join(\"notes\"), \"text\")?;"
        "assert_eq!(fs::read(folder.join(\"link\"))?, b\"text\");";
    /// Where a link says to look.
    read_link, read_link_with read_link_until read_link_timeout read_link_or_stop(path) -> PathBuf = fs::read_link:
        "fs::symlink(\"nowhere\", folder.join(\"link\"))?;"
        "assert_eq!(fs::read_link(folder.join(\"link\"))?.to_str(), Some(\"nowhere\"));";
    /// The path without links and detours.
    canonicalize, canonicalize_with canonicalize_until canonicalize_timeout canonicalize_or_stop(path) -> PathBuf = fs::canonicalize:
        "fs::create_dir(folder.join(\"inner\"))?;"
        "let detour = folder.join(\"inner/..\");"
        "assert_eq!(fs::canonicalize(detour)?, fs::canonicalize(&folder)?);";
    /// Makes a folder, whose parent is there and which is not.
    create_dir, create_dir_with create_dir_until create_dir_timeout create_dir_or_stop(path) -> () = fs::create_dir:
        "fs::create_dir(folder.join(\"inner\"))?;"
        "assert!(fs::create_dir(folder.join(\"inner\")).is_err(), \"it is there\");";
    /// Makes a folder and its parents, unless they are there.
    create_dir_all, create_dir_all_with create_dir_all_until create_dir_all_timeout create_dir_all_or_stop(path) -> () = fs::create_dir_all:
        "fs::create_dir_all(folder.join(\"inner/most\"))?;"
        "assert!(fs::metadata(folder.join(\"inner/most\"))?.is_dir());";
}

/// Says who may do what with a file.
///
/// # Errors
/// # Blocking
/// # Cancellation
/// As the [module](self) says.
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "text")?;
/// let mut permissions = fs::metadata(folder.join("notes"))?.permissions();
/// permissions.set_readonly(true);
/// fs::set_permissions(folder.join("notes"), permissions.clone())?;
/// assert_eq!(fs::metadata(folder.join("notes"))?.permissions(), permissions);
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    set_permissions_with(path, permissions, Deadline::NEVER, None)
}

/// [`set_permissions`], if it begins before `deadline`, and before `stop` is triggered.
///
/// # Errors
/// As [`set_permissions`].
///
#[doc = stopped!("use vitte_io::{WaitError, fs};\n\nlet permissions = fs::metadata(\".\")?.permissions();", "fs::set_permissions_with(\"path\", permissions, ")]
pub fn set_permissions_with(
    path: impl AsRef<Path>,
    permissions: Permissions,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<()> {
    let path = path.as_ref();
    offloaded::run(deadline, stop, || fs::set_permissions(path, permissions))
}

timed_forms! {
    fn set_permissions_with(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()>: set_permissions_until set_permissions_timeout set_permissions_or_stop
    in vitte_wait
    /// use vitte_io::{WaitError, fs};
    ///
    /// let permissions = fs::metadata(".")?.permissions();
    "fs::" ("\"path\", permissions") => io
}

/// All that is in a file.
///
/// # Errors
/// # Blocking
/// # Cancellation
/// As the [module](self) says.
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "text")?;
/// assert_eq!(fs::read(folder.join("notes"))?, b"text");
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read_with(path, Deadline::NEVER, None)
}

/// [`read`], until `deadline` at the latest, or until `stop` is triggered.
///
/// # Errors
/// As [`read`].
///
#[doc = stopped!("use vitte_io::{WaitError, fs};\n", "fs::read_with(\"path\", ")]
pub fn read_with(
    path: impl AsRef<Path>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    offloaded::run_in_steps(deadline, stop, |wanted| {
        let file = fs::File::open(path)?;
        let mut bytes = Vec::new();
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        bytes.try_reserve_exact(length)?;
        while (&file).take(STEP as u64).read_to_end(&mut bytes)? != 0 {
            wanted.check()?;
        }
        Ok(bytes)
    })
}

timed_forms! {
    fn read_with(path: impl AsRef<Path>) -> io::Result<Vec<u8>>: read_until read_timeout read_or_stop
    in vitte_wait
    /// use vitte_io::{WaitError, fs};
    ///
    "fs::" ("\"path\"") => io
}

/// All that is in a file, which is text.
///
/// # Errors
/// As the [module](self) says; `InvalidData` if it is no UTF-8.
///
/// # Blocking
/// # Cancellation
/// As the [module](self) says.
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "text")?;
/// assert_eq!(fs::read_to_string(folder.join("notes"))?, "text");
/// fs::write(folder.join("noise"), [255])?;
/// assert!(fs::read_to_string(folder.join("noise")).is_err());
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    read_to_string_with(path, Deadline::NEVER, None)
}

/// [`read_to_string`], until `deadline` at the latest, or until `stop` is triggered.
///
/// # Errors
/// As [`read_to_string`].
///
#[doc = stopped!("use vitte_io::{WaitError, fs};\n", "fs::read_to_string_with(\"path\", ")]
pub fn read_to_string_with(
    path: impl AsRef<Path>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<String> {
    let bytes = read_with(path, deadline, stop)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

timed_forms! {
    fn read_to_string_with(path: impl AsRef<Path>) -> io::Result<String>: read_to_string_until read_to_string_timeout read_to_string_or_stop
    in vitte_wait
    /// use vitte_io::{WaitError, fs};
    ///
    "fs::" ("\"path\"") => io
}

/// Makes a file that holds `contents`, or has it hold that and nothing else.
///
/// # Errors
/// # Blocking
/// # Cancellation
/// As the [module](self) says.
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "some text")?;
/// fs::write(folder.join("notes"), "text")?;
/// assert_eq!(fs::read(folder.join("notes"))?, b"text");
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    write_with(path, contents, Deadline::NEVER, None)
}

/// [`write()`], until `deadline` at the latest, or until `stop` is triggered.
///
/// # Errors
/// As [`write()`].
///
#[doc = stopped!("use vitte_io::{WaitError, fs};\n", "fs::write_with(\"path\", \"text\", ")]
pub fn write_with(
    path: impl AsRef<Path>,
    contents: impl AsRef<[u8]>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<()> {
    let (path, contents) = (path.as_ref(), contents.as_ref());
    offloaded::run_in_steps(deadline, stop, |wanted| {
        write_pieces(&fs::File::create(path)?, contents, || wanted.check())
    })
}

timed_forms! {
    fn write_with(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()>: write_until write_timeout write_or_stop
    in vitte_wait
    /// use vitte_io::{WaitError, fs};
    ///
    "fs::" ("\"path\", \"text\"") => io
}

/// Copies a file with its permissions, and says how many bytes it was. A file of the other name is overwritten.
///
/// # Errors
/// As the [module](self) says; `InvalidInput` if `from` is no file, or both names lead to the same one.
///
/// # Blocking
/// # Cancellation
/// As the [module](self) says.
///
/// ```
/// use vitte_io::fs;
///
#[doc = ours!(folder)]
/// fs::write(folder.join("notes"), "text")?;
/// assert_eq!(fs::copy(folder.join("notes"), folder.join("letter"))?, 4);
/// assert_eq!(fs::read(folder.join("letter"))?, b"text");
/// # fs::remove_dir_all(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    copy_with(from, to, Deadline::NEVER, None)
}

/// [`copy`], until `deadline` at the latest, or until `stop` is triggered.
///
/// # Errors
/// As [`copy`].
///
#[doc = stopped!("use vitte_io::{WaitError, fs};\n", "fs::copy_with(\"from\", \"to\", ")]
pub fn copy_with(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    offloaded::run_in_steps(deadline, stop, |wanted| {
        let source = fs::File::open(from)?;
        let known = source.metadata()?;
        let wrong = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if !known.is_file() {
            return wrong("what is to be copied is no file");
        }
        if fs::metadata(to).is_ok_and(|to| (to.dev(), to.ino()) == (known.dev(), known.ino())) {
            return wrong("a file is to be copied onto itself");
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let target = options.mode(known.permissions().mode()).open(to)?;
        if target.metadata()?.is_file() {
            target.set_permissions(known.permissions())?;
        }
        let mut all = 0;
        loop {
            // From file to file the system copies by itself.
            match io::copy(&mut (&source).take(STEP as u64), &mut &target)? {
                0 => return Ok(all),
                count => all += count,
            }
            wanted.check()?;
        }
    })
}

timed_forms! {
    fn copy_with(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64>: copy_until copy_timeout copy_or_stop
    in vitte_wait
    /// use vitte_io::{WaitError, fs};
    ///
    "fs::" ("\"from\", \"to\"") => io
}

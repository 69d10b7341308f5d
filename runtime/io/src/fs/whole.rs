//! What is done to an open file as a whole: brought to the disk, cut, and described.

use super::File;
use crate::{
    examples::{ours, stopped},
    offloaded,
};
use std::{
    fs::{FileTimes, Metadata, Permissions},
    io,
};
use vitte_wait::{Deadline, StopToken, timed_forms};

/// Calls that are one of the standard library's, each with what its forms are given in their examples, and what its own does.
macro_rules! calls {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident($($arg:ident: $of:ty)?) -> $value:ty: $with:ident $until:ident $for:ident $or_stop:ident
        ($($given:literal)?) $($line:literal)+;
    )+) => {
        impl File {
            $(
                $(#[doc = $doc])+
                ///
                /// # Errors
                /// # Blocking
                /// # Cancellation
                /// As the [module](super) says.
                ///
                /// ```
                #[doc = ours!(File)]
                $(#[doc = $line])+
                /// # Ok::<(), std::io::Error>(())
                /// ```
                pub fn $name(&self $(, $arg: $of)?) -> io::Result<$value> {
                    self.$with($($arg,)? Deadline::NEVER, None)
                }

                #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), if it begins before `deadline`, and before `stop` is triggered.")]
                ///
                /// # Errors
                #[doc = concat!("As [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                ///
                #[doc = stopped!(
                    ours!(File WaitError),
                    concat!("ours.", stringify!($with), "(" $(, $given, ", ")?)
                )]
                pub fn $with(
                    &self,
                    $($arg: $of,)?
                    deadline: Deadline,
                    stop: Option<&StopToken>,
                ) -> io::Result<$value> {
                    offloaded::run(deadline, stop, || self.inner.$name($($arg)?))
                }

                timed_forms! {
                    $with($($arg: $of)?) -> io::Result<$value>: $until $for $or_stop
                    in vitte_wait
                    #[doc = ours!(File WaitError)]
                    "ours." ($($given)?) => io
                }
            )+
        }
    };
}

calls! {
    /// Has all that was written to the file, and what is known about it, brought to the disk.
    sync_all() -> (): sync_all_with sync_all_until sync_all_timeout sync_all_or_stop
        ()
        "ours.write(b\"some text\")?;"
        "ours.sync_all()?;";
    /// As [`sync_all`](Self::sync_all), without what is not needed to read it again.
    sync_data() -> (): sync_data_with sync_data_until sync_data_timeout sync_data_or_stop
        ()
        "ours.write(b\"some text\")?;"
        "ours.sync_data()?;";
    /// Cuts the file off, or fills it up with zeros.
    set_len(bytes: u64) -> (): set_len_with set_len_until set_len_timeout set_len_or_stop
        ("4")
        "ours.write(b\"some text\")?;"
        "ours.set_len(4)?;"
        "assert_eq!(ours.read_at(&mut [0; 64], 0)?, 4);";
    /// What the system knows of it.
    metadata() -> Metadata: metadata_with metadata_until metadata_timeout metadata_or_stop
        ()
        "ours.write(b\"some text\")?;"
        "assert_eq!(ours.metadata()?.len(), 9);";
    /// Says who may do what with it.
    set_permissions(permissions: Permissions) -> (): set_permissions_with set_permissions_until set_permissions_timeout set_permissions_or_stop
        ("ours.metadata()?.permissions()")
        "let mut permissions = ours.metadata()?.permissions();"
        "permissions.set_readonly(true);"
        "ours.set_permissions(permissions)?;"
        "assert!(ours.metadata()?.permissions().readonly());";
    /// Says when it was read and written.
    set_times(times: FileTimes) -> (): set_times_with set_times_until set_times_timeout set_times_or_stop
        ("std::fs::FileTimes::new()")
        "let times = std::fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);"
        "ours.set_times(times)?;"
        "assert_eq!(ours.metadata()?.modified()?, std::time::UNIX_EPOCH);";
}

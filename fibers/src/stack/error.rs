//! Why no stack could be had.

use std::fmt;

/// Why no stack could be had. The text says which knob to turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// The size asked for is above the largest class.
    TooLarge {
        /// Bytes asked for.
        asked: usize,
        /// Bytes of the largest class.
        max: usize,
    },
    /// [`StackOptions::max_stacks`](super::StackOptions::max_stacks) stacks are taken.
    Limit {
        /// The limit in force.
        limit: usize,
    },
    /// Guards made by `mprotect` cost two mappings each, and the process is close to the kernel's limit on mappings.
    MapLimit {
        /// Protected guards in this process.
        guards: usize,
        /// `vm.max_map_count` as it was when the first such guard was made.
        max_map_count: usize,
    },
    /// The operating system refused a call.
    Os {
        /// Which call.
        call: &'static str,
        /// Its `errno`.
        errno: i32,
        /// How many bytes the call was about.
        bytes: usize,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLarge { asked, max } => write!(
                f,
                "a stack of {asked} bytes was asked for, the largest has {max}; ask for less"
            ),
            Self::Limit { limit } => write!(
                f,
                "all {limit} stacks are in use; raise `max_stacks` in the stack options"
            ),
            Self::MapLimit {
                guards,
                max_map_count,
            } => write!(
                f,
                "{guards} guard pages use up most of vm.max_map_count = {max_map_count}; raise the \
                 sysctl vm.max_map_count, or run on Linux 6.13 or later, where a guard page needs no \
                 mapping of its own"
            ),
            Self::Os { call, errno, bytes } => {
                let what = std::io::Error::from_raw_os_error(errno);
                write!(f, "{call} failed for {bytes} bytes of stack: {what}")?;
                match errno {
                    libc::ENOMEM => f.write_str(
                        "; see the limits on address space (ulimit -v), vm.overcommit_memory and \
                         vm.max_map_count",
                    ),
                    libc::EINVAL => f.write_str(
                        "; this kernel or this memory does not support it, use GuardChoice::Auto or \
                         GuardChoice::Protect",
                    ),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for StackError {}

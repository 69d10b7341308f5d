//! Who is at the other end of a connection within the machine.
//!
//! The only file of this crate with `unsafe` code: of a process that this one cannot see, one outside of its container say, the
//! system tells the number 0, which the crates that know this call take for impossible.
#![expect(
    unsafe_code,
    reason = "a call of the system that no crate has in this form"
)]

use crate::UnixStream;
use std::io;

/// Who connected, or was listening: as the system knew them at that moment.
///
/// ```
/// let (ours, _theirs) = vitte_io::UnixStream::pair()?;
/// let known = ours.peer_cred()?;
/// assert_eq!(known.uid, rustix::process::geteuid().as_raw());
/// assert_eq!(known.gid, rustix::process::getegid().as_raw());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerCredentials {
    /// The process; `None` if this one cannot see it. It may have ended since, and its number be another's.
    pub pid: Option<u32>,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
}

impl UnixStream {
    /// Who is at the other end.
    ///
    /// ```
    /// use vitte_io::UnixStream;
    ///
    /// let (ours, _theirs) = UnixStream::pair()?;
    /// assert_eq!(ours.peer_cred()?.pid, Some(std::process::id()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the system says; `Unsupported` where it does not tell (anywhere but on Linux, so far).
    ///
    /// # Blocking
    /// Never.
    pub fn peer_cred(&self) -> io::Result<PeerCredentials> {
        told(self)
    }
}

#[cfg(target_os = "linux")]
fn told(stream: &UnixStream) -> io::Result<PeerCredentials> {
    use std::os::fd::AsRawFd;
    let mut known = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of_val(&known) as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: the descriptor is open while the stream is borrowed; both places are ours, writable, and as long as is said.
    let done = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            level,
            option,
            (&raw mut known).cast(),
            &raw mut length,
        )
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(PeerCredentials {
        pid: u32::try_from(known.pid).ok().filter(|&pid| pid != 0),
        uid: known.uid,
        gid: known.gid,
    })
}

#[cfg(not(target_os = "linux"))]
fn told(_: &UnixStream) -> io::Result<PeerCredentials> {
    Err(io::ErrorKind::Unsupported.into())
}

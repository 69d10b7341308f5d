//! Pipes: one end is written, the other read.

use crate::{
    examples::ours,
    stream::{reads, shared, writes},
    watched::Watched,
};
use std::{io, process::Stdio};

/// The end that is read. At the end of the stream all writers are gone.
///
/// ```
/// let (reader, writer) = vitte_io::pipe()?;
/// let second = writer.try_clone()?;
/// drop(writer);
/// second.write(b"x")?;
/// drop(second);
/// assert_eq!((reader.read(&mut [0])?, reader.read(&mut [0])?), (1, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PipeReader(Watched<io::PipeReader>);

/// The end that is written. Writing without a reader fails as `BrokenPipe`.
///
/// ```
/// let (reader, writer) = vitte_io::pipe()?;
/// assert_eq!(writer.write(b"x")?, 1, "it is kept for the reader");
/// drop(reader);
/// assert_eq!(writer.write(b"x").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PipeWriter(Watched<io::PipeWriter>);

shared! {
    PipeReader of io::PipeReader,
    readable: "theirs.write(b\"x\")?;",
    writable: "ours.close(); // It never is, but that is told."
}
reads! { PipeReader, is_plain: true }
shared! {
    PipeWriter of io::PipeWriter,
    readable: "ours.close(); // It never is, but that is told.",
    writable: "// There is room."
}
writes! { PipeWriter }

/// A pipe.
///
/// ```
/// use std::io::{Read, Write};
///
/// let (mut reader, mut writer) = vitte_io::pipe()?;
/// writer.write_all(b"through")?;
/// drop(writer);
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "through");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the system says.
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((reader.try_into()?, writer.try_into()?))
}

impl PipeReader {
    /// Ends the calls of all who share it, under way and later, with
    /// [`WaitError::Closed`](crate::WaitError::Closed).
    ///
    /// ```
    #[doc = ours!(PipeReader WaitError)]
    /// ours.close();
    /// let ended = ours.read(&mut [0]);
    /// assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Closed));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        self.0.close(|_| ());
    }
}

impl PipeWriter {
    /// Ends the calls of all who share it, under way and later. The reader reads the end once they have let go.
    ///
    /// ```
    #[doc = ours!(PipeWriter WaitError)]
    /// ours.close();
    /// let ended = ours.write(b"x");
    /// assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Closed));
    /// drop(ours);
    /// assert_eq!(theirs.read(&mut [0])?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        self.0.close(|_| ());
    }
}

macro_rules! given_to_children {
    ($($name:ident),+) => {
        $(
            /// As one of the standard streams of a process to be started, for which it blocks.
            impl TryFrom<$name> for Stdio {
                type Error = io::Error;

                fn try_from(end: $name) -> io::Result<Self> {
                    Ok(end.into_std()?.into())
                }
            }
        )+
    };
}

given_to_children! { PipeReader, PipeWriter }

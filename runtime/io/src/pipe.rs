//! Pipes: one end is written, the other read.

use crate::{
    stream::{reads, shared, writes},
    watched::Watched,
};
use std::{io, process::Stdio};

/// The end that is read. At the end of the stream all writers are gone.
pub struct PipeReader(Watched<io::PipeReader>);

/// The end that is written. Writing without a reader fails as `BrokenPipe`.
pub struct PipeWriter(Watched<io::PipeWriter>);

shared! { PipeReader of io::PipeReader }
reads! { PipeReader, is_plain: true }
shared! { PipeWriter of io::PipeWriter }
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
    pub fn close(&self) {
        self.0.close(|_| ());
    }
}

impl PipeWriter {
    /// Ends the calls of all who share it, under way and later. The reader reads the end once they have let go.
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

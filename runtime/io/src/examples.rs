//! What the examples of this crate have in common.
//!
//! Macros give several types the same methods, with the same examples. Only where such a thing comes from differs, and is said
//! here, once a type.

/// The lines that import a type and make `ours`, which is one, and `theirs`, its other side, if it has one. What else is to be
/// imported from this crate may be named after it.
macro_rules! ours {
    (TcpStream $($also:ident)*) => {
        $crate::examples::ours!(
            [TcpListener TcpStream $($also)*]
            "let listener = TcpListener::bind(\"127.0.0.1:0\")?;"
            "let ours = TcpStream::connect(listener.local_addr()?)?;"
            "let (theirs, _) = listener.accept()?;"
        )
    };
    (TcpListener $($also:ident)*) => {
        $crate::examples::ours!(
            [TcpListener $($also)*]
            "let ours = TcpListener::bind(\"127.0.0.1:0\")?;"
        )
    };
    (UdpSocket $($also:ident)*) => {
        $crate::examples::ours!(
            [UdpSocket $($also)*]
            "let ours = UdpSocket::bind(\"127.0.0.1:0\")?;"
            "let theirs = UdpSocket::bind(\"127.0.0.1:0\")?;"
            "ours.connect(theirs.local_addr()?)?;"
            "theirs.connect(ours.local_addr()?)?;"
        )
    };
    // A machine may have none.
    (Ipv6) => {
        $crate::examples::ours!(
            [UdpSocket]
            "let Ok(ours) = UdpSocket::bind(\"[::1]:0\") else {"
            "    return Ok(()); // This machine has no such addresses."
            "};"
        )
    };
    (UnixStream $($also:ident)*) => {
        $crate::examples::ours!([UnixStream $($also)*] "let (ours, theirs) = UnixStream::pair()?;")
    };
    (UnixListener $($also:ident)*) => {
        concat!(
            " use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};\n",
            $crate::examples::ours!(
                [UnixListener $($also)*]
                "let name = format!(\"vitte-io-{}\", std::process::id());"
                "let address = SocketAddr::from_abstract_name(name)?;"
                "let ours = UnixListener::bind_addr(&address)?;"
            )
        )
    };
    (UnixDatagram $($also:ident)*) => {
        $crate::examples::ours!(
            [UnixDatagram $($also)*]
            "let (ours, theirs) = UnixDatagram::pair()?;"
        )
    };
    (PipeReader $($also:ident)*) => {
        $crate::examples::ours!([$($also)* pipe] "let (ours, theirs) = pipe()?;")
    };
    (PipeWriter $($also:ident)*) => {
        $crate::examples::ours!([$($also)* pipe] "let (theirs, ours) = pipe()?;")
    };
    // Its name is given back at once, which an open file does not need.
    (File) => { concat!("use vitte_io::fs::File;\n", $crate::examples::ours!(@file)) };
    (File $also:ident) => {
        concat!(
            "use vitte_io::{", stringify!($also), ", fs::File};\n",
            $crate::examples::ours!(@file)
        )
    };
    (@file) => {
        concat!(
            "\n# let path = std::env::temp_dir().join(format!(\"vitte-ours-{}\", std::process::id()));",
            "\nlet ours = File::create_new(&path)?;",
            "\n# std::fs::remove_file(&path)?;"
        )
    };
    ([$only:ident] $($line:literal)+) => {
        concat!("use vitte_io::", stringify!($only), ";\n" $(, "\n", $line)+)
    };
    ([$first:ident $($more:ident)+] $($line:literal)+) => {
        concat!(
            "use vitte_io::{", stringify!($first) $(, ", ", stringify!($more))+, "};\n"
            $(, "\n", $line)+
        )
    };
}

/// An example of a form that takes a deadline and a stop token, of which the latter ends the wait: what comes before, and the
/// call up to these two.
macro_rules! stopped {
    ($before:expr, $call:expr) => {
        concat!(
            "```\nuse vitte_wait::{Deadline, StopSource};\n",
            $before,
            "\nlet source = StopSource::new();\nsource.stop();\nlet ended = ",
            $call,
            "Deadline::NEVER, Some(&source.token()));\n",
            "assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Stopped));\n",
            "# Ok::<(), std::io::Error>(())\n```"
        )
    };
}

pub(crate) use {ours, stopped};

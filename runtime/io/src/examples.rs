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
    (File $($also:ident)?) => {
        concat!(
            $crate::examples::ours!(@use $($also)? File),
            "# let path = std::env::temp_dir().join(format!(\"vitte-ours-{}\", std::process::id()));\n",
            "let ours = File::create_new(&path)?;\n",
            "# std::fs::remove_file(&path)?;"
        )
    };
    (@use File) => { "use vitte_io::fs::File;\n\n" };
    (@use $also:ident File) => { concat!("use vitte_io::{", stringify!($also), ", fs::File};\n\n") };
    // What does not end before the example does: it reads what `_writer` does not write.
    (cat) => {
        "use std::process::Stdio;\nuse vitte_io::{Command, WaitError, pipe};\n\n\
         let (reader, _writer) = pipe()?;\n\
         let cat = Command::new(\"cat\").stdin(Stdio::try_from(reader)?);"
    };
    (child) => { concat!($crate::examples::ours!(cat), "\nlet child = cat.stdout(Stdio::piped()).spawn()?;") };
    // What is typed is written to `typist`.
    (Stdin $($also:ident)?) => {
        concat!(
            $crate::examples::ours!([$($also)? stdin]),
            "\n# let (typed, typist) = std::io::pipe()?;\n# rustix::stdio::dup2_stdin(&typed)?;"
        )
    };
    // A lock that `one` has and `other` cannot have.
    (Locked $($also:ident)?) => {
        concat!(
            $crate::examples::ours!(@use $($also)? File),
            "# let path = std::env::temp_dir().join(format!(\"vitte-ours-{}\", std::process::id()));\n",
            "let (one, other) = (File::create(&path)?, File::open(&path)?);\n",
            "# std::fs::remove_file(&path)?;\n",
            "one.lock()?;"
        )
    };
    // What is in them is removed by the example.
    (path) => {
        "# let path = std::env::temp_dir().join(format!(\"vitte-path-{}\", std::process::id()));"
    };
    (folder) => {
        "# let folder = std::env::temp_dir().join(format!(\"vitte-folder-{}\", std::process::id()));\n\
         # std::fs::create_dir_all(&folder)?;"
    };
    ([$only:ident] $($line:literal)*) => {
        concat!("use vitte_io::", stringify!($only), ";\n" $(, "\n", $line)*)
    };
    ([$first:ident $($more:ident)+] $($line:literal)*) => {
        concat!(
            "use vitte_io::{", stringify!($first) $(, ", ", stringify!($more))+, "};\n"
            $(, "\n", $line)*
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

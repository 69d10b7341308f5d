//! Pipes.

use crate::why;
use std::io::{ErrorKind, Read, Write};
use vitte_tests::units::Units;
use vitte_threads::io::{WaitError, pipe};

pub(crate) fn a_pipe_carries_bytes_until_its_writer_goes<U: Units>() {
    let (reader, writer) = pipe().unwrap();
    let reading = U::spawn(move || {
        let mut text = String::new();
        (&reader).read_to_string(&mut text).unwrap();
        text
    });
    for piece in ["one ", "two ", "three"] {
        (&writer).write_all(piece.as_bytes()).unwrap();
        vitte_tests::units::moment();
    }
    drop(writer);
    assert_eq!(U::join(reading), "one two three");
}

pub(crate) fn a_pipe_without_reader_is_broken<U: Units>() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let error = U::join(U::spawn(move || writer.write(b"x"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

pub(crate) fn a_full_pipe_lets_its_writer_wait<U: Units>() {
    const BYTES: usize = 1 << 20;
    let (reader, writer) = pipe().unwrap();
    let writing = U::spawn(move || (&writer).write_all(&vec![3; BYTES]));
    let mut got = Vec::new();
    (&reader).read_to_end(&mut got).unwrap();
    assert_eq!(got.len(), BYTES);
    U::join(writing).unwrap();
    let (reader, _writer) = pipe().unwrap();
    assert_eq!(
        why(reader.read_for(&mut [0], crate::SHORT)),
        Some(WaitError::TimedOut)
    );
}

//! Fibers that move between threads, and wait for descriptors on each.

use crate::LONG;
use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, ThreadId},
};
use vitte_tests::within;
use vitte_threads::{
    Runtime,
    io::{TcpListener, TcpStream, UdpSocket, pipe},
    spawn_migratable, yield_now,
};

// A function of its own, so that no thread's address is kept across a suspension.
#[inline(never)]
fn here() -> ThreadId {
    thread::current().id()
}

#[test]
fn movable_fibers_talk_through_descriptors_on_whatever_thread_they_are() {
    const PAIRS: usize = 24;
    const ROUNDS: usize = 60;
    within(LONG, "moves", || {
        let runtime = Runtime::builder().workers(4).build().unwrap();
        let moves = Arc::new(AtomicUsize::new(0));
        let all = Arc::clone(&moves);
        runtime.run(move || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            // SAFETY: here and below: what the bodies have on their stacks are sockets, bytes and numbers, all `Send`.
            let server = unsafe {
                spawn_migratable(move || {
                    let echoes: Vec<_> = (0..PAIRS)
                        .map(|_| {
                            let (mut stream, _) = listener.accept().unwrap();
                            spawn_migratable(move || {
                                let mut buffer = [0; 64];
                                loop {
                                    let count = stream.read(&mut buffer).unwrap();
                                    if count == 0 {
                                        return;
                                    }
                                    yield_now();
                                    stream.write_all(&buffer[..count]).unwrap();
                                }
                            })
                        })
                        .collect();
                    echoes.into_iter().for_each(|echo| echo.join().unwrap());
                })
            };
            let clients: Vec<_> = (0..PAIRS)
                .map(|client| {
                    let moves = Arc::clone(&all);
                    let body = move || {
                        let mut stream = TcpStream::connect(address).unwrap();
                        let mut last = here();
                        for round in 0..ROUNDS {
                            let said = [client as u8, round as u8];
                            stream.write_all(&said).unwrap();
                            let mut heard = [0; 2];
                            stream.read_exact(&mut heard).unwrap();
                            assert_eq!(heard, said);
                            moves.fetch_add(usize::from(here() != last), Relaxed);
                            last = here();
                        }
                    };
                    // SAFETY: as above.
                    unsafe { spawn_migratable(body) }
                })
                .collect();
            clients
                .into_iter()
                .for_each(|client| client.join().unwrap());
            server.join().unwrap();
        });
        // How many there were is up to chance; that there may be any is what is tested.
        println!("{} moves", moves.load(Relaxed));
    });
}

/// One descriptor, waited for now by who is bound to a thread and now by who is not: it goes from poller to poller.
#[test]
fn a_descriptor_serves_bound_and_movable_fibers_and_threads_in_turn() {
    within(LONG, "in turn", || {
        let runtime = Runtime::builder().workers(3).build().unwrap();
        let (reader, writer) = pipe().unwrap();
        let reader = Arc::new(reader);
        let server = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        for round in 0..30_u8 {
            let (pipe, socket) = (Arc::clone(&reader), Arc::clone(&server));
            let body = move || {
                let (mut byte, mut message) = ([0], [0; 8]);
                pipe.read(&mut byte).unwrap();
                let (count, _) = socket.recv_from(&mut message).unwrap();
                assert_eq!((byte[0], &message[..count]), (round, &[round; 3][..]));
            };
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            let say = || {
                vitte_tests::units::moment();
                (&writer).write_all(&[round]).unwrap();
                client
                    .send_to(&[round; 3], server.local_addr().unwrap())
                    .unwrap();
            };
            match round % 3 {
                0 => {
                    let bound = runtime.spawn(body);
                    say();
                    bound.join().unwrap();
                }
                1 => {
                    let movable = runtime.spawn(move || {
                        // SAFETY: what it has on its stack are counted descriptors and bytes.
                        unsafe { spawn_migratable(body) }.join().unwrap();
                    });
                    say();
                    movable.join().unwrap();
                }
                _ => {
                    let thread = thread::spawn(body);
                    say();
                    thread.join().unwrap();
                }
            }
        }
    });
}

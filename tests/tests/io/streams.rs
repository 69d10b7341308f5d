//! What goes in at one end comes out at the other.

use crate::{LONG, SHORT, pair, why};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream as Plain},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::Arc,
};
use vitte_tests::units::Units;
use vitte_threads::{
    Deadline,
    io::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream, WaitError},
};

/// Sends back what comes, until the end.
fn echo(stream: &TcpStream) {
    let mut buffer = [0; 256];
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return,
            count => (&*stream).write_all(&buffer[..count]).unwrap(),
        }
    }
}

pub(crate) fn two_hundred_connections_are_answered<U: Units>() {
    const CONNECTIONS: usize = 200;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = U::spawn(move || {
        let answering: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (stream, _) = listener.accept().unwrap();
                U::spawn(move || echo(&stream))
            })
            .collect();
        answering.into_iter().for_each(U::join);
    });
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            U::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for turn in 0..20 {
                    let message = format!("{number:10}{turn:10}");
                    stream.write_all(message.as_bytes()).unwrap();
                    let mut answer = [0; 20];
                    stream.read_exact(&mut answer).unwrap();
                    assert_eq!(answer, message.as_bytes());
                }
            })
        })
        .collect();
    clients.into_iter().for_each(U::join);
    U::join(server);
}

/// A connection for which there is no room is tried again after a second, and so on, in vain while nobody accepts; else it is
/// made where one asks for it. So the limit, which is for one of them, is no matter of speed.
pub(crate) fn three_hundred_connect_before_any_is_accepted<U: Units>() {
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let connections = most.trim().parse().unwrap_or(300).min(300);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = U::spawn(move || {
        let connect = |_| TcpStream::connect_timeout(address, LONG / 10).unwrap();
        (0..connections).map(connect).collect::<Vec<_>>().len()
    });
    assert_eq!(U::join(client), connections);
    for _ in 0..connections {
        listener.accept().unwrap();
    }
}

pub(crate) fn a_megabyte_goes_through_in_order_both_ways_at_once<U: Units>() {
    const BYTES: usize = 1 << 20;
    let (ours, theirs) = pair();
    let byte = |at: usize, salt: usize| ((at * 7 + salt) % 251) as u8;
    let side = move |stream: TcpStream, sent: usize, expected: usize| {
        let stream = Arc::new(stream);
        let writer = {
            let stream = stream.clone();
            U::spawn(move || {
                let bytes: Vec<u8> = (0..BYTES).map(|at| byte(at, sent)).collect();
                stream
                    .write_all_with(&bytes, Deadline::after(LONG), None)
                    .unwrap();
            })
        };
        let reader = U::spawn(move || {
            let mut got = vec![0; BYTES];
            stream
                .read_exact_with(&mut got, Deadline::after(LONG), None)
                .unwrap();
            assert!(
                got.iter()
                    .enumerate()
                    .all(|(at, &got)| got == byte(at, expected))
            );
        });
        [writer, reader]
    };
    let sides = [side(ours, 1, 2), side(theirs, 2, 1)];
    sides.into_iter().flatten().for_each(U::join);
}

pub(crate) fn half_a_connection_ends_and_the_other_goes_on<U: Units>() {
    let (ours, theirs) = pair();
    let other = U::spawn(move || {
        let mut text = String::new();
        (&theirs).read_to_string(&mut text).unwrap();
        (&theirs).write_all(text.to_uppercase().as_bytes()).unwrap();
    });
    (&ours).write_all(b"a question").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    (&ours).read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "A QUESTION");
    U::join(other);
}

/// A short read says that there is no more; but the end may have been there already.
pub(crate) fn the_end_is_read_though_it_came_with_the_last_bytes<U: Units>() {
    for _ in 0..50 {
        let (ours, theirs) = pair();
        let reader = U::spawn(move || {
            let (mut total, mut buffer) = (0, [0; 64]);
            loop {
                match ours.read_for(&mut buffer, LONG).unwrap() {
                    0 => return total,
                    count => total += count,
                }
            }
        });
        (&theirs).write_all(&[1; 10]).unwrap();
        drop(theirs);
        assert_eq!(U::join(reader), 10);
    }
}

pub(crate) fn many_accept_from_one_listener<U: Units>() {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    let acceptors: Vec<_> = (0..8)
        .map(|_| {
            let listener = listener.clone();
            U::spawn(move || drop(listener.accept().unwrap()))
        })
        .collect();
    let clients: Vec<_> = (0..8)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    acceptors.into_iter().for_each(U::join);
    drop(clients);
}

pub(crate) fn what_was_peeked_at_is_read_again<U: Units>() {
    let (ours, theirs) = pair();
    let writer = U::spawn(move || (&theirs).write_all(b"xy").map(|()| theirs).unwrap());
    let mut byte = [0];
    ours.peek(&mut byte).unwrap();
    assert_eq!(byte, *b"x");
    let mut both = [0; 2];
    ours.read_exact_with(&mut both, Deadline::after(LONG), None)
        .unwrap();
    assert_eq!(both, *b"xy");
    drop(U::join(writer));
    assert_eq!(ours.peek(&mut byte).unwrap(), 0);
}

pub(crate) fn standard_streams_go_in_and_come_out<U: Units>() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let plain = Plain::connect(address).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    let ours = TcpStream::try_from(plain).unwrap();
    let reader = U::spawn(move || {
        let mut byte = [0];
        ours.read(&mut byte).unwrap();
        ours
    });
    (&theirs).write_all(b"xyz").unwrap();
    // Whoever watched it, it blocks again.
    let mut plain = U::join(reader).into_std().unwrap();
    let mut rest = [0; 2];
    plain.read_exact(&mut rest).unwrap();
    assert_eq!(rest, *b"yz");
}

pub(crate) fn a_socket_is_cloned_given_away_and_taken_back<U: Units>() {
    let (ours, theirs) = pair();
    let clone = ours.try_clone().unwrap();
    ours.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(
        (ours.read_timeout(), clone.read_timeout()),
        (Some(LONG), None)
    );
    let reader = U::spawn(move || {
        let mut text = Vec::new();
        assert_eq!(clone.read_to_end_for(&mut text, LONG).unwrap(), 8);
        text
    });
    (&theirs).write_all(b"by a ").unwrap();
    let theirs = TcpStream::try_from(OwnedFd::from(theirs)).unwrap();
    theirs.write_all_for(b"try", LONG).unwrap();
    drop(theirs);
    assert_eq!(U::join(reader), b"by a try");
    drop(ours);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let clone = listener.try_clone().unwrap();
    let arrived = U::spawn(move || clone.incoming().take(2).flatten().count());
    for _ in 0..2 {
        TcpStream::connect_timeout(address, LONG).unwrap();
    }
    assert_eq!(U::join(arrived), 2);
    // Several addresses: the first that answers.
    let none = deaf();
    let addresses = [none.local_addr().unwrap(), address];
    let stream = TcpStream::connect(&addresses[..]).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

pub(crate) fn what_is_set_is_said<U: Units>() {
    let (ours, _theirs) = pair();
    ours.set_nodelay(true).unwrap();
    ours.set_ttl(7).unwrap();
    ours.set_linger(Some(LONG)).unwrap();
    ours.set_keepalive(true).unwrap();
    assert!(ours.nodelay().unwrap() && ours.keepalive().unwrap());
    assert_eq!(
        (ours.ttl().unwrap(), ours.linger().unwrap()),
        (7, Some(LONG))
    );
    assert!(ours.take_error().unwrap().is_none());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_broadcast(true).unwrap();
    socket.set_multicast_loop_v4(false).unwrap();
    socket.set_multicast_ttl_v4(3).unwrap();
    assert!(socket.broadcast().unwrap() && !socket.multicast_loop_v4().unwrap());
    assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
    assert_eq!(
        socket.peer_addr().unwrap_err().kind(),
        ErrorKind::NotConnected
    );
}

pub(crate) fn messages_keep_their_bounds_and_their_senders<U: Units>() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = server.local_addr().unwrap();
    let answering = U::spawn(move || {
        for _ in 0..20 {
            let mut buffer = [0; 100];
            let (count, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&buffer[..count], from).unwrap();
        }
    });
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(to).unwrap();
    let mut early = [0; 100];
    for length in 0..20 {
        client.send(&vec![length as u8; length]).unwrap();
        let mut buffer = [0; 100];
        let peeked = client.peek_from(&mut early).unwrap();
        assert_eq!(peeked, (length, to));
        assert_eq!(client.recv_for(&mut buffer, LONG).unwrap(), length);
        assert!(buffer[..length].iter().all(|&byte| byte == length as u8));
    }
    U::join(answering);
    assert_eq!(
        why(client.recv_for(&mut [0], SHORT)),
        Some(WaitError::TimedOut)
    );
    let (one, other) = UnixDatagram::pair().unwrap();
    let receiver = U::spawn(move || {
        let mut buffer = [0; 10];
        [
            other.recv(&mut buffer).unwrap(),
            other.recv(&mut buffer).unwrap(),
        ]
    });
    one.send(b"abc").unwrap();
    one.send(b"de").unwrap();
    assert_eq!(U::join(receiver), [3, 2]);
}

/// A socket with an address, which does not listen: nobody else is given that address while it lives.
fn deaf() -> std::net::TcpListener {
    let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.into()
}

/// A path for a socket of this test.
fn path_of<U: Units>(what: &str) -> PathBuf {
    let name = format!(
        "vitte-io-{what}-{}-{}",
        std::process::id(),
        std::any::type_name::<U>()
    );
    let path = std::env::temp_dir().join(name.replace("::", "-"));
    let _ = std::fs::remove_file(&path);
    path
}

/// As many connections wait to be accepted as may.
pub(crate) fn connecting_waits_for_room_at_the_listener<U: Units>() {
    let path = path_of::<U>("room");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let its = path.clone();
    let late = U::spawn(move || why(UnixStream::connect_timeout(its, SHORT)));
    assert_eq!(U::join(late), Some(WaitError::TimedOut));
    let its = path.clone();
    let waiting = U::spawn(move || {
        let ours = UnixStream::connect(its).unwrap();
        ours.write_all_for(b"x", LONG).unwrap();
    });
    vitte_tests::units::moment();
    // One that was given up may have come through in the end, and is closed.
    drop(listener.accept().unwrap());
    let mut byte = [0];
    while listener
        .accept_timeout(LONG)
        .unwrap()
        .read(&mut byte)
        .unwrap()
        == 0
    {}
    U::join(waiting);
    std::fs::remove_file(&path).unwrap();
}

/// Who is not connected is not told by the system when there is room at the receiver.
pub(crate) fn a_message_waits_for_room_at_its_receiver<U: Units>() {
    let path = path_of::<U>("messages");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let its = path.clone();
    let full = U::spawn(move || {
        let sender = UnixDatagram::unbound().unwrap();
        let mut sent = 0;
        while sender.send_to_for(b"x", &its, 5 * SHORT).is_ok() {
            sent += 1;
        }
        let late = sender.send_to_until(b"x", &its, Deadline::NOW);
        assert_eq!(why(late), Some(WaitError::TimedOut));
        sent
    });
    let sent = U::join(full);
    let its = path.clone();
    let waiting = U::spawn(move || {
        let sender = UnixDatagram::unbound().unwrap();
        for _ in 0..100 {
            sender.send_to(b"yy", &its).unwrap();
        }
    });
    vitte_tests::units::moment();
    let mut buffer = [0; 4];
    for turn in 0..sent + 100 {
        let count = receiver.recv_for(&mut buffer, LONG).unwrap();
        assert_eq!(count, if turn < sent { 1 } else { 2 });
    }
    U::join(waiting);
    std::fs::remove_file(&path).unwrap();
}

pub(crate) fn connections_within_the_machine_carry_bytes<U: Units>() {
    let path = path_of::<U>("bytes");
    let listener = UnixListener::bind(&path).unwrap();
    let server = U::spawn(move || {
        let stream = listener.accept().unwrap();
        let mut text = String::new();
        (&stream).read_to_string(&mut text).unwrap();
        text
    });
    let stream = UnixStream::connect(&path).unwrap();
    (&stream).write_all(b"within").unwrap();
    drop(stream);
    assert_eq!(U::join(server), "within");
    std::fs::remove_file(&path).unwrap();
}

pub(crate) fn a_refused_connection_says_so<U: Units>() {
    let none = deaf();
    let address = none.local_addr().unwrap();
    let error = U::join(U::spawn(move || TcpStream::connect(address))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

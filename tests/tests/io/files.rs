//! Files and folders, and names of hosts: what no descriptor announces.

use crate::{LONG, SHORT, why};
use std::{
    env,
    fs::TryLockError,
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc,
    },
    time::SystemTime,
};
use vitte_tests::{
    units::{Fibers, Units, spawn_known, until_waiting},
    within,
};
use vitte_threads::{
    Deadline, Fiber, Runtime, StopToken,
    io::{
        TcpListener, TcpStream, UdpSocket, WaitError,
        fs::{self, File, OpenOptions},
        lookup_host, lookup_host_with,
    },
};
use vitte_wait::{Reason, current};

/// A folder of the test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Relaxed);
        let name = format!("vitte-test-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn what_was_written_is_read<U: Units>() {
    let folder = Folder::new();
    let path = folder.at("text");
    fs::write(&path, "one").unwrap();
    let mut more = OpenOptions::new().append(true).open(&path).unwrap();
    more.write_all(b" two").unwrap();
    more.sync_all().unwrap();
    more.sync_data().unwrap();
    let its = path.clone();
    let read = U::spawn(move || fs::read_to_string(its).unwrap());
    assert_eq!(U::join(read), "one two");

    let mut file = File::options().read(true).write(true).open(&path).unwrap();
    assert_eq!(file.seek(SeekFrom::End(-3)).unwrap(), 4);
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "two");
    assert_eq!(file.read(&mut [0; 4]).unwrap(), 0, "the end");
    assert_eq!(file.write_at(b"T", 4).unwrap(), 1);
    let mut three = [0; 3];
    file.read_exact_at(&mut three, 4).unwrap();
    assert_eq!(&three, b"Two");
    let error = file.read_exact_at(&mut three, 5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let other = file.try_clone().unwrap();
    file.rewind().unwrap();
    assert_eq!(other.read(&mut three).unwrap(), 3, "the position is shared");
    assert_eq!(&three, b"one");
    file.set_len(2).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 2);
    assert_eq!(file.read(&mut []).unwrap(), 0);
    fs::write(&path, [0xff]).unwrap();
    let error = fs::read_to_string(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

pub(crate) fn a_large_file_is_written_read_and_copied_whole<U: Units>() {
    let folder = Folder::new();
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let [one, two, three] = ["one", "two", "three"].map(|name| folder.at(name));
    let (path, its) = (one.clone(), bytes.clone());
    U::join(U::spawn(move || fs::write(path, its))).unwrap();
    fs::set_permissions(&one, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(fs::read(&one).unwrap() == bytes);
    assert_eq!(fs::copy(&one, &two).unwrap(), bytes.len() as u64);
    assert!(fs::read(&two).unwrap() == bytes);
    assert_eq!(
        fs::metadata(&two).unwrap().permissions().mode() & 0o777,
        0o640
    );
    let mut file = File::create_new(&three).unwrap();
    file.write_all(&bytes).unwrap();
    file.seek(SeekFrom::Start(1_000_000)).unwrap();
    let mut rest = vec![7];
    assert_eq!(file.read_to_end(&mut rest).unwrap(), 4_000_000);
    assert!(rest[0] == 7 && rest[1..] == bytes[1_000_000..]);

    let onto_itself = fs::copy(&one, folder.at("./one")).unwrap_err();
    assert_eq!(onto_itself.kind(), ErrorKind::InvalidInput);
    assert_eq!(fs::metadata(&one).unwrap().len(), bytes.len() as u64);
    let of_a_folder = fs::copy(&folder.0, &two).unwrap_err();
    assert_eq!(of_a_folder.kind(), ErrorKind::InvalidInput);
}

pub(crate) fn folders_are_made_listed_and_removed<U: Units>() {
    const FILES: usize = 150;
    let folder = Folder::new();
    let deep = folder.at("a/b/c");
    assert_eq!(
        fs::create_dir(&deep).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(&deep).unwrap();
    for number in 0..FILES {
        File::create(deep.join(number.to_string())).unwrap();
    }
    let its = deep.clone();
    let names = U::spawn(move || {
        let entries = fs::read_dir(its).unwrap();
        let names = entries.map(|entry| {
            let entry = entry.unwrap();
            assert!(entry.file_type().unwrap().is_file());
            assert_eq!(entry.metadata().unwrap().len(), 0);
            entry.file_name().into_string().unwrap().parse().unwrap()
        });
        names.collect::<Vec<usize>>()
    });
    let mut names = U::join(names);
    names.sort_unstable();
    assert_eq!(names, (0..FILES).collect::<Vec<_>>());

    let (old, new) = (deep.join("0"), deep.join("new"));
    fs::rename(&old, &new).unwrap();
    assert!(!fs::exists(&old).unwrap() && fs::exists(&new).unwrap());
    fs::hard_link(&new, &old).unwrap();
    fs::symlink("new", deep.join("link")).unwrap();
    assert_eq!(
        fs::read_link(deep.join("link")).unwrap(),
        PathBuf::from("new")
    );
    let whole = fs::canonicalize(deep.join("link")).unwrap();
    assert_eq!(whole.file_name().unwrap(), "new");
    assert!(
        fs::symlink_metadata(deep.join("link"))
            .unwrap()
            .is_symlink()
    );
    fs::remove_file(&old).unwrap();
    assert!(fs::remove_dir(&deep).is_err(), "it is not empty");
    fs::remove_dir_all(folder.at("a")).unwrap();
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&deep).unwrap_err().kind(), ErrorKind::NotFound);
}

pub(crate) fn who_is_told_to_stop_does_not_begin<U: Units>() {
    let folder = Folder::new();
    let path = folder.at("none");
    let late = fs::write_with(&path, "text", Deadline::NOW, None);
    assert_eq!(why(late), Some(WaitError::TimedOut));
    let stopped = fs::write_with(&path, "text", Deadline::NEVER, Some(&StopToken::DONE));
    assert_eq!(why(stopped), Some(WaitError::Stopped));
    let made = fs::create_dir_with(&path, Deadline::NOW, None);
    assert_eq!(why(made), Some(WaitError::TimedOut));
    assert!(!fs::exists(&path).unwrap(), "nothing was done");
    fs::write(&path, "text").unwrap();
    let file = File::open(&path).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(file.read_for(&mut buffer, LONG).unwrap(), 4);
    let mut entries = fs::read_dir(&folder.0).unwrap();
    let entry = entries.next_until(Deadline::NOW).unwrap();
    let entry = entry.expect("it was there already");
    assert!(entry.file_type_until(Deadline::NOW).unwrap().is_file());

    // Every call that goes to a disk, by every reason not to begin.
    let stopped = StopToken::DONE;
    for (deadline, stop, reason) in [
        (Deadline::NOW, None, WaitError::TimedOut),
        (Deadline::NEVER, Some(&stopped), WaitError::Stopped),
    ] {
        let times = || fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
        let mode = || fs::Permissions::from_mode(0o600);
        let mut bytes = Vec::new();
        for (call, ended) in [
            ("open", why(File::open_with(&path, deadline, stop))),
            ("create", why(File::create_with(&path, deadline, stop))),
            (
                "create_new",
                why(File::create_new_with(folder.at("new"), deadline, stop)),
            ),
            (
                "write_all",
                why(file.write_all_with(b"none", deadline, stop)),
            ),
            (
                "write_all_at",
                why(file.write_all_at_with(b"none", 0, deadline, stop)),
            ),
            (
                "read_to_end",
                why(file.read_to_end_with(&mut bytes, deadline, stop)),
            ),
            ("sync_all", why(file.sync_all_with(deadline, stop))),
            ("sync_data", why(file.sync_data_with(deadline, stop))),
            ("set_len", why(file.set_len_with(0, deadline, stop))),
            ("metadata", why(file.metadata_with(deadline, stop))),
            (
                "set_permissions",
                why(file.set_permissions_with(mode(), deadline, stop)),
            ),
            (
                "set_times",
                why(file.set_times_with(times(), deadline, stop)),
            ),
            (
                "permissions",
                why(fs::set_permissions_with(&path, mode(), deadline, stop)),
            ),
            ("of an entry", why(entry.metadata_with(deadline, stop))),
            (
                "bind",
                why(TcpListener::bind_with(("localhost", 0), deadline, stop)),
            ),
            (
                "bind",
                why(UdpSocket::bind_with(("localhost", 0), deadline, stop)),
            ),
        ] {
            assert_eq!(ended, Some(reason), "{call}");
        }
    }
    // A fiber reads what is in memory whatever it was told.
    if Fiber::current().is_none() {
        let late = file.read_exact_at_until(&mut buffer[..4], 0, Deadline::NOW);
        assert_eq!(why(late), Some(WaitError::TimedOut));
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
    assert!(!fs::exists(folder.at("new")).unwrap());

    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at_for(b"xt, more te", 2, LONG).unwrap();
    file.set_len_timeout(9, LONG).unwrap();
    file.set_times_timeout(
        fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH),
        LONG,
    )
    .unwrap();
    let known = file.metadata_timeout(LONG).unwrap();
    assert_eq!(
        (known.len(), known.modified().unwrap()),
        (9, SystemTime::UNIX_EPOCH)
    );
    let file = File::open_with(&path, Deadline::after(LONG), None).unwrap();
    file.read_exact_at_for(&mut buffer, 1, LONG).unwrap();
    assert_eq!(&buffer, b"ext, mor");
}

pub(crate) fn what_never_ends_is_left_between_two_steps<U: Units>() {
    let reading = U::spawn(|| why(fs::read_with("/dev/zero", Deadline::after(SHORT), None)));
    assert_eq!(U::join(reading), Some(WaitError::TimedOut));
    let token = StopToken::after(SHORT);
    let stopped = fs::copy_with("/dev/zero", "/dev/null", Deadline::NEVER, Some(&token));
    assert_eq!(
        stopped.unwrap_err().kind(),
        ErrorKind::InvalidInput,
        "it is no file"
    );
    let stopped = fs::read_with("/dev/zero", Deadline::NEVER, Some(&token));
    assert_eq!(why(stopped), Some(WaitError::Stopped));
}

pub(crate) fn a_stream_that_was_opened_as_a_file_is_waited_for<U: Units>() {
    let (reader, writer) = std::io::pipe().unwrap();
    let reader = File::from(OwnedFd::from(reader));
    let writer = File::from(OwnedFd::from(writer));
    assert_eq!(
        why(reader.read_for(&mut [0], SHORT)),
        Some(WaitError::TimedOut)
    );
    assert_eq!(
        why(reader.read_or_stop(&mut [0], &StopToken::after(SHORT))),
        Some(WaitError::Stopped)
    );
    let reading = U::spawn(move || {
        let mut text = String::new();
        (&reader).read_to_string(&mut text).unwrap();
        text
    });
    (&writer).write_all(&[b'x'; 3000]).unwrap();
    drop(writer);
    assert_eq!(U::join(reading), "x".repeat(3000));
    let (_reader, full) = std::io::pipe().unwrap();
    let full = File::from(OwnedFd::from(full));
    let written = full.write_all_with(&[0; 1 << 20], Deadline::after(SHORT), None);
    assert_eq!(why(written), Some(WaitError::TimedOut));
}

pub(crate) fn locks_of_a_file_exclude_who_has_opened_it_elsewhere<U: Units>() {
    let folder = Folder::new();
    let path = folder.at("locked");
    let one = File::create(&path).unwrap();
    let other = File::open(&path).unwrap();
    one.lock_shared().unwrap();
    other.lock_shared().unwrap();
    assert!(matches!(one.try_lock(), Err(TryLockError::WouldBlock)));
    // That has given up what it had.
    other.lock().unwrap();
    assert!(matches!(
        one.try_lock_shared(),
        Err(TryLockError::WouldBlock)
    ));
    // Whoever waits is let in when it is free, in either manner; the lock excludes meanwhile.
    let inside = Arc::new(AtomicU32::new(0));
    let waiting: Vec<_> = (0..4)
        .map(|number| {
            let (path, inside) = (path.clone(), Arc::clone(&inside));
            U::spawn(move || {
                let file = File::open(&path).unwrap();
                for _ in 0..20 {
                    if number == 0 {
                        file.lock_shared().unwrap();
                        assert_eq!(inside.load(Relaxed), 0);
                    } else {
                        file.lock().unwrap();
                        assert_eq!(inside.fetch_add(1, Relaxed), 0);
                        assert_eq!(inside.fetch_sub(1, Relaxed), 1);
                    }
                    file.unlock().unwrap();
                }
            })
        })
        .collect();
    other.unlock().unwrap();
    for one in waiting {
        U::join(one);
    }
    one.try_lock().unwrap();
    let clone = one.try_clone().unwrap();
    drop(one);
    assert!(other.try_lock().is_err(), "a clone has it, too");
    drop(clone);
    other.try_lock_shared().unwrap();
}

/// What ends the wait takes nothing, and what is left behind keeps nobody out.
#[test]
fn who_gives_up_waiting_for_a_lock_of_a_file_has_not_got_it() {
    within(LONG, "file locks", || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        let folder = Folder::new();
        let path = folder.at("locked");
        let held = File::create(&path).unwrap();
        held.lock().unwrap();
        let (its, (tell, told)) = (path.clone(), mpsc::channel());
        let waits = runtime.spawn(move || {
            let file = File::open(&its).unwrap();
            assert_eq!(why(file.lock_timeout(SHORT)), Some(WaitError::TimedOut));
            let stopped = file.lock_shared_or_stop(&vitte_threads::StopSource::DONE);
            assert_eq!(why(stopped), Some(WaitError::Stopped));
            tell.send(current::unit()).unwrap();
            let canceled = why(file.lock());
            (file, canceled)
        });
        until_waiting(told.recv().unwrap(), Reason::Offload);
        waits.cancel();
        let (file, canceled) = waits.join().unwrap();
        assert_eq!(canceled, Some(WaitError::Canceled));
        held.unlock().unwrap();
        // Those who were left let go again; this one waits for them.
        let again = runtime.spawn(move || file.lock().map(|()| file));
        let file = again.join().unwrap().unwrap();
        assert!(held.try_lock().is_err());
        drop(file);
        held.lock().unwrap();
    });
}

pub(crate) fn names_are_looked_up_and_addresses_are_not<U: Units>() {
    let listener = TcpListener::bind(("localhost", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let ours = U::spawn(move || TcpStream::connect(("localhost", port)).unwrap());
    drop(listener.accept().unwrap());
    drop(U::join(ours));
    let found = lookup_host("localhost:7").unwrap();
    assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()));
    assert!(found.iter().all(|address| address.port() == 7));
    // An address needs nobody, so no deadline ends it.
    let at_once = lookup_host_with("127.0.0.1:7", Deadline::NOW, None).unwrap();
    assert_eq!(at_once, ["127.0.0.1:7".parse().unwrap()]);
    let late = lookup_host_with("localhost:7", Deadline::NOW, None);
    assert_eq!(why(late), Some(WaitError::TimedOut));
    for wrong in ["", "localhost", ":", "localhost:70000", "127.0.0.1"] {
        let error = lookup_host(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong}: {error}");
    }
}

/// What only fibers have: a pool, whose only thread another has here.
#[test]
fn fibers_have_it_done_by_a_thread_of_the_pool_and_can_be_canceled_before() {
    within(LONG, "pool", || {
        let runtime = Arc::new(
            Runtime::builder()
                .workers(1)
                .offload_threads(1, 1)
                .build()
                .unwrap(),
        );
        let (go, gone) = mpsc::channel::<()>();
        let its = Arc::clone(&runtime);
        let first = runtime.spawn(move || its.offload(move || gone.recv().is_ok()).unwrap());
        while runtime.stats().offloaded == 0 {
            vitte_tests::units::moment();
        }
        let folder = Folder::new();
        let path = folder.at("none");
        let its = path.clone();
        let (tell, told) = mpsc::channel();
        let canceled = runtime.spawn(move || {
            tell.send(current::unit()).unwrap();
            why(fs::write(its, "text"))
        });
        until_waiting(told.recv().unwrap(), Reason::Offload);
        canceled.cancel();
        assert_eq!(canceled.join().unwrap(), Some(WaitError::Canceled));
        assert!(!path.exists());
        // The worker is free; only the look-up is in line.
        let late = runtime.run(|| {
            why(TcpStream::connect_with(
                "localhost:9",
                Deadline::after(SHORT),
                None,
            ))
        });
        assert_eq!(late, Some(WaitError::TimedOut));
        runtime.run(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        });
        go.send(()).unwrap();
        assert!(first.join().unwrap());
    });
}

/// A FIFO's other end may never come.
#[test]
fn a_fiber_need_not_wait_for_the_other_end_of_a_fifo() {
    within(LONG, "fifo", || {
        let folder = Folder::new();
        // They stay open, for who was left to himself may come late.
        let mut ends = Vec::new();
        let runtime = Runtime::builder().workers(1).build().unwrap();
        let both = |path: &PathBuf| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).open(path).unwrap()
        };
        // Whoever wants the same end is no other end.
        for reads in [false, true] {
            let path = folder.at("fifo");
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            assert!(made.unwrap().success());
            let mut options = OpenOptions::new();
            options.read(reads).write(!reads);
            let (its, open) = (path.clone(), options.clone());
            let late = runtime.run(move || why(open.open_with(its, Deadline::after(SHORT), None)));
            assert_eq!(late, Some(WaitError::TimedOut));
            let its = path.clone();
            let (tell, told) = mpsc::channel();
            let canceled = runtime.spawn(move || {
                tell.send(current::unit()).unwrap();
                why(options.open(its))
            });
            until_waiting(told.recv().unwrap(), Reason::Offload);
            canceled.cancel();
            assert_eq!(canceled.join().unwrap(), Some(WaitError::Canceled));
            if !reads {
                ends.push(both(&path));
                fs::remove_file(&path).unwrap();
            }
        }
        let path = folder.at("fifo");
        // Those who were left to themselves are let go by either end; and who waits gets what comes.
        let its = path.clone();
        let reading = runtime.spawn(move || {
            let mut byte = [0];
            File::open(its).unwrap().read_exact(&mut byte).unwrap();
            byte
        });
        ends.push(both(&path));
        (&ends[1]).write_all(b"x").unwrap();
        assert_eq!(reading.join().unwrap(), *b"x");
    });
}

#[test]
fn what_has_begun_ends_between_two_steps_when_its_fiber_is_canceled() {
    within(LONG, "begun", || {
        let (reading, unit) = spawn_known::<Fibers, _>(|| why(fs::read("/dev/zero")));
        until_waiting(unit, Reason::Offload);
        reading.cancel();
        assert_eq!(Fibers::join(reading), Some(WaitError::Canceled));
    });
}

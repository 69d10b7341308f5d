//! The ends of native threads, as arms and alone: the value or the panic comes out once, whoever asks.

use crate::units::{Units, spawn_known, until_waiting};
use std::time::Duration;
use vitte_channels::{
    Channel, oneshot, select,
    select::{Chosen, Deadline, Select, SelectError},
};
use vitte_threads::{JoinError, Runtime, Thread, ThreadHandle};
use vitte_wait::{Reason, StopSource};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// A thread that returns what it is sent, and the way to send it.
fn told<T: Send + 'static>() -> (oneshot::Sender<T>, ThreadHandle<T>) {
    let (tx, rx) = oneshot::channel();
    (tx, Thread::spawn(move || rx.recv().unwrap()))
}

pub(crate) fn a_thread_s_end_is_an_arm<U: Units>() {
    let ((later, mut never), (tx, mut soon)) = (told::<String>(), told::<String>());
    // Not over yet: both handles stay good.
    let which = select! {
        join(never) -> _ => 0,
        join(soon) -> _ => 1,
        default => 2,
    };
    assert_eq!(which, 2);
    let (selector, unit) = spawn_known::<U, _>(move || {
        let got = select! {
            join(never) -> _ => unreachable!("it was told nothing"),
            join(soon) -> value => value,
            after(LONG) => unreachable!(),
        };
        (got, soon.join(), never)
    });
    until_waiting(unit, Reason::Select);
    tx.send("value".to_owned()).unwrap();
    let (got, again, mut never) = U::join(selector);
    assert_eq!(got.unwrap().unwrap(), "value");
    assert!(matches!(again, Err(JoinError::Taken)));
    later.send("at last".to_owned()).unwrap();
    assert_eq!(never.join_timeout(LONG).unwrap(), "at last");
    assert!(matches!(never.join(), Err(JoinError::Taken)));
}

pub(crate) fn a_thread_s_panic_comes_out_of_its_arm_once<U: Units>() {
    let mut panics = Thread::spawn(|| panic!("{}", "on purpose"));
    let (_later, mut never) = told::<()>();
    let got = select! { join(panics) -> end => end, join(never) -> _ => unreachable!() };
    let Err(JoinError::Panicked(panic)) = got.unwrap() else {
        unreachable!("it has panicked");
    };
    assert_eq!(panic.text(), "on purpose");
    // It is reported again, as taken, and not waited for.
    let got = select! { join(panics) -> end => end, join(never) -> _ => unreachable!() };
    assert!(matches!(got.unwrap(), Err(JoinError::Taken)));
}

pub(crate) fn threads_and_fibers_are_joined_in_one_select<U: Units>() {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let (tx, rx) = Channel::bounded(0);
    let mut fiber = runtime.spawn(move || rx.recv().unwrap() + 1);
    let mut thread = Thread::spawn(move || tx.send(1));
    let (mut of_fiber, mut of_thread) = (None, None);
    while of_fiber.is_none() || of_thread.is_none() {
        select! {
            join(fiber) -> value if of_fiber.is_none() => of_fiber = Some(value.unwrap()),
            join(thread) -> value if of_thread.is_none() => of_thread = Some(value.unwrap()),
        }
        .unwrap();
    }
    assert_eq!((of_fiber, of_thread), (Some(2), Some(Ok(()))));
}

pub(crate) fn threads_put_together_at_run_time_come_out_once_each<U: Units>() {
    let (ways, mut threads): (Vec<_>, Vec<_>) = (0..10).map(|_| told::<usize>()).unzip();
    let (selector, unit) = spawn_known::<U, _>(move || {
        let mut left: Vec<_> = threads.iter_mut().map(ThreadHandle::join_arm).collect();
        let mut sum = 0;
        while !left.is_empty() {
            let mut select = Select::new();
            for arm in &mut left {
                select.add(arm);
            }
            let which = select.wait().unwrap();
            sum += left.swap_remove(which).take().unwrap().unwrap();
        }
        sum
    });
    until_waiting(unit, Reason::Select);
    for (n, way) in ways.into_iter().enumerate().rev() {
        way.send(n).unwrap();
    }
    assert_eq!(U::join(selector), 45);
}

pub(crate) fn a_join_of_a_thread_ends_in_time_or_when_stopped_or_canceled<U: Units>() {
    let ((tx, mut thread), source) = (told::<u8>(), StopSource::new());
    let token = source.token();
    let soon = Duration::from_millis(2);
    assert!(matches!(
        thread.join_timeout(soon),
        Err(JoinError::TimedOut)
    ));
    assert!(!thread.is_finished());
    let (joiner, unit) = spawn_known::<U, _>(move || {
        let stopped = thread.join_or_stop(&token);
        let canceled = thread.join_with(Deadline::NEVER, None);
        let by_select = select! { join(thread) -> _ => () };
        (stopped, canceled, by_select, thread)
    });
    until_waiting(unit, Reason::Recv);
    source.stop();
    unit.cancel();
    let (stopped, canceled, by_select, mut thread) = U::join(joiner);
    assert!(matches!(
        stopped,
        Err(JoinError::Stopped | JoinError::Canceled)
    ));
    assert!(matches!(canceled, Err(JoinError::Canceled)));
    assert_eq!(by_select, Err(SelectError::Canceled));
    // Nothing of it was lost.
    tx.send(7).unwrap();
    assert_eq!(thread.join_timeout(LONG).unwrap(), 7);
    assert!(thread.is_finished());
}

pub(crate) fn a_fiber_that_joins_a_thread_leaves_its_worker_to_others<U: Units>() {
    // The thread ends only when another fiber of the one worker has run meanwhile.
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let (tx, mut thread) = told::<u8>();
    let (begun, waits) = oneshot::channel();
    let joiner = runtime.spawn(move || {
        begun.send(()).unwrap();
        let by_arm = select! { join(thread) -> value => value.unwrap() };
        (by_arm, Thread::spawn(|| 2).join().unwrap())
    });
    let teller = runtime.spawn(move || {
        waits.recv().unwrap();
        tx.send(1).unwrap();
    });
    assert_eq!(joiner.join().unwrap(), (Ok(1), 2));
    teller.join().unwrap();
}

//! Models of the pacer's sleep: whoever pushes a task for a busy worker while the pacer falls asleep is
//! seen. A lost rouse shows as a deadlock: the pacer waits for ever, and so does whoever joins it.

use crate::{
    check::check,
    config::Config,
    shared::{Phase, Shared},
    task::Task,
};
use std::sync::Arc;
use vitte_fibers::{StackClass, StackOptions, StackPool};
use vitte_wait::facade::thread;

/// One worker, busy for ever: it never looks at its queues.
pub(super) fn busy_worker() -> Arc<Shared> {
    let config = Config {
        workers: 1,
        ..Config::default()
    };
    let stacks = StackPool::new(StackOptions::default());
    Shared::new(config, StackClass::DEFAULT, stacks, 1)
}

/// The pacer, until it has seen that somebody waits.
fn pacer(shared: &Arc<Shared>) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        shared.pacer.set_thread(thread::current());
        while !shared.anything_waits() && !shared.is_stopping() {
            shared.idle.pacer_sleeps(&shared);
        }
    })
}

#[test]
fn a_task_pushed_by_the_busy_worker_rouses_the_pacer() {
    check("pace: own push", 5, || {
        let shared = busy_worker();
        let pacer = pacer(&shared);
        let nobody = std::ptr::without_provenance_mut::<Task>(128);
        // SAFETY: the model's owner of this stack calls; the address is not followed.
        unsafe { shared.remotes[0].fresh.push(nobody) };
        shared.idle.post(&shared);
        pacer.join().unwrap();
        shared.depot.forget();
    });
}

#[test]
fn a_task_left_in_a_busy_worker_s_inbox_rouses_the_pacer() {
    check("pace: inbox", 5, || {
        let shared = busy_worker();
        let task = shared.depot.take_outside().unwrap();
        let pacer = pacer(&shared);
        shared.remotes[0].inbox.push(task);
        shared.idle.post_to(&shared, 0);
        pacer.join().unwrap();
        shared.depot.forget();
    });
}

#[test]
fn a_task_from_outside_rouses_the_pacer() {
    check("pace: injector", 3, || {
        let shared = busy_worker();
        let task = shared.depot.take_outside().unwrap();
        let pacer = pacer(&shared);
        shared.injector.push(task);
        shared.idle.post_here(&shared);
        pacer.join().unwrap();
        shared.depot.forget();
    });
}

#[test]
fn the_end_rouses_the_pacer() {
    check("pace: the end", 3, || {
        let shared = busy_worker();
        let pacer = pacer(&shared);
        shared.enter_phase(Phase::Stopping);
        shared.idle.wake_all(&shared);
        pacer.join().unwrap();
        shared.depot.forget();
    });
}

/// The flawed variant: who pushes and does not post is not seen.
#[test]
#[should_panic(expected = "deadlock")]
fn a_push_without_a_post_is_caught() {
    check("pace: no post", 3, || {
        let shared = busy_worker();
        let task = shared.depot.take_outside().unwrap();
        let pacer = pacer(&shared);
        shared.remotes[0].inbox.push(task);
        pacer.join().unwrap();
        shared.depot.forget();
    });
}

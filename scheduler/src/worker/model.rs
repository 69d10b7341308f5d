//! Models of the lanes: whatever lies there is taken once, by whom it may be, and who is raised while he is put there
//! does not stay behind.

use crate::{
    check::check,
    config::Config,
    queue::lanes::Lanes,
    shared::Shared,
    task::{Task, slab::Depot},
    worker::classes::Ready,
};
use std::sync::Arc;
use vitte_fibers::{StackClass, StackOptions, StackPool};
use vitte_wait::{Priority, facade::thread};

/// Nobody works here: what is ready stays where it was put.
fn nobody_works() -> Arc<Shared> {
    let config = Config {
        workers: 1,
        ..Config::default()
    };
    let stacks = StackPool::new(StackOptions::default());
    Shared::new(config, StackClass::DEFAULT, stacks, 1)
}

#[test]
fn what_lies_in_a_lane_is_popped_lifted_or_removed_but_once() {
    check("lane: push, age, pop, remove", 3, || {
        let (depot, lanes) = (Depot::new(&crate::unit::OPS), Arc::new(Lanes::default()));
        let tasks: [&'static Task; 2] = [(); 2].map(|()| depot.take_outside().unwrap());
        lanes.low.push(tasks[0]);
        let pushes = {
            let lanes = Arc::clone(&lanes);
            thread::spawn(move || {
                lanes.low.push(tasks[1]);
                usize::from(lanes.remove_low(tasks[0]))
            })
        };
        let ages = {
            let lanes = Arc::clone(&lanes);
            thread::spawn(move || {
                let mut lifted = 0;
                lanes.age_low(|_| lifted += 1);
                lanes.age_low(|_| lifted += 1);
                lifted
            })
        };
        let mut taken = usize::from(lanes.low.pop().is_some());
        taken += pushes.join().unwrap() + ages.join().unwrap();
        while lanes.low.pop().is_some() {
            taken += 1;
        }
        assert_eq!(taken, 2);
        assert!(lanes.are_empty(), "the number is wrong");
        depot.forget();
    });
}

/// Puts a task of the low class into its lane in the way of `put`, while it becomes one of the high class.
fn raised_meanwhile(put: fn(&Shared, &'static Task)) {
    let shared = nobody_works();
    let task: &'static Task = shared.depot.take_outside().unwrap();
    task.unit.set_class(Priority::Low);
    let raises = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            task.unit.set_class(Priority::High);
            shared.raised(task);
        })
    };
    put(&shared, task);
    raises.join().unwrap();
    assert!(
        !shared.lanes.remove_low(task),
        "it was left among the low ones"
    );
    // But it is there, and once.
    let mut found = 0;
    while shared.lanes.high.pop().is_some() || shared.injector.pop(0, |_| {}).is_some() {
        found += 1;
    }
    assert_eq!(found, 1);
    shared.depot.forget();
}

#[test]
fn who_is_raised_while_he_is_put_into_the_low_lane_goes_where_he_belongs() {
    check("classes: raised", 3, || {
        raised_meanwhile(|shared, task| shared.inject(task));
    });
}

/// The flawed variant: who has put him there does not look whether he was raised meanwhile.
#[test]
#[should_panic(expected = "it was left among the low ones")]
fn without_the_second_look_he_stays_there() {
    check("flawed: classes, no second look", 3, || {
        raised_meanwhile(|shared, task| {
            let low = task.unit.priority() == Priority::Low;
            if low {
                shared.lanes.low.push(task);
            } else {
                let _ = shared.put_into_lane(task, Ready::Woken);
            }
        });
    });
}

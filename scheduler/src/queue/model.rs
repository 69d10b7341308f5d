//! Models of the stealable stack and the inbox: whatever is put in is taken out once, and whoever
//! takes it sees what was written before.

use super::{
    inbox::Inbox,
    lifo::{JOB, Lifo},
    ring::Ring,
};
use crate::{
    check::check,
    fence,
    task::{Task, slab::Depot},
};
use vitte_wait::facade::{Arc, cell::UnsafeCell, thread};

/// Something to put into a queue. The checker watches who touches it when: the putter before, the
/// one taker after.
struct Item(UnsafeCell<u32>);

impl Item {
    fn new() -> *mut Self {
        Box::into_raw(Box::new(Self(UnsafeCell::new(0))))
    }

    /// Takes the item apart.
    fn took(item: *mut Self) -> usize {
        let item = item.map_addr(|at| at & !JOB);
        // SAFETY: it came from `new`, and was taken out of a queue, which must give it once.
        unsafe {
            (*item).0.with_mut(|touched| *touched += 1);
            drop(Box::from_raw(item));
        }
        1
    }
}

/// What the owner of a stack may do: the checker sees that nobody else does.
struct Stack(Lifo<Item>);

// SAFETY: the models call the owner's methods on one thread only.
unsafe impl Send for Stack {}
// SAFETY: as above.
unsafe impl Sync for Stack {}

impl Stack {
    fn new() -> Arc<Self> {
        Arc::new(Self(Lifo::new()))
    }

    fn push(&self, count: usize) {
        for _ in 0..count {
            // SAFETY: the model's owner calls.
            unsafe { self.0.push(Item::new()) };
        }
    }

    fn pop(&self) -> usize {
        // SAFETY: the model's owner calls.
        let item = unsafe { self.0.pop() };
        if item.is_null() { 0 } else { Item::took(item) }
    }

    fn pop_oldest(&self) -> usize {
        // SAFETY: the model's owner calls.
        let item = unsafe { self.0.pop_oldest() };
        if item.is_null() { 0 } else { Item::took(item) }
    }

    fn thief(this: &Arc<Self>, attempts: usize) -> thread::JoinHandle<usize> {
        let stack = this.clone();
        thread::spawn(move || {
            let mut taken = 0;
            for _ in 0..attempts {
                stack.0.steal(|item| taken += Item::took(item));
            }
            taken
        })
    }

    /// What is left when everybody else is gone.
    fn rest(&self) -> usize {
        std::iter::from_fn(|| Some(self.pop()).filter(|&taken| taken > 0)).sum()
    }
}

#[test]
fn an_owner_and_a_thief_take_each_task_once() {
    check("lifo: push, pop, one thief", 3, || {
        let stack = Stack::new();
        stack.push(2);
        let thief = Stack::thief(&stack, 1);
        let mine = stack.pop() + stack.pop();
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen + stack.rest(), 2);
    });
}

#[test]
fn a_thief_sees_what_an_owner_wrote_who_pops_and_pushes() {
    check("lifo: pop, push, one thief", 3, || {
        let stack = Stack::new();
        let thief = Stack::thief(&stack, 2);
        stack.push(2);
        let mut mine = stack.pop();
        stack.push(1);
        mine += stack.pop();
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen + stack.rest(), 3);
    });
}

#[test]
fn an_owner_and_two_thieves_take_each_task_once() {
    check("lifo: push, pop, two thieves", 2, || {
        let stack = Stack::new();
        stack.push(2);
        let thieves = [Stack::thief(&stack, 1), Stack::thief(&stack, 1)];
        let mine = stack.pop() + stack.pop();
        let stolen: usize = thieves.map(|thief| thief.join().unwrap()).iter().sum();
        assert_eq!(mine + stolen + stack.rest(), 2);
    });
}

#[test]
fn a_stack_that_grows_under_a_thief_loses_nothing() {
    check("lifo: growth, one thief", 3, || {
        let stack = Stack::new();
        stack.push(2);
        let thief = Stack::thief(&stack, 1);
        // The first buffer holds two.
        stack.push(2);
        let mine = stack.pop();
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen + stack.rest(), 4);
    });
}

#[test]
fn what_a_thief_claimed_too_much_it_gives_back() {
    check("lifo: giving back", 3, || {
        let stack = Stack::new();
        stack.push(3);
        let thief = Stack::thief(&stack, 1);
        // The thief wants two of three; the owner is at the second meanwhile.
        let mine = stack.pop() + stack.pop();
        let stolen = thief.join().unwrap();
        assert!(mine + stolen >= 2, "nobody took the second");
        assert_eq!(mine + stolen + stack.rest(), 3);
    });
}

#[test]
fn a_task_that_is_joined_runs_inline_or_is_stolen() {
    check("lifo: pop_if, one thief", 3, || {
        let stack = Stack::new();
        stack.push(1);
        let joined = Item::new();
        // SAFETY: this is the owner.
        unsafe { stack.0.push(joined) };
        let thief = Stack::thief(&stack, 2);
        // SAFETY: as above.
        let mut mine = if unsafe { stack.0.pop_if(joined, || true) } {
            Item::took(joined)
        } else {
            0
        };
        mine += stack.pop();
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen + stack.rest(), 2);
    });
}

#[test]
fn a_job_goes_back_to_its_owner_or_to_a_thief() {
    check("lifo: jobs, one thief", 3, || {
        let stack = Stack::new();
        let jobs = [0, 1].map(|_| {
            let job = Item::new().map_addr(|at| at | JOB);
            // SAFETY: this is the owner.
            (job, unsafe { stack.0.push(job) })
        });
        let thief = Stack::thief(&stack, 2);
        let mut mine = 0;
        for (job, at) in jobs.into_iter().rev() {
            // SAFETY: as above.
            if unsafe { stack.0.pop_job::<false>(job, at) } {
                mine += Item::took(job);
            }
        }
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen, 2, "taken back, unless it was stolen");
    });
}

#[test]
fn a_job_under_others_is_taken_out_or_stolen() {
    check("lifo: remove, one thief", 3, || {
        let stack = Stack::new();
        let job = Item::new().map_addr(|at| at | JOB);
        // SAFETY: this is the owner.
        unsafe { stack.0.push(job) };
        stack.push(1);
        let thief = Stack::thief(&stack, 2);
        // SAFETY: as above.
        let mut mine = if unsafe { stack.0.remove(job) } {
            Item::took(job)
        } else {
            0
        };
        mine += stack.pop();
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen + stack.rest(), 2);
    });
}

#[test]
fn the_oldest_task_goes_to_its_owner_or_to_a_thief() {
    check("lifo: pop_oldest, one thief", 3, || {
        let stack = Stack::new();
        stack.push(2);
        let thief = Stack::thief(&stack, 1);
        let mine = stack.pop_oldest() + stack.pop();
        stack.push(1);
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen + stack.rest(), 3);
    });
}

/// What the thief's fence is for.
#[test]
#[should_panic(expected = "two took one")]
fn without_the_fence_of_the_thief_two_take_one_task() {
    check("flawed: lifo without the heavy fence", 3, || {
        let stack: Arc<Lifo<u8>> = Arc::new(Lifo::new());
        let task = std::ptr::without_provenance_mut(8);
        // SAFETY: this is the owner.
        unsafe { stack.push(task) };
        let thief = {
            let stack = stack.clone();
            thread::spawn(move || stack.steal_behind(|| {}, |_| true, |_| {}))
        };
        // SAFETY: as above.
        let mine = usize::from(!unsafe { stack.pop() }.is_null());
        let stolen = thief.join().unwrap();
        assert!(mine + stolen < 2, "two took one");
    });
}

/// The same program with the fence.
#[test]
fn with_the_fence_one_takes_it() {
    check("lifo: the flawed model with the fence", 3, || {
        let stack: Arc<Lifo<u8>> = Arc::new(Lifo::new());
        let task = std::ptr::without_provenance_mut(8);
        // SAFETY: this is the owner.
        unsafe { stack.push(task) };
        let thief = {
            let stack = stack.clone();
            thread::spawn(move || stack.steal_behind(fence::heavy, |_| true, |_| {}))
        };
        // SAFETY: as above.
        let mine = usize::from(!unsafe { stack.pop() }.is_null());
        let stolen = thief.join().unwrap();
        assert_eq!(mine + stolen, 1);
    });
}

/// An inbox, and records to put into it.
struct Post {
    inbox: Inbox,
    touched: UnsafeCell<u32>,
}

// SAFETY: `touched` is written before a push and read after the drain that finds it, which is
// what the model checks.
unsafe impl Sync for Post {}
// SAFETY: as above.
unsafe impl Send for Post {}

#[test]
fn an_inbox_hands_over_each_task_once_and_the_oldest_of_a_sender_first() {
    check("inbox: two senders", 3, || {
        let depot = Depot::new(&crate::unit::OPS);
        let tasks: [&'static Task; 3] = std::array::from_fn(|_| depot.take_outside().unwrap());
        let post = Arc::new(Post {
            inbox: Inbox::new(),
            touched: UnsafeCell::new(0),
        });
        let one = {
            let post = post.clone();
            thread::spawn(move || {
                // SAFETY: nobody else does before the push.
                post.touched.with_mut(|touched| unsafe { *touched = 1 });
                post.inbox.push(tasks[0]);
                post.inbox.push(tasks[1]);
            })
        };
        let two = {
            let post = post.clone();
            thread::spawn(move || post.inbox.push(tasks[2]))
        };
        let mut order = Vec::new();
        let mut drain = || {
            post.inbox.drain(|task| {
                let index = tasks.iter().position(|&other| std::ptr::eq(other, task));
                let index = index.expect("one of ours");
                if index == 0 {
                    // SAFETY: it was written before the push.
                    post.touched
                        .with(|touched| assert_eq!(unsafe { *touched }, 1));
                }
                order.push(index);
            });
        };
        drain();
        one.join().unwrap();
        two.join().unwrap();
        drain();
        let first = order.iter().position(|&index| index == 0).unwrap();
        let second = order.iter().position(|&index| index == 1).unwrap();
        assert!(first < second, "{order:?}");
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2]);
        depot.forget();
    });
}

#[test]
fn what_two_push_to_a_ring_is_taken_once_each() {
    check("ring: two push, one takes", 3, || {
        let ring = Arc::new(Ring::new(2));
        let pushers = [1, 2].map(|value| {
            let ring = ring.clone();
            thread::spawn(move || assert!(ring.push(value)))
        });
        let mut sum = ring.pop().unwrap_or(0);
        for pusher in pushers {
            pusher.join().unwrap();
        }
        while let Some(value) = ring.pop() {
            sum += value;
        }
        assert_eq!(sum, 3);
    });
}

#[test]
fn a_ring_that_is_full_takes_again_once_somebody_has_taken() {
    check("ring: full, and two take", 3, || {
        let ring = Arc::new(Ring::new(2));
        assert!(ring.push(1) && ring.push(2));
        let taker = {
            let ring = ring.clone();
            thread::spawn(move || ring.pop().unwrap_or(0))
        };
        let mine = ring.pop().unwrap_or(0);
        let third = if ring.push(4) { 4 } else { 0 };
        let mut sum = mine + taker.join().unwrap();
        while let Some(value) = ring.pop() {
            sum += value;
        }
        assert_eq!(sum, 3 + third);
    });
}

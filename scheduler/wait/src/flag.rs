//! A flag that is raised once: who waits for it, what runs when it is raised, and flags that are
//! raised by others.
//!
//! This is what stop tokens, and the signals above, are made of. A flag that is *made of* others
//! (any of them, all of them) hangs in each as a hook: the parts know it weakly, it knows its parts
//! strongly. So an intermediate flag lives as long as something made of it, and a made flag that
//! nobody holds is gone, with its hooks, at once. There are no cycles, for parts come first.
//!
//! **Invariants:** `raised` changes once, under the lock; after that the queues, hooks and parts are
//! empty and stay so. No lock is held while a hook runs, is dropped, or while another flag's lock
//! is taken.

use crate::{
    Deadline, Node, Outcome, Ticket, WaitQueue,
    facade::{
        Mutex,
        atomic::{AtomicBool, Ordering::*},
    },
};
use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    fmt,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    // Not the facade's: loom's has no weak form. What it counts is no part of a model.
    sync::{Arc, Weak},
};

/// What a panic leaves.
pub(crate) type Payload = Box<dyn Any + Send>;

pub(crate) struct Flag {
    /// Raised once, under the lock; read without it.
    raised: AtomicBool,
    /// When the flag counts as raised without anybody having raised it.
    pub(crate) deadline: Deadline,
    /// Whether it hangs in others, so that dropping it has work to do.
    is_made: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Their waits are for something else, and end as stopped.
    watchers: WaitQueue,
    /// Their waits are for this flag, and end as woken.
    waiters: WaitQueue,
    /// In the order in which they came.
    hooks: BTreeMap<u64, Hook>,
    next_hook: u64,
    /// How many parts are to be raised before this is.
    missing: usize,
    /// The parts, and what this flag is called there.
    parts: Vec<(Arc<Flag>, u64)>,
    /// What panicking hooks left, for whoever asks.
    panics: Vec<Payload>,
}

enum Hook {
    Call(Box<dyn FnOnce() + Send>),
    Made(Weak<Flag>),
}

/// In what capacity somebody waits.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    /// For something else, and gives up when the flag is raised.
    Watcher,
    /// For the flag.
    Waiter,
}

impl Inner {
    fn queue(&mut self, role: Role) -> &mut WaitQueue {
        match role {
            Role::Watcher => &mut self.watchers,
            Role::Waiter => &mut self.waiters,
        }
    }

    fn hang(&mut self, hook: Hook) -> u64 {
        let id = self.next_hook;
        self.next_hook += 1;
        self.hooks.insert(id, hook);
        id
    }
}

impl Flag {
    fn with(deadline: Deadline, missing: usize) -> Arc<Self> {
        Arc::new(Self {
            raised: AtomicBool::new(false),
            deadline,
            is_made: missing > 0,
            inner: Mutex::new(Inner {
                missing,
                ..Inner::default()
            }),
        })
    }

    /// A flag that is raised by nothing but [`raise`](Self::raise).
    pub(crate) fn new() -> Arc<Self> {
        Self::with(Deadline::NEVER, 0)
    }

    /// A flag that is raised when `missing` of `parts` are, or its deadline passes.
    pub(crate) fn made_of(
        parts: impl IntoIterator<Item = Arc<Self>>,
        missing: usize,
        deadline: Deadline,
    ) -> Arc<Self> {
        let made = Self::with(deadline, missing);
        let mut hung = Vec::new();
        for part in parts {
            let mut inner = part.inner.lock();
            if part.raised.load(Relaxed) {
                drop(inner);
                if made.is_completed() {
                    made.raise();
                }
            } else {
                let id = inner.hang(Hook::Made(Arc::downgrade(&made)));
                drop(inner);
                hung.push((part, id));
            }
        }
        let mut inner = made.inner.lock();
        if !made.raised.load(Relaxed) {
            mem::swap(&mut inner.parts, &mut hung);
        }
        drop(inner);
        leave(hung);
        made
    }

    /// One part has been raised. Whether none is missing any more.
    fn is_completed(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.missing = inner.missing.saturating_sub(1);
        inner.missing == 0
    }

    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        // Ordering: Acquire. Partner: the Release in `raise_alone`.
        self.raised.load(Acquire) || self.deadline.is_past()
    }

    /// Raises the flag, and those that it completes; wakes everybody who waits for one of them;
    /// then runs what hangs there, nearest flags first, each flag's in the order it came.
    pub(crate) fn raise(self: &Arc<Self>) {
        let (mut next, mut wave) = (Some(self.clone()), VecDeque::new());
        let mut calls = Vec::new();
        // By a list and not by recursion: chains may be longer than a fiber's stack.
        while let Some(flag) = next {
            flag.raise_alone(&mut wave, &mut calls);
            next = wave.pop_front();
        }
        for (flag, call) in calls {
            flag.run(call);
        }
    }

    fn raise_alone(self: Arc<Self>, wave: &mut VecDeque<Arc<Self>>, calls: &mut Vec<Call>) {
        let (woken, hooks, parts) = {
            let mut inner = self.inner.lock();
            if self.raised.load(Relaxed) {
                return;
            }
            // Ordering: Release. Partner: the Acquire in `is_raised`; under the lock, so that
            // whoever waits either sees the flag or is in the queue.
            self.raised.store(true, Release);
            // Waiters first, so that one who is both has what it waited for.
            let woken = [
                inner.waiters.pop_all(Outcome::Woken),
                inner.watchers.pop_all(Outcome::Stopped),
            ];
            let hooks = mem::take(&mut inner.hooks);
            (woken, hooks, mem::take(&mut inner.parts))
        };
        drop(woken);
        for hook in hooks.into_values() {
            match hook {
                Hook::Call(call) => calls.push((self.clone(), call)),
                Hook::Made(made) => {
                    if let Some(made) = made.upgrade()
                        && made.is_completed()
                    {
                        wave.push_back(made);
                    }
                }
            }
        }
        leave(parts);
    }

    /// Runs one hook; its panic is kept.
    fn run(&self, call: Box<dyn FnOnce() + Send>) {
        // Unwind: the hook is gone, and the flag's own state was not in its hands.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            self.inner.lock().panics.push(panic);
        }
    }

    /// Runs `call` once the flag is raised: by whoever raises it, or here if it is raised already.
    /// Says what the hook is called, if it hangs.
    pub(crate) fn hook(&self, call: Box<dyn FnOnce() + Send>) -> Option<u64> {
        {
            let mut inner = self.inner.lock();
            if !self.raised.load(Relaxed) {
                return Some(inner.hang(Hook::Call(call)));
            }
        }
        self.run(call);
        None
    }

    /// Takes a hook away. Whether it was still there.
    pub(crate) fn unhook(&self, id: u64) -> bool {
        let hook = self.inner.lock().hooks.remove(&id);
        hook.is_some()
    }

    /// How many hooks hang here.
    pub(crate) fn hooks(&self) -> usize {
        self.inner.lock().hooks.len()
    }

    /// What panicking hooks left since somebody asked last.
    pub(crate) fn take_panics(&self) -> Vec<Payload> {
        mem::take(&mut self.inner.lock().panics)
    }

    /// Puts `node` in the queue of this role. False: the flag is raised.
    ///
    /// # Safety
    /// As for [`WaitQueue::push`]; it leaves by [`delist`](Self::delist), or by being popped.
    pub(crate) unsafe fn enlist(&self, role: Role, node: &Node) -> bool {
        let mut inner = self.inner.lock();
        if self.raised.load(Relaxed) {
            return false;
        }
        // SAFETY: by the caller; the lock is held.
        unsafe { inner.queue(role).push(node) };
        true
    }

    /// Takes `node` out of the queue of this role, if it is still in.
    ///
    /// # Safety
    /// It was [enlisted](Self::enlist) there, or nowhere.
    pub(crate) unsafe fn delist(&self, role: Role, node: &Node) {
        // SAFETY: by the caller.
        unsafe { self.inner.lock().queue(role).remove(node) };
    }

    /// Runs `park`, which parks the holder of `ticket`, and ends that wait if the flag is raised.
    pub(crate) fn watch(
        &self,
        role: Role,
        ticket: Ticket,
        park: impl FnOnce() -> Outcome,
    ) -> Outcome {
        let node = Node::new(ticket, ptr::null_mut());
        // SAFETY: `node` is in no queue, and stays in this frame until `unlink` below has taken it
        // out (also when `park` unwinds).
        if !unsafe { self.enlist(role, &node) } {
            // If the claim fails somebody else has decided, and `park` says what.
            drop(ticket.claim(match role {
                Role::Watcher => Outcome::Stopped,
                Role::Waiter => Outcome::Woken,
            }));
        }
        let _unlink = Unlink {
            flag: self,
            role,
            node: &node,
        };
        park()
    }
}

type Call = (Arc<Flag>, Box<dyn FnOnce() + Send>);

/// Takes a waiter out of its queue, however its wait ends.
struct Unlink<'a> {
    flag: &'a Flag,
    role: Role,
    node: &'a Node,
}

impl Drop for Unlink<'_> {
    fn drop(&mut self) {
        // SAFETY: the node was enlisted with this flag, or with none.
        unsafe { self.flag.delist(self.role, self.node) };
    }
}

/// Takes a made flag's hooks out of its parts, and lets go of those.
fn leave(mut parts: Vec<(Arc<Flag>, u64)>) {
    while let Some((part, id)) = parts.pop() {
        part.unhook(id);
        // By a list and not by recursion: a part that ends here may be made of others.
        if let Some(part) = Arc::into_inner(part)
            && part.is_made
        {
            parts.append(&mut part.inner.lock().parts);
        }
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        if self.is_made {
            let parts = mem::take(&mut self.inner.lock().parts);
            leave(parts);
        }
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Flag");
        out.field("raised", &self.is_raised());
        if let Some(inner) = self.inner.try_lock() {
            out.field("waiters", &(inner.watchers.len() + inner.waiters.len()))
                .field("callbacks", &inner.hooks.len());
        }
        out.finish_non_exhaustive()
    }
}

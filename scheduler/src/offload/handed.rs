//! Jobs that another library's pool runs, while the caller waits as for one of ours.
//!
//! Such a pool wants jobs that own what they need. So it is handed a [`Run`], which leads to the job in its caller's
//! frame for as long as the caller waits for it, and to nothing afterwards.
//!
//! **Invariants:** the job is touched only by a `Run` that has gone from `Queued` to `Runs`, and until it says `Over`;
//! its caller returns in no other stage than `Over`, `TakenBack` or `Dropped`.

use crate::{
    offload::pool::{Came, Refused},
    shared::Shared,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};
use vitte_wait::{
    Deadline, Outcome, Reason, StopToken, Ticket, Wait,
    facade::{Mutex, atomic::Ordering::Relaxed},
};

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Queued,
    Runs,
    Over,
    /// Its caller has taken it back: it will not begin.
    TakenBack,
    /// The pool has dropped it: it will not begin.
    Dropped,
}

struct State {
    stage: Stage,
    /// The caller's wait for the end.
    caller: Option<Ticket>,
}

/// What the caller and the pool share.
struct Handed {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

/// What the pool is to run, or drop.
struct Run {
    /// Runs `body`; does not unwind.
    run: unsafe fn(*const ()),
    body: *const (),
    handed: Arc<Handed>,
}

// SAFETY: the body may be run on any thread, as `call` was promised.
unsafe impl Send for Run {}

impl Run {
    fn go(self) {
        {
            let mut state = self.handed.state.lock();
            if state.stage != Stage::Queued {
                return;
            }
            state.stage = Stage::Runs;
        }
        // SAFETY: the caller waits until it is over, and nobody else has found it queued.
        unsafe { (self.run)(self.body) };
        self.handed.end(Stage::Runs, Stage::Over);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.handed.end(Stage::Queued, Stage::Dropped);
    }
}

impl Handed {
    /// Goes from stage `from`, if it is in that, to the last one, `to`, and tells the caller.
    fn end(&self, from: Stage, to: Stage) {
        let claimed = {
            let mut state = self.state.lock();
            if state.stage != from {
                return;
            }
            state.stage = to;
            state
                .caller
                .take()
                .and_then(|caller| caller.claim(Outcome::Woken))
        };
        // From here on the job may be gone.
        drop(claimed);
        self.over();
    }

    fn over(&self) {
        self.shared.pools.handed.fetch_sub(1, Relaxed);
        self.shared.may_be_over();
    }

    /// The caller's wait has ended as `ended`.
    fn settle(&self, ended: Outcome) -> Came {
        let mut state = self.state.lock();
        match state.stage {
            Stage::Over => Came::Over,
            Stage::Dropped => Came::Refused(Refused::Closed),
            Stage::Queued | Stage::TakenBack => {
                state.stage = Stage::TakenBack;
                drop(state);
                self.over();
                Came::TakenBack(ended)
            }
            Stage::Runs => {
                let wait =
                    Wait::begin_uncancelable(Reason::Offload, std::ptr::from_ref(self).cast());
                state.caller = Some(wait.ticket());
                drop(state);
                let _ = wait.park(Deadline::NEVER, None);
                Came::Late(ended)
            }
        }
    }
}

/// Gives `hand` something that runs `run(body)`, and waits until that is over, taken back, or dropped. If the wait
/// ends early a job that has begun is waited for, whatever comes.
///
/// # Panics
/// As [`Wait::begin`], and with the panic of `hand`.
///
/// # Safety
/// `run` may be called with `body` once, on any thread, until this returns; it does not unwind.
pub(super) unsafe fn call(
    shared: &Arc<Shared>,
    run: unsafe fn(*const ()),
    body: *const (),
    hand: impl FnOnce(Box<dyn FnOnce() + Send>),
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Came {
    let wait = Wait::begin(Reason::Offload, body);
    let handed = Arc::new(Handed {
        shared: Arc::clone(shared),
        state: Mutex::new(State {
            stage: Stage::Queued,
            caller: Some(wait.ticket()),
        }),
    });
    shared.pools.handed.fetch_add(1, Relaxed);
    let it = Run {
        run,
        body,
        handed: Arc::clone(&handed),
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| hand(Box::new(move || it.go())))) {
        let _ = wait.withdraw();
        let _ = handed.settle(Outcome::Canceled);
        resume_unwind(payload);
    }
    let ended = wait.park(deadline, stop);
    handed.settle(ended)
}

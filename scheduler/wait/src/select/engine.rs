//! The one wait of a select, with a node in every arm's source.
//!
//! Invariants: a node is enlisted only while an `Enlisted` knows of it; between enlisting and taking
//! out no arm is borrowed mutably; whatever ends the wait, at most one node has won.

use super::{Arm, SelectError};
use crate::{
    Deadline, Lookout, Node, Outcome, Reason, StopToken, Wait, current,
    facade::{hint, thread},
};
use std::{array, ptr};

/// Up to so many arms a select allocates nothing.
const FEW: usize = 8;

/// Goes by the first arm that can, and waits while none can; returns its index. The outcome is in
/// the arm: see [`Chosen::take`](super::Chosen::take). See the [module](super) for how it goes.
///
/// If several can go, each is as likely as the others. Without arms it waits for the deadline, or
/// whatever else ends it.
///
/// # Errors
/// [`SelectError`]: no arm went.
///
/// # Blocking
/// While no arm can go, a fiber suspends and a thread sleeps. If one can at once, deadline, stop
/// token and cancellation are not looked at, and now and then the calling fiber lets others run.
///
/// # Cancellation
/// No arm went.
///
/// # Panics
/// As [`Wait::begin`].
pub fn select(
    arms: &mut [&mut dyn Arm],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<usize, SelectError> {
    let mut order = Order::of(arms);
    match attempt_all(arms, order.draw()) {
        Some(gone) => {
            arms[gone].spend();
            Ok(gone)
        }
        None => select_slow(arms, &mut order, deadline, stop),
    }
}

/// Goes by an arm that can; `None` if there was a moment at which none could. Otherwise as [`select`].
///
/// # Blocking
/// Never, but for as long as one who hands something over at that moment takes.
///
/// # Cancellation
/// None is looked at.
pub fn try_select(arms: &mut [&mut dyn Arm]) -> Option<usize> {
    let mut order = Order::of(arms);
    match attempt_all(arms, order.draw()) {
        None if arms.len() > 1 => try_select_slow(arms, &mut order),
        gone => gone,
    }
}

/// Note \[One moment\]: each arm was looked at and could not go, but at moments of their own: between two
/// looks a value may have come to the one and left the other, so that all the while there was one. So
/// the unit enlists with all of them, looks again, and does not park. Whatever comes to a source from
/// then on claims the wait; if it can be withdrawn, nothing did, and at that moment there was nothing.
#[cold]
fn try_select_slow(arms: &mut [&mut dyn Arm], order: &mut Order) -> Option<usize> {
    rounds(arms, order, |arms, order| {
        // A deadline that has passed: it withdraws.
        wait_once(Wait::begin_uncancelable, arms, order, Deadline::NOW, None)
    })
    .ok()
}

/// Indices of arms, to be put into one order or another.
struct Order {
    few: [u32; FEW],
    many: Vec<u32>,
    len: usize,
}

impl Order {
    fn of(arms: &[&mut dyn Arm]) -> Self {
        let len = arms.len();
        let count = u32::try_from(len).expect("so many arms do not fit into memory");
        Self {
            few: array::from_fn(|index| index as u32),
            many: if len > FEW {
                (0..count).collect()
            } else {
                Vec::new()
            },
            len,
        }
    }

    fn indices(&mut self) -> &mut [u32] {
        if self.len > FEW {
            &mut self.many
        } else {
            &mut self.few[..self.len]
        }
    }

    /// Any order, each as likely as the others.
    fn draw(&mut self) -> &[u32] {
        let indices = self.indices();
        if indices.len() > 1 {
            current::dice().shuffle(indices);
        }
        indices
    }

    /// The order in which everybody enlists: Note [Crossed selects]. In a model addresses differ
    /// from one execution to the next, and it is for the model to give its arms in one order.
    fn sort(&mut self, arms: &[&mut dyn Arm]) -> &[u32] {
        let indices = self.indices();
        if cfg!(any(loom, shuttle)) {
            indices.sort_unstable();
        } else {
            indices.sort_unstable_by_key(|&index| arms[index as usize].object().addr());
        }
        indices
    }
}

#[inline]
fn attempt_all(arms: &mut [&mut dyn Arm], order: &[u32]) -> Option<usize> {
    order
        .iter()
        .map(|&index| index as usize)
        .find(|&index| arms[index].attempt())
}

#[cold]
fn select_slow(
    arms: &mut [&mut dyn Arm],
    order: &mut Order,
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<usize, SelectError> {
    rounds(arms, order, |arms, order| {
        wait_once(Wait::begin, arms, order, deadline, stop)
    })
}

/// Waits, or looks, until an arm has gone, or that ends otherwise.
#[inline]
fn rounds(
    arms: &mut [&mut dyn Arm],
    order: &mut Order,
    wait: impl Fn(&[&mut dyn Arm], &[u32]) -> Result<Round, SelectError>,
) -> Result<usize, SelectError> {
    let mut rounds = 0;
    loop {
        let order_of_nodes = order.sort(arms);
        match wait(arms, order_of_nodes)? {
            // Before any other: Note [Winner first].
            Round::Won(index) if arms[index].finish() => return Ok(index),
            Round::Ready(index) if arms[index].attempt() => return Ok(index),
            Round::Won(_) | Round::Ready(_) | Round::Woken => {}
        }
        if let Some(gone) = attempt_all(arms, order.draw()) {
            return Ok(gone);
        }
        hold_back(&mut rounds);
    }
}

/// Breaks the step in which two selects might undo each other: Note [Crossed selects].
fn hold_back(rounds: &mut u32) {
    *rounds += 1;
    if *rounds > 3 {
        for _ in 0..current::dice().below(1 << (*rounds).min(10)) {
            hint::spin_loop();
        }
    }
    if *rounds > 10 {
        thread::yield_now();
    }
}

/// What came of one wait, other than an error.
enum Round {
    /// Somebody ended it through the node of this arm.
    Won(usize),
    /// It was not begun, or ended by time, because this arm said that it could go.
    Ready(usize),
    /// It ended, and nobody said by which arm.
    Woken,
}

fn wait_once(
    begin: fn(Reason, *const ()) -> Wait,
    arms: &[&mut dyn Arm],
    order: &[u32],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<Round, SelectError> {
    let (reason, object) = match arms {
        [arm] => (arm.reason(), arm.object()),
        _ => (Reason::Select, ptr::null()),
    };
    let wait = begin(reason, object);
    let ticket = wait.ticket();
    let node = |index: usize| {
        let payload = arms.get(index).map_or(ptr::null_mut(), |arm| arm.payload());
        Node::new(ticket, payload)
    };
    if arms.len() <= FEW {
        let nodes: [Node; FEW] = array::from_fn(node);
        wait_in_all(wait, arms, &nodes, order, deadline, stop)
    } else {
        let nodes: Vec<Node> = (0..arms.len()).map(node).collect();
        wait_in_all(wait, arms, &nodes, order, deadline, stop)
    }
}

/// `nodes` has at least one for each arm.
fn wait_in_all(
    wait: Wait,
    arms: &[&mut dyn Arm],
    nodes: &[Node],
    order: &[u32],
    deadline: Deadline,
    stop: Option<&StopToken>,
) -> Result<Round, SelectError> {
    let mut lookout = Lookout::default();
    // Who does not wait sees it in the attempts.
    let looks_out = wait.unit().is_thread() && deadline != Deadline::NOW;
    let mut enlisted = Enlisted {
        wait: Some(wait),
        arms,
        nodes,
        order,
        count: 0,
        winner: None,
    };
    let ready = enlisted.enlist_all(looks_out.then_some(&mut lookout));
    // The arm that is ready by itself first.
    let by_time = (0..arms.len()).min_by_key(|&index| arms[index].deadline());
    let by_time = by_time.filter(|&index| arms[index].deadline() < deadline);
    let outcome = match (enlisted.wait.take(), ready) {
        (Some(wait), None) => {
            let limit = by_time.map_or(deadline, |index| arms[index].deadline());
            Some(match lookout.get() {
                None => wait.park(limit, stop),
                Some((bed, what)) => wait.park_in_bed(bed, what, limit, stop),
            })
        }
        // Somebody may have been faster, and done an arm's work: then that arm goes.
        (Some(wait), Some(_)) => wait.withdraw().err(),
        (None, _) => unreachable!("the wait is taken here only"),
    };
    // The wait is over, and with it every claim: nobody writes the marks any more.
    enlisted.winner = nodes.iter().position(Node::has_won);
    let winner = enlisted.winner;
    drop(enlisted);
    Ok(match (winner, outcome, ready.or(by_time)) {
        // Whatever the outcome is called: a stop, for one, may be one of the arms.
        (Some(winner), _, _) => Round::Won(winner),
        (None, None, Some(ready)) => Round::Ready(ready),
        (None, Some(Outcome::TimedOut), Some(first)) if ready.is_none() => Round::Ready(first),
        (None, Some(outcome), _) => match SelectError::of(outcome) {
            Some(error) => return Err(error),
            None => Round::Woken,
        },
        (None, None, None) => Round::Woken,
    })
}

/// Takes every node out, however the wait ends.
struct Enlisted<'a, 'b> {
    /// There until the wait is parked or withdrawn.
    wait: Option<Wait>,
    arms: &'a [&'b mut dyn Arm],
    nodes: &'a [Node],
    /// The first `count` of these arms are enlisted.
    order: &'a [u32],
    count: usize,
    winner: Option<usize>,
}

impl Enlisted<'_, '_> {
    /// Returns the arm that refused, if one did.
    fn enlist_all(&mut self, mut lookout: Option<&mut Lookout>) -> Option<usize> {
        for &index in self.order {
            let index = index as usize;
            if let Some(lookout) = &mut lookout {
                self.arms[index].look_out(lookout);
            }
            // SAFETY: the node was made for this arm and is in no queue. It stays where it is until
            // `drop` has taken it out, unless it has won; only then does our caller get its
            // mutable borrow of the arms back.
            if !unsafe { self.arms[index].enlist(&self.nodes[index]) } {
                return Some(index);
            }
            self.count += 1;
        }
        None
    }
}

impl Drop for Enlisted<'_, '_> {
    fn drop(&mut self) {
        // Unwind: an arm panicked while it was to be enlisted. Whoever claims the wait now writes
        // into an arm, so he must be through before we leave.
        if let Some(wait) = self.wait.take() {
            let _ = wait.withdraw();
        }
        for &index in &self.order[..self.count] {
            let index = index as usize;
            // Who has won was popped.
            if self.winner != Some(index) {
                // SAFETY: the node was enlisted with this arm, and the wait is over.
                unsafe { self.arms[index].delist(&self.nodes[index]) };
            }
        }
    }
}

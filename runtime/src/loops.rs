//! Loops whose turns run on as many workers as have nothing better to do.
//!
//! A loop runs its turns in order, and now and then looks whether what it offered last was taken, or
//! nothing is on offer: then it offers the later half of what is left. So nobody who is alone divides more
//! than a few times, and whoever finds nothing to do finds half a loop.
//!
//! Source: lazy binary splitting (Tzannes, Caragea, Barua, Vishkin, `PPoPP` 2010).

use std::{
    cmp::Ordering,
    fmt,
    mem::take,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};
use vitte_scheduler::{Fork, forking, is_unwinding, join, poll};
use vitte_wait::current;

/// At most so many turns are run between two looks. At first it is one, then twice as many each time, so a
/// look is never later than what was run before took.
const LONGEST_STRIDE: usize = 64;
/// Below so many values sorting is left to the standard library.
const SHORT: usize = 4096;

/// The caller was canceled, so a loop was given up. Turns that had begun were run to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopCanceled;

impl fmt::Display for LoopCanceled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loop was given up, for its caller was canceled")
    }
}

impl std::error::Error for LoopCanceled {}

/// What a loop goes over.
trait Span: Send + Sized {
    fn len(&self) -> usize;
    /// The first `at`, and the rest.
    fn split(self, at: usize) -> (Self, Self);
}

impl Span for Range<usize> {
    fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
    fn split(self, at: usize) -> (Self, Self) {
        let middle = self.start + at;
        (self.start..middle, middle..self.end)
    }
}

impl<T: Sync> Span for &[T] {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn split(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

impl<T: Send> Span for &mut [T] {
    fn len(&self) -> usize {
        (**self).len()
    }
    fn split(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

/// Values, and the places of what is made of them.
impl<T: Sync, R: Send> Span for (&[T], &mut [R]) {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn split(self, at: usize) -> (Self, Self) {
        let (from, from_rest) = self.0.split_at(at);
        let (to, to_rest) = self.1.split_at_mut(at);
        ((from, to), (from_rest, to_rest))
    }
}

/// Chunks of a slice, all but the last of one size, and the number of the first.
struct Chunks<'a, T> {
    of: &'a mut [T],
    size: usize,
    first: usize,
}

impl<T: Send> Span for Chunks<'_, T> {
    fn len(&self) -> usize {
        self.of.len().div_ceil(self.size)
    }
    fn split(self, at: usize) -> (Self, Self) {
        let Self { of, size, first } = self;
        let (of, rest) = of.split_at_mut(of.len().min(at * size));
        let left = Self { of, size, first };
        let right = Self {
            of: rest,
            size,
            first: first + at,
        };
        (left, right)
    }
}

/// Raised when the rest of a loop is not to be run.
#[derive(Default)]
struct Over(AtomicBool);

impl Over {
    fn is_due(&self) -> bool {
        if self.0.load(Relaxed) {
            return true;
        }
        let due = current::unit().is_canceled();
        if due {
            self.0.store(true, Relaxed);
        }
        due
    }

    fn result<R>(&self, value: R) -> Result<R, LoopCanceled> {
        if self.0.load(Relaxed) {
            return Err(LoopCanceled);
        }
        Ok(value)
    }
}

/// Raises it if a turn panics.
struct Watch<'a>(&'a Over);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if is_unwinding() {
            self.0.0.store(true, Relaxed);
        }
    }
}

/// How a loop is run: its turns, and how what they make is put together.
struct Plan<'a, E, N, M> {
    each: &'a E,
    nothing: &'a N,
    merge: &'a M,
    over: &'a Over,
}

impl<E, N, M> Clone for Plan<'_, E, N, M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E, N, M> Copy for Plan<'_, E, N, M> {}

fn drive<S, R, E, N, M>(fork: Fork<'_>, mut span: S, plan: Plan<'_, E, N, M>) -> R
where
    S: Span,
    R: Send,
    E: Fn(S) -> R + Sync,
    N: Fn() -> R + Sync,
    M: Fn(R, R) -> R + Sync,
{
    let mut made = (plan.nothing)();
    let mut stride = 1;
    while span.len() > 0 && !plan.over.is_due() {
        // Who waits for this worker has it when the slice is over.
        let _ = poll();
        if span.len() > 1 && fork.is_wanted() {
            let middle = span.len() / 2;
            let (left, right) = span.split(middle);
            let (left, right) = fork.join(
                move |fork| drive(fork, left, plan),
                move |fork| drive(fork, right, plan),
            );
            return (plan.merge)((plan.merge)(made, left), right);
        }
        let length = stride.min(span.len());
        let (part, rest) = span.split(length);
        span = rest;
        let _watch = Watch(plan.over);
        made = (plan.merge)(made, (plan.each)(part));
        stride = (stride * 2).min(LONGEST_STRIDE);
    }
    made
}

fn run<S, R>(
    span: S,
    each: impl Fn(S) -> R + Sync,
    nothing: impl Fn() -> R + Sync,
    merge: impl Fn(R, R) -> R + Sync,
) -> Result<R, LoopCanceled>
where
    S: Span,
    R: Send,
{
    let over = Over::default();
    let plan = Plan {
        each: &each,
        nothing: &nothing,
        merge: &merge,
        over: &over,
    };
    let made = forking(|fork| drive(fork, span, plan));
    over.result(made)
}

/// Calls `turn` with each number of the range, on as many workers as have nothing better to do. The turns
/// may borrow, and must not wait for one another. On a plain thread they are run one after the other.
///
/// # Errors
/// [`LoopCanceled`] if the caller is canceled meanwhile: then not all turns were run.
///
/// # Panics
/// With the first panic of a turn, once no turn runs any more.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use vitte_threads::{Runtime, par_for};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let sum = AtomicUsize::new(0);
/// runtime.run(|| par_for(0..1000, |n| { sum.fetch_add(n, Relaxed); }))?;
/// assert_eq!(sum.into_inner(), 499_500);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn par_for(range: Range<usize>, turn: impl Fn(usize) + Sync) -> Result<(), LoopCanceled> {
    run(range, |part| part.for_each(&turn), || (), |(), ()| ())
}

/// As [`par_for`], with each value of a slice.
///
/// # Errors
/// [`LoopCanceled`], as [`par_for`].
///
/// # Panics
/// As [`par_for`].
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use vitte_threads::{Runtime, par_for_each};
///
/// let runtime = Runtime::start()?;
/// let letters = AtomicUsize::new(0);
/// let words = ["to", "be", "or", "not"];
/// runtime.run(|| par_for_each(&words, |word| _ = letters.fetch_add(word.len(), Relaxed)))?;
/// assert_eq!(letters.into_inner(), 9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn par_for_each<T: Sync>(of: &[T], turn: impl Fn(&T) + Sync) -> Result<(), LoopCanceled> {
    run(of, |part| part.iter().for_each(&turn), || (), |(), ()| ())
}

/// As [`par_for`], with each value of a slice, to be changed.
///
/// # Errors
/// [`LoopCanceled`], as [`par_for`].
///
/// # Panics
/// As [`par_for`].
///
/// ```
/// use vitte_threads::{Runtime, par_for_each_mut};
///
/// let runtime = Runtime::start()?;
/// let mut numbers = [1, 2, 3];
/// runtime.run(|| par_for_each_mut(&mut numbers, |n| *n *= *n))?;
/// assert_eq!(numbers, [1, 4, 9]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn par_for_each_mut<T: Send>(
    of: &mut [T],
    turn: impl Fn(&mut T) + Sync,
) -> Result<(), LoopCanceled> {
    let each = |part: &mut [T]| part.iter_mut().for_each(&turn);
    run(of, each, || (), |(), ()| ())
}

/// As [`par_for`], with the number and the values of each chunk of `size`; the last may be shorter.
///
/// # Errors
/// [`LoopCanceled`], as [`par_for`].
///
/// # Panics
/// As [`par_for`]; and if `size` is zero.
///
/// ```
/// use vitte_threads::{Runtime, par_chunks_mut};
///
/// let runtime = Runtime::start()?;
/// let mut rows = [0; 6];
/// runtime.run(|| par_chunks_mut(&mut rows, 4, |number, row| row.fill(number + 1)))?;
/// assert_eq!(rows, [1, 1, 1, 1, 2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn par_chunks_mut<T: Send>(
    of: &mut [T],
    size: usize,
    turn: impl Fn(usize, &mut [T]) + Sync,
) -> Result<(), LoopCanceled> {
    assert!(size > 0, "a chunk has at least one value");
    let chunks = Chunks { of, size, first: 0 };
    let each = |mut part: Chunks<'_, T>| {
        let chunks = take(&mut part.of).chunks_mut(size);
        for (number, chunk) in (part.first..).zip(chunks) {
            turn(number, chunk);
        }
    };
    run(chunks, each, || (), |(), ()| ())
}

/// What `turn` makes of each value, in their order. See [`par_for`].
///
/// # Errors
/// [`LoopCanceled`], as [`par_for`].
///
/// # Panics
/// As [`par_for`].
///
/// ```
/// use vitte_threads::{Runtime, par_map};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let lengths = runtime.run(|| par_map(&["to", "be", "or", "not"], |word| word.len()))?;
/// assert_eq!(lengths, [2, 2, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn par_map<T: Sync, R: Send>(
    of: &[T],
    turn: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>, LoopCanceled> {
    let mut made: Vec<Option<R>> = of.iter().map(|_| None).collect();
    let each = |(from, to): (&[T], &mut [Option<R>])| {
        for (from, to) in from.iter().zip(to) {
            *to = Some(turn(from));
        }
    };
    run((of, &mut made[..]), each, || (), |(), ()| ())?;
    Ok(made.into_iter().flatten().collect())
}

/// What `merge` makes of all that `turn` makes of each value, together with one `nothing` for each part. It
/// is called with neighbours, the earlier first, and must not mind where the parts end. See [`par_for`].
///
/// # Errors
/// [`LoopCanceled`], as [`par_for`].
///
/// # Panics
/// As [`par_for`].
///
/// ```
/// use vitte_threads::{Runtime, par_reduce};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let numbers: Vec<u64> = (1..=1000).collect();
/// let sum = runtime.run(|| par_reduce(&numbers, || 0, |n| *n, |a, b| a + b))?;
/// assert_eq!(sum, 500_500);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn par_reduce<T: Sync, R: Send>(
    of: &[T],
    nothing: impl Fn() -> R + Sync,
    turn: impl Fn(&T) -> R + Sync,
    merge: impl Fn(R, R) -> R + Sync,
) -> Result<R, LoopCanceled> {
    let each = |part: &[T]| part.iter().map(&turn).fold(nothing(), &merge);
    run(of, each, &nothing, &merge)
}

/// Sorts, and may change the order of equals. It is not cut short by a cancellation.
///
/// Source: quicksort with the standard library's selection of the median.
///
/// ```
/// use vitte_threads::{Runtime, par_sort_unstable};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let mut numbers: Vec<u32> = (0..10_000).rev().collect();
/// runtime.run(|| par_sort_unstable(&mut numbers));
/// assert!(numbers.is_sorted());
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn par_sort_unstable<T: Ord + Send>(values: &mut [T]) {
    par_sort_unstable_by(values, T::cmp);
}

/// As [`par_sort_unstable`], by an order.
///
/// # Panics
/// With a panic of `compare`; the slice holds the same values then, in any order.
///
/// ```
/// use vitte_threads::{Runtime, par_sort_unstable_by};
///
/// let runtime = Runtime::start()?;
/// let mut numbers = [1, 3, 2];
/// runtime.run(|| par_sort_unstable_by(&mut numbers, |a, b| b.cmp(a)));
/// assert_eq!(numbers, [3, 2, 1]);
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn par_sort_unstable_by<T: Send>(
    values: &mut [T],
    compare: impl Fn(&T, &T) -> Ordering + Sync,
) {
    fn sort<T: Send>(values: &mut [T], compare: &(impl Fn(&T, &T) -> Ordering + Sync)) {
        if values.len() <= SHORT {
            values.sort_unstable_by(compare);
            return;
        }
        let middle = values.len() / 2;
        let (left, _, right) = values.select_nth_unstable_by(middle, compare);
        join(|| sort(left, compare), || sort(right, compare));
    }
    sort(values, &compare);
}

/// Sorts, and keeps the order of equals. It is not cut short by a cancellation.
///
/// The places are sorted, and the values then moved, each at most once.
///
/// ```
/// use vitte_threads::{Runtime, par_sort_by};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let mut words = ["pear", "fig", "plum", "kiwi", "nut"];
/// runtime.run(|| par_sort_by(&mut words, |a, b| a.len().cmp(&b.len())));
/// assert_eq!(words, ["fig", "nut", "pear", "plum", "kiwi"]);
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn par_sort<T: Ord + Send + Sync>(values: &mut [T]) {
    par_sort_by(values, T::cmp);
}

/// As [`par_sort`], by an order.
///
/// # Panics
/// With a panic of `compare`; the slice is as it was then.
///
/// ```
/// use vitte_threads::{Runtime, par_sort_by};
///
/// let runtime = Runtime::start()?;
/// let mut words = ["plum", "fig", "pear", "nut"];
/// runtime.run(|| par_sort_by(&mut words, |a, b| a.len().cmp(&b.len())));
/// assert_eq!(words, ["fig", "nut", "plum", "pear"]);
/// # Ok::<(), vitte_threads::StartError>(())
/// ```
pub fn par_sort_by<T: Send + Sync>(values: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync) {
    if values.len() <= SHORT {
        let mut places: Vec<usize> = (0..values.len()).collect();
        places.sort_by(|&a, &b| compare(&values[a], &values[b]));
        move_to(values, places);
        return;
    }
    let mut places: Vec<usize> = (0..values.len()).collect();
    let shared = &*values;
    par_sort_unstable_by(&mut places, |&a, &b| {
        compare(&shared[a], &shared[b]).then(a.cmp(&b))
    });
    move_to(values, places);
}

/// Moves what is at `from[n]` to `n`, for all `n`.
fn move_to<T>(values: &mut [T], mut from: Vec<usize>) {
    for start in 0..from.len() {
        // One cycle: each place is filled by a swap with where its value is.
        let mut at = start;
        while from[at] != start {
            let next = from[at];
            values.swap(at, next);
            from[at] = at;
            at = next;
        }
        from[at] = at;
    }
}

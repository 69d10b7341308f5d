//! How often a body repeats its operation: enough for a steady figure, not so often that a slow rival takes minutes.

use std::time::Duration;

use crate::workloads::{Cell, Size};

/// Counts are multiples of this, so that a body may divide them among a few senders.
const STEP: u64 = 64;

/// How often a pass that turned out too short is made longer and repeated.
const LONGER: u32 = 4;

impl Cell {
    /// Nanoseconds per operation of `pass`, which performs as many operations as it is told and says how long it took.
    ///
    /// Growing passes warm up and show how fast the subject is; the last pass, of at most `most` operations, is the
    /// one that counts. One that was over in half its time does not: the passes before it were slow for another reason
    /// than the subject (two threads that began on one processor, say), and so may be its own beginning.
    pub(crate) fn paced(&self, most: u64, mut pass: impl FnMut(u64) -> Duration) -> f64 {
        let (target, most) = match self.size.quick {
            true => (Duration::from_millis(20), most / 16),
            false => (Duration::from_millis(300), most),
        };
        let most = (most / STEP * STEP).max(STEP);
        let mut count = STEP;
        let mut took = pass(count);
        while took < target / 10 && count < most {
            count = (count * 4).min(most);
            took = pass(count);
        }
        for _ in 0..LONGER {
            let ratio = target.as_secs_f64() / took.as_secs_f64().max(1e-9);
            count = ((count as f64 * ratio) as u64 / STEP * STEP).clamp(STEP, most);
            took = pass(count);
            if took >= target / 2 || count == most {
                break;
            }
        }
        nanoseconds(took) / count as f64
    }
}

impl Size {
    /// `full`, or `quick` when smaller sizes were asked for.
    pub(crate) fn choose<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// A duration in nanoseconds, as the figures are given.
pub(crate) fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> Cell {
        Cell {
            workers: 1,
            size: Size {
                quick: false,
                parked: 1,
            },
        }
    }

    fn figure_at(cost: Duration, most: u64) -> (f64, Vec<u64>) {
        let mut counts = Vec::new();
        let figure = cell().paced(most, |count| {
            counts.push(count);
            cost * u32::try_from(count).expect("small counts")
        });
        (figure, counts)
    }

    #[test]
    fn the_figure_is_the_cost_of_one_operation() {
        let (figure, _) = figure_at(Duration::from_nanos(100), 1 << 20);
        assert!((figure - 100.0).abs() < 1e-6, "{figure}");
    }

    #[test]
    fn a_slow_subject_runs_fewer_operations() {
        let (_, counts) = figure_at(Duration::from_millis(1), 1 << 20);
        assert_eq!(
            counts,
            [64, 256],
            "64 operations fill the tenth, 256 the whole of the target"
        );
    }

    #[test]
    fn a_pass_counts_that_was_not_over_too_soon() {
        let costs = [1_000_000, 1_000, 1_000].map(Duration::from_nanos);
        let mut counts = Vec::new();
        let figure = cell().paced(1 << 20, |count| {
            counts.push(count);
            costs[counts.len() - 1] * u32::try_from(count).expect("small counts")
        });
        assert!((figure - 1_000.0).abs() < 1e-6, "{figure}");
        assert_eq!(
            counts,
            [64, 256, 299_968],
            "a slow one shows that 256 are enough, and these that they are not"
        );
    }

    #[test]
    fn a_fast_subject_stops_at_the_most() {
        let (_, counts) = figure_at(Duration::from_nanos(1), 1 << 16);
        assert_eq!(counts.last(), Some(&(1 << 16)));
    }
}

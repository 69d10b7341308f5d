//! How much of the machine somebody else used while a run went on.

use std::time::{Duration, Instant};

/// The kernel counts processor time in hundredths of a second wherever it shows it to programs.
const TICK: Duration = Duration::from_millis(10);

/// Processor time used so far, by everybody and by this process with its finished children.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    at: Instant,
    everybody: u64,
    ours: u64,
}

impl Load {
    /// Reads the counters; `None` where the kernel offers none.
    pub(crate) fn now() -> Option<Self> {
        let machine = std::fs::read_to_string("/proc/stat").ok()?;
        let process = std::fs::read_to_string("/proc/self/stat").ok()?;
        Some(Self {
            at: Instant::now(),
            everybody: busy(&machine)?,
            ours: own(&process)?,
        })
    }

    /// The processor time others used since `before`, as a share of the wall time since then.
    pub(crate) fn others_since(&self, before: &Self) -> f64 {
        let everybody = self.everybody.saturating_sub(before.everybody);
        let ours = self.ours.saturating_sub(before.ours);
        let others = TICK.as_secs_f64() * everybody.saturating_sub(ours) as f64;
        let wall = self.at.duration_since(before.at).max(TICK);
        others / wall.as_secs_f64()
    }
}

/// Every kind of time in the machine's first line but idling and waiting for a disk.
fn busy(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = times.as_slice() else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

/// User and system time of the process and of the children it has waited for.
fn own(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, and may itself contain anything.
    let after_name = stat.rsplit_once(')')?.1;
    let times = after_name.split_whitespace().skip(11).take(4);
    times.map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_not_busy_time() {
        assert_eq!(busy("cpu  1 2 3 1000 2000 4 5 6 0 0\ncpu0 9 9\n"), Some(21));
        assert_eq!(busy("intr 1"), None);
    }

    #[test]
    fn children_count_as_ours_whatever_the_program_is_called() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 10 20 30 40 20 0 1";
        assert_eq!(own(stat), Some(100));
    }

    #[test]
    fn others_are_what_remains() {
        let at = Instant::now();
        let before = Load {
            at,
            everybody: 100,
            ours: 50,
        };
        let after = Load {
            at: at + Duration::from_secs(1),
            everybody: 260,
            ours: 190,
        };
        assert!((after.others_since(&before) - 0.2).abs() < 1e-9);
    }
}

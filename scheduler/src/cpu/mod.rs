//! On which processors the workers' threads may run.

mod nearness;
mod topology;

use nearness::Nearness;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{fmt, io};
pub use topology::{Cache, CacheKind, Cpu, Topology};

/// Where the threads of workers may run. Threads for jobs that block, and others, stay where the process is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// Wherever the system sees fit.
    #[default]
    None,
    /// Each worker on a processor of its own, of those that the process may use: first one of each core,
    /// then the others. If there are more workers, some share.
    PerCore,
    /// All workers on these processors.
    Set(Vec<usize>),
    /// Worker `i` on the processors of entry `i`; if there are more workers, it begins anew.
    Each(Vec<Vec<usize>>),
}

/// Why workers cannot be where they were asked to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum AffinityError {
    /// The runtime has no threads, for its host drives it.
    HostDriven,
    /// No processor was named, or an entry names none.
    Empty,
    /// The process may not use this processor, or there is none of this number.
    Cpu {
        /// The number that was asked for.
        cpu: usize,
        /// The numbers of those that the process may use.
        allowed: Vec<usize>,
    },
    /// The system does not say where the process may run.
    System(io::Error),
}

impl fmt::Display for AffinityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostDriven => f.write_str(
                "a runtime that its host drives has no threads to place; place the host's thread",
            ),
            Self::Empty => f.write_str("a worker was to run on no processor at all; name one"),
            Self::Cpu { cpu, allowed } => write!(
                f,
                "processor {cpu} is not one that this process may use, which are {allowed:?}"
            ),
            Self::System(error) => {
                write!(
                    f,
                    "the system does not say where the process may run: {error}"
                )
            }
        }
    }
}

impl std::error::Error for AffinityError {}

/// The processors that the calling thread may use.
fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect())
}

/// Which worker goes where. Made when the scheduler is started, so that what cannot be is an error then.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Empty: nobody is placed.
    sets: Vec<CpuSet>,
    /// Where the thread that started the scheduler was.
    anywhere: Option<CpuSet>,
    /// Of workers that are not all as near to each other.
    nearness: Option<Nearness>,
}

impl Plan {
    pub(crate) fn make(affinity: &Affinity, workers: usize) -> Result<Self, AffinityError> {
        if *affinity == Affinity::None {
            return Ok(Self::default());
        }
        if workers == 0 {
            return Err(AffinityError::HostDriven);
        }
        let allowed = allowed().map_err(AffinityError::System)?;
        let lists = match affinity {
            Affinity::None => Vec::new(),
            Affinity::PerCore => {
                let order = Topology::read().core_by_core();
                order.into_iter().map(|cpu| vec![cpu]).collect()
            }
            Affinity::Set(cpus) => vec![cpus.clone()],
            Affinity::Each(lists) => lists.clone(),
        };
        let as_set = |cpus: &Vec<usize>| {
            let mut set = CpuSet::new();
            for &cpu in cpus {
                if !allowed.contains(&cpu) {
                    let allowed = allowed.clone();
                    return Err(AffinityError::Cpu { cpu, allowed });
                }
                set.set(cpu);
            }
            if cpus.is_empty() {
                return Err(AffinityError::Empty);
            }
            Ok(set)
        };
        let sets = lists.iter().map(as_set).collect::<Result<Vec<_>, _>>()?;
        if sets.is_empty() {
            return Err(AffinityError::Empty);
        }
        let anywhere = as_set(&allowed)?;
        Ok(Self {
            sets,
            anywhere: Some(anywhere),
            nearness: Nearness::of(&Topology::read(), &lists),
        })
    }

    /// How near the workers are to each other. `None`: all are as near, or that is not known.
    pub(crate) fn nearness(&self) -> Option<&Nearness> {
        self.nearness.as_ref()
    }

    /// Places the calling thread, which is that of worker `index`.
    pub(crate) fn place(&self, index: usize) {
        if !self.sets.is_empty() {
            // What could be known to fail was found when the plan was made. A processor that was taken away
            // since is no reason not to run.
            let _ = sched_setaffinity(None, &self.sets[index % self.sets.len()]);
        }
    }

    /// Lets the calling thread run where the process may: it was started by a worker, and is none.
    pub(crate) fn release(&self) {
        if let Some(anywhere) = &self.anywhere {
            let _ = sched_setaffinity(None, anywhere);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_said_when_it_is_asked_for() {
        let make = |affinity| Plan::make(&affinity, 2).map(|plan| plan.sets.len());
        assert_eq!(make(Affinity::None).unwrap(), 0);
        assert!(matches!(
            make(Affinity::Set(vec![])),
            Err(AffinityError::Empty)
        ));
        assert!(matches!(
            make(Affinity::Each(vec![])),
            Err(AffinityError::Empty)
        ));
        let nowhere = CpuSet::MAX_CPU + 1;
        let error = make(Affinity::Each(vec![vec![nowhere]])).unwrap_err();
        assert!(matches!(&error, AffinityError::Cpu { cpu, .. } if *cpu == nowhere));
        assert!(error.to_string().contains("may use"));
        let own = allowed().unwrap();
        assert_eq!(make(Affinity::Set(own.clone())).unwrap(), 1);
        assert_eq!(make(Affinity::PerCore).unwrap(), own.len());
        let driven = Plan::make(&Affinity::PerCore, 0).unwrap_err();
        assert!(matches!(driven, AffinityError::HostDriven));
    }
}

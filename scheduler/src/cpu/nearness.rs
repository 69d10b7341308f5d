//! How near workers are to each other: a thief asks those first with whom he shares a cache.
//!
//! It is known of workers that were placed. Others are wherever the system sees fit, and are all as near.

use crate::cpu::{CacheKind, Cpu, Topology};

/// How far apart processors are that share no cache, but a node of memory; and those that share nothing.
const SAME_NODE: usize = 64;
const ELSEWHERE: usize = 65;

/// How many steps apart the places of workers are; the nearest have rank 0.
#[derive(Debug)]
pub(crate) struct Nearness {
    ranks: Vec<Vec<usize>>,
    /// How many ranks there are.
    steps: usize,
}

impl Nearness {
    /// Of workers of which number `i` runs on the processors of place `i`; those beyond begin anew. `None`: all are as
    /// near.
    pub(crate) fn of(topology: &Topology, places: &[Vec<usize>]) -> Option<Self> {
        let cpus = |place: &[usize]| -> Vec<&Cpu> {
            let cpus = topology.cpus.iter();
            cpus.filter(|cpu| place.contains(&cpu.id)).collect()
        };
        let apart = |one: &Vec<usize>, other: &Vec<usize>| {
            let (one, other) = (cpus(one), cpus(other));
            let pairs = one
                .iter()
                .flat_map(|a| other.iter().map(|b| distance(a, b)));
            pairs.min().unwrap_or(ELSEWHERE)
        };
        let from = |one| places.iter().map(|other| apart(one, other)).collect();
        let distances: Vec<Vec<usize>> = places.iter().map(from).collect();
        // Nobody is a thief of his own, so how near he is to himself counts for nothing.
        let between_two = |(i, row): (usize, &Vec<usize>)| {
            let row = row.iter().copied().enumerate();
            let others = row.filter(move |(j, _)| *j != i);
            others.map(|(_, distance)| distance).collect::<Vec<_>>()
        };
        let mut steps: Vec<usize> = distances.iter().enumerate().flat_map(between_two).collect();
        steps.sort_unstable();
        steps.dedup();
        if steps.len() < 2 {
            return None;
        }
        let rank = |distance: &usize| steps.partition_point(|step| step < distance);
        let ranks = distances
            .iter()
            .map(|row| row.iter().map(rank).collect())
            .collect();
        Some(Self {
            ranks,
            steps: steps.len(),
        })
    }

    /// Whom worker `thief` of `workers` asks, the nearest first; among those that are as near, beginning with `first`.
    pub(crate) fn victims(
        &self,
        thief: usize,
        workers: usize,
        first: usize,
    ) -> impl Iterator<Item = usize> {
        let places = self.ranks.len();
        let ranks = &self.ranks[thief % places];
        (0..self.steps).flat_map(move |step| {
            let all = (0..workers).map(move |offset| (first + offset) % workers);
            all.filter(move |victim| *victim != thief && ranks[victim % places] == step)
        })
    }
}

/// How far apart two processors are.
fn distance(one: &Cpu, other: &Cpu) -> usize {
    if one.id == other.id {
        return 0;
    }
    let data = one
        .caches
        .iter()
        .filter(|cache| cache.kind != CacheKind::Instructions);
    let mut shared = data.filter(|cache| cache.shared_by.contains(&other.id));
    match shared.next() {
        Some(nearest) => nearest.level,
        None if (one.package, one.core) == (other.package, other.core) => 1,
        None if one.node == other.node => SAME_NODE,
        None => ELSEWHERE,
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::cpu::Cache;

    /// Two nodes of two cores of two processors, 0 and 1 the first core's; a core shares its first cache, a
    /// node its third.
    fn topology() -> Topology {
        let cache = |level, shared_by| Cache {
            level,
            kind: CacheKind::Unified,
            bytes: 1 << 20,
            shared_by,
        };
        let cpu = |id: usize| Cpu {
            id,
            core: id / 2 % 2,
            package: id / 4,
            node: id / 4,
            caches: vec![
                cache(1, vec![id & !1, id | 1]),
                cache(3, (id & !3..=(id | 3)).collect()),
            ],
        };
        Topology {
            cpus: (0..8).map(cpu).collect(),
            parallelism: 8,
        }
    }

    fn each(cpus: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        cpus.into_iter().map(|cpu| vec![cpu]).collect()
    }

    #[test]
    fn those_who_share_a_cache_come_first_and_everybody_comes_once() {
        let near = Nearness::of(&topology(), &each(0..8)).unwrap();
        let victims = |thief, first| near.victims(thief, 8, first).collect::<Vec<_>>();
        assert_eq!(victims(0, 0), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(victims(0, 3), [1, 3, 2, 4, 5, 6, 7]);
        assert_eq!(victims(5, 6), [4, 6, 7, 0, 1, 2, 3]);
        // Two workers of one place, and workers that were added.
        let near = Nearness::of(&topology(), &each([0, 1, 4])).unwrap();
        let mut all: Vec<_> = near.victims(1, 12, 7).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn where_all_are_as_near_there_is_no_order() {
        assert!(Nearness::of(&topology(), &each([0, 1])).is_none());
        assert!(Nearness::of(&topology(), &[(0..8).collect()]).is_none());
        assert!(Nearness::of(&topology(), &each([0, 4])).is_none());
    }

    #[test]
    fn a_place_of_several_processors_is_as_near_as_its_nearest() {
        let places = [vec![0, 4], vec![5], vec![2], vec![7]];
        let near = Nearness::of(&topology(), &places).unwrap();
        assert_eq!(near.victims(0, 4, 0).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(near.victims(2, 4, 1).collect::<Vec<_>>(), [0, 1, 3]);
    }
}

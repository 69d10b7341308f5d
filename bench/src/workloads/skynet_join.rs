//! `skynet_join`: a tree with ten branches at each node, down to a million leaves whose numbers are summed; the branches are
//! halved by joins.

use std::time::{Duration, Instant};

use super::{Cell, Subject, Workload};
use crate::subjects;

const BRANCHES: u64 = 10;
/// A tree takes some milliseconds, so it is done several times.
const TREES: u32 = 20;

pub(crate) fn workloads() -> Vec<Workload> {
    vec![Workload {
        name: "skynet_join".to_owned(),
        unit: "ms",
        workers: &[2],
        subjects: vec![
            #[cfg(feature = "vitte")]
            Subject::new("vitte", vitte),
            Subject::new("chili", chili),
            Subject::new("rayon", rayon),
        ],
    }]
}

/// Milliseconds for the whole tree.
fn figure(cell: &Cell, mut tree: impl FnMut(u64) -> (u64, Duration)) -> f64 {
    let leaves = cell.size.choose(1_000_000, 10_000);
    let mut all = Duration::ZERO;
    for turn in 0..=TREES {
        let (sum, took) = tree(leaves);
        assert_eq!(sum, leaves * (leaves - 1) / 2);
        // The first warms up.
        if turn > 0 {
            all += took;
        }
    }
    all.as_secs_f64() * 1e3 / f64::from(TREES)
}

/// A node: its first leaf, and how many there are. Some of its branches, if it is given fewer than ten.
#[derive(Clone, Copy)]
struct Node {
    first: u64,
    each: u64,
    branches: u64,
}

impl Node {
    fn new(first: u64, leaves: u64) -> Self {
        Self {
            first,
            each: leaves / BRANCHES,
            branches: BRANCHES,
        }
    }

    fn halves(self) -> (Self, Self) {
        let branches = self.branches / 2;
        let left = Self { branches, ..self };
        let right = Self {
            first: self.first + branches * self.each,
            branches: self.branches - branches,
            ..self
        };
        (left, right)
    }
}

#[cfg(feature = "vitte")]
fn vitte(cell: &Cell) -> f64 {
    use vitte_threads::{Fork, join_with};

    fn tree(fork: Fork<'_>, node: Node) -> u64 {
        if node.branches == 1 {
            if node.each == 1 {
                return node.first;
            }
            return tree(fork, Node::new(node.first, node.each));
        }
        let (left, right) = node.halves();
        let (a, b) = fork.join(|fork| tree(fork, left), |fork| tree(fork, right));
        a + b
    }

    let runtime = subjects::vitte::start(cell.workers);
    figure(cell, |leaves| {
        runtime.run(move || {
            let start = Instant::now();
            let (left, right) = Node::new(0, leaves).halves();
            let (a, b) = join_with(|fork| tree(fork, left), |fork| tree(fork, right));
            (a + b, start.elapsed())
        })
    })
}

fn chili(cell: &Cell) -> f64 {
    use chili::Scope;

    fn tree(scope: &mut Scope<'_>, node: Node) -> u64 {
        if node.branches == 1 {
            if node.each == 1 {
                return node.first;
            }
            return tree(scope, Node::new(node.first, node.each));
        }
        let (left, right) = node.halves();
        let (a, b) = scope.join(|scope| tree(scope, left), |scope| tree(scope, right));
        a + b
    }

    let pool = subjects::chili::start(cell.workers);
    figure(cell, |leaves| {
        let mut scope = pool.scope();
        let start = Instant::now();
        (tree(&mut scope, Node::new(0, leaves)), start.elapsed())
    })
}

fn rayon(cell: &Cell) -> f64 {
    fn tree(node: Node) -> u64 {
        if node.branches == 1 {
            if node.each == 1 {
                return node.first;
            }
            return tree(Node::new(node.first, node.each));
        }
        let (left, right) = node.halves();
        let (a, b) = rayon::join(|| tree(left), || tree(right));
        a + b
    }

    let pool = subjects::rayon::start(cell.workers);
    figure(cell, |leaves| {
        pool.install(|| {
            let start = Instant::now();
            (tree(Node::new(0, leaves)), start.elapsed())
        })
    })
}

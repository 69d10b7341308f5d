//! Task graphs: named nodes that run when what they depend on is done.
//!
//! The caller keeps the books: he spawns what is ready, is told by a channel what has ended, and finds out
//! what that makes ready or impossible.

use crate::{
    Channel, Sender, scope,
    together::{Board, MemberError, MemberResult, Waits, member_result, reason_of},
};
use std::{collections::HashMap, fmt, mem::take};
use vitte_channels::RecvUntilError;
use vitte_scheduler::{Scheduler, mask_cancel};
use vitte_wait::{Deadline, Outcome, StopToken, timed_forms};

type Body<'env, T, E> = Box<dyn FnOnce(&StopToken) -> Result<T, E> + Send + 'env>;

/// Nodes, each with a body and the names of the nodes that it comes after.
///
/// ```
/// use vitte_threads::{NodeEnd, Runtime, TaskGraph};
///
/// let runtime = Runtime::builder().workers(2).build()?;
/// let mut graph = TaskGraph::new();
/// graph.add("link", &["compile", "fetch"], |_| Ok("a program"))?;
/// graph.add("compile", &[], |_| Ok("an object"))?;
/// graph.add("fetch", &[], |_| Err("no network"))?;
/// let report = runtime.run(|| graph.run())?;
/// assert!(matches!(report["compile"], NodeEnd::Done("an object")));
/// assert!(matches!(&report["link"], NodeEnd::Skipped { because } if because == "fetch"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TaskGraph<'env, T, E> {
    nodes: Vec<Node<'env, T, E>>,
    by_name: HashMap<String, usize>,
}

struct Node<'env, T, E> {
    name: String,
    after: Vec<String>,
    body: Body<'env, T, E>,
}

/// What became of a node.
#[derive(Debug)]
pub enum NodeEnd<T, E> {
    /// It returned this.
    Done(T),
    /// It failed, or panicked.
    Failed(MemberError<E>),
    /// It was not run, because this node, on which it depends, by others perhaps, has failed.
    Skipped {
        /// The node that failed.
        because: String,
    },
    /// It was not run, because the graph was ended from outside before its turn.
    NotRun(Outcome),
}

/// A graph that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphError {
    /// There are two nodes of this name.
    Duplicate(String),
    /// A node depends on one that is not there.
    Unknown {
        /// The node.
        node: String,
        /// What it depends on.
        dependency: String,
    },
    /// These nodes depend on one another: each on the next, and the last on the first.
    Cycle(Vec<String>),
    /// The caller is no fiber: run it by `Runtime::run`.
    NoRuntime,
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(name) => write!(f, "there are two nodes called {name:?}"),
            Self::Unknown { node, dependency } => {
                write!(
                    f,
                    "the node {node:?} depends on {dependency:?}, which is not there"
                )
            }
            Self::Cycle(names) => {
                f.write_str("these nodes wait for one another: ")?;
                for name in names {
                    write!(f, "{name:?} after ")?;
                }
                write!(f, "{:?}", names[0])
            }
            Self::NoRuntime => {
                f.write_str("only a fiber can run a graph: call it in `Runtime::run`")
            }
        }
    }
}

impl std::error::Error for GraphError {}

/// What became of each node, with its name, in the order in which they were added.
type Ends<T, E> = Vec<(String, NodeEnd<T, E>)>;

/// What became of each node of a graph.
pub struct GraphReport<T, E> {
    ends: Ends<T, E>,
    by_name: HashMap<String, usize>,
    outcome: Option<Outcome>,
}

impl<T, E> GraphReport<T, E> {
    /// What became of the node of this name.
    ///
    /// ```
    /// use vitte_threads::{NodeEnd, Runtime, TaskGraph};
    ///
    /// let runtime = Runtime::start()?;
    /// let mut graph = TaskGraph::new();
    /// graph.add("seven", &[], |_| Ok::<_, ()>(7))?;
    /// let report = runtime.run(|| graph.run())?;
    /// assert!(matches!(report.get("seven"), Some(NodeEnd::Done(7))));
    /// assert!(report.get("eight").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&NodeEnd<T, E>> {
        self.by_name.get(name).map(|&index| &self.ends[index].1)
    }

    /// All nodes, in the order in which they were added.
    ///
    /// ```
    /// use vitte_threads::{Runtime, TaskGraph};
    ///
    /// let runtime = Runtime::start()?;
    /// let mut graph = TaskGraph::new();
    /// graph.add("second", &["first"], |_| Ok::<_, ()>(2))?;
    /// graph.add("first", &[], |_| Ok(1))?;
    /// let report = runtime.run(|| graph.run())?;
    /// let names: Vec<_> = report.iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["second", "first"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NodeEnd<T, E>)> {
        self.ends.iter().map(|(name, end)| (name.as_str(), end))
    }

    /// What ended the graph from outside, if anything did.
    ///
    /// ```
    /// use std::time::Duration;
    /// use vitte_threads::{Outcome, Runtime, TaskGraph, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let mut graph = TaskGraph::new();
    /// graph.add("waits in vain", &[], |_| Ok::<_, ()>(park()))?;
    /// let report = runtime.run(|| graph.run_timeout(Duration::from_millis(1)))?;
    /// assert_eq!(report.outcome(), Some(Outcome::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Whether all nodes are done.
    ///
    /// ```
    /// use vitte_threads::{Runtime, TaskGraph};
    ///
    /// let runtime = Runtime::start()?;
    /// let mut graph = TaskGraph::new();
    /// graph.add("fetch", &[], |_| Err::<(), _>("no network"))?;
    /// assert!(!runtime.run(|| graph.run())?.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.iter().all(|(_, end)| matches!(end, NodeEnd::Done(_)))
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for GraphReport<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphReport")
            .field("ends", &self.ends)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

impl<T, E> std::ops::Index<&str> for GraphReport<T, E> {
    type Output = NodeEnd<T, E>;

    /// # Panics
    /// If there is no such node.
    fn index(&self, name: &str) -> &NodeEnd<T, E> {
        self.get(name)
            .unwrap_or_else(|| panic!("the graph has no node called {name:?}"))
    }
}

impl<T, E> Default for TaskGraph<'_, T, E> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            by_name: HashMap::new(),
        }
    }
}

impl<T, E> fmt::Debug for TaskGraph<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes.iter().map(|node| (&node.name, &node.after));
        f.debug_map().entries(nodes).finish()
    }
}

/// Says that a node is over, however it ends.
struct Over {
    index: usize,
    to: Sender<usize>,
}

impl Drop for Over {
    fn drop(&mut self) {
        // The receiver waits for all.
        let _ = self.to.send(self.index);
    }
}

impl<'env, T, E> TaskGraph<'env, T, E>
where
    T: Send,
    E: Send,
{
    /// A graph without nodes.
    ///
    /// ```
    /// use vitte_threads::{Runtime, TaskGraph};
    ///
    /// let runtime = Runtime::start()?;
    /// let nothing = TaskGraph::<(), ()>::new();
    /// assert!(runtime.run(|| nothing.run())?.is_done());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node, which runs after those in `after`; they may be added later.
    ///
    /// # Errors
    /// [`GraphError::Duplicate`].
    ///
    /// ```
    /// use vitte_threads::{GraphError, TaskGraph};
    ///
    /// let mut graph = TaskGraph::<_, ()>::new();
    /// graph.add("link", &["compile"], |_| Ok("a program"))?.add("compile", &[], |_| Ok("an object"))?;
    /// let twice = graph.add("link", &[], |_| Ok("another program"));
    /// assert!(matches!(twice, Err(GraphError::Duplicate(name)) if name == "link"));
    /// # Ok::<(), GraphError>(())
    /// ```
    pub fn add<F>(&mut self, name: &str, after: &[&str], body: F) -> Result<&mut Self, GraphError>
    where
        F: FnOnce(&StopToken) -> Result<T, E> + Send + 'env,
    {
        if self.by_name.contains_key(name) {
            return Err(GraphError::Duplicate(name.to_owned()));
        }
        self.by_name.insert(name.to_owned(), self.nodes.len());
        self.nodes.push(Node {
            name: name.to_owned(),
            after: after.iter().map(|&name| name.to_owned()).collect(),
            body: Box::new(body),
        });
        Ok(self)
    }

    /// Runs all nodes, as many at a time as the graph allows. A failure skips what depends on it, and nothing
    /// else.
    ///
    /// # Errors
    /// [`GraphError`], before any node is run. What nodes end with is in the report.
    ///
    /// # Cancellation
    /// Cancels the nodes that run; the others are not run.
    ///
    /// # Blocking
    /// Until no node runs. A fiber suspends.
    ///
    /// ```
    /// use vitte_threads::{GraphError, NodeEnd, Runtime, TaskGraph};
    ///
    /// let runtime = Runtime::start()?;
    /// let mut graph = TaskGraph::new();
    /// graph.add("link", &["compile"], |_| Ok("a program"))?;
    /// graph.add("compile", &[], |_| Err("a mistake"))?;
    /// let report = runtime.run(|| graph.run())?;
    /// assert!(matches!(&report["link"], NodeEnd::Skipped { because } if because == "compile"));
    ///
    /// let mut cycle = TaskGraph::<(), ()>::new();
    /// cycle.add("egg", &["hen"], |_| Ok(()))?.add("hen", &["egg"], |_| Ok(()))?;
    /// assert!(matches!(runtime.run(|| cycle.run()), Err(GraphError::Cycle(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run(self) -> Result<GraphReport<T, E>, GraphError> {
        self.run_with(Deadline::NEVER, None)
    }

    /// As [`run`](Self::run), until the deadline, or until the token is triggered: then the nodes that run are
    /// canceled and waited for, and the others are not run.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Blocking
    /// As [`run`](Self::run).
    ///
    /// ```
    /// use vitte_threads::{Deadline, NodeEnd, Outcome, Runtime, TaskGraph, park};
    ///
    /// let runtime = Runtime::start()?;
    /// let mut graph = TaskGraph::new();
    /// graph.add("waits in vain", &[], |_| Ok::<_, ()>(park()))?;
    /// graph.add("later", &["waits in vain"], |_| Ok(park()))?;
    /// let report = runtime.run(|| graph.run_with(Deadline::NOW, None))?;
    /// assert!(matches!(report["later"], NodeEnd::NotRun(Outcome::TimedOut)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_with(
        self,
        deadline: Deadline,
        stop: Option<&StopToken>,
    ) -> Result<GraphReport<T, E>, GraphError> {
        let scheduler = Scheduler::current().ok_or(GraphError::NoRuntime)?;
        let edges = self.edges()?;
        let (ends, outcome) = run(&scheduler, self.nodes, &edges, deadline, stop);
        Ok(GraphReport {
            ends,
            by_name: self.by_name,
            outcome,
        })
    }

    timed_forms! {
        self run_with() -> Result<GraphReport<T, E>, GraphError>: run_until run_timeout run_or_stop
        in vitte_threads { Runtime, TaskGraph }
        ///
        /// let runtime = Runtime::start().unwrap();
        /// let mut graph = TaskGraph::new();
        /// graph.add("node", &[], |_| Ok::<_, ()>(7)).unwrap();
        "runtime.run(|| graph." () ")" => got "assert!(got.unwrap().is_done());"
    }

    /// Who comes after whom.
    fn edges(&self) -> Result<Edges, GraphError> {
        let mut edges = Edges {
            waits_for: vec![0; self.nodes.len()],
            frees: vec![Vec::new(); self.nodes.len()],
        };
        for (index, node) in self.nodes.iter().enumerate() {
            for name in &node.after {
                let &before = self.by_name.get(name).ok_or_else(|| GraphError::Unknown {
                    node: node.name.clone(),
                    dependency: name.clone(),
                })?;
                edges.frees[before].push(index);
                edges.waits_for[index] += 1;
            }
        }
        // Kahn, Topological Sorting of Large Networks (1962): what is left lies on a cycle, or after one.
        let mut left = edges.waits_for.clone();
        let mut free: Vec<_> = (0..left.len()).filter(|&index| left[index] == 0).collect();
        while let Some(index) = free.pop() {
            for &next in &edges.frees[index] {
                left[next] -= 1;
                if left[next] == 0 {
                    free.push(next);
                }
            }
        }
        match left.iter().position(|&count| count > 0) {
            None => Ok(edges),
            Some(start) => Err(GraphError::Cycle(self.cycle(start, &left))),
        }
    }

    /// A cycle that is found from `start` against the edges, through nodes that could not be freed.
    fn cycle(&self, start: usize, left: &[usize]) -> Vec<String> {
        let mut path = Vec::new();
        // Where in the path each is.
        let mut places = vec![None; left.len()];
        let mut last = start;
        while places[last].is_none() {
            places[last] = Some(path.len());
            path.push(last);
            // Each of these waits for another of them.
            last = self.nodes[last]
                .after
                .iter()
                .map(|name| self.by_name[name])
                .find(|&before| left[before] > 0)
                .unwrap_or(start);
        }
        path.drain(..places[last].unwrap_or(0));
        path.into_iter()
            .map(|index| self.nodes[index].name.clone())
            .collect()
    }
}

struct Edges {
    /// How many must be done before each.
    waits_for: Vec<usize>,
    /// Who comes after each.
    frees: Vec<Vec<usize>>,
}

/// What the caller knows of the nodes.
struct Books<'a, T, E> {
    names: &'a [String],
    edges: &'a Edges,
    /// How many must still be done before each.
    waits_for: Vec<usize>,
    /// Those that may run now.
    ready: Vec<usize>,
    ends: Vec<Option<NodeEnd<T, E>>>,
}

impl<'a, T, E> Books<'a, T, E> {
    fn open(names: &'a [String], edges: &'a Edges) -> Self {
        let waits_for = edges.waits_for.clone();
        let all = 0..names.len();
        Self {
            names,
            edges,
            ready: all.clone().filter(|&node| waits_for[node] == 0).collect(),
            waits_for,
            ends: all.map(|_| None).collect(),
        }
    }

    /// `node` has ended so: what it held up is ready now, or will never be.
    fn enter(&mut self, node: usize, end: MemberResult<T, E>) {
        let done = end.is_ok();
        self.ends[node] = Some(match end {
            Ok(value) => NodeEnd::Done(value),
            Err(error) => NodeEnd::Failed(error),
        });
        let edges = self.edges;
        for &next in &edges.frees[node] {
            self.waits_for[next] -= 1;
            if !done {
                self.skip(next, node);
            }
            if self.waits_for[next] == 0 && self.ends[next].is_none() {
                self.ready.push(next);
            }
        }
    }

    /// Skips `node` and what comes after it, because `failed` has.
    fn skip(&mut self, node: usize, failed: usize) {
        let mut all = vec![node];
        while let Some(node) = all.pop() {
            if self.ends[node].is_none() {
                self.ends[node] = Some(NodeEnd::Skipped {
                    because: self.names[failed].clone(),
                });
                all.extend(&self.edges.frees[node]);
            }
        }
    }
}

fn run<T: Send, E: Send>(
    scheduler: &Scheduler,
    nodes: Vec<Node<'_, T, E>>,
    edges: &Edges,
    mut deadline: Deadline,
    mut stop: Option<&StopToken>,
) -> (Ends<T, E>, Option<Outcome>) {
    let board = Board::default();
    let (names, bodies): (Vec<_>, Vec<_>) = nodes
        .into_iter()
        .map(|node| (node.name, Some(node.body)))
        .unzip();
    let mut books = Books::open(&names, edges);
    let mut outcome = None;
    scope::scope(scheduler, |scope| {
        let (board, books, mut bodies) = (&board, &mut books, bodies);
        let _waits = Waits(board);
        let mut handles: Vec<_> = bodies.iter().map(|_| None).collect();
        let (to, over) = Channel::new();
        let mut running = 0;
        let mut masked = None;
        loop {
            for node in take(&mut books.ready) {
                let Some(body) = bodies[node].take().filter(|_| outcome.is_none()) else {
                    continue;
                };
                // Made here, so that it is also said of a fiber that cannot be started.
                let says = Over {
                    index: node,
                    to: to.clone(),
                };
                let token = board.token();
                let handle = scope.spawn(move || {
                    let _says = says;
                    body(&token)
                });
                if let Some(id) = handle.id() {
                    board.enter(id);
                }
                handles[node] = Some(handle);
                running += 1;
            }
            if running == 0 {
                break;
            }
            match over.recv_with(deadline, stop) {
                Ok(node) => {
                    running -= 1;
                    if let Some(handle) = handles[node].take() {
                        // It has ended; its worker is about to say so.
                        let hidden = mask_cancel(true);
                        books.enter(node, member_result(handle.join()));
                        mask_cancel(hidden);
                    }
                }
                Err(error) => {
                    let came = match error {
                        RecvUntilError::TimedOut => Outcome::TimedOut,
                        RecvUntilError::Stopped => Outcome::Stopped,
                        _ => Outcome::Canceled,
                    };
                    board.end(reason_of(came));
                    outcome = Some(came);
                    (deadline, stop) = (Deadline::NEVER, None);
                    masked = masked.or_else(|| Some(mask_cancel(true)));
                }
            }
        }
        if let Some(masked) = masked {
            mask_cancel(masked);
        }
    });
    let not_run = outcome.unwrap_or(Outcome::Canceled);
    let ends = books.ends;
    let ends = names
        .into_iter()
        .zip(ends)
        .map(|(name, end)| (name, end.unwrap_or(NodeEnd::NotRun(not_run))))
        .collect();
    (ends, outcome)
}

//! What the system says of its processors: cores, nodes of memory, caches. Where it says nothing, each
//! processor is a core of its own, of one node.

use crate::cpu::allowed;
use std::{
    collections::BTreeMap, fs, num::NonZeroUsize, path::Path, thread::available_parallelism,
};

/// The processors that the process may use, and how they hang together.
///
/// ```
/// let topology = vitte_scheduler::Topology::read();
/// assert!(topology.parallelism >= 1);
/// for node in topology.nodes() {
///     assert!(!node.is_empty());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topology {
    /// In the order of their numbers.
    pub cpus: Vec<Cpu>,
    /// How many threads of this process can run at a time: no more than there are processors, and less where
    /// a quota says so.
    pub parallelism: usize,
}

/// A processor, as the system counts them: a core may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cpu {
    /// Its number.
    pub id: usize,
    /// The number of its core, within the package.
    pub core: usize,
    /// The number of its package.
    pub package: usize,
    /// The node of memory that is near it.
    pub node: usize,
    /// Its caches, as far as they are known, the nearest first.
    pub caches: Vec<Cache>,
}

/// A cache of a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cache {
    /// How near it is; 1 is the nearest.
    pub level: usize,
    /// What it holds.
    pub kind: CacheKind,
    /// How large it is, in bytes.
    pub bytes: usize,
    /// The processors that share it, this one included.
    pub shared_by: Vec<usize>,
}

/// What a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheKind {
    /// Data only.
    Data,
    /// Instructions only.
    Instructions,
    /// Both.
    Unified,
}

impl Topology {
    /// Asks the system. What it does not tell is made up as plainly as can be.
    ///
    /// ```
    /// let topology = vitte_scheduler::Topology::read();
    /// assert!(topology.cpus.len() >= topology.parallelism);
    /// ```
    #[must_use]
    pub fn read() -> Self {
        let parallelism = available_parallelism().map_or(1, NonZeroUsize::get);
        let cpus = allowed().unwrap_or_else(|_| (0..parallelism).collect());
        Self::read_at(Path::new("/sys/devices/system"), &cpus, parallelism)
    }

    fn read_at(root: &Path, cpus: &[usize], parallelism: usize) -> Self {
        let nodes = nodes(root);
        let cpus = cpus.iter().map(|&id| {
            let of_cpu = root.join(format!("cpu/cpu{id}"));
            let number = |file: &str| read(&of_cpu.join(file))?.parse().ok();
            Cpu {
                id,
                core: number("topology/core_id").unwrap_or(id),
                package: number("topology/physical_package_id").unwrap_or(0),
                node: nodes.get(&id).copied().unwrap_or(0),
                caches: caches(&of_cpu),
            }
        });
        Self {
            cpus: cpus.collect(),
            parallelism,
        }
    }

    /// The numbers of the processors of each node of memory, without those nodes that have none.
    ///
    /// ```
    /// let topology = vitte_scheduler::Topology::read();
    /// let near: usize = topology.nodes().iter().map(Vec::len).sum();
    /// assert_eq!(near, topology.cpus.len(), "each processor is near one node");
    /// ```
    #[must_use]
    pub fn nodes(&self) -> Vec<Vec<usize>> {
        self.by(|cpu| cpu.node)
    }

    /// The numbers of the processors of each core.
    ///
    /// ```
    /// let topology = vitte_scheduler::Topology::read();
    /// assert!(topology.cores().len() <= topology.cpus.len());
    /// ```
    #[must_use]
    pub fn cores(&self) -> Vec<Vec<usize>> {
        self.by(|cpu| (cpu.package, cpu.core))
    }

    fn by<K: Ord>(&self, key: impl Fn(&Cpu) -> K) -> Vec<Vec<usize>> {
        let mut groups = BTreeMap::<K, Vec<usize>>::new();
        for cpu in &self.cpus {
            groups.entry(key(cpu)).or_default().push(cpu.id);
        }
        groups.into_values().collect()
    }

    /// One processor of each core, then another of each, and so on.
    pub(crate) fn core_by_core(&self) -> Vec<usize> {
        let cores = self.cores();
        let most = cores.iter().map(Vec::len).max().unwrap_or(0);
        let of_turn = |turn: usize| cores.iter().filter_map(move |core| core.get(turn).copied());
        (0..most).flat_map(of_turn).collect()
    }
}

/// The text of a file, without the white space around it.
fn read(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The entries of a folder whose names are `prefix` and a number, by that number.
fn numbered(folder: &Path, prefix: &str) -> BTreeMap<usize, std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbered = entries.filter_map(|entry| {
        let name = entry.file_name();
        let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
        Some((number, entry.path()))
    });
    numbered.collect()
}

/// The node of each processor.
fn nodes(root: &Path) -> BTreeMap<usize, usize> {
    let mut nodes = BTreeMap::new();
    for (node, folder) in numbered(&root.join("node"), "node") {
        let list = read(&folder.join("cpulist")).unwrap_or_default();
        nodes.extend(list_of(&list).into_iter().map(|cpu| (cpu, node)));
    }
    nodes
}

fn caches(of_cpu: &Path) -> Vec<Cache> {
    let caches = numbered(&of_cpu.join("cache"), "index").into_values();
    let mut caches: Vec<_> = caches
        .filter_map(|folder| {
            let file = |name: &str| read(&folder.join(name));
            Some(Cache {
                level: file("level")?.parse().ok()?,
                kind: match file("type")?.as_str() {
                    "Data" => CacheKind::Data,
                    "Instruction" => CacheKind::Instructions,
                    _ => CacheKind::Unified,
                },
                bytes: bytes(&file("size")?)?,
                shared_by: list_of(&file("shared_cpu_list")?),
            })
        })
        .collect();
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// What a size like `32K` is.
fn bytes(size: &str) -> Option<usize> {
    let (number, unit) = match size.strip_suffix(['K', 'M', 'G']) {
        Some(number) => (number, &size[number.len()..]),
        None => (size, ""),
    };
    let shift = match unit {
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => 0,
    };
    number.parse::<usize>().ok()?.checked_shl(shift)
}

/// What a list like `0-3,8` names. What cannot be understood of it names nobody.
fn list_of(list: &str) -> Vec<usize> {
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn lists_and_sizes_are_understood() {
        assert_eq!(list_of("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(list_of("7"), [7]);
        assert!(list_of("").is_empty() && list_of("x-3").is_empty());
        assert_eq!(bytes("48K"), Some(49_152));
        assert_eq!(bytes("2M"), Some(2 << 20));
        assert_eq!(bytes("512"), Some(512));
        assert_eq!(bytes("much"), None);
    }

    #[test]
    fn two_nodes_of_two_cores_of_two_processors() {
        let root = std::env::temp_dir().join(format!("vitte-topology-{}", std::process::id()));
        let write = |file: String, text: &str| {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for cpu in 0..8 {
            // Numbered as usual: the second of each core after all the first.
            write(
                format!("cpu/cpu{cpu}/topology/core_id"),
                &format!("{}\n", cpu % 2),
            );
            let package = cpu % 4 / 2;
            write(
                format!("cpu/cpu{cpu}/topology/physical_package_id"),
                &package.to_string(),
            );
        }
        for (file, text) in [
            ("level", "2"),
            ("type", "Unified"),
            ("size", "1M"),
            ("shared_cpu_list", "0,4"),
        ] {
            write(format!("cpu/cpu0/cache/index1/{file}"), text);
        }
        write("node/node0/cpulist".to_owned(), "0-1,4-5");
        write("node/node1/cpulist".to_owned(), "2-3,6-7");
        let topology = Topology::read_at(&root, &[0, 1, 2, 3, 4, 6], 3);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(topology.nodes(), [vec![0, 1, 4], vec![2, 3, 6]]);
        assert_eq!(topology.cores(), [vec![0, 4], vec![1], vec![2, 6], vec![3]]);
        assert_eq!(topology.core_by_core(), [0, 1, 2, 3, 4, 6]);
        let cache = &topology.cpus[0].caches[0];
        assert_eq!(
            (cache.level, cache.bytes, &cache.shared_by),
            (2, 1 << 20, &vec![0, 4])
        );
        assert_eq!(topology.parallelism, 3);
    }

    #[test]
    fn a_system_that_tells_nothing_has_processors_all_the_same() {
        let topology = Topology::read_at(Path::new("/nonexistent"), &[0, 3], 2);
        assert_eq!(topology.nodes(), [[0, 3]]);
        assert_eq!(topology.core_by_core(), [0, 3]);
        assert!(topology.cpus.iter().all(|cpu| cpu.caches.is_empty()));
    }
}

//! Everything around a workload: which cells run, in what order, in which process, and what is said of them.

pub(crate) mod child;
pub(crate) mod goals;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod pace;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod rounds;
pub(crate) mod statistics;

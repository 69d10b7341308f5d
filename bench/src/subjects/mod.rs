//! What each subject needs before a workload can run on it: a runtime with so many workers, or a program.

pub(crate) mod chili;
pub(crate) mod go;
pub(crate) mod may;
pub(crate) mod rayon;
pub(crate) mod tokio;
#[cfg(feature = "vitte")]
pub(crate) mod vitte;

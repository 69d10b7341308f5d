//! Workloads, rivals, and a report.
fn main() {}

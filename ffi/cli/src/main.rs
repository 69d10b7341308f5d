//! The command `vitte`.
fn main() {}

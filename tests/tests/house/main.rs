//! The rules of the house that no lint can keep, one file each. Every rule is a function over text,
//! and is shown to catch what it is there to catch before it is asked about the repository.

mod code;
mod files;
mod imports;
mod names;
mod notes;
mod orderings;
mod places;
mod tree;
mod upstream;
mod words;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    file: String,
    /// 0 where a fault is the whole file's.
    line: usize,
    what: String,
}

impl Fault {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        let (file, what) = (file.to_owned(), what.into());
        Self { file, line, what }
    }
}

/// Fails with a line for each fault.
#[track_caller]
fn assert_none(faults: &[Fault]) {
    let lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("  {}:{}: {}", fault.file, fault.line, fault.what))
        .collect();
    assert!(faults.is_empty(), "\n{}\n", lines.join("\n"));
}

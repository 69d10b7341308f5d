//! Every atomic that is not plain `Relaxed` says what it is ordered with.

use crate::{Fault, assert_none, code, tree};

const STRONG: &[&str] = &["Acquire", "Release", "AcqRel", "SeqCst"];
/// How far above the word the comment may stand.
const REACH: usize = 12;

fn names_strong(line: &str) -> bool {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| STRONG.contains(&word))
}

fn check(path: &str, text: &str, faults: &mut Vec<Fault>) {
    let raw: Vec<&str> = text.lines().collect();
    let mut in_use = false;
    for (number, line) in code::code_lines(text).iter().enumerate() {
        let trimmed = line.trim_start();
        in_use |= trimmed.starts_with("use ") || trimmed.starts_with("pub use ");
        let is_use = in_use;
        in_use &= !line.contains(';');
        if is_use || !names_strong(line) {
            continue;
        }
        let above = &raw[number.saturating_sub(REACH)..number];
        // What stands above the function belongs to another.
        let start = above
            .iter()
            .rposition(|line| *line == "}" || *line == "    }" || *line == "        }");
        let above = &above[start.map_or(0, |at| at + 1)..];
        if !above.iter().any(|line| line.contains("// Ordering:")) {
            faults.push(Fault::new(
                path,
                number + 1,
                format!("no `Ordering:` above `{}`", line.trim()),
            ));
        }
    }
}

#[test]
fn an_unargued_ordering_is_noticed() {
    let faults = |text: &str| {
        let mut faults = Vec::new();
        check("a.rs", text, &mut faults);
        faults.len()
    };
    assert_eq!(
        faults("use atomic::{\n    Ordering::{Acquire, SeqCst},\n};\n"),
        0
    );
    assert_eq!(
        faults("fn f() {\n    // Ordering: Acquire. Partner: g.\n    x.load(Acquire)\n}\n"),
        0
    );
    assert_eq!(faults("fn f() {\n    x.load(Acquire)\n}\n"), 1);
    assert_eq!(
        faults("// Ordering: of f.\nfn f() {}\n    }\nfn g() {\n    x.load(SeqCst)\n}\n"),
        1
    );
    assert_eq!(faults("// Acquire\nfn acquire() { x.load(Relaxed) }\n"), 0);
    let far = format!(
        "// Ordering: far.\n{}x.store(1, Release)\n",
        "y();\n".repeat(REACH)
    );
    assert_eq!(faults(&far), 1);
}

#[test]
fn every_strong_ordering_names_its_partner() {
    let mut faults = Vec::new();
    let library = [
        "fibers/src/",
        "scheduler/",
        "channels/src/",
        "runtime/src/",
        "ffi/src/",
    ];
    for file in tree::rust_files() {
        let of_library = library.iter().any(|home| file.path.starts_with(home));
        if of_library && !file.is_test() {
            check(&file.path, &file.text, &mut faults);
        }
    }
    assert_none(&faults);
}

//! Every source file opens by saying what it is, and stays short.

use crate::{Fault, assert_none, tree};

const LONGEST: usize = 800;

/// How the files of a language begin a comment.
fn openers(path: &str) -> Option<&'static [&'static str]> {
    match path.rsplit('.').next()? {
        "rs" => Some(&["//!"]),
        "c" | "h" | "cpp" => Some(&["/*", "//"]),
        "go" => Some(&["//"]),
        "lua" => Some(&["--"]),
        _ => None,
    }
}

fn check(file: &tree::File, faults: &mut Vec<Fault>) {
    let Some(openers) = openers(&file.path) else {
        return;
    };
    let first = file.text.lines().next().unwrap_or("");
    let opens = openers.iter().any(|opener| {
        let rest = first.strip_prefix(opener);
        rest.is_some_and(|rest| rest.chars().any(char::is_alphabetic))
    });
    if !opens {
        faults.push(Fault::new(
            &file.path,
            1,
            "does not open by saying what it is",
        ));
    }
    let length = file.text.lines().count();
    if file.is_rust() && !file.is_test() && length > LONGEST {
        let what = format!("{length} lines, more than {LONGEST}: it holds more than one concept");
        faults.push(Fault::new(&file.path, 0, what));
    }
}

#[test]
fn a_silent_opening_and_a_long_file_are_noticed() {
    let faults = |path: &str, text: &str| {
        let (path, text) = (path.to_owned(), text.to_owned());
        let mut faults = Vec::new();
        check(&tree::File { path, text }, &mut faults);
        faults.len()
    };
    assert_eq!(faults("a/src/b.rs", "//! A bee.\n"), 0);
    assert_eq!(faults("a/src/b.rs", "//!\n"), 1);
    assert_eq!(faults("a/src/b.rs", "// A bee.\n"), 1);
    assert_eq!(faults("a/src/b.rs", "use std::fmt;\n"), 1);
    assert_eq!(faults("x.lua", "print('hello')\n"), 1);
    assert_eq!(faults("x.c", "/* Says hello. */\n"), 0);
    let long = format!("//! A long bee.\n{}", "\n".repeat(LONGEST));
    assert_eq!(faults("a/src/b.rs", &long), 1);
    assert_eq!(faults("a/tests/b.rs", &long), 0);
}

#[test]
fn every_file_opens_with_its_concept_and_stays_short() {
    let mut faults = Vec::new();
    for file in tree::files() {
        check(&file, &mut faults);
    }
    assert_none(&faults);
}

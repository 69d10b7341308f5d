//! Every atomic that is not plain `Relaxed` says what it is ordered with, and a function named there as the
//! partner has such an ordering.

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

/// The functions of a file: name, and the orderings that their bodies name.
fn functions(text: &str) -> Vec<(String, Vec<&'static str>)> {
    let lines = code::code_lines(text);
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else {
            continue;
        };
        let name: String = after
            .chars()
            .take_while(|&c| c.is_alphanumeric() || c == '_')
            .collect();
        if name.is_empty() || before.ends_with(|c: char| !c.is_whitespace()) {
            continue;
        }
        let indent: String = line.chars().take_while(|&c| c == ' ').collect();
        let end = format!("{indent}}}");
        let rest = lines[number..].iter();
        let body: Vec<&String> = rest.take_while(|line| **line != end).collect();
        let orderings = STRONG
            .iter()
            .chain(&["fence"])
            .filter(|ordering| body.iter().any(|line| line.contains(**ordering)))
            .copied()
            .collect();
        found.push((name, orderings));
    }
    found
}

/// The partners that comments name in the form "the Acquire in `name`", with their lines.
fn partners(text: &str) -> Vec<(usize, &'static str, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // A sentence may go on in the next line.
        let next = text.lines().nth(number + 1).unwrap_or_default();
        let next = next.trim_start().trim_start_matches("// ");
        let comment = match line.trim_start().strip_prefix("// ") {
            Some(comment) => format!("{comment} {next}"),
            None => continue,
        };
        for &ordering in STRONG {
            let phrase = format!("the {ordering} in `");
            for (at, _) in comment.match_indices(&phrase) {
                // What begins in the next line is found there.
                if at >= line.trim_start().len() - "// ".len() {
                    continue;
                }
                let name = comment[at + phrase.len()..].split('`').next();
                let name = name.and_then(|path| path.rsplit("::").next());
                found.push((number + 1, ordering, name.unwrap_or_default().to_owned()));
            }
        }
    }
    found
}

/// Whether an operation with one ordering can be meant by the name of the other.
fn is_such(named: &str, has: &str) -> bool {
    has == named || has == "SeqCst" || has == "fence" || has == "AcqRel" && named != "SeqCst"
}

#[test]
fn a_partner_that_is_gone_is_noticed() {
    let text = "fn f() {\n    // Ordering: Acquire. Partner: the\n    // Release in `B::g`.\n    x.load(Acquire)\n}\n\
                \n    unsafe fn g() {\n        x.swap(1, AcqRel);\n    }\n";
    assert_eq!(partners(text), [(2, "Release", "g".to_owned())]);
    let functions = functions(text);
    assert_eq!(functions[0], ("f".to_owned(), vec!["Acquire"]));
    assert_eq!(functions[1], ("g".to_owned(), vec!["AcqRel"]));
    assert!(is_such("Release", "AcqRel") && !is_such("Release", "Acquire"));
}

#[test]
fn a_named_partner_has_the_ordering_that_is_said() {
    let files = tree::rust_files();
    let home = |path: &str| path.split("/src/").next().unwrap_or_default().to_owned();
    let known: Vec<_> = files
        .iter()
        .filter(|file| !file.is_test())
        .flat_map(|file| {
            let home = home(&file.path);
            let functions = functions(&file.text).into_iter();
            functions.map(move |(name, has)| (home.clone(), name, has))
        })
        .collect();
    let (mut faults, mut checked) = (Vec::new(), 0);
    for file in files.iter().filter(|file| !file.is_test()) {
        for (line, ordering, partner) in partners(&file.text) {
            checked += 1;
            let is_there = known.iter().any(|(crate_, name, has)| {
                *name == partner
                    && *crate_ == home(&file.path)
                    && has.iter().any(|has| is_such(ordering, has))
            });
            if !is_there {
                let what = format!("no `{partner}` with {ordering} is in this crate");
                faults.push(Fault::new(&file.path, line, what));
            }
        }
    }
    assert!(checked > 100, "only {checked} partners were found");
    assert_none(&faults);
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
        "runtime/",
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

//! One word for one thing: names that say nothing, or that belong to somebody else's glossary, are
//! not declared here.

use crate::{Fault, assert_none, code, tree};

const BANNED: &[&str] = &[
    "coroutine",
    "goroutine",
    "greenthread",
    "context",
    "manager",
    "helper",
    "util",
    "utils",
    "misc",
];

/// Who may declare such a name, and why.
const EXCUSED: &[(&str, &str, &str)] = &[(
    "ffi/cli/",
    "coroutine",
    "Lua's own word for its own thing, which is not a fiber",
)];

const DECLARES: &[&str] = &[
    "fn",
    "struct",
    "enum",
    "trait",
    "mod",
    "type",
    "const",
    "static",
    "union",
    "let",
    "macro_rules!",
];

/// The parts of a name in either style: `task_Context2` has `task` and `context`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if !c.is_alphabetic() || c.is_uppercase() {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut()
            && c.is_alphabetic()
        {
            part.extend(c.to_lowercase());
        }
    }
    let all = name.to_lowercase().replace('_', "");
    parts.retain(|part| !part.is_empty());
    parts.push(all);
    parts
}

fn is_banned(path: &str, name: &str) -> bool {
    parts(name).iter().any(|part| {
        let excused = EXCUSED
            .iter()
            .any(|(home, word, _)| path.starts_with(home) && part == word);
        BANNED.contains(&part.as_str()) && !excused
    })
}

fn check(path: &str, text: &str, faults: &mut Vec<Fault>) {
    for part in path.split(['/', '.']) {
        if is_banned(path, part) {
            faults.push(Fault::new(path, 0, format!("is called `{part}`")));
        }
    }
    for (number, line) in code::code_lines(text).iter().enumerate() {
        let words: Vec<&str> = line
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!'))
            .filter(|word| !word.is_empty() && *word != "mut")
            .collect();
        for pair in words.windows(2) {
            if DECLARES.contains(&pair[0]) && is_banned(path, pair[1]) {
                faults.push(Fault::new(
                    path,
                    number + 1,
                    format!("declares `{}`", pair[1]),
                ));
            }
        }
    }
}

#[test]
fn an_empty_name_is_noticed() {
    let faults = |path: &str, text: &str| {
        let mut faults = Vec::new();
        check(path, text, &mut faults);
        faults.len()
    };
    assert_eq!(
        faults(
            "a/src/b.rs",
            "use anyhow::Context;\nfn run(cx: &Context) {}\n"
        ),
        0
    );
    assert_eq!(faults("a/src/b.rs", "pub struct TaskContext;\n"), 1);
    assert_eq!(faults("a/src/b.rs", "fn join_helper() {}\n"), 1);
    assert_eq!(faults("a/src/b.rs", "let mut green_thread = 1;\n"), 1);
    assert_eq!(faults("a/src/b.rs", "fn promiscuous() {}\n"), 0);
    assert_eq!(faults("a/src/utils.rs", ""), 1);
    assert_eq!(faults("ffi/cli/src/a.rs", "fn coroutine_resume() {}\n"), 0);
    assert_eq!(faults("runtime/src/a.rs", "fn coroutine_resume() {}\n"), 1);
}

#[test]
fn no_name_is_empty() {
    let mut faults = Vec::new();
    for file in tree::rust_files() {
        check(&file.path, &file.text, &mut faults);
    }
    assert_none(&faults);
}

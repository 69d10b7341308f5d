//! Texts name no place that only one machine has, and every place of the repository that a document
//! names is there.

use crate::{Fault, assert_none, tree};
use std::path::Path;

/// Folders at the top of a file system that are some machine's own. Written without their slashes,
/// so that this file may be read like the others.
const FOREIGN: &[&str] = &[
    "home",
    "root",
    "work",
    "workspace",
    "mnt",
    "Users",
    "private",
];
/// Hosts whose addresses belong into the lock file only.
const HOSTS: &[[&str; 2]] = &[["crates", "io"], ["pypi", "org"], ["npmjs", "com"]];
/// Documents in which a place in backticks is a place of the repository.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "RATIONALE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];

fn check_foreign(file: &tree::File, faults: &mut Vec<Fault>) {
    for (number, line) in file.text.lines().enumerate() {
        for (at, _) in line.match_indices('/') {
            let before = line[..at].chars().last();
            let path: String = line[at + 1..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || "_-./".contains(*c))
                .collect();
            let starts = before.is_none_or(|c| !(c.is_alphanumeric() || "_-./})]".contains(c)));
            let (first, rest) = path.split_once('/').unwrap_or((&path, ""));
            if starts && FOREIGN.contains(&first) && rest.starts_with(char::is_alphanumeric) {
                faults.push(Fault::new(
                    &file.path,
                    number + 1,
                    format!("/{path} is on one machine"),
                ));
            }
        }
        for [name, top] in HOSTS {
            if line.contains(&format!("{name}.{top}")) {
                faults.push(Fault::new(
                    &file.path,
                    number + 1,
                    format!("names {name} {top}"),
                ));
            }
        }
    }
}

/// Relative links, and places in backticks, with their lines.
fn named(file: &tree::File) -> Vec<(usize, String)> {
    let (mut named, mut in_block) = (Vec::new(), false);
    for (number, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or("");
            if !target.is_empty() && !target.contains(':') {
                named.push((number + 1, target.to_owned()));
            }
        }
        if DOCUMENTS.contains(&file.path.as_str()) {
            for word in line.split('`').skip(1).step_by(2) {
                let is_place = word.contains('/')
                    && word
                        .chars()
                        .all(|c| c.is_alphanumeric() || "_-./".contains(c))
                    && (word.ends_with('/')
                        || word
                            .rsplit('/')
                            .next()
                            .is_some_and(|name| name.contains('.')));
                if is_place && !word.starts_with('/') {
                    named.push((number + 1, word.to_owned()));
                }
            }
        }
    }
    named
}

fn check_named(file: &tree::File, root: &Path, faults: &mut Vec<Fault>) {
    let folder = root
        .join(&file.path)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    for (line, place) in named(file) {
        if !folder.join(&place).exists() {
            faults.push(Fault::new(
                &file.path,
                line,
                format!("{place} is not there"),
            ));
        }
    }
}

#[cfg(test)]
fn file(path: &str, text: &str) -> tree::File {
    let (path, text) = (path.to_owned(), text.to_owned());
    tree::File { path, text }
}

#[test]
fn a_place_of_one_machine_is_noticed() {
    let faults = |text: &str| {
        let mut faults = Vec::new();
        check_foreign(&file("a.md", text), &mut faults);
        faults.len()
    };
    let planted = |first: &str| format!("see \"/{first}/someone/x\"");
    assert_eq!(faults(&planted("home")), 1);
    assert_eq!(faults(&planted("work")), 1);
    assert_eq!(faults(&planted("usr")), 0);
    assert_eq!(
        faults("scheduler/work/queue, and/or, https://example.com/home/x"),
        0
    );
    assert_eq!(
        faults(&format!("https://{}.{}/x", HOSTS[0][0], HOSTS[0][1])),
        1
    );
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    let root = tree::root();
    let faults = |path: &str, text: &str| {
        let mut faults = Vec::new();
        check_named(&file(path, text), &root, &mut faults);
        faults.len()
    };
    assert_eq!(
        faults(
            "README.md",
            "[a](Cargo.toml) [b](https://example.com) [c](#d)"
        ),
        0
    );
    assert_eq!(faults("README.md", "[a](Cargo.yaml)"), 1);
    assert_eq!(
        faults(
            "README.md",
            "`scheduler/src/lib.rs`, `scheduler/`, `spawn/join`"
        ),
        0
    );
    assert_eq!(faults("README.md", "`scheduler/src/library.rs`"), 1);
    assert_eq!(faults("README.md", "`schedulers/`"), 1);
    assert_eq!(faults("tests/x.md", "[a](src/lib.rs) `nowhere/`"), 0);
}

#[test]
fn no_text_names_a_place_of_one_machine() {
    let mut faults = Vec::new();
    for file in tree::files() {
        if file.path != "Cargo.lock"
            && !file.path.ends_with("/Cargo.lock")
            && !file.path.ends_with("go.sum")
        {
            check_foreign(&file, &mut faults);
        }
    }
    assert_none(&faults);
}

#[test]
fn every_place_that_a_document_names_is_there() {
    let root = tree::root();
    let mut faults = Vec::new();
    for file in tree::files() {
        if file.path.ends_with(".md") {
            check_named(&file, &root, &mut faults);
        }
    }
    assert_none(&faults);
}

//! The page that says where the cases of other libraries' suites are names only bodies that exist.

use crate::{Fault, assert_none, tree};
use std::collections::BTreeSet;

const PAGE: &str = "tests/UPSTREAM.md";

/// The names in backticks that look like bodies, with their lines.
fn named(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(number, line)| {
        let inside = line.split('`').skip(1).step_by(2);
        let bodies = inside.filter(|name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        });
        bodies.map(move |name| (number + 1, name))
    })
}

/// What is declared as a function in the tests.
fn declared<'a>(files: impl Iterator<Item = &'a tree::File>) -> BTreeSet<&'a str> {
    files
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.trim_start().strip_prefix("pub(crate) fn "))
        .filter_map(|rest| rest.split(['<', '(']).next())
        .collect()
}

fn check(page: &str, declared: &BTreeSet<&str>) -> Vec<Fault> {
    let strangers = named(page).filter(|(_, name)| *name != "std" && !declared.contains(name));
    strangers
        .map(|(line, name)| Fault::new(PAGE, line, format!("there is no body called {name}")))
        .collect()
}

#[test]
fn bodies_that_do_not_exist_are_caught() {
    let declared = BTreeSet::from(["one", "two_of_them"]);
    let faults = check(
        "| a | `one`, `three` |\n`two_of_them`, `Not::asked`",
        &declared,
    );
    let expected = Fault::new(PAGE, 1, "there is no body called three");
    assert_eq!(faults, [expected]);
}

#[test]
fn every_case_that_is_said_to_be_here_is() {
    let files = tree::files();
    let page = files.iter().find(|file| file.path == PAGE);
    let page = &page.expect("the page is in the tree").text;
    let tests = files
        .iter()
        .filter(|file| file.path.starts_with("tests/tests/"));
    let declared = declared(tests);
    assert!(named(page).count() > 100, "the page is read");
    assert_none(&check(page, &declared));
}

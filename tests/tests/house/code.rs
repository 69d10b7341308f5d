//! Just enough of Rust's grammar to tell code from comments, and to spell out paths.

use std::collections::BTreeMap;

/// The code of each line: comments and the contents of strings blanked out. Ends where the inline
/// tests of a file begin.
pub(crate) fn code_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = Inside::Code;
    let mut last = String::new();
    for line in text.lines() {
        let code = strip(line, &mut inside);
        let tests = last.trim();
        let tests = tests.starts_with("#[cfg(") && tests.contains("test");
        // A module with a file of its own ends nothing.
        if tests && code.trim_start().starts_with("mod ") && code.ends_with('{') {
            lines.pop();
            break;
        }
        last.clone_from(&code);
        lines.push(code);
    }
    lines
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Code,
    Comment(u32),
    Text,
    /// A raw string, and how many `#` end it.
    Raw(usize),
}

fn strip(line: &str, inside: &mut Inside) -> String {
    let chars: Vec<char> = line.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\n');
    let mut code = String::new();
    let mut index = 0;
    while index < chars.len() {
        let (this, next) = (at(index), at(index + 1));
        index += 1;
        *inside = match *inside {
            Inside::Code if this == '/' && next == '/' => return code,
            Inside::Code if this == '/' && next == '*' => {
                index += 1;
                Inside::Comment(1)
            }
            Inside::Code
                if this == 'r' && (next == '"' || next == '#') && !is_word(code.chars().last()) =>
            {
                let hashes = chars[index..].iter().take_while(|&&c| c == '#').count();
                if at(index + hashes) == '"' {
                    index += hashes + 1;
                    Inside::Raw(hashes)
                } else {
                    code.push(this);
                    Inside::Code
                }
            }
            // A quote as a character is not the beginning of a string.
            Inside::Code
                if this == '\'' && (next == '"' || next == '\\') && at(index + 1) != ' ' =>
            {
                let end = (index + 1..chars.len()).find(|&end| at(end) == '\'');
                index = end.map_or(index, |end| end + 1);
                Inside::Code
            }
            Inside::Code if this == '"' => Inside::Text,
            Inside::Code => {
                code.push(this);
                Inside::Code
            }
            Inside::Text if this == '\\' => {
                index += 1;
                Inside::Text
            }
            Inside::Text if this == '"' => Inside::Code,
            Inside::Raw(hashes) if this == '"' && (0..hashes).all(|n| at(index + n) == '#') => {
                index += hashes;
                Inside::Code
            }
            Inside::Comment(depth) if this == '*' && next == '/' => {
                index += 1;
                if depth == 1 {
                    Inside::Code
                } else {
                    Inside::Comment(depth - 1)
                }
            }
            Inside::Comment(depth) if this == '/' && next == '*' => {
                index += 1;
                Inside::Comment(depth + 1)
            }
            other => other,
        };
    }
    code
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Every path that the code names, with its line, spelled out in full: the branches of `use` trees,
/// and paths in expressions whose first part a `use` has brought in.
pub(crate) fn paths(text: &str) -> Vec<(usize, String)> {
    let lines = code_lines(text);
    let mut paths = Vec::new();
    let mut short = BTreeMap::new();
    let mut used = vec![false; lines.len()];
    let mut index = 0;
    while index < lines.len() {
        let first = index + 1;
        let trimmed = lines[index].trim_start();
        let Some(tree) = use_tree(trimmed) else {
            index += 1;
            continue;
        };
        let mut tree = tree.to_owned();
        used[index] = true;
        while !tree.contains(';') && index + 1 < lines.len() {
            index += 1;
            used[index] = true;
            tree.push_str(&lines[index]);
        }
        let tree: String = tree.split(';').next().unwrap_or("").replace(" as ", "@");
        let tree: String = tree.split_whitespace().collect();
        for branch in branches(&tree) {
            let (path, name) = match branch.split_once('@') {
                Some((path, name)) => (path.to_owned(), name.to_owned()),
                None => (
                    branch.clone(),
                    branch.rsplit("::").next().unwrap_or("").to_owned(),
                ),
            };
            short.insert(name, path.clone());
            paths.push((first, path));
        }
        index += 1;
    }
    for (number, line) in lines.iter().enumerate() {
        if used[number] {
            continue;
        }
        for path in in_line(line) {
            let (head, rest) = path.split_once("::").unwrap_or((path, ""));
            let full = short
                .get(head)
                .map_or_else(|| path.to_owned(), |full| format!("{full}::{rest}"));
            paths.push((number + 1, full));
        }
    }
    paths
}

fn use_tree(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    rest.strip_prefix("use ")
}

/// `a::{b, c::{self, d}}` as `a::b`, `a::c`, `a::c::d`.
fn branches(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else {
        return vec![tree.trim_end_matches("::self").to_owned()];
    };
    let (head, inner) = (&tree[..open], &tree[open + 1..]);
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                if start < at {
                    found.extend(branches(&inner[start..at]).iter().map(|branch| {
                        let path = format!("{head}{branch}");
                        path.trim_end_matches("::self").to_owned()
                    }));
                }
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// The paths of two parts or more that stand in a line.
fn in_line(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .map(|word| word.trim_matches(':'))
        .filter(|word| word.contains("::"))
}

#[test]
fn comments_strings_and_inline_tests_are_no_code() {
    let text = "let a = \"thread_local! // no\"; // thread_local!\nlet b = r#\"x\"y\"#; /* c\nd */ e\n\
                let q = '\"'; f\n#[cfg(test)]\nmod model;\nh\n#[cfg(all(test, not(loom)))]\nmod tests {\n g\n}\n";
    let code: Vec<String> = code_lines(text)
        .iter()
        .map(|line| line.trim().to_owned())
        .collect();
    let code: Vec<&str> = code.iter().map(String::as_str).collect();
    let model = ["#[cfg(test)]", "mod model;", "h"];
    assert_eq!(
        code,
        [&["let a = ;", "let b = ;", "e", "let q = ; f"], &model[..]].concat()
    );
}

#[test]
fn use_trees_and_what_they_shorten_are_spelled_out() {
    let text = "use std::{\n    fmt,\n    sync::{self, atomic::AtomicU8 as Byte},\n    thread,\n};\n\
                fn f() { thread::sleep(fmt::x()); core::hint::spin_loop() }\n";
    let found: Vec<String> = paths(text)
        .into_iter()
        .map(|(line, path)| format!("{line} {path}"))
        .collect();
    assert_eq!(
        found,
        [
            "1 std::fmt",
            "1 std::sync",
            "1 std::sync::atomic::AtomicU8",
            "1 std::thread",
            "6 std::thread::sleep",
            "6 std::fmt::x",
            "6 core::hint::spin_loop",
        ]
    );
}

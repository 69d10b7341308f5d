//! Long arguments are notes with a name: each that is cited is written exactly once.

use crate::{Fault, assert_none, tree};
use std::collections::BTreeMap;

struct Seen {
    name: String,
    line: usize,
    /// A heading, or a name with a colon, begins the note; anything else cites it.
    is_written: bool,
}

fn notes(text: &str) -> Vec<Seen> {
    // Names may be broken over two lines of a comment, so the text is read as one.
    let (mut whole, mut starts) = (String::new(), Vec::new());
    for line in text.lines() {
        starts.push(whole.len());
        let line = line.trim_start();
        let line = line.trim_start_matches('/').trim_start_matches('!');
        whole.push_str(line.trim());
        whole.push(' ');
    }
    let whole = whole.replace("\\[", " [").replace("\\]", "] ");
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = whole[from..].find("Note ") {
        let at = from + at;
        from = at + "Note ".len();
        let rest = whole[from..].trim_start();
        let Some(rest) = rest.strip_prefix('[') else {
            continue;
        };
        let Some((name, after)) = rest.split_once(']') else {
            continue;
        };
        if !name.starts_with(char::is_uppercase) || name.len() > 40 {
            continue;
        }
        let line = starts.partition_point(|&start| start <= at);
        let is_heading = whole[..at].trim_end().ends_with('#');
        let is_written = is_heading || after.trim_start().starts_with(':');
        let name = name.to_owned();
        found.push(Seen {
            name,
            line,
            is_written,
        });
    }
    found
}

fn check(files: &[tree::File]) -> Vec<Fault> {
    let mut all: BTreeMap<String, (usize, Vec<(String, usize)>)> = BTreeMap::new();
    for file in files {
        for seen in notes(&file.text) {
            let (written, cited) = all.entry(seen.name).or_default();
            *written += usize::from(seen.is_written);
            cited.push((file.path.clone(), seen.line));
        }
    }
    let mut faults = Vec::new();
    for (name, (written, places)) in all {
        if written != 1 {
            for (file, line) in places {
                faults.push(Fault::new(
                    &file,
                    line,
                    format!("[{name}] is written {written} times"),
                ));
            }
        }
    }
    faults
}

#[test]
fn a_note_that_is_missing_or_written_twice_is_noticed() {
    let faults = |text: &str| {
        let (path, text) = ("a.rs".to_owned(), text.to_owned());
        check(&[tree::File { path, text }]).len()
    };
    assert_eq!(
        faults("//! Note \\[One way\\]: it is so.\n// See Note [One way].\n"),
        0
    );
    assert_eq!(
        faults("## Note [One way]\n// By Note\n// [One way], yes.\n"),
        0
    );
    assert_eq!(faults("// See Note [One way].\n"), 1);
    assert_eq!(
        faults("// Note [One way]: so.\n// Note [One way]: so again.\n"),
        2
    );
    assert_eq!(faults("// See Note\n    // [Other way].\n"), 1);
}

#[test]
fn every_note_that_is_cited_is_written_exactly_once() {
    let mut files = tree::files();
    // These rules speak of notes that are not there.
    files.retain(|file| !file.path.starts_with("tests/tests/house/"));
    let cited: usize = files.iter().map(|file| notes(&file.text).len()).sum();
    assert!(cited > 3, "only {cited} notes were found");
    assert_none(&check(&files));
}

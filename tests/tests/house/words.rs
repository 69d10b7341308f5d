//! Dangerous words have one home: thread-locals, the switch, and what a model checker replaces.

use crate::{Fault, assert_none, code, tree};

/// Folders whose atomics, locks, threads and clocks come through the facade of `vitte-wait`.
const MODELLED: &[&str] = &[
    "scheduler/wait/src/",
    "scheduler/src/",
    "channels/src/",
    "runtime/sync/src/",
];

const FACADE: &str = "scheduler/wait/src/facade/";

/// What the facade stands in front of.
const FACED: &[&str] = &[
    "std::sync::atomic",
    "core::sync::atomic",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
    "std::sync::Barrier",
    "std::thread::park",
    "std::thread::park_timeout",
    "std::thread::sleep",
    "std::thread::yield_now",
    "std::thread::spawn",
    "std::thread::scope",
    "std::thread::current",
    "std::thread::Builder",
    "std::time::Instant::now",
    "parking_lot",
    "loom",
    "shuttle",
];

/// Who may go round the facade, to what, and why.
const ROUND_IT: &[(&str, &str, &str)] = &[
    (
        "scheduler/wait/src/fence.rs",
        "std::sync::atomic::compiler_fence",
        "emits no instruction, and models use the ordinary fence beside it",
    ),
    (
        "scheduler/wait/src/deadline.rs",
        "std::time::Instant::now",
        "translates between the caller's clock and ours",
    ),
    (
        "scheduler/wait/src/current.rs",
        "loom::thread_local",
        "the one thread-local, as the checker has it",
    ),
    (
        "scheduler/wait/src/current.rs",
        "shuttle::thread_local",
        "the one thread-local, as the checker has it",
    ),
    (
        "runtime/sync/src/atomic.rs",
        "core::sync::atomic",
        "passes the language's atomics on to its users",
    ),
    (
        "scheduler/src/check.rs",
        "loom::model",
        "what runs the models",
    ),
];

/// Where else a thread-local may be owned, and why.
const THREAD_LOCALS: &[(&str, &str)] = &[
    (
        "scheduler/wait/src/current.rs",
        "the one thread-local of the library",
    ),
    (
        "bench/",
        "rivals are measured with whatever they need; nothing there migrates",
    ),
    ("tests/", "tests show what a thread-local does"),
    (
        "scheduler/wait/src/facade/model_loom.rs",
        "the facade stands in for a thread's park token",
    ),
    (
        "scheduler/wait/src/facade/panic.rs",
        "the facade stands in for a thread's count of panics",
    ),
    (
        "ffi/cli/src/state/tick.rs",
        "a signal handler asks which Lua thread runs here",
    ),
];

fn starts(path: &str, with: &str) -> bool {
    path.strip_prefix(with)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn check(file: &tree::File, faults: &mut Vec<Fault>) {
    let path = file.path.as_str();
    let lines = code::code_lines(&file.text);
    let mut fault = |line: usize, what: String| faults.push(Fault::new(path, line, what));
    for (number, line) in lines.iter().enumerate() {
        let may_own =
            file.is_test() || THREAD_LOCALS.iter().any(|(home, _)| path.starts_with(home));
        if line.contains("thread_local!") && !may_own {
            fault(number + 1, "owns a thread-local".to_owned());
        }
        if line.contains("corosensei") && !path.starts_with("fibers/") {
            fault(number + 1, "knows who switches stacks".to_owned());
        }
    }
    if file.is_test()
        || path.starts_with(FACADE)
        || !MODELLED.iter().any(|home| path.starts_with(home))
    {
        return;
    }
    for (line, named) in code::paths(&file.text) {
        let excused = ROUND_IT
            .iter()
            .any(|(home, what, _)| path == *home && starts(&named, what));
        if FACED.iter().any(|word| starts(&named, word)) && !excused {
            fault(line, format!("`{named}` goes round the facade"));
        }
    }
}

#[test]
fn a_word_away_from_home_is_noticed() {
    let faults = |path: &str, text: &str| {
        let (path, text) = (path.to_owned(), text.to_owned());
        let mut faults = Vec::new();
        check(&tree::File { path, text }, &mut faults);
        faults.len()
    };
    let inside = "scheduler/src/queue/new.rs";
    assert_eq!(
        faults(inside, "use std::sync::Arc;\n// std::sync::atomic\n"),
        0
    );
    assert_eq!(
        faults(inside, "use std::{sync::{Arc, atomic::AtomicU8}};\n"),
        1
    );
    assert_eq!(faults(inside, "use parking_lot::Mutex;\n"), 1);
    assert_eq!(faults(inside, "fn f() {\n    std::thread::park();\n}\n"), 1);
    assert_eq!(
        faults(inside, "use std::thread;\nfn f() { thread::sleep(x) }\n"),
        1
    );
    assert_eq!(
        faults(
            inside,
            "use vitte_wait::facade::thread;\nfn f() { thread::park() }\n"
        ),
        0
    );
    assert_eq!(
        faults(
            "scheduler/wait/src/deadline.rs",
            "fn f() { std::time::Instant::now() }\n"
        ),
        0
    );
    assert_eq!(
        faults("scheduler/src/api.rs", "fn f() { std::thread::sleep(x) }\n"),
        1
    );
    assert_eq!(faults("fibers/src/new.rs", "use parking_lot::Mutex;\n"), 0);
    assert_eq!(faults("runtime/src/new.rs", "std::thread_local! {}\n"), 1);
    assert_eq!(faults("runtime/tests/new.rs", "thread_local! {}\n"), 0);
    assert_eq!(
        faults("runtime/src/new.rs", "use corosensei::Coroutine;\n"),
        1
    );
}

#[test]
fn dangerous_words_have_one_home() {
    let mut faults = Vec::new();
    let files = tree::rust_files();
    for file in &files {
        check(file, &mut faults);
    }
    assert_none(&faults);
}

#[test]
fn every_excuse_is_needed() {
    let files = tree::rust_files();
    for (home, what, _) in ROUND_IT {
        let needed = files.iter().any(|file| {
            let named = code::paths(&file.text);
            file.path == *home && named.iter().any(|(_, named)| starts(named, what))
        });
        assert!(
            needed,
            "{home} no longer names `{what}`: strike it off the list"
        );
    }
}

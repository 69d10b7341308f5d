//! Every program under `examples/lua/` runs and says what it should.

use std::process::Command;

use crate::harness::{Ran, finish, root, vitte};

fn example(name: &str, args: &[&str]) -> Ran {
    finish(
        vitte()
            .current_dir(root())
            .args(["run", "--workers", "2"])
            .arg(format!("examples/lua/{name}.lua"))
            .args(args),
    )
}

#[test]
fn wordcount_agrees_with_wc() {
    let mut files: Vec<String> = [
        "ffi/cli/src",
        "ffi/cli/tests/run",
        "ffi/cli/src/lua",
        "ffi/cli",
        ".",
    ]
    .iter()
    .flat_map(|dir| std::fs::read_dir(root().join(dir)).unwrap())
    .map(|entry| entry.unwrap().path())
    .filter(|path| {
        matches!(
            path.extension().and_then(|e| e.to_str()),
            Some("rs" | "lua" | "md" | "toml")
        )
    })
    .map(|path| path.to_str().unwrap().to_owned())
    .collect();
    files.sort();
    let wc = Command::new("wc")
        .arg("-w")
        .args(&files)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let wc = String::from_utf8(wc.stdout).unwrap();
    let ours = example(
        "wordcount",
        &files.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert_eq!(ours.status.code(), Some(0), "{ours:?}");
    let pairs = |text: &str| -> Vec<(String, String)> {
        text.lines()
            .filter_map(|l| l.trim().split_once(' '))
            .map(|(n, name)| (n.to_owned(), name.trim().to_owned()))
            .collect()
    };
    assert_eq!(pairs(&ours.out), pairs(&wc));
}

#[test]
fn wordcount_reports_a_file_it_cannot_read() {
    let ran = example("wordcount", &["Cargo.toml", "no/such/file"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(
        ran.err.contains("no/such/file") && ran.out.contains("Cargo.toml"),
        "{ran:?}"
    );
}

#[test]
fn skynet_adds_up() {
    let ran = example("skynet", &["1000"]);
    assert!(ran.out.starts_with("499500\n"), "{ran:?}");
}

#[test]
fn the_sieve_finds_primes() {
    example("sieve", &["10"]).printed("2 3 5 7 11 13 17 19 23 29");
}

#[test]
fn async_shows_results_errors_and_timeouts() {
    example("async", &[]).printed(
        "value: 5\nagain: 5\nafter a timeout: 500\nan error: oops\nstream: 1 4 9 16\nstatus: killed",
    );
}

#[test]
fn buffer_is_modified_by_tasks() {
    example("buffer", &[]).printed("3 4 5\n4 5 6\ncount: 4000\nlongest: concurrency");
}

#[test]
fn lock_orders_two_tasks() {
    example("lock", &[]).printed("main holds lock 5\nmain lets go\ntask got it\ntickets sold: 100");
}

#[test]
fn broadcast_tells_a_slow_reader_what_it_missed() {
    example("broadcast", &["10"]).printed(
        "archived: 10, missed: 0\nlate by 6\n\
         late: headline 7\nlate: headline 8\nlate: headline 9\nlate: headline 10",
    );
}

#[test]
fn select_serves_everybody() {
    example("select", &["20"]).printed("served:\t20\t20\nfirst: lane 2\nnil\tdefault");
}

#[test]
fn timers_end_the_wait_for_a_kettle() {
    example("timers", &["20"]).printed("it boils\nits priority: low\ntrue\tclosed");
}

#[test]
fn the_first_search_to_find_something_ends_the_others() {
    example("race", &[]).printed(
        "all: ash birch cedar\nfailed: number 2: no such tree: elm\nfirst: number 3, cedar\n\
         nobody: 2 errors\nlate: timeout",
    );
}

#[test]
fn pipeline_keeps_the_order() {
    let ran = example("pipeline", &["20"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(ran.out.ends_with("sum of squares: 2870\n"), "{ran:?}");
}

#[test]
fn mandelbrot_draws() {
    let ran = example("mandelbrot", &["40", "16"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 16, "{ran:?}");
    assert!(ran.out.contains('@') && ran.out.contains('.'), "{ran:?}");
}

#[test]
fn the_example_in_the_documentation_prints_what_it_says() {
    let text = include_str!("../../README.md");
    let block = |kind: &str| {
        let start = text.find(kind).unwrap() + kind.len();
        text[start..].split("```").next().unwrap()
    };
    let says = block("```sh\n").split_once('\n').unwrap().1.trim();
    crate::harness::lua(block("```lua\n")).printed(says);
}

/// The examples of the documentation.
fn documented() -> impl Iterator<Item = &'static str> {
    let text = include_str!("../../README.md");
    let blocks = text.split("```lua\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap())
}

#[test]
fn every_example_in_the_documentation_prints_what_it_says() {
    for example in documented() {
        let says: Vec<&str> = example
            .lines()
            .filter_map(|line| line.split_once("--> "))
            .map(|(_, printed)| printed)
            .collect();
        let ran = crate::harness::lua(example);
        assert_eq!(ran.status.code(), Some(0), "{ran:?} of {example}");
        let printed = ran.out.replace('\t', " ");
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed, says, "{ran:?} of {example}");
    }
}

#[test]
fn every_function_of_the_module_has_an_example_in_the_documentation() {
    let names = crate::harness::lua(
        "local function list(prefix, module)
           for name, value in pairs(module) do
             if type(value) == 'function' then print(prefix .. name)
             elseif type(value) == 'table' then list(prefix .. name .. '.', value) end
           end
         end
         list('vitte.', require 'vitte')",
    );
    assert!(names.out.contains("vitte.async\n"), "{names:?}");
    assert!(names.out.contains("vitte.tcp.listen\n"), "{names:?}");
    for name in names.out.lines() {
        let called = documented().any(|example| {
            let mut rest = example.split(name).skip(1);
            rest.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        });
        assert!(called, "{name} has no example");
    }
}

#[test]
fn every_example_is_tested_here() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("examples/lua"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "lua"))
        .map(|p| p.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let me = include_str!("examples.rs");
    for name in names {
        assert!(
            me.contains(&format!("example(\"{name}\"")),
            "{name}.lua has no test"
        );
    }
}

#[test]
fn every_client_of_the_echo_server_is_answered() {
    example("echo", &["30"]).printed("30 of 30 clients were answered");
}

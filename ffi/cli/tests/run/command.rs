//! The command line.

use crate::harness::{end, finish, lua, lua_with, start, vitte, write_to};
use std::time::Instant;

#[test]
fn a_script_gets_its_arguments() {
    lua_with(
        &[],
        "print(...) print(arg[1], arg[2], #arg)",
        &["a", "-b", "--workers"],
    )
    .printed("a\t-b\t--workers\na\t-b\t3");
}

#[test]
fn a_missing_file_is_named() {
    let ran = finish(vitte().args(["run", "/no/such/file.lua"]));
    ran.failed(2, "vitte: cannot read /no/such/file.lua: No such file");
}

#[test]
fn a_script_that_does_not_parse_is_shown_its_line() {
    let ran = lua("local x = = 1");
    ran.failed(1, ":1: unexpected symbol near '='");
    assert!(ran.err.starts_with("vitte: "), "{ran:?}");
}

#[test]
fn a_script_that_fails_leaves_a_traceback() {
    let ran = lua("local function inner() error 'boom' end\ninner()");
    ran.failed(1, ":1: boom");
    assert!(
        ran.err.contains("stack traceback:") && ran.err.contains("inner"),
        "{ran:?}"
    );
}

#[test]
fn the_long_help_lists_what_the_module_has() {
    let ran = finish(vitte().args(["run", "--help"]));
    let listed = lua("for name in pairs(vitte) do print(name) end");
    for name in listed.out.lines() {
        let call = |after: &str| ran.out.contains(&format!("{name}{after}"));
        assert!(
            call("(") || call(" { cases") || call(" { fn") || call("."),
            "{name} is not in {ran:?}"
        );
    }
    assert!(listed.out.lines().count() > 10, "{listed:?}");
}

#[test]
fn wrong_flags_are_explained() {
    let refuse = |args: &[&str], words: &str| {
        finish(vitte().args(args)).failed(2, words);
    };
    refuse(&[], "Usage");
    refuse(&["fly"], "unrecognized subcommand 'fly'");
    refuse(&["run"], "<FILE>");
    refuse(
        &["run", "--wings", "x.lua"],
        "unexpected argument '--wings'",
    );
    refuse(&["run", "--workers", "0", "x.lua"], "invalid value '0'");
    refuse(
        &["run", "--workers", "many", "x.lua"],
        "invalid value 'many'",
    );
    refuse(
        &["run", "--stack", "1K", "x.lua"],
        "a task's stack lies between 512K and 1024M",
    );
    refuse(&["run", "--stack", "big", "x.lua"], "not a size");
}

#[test]
fn workers_and_stack_are_taken() {
    for (flags, n) in [
        (["--workers", "1", "--stack", "512K"], "1"),
        (["--workers", "3", "--stack", "4M"], "3"),
    ] {
        lua_with(
            &flags,
            "print(vitte.async(function() return vitte.workers() end):await())",
            &[],
        )
        .printed(n);
    }
}

#[test]
fn stats_go_to_standard_error() {
    let ran = lua_with(
        &["--stats", "--workers", "2"],
        "vitte.async(function() end):await() print 'out'",
        &[],
    );
    ran.printed("out");
    assert!(
        ran.err.contains("2 workers") && ran.err.contains("2 tasks"),
        "{ran:?}"
    );
}

#[test]
fn help_and_version_are_there() {
    finish(vitte().arg("--version")).printed("vitte 0.1.0");
    let ran = finish(vitte().args(["run", "--help"]));
    assert_eq!(ran.status.code(), Some(0));
    for word in ["--workers", "--stack", "--stats", "Exit code", "130"] {
        assert!(ran.out.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn a_script_may_come_from_standard_input() {
    let began = Instant::now();
    let mut child = start(vitte().args(["run", "-", "x"]));
    write_to(
        &mut child,
        "#!/usr/bin/env vitte\nprint(..., debug.getinfo(1, 'l').currentline)",
    );
    end(child, began).printed("x\t2");
}

#[test]
fn lines_that_tasks_print_at_the_same_time_stay_whole() {
    let ran = lua("local t = {}
         for i = 1, 8 do
           t[i] = vitte.async(function() for j = 1, 200 do print(string.rep(i, 100), 'end') end end)
         end");
    assert_eq!(ran.status.code(), Some(0));
    assert_eq!(ran.out.lines().count(), 1600);
    for line in ran.out.lines() {
        let first = &line[..1];
        assert_eq!(line, format!("{}\tend", first.repeat(100)));
    }
}

#[test]
fn print_and_write_keep_their_order() {
    lua("io.write 'a' print 'b' io.stdout:write 'c' print(1, nil) print()").printed("ab\nc1\tnil");
}

#[test]
fn the_standard_library_is_there() {
    lua(
        "assert(os.getenv 'PATH' and os.time() > 0 and utf8.char(228) == '\u{e4}')
         assert(load 'return 1' () == 1 and select('#', table.unpack({}, 1, 3)) == 3)
         assert(string.dump(function() end) and require 'string' == string)
         assert(debug.traceback 'x':match '^x' and debug.getinfo(1).currentline)
         assert(not debug.sethook and not debug.getregistry and not debug.setmetatable)
         assert(not package.loadlib and os.setlocale() == 'C' and os.setlocale 'C' == nil)
         assert(_VERSION == 'Lua 5.4')
         print 'ok'",
    )
    .printed("ok");
}

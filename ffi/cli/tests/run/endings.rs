//! How tasks and the process are brought to an end.

use std::time::Instant;

use crate::harness::{end, lua, script, signal, start, vitte, wait_for_line};

#[test]
fn a_tight_loop_is_killed_while_others_go_on() {
    lua(
        "local t = vitte.async(function() while true do end end)
         local other = vitte.async(function() for i = 1, 10 do vitte.sleep(0.01) end return 'went on' end)
         vitte.sleep(0.05)
         print(t:kill())
         local v, e = t:await()
         print(v, e.kind, e.message:match 'was killed', t:status(), t:kill())
         print(other:await())",
    )
    .printed("true\nnil\tkilled\twas killed\tkilled\tfalse\nwent on");
}

#[test]
fn no_way_of_catching_errors_survives_a_kill() {
    for body in [
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(pcall, function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function(e) return e end) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "while true do pcall(vitte.sleep, 10) end",
        "while true do pcall(function() vitte.channel():recv() end) end",
        "while true do load(function() while true do end end) end",
        "while true do pcall(error) end",
        "local x <close> = setmetatable({}, {__close = function() while true do end end}) while true do end",
        "local b = vitte.buffer(1) while true do pcall(b.mod, b, function() while true do end end) end",
        "while true do pcall(vitte.async, function() end) end",
        "while true do local t = vitte.async(function() vitte.sleep(0.01) end) pcall(t.await, t) end",
        "while true do vitte.yield() end",
        "string.gsub(string.rep('x', 1000), '.', function() while true do end end)",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "setmetatable({}, {__index = function() while true do end end})[1] = nil \
         local _ = setmetatable({}, {__index = function() while true do end end}).x",
    ] {
        let ran = lua(&format!(
            "local t = vitte.async(function() {body} end)
             vitte.sleep(0.03)
             t:kill()
             local v, e = t:await(20000)
             print(v, type(e) == 'table' and e.kind or e)"
        ));
        assert_eq!(ran.out.trim_end(), "nil\tkilled", "{body}: {ran:?}");
    }
}

#[test]
fn a_task_killed_before_it_starts_never_runs() {
    lua("local t = {}
         for i = 1, 100 do
           t[i] = vitte.async(function() while true do vitte.sleep(1) end end)
           t[i]:kill()
         end
         local n = 0
         for i = 1, 100 do local v, e = t[i]:await() if e.kind == 'killed' then n = n + 1 end end
         print(n)")
    .printed("100");
}

#[test]
fn tasks_started_after_a_kill_are_not_affected() {
    lua("for round = 1, 30 do
           local t = vitte.async(function() while true do end end)
           vitte.sleep(0.002)
           t:kill()
           local ok = vitte.async(function()
             local n = 0 for i = 1, 50000 do n = n + 1 end return n
           end)
           assert(select(2, t:await()).kind == 'killed')
           assert(ok:await() == 50000)
         end
         print 'ok'")
    .printed("ok");
}

#[test]
fn ctrl_c_ends_the_process_at_once() {
    for body in [
        "while true do end",
        "vitte.sleep(1000)",
        "vitte.channel():recv()",
        "for i = 1, 50 do vitte.async(function() while true do end end) end vitte.channel():recv()",
        "while true do pcall(function() while true do end end) end",
    ] {
        let path = script(&format!("print 'go' {body}"));
        let mut child = start(vitte().arg("run").arg(&path));
        wait_for_line(&mut child, "go");
        let began = Instant::now();
        signal(&child, libc::SIGINT);
        let ran = end(child, began);
        assert_eq!(ran.status.code(), Some(130), "{body}: {ran:?}");
        let _ = std::fs::remove_file(path);
    }
}

#[test]
fn os_exit_ends_the_process_from_any_task() {
    lua("vitte.async(function() io.write 'bye' os.exit(7) end) while true do end").failed(7, "");
    lua("os.exit(true)").printed("");
    lua("os.exit(false)").failed(1, "");
    let ran = lua("io.write 'unflushed' vitte.async(function() vitte.sleep(100) end) os.exit()");
    ran.printed("unflushed");
}

#[test]
fn the_process_waits_for_its_tasks() {
    lua("vitte.async(function()
           vitte.sleep(0.1)
           vitte.async(function() vitte.sleep(0.1) print 'last' end)
         end)
         print 'first'")
    .printed("first\nlast");
}

#[test]
fn tasks_run_on_after_the_script_fails() {
    let ran = lua("vitte.async(function() vitte.sleep(0.1) print 'ran' end) error 'main'");
    ran.failed(1, "main");
    assert_eq!(ran.out, "ran\n");
}

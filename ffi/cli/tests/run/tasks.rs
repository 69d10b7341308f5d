//! Starting tasks and awaiting them.

use crate::harness::{lua, lua_with, scratch};

#[test]
fn smoke() {
    lua("print(vitte.async(function(res) res(5) end):await())").printed("5");
}

#[test]
fn llib_thread_is_the_same_module() {
    lua("assert(llib.thread == vitte and require 'vitte' == vitte)
         assert(require 'llib'.thread == vitte)
         print(llib.thread.async(function(res) res(5) end):await())")
    .printed("5");
}

#[test]
fn res_publishes_any_number_of_values() {
    lua(
        "local a, b, c, d = vitte.async(function(res) res(1, 'two', {3}, nil) end):await()
         print(a, b, c[1], d)
         print(select('#', vitte.async(function(res) res(nil, nil) end):await()))",
    )
    .printed("1\ttwo\t3\tnil\n2");
}

#[test]
fn a_task_without_res_gives_what_its_function_returns() {
    lua("print(vitte.async(function() return 1, 2 end):await())
         print(select('#', vitte.async(function() end):await()))")
    .printed("1\t2\n0");
}

#[test]
fn nothing_runs_after_res() {
    lua("local t = vitte.async(function(res)
           res(1)
           vitte.async(function() error 'unreachable' end)
           print 'unreachable'
         end)
         print(t:await())")
    .printed("1");
}

#[test]
fn res_ends_the_task_through_pcall_and_from_inside_another_lua_thread() {
    lua("local how = {
           function(res) pcall(res, 1) print 'after pcall' end,
           function(res) pcall(pcall, pcall, res, 1) print 'after three' end,
           function(res) xpcall(res, function() print 'handler' end, 1) print 'after xpcall' end,
           function(res) coroutine.wrap(function() res(1) end)() print 'after wrap' end,
           function(res)
             coroutine.resume(coroutine.create(function() res(1) end)) print 'after resume'
           end,
           function(res) table.sort({1, 2}, function() res(1) end) print 'after sort' end,
           function(res)
             pcall(function() local x <close> = setmetatable({}, {__close = function() end}) res(1) end)
             print 'after close'
           end,
         }
         for _, f in ipairs(how) do io.write(tostring(vitte.async(f):await()), ' ') end")
    .printed("1 1 1 1 1 1 1");
}

#[test]
fn a_second_completion_is_an_error() {
    lua("local t = vitte.async(function(res)
           local x <close> = setmetatable({}, {__close = function() print(pcall(res, 2)) end})
           res(1)
         end)
         print(t:await())
         vitte.sleep(0.05)")
    .printed("1");
    lua("local keep = vitte.channel(1)
         local t = vitte.async(function(res) keep:send(res) vitte.sleep(0.05) return 1 end)
         local res = keep:recv()
         print(pcall(res, 2))
         print(t:await())")
    .printed("false\tres belongs to another task: only that one can complete itself with it\n1");
}

#[test]
fn arguments_follow_res() {
    lua("print(vitte.async(function(res, a, b, c) res(a, b.x, c) end, 1, {x = 2}, nil):await())")
        .printed("1\t2\tnil");
}

#[test]
fn a_documented_second_parameter_that_is_not_given_is_nil() {
    lua("print(llib.thread.async(function(res, rej) res(rej == nil) end):await())").printed("true");
}

#[test]
fn await_may_be_repeated_and_gives_fresh_copies() {
    lua("local t = vitte.async(function(res) res({1}) end)
         local a, b = t:await(), t:await()
         a[1] = 2
         print(b[1], t:await()[1], a == b)")
    .printed("1\t1\tfalse");
}

#[test]
fn a_timeout_leaves_the_task_unharmed() {
    lua("local go = vitte.channel()
         local t = vitte.async(function(res) go:recv() res(5) end)
         local began = vitte.now()
         local v, why = t:await(20)
         local took = vitte.now() - began
         assert(v == nil and why == 'timeout' and took >= 0.02, took)
         print(t:status(), t:await(0))
         go:send(true)
         print(t:await(), t:status())")
    .printed("running\tnil\ttimeout\n5\tdone");
}

#[test]
fn await_without_keep_lets_go_of_the_result() {
    lua("local t = vitte.async(function(res) res(5) end)
         print(t:await(nil, true), t:await(nil, false))
         print(pcall(t.await, t))")
    .printed("5\t5\nfalse\tthe task was cleaned");
}

#[test]
fn await_after_clean_is_an_error_and_the_task_runs_on() {
    lua("local done = vitte.channel(1)
         local t = vitte.async(function() vitte.sleep(0.05) done:send 'ran' end)
         t:clean() t:clean()
         print(pcall(t.await, t))
         print(done:recv())")
    .printed("false\tthe task was cleaned\nran");
}

#[test]
fn a_task_cannot_await_itself() {
    lua("local c = vitte.channel(1)
         local t = vitte.async(function() local me = c:recv() return pcall(me.await, me) end)
         c:send(t)
         print(t:await())")
    .printed("false\ta task cannot await itself");
}

#[test]
fn many_tasks_may_await_one() {
    lua(
        "local t = vitte.async(function() vitte.sleep(0.05) return 7 end)
         local all, sum = {}, 0
         for i = 1, 20 do all[i] = vitte.async(function() return t:await() end) end
         for i = 1, 20 do sum = sum + all[i]:await() end
         print(sum)",
    )
    .printed("140");
}

#[test]
fn tasks_start_tasks() {
    lua("local function fib(_, n)
           if n < 2 then return n end
           local a, b = vitte.async(fib, n - 1), vitte.async(fib, n - 2)
           return a:await() + b:await()
         end
         print(fib(nil, 10))")
    .printed("55");
}

#[test]
fn a_handle_means_the_same_task_everywhere() {
    lua("local t = vitte.async(function() return 1 end)
         local same = vitte.async(function(_, u) return u == t, u:await() end, t)
         print(same:await())")
    .printed("true\t1");
}

#[test]
fn two_thousand_one_after_the_other() {
    lua("local sum = 0
         for i = 1, 2000 do sum = sum + vitte.async(function(res) res(i) end):await() end
         print(sum)")
    .printed("2001000");
}

#[test]
fn a_hundred_at_once_give_each_its_own_value() {
    lua("local t = {}
         for i = 1, 100 do t[i] = vitte.async(function(res) res(i) end) end
         for i = 1, 100 do assert(t[i]:await() == i) end
         print 'ok'")
    .printed("ok");
}

#[test]
fn a_task_without_a_handle_runs_to_its_end() {
    let flag = scratch("fire-and-forget");
    let _ = std::fs::remove_file(&flag);
    let ran = lua_with(
        &[],
        "local file = ...
         vitte.async(function()
           vitte.sleep(0.5)
           local f = io.open(file, 'w') f:write 'ran' f:close()
         end)
         collectgarbage() collectgarbage()",
        &[flag.to_str().unwrap()],
    );
    ran.printed("");
    assert_eq!(std::fs::read_to_string(&flag).unwrap(), "ran");
}

#[test]
fn status_tells_how_a_task_is_doing() {
    lua("local go = vitte.channel()
         local t = vitte.async(function() go:recv() end)
         local before = t:status()
         go:send(1) t:await()
         local e = vitte.async(error, 1) e:await()
         print(before, t:status(), e:status())")
    .printed("running\tdone\terror");
}

#[test]
fn async_needs_a_function_it_can_copy() {
    lua("print(pcall(vitte.async, 5))
         print(pcall(vitte.async, string.gmatch('', '.')))")
    .printed(
        "false\tasync needs a function, got integer\n\
         false\tthe function: a native function cannot be copied",
    );
}

#[test]
fn tasks_that_sleep_hold_up_nobody() {
    lua("local t = {}
         for i = 1, 20 do t[i] = vitte.async(function() vitte.sleep(1000) end) end
         local began = vitte.now()
         vitte.async(function() vitte.sleep(0.1) end):await()
         assert(vitte.now() - began >= 0.1)
         for i = 1, 20 do t[i]:kill() assert(select(2, t[i]:await()).kind == 'killed') end
         vitte.usleep(100) vitte.yield() vitte.sleep(0)
         print(vitte.workers())")
    .printed("2");
}

//! Errors in tasks: they come out of `await`, and nothing else happens.

use crate::harness::lua;

#[test]
fn an_error_comes_out_of_await_with_its_text_and_traceback() {
    let ran = lua("local function inner() error 'boom' end
         local v, e = vitte.async(function() inner() end):await()
         print(v, e.message:match 'boom$', tostring(e) == e.message, e.kind)
         print(e.traceback:match 'stack traceback' ~= nil, e.traceback:match 'inner' ~= nil)
         print(vitte.iserror(e), vitte.iserror {}, e.value == e.message)
         print(vitte.async(function(res) res 'next task works' end):await())");
    ran.printed("nil\tboom\ttrue\terror\ntrue\ttrue\ntrue\tfalse\ttrue\nnext task works");
}

#[test]
fn an_error_value_that_is_a_table_is_kept() {
    lua(
        "local E = {__tostring = function(e) return 'code ' .. e.code end}
         local v, e = vitte.async(function() error(setmetatable({code = 5}, E)) end):await()
         print(e.message, e.value.code)
         print(select(2, vitte.async(function() error() end):await()).message)
         print(select(2, vitte.async(function() error({}) end):await()).value ~= nil)
         local co = vitte.async(function() error({coroutine.create(print)}) end)
         print(select(2, co:await()).message:match '^table: ' ~= nil)",
    )
    .printed("code 5\t5\nnil\ntrue\ntrue");
}

#[test]
fn an_error_object_can_be_raised_again() {
    lua("local t = vitte.async(function()
           local v, e = vitte.async(function() error('deep', 0) end):await()
           error(e)
         end)
         local v, e = t:await()
         print(e.message, e.value.kind)")
    .printed("deep\terror");
}

#[test]
fn an_error_in_one_task_leaves_the_others_whole() {
    lua("local t = {}
         for i = 1, 50 do
           t[i] = vitte.async(function(res)
             vitte.sleep(0.01)
             if i % 3 == 0 then error(i) end
             res(i)
           end)
         end
         local good, bad = 0, 0
         for i = 1, 50 do
           local v, e = t[i]:await()
           if i % 3 == 0 then assert(e.value == i) bad = bad + 1 else assert(v == i) good = good + 1 end
         end
         print(good, bad)")
    .printed("34\t16");
}

#[test]
fn an_error_whose_tostring_fails_is_still_an_error() {
    lua(
        "local bad = setmetatable({}, {__tostring = function() error 'no' end})
         local v, e = vitte.async(function() error(bad) end):await()
         print(v, e.kind, e.message)",
    )
    .printed("nil\terror\t(error object is a table value)");
}

#[test]
fn an_error_nobody_awaits_harms_nobody() {
    lua("for i = 1, 10 do vitte.async(function() error 'unseen' end) end print 'ok'").printed("ok");
}

#[test]
fn wrong_arguments_are_errors_at_the_callers_line() {
    let ran = lua("local function try(f, ...) local ok, e = pcall(f, ...) print((e:gsub('^.-(%d+):', '%1:'))) end
try(function()
  vitte.lock('a')
end)
try(function() vitte.sleep(-1) end)
try(function() vitte.channel(-1) end)
try(function() vitte.channel(1.5) end)
try(function() vitte.channel(1):recv('x') end)
try(function() vitte.channel.recv() end)
try(function() local c = vitte.channel(1) c.recv() end)
try(function() vitte.mutex().lock(vitte.channel(1)) end)");
    ran.printed(
        "3: a lock is named by a whole number, got string\n\
         5: a time to sleep cannot be negative\n\
         6: a capacity lies between 0 and 2^32 - 1\n\
         7: a whole number or math.huge expected, got 1.5\n\
         8: a timeout in milliseconds expected, got string\n\
         9: attempt to index a function value (field 'channel')\n\
         10: a channel expected, got nothing (call methods with ':')\n\
         11: a mutex expected, got a channel",
    );
}

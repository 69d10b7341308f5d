//! Values that cross from task to task. The copier's own tests have the fine points.

use crate::harness::lua;

#[test]
fn a_task_changes_only_its_own_copies() {
    lua("x = 10
         local n, t = 5, {1, 2}
         local a, b, c = vitte.async(function(res) x = x + 1 t[2] = 9 n = 0 res(x, t[2], n) end):await()
         print(a, b, c, x, t[2], n)")
    .printed("11\t9\t0\t10\t2\t5");
}

#[test]
fn globals_and_upvalues_arrive() {
    lua("x = 10
         local five, list = 5, {1, 2}
         function double(n) return 2 * n end
         print(vitte.async(function(res) res(x, five, list[2], double(21)) end):await())")
    .printed("10\t5\t2\t42");
}

#[test]
fn the_largest_integer_passes_unchanged() {
    lua("local b, c = vitte.buffer(math.maxinteger), vitte.channel(1)
         c:send(math.mininteger)
         print(vitte.async(function(res, i) res(i, i + 0 == math.maxinteger) end, math.maxinteger):await())
         print(b:get() == math.maxinteger, c:recv() == math.mininteger, math.type(b:get()))")
    .printed("9223372036854775807\ttrue\ntrue\ttrue\tinteger");
}

#[test]
fn cycles_and_sharing_survive_the_way_there_and_back() {
    lua("local t = {} t.me = t
         local a, b = vitte.async(function(res, u, v) assert(u.me == u and u == v) res(u, v) end, t, t):await()
         print(a.me == a, a == b, a ~= t)")
    .printed("true\ttrue\ttrue");
}

#[test]
fn objects_with_methods_work_on_the_other_side() {
    lua("local Account = {} Account.__index = Account
         function Account.new(n) return setmetatable({n = n}, Account) end
         function Account:add(n) self.n = self.n + n return self end
         local a = Account.new(1)
         print(a:add(1).n, vitte.async(function(res) res(a:add(5):add(5)) end):await():add(1).n)")
    .printed("2\t13");
}

#[test]
fn what_cannot_be_copied_is_named() {
    lua("local co = coroutine.create(print)
         print(pcall(vitte.async, function() return co end))
         print(pcall(vitte.async, function() end, {list = {1, {co}}}))
         print(select(2, vitte.async(function() return {deep = {coroutine.create(print)}} end):await()))")
    .printed(
        "false\tthe function upvalue 'co': a coroutine cannot be copied\n\
         false\targument #2.list[2][1]: a coroutine cannot be copied\n\
         result #1.deep[1]: a coroutine cannot be copied",
    );
}

#[test]
fn a_refused_result_can_be_caught_and_replaced() {
    lua("print(vitte.async(function(res)
           local ok, why = pcall(res, coroutine.create(print))
           res(ok, why)
         end):await())")
    .printed("false\tresult #1: a coroutine cannot be copied");
}

#[test]
fn functions_are_values_like_others() {
    lua("local c = vitte.channel(1)
         vitte.async(function() local n = 0 c:send({inc = function() n = n + 1 return n end}) end)
         local o = c:recv()
         o.inc()
         print(o.inc())")
    .printed("2");
}

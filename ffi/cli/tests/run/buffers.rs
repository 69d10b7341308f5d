//! Buffers.

use crate::harness::lua;

#[test]
fn a_counter_counts_exactly() {
    lua("local b, t = vitte.buffer(0), {}
         for i = 1, 8 do
           t[i] = vitte.async(function() for _ = 1, 1000 do b:mod(function(x) return x + 1 end) end end)
         end
         for i = 1, 8 do t[i]:await() end
         print(b:get())")
    .printed("8000");
    lua("local b, t = vitte.buffer(0), {}
         for i = 1, 4 do
           t[i] = vitte.async(function()
             for _ = 1, 500 do b:mod(function(x) vitte.yield() return x + 1 end) end
           end)
         end
         for i = 1, 4 do t[i]:await() end
         print(b:get())")
    .printed("2000");
}

#[test]
fn every_get_is_a_copy_of_its_own() {
    lua("local t = {1}
         local b = vitte.buffer(t)
         local a, c = b:get(), b:get()
         a[1], t[1] = 2, 3
         print(a == c, c[1], b:get()[1])")
    .printed("false\t1\t1");
}

#[test]
fn buffers_changed_in_a_task_show_the_change() {
    lua("local b1, b2 = llib.thread.buffer(512), llib.thread.buffer({1, 2, 3, 4, 5, 6, 7})
         local Sum = {} Sum.__index = Sum
         Sum.__add = function(s, text) return setmetatable({text = s.text .. text}, Sum) end
         function Sum:update(text) self.text = self.text .. text return self end
         function Sum:final() local n = 0 for i = 1, #self.text do n = n * 31 + self.text:byte(i) end return n end
         local b3 = llib.thread.buffer(setmetatable({text = ''}, Sum))
         llib.thread.async(function(res)
           b1:set(999)
           b2:mod(function(m) table.insert(m, 99) m.awa = 290 return m end)
           b3:set(b3 + 'uw')
           b3:set(b3:update 'u')
         end):await()
         print(b1:get(), b2:get()[8], b2.awa, #b2, b2[8])
         print(b3:get():final() == setmetatable({text = 'uwu'}, Sum):final(), b3.text)")
    .printed("999\t99\t290\t8\t99\ntrue\tuwu");
}

#[test]
fn an_error_inside_mod_changes_nothing_and_holds_nothing() {
    lua("local b = vitte.buffer({1})
         print(pcall(b.mod, b, function(t) t[1] = 2 error({code = 7}) end) == false)
         print(select(2, pcall(b.mod, b, function() error({code = 7}) end)).code)
         print(b:get()[1])
         b:mod(function(t) t[1] = 3 return t end)
         print(b:get()[1])
         print(pcall(b.mod, b, function() return coroutine.create(print) end))
         b:mod(function() end)
         print(b:get()[1])")
    .printed("true\n7\n1\n3\nfalse\tthe value: a coroutine cannot be copied\n3");
}

#[test]
fn mod_inside_mod_of_the_same_buffer_is_an_error_and_of_another_is_fine() {
    lua("local a, b = vitte.buffer(1), vitte.buffer(10)
         a:mod(function(x)
           print(pcall(a.mod, a, function() end))
           print(pcall(a.set, a, 5))
           print(a:get())
           b:mod(function(y) return y + x end)
           return x + 1
         end)
         print(a:get(), b:get())")
    .printed(
        "false\tthe buffer is being modified by this task\n\
         false\tthe buffer is being modified by this task\n1\n2\t11",
    );
}

#[test]
fn a_task_killed_inside_mod_releases_the_buffer() {
    lua("local b = vitte.buffer(1)
         local t = vitte.async(function() b:mod(function() while true do end end) end)
         vitte.sleep(0.05)
         t:kill() t:await()
         b:mod(function(x) return x + 1 end)
         print(b:get())")
    .printed("2");
}

#[test]
fn a_cleaned_buffer_is_an_error_not_a_crash() {
    lua("local b = vitte.buffer(1)
         b:clean() b:clean()
         print(pcall(b.get, b)) print(pcall(b.set, b, 1)) print(pcall(b.mod, b, print))
         print((select(2, pcall(function() return b.x end)):gsub('^.*: ', '')))")
    .printed(
        "false\tthe buffer was cleaned\nfalse\tthe buffer was cleaned\n\
         false\tthe buffer was cleaned\nthe buffer was cleaned",
    );
}

#[test]
fn operators_work_on_the_contents() {
    lua("local n, s = vitte.buffer(6), vitte.buffer 'ab'
         print(n + 1, 2 * n, n - n, -n, n // 4, n % 4, n ~ 1, n << 1, n < 7, n <= 6, n / 4, n ^ 2)
         print(s .. 'c', #s, tostring(s))
         print(pcall(function() n.x = 1 end) == false, n == n, n == s)
         local t = vitte.buffer({10, f = function(self) return self[1] end})
         print(t[1], t:f(), t.f({5}))")
    .printed(
        "7\t12\t0\t-6\t1\t2\t7\t12\ttrue\ttrue\t1.5\t36.0\nabc\t2\tab\ntrue\ttrue\tfalse\n10\t10\t5",
    );
}

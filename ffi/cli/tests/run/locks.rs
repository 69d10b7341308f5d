//! Named locks and mutexes.

use crate::harness::lua;

#[test]
fn a_lock_held_by_main_stops_a_task_until_it_is_unlocked() {
    lua("llib.thread.lock(5)
         local t = llib.thread.async(function(res)
           llib.thread.lock(5)
           llib.thread.unlock(5)
           res 'after'
         end)
         print(t:await(50))
         llib.thread.unlock(5)
         print(t:await())")
    .printed("nil\ttimeout\nafter");
}

#[test]
fn waiters_of_one_lock_do_not_hold_up_another() {
    lua("vitte.lock(5) vitte.lock(6)
         local a = vitte.async(function(res) vitte.lock(5) vitte.unlock(5) res 'a' end)
         local b = vitte.async(function(res) vitte.lock(6) vitte.unlock(6) res 'b' end)
         vitte.sleep(0.02)
         vitte.unlock(5)
         print(a:await()) print(b:await(20))
         vitte.unlock(6)
         print(b:await())")
    .printed("a\nnil\ttimeout\nb");
}

#[test]
fn misuse_is_an_error_not_a_hang() {
    lua("print(pcall(vitte.unlock, 7))
         vitte.lock(7)
         print(pcall(vitte.lock, 7))
         print(vitte.async(function() return pcall(vitte.unlock, 7) end):await())
         vitte.unlock(7)
         print(pcall(vitte.unlock, 7))
         vitte.lock(7) vitte.unlock(7)")
    .printed(
        "false\tlock 7 is not locked\n\
         false\tlock 7 is already held by this task\n\
         false\tlock 7 is held by another task\n\
         false\tlock 7 is not locked",
    );
}

#[test]
fn try_and_timeout_forms_give_up() {
    lua("vitte.lock(1)
         print(vitte.async(function() return vitte.trylock(1), vitte.trylock(2), vitte.lock(1, 20) end):await())
         vitte.unlock(1)
         print(vitte.trylock(1), vitte.trylock(-3), vitte.lock(2.0, 20))")
    .printed("false\ttrue\tnil\ttimeout\ntrue\ttrue\ttrue\tabandoned");
}

#[test]
fn a_mutex_excludes() {
    lua("local m, c, t = vitte.mutex(), vitte.buffer(0), {}
         for i = 1, 4 do
           t[i] = vitte.async(function()
             for _ = 1, 100 do
               m:lock()
               local v = c:get() vitte.yield() c:set(v + 1)
               m:unlock()
             end
           end)
         end
         for i = 1, 4 do local v, e = t[i]:await() assert(not e, e) end
         print(c:get())")
    .printed("400");
}

#[test]
fn a_mutex_knows_its_owner() {
    lua("local m = vitte.mutex()
         print(pcall(m.unlock, m)) m:lock() print(pcall(m.lock, m))
         print(vitte.async(function() return m:trylock(), pcall(m.unlock, m) end):await())
         print(vitte.async(function() return m:lock(10) end):await())
         m:unlock() print(m:trylock())")
    .printed(
        "false\tthe mutex is not locked\nfalse\tthe mutex is already held by this task\n\
         false\tfalse\tthe mutex is held by another task\nnil\ttimeout\ntrue",
    );
}

#[test]
fn use_after_free_is_an_error() {
    lua("local m = vitte.mutex()
         m:lock()
         print(pcall(m.free, m))
         m:unlock() m:free()
         print(pcall(m.lock, m)) print(pcall(m.unlock, m)) print(pcall(m.free, m))
         do local n = vitte.mutex() n:lock() end
         collectgarbage() collectgarbage()
         print 'alive'")
    .printed(
        "false\tthe mutex is locked and cannot be freed\n\
         false\tthe mutex was freed\nfalse\tthe mutex was freed\nfalse\tthe mutex was freed\nalive",
    );
}

#[test]
fn a_task_that_ends_lets_go_of_its_locks() {
    lua("local m = vitte.mutex()
         vitte.async(function() m:lock() vitte.lock(1) error 'x' end):await()
         print(m:lock()) print(vitte.lock(1))
         local began = vitte.channel()
         local t = vitte.async(function() vitte.lock(2) began:send(true) while true do end end)
         began:recv() t:kill() t:await()
         print(vitte.lock(2))
         vitte.unlock(2) vitte.lock(2) print 'ok'")
    .printed("true\tabandoned\ntrue\tabandoned\ntrue\tabandoned\nok");
}

#[test]
fn a_mutex_crosses_to_other_tasks_by_reference() {
    lua("local m = vitte.mutex()
         m:lock()
         local t = vitte.async(function(_, n) return n == m, n:trylock() end, m)
         print(t:await())")
    .printed("true\tfalse");
}

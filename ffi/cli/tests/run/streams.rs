//! What a task sends to whoever holds its handle.

use crate::harness::lua;

#[test]
fn next_gives_the_oldest_value_sent() {
    lua("local t = vitte.async(function(res) res:send(5) res:send 'hello' res:send {1} res 'end' end)
         print(t:next(), t:next(), t:next()[1])
         print(t:next()) print(t:await())")
    .printed("5\thello\t1\nnil\tclosed\nend");
}

#[test]
fn next_waits_for_a_value_and_for_the_end() {
    lua("local go = vitte.channel()
         local t = vitte.async(function(res)
           go:recv() vitte.sleep(0.02) res:send(1) vitte.sleep(0.02)
         end)
         print(t:next(5))
         go:send(true)
         print(t:next()) print(t:next())
         print(vitte.async(function() end):next())")
    .printed("nil\ttimeout\n1\nnil\tclosed\nnil\tclosed");
}

#[test]
fn what_was_sent_before_an_error_is_not_lost() {
    lua(
        "local t = vitte.async(function(res) res:send(1) error 'x' end)
         t:await()
         print(t:next()) print(t:next())",
    )
    .printed("1\nnil\tclosed");
}

#[test]
fn several_values_travel_together() {
    lua(
        "local t = vitte.async(function(res) local s = {} res:send(s, s, 3) end)
         local a, b, c = t:next()
         print(a == b, c)",
    )
    .printed("true\t3");
}

#[test]
fn a_task_helps_another_to_send() {
    lua("local t = vitte.async(function(res)
           vitte.async(function(_, parent) parent:send 'from the grandchild' end, res):await()
         end)
         print(t:next())")
    .printed("from the grandchild");
}

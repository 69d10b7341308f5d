//! Broadcasts: every value to every subscriber.

use crate::harness::lua;

#[test]
fn four_subscribers_get_everything_in_order() {
    lua("local b, readers = vitte.broadcast(64), {}
         for i = 1, 4 do
           readers[i] = vitte.async(function(_, rx)
             local got = {}
             for v, missed in rx:iter() do
               assert(missed == 0)
               got[#got + 1] = v.n
               assert(v.n == #got)
             end
             return #got
           end, b:subscribe())
         end
         for i = 1, 50 do assert(b:send {n = i} == 4) end
         print(b:close(), b:close(), b:send(51))
         for i = 1, 4 do io.write(readers[i]:await(), ' ') end")
    .printed("true\tfalse\tnil\tclosed\n50 50 50 50");
}

#[test]
fn every_subscriber_gets_a_copy_of_its_own() {
    lua("local b = vitte.broadcast(2)
         local one, two = b:subscribe(), b:subscribe()
         local sent = {list = {1}}
         print(b:send(sent))
         sent.list[1] = 'changed'
         local a = one:recv()
         a.list[1] = 2
         print(a.list[1], two:recv().list[1], a ~= sent)")
    .printed("2\n2\t1\ttrue");
}

#[test]
fn who_lags_is_told_exactly_how_many_it_missed_with_the_next_value() {
    lua("local b = vitte.broadcast(4)
         local rx, fast = b:subscribe(), b:subscribe()
         for i = 1, 10 do b:send(i) assert(select(2, fast:recv()) == 0) end
         print(rx:missed())
         print(rx:recv())
         print(rx:recv())
         print(rx:missed(), fast:missed())
         for i = 11, 17 do b:send(i) end
         print(rx:try_recv())
         print(rx:missed())
         b:close()
         for v, missed in rx do io.write(v, ':', missed, ' ') end")
    .printed("0\n7\t6\n8\t0\n6\t0\n14\t5\n11\n15:0 16:0 17:0");
}

#[test]
fn what_was_received_and_what_was_missed_adds_up() {
    lua("local b, n = vitte.broadcast(8), 3000
         local readers = {}
         for i = 1, 4 do
           readers[i] = vitte.async(function(_, rx)
             local got, missed, last = 0, 0, 0
             for v, m in rx do
               assert(v == last + m + 1, 'the count says which values are missing')
               got, missed, last = got + 1, missed + m, v
               if i % 2 == 0 and v % 7 == 0 then vitte.yield() end
             end
             assert(missed == rx:missed() and last == n)
             return got + missed
           end, b:subscribe())
         end
         for i = 1, n do
           assert(b:send(i) == 4)
           if i % 50 == 0 then vitte.yield() end
         end
         b:close()
         for i = 1, 4 do io.write(readers[i]:await(), ' ') end")
    .printed("3000 3000 3000 3000");
}

#[test]
fn sending_never_waits_and_says_how_many_listen() {
    lua("local b = vitte.broadcast(1)
         print(b:send(1))
         local one, two = b:subscribe(), b:subscribe()
         print(b:send(2), b:send(3))
         print(one:close(), one:close())
         print(b:send(4), two:recv())
         print(one:recv())")
    .printed("0\n2\t2\ntrue\tfalse\n1\t4\t2\nnil\tclosed");
}

#[test]
fn a_subscriber_sees_only_what_is_sent_after_it_came() {
    lua("local b = vitte.broadcast(4)
         local early = b:subscribe()
         b:send 'before'
         local late = b:subscribe()
         b:send 'after'
         print(early:recv(), late:recv(), b:capacity())
         b:close()
         print(b:subscribe():recv())")
    .printed("before\tafter\t4\nnil\tclosed");
}

#[test]
fn waits_end_with_a_value_a_timeout_or_the_end() {
    lua("local b = vitte.broadcast(4)
         local rx = b:subscribe()
         print(rx:try_recv())
         local began = vitte.now()
         print(rx:recv(30))
         local took = vitte.now() - began
         assert(took >= 0.03, took)
         local t = vitte.async(function() return rx:recv() end)
         vitte.sleep(0.02)
         b:send 'came'
         print(t:await())
         t = vitte.async(function() return rx:recv() end)
         vitte.sleep(0.02)
         b:close()
         print(t:await())")
    .printed("nil\tempty\nnil\ttimeout\ncame\t0\nnil\tclosed");
}

#[test]
fn closing_a_subscription_wakes_who_waits_for_it() {
    lua("local b = vitte.broadcast(4)
         local rx = b:subscribe()
         local t = vitte.async(function() return rx:recv() end)
         local s = vitte.async(function() return vitte.select {{b:subscribe(), 'recv'}, timeout = 1} end)
         vitte.sleep(0.02)
         rx:close()
         print(t:await())
         print(s:await())")
    .printed("nil\tclosed\nnil\ttimeout");
}

#[test]
fn one_task_at_a_time_receives_from_a_subscription() {
    lua("local b = vitte.broadcast(4)
         local rx = b:subscribe()
         -- Whoever comes second is told, which may be either: then it tries again.
         local t = vitte.async(function()
           while true do
             local ok, v, missed = pcall(rx.recv, rx)
             if ok then return v, missed end
             vitte.yield()
           end
         end)
         local ok, why
         repeat
           ok, why = pcall(rx.recv, rx, 0)
           vitte.usleep(100)
         until not ok
         print(ok, why)
         b:send(1)
         print(t:await())
         b:send(2)
         print(rx:recv())")
    .printed(
        "false\tthe subscription is being received from already: every task needs one of its own\n\
         1\t0\n2\t0",
    );
}

#[test]
fn a_killed_subscriber_leaves_at_once_and_for_good() {
    lua("local b, n = vitte.broadcast(4), 50
         local t = {}
         for i = 1, n do
           t[i] = vitte.async(function()
             local rx = b:subscribe()
             if i % 2 == 0 then rx:recv() else vitte.select {{rx, 'recv'}} end
           end)
         end
         vitte.sleep(0.05)
         for i = 1, n do t[i]:kill() end
         for i = 1, n do t[i]:await() end
         local left, tries = nil, 0
         repeat
           vitte.sleep(0.002)
           left, tries = b:send(1), tries + 1
         until left == 0 or tries == 10000
         print(left)")
    .printed("0");
}

#[test]
fn handles_cross_by_reference() {
    lua(
        "local b = vitte.broadcast(4)
         local rx = b:subscribe()
         local same, tap = vitte.async(function(_, c, r) c:send(5) return c, r end, b, rx):await()
         print(same == b, tap == rx, b == rx, tap:recv())
         print(tostring(b):match '^vitte.broadcast #', tostring(rx):match '^vitte.subscription #')",
    )
    .printed("true\ttrue\tfalse\t5\t0\nvitte.broadcast #\tvitte.subscription #");
}

#[test]
fn what_is_wrong_with_a_broadcast_is_said() {
    lua(
        "local function try(f, ...) print(select(2, pcall(f, ...))) end
         local b = vitte.broadcast(1)
         try(vitte.broadcast)
         try(vitte.broadcast, 0)
         try(vitte.broadcast, 1.5)
         try(vitte.broadcast, math.huge)
         try(b.send, b, nil)
         try(b.send, b, {coroutine.create(print)})
         try(b.send)
         try(b.subscribe, vitte.channel())
         try(b:subscribe().recv, b)
         try(b:subscribe().recv, b:subscribe(), 'soon')",
    )
    .printed(
        "a broadcast needs a capacity, a whole number, got nil\n\
         a broadcast's capacity lies between 1 and 1048576, got 0\n\
         a broadcast needs a capacity, a whole number, got 1.5\n\
         a broadcast needs a capacity, a whole number, got inf\n\
         nil cannot be sent: receiving it would look like the end of the channel\n\
         the value[1]: a coroutine cannot be copied\n\
         a broadcast expected, got nothing (call methods with ':')\n\
         a broadcast expected, got a channel\n\
         a subscription expected, got a broadcast\n\
         a timeout in milliseconds expected, got string",
    );
}

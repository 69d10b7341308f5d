//! Channels between tasks.

use crate::harness::lua;

#[test]
fn values_come_in_the_order_they_were_sent() {
    lua("local c = vitte.channel(3)
         vitte.async(function() for i = 1, 10 do c:send(i) end c:close() end)
         local got = {}
         for v in c do got[#got + 1] = v end
         print(table.concat(got, ' '))")
    .printed("1 2 3 4 5 6 7 8 9 10");
}

#[test]
fn a_channel_without_capacity_hands_over() {
    lua("local c, log = vitte.channel(), vitte.channel(math.huge)
         vitte.async(function() c:send 'a' log:send 'sent' end)
         vitte.sleep(0.05)
         print(log:try_recv())
         print(c:recv(), log:recv(), c:capacity(), log:capacity())")
    .printed("nil\tempty\na\tsent\t0\tinf");
}

#[test]
fn iteration_ends_when_a_closed_channel_is_empty() {
    lua("local c = vitte.channel(5)
         c:send {1} c:send 'x' c:send(false)
         print(c:close(), c:close())
         for v in c:iter() do io.write(type(v), ' ') end
         print(c:recv())")
    .printed("true\tfalse\ntable string boolean nil\tclosed");
}

#[test]
fn the_try_forms_never_wait() {
    lua("local c = vitte.channel(1)
         print(c:try_recv()) print(c:try_send(1)) print(c:try_send(2)) print(c:try_recv())
         c:close()
         print(c:try_send(3)) print(c:try_recv())")
    .printed("nil\tempty\ntrue\nnil\tfull\n1\nnil\tclosed\nnil\tclosed");
}

#[test]
fn waits_end_at_their_timeout() {
    lua("local c = vitte.channel(1)
         local began = vitte.now()
         print(c:recv(30))
         c:send(1)
         print(c:send(2, 30))
         local took = vitte.now() - began
         assert(took >= 0.06, took)
         print(c:recv(0), c:recv(0))")
    .printed("nil\ttimeout\nnil\ttimeout\n1\tnil\ttimeout");
}

#[test]
fn closing_wakes_a_blocked_sender_and_a_blocked_receiver() {
    lua("local full, empty = vitte.channel(1), vitte.channel(1)
         full:send(0)
         local s = vitte.async(function() return full:send(1) end)
         local r = vitte.async(function() return empty:recv() end)
         vitte.sleep(0.05)
         full:close() empty:close()
         print(s:await()) print(r:await()) print(full:recv(), full:recv())")
    .printed("nil\tclosed\nnil\tclosed\n0\tnil\tclosed");
}

#[test]
fn nil_cannot_be_sent() {
    lua("local c = vitte.channel(1) print(pcall(c.send, c, nil))")
        .printed("false\tnil cannot be sent: receiving it would look like the end of the channel");
}

#[test]
fn a_channel_can_be_sent_through_a_channel() {
    lua("local c = vitte.channel(1)
         vitte.async(function() local back = c:recv() back:send(back == back) end)
         local back = vitte.channel(1)
         c:send(back)
         print(back:recv(), c == back, c == c)")
    .printed("true\tfalse\ttrue");
}

#[test]
fn ten_thousand_parked_tasks_all_answer() {
    let n = if cfg!(debug_assertions) {
        2_000
    } else {
        10_000
    };
    lua(&format!(
        "local n = {n}
         local ready, go, answers = vitte.channel(n), vitte.channel(), vitte.channel(n)
         for i = 1, n do
           vitte.async(function(res, i) ready:send(i) local v = go:recv() answers:send(v * 2 + i) end, i)
         end
         for i = 1, n do ready:recv() end
         for i = 1, n do go:send(i) end
         local sum = 0
         for i = 1, n do sum = sum + answers:recv() end
         print(sum == 3 * (n * (n + 1) // 2))"
    ))
    .printed("true");
}

#[test]
fn many_producers_and_consumers_lose_nothing() {
    lua("local work, done, n = vitte.channel(4), vitte.channel(math.huge), 4
         local makers = {}
         for p = 1, n do
           makers[p] = vitte.async(function() for i = 1, 500 do work:send((p - 1) * 500 + i) end end)
           vitte.async(function() local s = 0 for v in work do s = s + v end done:send(s) end)
         end
         for p = 1, n do makers[p]:await() end
         work:close()
         local sum = 0
         for p = 1, n do sum = sum + done:recv() end
         print(sum)")
    .printed("2001000");
}

//! Waiting for the first of several things.

use crate::harness::{lua, lua_with};

#[test]
fn two_channels_give_every_value_exactly_once() {
    lua("local a, b, n = vitte.channel(), vitte.channel(3), 500
         for _, c in ipairs {a, b} do
           vitte.async(function() for i = 1, n do c:send(i) end c:close() end)
         end
         local last, open = {0, 0}, {{a, 'recv'}, {b, 'recv'}}
         while open[1] or open[2] do
           local i, v, why = vitte.select(open)
           if v then
             assert(v == last[i] + 1)
             last[i] = v
           else
             assert(why == 'closed')
             open[i] = false
           end
         end
         print(last[1], last[2])")
    .printed("500\t500");
}

#[test]
fn several_takers_share_what_comes() {
    lua("local a, b, n = vitte.channel(2), vitte.channel(), 400
         local takers = {}
         for t = 1, 4 do
           takers[t] = vitte.async(function()
             local sum, ca, cb = 0, {a, 'recv'}, {b, 'recv'}
             while ca or cb do
               local i, v = vitte.select {ca, cb}
               if v then sum = sum + v elseif i == 1 then ca = nil else cb = nil end
             end
             return sum
           end)
         end
         for i = 1, n do
           local which = vitte.select {{a, 'send', i}, {b, 'send', i}}
           assert(which == 1 or which == 2)
         end
         a:close() b:close()
         local sum = 0
         for t = 1, 4 do sum = sum + takers[t]:await() end
         print(sum == n * (n + 1) // 2)")
    .printed("true");
}

#[test]
fn of_cases_that_can_go_each_is_as_likely() {
    // 400 of 1200 are expected, with a deviation of 16: the bounds are more than eight of these away.
    lua("local n, cases, counts = 1200, {}, {0, 0, 0}
         for i = 1, 3 do
           local c = vitte.channel(n)
           for _ = 1, n do c:send(i) end
           cases[i] = {c, 'recv'}
         end
         for _ = 1, n do
           local i, v = vitte.select(cases)
           assert(i == v)
           counts[i] = counts[i] + 1
         end
         for i = 1, 3 do assert(counts[i] > 260 and counts[i] < 540, table.concat(counts, ' ')) end
         print(counts[1] + counts[2] + counts[3])")
    .printed("1200");
}

#[test]
fn a_default_goes_only_if_nothing_else_can() {
    lua("local c = vitte.channel(1)
         print(vitte.select {{c, 'recv'}, default = true})
         print(vitte.select {{c, 'send', 5}, default = true})
         print(vitte.select {{c, 'send', 6}, default = true})
         print(vitte.select {{c, 'recv'}, default = true})
         print(vitte.select {default = true})
         print(vitte.select {{c, 'send', 7}, default = false})")
    .printed("nil\tdefault\n1\ttrue\nnil\tdefault\n1\t5\nnil\tdefault\n1\ttrue");
}

#[test]
fn a_select_ends_at_its_timeout() {
    lua("local c = vitte.channel()
         local began = vitte.now()
         print(vitte.select {{c, 'recv'}, {c, 'send', 1}, timeout = 30})
         local took = vitte.now() - began
         assert(took >= 0.03, took)
         print(vitte.select {{c, 'recv'}, timeout = 0})
         print(vitte.select {timeout = 1.5})")
    .printed("nil\ttimeout\nnil\ttimeout\nnil\ttimeout");
}

#[test]
fn a_closed_channel_is_reported_by_its_case() {
    lua(
        "local c, d, never = vitte.channel(1), vitte.channel(1), vitte.channel()
         c:send 'left' c:close()
         print(vitte.select {{never, 'recv'}, {c, 'recv'}})
         print(vitte.select {{never, 'recv'}, {c, 'recv'}})
         print(vitte.select {{never, 'recv'}, false, {c, 'send', 1}})
         local t = vitte.async(function() return vitte.select {{d, 'recv'}, {never, 'recv'}} end)
         vitte.sleep(0.02)
         d:close()
         print(t:await())",
    )
    .printed("2\tleft\n2\tnil\tclosed\n3\tnil\tclosed\n1\tnil\tclosed");
}

#[test]
fn what_was_not_sent_is_not_in_any_channel() {
    lua("local full, room = vitte.channel(1), vitte.channel(1)
         full:send 'old'
         local value = {1}
         print(vitte.select {{full, 'send', value}, {room, 'send', value}})
         print(full:recv(), full:try_recv())
         local got = room:recv()
         print(got[1], got ~= value, room:try_recv())")
    .printed("2\ttrue\nold\tnil\tempty\n1\ttrue\tnil\tempty");
}

#[test]
fn a_task_is_awaited_and_its_stream_read() {
    lua("local slow = vitte.async(function() vitte.sleep(1000) end)
         local t = vitte.async(function(res) res:send('a', 1) res('done', 2) end)
         t:await()
         print(vitte.select {{slow, 'await'}, {t, 'await'}})
         print(vitte.select {{slow, 'next'}, {t, 'next'}})
         print(vitte.select {{slow, 'next'}, {t, 'next'}})
         local bad = vitte.async(function() error('oops', 0) end)
         local i, v, e = vitte.select {{bad, 'await'}, {slow, 'await'}}
         print(i, v, e.kind, e.message)
         slow:kill()
         i, v, e = vitte.select {{slow, 'await'}}
         print(i, v, e.kind)
         print(vitte.select {{slow, 'next'}})")
    .printed(
        "2\tdone\t2\n2\ta\t1\n2\tnil\tclosed\n1\tnil\terror\toops\n1\tnil\tkilled\n1\tnil\tclosed",
    );
}

#[test]
fn a_subscription_says_in_a_select_what_it_missed() {
    lua("local b, never = vitte.broadcast(2), vitte.channel()
         local rx = b:subscribe()
         for i = 1, 5 do b:send(i) end
         print(vitte.select {{never, 'recv'}, {rx, 'recv'}})
         print(vitte.select {{never, 'recv'}, {rx, 'recv'}, default = true})
         print(vitte.select {{never, 'recv'}, {rx, 'recv'}, default = true})
         b:close()
         print(vitte.select {{never, 'recv'}, {rx, 'recv'}})
         local other = vitte.broadcast(1):subscribe()
         other:close()
         print(vitte.select {{other, 'recv'}, {never, 'recv'}})")
    .printed("2\t4\t3\n2\t5\t0\nnil\tdefault\n2\tnil\tclosed\n1\tnil\tclosed");
}

#[test]
fn any_mix_of_cases_goes_to_its_end() {
    lua(
        "local c, out, b = vitte.channel(), vitte.channel(), vitte.broadcast(1000)
         local rx = b:subscribe()
         vitte.async(function() for i = 1, 200 do c:send(i) end end)
         vitte.async(function() for i = 1, 200 do b:send(i) vitte.yield() end end)
         local sink = vitte.async(function() local n = 0 for v in out do n = n + v end return n end)
         local worker = vitte.async(function(res) for i = 1, 200 do res:send(i) end end)
         local n, sent = {0, 0, 0, 0}, 0
         while n[1] < 200 or n[2] < 200 or n[3] < 200 or n[4] < 200 do
           local i, v = vitte.select {
             n[1] < 200 and {c, 'recv'}, n[2] < 200 and {rx, 'recv'},
             n[3] < 200 and {out, 'send', 1}, n[4] < 200 and {worker, 'next'}, timeout = 60000,
           }
           n[i] = n[i] + 1
           assert(i == 3 or v == n[i])
         end
         out:close()
         print(sink:await(), vitte.select {{worker, 'await'}})",
    )
    .printed("200\t1");
}

#[test]
fn a_task_killed_in_a_select_leaves_promptly_and_nothing_behind() {
    lua(
        "local c, d, n = vitte.channel(), vitte.channel(), 100
         local b, t = vitte.broadcast(1), {}
         for i = 1, n do
           t[i] = vitte.async(function()
             while true do
               pcall(vitte.select, {{c, 'recv'}, {d, 'send', b:subscribe()}, {b:subscribe(), 'recv'}})
             end
           end)
         end
         vitte.sleep(0.05)
         for i = 1, n do t[i]:kill() end
         for i = 1, n do assert(select(2, t[i]:await(20000)).kind == 'killed') end
         local left, tries
         tries = 0
         repeat
           vitte.sleep(0.002)
           left, tries = b:send(0), tries + 1
         until left == 0 or tries == 10000
         print(left, c:try_send(1), d:try_recv())",
    )
    .printed("0\tnil\tnil\tempty");
}

#[test]
fn a_select_in_a_loop_starves_nobody() {
    lua_with(
        &["--workers", "1"],
        "local c = vitte.channel()
         local busy = vitte.async(function() while true do vitte.select {{c, 'recv'}, default = true} end end)
         local other = vitte.async(function() for i = 1, 20 do vitte.sleep(0.001) end return 'served' end)
         print(other:await(60000))
         busy:kill()",
        &[],
    )
    .printed("served");
}

#[test]
fn what_is_wrong_with_a_select_is_named() {
    lua("local c, b = vitte.channel(1), vitte.broadcast(1)
         local t = vitte.async(function() end)
         local rx = b:subscribe()
         local function try(...) print(select(2, pcall(vitte.select, ...))) end
         try()
         try(c)
         try {}
         try {false, nil}
         try {c}
         try {{c, 'recv'}, 5}
         try {{nil, 'recv'}}
         try {{c}}
         try {{c, 'recv'}, {c, 'await'}}
         try {{t, 'recv'}}
         try {{rx, 'send', 1}}
         try {{b, 'send', 1}}
         try {{vitte.mutex(), 'lock'}}
         try {{c, 'recv', 5}}
         try {{c, 'recv'}, {c, 'send'}}
         try {[3] = {c, 'send', {x = coroutine.create(print)}}}
         try {{c, 'recv'}, timeout = 'soon'}
         try {{c, 'recv'}, timeout = -1}
         try {{c, 'recv'}, default = 1}
         try {{c, 'recv'}, default = true, timeout = 1}
         try {{c, 'recv'}, timout = 1}
         try {{rx, 'recv'}, {rx, 'recv'}}
         t:clean()
         try {{t, 'await'}}
         b:send(1)
         print(rx:recv())")
    .printed(
        "select needs a table of cases, got nil\n\
         select needs a table of cases, got a channel\n\
         select has nothing to wait for: no case, no timeout, no default\n\
         select has nothing to wait for: no case, no timeout, no default\n\
         case 1: a table such as {channel, \"recv\"} expected, got a channel\n\
         case 2: a table such as {channel, \"recv\"} expected, got integer\n\
         case 1: a channel, a subscription, a timer or a task expected, got nil\n\
         case 1: an operation expected, such as \"recv\", got nil\n\
         case 2: a channel is waited for with \"recv\" or \"send\", not with \"await\"\n\
         case 1: a task is waited for with \"await\" or \"next\", not with \"recv\"\n\
         case 1: a subscription is waited for with \"recv\", not with \"send\"\n\
         case 1: a broadcast is never waited for: send does not wait, and values are received from a \
         subscription\n\
         case 1: a channel, a subscription, a timer or a task expected, got a mutex\n\
         case 1: \"recv\" takes no value\n\
         case 2: nil cannot be sent: receiving it would look like the end of the channel\n\
         case 3: the value.x: a coroutine cannot be copied\n\
         timeout: a timeout in milliseconds expected, got string\n\
         timeout: a timeout cannot be negative\n\
         default: true or false expected, got integer\n\
         select takes a timeout or a default, not both\n\
         select: 'timout' is neither the number of a case nor 'timeout' nor 'default'\n\
         case 2: the subscription is being received from already: every task needs one of its own\n\
         case 1: the task was cleaned\n\
         1\t0",
    );
}

#[test]
fn errors_come_at_the_callers_line() {
    lua("print(pcall(function()\n  vitte.select {5}\nend))").failed(0, "");
    let ran = lua("print(pcall(function()\n  vitte.select {5}\nend))");
    assert!(ran.out.contains(":2: case 1: "), "{ran:?}");
}

#[test]
fn llib_thread_has_them_too() {
    lua("assert(llib.thread.select == vitte.select)
         local b = llib.thread.broadcast(1)
         local rx = b:subscribe()
         b:send 'hello'
         print(llib.thread.select {{rx, 'recv'}})")
    .printed("1\thello\t0");
}

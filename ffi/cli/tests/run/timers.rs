//! Timers: once, in a beat, in a select, shared and ended.

use crate::harness::lua;

#[test]
fn a_timer_goes_once_and_not_before_its_time() {
    lua("local began = vitte.now()
         local t = vitte.after(0.03)
         print(vitte.after(3600):try_recv())
         local due, missed = t:recv()
         assert(due >= began + 0.029 and vitte.now() >= due)
         print(missed, t:try_recv())
         print(t:recv(5))
         local now = vitte.after(0)
         print(now:recv() <= vitte.now())")
    .printed("nil\tempty\n0\tnil\tempty\nnil\ttimeout\ntrue");
}

#[test]
fn a_beat_does_not_drift_and_counts_what_nobody_received() {
    lua("local beat, first, last, n = vitte.tick(0.002), nil, nil, 0
         for due, missed in beat do
           first = first or due - missed * 0.002
           n = n + 1 + missed
           local steps = (due - first) / 0.002
           assert(math.abs(steps - (n - 1)) < 0.01, steps)
           if n >= 20 then break end
         end
         vitte.sleep(0.03)
         local _, missed = beat:recv()
         assert(missed >= 10, missed)
         print(beat:cancel())")
    .printed("true");
}

#[test]
fn a_timer_is_a_case_of_a_select() {
    lua("local c, never = vitte.channel(), vitte.after(math.huge)
         local t = vitte.async(function() for i = 1, 3 do vitte.sleep(0.01) c:send(i) end end)
         local late, sum = vitte.after(3600), 0
         for _ = 1, 3 do
           local i, v = vitte.select {{late, 'recv'}, {c, 'recv'}, {never, 'recv'}}
           assert(i == 2)
           sum = sum + v
         end
         local i, due, missed = vitte.select {{c, 'recv'}, {vitte.after(0.01), 'recv'}, {c, 'send', 1}}
         print(sum, i, due <= vitte.now(), missed)
         print(vitte.select {{never, 'recv'}, timeout = 1})
         never:cancel()
         print(vitte.select {{c, 'recv'}, {never, 'recv'}})")
    .printed("6\t2\ttrue\t0\nnil\ttimeout\n2\tnil\tclosed");
}

#[test]
fn cancelling_a_timer_ends_the_waits_of_all_who_share_it() {
    lua("local t = vitte.after(3600)
         local waiting = {}
         for i = 1, 3 do
           waiting[i] = vitte.async(function(_, t)
             if i == 3 then return vitte.select {{t, 'recv'}} end
             return t:recv()
           end, t)
         end
         vitte.sleep(0.02)
         print(t:cancel(), t:cancel())
         for i = 1, 3 do print(waiting[i]:await()) end
         for _ in t do error 'no tick comes any more' end
         print(vitte.async(function(_, t) return t end, t):await() == t)
         print(tostring(t):match '^vitte.timer #')")
    .printed("true\tfalse\nnil\tclosed\nnil\tclosed\n1\tnil\tclosed\ntrue\nvitte.timer #");
}

#[test]
fn each_tick_goes_to_one_of_those_who_wait() {
    lua(
        "local beat, tasks, got, missed = vitte.tick(0.001), {}, 0, 0
         for i = 1, 4 do
           tasks[i] = vitte.async(function()
             local got, missed, last = 0, 0, 0
             for due, m in beat:iter() do
               assert(due > last)
               got, missed, last = got + 1, missed + m, due
               if got == 10 then return got, missed, last end
             end
           end)
         end
         local last = 0
         for i = 1, 4 do
           local g, m, due = tasks[i]:await()
           got, missed, last = got + g, missed + m, math.max(last, due)
         end
         local due, more = beat:recv()
         local steps = (due - last) / 0.001
         print(got, math.abs(steps - 1 - more) < 0.01)",
    )
    .printed("40\ttrue");
}

#[test]
fn a_killed_task_leaves_its_timer_and_a_timer_keeps_nobody_alive() {
    lua("local t = vitte.after(3600)
         local waiting = vitte.async(function() t:recv() end)
         vitte.sleep(0.01)
         waiting:kill()
         print(select(2, waiting:await()).kind, t:try_recv())
         vitte.tick(0.001)")
    .printed("killed\tnil\tempty");
}

#[test]
fn what_is_wrong_with_a_timer_is_said() {
    lua(
        "local function try(f, ...) print(select(2, pcall(f, ...))) end
         local t = vitte.after(1)
         try(vitte.after)
         try(vitte.after, 'soon')
         try(vitte.after, -1)
         try(vitte.tick)
         try(vitte.tick, 0)
         try(vitte.tick, -0.5)
         try(t.recv, vitte.channel())
         try(t.recv, t, 'soon')
         try(t.cancel)
         try(vitte.select, {{t, 'send', 1}})
         try(vitte.select, {{t, 'recv', 1}})",
    )
    .printed(
        "a time in seconds expected, got nil\n\
         a time in seconds expected, got string\n\
         a time cannot be negative\n\
         a period in seconds expected, got nil\n\
         a period cannot be 0\n\
         a period cannot be negative\n\
         a timer expected, got a channel\n\
         a timeout in milliseconds expected, got string\n\
         a timer expected, got nothing (call methods with ':')\n\
         case 1: a timer is waited for with \"recv\", not with \"send\"\n\
         case 1: \"recv\" takes no value",
    );
}

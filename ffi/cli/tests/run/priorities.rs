//! Priorities: who runs first when several could.

use crate::harness::{lua, lua_with};

#[test]
fn of_tasks_that_could_run_the_most_urgent_is_first() {
    lua_with(
        &["--workers", "1"],
        "local gate, order, tasks = vitte.channel(), vitte.channel(9), {}
         for i, name in ipairs {'low', 'normal', 'high', 'low', 'normal', 'high'} do
           tasks[i] = vitte.async({priority = name}, function(_, name)
             gate:recv()
             order:send(name)
           end, name)
         end
         vitte.sleep(0.05)
         gate:close()
         for i = 1, 6 do tasks[i]:await() io.write(order:recv(), ' ') end",
        &[],
    )
    .printed("high high normal normal low low");
}

#[test]
fn a_handle_changes_the_priority_of_a_task_that_waits() {
    lua_with(
        &["--workers", "1"],
        "local gate, order, tasks = vitte.channel(), vitte.channel(3), {}
         for i = 1, 3 do
           tasks[i] = vitte.async(function() gate:recv() order:send(i) end)
         end
         vitte.sleep(0.05)
         print(tasks[1]:priority 'low', tasks[3]:priority 'high')
         print(tasks[1]:priority(), tasks[2]:priority(), tasks[3]:priority())
         gate:close()
         for i = 1, 3 do tasks[i]:await() io.write(order:recv(), ' ') end",
        &[],
    )
    .printed("normal\tnormal\nlow\tnormal\thigh\n3 2 1");
}

#[test]
fn a_task_changes_its_own_priority_and_gives_it_to_nobody() {
    lua("print(vitte.priority 'low', vitte.priority())
         local t = vitte.async({priority = 'high'}, function()
           local before = vitte.priority 'normal'
           vitte.yield()
           return before, vitte.priority()
         end)
         print(t:await())
         print(t:priority(), t:priority 'low', t:priority())
         print(vitte.async(function(_, ...) return vitte.priority(), ... end, 1, 2):await())
         print(vitte.async({}, function(_, ...) return vitte.priority(), ... end, 1, 2):await())
         vitte.priority 'normal'")
    .printed("normal\tlow\nhigh\tnormal\nnormal\tnormal\tlow\nnormal\t1\t2\nnormal\t1\t2");
}

#[test]
fn what_is_wrong_with_a_priority_is_said() {
    lua(
        "local function try(f, ...) print(select(2, pcall(f, ...))) end
         local t = vitte.async(function() end)
         try(vitte.priority, 'urgent')
         try(vitte.priority, 1)
         try(t.priority, t, {})
         try(t.priority, vitte.channel())
         try(vitte.async, {priority = true}, print)
         try(vitte.async, {urgency = 1}, print)
         try(vitte.async, {priority = 'low'})
         try(vitte.async, t, print)",
    )
    .printed(
        "a priority is \"high\", \"normal\" or \"low\", got \"urgent\"\n\
         a priority is \"high\", \"normal\" or \"low\", got integer\n\
         a priority is \"high\", \"normal\" or \"low\", got table\n\
         a task expected, got a channel\n\
         a priority is \"high\", \"normal\" or \"low\", got boolean\n\
         async: 'urgency' is not 'priority', the only option\n\
         async needs a function, got nil\n\
         async needs a function, got table",
    );
}

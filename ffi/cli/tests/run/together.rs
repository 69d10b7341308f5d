//! Several tasks at once: `parallel` and `race`.

use crate::harness::lua;

#[test]
fn all_values_come_in_order() {
    lua(
        "local function double(n) vitte.sleep((4 - n) / 1000) return n * 2, 'dropped' end
         local all = vitte.parallel {
           { function(_, n) return double(n) end, 1 },
           { function(_, n) return double(n) end, 2 },
           function(res) res(nil, 7) end,
           function(res) res { 'a', 'table' } end,
         }
         print(all.n, all[1], all[2], all[3], all[4][2])
         print(vitte.parallel({}).n)",
    )
    .printed("4\t2\t4\tnil\ttable\n0");
}

#[test]
fn one_failure_ends_the_others_before_it_is_told() {
    lua("local log = vitte.channel(math.huge)
         local function long(_, id)
           vitte.lock(id)
           log:send 'began'
           vitte.sleep(3600)
         end
         local all, err, which = vitte.parallel {
           { long, 1 },
           function() for _ = 1, 2 do log:recv() end error({ code = 7 }, 0) end,
           { long, 2 },
         }
         print(all, vitte.iserror(err), err.kind, err.value.code, which)
         print(vitte.trylock(1), vitte.trylock(2))")
    .printed("nil\ttrue\terror\t7\t2\ntrue\ttrue");
}

#[test]
fn what_computes_is_ended_too() {
    lua("local all, err, which = vitte.parallel {
           function() while true do end end,
           function() error('enough', 0) end,
         }
         print(all, err, which)
         local i, value = vitte.race {
           function() while true do end end,
           function() return 'won' end,
         }
         print(i, value)")
    .printed("nil\tenough\t2\n2\twon");
}

#[test]
fn the_first_success_wins_and_the_losers_are_over() {
    lua("local function long(_, id)
           vitte.lock(id)
           vitte.channel():recv()
         end
         local i, a, b, c = vitte.race {
           { long, 1 },
           function() error 'it cannot win' end,
           { function(_, ...) vitte.sleep(0.005) return ... end, 1, nil, 3 },
           { long, 2 },
         }
         print(i, a, b, c, vitte.trylock(1), vitte.trylock(2))")
    .printed("3\t1\tnil\t3\ttrue\ttrue");
}

#[test]
fn a_race_that_nobody_wins_has_all_errors() {
    lua("local i, errors = vitte.race {
           function() error('one', 0) end,
           function() error('two', 0) end,
         }
         print(i, #errors, errors[1], errors[2])
         print(select(2, vitte.race {})[1])")
    .printed("nil\t2\tone\ttwo\nnil");
}

#[test]
fn a_timeout_ends_all() {
    lua(
        "local function for_ever() vitte.sleep(3600) end
         print(vitte.parallel { for_ever, for_ever, timeout = 3 })
         print(vitte.race { for_ever, for_ever, timeout = 0 })
         print(vitte.parallel({ function() return 1 end, timeout = 60000, priority = 'high' })[1])",
    )
    .printed("nil\ttimeout\nnil\ttimeout\n1");
}

#[test]
fn a_kill_of_the_caller_ends_all() {
    lua("local log = vitte.channel(math.huge)
         local task = vitte.async(function()
           vitte.parallel {
             function()
               vitte.lock(1)
               log:send 'began'
               vitte.sleep(3600)
             end,
           }
           log:send 'unreachable'
         end)
         print(log:recv())
         task:kill()
         print(task:await())
         print(vitte.trylock(1), log:try_recv())")
    .printed("began\nnil\ttask #2 was killed\ntrue\tnil\tempty");
}

#[test]
fn they_nest() {
    lua("local function leaf(_, n) vitte.yield() return n end
         local function node(_, n)
           local all = assert(vitte.parallel { { leaf, n }, { leaf, n + 1 } })
           return all[1] + all[2]
         end
         local _, sum = vitte.race { { node, 10 } }
         print(sum)
         local all, err = vitte.parallel {
           function() local r, e = vitte.parallel { function() error('deep', 0) end } error(e) end,
           function() vitte.parallel { function() vitte.sleep(3600) end } end,
         }
         print(all, err)")
    .printed("21\nnil\tdeep");
}

#[test]
fn what_is_wrong_is_said_and_starts_nothing() {
    let says = |call: &str, what: &str| {
        lua(&format!(
            "local ran = vitte.channel(1)
             local function note() ran:send(1) end
             local ok, why = pcall(function() {call} end)
             print(ok, (why:gsub('^.*%.lua:3: ', '')))
             print(ran:try_recv())"
        ))
        .printed(&format!("false\t{what}\nnil\tempty"));
    };
    says(
        "vitte.parallel(note)",
        "parallel needs a table of functions, got function",
    );
    says(
        "vitte.race { note, 5 }",
        "number 2: a function expected, got integer",
    );
    says(
        "vitte.race { note, {} }",
        "number 2: a function expected, got nothing",
    );
    says(
        "vitte.parallel { note, { note, coroutine.create(note) } }",
        "number 2: argument #2: a coroutine cannot be copied",
    );
    says(
        "vitte.race { note, patience = 1 }",
        "race: 'patience' is neither the number of a function nor 'timeout' nor 'priority'",
    );
    says(
        "vitte.race { note, priority = 'great' }",
        "a priority is \"high\", \"normal\" or \"low\", got \"great\"",
    );
}

#[test]
fn a_thousand_at_once() {
    lua("local bodies = {}
         for i = 1, 1000 do bodies[i] = { function(_, n) vitte.yield() return n end, i } end
         local sum = 0
         for _, n in ipairs(vitte.parallel(bodies)) do sum = sum + n end
         print(sum)")
    .printed("500500");
}

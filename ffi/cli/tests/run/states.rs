//! Lua states are used again, and nobody can tell.

use crate::harness::lua_with;

/// Everything a task might leave behind; each is looked for by the next.
const DIRT: &str = "
  leftover = 1
  _G.print, string.upper, string.extra = nil, string.lower, 1
  table.insert, math.pi = nil, 3
  setmetatable(string, {__index = function() return 'haunted' end})
  getmetatable('').__index = {}
  getmetatable('').__add = function() return 'haunted' end
  getmetatable(io.stdout).__clone = function() return 'haunted' end
  getmetatable(io.stdout).__index.extra = 1
  package.loaded.string, package.loaded.extra, package.preload.extra = nil, 1, function() end
  package.path, package.searchers[1] = 'haunted', nil
  vitte.async, vitte.extra, llib.thread = nil, 1, nil
  collectgarbage 'stop' collectgarbage 'generational'
  io.output(io.tmpfile())
  assert(not debug.getupvalue(print, 1) and not debug.setupvalue(print, 1, 2))
  warn '@on'
  keep = coroutine.create(function() coroutine.yield() end) coroutine.resume(keep)
  setmetatable(_G, {__index = function() return 'haunted' end, __newindex = error})";

const CLEAN: &str = "
  assert(rawget(_G, 'leftover') == nil and rawget(_G, 'resurrected') == nil and keep == nil)
  assert(getmetatable(_G) == nil and getmetatable(string) == nil)
  assert(print and ('x'):upper() == 'X' and string.extra == nil and table.insert and math.pi > 3.1)
  assert(getmetatable('').__index == string and '1' + 2 == 3)
  assert(getmetatable(io.stdout).__clone == nil and io.stdout.extra == nil)
  assert(require 'string' == string and package.loaded.extra == nil and package.preload.extra == nil)
  assert(package.path ~= 'haunted' and #package.searchers == 2)
  assert(vitte.async and vitte.extra == nil and llib.thread == vitte)
  assert(collectgarbage 'isrunning' and collectgarbage 'incremental' == 'incremental')
  assert(io.output() == io.stdout)";

#[test]
fn the_next_task_finds_a_clean_state() {
    let ran = lua_with(
        &["--workers", "1", "--stats"],
        &format!(
            "for i = 1, 5 do
               local _, dirty = vitte.async(function() {DIRT} end):await()
               assert(not dirty, tostring(dirty))
               local _, e = vitte.async(function() {CLEAN} end):await()
               assert(not e, tostring(e))
             end
             print 'ok'"
        ),
        &[],
    );
    ran.printed("ok");
    let reused = ran
        .err
        .lines()
        .find_map(|l| l.split(", ").nth(2)?.strip_suffix(" reused"));
    assert!(
        reused.is_some_and(|n| n.parse::<u32>().unwrap() >= 8),
        "{ran:?}"
    );
}

#[test]
fn a_killed_or_failed_task_leaves_a_clean_state_too() {
    lua_with(
        &["--workers", "1"],
        &format!(
            "for i = 1, 3 do
               vitte.async(function() {DIRT} error 'x' end):await()
               assert(not select(2, vitte.async(function() {CLEAN} end):await()))
               local t = vitte.async(function() {DIRT} while true do end end)
               vitte.sleep(0.01) t:kill() t:await()
               assert(not select(2, vitte.async(function() {CLEAN} end):await()))
               vitte.async(function(res) {DIRT} res(1) end):await()
               assert(not select(2, vitte.async(function() {CLEAN} end):await()))
             end
             print 'ok'"
        ),
        &[],
    )
    .printed("ok");
}

#[test]
fn a_finalizer_never_runs_in_another_task() {
    lua_with(
        &["--workers", "1"],
        "local function again() ran = (ran or 0) + 1 setmetatable({}, {__gc = again}) end
         vitte.async(function() again() collectgarbage() assert(ran > 1) end):await()
         print(vitte.async(function() collectgarbage() collectgarbage() return rawget(_G, 'ran') end):await())",
        &[],
    )
    .printed("nil");
    lua_with(
        &["--workers", "1"],
        "local t = {} print(setmetatable(t, {__gc = type, __metatable = 1}) == t)
         print(pcall(setmetatable, t, nil)) print(pcall(setmetatable, t)) print(pcall(setmetatable, 1, {}))",
        &[],
    )
    .printed(
        "true\nfalse\tcannot change a protected metatable\n\
         false\tbad argument #2 to 'setmetatable' (nil or table expected)\n\
         false\tbad argument #1 to 'setmetatable' (table expected, got number)",
    );
}

#[test]
fn a_state_whose_standard_output_was_closed_is_not_used_again() {
    lua_with(
        &["--workers", "1"],
        "vitte.async(function() io.stderr:close() end):await()
         print(vitte.async(function() return io.type(io.stderr) end):await())",
        &[],
    )
    .printed("file");
}

#[test]
fn the_generator_of_random_numbers_starts_anew() {
    lua_with(
        &["--workers", "1"],
        "local function plain() return math.random(1 << 60) end
         vitte.async(function() math.randomseed(42) end):await()
         local a = vitte.async(plain):await()
         vitte.async(function() math.randomseed(42) end):await()
         print(a ~= vitte.async(plain):await())",
        &[],
    )
    .printed("true");
}

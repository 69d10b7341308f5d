//! Deep recursion is an error in Lua, never a crash, even on the smallest stack.

use crate::harness::lua_with;

/// Each of these recurses until something gives.
const DIVES: [&str; 17] = [
    "local function f() return 1 + f() end f()",
    "local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end f()",
    "local function f() local ok, e = xpcall(f, function(e) return e end) if not ok then error(e, 0) end end f()",
    "local function f() string.gsub('abc', '((((((((.))))))))', f) end f()",
    "local mt = {} mt.__tostring = function() return string.format('%s', setmetatable({}, mt)) end \
     tostring(setmetatable({}, mt))",
    "local mt = {} mt.__concat = function(s) return s .. s end local x = setmetatable({}, mt) x = x .. x",
    "local mt = {} mt.__index = function(s, k) return s[k + 1] end local x = setmetatable({}, mt)[1]",
    "local function f() local t = {} for i = 1, 100 do t[i] = i * 37 % 101 end \
     table.sort(t, function(a, b) f() return a < b end) end f()",
    "local function f() load(function() f() return nil end) end f() error 'unwound'",
    "assert(load('return ' .. string.rep('(', 1000) .. '1' .. string.rep(')', 1000)))",
    "assert(load(string.rep('local function f() ', 250) .. string.rep(' end', 250)))",
    "string.find(string.rep('a', 1000), string.rep('a?', 1000))",
    "local function f() coroutine.wrap(f)() end f()",
    "local function f() local ok, e = coroutine.resume(coroutine.create(f)) error(e, 0) end f()",
    "local function f() local x <close> = setmetatable({}, {__close = f}) end f()",
    "local function f() local b = vitte.buffer(0) b:mod(f) end f()",
    "getmetatable(io.stdout).__clone = function(f) vitte.channel(1):send(f) end \
     vitte.channel(1):send(io.tmpfile())",
];

#[test]
fn every_deep_recursion_is_an_error_in_a_task() {
    for stack in ["512K", "1M"] {
        for dive in DIVES {
            let ran = lua_with(
                &["--workers", "1", "--stack", stack],
                &format!(
                    "local v, e = vitte.async(function() {dive} end):await()
                     print(type(e) == 'table' and e.kind)
                     print(vitte.async(function() return 'others live' end):await())"
                ),
                &[],
            );
            assert_eq!(ran.status.code(), Some(0), "{stack} {dive}: {ran:?}");
            assert_eq!(ran.out, "error\nothers live\n", "{stack} {dive}: {ran:?}");
        }
    }
}

#[test]
fn every_deep_recursion_is_an_error_in_the_main_script() {
    for dive in DIVES {
        let ran = lua_with(&["--workers", "1"], dive, &[]);
        assert_eq!(ran.status.code(), Some(1), "{dive}: {ran:?}");
    }
}

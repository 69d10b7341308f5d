//! The copier, from one state to another, without a runtime.

use mlua::Value;

use super::{Label, pack, pack_task, unpack, unpack_entry};
use crate::state::State;

/// Two states, as two tasks have them.
struct Pair {
    from: State,
    to: State,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            from: State::new().unwrap(),
            to: State::new().unwrap(),
        }
    }

    fn eval(&self, source: &str) -> Vec<Value> {
        self.from
            .lua()
            .load(source)
            .eval::<mlua::MultiValue>()
            .unwrap()
            .into_vec()
    }

    /// Packs what `source` evaluates to, and runs `check` on the copy with the copies as its
    /// arguments.
    fn transfer(&self, source: &str, check: &str) {
        let parcel = pack(
            self.from.lua(),
            &self.from.builtins(),
            &self.eval(source),
            Label::Values,
        )
        .unwrap();
        let copies = unpack(self.to.lua(), &self.to.builtins(), &parcel).unwrap();
        self.to
            .lua()
            .load(check)
            .set_name("check")
            .call::<()>(copies)
            .unwrap();
    }

    fn refusal(&self, source: &str) -> String {
        pack(
            self.from.lua(),
            &self.from.builtins(),
            &self.eval(source),
            Label::Values,
        )
        .unwrap_err()
    }

    /// The same for a task's start, globals included.
    fn start(&self, source: &str, check: &str) {
        let parcel = pack_task(self.from.lua(), &self.from.builtins(), &self.eval(source)).unwrap();
        let copies = unpack(self.to.lua(), &self.to.builtins(), &parcel).unwrap();
        self.to
            .lua()
            .load(check)
            .set_name("check")
            .call::<()>(copies)
            .unwrap();
    }
}

#[test]
fn smoke() {
    Pair::new().transfer(
        "return 1, 'two', {3}, true, nil, 2.5",
        "local a, b, c, d, e, f = ...
         assert(a == 1 and b == 'two' and c[1] == 3 and d == true and e == nil and f == 2.5)",
    );
}

#[test]
fn integers_and_floats_arrive_exactly_and_stay_what_they_are() {
    Pair::new().transfer(
        "return math.maxinteger, math.mininteger, (1 << 53) + 1, 1.0, 0.0 / 0.0, -0.0",
        "local a, b, c, d, e, f = ...
         assert(a == math.maxinteger and b == math.mininteger and c == 9007199254740993)
         assert(math.type(a) == 'integer' and math.type(d) == 'float')
         assert(e ~= e and 1 / f < 0)",
    );
}

#[test]
fn strings_may_hold_any_byte() {
    Pair::new().transfer(
        r"return '\0\255\n' .. string.rep('x', 100000)",
        r"local s = ... assert(#s == 100003 and s:sub(1, 3) == '\0\255\n')",
    );
}

#[test]
fn a_table_that_contains_itself_arrives_as_one_that_does() {
    Pair::new().transfer(
        "local t = {name = 'loop'} t.me, t[1], t[t] = t, {back = t}, t return t",
        "local t = ... assert(t.me == t and t[1].back == t and t[t] == t and t.name == 'loop')",
    );
}

#[test]
fn two_references_to_one_table_arrive_as_one_table() {
    Pair::new().transfer(
        "local s = {} return {s, s}, s, function() return s end",
        "local pair, s, f = ... assert(pair[1] == s and pair[2] == s and f() == s)",
    );
}

#[test]
fn holes_negative_and_mixed_keys_survive() {
    Pair::new().transfer(
        "return {[1] = 'a', [3] = 'c', [-1] = 'm', [2.5] = 'f', [true] = 'b', x = {[{}] = 1}}",
        "local t = ...
         assert(t[1] == 'a' and t[2] == nil and t[3] == 'c' and t[-1] == 'm' and t[2.5] == 'f')
         assert(t[true] == 'b' and type(next(t.x)) == 'table')",
    );
}

#[test]
fn functions_travel_with_their_upvalues() {
    Pair::new().transfer(
        "local n, t = 5, {1, 2} return function(d) n = n + d return n, t[2] end",
        "local f = ... local a, b = f(1) assert(a == 6 and b == 2 and f(1) == 7)",
    );
}

#[test]
fn functions_that_share_an_upvalue_still_share_it() {
    Pair::new().transfer(
        "local n = 0 return {inc = function() n = n + 1 end, get = function() return n end}",
        "local c = ... c.inc() c.inc() assert(c.get() == 2)",
    );
}

#[test]
fn a_function_that_calls_itself_arrives_whole() {
    Pair::new().transfer(
        "local function fact(n) return n < 2 and 1 or n * fact(n - 1) end return fact",
        "local fact = ... assert(fact(20) == 2432902008176640000)",
    );
}

#[test]
fn metatables_travel_and_stay_shared() {
    Pair::new().transfer(
        "local Class = {} Class.__index = Class function Class:name() return self.n end
         Class.__add = function(a, b) return a.n + b.n end
         return setmetatable({n = 1}, Class), setmetatable({n = 2}, Class)",
        "local a, b = ...
         assert(getmetatable(a) == getmetatable(b) and a:name() == 1 and a + b == 3)",
    );
}

#[test]
fn a_protected_metatable_travels_too() {
    Pair::new().transfer(
        "return setmetatable({}, {__metatable = 'locked', __index = {x = 7}})",
        "local t = ... assert(getmetatable(t) == 'locked' and t.x == 7)",
    );
}

#[test]
fn finalizers_do_not_run_for_copies() {
    let pair = Pair::new();
    pair.transfer(
        "local meta = {} meta.__gc = function() finalized = true end
         return setmetatable({}, meta), meta",
        "local t, meta = ... assert(meta.__gc) t, meta = nil collectgarbage() collectgarbage()
         assert(not finalized)",
    );
}

#[test]
fn the_standard_library_is_named_not_copied() {
    Pair::new().transfer(
        "return print, string, math.floor, io.stdout, _G, vitte, getmetatable('')",
        "local p, s, floor, out, g, v, meta = ...
         assert(p == print and s == string and floor == math.floor and out == io.stdout)
         assert(g == _G and v == vitte and meta == getmetatable(''))",
    );
}

#[test]
fn a_copy_of_a_copy_is_fresh_every_time() {
    let pair = Pair::new();
    let values = pair.eval("return {1}");
    let parcel = pack(
        pair.from.lua(),
        &pair.from.builtins(),
        &values,
        Label::Values,
    )
    .unwrap();
    let copy = || unpack(pair.to.lua(), &pair.to.builtins(), &parcel).unwrap();
    pair.to
        .lua()
        .load("local a, b = ... assert(a ~= b and a[1] == 1 and b[1] == 1)")
        .call::<()>((copy().pop_front(), copy().pop_front()))
        .unwrap();
}

#[test]
fn what_cannot_be_copied_is_named_by_its_path() {
    let pair = Pair::new();
    assert_eq!(
        pair.refusal("return 1, {list = {0, 0, {handle = coroutine.create(print)}}}"),
        "value #2.list[3].handle: a coroutine cannot be copied"
    );
    assert_eq!(
        pair.refusal(
            "local f = io.tmpfile() local t = {['a b'] = f} return function() return t end"
        ),
        "value #1 upvalue 't'[\"a b\"]: a file without __clone cannot be copied"
    );
    assert_eq!(
        pair.refusal("return setmetatable({}, {__index = {co = string.gmatch('', '.')}})"),
        "value #1 metatable.__index.co: a native function cannot be copied"
    );
    assert_eq!(
        pair.refusal("return {[coroutine.create(print)] = 1}"),
        "value #1[a key]: a coroutine cannot be copied"
    );
}

#[test]
fn userdata_travel_as_what_their_clone_returns() {
    Pair::new().transfer(
        "local f = io.tmpfile()
         getmetatable(f).__clone = function(file)
           return function(text) return {remade = text} end, 'was ' .. io.type(file)
         end
         return {f, f}",
        "local t = ... assert(t[1].remade == 'was file' and t[1] == t[2])",
    );
    Pair::new().transfer(
        "local f = io.tmpfile() getmetatable(f).__clone = function() return 'plain' end return f",
        "assert(... == 'plain')",
    );
}

#[test]
fn an_error_in_clone_is_an_error_of_the_copy() {
    let refusal = Pair::new().refusal(
        "local f = io.tmpfile() getmetatable(f).__clone = function() error('no') end return {f = f}",
    );
    assert!(
        refusal.starts_with("value #1.f: __clone failed: "),
        "{refusal}"
    );
}

#[test]
fn a_clone_that_never_ends_is_refused() {
    let refusal = Pair::new().refusal(
        "getmetatable(io.stdout).__clone = function() return io.tmpfile() end return io.tmpfile()",
    );
    assert!(refusal.contains("__clone nests too deeply"), "{refusal}");
}

#[test]
fn a_list_of_a_million_links_needs_no_stack() {
    let n = if cfg!(debug_assertions) {
        50_000
    } else {
        1_000_000
    };
    std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(move || {
            Pair::new().transfer(
                &format!("local t for i = 1, {n} do t = {{next = t}} end return t"),
                &format!(
                    "local t, n = ..., 0 while t do n, t = n + 1, t.next end assert(n == {n})"
                ),
            );
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_task_gets_the_globals_its_functions_name() {
    let pair = Pair::new();
    pair.start(
        "x, unused, co = 10, {}, coroutine.create(print)
         function helper() return deep end
         deep = {n = 1}
         return function() x = x + 1 return x, helper().n end",
        "local f = ...
         local a, b = f()
         assert(a == 11 and b == 1 and unused == nil and co == nil)",
    );
    let x: i64 = pair.from.lua().globals().get("x").unwrap();
    assert_eq!(x, 10, "the parent's own");
}

#[test]
fn a_global_and_an_argument_that_are_one_table_arrive_as_one() {
    Pair::new().start(
        "shared = {} return function(t) return t == shared end, shared",
        "local f, t = ... assert(f(t) and t == shared)",
    );
}

#[test]
fn code_that_can_reach_any_global_gets_all_that_can_be_copied() {
    Pair::new().start(
        "a, b, co = 1, {2}, {coroutine.create(print)} return function(k) return _G[k] end",
        "local f = ... assert(f 'a' == 1 and f 'b'[1] == 2 and f 'co' == nil)",
    );
    Pair::new().start(
        "a = 1 return function() return load('return a')() end",
        "local f = ... assert(f() == 1)",
    );
}

#[test]
fn additions_to_the_standard_library_come_along() {
    Pair::new().start(
        "function string.trim(s) return (s:gsub('%s', '')) end
         math.co = coroutine.create(print)
         return function(s) return s:trim() end",
        "local f = ... assert(f ' a ' == 'a' and math.co == nil)",
    );
}

#[test]
fn a_named_global_that_cannot_be_copied_is_an_error() {
    let pair = Pair::new();
    let values = pair.eval("co = {coroutine.create(print)} return function() return co end");
    let refusal = pack_task(pair.from.lua(), &pair.from.builtins(), &values).unwrap_err();
    assert_eq!(refusal, "global 'co'[1]: a coroutine cannot be copied");
}

#[test]
fn one_field_can_be_copied_without_the_rest() {
    let pair = Pair::new();
    let values = pair.eval("return {10, {20}, key = {'v'}, [true] = 't'}");
    let parcel = pack(
        pair.from.lua(),
        &pair.from.builtins(),
        &values,
        Label::Values,
    )
    .unwrap();
    let get = |key: Value| unpack_entry(pair.to.lua(), &pair.to.builtins(), &parcel, &key).unwrap();
    assert_eq!(get(Value::Integer(1)), Some(Value::Integer(10)));
    let key = Value::String(pair.to.lua().create_string("key").unwrap());
    let found = get(key).unwrap();
    assert_eq!(found.as_table().unwrap().raw_get::<String>(1).unwrap(), "v");
    assert_eq!(get(Value::Integer(3)), Some(Value::Nil));
    assert_eq!(get(Value::Boolean(true)).unwrap().to_string().unwrap(), "t");
    // A float key may be an integer in disguise: left to Lua.
    assert_eq!(get(Value::Number(1.0)), None);
}

#[test]
fn every_state_numbers_its_standard_values_alike() {
    let pair = Pair::new();
    for id in 1.. {
        let (a, b) = (
            pair.from.builtins().value_of(id),
            pair.to.builtins().value_of(id),
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.type_name(), b.type_name(), "number {id}");
        if a.is_nil() {
            assert!(id > 150, "only {id} standard values");
            break;
        }
        // Native functions without state are one address in every state.
        let is_native = |f: &mlua::Function| f.info().what == "C";
        if let (Value::Function(f), Value::Function(g)) = (&a, &b) {
            assert_eq!(is_native(f), is_native(g), "number {id}");
        }
    }
}

#[test]
fn random_graphs_keep_their_shape() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(20_260_101_u64);
    println!("SEED={seed}");
    let source = format!(
        "math.randomseed({seed})
         local nodes = {{}}
         for i = 1, 300 do nodes[i] = {{id = i}} end
         local function any() return nodes[math.random(#nodes)] end
         for _, n in ipairs(nodes) do
           for j = 1, math.random(0, 4) do n[j] = any() end
           n['k' .. math.random(3)] = any()
           n[any()] = math.random(5)
           local up = any()
           if math.random(3) == 1 then n.f = function() return up end end
           if math.random(3) == 1 then setmetatable(n, any()) end
         end
         -- The shape as a string: visit in a fixed order, numbering tables as they are met.
         function shape(root)
           local seen, order, out = {{}}, {{}}, {{}}
           local function number(t)
             if not seen[t] then order[#order + 1] = t seen[t] = #order end
             return seen[t]
           end
           number(root)
           local i = 1
           while order[i] do
             local t, lines = order[i], {{}}
             for k, v in next, t do
               if type(k) == 'table' then k = 'T' .. k.id end
               local w = v
               if type(v) == 'table' then w = 'T' .. v.id
               elseif type(v) == 'function' then w = 'F' .. v().id end
               lines[#lines + 1] = tostring(k) .. '=' .. tostring(w)
             end
             table.sort(lines)
             out[i] = table.concat(lines, ',') .. (getmetatable(t) and getmetatable(t).id or '')
             local keys = {{}}
             for k, v in next, t do
               if type(k) == 'table' then keys[#keys + 1] = k end
               if type(v) == 'table' then keys[#keys + 1] = v end
             end
             table.sort(keys, function(a, b) return rawget(a, 'id') < rawget(b, 'id') end)
             for _, k in ipairs(keys) do number(k) end
             i = i + 1
           end
           return table.concat(out, ';')
         end
         return nodes[1], shape, shape(nodes[1])"
    );
    Pair::new().transfer(
        &source,
        "local root, shape, expected = ... assert(shape(root) == expected)",
    );
}

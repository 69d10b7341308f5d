-- Runs once in every new Lua state, before any script. It changes the few standard functions that do not fit a process
-- of many tasks, remembers what the standard tables hold, and returns the private functions that the host needs.
-- `native` holds the host's functions, `module` is the compiled module.lua.
local native, module = ...

local debug, io, os, coroutine, package = debug, io, os, coroutine, package
local next, type, pairs, rawget, rawset, rawequal = next, type, pairs, rawget, rawset, rawequal
local select, tostring, sort, concat = select, tostring, table.sort, table.concat
local getmetatable, setmetatable = debug.getmetatable, debug.setmetatable
local collectgarbage, warn, randomseed = collectgarbage, warn, math.randomseed
local iotype, output, input, stdout, stdin = io.type, io.output, io.input, io.stdout, io.stdin

-- A line is written with one call, so that lines of tasks that print at the same time do not mix.
function print(...)
  local n = select("#", ...)
  local line
  if n == 1 then
    line = tostring((...)) .. "\n"
  else
    local parts = { ... }
    for i = 1, n do
      parts[i] = tostring(parts[i])
    end
    line = concat(parts, "\t", 1, n) .. "\n"
  end
  stdout:write(line)
  stdout:flush()
end

-- The first three let through the error that ends a task; the last notices finalizers.
pcall, xpcall, coroutine.resume = native.pcall, native.xpcall, native.resume
_G.setmetatable = native.setmetatable

local setlocale = os.setlocale
function os.setlocale(locale, category)
  if locale ~= nil then
    return nil -- the locale belongs to the whole process
  end
  return setlocale(nil, category)
end

os.exit = native.exit

-- C modules would need the symbols of a shared Lua library.
package.loadlib = nil
package.cpath = ""
package.searchers[4], package.searchers[3] = nil, nil

-- What is left of `debug` cannot corrupt the state or reach into another task's use of it.
local getupvalue, setupvalue, upvalueid, upvaluejoin =
  debug.getupvalue, debug.setupvalue, debug.upvalueid, debug.upvaluejoin
local getinfo = debug.getinfo
local function is_lua(f)
  return type(f) == "function" and getinfo(f, "S").what ~= "C"
end
for name in pairs(debug) do
  if name ~= "traceback" and name ~= "getinfo" and name ~= "getlocal" then
    debug[name] = nil
  end
end
function debug.getupvalue(f, i)
  if is_lua(f) then return getupvalue(f, i) end
end
function debug.setupvalue(f, i, v)
  if is_lua(f) then return setupvalue(f, i, v) end
end
function debug.upvalueid(f, i)
  if is_lua(f) then return upvalueid(f, i) end
end
function debug.upvaluejoin(f, i, g, j)
  if is_lua(f) and is_lua(g) then return upvaluejoin(f, i, g, j) end
end
debug.getmetatable = _G.getmetatable

randomseed(native.entropy()) -- its own seed is the time in seconds and an address

local vitte, internals = module(native)
package.loaded.vitte = vitte
package.loaded.llib = { thread = vitte }
_G.vitte, _G.llib = vitte, package.loaded.llib

-- What every state has. The order is the same in all of them, for a value is named by its place in `list` when it
-- crosses from one to another.
local file = getmetatable(stdout)
local tables = { _G }
for _, name in ipairs { "coroutine", "debug", "io", "math", "os", "package", "string", "table", "utf8" } do
  tables[#tables + 1] = _G[name]
end
local carried = #tables
local function keep(t)
  tables[#tables + 1] = t
end
keep(vitte)
keep(package.loaded.llib)
keep(package.loaded)
keep(package.preload)
keep(package.searchers)
keep(getmetatable(""))
keep(file)
keep(file.__index)
for _, t in ipairs(internals) do
  keep(t)
  if type(t.__index) == "table" then
    keep(t.__index)
  end
end

local list, ids, saved, metas = {}, {}, {}, {}
local function name(v)
  local kind = type(v)
  if (kind == "table" or kind == "function" or kind == "userdata") and not ids[v] then
    list[#list + 1] = v
    ids[v] = #list
  end
end
for i = 1, #tables do
  name(tables[i])
end
for i = 1, #tables do
  local t, keys, copy = tables[i], {}, {}
  for k, v in next, t do
    copy[k] = v
    keys[#keys + 1] = k
  end
  saved[i] = copy
  metas[i] = getmetatable(t)
  sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, k in ipairs(keys) do
    name(t[k])
  end
end

-- Puts the standard tables back as they were. False if the state should not be used again.
local function restore()
  for i = 1, #tables do
    local t, copy = tables[i], saved[i]
    if not rawequal(getmetatable(t), metas[i]) then
      setmetatable(t, metas[i])
    end
    for k in next, t do
      if copy[k] == nil then
        t[k] = nil
      end
    end
    for k, v in next, copy do
      if not rawequal(rawget(t, k), v) then
        rawset(t, k, v)
      end
    end
  end
  if iotype(stdout) ~= "file" or iotype(stdin) ~= "file" or iotype(io.stderr) ~= "file" then
    return false
  end
  output(stdout)
  input(stdin)
  randomseed(native.entropy())
  warn("@off")
  collectgarbage("incremental", 200, 100)
  collectgarbage("restart")
  collectgarbage()
  return true
end

-- What a script has added to the standard tables or replaced in them, as a flat list of table number, key, value; nil if
-- there is nothing.
local function changes()
  local found
  for i = 1, carried do
    local t, copy = tables[i], saved[i]
    for k, v in next, t do
      if not rawequal(copy[k], v) then
        found = found or {}
        local n = #found
        found[n + 1], found[n + 2], found[n + 3] = i, k, v
      end
    end
  end
  return found
end

return {
  list = list,
  ids = ids,
  standard = saved[1],
  restore = restore,
  changes = changes,
  getmetatable = getmetatable,
  getupvalue = getupvalue,
  setupvalue = setupvalue,
  upvalueid = upvalueid,
  upvaluejoin = upvaluejoin,
  make_task_argument = internals.make_task_argument,
}

-- Runs once in every new Lua state, before any script. It changes the few standard functions that
-- do not fit a process of many tasks, remembers what the standard tables hold, and returns the
-- private functions that the host needs. `native` holds the host's functions, `module` is the
-- compiled module.lua.
local native, module = ...

local debug, io, os, coroutine, package = debug, io, os, coroutine, package
local next, type, pairs, rawget, rawset, rawequal = next, type, pairs, rawget, rawset, rawequal
local select, tostring, sort, concat = select, tostring, table.sort, table.concat
local getmetatable, setmetatable = debug.getmetatable, debug.setmetatable
local collectgarbage, warn, randomseed, differs = collectgarbage, warn, math.randomseed, native.differs
local iotype, output, input = io.type, io.output, io.input
local stdin, stdout, stderr = io.stdin, io.stdout, io.stderr

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

-- The first ones let through the error that ends a task; the last notices finalizers.
pcall, xpcall, coroutine.resume, coroutine.close = native.pcall, native.xpcall, native.resume, native.close
do
  local create, resume, close, error = coroutine.create, native.resume, native.close, error
  local function wrapped(co, ok, ...)
    if ok then
      return ...
    end
    close(co)
    error((...), 2)
  end
  function coroutine.wrap(f)
    local co = create(f)
    return function(...)
      return wrapped(co, resume(co, ...))
    end
  end
end
_G.setmetatable = native.setmetatable

local setlocale = os.setlocale
function os.setlocale(locale, category)
  if locale ~= nil then
    return nil -- the locale belongs to the whole process
  end
  return setlocale(nil, category)
end

os.exit = native.exit

-- These wait for the outside world without holding up the worker.
os.execute = native.execute
do
  local read, file_read, input, stdin = native.read, getmetatable(io.stdout).__index.read, io.input, io.stdin
  function io.read(...)
    if rawequal(input(), stdin) then
      return read(...)
    end
    return file_read(input(), ...)
  end
  getmetatable(io.stdout).__index.read = function(file, ...)
    if rawequal(file, stdin) and rawequal(input(), stdin) then
      return read(...)
    end
    return file_read(file, ...)
  end
end

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

-- Files that are still open are closed by a collection.
local has_files = false
local function opens(f)
  return function(...)
    has_files = true
    return f(...)
  end
end

for _, f in ipairs { "open", "popen", "tmpfile", "lines", "input", "output" } do
  io[f] = opens(io[f])
end

-- What every state has. The order is the same in all of them, for a value is named by its place in
-- `list` when it crosses from one to another.
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

-- `saved[i]` is a copy of the i-th table as it is now.
local list, ids, saved, counts, metas = native.sized(256, 0), native.sized(0, 256), {}, {}, {}
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
  local t, keys, n = tables[i], {}, 0
  for k in next, t do
    n = n + 1
    keys[n] = k
  end
  local copy = native.sized(0, n)
  for k, v in next, t do
    copy[k] = v
  end
  sort(keys) -- within one table they are all strings or all integers
  for _, k in ipairs(keys) do
    name(t[k])
  end
  saved[i], counts[i], metas[i] = copy, n, getmetatable(t)
end

local function repair(t, copy)
  for k in next, t do
    if copy[k] == nil then
      t[k] = nil
    end
  end
  for k, v in next, copy do
    rawset(t, k, v)
  end
end

-- Puts everything back as it was. False if the state should not be used again.
local function restore(collect)
  for i = 1, #tables do
    local t, copy = tables[i], saved[i]
    if not rawequal(getmetatable(t), metas[i]) then
      setmetatable(t, metas[i])
    end
    if differs(t, copy, counts[i]) then
      repair(t, copy)
    end
  end
  if iotype(stdout) ~= "file" or iotype(stdin) ~= "file" or iotype(stderr) ~= "file" then
    return false
  end
  randomseed(native.entropy())
  warn("@off")
  collectgarbage("incremental", 200, 100)
  if not collectgarbage("isrunning") then
    collectgarbage("restart") -- not always: it also makes the collector begin at once
  end
  if collect or has_files then
    output(stdout)
    input(stdin)
    has_files = false
    collectgarbage()
  end
  return true
end

-- What a script has added to the standard tables or replaced in them, as a flat list of table
-- number, key, value; nil if there is nothing.
local function changes()
  local found
  for i = 1, carried do
    local t, copy = tables[i], saved[i]
    if differs(t, copy, counts[i]) then
      for k, v in next, t do
        if not rawequal(copy[k], v) then
          found = found or {}
          local n = #found
          found[n + 1], found[n + 2], found[n + 3] = i, k, v
        end
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

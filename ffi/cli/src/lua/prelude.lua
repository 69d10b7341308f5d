-- Runs once in every new Lua state, before any script. It changes the few standard functions that
-- do not fit a process of many tasks, adds what is easier in Lua than in the host, and returns what
-- the host needs of Lua. `native` holds functions of the host, `vitte` the module without what is
-- added here, `metas` the metatables of its objects.
local native, vitte, metas = ...

local debug, io, os, coroutine, package = debug, io, os, coroutine, package
local type, pairs, ipairs, rawequal = type, pairs, ipairs, rawequal
local select, tostring, concat = select, tostring, table.concat
local getmetatable = debug.getmetatable
local collectgarbage, warn, randomseed = collectgarbage, warn, math.randomseed
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
pcall, xpcall = native.pcall, native.xpcall
coroutine.resume, coroutine.close = native.resume, native.close
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
  local read, file_read = native.read, getmetatable(io.stdout).__index.read
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
  -- Neither C nor in this file, which is loaded without debug information.
  local source = type(f) == "function" and getinfo(f, "S").source
  return source and source ~= "=[C]" and source ~= "=?"
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

-- What a method of the module cannot do, because it runs code of the script.
local buffer_meta = metas[4]
local Buffer = buffer_meta.__index
do
  local begin, commit, abort = native.buffer_begin, native.buffer_commit, native.buffer_abort
  local index, get, same = native.buffer_index, Buffer.get, buffer_meta.__eq
  local pcall, error = native.pcall, error

  local function modified(buffer, ok, value)
    if not ok then
      abort(buffer)
      error(value, 0)
    end
    return commit(buffer, value)
  end

  function Buffer.mod(buffer, fn, ...)
    return modified(buffer, pcall(fn, begin(buffer, fn), ...))
  end

  -- What is not a method is looked up in a copy of the contents. A function found there takes the
  -- contents, not the buffer, as its `self`: `b:update(x)` is `b:get():update(x)`.
  function buffer_meta.__index(buffer, key)
    local method = Buffer[key]
    if method then
      return method
    end
    local found, value = index(buffer, key)
    if not found then
      value = value[key]
    end
    if type(value) ~= "function" then
      return value
    end
    return function(first, ...)
      if same(first, buffer) then
        first = get(first)
      end
      return value(first, ...)
    end
  end

  function buffer_meta.__call(buffer, ...)
    return get(buffer)(...)
  end

  function buffer_meta.__pairs(buffer)
    return pairs(get(buffer))
  end
end

vitte.tcp = { listen = native.tcp_listen, connect = native.tcp_connect }

package.loaded.vitte = vitte
package.loaded.llib = { thread = vitte }
_G.vitte, _G.llib = vitte, package.loaded.llib

-- Every table that scripts can reach and change, the standard library first.
local file = getmetatable(stdout)
local tables = {
  _G, coroutine, debug, io, math, os, package, string, table, utf8,
  vitte, package.loaded.llib, package.loaded, package.preload, package.searchers,
  getmetatable(""), file, file.__index, Buffer, vitte.tcp,
}
local carried = 10
for _, meta in ipairs(metas) do
  tables[#tables + 1] = meta
  if type(meta.__index) == "table" then
    tables[#tables + 1] = meta.__index
  end
end

-- Makes the rest of a used state like new. False if the state should not be used again.
local function tidy(collect, seed)
  if iotype(stdout) ~= "file" or iotype(stdin) ~= "file" or iotype(stderr) ~= "file" then
    return false
  end
  randomseed(seed)
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

return {
  tables = tables,
  carried = carried,
  tidy = tidy,
  getmetatable = getmetatable,
  getupvalue = getupvalue,
  setupvalue = setupvalue,
  upvalueid = upvalueid,
  upvaluejoin = upvaluejoin,
}

-- The module `vitte`: thin Lua objects around the host's functions, which arrive in `native`. A
-- host function returns true and its results, or false and a message. Objects are tables that hold
-- the host's object under OBJECT; their metatables are the same in every state, and so they cross
-- from task to task as they are.
local native = ...

local error, getmetatable, setmetatable, rawget, rawequal = error, getmetatable, setmetatable, rawget, rawequal
local type, tostring, pairs, ipairs, pcall = type, tostring, pairs, ipairs, native.pcall

local OBJECT = "\0object"

local Task, Res, Channel, Buffer, Mutex, Error = {}, {}, {}, {}, {}, {}
local metas = {
  { __index = Task, __name = "vitte.task", __metatable = "vitte.task" },
  { __index = Res, __name = "vitte.res", __metatable = "vitte.res" },
  { __index = Channel, __name = "vitte.channel", __metatable = "vitte.channel" },
  { __name = "vitte.buffer", __metatable = "vitte.buffer" },
  { __index = Mutex, __name = "vitte.mutex", __metatable = "vitte.mutex" },
  { __index = Error, __name = "vitte.error", __metatable = "vitte.error" },
}
local task_meta, res_meta, channel_meta, buffer_meta, mutex_meta, error_meta =
  metas[1], metas[2], metas[3], metas[4], metas[5], metas[6]

local function wrap(meta, object)
  return setmetatable({ [OBJECT] = object }, meta)
end

-- Always tail-called, so that level 2 is whoever called the function of this module.
local function check(ok, ...)
  if ok then
    return ...
  end
  error((...), 2)
end

local function wrapped(meta, ok, object)
  if ok then
    return wrap(meta, object)
  end
  error(object, 2)
end

local function object_of(self, what)
  local object = type(self) == "table" and rawget(self, OBJECT)
  if not object then
    error("a " .. what .. " expected, got " .. type(self) .. " (call methods with ':')", 3)
  end
  return object
end

for _, meta in ipairs(metas) do
  if meta ~= error_meta then
    local name = meta.__name
    meta.__eq = function(a, b)
      a, b = rawget(a, OBJECT), rawget(b, OBJECT)
      return a ~= nil and b ~= nil and native.same(a, b)
    end
    meta.__tostring = function(self)
      return name .. " #" .. native.number(rawget(self, OBJECT))
    end
  end
end
buffer_meta.__tostring = nil

-- Tasks
-- --------------------------------------------------------------------------------------------------------------

error_meta.__tostring = function(self)
  return tostring(rawget(self, "message"))
end

local function make_error(kind, message, traceback, value)
  return setmetatable({ kind = kind, message = message, traceback = traceback, value = value }, error_meta)
end

local function outcome(ok, how, ...)
  if not ok then
    error(how, 2)
  elseif how == "done" then
    return ...
  elseif how == "timeout" then
    return nil, "timeout"
  end
  return nil, make_error(how, ...)
end

function Task:await(timeout_ms, keep)
  return outcome(native.task_await(object_of(self, "task"), timeout_ms, keep))
end

function Task:next(timeout_ms)
  return check(native.task_next(object_of(self, "task"), timeout_ms))
end

function Task:kill()
  return check(native.task_kill(object_of(self, "task")))
end

function Task:status()
  return check(native.task_status(object_of(self, "task")))
end

function Task:clean()
  return check(native.task_clean(object_of(self, "task")))
end

function Res:send(...)
  return check(native.res_send(object_of(self, "res"), ...))
end

res_meta.__call = function(self, ...)
  return check(native.res_complete(object_of(self, "res"), ...))
end

-- Channels
-- -----------------------------------------------------------------------------------------------------------

function Channel:send(value, timeout_ms)
  return check(native.chan_send(object_of(self, "channel"), timeout_ms, value))
end

function Channel:recv(timeout_ms)
  return check(native.chan_recv(object_of(self, "channel"), timeout_ms))
end

function Channel:try_send(value)
  return check(native.chan_try_send(object_of(self, "channel"), value))
end

function Channel:try_recv()
  return check(native.chan_try_recv(object_of(self, "channel")))
end

function Channel:close()
  return check(native.chan_close(object_of(self, "channel")))
end

function Channel:capacity()
  return check(native.chan_capacity(object_of(self, "channel")))
end

local function receive(self)
  return (check(native.chan_recv(object_of(self, "channel"))))
end

function Channel:iter()
  object_of(self, "channel")
  return receive, self
end

channel_meta.__call = receive

-- Buffers
-- ------------------------------------------------------------------------------------------------------------

function Buffer:get()
  return check(native.buffer_get(object_of(self, "buffer")))
end

function Buffer:set(value)
  return check(native.buffer_set(object_of(self, "buffer"), value))
end

local function modified(object, ok, value)
  if not ok then
    native.buffer_abort(object)
    error(value, 0)
  end
  return check(native.buffer_commit(object, value))
end

function Buffer:mod(fn, ...)
  local object = object_of(self, "buffer")
  if type(fn) ~= "function" then
    error("buffer:mod needs a function, got " .. type(fn), 2)
  end
  local ok, value = native.buffer_begin(object)
  if not ok then
    error(value, 2)
  end
  return modified(object, pcall(fn, value, ...))
end

function Buffer:clean()
  return check(native.buffer_clean(object_of(self, "buffer")))
end

local function is_buffer(v)
  return type(v) == "table" and rawget(v, OBJECT) ~= nil and getmetatable(v) == "vitte.buffer"
end

local function content(v)
  if is_buffer(v) then
    return check(native.buffer_get(rawget(v, OBJECT)))
  end
  return v
end

-- What is not a method is looked up in a copy of the contents. A function found there takes the
-- contents, not the buffer, as its `self`: `b:update(x)` is `b:get():update(x)`.
buffer_meta.__index = function(self, key)
  local method = Buffer[key]
  if method then
    return method
  end
  local object = rawget(self, OBJECT)
  local ok, found, value = native.buffer_index(object, key)
  if not ok then
    error(found, 2)
  end
  if not found then
    value = value[key]
  end
  if type(value) ~= "function" then
    return value
  end
  return function(first, ...)
    if is_buffer(first) and native.same(rawget(first, OBJECT), object) then
      first = content(first)
    end
    return value(first, ...)
  end
end
buffer_meta.__newindex = function()
  error("a buffer's fields are read only: use set or mod", 2)
end
buffer_meta.__add = function(a, b) return content(a) + content(b) end
buffer_meta.__sub = function(a, b) return content(a) - content(b) end
buffer_meta.__mul = function(a, b) return content(a) * content(b) end
buffer_meta.__div = function(a, b) return content(a) / content(b) end
buffer_meta.__mod = function(a, b) return content(a) % content(b) end
buffer_meta.__pow = function(a, b) return content(a) ^ content(b) end
buffer_meta.__idiv = function(a, b) return content(a) // content(b) end
buffer_meta.__band = function(a, b) return content(a) & content(b) end
buffer_meta.__bor = function(a, b) return content(a) | content(b) end
buffer_meta.__bxor = function(a, b) return content(a) ~ content(b) end
buffer_meta.__shl = function(a, b) return content(a) << content(b) end
buffer_meta.__shr = function(a, b) return content(a) >> content(b) end
buffer_meta.__concat = function(a, b) return content(a) .. content(b) end
buffer_meta.__lt = function(a, b) return content(a) < content(b) end
buffer_meta.__le = function(a, b) return content(a) <= content(b) end
buffer_meta.__unm = function(a) return -content(a) end
buffer_meta.__bnot = function(a) return ~content(a) end
buffer_meta.__len = function(a) return #content(a) end
buffer_meta.__tostring = function(a) return tostring(content(a)) end
buffer_meta.__call = function(a, ...) return content(a)(...) end
buffer_meta.__pairs = function(a) return pairs(content(a)) end

-- Locks
-- --------------------------------------------------------------------------------------------------------------

function Mutex:lock(timeout_ms)
  return check(native.mutex_lock(object_of(self, "mutex"), timeout_ms))
end

function Mutex:trylock()
  return check(native.mutex_try(object_of(self, "mutex")))
end

function Mutex:unlock()
  return check(native.mutex_unlock(object_of(self, "mutex")))
end

function Mutex:free()
  return check(native.mutex_free(object_of(self, "mutex")))
end

-- The module
-- ---------------------------------------------------------------------------------------------------------

local vitte = {}

function vitte.async(fn, ...)
  return wrapped(task_meta, native.async(fn, ...))
end

function vitte.channel(capacity)
  return wrapped(channel_meta, native.channel(capacity))
end

function vitte.buffer(value)
  return wrapped(buffer_meta, native.buffer(value))
end

function vitte.mutex()
  return wrapped(mutex_meta, native.mutex())
end

function vitte.lock(id, timeout_ms)
  return check(native.lock(id, timeout_ms))
end

function vitte.trylock(id)
  return check(native.trylock(id))
end

function vitte.unlock(id)
  return check(native.unlock(id))
end

function vitte.sleep(seconds)
  return check(native.sleep(seconds))
end

function vitte.usleep(microseconds)
  return check(native.usleep(microseconds))
end

function vitte.yield()
  return check(native.yield())
end

function vitte.workers()
  return check(native.workers())
end

function vitte.now()
  return check(native.now())
end

function vitte.iserror(value)
  return type(value) == "table" and getmetatable(value) == "vitte.error"
end

metas.make_task_argument = function(object)
  return wrap(res_meta, object)
end

return vitte, metas

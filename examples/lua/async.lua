-- Tasks in llib's own words: results, errors, timeouts, streams, kill.

local llib = require "llib"

local task = llib.thread.async(function(res)
  local n = 0
  for _ = 1, 5 do
    n = n + 1
  end
  res(n)
end)
print("value: " .. task:await())
print("again: " .. task:await()) -- a fresh copy of the same

-- A timeout is an answer; the task goes on.
local slow = llib.thread.async(function(res)
  llib.thread.sleep(0.3)
  res(500)
end)
assert(slow:await(20) == nil)
print("after a timeout: " .. slow:await())

-- An error in a task is a value here.
local value, err = llib.thread.async(function(res)
  error("oops", 0)
end):await()
assert(value == nil and err.traceback)
print("an error: " .. tostring(err))

-- What a task sends while it runs comes in order.
local squares = llib.thread.async(function(res)
  for i = 1, 4 do
    res:send(i * i)
  end
end)
local seen = {}
for square in function() return squares:next() end do
  seen[#seen + 1] = square
end
print("stream: " .. table.concat(seen, " "))

-- Nothing runs for ever against its parent's will.
local forever = llib.thread.async(function()
  while true do end
end)
forever:kill()
forever:await()
print("status: " .. forever:status())

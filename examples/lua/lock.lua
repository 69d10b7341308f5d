-- Locks in llib's own words: named by integers, the same for every task.

local llib = require "llib"

llib.thread.lock(5)
print("main holds lock 5")

local t = llib.thread.async(function(res)
  llib.thread.lock(5)
  print("task got it")
  llib.thread.unlock(5)
  res(true)
end)

assert(t:await(50) == nil) -- it waits
print("main lets go")
llib.thread.unlock(5)
t:await()

-- A mutex is a lock without a name. Whoever holds it may read, think and write undisturbed.
local mutex = llib.thread.mutex()
local tickets, sold = llib.thread.buffer(100), llib.thread.buffer(0)

local function sell(res)
  while true do
    mutex:lock()
    local left = tickets:get()
    if left == 0 then
      mutex:unlock()
      return
    end
    llib.thread.sleep(0) -- anybody else may run here
    tickets:set(left - 1)
    sold:set(sold:get() + 1)
    mutex:unlock()
  end
end

local sellers = {}
for i = 1, 5 do
  sellers[i] = llib.thread.async(sell)
end
for _, seller in ipairs(sellers) do
  seller:await()
end
mutex:free()
print("tickets sold: " .. sold:get())

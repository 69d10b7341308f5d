-- Buffers in llib's own words: a value that tasks share by copying it in and out.

local llib = require "llib"

local buffer = llib.thread.buffer({ 2, 3, 4 })
buffer:set({ 3, 4, 5 })
print(table.concat(buffer:get(), " "))

buffer:mod(function(obj)
  for i = 1, #obj do
    obj[i] = obj[i] + 1
  end
  return obj
end)
print(table.concat(buffer:get(), " "))
assert(buffer[1] == 4 and #buffer == 3)
buffer:clean()

-- `mod` is atomic: no increment is lost.
local counter = llib.thread.buffer(0)
local tasks = {}
for i = 1, 4 do
  tasks[i] = llib.thread.async(function(res)
    for _ = 1, 1000 do
      counter:mod(function(n) return n + 1 end)
    end
  end)
end
for _, task in ipairs(tasks) do
  task:await()
end
print("count: " .. counter:get())

-- Objects travel with their methods; a method called on the buffer works on a copy of the contents.
local Longest = {}
Longest.__index = Longest
function Longest:update(word)
  if #word > #self.word then
    self.word = word
  end
  return self
end

local longest = llib.thread.buffer(setmetatable({ word = "" }, Longest))
local words = {}
local text = "many tasks share one value without sharing memory this is called concurrency"
for word in text:gmatch("%a+") do
  words[#words + 1] = llib.thread.async(function(res)
    longest:mod(function(l) return l:update(word) end)
  end)
end
for _, task in ipairs(words) do
  task:await()
end
print("longest: " .. longest.word)

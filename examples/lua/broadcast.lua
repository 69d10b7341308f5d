-- A news feed: every headline to every reader, and a slow reader is told what it missed.
--
--   vitte run examples/lua/broadcast.lua [N]       N headlines; 10 if not given

local vitte = require "vitte"

local n = tonumber((...)) or 10
local feed = vitte.broadcast(4) -- readers may lie four headlines behind
local printed = vitte.channel()

-- Subscribing comes first: a reader gets what is sent from then on.
local function archive(_, news)
  local all = {}
  for headline in news do
    all[#all + 1] = headline.number
    printed:send(headline.number)
  end
  return #all, news:missed()
end
local archivist = vitte.async(archive, feed:subscribe())
local late = feed:subscribe()

for i = 1, n do
  feed:send { number = i, text = "headline " .. i }
  printed:recv() -- the next one when this is in the archive
end
feed:close()

local kept, lost = archivist:await()
print("archived: " .. kept .. ", missed: " .. lost)

-- The other one reads only now. What is gone is counted, and what is left can be read.
for headline, missed in late do
  if missed > 0 then
    print("late by " .. missed)
  end
  print("late: " .. headline.text)
end

-- A pipeline with a stage of several tasks, whose results come out in the order of the input.
--
--   vitte run examples/lua/pipeline.lua [N]

local vitte = require "vitte"

local n = tonumber((...)) or 1000
local jobs, results = vitte.channel(8), vitte.channel(8)

vitte.async(function()
  for i = 1, n do
    jobs:send({ index = i })
  end
  jobs:close()
end)

local stage = {}
for i = 1, 4 do
  stage[i] = vitte.async(function()
    for job in jobs do
      job.square = job.index * job.index
      results:send(job)
    end
  end)
end
vitte.async(function()
  for _, task in ipairs(stage) do
    task:await()
  end
  results:close()
end)

-- What comes early waits in `early` for its turn.
local early, turn, sum = {}, 1, 0
for job in results do
  early[job.index] = job
  while early[turn] do
    sum = sum + early[turn].square
    early[turn] = nil
    turn = turn + 1
  end
end
assert(turn == n + 1)
print("sum of squares: " .. sum)

-- A kitchen: orders from two shops, room on the counter, and closing time, whatever comes first.
--
--   vitte run examples/lua/select.lua [N]          N orders from each shop; 20 if not given

local vitte = require "vitte"

local n = tonumber((...)) or 20

local function shop(name)
  local orders = vitte.channel()
  vitte.async(function()
    for i = 1, n do
      orders:send { shop = name, number = i }
    end
    orders:close()
  end)
  return orders
end

local north, south, counter = shop "north", shop "south", vitte.channel(2)

local waiter = vitte.async(function()
  local served = { north = 0, south = 0 }
  for dish in counter do
    assert(dish.number == served[dish.shop] + 1, "each shop's dishes come in order")
    served[dish.shop] = dish.number
  end
  return served.north, served.south
end)

-- A case that is nil or false is switched off: a shop that has closed, an empty queue.
local queue = {}
while north or south or queue[1] do
  local i, value, why = vitte.select {
    north and { north, "recv" },
    south and { south, "recv" },
    queue[1] and { counter, "send", queue[1] },
    timeout = 60000,
  }
  if i == 3 then
    table.remove(queue, 1)
  elseif i and value then
    queue[#queue + 1] = value
  elseif i == 1 then
    north = false
  elseif i == 2 then
    south = false
  else
    error("for a minute: " .. value) -- "timeout"; i is nil
  end
end
counter:close()
print("served:", waiter:await())

-- The first of several tasks, and the others are told to stop.
local runners = {}
for lane = 1, 3 do
  runners[lane] = vitte.async(function()
    vitte.sleep(lane == 2 and 0 or 1000)
    return "lane " .. lane
  end)
end
local first, name = vitte.select {
  { runners[1], "await" }, { runners[2], "await" }, { runners[3], "await" },
}
for lane, runner in ipairs(runners) do
  if lane ~= first then
    runner:kill()
  end
end
print("first: " .. name)

-- With a default, select looks and does not wait.
print(vitte.select { { vitte.channel(1), "recv" }, default = true })

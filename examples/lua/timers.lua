-- A kettle: it is looked at in a beat, until it boils or somebody loses patience.
--
--   vitte run examples/lua/timers.lua [DEGREES]     how much warmer it gets each time; 20 if not given

local vitte = require "vitte"

local step = tonumber((...)) or 20

-- Water gets warm in the background: others come first.
local steam = vitte.channel(1)
local kettle = vitte.async({ priority = "low" }, function()
  local degrees = 20
  for _, missed in vitte.tick(0.002) do
    degrees = degrees + step * (1 + missed) -- late is not colder
    if degrees >= 100 then
      steam:send "it boils"
      return vitte.priority()
    end
  end
end)

-- One deadline for all that comes: the timer goes on while values arrive.
local patience, looks = vitte.after(60), vitte.tick(0.001)
local what
repeat
  local i, value = vitte.select { { steam, "recv" }, { looks, "recv" }, { patience, "recv" } }
  what = i == 1 and value or i == 3 and "too slow"
until what
print(what)
print("its priority: " .. kettle:await())

-- Who waits for a timer that is canceled waits no longer.
local guest = vitte.async(function(_, timer)
  return select(2, timer:recv())
end, patience)
print(patience:cancel(), guest:await())

-- A tree of tasks: each starts ten, down to N leaves, and the leaves' numbers are added up on the
-- way back.
--
--   vitte run examples/lua/skynet.lua [N]       N is a power of ten; 10000 if not given

local vitte = require "vitte"

local function skynet(_, number, size)
  if size == 1 then
    return number
  end
  local part, children, sum = size // 10, {}, 0
  for i = 1, 10 do
    children[i] = vitte.async(skynet, number + (i - 1) * part, part)
  end
  for i = 1, 10 do
    sum = sum + children[i]:await()
  end
  return sum
end

local n = tonumber((...)) or 10000
local began = vitte.now()
print(vitte.async(skynet, 0, n):await())
io.stderr:write(string.format("%d leaves in %.3f s\n", n, vitte.now() - began))

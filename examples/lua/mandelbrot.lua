-- The Mandelbrot set in characters, one task a line. Pure arithmetic, so two workers take half the
-- time of one:
--
--   time vitte run --workers 1 examples/lua/mandelbrot.lua 200 80 time vitte run --workers 2
-- examples/lua/mandelbrot.lua 200 80

local vitte = require "vitte"

local width, height = tonumber((...)) or 78, tonumber((select(2, ...))) or 32
local shades = " .:-=+*#%@"
local limit = 1000

local function line(_, y)
  local chars = {}
  for x = 1, width do
    local cr, ci = (x / width) * 3 - 2.2, (y / height) * 2.4 - 1.2
    local zr, zi, n = 0.0, 0.0, 0
    while n < limit and zr * zr + zi * zi < 4 do
      zr, zi = zr * zr - zi * zi + cr, 2 * zr * zi + ci
      n = n + 1
    end
    local shade = n == limit and #shades or 1 + n % (#shades - 1)
    chars[x] = shades:sub(shade, shade)
  end
  return table.concat(chars)
end

local lines = {}
for y = 1, height do
  lines[y] = vitte.async(line, y)
end
for y = 1, height do
  print((lines[y]:await()))
end

-- Counts the words of the files given as arguments, one task a file, and prints what `wc -w`
-- prints.
--
--   vitte run examples/lua/wordcount.lua README.md ffi/cli/src/*.rs
--
-- Tasks share nothing: each opens its own file, and only the number comes back.

local vitte = require "vitte"

local function count(_, name)
  local file, why = io.open(name, "rb")
  if not file then
    error(why, 0)
  end
  -- A word is a run of bytes that are not white space. One may straddle two blocks.
  local words, inside = 0, false
  for block in function() return file:read(1 << 16) end do
    if inside and block:find("^%S") then
      words = words - 1
    end
    local _, n = block:gsub("%S+", "")
    words = words + n
    inside = block:find("%S$") ~= nil
  end
  file:close()
  return words
end

if #arg == 0 then
  io.stderr:write("usage: wordcount.lua FILE...\n")
  os.exit(2)
end

local tasks = {}
for i, name in ipairs(arg) do
  tasks[i] = vitte.async(count, name)
end

local total, failed = 0, false
for i, name in ipairs(arg) do
  local words, err = tasks[i]:await()
  if words then
    print(string.format("%7d %s", words, name))
    total = total + words
  else
    io.stderr:write("wordcount: ", tostring(err), "\n")
    failed = true
  end
end
if #arg > 1 then
  print(string.format("%7d total", total))
end
os.exit(not failed)

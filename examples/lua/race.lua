-- Several tasks at once: all of them, or the first that succeeds. None is left behind.

local trees = { "ash", "birch", "cedar" }

local function find(_, name, pause)
  vitte.sleep(pause)
  for _, tree in ipairs(trees) do
    if tree == name then
      return tree
    end
  end
  error("no such tree: " .. name, 0)
end

local found = assert(vitte.parallel {
  { find, "ash", 0.002 },
  { find, "birch", 0.001 },
  { find, "cedar", 0 },
})
print("all: " .. table.concat(found, " ", 1, found.n))

-- The one that fails ends the one that would take an hour.
local _, err, number = vitte.parallel {
  { find, "ash", 3600 },
  { find, "elm", 0 },
}
print("failed: number " .. number .. ": " .. tostring(err))

local first, tree = vitte.race {
  { find, "ash", 3600 },
  { find, "elm", 0 },
  { find, "cedar", 0.001 },
}
print("first: number " .. first .. ", " .. tree)

local nobody, errors = vitte.race { { find, "elm", 0 }, { find, "oak", 0 } }
assert(nobody == nil)
print("nobody: " .. #errors .. " errors")

local late, why = vitte.race { { find, "ash", 3600 }, timeout = 5 }
assert(late == nil)
print("late: " .. why)

-- The first N primes, by a chain of tasks: each holds one prime and hands on what it does not
-- divide.
--
--   vitte run examples/lua/sieve.lua [N]        N is 100 if not given

local vitte = require "vitte"

local wanted = tonumber((...)) or 100

local function numbers(_, out)
  local n = 2
  while out:send(n) do -- nil once the channel is closed
    n = n + 1
  end
end

local function filter(_, prime, from, out)
  for n in from do
    if n % prime ~= 0 and not out:send(n) then
      break
    end
  end
  from:close() -- so that the task before this one ends too
end

local source = vitte.channel(16)
vitte.async(numbers, source)

local primes = {}
while #primes < wanted do
  local prime = source:recv()
  primes[#primes + 1] = prime
  local rest = vitte.channel(16)
  vitte.async(filter, prime, source, rest)
  source = rest
end
source:close()
print(table.concat(primes, " "))

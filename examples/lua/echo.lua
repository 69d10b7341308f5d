-- A server that sends back what it is sent, a task for each connection, and some clients who try it.
--   vitte run examples/lua/echo.lua [clients]
local vitte = require "vitte"

local function answer(_, stream)
  for text in function() return stream:read() end do
    stream:write(text)
  end
  stream:close()
end

local function serve(_, listener)
  for stream in function() return listener:accept() end do
    vitte.async(answer, stream)
  end
end

local function try(_, port, n)
  local stream = assert(vitte.tcp.connect("127.0.0.1", port, 10000))
  local message = ("message of client %d"):format(n)
  assert(stream:write(message))
  local back = stream:read()
  stream:close()
  return back == message
end

local listener = assert(vitte.tcp.listen("127.0.0.1", 0))
local server = vitte.async(serve, listener)
local count, answered, clients = tonumber(arg[1]) or 20, 0, {}
for n = 1, count do
  clients[n] = vitte.async(try, listener:port(), n)
end
for _, client in ipairs(clients) do
  if client:await() then
    answered = answered + 1
  end
end
listener:close()
server:await()
print(("%d of %d clients were answered"):format(answered, count))

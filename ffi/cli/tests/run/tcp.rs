//! Connections.

use crate::harness::lua;

#[test]
fn a_hundred_clients_are_answered() {
    lua("local listener = assert(vitte.tcp.listen('127.0.0.1', 0))
         local port = listener:port()
         local server = vitte.async(function(_, listener)
           for _ = 1, 100 do
             local stream = assert(listener:accept())
             vitte.async(function(_, stream)
               while true do
                 local text = stream:read()
                 if not text then return stream:close() end
                 assert(stream:write(text:upper()))
               end
             end, stream)
           end
         end, listener)
         local clients, sum = {}, 0
         for n = 1, 100 do
           clients[n] = vitte.async(function(_, n, port)
             local stream = assert(vitte.tcp.connect('127.0.0.1', port, 60000))
             for turn = 1, 5 do
               local text = ('client %d turn %d'):format(n, turn)
               assert(stream:write(text))
               assert(stream:read() == text:upper())
             end
             stream:finish()
             local rest, why = stream:read()
             return rest == nil and why == 'closed' and 1 or 0
           end, n, port)
         end
         for n = 1, 100 do sum = sum + clients[n]:await() end
         server:await()
         print(sum)")
    .printed("100");
}

#[test]
fn waits_time_out_and_closing_ends_them() {
    lua("local listener = assert(vitte.tcp.listen('127.0.0.1', 0))
         print(listener:accept(0))
         print(listener:accept(5))
         local stream = assert(vitte.tcp.connect('127.0.0.1', listener:port()))
         print(stream:read(10, 5))
         local reader = vitte.async(function(_, s) return select(2, s:read()) end, stream)
         local acceptor = vitte.async(function(_, l) l:accept() return select(2, l:accept()) end, listener)
         vitte.sleep(0.02)
         print(stream:close(), stream:close(), listener:close())
         print(reader:await(), acceptor:await())
         print(stream:read(), stream:write('x'))
         print((vitte.tcp.connect('127.0.0.1', 1)))")
    .printed(
        "nil\ttimeout\nnil\ttimeout\nnil\ttimeout\ntrue\tfalse\ttrue\nclosed\tclosed\n\
         nil\tnil\tclosed\nnil",
    );
}

#[test]
fn misuse_says_what_was_expected() {
    lua("print(pcall(vitte.tcp.listen, 'localhost', 70000))
         print(pcall(vitte.tcp.listen, 5, 5))
         local listener = vitte.tcp.listen('127.0.0.1', 0)
         local stream = vitte.tcp.connect('127.0.0.1', listener:port())
         print(pcall(stream.read, listener))
         print(pcall(stream.read, stream, 0))
         print(pcall(stream.write, stream, {}))
         print(tostring(listener):match('^vitte.listener #') ~= nil)")
    .printed(
        "false\ta port expected, a whole number from 0 to 65535\n\
         false\tthe name or the address of a host expected\n\
         false\ta stream expected, got a listener\n\
         false\thow many bytes at most, from 1 to 16777216, expected\n\
         false\ta string expected\n\
         true",
    );
}

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
         nil\tnil\tclosed\t0\nnil",
    );
}

#[test]
fn a_write_that_ends_early_says_how_much_it_has_written() {
    lua("local listener = assert(vitte.tcp.listen('127.0.0.1', 0))
         local ours = assert(vitte.tcp.connect('127.0.0.1', listener:port()))
         local theirs = assert(listener:accept(60000))
         local ok, why, count = ours:write(('x'):rep(32 << 20), 5)
         ours:finish()
         local got = 0
         for text in function() return (theirs:read(1 << 20, 60000)) end do got = got + #text end
         print(ok, why, count > 0 and count < 32 << 20, got == count)")
    .printed("nil\ttimeout\ttrue\ttrue");
}

/// What a killed task waited for is there for others; what it had made goes with it.
#[test]
fn killed_tasks_leave_their_sockets_to_others() {
    lua("local listener = assert(vitte.tcp.listen('localhost', 0))
         local port, begun = listener:port(), vitte.channel(math.huge)
         local function waits(body, ...)
           local task = vitte.async(function(_, body, begun, ...)
             begun:send(true)
             body(...)
           end, body, begun, ...)
           begun:recv()
           vitte.sleep(0.005)
           task:kill()
           return tostring(select(2, task:await())):match('was killed')
         end
         print(waits(function(l) l:accept() end, listener))
         local ours = assert(vitte.tcp.connect('localhost', port))
         local theirs = assert(listener:accept(60000))
         print(waits(function(s) s:read() end, ours))
         print(waits(function(s) while true do s:write(('x'):rep(65536)) end end, ours))
         -- It is as before but for what was written; the last handle closes it.
         theirs:write('still there')
         print(ours:read(65536, 60000))
         ours = nil
         collectgarbage() collectgarbage()
         local text, why
         repeat text, why = theirs:read(65536, 60000) until not text
         print(why)")
    .printed("was killed\nwas killed\nwas killed\nstill there\nclosed");
}

#[test]
fn each_connection_goes_to_one_of_those_who_accept_and_a_race_ends_a_wait() {
    lua("local listener = assert(vitte.tcp.listen('127.0.0.1', 0))
         local done = vitte.channel(math.huge)
         for n = 1, 4 do
           vitte.async(function(_, l, done)
             local stream = assert(l:accept())
             stream:write('hello')
             stream:finish()
             done:send(true)
           end, listener, done)
         end
         for n = 1, 4 do
           local stream = assert(vitte.tcp.connect('127.0.0.1', listener:port()))
           print(stream:read(2), stream:read(2), stream:read(2), (select(2, stream:read())))
         end
         for n = 1, 4 do done:recv() end
         print(vitte.parallel({
           function(_) return (vitte.race {
             { function(_, l) l:accept() end, listener },
             { function() vitte.sleep(0.001) return 'in time' end },
           }) end,
         })[1])
         listener:close()")
    .printed("he\tll\to\tclosed\nhe\tll\to\tclosed\nhe\tll\to\tclosed\nhe\tll\to\tclosed\n2");
}

/// A listener that answers nobody: its queue is as short as it can be, and full. Returns its port, and what fills it.
fn silent() -> (u16, Vec<std::net::TcpStream>, std::net::TcpListener) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let short = std::time::Duration::from_millis(20);
    let fills = (0..8).map_while(|_| std::net::TcpStream::connect_timeout(&address, short).ok());
    let fills = fills.collect();
    (address.port(), fills, listener)
}

#[test]
fn whoever_connects_waits_without_a_thread_and_can_be_stopped() {
    let (port, _fills, _listener) = silent();
    let source = format!(
        "local tasks, begun = {{}}, vitte.channel(math.huge)
         local function connects(_, begun, patience)
           begun:send(true)
           return select(2, vitte.tcp.connect('127.0.0.1', {port}, patience))
         end
         for n = 1, 40 do tasks[n] = vitte.async(connects, begun, n <= 20 and 100 or nil) end
         for n = 1, 40 do begun:recv() end
         vitte.sleep(0.02)
         local status = assert(io.open('/proc/self/status')):read('a')
         print(tonumber(status:match('Threads:%s*(%d+)')) < 20)
         local late = 0
         for n = 1, 20 do late = late + (tasks[n]:await() == 'timeout' and 1 or 0) end
         print(late)
         for n = 21, 40 do tasks[n]:kill() end
         for n = 21, 40 do assert(tasks[n]:await() == nil) end
         print((select(2, vitte.tcp.connect('127.0.0.1', {port}, 0))))"
    );
    lua(&source).printed("true\n20\ntimeout");
}

#[test]
fn misuse_says_what_was_expected() {
    lua("print(pcall(vitte.tcp.listen, 'localhost', 70000))
         print(pcall(vitte.tcp.listen, 5, 5))
         print(pcall(vitte.tcp.connect, '127.0.0.1', 80, -1))
         print(pcall(vitte.tcp.connect, '127.0.0.1', 1.5))
         print((vitte.tcp.listen('no such host.invalid', 0)))
         print((vitte.tcp.listen('192.0.2.1', 0)))
         local listener = vitte.tcp.listen('127.0.0.1', 0)
         local stream = vitte.tcp.connect('127.0.0.1', listener:port())
         print(pcall(stream.read, listener))
         print(pcall(stream.read, stream, 0))
         print(pcall(stream.write, stream, {}))
         print(tostring(listener):match('^vitte.listener #') ~= nil)")
    .printed(
        "false\ta port expected, a whole number from 0 to 65535\n\
         false\tthe name or the address of a host expected\n\
         false\ta timeout cannot be negative\n\
         false\ta port expected, a whole number from 0 to 65535\n\
         nil\nnil\n\
         false\ta stream expected, got a listener\n\
         false\thow many bytes at most, from 1 to 16777216, expected\n\
         false\ta string expected\n\
         true",
    );
}

//! One connection: requests come, one after the other, and are answered in their order.

use crate::{
    request::{Parsed, Request, parse},
    response::Response,
    state::State,
};
use std::{io, mem, net::Shutdown, sync::atomic::Ordering::Relaxed};
use vitte_threads::{
    Deadline, StopToken,
    io::{TcpStream, WaitError},
};

/// How much is read at a time.
const PIECE: usize = 4096;

/// Serves until the other side ends, asks for the end, or does not keep to the rules; or `stop` is triggered
/// between two requests.
pub(crate) fn serve(stream: &TcpStream, state: &State, stop: &StopToken) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let (request, length) = match next(stream, state, stop, &mut buffer)? {
            Next::Request(request, length) => (request, length),
            Next::Refused(status) => {
                let response = Response::refusal(status);
                answer(stream, state, &response, false, true)?;
                // What else comes is read and dropped, or the other side might lose the answer.
                stream.shutdown(Shutdown::Write)?;
                return drain(stream, state);
            }
            Next::Nothing => return Ok(()),
        };
        let keeps_alive = request.keeps_alive && !stop.is_stopped();
        let response = Response::to(&request, state);
        answer(
            stream,
            state,
            &response,
            keeps_alive,
            request.method != "HEAD",
        )?;
        if !keeps_alive {
            return Ok(());
        }
        buffer.drain(..length);
    }
}

/// What comes next.
enum Next {
    /// A request, of so many bytes.
    Request(Request, usize),
    /// One that is to be refused with this status.
    Refused(u16),
    /// There is none any more.
    Nothing,
}

/// Reads until a request is whole.
fn next(
    stream: &TcpStream,
    state: &State,
    stop: &StopToken,
    buffer: &mut Vec<u8>,
) -> io::Result<Next> {
    let limits = &state.limits;
    let (mut deadline, mut head) = (None, None);
    loop {
        if !buffer.is_empty() {
            if head.is_none() {
                match parse(buffer, limits) {
                    Parsed::Whole(request) => head = Some(request),
                    Parsed::Partial => {}
                    Parsed::Refused(status) => return Ok(Next::Refused(status)),
                }
            }
            let until = *deadline.get_or_insert_with(|| Deadline::after(limits.patience));
            if let Some(request) = &mut head {
                match request.body.length(&buffer[request.head..], limits) {
                    Ok(Some(body)) => {
                        let length = request.head + body;
                        return Ok(head.map_or(Next::Nothing, |it| Next::Request(it, length)));
                    }
                    Ok(None) if mem::take(&mut request.asks) => {
                        stream.write_all_with(b"HTTP/1.1 100 Continue\r\n\r\n", until, None)?;
                    }
                    Ok(None) => {}
                    Err(status) => return Ok(Next::Refused(status)),
                }
            }
        }
        let mut piece = [0; PIECE];
        let read = match deadline {
            // Between requests nothing is lost by a stop.
            None => stream.read_with(&mut piece, Deadline::after(limits.idle), Some(stop)),
            Some(deadline) => stream.read_until(&mut piece, deadline),
        };
        match read {
            Ok(0) if buffer.is_empty() => return Ok(Next::Nothing),
            Ok(0) => return Ok(Next::Refused(400)),
            Ok(count) => buffer.extend_from_slice(&piece[..count]),
            Err(error) => match WaitError::of(&error) {
                Some(WaitError::TimedOut) if deadline.is_some() => return Ok(Next::Refused(408)),
                Some(WaitError::TimedOut | WaitError::Stopped) => return Ok(Next::Nothing),
                _ => return Err(error),
            },
        }
    }
}

fn answer(
    stream: &TcpStream,
    state: &State,
    response: &Response,
    keeps_alive: bool,
    with_body: bool,
) -> io::Result<()> {
    state.answered.fetch_add(1, Relaxed);
    if response.is_refusal() {
        state.refused.fetch_add(1, Relaxed);
    }
    let deadline = Deadline::after(state.limits.patience);
    stream.write_all_with(&response.bytes(keeps_alive, with_body), deadline, None)
}

/// Reads what comes, for a while and within bounds.
fn drain(stream: &TcpStream, state: &State) -> io::Result<()> {
    let deadline = Deadline::after(state.limits.patience.min(std::time::Duration::from_secs(1)));
    let (mut piece, mut left) = ([0; PIECE], 16 * state.limits.head);
    loop {
        let count = stream.read_until(&mut piece, deadline)?;
        if count == 0 || count > left {
            return Ok(());
        }
        left -= count;
    }
}

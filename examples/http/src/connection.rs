//! One connection: requests come, one after the other, and are answered in their order.

use crate::{
    request::{Parsed, parse},
    response::Response,
    state::State,
};
use std::{io, net::Shutdown, sync::atomic::Ordering::Relaxed};
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
        let request = match next(stream, state, stop, &mut buffer)? {
            Some(Parsed::Whole(request)) => request,
            Some(Parsed::Refused(status)) => {
                let response = Response::refusal(status);
                answer(stream, state, &response, false, true)?;
                // What else comes is read and dropped, or the other side might lose the answer.
                stream.shutdown(Shutdown::Write)?;
                return drain(stream, state);
            }
            Some(Parsed::Partial) | None => return Ok(()),
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
        buffer.drain(..request.head + request.body);
    }
}

/// Reads until a request is whole. `None`: there is none any more.
fn next(
    stream: &TcpStream,
    state: &State,
    stop: &StopToken,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<Parsed>> {
    let limits = &state.limits;
    let mut deadline = None;
    loop {
        if !buffer.is_empty() {
            match parse(buffer, limits) {
                Parsed::Whole(request) if buffer.len() < request.head + request.body => {}
                Parsed::Partial => {}
                parsed => return Ok(Some(parsed)),
            }
            deadline = deadline.or_else(|| Some(Deadline::after(limits.patience)));
        }
        let mut piece = [0; PIECE];
        let read = match deadline {
            // Between requests nothing is lost by a stop.
            None => stream.read_with(&mut piece, Deadline::after(limits.idle), Some(stop)),
            Some(deadline) => stream.read_until(&mut piece, deadline),
        };
        match read {
            Ok(0) if buffer.is_empty() => return Ok(None),
            Ok(0) => return Ok(Some(Parsed::Refused(400))),
            Ok(count) => buffer.extend_from_slice(&piece[..count]),
            Err(error) => match WaitError::of(&error) {
                Some(WaitError::TimedOut) if deadline.is_some() => {
                    return Ok(Some(Parsed::Refused(408)));
                }
                Some(WaitError::TimedOut | WaitError::Stopped) => return Ok(None),
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

//! Serves at the address that is given (127.0.0.1:8080 if none is) until it is interrupted, and then in order; or, if it is
//! interrupted once more, no longer.

use std::time::Duration;
use vitte_http::{Limits, Server};
use vitte_threads::{Deadline, JoinError, Runtime, StopSource, io::Signals};

/// `SIGINT` and `SIGTERM`.
const INTERRUPTIONS: [i32; 2] = [2, 15];
/// How long those may take that are dropped.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<()> {
    let at = std::env::args().nth(1);
    let server = Server::bind(
        at.as_deref().unwrap_or("127.0.0.1:8080").parse()?,
        Limits::default(),
    )?;
    println!("http://{}/", server.address()?);
    let signals = Signals::new(INTERRUPTIONS)?;
    let runtime = Runtime::start()?;
    let (end, hurry) = (StopSource::new(), StopSource::new());
    let (ends, hurries) = (end.token(), hurry.token());
    let mut served = runtime.spawn(move || server.run(&ends));
    signals.recv()?;
    println!("Finishing what is under way.");
    end.stop();
    runtime
        .spawn(move || signals.recv().map(|_| hurry.stop()))
        .detach();
    match served.join_with(Deadline::NEVER, Some(&hurries)) {
        Ok(seen) => println!("{:?}", seen?),
        Err(JoinError::Stopped) => println!("Dropping what is under way."),
        Err(error) => return Err(error.into()),
    }
    runtime.shutdown(Deadline::after(PATIENCE))?;
    Ok(())
}

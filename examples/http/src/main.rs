//! Serves at the address that is given (127.0.0.1:8080 if none is) until it is interrupted, and then in order.

use vitte_http::{Limits, Server};
use vitte_threads::{Runtime, StopSource, io::Signals};

/// `SIGINT` and `SIGTERM`.
const INTERRUPTIONS: [i32; 2] = [2, 15];

fn main() -> anyhow::Result<()> {
    let at = std::env::args().nth(1);
    let server = Server::bind(
        at.as_deref().unwrap_or("127.0.0.1:8080").parse()?,
        Limits::default(),
    )?;
    println!("http://{}/", server.address()?);
    let signals = Signals::new(INTERRUPTIONS)?;
    let runtime = Runtime::start()?;
    let source = StopSource::new();
    let token = source.token();
    let served = runtime.spawn(move || server.run(&token));
    signals.recv()?;
    println!("Finishing what is under way.");
    source.stop();
    println!("{:?}", served.join()??);
    Ok(())
}

//! Blocking code on fibers beside async code on tokio: each waits for the other in its own way.
//!
//! `cargo run -p vitte-threads --example beside_tokio`

use std::time::Duration;
use vitte_threads::{Fiber, Runtime, block_on, sleep};

fn main() -> anyhow::Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()?;
    // Polls of an unoptimized build want more than the default of 64 KiB.
    let fibers = Runtime::builder()
        .workers(2)
        .stack_size(256 << 10)
        .build()?;

    // A task of tokio asks; a fiber, written without `async`, answers.
    let (ask, mut questions) =
        tokio::sync::mpsc::channel::<(u64, tokio::sync::oneshot::Sender<u64>)>(8);
    let oracle = fibers.spawn(move || {
        let mut answered = 0;
        while let Ok(Some((number, answer))) = block_on(questions.recv()) {
            // It may wait for whatever it likes, other fibers say.
            let half = Fiber::spawn(move || number / 2);
            let _ = sleep(Duration::from_millis(1));
            if let Ok(half) = half.join() {
                answered += u64::from(answer.send(half).is_ok());
            }
        }
        answered
    });

    let sum = tokio.block_on(async {
        let mut sum = 0;
        for number in [2, 20, 200] {
            let (answer, answered) = tokio::sync::oneshot::channel();
            ask.send((number, answer)).await?;
            sum += answered.await?;
        }
        drop(ask);
        // A fiber is a future, too.
        let answered = oracle.await?;
        println!("{answered} questions were answered");
        anyhow::Ok(sum)
    })?;
    println!("the sum of the answers is {sum}");
    assert_eq!(sum, 111);
    Ok(())
}

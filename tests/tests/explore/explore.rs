//! Runs a program under many schedules.

use shuttle::{
    Config, MaxSteps, Runner,
    scheduler::{PctScheduler, RandomScheduler},
};
use std::panic::catch_unwind;
use vitte_threads::Runtime;

/// How many schedules of each program are tried in either way.
const SCHEDULES: usize = 1_000;

/// Runs `body` as a fiber of a runtime with two workers, under random schedules, and then under
/// schedules that leave a fixed order of priorities in a few places only (Burckhardt et al., *A
/// Randomized Scheduler with Probabilistic Guarantees of Finding Bugs*, 2010).
pub(crate) fn explore(name: &str, body: fn()) {
    let random = Runner::new(RandomScheduler::new(SCHEDULES), config());
    let random = random.run(move || program(body));
    let ordered = Runner::new(PctScheduler::new(3, SCHEDULES), config());
    let ordered = ordered.run(move || program(body));
    println!("{name}: {random} random schedules, {ordered} by priorities");
}

/// Whether some schedule makes `body` fail.
pub(crate) fn fails(body: fn()) -> bool {
    catch_unwind(move || {
        Runner::new(RandomScheduler::new(SCHEDULES), config()).run(move || program(body))
    })
    .is_err()
}

fn program(body: fn()) {
    let builder = Runtime::builder().workers(2).seed(1);
    let runtime = builder.build().expect("a runtime starts");
    runtime.run(body);
}

fn config() -> Config {
    let mut config = Config::new();
    // The main loops of the workers stand on the checker's stacks.
    config.stack_size = 256 * 1024;
    config.max_steps = MaxSteps::FailAfter(1_000_000);
    config
}

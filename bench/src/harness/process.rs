//! One run of one cell: a process, its last line, and who disturbed it.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::child::Line;
use super::load::Load;

/// What one process told, and how much of its wall time others used; `None` where that cannot be known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) line: Line,
    pub(crate) others: Option<f64>,
}

/// Runs `command` and reads the figure from its last line.
///
/// # Errors
///
/// When it cannot be started, fails, prints no figure, or is not done within `timeout`; then it is killed.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> Result<Told> {
    let before = Load::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {command:?}"))?;
    let mut output = child.stdout.take().context("its output was piped")?;
    // Whoever reads blocks until the child is gone, so that waiting with a deadline costs the machine nothing.
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.read_to_string(&mut text).map(|_| text);
        // The receiver is gone when the deadline has passed.
        let _ = sender.send(read);
    });
    let text = match receiver.recv_timeout(timeout) {
        Ok(read) => read?,
        Err(_) => {
            child.kill()?;
            child.wait()?;
            bail!("killed after {} s", timeout.as_secs());
        }
    };
    let status = child.wait()?;
    if !status.success() {
        bail!("{status}");
    }
    let others = before
        .zip(Load::now())
        .map(|(before, after)| after.others_since(&before));
    let last = text.lines().last().context("it printed nothing")?;
    let line = serde_json::from_str(last).with_context(|| format!("its last line was {last:?}"))?;
    Ok(Told { line, others })
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_last_line_is_the_figure() {
        let mut command = shell(r#"echo warm; echo '{"value":2.5,"peak_rss_bytes":7}'"#);
        let told = run(&mut command, Duration::from_secs(60)).expect("it prints a figure");
        assert_eq!((told.line.value, told.line.peak_rss_bytes), (2.5, 7));
    }

    #[test]
    fn a_run_that_does_not_end_is_killed() {
        let started = Instant::now();
        let error = run(&mut shell("exec sleep 600"), Duration::from_millis(100));
        assert!(
            error
                .expect_err("it is killed")
                .to_string()
                .starts_with("killed")
        );
        assert!(started.elapsed() < Duration::from_secs(300));
    }

    #[test]
    fn a_failing_run_has_no_figure() {
        let mut command = shell(r#"echo '{"value":2.5,"peak_rss_bytes":7}'; exit 3"#);
        assert!(run(&mut command, Duration::from_secs(60)).is_err());
    }
}

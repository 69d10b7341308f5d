//! Under load, and under none.

use std::time::{Duration, Instant};

use crate::harness::{
    LIMIT, end, lua_with, scratch, script, signal, start, vitte, wait_for_line, write_to,
};

/// The arithmetic of eight tasks; prints the seconds it took.
const WORK: &str = "
  local function work(_, seed)
    local x = seed
    for i = 1, 6000000 do x = (x * 1103515245 + 12345) & 0x7fffffff end
    return x
  end
  local began, t, sum = vitte.now(), {}, 0
  for i = 1, 8 do t[i] = vitte.async(work, i) end
  for i = 1, 8 do sum = sum ~ t[i]:await() end
  print(sum, vitte.now() - began)";

fn measure(workers: &str) -> (String, f64) {
    let ran = lua_with(&["--workers", workers], WORK, &[]);
    let (sum, time) = ran
        .out
        .trim_end()
        .split_once('\t')
        .unwrap_or_else(|| panic!("{ran:?}"));
    (sum.to_owned(), time.parse().unwrap())
}

#[test]
fn two_workers_share_the_work() {
    let (one, _) = measure("1");
    let source = format!(
        "{WORK}
         local list = io.popen('ls /proc/' .. io.open('/proc/self/stat'):read('n') .. '/task')
         for id in list:lines() do
           -- A thread that was listed may have ended meanwhile; none that works has.
           local file = io.open('/proc/self/task/' .. id .. '/stat')
           local name, fields = (file and file:read('a') or '(gone) '):match('%((.-)%) (.*)')
           local ticks = fields:match(('%S+ '):rep(11) .. '(%S+)')
           if name:match('^vitte%-%d') then print(ticks) end
         end"
    );
    let ran = lua_with(&["--workers", "2"], &source, &[]);
    assert!(ran.out.starts_with(&format!("{one}\t")), "{ran:?}");
    let ticks: Vec<u64> = ran
        .out
        .lines()
        .skip(1)
        .map(|line| line.parse().unwrap())
        .collect();
    let [a, b] = ticks[..] else { panic!("{ran:?}") };
    // An even share is a half; a task cannot be divided, and a loaded machine is not fair.
    assert!(a.min(b) * 5 >= a.max(b), "{ticks:?}");
}

/// A wall-clock ratio, which means something only on an otherwise idle machine.
#[test]
#[ignore = "needs two idle processors: cargo test --release -- --ignored two_workers_take"]
fn two_workers_take_at_most_six_tenths_of_the_time_of_one() {
    let best = |workers: &str| {
        (0..3)
            .map(|_| measure(workers).1)
            .fold(f64::INFINITY, f64::min)
    };
    let (one, two) = (best("1"), best("2"));
    assert!(two <= 0.6 * one, "{two} s against {one} s");
}

#[test]
fn a_waiting_process_uses_no_processor() {
    let path = script(
        "for i = 1, 20 do vitte.async(function() vitte.channel():recv() end) end
         vitte.sleep(0.1) print 'go' vitte.sleep(1000)",
    );
    let mut child = start(vitte().arg("run").arg(&path));
    wait_for_line(&mut child, "go");
    let began = Instant::now();
    // A machine that is loaded takes a while until all of it waits; then there is a second without work.
    loop {
        let before = ticks(child.id());
        std::thread::sleep(Duration::from_secs(1));
        let used = ticks(child.id()) - before;
        if used <= 1 {
            break;
        }
        assert!(began.elapsed() < LIMIT, "{used} clock ticks in a second");
    }
    signal(&child, libc::SIGINT);
    end(child, Instant::now());
    let _ = std::fs::remove_file(path);
}

/// User and system time of a process, in clock ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_busy_task_does_not_starve_its_neighbours() {
    lua_with(
        &["--workers", "1"],
        "local busy = vitte.async(function() while true do end end)
         local n = 0
         local other = vitte.async(function() for i = 1, 20 do vitte.sleep(0.001) end return 'served' end)
         print(other:await(60000))
         busy:kill()",
        &[],
    )
    .printed("served");
}

#[test]
fn a_task_that_runs_a_command_holds_up_nobody() {
    let flag = scratch("others-got-on");
    let _ = std::fs::remove_file(&flag);
    // The command ends when others have got on.
    lua_with(
        &["--workers", "1"],
        "local flag = ...
         local slow = vitte.async(function(_, flag)
           return os.execute(('while [ ! -e %q ]; do sleep 0.01; done; exit 3'):format(flag))
         end, flag)
         for _ = 1, 5 do
           assert(slow:status() == 'running')
           vitte.sleep(0.005)
         end
         io.open(flag, 'w'):close()
         print(slow:await())",
        &[flag.to_str().unwrap()],
    )
    .printed("nil\texit\t3");
    std::fs::remove_file(&flag).unwrap();
}

#[test]
fn a_task_that_reads_standard_input_holds_up_nobody() {
    let path = script(
        "local t = vitte.async(function() return io.read(), io.stdin:read('n'), io.read(1), io.read() end)
         vitte.sleep(0.05)
         print 'others run'
         print(t:await())",
    );
    let began = Instant::now();
    let mut child = start(vitte().args(["run", "--workers", "1"]).arg(&path));
    wait_for_line(&mut child, "others run");
    write_to(&mut child, "a line\n42\n");
    let ran = end(child, began);
    ran.printed("a line\t42\t\n\tnil");
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_hundred_thousand_small_tasks_come_and_go() {
    let n = if cfg!(debug_assertions) {
        5_000
    } else {
        100_000
    };
    lua_with(
        &[],
        &format!(
            "local done = vitte.channel(math.huge)
             vitte.async(function() for i = 1, {n} do vitte.async(function() done:send(1) end) end end)
             local sum = 0
             for i = 1, {n} do sum = sum + done:recv() end
             print(sum)"
        ),
        &[],
    )
    .printed(&n.to_string());
}

// The workloads in Go: one cell a process, told by name; prints one line, as the Rust program's children do.
//
// The number of workers is GOMAXPROCS, which the caller sets.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

var (
	quick  = flag.Bool("quick", false, "smaller sizes")
	parked = flag.Uint64("parked", 1_000_000, "goroutines in parked_*")
)

var workloads = map[string]func() float64{
	"yield":            yield,
	"spawn_join":       spawnJoin,
	"spawn_bulk":       spawnBulk,
	"fib_spawn":        fibSpawn,
	"skynet_spawn":     skynetSpawn,
	"park_pingpong":    pingpong[struct{}],
	"channel_pingpong": pingpong[uint64],
	"fiber_spsc_0":     fanIn(1, 0),
	"fiber_spsc_1":     fanIn(1, 1),
	"fiber_spsc_128":   fanIn(1, 128),
	"fiber_mpsc_0":     fanIn(4, 0),
	"fiber_mpsc_1":     fanIn(4, 1),
	"fiber_mpsc_128":   fanIn(4, 128),
	"select_2":         selectTwo,
	"mutex":            lockedCount,
	"mutex_contended":  lockedCount,
	"fiber_mutex":      fiberMutex,
	"rwlock_read":      rwlockRead,
	"timers_p50":       latenessOf(timer, median),
	"timers_p99":       latenessOf(timer, slowest),
	"timers_cpu":       latenessOf(timer, processor),
	"sleepers_p50":     latenessOf(sleeper, median),
	"sleepers_p99":     latenessOf(sleeper, slowest),
	"sleepers_cpu":     latenessOf(sleeper, processor),
	"parked_bytes":     func() float64 { return parkedCourses().bytes },
	"parked_create":    func() float64 { return parkedCourses().create },
	"parked_wake":      func() float64 { return parkedCourses().wake },
}

func main() {
	flag.Parse()
	if flag.Arg(0) == "echo" {
		serveEcho()
		return
	}
	run, known := workloads[flag.Arg(0)]
	if !known {
		fmt.Fprintf(os.Stderr, "no workload %q\n", flag.Arg(0))
		os.Exit(2)
	}
	value := run()
	fmt.Printf("{\"value\":%g,\"peak_rss_bytes\":%d}\n", value, statusBytes("VmHWM:"))
}

// statusBytes reads one field of what the kernel says of this process.
func statusBytes(name string) uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, name); found {
			kib, _ := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			return kib * 1024
		}
	}
	return 0
}

// paced finds a count that fills the time a run should take, as `Cell::paced` of the Rust program does, and gives
// nanoseconds per operation.
func paced(most uint64, pass func(count uint64) time.Duration) float64 {
	const step = 64
	target := 300 * time.Millisecond
	if *quick {
		target = 20 * time.Millisecond
		most /= 16
	}
	most = max(most/step*step, step)
	count := uint64(step)
	took := pass(count)
	for took < target/10 && count < most {
		count = min(count*4, most)
		took = pass(count)
	}
	ratio := target.Seconds() / max(took.Seconds(), 1e-9)
	count = min(max(uint64(float64(count)*ratio)/step*step, step), most)
	return each(pass(count), count)
}

// each is nanoseconds per operation.
func each(took time.Duration, count uint64) float64 {
	return float64(took.Nanoseconds()) / float64(count)
}

// check ends the program when a workload computed the wrong thing.
func check(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, what)
		os.Exit(1)
	}
}

// The workloads timers and sleepers: a hundred thousand of something that is due within a second.

package main

import (
	"slices"
	"sync"
	"syscall"
	"time"
)

// course is how late each was, in order, and the processor time that all of it took.
type course struct {
	late []time.Duration
	cpu  time.Duration
}

// percentile is the microseconds that so many of a hundred are late at most.
func (c course) percentile(percent int) float64 {
	at := min(len(c.late)*percent/100, len(c.late)-1)
	return float64(c.late[at].Nanoseconds()) / 1e3
}

// latenessOf is a workload for one figure of a course; begin starts number n, which sleeps so long and then tells.
func latenessOf(begin func(nap time.Duration, tell func(late time.Duration)), figure func(course) float64) func() float64 {
	return func() float64 {
		count := 100_000
		if *quick {
			count = 2_000
		}
		// Whatever is started once is in no figure.
		lateness(100, begin)
		return figure(lateness(count, begin))
	}
}

func lateness(count int, begin func(nap time.Duration, tell func(late time.Duration))) course {
	late := make([]time.Duration, count)
	var open sync.WaitGroup
	open.Add(count)
	before := processorTime()
	for n := range count {
		// Spread evenly over 1 ms to 1 s, and neighbours far apart, as in the Rust program.
		nap := time.Duration(1_000+n*618_047%999_000) * time.Microsecond
		begin(nap, func(lateBy time.Duration) {
			late[n] = max(lateBy, 0)
			open.Done()
		})
	}
	open.Wait()
	cpu := processorTime() - before
	slices.Sort(late)
	return course{late, cpu}
}

func timer(nap time.Duration, tell func(late time.Duration)) {
	began := time.Now()
	time.AfterFunc(nap, func() { tell(time.Since(began) - nap) })
}

func sleeper(nap time.Duration, tell func(late time.Duration)) {
	go func() {
		began := time.Now()
		time.Sleep(nap)
		tell(time.Since(began) - nap)
	}()
}

func median(c course) float64    { return c.percentile(50) }
func slowest(c course) float64   { return c.percentile(99) }
func processor(c course) float64 { return float64(c.cpu.Nanoseconds()) / 1e6 }

// processorTime is what all threads of this process have computed.
func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "the system counts processor time")
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

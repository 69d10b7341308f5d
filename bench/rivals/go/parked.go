// A million goroutines that wait, measured: memory, creation, waking.

package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// figures of one course, each per goroutine.
type figures struct {
	bytes, create, wake float64
}

const batch = 1024

// parkedCourses runs a small course to start everything up, and then the one that counts.
func parkedCourses() figures {
	parkedCourse(max(*parked/1_000, 1))
	return parkedCourse(*parked)
}

// parkedCourse lets goroutines wait, each for a channel of its own, and then wakes all of them.
func parkedCourse(count uint64) figures {
	var waiting, done atomic.Uint64
	var channels []chan struct{}
	resident := func() uint64 { return statusBytes("VmRSS:") + statusBytes("VmPTE:") }
	before := resident()
	start := time.Now()
	for turn := uint64(1); turn <= count; turn++ {
		own := make(chan struct{}, 1)
		channels = append(channels, own)
		go func() {
			waiting.Add(1)
			<-own
			done.Add(1)
		}()
		if turn%batch == 0 {
			runtime.Gosched()
		}
	}
	for waiting.Load() < count {
		runtime.Gosched()
	}
	create := time.Since(start)
	grown := resident() - before
	start = time.Now()
	for turn, own := range channels {
		own <- struct{}{}
		if turn%batch == batch-1 {
			runtime.Gosched()
		}
	}
	for done.Load() < count {
		runtime.Gosched()
	}
	return figures{
		bytes:  float64(grown) / float64(count),
		create: each(create, count),
		wake:   each(time.Since(start), count),
	}
}

// The workloads about locks.

package main

import (
	"runtime"
	"sync"
	"time"
)

// together shares count turns among one goroutine a worker; turns does as many as it is told. None begins before all
// are there.
func together(count uint64, turns func(share uint64)) time.Duration {
	number := runtime.GOMAXPROCS(0)
	share := count / uint64(number)
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for range number {
		ready.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			ready.Done()
			<-begin
			turns(share)
		}()
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return time.Since(start)
}

// lockedCount increments a counter under a lock.
func lockedCount() float64 {
	return paced(1<<26, func(count uint64) time.Duration {
		var lock sync.Mutex
		var total uint64
		took := together(count, func(share uint64) {
			for range share {
				lock.Lock()
				total++
				lock.Unlock()
			}
		})
		check(total == count, "mutex: wrong total")
		return took
	})
}

// rwlockRead takes a lock for reading, looks, and lets it go.
func rwlockRead() float64 {
	var lock sync.RWMutex
	value := uint64(7)
	return paced(1<<26, func(count uint64) time.Duration {
		return together(count, func(share uint64) {
			for range share {
				lock.RLock()
				seen := value
				lock.RUnlock()
				check(seen == 7, "rwlock_read: wrong value")
			}
		})
	})
}

// fiberMutex increments a counter under a lock in eight goroutines, which now and then yield while they hold it.
func fiberMutex() float64 {
	const fibers, yieldEvery = 8, 16
	return paced(1<<24, func(count uint64) time.Duration {
		var lock sync.Mutex
		var group sync.WaitGroup
		var total uint64
		start := time.Now()
		for range fibers {
			group.Add(1)
			go func() {
				defer group.Done()
				for turn := range count / fibers {
					lock.Lock()
					total++
					if turn%yieldEvery == 0 {
						runtime.Gosched()
					}
					lock.Unlock()
				}
			}()
		}
		group.Wait()
		took := time.Since(start)
		check(total == count, "fiber_mutex: wrong total")
		return took
	})
}

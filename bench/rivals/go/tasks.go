// The workloads that begin, end and switch goroutines.

package main

import (
	"runtime"
	"sync"
	"time"
)

func yield() float64 {
	return paced(1<<24, func(count uint64) time.Duration {
		var group sync.WaitGroup
		start := time.Now()
		for range 2 {
			group.Add(1)
			go func() {
				defer group.Done()
				for range count / 2 {
					runtime.Gosched()
				}
			}()
		}
		group.Wait()
		return time.Since(start)
	})
}

func spawnJoin() float64 {
	return paced(1<<24, func(count uint64) time.Duration {
		result := make(chan uint64, 1)
		start := time.Now()
		for turn := range count {
			go func() { result <- turn }()
			check(<-result == turn, "spawn_join: wrong result")
		}
		return time.Since(start)
	})
}

func spawnBulk() float64 {
	pass := func(count uint64) time.Duration {
		var group sync.WaitGroup
		results := make([]uint64, count)
		start := time.Now()
		group.Add(int(count))
		for turn := range count {
			go func() {
				results[turn] = turn
				group.Done()
			}()
		}
		group.Wait()
		took := time.Since(start)
		var sum uint64
		for _, result := range results {
			sum += result
		}
		check(sum == count*(count-1)/2, "spawn_bulk: wrong sum")
		return took
	}
	count := uint64(1_000_000)
	if *quick {
		count = 50_000
	}
	pass(1_000)
	return each(pass(count), count)
}

func fib(n uint64) uint64 {
	if n < 2 {
		return n
	}
	result := make(chan uint64, 1)
	go func() { result <- fib(n - 1) }()
	other := fib(n - 2)
	return <-result + other
}

func fibSpawn() float64 {
	n := uint64(32)
	if *quick {
		n = 22
	}
	fib(16)
	start := time.Now()
	value := fib(n)
	took := time.Since(start)
	low, high := uint64(0), uint64(1)
	for range n {
		low, high = high, low+high
	}
	check(value == low, "fib_spawn: wrong value")
	return each(took, 2*high-1)
}

func skynet(result chan<- uint64, first, leaves uint64) {
	if leaves == 1 {
		result <- first
		return
	}
	branches := make(chan uint64, 10)
	share := leaves / 10
	for branch := range uint64(10) {
		go skynet(branches, first+branch*share, share)
	}
	var sum uint64
	for range 10 {
		sum += <-branches
	}
	result <- sum
}

func skynetSpawn() float64 {
	tree := func(leaves uint64) time.Duration {
		result := make(chan uint64, 1)
		start := time.Now()
		skynet(result, 0, leaves)
		took := time.Since(start)
		check(<-result == leaves*(leaves-1)/2, "skynet_spawn: wrong sum")
		return took
	}
	leaves := uint64(1_000_000)
	if *quick {
		leaves = 10_000
	}
	tree(1_000)
	return tree(leaves).Seconds() * 1e3
}

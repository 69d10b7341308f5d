// The workloads that pass messages.

package main

import "time"

// pingpong sends a message to and fro. Go has no park and unpark: an empty message through a channel is its way.
func pingpong[T any]() float64 {
	return paced(1<<22, func(count uint64) time.Duration {
		to, back := make(chan T, 1), make(chan T, 1)
		go func() {
			for range count {
				back <- <-to
			}
		}()
		var message T
		start := time.Now()
		for range count {
			to <- message
			message = <-back
		}
		return time.Since(start)
	})
}

// fanIn receives what some senders send through one channel.
func fanIn(senders uint64, capacity int) func() float64 {
	return func() float64 {
		return paced(1<<22, func(count uint64) time.Duration {
			share := count / senders
			messages := make(chan uint64, capacity)
			start := time.Now()
			for range senders {
				go func() {
					for message := range share {
						messages <- message
					}
				}()
			}
			var sum uint64
			for range senders * share {
				sum += <-messages
			}
			took := time.Since(start)
			check(sum == senders*(share*(share-1)/2), "fiber channels: wrong sum")
			return took
		})
	}
}

// selectTwo receives from whichever of two channels has something, each fed by one goroutine.
func selectTwo() float64 {
	return paced(1<<22, func(count uint64) time.Duration {
		share := count / 2
		one, two := make(chan uint64, 1), make(chan uint64, 1)
		start := time.Now()
		for _, messages := range []chan uint64{one, two} {
			go func() {
				for message := range share {
					messages <- message
				}
			}()
		}
		var sum uint64
		for range 2 * share {
			select {
			case message := <-one:
				sum += message
			case message := <-two:
				sum += message
			}
		}
		took := time.Since(start)
		check(sum == share*(share-1), "select_2: wrong sum")
		return took
	})
}

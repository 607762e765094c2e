// Eight goroutines queue for one lock whose holder works.
package main

import (
	"sync"
	"time"

	"example.com/live/until"
)

var mu sync.Mutex
var shared [1024]uint64

//go:noinline
func holdLock() {
	mu.Lock()
	defer mu.Unlock()
	for i := range shared {
		shared[i] = shared[i]*31 + uint64(i)
	}
}

func main() {
	end := until.Deadline()
	var wg sync.WaitGroup
	for g := 0; g < 8; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Now().Before(end) {
				holdLock()
			}
		}()
	}
	wg.Wait()
}

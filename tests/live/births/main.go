// Threads that are born, burn for a moment and die: a goroutine that ends while it is locked to its thread takes the thread with it.
package main

import (
	"runtime"
	"time"

	"example.com/live/until"
)

var sink uint64

//go:noinline
func burn(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for i := 0; i < 1000; i++ {
			sink = sink*31 + 7
		}
	}
}

func main() {
	for end := until.Deadline(); time.Now().Before(end); {
		done := make(chan bool)
		go func() {
			runtime.LockOSThread()
			burn(20 * time.Millisecond)
			done <- true
		}()
		<-done
	}
}

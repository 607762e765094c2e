// Almost no CPU: everything waits, each goroutine in another way.
package main

import (
	"os"
	"sync"
	"time"

	"example.com/live/until"
)

func onReceive(c chan int)      { <-c }
func onSend(c chan int)         { c <- 1 }
func onLock(mu *sync.Mutex)     { mu.Lock() }
func onWait(wg *sync.WaitGroup) { wg.Wait() }
func onPipe(r *os.File)         { r.Read(make([]byte, 1)) }
func onSelect(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

func main() {
	end := until.Deadline()
	var mu sync.Mutex
	var wg sync.WaitGroup
	mu.Lock()
	wg.Add(1)
	a, b := make(chan int), make(chan int)
	for i := 0; i < 20; i++ {
		go onReceive(a)
		go onSelect(a, b)
	}
	go onSend(make(chan int))
	go onLock(&mu)
	go onWait(&wg)
	if r, _, err := os.Pipe(); err == nil {
		go onPipe(r)
	}
	time.Sleep(time.Until(end))
}

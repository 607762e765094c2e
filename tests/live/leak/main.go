// A map that only grows (to 64 MB) and goroutines that never end (to 1,000).
package main

import (
	"time"

	"example.com/live/until"
)

var kept = map[int][]byte{}

//go:noinline
func keep(i int) { kept[i] = make([]byte, 16<<10) }

//go:noinline
func forget() {
	c := make(chan int)
	go func() { c <- 1 }()
}

func main() {
	end := until.Deadline()
	for i := 0; time.Now().Before(end); i++ {
		if i < 4096 {
			keep(i)
		}
		if i < 1000 {
			forget()
		}
		time.Sleep(time.Millisecond)
	}
}

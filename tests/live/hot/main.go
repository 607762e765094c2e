// A hot loop beside a cooler one: about three quarters and one quarter of the time.
package main

import (
	"time"

	"example.com/live/until"
)

var sink uint64

//go:noinline
func burn(n int) uint64 {
	x := uint64(n)
	for i := 0; i < n; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

//go:noinline
func hottest() { sink += burn(3000000) }

//go:noinline
func cooler() { sink += burn(1000000) }

func main() {
	for end := until.Deadline(); time.Now().Before(end); {
		hottest()
		cooler()
	}
}

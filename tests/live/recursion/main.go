// Deep recursion: stacks of more frames than any profiler keeps, and two functions that call each other.
package main

import (
	"time"

	"example.com/live/until"
)

var sink uint64

//go:noinline
func work(n int) uint64 {
	x := uint64(n)
	for i := 0; i < n; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

//go:noinline
func deep(n int) uint64 {
	if n == 0 {
		return work(300000)
	}
	return deep(n-1) + 1
}

//go:noinline
func even(n int) uint64 {
	if n == 0 {
		return work(300000)
	}
	return odd(n-1) + 1
}

//go:noinline
func odd(n int) uint64 {
	if n == 0 {
		return work(300000)
	}
	return even(n-1) + 2
}

func main() {
	for end := until.Deadline(); time.Now().Before(end); {
		sink += deep(1000) + even(9)
	}
}

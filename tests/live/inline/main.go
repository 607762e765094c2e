// A chain of inlined calls whose lines the tests know: they look for the marks at the ends of the lines.
package main

import (
	"time"

	"example.com/live/until"
)

var sink uint64

func leaf(x uint64) uint64 {
	return x*6364136223846793005 + x>>17 // mark:leaf
}

func middle(x uint64) uint64 {
	return leaf(x) ^ 0x5555 // mark:middle
}

func top(x uint64) uint64 {
	return middle(x) + 3 // mark:top
}

//go:noinline
func physical(n int) uint64 {
	x := uint64(n)
	for i := 0; i < n; i++ {
		x = top(x) // mark:physical
	}
	return x
}

type wheel struct{ x uint64 }

func (w *wheel) turn() {
	w.x = top(w.x) // mark:turn
}

//go:noinline
func (w *wheel) spin(n int) {
	for i := 0; i < n; i++ {
		w.turn() // mark:spin
	}
}

func main() {
	w := &wheel{1}
	for end := until.Deadline(); time.Now().Before(end); {
		sink += physical(2000000) // mark:main-physical
		w.spin(2000000)           // mark:main-spin
	}
	sink += w.x
}

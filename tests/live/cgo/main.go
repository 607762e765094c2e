// C code called from Go, with a callback into Go.
package main

/*
#include <stdint.h>

uint64_t c_outer(uint64_t x, int n);
*/
import "C"

import (
	"time"

	"example.com/live/until"
)

//export goCallback
func goCallback(x C.uint64_t) C.uint64_t {
	for i := 0; i < 100000; i++ {
		x = x*31 + 7
	}
	return x
}

var sink C.uint64_t

//go:noinline
func callC() { sink += C.c_outer(sink, 1000000) }

func main() {
	for end := until.Deadline(); time.Now().Before(end); {
		callC()
	}
}

// Time in functions that keep no frame: runtime.memmove and the system call instruction. Their callers must not be lost.
package main

import (
	"os"
	"time"

	"example.com/live/until"
)

var from, to = make([]byte, 1<<20), make([]byte, 1<<20)

//go:noinline
func copyAll() { copy(to, from) }

//go:noinline
func copier() {
	for i := 0; i < 20; i++ {
		copyAll()
	}
}

//go:noinline
func asker() {
	for i := 0; i < 2000; i++ {
		os.Getppid()
	}
}

func main() {
	for end := until.Deadline(); time.Now().Before(end); {
		copier()
		asker()
	}
}

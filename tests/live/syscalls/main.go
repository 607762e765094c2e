// Time in the kernel: reads of /dev/zero, writes to /dev/null, stat of a file.
package main

import (
	"os"
	"time"

	"example.com/live/until"
)

//go:noinline
func readZeros(f *os.File, b []byte) { f.Read(b) }

//go:noinline
func writeNull(f *os.File, b []byte) { f.Write(b) }

//go:noinline
func statRoot() { os.Stat("/") }

func main() {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		panic(err)
	}
	null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	b := make([]byte, 1<<20)
	for end := until.Deadline(); time.Now().Before(end); {
		readZeros(zero, b)
		for i := 0; i < 50; i++ {
			writeNull(null, b[:1])
			statRoot()
		}
	}
}

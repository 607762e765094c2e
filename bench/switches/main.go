// Two threads that hand a byte to each other: nothing but system calls and thread switches, which is where events that are attached to
// threads cost most. Prints the CPU time of a round trip in nanoseconds, again and again.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

func pipe() [2]int {
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return p
}

func cpu() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func main() {
	const rounds = 30000
	there, back := pipe(), pipe()
	go func() {
		runtime.LockOSThread()
		var b [1]byte
		for {
			syscall.Read(there[0], b[:])
			syscall.Write(back[1], b[:])
		}
	}()
	runtime.LockOSThread()
	var b [1]byte
	for {
		start := cpu()
		for i := 0; i < rounds; i++ {
			syscall.Write(there[1], b[:])
			syscall.Read(back[0], b[:])
		}
		fmt.Println((cpu() - start) / rounds)
	}
}

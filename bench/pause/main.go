// A large heap of small objects, and a thread that does nothing but look at the clock: what a snapshot costs by the target's own measure.
//
//	GODEBUG=asyncpreemptoff=1 pause [-huge] MB
//
// Prints "ready PID", then answers each line on its standard input. "fork": how long it stands, in nanoseconds, when it makes a child of itself, which
// is what the kernel alone takes. Otherwise three numbers: the longest gap between two looks since the last answer, in nanoseconds; the longest one
// less what the thread waited for a CPU in it, which other work on the machine has taken; and kB in huge pages.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

type node struct {
	next, other *node
	pad         [6]uint64
}

var (
	heap         []*node
	worst, stood atomic.Int64
	looks        atomic.Uint64
)

// Nanoseconds that this thread was ready to run and had no CPU.
func waited(tid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/schedstat", tid))
	f := bytes.Fields(text)
	if err != nil || len(f) < 2 {
		return 0
	}
	v, _ := strconv.ParseInt(string(f[1]), 10, 64)
	return v
}

// A look at the clock that the Go scheduler cannot come between: no function here but the kernel's is called.
//
//go:nosplit
func clock() int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&t)), 0)
	return t.Sec*1e9 + t.Nsec
}

// A child that ends at once, with no signal to us.
//
//go:nosplit
//go:norace
func fork() int64 {
	begin := clock()
	pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	if pid == 0 && e == 0 {
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	took := clock() - begin
	syscall.RawSyscall6(syscall.SYS_WAIT4, pid, 0, 0x40000000, 0, 0, 0) // __WALL
	return took
}

func watch() {
	runtime.LockOSThread()
	tid := syscall.Gettid()
	before := waited(tid)
	last := clock()
	for {
		now := clock()
		gap := now - last
		last = now
		looks.Add(1)
		if gap < 50_000 { // the usual case: no look at the scheduler's account
			continue
		}
		if gap > worst.Load() {
			worst.Store(gap)
		}
		if gap -= waited(tid) - before; gap > stood.Load() {
			stood.Store(gap)
		}
		before = waited(tid)
		last = clock()
	}
}

// madviseCollapse makes huge pages of what is mapped, whatever the machine's setting is.
const madviseCollapse = 25

func collapse() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		panic(err)
	}
	for _, line := range strings.Split(string(maps), "\n") {
		f := strings.Fields(line)
		if len(f) < 5 || f[1] != "rw-p" || f[4] != "0" {
			continue
		}
		a, b, _ := strings.Cut(f[0], "-")
		from, _ := strconv.ParseUint(a, 16, 64)
		limit, _ := strconv.ParseUint(b, 16, 64)
		const huge = 2 << 20
		from = (from + huge - 1) &^ (huge - 1)
		for ; from+huge <= limit; from += huge {
			syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), huge, madviseCollapse) // where it cannot be, the small pages stay
		}
	}
}

func hugeKB() int {
	text, _ := os.ReadFile("/proc/self/smaps_rollup")
	for _, line := range bytes.Split(text, []byte("\n")) {
		if rest, ok := bytes.CutPrefix(line, []byte("AnonHugePages:")); ok {
			n, _ := strconv.Atoi(strings.Fields(string(rest))[0])
			return n
		}
	}
	return 0
}

func main() {
	args := os.Args[1:]
	huge := args[0] == "-huge"
	mb, err := strconv.Atoi(args[len(args)-1])
	if err != nil {
		panic(err)
	}
	n := mb << 20 / 64
	heap = make([]*node, 0, n/256+1)
	var chain *node
	for i := 0; i < n; i++ {
		chain = &node{next: chain}
		if i%256 == 255 {
			heap = append(heap, chain)
			chain = nil
		}
	}
	runtime.GC()
	debug.SetGCPercent(-1)
	if huge {
		collapse()
	}
	go watch()
	fmt.Println("ready", os.Getpid())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "fork" {
			fmt.Println(fork())
			continue
		}
		// What it was in when asked is to be counted.
		for n := looks.Load(); looks.Load() < n+2; {
			time.Sleep(100 * time.Microsecond)
		}
		fmt.Println(worst.Swap(0), stood.Swap(0), hugeKB())
	}
	runtime.KeepAlive(heap)
}

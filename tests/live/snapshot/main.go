// A server that hands out its own clock: how long it stood still, beside an ordinary answer.
//
//	snapshot MB [signals]
//
// With "signals" it is profiled at 100 Hz and has an alarm every 5 ms, with a handler of its own: there is always a signal on its way.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

type node struct {
	next, other *node
	pad         [4]uint64
}

var (
	heap     []*node
	worst    atomic.Int64
	requests atomic.Int64
	alarms   atomic.Int64
)

func takeSignals() {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		panic(err)
	}
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGALRM)
	every := [4]int64{0, 5000, 0, 5000} // struct itimerval
	if _, _, e := syscall.Syscall(syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&every)), 0); e != 0 {
		panic(e)
	}
	for range c {
		alarms.Add(1)
	}
}

// The longest gap between two looks at the clock.
func watch() {
	runtime.LockOSThread()
	last := time.Now()
	for {
		time.Sleep(200 * time.Microsecond)
		now := time.Now()
		if gap := int64(now.Sub(last)); gap > worst.Load() {
			worst.Store(gap)
		}
		last = now
	}
}

func main() {
	mb, _ := strconv.Atoi(os.Args[1])
	n := mb << 20 / 48
	heap = make([]*node, 0, n/64)
	var chain *node
	for i := 0; i < n; i++ {
		chain = &node{next: chain}
		chain.pad[0] = uint64(i)
		if i%64 == 0 {
			heap = append(heap, chain)
			chain = nil
		}
	}
	go watch()
	if len(os.Args) > 2 {
		go takeSignals()
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := make([]byte, 4096)
		fmt.Fprintf(w, "%d %d", requests.Add(1), len(s))
	})
	http.HandleFunc("/gap", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, worst.Swap(0))
	})
	http.HandleFunc("/alarms", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, alarms.Load())
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(http.Serve(l, nil))
}

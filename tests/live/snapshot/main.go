// A server that hands out its own clock: how long it stood still, beside an ordinary answer.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

type node struct {
	next, other *node
	pad         [4]uint64
}

var (
	heap     []*node
	worst    atomic.Int64
	requests atomic.Int64
)

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
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := make([]byte, 4096)
		fmt.Fprintf(w, "%d %d", requests.Add(1), len(s))
	})
	http.HandleFunc("/gap", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, worst.Swap(0))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	panic(http.Serve(l, nil))
}

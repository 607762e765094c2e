// The program whose debug information go-offsets reads. It calls what makes the linker keep the runtime's rarer structures.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

type node struct{ next *node }

func main() {
	n := &node{}
	runtime.SetFinalizer(n, func(*node) {})
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	go func() {
		mu.Lock()
		defer mu.Unlock()
		c.Wait()
	}()
	m := map[string]*node{}
	for i := 0; i < 100; i++ {
		m[fmt.Sprint(i)] = n
	}
	ch := make(chan *node, 1)
	select {
	case ch <- n:
	case <-time.After(time.Second):
	}
	pprof.Lookup("heap").WriteTo(os.Stdout, 1)
	pprof.Lookup("goroutine").WriteTo(os.Stdout, 1)
}

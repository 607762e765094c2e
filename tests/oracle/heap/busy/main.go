// A program that is stopped at any moment: goroutines run, grow their stacks, allocate, panic, call C, and the collector never rests.
package main

/*
#include <unistd.h>
typedef void (*callback)(void);
extern void goCallback(void);
static void down(void) { goCallback(); usleep(50); }
static int spin(int n) { volatile int s = 0; for (int i = 0; i < n; i++) s += i; return s; }
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	_ "example.com/heap/lean"
)

type node struct {
	left, right *node
	name        string
}

var (
	mu    sync.Mutex
	total int
	kept  = map[string]*node{}
	sinks [8]*node

	filled sync.WaitGroup // each worker has had all its keys once: from then on the heap stays as large
)

const keys = 500

//export goCallback
func goCallback() {
	n := build(4)
	runtime.KeepAlive(n)
}

func build(depth int) *node {
	if depth == 0 {
		return nil
	}
	return &node{build(depth - 1), build(depth - 1), strings.Repeat("n", depth)}
}

//go:noinline
func deep(n int, p *node) int {
	var pad [16]uintptr
	pad[n&15] = uintptr(n)
	if n == 0 {
		return len(p.name)
	}
	return deep(n-1, p) + int(pad[3]&1)
}

func worker(i int) {
	for k := 0; ; k++ {
		t := build(8)
		sinks[i] = t
		mu.Lock()
		total += deep(k%300, t)
		kept[fmt.Sprint(i, k%keys)] = t.left
		mu.Unlock()
		if k == keys {
			filled.Done()
		}
		if k%50 == 0 {
			C.down()
			C.spin(10000)
		}
		if k%70 == 0 {
			func() {
				defer func() { recover() }()
				var nothing *node
				nothing.name = "fault"
			}()
		}
	}
}

func spin() {
	x := build(3)
	for i := 0; ; i++ { // no call: stopped by a signal only
		if i&1023 == 0 {
			x.name, x.left.name = x.left.name, x.name
		}
	}
}

func main() {
	for i := 0; i < 6; i++ {
		filled.Add(1)
		go worker(i)
	}
	go spin()
	go func() {
		for {
			runtime.GC()
		}
	}()
	c := make(chan *node)
	go func() {
		for {
			c <- build(2)
		}
	}()
	go func() {
		for range c {
			select {
			case v := <-c:
				runtime.KeepAlive(v)
			case <-time.After(time.Millisecond):
			}
		}
	}()
	filled.Wait()
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

// A program that samples its allocations, writes its own heap profile and stands still: what an image of it says must be the same.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"

	_ "example.com/heap/lean"
)

type order struct {
	id    int
	note  string
	lines []line
	next  *order
}

type line struct {
	what  string
	price [6]int
}

var (
	cache = map[string]*order{}
	list  *order
	big   [][]byte
	tiny  []*[3]byte
)

func newLines(n int) []line { return make([]line, n) }

// Inlined into its callers, in several layers.
func text(i int) string { return join("order ", strconv.Itoa(i)) }

func join(a, b string) string { return a + b }

//go:noinline
func newOrder(i int) *order {
	return &order{id: i, note: text(i), lines: newLines(1 + i%3)}
}

//go:noinline
func fillCache(n int) {
	for i := 0; i < n; i++ {
		o := newOrder(i)
		cache[o.note] = o
	}
}

//go:noinline
func fillList(n int) {
	for i := 0; i < n; i++ {
		o := newOrder(i)
		o.next = list
		list = o
	}
}

//go:noinline
func fillBig(n int) {
	for i := 0; i < n; i++ {
		big = append(big, make([]byte, 700_000+i))
	}
}

//go:noinline
func fillTiny(n int) {
	for i := 0; i < n; i++ {
		tiny = append(tiny, new([3]byte))
	}
}

var sink any

//go:noinline
func waste(n int) {
	for i := 0; i < n; i++ {
		sink = newOrder(i)
	}
	sink = nil
}

//go:noinline
func deep(n int, f func()) {
	if n > 0 {
		deep(n-1, f)
		return
	}
	f()
}

type holder[T any] struct{ v []T }

//go:noinline
func (h *holder[T]) grow(n int) {
	for i := 0; i < n; i++ {
		var v T
		h.v = append(h.v, v)
	}
}

var held holder[order]

func main() {
	rate, _ := strconv.Atoi(os.Args[2])
	if rate >= 0 {
		runtime.MemProfileRate = rate
	}
	if os.Args[3] != "collect" {
		debug.SetGCPercent(-1)
	}
	fillCache(20000)
	done := make(chan bool)
	go func() {
		fillList(30000)
		done <- true
	}()
	<-done
	deep(60, func() { fillBig(20) })
	fillTiny(50000)
	held.grow(30000)
	waste(50000)
	if os.Args[3] == "collect" {
		// Twice: counts of a collection are published by the next one.
		runtime.GC()
		runtime.GC()
		debug.SetGCPercent(-1) // what is written must stay what is published
		waste(20000)
	}
	f, err := os.Create(os.Args[1])
	if err == nil {
		err = pprof.Lookup("heap").WriteTo(f, 0)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	runtime.KeepAlive(&held)
	os.Stdin.Read(make([]byte, 1))
}

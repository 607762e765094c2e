// Command heap has a small heap of many shapes, without package fmt, and waits for a byte of standard input.
package main

import (
	"runtime"
	"syscall"
)

type node struct {
	next *node
	name string
	data []byte
}

type shape interface{ area() int }
type square struct{ side int }

func (s *square) area() int { return s.side }

type tree struct {
	left, right *tree
	value       any
}

type large struct {
	nodes [80]*node
	rest  [40]uintptr
}

var (
	list    *node
	byName  = map[string]*node{}
	numbers = map[int]int{}
	shapes  []shape
	funcs   []func() int
	trees   *tree
	larges  []*large
	slack   = make([]int, 3, 1000)
	part    []byte
	queue   = make(chan *node, 8)
	global  = make(chan int)
)

func grow(depth int) *tree {
	if depth == 0 {
		return nil
	}
	return &tree{grow(depth - 1), grow(depth - 1), depth}
}

func stuck(c chan int, n *node) { c <- 1; n.next = nil }

func waits(n *node) { <-global; n.next = nil }

func main() {
	for i := 0; i < 60; i++ {
		list = &node{list, "node" + string(rune('a'+i%26)), make([]byte, 40)}
		byName[list.name+string(rune('A'+i/26))] = list
		numbers[i] = i
		shapes = append(shapes, &square{i})
		n := list
		funcs = append(funcs, func() int { return len(n.name) })
	}
	trees = grow(6)
	l := &large{}
	l.nodes[79] = &node{name: "deep"}
	larges = append(larges, l, new(large))
	part = make([]byte, 50000)[100:110]
	queue <- list
	ring := &node{}
	ring.next = &node{next: ring}
	list.next.next = ring
	runtime.SetFinalizer(&node{name: "final"}, func(*node) {})
	for i := 0; i < 3; i++ {
		go stuck(make(chan int), &node{name: "held"})
		go waits(&node{name: "waiting"})
	}
	for i := 0; i < 3; i++ {
		runtime.GC()
		runtime.Gosched()
	}
	println("ready")
	syscall.Read(0, make([]byte, 1))
}

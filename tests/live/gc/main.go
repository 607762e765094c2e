// A tree that is built and dropped over and over: the collector has most of the work.
package main

import (
	"runtime/debug"
	"time"

	"example.com/live/until"
)

type node struct{ left, right *node }

//go:noinline
func grow(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{grow(depth - 1), grow(depth - 1)}
}

var root *node

func main() {
	debug.SetGCPercent(20)
	for end := until.Deadline(); time.Now().Before(end); {
		root = grow(16)
	}
}

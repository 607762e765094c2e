package main

import (
	"runtime"
	"unique"
	"weak"
)

var (
	weaks   []weak.Pointer[node]
	cleaned []*node
	uniques []unique.Handle[string]
)

func init() {
	extra = append(extra, func() {
		for i := 0; i < 60; i++ {
			n := newNode("weak", i)
			weaks = append(weaks, weak.Make(n))
			c := newNode("cleanup", i)
			arg := newNode("cleanuparg", i)
			runtime.AddCleanup(n, func(a *node) { sink = []*node{a, c} }, arg)
			if i%3 == 0 {
				cleaned = append(cleaned, n)
			}
			uniques = append(uniques, unique.Make(n.name))
		}
	})
}

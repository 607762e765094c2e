package main

import (
	"arena"
	"strings"
)

type inArena struct {
	next  *inArena
	heap  *node
	name  string
	list  []*node
	other [30]*inArena
}

var (
	arenas  []*arena.Arena
	inside  []*inArena
	slices  [][]inArena
	numbers [][]uint64
)

func init() {
	extra = append(extra, func() {
		for i := 0; i < 4; i++ {
			a := arena.NewArena()
			arenas = append(arenas, a)
			var last *inArena
			for k := 0; k < 300; k++ { // what only an arena has, and what is only in one
				x := arena.New[inArena](a)
				x.next, x.heap, x.name = last, newNode("arena", k), strings.Repeat("a", k)
				x.list = arena.MakeSlice[*node](a, 3, 9)
				x.list[2] = newNode("arenaslice", k)
				x.other[29] = last
				last = x
			}
			inside = append(inside, last)
			s := arena.MakeSlice[inArena](a, 70, 90)
			s[69].heap = newNode("arenavalue", i)
			slices = append(slices, s[60:])
			n := arena.MakeSlice[uint64](a, 5000, 5000)
			for k := range n { // looks like pointers
				n[k] = 0xc000000000 + uint64(k)*8
			}
			numbers = append(numbers, n)
		}
		// More than one chunk; and one that nothing leads to any more but an arena's own variable.
		big := arena.NewArena()
		arenas = append(arenas, big)
		for i := 0; i < 5; i++ {
			b := arena.MakeSlice[*node](big, 600000, 600000)
			b[599999] = newNode("arenabig", i)
			x := arena.New[inArena](big)
			x.list = b
			inside = append(inside, x)
		}
		gone := arena.NewArena()
		for i := 0; i < 50; i++ {
			arena.New[inArena](gone).heap = newNode("freed", i)
		}
		gone.Free()
		dangling := arena.NewArena() // freed, though something still points there
		d := arena.New[inArena](dangling)
		d.heap = newNode("freed", 50)
		inside = append(inside, d)
		dangling.Free()
	})
}

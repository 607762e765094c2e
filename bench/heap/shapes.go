package main

// Heaps of small objects of one size: what a reader needs for each object weighs most there.

type rest interface {
	[0]uint64 | [1]uint64 | [2]uint64 | [3]uint64 | [4]uint64 | [5]uint64 | [6]uint64 | [7]uint64
}

type item[D rest] struct {
	next *item[D]
	data D
}

type double[D rest] struct {
	prev, next *double[D]
	data       D
}

type branch[D rest] struct {
	left, right *branch[D]
	data        D
}

var (
	all   []any
	count uint64
)

const batch = 1 << 17

// 1024 lists, each new object at the head of one of them.
func moreItems[D rest]() {
	if len(all) == 0 {
		all = []any{new([1024]*item[D])}
	}
	heads := all[0].(*[1024]*item[D])
	for i := 0; i < batch; i++ {
		count++
		at := &heads[mix(count)%1024]
		*at = &item[D]{next: *at}
	}
}

// One list.
func moreChain[D rest]() {
	var first *item[D]
	if len(all) > 0 {
		first = all[0].(*item[D])
	}
	for i := 0; i < batch; i++ {
		first = &item[D]{next: first}
	}
	all = []any{first}
}

func moreDouble[D rest]() {
	if len(all) == 0 {
		all = []any{new([1024]*double[D])}
	}
	heads := all[0].(*[1024]*double[D])
	for i := 0; i < batch; i++ {
		count++
		at := &heads[mix(count)%1024]
		d := &double[D]{next: *at}
		if *at != nil {
			(*at).prev = d
		}
		*at = d
	}
}

func grow[D rest](depth int) *branch[D] {
	b := &branch[D]{}
	if depth > 0 {
		b.left, b.right = grow[D](depth-1), grow[D](depth-1)
	}
	return b
}

func moreTrees[D rest]() {
	all = append(all, grow[D](16))
}

// Maps of pointers to values without pointers.
func moreMaps[D rest]() {
	for i := 0; i < batch/1024; i++ {
		m := map[uint64]*D{}
		for k := uint64(0); k < 1024; k++ {
			m[k] = new(D)
		}
		all = append(all, m)
	}
}

func of[D rest, E rest, F rest](shape string) func() {
	switch shape {
	case "lists":
		return moreItems[D]
	case "chain":
		return moreChain[D]
	case "double":
		return moreDouble[E]
	case "trees":
		return moreTrees[E]
	case "maps":
		return moreMaps[F]
	}
	return nil
}

// What makes another megabyte or a few; nil when there is no such shape or size.
func filler(shape string, size int) func() {
	switch size {
	case 16:
		return of[[1]uint64, [0]uint64, [2]uint64](shape)
	case 24:
		return of[[2]uint64, [1]uint64, [3]uint64](shape)
	case 32:
		return of[[3]uint64, [2]uint64, [4]uint64](shape)
	case 48:
		return of[[5]uint64, [4]uint64, [6]uint64](shape)
	case 64:
		return of[[7]uint64, [6]uint64, [7]uint64](shape)
	}
	return nil
}

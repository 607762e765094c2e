// A service's memory in the small: caches with keys, values and a list through them, trees, and what only points on. It fills as many megabytes as asked for,
// collects, says how many objects the collector counts and stands still.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

type entry struct {
	key        string
	prev, next *entry
	value      *value
	hits       int
}

type value struct {
	name string
	tags []string
	any  interface{}
	body []byte
}

type cache struct {
	byKey       map[string]*entry
	first, last *entry
}

type node struct {
	left, right *node
	key         uint64
	data        [2]uint64
	entry       *entry
}

type link struct {
	next *link
	data [7]uint64
}

var (
	caches []*cache
	trees  []*node
	lists  [1024]*link
)

func (c *cache) add(k uint64) *entry {
	e := &entry{key: "user:" + strconv.FormatUint(k, 10), value: &value{name: "value of " + strconv.FormatUint(k, 36), tags: make([]string, 1+k%3), body: make([]byte, 64+mix(k)%384)}}
	e.value.tags[0] = e.key
	if k%4 == 0 {
		e.value.any = k
	}
	c.byKey[e.key] = e
	e.prev = c.last
	if c.last != nil {
		c.last.next = e
	} else {
		c.first = e
	}
	c.last = e
	return e
}

func insert(n **node, key uint64, e *entry) {
	for *n != nil {
		if key < (*n).key {
			n = &(*n).left
		} else {
			n = &(*n).right
		}
	}
	*n = &node{key: key, entry: e}
}

func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 29
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>32
}

var asked = make(chan int)

func stuck(c chan int, e *entry) {
	c <- 1
	runtime.KeepAlive(e)
}

func wait(n int) {
	for i := 0; i < n; i++ {
		if i%2 == 0 {
			go stuck(make(chan int), &entry{})
		} else {
			go stuck(asked, nil)
		}
	}
	for n > 0 && runtime.NumGoroutine() < n { // then all are there; a moment later they wait
		runtime.Gosched()
	}
}

func main() {
	mb := flag.Int("mb", 1024, "megabytes to fill")
	onlyLists := flag.Bool("lists", false, "linked lists of 64-byte objects only: the collector's worst case")
	shape := flag.String("shape", "", "only objects of one size: lists, chain, double, trees, maps")
	size := flag.Int("size", 48, "of these: 16, 24, 32, 48 or 64 bytes")
	goroutines := flag.Int("goroutines", 0, "goroutines that wait: every second one for ever")
	flag.Parse()

	more := filler(*shape, *size)
	if *shape != "" && more == nil {
		fmt.Fprintln(os.Stderr, "no such shape or size")
		os.Exit(2)
	}
	wait(*goroutines)
	var m runtime.MemStats
	var k uint64
	for {
		if runtime.ReadMemStats(&m); m.HeapAlloc >= uint64(*mb)<<20 {
			break
		}
		if more != nil {
			more()
			continue
		}
		if *onlyLists {
			for i := 0; i < 1<<17; i++ {
				k++
				l := &lists[mix(k)%uint64(len(lists))]
				*l = &link{next: *l}
			}
			continue
		}
		c := &cache{byKey: map[string]*entry{}}
		caches = append(caches, c)
		trees = append(trees, nil)
		for i := 0; i < 1<<14; i++ {
			k++
			e := c.add(k)
			insert(&trees[len(trees)-1], mix(k), e)
			l := &lists[mix(k)%uint64(len(lists))]
			*l = &link{next: *l}
		}
	}
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	fmt.Println(m.HeapObjects, m.HeapAlloc, os.Getpid())
	time.Sleep(time.Hour)
}

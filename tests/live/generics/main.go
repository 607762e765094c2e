// Generic functions and methods, closures, method values and an interface call.
package main

import (
	"sort"
	"time"

	"example.com/live/until"
)

type number interface{ ~int | ~float64 }

//go:noinline
func sum[T number](v []T, rounds int) (t T) {
	for r := 0; r < rounds; r++ {
		for _, x := range v {
			t += x * T(r&1)
		}
	}
	return t
}

type pile[K comparable, V any] struct{ m map[K]V }

//go:noinline
func (p *pile[K, V]) fill(keys []K, v V) int {
	for _, k := range keys {
		p.m[k] = v
	}
	return len(p.m)
}

type byLast []string

func (b byLast) Len() int           { return len(b) }
func (b byLast) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b byLast) Less(i, j int) bool { return b[i][len(b[i])-1] < b[j][len(b[j])-1] }

var sink float64

func main() {
	ints, floats := make([]int, 4096), make([]float64, 4096)
	p := &pile[string, int]{map[string]int{}}
	keys := []string{"one", "two", "three", "four", "five", "six", "seven"}
	fill := p.fill
	for end := until.Deadline(); time.Now().Before(end); {
		func() {
			sink += float64(sum(ints, 300)) + sum(floats, 300)
		}()
		for i := 0; i < 2000; i++ {
			sink += float64(fill(keys, i))
		}
		sort.Sort(byLast(append([]string(nil), keys...)))
	}
}

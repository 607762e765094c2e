//go:build go1.18
// +build go1.18

package main

type shape interface{ area() float64 }
type square struct{ side float64 }

func (s square) area() float64 { return s.side * s.side }

type pair[K comparable, V any] struct {
	key K
	val V
}

func (p *pair[K, V]) set(k K, v V) { p.key, p.val = k, v }

//go:noinline
func sum[T int | float64](xs []T, f func(T) T) T {
	var t T
	for _, x := range xs {
		t += f(x)
	}
	return t
}

func use() {
	var p pair[string, []int]
	p.set("a", nil)
	var q pair[[2]int, map[string]shape]
	q.set([2]int{}, map[string]shape{"s": square{2}})
	println(sum([]int{1, 2}, func(i int) int { return i * 2 }), sum([]float64{1}, func(x float64) float64 { return x + q.val["s"].area() }))
}

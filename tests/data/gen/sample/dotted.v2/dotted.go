// Package dotted lives in a folder whose name has a dot, which the linker writes as %2e.
package dotted

type Number interface{ ~int | ~int64 | ~float64 }

// Sum is generic: its symbol carries a bracketed type list.
//
//go:noinline
func Sum[T Number](values []T, rounds int) T {
	var total T
	for r := 0; r < rounds; r++ {
		for _, v := range values {
			total += v * T(r&3)
		}
	}
	return total
}

// Ring is a generic type with a method.
type Ring[T any] struct{ items []T }

//go:noinline
func (r *Ring[T]) Push(v T) {
	if len(r.items) >= 64 {
		r.items = append([]T(nil), r.items[32:]...)
	}
	r.items = append(r.items, v)
}

func (r *Ring[T]) Len() int { return len(r.items) }

package main

// Generics: shapes with dictionaries.
type pair[K comparable, V any] struct {
	key  K
	val  V
	next *pair[K, V]
}

type stack[T any] struct{ items []T }

func (s *stack[T]) push(v T) { s.items = append(s.items, v) }

var (
	pairs  *pair[string, *node]
	stacks []*stack[shape]
)

func init() {
	extra = append(extra, func() {
		for i := 0; i < 500; i++ {
			pairs = &pair[string, *node]{"k", newNode("pair", i), pairs}
			s := &stack[shape]{}
			s.push(square{1})
			s.push(&circle{})
			stacks = append(stacks, s)
		}
	})
}

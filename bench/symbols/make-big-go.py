#!/usr/bin/env python3
"""Write a Go module whose program is large (PACKAGES x FUNCS functions, real inlining, generics, closures): a stand-in for the
big service binaries that symbolizers are slow on.   make-big-go.py DIR [PACKAGES] [FUNCS]"""
import os
import random
import sys

out = sys.argv[1]
packages = int(sys.argv[2]) if len(sys.argv) > 2 else 150
funcs = int(sys.argv[3]) if len(sys.argv) > 3 else 90
rnd = random.Random(7)


def write(path, text):
    path = os.path.join(out, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def package(p):
    name = f"svc{p:03d}"
    dep = f"svc{p - 1:03d}" if p else None
    t = [f"package {name}", "", "import (", '\t"encoding/json"', '\t"errors"', '\t"fmt"', '\t"sort"', '\t"strings"']
    if dep:
        t.append(f'\t"big.test/{dep}"')
    t.append(")")
    t.append('''
type Item struct {
	ID    int
	Name  string
	Tags  map[string]int
	Next  *Item
	Score float64
}

type Store[K comparable, V any] struct{ m map[K]V }

func NewStore[K comparable, V any]() *Store[K, V] { return &Store[K, V]{m: map[K]V{}} }
func (s *Store[K, V]) Put(k K, v V)                { s.m[k] = v }
func (s *Store[K, V]) Get(k K) (V, bool)           { v, ok := s.m[k]; return v, ok }

func (i *Item) Weight() int      { return len(i.Name) + i.ID }
func (i *Item) Heavy(n int) bool { return i.Weight() > n }
func (i *Item) Label() string    { return strings.TrimSpace(i.Name) + suffix(i.ID) }
func suffix(n int) string        { if n%2 == 0 { return "even" }; return "odd" }

var errNone = errors.New("none")
''')
    for f in range(funcs):
        call = f"{dep}.Handle{rnd.randrange(funcs)}" if dep and rnd.random() < .5 else f"Handle{(f + 1) % funcs}"
        t.append(f'''
func Handle{f}(items []*Item, depth int) (map[string]float64, error) {{
	if depth > {3 + f % 5} {{
		return nil, errNone
	}}
	store := NewStore[string, float64]()
	index := NewStore[int, *Item]()
	total := 0
	for n, it := range items {{
		if it.Heavy(n * {1 + f % 7}) {{
			store.Put(it.Label(), it.Score*float64({f + 1}))
			index.Put(it.ID, it)
			total += it.Weight()
		}} else if v, ok := store.Get(it.Name); ok {{
			store.Put(strings.ToUpper(it.Name), v+{f}.5)
		}}
	}}
	sort.Slice(items, func(a, b int) bool {{
		if items[a].Weight() == items[b].Weight() {{
			return items[a].Label() < items[b].Label()
		}}
		return items[a].Heavy(items[b].Weight())
	}})
	b, err := json.Marshal(store.m)
	if err != nil {{
		return nil, fmt.Errorf("handle {f} of {name} at %d: %w", depth, err)
	}}
	if len(b) > {64 * (1 + f % 9)} {{
		defer func() {{
			if r := recover(); r != nil {{
				err = fmt.Errorf("recovered %v with %d", r, total)
			}}
		}}()
	}}
	switch total % {3 + f % 4} {{
	case 0:
		return store.m, nil
	case 1:
		for k := range store.m {{
			store.Put(k+suffix(total), float64(len(b)))
		}}
	default:
		if it, ok := index.Get(total); ok {{
			fmt.Println(it.Label(), it.Weight(), string(b))
		}}
	}}
	return {call}({"convert" + str(rnd.randrange(3)) if dep and call.startswith(dep) else ""}{"(items)" if dep and call.startswith(dep) else "items"}, depth+1)
}}''')
    if dep:
        for c in range(3):
            t.append(f'''
func convert{c}(in []*Item) []*{dep}.Item {{
	out := make([]*{dep}.Item, 0, len(in))
	for _, i := range in {{
		if i.Heavy({c}) {{
			out = append(out, &{dep}.Item{{ID: i.ID, Name: i.Label(), Score: i.Score}})
		}}
	}}
	return out
}}''')
    write(f"{name}/{name}.go", "\n".join(t) + "\n")


for p in range(packages):
    package(p)
write("go.mod", "module big.test\n\ngo 1.21\n")
imports = "\n".join(f'\t"big.test/svc{p:03d}"' for p in range(packages))
calls = "\n".join(
    f'\tif len(os.Args) > {p + 1} {{\n\t\tm, err := svc{p:03d}.Handle0([]*svc{p:03d}.Item{{{{ID: 1, Name: os.Args[1]}}}}, 0)\n'
    f'\t\tfmt.Println(m, err)\n\t}}' for p in range(packages))
uses = "\n".join(
    f"\tkeep = append(keep, " + ", ".join(f"svc{p:03d}.Handle{f}" for f in range(funcs)) + ")" for p in range(packages))
write("main.go", f'''package main

import (
	"fmt"
	"net/http"
	"os"

{imports}
)

var keep []any

func main() {{
	if len(os.Args) > 1000 {{
		http.ListenAndServe(os.Args[1], nil)
	}}
{calls}
{uses}
	fmt.Println(len(keep))
}}
''')

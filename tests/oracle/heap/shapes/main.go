// Objects whose fields, keys and ways are known: what gospect says of them is compared with what is written here.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	_ "example.com/heap/lean"
)

type item struct {
	name  string
	body  []byte
	next  *item
	n     int
	minus int8
	ratio float64
	on    bool
	any   interface{}
	err   error
	f     func() int
	arr   [2]*item
	inner struct{ a, b int32 }
	tags  []string
}

type registry struct {
	byName map[string]*item
	byID   map[int]*item
	small  map[string]item
	wide   map[[3]string]*item
	queue  chan *item
}

type ring struct {
	next *ring
	what *item
}

// A part of a buffer, and what else may lead there.
type window struct {
	part  []byte
	whole []byte
	raw   unsafe.Pointer
}

type pair struct{ a, b int64 }

var (
	windows  []*window
	shared   []*window
	rough    []*window
	popped   []*window
	element  *int64
	textual  [4]string
	oversize []map[int]int
	reg      registry
	list     *item
	rings    [3]*ring
	twins    []string
	roomy    [][]byte
	pieces   []string
	byHand   map[string]interface{}
)

// Only a local variable leads to the first of these.
type lonely struct {
	n    int
	next *lonely
}

// Only closures lead to these: copies of a pointer, a variable that is shared, a copy of a large value.
type caught struct {
	n     int
	other *caught
}

type handful struct{ a, b, c, d, e *tossed }
type tossed struct{ n [3]int }

var calls []func() int

// Functions in each kind of thing that holds some, and what only they lead to.
type told struct{ n, where int }
type plan struct {
	run  func(int) string
	undo func()
}

//go:noinline
func (t *told) tell() {
	if t.where++; t.where > 100 {
		fmt.Fprintln(os.Stderr, t.n, t.where)
	}
}

func (t *told) short() { t.where++ }

var (
	hooks   []func()
	byKind  map[string]func(int) int
	pending chan func()
	plans   []plan
	boxed   [2]any
)

//go:noinline
func teach(i int) {
	inSlice, inMap, inChan, inStruct, shared, method := &told{n: i}, &told{n: i}, &told{n: i}, &told{n: i}, &told{n: i}, &told{n: i}
	text, when := fmt.Sprint("text ", i), time.Unix(int64(i), 0)
	hooks = append(hooks, func() { inSlice.n++ })
	byKind[text] = func(n int) int { return inMap.n + n }
	pending <- func() { inChan.n++ }
	plans = append(plans, plan{func(n int) string { return text[n:] + when.String() + fmt.Sprint(inStruct.n) }, func() { shared = &told{n: shared.n + 1} }})
	boxed[i%2] = method.tell
	if i%2 == 1 {
		boxed[i%2] = method.short
	}
}

//go:noinline
func catch(i int) {
	c, s := &caught{n: i, other: &caught{n: -i}}, []*caught{{n: 1000 + i}}
	calls = append(calls, func() int { return c.n + s[0].n + len(s) })
	d := &caught{n: 2000 + i}
	calls = append(calls, func() int { d = &caught{other: d}; return d.n })
	h := handful{a: &tossed{}, e: &tossed{}}
	calls = append(calls, func() int { return h.a.n[0] + h.e.n[1] })
}

//go:noinline
func newLonely(n int) *lonely { return &lonely{n: n, next: &lonely{n: -n}} }

//go:noinline
func alone(n int, ready chan int) {
	l := newLonely(n)
	ready <- l.n
	<-make(chan int)
	runtime.KeepAlive(l)
}

// What has a finalizer, what only an atomic pointer leads to, a slice's header on its own.
type guard struct{ payload *[100000]byte }

type setting struct {
	name string
	at   time.Time
	next time.Time
}

var (
	guarded  *guard
	current  atomic.Pointer[setting]
	headless *[]*told
	timer    any
)

func more() {
	guarded = &guard{new([100000]byte)}
	runtime.SetFinalizer(guarded, func(g *guard) { fmt.Fprintln(os.Stderr, g.payload[0]) })
	current.Store(&setting{name: "a setting", at: time.Unix(1700000000, 5)})
	headless = new([]*told)
	*headless = append(*headless, &told{})
	timer = time.AfterFunc(time.Hour, func() { fmt.Fprintln(os.Stderr, current.Load().name) })
}

type failure struct{ code int }

func (f *failure) Error() string { return fmt.Sprint(f.code) }

func build() {
	reg = registry{byName: map[string]*item{}, byID: map[int]*item{}, small: map[string]item{}, wide: map[[3]string]*item{}, queue: make(chan *item, 4)}
	for i := 0; i < 1000; i++ {
		seven := i * 7
		it := &item{name: fmt.Sprint("item ", i), body: make([]byte, i%50+1), n: i, minus: -5, ratio: 1.5, on: true, err: &failure{i}, f: func() int { return seven }}
		it.body[0] = 'x'
		it.any = fmt.Sprint("any ", i)
		it.inner.b = 77
		reg.byName[fmt.Sprint("user:", i)] = it
		reg.byID[-i] = &item{name: fmt.Sprint("number ", i)}
		list = &item{name: fmt.Sprint("list ", i), next: list}
	}
	reg.small["only"] = item{name: "in a small map", arr: [2]*item{nil, {name: "second of two"}}}
	reg.wide[[3]string{"a", "b", "c"}] = &item{name: "wide"}
	reg.queue <- &item{name: "first in the queue"}
	reg.queue <- &item{name: "second in the queue"}
	for i := range rings {
		a := &ring{what: &item{name: fmt.Sprint("ring ", i)}}
		a.next = &ring{next: &ring{next: a}}
		rings[i] = a
	}
	for i := 0; i < 100; i++ {
		twins = append(twins, strings.Repeat("the same text ", 20))
		roomy = append(roomy, make([]byte, 100, 4000))
	}
	for i := 0; i < 10; i++ {
		big := strings.Repeat(fmt.Sprint(i, " a long text "), 10000)
		pieces = append(pieces, big[1000:1010])
	}
	byHand = map[string]interface{}{}
	for i := 0; i < 5000; i++ {
		byHand[fmt.Sprint(i)] = i
	}
	for i := 10; i < 5000; i++ {
		delete(byHand, fmt.Sprint(i))
	}
}

// Waste that is known to the byte.
func waste() {
	windows = make([]*window, 20)
	shared = make([]*window, 20)
	rough = make([]*window, 20)
	for i := range windows {
		big, also, hidden := make([]byte, 10000), make([]byte, 10000), make([]byte, 10000)
		windows[i] = &window{part: big[100:200:200]}
		shared[i] = &window{part: also[100:200:200], whole: also}
		rough[i] = &window{part: hidden[100:200:200], raw: unsafe.Pointer(&hidden[0])}
	}
	popped = make([]*window, 1000)[990:]
	for i := range popped {
		popped[i] = &window{}
	}
	element = &make([]pair, 1000)[500].b
	for i := range textual {
		big := strings.Repeat(fmt.Sprint(i), 20000)
		textual[i] = big[5:25]
	}
	for i := 0; i < 50; i++ {
		m := make(map[int]int, 100)
		m[i] = i
		oversize = append(oversize, m)
	}
}

// What package sync keeps behind unsafe pointers.
type guest struct {
	n    int
	name string
}

type idler struct {
	name string
	buf  []byte
}

var (
	guests sync.Map
	idle   sync.Pool
)

func host() {
	for i := 0; i < 40; i++ {
		guests.Store(fmt.Sprint("guest ", i), &guest{i, "someone"})
	}
	for i := 0; i < 5; i++ {
		idle.Put(&idler{fmt.Sprint("idler ", i), make([]byte, 100)})
	}
}

func main() {
	build()
	waste()
	for i := 0; i < 10; i++ {
		catch(i)
	}
	byKind, pending = map[string]func(int) int{}, make(chan func(), 20)
	for i := 0; i < 10; i++ {
		teach(i)
	}
	more()
	ready := make(chan int)
	for i := 0; i < 5; i++ {
		go alone(i, ready)
		<-ready
	}
	runtime.GC()
	runtime.GC()
	host()
	fmt.Println("ready")
	os.Stdout.Sync()
	time.Sleep(time.Hour)
	runtime.KeepAlive(list)
}

// A heap of every shape, for comparison with what the collector itself found. It settles, collects, writes the collector's counts to standard output and then
// stops itself before anything can be allocated; with the argument "still" it stands still instead, for where it cannot be continued. When it goes
// on it does nothing but collect. Build with files: main.go plus what the version has (see ../run).
package main

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	_ "example.com/heap/lean"
)

type node struct {
	next *node
	name string
	pad  [3]uint64
}

type tree struct {
	left, right *tree
	value       interface{}
}

type big struct {
	pointers [100]*node
	scalars  [200]uint64
}

type huge struct {
	head *node
	rest [40000]uint64
	tail *node
}

type shape interface{ area() float64 }
type square struct{ side float64 }
type circle struct {
	r    float64
	name *string
}

func (s square) area() float64  { return s.side * s.side }
func (c *circle) area() float64 { return c.r * c.r }

type mixed struct {
	a int
	b *node
	c []string
	d map[string]*node
	e chan *node
	f func() *node
	g interface{}
	h shape
}

// Types with a long tail of scalars, or many words: each mask scheme has its edges.
type words33 struct {
	p [33]*node
	s [31]uintptr
}

var (
	list      *node
	trees     *tree
	oldMap    = map[string]*node{}
	intMap    = map[int]int{}
	bigMap    = map[[4]string][3]*node{}
	shapes    []shape
	closures  []func() *node
	bigs      []*big
	bigSlice  []big
	hugeOne   *huge
	hugeSlice []*node
	strs      []string
	bytesList [][]byte
	channels  []chan *node
	plainChan chan int
	selects   []chan mixed
	mixeds    []mixed
	words     []*words33
	tiny      []*int32
	ifaces    []interface{}
	pool      sync.Pool
	syncMap   sync.Map
	finalized []*node
	reflected []reflect.Value
	arrays    [][7]*node
	zeroBytes = new(struct{})
	inBSS     [512]*node
	ready     sync.WaitGroup
	forever   = make(chan struct{})
	mu        sync.Mutex
	cond      = sync.NewCond(&mu)
	wg        sync.WaitGroup
	extra     []func()
	sink      interface{}
)

func newNode(name string, i int) *node { return &node{name: fmt.Sprintf("%s-%d", name, i)} }

func buildTree(depth int) *tree {
	if depth == 0 {
		return nil
	}
	return &tree{buildTree(depth - 1), buildTree(depth - 1), depth}
}

//go:noinline
func stackObjects(n int) {
	var local [4]*node
	for i := range local {
		local[i] = newNode("stack", i+n)
	}
	m := mixed{b: newNode("stackmixed", n), c: []string{strings.Repeat("x", n+20)}}
	p := &m
	hold(&local, p)
	ready.Done()
	<-forever
	hold(&local, p)
}

//go:noinline
func hold(l *[4]*node, m *mixed) {
	if l[0] == nil || m.b == nil {
		panic("lost")
	}
}

func deferring(n int) {
	keep := newNode("deferred", n)
	for i := 0; i < n; i++ {
		x := newNode("deferloop", i)
		defer func() { sink = x }()
	}
	defer func(k *node) { sink = k }(keep)
	recursive(n, newNode("arg", n))
}

//go:noinline
func recursive(n int, p *node) *node {
	if n > 0 {
		q := recursive(n-1, &node{next: p})
		runtime.KeepAlive(p)
		return q
	}
	ready.Done()
	<-forever
	return p
}

func panicking() {
	defer func() {
		x := newNode("recovering", 1)
		ready.Done()
		<-forever
		runtime.KeepAlive(x)
		recover()
	}()
	v := newNode("panicvalue", 1)
	panic(v)
}

func nilDeref() {
	defer func() {
		ready.Done()
		<-forever
		recover()
	}()
	x := newNode("beforefault", 1)
	var p *node
	runtime.KeepAlive(x)
	p.name = "boom"
	runtime.KeepAlive(x)
}

func selecting(a, b chan mixed) {
	x := newNode("select", 1)
	ready.Done()
	select {
	case a <- mixed{b: x}:
	case v := <-b:
		sink = v
	}
	runtime.KeepAlive(x)
}

func viaReflect(f reflect.Value, arg *node) {
	f.Call([]reflect.Value{reflect.ValueOf(arg)})
}

func build() {
	for i := 0; i < 3000; i++ {
		n := newNode("list", i)
		n.next = list
		list = n
	}
	trees = buildTree(12)
	for i := 0; i < 2000; i++ {
		oldMap[fmt.Sprint("key", i)] = newNode("map", i)
		intMap[i*7] = i
		if i%10 == 0 {
			bigMap[[4]string{fmt.Sprint(i)}] = [3]*node{newNode("bigmap", i)}
		}
	}
	for i := 0; i < 1000; i++ {
		delete(oldMap, fmt.Sprint("key", i))
	}
	for i := 0; i < 300; i++ {
		name := fmt.Sprint("circle", i)
		shapes = append(shapes, square{float64(i)}, &circle{float64(i), &name})
		n := newNode("closure", i)
		closures = append(closures, func() *node { n.pad[0]++; return n })
		ifaces = append(ifaces, i, name, n, []int{i}, map[int]*node{i: n}, struct{ a, b *node }{n, n})
		v := int32(i)
		tiny = append(tiny, &v)
		strs = append(strs, strings.Repeat("s", i), name[2:])
		bytesList = append(bytesList, make([]byte, i*17), []byte(name)[1:3])
		arrays = append(arrays, [7]*node{3: n})
		reflected = append(reflected, reflect.ValueOf(n), reflect.New(reflect.TypeOf(mixed{})))
		syncMap.Store(i, newNode("syncmap", i))
	}
	for i := 0; i < 40; i++ {
		b := &big{}
		b.pointers[i] = newNode("big", i)
		bigs = append(bigs, b)
		w := &words33{}
		w.p[32] = newNode("w33", i)
		words = append(words, w)
		inBSS[i*12] = newNode("bss", i)
		mixeds = append(mixeds, mixed{b: newNode("mixed", i), e: make(chan *node, i), f: closures[i], h: shapes[i], d: map[string]*node{"x": nil}})
	}
	bigSlice = make([]big, 9)
	bigSlice[8].pointers[99] = newNode("bigslice", 8)
	hugeOne = &huge{head: newNode("huge", 0), tail: newNode("huge", 1)}
	hugeSlice = make([]*node, 200000)
	for i := range hugeSlice {
		if i%1000 == 0 {
			hugeSlice[i] = newNode("hugeslice", i)
		}
	}
	for i := 0; i < 20; i++ {
		c := make(chan *node, 10)
		for k := 0; k < i%10; k++ {
			c <- newNode("chan", k)
		}
		channels = append(channels, c)
	}
	plainChan = make(chan int, 1000)
	selects = []chan mixed{make(chan mixed), make(chan mixed)}
	t := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeOf(list)}, {Name: "B", Type: reflect.TypeOf("")}, {Name: "C", Type: reflect.ArrayOf(90, reflect.TypeOf(list))}})
	v := reflect.New(t)
	v.Elem().Field(0).Set(reflect.ValueOf(newNode("structof", 0)))
	v.Elem().Field(2).Index(89).Set(reflect.ValueOf(newNode("structof", 89)))
	reflected = append(reflected, v)
	for i := 0; i < 50; i++ {
		n := newNode("finalized", i)
		n.next = newNode("heldbyfinalized", i)
		c := newNode("finalizerclosure", i)
		runtime.SetFinalizer(n, func(*node) { sink = c })
		if i%2 == 0 {
			finalized = append(finalized, n)
		}
	}
	pool.Put(newNode("pooled", 1))
}

func start() {
	for i := 0; i < 8; i++ {
		ready.Add(1)
		go stackObjects(i)
	}
	ready.Add(6)
	go deferring(9)
	go deferring(3)
	go panicking()
	go nilDeref()
	go selecting(selects[0], selects[1])
	f := reflect.MakeFunc(reflect.TypeOf(func(*node) {}), func(args []reflect.Value) []reflect.Value {
		ready.Done()
		<-forever
		return nil
	})
	go viaReflect(f, newNode("reflectarg", 1))
	// Waiters on every kind of primitive.
	mu.Lock()
	for i := 0; i < 3; i++ {
		ready.Add(2)
		go func(n *node) {
			ready.Done()
			mu.Lock()
			runtime.KeepAlive(n)
		}(newNode("mutex", i))
		go func(n *node) {
			var m sync.Mutex
			c := sync.NewCond(&m)
			m.Lock()
			ready.Done()
			c.Wait()
			runtime.KeepAlive(n)
		}(newNode("cond", i))
	}
	wg.Add(1)
	ready.Add(3)
	go func() { n := newNode("wg", 0); ready.Done(); wg.Wait(); runtime.KeepAlive(n) }()
	go func() { n := newNode("sleep", 0); ready.Done(); time.Sleep(time.Hour); runtime.KeepAlive(n) }()
	go func(c chan *node) { n := newNode("send", 0); ready.Done(); c <- n; runtime.KeepAlive(n) }(make(chan *node))
	ready.Wait()
	time.Sleep(50 * time.Millisecond)
}

// The numbers are written without allocating.
func report(m *runtime.MemStats) {
	var line [128]byte
	b := line[:0]
	for _, v := range []uint64{m.HeapObjects, m.HeapAlloc} {
		var digits [20]byte
		i := len(digits)
		for {
			i--
			digits[i] = byte('0' + v%10)
			v /= 10
			if v == 0 {
				break
			}
		}
		b = append(b, digits[i:]...)
		b = append(b, ' ')
	}
	b = append(b, '\n')
	syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
}

// All threads at once, without the scheduler, which would allocate.
func stop() {
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_KILL, pid, uintptr(syscall.SIGSTOP), 0)
}

func main() {
	debug.SetGCPercent(-1)
	build()
	for _, f := range extra {
		f()
	}
	start()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	report(&m)
	for i := 0; i < 4; i++ { // finalizers run, pools empty
		runtime.GC()
		time.Sleep(50 * time.Millisecond)
	}
	runtime.GC()
	runtime.ReadMemStats(&m)
	report(&m)
	if len(os.Args) > 1 && os.Args[1] == "still" {
		select {}
	}
	stop()
	for {
		runtime.GC()
	}
}

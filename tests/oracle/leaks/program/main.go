// Command stuck has goroutines that can never wake, each begun by a function called stuck..., and others that wait just as long but
// may be woken, begun by a function called waits.... It prints "ready" and stands still until it reads something.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"
)

var (
	global     = make(chan int)
	globalCond = sync.NewCond(&sync.Mutex{})
	globalLock sync.Mutex
	registry   = map[string]chan string{}
	anything   interface{}
	neighbours []*int64
	counted    *counter
)

// ---- stuck for ever

func stuckSend()    { c := make(chan int); go stuckSender(c) }
func stuckReceive() { c := make(chan *int, 3); go func() { <-c }() }
func stuckRange() {
	c := make(chan string)
	go func() {
		for range c {
		}
	}()
}
func stuckFull() { c := make(chan int, 1); c <- 1; go func() { c <- 1 }() }

func stuckSender(c chan int) { c <- 1 }

func stuckSelect() {
	a, b := make(chan string), make(chan *int)
	go func() {
		select {
		case <-a:
		case b <- nil:
		}
	}()
}

func stuckReflect() {
	c := make(chan int)
	go func() { reflect.Select([]reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)}}) }()
}

func stuckPair() {
	a, b := make(chan int), make(chan int)
	go func() { <-a; b <- 1 }()
	go func() { <-b; a <- 1 }()
}

// Locks as part of something larger. Alone they are less than 16 bytes without pointers and share a place in memory with others: see stuckBeside.
func stuckLocks() {
	var a, b box
	var both group
	both.Add(2)
	go func() { a.lock.Lock(); both.Done(); both.Wait(); b.lock.Lock(); a.lock.Unlock() }()
	go func() { b.lock.Lock(); both.Done(); both.Wait(); a.lock.Lock(); b.lock.Unlock() }()
}

// A lock with a neighbour that lives.
func stuckBeside() { lock := lockWithNeighbour(); go func() { lock.Lock(); lock.Lock() }() }

func lockWithNeighbour() *sync.Mutex {
	for {
		lock, neighbour := new(sync.Mutex), new(int64)
		neighbours = append(neighbours, neighbour)
		if at := uintptr(unsafe.Pointer(lock)); at%16 == 0 && uintptr(unsafe.Pointer(neighbour)) == at+8 {
			return lock
		}
	}
}

func stuckTwice()     { var b box; go func() { b.lock.Lock(); b.lock.Lock() }() }
func stuckWaitGroup() { var w group; w.Add(1); go func() { w.Wait() }() }
func stuckRead()      { var m sync.RWMutex; m.Lock(); go func() { m.RLock() }() }
func stuckWrite()     { var m sync.RWMutex; m.RLock(); go func() { m.Lock() }() }
func stuckCond()      { c := sync.NewCond(&sync.Mutex{}); go func() { c.L.Lock(); c.Wait() }() }
func stuckNil()       { go func() { var c chan int; <-c }() }
func stuckNilSend()   { go func() { var c chan int; c <- 1 }() }
func stuckNothing()   { go func() { select {} }() }
func stuckContext()   { c, _ := context.WithCancel(context.Background()); go func() { <-c.Done() }() }

func stuckChain() {
	c := make(chan int)
	for i := 0; i < 3; i++ {
		d := make(chan int)
		go stuckLink(c, d)
		c = d
	}
}

func stuckLink(from, to chan int) { <-from; to <- 1 }

type group struct {
	sync.WaitGroup
	name string
}

type box struct {
	lock  sync.Mutex
	wake  chan struct{}
	other *box
}

func stuckRing() {
	a, b := &box{wake: make(chan struct{})}, &box{wake: make(chan struct{})}
	a.other, b.other = b, a
	go func(x *box) { <-x.wake; runtime.KeepAlive(x) }(a)
	go func(x *box) { x.lock.Lock(); x.lock.Lock() }(b)
}

func stuckFinalized() { // with a finalizer on something else
	c := make(chan int)
	x := new([64]byte)
	runtime.SetFinalizer(x, func(*[64]byte) {})
	go func() { <-c; runtime.KeepAlive(x) }()
}

// From Go 1.23 on; before, the runtime keeps stopped timers in its list for a while.
func stuckStoppedTimer() { t := time.NewTimer(time.Hour); t.Stop(); go func() { <-t.C }() }
func stuckFiredTimer()   { t := time.NewTimer(1); <-t.C; go func() { <-t.C; runtime.KeepAlive(t) }() }

// ---- may be woken

func waitsGlobal()     { go func() { <-global }() }
func waitsGlobalSend() { go func() { global2 <- 1 }() }
func waitsCond()       { go func() { globalCond.L.Lock(); globalCond.Wait() }() }
func waitsLock()       { globalLock.Lock(); go func() { globalLock.Lock() }() }
func waitsMap()        { c := make(chan string); registry["x"] = c; go func() { <-c }() }
func waitsInterface()  { c := make(chan struct{}); anything = c; go func() { <-c }() }
func waitsTicker() {
	t := time.NewTicker(time.Hour)
	go func() {
		for range t.C {
		}
	}()
}
func waitsTimer() { t := time.NewTimer(time.Hour); go func() { <-t.C }() }
func waitsAfter() { go func() { <-time.After(time.Hour) }() }
func waitsForReset() {
	stopped = time.NewTimer(time.Hour)
	stopped.Stop()
	go func(c <-chan time.Time) { <-c }(stopped.C)
}

var stopped *time.Timer

func waitsSleep() {
	c := make(chan int)
	go func() { <-c }()
	go func() { time.Sleep(time.Hour); close(c) }()
}
func waitsAfterFunc() {
	c := make(chan int)
	go func() { <-c }()
	time.AfterFunc(time.Hour, func() { close(c) })
}
func waitsDeadline() {
	c, _ := context.WithTimeout(context.Background(), time.Hour)
	go func() { <-c.Done() }()
}

var global2 = make(chan int)

func waitsDeadlineChild() {
	c, _ := context.WithTimeout(context.Background(), time.Hour)
	d, _ := context.WithCancel(context.WithValue(c, box{}, 1))
	go func() { <-d.Done() }()
}

func waitsSelectTimer() {
	c := make(chan int)
	go func() {
		select {
		case <-c:
		case <-time.After(time.Hour):
		}
	}()
}

func waitsSignal() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	go func() { <-c }()
}

func waitsNetwork() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	c := make(chan int)
	go func() { l.Accept(); close(c) }()
	go func() { <-c }()
}

func waitsPipe() {
	r, w := io.Pipe()
	go func() { r.Read(make([]byte, 1)) }()
	anything2 = w
}

var anything2 interface{}

func waitsFinalizer() {
	c := make(chan int)
	x := new(box)
	runtime.SetFinalizer(x, func(*box) { close(c) })
	global3 = x
	go func() { <-c }()
}

var global3 *box

func waitsLockHolder() { // held by one that sleeps
	m := new(sync.RWMutex)
	m.Lock()
	go func() { time.Sleep(time.Hour); m.Unlock() }()
	go func() { m.RLock() }()
	go func() { m.Lock() }()
}

func waitsChain() { // the first link can be woken, so can the rest
	c := make(chan int)
	go func(first chan int) { time.Sleep(time.Hour); close(first) }(c)
	for i := 0; i < 3; i++ {
		d := make(chan int)
		go func(from, to chan int) { <-from; close(to) }(c, d)
		c = d
	}
}

func waitsGroup() {
	var w sync.WaitGroup
	w.Add(1)
	go func() { time.Sleep(time.Hour); w.Done() }()
	go func() { w.Wait() }()
}

type counter struct { // less than 16 bytes
	n    int32
	lock sync.Mutex
}

func waitsBeside() {
	counted = new(counter)
	go func() { counted.lock.Lock(); counted.lock.Lock() }()
}

func waitsBesideHolder() {
	lock := lockWithNeighbour()
	lock.Lock()
	go func() { time.Sleep(time.Hour); lock.Unlock() }()
	go func() { lock.Lock() }()
}

func waitsDeferred(c chan int) { // only a deferred call has it
	go func() {
		defer func() { close(c) }()
		time.Sleep(time.Hour)
	}()
	go func() { <-c }()
}

// All others sit where they will stay.
func isQuiet() bool {
	buf := make([]byte, 1<<20)
	text := string(buf[:runtime.Stack(buf, true)])
	return strings.Count(text, " [running") == 1 && !strings.Contains(text, " [runnable")
}

func main() {
	for _, f := range []func(){stuckSend, stuckReceive, stuckRange, stuckFull, stuckSelect, stuckReflect, stuckPair, stuckLocks, stuckBeside, stuckTwice, stuckWaitGroup,
		stuckRead, stuckWrite, stuckCond, stuckNil, stuckNilSend, stuckNothing, stuckContext, stuckChain, stuckRing, stuckFinalized,
		stuckStoppedTimer, stuckFiredTimer} {
		f()
	}
	for _, f := range []func(){waitsGlobal, waitsGlobalSend, waitsCond, waitsLock, waitsMap, waitsInterface, waitsTicker, waitsTimer, waitsAfter, waitsForReset, waitsSleep,
		waitsAfterFunc, waitsDeadline, waitsDeadlineChild, waitsSelectTimer, waitsSignal, waitsNetwork, waitsPipe, waitsFinalizer, waitsLockHolder,
		waitsChain, waitsGroup, waitsBeside, waitsBesideHolder} {
		f()
	}
	waitsDeferred(make(chan int))
	for !isQuiet() {
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
	runtime.KeepAlive(registry)
}

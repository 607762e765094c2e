package main

import (
	"context"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

type parked struct {
	mu, held sync.Mutex
	rw       sync.RWMutex
	cond     *sync.Cond
	wg       sync.WaitGroup
	recv     chan int
	send     chan string
}

func (p *parked) receive()        { <-p.recv }
func (p *parked) sendTo(s string) { p.send <- s }
func (p *parked) lock(a, b int)   { p.held.Lock() }
func (p *parked) rlock()          { p.rw.RLock() }
func (p *parked) waitGroup()      { p.wg.Wait() }
func nilChannel()                 { var c chan int; <-c }
func nilSend()                    { var c chan int; c <- 1 }
func forever()                    { select {} }
func sleeper(d time.Duration)     { time.Sleep(d) }
func pipe(f *os.File)             { f.Read(make([]byte, 1)) }
func spinner(stop *bool, b []byte) {
	for !*stop {
		runtime.Gosched()
	}
}
func accept(l net.Listener)           { l.Accept() }
func lockedThread(done chan struct{}) { runtime.LockOSThread(); <-done }
func pick(a, b chan int) {
	select {
	case <-a:
	case b <- 1:
	}
}
func (p *parked) condition() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cond.Wait()
}

// park starts one goroutine for each way of being blocked that Go names in a dump.
func park() *parked {
	p := &parked{recv: make(chan int), send: make(chan string)}
	p.cond = sync.NewCond(&p.mu)
	p.held.Lock()
	p.rw.Lock()
	p.wg.Add(1)
	for i := 0; i < 5; i++ {
		go p.receive()
	}
	for i := 0; i < 3; i++ {
		go p.sendTo("leaked")
	}
	go p.lock(1, 2)
	go p.rlock()
	go p.waitGroup()
	go p.condition()
	go nilChannel()
	go nilSend()
	go forever()
	go sleeper(time.Hour)
	go pick(p.recv, nil)
	go lockedThread(make(chan struct{}))
	if r, _, err := os.Pipe(); err == nil {
		go pipe(r)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		go accept(l)
	}
	pprof.Do(context.Background(), pprof.Labels("handler", "/pay", "tenant", "t1"), func(context.Context) {
		for i := 0; i < 2; i++ {
			go func() { <-p.recv }()
		}
	})
	pprof.Do(context.Background(), pprof.Labels("odd \"key\"", "tab\tnewline\n<i>"), func(context.Context) {
		go p.receive()
	})
	return p
}

// leak parks goroutines on channels that nobody else can reach: the leak profile of Go 1.27 finds them.
func leak() {
	for i := 0; i < 4; i++ {
		c := make(chan int)
		go func() { c <- 1 }()
	}
	var mu sync.Mutex
	mu.Lock()
	go func() { mu.Lock() }()
}

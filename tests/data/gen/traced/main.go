// Writes a small execution trace that has some of everything: requests as tasks with regions and logs, a lock that is held too
// long, an unbuffered channel, network, system calls, sleep, a collection, a goroutine that is never woken, regions that nest and
// one that never ends. Usage: traced TRACE CPUPROFILE
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

type store struct {
	mu    sync.Mutex
	items map[int]int
}

func (s *store) put(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[k] = spin(400_000)
}

func spin(n int) int {
	x := 1
	for i := 0; i < n; i++ {
		x = x*31 + i
	}
	return x
}

func (s *store) handle(ctx context.Context, i int, jobs chan<- int) {
	ctx, task := trace.NewTask(ctx, fmt.Sprintf("http-%s", []string{"get", "put"}[i%2]))
	defer task.End()
	trace.Log(ctx, "request", fmt.Sprint(i))
	trace.WithRegion(ctx, "db-query", func() {
		s.put(i)
		trace.WithRegion(ctx, "db-row", func() { time.Sleep(200 * time.Microsecond) })
	})
	done := make(chan bool)
	go audit(ctx, done)
	jobs <- i
	<-done
}

func audit(ctx context.Context, done chan<- bool) {
	defer trace.StartRegion(ctx, "audit").End()
	os.ReadFile("/proc/self/stat")
	done <- true
}

func worker(jobs <-chan int) {
	for i := range jobs {
		spin(100_000 + i)
	}
}

func stuck(never <-chan bool) {
	<-never
}

func echo(l net.Listener) {
	c, err := l.Accept()
	if err == nil {
		io.Copy(c, c)
	}
}

func pipe() {
	var fds [2]int
	if syscall.Pipe(fds[:]) != nil {
		return
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		syscall.Write(fds[1], []byte("x"))
	}()
	syscall.Read(fds[0], make([]byte, 1))
}

func main() {
	runtime.GOMAXPROCS(2)
	f, _ := os.Create(os.Args[1])
	profile, _ := os.Create(os.Args[2])
	never := make(chan bool)
	go stuck(never)
	time.Sleep(time.Millisecond)
	pprof.StartCPUProfile(profile)
	if err := trace.Start(f); err != nil {
		panic(err)
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go echo(l)
	go pipe()
	s := &store{items: map[int]int{}}
	jobs := make(chan int)
	go worker(jobs)
	trace.StartRegion(context.Background(), "serve")
	var wg sync.WaitGroup
	for g := 0; g < 3; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; i < 5; i++ {
				s.handle(context.Background(), i*3+g, jobs)
			}
		}(g)
	}
	wg.Wait()
	c, _ := net.Dial("tcp", l.Addr().String())
	c.Write([]byte("hello"))
	io.ReadFull(c, make([]byte, 5))
	time.Sleep(1100 * time.Millisecond) // into the next generation
	runtime.GC()
	c.Close()
	go stuck(nil)
	time.Sleep(time.Millisecond)
	trace.Stop()
	pprof.StopCPUProfile()
	f.Close()
	runtime.KeepAlive(never)
}
